/* The audio tower on a made-up file: what loading refuses and names, clips cut as the original cuts them, the same bits
 * for any number of threads and for weights in float32 and half precision, and that every part of the sound matters. */
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "model/muq.h"
#include "tests/t.h"
#include "weights_tools/muq_config.h"
#include "weights_tools/pack.h"
#include "weights_tools/source_types.h"

enum { C = 5, D = 12, F = 20, TAPS = 5, T = 6, Q = 8, INNER = 7, LATENT = 10, FRAMES = 41 };

static const mulan_audio_cfg small = {.heads = 3, .use_layer = -1, .clip_seconds = 1};

typedef struct {
    synth_tensor t[128];
    char names[128][96];
    size_t count;
} list;

static void add(list *l, const char *prefix, const char *name, size_t a, size_t b, size_t c, size_t d)
{
    const size_t shape[4] = {a, b, c, d};
    synth_tensor *t = &l->t[l->count];
    int dims = d ? 4 : c ? 3 : b ? 2 : 1;
    snprintf(l->names[l->count], sizeof l->names[0], "%s%s", prefix, name);
    int one = dims == 1 && (strstr(name, "weight") || strstr(name, "gamma") || strstr(name, "var") || strstr(name, "scale"));
    *t = (synth_tensor){.dims = dims, .mean = one ? 1 : 0, .half = one ? 0.25 : 1 / sqrt((double)(b ? b * (c ? c : 1) * (d ? d : 1) : 16))};
    memcpy(t->shape, shape, sizeof shape);
    l->count++;
}

static void add_pair(list *l, const char *prefix, const char *name, size_t rows, size_t cols)
{
    char full[96];
    snprintf(full, sizeof full, "%s.weight", name);
    add(l, prefix, full, rows, cols, 0, 0);
    snprintf(full, sizeof full, "%s.bias", name);
    add(l, prefix, full, rows, 0, 0, 0);
}

static void add_norm(list *l, const char *prefix, const char *name, size_t width)
{
    char full[96];
    add_pair(l, prefix, name, width, 0);
    snprintf(full, sizeof full, "%s.running_mean", name);
    add(l, prefix, full, width, 0, 0, 0);
    snprintf(full, sizeof full, "%s.running_var", name);
    add(l, prefix, full, width, 0, 0, 0);
}

/* A whole tower with the checkpoint's names: two conformer layers, one transformer layer. */
static void all_tensors(list *l)
{
    const char *core = "mulan.audio.model.model.";
    static const char *const squares[] = {"self_attn.linear_q", "self_attn.linear_k", "self_attn.linear_v", "self_attn.linear_out"};
    static const char *const norms[] = {"ffn1_layer_norm", "self_attn_layer_norm", "conv_module.layer_norm", "ffn2_layer_norm",
                                        "final_layer_norm"};
    char prefix[96];
    l->count = 0;
    for (int b = 0; b < 2; b++)
        for (int i = 1; i <= 3; i++) {
            snprintf(prefix, sizeof prefix, "%sconv.conv.%d.conv%d", core, b, i);
            add(l, prefix, ".weight", C, b || i == 2 ? C : 1, 3, 3);
            add(l, prefix, ".bias", C, 0, 0, 0);
            snprintf(prefix, sizeof prefix, "%sconv.conv.%d.bn%d", core, b, i);
            add_norm(l, prefix, "", C);
        }
    add_pair(l, core, "conv.linear", D, 32 * C);
    for (int i = 0; i < 2; i++) {
        snprintf(prefix, sizeof prefix, "%sconformer.layers.%d.", core, i);
        for (size_t k = 0; k < COUNT(squares); k++) add_pair(l, prefix, squares[k], D, D);
        for (size_t k = 0; k < COUNT(norms); k++) add_pair(l, prefix, norms[k], D, 0);
        add_pair(l, prefix, "ffn1.intermediate_dense", F, D);
        add_pair(l, prefix, "ffn1.output_dense", D, F);
        add_pair(l, prefix, "ffn2.intermediate_dense", F, D);
        add_pair(l, prefix, "ffn2.output_dense", D, F);
        add(l, prefix, "conv_module.pointwise_conv1.weight", 2 * D, D, 1, 0);
        add(l, prefix, "conv_module.depthwise_conv.weight", D, 1, TAPS, 0);
        add_norm(l, prefix, "conv_module.batch_norm", D);
        add(l, prefix, "conv_module.pointwise_conv2.weight", D, D, 1, 0);
    }
    add_pair(l, core, "conformer.layer_norm", D, 0);
    add_pair(l, "mulan.audio.", "proj", T, D);
    const char *tf = "mulan.audio.transformer.layers.0.";
    add(l, tf, "0.norm.learned_gamma", T, 0, 0, 0);
    add(l, tf, "0.to_q.weight", Q, T, 0, 0);
    add(l, tf, "0.to_kv.weight", 2 * Q, T, 0, 0);
    add(l, tf, "0.q_scale", Q / 2, 0, 0, 0);
    add(l, tf, "0.k_scale", Q / 2, 0, 0, 0);
    add(l, tf, "0.to_out.0.weight", T, Q, 0, 0);
    add(l, tf, "1.0.learned_gamma", T, 0, 0, 0);
    add(l, tf, "1.1.weight", 2 * INNER, T, 0, 0);
    add(l, tf, "1.4.weight", T, INNER, 0, 0);
    add_pair(l, "mulan.", "audio_to_latents", LATENT, T);
    for (size_t i = 0; i < l->count; i++) l->t[i].name = l->names[i];
}

