/* drgen.h - songs from timed lyrics and a style: the public interface of libdrgen.
 *
 * Promises: different handles are independent; calls on one handle must not overlap. The library never prints,
 * exits, or changes the locale, the environment or signal handlers. Fork before drgen_open, not after. Start every
 * option struct from its _default() function, so that new fields break no caller. Every err may be NULL.
 *
 *     drgen_err err;
 *     drgen *g = drgen_open(NULL, &err);
 *     drgen_song song = drgen_song_default();
 *     song.lyrics = "[00:01.00]Hello from a very small machine\n";
 *     song.prompt = "folk, acoustic guitar, warm";
 *     drgen_audio out = {0};
 *     if (drgen_generate(g, &song, &out, &err) == DRGEN_OK) drgen_audio_write(&out, "song.wav", &err);
 *     drgen_audio_free(&out);
 *     drgen_close(g);
 */
#ifndef DRGEN_H
#define DRGEN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DRGEN_API __attribute__((visibility("default")))
#else
#define DRGEN_API
#endif

typedef enum {
    DRGEN_OK = 0,
    DRGEN_ERR_ARG,      /* the caller passed something outside the documented range */
    DRGEN_ERR_NOMEM,    /* an allocation failed; nothing leaked, the handle stays usable */
    DRGEN_ERR_IO,       /* open, read, write or map failed; the message holds the path and the system's reason */
    DRGEN_ERR_FORMAT,   /* a file was read but is not what it should be */
    DRGEN_ERR_MODEL,    /* weights do not fit the model: missing tensor, wrong shape or type */
    DRGEN_ERR_TEXT,     /* lyrics or prompt cannot be used */
    DRGEN_ERR_CANCELLED /* the progress callback asked to stop */
} drgen_status;

typedef struct {
    drgen_status code;
    char message[512]; /* one line: what, where, what to do */
} drgen_err;

typedef struct drgen drgen;

typedef enum { DRGEN_TEXT, DRGEN_STYLE, DRGEN_SAMPLE, DRGEN_DECODE, DRGEN_MASTER, DRGEN_ENCODE } drgen_phase;

/* Called on the caller's thread as work advances: done of total (updates of the sampler, latent frames decoded), and
 * more often with the same numbers while a step runs. Each phase starts with done 0. Return 0 to go on, anything else
 * to stop: drgen_generate then returns DRGEN_ERR_CANCELLED. */
typedef int (*drgen_progress)(drgen_phase phase, int done, int total, void *user);

enum { DRGEN_LOG_WARNING, DRGEN_LOG_INFO, DRGEN_LOG_DEBUG };
/* One line of news, without a newline; valid during the call. level is one of DRGEN_LOG_*. Lyric lines that were
 * dropped or moved come as warnings that begin with "line N:". */
typedef void (*drgen_log)(int level, const char *line, void *user);

typedef struct {
    const char *model_dir;   /* NULL: the small model inside the library */
    int threads;             /* 0: one per core this process may use */
    const char *espeak_data; /* folder that holds espeak-ng-data; NULL: the system's. One per process: espeak-ng is
                                opened by the first handle that reads lyrics */
    const char *zh_lexicon;  /* the original's chinese_lexicon.txt, for its readings; NULL: the dictionary inside */
    drgen_log log;
    void *log_user;
} drgen_config;

/* Style vectors are rounded to half precision, as the original does it. */
/* One part of a style: exactly one of prompt, audio, file and vector. Parts are unit vectors, summed by weight. */
typedef struct {
    const char *prompt; /* in words */
    const char *audio;  /* a recording of at least 10 s: WAV, FLAC, OGG, MP3...; its middle ten seconds count */
    const char *file;   /* a style vector: .npy or .safetensors */
    float weight;       /* 1 is usual; not 0 */
    const float *vector; /* a style vector in memory, of width floats */
    size_t width;
} drgen_style;

typedef struct drgen_latents drgen_latents;

typedef struct {
    const char *lyrics;         /* LRC text, or plain lines, which get times of their own; UTF-8; NULL: instrumental */
    const char *prompt;         /* style in words; exactly one of prompt, style_file and styles */
    const char *style_file;     /* style vector: .npy or .safetensors, as many floats as the model's style width */
    const drgen_style *styles;  /* several, blended by weight */
    size_t style_count;
    const char *negative_prompt; /* what the guidance moves away from, in words; at most one of the three */
    const char *negative_file;  /* style vector the guidance moves away from; all NULL: the model's own */
    const float *negative_vector; /* the same in memory, of negative_width floats */
    size_t negative_width;
    double seconds;             /* 95, 96..285 with a full model, or what drgen_info says; 0: the model's own,
                                 * with the built-in one as long as timed lyrics need, up to 95 */
    int steps;                  /* points on the time grid, 2..1000: steps - 1 updates; 0: the model's own, usually 32 */
    float guidance;             /* 0..100; 0: none, one evaluation per step instead of two; NAN: the model's own, usually 4 */
    float guidance_from, guidance_to; /* 0..1: approximation; only steps that start at a time in between are guided, the
                                   others take one evaluation; 0 and 1: all are */
    float cache;                /* 0..100: approximation; a step takes the last velocity again while its estimated
                                   relative change is less than this; 0: never, 0.2 is little */
    float sway;                 /* -1..1; 0: even time grid; -1: more of it near the start; NAN: the model's own, usually 0 */
    uint64_t seed;              /* of the noise, as in torch.manual_seed: only the low 32 bits count */
    double bpm;                 /* plain lyrics without a time stamp get times on this beat; 0: no beat */
    int vocals_only;            /* 1: the model's own vocal style leads, and guidance moves away from the style given */
    int lyrics_compat;          /* 1: read lyrics exactly as the original does, quirks included */
    int half_tables;            /* 1: rotary and position tables and the length rounded to half precision, as released
                                   audio was made */
    drgen_latents *latents;     /* NULL, or where the latents go that were decoded; free with drgen_latents_free */
    drgen_progress progress;
    void *progress_user;
} drgen_song;

