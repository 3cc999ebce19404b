#!/bin/sh
# The program from outside: its help, what it refuses and how, what it leaves behind. DRGEN=program to test.
cd "$(dirname "$0")/.." || exit 1
drgen=${DRGEN:-build/release/drgen}
case $drgen in /*) ;; *) drgen=$PWD/$drgen ;; esac
legacy=$PWD/tests/golden/pt_files/legacy.pt
. tests/cli_common.sh
song() { "$drgen" generate --instrumental -p 'folk, guitar' -o out.wav "$@"; }
"$drgen" synth --size tiny --tokenizer "$tokenizer" -o good > synth.log 2>&1 || bad "synth" "$(cat synth.log)"

printf '[00:01.00]Hello from a very small machine\n[00:05.50]Singing all the day\n' > song.lrc

# ---- help
for words in "" "help" "--help" "version" "licenses" "generate --help" "generate -h" "help generate" "convert --help" \
    "inspect --help" "synth --help"; do
    # shellcheck disable=SC2086
    if "$drgen" $words > stdout 2> stderr && [ -s stdout ] && [ ! -s stderr ]; then ok "drgen $words"
    else bad "drgen $words" "$(cat stderr)"; fi
done
"$drgen" generate --help > stdout
for option in --lyrics --prompt --style --negative-style --model --output --length --steps --cfg --cfg-interval --cache --sway --seed --threads \
    --preset --instrumental --lyrics-compat --half-tables --espeak-data --json --quiet --verbose; do
    grep -q -- "$option" stdout || bad "help of $option"
done

# ---- words that are not understood
refuses "unknown command" "did you mean generate?" "$drgen" genrate
refuses "unknown command without a neighbour" "drgen help" "$drgen" xyzzy
refuses "unknown option" "did you mean --prompt?" "$drgen" generate --promt x
refuses "no lyrics" "--instrumental" "$drgen" generate -p x -o out.wav
refuses "no style" "--style FILE" "$drgen" generate --instrumental -o out.wav
refuses "steps out of range" "2..1000" song --steps 1
refuses "unknown preset" "did you mean draft?" song --preset darft

# ---- lengths
for s in 94 95.5 96 285; do refuses "length $s with a 95 s model" "95 s" song --length $s -m good; done
refuses "length 290 with the model inside" "1 to 287" song --length 290
refuses "length 0" "--length" song --length 0
refuses "length nan" "not a number" song --length nan

# ---- lyrics
refuses "lyrics missing" "no.lrc" "$drgen" generate -l no.lrc -p x -o out.wav
refuses "lyrics are a folder" "$T" "$drgen" generate -l "$T" -p x -o out.wav
: > empty.lrc
refuses "lyrics empty" "no line can be sung" "$drgen" generate -l empty.lrc -p x -o out.wav
printf '[ti:A title]\n[by:me]\n\n' > tags.lrc
refuses "lyrics without a usable line" "no line can be sung" "$drgen" generate -l tags.lrc -p x -o out.wav
printf '[05:00.00]much too late\n' > late.lrc
refuses "lyrics after the end" "95 seconds" "$drgen" generate -m good -l late.lrc -p x -o out.wav
printf '[00:01.00]\354\225\210\353\205\225\n' > hangul.lrc
refuses "lyrics in an unknown script only" "Hangul" "$drgen" generate -l hangul.lrc -p x -o out.wav
printf 'a\0b' > zero.lrc
refuses "zero byte in lyrics" "zero" "$drgen" generate -l zero.lrc -p x -o out.wav
printf '[00:01.00]\377\376\n' > broken.lrc
refuses "lyrics not UTF-8" "UTF-8" "$drgen" generate -l broken.lrc -p x -o out.wav
refuses "espeak data missing" "espeak-ng" "$drgen" generate -l song.lrc -p x -o out.wav --espeak-data "$T"

# ---- prompts and styles
refuses "prompt empty" "prompt" "$drgen" generate --instrumental -p '' -o out.wav
refuses "prompt of blanks" "prompt" "$drgen" generate --instrumental -p '  ' -o out.wav
refuses "prompt over 512 tokens" "at most 512" "$drgen" generate -m good --instrumental -p "$(yes qq | head -n 600 | tr '\n' ' ')" -o out.wav
wav 1 16 44100 2 500000 < /dev/zero > sound.wav
refuses "a recording for the model inside" "describe the style in words, or use a converted model" \
    "$drgen" generate --instrumental -r sound.wav -o out.wav
refuses "a recording beside words for it" "no audio tower" "$drgen" generate --instrumental -p folk -r sound.wav -o out.wav
refuses "a recording as a vector of it" "no audio tower" "$drgen" style sound.wav -o out.wav
refuses "style missing" "no.npy" "$drgen" generate --instrumental --style no.npy -o out.wav
refuses "style is text" "song.lrc" "$drgen" generate --instrumental --style song.lrc -o out.wav

# ---- outputs
refuses "output is a folder" "not a regular file" "$drgen" generate --instrumental -p x -o "$T"
refuses "output under a file" "Not a directory" "$drgen" generate --instrumental -p x -o song.lrc/out.wav
refuses "output in no folder" "No such file" "$drgen" generate --instrumental -p x -o no/out.wav
refuses "output in /proc" "cannot write" "$drgen" generate --instrumental -p x -o /proc/out.wav
refuses "output is a device" "not a regular file" "$drgen" generate --instrumental -p x -o /dev/full
refuses "output folder under a file" "Not a directory" "$drgen" generate --instrumental -p x --output-dir song.lrc/x
refuses "full disk" "out.wav" sh -c "ulimit -f 1000; exec '$drgen' generate --instrumental -p x -o out.wav -q --seed 1 --steps 2"

# ---- models
fresh() { rm -rf m; cp -r good m; }
edit() { # edit FILE OLD NEW: the same number of bytes
    LC_ALL=C sed "s/$2/$3/" "m/$1" > edited
    cmp -s "m/$1" edited && bad "edit of $1: $2 is not there"
    mv edited "m/$1"
}
model() { song -m m; }
refuses "model missing" "no/model" song -m no/model
refuses "model is a file" "song.lrc" song -m song.lrc
mkdir -p hollow
refuses "model without model.json" "model.json" song -m hollow
for part in dit vae mulan; do
    file=$part.safetensors
    fresh; rm m/$file
    refuses "$part missing" "$file" model
    fresh; head -c 20000 good/$file > m/$file
    refuses "$part truncated" "$file" model
    fresh; : > m/$file
    refuses "$part empty" "$file" model
    printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 2220000000\n' 0 > m/$file
    refuses "$part a Git LFS pointer" "Git LFS" model
    printf '<!DOCTYPE html>\n<html><body>Access denied</body></html>\n' > m/$file
    refuses "$part a web page" "web page" model
    fresh; head -c 300 /dev/zero | tr '\0' '\377' > m/$file
    refuses "$part absurd header size" "$file" model
done
fresh; rm m/tokenizer.model
refuses "tokenizer missing" "tokenizer" model
fresh; head -c 5000 good/tokenizer.model > m/tokenizer.model
refuses "tokenizer truncated" "tokenizer" model
fresh; edit dit.safetensors '"proj_out.weight"' '"proj_oux.weight"'
refuses "transformer tensor missing" "proj_out.weight" model
fresh; edit dit.safetensors '"proj_out.weight":{"dtype":"F16","shape":\[64,128\]' '"proj_out.weight":{"dtype":"F16","shape":[128,64]'
refuses "transformer tensor of another shape" "proj_out.weight: shape [64,128] wanted, [128,64] found" model
fresh; edit vae.safetensors '"decoder.layers.7.weight"' '"decoder.layers.x.weight"'
refuses "decoder tensor missing" "decoder.layers.7.weight" model
fresh; edit mulan.safetensors '"mulan.text_to_latents.weight"' '"mulan.text_to_latents.veight"'
refuses "text tower tensor missing" "mulan.text_to_latents.weight" model
fresh; edit dit.safetensors '"dtype":"F16"' '"dtype":"I16"'
refuses "tensor of another type" "I16" model
fresh; edit dit.safetensors '"data_offsets":\[0,' '"data_offsets":[8,'
refuses "bad offsets" "dit.safetensors" model
fresh; edit model.json '"dim": 128' '"dim": 130'
refuses "model.json that does not fit" "model.json" model
fresh; printf '[%.0s' $(seq 2000) > m/model.json
refuses "model.json nested too deep" "model.json" model
fresh; edit model.json '"has_proj"' '"hasXproj"'
refuses "model.json without a key" "has_proj" model
fresh; rm m/mulan.safetensors
LC_ALL=C sed 's/"mulan_text"/"mulan_none"/' good/model.json > m/model.json
refuses "prompt without a text tower" "style file" model

# ---- checkpoints
convert() { "$drgen" convert --dit "$1" -o made; }
LC_ALL=C sed 's/_rebuild_tensor_v2/system____________/' "$legacy" > evil.pt
refuses "pickle with a foreign global" "system" convert evil.pt
head -c 3000 "$legacy" > short.pt
refuses "checkpoint truncated" "short.pt" convert short.pt
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 2220000000\n' 0 > pointer.pt
refuses "checkpoint a Git LFS pointer" "Git LFS" convert pointer.pt
printf '<html>Access denied</html>' > page.pt
refuses "checkpoint a web page" "web page" convert page.pt
[ -e made ] && bad "convert left a folder"

check "no temporary files are left" test -z "$(find . -name '*.wav.*')"

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
