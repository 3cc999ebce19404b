/* generate_opts.c - see generate_opts.h. */
#include "cli/generate_opts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(generate_opts, member)

static const opt table[] = {
    {.kind = OPT_GROUP, .help = "What to make:"},
    {"lyrics", "lrc-path", 'l', OPT_TEXT, AT(lyrics), 0, 0, "FILE", "timed lyrics (LRC); - reads standard input"},
    {"instrumental", NULL, 0, OPT_FLAG, AT(instrumental), 0, 0, NULL, "no lyrics"},
    {"prompt", "ref-prompt", 'p', OPT_LIST, AT(prompts), 0, 0, "TEXT[:W]", "the style in words; several, or with -r, blend by weight"},
    {"reference", "ref-audio-path", 'r', OPT_LIST, AT(references), 0, 0, "FILE[:W]", "a recording whose middle ten seconds give the style (needs a\nconverted model)"},
    PROMPT_OPTS(generate_opts, words, NULL)
    {"style", NULL, 0, OPT_TEXT, AT(style), 0, 0, "FILE",
     "the style as a vector, instead of a prompt (.npy, .safetensors)"},
    {"negative-prompt", NULL, 0, OPT_TEXT, AT(negative_prompt), 0, 0, "TEXT", "style to move away from, in words"},
    {"vocals-only", NULL, 0, OPT_FLAG, AT(vocals_only), 0, 0, NULL, "a voice without a band: the model's vocal style leads,\nand the style given is moved away from"},
    {"negative-style", NULL, 0, OPT_TEXT, AT(negative), 0, 0, "FILE",
     "style to move away from (default: the model's own)"},
    {"length", "audio-length", 0, OPT_REAL, AT(length), 1, 3600, "SECONDS",
     "as the model allows: 95, 96..285 with a full one, any up to\n285 with the one built in (default: the model's own)"},
    {"bpm", NULL, 0, OPT_REAL, AT(bpm), 30, 300, "N", "beat that lines of plain lyrics start on (default: --tempo, if given)"},
    {"seed", NULL, 0, OPT_SEED, AT(seed), 0, 4294967295.0, "N",
     "same seed, same song (default: drawn at random and printed)"},
    {"recipe", NULL, 0, OPT_TEXT, AT(recipe), 0, 0, "FILE",
     "make a song again: a file drgen made, or what `drgen info\n--json` says of it (- reads standard input); other\noptions win over what it says"},
    {"any-model", NULL, 0, OPT_FLAG, AT(any_model), 0, 0, NULL, "with --recipe: also with another model than the song was made with"},
    {.kind = OPT_GROUP, .help = "Where to:"},
    {"output", NULL, 'o', OPT_TEXT, AT(output), 0, 0, "FILE",
     "file to write: .wav .flac .ogg .opus or .mp3 (default:\nsong-SEED.wav)"},
    {"output-dir", NULL, 0, OPT_TEXT, AT(output_dir), 0, 0, "DIR", "folder to write output.wav into, made if missing"},
    {"latents", NULL, 0, OPT_TEXT, AT(latents), 0, 0, "FILE", "also write what was decoded (.safetensors), for `drgen decode`\nand `drgen judge`"},
    {"bits", NULL, 0, OPT_INT, AT(bits), 16, 32, "N", "of WAV and FLAC: 16 or 24, in WAV also 32: floats (default: 16)"},
    {"rate", NULL, 0, OPT_INT, AT(rate), 44100, 48000, "HZ", "44100 or 48000 (default: 44100; Opus: 48000)"},
    {"quality", NULL, 0, OPT_REAL, AT(quality), 0, 10, "X", "of OGG, Opus and MP3 (default: 7)"},
    {"title", NULL, 0, OPT_TEXT, AT(title), 0, 0, "TEXT", "kept in the file"},
    {"artist", NULL, 0, OPT_TEXT, AT(artist), 0, 0, "TEXT", "kept in the file"},
    {"master", NULL, 0, OPT_TEXT, AT(master), 0, 0, "PRESET", "finish the song: subtle, balanced, loud, broadcast, r128,\nor none (default: balanced)"},
    {"target-lufs", NULL, 0, OPT_REAL, AT(target), -60, 0, "LUFS", "its loudness (default: the preset's)"},
    {"ceiling", NULL, 0, OPT_REAL, AT(ceiling), -40, 0, "DBTP", "no true peak above it (default: -1)"},
    {.kind = OPT_GROUP, .help = "How:"},
    {"model", NULL, 'm', OPT_TEXT, AT(model), 0, 0, "DIR",
     "model folder made by `drgen convert` (default: the one built in)"},
    {"lora", NULL, 0, OPT_LIST, AT(adapters), 0, 0, "DIR[:S]",
     "an adapter made by `drgen train lora` or PEFT, on top of\nthe model; S is its strength: 1 as trained, 0.5 half of it,\n0 off. Several add up"},
    {"preset", NULL, 0, OPT_TEXT, AT(preset), 0, 0, "NAME",
     "quality against time, see below; --steps and --cfg win over it"},
    {"steps", NULL, 0, OPT_INT, AT(steps), 2, 1000, "N", "points on the time grid (default: the model's own, mostly 32)"},
    {"cfg", NULL, 0, OPT_REAL, AT(cfg), 0, 100, "X", "strength of the guidance, 0 for none (default: the model's\nown, mostly 4)"},
    {"sway", NULL, 0, OPT_REAL, AT(sway), -1, 1, "X", "-1 puts more steps near the start (default: the model's\nown, mostly 0)"},
    {"cfg-interval", NULL, 0, OPT_TEXT, AT(cfg_interval), 0, 0, "A:B",
     "approximate: guidance only from time A to B of the 0..1 that\nthe sampler runs through; other steps take half as long"},
    {"cache", NULL, 0, OPT_REAL, AT(cache), 0, 100, "X",
     "approximate: skip steps whose estimated change is under X,\nsuch as 0.2 (default: 0, none)"},
    {"threads", NULL, 't', OPT_INT, AT(threads), 0, 256, "N", "default: one per core"},
    {"lyrics-compat", NULL, 0, OPT_FLAG, AT(lyrics_compat), 0, 0, NULL,
     "read lyrics exactly as the original, quirks included"},
    {"half-tables", NULL, 0, OPT_FLAG, AT(half_tables), 0, 0, NULL,
     "half-precision position tables, as released songs had"},
    {"espeak-data", NULL, 0, OPT_TEXT, AT(espeak_data), 0, 0, "DIR", "folder that holds espeak-ng-data"},
    {"zh-lexicon", NULL, 0, OPT_TEXT, AT(zh_lexicon), 0, 0, "FILE", "readings from the original's chinese_lexicon.txt"},
    {"chunked", NULL, 0, OPT_FLAG, AT(chunked), 0, 0, NULL, "accepted; sound is always decoded in pieces"},
    {.kind = OPT_GROUP, .help = "What to say:"},
    {"json", NULL, 0, OPT_FLAG, AT(json), 0, 0, NULL, "progress and result as JSON lines on standard output"},
    {"quiet", NULL, 'q', OPT_FLAG, AT(quiet), 0, 0, NULL, "only errors, and the seed if it was drawn"},
    {"verbose", NULL, 'v', OPT_FLAG, AT(verbose), 0, 0, NULL, "kernels, memory and the time of every phase"},
    {"help", NULL, 'h', OPT_FLAG, AT(help), 0, 0, NULL, "this text"},
};

