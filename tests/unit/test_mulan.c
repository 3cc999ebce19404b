/* The text tower on a made-up file: what loading refuses and names, the same bits for any number of threads and for
 * weights in float32 and half precision, sensible use of the ids. */
#include <stdlib.h>

#include "base/half.h"
#include "base/rng.h"
#include "model/mulan.h"
#include "tests/t.h"

static const mulan_text_cfg small = {.vocab_size = 50, .hidden_size = 24, .layers = 2, .heads = 3, .intermediate_size = 40,
                                     .positions = 34, .layer_norm_eps = 1e-5, .tf_dim = 20, .tf_depth = 2, .tf_heads = 2,
                                     .tf_dim_head = 6, .tf_inner = 13, .has_proj = 1, .dim_latent = 16};

typedef struct {
    char name[96];
    int dims;
    size_t shape[2];
    float mean, half;
} item;

typedef struct {
    item items[80];
    size_t count;
} list;

static void add(list *l, const char *prefix, int layer, const char *name, size_t rows, size_t cols)
{
    item *t = &l->items[l->count++];
    int n = layer < 0 ? snprintf(t->name, sizeof t->name, "%s", prefix) : snprintf(t->name, sizeof t->name, "%s%d.", prefix, layer);
    snprintf(t->name + n, sizeof t->name - (size_t)n, "%s", name);
    t->dims = cols ? 2 : 1;
    t->shape[0] = rows;
    t->shape[1] = cols;
    t->half = cols ? 0.4f : 0.2f;
    t->mean = strstr(name, "LayerNorm.weight") || strstr(name, "gamma") || strstr(name, "scale") ? 1.0f : 0.0f;
}

/* Every tensor of the small tower; size_t sizes of the table above. */
static list all_tensors(void)
{
    enum { H = 24, F = 40, D = 20, Q = 12, INNER = 13 };
    static const struct {
        const char *name;
        size_t rows, cols;
    } xlmr[] = {{"attention.self.query.weight", H, H}, {"attention.self.query.bias", H, 0},
                {"attention.self.key.weight", H, H}, {"attention.self.key.bias", H, 0},
                {"attention.self.value.weight", H, H}, {"attention.self.value.bias", H, 0},
                {"attention.output.dense.weight", H, H}, {"attention.output.dense.bias", H, 0},
                {"attention.output.LayerNorm.weight", H, 0}, {"attention.output.LayerNorm.bias", H, 0},
                {"intermediate.dense.weight", F, H}, {"intermediate.dense.bias", F, 0},
                {"output.dense.weight", H, F}, {"output.dense.bias", H, 0},
                {"output.LayerNorm.weight", H, 0}, {"output.LayerNorm.bias", H, 0}},
      tf[] = {{"0.norm.learned_gamma", D, 0}, {"0.to_q.weight", Q, D}, {"0.to_kv.weight", 2 * Q, D}, {"0.q_scale", 6, 0},
              {"0.k_scale", 6, 0}, {"0.to_out.0.weight", D, Q}, {"1.0.learned_gamma", D, 0}, {"1.1.weight", 2 * INNER, D},
              {"1.4.weight", D, INNER}};
    list l = {.count = 0};
    const char *embed = "mulan.text.model.embeddings.";
    add(&l, embed, -1, "word_embeddings.weight", 50, H);
    add(&l, embed, -1, "position_embeddings.weight", 34, H);
    add(&l, embed, -1, "token_type_embeddings.weight", 1, H);
    add(&l, embed, -1, "LayerNorm.weight", H, 0);
    add(&l, embed, -1, "LayerNorm.bias", H, 0);
    for (int i = 0; i < small.layers; i++)
        for (size_t k = 0; k < COUNT(xlmr); k++) add(&l, "mulan.text.model.encoder.layer.", i, xlmr[k].name, xlmr[k].rows, xlmr[k].cols);
    for (int i = 0; i < small.tf_depth; i++)
        for (size_t k = 0; k < COUNT(tf); k++) add(&l, "mulan.text.transformer.layers.", i, tf[k].name, tf[k].rows, tf[k].cols);
    add(&l, "mulan.text.proj.weight", -1, "", D, H);
    add(&l, "mulan.text.proj.bias", -1, "", D, 0);
    add(&l, "mulan.text_to_latents.weight", -1, "", 16, D);
    add(&l, "mulan.text_to_latents.bias", -1, "", 16, 0);
    return l;
}

