/* A host program: includes drgen.h alone, links libdrgen.a alone, runs two engines at once. */
#include <drgen.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static int passed, failed;

static void check(const char *name, int ok)
{
    printf("%s %s\n", ok ? "ok" : "FAIL", name);
    if (ok) passed++;
    else failed++;
}

typedef struct {
    drgen *g;
    drgen_song song;
    drgen_audio audio;
    drgen_err err;
    drgen_status status;
} work;

static void *run(void *arg)
{
    work *w = arg;
    w->status = drgen_generate(w->g, &w->song, &w->audio, &w->err);
    return NULL;
}

static work prepare(int threads, uint64_t seed)
{
    work w = {0};
    drgen_config config = drgen_config_default();
    config.threads = threads;
    w.g = drgen_open(&config, &w.err);
    w.song = drgen_song_default();
    w.song.lyrics = "[00:01.00]Hello from a very small machine\n";
    w.song.prompt = "folk, acoustic guitar, warm";
    w.song.steps = 3;
    w.song.seed = seed;
    return w;
}

static int equal(const drgen_audio *a, const drgen_audio *b)
{
    return a->samples && b->samples && a->frames == b->frames &&
           memcmp(a->samples, b->samples, a->frames * 2 * sizeof(float)) == 0;
}

int main(void)
{
    work a = prepare(1, 1), b = prepare(2, 2), alone = prepare(2, 1);
    check("three handles open", a.g && b.g && alone.g);
    if (!a.g || !b.g || !alone.g) return 1;
    pthread_t other;
    int started = pthread_create(&other, NULL, run, &a) == 0;
    run(&b);
    if (started) pthread_join(other, NULL);
    run(&alone);
    check("two songs at once", started && a.status == DRGEN_OK && b.status == DRGEN_OK && alone.status == DRGEN_OK);
    check("an engine beside it changes nothing", equal(&a.audio, &alone.audio));
    check("another seed, another song", !equal(&a.audio, &b.audio));
    check("length and form", a.audio.frames == 645u * 2048u && a.audio.channels == 2 && a.audio.sample_rate == 44100);
    drgen_info info = drgen_get_info(a.g);
    check("info", info.threads == 1 && info.parameters > 0 && info.model_name[0] && info.style_width > 0);
    check("version", drgen_version()[0] != '\0');
    drgen_audio_free(&a.audio);
    drgen_audio_free(&b.audio);
    drgen_audio_free(&alone.audio);
    drgen_close(a.g);
    drgen_close(b.g);
    drgen_close(alone.g);
    printf("%d passed, %d failed, 0 skipped\n", passed, failed);
    return failed != 0;
}
