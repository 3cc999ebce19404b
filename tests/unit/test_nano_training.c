/* What trains the embedded model: Muon, the metronome, songs made on the fly, the drawing of times. */
#include <stdlib.h>

#include "base/rng.h"
#include "io/safetensors.h"
#include "nano/begin.h"
#include "tests/t.h"
#include "train/dit_tensors.h"

static const char golden[] = "tests/golden/nano/training.safetensors";
static const dit_cfg small = {.dim = 48, .depth = 2, .heads = 2, .ff_mult = 2, .cond_dim = 128, .conv_layers = 2, .mel_dim = 64,
                              .text_num_embeds = 363, .max_frames = 600, .conv_groups = 4};

static double worst(const float *a, const float *b, size_t count)
{
    double w = 0;
    for (size_t i = 0; i < count; i++) w = fmax(w, fabs((double)a[i] - (double)b[i]));
    return w;
}

TEST(muon_directions_are_the_references)
{
    st_file *f = NULL;
    muon *o = NULL;
    drgen_err err = {0};
    dit_cfg cfg = small;
    cfg.dim = 80; /* room for the cases */
    CHECKF(st_open(&f, golden, &err) == DRGEN_OK, "%s", err.message);
    CHECK(muon_open(&o, &cfg, NULL, kern_best(), &err) == DRGEN_OK);
    for (int i = 0; i < 4 && f && o; i++) {
        char name[32], key[32];
        snprintf(name, sizeof name, "muon.%d", i);
        snprintf(key, sizeof key, "direction.%d", i);
        const st_tensor *want = st_find(f, key);
        CHECK(want && want->dims == 2);
        if (!want) break;
        float *g = malloc(want->count * sizeof *g), *w = malloc(want->count * sizeof *w);
        memcpy(w, want->data, want->count * sizeof *w);
        rng_synth(g, 0, want->count, name, 0, 1, 1);
        muon_direction(o, g, want->shape[0], want->shape[1]);
        CHECKF(worst(g, w, want->count) < 2e-5, "case %d: %g", i, worst(g, w, want->count));
        free(g), free(w);
    }
    muon_close(o);
    st_close(f);
}

TEST(metronome_waves_are_the_references)
{
    st_file *f = NULL;
    drgen_err err = {0};
    CHECKF(st_open(&f, golden, &err) == DRGEN_OK, "%s", err.message);
    if (!f) return;
    const st_tensor *want = st_find(f, "metronome");
    const char *frames = st_metadata(f, "frames");
    CHECK(want && frames && want->count == 10 * METRONOME_WAVES);
    for (size_t i = 0; i < 10 && want; i++) {
        float wave[METRONOME_WAVES], w[METRONOME_WAVES];
        metronome_waves((size_t)strtol(frames, (char **)(uintptr_t)&frames, 10), wave);
        memcpy(w, (const float *)want->data + i * METRONOME_WAVES, sizeof w);
        CHECKF(worst(wave, w, METRONOME_WAVES) < 5e-5, "row %zu: %g", i, worst(wave, w, METRONOME_WAVES));
    }
    st_close(f);
}

/* One vowel and one consonant for every letter: no voice needed. */
static drgen_status letters(void *user, const char *piece, void (*put)(void *to, const char *ipa), void *to, drgen_err *err)
{
    (void)user, (void)err;
    for (const char *c = piece; *c; c++)
        if (*c != ' ') put(to, strchr("aeiou", *c) ? "a_" : "t_");
        else put(to, " ");
    return DRGEN_OK;
}

static nano_songs *open_songs(g2p **g)
{
    static const g2p_voice voice = {letters, NULL, "letters"};
    nano_songs *s = NULL;
    drgen_err err = {0};
    *g = NULL;
    CHECKF(g2p_open_voice(g, &voice, &err) == DRGEN_OK, "%s", err.message);
    CHECKF(*g && nano_songs_open(&s, *g, &err) == DRGEN_OK, "%s", err.message);
    return s;
}

