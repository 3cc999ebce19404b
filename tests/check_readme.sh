#!/bin/sh
# Runs README.md: every ```sh block after a line <!-- run -->, in order, as one script, in a folder with a copy of the
# program, the library, its header and the demo lyrics. A block after <!-- file NAME --> is written to NAME first. Quiet
# when all is well.
here=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/src" "$dir/tests/golden" && cp "$here/build/release/drgen" "$here/build/release/libdrgen.a" "$dir" || exit 1
cp "$here/src/drgen.h" "$dir/src" && cp "$here/tests/golden/demo.lrc" "$dir/tests/golden" || exit 1
awk -v dir="$dir" '
    /^<!-- run -->$/ { to = dir "/commands.sh"; next }
    /^<!-- file [a-z_]+\.[a-z]+ -->$/ { to = dir "/" $3; next }
    /^```/ && inside { inside = 0; close(to); to = ""; next }
    /^```/ { inside = to != ""; next }
    inside { print >> to }
' "$here/README.md"
[ -s "$dir/commands.sh" ] || { echo "README.md: no runnable block found"; exit 1; }
cd "$dir" && sh -ex commands.sh > log 2>&1 < /dev/null && exit 0
echo "README.md: a command failed:"
tail -n 10 "$dir/log"
exit 1
