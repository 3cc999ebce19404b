#!/bin/sh
# Makes the transformer of the embedded model from nothing, then says what the judge thinks of it. First the metronome and
# the composer's songs of up to 48 s (FOLDER/short), which decide what the words mean; then a lesson that counts on to 285 s
# and songs of up to 95 s. Usage: train_nano.sh FOLDER [threads]. Stop it at any time; the same line goes on to the same
# bits. The result is FOLDER/dit.safetensors; copied to models/nano/ and after `make` it is the model inside the program.
set -e
cd "$(dirname "$0")/.."
out=${1:?usage: train_nano.sh FOLDER [threads]}
[ -x ./drgen ] || make
mkdir -p "$out"
train() { ./drgen train nano --frames 256 --batch 12 --resume "$@"; }
train --init models/nano/sizes.json -o "$out/short" --metronome 1500 --long-songs 0.4 --longest 4 --updates 6000 \
    --validate 250 --save 250 --seed 42 ${2:+-t "$2"}
train -m "$out/short" -o "$out" --counted 1024 --metronome 3000 --keep-text --long-songs 0.6 --longest 8 --updates 1300 \
    --rate 1.5e-3 --validate 200 --save 100 --seed 43 ${2:+-t "$2"}
for frames in 512 2048; do
    for steps in 32 16; do ./drgen judge --held-out 60 --frames $frames -m "$out" --steps $steps; done
done