TEST(metronome_teaches_the_text_encoder_to_count)
{
    g2p *g;
    nano_songs *s = open_songs(&g);
    size_t floats = 0;
    drgen_err err = {0};
    CHECK(dit_floats(&small, &floats, &err) == DRGEN_OK);
    float *w = aligned_alloc(64, (floats * sizeof *w + 63) / 64 * 64), *kept = malloc(floats * sizeof *w);
    pool *p = NULL;
    CHECK(pool_open(&p, 2, &err) == DRGEN_OK);
    CHECK(nano_init(&small, 3, w, &err) == DRGEN_OK);
    memcpy(kept, w, floats * sizeof *w);
    metronome_how how = {.pool = p, .kern = kern_best(), .updates = T_SANITIZED ? 2 : 30, .warmup = 5, .rate = 3e-3, .seed = 1, .longest = 768};
    double error = 0, first;
    CHECKF(metronome_train(w, &small, s, &how, &first, &err) == DRGEN_OK, "%s", err.message);
    how.updates *= 4;
    memcpy(w, kept, floats * sizeof *w);
    CHECK(metronome_train(w, &small, s, &how, &error, &err) == DRGEN_OK);
    CHECKF(first > 0.6 && (T_SANITIZED || error < 0.9 * first), "missed %g of the variance in the beginning, %g at the end",
           first, error);
    /* nothing but the text encoder has changed */
    dit_tensor *t = NULL;
    size_t count = 0, changed = 0;
    CHECK(dit_list(&small, &t, &count, &err) == DRGEN_OK);
    for (size_t i = 0; i < count; i++) {
        int same = memcmp(w + t[i].at, kept + t[i].at, t[i].count * sizeof *w) == 0;
        if (strncmp(t[i].name, "text_embed.", 11) == 0) changed += !same;
        else CHECKF(same, "%s changed", t[i].name);
    }
    CHECK(changed > 10);
    free(t), free(w), free(kept);
    pool_close(p);
    nano_songs_close(s);
    g2p_close(g);
}

/* Features of a song without lyrics, [frames, cond_dim]. */
static float *features(const dit_cfg *cfg, const float *weights, pool *p, size_t frames)
{
    drgen_err err = {0};
    dit *d = NULL;
    size_t count = frames * (size_t)cfg->cond_dim;
    int32_t *text = calloc(frames, sizeof *text);
    float *out = malloc(count * sizeof *out);
    dit_pass *pass = malloc(dit_pass_size());
    CHECK(dit_over(&d, cfg, (float *)(uintptr_t)weights, &err) == DRGEN_OK);
    dit_trained m = {.d = d};
    dit_batch b = {.songs = 1, .frames = frames, .text = text};
    arena work = arena_measure();
    nn n = {kern_best(), p, &work};
    dit_text_forward(pass, &n, &m, &b);
    CHECK(arena_init(&work, work.peak, "test", &err) == DRGEN_OK);
    memcpy(out, dit_text_forward(pass, &n, &m, &b), count * sizeof *out);
    arena_free(&work);
    dit_free(d);
    free(text), free(pass);
    return out;
}

/* Mean square of a - b over frames [from, to) of a and those `back` before them of b. */
static double apart(const float *a, const float *b, size_t from, size_t to, size_t back, size_t width)
{
    double sum = 0;
    for (size_t i = from * width; i < to * width; i++) sum += pow((double)a[i] - (double)b[i - back * width], 2);
    return sum / (double)((to - from) * width);
}