typedef struct {
    float *samples; /* interleaved, -1..1 */
    size_t frames;
    int channels, sample_rate;
} drgen_audio;

/* What a handle holds and runs on; strings live as long as the handle. */
typedef struct {
    const char *model_name;  /* name in model.json */
    const char *model_note;  /* one line to show the user, or "" (e.g. that the model is untrained) */
    const char *isa;         /* kernel set in use: "avx512", "avx2", "neon", "ref"; DRGEN_ISA caps the choice */
    const char *blas;        /* OpenBLAS core name, or "none" */
    const char *gemm;        /* "own" or "openblas": which one computes matrix products */
    int threads;
    int full;                /* 1: a model for songs of 96..285 s, 0: 95 s */
    int style_width;         /* floats in a style vector */
    int has_audio_tower;     /* 0: recordings cannot be a style */
    int has_text_tower;      /* 0: the model cannot read prompts, a style file is needed */
    int has_encoder;         /* 0: sounds cannot be turned into latents */
    double seconds_least, seconds_most; /* a song may take */
    uint64_t parameters;     /* of the transformer */
    uint64_t weight_bytes;   /* mapped, all files of the model */
    uint64_t adapter_bytes;  /* memory of attached adapters, and of what stands in their matrices' places */
} drgen_info;

/* What the last drgen_generate on a handle measured. */
typedef struct {
    size_t frames;               /* latent frames */
    int evaluations;             /* transformer evaluations (two per guided step) */
    int evaluations_saved;       /* by guidance_from, guidance_to and cache */
    double seconds_text, seconds_style, seconds_sample, seconds_decode;
    double seconds_per_evaluation;
    size_t work_bytes;           /* working memory besides mapped weights and the result */
    size_t result_bytes;         /* the samples handed out */
} drgen_report;

DRGEN_API drgen_config drgen_config_default(void);
DRGEN_API drgen_song drgen_song_default(void);

/* config may be NULL for the defaults. Maps and checks the model; the parts that read prompts and lyrics are opened
 * when first needed. Returns NULL on error and says why in err. */
DRGEN_API drgen *drgen_open(const drgen_config *config, drgen_err *err);
DRGEN_API void drgen_close(drgen *g); /* NULL is fine */
DRGEN_API drgen_info drgen_get_info(const drgen *g);
/* The song with the model's own seconds, steps, guidance and sway where it leaves them open: what drgen_generate would
 * make. Nothing is checked. */
DRGEN_API drgen_song drgen_song_resolve(const drgen *g, const drgen_song *song);

/* Working memory drgen_generate would take for this song, in bytes, mapped weights and the result not counted; 0 and
 * err if the song is not valid. With a prompt it opens the model's text tower. */
DRGEN_API size_t drgen_memory_needed(drgen *g, const drgen_song *song, drgen_err *err);

/* Makes a song: out gets 44.1 kHz stereo, peak at 1; free it with drgen_audio_free. On error out is empty and the
 * handle can be used again. The same song gives the same samples with any number of threads. */
DRGEN_API drgen_status drgen_generate(drgen *g, const drgen_song *song, drgen_audio *out, drgen_err *err);
DRGEN_API drgen_report drgen_last_report(const drgen *g);

/* ---- adapters: what `drgen train lora` or PEFT made, on top of the model */

/* Attaches a LoRA adapter: a folder as PEFT writes it (adapter_config.json, adapter_model.safetensors), or one
 * .safetensors file of such matrices. strength, -100..100, scales what it adds: 1 as trained; 0: it is read and checked,
 * and then left out. Several add up. Where the model is int8 it is added beside the products, elsewhere to copies of the
 * matrices it touches (drgen_info.adapter_bytes). IO, FORMAT and MODEL errors name file, tensor, what is wanted and found
 * (another model's adapter, DoRA, values that are not finite), and leave the handle as it was. Between songs only. */
DRGEN_API drgen_status drgen_lora_attach(drgen *g, const char *path, float strength, drgen_err *err);
/* Takes all of them off: songs are again, bit for bit, as they were without. */
DRGEN_API void drgen_lora_detach(drgen *g);

typedef struct {
    const char *path;    /* as it was given */
    const char *sha256, *config_sha256; /* of its matrices' file and its adapter_config.json ("": none), in hexadecimal */
    float strength;
    size_t matrices;     /* it adds to; 0 in a list from a recipe */
} drgen_adapter;
/* What is attached with a strength that is not 0, in order, until the next call of the two above; NULL for none. */
DRGEN_API const drgen_adapter *drgen_lora_list(const drgen *g, size_t *count);

/* Writes through a temporary file in the same folder, then renames: path is whole or untouched. 16-bit WAV. */
DRGEN_API drgen_status drgen_audio_write(const drgen_audio *audio, const char *path, drgen_err *err);
DRGEN_API void drgen_audio_free(drgen_audio *audio);