static const struct {
    const char *name;
    int steps;
    double cfg;
} presets[] = {
    {"preview", 4, 2.0}, {"draft", 8, 2.5},    {"standard", 16, 3.0},
    {"high", 32, 4.0},   {"maximum", 64, 5.0}, {"ultra", 100, 6.0},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
_Static_assert(COUNT(table) <= OPTS_MAX, "opts.given has room");

static int apply_preset(generate_opts *o, const opts *parsed, char *message, size_t room)
{
    const char *names[COUNT(presets) + 1] = {0};
    for (size_t i = 0; i < COUNT(presets); i++) {
        names[i] = presets[i].name;
        if (strcmp(presets[i].name, o->preset) != 0) continue;
        if (!opts_given(parsed, "steps")) o->steps = presets[i].steps;
        if (!opts_given(parsed, "cfg")) {
            o->cfg = presets[i].cfg;
            o->cfg_of_preset = 1;
        }
        return 0;
    }
    const char *near = opts_nearest(o->preset, names);
    if (near) snprintf(message, room, "--preset: no \"%.60s\"; did you mean %s?", o->preset, near);
    else snprintf(message, room, "--preset: no \"%.60s\"; --help lists them", o->preset);
    return -1;
}

/* "A:B", 0 <= A <= B <= 1. */
static int read_interval(generate_opts *o, char *message, size_t room)
{
    char *end = NULL;
    o->cfg_from = strtod(o->cfg_interval, &end);
    const char *second = *end == ':' ? end + 1 : "";
    o->cfg_to = strtod(second, &end);
    if (second[0] && end != second && !*end && second > o->cfg_interval + 1 && o->cfg_from >= 0 && o->cfg_from <= o->cfg_to &&
        o->cfg_to <= 1)
        return 0;
    snprintf(message, room, "--cfg-interval: \"%.60s\" is not A:B with 0 <= A <= B <= 1, such as 0.1:0.9", o->cfg_interval);
    return -1;
}

/* Options that need or exclude each other; NULL when all is well. */
static const char *conflict(const generate_opts *o)
{
    if (o->recipe && strncmp(o->recipe, "--", 2) == 0) return "--recipe takes a file; --fill completes keywords";
    if (!o->recipe && !o->lyrics && !o->instrumental) return "no lyrics; give a file with -l, or say --instrumental";
    if (o->lyrics && o->instrumental) return "--instrumental and --lyrics exclude each other";
    int words = prompt_opts_given(&o->words), heard = o->prompts.count + o->references.count;
    if (words && o->prompts.count) return "--prompt and keywords such as --genre exclude each other";
    if (!o->recipe && !heard && !o->style && !words) return "no style; describe it with -p \"...\", or give a recording with -r or a vector with --style FILE";
    if ((heard || words) && o->style) return "--style excludes prompts and recordings";
    if (o->negative && o->negative_prompt) return "--negative-style and --negative-prompt exclude each other";
    if (o->vocals_only && (o->negative || o->negative_prompt)) return "--vocals-only takes the style given as the negative one";
    if (o->any_model && !o->recipe) return "--any-model belongs to --recipe";
    if (o->recipe && o->lyrics && !strcmp(o->recipe, "-") && !strcmp(o->lyrics, "-")) return "--recipe - and --lyrics - both read standard input";
    if (o->master && !strcmp(o->master, "none") && (generate_opts_given(o, "target-lufs") || generate_opts_given(o, "ceiling")))
        return "--target-lufs and --ceiling belong to a mastering, and --master none leaves it out";
    if (o->rate && o->rate != 44100 && o->rate != 48000) return "--rate: 44100 or 48000";
    if (o->output && o->output_dir) return "--output and --output-dir exclude each other";
    if (o->quiet && o->verbose) return "--quiet and --verbose exclude each other";
    return NULL;
}

int generate_opts_parse(generate_opts *o, int argc, char **argv, char *message, size_t room)
{
    *o = (generate_opts){.cfg = NAN, .sway = NAN, .cfg_to = 1.0, .quality = -1};
    o->parsed = (opts){.table = table, .count = COUNT(table)};
    if (opts_parse(&o->parsed, argc, argv, o) != 0) {
        snprintf(message, room, "%s", o->parsed.message);
        return -1;
    }
    if (o->help) return 0;
    o->seed_given = opts_given(&o->parsed, "seed");
    if (o->preset && apply_preset(o, &o->parsed, message, room) != 0) return -1;
    if (o->cfg_interval && read_interval(o, message, room) != 0) return -1;
    const char *why = conflict(o);
    if (why) snprintf(message, room, "%s", why);
    return why ? -1 : 0;
}

int generate_opts_given(const generate_opts *o, const char *name)
{
    return opts_given(&o->parsed, name);
}

void generate_opts_help(FILE *out)
{
    opts all = {.table = table, .count = COUNT(table)};
    fputs("usage: drgen generate (-l FILE | --instrumental) (-p TEXT | --style FILE) [options]\n"
          "       drgen generate --recipe FILE [options]\n", out);
    opts_help(&all, out);
    fputs("\nPresets (steps, cfg where the model's own is 4, else in proportion):", out);
    for (size_t i = 0; i < COUNT(presets); i++)
        fprintf(out, "%s %s %d, %.1f", i ? ";" : "", presets[i].name, presets[i].steps, presets[i].cfg);
    fputs("\n\nExamples:\n"
          "  drgen generate -l song.lrc -p \"folk, acoustic guitar, warm\" -o song.wav\n"
          "  drgen generate -m models/base -l song.lrc -p \"slow jazz, female voice\" --preset draft --seed 7\n"
          "  drgen generate -l song.lrc -p folk --lora my-voice --lora old-tape:0.4 -o song.wav\n"
          "  drgen info song.flac --json | drgen generate --recipe - -o again.flac\n"
          "  drgen generate -m models/full --length 180 --instrumental --style calm.npy -o calm.wav\n", out);
}
