/* train.c - adapters and whole transformers from a dataset, restartable. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "io/json.h"
#include "nano/begin.h"
#include "pipeline/training.h"
#include "train/dit_tensors.h"

typedef struct {
    drgen *g;
    const drgen_training *o;
    drgen_err *err;
    dit_cfg cfg;
    float *fresh; /* the weights of a new transformer, or of an int8 one in float32; or NULL */
    dit *fresh_dit;
    training_songs songs;
    training_composer composer;
    train_how how;
    trainer *t;
    char *folder, *state; /* output/training, its state file */
    drgen_train_step step;
    double began, first; /* clock, and updates that were done then */
} session;

drgen_training drgen_training_default(int kind)
{
    int full = kind > 0;
    drgen_training t = {.full = full,
                        .epochs = full ? 110 : 10,
                        .batch = full ? 4 : 1,
                        .accumulate = full ? 2 : 8,
                        .rate = full ? 7.5e-5 : 1e-4,
                        .schedule = full ? 1 : 2,
                        .warmup = full ? 20 : -1,
                        .decay = 0.01,
                        .clip = 1,
                        .ema = full ? 0.9999 : 0,
                        .rank = 8,
                        .alpha = 16,
                        .dropout = 0.05,
                        .modules = "attention",
                        .drop_cond = 0.3,
                        .drop_text = 0.1,
                        .drop_style = 0.1,
                        .validate_every = 50,
                        .save_every = 50,
                        .half = 0,
                        .seed = 42,
                        .longest = 1,
                        .keep_memory = (size_t)3 << 29};
    if (kind < 2) return t;
    t.composer = 1;
    t.metronome = 2500;
    t.longest = 4;
    t.batch = 8;
    t.accumulate = 1;
    t.frames = 512;
    t.rate = 3e-3;
    t.schedule = LR_LATE;
    t.warmup = 60;
    t.ema = 0.999;
    t.updates = 20000;
    t.validate_every = t.save_every = 500;
    t.half = 1;
    t.drop_cond = t.drop_text = t.drop_style = 0;
    return t;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- options */

static drgen_status out_of_range(drgen_err *err, const char *what, double v, double min, double max)
{
    if (v >= min && v <= max) return DRGEN_OK;
    return err_fail(err, DRGEN_ERR_ARG, "training: %s is %g; it must be in %g..%g", what, v, min, max);
}

static drgen_status check(const drgen_training *o, drgen_err *err)
{
    const struct {
        const char *what;
        double v, min, max;
    } range[] = {{"updates", (double)o->updates, 0, 1e8},
                 {"epochs", o->epochs, 0, 1e6},
                 {"batch", o->batch, 1, 4096},
                 {"accumulation", o->accumulate, 1, 4096},
                 {"frames", o->frames, 0, 65536},
                 {"learning rate", o->rate, 0, 10},
                 {"schedule", o->schedule, 0, 3},
                 {"warm-up", (double)o->warmup, -1, 1e8},
                 {"weight decay", o->decay, 0, 1},
                 {"clip", o->clip, 0, 1e9},
                 {"average's decay", o->ema, 0, 0.999999},
                 {"rank", o->rank, 1, 1024},
                 {"alpha", o->alpha, 1e-3, 1e6},
                 {"adapter's dropout", o->dropout, 0, 0.9},
                 {"dropout of shown sound", o->drop_cond, 0, 1},
                 {"dropout of lyrics", o->drop_text, 0, 1},
                 {"dropout of style", o->drop_style, 0, 1},
                 {"songs held back", o->held, 0, 60000},
                 {"validation", (double)o->validate_every, 0, 1e8},
                 {"saving", (double)o->save_every, 0, 1e8},
                 {"metronome", (double)o->metronome, 0, 1e8},
                 {"frames already counted", o->counted, 0, 1e8},
                 {"share of long songs", o->long_songs, 0, 1},
                 {"the longest song", o->longest, 1, 1 << TRAIN_SHAPES}};
    if ((!o->dataset && !o->composer) || !o->output)
        return err_fail(err, DRGEN_ERR_ARG, "training: a dataset and an output folder are needed");
    if (o->composer && (o->dataset || !o->full || !o->updates || o->span || o->held))
        return err_fail(err, DRGEN_ERR_ARG, "training: the composer trains all weights for a number of updates, without a dataset");
    if (o->counted && (!o->composer || o->init))
        return err_fail(err, DRGEN_ERR_ARG, "training: counting on is for the composer's songs and a model that counts already, not a new one");
    if (o->counted && (o->counted < METRONOME_KNOWN || o->counted > METRONOME_LONGEST))
        return err_fail(err, DRGEN_ERR_ARG, "training: a model that keeps the beat for %d frames cannot learn the rest from them; %d are "
                        "needed, and more than %d there are not", o->counted, (int)METRONOME_KNOWN, (int)METRONOME_LONGEST);
    if (o->init && !o->full)
        return err_fail(err, DRGEN_ERR_ARG, "training: a new model is trained whole, not as an adapter");
    for (size_t i = 0; i < sizeof range / sizeof range[0]; i++)
        ERR_TRY(out_of_range(err, range[i].what, range[i].v, range[i].min, range[i].max));
    if (!(o->updates > 0) && !(o->epochs > 0))
        return err_fail(err, DRGEN_ERR_ARG, "training: neither updates nor epochs are asked for");
    return DRGEN_OK;
}

/* Sizes of a new transformer, drawn from the seed. */
static drgen_status begin_anew(session *s)
{
    file_bytes bytes;
    json_doc *doc = NULL;
    size_t floats = 0;
    ERR_TRY(file_map(&bytes, s->o->init, 1 << 20, s->err));
    drgen_status status = json_parse(&doc, bytes.data, bytes.size, s->o->init, s->err);
    if (status == DRGEN_OK) {
        const json_node *root = json_root(doc), *part = json_get(root, "dit");
        status = config_read_dit(doc, part ? part : root, &s->cfg, s->err);
    }
    if (status == DRGEN_OK && s->cfg.mel_dim != s->g->cfg.vae.latent_dim)
        status = err_fail(s->err, DRGEN_ERR_MODEL, "%s: mel_dim is %d, the model's autoencoder has %d", s->o->init,
                          s->cfg.mel_dim, s->g->cfg.vae.latent_dim);
    if (status == DRGEN_OK) status = dit_floats(&s->cfg, &floats, s->err);
    if (status == DRGEN_OK && !(s->fresh = aligned_alloc(64, (floats * sizeof(float) + 63) / 64 * 64)))
        status = err_fail(s->err, DRGEN_ERR_NOMEM, "training: out of memory for %zu weights", floats);
    if (status == DRGEN_OK)
        status = s->o->composer ? nano_init(&s->cfg, s->o->seed, s->fresh, s->err) : dit_init(&s->cfg, s->o->seed, s->fresh, s->err);
    if (status == DRGEN_OK) status = dit_over(&s->fresh_dit, &s->cfg, s->fresh, s->err);
    json_free(doc);
    file_close(&bytes);
    return status;
}

/* The way back reads float32 and half precision: an int8 model is trained, or has its adapter trained, on a copy of its
 * weights in float32. */
static drgen_status widen(session *s)
{
    size_t floats = 0;
    int int8 = 0;
    for (int i = 0; i < s->cfg.depth; i++) int8 |= s->g->dit->blocks[i].int8;
    if (!int8 && !s->o->counted) return DRGEN_OK;
    ERR_TRY(dit_floats(&s->cfg, &floats, s->err));
    if (!(s->fresh = aligned_alloc(64, (floats * sizeof(float) + 63) / 64 * 64)))
        return err_fail(s->err, DRGEN_ERR_NOMEM, "training: out of memory for %zu weights; the model in half precision needs no copy",
                        floats);
    ERR_TRY(dit_flatten(s->g->dit, s->g->kern, s->fresh, s->err));
    return dit_over(&s->fresh_dit, &s->cfg, s->fresh, s->err);
}

static size_t crop_frames(session *s)
{
    size_t longest = 0, wish = (size_t)s->o->frames,
           limit = s->cfg.max_frames < 2048 ? (size_t)s->cfg.max_frames : 2048;
    if (wish || !s->songs.songs) return wish ? wish : 512;
    for (size_t i = 0; i < dataset_count(s->songs.songs); i++) {
        dataset_song song;
        if (dataset_get(s->songs.songs, i, &song, NULL) == DRGEN_OK && song.frames > longest) longest = song.frames;
    }
    return longest < limit ? longest : limit;
}

static drgen_status plan(session *s)
{
    const drgen_training *o = s->o;
    size_t songs = s->songs.songs ? dataset_count(s->songs.songs) - (size_t)o->held : 0, update = (size_t)o->batch * (size_t)o->accumulate;
    double epochs = ceil(o->epochs * (double)songs / (double)update);
    if (o->updates == 0 && epochs > 1e8)
        return err_fail(s->err, DRGEN_ERR_ARG, "training: %g epochs are too many", o->epochs);
    s->how = (train_how){.base = s->fresh_dit ? s->fresh_dit : s->g->dit,
                         .start = s->fresh,
                         .pool = s->g->pool,
                         .kern = s->g->kern,
                         .full = o->full,
                         .updates = o->updates ? o->updates : (long)fmax(1, epochs),
                         .batch = (size_t)o->batch,
                         .accumulate = (size_t)o->accumulate,
                         .frames = crop_frames(s),
                         .schedule = (lr_schedule)o->schedule,
                         .warmup = o->warmup,
                         .seed = o->seed,
                         .memory = o->keep_memory};
    s->how.adamw = (adamw_how){
        .lr = o->rate, .b1 = 0.9, .b2 = 0.999, .eps = 1e-8, .decay = o->decay, .clip = o->clip, .ema = o->ema};
    s->how.flow = (flow_how){
        .span = o->span, .drop_cond = o->drop_cond, .drop_text = o->drop_text, .drop_style = o->drop_style};
    s->how.lora = (lora_shape){.rank = (size_t)o->rank, .alpha = (float)o->alpha, .dropout = (float)o->dropout};
    if (o->warmup < 0) s->how.warmup = s->how.updates / 10;
    if (o->composer) training_composer_plan(&s->composer, o, &s->how);
    size_t longest = s->how.frames;
    for (size_t i = 0; i < s->how.shape_count; i++)
        if (s->how.shapes[i].frames > longest) longest = s->how.shapes[i].frames;
    if (longest > (size_t)s->cfg.max_frames)
        return err_fail(s->err, DRGEN_ERR_ARG, "training: crops of %zu frames, the model is made for %d at most", longest,
                        s->cfg.max_frames);
    if (!o->full) ERR_TRY(lora_sites(o->modules, &s->how.lora.sites, s->err));
    return DRGEN_OK;
}

static drgen_status make_folder(const char *dir, drgen_err *err)
{
    if (mkdir(dir, 0777) == 0 || errno == EEXIST) return DRGEN_OK;
    return err_fail(err, DRGEN_ERR_IO, "%s: cannot make the folder: %s", dir, strerror(errno));
}

static drgen_status make_folders(session *s)
{
    ERR_TRY(make_folder(s->o->output, s->err));
    s->folder = file_join(s->o->output, "training");
    s->state = s->folder ? file_join(s->folder, "state.safetensors") : NULL;
    if (!s->state) return err_fail(s->err, DRGEN_ERR_NOMEM, "%s: out of memory", s->o->output);
    ERR_TRY(make_folder(s->folder, s->err));
    int there = access(s->state, F_OK) == 0;
    if (there && !s->o->resume)
        return err_fail(s->err, DRGEN_ERR_ARG,
                        "%s: a training began here; go on with --resume, or choose another folder", s->o->output);
    return DRGEN_OK;
}

/* ---- the run */

static int tell(session *s, int news)
{
    s->step.news = news;
    return s->o->progress ? s->o->progress(&s->step, s->o->progress_user) : 0;
}

static int ask(void *user)
{
    return tell(user, 0);
}

static drgen_status write_result(session *s)
{
    const float *w = trainer_result(s->t);
    if (s->o->full)
        return training_write_model(s->g, s->o->output, &s->cfg, w, training_composer_negative(&s->composer), s->o->half, s->err);
    return lora_write(s->o->output, &s->cfg, &s->how.lora, w, s->g->cfg.name, s->err);
}

/* State first: whatever stops us then, the training can go on. */
static drgen_status save(session *s)
{
    ERR_TRY(trainer_save(s->t, s->state, s->err));
    ERR_TRY(training_write_records(s->folder, s->t, s->err));
    return write_result(s);
}

static void fill_step(session *s, double started)
{
    long done = trainer_done(s->t);
    const train_record *r = &trainer_records(s->t)[done - 1];
    s->step.done = done;
    s->step.loss = (double)r->loss;
    s->step.rate = (double)r->rate;
    s->step.norm = (double)r->norm;
    s->step.validation = (double)r->validation;
    s->step.seconds = now() - started;
    s->step.left = (now() - s->began) / ((double)done - s->first) * (double)(s->how.updates - done);
}

static int due(long every, long done, long total)
{
    return done == total || (every > 0 && done % every == 0);
}

static void forget_early(session *s)
{
    for (size_t i = 0; i < 4; i++) s->step.early[i] = NAN;
    s->step.metronome = NAN;
}

static drgen_status validate(session *s)
{
    static const double times[4] = {0, 0.1, 0.2, 0.4};
    double loss;
    for (size_t i = 0; i < 4 && s->o->composer; i++) ERR_TRY(trainer_loss_at(s->t, times[i], &s->step.early[i], s->err));
    return trainer_validate(s->t, &loss, s->err);
}

static drgen_status loop(session *s)
{
    long total = s->how.updates;
    s->began = now();
    s->first = (double)trainer_done(s->t);
    while (trainer_done(s->t) < total) {
        double started = now();
        forget_early(s);
        ERR_TRY(trainer_update(s->t, ask, s, s->err));
        if (due(s->o->validate_every, trainer_done(s->t), total)) ERR_TRY(validate(s));
        fill_step(s, started);
        if (due(s->o->save_every, trainer_done(s->t), total)) ERR_TRY(save(s));
        if (tell(s, 1) && trainer_done(s->t) < total) return err_fail(s->err, DRGEN_ERR_CANCELLED, "stopped");
    }
    return DRGEN_OK;
}

/* Refuses what this machine cannot hold before it is tried: memory would be given and the process ended later. */
static drgen_status check_memory(const session *s)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    double have = (double)pages * (double)size, need = (double)s->step.memory, gib = 1 << 30;
    if (pages <= 0 || size <= 0 || need <= have) return DRGEN_OK;
    return err_fail(s->err, DRGEN_ERR_NOMEM, "training needs %.1f GiB, this machine has %.1f; take shorter crops, fewer songs "
                    "at once, or%s", need / gib, have / gib, s->o->full ? " train an adapter" : " a smaller rank");
}

