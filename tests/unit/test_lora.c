/* Adapters: what they do to a transformer, taken on and off; files that are read and files that are refused. */
#include <stdlib.h>
#include <sys/stat.h>

#include "base/half.h"
#include "base/rng.h"
#include "drgen.h"
#include "model/dit_types.h"
#include "model/lora_config.h"
#include "tests/scratch.h"
#include "tests/t.h"
#include "train/lora_params.h"
#include "weights_tools/synth.h"

enum { FRAMES = 37, DEPTH = 2, DIM = 288, FF = 4 /* wider inside than int8 takes at once */ };

/* ---- adapters to write: the ranks of each kind of module, values from a seed */

typedef struct {
    size_t rank[LORA_SITES];
    uint64_t seed;
    const char *config; /* text of adapter_config.json; NULL: none */
    const char *prefix; /* of names; NULL: PEFT's */
    const char *rename; /* this module instead of q_proj of block 1; or NULL */
    const char *extra;  /* one more tensor, of one number; or NULL */
    size_t wider;       /* added to the input of down_proj of block 0 */
    const char *alpha;  /* metadata; or NULL */
    int poison, half;
} made;

static const dit_cfg sizes = {.dim = DIM, .depth = DEPTH, .ff_mult = FF};

/* Element i of half b (0: A) at a place. */
static void values(float *to, size_t count, const made *m, size_t place, int b)
{
    char name[32];
    snprintf(name, sizeof name, "%zu.%d", place, b);
    rng_synth(to, 0, count, name, 0, b ? 0.1 : 0.1, m->seed);
    if (!m->half) return;
    for (size_t i = 0; i < count; i++) to[i] = ldexpf(rintf(ldexpf(to[i], 10)), -10); /* exact in half precision */
}

static void adapter_write(const char *dir, const made *m)
{
    drgen_err err = {0};
    st_writer *w = NULL;
    char name[200];
    mkdir(dir, 0777);
    if (m->config) CHECK(scratch_write(scratch_path(dir, "adapter_config.json"), m->config, strlen(m->config)));
    CHECKF(st_create(&w, scratch_path(dir, "adapter_model.safetensors"), &err) == DRGEN_OK, "%s", err.message);
    if (m->alpha) CHECK(st_set_metadata(w, "lora_alpha", m->alpha, &err) == DRGEN_OK);
    for (int put = 0; put < 2; put++) {
        for (size_t i = 0; i < DEPTH * LORA_SITES; i++)
            for (int b = 0; b < 2 && m->rank[i % LORA_SITES]; b++) {
                size_t s = i % LORA_SITES, r = m->rank[s], in = lora_in(&sizes, s) + (i == LORA_DOWN ? m->wider : 0);
                size_t shape[2] = {b ? lora_out(&sizes, s) : r, b ? r : in}, count = shape[0] * shape[1];
                const char *module = m->rename && i == LORA_SITES ? m->rename : lora_modules[s].name;
                snprintf(name, sizeof name, "%stransformer_blocks.%zu.%s.%s.lora_%c.weight", m->prefix ? m->prefix : "base_model.model.",
                         i / LORA_SITES, lora_modules[s].part, module, b ? 'B' : 'A');
                if (!put) {
                    CHECKF(st_declare(w, name, m->half ? ST_F16 : ST_F32, shape, 2, &err) == DRGEN_OK, "%s", err.message);
                    continue;
                }
                float *v = malloc(count * sizeof *v);
                values(v, count, m, i, b);
                if (m->poison) v[count / 2] = NAN;
                uint16_t *half = malloc(count * sizeof *half);
                for (size_t k = 0; k < count; k++) half[k] = half_to_f16(v[k]);
                CHECK(st_put(w, m->half ? (void *)half : v, count * (m->half ? 2 : 4), &err) == DRGEN_OK);
                free(half);
                free(v);
            }
        if (m->extra && !put) CHECK(st_declare(w, m->extra, ST_F32, (const size_t[]){1}, 1, &err) == DRGEN_OK);
        if (m->extra && put) CHECK(st_put(w, &(float){5}, 4, &err) == DRGEN_OK);
    }
    CHECKF(st_finish(w, &err) == DRGEN_OK, "%s", err.message);
}