/* ---- sound files */

typedef struct {
    int bits;           /* of WAV and FLAC: 16, 24, and in WAV 32, which are floats; 0: 16, or none where there are none */
    double quality;     /* of OGG, Opus and MP3: 0..10; negative: 7, near 190 kbit/s */
    int truncate;       /* 16 bits: 0: times 32768, to the nearest (24 bits: times 2^23); 1: the original's rule, times
                           32767, fraction cut off */
    const char *title, *artist; /* UTF-8, at most 1000 bytes; NULL: none */
    const char *recipe; /* what drgen_recipe_text made; NULL: none */
} drgen_save;
DRGEN_API drgen_save drgen_save_default(void);

/* Writes a sound file of the format its name ends in: .wav .flac .ogg .opus .mp3, with the words of how (NULL: the
 * defaults) and this library's name in it. path is whole or untouched. ARG error, which says what would do, for an
 * unknown ending, for bits, a rate or channels the format cannot hold (Opus: 48000 Hz), for samples that are not finite
 * and for a recipe that is too long (Opus: 60000 bytes); IO error when this libsndfile cannot write the format. */
DRGEN_API drgen_status drgen_audio_save(const drgen_audio *audio, const char *path, const drgen_save *how, drgen_err *err);
/* The same errors before there is any sound. */
DRGEN_API drgen_status drgen_save_check(const char *path, int channels, int sample_rate, const drgen_save *how, drgen_err *err);

/* Reads a whole sound file of any format libsndfile knows, up to 2 GiB of samples; free it with drgen_audio_free. Samples
 * of float files may be above 1, or not finite. A file that is cut off or empty is a FORMAT error. */
DRGEN_API drgen_status drgen_audio_read(const char *path, drgen_audio *out, drgen_err *err);

typedef struct {
    const char *format;    /* "WAV", "FLAC", "OGG Vorbis", "OGG Opus", "MP3"... */
    int channels, sample_rate;
    int bits;              /* 0: the format has none */
    int real;              /* 1: samples are floats */
    uint64_t frames;
    double seconds;
    char *title, *artist, *software, *comment; /* NULL: none */
    char *recipe;          /* JSON text, when the comment is one; comment is then NULL */
} drgen_audio_info;
/* What a sound file is and says about itself, without its samples. Free with drgen_audio_info_free. */
DRGEN_API drgen_status drgen_audio_describe(const char *path, drgen_audio_info *out, drgen_err *err);
DRGEN_API void drgen_audio_info_free(drgen_audio_info *info); /* NULL-safe, idempotent */

/* ---- latents: what the autoencoder makes of a sound, and back */

/* frames of width values, a frame's behind each other. */
struct drgen_latents {
    float *latent;       /* drawn, or the mean */
    float *mean, *scale; /* what it was drawn from: mean + noise * (ln(1 + e^scale) + 1e-4); both NULL: not known */
    size_t frames, samples; /* samples: length of the sound at rate, at most frames * hop; what is beyond is silence */
    int width, hop, rate; /* values and samples a frame, samples a second */
};
DRGEN_API void drgen_latents_free(drgen_latents *latents); /* NULL-safe, idempotent */

/* Start from drgen_encoding_default. */
typedef struct {
    int mean;            /* 1: the latent is the mean; 0: drawn from seed, as torch draws it */
    uint64_t seed;
    int chunked;         /* 1: as the original prepared its songs: windows of 128 frames, each as if alone, and what
                            fills no whole frame is left out. 0: exact, the end filled up with silence */
    drgen_progress progress;
    void *progress_user; /* phase DRGEN_ENCODE, in latent frames */
} drgen_encoding;
DRGEN_API drgen_encoding drgen_encoding_default(void);

/* Encodes a sound of any rate (resampled), mono (doubled) or more channels (the first two count). how may be NULL. ARG
 * error for samples that are not finite and for less than one frame, MODEL error for a model without encoder. With an
 * autoencoder made by formula (the built-in model's) the sound's level is found first and its notes are searched for, so
 * that mastered songs come back too; chunked takes its encoder alone, at the sound's own level. */
DRGEN_API drgen_status drgen_encode(drgen *g, const drgen_audio *audio, const drgen_encoding *how, drgen_latents *out,
                                    drgen_err *err);
/* The sound of latents->latent, levels as the decoder makes them; ARG error when its width, hop or rate are not the
 * model's. progress may be NULL. */
DRGEN_API drgen_status drgen_decode(drgen *g, const drgen_latents *latents, drgen_progress progress, void *user,
                                    drgen_audio *out, drgen_err *err);

/* Another draw of the latent from its mean and scale; ARG error when they are not known. */
DRGEN_API drgen_status drgen_latents_draw(drgen_latents *latents, uint64_t seed, drgen_err *err);

/* .safetensors: F32 tensors [frames, width]: "latent", and "mean" and "scale" when they are known. Written atomically. */
DRGEN_API drgen_status drgen_latents_write(const drgen_latents *latents, const char *path, drgen_err *err);
DRGEN_API drgen_status drgen_latents_read(const char *path, drgen_latents *out, drgen_err *err);

/* ---- songs as data to train on */

typedef struct drgen_dataset drgen_dataset; /* a folder of prepared songs (train/dataset.h), open to add some */

