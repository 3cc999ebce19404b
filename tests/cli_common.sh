# Shared by the tests of the program from outside, which source this file from the project's folder: a scratch folder to
# work in, and three kinds of check.
T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT
tokenizer=$PWD/tests/golden/spm/spm.model
cd "$T" || exit 1
passed=0 failed=0 skipped=0

# A model like the built-in one whose songs take 11 s, not 95: most tests of songs are about other things than length.
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
