#!/bin/sh
# The longer checks behind `make test-full`: golden data at real size, ThreadSanitizer, a song of the real size, a minute
# of every fuzzer. GOLDEN_FULL=DIR adds a folder of golden cases. Ends with "N passed, N failed, N skipped".
cd "$(dirname "$0")/.." || exit 1
logs=build/test-full
mkdir -p $logs
passed=0 failed=0 skipped=0

count() { # count NAME LOG CODE: adds the last "N passed, N failed" of a log
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$2" | tail -n 1)
    name=$1 log=$2 code=$3
    set -- $(printf '%s' "${line:-0 passed, 0 failed, 0 skipped}" | tr -c '0-9\n' ' ')
    ok=$1 bad=$2 skip=${3:-0}
    [ "$code" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
    printf '%-22s %4d passed, %d failed, %d skipped\n' "$name" "$ok" "$bad" "$skip"
    [ "$bad" -eq 0 ] || tail -n 20 "$log"
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
}

run() { # run NAME COMMAND...: a part that counts for itself
    part=$1; shift
    "$@" > $logs/"$part".log 2>&1
    count "$part" $logs/"$part".log $?
}

once() { # once NAME COMMAND...: a part that passes or fails as a whole
    part=$1; shift
    if "$@" > $logs/"$part".log 2>&1; then echo "1 passed, 0 failed, 0 skipped" >> $logs/"$part".log; code=0
    else code=$?; echo "0 passed, 1 failed, 0 skipped" >> $logs/"$part".log; fi
    grep -E '^(kernels|model|time|memory):' $logs/"$part".log
    count "$part" $logs/"$part".log $code
}

run golden-full build/release/golden tests/golden_full
[ -n "$GOLDEN_FULL" ] && run golden-given build/release/golden "$GOLDEN_FULL"
run golden-full-f16 build/release/golden --f16 tests/golden_full/dit_1b
grep reported $logs/golden-full-f16.log
once song-1b sh tests/song_1b.sh
once tsan-build make --no-print-directory MODE=tsan build/tsan/unit
[ -x build/tsan/unit ] && run tsan-unit build/tsan/unit
once no-espeak-build make --no-print-directory MODE=plain WITH_ESPEAK=0 WITH_BLAS=0 WITH_SOXR=0 build/plain/unit build/plain/golden
[ -x build/plain/unit ] && run no-espeak-unit build/plain/unit && run no-espeak-golden build/plain/golden tests/golden
for f in tests/fuzz/fuzz_*.c; do
    name=$(basename "$f" .c)
    name=${name#fuzz_}
    if command -v clang > /dev/null 2>&1; then once "fuzz-$name" make --no-print-directory "fuzz-$name" SECONDS="${FUZZ_SECONDS:-60}"
    else echo "fuzz-$name skipped: no clang"; skipped=$((skipped + 1)); fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