/* Opens or makes it, for songs as g prepares them; g NULL: the widths of the first song count. Songs in it stay. */
DRGEN_API drgen_status drgen_dataset_open(drgen_dataset **out, const char *dir, const drgen *g, drgen_err *err);
DRGEN_API void drgen_dataset_close(drgen_dataset *d); /* NULL is fine */
DRGEN_API size_t drgen_dataset_count(const drgen_dataset *d);
/* 1 when it holds this song, whole, made from what the fingerprint stands for. */
DRGEN_API int drgen_dataset_has(const drgen_dataset *d, const char *name, const char *fingerprint);

/* A song to prepare. */
typedef struct {
    const char *name;    /* in the dataset; a song of the same name is replaced */
    const char *audio;   /* sound file of any format, rate and channels */
    const char *lyrics;  /* LRC text with time stamps; NULL: instrumental */
    const drgen_style *styles; /* NULL: the recording itself, its middle ten seconds */
    size_t style_count;
    int chunked;         /* as in drgen_encoding */
    drgen_progress progress;
    void *progress_user;
} drgen_example;

/* Prepares a song and adds it: 44.1 kHz stereo, peak at 0.95, encoded with mean and scale kept; style vector; lyrics as
 * timed tokens. What of the lyrics could not be used goes to the log. Nothing is done, and *already is 1, when the
 * dataset has the song from the same files, settings and model. Errors leave the dataset as it was. already may be
 * NULL. */
DRGEN_API drgen_status drgen_prepare(drgen *g, drgen_dataset *to, const drgen_example *song, int *already,
                                     drgen_err *err);

/* A line of tokens that were made elsewhere. */
typedef struct {
    double seconds;
    const int32_t *tokens; /* 1 and up */
    size_t count;
} drgen_token_line;

/* A song that was prepared elsewhere. */
typedef struct {
    const char *name, *source, *fingerprint; /* source: for people; both may be NULL */
    const drgen_latents *latents; /* with mean and scale, or the latent alone */
    const float *style;
    size_t style_width;
    const drgen_token_line *lines;
    size_t line_count;
} drgen_prepared;
/* Adds it. ARG error when its widths are not the dataset's or a value makes no sense. */
DRGEN_API drgen_status drgen_dataset_add(drgen_dataset *d, const drgen_prepared *song, drgen_err *err);

/* ---- training */

/* How a training goes; loss, rate, norm and validation are those of update `done`. */
typedef struct {
    int news;            /* 1: an update was made; 0: only a question whether to go on; then the rest stands as it was */
    long done, total;    /* updates */
    double loss, rate, norm; /* mean square error of the velocity; learning rate; norm of the gradient before clipping */
    double validation;   /* loss at fixed times and noise; NaN: not measured now */
    double seconds;      /* of the last update; before the first: as measured on one batch of made-up numbers */
    double left;         /* seconds until the end, at the pace so far */
    double gflop;        /* of an update, billions of operations */
    size_t memory;       /* bytes of weights trained, gradients, moments and activations */
    size_t trained;      /* numbers that are trained */
    double early[4];     /* composer: with a validation, the loss at times 0, 0.1, 0.2, 0.4; else NaN */
    double metronome;    /* composer: what the text encoder's counting misses, of its variance; NaN once that is learned */
    long metronome_done; /* updates of it */
} drgen_train_step;
/* Called before the first update, after each, and between batches. Return 0 to go on; anything else stops: the state is
 * saved and drgen_train returns DRGEN_ERR_CANCELLED. */
typedef int (*drgen_train_progress)(const drgen_train_step *step, void *user);

/* Start from drgen_training_default. */
typedef struct {
    const char *dataset;    /* folder made by drgen_prepare */
    const char *output;     /* folder for the result, made if need be: an adapter as PEFT writes them, or a model; what is
                               needed to go on (state.safetensors), loss.csv and loss.png are in its folder "training" */
    int full;               /* 0: an adapter; 1: all weights */
    int composer;           /* with full: no dataset; songs of the composer behind the embedded model, made while they are
                               learned, with Muon as the optimiser. drgen_training_default(2) has numbers for it */
    long metronome;         /* with composer, and init or counted: updates in which the text encoder learns to count first */
    int counted;            /* with composer, without init: frames to which the model keeps the beat, 1024..6144; 0: all it needs */
    int keep_text;          /* with composer: the text encoder stays as it is, or as its lesson leaves it */
    double long_songs;      /* with composer: share of updates on songs of two, four... times the length */
    int longest;            /* the most times that, a power of two */
    const char *init;       /* with full: JSON file with a transformer's sizes ("dim", "depth"... as in model.json's "dit"):
                               a new one begins from nothing; NULL: the handle's goes on learning */
    int resume;             /* 1: go on from the state in output, when there is one */
    long updates;           /* steps of the optimiser; 0: as many as `epochs` take */
    double epochs;          /* passes over the songs */
    int batch, accumulate;  /* songs at once; batches an update */
    int frames;             /* length of a crop; 0: the longest song's, at most 2048 */
    double rate;            /* learning rate at its highest */
    int schedule;           /* 0: constant, 1: linear to 0, 2: cosine to 0, 3: constant, linear over the second half */
    long warmup;            /* updates over which the rate rises; -1: a tenth of all */
    double decay, clip;     /* weight decay; largest norm of a gradient, 0: any */
    double ema;             /* decay of the average of the weights that becomes the result; 0: the weights themselves */
    int rank;               /* of an adapter, 1.. */
    double alpha, dropout;  /* its product counts alpha / rank; share of inputs it does not see while training */
    const char *modules;    /* what it is added to: q, k, v, o, gate, up, down with commas; "attention", "all" */
    int span;               /* 1: learn to fill spans into what is around them (for editing), as the paper says */
    double drop_cond, drop_text, drop_style; /* chance that a batch is trained without */
    int held;               /* the last so many songs are kept back for validation; 0: validate on what is trained on */
    long validate_every, save_every; /* updates; 0: only at the end */
    int half;               /* a full model is written in half precision */
    uint64_t seed;
    size_t keep_memory;     /* bytes within which activations are kept instead of made again */
    drgen_train_progress progress;
    void *progress_user;
} drgen_training;
DRGEN_API drgen_training drgen_training_default(int full); /* 0 adapter, 1 all weights, 2 all weights with the composer */

