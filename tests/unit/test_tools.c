/* test_tools.c - convert, inspect and synth as a user meets them: exit codes, one line of error, nothing left behind. Each
 * runs in a child process with its own output files. */
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/rng.h"
#include "io/json.h"
#include "io/weights.h"
#include "model/config.h"
#include "tests/scratch.h"
#include "tests/t.h"
#include "weights_tools/cmd.h"
#include "weights_tools/pack.h"
#include "weights_tools/source_types.h"

static char dir[256], out_text[8192], err_text[2048];

typedef int (*command)(int argc, char **argv);

static pid_t start(command run, size_t file_limit, char **argv)
{
    int argc = 0;
    while (argv[argc]) argc++;
    fflush(NULL);
    pid_t child = fork();
    if (child != 0) return child;
    int o = open(scratch_path(dir, "stdout"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int e = open(scratch_path(dir, "stderr"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(o, 1);
    dup2(e, 2);
    if (file_limit) {
        struct rlimit limit = {file_limit, file_limit};
        setrlimit(RLIMIT_FSIZE, &limit);
        signal(SIGXFSZ, SIG_IGN);
    }
    int code = run(argc, argv);
    fflush(NULL);
    _exit(code);
}

static void slurp(const char *name, char *text, size_t room)
{
    FILE *f = fopen(scratch_path(dir, name), "rb");
    size_t n = f ? fread(text, 1, room - 1, f) : 0;
    text[n] = '\0';
    if (f) fclose(f);
}

static int finish(pid_t child)
{
    int status = -1;
    waitpid(child, &status, 0);
    slurp("stdout", out_text, sizeof out_text);
    slurp("stderr", err_text, sizeof err_text);
    unlink(scratch_path(dir, "stdout"));
    unlink(scratch_path(dir, "stderr"));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#define RUN(command, ...) finish(start(command, 0, (char *[]){__VA_ARGS__, NULL}))

static char *at(const char *name)
{
    return (char *)(uintptr_t)scratch_path(dir, name);
}

static char convert[] = "convert", inspect[] = "inspect", synth[] = "synth", o[] = "-o", dit_[] = "--dit", vae_[] = "--vae";
static char tokenizer_[] = "--tokenizer", update_[] = "--update", type_[] = "--type", f16_[] = "f16", ema_[] = "--ema";
static char heads_[] = "--heads", json_[] = "--json", verify_[] = "--verify", manifest_[] = "--manifest", size_[] = "--size";
static char spm_file[] = "tests/golden/spm/spm.model", vae_file[] = "tests/golden/pt_files/vae_script.pt";

/* The tensors of a manifest as a checkpoint: flat, or twice over under both wrappers, the averaged ones 1 larger. */
static int make_checkpoint(const char *path, const char *manifest, int wrapped, float poison)
{
    source *s = NULL;
    st_writer *w = NULL;
    char name[512];
    drgen_err err = {0};
    int ok = source_open_manifest(&s, manifest, &err) == DRGEN_OK && st_create(&w, path, &err) == DRGEN_OK;
    for (int copy = 0; ok && copy <= wrapped; copy++)
        for (size_t i = 0; ok && i < source_count(s); i++) {
            const source_tensor *t = source_at(s, i);
            snprintf(name, sizeof name, "%s%s", !wrapped ? "" : copy ? "ema_model_state_dict/ema_model." : "model_state_dict/", t->name);
            ok = st_declare(w, name, ST_F32, t->shape, t->dims, &err) == DRGEN_OK;
        }
    for (int copy = 0; ok && copy <= wrapped; copy++)
        for (size_t i = 0; ok && i < source_count(s); i++) {
            const source_tensor *t = source_at(s, i);
            float *v = malloc(t->count * sizeof *v);
            ok = source_floats(s, t, 0, t->count, v, &err) == DRGEN_OK;
            for (size_t k = 0; k < t->count; k++) v[k] += (float)copy;
            if (poison != 0 && strstr(t->name, "blocks.1.mlp.up_proj")) v[t->count - 1] = poison;
            ok = ok && st_put(w, v, t->count * sizeof *v, &err) == DRGEN_OK;
            free(v);
        }
    ok = ok && st_finish(w, &err) == DRGEN_OK;
    if (!ok) printf("%s\n", err.message);
    source_close(s);
    return ok;
}

static float first_value(const char *file, const char *tensor)
{
    st_file *f = NULL;
    float v = NAN;
    if (st_open(&f, file, NULL) == DRGEN_OK && st_find(f, tensor)) v = weights_value(st_find(f, tensor), 0);
    st_close(f);
    return v;
}

TEST(convert_makes_adds_and_refuses)
{
    model_cfg cfg;
    modeldir d;
    drgen_err err = {0};
    CHECK(scratch_make(dir));
    CHECK(make_checkpoint(at("cfm.safetensors"), "tests/golden/dit_tiny_full/manifest.json", 1, 0));
    CHECKF(RUN(cmd_convert, convert, vae_, vae_file, tokenizer_, spm_file, o, at("m")) == 0, "%s", err_text);
    CHECK(strstr(out_text, "autoencoder") && strstr(out_text, "no tanh") && !*err_text);
    CHECK(RUN(cmd_convert, convert, vae_, vae_file, o, at("m")) == 1 && strstr(err_text, "is there already"));
    char four[] = "4";
    CHECKF(RUN(cmd_convert, convert, dit_, at("cfm.safetensors"), heads_, four, update_, o, at("m")) == 0, "%s", err_text);
    CHECK(modeldir_open(&d, at("m"), &err) == DRGEN_OK && config_read(&d, &cfg, &err) == DRGEN_OK);
    CHECK(cfg.has_dit && cfg.has_vae && !cfg.has_mulan_text && cfg.dit.duration_embed && cfg.dit.heads == 4);
    CHECK(cfg.vae.ratio == 32 && !strcmp(cfg.tokenizer, "tokenizer.model") && cfg.vae.has_encoder);
    modeldir_close(&d);
    /* Which of two sets of weights: the plain one, unless asked. */
    float plain = first_value(at("m/dit.safetensors"), "proj_out.bias");
    CHECK(RUN(cmd_convert, convert, dit_, at("cfm.safetensors"), heads_, four, ema_, o, at("e")) == 0);
    CHECKF(fabsf(first_value(at("e/dit.safetensors"), "proj_out.bias") - plain - 1) < 1e-6f, "%g", (double)plain);

    CHECK(RUN(cmd_inspect, inspect, verify_, at("m")) == 0 && strstr(err_text, "vae.safetensors: ok"));
    CHECK(RUN(cmd_inspect, inspect, json_, at("m")) == 0 && out_text[0] == '{');
    CHECK(RUN(cmd_inspect, inspect, at("m/dit.safetensors")) == 0 && strstr(out_text, "source: cfm.safetensors"));
    FILE *f = fopen(at("m/vae.safetensors"), "r+b");
    CHECK(f && fseek(f, -1, SEEK_END) == 0 && fputc(1, f) == 1 && fclose(f) == 0);
    CHECK(RUN(cmd_inspect, inspect, verify_, at("m")) == 1 && strstr(err_text, "SHA-256") && !*out_text);
    scratch_remove(dir);
}

TEST(convert_names_what_is_wrong_and_leaves_nothing)
{
    static const char lfs[] = "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n";
    static const char shards[] = "{\"weight_map\": {}}", text[] = "plain text\n", other_json[] = "{\"a\": 1}";
    CHECK(scratch_make(dir));
    CHECK(scratch_write(at("lfs"), lfs, sizeof lfs - 1) && scratch_write(at("shards.json"), shards, sizeof shards - 1));
    CHECK(scratch_write(at("text"), text, sizeof text - 1) && scratch_write(at("other.json"), other_json, sizeof other_json - 1));
    CHECK(make_checkpoint(at("nan"), "tests/golden/dit_tiny/manifest.json", 0, NAN));
    CHECK(make_checkpoint(at("big"), "tests/golden/dit_tiny/manifest.json", 0, 70000));
    CHECK(make_checkpoint(at("fine"), "tests/golden/dit_tiny/manifest.json", 0, 0));
    static const struct {
        const char *option, *file, *says;
    } cases[] = {{"--dit", "lfs", "git lfs pull"},     {"--dit", "shards.json", "list of shards"}, {"--dit", "text", "not a safetensors file"},
                 {"--dit", "missing", "No such file"}, {"--vae", "fine", "not the autoencoder"},   {"--mulan", "fine", "MuQ-MuLan"},
                 {"--tokenizer", "lfs", "git lfs pull"}, {"--tokenizer", "text", "neither"},       {"--tokenizer", "other.json", "\"model\""},
                 {"--dit", "nan", "not finite"},       {"--dit", "big", "half precision"}};
    int before = scratch_count(dir);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char option[16];
        snprintf(option, sizeof option, "%s", cases[i].option);
        int code = RUN(cmd_convert, convert, option, at(cases[i].file), o, at("m"));
        CHECKF(code == 1 && strstr(err_text, cases[i].says) && strchr(err_text, '\n') == err_text + strlen(err_text) - 1,
               "%s %s: %d %s", cases[i].option, cases[i].file, code, err_text);
        CHECKF(scratch_count(dir) == before, "%s %s left something", cases[i].option, cases[i].file);
    }
    char three[] = "3";
    CHECK(RUN(cmd_convert, convert, dit_, at("fine"), heads_, three, o, at("m")) == 1 && strstr(err_text, "3 heads"));
    /* What one part does must not survive another's failure. */
    CHECK(RUN(cmd_convert, convert, vae_, vae_file, dit_, at("nan"), o, at("m")) == 1 && scratch_count(dir) == before);
    CHECK(finish(start(cmd_convert, 20000, (char *[]){convert, vae_, vae_file, tokenizer_, spm_file, o, at("m"), NULL})) == 1);
    CHECKF(strstr(err_text, "write failed") && scratch_count(dir) == before, "%s", err_text);
    scratch_remove(dir);
}

TEST(tools_usage_errors)
{
    char zero[] = "0", ten_x[] = "10x", f64_[] = "f64", one_b[] = "1b", seed_[] = "--seed", help[] = "--help", unknown[] = "--sed";
    CHECK(scratch_make(dir));
    CHECK(RUN(cmd_convert, convert, help) == 0 && strstr(out_text, "--vae FILE") && !*err_text);
    CHECK(RUN(cmd_convert, convert) == 2 && RUN(cmd_convert, convert, o, at("m")) == 2);
    CHECK(RUN(cmd_convert, convert, vae_, vae_file, o, at("m"), type_, f64_) == 2);
    CHECK(RUN(cmd_convert, convert, dit_, vae_file, o, at("m"), heads_, zero) == 2);
    CHECK(RUN(cmd_convert, convert, dit_, vae_file, o, at("m"), heads_, ten_x) == 2);
    CHECK(RUN(cmd_synth, synth, size_, one_b) == 2 && RUN(cmd_synth, synth, size_, zero, o, at("m")) == 2);
    CHECK(RUN(cmd_synth, synth, size_, one_b, o, at("m"), seed_, ten_x) == 2 && strstr(err_text, "--seed"));
    CHECK(RUN(cmd_synth, synth, unknown, zero) == 2 && strstr(err_text, "--sed") && strchr(err_text, '\n') == err_text + strlen(err_text) - 1);
    CHECK(RUN(cmd_inspect, inspect) == 2 && RUN(cmd_inspect, inspect, verify_, vae_file) == 2);
    CHECK(RUN(cmd_inspect, inspect, at("none"), json_) == 1 && !*out_text && strstr(err_text, "drgen: "));
    CHECK(scratch_count(dir) == 0);
    scratch_remove(dir);
}

TEST(inspect_lists_every_form)
{
    static char files[][64] = {"tests/golden/pt_files/legacy.pt", "tests/golden/pt_files/ema.pt", "tests/golden/pt_files/vae_trace.pt",
                               "tests/golden/pt_files/dtypes.expected.safetensors"};
    CHECK(scratch_make(dir));
    for (size_t i = 0; i < COUNT(files); i++) {
        source *s = NULL;
        drgen_err err = {0};
        char count[32];
        CHECK(RUN(cmd_inspect, inspect, files[i]) == 0);
        CHECK(source_open(&s, files[i], &err) == DRGEN_OK);
        snprintf(count, sizeof count, "%zu tensors", source_count(s));
        CHECK(strstr(out_text, count) || strlen(out_text) == sizeof out_text - 1);
        source_close(s);
    }
    json_doc *d = NULL;
    CHECK(RUN(cmd_inspect, inspect, json_, files[3]) == 0);
    CHECK(json_parse(&d, out_text, strlen(out_text), "inspect", NULL) == DRGEN_OK);
    const json_node *file = d ? json_first(json_root(d)) : NULL, *tensors = json_get(file, "tensors");
    CHECK(json_count(tensors) == 13 && json_number(json_get(file, "bytes"), 0) == 269);
    CHECK(strcmp(json_string(json_get(json_get(file, "metadata"), "dtype:bf16"), ""), "bfloat16") == 0);
    CHECK(json_number(json_get(json_first(tensors), "bytes"), 0) == 60);
    json_free(d);
    scratch_remove(dir);
}

TEST(synth_from_manifest_and_tiny)
{
    char manifest[] = "tests/golden/mulan_tiny/manifest.json", tiny[] = "tiny";
    CHECK(scratch_make(dir));
    CHECKF(RUN(cmd_synth, synth, manifest_, manifest, o, at("m"), type_, f16_) == 0, "%s", err_text);
    CHECK(scratch_count(at("m")) >= 2);
    CHECKF(RUN(cmd_synth, synth, size_, tiny, tokenizer_, spm_file, o, at("t")) == 0, "%s", err_text);
    CHECK(RUN(cmd_inspect, inspect, verify_, at("t")) == 0);
    CHECK(RUN(cmd_synth, synth, size_, tiny, o, at("t")) == 1); /* is there already */
    scratch_remove(dir);
}

#if defined __SANITIZE_THREAD__
enum { thread_sanitizer = 1 };
#else
enum { thread_sanitizer = 0 };
#endif

/* Ctrl-C in the middle of 1.1 billion values: nothing stays, and the exit code says so. */
TEST(stopping_leaves_nothing)
{
    char one_b[] = "1b";
    if (thread_sanitizer) { /* it hands a signal on inside its wrappers, which a fork of a program with threads turns off */
        t_skip("signals do not reach a forked child under the thread sanitizer");
        return;
    }
    CHECK(scratch_make(dir));
    signal(SIGINT, SIG_DFL); /* a shell starts its background jobs with it ignored */
    for (int k = 0; k < 2; k++) {
        pid_t child = start(cmd_synth, 0, (char *[]){synth, size_, one_b, o, at("m"), NULL});
        for (int i = 0; i < 2000 && scratch_count(dir) < 3; i++) nanosleep(&(struct timespec){0, 1000000}, NULL);
        kill(child, k ? SIGTERM : SIGINT);
        int code = finish(child);
        CHECKF(code == 128 + (k ? SIGTERM : SIGINT) && strstr(err_text, "stopped"), "%d %s", code, err_text);
        CHECK(scratch_count(dir) == 0);
    }
    scratch_remove(dir);
}

static int stop_at_once(void)
{
    return 1;
}

/* Whatever shapes a checkpoint has, packing answers with an error or begins to write; it never divides by nothing. */
TEST(packing_survives_any_shape)
{
    static const char *const manifests[] = {"tests/golden/dit_tiny/manifest.json", "tests/golden/vae_tiny/manifest.json",
                                            "tests/golden/mulan_tiny/manifest.json"};
    static const size_t odd[] = {0, 1, 2, 3, 5, 64, 1 << 20, (size_t)1 << 31, (size_t)1 << 32, (size_t)1 << 40};
    uint64_t rng = t_seed;
    CHECK(scratch_make(dir));
    for (size_t m = 0; m < COUNT(manifests); m++) {
        source *s = NULL;
        CHECK(source_open_manifest(&s, manifests[m], NULL) == DRGEN_OK);
        synth_tensor *list = calloc(source_count(s), sizeof *list);
        for (int round = 0; round < 400; round++) {
            size_t count = 0, changes = 1 + rng_split(&rng) % 3;
            for (size_t i = 0; i < source_count(s); i++) {
                const source_tensor *t = source_at(s, i);
                if (rng_split(&rng) % 400 == 0) continue; /* goes missing */
                list[count] = (synth_tensor){.name = t->name, .dims = t->dims, .half = 1};
                memcpy(list[count++].shape, t->shape, (size_t)t->dims * sizeof *t->shape);
            }
            while (changes--) {
                synth_tensor *t = &list[rng_split(&rng) % count];
                if (rng_split(&rng) % 4 == 0) t->dims = (int)(rng_split(&rng) % 5);
                if (t->dims) t->shape[rng_split(&rng) % (uint64_t)t->dims] = odd[rng_split(&rng) % COUNT(odd)];
            }
            source *changed = NULL;
            drgen_err err = {0};
            if (source_open_synth(&changed, "changed", list, count, 1, &err) != DRGEN_OK) continue;
            pack_how how = {.dtype = PACK_F16, .stop = stop_at_once};
            dit_cfg dit = {0};
            vae_cfg vae = {0};
            mulan_text_cfg text = {0};
            mulan_audio_cfg audio = {0};
            drgen_status st[4] = {pack_dit(changed, at("x"), &how, &dit, NULL, &err), pack_vae(changed, at("x"), &how, &vae, NULL, NULL),
                                  pack_mulan_text(changed, at("x"), &how, &text, NULL, NULL),
                                  pack_mulan_audio(changed, at("x"), &how, &audio, NULL, NULL)};
            for (int k = 0; k < 4; k++) CHECK(st[k] == DRGEN_ERR_MODEL || st[k] == DRGEN_ERR_CANCELLED || st[k] == DRGEN_ERR_ARG || st[k] == DRGEN_ERR_NOMEM);
            CHECK(scratch_count(dir) == 0);
            source_close(changed);
        }
        free(list);
        source_close(s);
    }
    scratch_remove(dir);
}
