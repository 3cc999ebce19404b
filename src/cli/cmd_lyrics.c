/* cmd_lyrics.c - `drgen check`, `drgen time`, `drgen phonemes`: lyrics before they become a song. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/opts.h"
#include "cli/progress.h"
#include "cli/read_text.h"
#include "drgen.h"

enum { WORDS_LOST = 3 }; /* exit code of check */

typedef struct {
    const char *file, *model, *espeak_data, *zh_lexicon;
    double length, bpm;
    int json, compat, help;
} command;

#define ROW_LENGTH {"length", "audio-length", 0, OPT_REAL, offsetof(command, length), 1, 3600, "SECONDS", "of the song, as the model allows (default: that of `drgen\ngenerate`)"}
#define ROW_MODEL {"model", NULL, 'm', OPT_TEXT, offsetof(command, model), 0, 0, "DIR", "folder of the model that will sing (default: the one built in)"}
#define ROW_BPM {"bpm", NULL, 0, OPT_REAL, offsetof(command, bpm), 30, 300, "N", "beat to start lines on (plain lyrics)"}
#define ROW_ESPEAK {"espeak-data", NULL, 0, OPT_TEXT, offsetof(command, espeak_data), 0, 0, "DIR", "folder that holds espeak-ng-data"}
#define ROW_LEXICON {"zh-lexicon", NULL, 0, OPT_TEXT, offsetof(command, zh_lexicon), 0, 0, "FILE", "readings from the original's chinese_lexicon.txt"}
#define ROW_HELP {"help", NULL, 'h', OPT_FLAG, offsetof(command, help), 0, 0, NULL, "this text"}

static const opt check_table[] = {
    ROW_LENGTH, ROW_MODEL, ROW_BPM,
    {"json", NULL, 0, OPT_FLAG, offsetof(command, json), 0, 0, NULL, "one JSON object instead of a table"},
    {"lyrics-compat", NULL, 0, OPT_FLAG, offsetof(command, compat), 0, 0, NULL, "read them exactly as the original, quirks included"},
    ROW_ESPEAK, ROW_LEXICON, ROW_HELP};
static const opt time_table[] = {ROW_LENGTH, ROW_MODEL, ROW_BPM, ROW_ESPEAK, ROW_LEXICON, ROW_HELP};
static const opt phonemes_table[] = {ROW_ESPEAK, ROW_LEXICON, ROW_HELP};

static int fail(int code, const char *message)
{
    fprintf(stderr, "drgen: %s\n", message);
    return code;
}