#define ALL(r) {r, r, r, r, r, r, r}
#define CONFIG(more) "{\"peft_type\": \"LORA\", \"r\": 3, \"lora_alpha\": 6" more "}"

/* ---- transformers */

typedef struct {
    char dir[256];
    st_file *f;
    dit *d;
} model;

static void model_make(model *m, pack_dtype type)
{
    drgen_err err = {0};
    synth_model s = synth_model_tiny();
    s.dit.dim = DIM;
    s.dit.depth = DEPTH;
    s.dit.max_frames = 100;
    s.dtype = type;
    *m = (model){0};
    CHECK(scratch_make(m->dir));
    CHECKF(synth_write(m->dir, &s, &err) == DRGEN_OK && st_open(&m->f, scratch_path(m->dir, "dit.safetensors"), &err) == DRGEN_OK &&
               dit_load(&m->d, &s.dit, m->f, &err) == DRGEN_OK, "%s", err.message);
}

static void model_free(model *m)
{
    dit_free(m->d);
    st_close(m->f);
    scratch_remove(m->dir);
}

/* The velocities of both branches, in a row. */
static float *velocities(const dit *d, int threads)
{
    size_t mel = (size_t)d->cfg.mel_dim, c = (size_t)d->cfg.cond_dim;
    float *x = malloc(FRAMES * mel * sizeof *x), *style = malloc(c * sizeof *style), *v = calloc(2 * FRAMES * mel, sizeof *v);
    int32_t text[FRAMES];
    rng_synth(x, 0, FRAMES * mel, "x", 0, 1.7, 3);
    rng_synth(style, 0, c, "style", 0, 0.3, 3);
    for (int i = 0; i < FRAMES; i++) text[i] = i % 19;
    pool *p = NULL;
    arena work = arena_measure();
    CHECK(pool_open(&p, threads, NULL) == DRGEN_OK);
    nn n = {kern_best(), p, &work};
    dit_input in[2] = {{.text = text, .style = style, .duration = 1}, {.style = style, .duration = 1, .null = 1}};
    dit_work w;
    for (int dry = 1; dry >= 0; dry--) {
        dit_prepare(&w, d, &n, in, 2, FRAMES, 0, NULL, NULL);
        dit_forward(&w, &n, x, 0.3f, dry ? NULL : (float *[]){v, v + FRAMES * mel}, NULL, NULL);
        if (dry) CHECK(arena_init(&work, work.peak, "test", NULL) == DRGEN_OK);
        else CHECK(arena_mark(&work) <= work.peak);
    }
    arena_free(&work);
    pool_close(p);
    free(x);
    free(style);
    return v;
}

enum { COUNT_V = 2 * FRAMES * 64 };

static int equal(const float *a, const float *b)
{
    return memcmp(a, b, COUNT_V * sizeof *a) == 0;
}

/* sqrt(sum (a - b)^2 / sum c^2) */
static double apart(const float *a, const float *b, const float *c)
{
    double e = 0, s = 0;
    for (size_t i = 0; i < COUNT_V; i++) {
        e += pow((double)a[i] - (double)b[i], 2);
        s += c ? pow((double)c[i], 2) : pow((double)b[i], 2);
    }
    return sqrt(e / s);
}

static void attach(dit *d, const char *path, float strength)
{
    drgen_err err = {0};
    lora_adapter *a = NULL;
    CHECKF(lora_read(&a, &d->cfg, path, &err) == DRGEN_OK, "%s", err.message);
    if (a) CHECKF(lora_attach(d, a, strength, kern_best(), NULL, &err) == DRGEN_OK, "%s", err.message);
}