TEST(metronome_counts_on_as_a_round_before)
{
    enum { KNOWN = METRONOME_KNOWN, LONGEST = 1920 };
    dit_cfg cfg = small;
    cfg.max_frames = LONGEST;
    g2p *g;
    nano_songs *s = open_songs(&g);
    size_t floats = 0, width = (size_t)cfg.cond_dim;
    drgen_err err = {0};
    pool *p = NULL;
    double error = 0;
    CHECK(dit_floats(&cfg, &floats, &err) == DRGEN_OK && pool_open(&p, 2, &err) == DRGEN_OK);
    float *w = aligned_alloc(64, (floats * sizeof *w + 63) / 64 * 64);
    CHECK(nano_init(&cfg, 3, w, &err) == DRGEN_OK);
    float *before = features(&cfg, w, p, LONGEST);
    metronome_how how = {.pool = p, .kern = kern_best(), .updates = T_SANITIZED ? 2 : 35, .warmup = 5, .rate = 3e-3, .seed = 1,
                         .longest = LONGEST, .known = KNOWN};
    CHECKF(metronome_train(w, &cfg, s, &how, &error, &err) == DRGEN_OK, "%s", err.message);
    float *after = features(&cfg, w, p, LONGEST);
    /* two rounds: the second has no frames of its own */
    for (size_t round = 1, from = KNOWN; round <= 2 && !T_SANITIZED; round++) {
        size_t to = from + METRONOME_ROUND < LONGEST ? from + METRONOME_ROUND : LONGEST;
        double missed = apart(after, before, from, to, round * METRONOME_ROUND, width);
        double at_first = apart(before, before, from, to, round * METRONOME_ROUND, width);
        CHECKF(missed < 0.5 * at_first, "round %zu: %g of %g missed", round, missed, at_first);
        from = to;
    }
    double known = apart(after, before, 0, KNOWN, 0, width), all = apart(before, before, KNOWN, KNOWN + METRONOME_ROUND, METRONOME_ROUND, width);
    CHECKF(known < 0.5 * all, "what was known moved by %g; a round is %g", known, all);
    free(w), free(before), free(after);
    pool_close(p);
    nano_songs_close(s);
    g2p_close(g);
}

static train_how quick(const dit *base, pool *p, const muon_how *m, const float *negative)
{
    return (train_how){.base = base, .pool = p, .kern = kern_best(), .full = 1, .updates = T_SANITIZED ? 4 : 12, .batch = 3, .accumulate = 1,
                       .frames = 40, .shapes = {{1, 90, 0.4}}, .shape_count = 1, .schedule = LR_LATE, .warmup = 2,
                       .adamw = {.lr = 3e-3, .ema = 0.9}, .muon = m, .seed = 7, .memory = 1 << 28,
                       .flow = {.time = FLOW_EARLY, .drop_prompt = 0.1, .negative = negative}};
}

static float *train(const nano_songs *s, int threads, const char *fixed, double *before, double *after)
{
    drgen_err err = {0};
    size_t floats = 0;
    dit *base = NULL;
    pool *p = NULL;
    trainer *t = NULL;
    const muon_how m = {.momentum = 0.95, .decay = 0.01, .b1 = 0.9, .b2 = 0.98, .eps = 1e-8, .ema = 0.9, .fixed = fixed};
    CHECK(dit_floats(&small, &floats, &err) == DRGEN_OK && pool_open(&p, threads, &err) == DRGEN_OK);
    float *w = aligned_alloc(64, (floats * sizeof *w + 63) / 64 * 64);
    CHECK(nano_init(&small, 3, w, &err) == DRGEN_OK && dit_over(&base, &small, w, &err) == DRGEN_OK);
    train_how how = quick(base, p, &m, s->table + WORDS_COUNT * WORDS_STYLE);
    train_source source = nano_source((nano_songs *)(uintptr_t)s, 4);
    CHECKF(trainer_open(&t, &how, &source, &err) == DRGEN_OK, "%s", err.message);
    CHECK(trainer_loss_at(t, 0.3, before, &err) == DRGEN_OK);
    for (long i = 0; i < how.updates; i++) CHECKF(trainer_update(t, NULL, NULL, &err) == DRGEN_OK, "%s", err.message);
    CHECK(trainer_loss_at(t, 0.3, after, &err) == DRGEN_OK);
    float *out = malloc(floats * sizeof *out);
    memcpy(out, trainer_result(t), floats * sizeof *out);
    trainer_close(t);
    dit_free(base);
    free(w);
    pool_close(p);
    return out;
}

TEST(muon_learns_songs_of_several_lengths_the_same_for_any_threads)
{
    g2p *g;
    nano_songs *s = open_songs(&g);
    double before, after, b2, a2;
    size_t floats = 0;
    drgen_err err = {0};
    float *one = train(s, 1, NULL, &before, &after), *three = train(s, 3, NULL, &b2, &a2);
    CHECK(dit_floats(&small, &floats, &err) == DRGEN_OK);
    CHECK(memcmp(one, three, floats * sizeof *one) == 0 && before == b2 && after == a2);
    CHECKF(before > 1.04 && before < 1.35, "an untrained model loses %g; noise and data have 1.24 together, less in an intro", before);
    CHECKF(T_SANITIZED || after < before - 0.01, "loss %g, then %g", before, after);
    free(one), free(three);
    nano_songs_close(s);
    g2p_close(g);
}

