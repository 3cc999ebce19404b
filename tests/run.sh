#!/bin/sh
# Runs every part of `make test`, two at a time, and adds up. A part is a command that prints what fails and a last line
# "N passed, N failed[, N skipped]"; a part that ends badly without counting a failure counts as one.
cd "$(dirname "$0")/.." || exit 1
logs=build/test
bin=build/release

part() { # the command behind a part's name
    case $1 in
    unit) $bin/unit ;;
    unit-asan) build/asan/unit ;;
    golden-asan) build/asan/golden tests/golden ;;
    golden-*) DRGEN_ISA=${1#golden-} $bin/golden tests/golden ;;
    cli) sh tests/cli.sh ;;
    embed) $bin/embed_c ;;
    embed-c++)
        if [ -x $bin/embed_cc ]; then $bin/embed_cc
        else echo "skipped: no C++ compiler"; echo "0 passed, 0 failed, 1 skipped"; fi ;;
    symbols | readme | layers) # checks that print nothing when all is well
        if sh tests/check_"$1".sh; then echo "1 passed, 0 failed, 0 skipped"
        else echo "0 passed, 1 failed, 0 skipped"; return 1; fi ;;
    *) echo "run.sh: no part $1"; return 1 ;;
    esac
}

if [ "$1" = --part ]; then
    start=$(date +%s)
    part "$2" > "$logs/$2.log" 2>&1
    code=$?
    echo "$code $(($(date +%s) - start))" > "$logs/$2.end"
    exit 0
fi

isas=$($bin/golden --list-isa) || exit 1
parts="unit-asan cli unit golden-asan"
for isa in $isas; do parts="$parts golden-$isa"; done
parts="$parts embed embed-c++ readme symbols layers"
rm -rf $logs
mkdir -p $logs
printf '%s\n' $parts | xargs -n 1 -P 2 sh tests/run.sh --part

passed=0 failed=0 skipped=0
for p in $parts; do
    read -r code seconds < "$logs/$p.end" || { code=1; seconds=0; }
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$logs/$p.log" | tail -n 1)
    set -- $(printf '%s' "${line:-0 passed, 0 failed, 0 skipped}" | tr -c '0-9\n' ' ')
    ok=$1 bad=$2 skip=${3:-0}
    [ "$code" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
    if [ "$bad" -ne 0 ]; then
        echo "---- $p (exit code $code)"
        grep -E 'FAIL|ERROR|error|skipped' "$logs/$p.log" | head -n 40
        tail -n 20 "$logs/$p.log"
    else grep -iE '(^|[^0-9] )skip(ped)?:' "$logs/$p.log"
    fi
    printf '%-16s %4d passed, %d failed, %d skipped  %3d s\n' "$p" "$ok" "$bad" "$skip" "$seconds"
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