/* Adds by * B A to a float32 transformer's matrices, in double and in plain loops; kept gets what to free. */
static void add_by_hand(dit *d, const made *m, double alpha, double strength, float *kept[DEPTH * LORA_SITES])
{
    for (size_t i = 0; i < DEPTH * LORA_SITES; i++) {
        dit_block *k = &d->blocks[i / LORA_SITES];
        wmat *const all[LORA_SITES] = {&k->q, &k->k, &k->v, &k->o, &k->gate, &k->up, &k->down}, *w = all[i % LORA_SITES];
        size_t r = m->rank[i % LORA_SITES];
        if (!r) continue;
        float *a = malloc(r * w->cols * sizeof *a), *b = malloc(r * w->rows * sizeof *b), *sum = malloc(w->rows * w->cols * sizeof *sum);
        values(a, r * w->cols, m, i, 0);
        values(b, r * w->rows, m, i, 1);
        for (size_t y = 0; y < w->rows; y++)
            for (size_t x = 0; x < w->cols; x++) {
                double v = 0;
                for (size_t n = 0; n < r; n++) v += (double)b[y * r + n] * (double)a[n * w->cols + x];
                sum[y * w->cols + x] = (float)((double)((const float *)w->data)[y * w->cols + x] + strength * alpha / (double)r * v);
            }
        free(kept[i]);
        kept[i] = sum;
        w->data = sum;
        free(a);
        free(b);
    }
}

static const made one = {.rank = ALL(3), .seed = 1, .config = CONFIG("")};
static const made two = {.rank = {5, 0, 2, 0, 0, 4, 1}, .seed = 2, .prefix = "", .alpha = "4", .half = 1};

TEST(an_adapter_is_the_sum_of_its_products)
{
    model m, by_hand;
    float *kept[DEPTH * LORA_SITES] = {0};
    model_make(&m, PACK_F32);
    model_make(&by_hand, PACK_F32);
    adapter_write(scratch_path(m.dir, "one"), &one);
    adapter_write(scratch_path(m.dir, "two"), &two);
    float *plain = velocities(m.d, 1);
    attach(m.d, scratch_path(m.dir, "one"), 0.7f);
    add_by_hand(by_hand.d, &one, 6, 0.7, kept);
    float *with = velocities(m.d, 1), *want = velocities(by_hand.d, 1);
    CHECKF(apart(with, want, NULL) < 1e-5, "%g", apart(with, want, NULL));
    CHECKF(apart(with, plain, NULL) > 0.02, "it changes by %g only", apart(with, plain, NULL));
    attach(m.d, scratch_path(m.dir, "two/adapter_model.safetensors"), -1.25f);
    add_by_hand(by_hand.d, &two, 4, -1.25, kept);
    float *both = velocities(m.d, 1), *wanted = velocities(by_hand.d, 1);
    CHECKF(apart(both, wanted, NULL) < 1e-5, "two: %g", apart(both, wanted, NULL));
    CHECK(apart(both, with, NULL) > 0.02);
    CHECK(lora_bytes(m.d) > DEPTH * (4 + 3 * FF) * DIM * DIM * sizeof(float));
    free(plain), free(with), free(want), free(both), free(wanted);
    for (size_t i = 0; i < COUNT(kept); i++) free(kept[i]);
    model_free(&m);
    model_free(&by_hand);
}

TEST(taken_off_an_adapter_leaves_nothing_behind)
{
    static const pack_dtype types[] = {PACK_F32, PACK_F16, PACK_Q8};
    for (size_t i = 0; i < COUNT(types); i++) {
        model m;
        model_make(&m, types[i]);
        adapter_write(scratch_path(m.dir, "one"), &one);
        adapter_write(scratch_path(m.dir, "two"), &two);
        float *plain = velocities(m.d, 1);
        attach(m.d, scratch_path(m.dir, "one"), 1);
        attach(m.d, scratch_path(m.dir, "two/adapter_model.safetensors"), 0.3f);
        float *with = velocities(m.d, 1), *threads = velocities(m.d, 2);
        CHECKF(equal(with, threads), "type %zu: two threads change it", i);
        CHECKF(!equal(plain, with), "type %zu: it changes nothing", i);
        lora_detach(m.d);
        float *after = velocities(m.d, 2);
        CHECKF(equal(plain, after) && lora_bytes(m.d) == 0, "type %zu", i);
        attach(m.d, scratch_path(m.dir, "one"), 1);
        attach(m.d, scratch_path(m.dir, "two/adapter_model.safetensors"), 0.3f);
        float *again = velocities(m.d, 1);
        CHECKF(equal(with, again), "type %zu: on again it is another", i);
        free(plain), free(with), free(threads), free(after), free(again);
        model_free(&m);
    }
}