/* Trains. The same options, songs and seed give the same files for any number of threads, whether stopped and resumed or
 * not. A loss that is not a number stops it with an ARG error; the last saved state stays. g is not changed. */
DRGEN_API drgen_status drgen_train(drgen *g, const drgen_training *how, drgen_err *err);

/* ---- recipes: all a song is made from, as JSON */

typedef struct drgen_recipe drgen_recipe;

/* What a recipe says beyond the song; NULL and 0 leave things out. */
typedef struct {
    const char *title, *artist;
    const char *master_json;  /* settings of the mastering: a JSON object, kept as it is */
    const char *format;       /* the file's: "wav", "flac", "ogg", "opus", "mp3" */
    int bits, sample_rate;
    double quality;           /* negative: the default */
    const drgen_recipe *from; /* the recipe the song came from: what it says of recordings is passed on */
    const char *model, *version; /* of a recipe that was read: the model's name and drgen's version; else not looked at */
    double guidance;             /* the same: the model's own guidance, 4 if it does not say */
} drgen_recipe_notes;
DRGEN_API drgen_recipe_notes drgen_recipe_notes_default(void);

/* The recipe of the song that drgen_generate made last on g, as one line of JSON: lyrics, prompts, numbers, what the
 * model and this library are, and the style vector itself when recordings or files had a part in it. song is the one
 * drgen_generate was given; notes may be NULL. *out is malloc'd, free it with free(). */
DRGEN_API drgen_status drgen_recipe_text(const drgen *g, const drgen_song *song, const drgen_recipe_notes *notes, char **out,
                                         drgen_err *err);

/* Reads a recipe: its own JSON, or an object with a member "recipe" that holds it (`drgen info --json`). Every number is
 * checked. FORMAT error for anything else, and for recipes of a newer kind; name is for messages. Free with
 * drgen_recipe_free. */
DRGEN_API drgen_status drgen_recipe_read(drgen_recipe **out, const char *text, size_t size, const char *name, drgen_err *err);
/* The same from a file of such JSON, or from a sound file with a recipe in it. */
DRGEN_API drgen_status drgen_recipe_open(drgen_recipe **out, const char *path, drgen_err *err);
DRGEN_API void drgen_recipe_free(drgen_recipe *r); /* NULL is fine */

/* The song, ready for drgen_generate; it and its texts live as long as the recipe. */
DRGEN_API const drgen_song *drgen_recipe_song(const drgen_recipe *r);
/* What else it says, master_json included; lives as long as the recipe; from is the recipe itself. */
DRGEN_API const drgen_recipe_notes *drgen_recipe_get_notes(const drgen_recipe *r);
/* The adapters that were attached; the caller attaches them again. Texts live as long as the recipe; NULL for none. */
DRGEN_API const drgen_adapter *drgen_recipe_adapters(const drgen_recipe *r, size_t *count);
/* Whether g is the model the recipe was made with, and has its adapters on: MODEL error that names what is missing
 * otherwise. With any_model only what must fit is checked. What may change single samples (another version, other kernels)
 * comes as warnings to the log. */
DRGEN_API drgen_status drgen_recipe_fits(const drgen_recipe *r, const drgen *g, int any_model, drgen_err *err);

/* The style vector of blended parts, as a song would use it (before its rounding to half precision): style gets
 * drgen_get_info(g).style_width floats, of length 1. */
DRGEN_API drgen_status drgen_style_vector(drgen *g, const drgen_style *parts, size_t count, float *style, drgen_err *err);
/* What a model with a vocabulary of its own makes of a prompt: one line such as "slow, sad (melancholic), piano; the rest
 * means nothing to this model". "" for models that read any words. Cut off at room bytes. */
DRGEN_API drgen_status drgen_prompt_heard(drgen *g, const char *prompt, char *out, size_t room, drgen_err *err);
/* Writes such a vector as .npy. */
DRGEN_API drgen_status drgen_style_write(const char *path, const float *style, size_t width, drgen_err *err);

/* ---- lyrics and prompts, without a song */

/* One line of lyrics as a song would sing it. */
typedef struct {
    int line;              /* in the text, 1-based */
    double seconds;        /* where it is meant to start */
    double starts;         /* where it will start; -1: it will not be sung */
    const char *text;
    const char *phonemes;  /* separated by blanks */
    int tokens;            /* latent frames it needs, its end mark included */
    int frames;            /* latent frames until the next line, or the end of the song */
    int lost;              /* of its tokens, those that find no room */
    const char *remark;    /* what is wrong with it, or "" */
} drgen_lyric;

