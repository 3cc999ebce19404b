/* golden_mastering_compat.c - the historic chains: every stage of the short excerpts, 20 s of song by its figures, and
 * their filters. Tolerances: golden/mastering/README.md, spec mastering.md C. */
#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dsp/compat.h"
#include "dsp/figures.h"
#include "io/audio.h"
#include "tests/golden.h"
#include "tests/programme.h"

static int match(const golden *g)
{
    char *path = golden_path(g, "long_run.json");
    int found = access(path, R_OK) == 0;
    free(path);
    return found;
}

static json_doc *open_json(const golden *g, const char *file, file_bytes *bytes)
{
    json_doc *doc = NULL;
    drgen_err err = {0};
    char *path = golden_path(g, file);
    if (file_map(bytes, path, 16u << 20, &err) != DRGEN_OK ||
        json_parse(&doc, bytes->data, bytes->size, path, &err) != DRGEN_OK)
        golden_broken(g, file, err.message);
    free(path);
    return doc;
}

/* ---- sounds */

static compat_sound empty(size_t frames, int channels)
{
    return (compat_sound){calloc(frames + 1, 2 * sizeof(double)), frames, channels, 44100};
}

static compat_sound read_wav(const golden *g, const char *file)
{
    audio_file *f = NULL;
    audio_info info = {0};
    drgen_err err = {0};
    char *path = golden_path(g, file);
    compat_sound x = {0};
    if (audio_open(&f, path, &info, &err) == DRGEN_OK && info.channels <= 2) {
        size_t frames = (size_t)info.frames;
        float *samples = malloc((2 * frames + 1) * sizeof *samples);
        x = empty(frames, info.channels);
        if (audio_read(f, 0, frames, samples, &err) != DRGEN_OK) golden_broken(g, file, err.message);
        else
            for (size_t i = 0; i < frames * (size_t)info.channels; i++)
                x.frame[i / (size_t)info.channels][i % (size_t)info.channels] = (double)samples[i];
        free(samples);
    } else golden_broken(g, file, err.message);
    audio_close(f);
    free(path);
    return x;
}

static compat_sound copy(const compat_sound *x)
{
    compat_sound y = empty(x->frames, x->channels);
    memcpy(y.frame, x->frame, x->frames * sizeof *x->frame);
    return y;
}

/* Largest difference to a file of doubles, frames x channels. */
static double apart(const golden *g, const char *file, const compat_sound *x, int channels)
{
    file_bytes bytes = {0};
    drgen_err err = {0};
    char *path = golden_path(g, file);
    double worst = 0;
    size_t count = x->frames * (size_t)channels;
    if (file_map(&bytes, path, 16u << 20, &err) != DRGEN_OK || bytes.size != count * sizeof(double)) worst = NAN;
    for (size_t i = 0; i < count && !isnan(worst); i++) {
        double want;
        memcpy(&want, (const char *)bytes.data + i * sizeof want, sizeof want);
        double e = fabs(x->frame[i / (size_t)channels][i % (size_t)channels] - want);
        if (!(e <= worst)) worst = e;
    }
    file_close(&bytes);
    free(path);
    return worst;
}

/* ---- the chains as tables of stages; a stage answers whether the preset has it */

typedef struct {
    const char *name;
    int (*run)(compat_sound *x, const compat_preset *p);
} stage;

static int seed_hp(compat_sound *x, const compat_preset *p)
{
    (void)p;
    compat_seed_high_pass(x);
    return 1;
}

static int seed_mb(compat_sound *x, const compat_preset *p)
{
    if (p->multiband) compat_seed_multiband(x);
    return p->multiband;
}

static int seed_exc(compat_sound *x, const compat_preset *p)
{
    if (p->exciter > 0) compat_seed_exciter(x, p->exciter);
    return p->exciter > 0;
}

static int seed_width(compat_sound *x, const compat_preset *p)
{
    compat_seed_width(x, p->width);
    return x->channels == 2;
}