/* Why not a share of the adapter's own change: an int8 transformer rounds what goes into its products, which moves these
 * velocities by 1.1 % with or without an adapter, each time elsewhere. A difference of two such runs is off by sqrt(2) times
 * that: 1.0 to 1.6 % was measured at strengths 0.5 and 1.5 between a Q8 transformer and the same numbers in float32, 5 to 9 %
 * of what an adapter changes at strength 1.5. Rounded weights alone cost 1 % of the change. So at three times the
 * strength the error stays and its share falls. */
TEST(on_int8_and_half_an_adapter_does_what_it_does_on_float)
{
    static const pack_dtype types[] = {PACK_F16, PACK_Q8};
    static const double bound[] = {1e-3, 0.02}, whole[] = {1e-3, 0.03}; /* of the velocities; the second: of int8 itself */
    static const float strengths[] = {1.5f, 4.5f};
    static const made parts[] = {{.rank = ALL(3), .seed = 1, .config = CONFIG("")},
                                 {.rank = {3, 3, 3, 3}, .seed = 3, .config = CONFIG("")},
                                 {.rank = {0, 0, 0, 0, 3, 3, 0}, .seed = 4, .config = CONFIG("")},
                                 {.rank = {0, 0, 0, 0, 0, 0, 3}, .seed = 5, .config = CONFIG("")}};
    model real, m;
    model_make(&real, PACK_F32);
    float *base = velocities(real.d, 1);
    for (size_t i = 0; i < COUNT(types); i++) {
        model_make(&m, types[i]);
        CHECK((types[i] == PACK_Q8) == m.d->blocks[0].int8);
        float *plain = velocities(m.d, 1);
        for (size_t k = 0; k < 2 * COUNT(parts); k++) {
            int strong = k % 2;
            adapter_write(scratch_path(real.dir, "a"), &parts[k / 2]);
            attach(real.d, scratch_path(real.dir, "a"), strengths[strong]);
            attach(m.d, scratch_path(real.dir, "a"), strengths[strong]);
            float *want = velocities(real.d, 1), *got = velocities(m.d, 1);
            double moved = apart(want, base, NULL), off = apart(got, want, NULL);
            CHECKF(strong || off < whole[i], "type %zu, part %zu: %g", i, k / 2, off);
            for (size_t j = 0; j < COUNT_V; j++) got[j] -= plain[j], want[j] -= base[j];
            double most = strong ? 0.05 * moved : bound[i];
            off = apart(got, want, base);
            CHECKF(off < most, "type %zu, part %zu: its change of %g is %g off", i, k / 2, moved, off);
            CHECKF(moved > 0.1, "part %zu moves by %g only", k / 2, moved);
            free(want), free(got);
            lora_detach(real.d);
            lora_detach(m.d);
        }
        free(plain);
        model_free(&m);
    }
    free(base);
    model_free(&real);
}

/* ---- files */

static lora_adapter *read_one(const char *dir, const made *m, drgen_err *err)
{
    lora_adapter *a = NULL;
    char path[300];
    snprintf(path, sizeof path, "%s/a", dir);
    scratch_remove(path);
    adapter_write(path, m);
    *err = (drgen_err){0};
    lora_read(&a, &sizes, m->config ? path : scratch_path(path, "adapter_model.safetensors"), err);
    return a;
}

