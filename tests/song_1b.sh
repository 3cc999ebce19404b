#!/bin/sh
# A song with made-up weights of the real size: it must run in 3.5 GiB besides the pages of the mapped weights. Needs
# about 3 GB of disk for a while.
cd "$(dirname "$0")/.." || exit 1
T=$(mktemp -d build/song_1b.XXXXXX) || exit 1
trap 'rm -rf "$T"' EXIT
build/release/drgen synth --size 1b --tokenizer tests/golden/spm/spm.model -o "$T/model" > "$T/log" 2>&1 || { cat "$T/log"; exit 1; }
build/release/drgen generate -m "$T/model" -l tests/golden/demo.lrc -p 'folk, acoustic guitar, warm' --steps 2 --seed 1 -v \
    -o "$T/song.wav" > "$T/log" 2>&1 || { cat "$T/log"; exit 1; }
grep -E '^(kernels|model|time|memory):' "$T/log"
own=$(sed -n 's/.*largest seen: \([0-9]*\)[0-9.]* MiB own.*/\1/p' "$T/log")
build/release/drgen info --json "$T/song.wav" > "$T/info" || exit 1
[ -n "$own" ] && [ "$own" -le 3584 ] && grep -q '"frames": *4194304' "$T/info"
