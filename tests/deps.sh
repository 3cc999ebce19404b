#!/bin/sh
# Installs the Debian packages drgen builds with, or says how.
packages="gcc libc6-dev binutils pkg-config libsndfile1-dev libcjson-dev libopenblas-dev libespeak-ng-dev espeak-ng-data libfftw3-dev libsoxr-dev"
missing=""
command -v gcc >/dev/null 2>&1 || missing="$missing gcc libc6-dev binutils"
command -v pkg-config >/dev/null 2>&1 || missing="$missing pkg-config"
check() { pkg-config --exists "$1" 2>/dev/null || missing="$missing $2"; }
check sndfile libsndfile1-dev
check libcjson libcjson-dev
check openblas libopenblas-dev
check fftw3 libfftw3-dev
check soxr libsoxr-dev
check espeak-ng "libespeak-ng-dev espeak-ng-data"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing:$missing" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends $packages >&2 && exit 0
    echo "drgen: apt-get failed; install by hand: apt-get install $packages" >&2
    exit 1
fi
echo "drgen: missing:$missing" >&2
echo "drgen: run: sudo apt-get install $packages" >&2
exit 1