TEST(rank_and_alpha_come_from_patterns_module_by_module)
{
    char dir[256];
    drgen_err err;
    if (!scratch_make(dir)) return;
    made m = {.rank = {3, 3, 3, 3, 3, 5, 2}, .seed = 1,
              .config = CONFIG(", \"rank_pattern\": {\"up_proj\": 5, \"transformer_blocks.\\\\d+.mlp.down_proj\": 2}, \"alpha_pattern\": "
                               "{\"^transformer_blocks.1.self_attn.k_proj\": 30, \"self_attn.q_proj\": 12}")};
    lora_adapter *a = read_one(dir, &m, &err);
    CHECKF(a != NULL, "%s", err.message);
    for (size_t i = 0; a && i < DEPTH * LORA_SITES; i++) {
        size_t s = i % LORA_SITES;
        float alpha = s == LORA_Q ? 12 : i == LORA_SITES + LORA_K ? 30 : 6;
        CHECKF(a->places[i].rank == m.rank[s] && a->places[i].scale == alpha / (float)m.rank[s], "place %zu: rank %zu, scale %g", i,
               a->places[i].rank, (double)a->places[i].scale);
    }
    CHECK(a && a->matrices == DEPTH * LORA_SITES && a->alpha_known && strlen(a->sha256) == 64 && strlen(a->config_sha256) == 64);
    lora_free(a);
    m = (made){.rank = ALL(3), .seed = 1, .config = CONFIG(", \"use_rslora\": true, \"rank_pattern\": {}, \"alpha_pattern\": null")};
    a = read_one(dir, &m, &err);
    CHECKF(a && fabsf(a->places[3].scale - 6 / sqrtf(3)) < 1e-6f, "%s", err.message);
    lora_free(a);
    m = (made){.rank = {2}, .seed = 1, .prefix = "transformer.", .extra = "transformer.transformer_blocks.1.self_attn.q_proj.alpha"};
    a = read_one(dir, &m, &err); /* alone, one module says its alpha */
    CHECKF(a && a->places[LORA_Q].scale == 1 && a->places[LORA_SITES].scale == 2.5f && a->matrices == 2, "%s", err.message);
    lora_free(a);
    m = (made){.rank = {2}, .seed = 1};
    a = read_one(dir, &m, &err);
    CHECKF(a && a->places[LORA_Q].scale == 1 && !a->alpha_known && !a->config_sha256[0], "%s", err.message);
    lora_free(a);
    scratch_remove(dir);
}

TEST(patterns_name_modules_as_peft_reads_them)
{
    static const struct {
        const char *pattern;
        int match;
    } c[] = {{"q_proj", 1}, {"self_attn.q_proj", 1}, {"self_attn\\.q_proj", 1}, {"attn.q_proj", 0}, {"q_pro", 0}, {"proj", 0},
             {"k_proj", 0}, {"transformer_blocks.12.self_attn.q_proj", 1}, {"transformer_blocks.2.self_attn.q_proj", 0},
             {"^transformer_blocks.12.self_attn.q_proj$", 1}, {"^self_attn.q_proj", 0}, {"transformer_blocks.\\d+.self_attn.q_proj", 1},
             {"transformer_blocks.[0-9]*.self_attn.._proj", 1}, {".*q_proj", 1}, {".*", 1}, {"\\d.self_attn.q_proj", 0},
             {"(q|k)_proj", -1}, {"q_proj|k_proj", -1}, {"[qk]_proj", -1}, {"\\w+", -1}, {"", -1}, {"q_proj\\", -1}, {"*", -1},
             {"a+b+c+d+e+", -1}, {"x{3}", -1}};
    for (size_t i = 0; i < COUNT(c); i++) {
        int got = lora_pattern_match(c[i].pattern, "transformer_blocks.12.self_attn.q_proj");
        CHECKF(got == c[i].match, "\"%s\": %d", c[i].pattern, got);
    }
}

