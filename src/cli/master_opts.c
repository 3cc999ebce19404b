/* master_opts.c - see master_opts.h. */
#include "cli/master_opts.h"

#include <stdlib.h>
#include <string.h>

#include "cli/read_text.h"

#define AT(member) offsetof(master_opts, member)

static const opt table[] = {
    {.kind = OPT_GROUP, .help = "What to make:"},
    {"output", NULL, 'o', OPT_TEXT, AT(output), 0, 0, "FILE", "file to write: .wav .flac .ogg .opus or .mp3"},
    {"preset", NULL, 0, OPT_TEXT, AT(preset), 0, 0, "NAME", "subtle, balanced, loud, broadcast or r128 (default: balanced)"},
    {"target-lufs", NULL, 0, OPT_REAL, AT(target), -60, 0, "LUFS", "integrated loudness (default: the preset's)"},
    {"ceiling", NULL, 0, OPT_REAL, AT(ceiling), -40, 40, "DBTP", "no true peak above it (default: -1)"},
    {"list", NULL, 0, OPT_FLAG, AT(list), 0, 0, NULL, "print the settings of a preset as JSON and stop"},
    {.kind = OPT_GROUP, .help = "How (all in --list; these are short ways):"},
    {"settings", NULL, 0, OPT_TEXT, AT(settings), 0, 0, "FILE|JSON", "any setting as --list prints it, on top of the preset"},
    {"highpass", NULL, 0, OPT_REAL, AT(highpass), 0, 500, "HZ", "0: none"},
    {"eq", NULL, 0, OPT_TEXT, AT(eq), 0, 0, "A,B,C,D", "dB at 80, 250, 3000 and 10000 Hz"},
    {"no-multiband", NULL, 0, OPT_FLAG, AT(no_multiband), 0, 0, NULL, "leave out the compressor"},
    {"crossover", NULL, 0, OPT_TEXT, AT(crossover), 0, 0, "KIND", "linear (phase) or lr4 (default: linear)"},
    {"exciter", NULL, 0, OPT_REAL, AT(exciter), 0, 1, "X", "harmonics for the treble, 0: none"},
    {"width", NULL, 0, OPT_REAL, AT(width), 0, 2, "X", "of the stereo image, 1: as it is"},
    {"bass-width", NULL, 0, OPT_REAL, AT(bass_width), 0, 2, "X", "the same below 120 Hz"},
    {"look-ahead", NULL, 0, OPT_REAL, AT(look_ahead), 0, 20, "MS", "of the limiter"},
    {"release", NULL, 0, OPT_REAL, AT(release), 1, 5000, "MS", "of the limiter"},
    {"max-reduction", NULL, 0, OPT_REAL, AT(max_reduction), 0, 40, "DB", "more limiting than this is reported as limited"},
    {"denoise", NULL, 0, OPT_REAL, AT(denoise), 0, 24, "DB", "take steady noise down by so much first"},
    {"noise", NULL, 0, OPT_TEXT, AT(noise), 0, 0, "FROM:TO", "seconds that hold that noise alone (default: found)"},
    {"match", NULL, 0, OPT_TEXT, AT(match), 0, 0, "FILE", "take on the colour of this recording"},
    {"match-amount", NULL, 0, OPT_REAL, AT(match_amount), 0, 1, "X", "how much of it (default: 1)"},
    {"match-loudness", NULL, 0, OPT_FLAG, AT(match_loudness), 0, 0, NULL, "and its loudness instead of the target"},
    {"compat", NULL, 0, OPT_TEXT, AT(compat), 0, 0, "CHAIN", "seed or fork: the historic chains, flaws included; only\n--preset goes with it"},
    {.kind = OPT_GROUP, .help = "The file:"},
    {"bits", NULL, 0, OPT_INT, AT(bits), 16, 32, "N", "of WAV and FLAC: 16 or 24, in WAV also 32: floats (default: 16)"},
    {"rate", NULL, 0, OPT_INT, AT(rate), 8000, 192000, "HZ", "(default: the input's; Opus: 48000)"},
    {"shaper", NULL, 0, OPT_TEXT, AT(shaper), 0, 0, "NAME", "of the dither: none, hp1, wanna3 or lip5 (default: none)"},
    {"quality", NULL, 0, OPT_REAL, AT(quality), 0, 10, "X", "of OGG, Opus and MP3 (default: 7)"},
    {"title", NULL, 0, OPT_TEXT, AT(title), 0, 0, "TEXT", "kept in the file (default: the input's)"},
    {"artist", NULL, 0, OPT_TEXT, AT(artist), 0, 0, "TEXT", "kept in the file (default: the input's)"},
    {.kind = OPT_GROUP, .help = "What to say:"},
    {"report", NULL, 0, OPT_TEXT, AT(report), 0, 0, "FILE", "write figures, checks and what was done, as JSON"},
    {"png", NULL, 0, OPT_TEXT, AT(png), 0, 0, "FILE", "write a picture of the result"},
    {"show", NULL, 0, OPT_FLAG, AT(show), 0, 0, NULL, "print a picture of the result"},
    {"json", NULL, 0, OPT_FLAG, AT(json), 0, 0, NULL, "the report on standard output"},
    {"quiet", NULL, 'q', OPT_FLAG, AT(quiet), 0, 0, NULL, "only errors"},
    {"help", NULL, 'h', OPT_FLAG, AT(help), 0, 0, NULL, "this text"},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
_Static_assert(COUNT(table) <= OPTS_MAX, "opts.given has room");

/* Options that are settings by themselves. */
static const struct {
    const char *option;
    size_t from, to;
} direct[] = {
    {"target-lufs", AT(target), offsetof(drgen_mastering, target)},
    {"ceiling", AT(ceiling), offsetof(drgen_mastering, ceiling)},
    {"highpass", AT(highpass), offsetof(drgen_mastering, highpass)},
    {"exciter", AT(exciter), offsetof(drgen_mastering, exciter)},
    {"width", AT(width), offsetof(drgen_mastering, width)},
    {"bass-width", AT(bass_width), offsetof(drgen_mastering, bass_width)},
    {"look-ahead", AT(look_ahead), offsetof(drgen_mastering, look_ahead)},
    {"release", AT(release), offsetof(drgen_mastering, release)},
    {"max-reduction", AT(max_reduction), offsetof(drgen_mastering, max_reduction)},
    {"denoise", AT(denoise), offsetof(drgen_mastering, denoise)},
    {"match-amount", AT(match_amount), offsetof(drgen_mastering, match_amount)},
};

/* count numbers separated by mark, and nothing else. */
static int read_numbers(const char *text, char mark, double *out, int count)
{
    for (int i = 0; i < count; i++) {
        char *end;
        out[i] = strtod(text, &end);
        if (end == text || *end != (i + 1 < count ? mark : '\0')) return -1;
        text = end + 1;
    }
    return 0;
}

static int read_settings(master_opts *o, char *message, size_t room)
{
    drgen_err err = {0};
    const char *text = o->settings;
    char *file = NULL;
    if (text[strspn(text, " \t\r\n")] != '{') text = file = read_text(o->settings, message, room);
    if (!text) return -1;
    int bad = drgen_mastering_read(&o->set, text, &err) != DRGEN_OK;
    if (bad) snprintf(message, room, "--settings: %s", err.message);
    free(file);
    return bad ? -1 : 0;
}

static int read_words(master_opts *o, char *message, size_t room)
{
    static const char *const shapers[] = {"none", "hp1", "wanna3", "lip5"};
    double span[2];
    int known = !o->shaper;
    for (size_t i = 0; i < COUNT(shapers) && !known; i++) known = strcmp(o->shaper, shapers[i]) == 0;
    if (!known) {
        snprintf(message, room, "--shaper: none, hp1, wanna3 or lip5, not '%.60s'", o->shaper);
        return -1;
    }
    if (o->eq && read_numbers(o->eq, ',', o->set.peak, DRGEN_PEAKS) != 0) {
        snprintf(message, room, "--eq: four numbers with commas between wanted, not '%.60s'", o->eq);
        return -1;
    }
    if (o->noise) {
        if (read_numbers(o->noise, ':', span, 2) != 0 || !(span[0] >= 0 && span[0] < span[1])) {
            snprintf(message, room, "--noise: two times in seconds wanted, such as 0.5:1.2, not '%.60s'", o->noise);
            return -1;
        }
        o->set.noise_from = span[0];
        o->set.noise_to = span[1];
    }
    if (o->crossover) {
        int lr4 = strcmp(o->crossover, "lr4") == 0;
        if (!lr4 && strcmp(o->crossover, "linear") != 0) {
            snprintf(message, room, "--crossover: linear or lr4, not '%.60s'", o->crossover);
            return -1;
        }
        o->set.crossover = lr4 ? DRGEN_CROSSOVER_LR4 : DRGEN_CROSSOVER_LINEAR;
    }
    return 0;
}

static int read_all(master_opts *o, char *message, size_t room)
{
    drgen_err err = {0};
    if (drgen_mastering_preset(o->preset ? o->preset : "balanced", &o->set, &err) != DRGEN_OK) {
        snprintf(message, room, "--preset: %s", err.message);
        return -1;
    }
    if (o->settings && read_settings(o, message, room) != 0) return -1;
    for (size_t i = 0; i < COUNT(direct); i++)
        if (opts_given(&o->parsed, direct[i].option))
            memcpy((char *)&o->set + direct[i].to, (const char *)o + direct[i].from, sizeof(double));
    if (o->no_multiband) o->set.multiband = 0;
    if (o->match_loudness) o->set.match_loudness = 1;
    if (o->match) o->set.match = o->match;
    if (o->shaper) o->set.shaper = o->shaper;
    return read_words(o, message, room);
}

static const char *conflict(const master_opts *o)
{
    if (!o->input) return "master: which file? see drgen master --help";
    if (!o->output) return "master: -o FILE says where the result goes";
    if (o->noise && !(o->set.denoise > 0)) return "--noise belongs to --denoise";
    if (!o->match && (opts_given(&o->parsed, "match-amount") || o->match_loudness)) return "--match-amount and --match-loudness belong to --match";
    if (o->bits && o->bits != 16 && o->bits != 24 && o->bits != 32) return "--bits: 16, 24 or 32";
    if (!o->compat) return NULL;
    if (strcmp(o->compat, "seed") != 0 && strcmp(o->compat, "fork") != 0) return "--compat: seed or fork";
    for (size_t i = 0; i < COUNT(direct); i++)
        if (opts_given(&o->parsed, direct[i].option)) return "--compat takes a --preset and no other settings";
    if (o->settings || o->eq || o->crossover || o->no_multiband || o->match || o->noise || o->shaper || o->rate)
        return "--compat takes a --preset and no other settings";
    return NULL;
}

int master_opts_parse(master_opts *o, int argc, char **argv, char *message, size_t room)
{
    *o = (master_opts){.quality = -1};
    o->parsed = (opts){.table = table, .count = COUNT(table), .word = &o->input};
    if (opts_parse(&o->parsed, argc, argv, o) != 0) {
        snprintf(message, room, "%s", o->parsed.message);
        return -1;
    }
    if (o->help) return 0;
    if (!o->compat && read_all(o, message, room) != 0) return -1;
    if (o->list) return 0;
    const char *why = conflict(o);
    if (why) snprintf(message, room, "%s", why);
    return why ? -1 : 0;
}

void master_opts_help(FILE *out)
{
    opts all = {.table = table, .count = COUNT(table)};
    fputs("usage: drgen master FILE -o FILE [options]\n"
          "Brings a sound to a loudness and under a true peak, and to a tone, by the preset. Mono and stereo, 8 to 192 kHz.\n",
          out);
    opts_help(&all, out);
    fputs("\nPresets (LUFS): subtle -14, balanced -14, loud -10, broadcast -14, r128 -23; all keep -1 dBTP.\n\nExamples:\n"
          "  drgen master mix.wav -o song.flac --preset broadcast --bits 24\n"
          "  drgen master mix.wav -o song.wav --target-lufs -16 --width 1.2 --report song.json --png song.png\n"
          "  drgen master --list --preset loud > mine.json; drgen master mix.wav -o song.wav --settings mine.json\n", out);
}
