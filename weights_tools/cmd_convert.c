/* cmd_convert.c - `drgen convert`: what users download becomes a model folder. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/json.h"
#include "io/modeldir.h"
#include "io/npy.h"
#include "weights_tools/args.h"
#include "weights_tools/cmd.h"
#include "weights_tools/muq_config.h"
#include "weights_tools/newdir.h"
#include "weights_tools/pack.h"
#include "weights_tools/stop.h"

static const char usage[] =
    "drgen convert - make a model folder from downloaded checkpoints\n"
    "\n"
    "  drgen convert --dit cfm_model.pt --vae vae_model.pt --mulan pytorch_model.bin \\\n"
    "      --tokenizer sentencepiece.bpe.model --negative vocal.npy -o models/base\n"
    "\n"
    "  --dit FILE        DiffRhythm transformer: .pt, or .safetensors\n"
    "  --vae FILE        autoencoder: vae_model.pt (TorchScript or plain), or .safetensors\n"
    "  --mulan FILE      MuQ-MuLan-large: pytorch_model.bin, or .safetensors (its weights are CC-BY-NC 4.0)\n"
    "  --mulan-config FILE, --muq-config FILE\n"
    "                    config.json of MuQ-MuLan-large and of MuQ-large-msd-iter (default: the released values)\n"
    "  --tokenizer FILE  XLM-RoBERTa's sentencepiece.bpe.model or tokenizer.json\n"
    "  --negative FILE   negative style, vocal.npy of DiffRhythm's examples\n"
    "  -o DIR            folder to make; must not exist\n"
    "  --update          add to, or replace parts of, the existing folder DIR\n"
    "  --type TYPE       type of matrices: f16 (as downloaded, the default), f32, or q8: int8 in the transformer's blocks,\n"
    "                    half the memory and several times the speed for nearly the same song\n"
    "  --ema             take the averaged weights where a checkpoint holds both\n"
    "  --heads N         attention heads of the transformer (default 32)\n"
    "  --final-tanh      the autoencoder ends in tanh (the released one does not)\n"
    "  --name TEXT       name in model.json\n"
    "\n"
    "Every part is optional; a song needs --dit and --vae, prompts in words also --mulan and --tokenizer.\n";

typedef struct {
    const char *dit, *vae, *mulan, *tokenizer, *negative, *output, *type, *name, *heads, *muq_config, *mulan_config;
    int update, ema, final_tanh;
} request;

typedef struct {
    const request *r;
    const char *dir;
    model_cfg cfg;
    pack_how how;
    int heads; /* 0: not given */
    drgen_err *err;
} job;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* vocal.npy has as many numbers as the style is wide: the columns of the first text fusion. */
static drgen_status read_negative(job *j, const source *s, float **out)
{
    char *prefix = source_prefix(s, "transformer.text_embed.text_embed.weight", j->how.ema);
    char name[512];
    snprintf(name, sizeof name, "%stransformer.text_embed.text_embed.weight", prefix ? prefix : "");
    const source_tensor *t = source_find(s, name);
    free(prefix);
    if (!t || t->dims != 2 || t->shape[1] == 0 || t->shape[1] > 65536)
        return err_fail(j->err, DRGEN_ERR_MODEL, "%s: tensor transformer.text_embed.text_embed.weight is missing", source_name(s));
    *out = malloc(t->shape[1] * sizeof **out);
    if (!*out) return err_fail(j->err, DRGEN_ERR_NOMEM, "negative style: out of memory");
    return npy_read_vector(j->r->negative, *out, t->shape[1], j->err);
}

typedef enum { PART_DIT, PART_VAE, PART_MULAN, PART_MUQ, PARTS } part;

static const struct {
    const char *title, *file;
} parts[PARTS] = {{"transformer", "dit.safetensors"}, {"autoencoder", "vae.safetensors"}, {"text tower", "mulan.safetensors"},
                  {"audio tower", "mulan_audio.safetensors"}};