TEST(adapters_that_do_not_belong_are_refused_by_name)
{
    static const struct {
        made m;
        const char *want[3];
    } c[] = {
        {{.rank = ALL(3), .config = CONFIG(""), .wider = 8}, {"blocks.0.mlp.down_proj.lora_A.weight", "[3,1152] wanted", "[3,1160] found"}},
        {{.rank = ALL(4), .config = CONFIG("")}, {"self_attn.q_proj.lora_A.weight", "[3,288] wanted", "[4,288] found"}},
        {{.rank = {3}, .config = CONFIG(""), .rename = "qkv_proj"}, {"blocks.1.self_attn.qkv_proj", "no such module"}},
        {{.rank = {3}, .config = CONFIG(""), .extra = "model.layers.0.self_attn.q_proj.lora_A.weight"}, {"model.layers.0", "another model's"}},
        {{.rank = {3}, .config = CONFIG(""), .extra = "transformer_blocks.2.self_attn.q_proj.lora_A.weight"}, {"block 2", "has 2"}},
        {{.rank = {3}, .config = CONFIG(""), .extra = "transformer_blocks.0.self_attn.q_proj.lora_magnitude_vector"}, {"DoRA"}},
        {{.rank = {3}, .config = CONFIG(""), .extra = "transformer_blocks.0.self_attn.k_proj.lora_A.weight"}, {"k_proj", "lora_B", "missing"}},
        {{.rank = {3}, .config = CONFIG(""), .extra = "transformer_blocks.0.self_attn.q_proj.lora_A.default.weight"}, {"twice"}},
        {{.rank = {3}, .config = CONFIG(", \"use_dora\": true")}, {"adapter_config.json", "use_dora"}},
        {{.rank = {3}, .config = CONFIG(", \"init_lora_weights\": \"pissa_niter_16\"")}, {"init_lora_weights", "pissa"}},
        {{.rank = {3}, .config = CONFIG(", \"alpha_pattern\": {\"(q|k)_proj\": 3}")}, {"alpha_pattern", "(q|k)_proj"}},
        {{.rank = {3}, .config = CONFIG(", \"rank_pattern\": {\"q_proj\": -3}")}, {"rank_pattern", "q_proj"}},
        {{.rank = {3}, .config = "{\"peft_type\": \"IA3\", \"r\": 3, \"lora_alpha\": 6}"}, {"peft_type", "IA3"}},
        {{.rank = {3}, .config = "{\"peft_type\": \"LORA\", \"r\": 3}"}, {"lora_alpha"}},
        {{.rank = {3}, .config = "[]"}, {"adapter_config.json"}},
        {{.rank = {3}, .config = CONFIG(""), .poison = 1}, {"q_proj.lora_A.weight", "not a number"}},
        {{.rank = {0}, .config = CONFIG("")}, {"no adapter in it"}},
    };
    char dir[256];
    drgen_err err;
    if (!scratch_make(dir)) return;
    for (size_t i = 0; i < COUNT(c); i++) {
        lora_adapter *a = read_one(dir, &c[i].m, &err);
        CHECKF(a == NULL && err.code != DRGEN_OK, "case %zu is taken", i);
        for (size_t k = 0; k < COUNT(c[i].want) && c[i].want[k]; k++)
            CHECKF(strstr(err.message, c[i].want[k]) != NULL, "case %zu: \"%s\" without \"%s\"", i, err.message, c[i].want[k]);
        CHECK(!strchr(err.message, '\n'));
        lora_free(a);
    }
    lora_adapter *a = NULL;
    err = (drgen_err){0};
    CHECK(lora_read(&a, &sizes, scratch_path(dir, "nowhere"), &err) == DRGEN_ERR_IO && strstr(err.message, "nowhere"));
    err = (drgen_err){0};
    mkdir(scratch_path(dir, "empty"), 0777);
    CHECK(lora_read(&a, &sizes, scratch_path(dir, "empty"), &err) == DRGEN_ERR_IO && strstr(err.message, "adapter_config.json"));
    CHECK(lora_read(&a, &sizes, "tests/unit/test_lora.c", &err) != DRGEN_OK && a == NULL);
    scratch_remove(dir);
}

TEST(what_the_trainer_writes_is_read)
{
    char dir[256];
    drgen_err err = {0};
    lora_adapter *a = NULL;
    if (!scratch_make(dir)) return;
    dit_cfg cfg = sizes;
    lora_shape shape = {.rank = 4, .alpha = 10, .dropout = 0.1f, .sites = 1 << LORA_V | 1 << LORA_DOWN};
    lora_pair pairs[DEPTH * LORA_SITES];
    float *data = malloc(lora_over(NULL, &cfg, &shape, NULL) * sizeof *data);
    lora_init(&cfg, &shape, 3, data);
    lora_over(pairs, &cfg, &shape, data);
    pairs[LORA_V].b[7] = 0.5f;
    CHECKF(lora_write(dir, &cfg, &shape, data, "base", &err) == DRGEN_OK && lora_read(&a, &cfg, dir, &err) == DRGEN_OK, "%s", err.message);
    for (size_t i = 0; a && i < COUNT(pairs); i++) {
        size_t s = i % LORA_SITES;
        CHECK(a->places[i].rank == pairs[i].rank);
        if (!pairs[i].rank) continue;
        CHECK(a->places[i].scale == 2.5f && memcmp(a->places[i].a, pairs[i].a, 4 * lora_in(&cfg, s) * sizeof(float)) == 0 &&
              memcmp(a->places[i].b, pairs[i].b, 4 * lora_out(&cfg, s) * sizeof(float)) == 0);
    }
    lora_free(a);
    free(data);
    scratch_remove(dir);
}

