/* The option table parser and the options of `drgen generate`. */
#include "cli/generate_opts.h"
#include "cli/opts.h"
#include "tests/t.h"

#include <stdlib.h>

typedef struct {
    int loud, count;
    const char *name;
    double factor;
    uint64_t seed;
} target;

#define AT(m) offsetof(target, m)

static const opt table[] = {
    {.kind = OPT_GROUP, .help = "Things:"},
    {"loud", NULL, 'l', OPT_FLAG, AT(loud), 0, 0, NULL, "louder"},
    {"name", "title called", 'n', OPT_TEXT, AT(name), 0, 0, "TEXT", "first line\nsecond line"},
    {"count", NULL, 'c', OPT_INT, AT(count), -5, 10, "N", "how many"},
    {"factor", NULL, 0, OPT_REAL, AT(factor), 0, 2, "X", "how much"},
    {"seed", NULL, 0, OPT_SEED, AT(seed), 0, 4294967295.0, "N", "which"},
};

static int parse(opts *o, target *t, int argc, const char *const *argv)
{
    *o = (opts){.table = table, .count = COUNT(table)};
    *t = (target){0};
    return opts_parse(o, argc, (char **)(uintptr_t)argv, t);
}

#define PARSE(...) parse(&o, &t, (int)COUNT(((const char *[]){"x", __VA_ARGS__})), (const char *[]){"x", __VA_ARGS__, NULL})

TEST(opts_reads_every_form)
{
    opts o;
    target t;
    CHECK(PARSE("--loud", "--name", "a b", "--count=-3", "--factor", "1.5", "--seed", "4294967295") == 0);
    CHECK(t.loud == 1 && strcmp(t.name, "a b") == 0 && t.count == -3 && t.factor == 1.5 && t.seed == 4294967295u);
    CHECK(opts_given(&o, "loud") && opts_given(&o, "seed"));
    CHECK(PARSE("-l", "-n", "x", "-c7") == 0 && t.loud && t.count == 7 && t.name[0] == 'x');
    CHECK(PARSE("-lc", "7") == 0 && t.loud && t.count == 7);
    CHECK(PARSE("-lc=7") == 0 && t.count == 7);
    CHECK(PARSE("--title", "y", "--called=z") == 0 && t.name[0] == 'z' && opts_given(&o, "name"));
    CHECK(PARSE("--name=", "--") == 0 && t.name && !t.name[0]);
    CHECK(PARSE("--name", "--loud") == 0 && !t.loud); /* a value may look like an option */
    CHECK(PARSE("--count", "1", "--count", "2") == 0 && t.count == 2);
    CHECK(!opts_given(&o, "name"));
}

TEST(opts_stops_at_help)
{
    opts o;
    target t;
    CHECK(PARSE("--loud", "--help", "--nonsense") == 0 && o.help && t.loud);
    CHECK(PARSE("-h") == 0 && o.help);
    CHECK(PARSE("-lh", "junk") == 0 && o.help);
}