typedef struct {
    unsigned char *bytes;
    st_file *file;
} made;

/* A file with these tensors, matrices in half precision when asked for. Values are multiples of 2^-8: both types hold
 * them exactly. */
static made make_file(const list *l, int f16)
{
    enum { HEADER = 16384 };
    made m = {calloc(1, HEADER + 65536), NULL};
    char *header = (char *)m.bytes + 8;
    size_t at = 0, n = 1;
    header[0] = '{';
    for (size_t i = 0; i < l->count; i++) {
        const item *t = &l->items[i];
        size_t count = t->shape[0] * (t->dims == 2 ? t->shape[1] : 1), size = f16 && t->dims == 2 ? 2 : 4;
        float *v = malloc((count + 1) * sizeof *v);
        rng_synth(v, 0, count, t->name, (double)t->mean, (double)t->half, 5);
        for (size_t k = 0; k < count; k++) {
            v[k] = roundf(v[k] * 256) / 256;
            uint16_t h = half_to_f16(v[k]);
            memcpy(m.bytes + HEADER + at + k * size, size == 2 ? (void *)&h : (void *)&v[k], size);
        }
        free(v);
        n += (size_t)snprintf(header + n, HEADER - 8 - n, "%s\"%s\": {\"dtype\": \"%s\", \"shape\": [%zu", i ? ", " : "", t->name,
                              size == 2 ? "F16" : "F32", t->shape[0]);
        if (t->dims == 2) n += (size_t)snprintf(header + n, HEADER - 8 - n, ", %zu", t->shape[1]);
        n += (size_t)snprintf(header + n, HEADER - 8 - n, "], \"data_offsets\": [%zu, %zu]}", at, at + count * size);
        at += count * size;
    }
    header[n++] = '}';
    memset(header + n, ' ', HEADER - 8 - n);
    m.bytes[0] = (HEADER - 8) & 255;
    m.bytes[1] = (HEADER - 8) >> 8;
    drgen_err err = {0};
    CHECKF(st_open_bytes(&m.file, file_borrow(m.bytes, HEADER + at), "small", &err) == DRGEN_OK, "%s", err.message);
    return m;
}

static void free_file(made *m)
{
    st_close(m->file);
    free(m->bytes);
}

/* Loads, and wants a MODEL error whose message holds every given text. */
static void refused(const list *l, const mulan_text_cfg *cfg, const char *say, const char *also)
{
    made f = make_file(l, 0);
    mulan_text *m = NULL;
    drgen_err err = {0};
    CHECKF(mulan_text_load(&m, cfg, f.file, &err) == DRGEN_ERR_MODEL && !m && strstr(err.message, say) && strstr(err.message, also),
           "wanted \"%s\" and \"%s\", got \"%s\"", say, also, err.message);
    mulan_text_free(m);
    free_file(&f);
}

TEST(mulan_names_a_missing_tensor)
{
    list whole = all_tensors();
    for (size_t i = 0; i < whole.count; i++) {
        list l = whole;
        l.items[i] = l.items[--l.count];
        refused(&l, &small, whole.items[i].name, "missing");
    }
}

TEST(mulan_names_a_wrong_shape)
{
    list whole = all_tensors();
    for (size_t i = 0; i < whole.count; i++) {
        list l = whole;
        char found[32];
        l.items[i].shape[0]++;
        st_shape_text(found, sizeof found, l.items[i].shape, l.items[i].dims);
        refused(&l, &small, whole.items[i].name, found);
    }
}