static int on_metronome(void *user, long done, long total, double error)
{
    session *s = user;
    s->step.metronome_done = done;
    s->step.total = total;
    s->step.metronome = error;
    return tell(s, 1);
}

/* A new model of the composer's kind learns to count before anything else, one that counts a little to count on. */
static drgen_status count_first(session *s)
{
    metronome_how how = {.pool = s->g->pool,
                         .kern = s->g->kern,
                         .updates = s->o->metronome,
                         .warmup = 50,
                         .rate = 3e-3,
                         .longest = METRONOME_LONGEST,
                         .known = (size_t)s->o->counted,
                         .seed = s->o->seed,
                         .progress = on_metronome,
                         .user = s};
    double error;
    int resumes = s->o->resume && access(s->state, F_OK) == 0;
    if (!s->o->composer || (!s->o->init && !s->o->counted) || !s->o->metronome || resumes) return DRGEN_OK;
    return metronome_train(s->fresh, &s->cfg, s->composer.songs, &how, &error, s->err);
}

static train_source choose_source(session *s)
{
    if (s->o->composer) return nano_source(s->composer.songs, 16);
    size_t count = dataset_count(s->songs.songs);
    return training_source(&s->songs, count < 4 ? count : 4);
}

static drgen_status start(session *s)
{
    train_source source = choose_source(s);
    forget_early(s);
    ERR_TRY(count_first(s));
    forget_early(s);
    ERR_TRY(trainer_memory(&s->how, &s->step.memory, s->err));
    ERR_TRY(check_memory(s));
    ERR_TRY(trainer_open(&s->t, &s->how, &source, s->err));
    if (s->o->resume && access(s->state, F_OK) == 0) ERR_TRY(trainer_load(s->t, s->state, s->err));
    long done = trainer_done(s->t), total = s->how.updates;
    s->step.done = done;
    s->step.total = total;
    s->step.loss = s->step.rate = s->step.norm = s->step.validation = NAN;
    s->step.gflop = trainer_flop(s->t) * 1e-9;
    if (s->o->full) ERR_TRY(dit_floats(&s->cfg, &s->step.trained, s->err));
    else s->step.trained = lora_over(NULL, &s->cfg, &s->how.lora, NULL);
    if (done < total) s->step.seconds = trainer_measure(s->t);
    s->step.left = s->step.seconds * (double)(total - done);
    if (tell(s, 1)) return err_fail(s->err, DRGEN_ERR_CANCELLED, "stopped");
    drgen_status status = loop(s);
    if (status != DRGEN_ERR_CANCELLED) return status;
    drgen_err late = {0}, *out = s->err;
    s->err = &late;
    drgen_status saved = trainer_done(s->t) > done ? save(s) : DRGEN_OK;
    if (saved == DRGEN_OK) return status;
    if (out) *out = late;
    return saved;
}

drgen_status drgen_train(drgen *g, const drgen_training *how, drgen_err *err)
{
    session s = {.g = g, .o = how, .err = err, .cfg = g->cfg.dit};
    err_clear(err);
    drgen_status status = check(how, err);
    if (status == DRGEN_OK && g->adapter_count)
        status = err_fail(err, DRGEN_ERR_ARG, "training: it begins from the model alone; detach the adapters first");
    if (status == DRGEN_OK) status = how->init ? begin_anew(&s) : widen(&s);
    if (status == DRGEN_OK && how->composer) status = training_composer_open(&s.composer, g, &s.cfg, err);
    if (status == DRGEN_OK && !how->composer) status = training_songs_open(&s.songs, how->dataset, &s.cfg, (size_t)how->held, err);
    if (status == DRGEN_OK) status = plan(&s);
    if (status == DRGEN_OK) status = make_folders(&s);
    if (status == DRGEN_OK) status = start(&s);
    trainer_close(s.t);
    training_songs_close(&s.songs);
    training_composer_close(&s.composer);
    dit_free(s.fresh_dit);
    free(s.fresh);
    free(s.folder);
    free(s.state);
    return status;
}