static int seed_lim(compat_sound *x, const compat_preset *p)
{
    return compat_seed_limit(x, p->ceiling, NULL) == DRGEN_OK;
}

static int seed_norm(compat_sound *x, const compat_preset *p)
{
    (void)p;
    compat_seed_normalise(x);
    return 1;
}

static int fork_hp(compat_sound *x, const compat_preset *p)
{
    (void)p;
    compat_fork_high_pass(x);
    return 1;
}

static int fork_eq(compat_sound *x, const compat_preset *p)
{
    if (p->multiband) compat_fork_equalise(x);
    return p->multiband;
}

static int fork_mb(compat_sound *x, const compat_preset *p)
{
    if (p->multiband) compat_fork_multiband(x);
    return p->multiband;
}

static int fork_exc(compat_sound *x, const compat_preset *p)
{
    compat_fork_exciter(x, p->exciter);
    return 1;
}

static int fork_width(compat_sound *x, const compat_preset *p)
{
    compat_fork_width(x, p->width);
    return x->channels == 2;
}

static int fork_loud(compat_sound *x, const compat_preset *p)
{
    if (p->loudness != 0) compat_fork_loudness(x, p->loudness);
    return p->loudness != 0;
}

static int fork_lim(compat_sound *x, const compat_preset *p)
{
    return compat_fork_limit(x, p->ceiling, NULL) == DRGEN_OK;
}

enum { MOST_STAGES = 7 };

static const struct {
    const char *name;
    compat_chain chain;
    stage stages[MOST_STAGES];
    int count;
} chains[] = {
    {"seed", COMPAT_SEED, {{"1_hp", seed_hp}, {"2_mb", seed_mb}, {"3_exc", seed_exc}, {"4_width", seed_width},
     {"5_lim", seed_lim}, {"6_norm", seed_norm}}, 6},
    {"fork", COMPAT_FORK, {{"1_dc_hp", fork_hp}, {"2_eq", fork_eq}, {"3_mb", fork_mb}, {"4_exc", fork_exc},
     {"5_width", fork_width}, {"6_loud", fork_loud}, {"7_lim", fork_lim}}, 7},
};

/* ---- files named in the manifest: chain/excerpt/stage[_preset].f64 */

/* The same by the chain in one go (bits), and by the entry for float sounds. */
static void compare_whole(golden *g, const char *name, int chain, const compat_preset *p, const compat_sound *input,
                          const compat_sound *staged)
{
    compat_sound whole = copy(input);
    int status = compat_run(&whole, chains[chain].chain, p, NULL);
    int same = status == DRGEN_OK && memcmp(whole.frame, staged->frame, whole.frames * sizeof *whole.frame) == 0;
    golden_report(g, name, "chain in one go", !same, 0);
    float *memory = malloc((2 * input->frames + 1) * sizeof *memory);
    sound s = {{memory, memory + input->frames}, input->frames, input->channels, input->rate};
    for (size_t i = 0; i < input->frames; i++)
        for (int c = 0; c < s.channels; c++) s.channel[c][i] = (float)input->frame[i][c];
    double worst = compat_master(&s, chains[chain].chain, p->name, NULL) == DRGEN_OK ? 0 : NAN;
    for (size_t i = 0; i < input->frames; i++)
        for (int c = 0; c < s.channels; c++) worst = fmax(worst, fabs((double)s.channel[c][i] - whole.frame[i][c]));
    golden_report(g, name, "chain, float32", worst, 2e-6);
    free(memory);
    free(whole.frame);
}