/* Packs the tower into a temporary file and opens it; what was inferred goes to *cfg. */
static drgen_status pack_list_file(const list *l, pack_dtype dtype, mulan_audio_cfg *cfg, st_file **out, drgen_err *err)
{
    char path[] = "/tmp/drgen-muq-XXXXXX";
    int fd = mkstemp(path);
    source *s = NULL;
    pack_how how = {.dtype = dtype};
    *out = NULL;
    CHECK(fd >= 0);
    close(fd);
    drgen_status status = source_open_synth(&s, "made up", l->t, l->count, 3, err);
    if (status == DRGEN_OK) status = pack_mulan_audio(s, path, &how, cfg, NULL, err);
    if (status == DRGEN_OK) status = st_open(out, path, err);
    source_close(s);
    unlink(path);
    return status;
}

static void encode(const muq *m, int threads, const float *mel, size_t frames, float *style)
{
    pool *p = NULL;
    arena work = arena_measure();
    CHECK(pool_open(&p, threads, NULL) == DRGEN_OK);
    nn n = {kern_best(), p, &work};
    muq_encode(m, &n, NULL, frames, NULL, NULL, NULL);
    CHECK(work.used == 0 && arena_init(&work, work.peak, "test", NULL) == DRGEN_OK);
    muq_encode(m, &n, mel, frames, style, NULL, NULL);
    CHECK(work.used == 0);
    arena_free(&work);
    pool_close(p);
}

static void some_mel(float *mel, size_t count)
{
    uint64_t rng = 9;
    for (size_t i = 0; i < count; i++) mel[i] = 20.0f * rng_uniform(&rng);
}

TEST(muq_packing_names_what_is_missing_or_misshapen)
{
    list *whole = malloc(sizeof *whole), *l = malloc(sizeof *l);
    all_tensors(whole);
    for (size_t i = 0; i < whole->count; i++)
        for (int wrong = 0; wrong < 2; wrong++) {
            st_file *f = NULL;
            mulan_audio_cfg cfg = small;
            drgen_err err = {0};
            memcpy(l, whole, sizeof *l);
            for (size_t k = 0; k < l->count; k++) l->t[k].name = l->names[k];
            if (wrong) l->t[i].shape[0]++;
            else {
                l->t[i] = l->t[--l->count];
                l->t[i].name = l->names[i == l->count ? i : l->count];
            }
            CHECKF(pack_list_file(l, PACK_F32, &cfg, &f, &err) == DRGEN_ERR_MODEL, "%s %s", whole->names[i],
                   wrong ? "misshapen" : "missing");
            st_close(f);
        }
    free(whole), free(l);
}

