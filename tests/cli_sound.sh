#!/bin/sh
# Delivery from outside: formats, what is kept in files, the same song from its recipe, mastering and quality control of
# good and of bad sound. DRGEN=program to test.
cd "$(dirname "$0")/.." || exit 1
drgen=${DRGEN:-build/release/drgen}
case $drgen in /*) ;; *) drgen=$PWD/$drgen ;; esac
bytes=$PWD/tests/golden/mastering/pro # any bytes that are always the same
. tests/cli_common.sh
json() { sed -n "s/.*\"$2\":\"*\([^,\"}]*\).*/\1/p" "$1" | head -n 1; } # json FILE KEY: the first value of that name

# ---- sounds to work on
cat "$bytes"/*.f64 > raw # as 16-bit samples: noise
wav 1 16 44100 2 132300 < raw > noise.wav
wav 1 16 44100 1 88200 < raw > mono.wav

# ---- mastering
for preset in subtle balanced loud broadcast r128; do
    "$drgen" master noise.wav -o m.wav --preset $preset --report m.json -q > stdout 2> stderr
    check "$preset: done" test "$(cat stdout)" = m.wav -a ! -s stderr
    check "$preset: loudness and true peak pass" test "$(grep -o '"name":"[a-z ]*","verdict":"pass"' m.json |
        grep -c -e 'integrated loudness' -e 'true peak')" = 2
done
"$drgen" master noise.wav -o m16.wav --target-lufs -16 --ceiling -2 --json > stdout 2> stderr
check "the target can be chosen" test "$(json stdout verdict)" != fail -a "$(json stdout target)" = -16
check "one line of figures" grep -q '^-16.0 LUFS, -[0-9.]* dBTP, LRA' stderr
"$drgen" master noise.wav -o a.wav -q > stdout
"$drgen" master noise.wav -o b.wav -q > stdout
check "the same bytes every time" cmp a.wav b.wav
"$drgen" master --list --preset loud > loud.json
"$drgen" master noise.wav -o a.wav --preset loud -q > stdout
"$drgen" master noise.wav -o b.wav --settings loud.json -q > stdout
check "settings are the preset they came from" cmp a.wav b.wav
"$drgen" master noise.wav -o b.wav --settings '{"width":0.5,"band":[{"ratio":4},{},{},{}]}' -q > stdout
check "any setting can be changed" test "$(cksum < a.wav)" != "$(cksum < b.wav)"
for chain in seed fork; do
    check "--compat $chain" "$drgen" master noise.wav -o c.wav --compat $chain --preset loud
done
check "--denoise and --match" "$drgen" master noise.wav -o c.wav --denoise 6 --noise 0:1 --match mono.wav --match-amount 0.5
check "lr4, no bands, a shaper" "$drgen" master noise.wav -o c.wav --crossover lr4 --shaper lip5 --no-multiband --eq 1,0,-1,2
check "mono stays mono" "$drgen" master mono.wav -o c.wav
check "mono stays mono: one channel" grep -q '"channels":1' <<END
$("$drgen" info c.wav --json)
END
"$drgen" master noise.wav -o r.wav --rate 48000 --bits 24 -q > stdout
"$drgen" info r.wav --json > info.json
check "another rate, 24 bits" test "$(json info.json sample_rate) $(json info.json bits) $(json info.json frames)" = "48000 24 144000"
refuses "no such preset" "balanced" "$drgen" master noise.wav -o out.wav --preset radio
refuses "the input as output" "choose another name" "$drgen" master noise.wav -o ./noise.wav
refuses "a width out of range" "0..2" "$drgen" master noise.wav -o out.wav --width 9
refuses "settings out of range" "ratio" "$drgen" master noise.wav -o out.wav --settings '{"band":[{"ratio":0},{},{},{}]}'
refuses "settings that are no JSON" "settings" "$drgen" master noise.wav -o out.wav --settings '{"width":'
refuses "compat with other settings" "--preset" "$drgen" master noise.wav -o out.wav --compat seed --width 1
refuses "no output" "-o FILE" "$drgen" master noise.wav
refuses "lip5 at 32 kHz" "44100" "$drgen" master noise.wav -o out.wav --rate 32000 --shaper lip5
refuses "a full disk" "out.wav" sh -c 'ulimit -f 100; exec "$0" master noise.wav -o out.wav' "$drgen"

# ---- bad and odd sound: a clear answer each
head -c 1000000 /dev/zero > zeros
tr '\0' '\377' < zeros > nans
tr '\0' '\076' < zeros > dc
wav 3 32 44100 2 50000 < nans > nan.wav
wav 3 32 44100 2 50000 < dc > dc.wav
wav 3 32 44100 2 50000 < zeros > silent.wav
wav 3 32 44100 6 20000 < dc > six.wav
wav 3 32 44100 2 0 < zeros > none.wav
head -c 3000 noise.wav > cut.wav
echo "just text" > text.wav
: > empty.wav
refuses "NaN" "frame 0" "$drgen" master nan.wav -o out.wav
refuses "six channels" "6 channels" "$drgen" master six.wav -o out.wav
refuses "no frames" "no sound" "$drgen" master none.wav -o out.wav
refuses "a truncated file" "cut.wav" "$drgen" master cut.wav -o out.wav
refuses "text" "not a sound file" "$drgen" master text.wav -o out.wav
refuses "an empty file" "empty.wav" "$drgen" master empty.wav -o out.wav
refuses "no file" "nowhere.wav" "$drgen" master nowhere.wav -o out.wav
refuses "qc of text" "not a sound file" "$drgen" qc text.wav
refuses "qc of a truncated file" "cut.wav" "$drgen" qc cut.wav
check "silence is mastered to silence" "$drgen" master silent.wav -o s.wav
check "DC is taken away" "$drgen" master dc.wav -o s.wav
for frames in 1 2 10; do
    wav 1 16 44100 2 $frames < raw > few.wav
    check "$frames frames" "$drgen" master few.wav -o s.wav
    check "$frames frames: qc" "$drgen" qc few.wav --png few.png
done
for rate in 8000 22050 96000 192000; do
    wav 1 16 $rate 1 30000 < raw > rate.wav
    check "$rate Hz" "$drgen" master rate.wav -o s.wav
    check "$rate Hz: qc" "$drgen" qc rate.wav --json
done
wav 1 16 4000 1 30000 < raw > low.wav
refuses "4000 Hz" "8000..192000" "$drgen" master low.wav -o out.wav

# ---- quality control
verdict() { # verdict FILE CHECK: its verdict
    "$drgen" qc "$1" --json | tr '{' '\n' | sed -n "s/.*\"name\":\"$2\",\"verdict\":\"\([a-z]*\)\".*/\1/p"
}
"$drgen" master noise.wav -o m.wav -q > stdout
check "qc passes what master made: loudness" test "$(verdict m.wav 'integrated loudness')" = pass
check "qc passes what master made: true peak" test "$(verdict m.wav 'true peak')" = pass
check "qc fails the raw sound" test "$(verdict noise.wav 'integrated loudness')" = fail
check "qc finds NaN" test "$(verdict nan.wav samples)" = fail
check "qc finds DC" test "$(verdict dc.wav DC)" = fail
check "qc finds silence" test "$(verdict silent.wav silence)" = fail
check "qc of six channels" test "$(verdict six.wav samples)" = pass
refuses "qc of no frames" "no sound" "$drgen" qc none.wav
"$drgen" qc noise.wav > stdout 2> stderr
check "without --strict the exit code is 0" test $? = 0
check "the table says FAIL" grep -q '^FAIL  integrated loudness' stdout
"$drgen" qc noise.wav --strict > stdout 2> stderr
check "with --strict it is 3" test $? = 3
"$drgen" qc m.wav --png 1.png --report 1.json > stdout
"$drgen" qc m.wav --png 2.png --report 2.json > stdout
check "pictures are the same every time" cmp 1.png 2.png
check "reports too" cmp 1.json 2.json
check "a picture is a PNG" test "$(head -c 4 1.png | tail -c 3)" = PNG
check "--show prints lines" test "$("$drgen" qc m.wav --show | wc -l)" -gt 25
check "nothing but finite numbers or null" test "$(grep -c -i -e nan -e inf 1.json)" = 0