TEST(opts_refuses_in_one_clear_line)
{
    static const struct {
        const char *word, *next, *says;
    } bad[] = {
        {"--nmae", "x", "did you mean --name"},     {"--cuont=3", NULL, "did you mean --count"},
        {"--fac", "1", "did you mean --factor"},    {"--zzzzzzzz", NULL, "--help lists them"},
        {"--hepl", NULL, "did you mean --help"},    {"-z", NULL, "unknown option -z"},
        {"--count", NULL, "a value is missing (N)"}, {"-c", NULL, "a value is missing"},
        {"--count", "11", "outside -5..10"},        {"--count", "-6", "outside -5..10"},
        {"--count", "1.5", "not a whole number"},   {"--count", "", "not a number"},
        {"--count", "3x", "not a number"},          {"--count", " 3", "not a number"},
        {"--count", "0x3", "not a number"},         {"--factor", "nan", "not a number"},
        {"--factor", "inf", "not a number"},        {"--factor", "1e999", "not a number"},
        {"--factor", "2.001", "outside 0..2"},      {"--seed", "-1", "outside 0..4294967295"},
        {"--seed", "4294967296", "outside"},        {"--loud=1", NULL, "takes no value"},
        {"word", NULL, "\"word\" is no option"},    {"-", NULL, "\"-\" is no option"},
        {"--", "word", "\"word\" is no option"},    {"", NULL, "\"\" is no option"},
        {"-lz", NULL, "unknown option -z"},         {"--=3", NULL, "unknown option --"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        opts o;
        target t;
        int status = bad[i].next ? PARSE(bad[i].word, bad[i].next) : PARSE(bad[i].word);
        CHECKF(status == -1, "%s %s was accepted", bad[i].word, bad[i].next ? bad[i].next : "");
        CHECKF(strstr(o.message, bad[i].says) != NULL, "%s: \"%s\", wanted \"%s\"", bad[i].word, o.message, bad[i].says);
        CHECKF(strchr(o.message, '\n') == NULL, "%s: more than one line", bad[i].word);
    }
}

TEST(opts_survives_long_words)
{
    opts o;
    target t;
    char word[5000];
    memset(word, 'a', sizeof word);
    word[0] = word[1] = '-';
    word[sizeof word - 1] = '\0';
    CHECK(PARSE(word) == -1 && strlen(o.message) < sizeof o.message);
    memcpy(word, "--count=", 8);
    CHECK(PARSE(word) == -1 && strlen(o.message) < sizeof o.message);
    CHECK(opts_nearest(word, (const char *[]){"a", "b", NULL}) == NULL);
}

TEST(opts_nearest_word)
{
    static const char *const words[] = {"generate", "convert", "inspect", "help", NULL};
    CHECK(strcmp(opts_nearest("genrate", words), "generate") == 0);
    CHECK(strcmp(opts_nearest("ehlp", words), "help") == 0);
    CHECK(strcmp(opts_nearest("conv", words), "convert") == 0);
    CHECK(opts_nearest("qqqq", words) == NULL);
    CHECK(opts_nearest("", words) == NULL);
}

TEST(opts_help_shows_every_option)
{
    opts o = {.table = table, .count = COUNT(table)};
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    opts_help(&o, f);
    fclose(f);
    for (size_t i = 0; i < COUNT(table); i++)
        if (table[i].kind != OPT_GROUP) CHECKF(strstr(text, table[i].name) != NULL, "%s", table[i].name);
    CHECK(strstr(text, "Things:") && strstr(text, "second line") && strstr(text, "also --title called"));
    free(text);
}

static int generate(generate_opts *o, char *message, size_t room, int argc, const char *const *argv)
{
    return generate_opts_parse(o, argc, (char **)(uintptr_t)argv, message, room);
}

#define GENERATE(...)                                                                                     \
    generate(&g, message, sizeof message, (int)COUNT(((const char *[]){"generate", __VA_ARGS__})),        \
             (const char *[]){"generate", __VA_ARGS__, NULL})

TEST(generate_presets_yield_to_flags)
{
    generate_opts g;
    char message[256];
    CHECK(GENERATE("-l", "x", "-p", "y") == 0 && g.steps == 0 && isnan(g.cfg) && isnan(g.sway) && !g.seed_given);
    CHECK(GENERATE("-l", "x", "-p", "y", "--preset", "preview") == 0 && g.steps == 4 && g.cfg == 2.0);
    CHECK(GENERATE("-l", "x", "-p", "y", "--preset", "ultra") == 0 && g.steps == 100 && g.cfg == 6.0);
    CHECK(GENERATE("--steps", "9", "-l", "x", "-p", "y", "--preset", "draft") == 0 && g.steps == 9 && g.cfg == 2.5);
    CHECK(GENERATE("--preset", "draft", "--cfg", "0", "-l", "x", "-p", "y") == 0 && g.steps == 8 && g.cfg == 0.0);
    CHECK(GENERATE("--preset", "hihg", "-l", "x", "-p", "y") == -1 && strstr(message, "did you mean high?"));
}

TEST(generate_reads_an_interval)
{
    generate_opts g;
    char message[256];
    CHECK(GENERATE("-l", "x", "-p", "y") == 0 && g.cfg_from == 0.0 && g.cfg_to == 1.0 && g.cache == 0.0);
    CHECK(GENERATE("-l", "x", "-p", "y", "--cfg-interval", "0.1:0.9", "--cache", "0.05") == 0 && g.cfg_from == 0.1 &&
          g.cfg_to == 0.9 && g.cache == 0.05);
    CHECK(GENERATE("-l", "x", "-p", "y", "--cfg-interval=0:0") == 0 && g.cfg_from == 0.0 && g.cfg_to == 0.0);
    static const char *const bad[] = {"", ":", "0.5", "0.1:", ":0.9", "0.9:0.1", "-0.1:0.5", "0:1.5", "0:1x", "a:b", "nan:1", "0:nan", "0:1:1"};
    for (size_t i = 0; i < COUNT(bad); i++)
        CHECKF(GENERATE("-l", "x", "-p", "y", "--cfg-interval", bad[i]) == -1 && strstr(message, "A:B"), "%s was taken", bad[i]);
    CHECK(GENERATE("-l", "x", "-p", "y", "--cache", "-1") == -1);
}

TEST(generate_takes_the_originals_names)
{
    generate_opts g;
    char message[256];
    CHECK(GENERATE("--lrc-path", "a.lrc", "--ref-prompt", "jazz", "--audio-length", "95", "--output-dir", "out",
                   "--chunked") == 0);
    CHECK(strcmp(g.lyrics, "a.lrc") == 0 && g.prompts.count == 1 && strcmp(g.prompts.item[0], "jazz") == 0 && g.length == 95.0);
    CHECK(strcmp(g.output_dir, "out") == 0 && g.chunked);
}

TEST(generate_refuses_what_does_not_go_together)
{
    generate_opts g;
    char message[256];
    CHECK(GENERATE("-p", "y") == -1 && strstr(message, "lyrics"));
    CHECK(GENERATE("-l", "x") == -1 && strstr(message, "style"));
    CHECK(GENERATE("-l", "x", "--instrumental", "-p", "y") == -1 && strstr(message, "exclude"));
    CHECK(GENERATE("-l", "x", "--style", "z", "-p", "y") == -1 && strstr(message, "exclude"));
    CHECK(GENERATE("-l", "x", "-p", "y", "-o", "a", "--output-dir", "b") == -1 && strstr(message, "exclude"));
    CHECK(GENERATE("-l", "x", "-p", "y", "-qv") == -1 && strstr(message, "exclude"));
    CHECK(GENERATE("-l", "x", "-p", "y", "--steps", "1") == -1 && strstr(message, "2..1000"));
    CHECK(GENERATE("--help") == 0 && g.help);
    CHECK(GENERATE("--instrumental", "-p", "y", "--seed", "0") == 0 && g.seed_given && g.seed == 0);
}