static void compare_stage(golden *g, int chain, const char *key, const char *rest, const compat_sound *input)
{
    compat_sound x = copy(input);
    int band = -1, last = 0, count = chains[chain].count, channels = x.channels;
    const compat_preset *p = NULL;
    double ceiling, bound = 1e-9;
    const char *ceil = strstr(rest, "_ceil");
    for (int i = 0; i < 4; i++) {
        const compat_preset *row = compat_preset_at(chains[chain].chain, i);
        if (strstr(rest, row->name)) p = row;
    }
    if (!p) p = compat_preset_at(chains[chain].chain, 1); /* a stage that all presets with bands share */
    if (sscanf(rest, "band%d_left", &band) == 1) {
        compat_filter f;
        const compat_band *b = &compat_seed_bands[band & 3];
        compat_seed_high_pass(&x);
        compat_band_pass(&f, b->low, b->high, 44100);
        compat_filter_run(&f, x.frame, x.frames);
        channels = 1;
    } else if (ceil && sscanf(ceil, "_ceil%lf", &ceiling) == 1) {
        drgen_status s = chain ? compat_fork_limit(&x, ceiling, NULL) : compat_seed_limit(&x, ceiling, NULL);
        bound = s == DRGEN_OK ? 1e-12 : -1;
    } else {
        for (int found = 0; last < count && !found; last++) {
            const char *name = chains[chain].stages[last].name;
            int here = chains[chain].stages[last].run(&x, p);
            found = strncmp(rest, name, strlen(name)) == 0 && here;
            if (!found && last + 1 == count) golden_broken(g, key, "no such stage");
        }
        bound = last == count ? 1e-8 : 1e-9;
    }
    golden_report(g, key, "", apart(g, key, &x, channels), bound);
    if (last == count) compare_whole(g, key, chain, p, input, &x);
    free(x.frame);
}

static compat_sound make_input(const golden *g, const char *name)
{
    char file[64];
    int reversed = strcmp(name, "stage_wrap_rev") == 0;
    snprintf(file, sizeof file, "%.40s.wav", reversed ? "stage_wrap" : name);
    compat_sound x = read_wav(g, file);
    for (size_t i = 0; reversed && i < x.frames / 2; i++) {
        double kept = x.frame[i][0];
        x.frame[i][0] = x.frame[x.frames - 1 - i][0];
        x.frame[x.frames - 1 - i][0] = kept;
    }
    if (reversed) x.frames = 2040;
    return x;
}

static void run_stages(golden *g)
{
    char input[64], rest[64];
    for (const json_node *n = json_first(g->root); n; n = json_next(n))
        for (int chain = 0; chain < 2; chain++) {
            const char *key = json_key(n);
            if (strncmp(key, chains[chain].name, 4) != 0 || !golden_wanted(g, key)) continue;
            if (sscanf(key, "%*[^/]/%60[^/]/%60s", input, rest) != 2) continue;
            compat_sound x = make_input(g, input);
            if (x.frame) compare_stage(g, chain, key, rest, &x);
            free(x.frame);
        }
}

/* ---- long_run.json */

static void compare_figures(golden *g, const char *name, const compat_sound *x, const json_node *want)
{
    double worst_rms = 0, worst_peak = 0, worst_probe = 0;
    const json_node *rms = json_first(json_get(want, "rms")), *peak = json_first(json_get(want, "peak"));
    for (int c = 0; c < 2; c++, rms = json_next(rms), peak = json_next(peak)) {
        double energy = 0, most = 0;
        for (size_t i = 0; i < x->frames; i++) {
            energy += x->frame[i][c] * x->frame[i][c];
            most = fmax(most, fabs(x->frame[i][c]));
        }
        worst_rms += fabs(sqrt(energy / (double)x->frames) - json_number(rms, NAN));
        worst_peak += fabs(most - json_number(peak, NAN));
    }
    const json_node *probe = json_first(json_get(want, "probe")), *at = json_first(json_get(want, "probe_frames"));
    for (; at; at = json_next(at), probe = json_next(probe)) {
        size_t frame = (size_t)json_number(at, 0);
        const json_node *left = json_first(probe);
        if (frame >= x->frames) worst_probe = NAN;
        else
            worst_probe += fabs(x->frame[frame][0] - json_number(left, NAN)) +
                           fabs(x->frame[frame][1] - json_number(json_next(left), NAN));
    }
    golden_report(g, name, "rms", worst_rms, 1e-8);
    golden_report(g, name, "peak", worst_peak, 1e-8);
    golden_report(g, name, "probes", worst_probe, 1e-8);
}

