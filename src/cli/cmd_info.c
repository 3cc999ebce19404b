/* cmd_info.c - `drgen info`: what a sound file is, and the recipe of the song in it. */
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/opts.h"
#include "cli/progress.h"
#include "drgen.h"

typedef struct {
    const char *path;
    int json, help;
} command;

static const opt table[] = {
    {"json", NULL, 0, OPT_FLAG, offsetof(command, json), 0, 0, NULL, "as JSON, the recipe as its member \"recipe\": `drgen\ngenerate --recipe -` makes the song again"},
    {"help", NULL, 'h', OPT_FLAG, offsetof(command, help), 0, 0, NULL, "this text"},
};

static int fail(int code, const char *message)
{
    fprintf(stderr, "drgen: %s\n", message);
    return code;
}

/* ---- for programs */

static void json_member(const char *key, const char *text)
{
    printf(",\"%s\":", key);
    if (text) progress_json_text(text);
    else fputs("null", stdout);
}

static void print_json(const char *path, const drgen_audio_info *i)
{
    fputs("{\"file\":", stdout);
    progress_json_text(path);
    json_member("format", i->format);
    printf(",\"sample_rate\":%d,\"channels\":%d,\"bits\":%d,\"float\":%s,\"frames\":%llu,\"seconds\":%.3f", i->sample_rate,
           i->channels, i->bits, i->real ? "true" : "false", (unsigned long long)i->frames, i->seconds);
    json_member("title", i->title);
    json_member("artist", i->artist);
    json_member("software", i->software);
    json_member("comment", i->comment);
    printf(",\"recipe\":%s}\n", i->recipe ? i->recipe : "null");
}

/* ---- for people */

static void row(const char *name, const char *text)
{
    if (!text) return;
    printf("%-11s", name);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) putchar(*c < 0x20 || *c == 0x7f ? '?' : *c);
    putchar('\n');
}

static void print_style(const drgen_song *s)
{
    for (size_t i = 0; i < s->style_count; i++) {
        const drgen_style *p = &s->styles[i];
        if (!p->prompt) row("style", "a vector, made from recordings or files");
        else row("prompt", p->prompt);
        if (p->weight < 1 || p->weight > 1) printf("%-11s%g\n", "  weight", (double)p->weight);
    }
    if (s->negative_prompt) row("negative", s->negative_prompt);
    else if (s->negative_vector) row("negative", "a vector");
}

static void print_song(const drgen_song *s, const drgen_recipe_notes *n)
{
    size_t lines = 0;
    for (const char *c = s->lyrics; c && *c; c++) lines += *c == '\n' || !c[1];
    row("made by", "drgen, with the recipe below; AI-generated");
    row("version", n->version);
    row("model", n->model);
    print_style(s);
    if (s->lyrics) printf("%-11s%zu lines, %zu bytes (--json shows them)\n", "lyrics", lines, strlen(s->lyrics));
    else row("lyrics", "none: instrumental");
    printf("%-11s%g s, %d steps, guidance %g, sway %g, seed %llu\n", "numbers", s->seconds, s->steps, (double)s->guidance,
           (double)s->sway, (unsigned long long)s->seed);
    if (s->guidance_from > 0 || s->guidance_to < 1)
        printf("%-11sguidance from time %g to %g only\n", "shortcuts", (double)s->guidance_from, (double)s->guidance_to);
    if (s->cache > 0) printf("%-11sskips steps that change less than %g\n", "shortcuts", (double)s->cache);
    if (s->bpm > 0) printf("%-11s%g\n", "bpm", s->bpm);
    if (s->vocals_only) row("flags", "vocals only");
    if (s->lyrics_compat) row("flags", "lyrics as the original reads them");
    if (s->half_tables) row("flags", "half-precision tables");
    drgen_mastering m;
    if (n->master_json && drgen_mastering_preset("balanced", &m, NULL) == DRGEN_OK &&
        drgen_mastering_read(&m, n->master_json, NULL) == DRGEN_OK)
        printf("%-11sto %g LUFS under %g dBTP (--json shows all of it)\n", "mastered", m.target, m.ceiling);
}

static void print_text(const char *path, const drgen_audio_info *i)
{
    drgen_recipe *r = NULL;
    drgen_err err = {0};
    row("file", path);
    printf("%-11s%s, %d Hz, %d channel%s", "sound", i->format, i->sample_rate, i->channels, i->channels == 1 ? "" : "s");
    if (i->bits) printf(", %d bits%s", i->bits, i->real ? " (float)" : "");
    printf("\n%-11s%.3f s, %llu frames\n", "length", i->seconds, (unsigned long long)i->frames);
    row("title", i->title);
    row("artist", i->artist);
    row("software", i->software);
    row("comment", i->comment);
    if (!i->recipe) row("recipe", "none in this file");
    else if (drgen_recipe_read(&r, i->recipe, strlen(i->recipe), "recipe", &err) != DRGEN_OK) row("recipe", err.message);
    else print_song(drgen_recipe_song(r), drgen_recipe_get_notes(r));
    drgen_recipe_free(r);
}

int cmd_info(int argc, char **argv)
{
    command c = {0};
    opts o = {.table = table, .count = sizeof table / sizeof table[0], .word = &c.path};
    drgen_audio_info info;
    drgen_err err = {0};
    if (opts_parse(&o, argc, argv, &c) != 0) return fail(2, o.message);
    if (c.help) {
        printf("usage: drgen info FILE [--json]\n");
        opts_help(&o, stdout);
        return 0;
    }
    if (!c.path) return fail(2, "info: which file? see drgen info --help");
    if (drgen_audio_describe(c.path, &info, &err) != DRGEN_OK) return fail(1, err.message);
    if (c.json) print_json(c.path, &info);
    else print_text(c.path, &info);
    drgen_audio_info_free(&info);
    return fflush(stdout) != 0 ? fail(1, "standard output: write failed") : 0;
}