# ---- formats, and songs from their recipes
made() { "$drgen" generate -l song.lrc -p 'folk, guitar' --steps 2 --cfg 0 --seed 7 -q "$@" > stdout 2> stderr; }
printf '[00:01.00]Hello from a very small machine\n[00:05.50]Singing all the day\n' > song.lrc
check "FLAC with words" made -o s.flac --title 'A "title" é' --artist Someone --bits 24
"$drgen" info s.flac --json > info.json
check "the title is kept" grep -q '"title":"A \\"title\\" é"' info.json
check "the recipe is kept" grep -q '"ai_generated":true' info.json
check "licences are kept" grep -q '"license"' info.json
"$drgen" generate --recipe - -o again.flac -q < info.json > stdout
check "the recipe makes the same file again" cmp s.flac again.flac
"$drgen" generate --recipe s.flac -o other.flac --seed 8 -q > stdout
check "another seed wins over the recipe" test "$(cksum < s.flac)" != "$(cksum < other.flac)"
check "OGG" made -o s.ogg
check "Opus, at its own rate" made -o s.opus
"$drgen" info s.opus --json > info.json
check "Opus: 48 kHz" test "$(json info.json sample_rate)" = 48000
check "Opus: the recipe is kept" grep -q '"recipe":{' info.json
if made -o s.mp3; then
    check "MP3: the recipe is kept" grep -q '"ai_generated":true' <<END
