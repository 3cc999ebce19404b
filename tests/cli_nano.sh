#!/bin/sh
# The model inside the program from outside: a song from a fixed seed keeps to its words and lyrics, says the judge; its
# sound has the loudness and peaks that were promised; other words make another song. DRGEN=program to test.
cd "$(dirname "$0")/.." || exit 1
drgen=${DRGEN:-build/release/drgen}
case $drgen in /*) ;; *) drgen=$PWD/$drgen ;; esac
examples=$PWD/examples
. tests/cli_common.sh
value() { sed -n "s/.*\"$2\":{\"value\":\([^,}]*\).*/\1/p" "$1"; } # value FILE SCORE
at_least() { # at_least NAME FILE SCORE LEAST
    check "$1: $3 at least $4 ($(value "$2" "$3"))" awk -v v="$(value "$2" "$3")" -v l="$4" 'BEGIN { exit !(v + 0 >= l && v != "null") }'
}

words="folk, acoustic guitar, happy"
"$drgen" generate -l "$examples/folk.lrc" -p "$words" --seed 1 --length 30 --latents song.safetensors -o song.wav -q > stdout 2> stderr
check "a song is made" test "$(cat stdout)" = song.wav -a ! -s stderr
"$drgen" judge song.safetensors -l "$examples/folk.lrc" -p "$words" --json -q > scores.json
for bar in f1:0.85 f1_drums:0.85 grid:0.95 tempo_ok:1 genre_ok:1 harmony:0.97 lead_prec:0.85 lead_rec:0.95; do
    at_least "its words" scores.json "${bar%:*}" "${bar#*:}"
done
check "its cells are on or off" awk -v v="$(value scores.json dev_rms)" 'BEGIN { exit !(v > 0 && v <= 0.05) }'
"$drgen" info song.wav --json > info.json 2> /dev/null
check "half a minute at 44.1 kHz" grep -q "\"frames\":1320960," info.json
"$drgen" info song.wav --json > info.json 2> /dev/null
"$drgen" qc song.wav --json > qc.json 2> /dev/null
for what in 'integrated loudness' 'true peak'; do
    check "mastered: $what" grep -q "\"name\":\"$what\",\"verdict\":\"pass\"" qc.json
done
"$drgen" generate -l "$examples/folk.lrc" -p "$words" --seed 1 --length 30 -o again.wav -t 1 -q > stdout
check "the same bytes from one seed, for any number of threads" cmp song.wav again.wav

"$drgen" generate --instrumental -p "$words" --seed 3 --length 10 --latents quiet.safetensors -o out.wav -q > stdout
"$drgen" judge quiet.safetensors -p "$words" --json -q > quiet.json
at_least "without lyrics nobody sings" quiet.json lead_silent 0.98

# other words, and a song longer than a model can sing by heart: the beat must hold to its end
words="metal, aggressive, fast"
"$drgen" generate --instrumental -p "$words" --seed 3 --length 70 --steps 10 --latents metal.safetensors -o out.wav -q > stdout
"$drgen" judge metal.safetensors -p "$words" --json -q > metal.json
"$drgen" judge metal.safetensors -p "folk, happy, slow" --json -q > wrong.json
at_least "70 s of other words" metal.json f1 0.85
at_least "70 s of other words" metal.json f1_drums 0.8
at_least "70 s of other words" metal.json grid 0.95
at_least "70 s of other words" metal.json tempo_ok 1
check "and they were not for this" awk -v v="$(value wrong.json f1_drums)" 'BEGIN { exit !(v < 0.6) }'

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
