#!/bin/sh
# Runs every part of `make test` (with the word full: of `make test-full`), two at a time, and adds up. A part is a
# command that prints what fails and a last line "N passed, N failed[, N skipped]"; a part that ends badly without
# counting a failure counts as one.
cd "$(dirname "$0")/.." || exit 1
logs=build/test
bin=build/release

one() { # a check that prints only complaints
    if "$@"; then echo "1 passed, 0 failed, 0 skipped"
    else echo "0 passed, 1 failed, 0 skipped"; return 1; fi
}

missing() {
    echo "skipped: $1"
    echo "0 passed, 0 failed, 1 skipped"
}

part() { # the command behind a part's name
    case $1 in
    unit) $bin/unit ;;
    laws-full) DRGEN_FULL=1 $bin/unit tests/laws/ ;;
    unit-asan) build/asan/unit ;;
    unit-tsan) build/tsan/unit ;;
    golden-asan) build/asan/golden tests/golden ;;
    golden-full) $bin/golden tests/golden_full ;;
    golden-full-f16) $bin/golden --f16 tests/golden_full/dit_1b ;;
    golden-extra) $bin/golden "$GOLDEN_FULL" ;;
    unit-arm64) # dot products and matrix products of bytes; and what depends on the machine's types
        sh tests/arm64.sh unit max tests/kernels/ unit/test_conv unit/test_mulan unit/test_muq unit/test_base \
            unit/test_utf8 unit/test_strmap unit/test_zh unit/test_lrc unit/test_spm unit/test_io unit/test_pt. \
            unit/test_npy unit/test_png unit/test_audio unit/test_formats unit/test_truepeak unit/test_tools ;;
    unit-arm64-dot) sh tests/arm64.sh unit cortex-a76 tests/kernels/ ;; # dot products only
    unit-arm64-old) sh tests/arm64.sh unit cortex-a53 tests/kernels/ ;; # neither
    golden-arm64) sh tests/arm64.sh golden neon dit_half dit_tiny dit_tiny_full vae_tiny mulan_tiny mulan_tiny_tf mel \
        torch_rng spm lyrics pt_files resample24k ;;
    golden-arm64-ref) sh tests/arm64.sh golden ref dit_half vae_tiny mulan_tiny mulan_tiny_tf mel ;;
    golden-*) DRGEN_ISA=${1#golden-} $bin/golden tests/golden ;;
    cli) sh tests/cli.sh ;;
    cli-asan) DRGEN=build/asan/drgen sh tests/cli.sh ;;
    cli-songs) sh tests/cli_songs.sh ;;
    cli-songs-asan) DRGEN=build/asan/drgen sh tests/cli_songs.sh ;;
    cli-nano) sh tests/cli_nano.sh ;;
    cli-nano-asan) DRGEN=build/asan/drgen sh tests/cli_nano.sh ;;
    cli-sound) sh tests/cli_sound.sh ;;
    cli-sound-asan) DRGEN=build/asan/drgen sh tests/cli_sound.sh ;;
    cli-train) sh tests/cli_train.sh ;;
    cli-train-asan) DRGEN=build/asan/drgen sh tests/cli_train.sh ;;
    cli-training) sh tests/cli_training.sh ;;
    cli-training-asan) DRGEN=build/asan/drgen sh tests/cli_training.sh ;;
    embed) $bin/embed_c ;;
    embed-c++) if [ -x $bin/embed_cc ]; then $bin/embed_cc; else missing "no C++ compiler"; fi ;;
    symbols | readme | layers) one sh tests/check_"$1".sh ;;
    song-1b) one sh tests/song_1b.sh ;;
    fuzz-*)
        if [ -x build/fuzz/fuzz_"${1#fuzz-}" ]; then one make --no-print-directory "$1"
        else missing "no clang to fuzz with"; fi ;;
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

parts="unit-asan cli-songs cli-nano cli-sound cli-train cli-training readme cli unit golden-asan" # the long ones first
for isa in $($bin/golden --list-isa); do parts="$parts golden-$isa"; done
parts="$parts embed embed-c++ symbols layers"
if [ "$1" = full ]; then
    parts="$parts laws-full golden-full golden-full-f16 song-1b unit-tsan cli-asan cli-nano-asan cli-songs-asan cli-sound-asan cli-train-asan cli-training-asan"
    parts="$parts unit-arm64 unit-arm64-dot unit-arm64-old golden-arm64 golden-arm64-ref"
    [ -n "$GOLDEN_FULL" ] && parts="$parts golden-extra"
    for f in tests/fuzz/fuzz_*.c; do parts="$parts fuzz-$(basename "$f" .c | sed 's/^fuzz_//')"; done
fi
unset MAKEFLAGS MFLAGS MAKELEVEL
rm -rf $logs
mkdir -p $logs
printf '%s\n' $parts | xargs -n 1 -P 2 sh tests/run.sh --part

passed=0 failed=0 skipped=0
: > "$logs/skipped"
for p in $parts; do
    read -r code seconds < "$logs/$p.end" || { code=1; seconds=0; }
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$logs/$p.log" | tail -n 1)
    # shellcheck disable=SC2046
    set -- $(printf '%s' "${line:-0 passed, 0 failed, 0 skipped}" | tr -c '0-9\n' ' ')
    ok=$1 bad=$2 skip=${3:-0}
    [ "$code" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
    if [ "$bad" -ne 0 ]; then
        echo "---- $p (exit code $code)"
        grep -E 'FAIL|ERROR|error' "$logs/$p.log" | head -n 40
        tail -n 20 "$logs/$p.log"
    fi
    grep -iE '(^|[^0-9] )skip(ped)?[: ]' "$logs/$p.log" | grep -v ' passed, ' >> "$logs/skipped"
    printf '%-16s %4d passed, %d failed, %d skipped  %3d s\n' "$p" "$ok" "$bad" "$skip" "$seconds"
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
done
sort -u "$logs/skipped"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