TEST(muq_loading_refuses_what_does_not_fit)
{
    list *l = malloc(sizeof *l);
    all_tensors(l);
    st_file *f = NULL;
    mulan_audio_cfg cfg = small;
    drgen_err err = {0};
    CHECKF(pack_list_file(l, PACK_F32, &cfg, &f, &err) == DRGEN_OK, "%s", err.message);
    CHECK(cfg.conv_dim == C && cfg.width == D && cfg.depth == 2 && cfg.inner == F && cfg.kernel == TAPS && cfg.tf_dim == T &&
          cfg.tf_depth == 1 && cfg.tf_heads == 2 && cfg.tf_dim_head == Q / 2 && cfg.tf_inner == INNER && cfg.dim_latent == LATENT);
    struct {
        int *field, value;
        const char *say;
    } cases[] = {{&cfg.heads, 4, "even width"},        {&cfg.heads, 5, "5 heads"},           {&cfg.heads, 0, "not positive"},
                 {&cfg.kernel, 4, "kernel 4"},         {&cfg.use_layer, 0, "state 0"},       {&cfg.use_layer, -4, "state -4"},
                 {&cfg.depth, 1, "does not know"},     {&cfg.tf_depth, 0, "does not know"},  {&cfg.depth, 3, "is missing"},
                 {&cfg.inner, F + 1, "dense.weight"},  {&cfg.conv_dim, C + 1, "conv1.weight"}, {&cfg.dim_latent, 9, "audio_to_latents"},
                 {&cfg.tf_inner, 6, "1.1.weight"},     {&cfg.kernel, 7, "depthwise_conv"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        muq *m = NULL;
        int kept = *cases[i].field;
        err = (drgen_err){0};
        *cases[i].field = cases[i].value;
        CHECKF(muq_load(&m, &cfg, f, &err) == DRGEN_ERR_MODEL && !m && strstr(err.message, cases[i].say), "case %zu: \"%s\"", i, err.message);
        *cases[i].field = kept;
        muq_free(m);
    }
    muq *m = NULL;
    CHECKF(muq_load(&m, &cfg, f, NULL) == DRGEN_OK, "the right sizes");
    muq_free(m);
    st_close(f);
    free(l);
}

TEST(muq_is_the_same_for_any_threads)
{
    list *l = malloc(sizeof *l);
    float *mel = malloc(MUQ_BANDS * FRAMES * sizeof *mel), want[LATENT], got[LATENT];
    all_tensors(l);
    some_mel(mel, MUQ_BANDS * FRAMES);
    for (int dtype = 0; dtype < 2; dtype++) {
        st_file *f = NULL;
        muq *m = NULL;
        mulan_audio_cfg cfg = small;
        CHECK(pack_list_file(l, dtype ? PACK_F16 : PACK_F32, &cfg, &f, NULL) == DRGEN_OK);
        CHECK(f && muq_load(&m, &cfg, f, NULL) == DRGEN_OK);
        for (int threads = 1; m && threads < 5; threads++) {
            encode(m, threads, mel, FRAMES, got);
            if (threads == 1) {
                double dot = 0;
                for (size_t i = 0; i < LATENT && dtype; i++) dot += (double)want[i] * (double)got[i];
                CHECKF(!dtype || dot > 0.9999, "half precision points elsewhere: cosine %.6f", dot);
                memcpy(want, got, sizeof want);
            }
            CHECKF(memcmp(want, got, sizeof want) == 0, "%d threads: other bits", threads);
        }
        double length = 0;
        for (size_t i = 0; i < LATENT; i++) length += (double)got[i] * (double)got[i];
        CHECKF(fabs(length - 1) < 1e-6, "length^2 %.9g", length);
        muq_free(m);
        st_close(f);
    }
    free(l), free(mel);
}

TEST(muq_hears_every_moment_and_every_state_differs)
{
    list *l = malloc(sizeof *l);
    float *mel = malloc(MUQ_BANDS * FRAMES * sizeof *mel), base[LATENT], other[LATENT];
    all_tensors(l);
    some_mel(mel, MUQ_BANDS * FRAMES);
    st_file *f = NULL;
    mulan_audio_cfg cfg = small;
    CHECK(pack_list_file(l, PACK_F32, &cfg, &f, NULL) == DRGEN_OK);
    float seen[4][LATENT];
    for (int state = -1; f && state >= -3; state--) {
        muq *m = NULL;
        cfg.use_layer = state;
        CHECK(muq_load(&m, &cfg, f, NULL) == DRGEN_OK);
        encode(m, 1, mel, FRAMES, seen[-state]);
        for (int before = 1; before < -state; before++) CHECK(memcmp(seen[before], seen[-state], sizeof seen[0]) != 0);
        muq_free(m);
    }
    cfg.use_layer = -1;
    muq *m = NULL;
    CHECK(f && muq_load(&m, &cfg, f, NULL) == DRGEN_OK);
    encode(m, 1, mel, FRAMES, base);
    for (size_t t = 0; m && t < FRAMES; t++) {
        double most = 0;
        for (size_t b = 0; b < MUQ_BANDS; b++) mel[b * FRAMES + t] += 5;
        encode(m, 1, mel, FRAMES, other);
        for (size_t i = 0; i < LATENT; i++) most = fmax(most, fabs((double)base[i] - (double)other[i]));
        CHECKF(most > 1e-6, "frame %zu does not matter", t);
        for (size_t b = 0; b < MUQ_BANDS; b++) mel[b * FRAMES + t] -= 5;
    }
    muq_free(m);
    st_close(f);
    free(l), free(mel);
}

TEST(clips_wrap_around_once)
{
    float x[100], out[200];
    size_t last = 0;
    for (size_t i = 0; i < COUNT(x); i++) x[i] = (float)i;
    CHECK(muq_clips(x, 100, 50, out, &last) == 2 && last == 50 && out[99] == 99);
    CHECK(muq_clips(x, 100, 40, out, &last) == 3 && last == 40 && out[99] == 99 && out[100] == 0 && out[119] == 19);
    CHECK(muq_clips(x, 100, 180, out, &last) == 1 && last == 180 && out[100] == 0 && out[179] == 79);
    CHECK(muq_clips(x, 30, 100, out, &last) == 1 && last == 60 && out[30] == 0 && out[59] == 29); /* once, not to the end */
    CHECK(muq_clips(x, 41, 40, NULL, NULL) == 2);
}

static drgen_status read_texts(const char *first, const char *second, mulan_audio_cfg *c, drgen_err *err)
{
    char paths[2][32] = {"/tmp/drgen-muq-XXXXXX", "/tmp/drgen-muq-XXXXXX"};
    const char *texts[2] = {first, second};
    for (int i = 0; i < 2; i++) {
        int fd = mkstemp(paths[i]);
        CHECK(fd >= 0 && (!texts[i] || write(fd, texts[i], strlen(texts[i])) == (ssize_t)strlen(texts[i])));
        close(fd);
    }
    drgen_status status = muq_config_read(first ? paths[0] : NULL, second ? paths[1] : NULL, c, err);
    for (int i = 0; i < 2; i++) unlink(paths[i]);
    return status;
}

TEST(muq_configs_are_read_and_checked)
{
    const char *first = "{\"label_rate\": 25, \"stat\": {\"melspec_2048_mean\": 6.5, \"melspec_2048_std\": 18.5}, \"w2v2_config\": "
                      "{\"num_attention_heads\": 4, \"position_embeddings_type\": \"rotary\", \"num_hidden_layers\": 24}}";
    const char *second = "{\"mulan\": {\"sr\": 24000, \"clip_secs\": 10}, \"audio_model\": {\"use_layer_idx\": -1}}";
    mulan_audio_cfg c = {0};
    drgen_err err = {0};
    CHECK(read_texts(NULL, NULL, &c, NULL) == DRGEN_OK && c.heads == 0 && c.use_layer == 0);
    CHECKF(read_texts(first, second, &c, &err) == DRGEN_OK, "%s", err.message);
    CHECK(c.heads == 4 && c.mel_mean == 6.5 && c.mel_std == 18.5 && c.use_layer == -1 && c.clip_seconds == 10);
    static const struct {
        const char *first, *second, *say;
    } cases[] = {{"{}", NULL, "num_attention_heads"},
                 {"{\"label_rate\": 50}", NULL, "label_rate: only 25"},
                 {"{\"w2v2_config\": {\"position_embeddings_type\": \"relative\"}}", NULL, "only \"rotary\""},
                 {"{\"w2v2_config\": {\"num_attention_heads\": 4}}", NULL, "melspec_2048_mean"},
                 {NULL, "{\"mulan\": {\"sr\": 16000}}", "sr: only 24000"},
                 {NULL, "{\"audio_model\": {\"use_layer_idx\": 1000}}", "use_layer_idx"},
                 {NULL, "{\"mulan\": {\"clip_secs\": 0}}", "clip_secs"},
                 {NULL, "not json", "/tmp/drgen-muq-"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        err = (drgen_err){0};
        CHECKF(read_texts(cases[i].first, cases[i].second, &c, &err) != DRGEN_OK && strstr(err.message, cases[i].say), "case %zu: \"%s\"", i,
               err.message);
    }
}

/* States counted from the first or the last, and heads from the stored rotary table. */
TEST(muq_packing_turns_hints_into_sizes)
{
    list *l = malloc(sizeof *l);
    all_tensors(l);
    static const struct {
        int hint, want;
    } states[] = {{0, -1}, {-1, -1}, {-3, -3}, {1, -3}, {2, -2}, {3, -1}, {4, 0}, {-4, 0}}; /* want 0: refused */
    for (size_t i = 0; i < COUNT(states); i++) {
        st_file *f = NULL;
        mulan_audio_cfg cfg = {.heads = 3, .use_layer = states[i].hint};
        drgen_status status = pack_list_file(l, PACK_F32, &cfg, &f, NULL);
        CHECKF(states[i].want ? status == DRGEN_OK && cfg.use_layer == states[i].want : status == DRGEN_ERR_MODEL, "hint %d: %d",
               states[i].hint, cfg.use_layer);
        st_close(f);
    }
    add(l, "mulan.audio.model.model.", "conformer.embed_positions.inv_freq", D / 2 / 2, 0, 0, 0);
    l->t[l->count - 1].name = l->names[l->count - 1];
    st_file *f = NULL;
    mulan_audio_cfg cfg = {0};
    CHECK(pack_list_file(l, PACK_F32, &cfg, &f, NULL) == DRGEN_OK && cfg.heads == 2);
    st_close(f);
    free(l);
}