static void compare_final(golden *g, const char *name, const compat_sound *x, const json_node *want)
{
    float *memory = malloc((2 * x->frames + 1) * sizeof *memory);
    sound s = {{memory, memory + x->frames}, x->frames, 2, x->rate};
    figures f;
    for (size_t i = 0; i < x->frames; i++)
        for (int c = 0; c < 2; c++) s.channel[c][i] = (float)x->frame[i][c];
    if (figures_measure(&f, &s, g->kern, NULL) != DRGEN_OK) golden_broken(g, name, "not measured");
    else {
        golden_report(g, name, "I", fabs(f.loudness.integrated - json_number(json_get(want, "I"), NAN)), 0.001);
        golden_report(g, name, "LRA", fabs(f.loudness.range - json_number(json_get(want, "LRA"), NAN)), 0.01);
        golden_report(g, name, "tp", fabs(f.true_peak - json_number(json_get(want, "tp_dBTP"), NAN)), 0.001);
        golden_report(g, name, "sp", fabs(f.sample_peak - json_number(json_get(want, "sample_peak_dB"), NAN)), 1e-5);
    }
    free(memory);
}

static void run_preset(golden *g, int chain, const sound *input, const json_node *expected)
{
    const compat_chain kind = chains[chain].chain;
    const compat_preset *p = compat_preset_at(kind, compat_find(kind, json_key(expected)));
    char name[96];
    snprintf(name, sizeof name, "long_run/%s/%.30s", chains[chain].name, json_key(expected));
    if (!golden_wanted(g, name)) return;
    if (!p) {
        golden_broken(g, name, "no such preset");
        return;
    }
    compat_sound x = empty(input->frames, 2);
    for (size_t i = 0; i < x.frames; i++)
        for (int c = 0; c < 2; c++) x.frame[i][c] = (double)input->channel[c][i];
    for (int k = 0; k < chains[chain].count; k++) {
        const stage *s = &chains[chain].stages[k];
        const json_node *want = json_get(expected, s->name);
        int here = s->run(&x, p);
        snprintf(name, sizeof name, "long_run/%s/%.30s/%s", chains[chain].name, p->name, s->name);
        if (here != (want != NULL)) golden_broken(g, name, here ? "not expected" : "not done");
        else if (here) compare_figures(g, name, &x, want);
    }
    compare_final(g, name, &x, json_get(expected, "final"));
    free(x.frame);
}

static void run_long(golden *g)
{
    file_bytes bytes = {0};
    json_doc *doc = open_json(g, "long_run.json", &bytes);
    const json_node *root = doc ? json_root(doc) : NULL;
    const json_node *first = json_first(json_get(json_get(root, "input"), "frames"));
    size_t from = (size_t)json_number(first, 0), to = (size_t)json_number(json_next(first), 0);
    programme input = programme_song(44100, 2, from, to - from);
    for (int chain = 0; chain < 2; chain++)
        for (const json_node *n = json_first(json_get(root, chains[chain].name)); n; n = json_next(n))
            run_preset(g, chain, &input.s, n);
    programme_free(&input);
    json_free(doc);
    file_close(&bytes);
}

/* ---- coeffs.json */

static double complex response(const compat_section *s, int sections, double hz)
{
    double complex z = cexp(-I * 2 * acos(-1) * hz / 44100), h = 1;
    for (int k = 0; k < sections; k++)
        h *= (s[k].b[0] + z * (s[k].b[1] + z * s[k].b[2])) / (s[k].a[0] + z * (s[k].a[1] + z * s[k].a[2]));
    return h;
}

