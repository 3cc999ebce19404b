#!/bin/sh
# The AArch64 parts of `make test-full`: build/arm64 under an emulator, which is slow, so only what rests on the
# processor: kernels, products, models, parsers, not the long laws of sound. Usage: arm64.sh unit CPU [NAME...] |
# golden ISA CASE...
cd "$(dirname "$0")/.." || exit 1
root=build/arm64-root
if [ -f $root.why ]; then
    echo "skipped: $(cat $root.why)"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi

emulate() { # CPU PROGRAM ARGUMENT...
    cpu=$1
    shift
    qemu-aarch64 -L $root -cpu "$cpu" "$@"
}

goldens() { # each folder's counts end with a line of their own; one that ends without is one that failed
    for case in "$@"; do
        emulate max build/arm64/golden tests/golden/"$case" || echo "FAIL golden/$case"
    done | awk '/^[0-9]+ passed/ { n++; ok += $1; bad += $3; skip += $5; next } { print }
        END { bad += cases - n; printf "%d passed, %d failed, %d skipped\n", ok, bad, skip; exit bad > 0 }' cases=$#
}

what=$1 with=$2
shift 2
case $what in
unit) emulate "$with" build/arm64/unit "$@" ;;
golden) DRGEN_ISA=$with && export DRGEN_ISA && goldens "$@" ;;
esac