/* ---- songs */

static drgen *open_handle(const model *m)
{
    drgen_err err = {0};
    drgen_config c = drgen_config_default();
    c.model_dir = m->dir;
    c.threads = 1;
    drgen *g = drgen_open(&c, &err);
    CHECKF(g != NULL, "%s", err.message);
    return g;
}

/* A song's samples and its recipe; free both. */
static float *sing(drgen *g, char **recipe)
{
    drgen_err err = {0};
    drgen_info info = drgen_get_info(g);
    float *style = malloc((size_t)info.style_width * sizeof *style);
    rng_synth(style, 0, (size_t)info.style_width, "style", 0, 0.3, 3);
    drgen_style part = {.vector = style, .width = (size_t)info.style_width, .weight = 1};
    drgen_song s = drgen_song_default();
    s.styles = &part;
    s.style_count = 1;
    s.seconds = 1.8;
    s.steps = 2;
    drgen_audio audio = {0};
    CHECKF(drgen_generate(g, &s, &audio, &err) == DRGEN_OK, "%s", err.message);
    CHECKF(drgen_recipe_text(g, &s, NULL, recipe, &err) == DRGEN_OK, "%s", err.message);
    free(style);
    return audio.samples;
}

TEST(a_handle_wears_adapters_and_its_recipe_asks_for_them)
{
    enum { SAMPLES = 2 * 37 * 2048 };
    model m;
    drgen_err err = {0};
    size_t count = 9;
    char *without, *off, *with, *after;
    model_make(&m, PACK_Q8);
    adapter_write(scratch_path(m.dir, "one"), &one);
    made wrong = one;
    wrong.wider = 1;
    adapter_write(scratch_path(m.dir, "wrong"), &wrong);
    drgen *g = open_handle(&m);
    float *a = sing(g, &without);
    CHECK(drgen_lora_attach(g, scratch_path(m.dir, "one"), 0, &err) == DRGEN_OK && drgen_lora_list(g, &count) == NULL && count == 0);
    CHECK(drgen_lora_attach(g, scratch_path(m.dir, "wrong"), 1, &err) == DRGEN_ERR_MODEL && strstr(err.message, "down_proj"));
    CHECK(drgen_lora_attach(g, scratch_path(m.dir, "one"), NAN, &err) == DRGEN_ERR_ARG);
    float *b = sing(g, &off);
    CHECK(memcmp(a, b, SAMPLES * sizeof *a) == 0 && strcmp(without, off) == 0);
    CHECKF(drgen_lora_attach(g, scratch_path(m.dir, "one"), 0.6f, &err) == DRGEN_OK, "%s", err.message);
    const drgen_adapter *list = drgen_lora_list(g, &count);
    CHECK(count == 1 && list && list->strength == 0.6f && list->matrices == DEPTH * LORA_SITES && drgen_get_info(g).adapter_bytes > 0);
    float *c = sing(g, &with);
    CHECK(memcmp(a, c, SAMPLES * sizeof *a) != 0);

    drgen_recipe *r = NULL;
    CHECKF(drgen_recipe_read(&r, with, strlen(with), "song", &err) == DRGEN_OK, "%s", err.message);
    list = drgen_recipe_adapters(r, &count);
    CHECK(count == 1 && list && list->strength == 0.6f && strstr(list->path, "/one") && strlen(list->sha256) == 64);
    CHECKF(drgen_recipe_fits(r, g, 0, &err) == DRGEN_OK, "%s", err.message);
    drgen_lora_detach(g);
    CHECK(drgen_recipe_fits(r, g, 0, &err) == DRGEN_ERR_MODEL && strstr(err.message, "/one") && strstr(err.message, "0.6"));
    CHECK(drgen_recipe_fits(r, g, 1, &err) == DRGEN_OK);
    drgen_recipe_free(r);
    float *d = sing(g, &after);
    CHECK(memcmp(a, d, SAMPLES * sizeof *a) == 0 && drgen_get_info(g).adapter_bytes == 0);
    free(a), free(b), free(c), free(d), free(without), free(off), free(with), free(after);
    drgen_lora_attach(g, scratch_path(m.dir, "one"), 1, NULL); /* closed with one on */
    drgen_close(g);
    model_free(&m);
}