static double responses_apart(const compat_section *a, const compat_section *b, int sections)
{
    double worst = 0;
    for (double hz = 2; hz < 22050; hz *= 1.01) {
        double e = cabs(response(a, sections, hz) - response(b, sections, hz));
        if (!(e <= worst)) worst = e;
    }
    return worst;
}

static void compare_sections(golden *g, const json_node *n)
{
    compat_filter f = {0};
    compat_section want[COMPAT_MAX_SECTIONS];
    double low, high;
    const char *key = json_key(n);
    int sections = 0;
    for (const json_node *s = json_first(n); s && sections < COMPAT_MAX_SECTIONS; s = json_next(s), sections++) {
        const json_node *v = json_first(s);
        for (int i = 0; i < 6; i++, v = json_next(v))
            (i < 3 ? want[sections].b : want[sections].a)[i % 3] = json_number(v, NAN);
    }
    if (sscanf(key, "%*4s_bp4_%lf_%lf", &low, &high) == 2) compat_band_pass(&f, low, high, 44100);
    else if (sscanf(key, "bw2_high_%lf", &high) == 1) compat_high_pass(&f, high, 44100);
    else if (sscanf(key, "bw2_low_%lf", &low) == 1) compat_low_pass(&f, low, 44100);
    if (sections == 0 || f.sections != sections) golden_broken(g, key, "other sections");
    else golden_report(g, key, "response", responses_apart(f.section, want, sections), 1e-9);
}

static void compare_peaking(golden *g, const json_node *n)
{
    double hz, gain, q, worst = 0;
    compat_filter f = {0};
    if (sscanf(json_key(n), "%lfHz_%lfdB_Q%lf", &hz, &gain, &q) != 3) golden_broken(g, json_key(n), "no equaliser");
    else {
        compat_peaking(&f, hz, gain, q, 44100);
        const json_node *b = json_first(json_get(n, "b")), *a = json_first(json_get(n, "a"));
        for (int i = 0; i < 3; i++, b = json_next(b), a = json_next(a))
            worst = fmax(worst, fabs(f.section[0].b[i] / json_number(b, INFINITY) - 1) +
                         fabs(f.section[0].a[i] / json_number(a, INFINITY) - 1));
        golden_report(g, json_key(n), "coefficients", worst, 1e-12);
    }
}

/* The level of all bands added up, which ought to be flat and is not. */
static void compare_band_sum(golden *g, const char *name, const compat_band *band, int bands, const json_node *want)
{
    double worst = want ? 0 : NAN;
    for (const json_node *n = json_first(want); n; n = json_next(n)) {
        double complex sum = 0;
        for (int k = 0; k < bands; k++) {
            compat_filter f;
            compat_band_pass(&f, band[k].low, band[k].high, 44100);
            sum += response(f.section, f.sections, atof(json_key(n)));
        }
        worst = fmax(worst, fabs(20 * log10(cabs(sum)) - json_number(n, NAN)));
    }
    golden_report(g, name, "band sum, dB", worst, 1e-6);
}

static void run_coefficients(golden *g)
{
    file_bytes bytes = {0};
    json_doc *doc = open_json(g, "coeffs.json", &bytes);
    const json_node *root = doc ? json_root(doc) : NULL;
    for (const json_node *n = json_first(json_get(root, "seed_sos")); n; n = json_next(n)) compare_sections(g, n);
    for (const json_node *n = json_first(json_get(root, "rbj_eq")); n; n = json_next(n)) compare_peaking(g, n);
    compare_band_sum(g, "seed", compat_seed_bands, COMPAT_SEED_BANDS, json_get(root, "band_sum_seed_db"));
    compare_band_sum(g, "fork", compat_fork_bands, COMPAT_FORK_BANDS, json_get(root, "band_sum_fork_db"));
    json_free(doc);
    file_close(&bytes);
}

static void run(golden *g)
{
    run_stages(g);
    run_long(g);
    if (golden_wanted(g, "compat filters")) run_coefficients(g);
}

const golden_kind golden_mastering_compat = {"mastering_compat", match, run, 1};
