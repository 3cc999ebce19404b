#!/bin/sh
# Makes the transformer of the embedded model from nothing: metronome, then flow matching on the composer's songs, then
# what the judge says of it. Usage: train_nano.sh FOLDER [threads]. Stop it at any time; the same line goes on to the same
# bits. The result is FOLDER/dit.safetensors; copied to models/nano/ and after `make` it is the model inside the program.
set -e
cd "$(dirname "$0")/.."
out=${1:?usage: train_nano.sh FOLDER [threads]}
[ -x ./drgen ] || make
./drgen train nano --init models/nano/sizes.json -o "$out" --metronome 1500 --frames 256 --batch 12 --long-songs 0.4 \
    --updates 6000 --validate 250 --save 250 --seed 42 --resume ${2:+-t "$2"}
./drgen judge --held-out 60 -m "$out" --steps 32
./drgen judge --held-out 60 -m "$out" --steps 16