TEST(mulan_refuses_sizes_that_do_not_fit)
{
    list l = all_tensors();
    mulan_text_cfg c = small;
    c.heads = 5;
    refused(&l, &c, "5 heads", "24");
    c = small;
    c.has_proj = 0;
    refused(&l, &c, "needs mulan.text.proj", "");
    c = small;
    c.layer_norm_eps = 0;
    refused(&l, &c, "layer_norm_eps", "");
    c = small;
    c.layers = -1;
    refused(&l, &c, "not positive", "");
    c = small;
    c.layers = 1;
    refused(&l, &c, "layer.1.output.dense.weight", "does not know");
    c = small;
    c.tf_depth = 1;
    refused(&l, &c, "layers.1.0.to_q.weight", "does not know");
    add(&l, "mulan.text.model.encoder.layer.2.output.dense.weight", -1, "", 2, 2);
    refused(&l, &small, "layer.2.output.dense.weight", "does not know");
}

static void encode(const mulan_text *m, int threads, const int32_t *ids, size_t count, float style[16])
{
    pool *p = NULL;
    arena work = arena_measure();
    CHECK(pool_open(&p, threads, NULL) == DRGEN_OK);
    nn n = {kern_best(), p, &work};
    mulan_text_encode(m, &n, NULL, count, NULL, NULL, NULL);
    CHECK(work.used == 0 && arena_init(&work, work.peak, "test", NULL) == DRGEN_OK);
    mulan_text_encode(m, &n, ids, count, style, NULL, NULL);
    CHECK(work.used == 0);
    arena_free(&work);
    pool_close(p);
}

TEST(mulan_is_the_same_for_any_threads_and_types)
{
    list l = all_tensors();
    int32_t ids[32];
    for (size_t i = 0; i < COUNT(ids); i++) ids[i] = (int32_t)(i * 7 % 50);
    float want[16] = {0}, got[16];
    for (int f16 = 0; f16 < 2; f16++) {
        made f = make_file(&l, f16);
        mulan_text *m = NULL;
        CHECK(mulan_text_load(&m, &small, f.file, NULL) == DRGEN_OK);
        for (int threads = 1; m && threads < 4; threads++) {
            encode(m, threads, ids, COUNT(ids), got);
            if (!f16 && threads == 1) memcpy(want, got, sizeof want);
            CHECKF(memcmp(want, got, sizeof want) == 0, "%d threads, %s: other bits", threads, f16 ? "f16" : "f32");
        }
        mulan_text_free(m);
        free_file(&f);
    }
    double length = 0;
    for (size_t i = 0; i < COUNT(want); i++) length += (double)want[i] * (double)want[i];
    CHECKF(fabs(length - 1) < 1e-6, "length^2 %.9g", length);
}

/* Greatest difference of two styles. */
static double apart(const float a[16], const float b[16])
{
    double most = 0;
    for (size_t i = 0; i < 16; i++) most = fmax(most, fabs((double)a[i] - (double)b[i]));
    return most;
}

TEST(mulan_reads_every_id_and_its_place)
{
    list l = all_tensors();
    made f = make_file(&l, 0);
    mulan_text *m = NULL;
    CHECK(mulan_text_load(&m, &small, f.file, NULL) == DRGEN_OK);
    int32_t ids[] = {0, 17, 33, 49, 2};
    float base[16], other[16];
    if (m) {
        encode(m, 1, ids, COUNT(ids), base);
        for (size_t i = 0; i < COUNT(ids); i++) {
            int32_t kept = ids[i];
            ids[i] = 21;
            encode(m, 1, ids, COUNT(ids), other);
            CHECKF(apart(base, other) > 1e-4, "id %zu does not matter", i);
            ids[i] = kept;
        }
        encode(m, 1, (const int32_t[]){0, 33, 17, 49, 2}, COUNT(ids), other);
        CHECKF(apart(base, other) > 1e-4, "the order does not matter");
        encode(m, 1, ids, 1, other); /* the shortest text */
        encode(m, 1, (const int32_t[32]){0}, 32, other); /* as many as there are positions */
    }
    mulan_text_free(m);
    free_file(&f);
}
