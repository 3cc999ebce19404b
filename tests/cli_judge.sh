#!/bin/sh
# `drgen judge` from outside: a song of the built-in model, the model itself, bars, what it refuses. DRGEN=program to test.
cd "$(dirname "$0")/.." || exit 1
drgen=${DRGEN:-build/release/drgen}
case $drgen in /*) ;; *) drgen=$PWD/$drgen ;; esac
. tests/cli_common.sh

printf '[00:01.00]Hello from a very small machine\n[00:05.50]Singing all the day\n' > song.lrc
"$drgen" generate -l song.lrc -p 'Folk, Happy, Piano' --length 10 --steps 2 --seed 7 -q -o song.wav --latents song.safetensors \
    > stdout 2> stderr
check "a song and its latents" test -s song.safetensors

# ---- one song
"$drgen" judge song.safetensors -p 'Folk, Happy, Piano' -l song.lrc > table 2> stderr
check "a song is judged" test $? = 0
check "as a table with the notes it got right" grep -q '^f1 ' table
"$drgen" judge song.safetensors -p 'Folk, Happy, Piano' -l song.lrc --json > judged.json 2> stderr
check "the same as JSON" grep -q '^{"songs":1,.*"f1":{"value":' judged.json
"$drgen" judge song.safetensors -p 'Metal, Sad' -l song.lrc > other 2> stderr
if cmp -s table other; then bad "another prompt, other scores"; else ok "another prompt, other scores"; fi

# ---- the model
made_up() { # made_up OPTIONS...: the made-up transformer in a folder of the built-in kind
    "$drgen" judge -m made-up --held-out 2 --frames 96 --steps 2 "$@" > stdout 2> stderr
}
inside=$(dirname "$drgen")/mknano
mkdir sizes
cat > sizes/sizes.json << END
{"dim": 64, "depth": 1, "heads": 2, "ff_mult": 2, "cond_dim": 128, "conv_layers": 1, "mel_dim": 64, "text_num_embeds": 363,
 "max_frames": 6200, "duration_embed": 0, "conv_groups": 16}
END
if [ -x "$inside" ] && "$inside" made-up sizes > stdout 2> stderr; then
    check "songs of held-out pairs" made_up
    check "scores on standard output" test -s stdout
    made_up --bars
    check "an untrained model misses bars: exit code 3" test $? = 3
    made_up --json
    check "scores as JSON" grep -q '^{' stdout
else skip "no mknano beside the program"; fi
"$drgen" judge --held-out 2 --frames 96 --steps 2 -q > stdout 2> stderr
check "the built-in model, without a word" test $? = 0 -a -s stdout -a ! -s stderr

# ---- refusals
refuses "nothing to judge" "judge" "$drgen" judge
refuses "no such file" "none.safetensors" "$drgen" judge none.safetensors -p folk
printf 'not latents' > broken.safetensors
refuses "a file that is none" "broken.safetensors" "$drgen" judge broken.safetensors -p folk
refuses "no such lyrics" "none.lrc" "$drgen" judge song.safetensors -p folk -l none.lrc
refuses "an unknown option" "--nonsense" "$drgen" judge song.safetensors -p folk --nonsense
refuses "a number that is none" "--held-out" "$drgen" judge --held-out two
refuses "a number out of range" "--steps" "$drgen" judge --held-out 2 --steps 1
"$drgen" synth --size tiny --tokenizer "$tokenizer" -o tiny > synth.log 2>&1
refuses "a model of another kind" "model" "$drgen" judge -m tiny --held-out 1 --frames 96

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
