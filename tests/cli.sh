#!/bin/sh
# The program from outside: what it makes, what it refuses and how, what it leaves behind. DRGEN=program to test.
cd "$(dirname "$0")/.." || exit 1
drgen=${DRGEN:-build/release/drgen}
case $drgen in /*) ;; *) drgen=$PWD/$drgen ;; esac
tokenizer=$PWD/tests/golden/spm/spm.model
legacy=$PWD/tests/golden/pt_files/legacy.pt
. tests/cli_common.sh
song() { "$drgen" generate --instrumental -p 'folk, guitar' -o out.wav "$@"; }

printf '[00:01.00]Hello from a very small machine\n[00:05.50]Singing all the day\n' > song.lrc

# ---- help
for words in "" "help" "--help" "version" "licenses" "generate --help" "generate -h" "help generate" "convert --help" \
    "inspect --help" "synth --help"; do
    # shellcheck disable=SC2086
    if "$drgen" $words > stdout 2> stderr && [ -s stdout ] && [ ! -s stderr ]; then ok "drgen $words"
    else bad "drgen $words" "$(cat stderr)"; fi
done
"$drgen" generate --help > stdout
for option in --lyrics --prompt --style --negative-style --model --output --length --steps --cfg --sway --seed --threads \
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
for s in 94 95.5 96 285; do refuses "length $s with a 95 s model" "95 s" song --length $s; done
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
refuses "lyrics after the end" "95 seconds" "$drgen" generate -l late.lrc -p x -o out.wav
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
refuses "prompt over 512 tokens" "at most 512" "$drgen" generate --instrumental -p "$(yes qq | head -n 600 | tr '\n' ' ')" -o out.wav
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
"$drgen" synth --size tiny --tokenizer "$tokenizer" -o good > synth.log 2>&1 || bad "synth" "$(cat synth.log)"
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

# ---- songs
make_song() { # make_song FILE OPTIONS...
    made=$1; shift
    "$drgen" generate -l song.lrc -p 'folk, guitar' --steps 2 -q -o "$made" "$@" > stdout 2> stderr
}
check "a song" make_song a.wav --seed 7 --threads 1
check "nothing on stderr with -q and --seed" test ! -s stderr
check "the path on stdout" test "$(cat stdout)" = a.wav
check "the same on two threads" make_song b.wav --seed 7 --threads 2
check "same seed, same bytes" cmp a.wav b.wav
check "another seed" make_song c.wav --seed 8
if cmp -s a.wav c.wav; then bad "another seed, other bytes"; else ok "another seed, other bytes"; fi
field() { od -An -t "u$2" -j "$1" -N "$2" a.wav | tr -d ' '; } # little-endian, as WAV is
check "WAV: RIFF" test "$(head -c 4 a.wav)" = RIFF
check "WAV: PCM" test "$(field 20 2)" = 1
check "WAV: stereo" test "$(field 22 2)" = 2
check "WAV: 44100 Hz" test "$(field 24 4)" = 44100
check "WAV: 16 bit" test "$(field 34 2)" = 16
check "WAV: 2048 * 2048 frames" test "$(field 40 4)" = 16777216
check "WAV: the size it says" test "$(wc -c < a.wav)" -eq $(($(field 4 4) + 8))
printf 'before' > c.wav
(ulimit -f 1000; make_song c.wav --seed 7)
check "a failed write leaves the old file" test "$(cat c.wav)" = before

mkdir here && cd here || exit 1
"$drgen" generate -l - -p 'folk, guitar' --preset preview --cfg 0 --steps 2 --seed 7 < ../song.lrc > ../stdout 2> ../stderr
cd .. || exit 1
check "lyrics from standard input, default name" test -s here/song-7.wav
check "the built-in model says what it is, once" test "$(grep -c untrained stderr)" = 1
check "the seed is printed" grep -q 'seed 7' stderr
"$drgen" generate --instrumental --ref-prompt 'folk, guitar' --steps 2 --cfg 0 -q --output-dir there --chunked --audio-length 95 \
    > stdout 2> stderr
check "the original's option names" test -s there/output.wav
check "a drawn seed is printed even with -q" grep -qx 'seed [0-9]*' stderr
seed=$(sed 's/seed //' stderr)
"$drgen" generate --instrumental -p 'folk, guitar' --steps 2 --cfg 0 -q -o again.wav --seed "$seed" -m good > stdout
check "the printed seed makes the song again, from a folder too" cmp there/output.wav again.wav
"$drgen" generate -l song.lrc -p 'folk, guitar' --steps 2 --cfg 0 --seed 7 --json -o d.wav > stdout 2> stderr
check "JSON lines" grep -q '^{"event":"done","path":"d.wav","seed":7,' stdout
check "JSON alone" test ! -s stderr
printf '[00:01.00]hello\n[99:00.00]never\nno stamp\n' > partly.lrc
"$drgen" generate -l partly.lrc -p 'folk, guitar' --steps 2 --cfg 0 --seed 7 -v -o e.wav > stdout 2> stderr
check "dropped lines are named" grep -q 'line 3' stderr
check "-v names the kernels" grep -q 'kernels: ' stderr
check "-v counts memory and evaluations" grep -Eq '1 evaluations of [0-9.]+ s' stderr

# ---- lyrics before a song
says() { # says NAME EXPECTED COMMAND...: standard output is exactly this
    name=$1 want=$2
    shift 2
    got=$("$@" 2> stderr)
    if [ "$got" = "$want" ]; then ok "$name"; else bad "$name" "got: $got" "$(head -n 3 stderr)"; fi
}
says "prompt from keywords" \
    "Pop music, upbeat, featuring Piano, Synthesizer, 120 BPM, female vocals, professional studio production" \
    "$drgen" prompt --genre Pop --mood Upbeat --instrument Piano --instrument Synthesizer --tempo 120 --vocals female \
    --production "professional studio"
refuses "unknown genre" "did you mean Jazz" "$drgen" prompt --genre Jaz
says "the same random prompt for a seed" "$("$drgen" prompt --random --seed 5)" "$drgen" prompt --random --seed 5
says "Chinese phonemes" "n i↑ x ɑʊ↓↑" "$drgen" phonemes 你好
"$drgen" check song.lrc > stdout 2> stderr
check "check passes lyrics that fit" test $? = 0
check "check shows need and room" grep -q 'Singing all the day' stdout
printf '[00:01.00]one\n[01:34.90]far too many words for so little time at the end\n' > lost.lrc
"$drgen" check lost.lrc > stdout 2> stderr
check "check ends with 3 when words would be lost" test $? = 3
"$drgen" check lost.lrc --json > stdout 2> stderr
check "check as JSON" grep -q '"lost":[1-9]' stdout
printf '[Verse]\nplain words of a song\nwithout a single stamp\n' > plain.txt
"$drgen" time plain.txt --length 95 --bpm 120 > timed.lrc
check "time gives stamps" test "$(grep -c '^\[0[01]:[0-9][0-9]\.[0-9][0-9]\]' timed.lrc)" = 2
"$drgen" generate -l plain.txt -p folk --steps 2 --cfg 0 --seed 7 -q -o p1.wav > stdout
"$drgen" generate -l plain.txt --genre Folk --fill --steps 2 --cfg 0 --seed 7 -q -o p2.wav > stdout
check "plain lyrics and keywords make songs" test -s p1.wav -a -s p2.wav

# ---- style from a recording
"$drgen" style p1.wav -o heard.npy > stdout 2> stderr
check "a recording becomes a style" test "$(wc -c < heard.npy)" -gt 128
says "a style is most like itself" 1.000000 "$drgen" style --similar p1.wav p1.wav
"$drgen" generate --instrumental -p folk:0.7 -r p1.wav:0.3 --steps 2 --cfg 0 --seed 7 -q -o blend.wav > stdout
"$drgen" generate --instrumental --style heard.npy --steps 2 --cfg 0 --seed 7 -q -o b1.wav > stdout
"$drgen" generate --instrumental -r p1.wav --steps 2 --cfg 0 --seed 7 -q -o b2.wav > stdout
check "a style file makes the song of its recording" cmp -i 44 -n 16777216 b1.wav b2.wav
check "styles blend" test "$(cksum < blend.wav)" != "$(cksum < b2.wav)"
head -c 400000 p1.wav > short.wav
refuses "a recording under ten seconds" "10 s" "$drgen" generate --instrumental -r short.wav -o out.wav
refuses "text named .wav" "not a sound file" "$drgen" generate --instrumental -r song.lrc -o out.wav
refuses "no such recording" "nowhere.wav" "$drgen" generate --instrumental -r nowhere.wav -o out.wav
"$drgen" generate --instrumental -p folk --negative-prompt noise --steps 2 --seed 7 -q -o n.wav > stdout
"$drgen" generate --instrumental -p folk --vocals-only --steps 2 --seed 7 -q -o v.wav > stdout
check "negative prompts and vocals only are heard" test "$(cksum < n.wav)" != "$(cksum < v.wav)"
# ---- OpenBLAS on slow kernels: the program starts itself again, once, with the right ones
cat > slow.c <<'END'
#include <stdlib.h>
char *openblas_get_corename(void);
char *openblas_get_corename(void)
{
    char *set = getenv("OPENBLAS_CORETYPE");
    return set && *set ? set : "Prescott";
}
END
case $("$drgen" generate --instrumental -p x --steps 2 --cfg 0 --seed 7 -v -o f.wav 2>&1 > /dev/null) in
*"OpenBLAS core: none"*) skip "slow OpenBLAS kernels: built without OpenBLAS" ;;
*"kernels: ref"*) skip "slow OpenBLAS kernels: this processor has no better ones" ;;
*) if nm "$drgen" 2> /dev/null | grep -q __asan_init || ! cc -shared -fPIC slow.c -o slow.so 2> /dev/null; then
       skip "slow OpenBLAS kernels: cannot pretend here"
   else
       for set in "" Nehalem; do
           LD_PRELOAD=$T/slow.so DRGEN_GEMM=openblas OPENBLAS_CORETYPE=$set "$drgen" generate --instrumental -p x --steps 2 \
               --cfg 0 --seed 7 -v -o f.wav > stdout 2> stderr
           core=$(sed -n 's/.*OpenBLAS core: \([A-Za-z]*\).*/\1/p' stderr)
           if [ -n "$set" ]; then check "a chosen OpenBLAS core stays" test "$core" = Nehalem
           else check "slow OpenBLAS kernels are replaced" test "$core" = SkylakeX -o "$core" = Haswell; fi
       done
   fi ;;
esac

# ---- stopping
stops() { # stops SIGNAL CODE
    rm -f out.wav
    "$drgen" generate --instrumental -p x --steps 1000 -o out.wav > stdout 2> stderr &
    pid=$!
    for i in 1 2 3 4 5 6 7 8 9 10; do
        grep -q '^seed' stderr && break
        sleep 0.3
    done
    sleep 0.3
    kill -"$1" $pid
    wait $pid
    code=$?
    if [ $code -eq "$2" ] && [ "$(ls out.wav* 2> /dev/null)" = "" ] && grep -q stopped stderr; then ok "SIG$1 leaves nothing"
    else bad "SIG$1" "exit code $code, $(ls out.wav* 2> /dev/null)" "$(tail -n 3 stderr)"; fi
}
stops INT 130
stops TERM 143

check "no temporary files are left" test -z "$(find . -name '*.wav.*')"

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
