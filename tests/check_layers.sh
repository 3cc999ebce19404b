#!/bin/sh
# Who may include whom (the design's layer rule): includes are written "layer/file.h" from src/.
cd "$(dirname "$0")/.." || exit 1
bad=0
allow() { # allow LAYER "layers it may include"
    for f in src/"$1"/*.[ch] src/"$1"/*.inc; do
        [ -f "$f" ] || continue
        for inc in $(sed -n 's/^ *#include "\([^"]*\)".*/\1/p' "$f"); do
            ok=0
            for l in $2; do case "$inc" in "$l"/*|"$l") ok=1 ;; esac; done
            case "$inc" in */*) ;; *) [ -f "src/$1/$inc" ] && ok=1 ;; esac # an .inc of the same room
            [ $ok = 1 ] || { echo "layers: $f includes $inc"; bad=1; }
        done
    done
}
allow base "base drgen.h"
allow kernels "base kernels"
allow io "base io"
allow dsp "base kernels dsp"
allow nn "base kernels nn io/weights.h"
allow text "base io text"
allow model "base kernels nn io model"
allow train "base kernels nn io model train"
allow nano "base kernels io dsp nn text model train nano"
allow pipeline "base kernels nn io dsp text model train nano pipeline drgen.h"
allow cli "drgen.h cli weights_tools"
one() { # header, only file (a pattern)
    for f in $(grep -lE "#include <$1>" -r src weights_tools); do
        # shellcheck disable=SC2254
        case $f in $2) ;; *) echo "layers: $f includes <$1>, only $2 may"; bad=1 ;; esac
    done
}
one cblas.h src/kernels/gemm_blas.c
one sndfile.h "src/io/audio_*"
one "cjson/cJSON.h" src/io/json.c
one fftw3.h src/dsp/fft.c
one "espeak-ng/speak_lib.h" src/text/en_espeak.c
one soxr.h src/dsp/resample.c
exit $bad
