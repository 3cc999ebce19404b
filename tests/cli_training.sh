#!/bin/sh
# `drgen train` from outside: an adapter and a small model from nothing, stopped and gone on with, and what is refused.
# DRGEN=program to test.
cd "$(dirname "$0")/.." || exit 1
drgen=${DRGEN:-build/release/drgen}
case $drgen in /*) ;; *) drgen=$PWD/$drgen ;; esac
bytes=$PWD/tests/golden/mastering/pro # any bytes that are always the same
prepared=$PWD/tests/prepared
. tests/cli_common.sh
own=$drgen # with the model inside the program
use_tiny_model

check "train --help" "$drgen" train --help
"$drgen" train --help > stdout
grep -q -- '--resume' stdout || bad "train --help names its options"

cat "$bytes"/*.f64 "$bytes"/*.f64 "$bytes"/*.f64 > raw # as 16-bit samples: noise
mkdir songs
for i in 1 2 3; do
    tail -c +$((i * 1000 + 1)) raw | wav 1 16 24000 1 252000 > songs/$i.wav
    printf '[00:01.00]Hello from a very small machine\n[00:05.50]Singing all the day, song %d\n' $i > songs/$i.lrc
done
check "three songs" "$drgen" prepare songs -p 'folk, warm' -o set -q
train() { "$drgen" train "$@" > stdout 2> stderr; }

# ---- an adapter
check "lora" train lora set -o adapter --updates 4 --accumulate 2 --frames 64 --save 2 --validate 2 --threads 1
check "lora: the folder on stdout" test "$(cat stdout)" = adapter
check "lora: the time it will take comes first" sh -c 'sed -n 2p stderr | grep -q "^about .* an update"'
check "lora: a line with the loss" grep -q '^update 4 of 4: loss [0-9.]*, validation [0-9.]*' stderr
check "lora: PEFT's files" test -s adapter/adapter_config.json -a -s adapter/adapter_model.safetensors
check "lora: its modules" grep -q '"target_modules": \["q_proj", "k_proj", "v_proj", "o_proj"\]' adapter/adapter_config.json
"$drgen" inspect adapter/adapter_model.safetensors > listed 2>&1
check "lora: PEFT's names" grep -q 'base_model.model.transformer_blocks.0.self_attn.q_proj.lora_A.weight' listed
check "lora: a line of losses for each update" test "$(wc -l < adapter/training/loss.csv)" = 5
check "lora: a picture" sh -c 'head -c 4 adapter/training/loss.png | tail -c 3 | grep -q PNG'
train lora set -o two --updates 4 --accumulate 2 --frames 64 --save 2 --validate 2 --threads 2 -q
check "lora: the same bytes on two threads" diff -r adapter two
check "lora: quiet" test ! -s stderr
refuses "lora: into the same folder again" "--resume" "$drgen" train lora set -o adapter --updates 4
train lora set -o wide --updates 1 --rank 2 --modules all --span --frames 32 -q
check "lora: every module" grep -q '"down_proj"' wide/adapter_config.json

# ---- a model from nothing, stopped and gone on with
cat > sizes.json << END
{"dim": 64, "depth": 2, "heads": 2, "ff_mult": 2, "cond_dim": 64, "conv_layers": 1, "mel_dim": 64, "text_num_embeds": 363,
 "max_frames": 256, "duration_embed": 0, "conv_groups": 16}
END
small="full set --init sizes.json --frames 48 --batch 2 --accumulate 1 --updates 60 --save 7 --validate 20 --ema 0.9"
new() { train $small "$@"; }
check "full" new -o whole
check "full: learns" awk -F, 'NR == 2 { first = $2 } END { exit !($2 < first) }' whole/training/loss.csv
"$drgen" train $small -o parts > stdout 2> stderr &
pid=$!
while [ ! -s parts/training/state.safetensors ] && kill -0 $pid 2> /dev/null; do sleep 0.05; done
kill -TERM $pid 2> /dev/null
wait $pid
code=$?
check "full: stopped with 128 + 15, or done before" test $code = 143 -o $code = 0
check "full: goes on" new -o parts --resume
rm -f parts/model.json.tmp
check "full: to the same weights" cmp parts/dit.safetensors whole/dit.safetensors
check "full: and the same records" cmp parts/training/loss.csv whole/training/loss.csv
printf '[00:01.00]Hello\n' > short.lrc
check "full: it sings" "$drgen" generate -m whole -l short.lrc -p folk --steps 2 --length 8 -o sung.wav -q
new -o halves --half -q
check "full: half precision is smaller" test "$(wc -c < halves/dit.safetensors)" -lt "$(($(wc -c < whole/dit.safetensors) * 6 / 10))"

# ---- adapters in use
sing() { "$drgen" generate -l short.lrc -p folk --steps 2 --seed 3 -q "$@"; }
check "the adapter is taken" sing --lora wide -o with.wav
sing -o without.wav
check "at strength 0 it changes nothing" sing --lora wide:0 -o zero.wav
check "at strength 0: the same bytes" cmp zero.wav without.wav
train lora set -o strong --updates 20 --rate 0.01 --frames 64 --accumulate 1 --modules all -q
check "a stronger adapter" sing --lora strong -o strong.wav
if cmp -s strong.wav without.wav; then bad "an adapter changes the song"; else ok "an adapter changes the song"; fi
check "two adapters" sing --lora strong:0.5 --lora adapter -o both.wav
refuses "a recipe whose adapter is missing" "made with the adapter \"strong\"" "$drgen" generate --recipe strong.wav -o again.wav
check "a recipe with its adapter" "$drgen" generate --recipe strong.wav --lora strong -o again.wav -q
check "a recipe with its adapter: the same bytes" cmp again.wav strong.wav
refuses "a strength that is no number" "strength" sing --lora strong:much -o out.wav
refuses "an adapter that is not there" "no/where" sing --lora no/where -o out.wav
refuses "a folder without an adapter" "adapter_config.json" sing --lora songs -o out.wav
refuses "an adapter of another model" "block 2; this model has 2" "$drgen" generate -m whole -l short.lrc -p folk --steps 2 --lora strong -o out.wav

# ---- refused
refuses "train what" "train lora" "$drgen" train
refuses "train what else" "train lora" "$drgen" train set -o out.wav
refuses "no dataset" "drgen prepare" "$drgen" train lora -o out.wav
refuses "no output" "-o DIR" "$drgen" train lora set
refuses "a dataset that is not there" "no/where" "$drgen" train lora no/where -o out.wav
refuses "an unknown module" "no module \"x\"" "$drgen" train lora set -o out.wav --modules q,x
refuses "an unknown schedule" "linear" "$drgen" train lora set -o out.wav --schedule square
refuses "a rank of nothing" "rank" "$drgen" train lora set -o out.wav --rank 0
refuses "sizes for an adapter" "train full" "$drgen" train lora set -o out.wav --init sizes.json
refuses "crops the model cannot take" "256 at most" "$drgen" train full set --init sizes.json -o out.wav --frames 300
printf '{"dim": 64}' > part.json
refuses "sizes that lack some" "part.json" "$drgen" train full set --init part.json -o out.wav
printf 'nothing' > bad.json
refuses "sizes that are no JSON" "bad.json" "$drgen" train full set --init bad.json -o out.wav
"$drgen" prepare --from "$prepared/train.scp" -o other -q > stdout 2>&1
refuses "songs of another model" "prepare the songs with this model" "$drgen" train lora other -o out.wav
refuses "all songs held back" "none is left" "$drgen" train lora set -o out.wav --held 3
again() { "$drgen" train lora set -o adapter --frames 64 --accumulate 2 --resume "$@"; }
refuses "another training's state" "of another training" again --updates 9 --rank 4
refuses "fewer updates than are done" "more than the 3" again --updates 3
head -c 1000 adapter/training/state.safetensors > cut && cat cut > adapter/training/state.safetensors
refuses "a state that was cut off" "state.safetensors" again --updates 9
refuses "a rate that explodes" "lower rate" "$drgen" train full set --init sizes.json -o boom --frames 48 --updates 200 \
    --rate 10 --warmup 0 --clip 0 --decay 0 -q --save 1 --accumulate 1
check "what was saved before it exploded is whole" "$drgen" inspect boom --verify

# ---- songs of the composer
sed 's/"cond_dim": 64/"cond_dim": 128/; s/"max_frames": 256/"max_frames": 6200/' sizes.json > nano.json
composed="nano --init nano.json --metronome 3 --updates 6 --batch 4 --frames 32 --long-songs 0.5 --validate 3 --save 3 --warmup 2"
check "nano" "$own" train $composed -o composed -t 1
check "nano: learns" awk -F, 'NR == 2 { first = $2 } END { exit !($2 < first) }' composed/training/loss.csv
check "nano: the losses at early times" "$own" train $composed -o spoken -t 2
check "nano: the same bytes on two threads" cmp composed/dit.safetensors spoken/dit.safetensors
"$own" train $composed -o half --updates 5 -q > stdout 2> stderr && "$own" train $composed -o half --resume -q > stdout 2> stderr
check "nano: one update more" test "$(wc -l < half/training/loss.csv)" = 7
check "nano: the result is a model like the one it began from" "$own" generate -m composed --instrumental -p folk --length 10 \
    --steps 2 -o out.wav -q
"$own" train nano -m composed -o further --counted 1024 --metronome 1 --updates 2 --batch 4 --frames 32 --long-songs 1 \
    --longest 8 --keep-text > stdout 2> stderr
check "nano: a model learns to count on" grep -q 'metronome, update 1 of 1: [0-9.]* of the variance' stderr
check "nano: and longer songs" test -s further/dit.safetensors
refuses "nano: too little to count on from" "1024 are needed" "$own" train nano -m composed -o other_beat --counted 500
refuses "nano: more counted than there is" "--counted" "$own" train nano -m composed -o other_beat --counted 6145
refuses "nano: a new model counts nothing yet" "not a new one" "$own" train nano --init nano.json -o other_beat --counted 1024
refuses "nano: a dataset" "takes no dataset" "$own" train nano set -o out.wav
refuses "nano: other styles" "cond_dim 64" "$own" train nano --init sizes.json -o out.wav
"$own" prepare songs -p folk -o own_set -q > stdout 2> stderr
"$own" train lora own_set -o inner --updates 1 --frames 32 -q > stdout 2> stderr
check "an adapter of the int8 model inside the program" test -s inner/adapter_model.safetensors

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
