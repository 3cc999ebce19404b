#!/bin/sh
# Training from outside: sounds to latents and back, songs to datasets, and what is done about bad ones. DRGEN=program to
# test.
cd "$(dirname "$0")/.." || exit 1
drgen=${DRGEN:-build/release/drgen}
case $drgen in /*) ;; *) drgen=$PWD/$drgen ;; esac
tokenizer=$PWD/tests/golden/spm/spm.model
bytes=$PWD/tests/golden/mastering/pro # any bytes that are always the same
prepared=$PWD/tests/prepared
. tests/cli_common.sh
use_tiny_model

for command in encode decode prepare; do
    check "$command --help" "$drgen" $command --help
    "$drgen" $command --help > stdout
    grep -q -- '--output' stdout || bad "$command --help names its options"
done

# ---- sounds and latents
cat "$bytes"/*.f64 "$bytes"/*.f64 "$bytes"/*.f64 > raw # as 16-bit samples: noise
wav 1 16 44100 2 100000 < raw > noise.wav
wav 1 16 24000 1 50000 < raw > mono.wav
encode() { "$drgen" encode "$@" > stdout 2> stderr; }
decode() { "$drgen" decode "$@" > stdout 2> stderr; }
check "encode" encode noise.wav -o a.safetensors --threads 1
check "encode: the path on stdout" test "$(cat stdout)" = a.safetensors
encode noise.wav -o b.safetensors --threads 2
check "encode: the same bytes on two threads" cmp a.safetensors b.safetensors
encode noise.wav -o b.safetensors --seed 1
if cmp -s a.safetensors b.safetensors; then bad "encode: another seed, another draw"; else ok "encode: another seed, another draw"; fi
check "encode: the mean" encode noise.wav -o mean.safetensors --mean -q
check "encode: quiet" test ! -s stderr
check "encode: the original's windows" encode noise.wav -o b.safetensors --chunked
check "encode: mono at another rate" encode mono.wav -o b.safetensors
check "encode: says that it resampled" grep -q '24000' stderr
check "decode" decode a.safetensors -o back.wav
"$drgen" info back.wav --json > info.json
check "decode: as long as the sound was" grep -q '"frames":100000' info.json
decode a.safetensors -o again.wav --seed 0
check "decode: the same draw is the same sound" cmp back.wav again.wav
decode mean.safetensors -o other.wav
check "decode: the mean is another sound" test "$(cksum < back.wav)" != "$(cksum < other.wav)"
check "decode: FLAC of 24 bits" decode a.safetensors -o back.flac --bits 24
check "decode: Opus at its rate" decode a.safetensors -o back.opus
refuses "encode: nothing to read" "what to read" "$drgen" encode -o out.wav
refuses "encode: no output" "-o FILE" "$drgen" encode noise.wav
refuses "encode: no such sound" "no.wav" "$drgen" encode no.wav -o out.wav -q
printf 'words' > text.wav
refuses "encode: text" "not a sound file" "$drgen" encode text.wav -o out.wav -q
wav 1 16 44100 2 2000 < raw > few.wav
refuses "encode: less than a frame" "few.wav: 0.045 s" "$drgen" encode few.wav -o out.wav -q
refuses "encode: output in no folder" "No such file" "$drgen" encode noise.wav -o no/out.wav -q
refuses "encode: full disk" "out.wav" sh -c "ulimit -f 20; exec '$drgen' encode noise.wav -o out.wav -q"
refuses "decode: an ending it does not know" ".flac" "$drgen" decode a.safetensors -o out.xyz -q
refuses "decode: a sound" "safetensors" "$drgen" decode noise.wav -o out.wav -q
refuses "decode: nothing to draw from" "mean and scale" "$drgen" decode mean.safetensors --seed 1 -o out.wav -q
refuses "decode: latents of another width" "6 values" "$drgen" decode "$prepared/latent/one.pt" -o out.wav -q
head -c 3000 a.safetensors > cut.safetensors
refuses "decode: cut off" "cut.safetensors" "$drgen" decode cut.safetensors -o out.wav -q
"$drgen" synth --size tiny --tokenizer "$tokenizer" -o m > stdout 2> stderr
cp -r m bare
LC_ALL=C sed 's/"has_encoder": *1/"has_encoder": 0/' m/model.json > bare/model.json
cmp -s m/model.json bare/model.json && bad "model.json says has_encoder"
refuses "encode: a model without encoder" "drgen convert --vae" "$drgen" encode noise.wav -o out.wav -q -m bare
LC_ALL=C sed 's/"encoder.layers.0.weight"/"encoder.layers.x.weight"/' m/vae.safetensors > bare/vae.safetensors
cp m/model.json bare/model.json
refuses "encode: an encoder tensor missing" "encoder.layers.0.weight" "$drgen" encode noise.wav -o out.wav -q -m bare

# ---- songs to a dataset
mkdir -p songs/inner words
wav 1 16 44100 2 463050 < raw > songs/one.wav
wav 1 16 24000 1 252000 < raw > songs/inner/two.wav
wav 1 16 44100 1 88200 < raw > songs/short.wav
printf 'RIFF nothing' > songs/broken.wav
wav 1 16 44100 1 463050 < /dev/zero > songs/silent.wav
printf 'cover' > songs/cover.jpg
for song in one two short broken silent; do
    printf '[00:01.00]Hello from a very small machine\n[00:05.50]Singing all the day\n[09:00.00]much too late\n' > words/$song.lrc
done
cp songs/one.wav songs/untold.wav
prepare() { "$drgen" prepare "$@" > stdout 2> stderr; }
prepare songs --lyrics words -o set
check "prepare: some were skipped: 3" test $? = 3
check "prepare: the dataset on stdout" test "$(cat stdout)" = set
check "prepare: two songs" grep -q '^2 prepared, 0 already there, 4 skipped; 2 songs in set$' stderr
check "prepare: why not: too short" grep -q '^skipped short: .*10 s' stderr
check "prepare: why not: broken" grep -q '^skipped broken: .*not a sound file' stderr
check "prepare: why not: silent" grep -q '^skipped silent: .*silent' stderr
check "prepare: why not: no lyrics" grep -q '^skipped untold: .*words' stderr
check "prepare: no progress in a pipe" test "$(wc -l < stderr)" = 6
check "prepare: the manifest" test "$(wc -l < set/dataset.jsonl)" = 3
check "prepare: a song's numbers" grep -q '"name":"one".*"frames":226,"lines":2,"tokens":41' set/dataset.jsonl
check "prepare: the original's list" test "$(cut -d'|' -f1 set/train.scp | tr '\n' ' ')" = "inner/two one "
check "prepare: its files are there" test -s "set/$(tail -n 1 set/train.scp | cut -d'|' -f3)"
cp -r set before
rm songs/short.wav songs/broken.wav songs/silent.wav songs/untold.wav
prepare songs --lyrics words -o set
check "prepare: again, all is done" grep -q '^0 prepared, 2 already there, 0 skipped' stderr
check "prepare: nothing changes" diff -r before set
printf '[00:02.00]Other words\n' > words/one.lrc
head -c 5000 before/songs/inner_two*.safetensors > cut
cat cut > "$(echo set/songs/inner_two*.safetensors)"
check "prepare: what changed or is damaged is made again" prepare songs --lyrics words -o set
check "prepare: both" grep -q '^2 prepared' stderr
check "prepare: the same as before" cmp set/songs/inner_two*.safetensors before/songs/inner_two*.safetensors
check "prepare: words without a tower" prepare songs --lyrics words -o said --prompt 'folk, warm'
check "a song of a dataset is a style" "$drgen" style --similar set/songs/one.safetensors set/songs/one.safetensors
check "a song of a dataset is a sound" decode set/songs/one.safetensors -o heard.wav
mkdir tags && printf 'folk, guitar\n' > tags/one.txt
prepare songs --lyrics words -o tagged --prompts tags
check "prepare: each its own prompt" grep -q '^skipped inner/two: no style: tags' stderr
mkdir plain && cp songs/one.wav plain && printf 'no times at all\n' > plain/one.lrc
refuses "prepare: lyrics without times" "skipped one: lyrics: no time stamps" sh -c "'$drgen' prepare plain -o untimed -q 2>&1 | head -n 1 >&2; exit 1"
rm plain/one.lrc
check "prepare: instrumental songs" prepare plain -o band --instrumental
check "prepare: no lines" grep -q '"lines":0' band/dataset.jsonl
refuses "prepare: no folder" "no/where" "$drgen" prepare no/where -o out.wav
refuses "prepare: a file" "Not a directory" "$drgen" prepare noise.wav -o out.wav
refuses "prepare: no such folder of lyrics" "nowords" "$drgen" prepare songs -l nowords -o out.wav
refuses "prepare: full disk" "full/" sh -c "ulimit -f 20; exec '$drgen' prepare plain -o full -q --instrumental"
ln -s ../plain plain/again
check "prepare: a folder that leads to itself" prepare plain -o band --instrumental
mkdir hollow
refuses "prepare: nothing in it" "no recordings" "$drgen" prepare hollow -o out.wav
refuses "prepare: no output" "-o DATASET" "$drgen" prepare songs
refuses "prepare: two kinds of style" "one of" "$drgen" prepare songs -o out.wav --prompt a --style b
refuses "prepare: no encoder" "drgen convert --vae" sh -c "cp m/vae.safetensors bare; sed 's/\"has_encoder\": *1/\"has_encoder\": 0/' m/model.json > bare/model.json; exec '$drgen' prepare songs -l words -m bare -o out.wav"
printf 'x\n' > before/dataset.jsonl
refuses "prepare: into a folder whose list is damaged" "dataset.jsonl: line 1" "$drgen" prepare songs --lyrics words -o before

# ---- stopped, and gone on with
mkdir many
for i in 1 2 3 4 5 6 7 8; do cp songs/one.wav many/$i.wav; done
"$drgen" prepare many --instrumental --prompt folk -o stopped > stdout 2> stderr &
pid=$!
while [ ! -s stopped/dataset.jsonl ] && kill -0 $pid 2> /dev/null; do sleep 0.05; done
kill -TERM $pid
wait $pid
code=$?
check "prepare: stopped with 128 + 15, or done before" test $code = 143 -o $code = 0
check "prepare: what was done is whole" test "$(wc -l < stopped/train.scp)" -ge 1
check "prepare: goes on" prepare many --instrumental --prompt folk -o stopped
check "prepare: ends with all" grep -q '8 songs in stopped$' stderr

# ---- the original's own
prepare --from "$prepared/train.scp" -o theirs
check "prepare --from: one cannot be used: 3" test $? = 3
check "prepare --from: two songs" grep -q '^2 prepared, 0 already there, 1 skipped' stderr
check "prepare --from: why not" grep -q '^skipped three: .*line 2 has no tokens' stderr
check "prepare --from: their numbers" grep -q '"name":"one".*"frames":9,"lines":3,"tokens":5' theirs/dataset.jsonl
prepare --from "$prepared/train.scp" -o theirs
check "prepare --from: again, all is done" grep -q '^0 prepared, 2 already there' stderr
refuses "prepare --from: no list" "No such file" "$drgen" prepare --from no.scp -o out.wav
refuses "prepare --from: no list but a sound" "name|lrc.pt" "$drgen" prepare --from text.wav -o out.wav
refuses "prepare --from: with a style" "--from" "$drgen" prepare --from x --prompt y -o out.wav

check "no temporary files are left" test -z "$(find . -name '*.wav.*' -o -name '*.safetensors.*' -o -name '*.jsonl.*' -o -name '*.scp.*')"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