typedef struct {
    drgen_lyric *lines;
    size_t line_count;
    char **remarks;        /* everything that was dropped, shifted or repaired: "line 7: ..." */
    size_t remark_count;
    int lost;              /* tokens of all lines that find no room: above 0 words are lost */
    int timed;             /* 0: the text had no time stamps, and times were made */
} drgen_lyrics;

/* Reads lyrics as drgen_generate would for a song of so many seconds; 0: as many as it would make. Text without a single time stamp
 * gets times of its own (bpm: beat to start lines on, 0: none). config gives espeak_data and model_dir, whose
 * lengths count; NULL: defaults. A line that
 * cannot be read is a remark, not an error. Free with drgen_lyrics_free. */
DRGEN_API drgen_status drgen_lyrics_check(const drgen_config *config, const char *text, double seconds, double bpm,
                                          int compat, drgen_lyrics *out, drgen_err *err);
DRGEN_API void drgen_lyrics_free(drgen_lyrics *lyrics); /* NULL-safe, idempotent */

/* Plain lyrics to LRC text with times; *out is malloc'd, free it with free(). */
DRGEN_API drgen_status drgen_lyrics_time(const drgen_config *config, const char *text, double seconds, double bpm,
                                         char **out, drgen_err *err);

/* The phonemes of one lyric line, separated by blanks; *out is malloc'd, free it with free(). */
DRGEN_API drgen_status drgen_phonemes(const drgen_config *config, const char *text, char **out, drgen_err *err);

enum { DRGEN_PROMPT_INSTRUMENTS = 8 };

/* A prompt in keywords; NULL and 0 leave a part out. */
typedef struct {
    const char *genre, *mood;
    const char *instruments[DRGEN_PROMPT_INSTRUMENTS];
    int instrument_count;
    int tempo; /* 40..240 */
    const char *vocals, *production;
    int recipe; /* 1: fill what is left out from the genre's recipe */
    int random; /* 1: draw what is left out from seed */
    uint64_t seed;
} drgen_prompt;

/* The prompt as text into out. Unknown words are an error that names the nearest known one. */
DRGEN_API drgen_status drgen_prompt_text(const drgen_prompt *prompt, char *out, size_t room, drgen_err *err);
/* Known words: kind 0 genres, 1 moods, 2 instruments, 3 vocals; ends with NULL. NULL for another kind. */
DRGEN_API const char *const *drgen_prompt_words(int kind);

/* ---- measuring */

enum { DRGEN_MAX_CHANNELS = 8 };

/* Loudness by ITU-R BS.1770-4 and EBU Tech 3341 and 3342. -INFINITY: silent, or too short. */
typedef struct {
    double integrated;     /* I, LUFS */
    double relative_gate;  /* LUFS; -INFINITY when nothing passes the absolute gate */
    double max_momentary;  /* loudest 400 ms, LUFS */
    double max_short_term; /* loudest 3 s, LUFS */
    double range;          /* LRA of 3 s blocks every 100 ms, LU; 0 when there is none */
    double range_1s_hop;   /* LRA of 3 s blocks every second, which some other meters show, LU */
} drgen_loudness;

/* One channel. Levels in dB of full scale, -INFINITY for silence. */
typedef struct {
    double true_peak;          /* dBTP */
    double sample_peak;        /* dBFS */
    size_t true_peak_frame;    /* it lies between this frame and the next, or on it */
    size_t sample_peak_frame;  /* the first that has it */
    double rms;                /* dBFS, a square wave at full scale is 0; DC included */
    double crest;              /* sample peak to RMS, dB; 0 for silence */
    double dc;                 /* mean, of full scale 1 */
    double integrated;         /* LUFS of the channel on its own, weight 1 */
} drgen_channel_figures;

typedef struct {
    size_t frames;
    int rate, channels; /* Hz; count */
    double seconds;
    drgen_channel_figures channel[DRGEN_MAX_CHANNELS];

    drgen_loudness loudness;
    double true_peak, sample_peak; /* largest of all channels, dBTP and dBFS */
    double rms, crest;             /* over all channels: dBFS; largest sample to RMS, dB */
    double plr;                    /* true peak less integrated loudness, dB; 0 without loudness */

    /* Two channels; else the values of a mono sound: 1, 1, 0, -INFINITY, 0. DC is taken away where it would count. */
    double correlation;         /* of the programme, -1..1; 1 when a channel is silent */
    double min_correlation;     /* smallest of the 400 ms blocks (every 100 ms) above -60 LUFS; 1 without any */
    double balance;             /* integrated loudness left less right, LU; +-INFINITY: one side has none, 0: both */
    double side_mid;            /* energy of (L - R) / 2 to that of (L + R) / 2, dB, within +-300; -INFINITY: silence */
    double mono_loss;           /* loudness of (L + R) / 2 on both sides to that of the stereo, LU: 0 for equal
                                   channels; -INFINITY when nothing is left, 0 without loudness */

    double head_silence, tail_silence; /* s below -60 dBFS (0.001) on every channel; all of it when silent */
    int silent;                        /* 1: nowhere above */
    size_t clip_runs;                  /* runs of 3 or more equal samples at or above 0.9999, all channels */
    size_t longest_clip;               /* samples of the longest of these */
    size_t over;                       /* samples above full scale, all channels */
    size_t bad_samples;                /* NaN or infinite ones, all channels: measured as 0 */
    size_t first_bad_frame;            /* when there are any */
} drgen_figures;

