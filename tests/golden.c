/* golden.c - see golden.h: finds cases, lets their kinds recompute them, counts. */
#include "tests/golden.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rng.h"
#include "io/weights.h"
#include "weights_tools/pack.h"

#define KINDS(X) X(dit) X(rng) X(tables) X(vae) X(spm) X(mulan) X(lyrics) X(pt) X(mel) X(resample) X(mastering_meters) \
    X(mastering_compat) X(mastering_pro) X(mastering_deliver)
#define DECLARE(kind) extern const golden_kind golden_##kind;
KINDS(DECLARE)

#define LIST(kind) &golden_##kind,
static const golden_kind *const kinds[] = {KINDS(LIST)};

static int passed, failed, skipped, folders;

int golden_wanted(const golden *g, const char *name)
{
    return !g->only || strstr(name, g->only) != NULL;
}

static const char *label(const golden *g)
{
    const char *slash = strrchr(g->dir, '/');
    return slash ? slash + 1 : g->dir;
}

void golden_report(const golden *g, const char *name, const char *tensor, double max_error, double bound)
{
    int judged = g->type == PACK_F32, ok = max_error <= bound; /* NaN is not */
    printf("%s/%s %s %.3g %.3g %s\n", label(g), name, tensor, max_error, bound, ok ? "ok" : judged ? "FAIL" : "reported");
    if (ok || !judged) passed++;
    else failed++;
    fflush(stdout);
}

void golden_broken(const golden *g, const char *name, const char *why)
{
    printf("%s/%s FAIL: %s\n", label(g), name, why);
    failed++;
}

void golden_skip(const golden *g, const char *name, const char *why)
{
    printf("%s/%s skipped: %s\n", label(g), name, why);
    skipped++;
}

static const st_tensor *expectation(const golden *g, const char *name, const char *tensor)
{
    char full[256];
    snprintf(full, sizeof full, "%s.%s", name, tensor);
    return g->expected ? st_find(g->expected, full) : NULL;
}

int golden_expects(const golden *g, const char *name, const char *tensor)
{
    return expectation(g, name, tensor) != NULL;
}

void golden_compare(const golden *g, const char *name, const char *tensor, const float *got, size_t count, double bound,
                    int relative)
{
    const st_tensor *want = expectation(g, name, tensor);
    if (!want || want->count != count) {
        char why[128];
        snprintf(why, sizeof why, "%.60s: %s", tensor, want ? "another number of elements is expected" : "no expectation");
        golden_broken(g, name, why);
        return;
    }
    double worst = 0, largest = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        double w = (double)weights_value(want, i), e = fabs((double)got[i] - w);
        if (!(e <= worst)) worst = e; /* also keeps a NaN */
        if (fabs(w) > largest) largest = fabs(w);
        squares += e * e;
    }
    if (g->type != PACK_F32)
        printf("%s/%s %s rms error %.3g, largest value %.3g\n", label(g), name, tensor, sqrt(squares / (double)count), largest);
    golden_report(g, name, tensor, relative && largest > 0 ? worst / largest : worst, bound);
}

void golden_compare_item(const golden *g, const char *name, const char *tensor, size_t item, const float *got,
                         size_t count, double bound, int relative)
{
    const st_tensor *want = expectation(g, name, tensor);
    if (!want || !count || want->count % count || want->count / count <= item) {
        golden_broken(g, name, "an expected tensor is missing or has another size");
        return;
    }
    double worst = 0, largest = 0;
    for (size_t i = 0; i < count; i++) {
        double w = (double)weights_value(want, item * count + i), e = fabs((double)got[i] - w);
        if (fabs(w) > largest) largest = fabs(w);
        if (!(e <= worst)) worst = e;
    }
    char text[128];
    snprintf(text, sizeof text, want->count == count ? "%s" : "%s[%zu]", tensor, item);
    golden_report(g, name, text, relative && largest > 0 ? worst / largest : worst, bound);
}

void golden_alike(const golden *g, const char *name, const char *tensor, size_t item, const float *got, size_t count, double cosine,
                  double rms)
{
    const st_tensor *want = expectation(g, name, tensor);
    if (!want || !count || want->count % count || want->count / count <= item) {
        golden_broken(g, name, "an expected tensor is missing or has another size");
        return;
    }
    double dot = 0, a = 0, b = 0, error = 0;
    for (size_t i = 0; i < count; i++) {
        double w = (double)weights_value(want, item * count + i), v = (double)got[i];
        dot += v * w, a += v * v, b += w * w, error += (v - w) * (v - w);
    }
    double c = dot / sqrt(a * b), e = sqrt(error / b);
    int ok = c >= cosine && e <= rms;
    printf("%s/%s %s cosine %.6f (%.6f) relative rms error %.3g (%.3g) %s\n", label(g), name, tensor, c, cosine, e, rms, ok ? "ok" : "FAIL");
    if (ok) passed++;
    else failed++;
    fflush(stdout);
}

char *golden_path(const golden *g, const char *file)
{
    return file_join(g->dir, file);
}

