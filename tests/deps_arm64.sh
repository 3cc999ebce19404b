#!/bin/sh
# What tests for AArch64 need on another machine: a cross compiler and an emulator, which as root on Debian are
# installed, and Debian's libraries for it, which are only unpacked, into build/arm64-root: nothing of this machine's
# own is changed or upgraded for them. Where that cannot be, build/arm64-root.why says so in a line and tests are skipped.
cd "$(dirname "$0")/.." || exit 1
root=build/arm64-root
libraries="libc6-dev libsndfile1-dev libcjson-dev libfftw3-dev libsoxr-dev libespeak-ng-dev libebur128-dev"
mkdir -p build
rm -f $root.why

cannot() {
    echo "$1" > $root.why
    echo "drgen: no tests for AArch64: $1" >&2
    exit 0
}

have() { command -v "$1" > /dev/null 2>&1; }

[ "$(uname -m)" = aarch64 ] && cannot "this machine is one, and the other parts have run on it"
if ! have aarch64-linux-gnu-gcc || ! have qemu-aarch64; then
    have apt-get || cannot "aarch64-linux-gnu-gcc or qemu-aarch64 is missing"
    [ "$(id -u)" = 0 ] || cannot "missing packages; run: sudo apt-get install gcc-aarch64-linux-gnu qemu-user"
    echo "installing: gcc-aarch64-linux-gnu qemu-user" >&2
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc-aarch64-linux-gnu qemu-user; } >&2 ||
        cannot "apt-get could not install gcc-aarch64-linux-gnu and qemu-user"
fi
[ -f $root/complete ] && exit 0
if ! have apt-get || ! have dpkg-deb; then cannot "the libraries come from Debian packages, and there is no apt-get"; fi

# The packages and all they stand on, as for an empty machine: apt with lists and state of its own.
echo "unpacking arm64 libraries into $root" >&2
rm -rf $root
mkdir -p $root/apt/lists/partial $root/apt/archives/partial
: > $root/apt/status
at=$PWD/$root/apt
arm_apt() {
    apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Install-Recommends=0 \
        -o Dir::State="$at" -o Dir::State::status="$at/status" -o Dir::Cache="$at" -o APT::Sandbox::User=root "$@" >&2
}
arm_apt update || cannot "apt-get cannot list the packages for arm64"
# shellcheck disable=SC2086
arm_apt install -y --download-only $libraries || cannot "apt-get cannot fetch the libraries for arm64"
for deb in "$at"/archives/*.deb; do
    dpkg-deb -x "$deb" $root || cannot "dpkg-deb cannot unpack $deb"
done
rm -rf "$at"
find $root -type l -lname '/*' | while read -r link; do # links that would lead out of it
    ln -sfn "$(realpath -m --relative-to="$(dirname "$link")" "$root$(readlink "$link")")" "$link"
done
touch $root/complete