static drgen_status pack(job *j, part p, const source *s, const char *path, pack_sum *sum)
{
    model_cfg *c = &j->cfg;
    drgen_status status;
    if (p == PART_DIT) {
        float *negative = NULL;
        if (j->r->negative) {
            status = read_negative(j, s, &negative);
            if (status != DRGEN_OK) {
                free(negative);
                return status;
            }
        }
        j->how.negative = negative;
        c->dit = (dit_cfg){.heads = j->heads};
        status = pack_dit(s, path, &j->how, &c->dit, sum, j->err);
        j->how.negative = NULL;
        free(negative);
        c->has_dit = 1;
        return status;
    }
    if (p == PART_VAE) {
        c->vae = (vae_cfg){.final_tanh = j->r->final_tanh};
        c->has_vae = 1;
        return pack_vae(s, path, &j->how, &c->vae, sum, j->err);
    }
    if (p == PART_MUQ) {
        c->audio = (mulan_audio_cfg){0};
        c->has_mulan_audio = 1;
        ERR_TRY(muq_config_read(j->r->muq_config, j->r->mulan_config, &c->audio, j->err));
        return pack_mulan_audio(s, path, &j->how, &c->audio, sum, j->err);
    }
    c->text = (mulan_text_cfg){0};
    c->has_mulan_text = 1;
    return pack_mulan_text(s, path, &j->how, &c->text, sum, j->err);
}

static drgen_status convert_part(job *j, part p, const char *from)
{
    source *s = NULL;
    pack_sum sum;
    double start = now();
    if (!from) return DRGEN_OK;
    char *path = file_join(j->dir, parts[p].file);
    drgen_status status = path ? source_open(&s, from, j->err) : err_fail(j->err, DRGEN_ERR_NOMEM, "%s: out of memory", from);
    if (status == DRGEN_OK) status = pack(j, p, s, path, &sum);
    if (status == DRGEN_OK)
        printf("%-12s %5zu tensors %12llu parameters %7.1f MiB  %5.1f s  %s\n", parts[p].title, sum.tensors,
               (unsigned long long)sum.parameters, (double)sum.bytes / 1048576.0, now() - start, from);
    if (status == DRGEN_OK && p == PART_VAE && source_code(s))
        printf("             its own program says: %s tanh at the end\n", j->cfg.vae.final_tanh ? "a" : "no");
    source_close(s);
    free(path);
    return status;
}

/* Enough to notice another file; the engine reads it whole when it opens the model. A SentencePiece model is a protobuf
 * whose first field is a piece: tag 1, length-delimited. */
static drgen_status check_tokenizer(file_bytes bytes, int json, const char *name, drgen_err *err)
{
    const char *mistake = file_mistake(bytes);
    if (mistake) return err_fail(err, DRGEN_ERR_FORMAT, "%s: this %s", name, mistake);
    if (json) {
        json_doc *doc = NULL;
        ERR_TRY(json_parse(&doc, bytes.data, bytes.size, name, err));
        int known = json_get(json_root(doc), "model") != NULL;
        json_free(doc);
        return known ? DRGEN_OK : err_fail(err, DRGEN_ERR_FORMAT, "%s: not a tokenizer.json: it has no \"model\"", name);
    }
    return bytes.data[0] == 0x0a ? DRGEN_OK
                                 : err_fail(err, DRGEN_ERR_FORMAT, "%s: neither a SentencePiece model nor a tokenizer.json", name);
}

static drgen_status copy_tokenizer(job *j)
{
    file_bytes bytes;
    file_writer w;
    if (!j->r->tokenizer) return DRGEN_OK;
    ERR_TRY(file_map(&bytes, j->r->tokenizer, (size_t)1 << 28, j->err));
    size_t start = 0;
    while (start < bytes.size && (bytes.data[start] == ' ' || bytes.data[start] == '\n')) start++;
    int json = start < bytes.size && bytes.data[start] == '{';
    drgen_status status = check_tokenizer(bytes, json, j->r->tokenizer, j->err);
    if (status != DRGEN_OK) {
        file_close(&bytes);
        return status;
    }
    snprintf(j->cfg.tokenizer, sizeof j->cfg.tokenizer, "%s", json ? "tokenizer.json" : "tokenizer.model");
    char *path = file_join(j->dir, j->cfg.tokenizer);
    status = path ? file_begin(&w, path, j->err) : err_fail(j->err, DRGEN_ERR_NOMEM, "tokenizer: out of memory");
    if (status == DRGEN_OK) {
        status = file_put(&w, bytes.data, bytes.size, j->err);
        if (status == DRGEN_OK) status = file_commit(&w, j->err);
        else file_abort(&w);
    }
    free(path);
    file_close(&bytes);
    return status;
}

