#!/bin/sh
# The program from outside: the songs it makes, from what, and how it stops. DRGEN=program to test.
cd "$(dirname "$0")/.." || exit 1
drgen=${DRGEN:-build/release/drgen}
case $drgen in /*) ;; *) drgen=$PWD/$drgen ;; esac
. tests/cli_common.sh

printf '[00:01.00]Hello from a very small machine\n[00:05.50]Singing all the day\n' > song.lrc
short_model short

# ---- songs
mkdir here && cd here || exit 1
"$drgen" generate -l - -p 'a folk tune, sad, guitars' --preset preview --cfg 0 --steps 2 --seed 7 < ../song.lrc > ../stdout \
    2> ../stderr
cd .. || exit 1
check "lyrics from standard input, default name" test -s here/song-7.wav
check "the built-in model says what it is, once" test "$(grep -c 'the built-in model' stderr)" = 1
check "and what it understood" \
    grep -qx 'understood: folk, sad (melancholic), guitars; the rest means nothing to this model' stderr
check "the seed is printed" grep -q 'seed 7' stderr
field() { od -An -t "u$2" -j "$1" -N "$2" here/song-7.wav | tr -d ' '; } # little-endian, as WAV is
check "WAV: RIFF" test "$(head -c 4 here/song-7.wav)" = RIFF
check "WAV: PCM" test "$(field 20 2)" = 1
check "WAV: stereo" test "$(field 22 2)" = 2
check "WAV: 44100 Hz" test "$(field 24 4)" = 44100
check "WAV: 16 bit" test "$(field 34 2)" = 16
check "WAV: 30 s are 645 * 2048 frames" test "$(field 40 4)" = 5283840
check "WAV: the size it says" test "$(wc -c < here/song-7.wav)" -eq $(($(field 4 4) + 8))
"$drgen" generate --lrc-path song.lrc --ref-prompt 'a folk tune, sad, guitars' --steps 2 --cfg 0 --seed 7 -q --output-dir there \
    --chunked --audio-length 30 > stdout 2> stderr
check "the original's option names" cmp here/song-7.wav there/output.wav
"$drgen" info here/song-7.wav > stdout
check "the recipe has the model's own numbers" grep -q '30 s, 2 steps, guidance 0, sway -1, seed 7' stdout
"$drgen" info here/song-7.wav --json > stdout
check "the licences of the model inside are drgen's own" sh -c "grep -q 'made by formula' stdout && ! grep -q CC-BY stdout"
inside=$(dirname "$drgen")/embedded
if [ -d "$inside" ]; then
    "$drgen" generate -m "$inside" --recipe here/song-7.wav -q -o inside.wav > stdout 2> stderr
    check "a folder makes the song of the model inside" cmp here/song-7.wav inside.wav
else skip "no folder of the model inside beside the program"; fi

# ---- songs of 11 s from here on
make_song() { # make_song FILE OPTIONS...
    made=$1; shift
    "$drgen" generate -m short -l song.lrc -p 'folk, guitar' --steps 2 -q -o "$made" "$@" > stdout 2> stderr
}
check "a song" make_song a.wav --seed 7 --threads 1
check "nothing on stderr with -q and --seed" test ! -s stderr
check "the path on stdout" test "$(cat stdout)" = a.wav
check "the same on two threads" make_song b.wav --seed 7 --threads 2
check "same seed, same bytes" cmp a.wav b.wav
check "another seed" make_song c.wav --seed 8
if cmp -s a.wav c.wav; then bad "another seed, other bytes"; else ok "another seed, other bytes"; fi
make_song drawn.wav --cfg 0
check "a drawn seed is printed even with -q" grep -qx 'seed [0-9]*' stderr
make_song again.wav --cfg 0 --seed "$(sed 's/seed //' stderr)"
check "the printed seed makes the song again" cmp drawn.wav again.wav
printf 'before' > c.wav
(ulimit -f 1000; make_song c.wav --seed 7)
check "a failed write leaves the old file" test "$(cat c.wav)" = before
make_song d.wav --cfg 0 --seed 7 --json
check "JSON lines" grep -q '^{"event":"done","path":"d.wav","seed":7,' stdout
check "JSON alone" test ! -s stderr
printf '[00:01.00]hello\n[99:00.00]never\nno stamp\n' > partly.lrc
"$drgen" generate -m short -l partly.lrc -p 'folk, guitar' --steps 2 --cfg 0 --seed 7 -v -o e.wav > stdout 2> stderr
check "dropped lines are named" grep -q 'line 3' stderr
check "-v names the kernels" grep -q 'kernels: ' stderr
check "-v counts memory and evaluations" grep -Eq '1 evaluations of [0-9.]+ s' stderr

# ---- shortcuts
make_song exact.wav --steps 9 --seed 7 --master none
make_song zero.wav --steps 9 --seed 7 --master none --cfg-interval 0:1 --cache 0
check "shortcuts that are off change nothing" cmp exact.wav zero.wav
"$drgen" generate -m short -l song.lrc -p 'folk, guitar' --steps 9 --seed 7 --master none --cfg-interval 0.3:1 --cache 100 -v \
    -o quick.wav > stdout 2> stderr
check "-v counts what shortcuts saved" grep -q 'approximate: 8 of 16 evaluations saved' stderr
if cmp -s exact.wav quick.wav; then bad "shortcuts are heard"; else ok "shortcuts are heard"; fi
"$drgen" info quick.wav > stdout
check "the recipe tells of shortcuts" test "$(grep -c shortcuts stdout)" = 2
"$drgen" generate -m short --recipe quick.wav --master none -q -o again.wav > stdout 2> stderr
check "and takes them again" cmp quick.wav again.wav
"$drgen" generate -m short --recipe quick.wav --master none --cfg-interval 0:1 --cache 0 -q -o again.wav > stdout 2> stderr
check "unless told not to" cmp exact.wav again.wav
refuses "an interval that is none" "A:B" "$drgen" generate -m short -l song.lrc -p folk --cfg-interval 0.9:0.1 -o out.wav

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
printf '[00:01.00]one\n[01:00.00]a line behind the usual half minute\n' > late.lrc
check "check gives timed lyrics the length that a song gets" "$drgen" check late.lrc
"$drgen" check late.lrc --length 30 > stdout 2> stderr
check "unless a length is given" test $? = 3
check "check takes lengths of the built-in model" "$drgen" check song.lrc --length 10
refuses "and refuses others" "this model makes songs of 1 to" "$drgen" check song.lrc --length 400
refuses "check for another model" "this model makes songs of 1 to" "$drgen" check -m short song.lrc --length 30
check "time takes lengths of the built-in model" "$drgen" time plain.txt --length 285
"$drgen" time plain.txt > usual.lrc
check "time: 30 s unless told" cmp usual.lrc - << END
$("$drgen" time plain.txt --length 30)
END
"$drgen" time plain.txt --length 95 --bpm 120 > timed.lrc
check "time gives stamps" test "$(grep -c '^\[0[01]:[0-9][0-9]\.[0-9][0-9]\]' timed.lrc)" = 2
"$drgen" generate -m short -l plain.txt -p folk --steps 2 --cfg 0 --seed 7 -q -o p1.wav > stdout
"$drgen" generate -m short -l plain.txt --genre Folk --fill --steps 2 --cfg 0 --seed 7 -q -o p2.wav > stdout
check "plain lyrics and keywords make songs" test -s p1.wav -a -s p2.wav

# ---- style from a recording
sound() { tail -c +45 "$1" | head -c 1900000 | cksum; } # the samples, without what the file says of its making
"$drgen" style -m short p1.wav -o heard.npy > stdout 2> stderr
check "a recording becomes a style" test "$(wc -c < heard.npy)" -gt 128
says "a style is most like itself" 1.000000 "$drgen" style -m short --similar p1.wav p1.wav
"$drgen" style 'slow blues xyz' -o words.npy > stdout 2> stderr
check "style says what it understood" grep -qx 'understood: slow, blues; the rest means nothing to this model' stderr
"$drgen" style -m short 'slow blues xyz' -o words.npy > stdout 2> stderr
check "a model that reads any words does not" test ! -s stderr
"$drgen" generate -m short --instrumental -p folk:0.7 -r p1.wav:0.3 --steps 2 --cfg 0 --seed 7 -q -o blend.wav > stdout
"$drgen" generate -m short --instrumental --style heard.npy --steps 2 --cfg 0 --seed 7 -q -o b1.wav > stdout
"$drgen" generate -m short --instrumental -r p1.wav --steps 2 --cfg 0 --seed 7 -q -o b2.wav > stdout
check "a style file makes the song of its recording" test "$(sound b1.wav)" = "$(sound b2.wav)"
check "styles blend" test "$(cksum < blend.wav)" != "$(cksum < b2.wav)"
head -c 400000 p1.wav > short.wav
refuses "a recording under ten seconds" "10 s" "$drgen" generate -m short --instrumental -r short.wav -o out.wav
refuses "text named .wav" "not a sound file" "$drgen" generate -m short --instrumental -r song.lrc -o out.wav
refuses "no such recording" "nowhere.wav" "$drgen" generate -m short --instrumental -r nowhere.wav -o out.wav
"$drgen" generate -m short --instrumental -p folk --negative-prompt noise --steps 2 --seed 7 -q -o n.wav > stdout
"$drgen" generate -m short --instrumental -p folk --vocals-only --steps 2 --seed 7 -q -o v.wav > stdout
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
case $("$drgen" generate -m short --instrumental -p x --steps 2 --cfg 0 --seed 7 -v -o f.wav 2>&1 > /dev/null) in
*"OpenBLAS core: none"*) skip "slow OpenBLAS kernels: built without OpenBLAS" ;;
*"kernels: ref"*) skip "slow OpenBLAS kernels: this processor has no better ones" ;;
*) if nm "$drgen" 2> /dev/null | grep -q __asan_init || ! cc -shared -fPIC slow.c -o slow.so 2> /dev/null; then
       skip "slow OpenBLAS kernels: cannot pretend here"
   else
       for set in "" Nehalem; do
           LD_PRELOAD=$T/slow.so DRGEN_GEMM=openblas OPENBLAS_CORETYPE=$set "$drgen" generate -m short --instrumental -p x --steps 2 \
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
