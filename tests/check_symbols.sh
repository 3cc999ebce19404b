#!/bin/sh
# libdrgen.a defines the names of drgen.h and no others; quiet when all is well.
cd "$(dirname "$0")/.." || exit 1
names=$(nm -g --defined-only build/release/libdrgen.a | awk 'NF == 3 { print $3 }')
bad=0
for n in $names; do
    case $n in drgen_*) ;; *) echo "symbols: $n is visible to embedders"; bad=1 ;; esac
    grep -qw "$n" src/drgen.h || { echo "symbols: $n is not in drgen.h"; bad=1; }
done
for n in $(sed -n 's/^DRGEN_API .*[ *]\(drgen_[a-z_]*\)(.*/\1/p' src/drgen.h); do
    echo "$names" | grep -qx "$n" || { echo "symbols: $n of drgen.h is not defined"; bad=1; }
done
[ -n "$names" ] || { echo "symbols: the library defines nothing"; bad=1; }
# The library is a guest: nothing that prints, ends the process or changes it. (abort stays: a layout bug would corrupt
# memory. setlocale stays: it puts back what espeak-ng changes.)
for n in $(nm -u build/release/libdrgen.a | awk '{ print $2 }' | sort -u); do
    case ${n%%@*} in
    printf | puts | putchar | vprintf | perror | stdout | stderr | exit | _exit | setenv | putenv | signal | \
        sigaction | fork | system) echo "symbols: the library uses $n"; bad=1 ;;
    esac
done
exit $bad