static drgen_status convert(job *j)
{
    const request *r = j->r;
    ERR_TRY(convert_part(j, PART_DIT, r->dit));
    ERR_TRY(convert_part(j, PART_VAE, r->vae));
    ERR_TRY(convert_part(j, PART_MULAN, r->mulan));
    ERR_TRY(convert_part(j, PART_MUQ, r->mulan));
    ERR_TRY(copy_tokenizer(j));
    const char *name = r->name ? r->name : *j->cfg.name ? j->cfg.name : j->cfg.dit.duration_embed ? "DiffRhythm full" : "DiffRhythm base";
    if (name != j->cfg.name) snprintf(j->cfg.name, sizeof j->cfg.name, "%s", name);
    snprintf(j->cfg.dtype, sizeof j->cfg.dtype, "%s", pack_dtype_name(j->how.dtype));
    return pack_model_json(j->dir, &j->cfg, j->err);
}

static drgen_status into_new(job *j)
{
    newdir d;
    ERR_TRY(newdir_begin(&d, j->r->output, j->err));
    j->dir = d.temp;
    drgen_status status = convert(j);
    if (status == DRGEN_OK) return newdir_commit(&d, j->err);
    newdir_abort(&d);
    return status;
}

/* Every file is replaced by rename and model.json comes last, so a failure leaves the old parts usable. */
static drgen_status into_old(job *j)
{
    modeldir d;
    ERR_TRY(modeldir_open(&d, j->r->output, j->err));
    drgen_status status = config_read(&d, &j->cfg, j->err);
    j->dir = j->r->output;
    if (status == DRGEN_OK) status = convert(j);
    modeldir_close(&d);
    return status;
}

/* A whole number, or -1. */
static long number(const char *text)
{
    char *end;
    long v = strtol(text, &end, 10);
    return *text && !*end ? v : -1;
}

int cmd_convert(int argc, char **argv)
{
    request r = {0};
    const args_option options[] = {{"--dit", &r.dit, NULL},           {"--vae", &r.vae, NULL},
                                   {"--mulan", &r.mulan, NULL},       {"--tokenizer", &r.tokenizer, NULL},
                                   {"--negative", &r.negative, NULL}, {"-o", &r.output, NULL},
                                   {"--output", &r.output, NULL},     {"--type", &r.type, NULL},
                                   {"--name", &r.name, NULL},         {"--heads", &r.heads, NULL},       {"--muq-config", &r.muq_config, NULL},
                                   {"--mulan-config", &r.mulan_config, NULL},
                                   {"--update", NULL, &r.update},     {"--ema", NULL, &r.ema},
                                   {"--final-tanh", NULL, &r.final_tanh}, {NULL, NULL, NULL}};
    drgen_err err = {0};
    int asked = args_read(argc, argv, options, NULL, usage);
    if (asked) return asked == 1 ? 0 : asked;
    long heads = r.heads ? number(r.heads) : 0;
    job j = {.r = &r, .how = {.dtype = PACK_F16, .ema = r.ema, .stop = stop_asked}, .heads = (int)heads, .err = &err};
    const char *wrong = !r.output ? "-o DIR is missing"
                        : !r.dit && !r.vae && !r.mulan && !r.tokenizer ? "nothing to convert: give --dit, --vae, --mulan or --tokenizer"
                        : (r.muq_config || r.mulan_config) && !r.mulan ? "--mulan-config and --muq-config go with --mulan"
                        : r.negative && !r.dit ? "--negative goes with --dit"
                        : r.heads && (heads < 1 || heads > 256) ? "--heads is outside 1..256"
                        : r.type && !pack_dtype_from_name(r.type, &j.how.dtype) ? "--type is f16, f32 or q8" : NULL;
    if (wrong) {
        fprintf(stderr, "drgen convert: %s; see drgen convert --help\n", wrong);
        return 2;
    }
    stop_on_signals();
    if ((r.update ? into_old(&j) : into_new(&j)) != DRGEN_OK) return args_failed(&err);
    printf("%s\n", r.output);
    return 0;
}