/* Measures 1..8 channels at 8000..192000 Hz, of any length. Nothing in the result is NaN. */
DRGEN_API drgen_status drgen_measure(const drgen_audio *audio, drgen_figures *out, drgen_err *err);

/* ---- mastering */

enum { DRGEN_BANDS = 4, DRGEN_PEAKS = 4 };

/* One band of the compressor. */
typedef struct {
    double threshold;                  /* dB of full scale, after the level was aligned */
    double ratio;                      /* 1: off */
    double knee, makeup;               /* dB */
    double attack, release, detector;  /* ms */
} drgen_band;

enum { DRGEN_CROSSOVER_LINEAR, DRGEN_CROSSOVER_LR4 }; /* linear phase; Linkwitz-Riley of fourth order */

/* Everything a mastering does; start from drgen_mastering_preset. Times in ms, levels in dB. */
typedef struct {
    double highpass;                  /* Hz; 0: none */
    double align;                     /* LUFS the programme is brought to before anything that depends on level */
    double peak[DRGEN_PEAKS];         /* dB at 80, 250, 3000 and 10000 Hz, -24..24 */
    int multiband;                    /* 0: the bands are not used */
    int crossover;                    /* DRGEN_CROSSOVER_... */
    double split[DRGEN_BANDS - 1];    /* Hz, rising */
    drgen_band band[DRGEN_BANDS];
    double exciter;                   /* amount, 0: off */
    double exciter_hz, exciter_drive;
    double width, bass_width;         /* of the side: above and below bass_hz; 1 and 1: off. Stereo only */
    double bass_hz;
    double look_ahead, release;       /* of the limiter, ms */
    double target;                    /* LUFS */
    double ceiling;                   /* dBTP */
    double max_reduction;             /* more than this by the limiter is reported as limited */
    int rate;                         /* Hz of the result; 0: as it comes */
    double denoise;                   /* dB of noise reduction, 0..24; 0: off */
    double noise_from, noise_to;      /* s of noise alone; equal: found */
    const char *match;                /* a recording whose colour is to be matched, or NULL */
    double match_amount;              /* 0..1 */
    int match_loudness;               /* 1: its loudness is the target */
    int bits;                         /* 16 or 24: dithered for files of that depth; 0: not */
    const char *shaper;               /* of the dither's noise: "none", "hp1", "wanna3", "lip5" */
} drgen_mastering;

enum { DRGEN_MASTER_OK, DRGEN_MASTER_LIMITED, DRGEN_MASTER_SILENT };

enum { DRGEN_REDUCTION_STEPS = 25 };

/* What a mastering did. */
typedef struct {
    int status;               /* DRGEN_MASTER_OK: loudness within 0.1 LU of the target; _LIMITED: not, or only by more
                                 limiting than wanted; _SILENT: nothing to master, the sound is as it came */
    double input_lufs;        /* -INFINITY: silent */
    double align_gain;        /* dB before the dynamics */
    double band_reduction[DRGEN_BANDS]; /* dB on average, 0 or less */
    int width_kept;           /* 1: widening was given up, because the sides would have opposed each other */
    double drive;             /* dB into the limiter */
    double threshold;         /* dB of the limiter */
    double trim;              /* dB after it, 0 or less: the last means to keep the ceiling */
    double max_reduction, mean_reduction; /* dB by the limiter, 0 or more */
    size_t reduction[DRGEN_REDUCTION_STEPS]; /* frames by whole dB of it; the last: that and more */
    int trials;               /* of the loudness solver */
    double lufs, true_peak;   /* of the result: LUFS, dBTP by the worst of three meters */
    size_t clamped;           /* samples the dither had to clip: 0 */
} drgen_master_report;

/* subtle, balanced, loud, broadcast, r128. An unknown name is an error that lists them. */
DRGEN_API drgen_status drgen_mastering_preset(const char *name, drgen_mastering *out, drgen_err *err);
/* Their names by index; NULL at the end. */
DRGEN_API const char *drgen_mastering_name(int index);
/* Settings as one JSON object, malloc'd, and back: what the text leaves out stays as it is in *out. */
DRGEN_API drgen_status drgen_mastering_json(const drgen_mastering *how, char **out, drgen_err *err);
DRGEN_API drgen_status drgen_mastering_read(drgen_mastering *out, const char *json, drgen_err *err);

/* Masters a sound of 1 or 2 channels at 8000..192000 Hz in place; with how->rate its frames and rate change. report may
 * be NULL. ARG error for settings out of range and for sound that cannot be mastered (with the first frame that is no
 * number), IO or FORMAT for how->match: the sound is untouched then. Memory: twice the sound, besides it; NOMEM leaves
 * it empty. */
DRGEN_API drgen_status drgen_master(drgen_audio *audio, const drgen_mastering *how, drgen_master_report *report,
                                    drgen_err *err);
/* The historic chains, flaws included: chain "seed" or "fork", preset subtle, balanced, loud or broadcast. In place. */
DRGEN_API drgen_status drgen_master_compat(drgen_audio *audio, const char *chain, const char *preset, drgen_err *err);

/* The same sound at another rate, 8000..192000 Hz, in place; up to 8 channels. NOMEM leaves it empty. */
DRGEN_API drgen_status drgen_resample(drgen_audio *audio, int rate, drgen_err *err);