float *golden_input(const golden *g, const char *name, int *dims, size_t shape[ST_MAX_DIMS], size_t *count)
{
    const st_tensor *t = g->inputs ? st_find(g->inputs, name) : NULL;
    float *out = NULL;
    if (t) {
        out = malloc((t->count + 1) * sizeof *out);
        weights_widen(t, 0, t->count, out);
        *dims = t->dims;
        memcpy(shape, t->shape, sizeof t->shape);
        *count = t->count;
        return out;
    }
    uint64_t seed = (uint64_t)json_number(json_get(g->root, "seed"), 0);
    for (const json_node *e = json_first(json_get(g->root, "inputs")); e; e = json_next(e)) {
        if (strcmp(json_string(json_get(e, "name"), ""), name) != 0) continue;
        *dims = 0;
        *count = 1;
        for (const json_node *s = json_first(json_get(e, "shape")); s && *dims < ST_MAX_DIMS; s = json_next(s)) {
            shape[*dims] = (size_t)json_number(s, 0);
            *count *= shape[(*dims)++];
        }
        out = malloc((*count + 1) * sizeof *out);
        rng_synth(out, 0, *count, name, json_number(json_get(e, "mean"), 0), json_number(json_get(e, "half"), 0), seed);
    }
    return out;
}

static const st_file *open_part(const golden *g, const char *file)
{
    st_file *f = NULL;
    char *path = golden_path(g, file);
    drgen_err err = {0};
    if (access(path, R_OK) == 0 && st_open(&f, path, &err) != DRGEN_OK) golden_broken(g, file, err.message);
    free(path);
    return f;
}

static json_doc *open_manifest(const golden *g, file_bytes *bytes)
{
    json_doc *doc = NULL;
    drgen_err err = {0};
    char *path = golden_path(g, "manifest.json");
    if (access(path, R_OK) == 0 &&
        (file_map(bytes, path, 64u << 20, &err) != DRGEN_OK || json_parse(&doc, bytes->data, bytes->size, path, &err) != DRGEN_OK))
        golden_broken(g, "manifest.json", err.message);
    free(path);
    return doc;
}

static int run_folder(golden g, const char *dir)
{
    file_bytes bytes = {0};
    g.dir = dir;
    json_doc *doc = open_manifest(&g, &bytes);
    g.doc = doc;
    g.root = doc ? json_root(doc) : NULL;
    g.config = g.root ? json_get(g.root, "config") : NULL;
    g.inputs = open_part(&g, "inputs.safetensors");
    g.expected = open_part(&g, "expected.safetensors");
    int found = 0, taken = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && !taken; i++)
        if (kinds[i]->match(&g)) {
            found = 1;
            taken = !kinds[i]->shared;
            folders++;
            kinds[i]->run(&g);
        }
    if (!found && (doc || g.expected)) golden_skip(&g, "*", "no kind knows this folder yet"), found = 1;
    st_close((st_file *)g.inputs);
    st_close((st_file *)g.expected);
    json_free(doc);
    file_close(&bytes);
    return found;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void walk(const golden *g, const char *dir, int depth)
{
    enum { MOST = 1024 };
    if (run_folder(*g, dir) || depth == 0) return;
    char *names[MOST];
    int count = 0;
    DIR *d = opendir(dir);
    if (!d) return;
    for (struct dirent *e; (e = readdir(d)) && count < MOST;)
        if (e->d_name[0] != '.') names[count++] = file_join(dir, e->d_name);
    closedir(d);
    qsort(names, (size_t)count, sizeof *names, by_name);
    for (int i = 0; i < count; i++) {
        struct stat st;
        if (stat(names[i], &st) == 0 && S_ISDIR(st.st_mode)) walk(g, names[i], depth - 1);
        free(names[i]);
    }
}

int main(int argc, char **argv)
{
    golden g = {.kern = kern_best(), .type = PACK_F32};
    int threads = 0;
    const char *dir = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list-isa") == 0) {
            size_t n;
            const kern_table *const *table = kern_available(&n);
            for (size_t k = 0; k < n; k++) printf("%s\n", table[k]->isa);
            return 0;
        }
        if (strcmp(argv[i], "--f16") == 0) g.type = PACK_F16;
        else if (strcmp(argv[i], "--q8") == 0) g.type = PACK_Q8;
        else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) g.only = argv[++i];
        else if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc) threads = atoi(argv[++i]);
        else dir = argv[i];
    }
    drgen_err err = {0};
    char temp[] = "/tmp/drgen-golden-XXXXXX";
    if (!dir || pool_open(&g.pool, threads, &err) != DRGEN_OK || !mkdtemp(temp)) {
        fprintf(stderr, "usage: golden [--f16|--q8] [--only CASE] [--threads N] DIR %s\n", err.message);
        return 2;
    }
    g.temp = temp;
    printf("kernels: %s\n", g.kern->isa);
    walk(&g, dir, 3);
    rmdir(temp);
    pool_close(g.pool);
    if (!folders) fprintf(stderr, "golden: no case found under %s\n", dir);
    printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed || !folders;
}
