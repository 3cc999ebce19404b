/* main_mktiny.c - writes the folder of the model that is packed into the program. Runs at build time. */
#include <stdio.h>

#include "weights_tools/synth.h"

int main(int argc, char **argv)
{
    drgen_err err = {0};
    synth_model m = synth_model_tiny();
    if (argc != 3) {
        fprintf(stderr, "usage: mktiny DIR TOKENIZER\n");
        return 2;
    }
    m.tokenizer = argv[2];
    if (synth_write(argv[1], &m, &err) == DRGEN_OK) return 0;
    fprintf(stderr, "mktiny: %s\n", err.message);
    return 1;
}
