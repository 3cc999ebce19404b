/* cmd_synth.c - `drgen synth`: model folders with made-up weights. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/json.h"
#include "weights_tools/args.h"
#include "weights_tools/cmd.h"
#include "weights_tools/newdir.h"
#include "weights_tools/stop.h"
#include "weights_tools/synth.h"

static const char usage[] =
    "drgen synth - make a model folder with made-up weights (rule synth-1), to test and time without a download\n"
    "\n"
    "  drgen synth --size 1b|tiny [--full] [--tokenizer FILE] [--type f16|f32|q8] [--seed N] -o DIR\n"
    "  drgen synth --manifest manifest.json [--type f16|f32|q8] -o DIR\n"
    "\n"
    "  --size 1b         the real sizes: 1.1 B parameters, real autoencoder and text tower\n"
    "  --size tiny       small, for tests: runs in seconds\n"
    "  --full            the variant for songs up to 285 s\n"
    "  --tokenizer FILE  a SentencePiece model, so that prompts work; without it there is no text tower\n"
    "  --manifest FILE   tensors listed in a manifest: transformer, autoencoder or MuQ-MuLan, by what it holds\n";

/* A hint from the manifest; 0 when there is none that makes sense. */
static int small(const json_node *n)
{
    double v = json_number(n, 0);
    return v >= 1 && v <= 1 << 20 ? (int)v : 0;
}

static drgen_status from_manifest(const char *dir, const char *manifest, pack_dtype dtype, drgen_err *err)
{
    source *s;
    model_cfg cfg = {.note = "made-up weights from a manifest"};
    pack_how how = {.dtype = dtype, .stop = stop_asked};
    ERR_TRY(source_open_manifest(&s, manifest, err));
    char *dit = source_prefix(s, "transformer.proj_out.weight", 0), *mulan = source_prefix(s, "mulan.text_to_latents.weight", 0);
    char *path = file_join(dir, dit ? "dit.safetensors" : mulan ? "mulan.safetensors" : "vae.safetensors");
    drgen_status status = path ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "synth: out of memory");
    /* What shapes do not show stands in the manifest's config. */
    file_bytes bytes = {0};
    json_doc *doc = NULL;
    if (status == DRGEN_OK) status = file_map(&bytes, manifest, 64u << 20, err);
    if (status == DRGEN_OK) status = json_parse(&doc, bytes.data, bytes.size, manifest, err);
    if (status == DRGEN_OK) {
        const json_node *config = json_get(json_root(doc), "config");
        cfg.dit.heads = small(json_get(config, "heads"));
        cfg.dit.max_frames = small(json_get(config, "max_frames"));
        cfg.vae.final_tanh = json_bool(json_get(config, "final_tanh"), 0);
        cfg.text.heads = small(json_get(json_get(config, "text"), "num_attention_heads"));
        cfg.has_dit = dit != NULL;
        cfg.has_mulan_text = !dit && mulan;
        cfg.has_vae = !dit && !mulan;
        status = dit     ? pack_dit(s, path, &how, &cfg.dit, NULL, err)
                 : mulan ? pack_mulan_text(s, path, &how, &cfg.text, NULL, err)
                         : pack_vae(s, path, &how, &cfg.vae, NULL, err);
    }
    snprintf(cfg.name, sizeof cfg.name, "made up");
    snprintf(cfg.dtype, sizeof cfg.dtype, "%s", pack_dtype_name(dtype));
    if (status == DRGEN_OK) status = pack_model_json(dir, &cfg, err);
    json_free(doc);
    file_close(&bytes);
    free(path), free(dit), free(mulan);
    source_close(s);
    return status;
}

int cmd_synth(int argc, char **argv)
{
    const char *size = NULL, *manifest = NULL, *type = NULL, *seed = NULL, *output = NULL, *tokenizer = NULL;
    int full = 0;
    pack_dtype dtype = PACK_F16;
    const args_option options[] = {{"--size", &size, NULL},     {"--manifest", &manifest, NULL}, {"--type", &type, NULL},
                                   {"--seed", &seed, NULL},     {"-o", &output, NULL},           {"--output", &output, NULL},
                                   {"--tokenizer", &tokenizer, NULL}, {"--full", NULL, &full},   {NULL, NULL, NULL}};
    drgen_err err = {0};
    newdir d;
    int asked = args_read(argc, argv, options, NULL, usage);
    if (asked) return asked == 1 ? 0 : asked;
    int real = size && strcmp(size, "1b") == 0, tiny = size && strcmp(size, "tiny") == 0;
    const char *wrong = !output ? "-o DIR is missing"
                        : !manifest == !size ? "give either --size or --manifest"
                        : size && !real && !tiny ? "--size is 1b or tiny"
                        : seed && (!*seed || strspn(seed, "0123456789") != strlen(seed)) ? "--seed is not a whole number"
                        : full && !real ? "--full goes with --size 1b"
                        : type && !pack_dtype_from_name(type, &dtype) ? "--type is f16, f32 or q8" : NULL;
    if (wrong) {
        fprintf(stderr, "drgen synth: %s; see drgen synth --help\n", wrong);
        return 2;
    }
    stop_on_signals();
    if (newdir_begin(&d, output, &err) != DRGEN_OK) return args_failed(&err);
    synth_model m = real ? synth_model_1b(full) : synth_model_tiny();
    m.dtype = dtype;
    m.tokenizer = tokenizer;
    m.stop = stop_asked;
    if (seed) m.seed = strtoull(seed, NULL, 10);
    drgen_status status = manifest ? from_manifest(d.temp, manifest, dtype, &err) : synth_write(d.temp, &m, &err);
    if (status == DRGEN_OK) status = newdir_commit(&d, &err);
    else newdir_abort(&d);
    if (status != DRGEN_OK) return args_failed(&err);
    printf("%s\n", output);
    return 0;
}