/* Options and the one word; 0 to go on, else the exit code plus 1. */
static int read_command(command *c, const opt *table, size_t count, int argc, char **argv, const char *word, const char *help)
{
    opts o = {.table = table, .count = count, .word = &c->file};
    if (opts_parse(&o, argc, argv, c) != 0) return 1 + fail(2, o.message);
    if (c->help) {
        printf("usage: drgen %s %s [options]\n%s\n", argv[0], word, help);
        opts_help(&o, stdout);
        return 1;
    }
    if (!c->file) {
        fprintf(stderr, "drgen: %s: %s is missing; see drgen %s --help\n", argv[0], word, argv[0]);
        return 3;
    }
    return 0;
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void print_table(const drgen_lyrics *l)
{
    printf("line   start  frames   need  fill  lyric\n");
    for (size_t i = 0; i < l->line_count; i++) {
        const drgen_lyric *v = &l->lines[i];
        int s = (int)(v->seconds * 100);
        printf("%4d  %02d:%02d.%02d  %5d  %5d  ", v->line, s / 6000, s / 100 % 60, s % 100, v->frames, v->tokens);
        if (v->tokens && v->frames) printf("%3d%%", v->tokens * 100 / v->frames);
        else printf("   -");
        printf("  %s\n", v->text);
        if (*v->phonemes) printf("%33s%s\n", "", v->phonemes);
        if (*v->remark) printf("%33s! %s\n", "", v->remark);
    }
}

static void print_json(const drgen_lyrics *l)
{
    printf("{\"timed\":%s,\"lost\":%d,\"lines\":[", l->timed ? "true" : "false", l->lost);
    for (size_t i = 0; i < l->line_count; i++) {
        const drgen_lyric *v = &l->lines[i];
        printf("%s\n{\"line\":%d,\"seconds\":%.3f,\"starts\":%.3f,\"frames\":%d,\"tokens\":%d,\"lost\":%d,\"text\":", i ? "," : "", v->line,
               v->seconds, v->starts, v->frames, v->tokens, v->lost);
        progress_json_text(v->text);
        printf(",\"phonemes\":");
        progress_json_text(v->phonemes);
        printf(",\"remark\":");
        progress_json_text(v->remark);
        printf("}");
    }
    printf("],\"remarks\":[");
    for (size_t i = 0; i < l->remark_count; i++) {
        if (i) printf(",");
        progress_json_text(l->remarks[i]);
    }
    printf("]}\n");
}

int cmd_check(int argc, char **argv)
{
    command c = {0};
    char message[512];
    drgen_err err = {0};
    drgen_lyrics l;
    int stop = read_command(&c, check_table, COUNT(check_table), argc, argv, "FILE",
                            "What of the lyrics will be sung, and where; exit code 3 when words would be lost.");
    if (stop) return stop - 1;
    char *text = read_text(c.file, message, sizeof message);
    if (!text) return fail(1, message);
    drgen_config config = drgen_config_default();
    config.model_dir = c.model;
    config.espeak_data = c.espeak_data;
    config.zh_lexicon = c.zh_lexicon;
    drgen_status status = drgen_lyrics_check(&config, text, c.length, c.bpm, c.compat, &l, &err);
    free(text);
    if (status != DRGEN_OK) return fail(1, err.message);
    if (c.json) print_json(&l);
    else {
        print_table(&l);
        if (!l.timed) fprintf(stderr, "the lyrics have no time stamps; these were made (`drgen time` writes them out)\n");
        for (size_t i = 0; i < l.remark_count; i++) fprintf(stderr, "%s\n", l.remarks[i]);
        if (l.lost) fprintf(stderr, "%d sounds find no room: give the lines more time, or the song more length\n", l.lost);
    }
    int lost = l.lost;
    drgen_lyrics_free(&l);
    return lost ? WORDS_LOST : 0;
}

int cmd_time(int argc, char **argv)
{
    command c = {0};
    char message[512], *out = NULL;
    drgen_err err = {0};
    int stop = read_command(&c, time_table, COUNT(time_table), argc, argv, "FILE",
                            "Plain lyrics in, LRC with times out (on standard output), to edit or to sing.");
    if (stop) return stop - 1;
    char *text = read_text(c.file, message, sizeof message);
    if (!text) return fail(1, message);
    drgen_config config = drgen_config_default();
    config.model_dir = c.model;
    config.espeak_data = c.espeak_data;
    config.zh_lexicon = c.zh_lexicon;
    drgen_status status = drgen_lyrics_time(&config, text, c.length, c.bpm, &out, &err);
    free(text);
    if (status != DRGEN_OK) return fail(1, err.message);
    fputs(out, stdout);
    free(out);
    return 0;
}

int cmd_phonemes(int argc, char **argv)
{
    command c = {0};
    char *out = NULL;
    drgen_err err = {0};
    int stop = read_command(&c, phonemes_table, COUNT(phonemes_table), argc, argv, "TEXT", "How a lyric line is pronounced.");
    if (stop) return stop - 1;
    drgen_config config = drgen_config_default();
    config.espeak_data = c.espeak_data;
    config.zh_lexicon = c.zh_lexicon;
    if (drgen_phonemes(&config, c.file, &out, &err) != DRGEN_OK) return fail(1, err.message);
    printf("%s\n", out);
    free(out);
    return 0;
}
