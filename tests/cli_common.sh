# Shared by the tests of the program from outside, which source this file from the project's folder: a scratch folder to
# work in, three kinds of check, and WAV files.
T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT
tokenizer=$PWD/tests/golden/spm/spm.model
cd "$T" || exit 1
passed=0 failed=0 skipped=0

# From here on $drgen is a script that runs the program with a made-up model that has an audio tower and an encoder, unless
# the command line names another.
use_tiny_model() {
    "$drgen" synth --size tiny --tokenizer "$tokenizer" -o "$T/tiny" > synth.log 2>&1 || bad "synth" "$(cat synth.log)"
    cat > "$T/on_tiny" << END
#!/bin/sh
case "\$1: \$* " in
*" -m "* | *" --from "*) ;;
encode:* | decode:* | prepare:* | train:* | style:* | generate:*) set -- "\$@" -m '$T/tiny' ;;
esac
exec '$drgen' "\$@"
END
    chmod +x "$T/on_tiny"
    drgen=$T/on_tiny
}

# A made-up model whose songs take 11 s, not 95: most tests of songs are about other things than length.
short_model() { # short_model FOLDER
    "$drgen" synth --size tiny --tokenizer "$tokenizer" -o "$1" > synth.log 2>&1 || bad "synth" "$(cat synth.log)"
    sed 's/"max_frames": 2048/"max_frames": 256/' "$1/model.json" > short.json
    cmp -s short.json "$1/model.json" && bad "model.json names no max_frames"
    mv short.json "$1/model.json"
}

ok() { echo "ok $1"; passed=$((passed + 1)); }
bad() { echo "FAIL $1"; shift; for l; do printf '  %s\n' "$l"; done; failed=$((failed + 1)); }
skip() { echo "skipped: $1"; skipped=$((skipped + 1)); }
check() { # check NAME COMMAND...: the command succeeds
    name=$1; shift
    if "$@" > check.log 2>&1; then ok "$name"; else bad "$name" "$(cat check.log)"; fi
}

# refuses NAME TEXT COMMAND...: ends with an error, one line on stderr that holds TEXT, nothing on stdout, no file.
refuses() {
    name=$1 text=$2
    shift 2
    rm -rf out.wav
    "$@" > stdout 2> stderr
    code=$?
    why=
    [ $code -ne 0 ] || why="exit code 0"
    [ $code -lt 126 ] || why="exit code $code"
    [ "$(wc -l < stderr)" -eq 1 ] || why="$(wc -l < stderr) lines on stderr"
    grep -qF -- "$text" stderr || why="stderr does not say: $text"
    [ -s stdout ] && why="something on stdout"
    [ -z "$(ls out.wav* 2> /dev/null)" ] || why="left $(ls out.wav*)"
    if [ -z "$why" ]; then ok "$name"; else bad "$name" "$why" "$(head -n 3 stderr)"; fi
}

le() { v=$1 n=$2; while [ "$n" -gt 0 ]; do printf "\\$(printf %03o $((v & 255)))"; v=$((v >> 8)) n=$((n - 1)); done; }
wav() { # wav KIND BITS RATE CHANNELS FRAMES: WAV on stdout, samples from stdin; KIND 1 integers, 3 floats
    size=$(($2 / 8 * $4 * $5))
    printf RIFF; le $((36 + size)) 4
    printf 'WAVEfmt '; le 16 4; le "$1" 2; le "$4" 2; le "$3" 4; le $(($3 * $4 * $2 / 8)) 4; le $(($4 * $2 / 8)) 2; le "$2" 2
    printf data; le $size 4
    head -c $size
}