/* ---- quality control */

enum { DRGEN_PASS, DRGEN_WARN, DRGEN_FAIL, DRGEN_SKIP }; /* SKIP: nothing known to judge by */

typedef struct {
    const char *name;
    int verdict;
    char value[80], limit[80]; /* what was found, what passes */
} drgen_check;

enum { DRGEN_CHECKS = 13 };

/* What a sound is judged by; start from drgen_qc_default. */
typedef struct {
    double target, ceiling;            /* LUFS, dBTP */
    size_t planned_frames;             /* 0: not known */
    size_t input_clip_runs;            /* of the sound before mastering */
    const drgen_master_report *master; /* or NULL */
    const drgen_mastering *settings;   /* what it was mastered with, for the report; or NULL */
    const drgen_song *song;            /* what it was made from, or NULL */
    double guidance;                   /* the model's own, that the song's may be 1 away from; usually 4 */
} drgen_qc_options;

typedef struct {
    drgen_figures figures;
    double strict_peak;        /* dBTP, the worst of three interpolators */
    char sha256[65];           /* of the samples: float32, interleaved, little endian */
    drgen_check check[DRGEN_CHECKS];
    int count, verdict;        /* verdict: the worst */
} drgen_qc;

DRGEN_API drgen_qc_options drgen_qc_default(void);
/* Measures and judges; any sound drgen_measure takes. options may be NULL. */
DRGEN_API drgen_status drgen_qc_run(const drgen_audio *audio, const drgen_qc_options *options, drgen_qc *out, drgen_err *err);
/* All of it as JSON, malloc'd: figures, checks, and with options->master and ->settings what the mastering did and was told. Values
 * that are not finite are null. */
DRGEN_API drgen_status drgen_qc_json(const drgen_qc *qc, const drgen_qc_options *options, char **out, drgen_err *err);

/* The same into a file, written atomically. */
DRGEN_API drgen_status drgen_qc_write(const drgen_qc *qc, const drgen_qc_options *options, const char *path, drgen_err *err);

/* Waveform, spectrogram and loudness of a sound as a PNG file, written atomically, the same bytes every time. title may
 * be NULL; target (LUFS) is drawn unless it is NAN. */
DRGEN_API drgen_status drgen_picture_write(const drgen_audio *audio, const char *title, double target, const char *path,
                                           drgen_err *err);
/* The same for a terminal: lines of UTF-8, malloc'd; colour 1: for terminals of 256 colours. */
DRGEN_API drgen_status drgen_picture_text(const drgen_audio *audio, double target, int columns, int colour, char **out,
                                          drgen_err *err);

/* ---- songs of the built-in model's kind, judged by what their keywords and lyrics ask for */

enum { DRGEN_SCORES = 20 };

typedef struct {
    const char *name;
    double value;       /* NaN: does not apply */
    double least, most; /* what a model worth having reaches; -INFINITY, INFINITY: not asked for */
    int barred, missed; /* 1: something is asked for; 1: and not reached */
} drgen_score;

typedef struct {
    drgen_score score[DRGEN_SCORES]; /* means of the songs each applies to */
    int songs, missed;               /* songs judged; bars missed */
} drgen_judgement;

/* Judges latents by the keywords in song->prompt and by song->lyrics, placed as drgen_generate places them (seconds 0: the
 * latents' own length; the song's other settings do not count). A prompt without any known keyword is a warning in the
 * log. ARG error for latents that are not 64 values a frame, MODEL error when g is a model of another kind. */
DRGEN_API drgen_status drgen_judge(drgen *g, const drgen_latents *latents, const drgen_song *song, drgen_judgement *out,
                                   drgen_err *err);

/* Prompts of one genre and one mood, of a pair that training does not see, or does; or any keywords at all. */
enum { DRGEN_PAIRS_HELD_OUT, DRGEN_PAIRS_SEEN, DRGEN_PAIRS_ANY };

/* Start from drgen_judging_default. */
typedef struct {
    int songs, pairs;      /* DRGEN_PAIRS_...; lyrics are lines that training does not see */
    int frames;            /* latent frames of a song */
    int steps;             /* as in drgen_song */
    float guidance, sway;
    int composer;          /* 1: not the model's songs but those it learns from: the best that can be had */
    int listen;            /* 1: decode them as well; heard_tempo and heard_drums are what the sound alone tells */
    uint64_t seed;         /* of prompts and lyrics; song i has the noise of seed + i */
    drgen_progress progress;
    void *progress_user;   /* phase DRGEN_SAMPLE, updates of all songs */
} drgen_judging;
DRGEN_API drgen_judging drgen_judging_default(void);

/* Makes songs for random keywords and lyrics, and judges them. how may be NULL. MODEL error when g does not take the
 * keywords' styles. The same result for any number of threads. */
DRGEN_API drgen_status drgen_judge_model(drgen *g, const drgen_judging *how, drgen_judgement *out, drgen_err *err);

DRGEN_API const char *drgen_version(void);

/* NULL, or the value the environment variable OPENBLAS_CORETYPE should have had when this process started: matrix
 * products run in OpenBLAS, which does not know this processor and chose kernels far below what it can do. The library
 * itself never changes the environment; a program may set the variable and execute itself again. */
DRGEN_API const char *drgen_blas_advice(void);

#ifdef __cplusplus
}
#endif
#endif
