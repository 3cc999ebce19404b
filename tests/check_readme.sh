#!/bin/sh
# Runs every command of README's blocks marked <!-- run -->, in a folder with a copy of the program and the demo lyrics.
here=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cp "$here/build/release/drgen" "$here/tests/golden/demo.lrc" "$dir" || exit 1
awk '/^<!-- run -->/ { run = 1; next } run && /^```sh/ { on = 1; next } /^```/ { on = run = 0; next } on { print }' \
    "$here/README.md" > "$dir/commands.sh"
[ -s "$dir/commands.sh" ] || { echo "check_readme: no runnable block found"; exit 1; }
cd "$dir" && sh -e commands.sh > log 2>&1 && exit 0
echo "check_readme: a command of README.md failed:"
tail -n 5 "$dir/log"
exit 1
