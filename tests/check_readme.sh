#!/bin/sh
# Runs README.md: every ```sh block after a line <!-- run -->, in order, as one script, in a folder with a copy of the
# program, the examples and the demo lyrics, after a `make install`. A block after <!-- file NAME --> is written to NAME
# first. Quiet when all is well.
here=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/tests/golden" && cp "$here/build/release/drgen" "$dir" || exit 1
cp "$here/tests/golden/demo.lrc" "$dir/tests/golden" && cp -R "$here/examples" "$dir" || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL DESTDIR
make -C "$here" --no-print-directory install PREFIX="$dir/installed" > "$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
export PKG_CONFIG_PATH="$dir/installed/lib/pkgconfig"
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