TEST(grids_keep_lines_back)
{
    g2p *g;
    nano_songs *s = open_songs(&g);
    int32_t tokens[512];
    uint64_t state = 9;
    int empty = 0;
    for (int i = 0; i < 400; i++) {
        int any = 0;
        nano_grid(s, i % 2, tokens, 512, &state);
        for (int k = 0; k < 512; k++) {
            CHECK(tokens[k] >= 0 && tokens[k] < COMPOSE_TOKENS);
            any |= tokens[k];
        }
        empty += !any;
    }
    CHECKF(empty > 50 && empty < 110, "%d of 400 songs have no lyrics", empty);
    /* the first line is kept back: its tokens in a row come in songs to judge, and in no other */
    size_t n = s->lines[0].count;
    int seen[2] = {0, 0};
    CHECK(n > 5);
    for (int i = 0; i < 3000; i++) {
        nano_grid(s, i % 2, tokens, 512, &state);
        for (size_t k = 0; k + n <= 512; k++) seen[i % 2] += memcmp(tokens + k, s->lines[0].ids, n * sizeof *tokens) == 0;
    }
    CHECKF(seen[0] == 0 && seen[1] > 0, "%d in training, %d kept back", seen[0], seen[1]);
    words w;
    for (int i = 0; i < 200; i++) {
        nano_prompt(&w, i % 2, &state);
        CHECK(words_held_out(&w) == i % 2);
    }
    nano_songs_close(s);
    g2p_close(g);
}

TEST(early_times_lie_early)
{
    enum { N = 64 };
    static float latent[N * 64], noise[N * 64], x[N * 64], cond[N * 64], style[N], t[N], start[N], duration[N];
    static int32_t text[N];
    static size_t length[N], from[N], to[N];
    for (int i = 0; i < N; i++) length[i] = 1;
    flow_batch b = {.songs = N, .frames = 1, .mel = 64, .style_dim = 1, .latent = latent, .length = length, .text = text,
                    .style = style, .start = start, .duration = duration, .noise = noise, .x = x, .cond = cond, .t = t,
                    .from = from, .to = to};
    flow_how how = {.time = FLOW_EARLY};
    double below = 0, rounds = 200;
    for (int r = 0; r < (int)rounds; r++) {
        flow_draw(&b, &how, (uint64_t)r);
        for (int i = 0; i < N; i++) {
            CHECK(t[i] >= 0 && t[i] <= 1);
            below += t[i] < 0.1f;
        }
    }
    double want = 0.35 * 2 / 3 + 0.35 * acos(0.9) / acos(0) + 0.3 * 0.1;
    CHECKF(fabs(below / rounds / N - want) < 0.01, "%g of the times are below 0.1, %g expected", below / rounds / N, want);
}

TEST(muon_leaves_fixed_tensors_alone)
{
    g2p *g;
    nano_songs *s = open_songs(&g);
    double before, after;
    size_t floats = 0, count = 0;
    drgen_err err = {0};
    dit_tensor *t = NULL;
    CHECK(dit_floats(&small, &floats, &err) == DRGEN_OK && dit_list(&small, &t, &count, &err) == DRGEN_OK);
    float *w = aligned_alloc(64, (floats * sizeof *w + 63) / 64 * 64), *trained = train(s, 2, "text_embed.", &before, &after);
    CHECK(nano_init(&small, 3, w, &err) == DRGEN_OK);
    for (size_t i = 0; i < count; i++) {
        int same = memcmp(w + t[i].at, trained + t[i].at, t[i].count * sizeof *w) == 0;
        if (strncmp(t[i].name, "text_embed.", 11) == 0) CHECKF(same, "%s changed", t[i].name);
        else if (strstr(t[i].name, "q_proj")) CHECKF(!same, "%s did not change", t[i].name);
    }
    free(t), free(w), free(trained);
    nano_songs_close(s);
    g2p_close(g);
}
