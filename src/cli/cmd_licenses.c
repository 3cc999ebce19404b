/* cmd_licenses.c - what the program, its libraries and the models are under. */
#include <stdio.h>

#include "cli/cmd.h"

static const char program[] =
    "drgen's own source, the data compiled into it and the built-in model: Apache License 2.0 (LICENSE, NOTICE).\n";

static const char libraries[] =
    "This program is linked with:\n"
    "  libsndfile       LGPL-2.1-or-later   sound files\n"
    "  cJSON            MIT                 JSON\n"
    "  FFTW             GPL-2.0-or-later    spectra\n"
#ifdef WITH_SOXR
    "  libsoxr          LGPL-2.1-or-later   resampling\n"
#endif
#ifdef WITH_BLAS
    "  OpenBLAS         BSD-3-Clause        matrix products where drgen has none of its own\n"
#endif
#ifdef WITH_ESPEAK
    "  libespeak-ng     GPL-3.0-or-later    English pronunciation\n"
    "Because of FFTW and libespeak-ng this binary as a whole may be passed on under the GPL-3.0-or-later.\n"
#else
    "It was built without libespeak-ng, so it cannot read English lyrics. Because of FFTW this binary as a whole may be\n"
    "passed on under the GPL-3.0-or-later.\n"
#endif
    ;

static const char models[] =
    "The built-in model is drgen's own in all its parts (Apache-2.0): its transformer was trained by drgen on songs of\n"
    "drgen's own composer; its autoencoder, the text tower that reads prompts and the tokenizer are made by formula.\n"
    "Nothing of it comes from other models or recordings.\n\n"
    "Other models are not part of drgen. What their makers ask for:\n"
    "  DiffRhythm transformer and decoder   Apache-2.0     ASLP-lab/DiffRhythm-*\n"
    "  MuQ-MuLan text tower                 CC-BY-NC-4.0   OpenMuQ/MuQ-MuLan-large: not for commercial use;\n"
    "                                                      style files (--style) work without it\n"
    "  XLM-R tokenizer                      MIT            FacebookAI/xlm-roberta-base\n";

int cmd_licenses(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        fprintf(stderr, "drgen licenses: takes no arguments\n");
        return 2;
    }
    printf("%s\n%s\n%s", program, libraries, models);
    return 0;
}