$("$drgen" info s.mp3 --json)
END
else check "MP3 is refused in words" grep -q 'MP3' stderr; fi
check "untouched floats" made -o f.wav --master none --bits 32
made -o g.wav --bits 32 --rate 48000 --master loud --json
check "mastering of generate: figures as JSON" grep -Eq '"lufs":-(10.0|9.9)' stdout
"$drgen" info f.wav > stdout
check "info for people" grep -q 'none: instrumental\|lyrics *2 lines' stdout
head -c 300 info.json > broken.json
refuses "a broken recipe" "broken.json" "$drgen" generate --recipe broken.json -o out.wav
refuses "a recipe of nothing" "noise.wav" "$drgen" generate --recipe noise.wav -o out.wav
refuses "an unknown ending" ".flac" "$drgen" generate --instrumental -p x -o out.xyz
refuses "24 bits in OGG" "bits" "$drgen" generate --instrumental -p x --bits 24 -o out.ogg
refuses "no such mastering" "balanced" "$drgen" generate --instrumental -p x --master radio -o out.wav
check "info of a sound without a recipe" "$drgen" info noise.wav
refuses "info of text" "not a sound file" "$drgen" info text.wav

# ---- a second opinion
if command -v ffmpeg > /dev/null; then
    for preset in balanced loud r128; do
        "$drgen" master noise.wav -o m.wav --preset $preset --json -q > stdout
        ffmpeg -hide_banner -nostats -i m.wav -af ebur128=peak=true -f null - 2> log
        i=$(sed -n 's/^ *I: *\(-*[0-9.]*\) LUFS/\1/p' log | tail -n 1) peak=$(sed -n 's/^ *Peak: *\(-*[0-9.]*\) dBFS/\1/p' log | tail -n 1)
        check "ffmpeg on $preset: $i LUFS, $peak dBTP" awk "BEGIN { exit !($i - ($(json stdout target)) < 0.15 && ($(json stdout target)) - $i < 0.15 && $peak <= -1.0) }"
    done
else skip "ffmpeg is not here to measure too"; fi

check "no temporary files are left" test -z "$(find . -name '*.wav.*' -o -name '*.json.*' -o -name '*.png.*')"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
