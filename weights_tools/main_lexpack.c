/* main_lexpack.c - packs the Chinese dictionary into one file that is used as it lies (src/text/zh_dict.c).
 *
 *   zcat zh_words.tsv.gz | lexpack DIR > src/text/zh.bin      DIR: jieba_hmm.tsv, syllables.tsv, poly_default.tsv
 *
 * Layout, little-endian: "DRZH", version 1 (u32), six sections as offset and size (u32), word count, sum of frequencies;
 * 0 words: front-coded entries in byte order: varint shared bytes, varint further bytes, those, varint frequency + 1, varint
 *   flag (0 no reading, 1 every character as by itself, n > 1: n - 1 syllables follow as varints);
 * 1 u32 offset of every sixteenth entry (it shares nothing); 2 bases: name[8], tones 1..5 of 4 u16 tokens;
 * 3 single characters and 4 polyphonic ones: u16 character, u16 syllable (base * 8 + tone); 5 the hidden Markov model: start[4],
 *   trans[4][4] as doubles (order B E M S), then per state u32 count, u16 characters, doubles. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

enum { BLOCK = 16, MOST_WORDS = 600000, MOST_BASES = 512, LINE = 4096, WORD_MAX = 96 };

typedef struct {
    uint8_t *data;
    size_t size, room;
} buffer;

static void die(const char *what, const char *where)
{
    fprintf(stderr, "lexpack: %s: %s\n", where, what);
    exit(1);
}

static void put(buffer *b, const void *data, size_t size)
{
    if (b->room - b->size < size) {
        b->room = 2 * b->room + size + 4096;
        b->data = realloc(b->data, b->room);
        if (!b->data) die("out of memory", "output");
    }
    memcpy(b->data + b->size, data, size);
    b->size += size;
}

static void put_u(buffer *b, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) put(b, &(uint8_t){(uint8_t)(v >> 8 * i)}, 1);
}

static void put_varint(buffer *b, uint32_t v)
{
    for (; v >= 0x80; v >>= 7) put(b, &(uint8_t){(uint8_t)(v | 0x80)}, 1);
    put(b, &(uint8_t){(uint8_t)v}, 1);
}

static void put_double(buffer *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    put_u(b, bits, 8);
}

/* Cuts a line at tabs; missing columns are "". */
static void columns(char *line, char **out, int count)
{
    line[strcspn(line, "\r\n")] = '\0';
    for (int i = 0; i < count; i++) {
        out[i] = line;
        char *tab = strchr(line, '\t');
        if (tab) *tab = '\0', line = tab + 1;
        else line += strlen(line);
    }
}

static FILE *open_in(const char *dir, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    if (!f) die("cannot open", path);
    return f;
}

/* ---- syllables */

static struct {
    char name[8];
    uint16_t tokens[5][4];
} bases[MOST_BASES];
static size_t base_count;

static int find_base(const char *name, size_t size)
{
    for (size_t i = 0; i < base_count; i++)
        if (strlen(bases[i].name) == size && memcmp(bases[i].name, name, size) == 0) return (int)i;
    return -1;
}

static void read_syllables(const char *dir)
{
    char line[LINE], *c[4];
    FILE *f = open_in(dir, "syllables.tsv");
    if (!fgets(line, sizeof line, f)) die("empty", "syllables.tsv");
    while (fgets(line, sizeof line, f)) {
        columns(line, c, 4);
        size_t n = strlen(c[0]);
        if (n < 2 || n > 8) die("a syllable is too long", c[0]);
        int tone = c[0][n - 1] - '0', b = find_base(c[0], n - 1);
        if (tone < 1 || tone > 5) die("a tone is outside 1..5", c[0]);
        if (b < 0) {
            if (base_count == MOST_BASES) die("too many bases", c[0]);
            b = (int)base_count++;
            memcpy(bases[b].name, c[0], n - 1);
        }
        char *at = c[3];
        for (int i = 0; *at; i++) {
            if (i == 4) die("more than four tokens", c[0]);
            bases[b].tokens[tone - 1][i] = (uint16_t)strtoul(at, &at, 10);
            while (*at == ' ') at++;
        }
    }
    fclose(f);
}

/* "qiang2" as base * 8 + tone (0 is 5); dies when it is no syllable. */
static uint32_t syllable(const char *text, size_t size)
{
    int tone = size > 1 ? text[size - 1] - '0' : -1, b = size > 1 ? find_base(text, size - 1) : -1;
    if (b < 0 || tone < 0 || tone > 5) die("not a syllable", text);
    return (uint32_t)b * 8 + (uint32_t)(tone ? tone : 5);
}

/* ---- words */

typedef struct {
    char *word, *reading;
    long frequency;
} entry;
static entry *words;
static size_t word_count;
static uint16_t single[65536]; /* 0xffff: none */
/* Sum of the segmenter's frequencies over all entries of its dictionary, a few of which are listed twice there. */
static const uint32_t total = 60101967;

static int by_word(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->word, ((const entry *)b)->word);
}

static void read_words(void)
{
    char line[LINE], *c[3];
    words = calloc(MOST_WORDS, sizeof *words);
    memset(single, 0xff, sizeof single);
    while (fgets(line, sizeof line, stdin)) {
        columns(line, c, 3);
        if (word_count == MOST_WORDS || strlen(c[0]) > WORD_MAX || !*c[0]) die("too many words, or one too long", c[0]);
        entry *e = &words[word_count++];
        e->word = strdup(c[0]);
        e->reading = strdup(c[2]);
        e->frequency = strtol(c[1], NULL, 10);
        uint32_t cp;
        size_t n = utf8_decode(c[0], strlen(c[0]), &cp);
        if (n == strlen(c[0]) && cp < 65536 && *c[2] && !strchr(c[2], ' ')) single[cp] = (uint16_t)syllable(c[2], strlen(c[2]));
    }
    qsort(words, word_count, sizeof *words, by_word);
}

static void put_reading(buffer *out, const entry *e)
{
    uint32_t s[64];
    size_t count = 0, chars = 0;
    for (const char *at = e->reading; *at;) {
        size_t n = strcspn(at, " ");
        if (count == 64) die("a reading is too long", e->word);
        s[count++] = syllable(at, n);
        at += n;
        while (*at == ' ') at++;
    }
    int usual = count > 0;
    for (const char *at = e->word; *at;) {
        uint32_t cp;
        at += utf8_decode(at, strlen(at), &cp);
        usual &= cp < 65536 && chars < count && single[cp] == s[chars];
        chars++;
    }
    if (count == 0) put_varint(out, 0);
    else if (usual && chars == count) put_varint(out, 1);
    else {
        put_varint(out, (uint32_t)count + 1);
        for (size_t i = 0; i < count; i++) put_varint(out, s[i]);
    }
}

static void pack_words(buffer *out, buffer *index)
{
    for (size_t i = 0; i < word_count; i++) {
        const char *w = words[i].word, *before = i % BLOCK ? words[i - 1].word : "";
        size_t shared = 0;
        while (before[shared] && before[shared] == w[shared]) shared++;
        if (i % BLOCK == 0) put_u(index, out->size, 4);
        put_varint(out, (uint32_t)shared);
        put_varint(out, (uint32_t)strlen(w + shared));
        put(out, w + shared, strlen(w + shared));
        put_varint(out, (uint32_t)(words[i].frequency + 1));
        put_reading(out, &words[i]);
    }
}

/* ---- the rest */

static void pack_polyphones(buffer *out, const char *dir)
{
    char line[LINE], *c[2];
    static uint16_t usual[65536];
    FILE *f = open_in(dir, "poly_default.tsv");
    memset(usual, 0xff, sizeof usual);
    while (fgets(line, sizeof line, f)) {
        uint32_t cp;
        columns(line, c, 2);
        if (!utf8_decode(c[0], strlen(c[0]), &cp) || cp >= 65536) continue;
        usual[cp] = (uint16_t)syllable(c[1], strlen(c[1]));
    }
    fclose(f);
    for (uint32_t cp = 0; cp < 65536; cp++)
        if (usual[cp] != 0xffff) put_u(out, cp, 2), put_u(out, usual[cp], 2);
}

static void pack_hmm(buffer *out, const char *dir)
{
    static const char states[] = "BEMS";
    static double emit[4][65536];
    static uint8_t there[4][65536];
    double start[4] = {0}, trans[4][4];
    char line[LINE], *c[4];
    FILE *f = open_in(dir, "jieba_hmm.tsv");
    for (int i = 0; i < 16; i++) trans[i / 4][i % 4] = -3.14e100;
    while (fgets(line, sizeof line, f)) {
        columns(line, c, 4);
        const char *s = strchr(states, c[1][0]);
        if (!s || !c[1][0]) die("unknown state", c[1]);
        if (strcmp(c[0], "start") == 0) start[s - states] = strtod(c[2], NULL);
        else if (strcmp(c[0], "trans") == 0) trans[s - states][strchr(states, c[2][0]) - states] = strtod(c[3], NULL);
        else {
            uint32_t cp;
            if (!utf8_decode(c[2], strlen(c[2]), &cp) || cp >= 65536) die("not one character", c[2]);
            emit[s - states][cp] = strtod(c[3], NULL);
            there[s - states][cp] = 1;
        }
    }
    fclose(f);
    for (int i = 0; i < 4; i++) put_double(out, start[i]);
    for (int i = 0; i < 16; i++) put_double(out, trans[i / 4][i % 4]);
    for (int s = 0; s < 4; s++) {
        uint32_t count = 0;
        for (int cp = 0; cp < 65536; cp++) count += there[s][cp];
        put_u(out, count, 4);
        for (uint32_t cp = 0; cp < 65536; cp++)
            if (there[s][cp]) put_u(out, cp, 2);
        for (int cp = 0; cp < 65536; cp++)
            if (there[s][cp]) put_double(out, emit[s][cp]);
    }
}

int main(int argc, char **argv)
{
    enum { SECTIONS = 6, HEADER = 64 };
    buffer s[SECTIONS] = {{0}}, head = {0};
    if (argc != 2) die("usage: zcat zh_words.tsv.gz | lexpack DIR > zh.bin", "lexpack");
    read_syllables(argv[1]);
    read_words();
    pack_words(&s[0], &s[1]);
    for (size_t i = 0; i < base_count; i++) {
        put(&s[2], bases[i].name, 8);
        for (int t = 0; t < 20; t++) put_u(&s[2], bases[i].tokens[t / 4][t % 4], 2);
    }
    for (uint32_t cp = 0; cp < 65536; cp++)
        if (single[cp] != 0xffff) put_u(&s[3], cp, 2), put_u(&s[3], single[cp], 2);
    pack_polyphones(&s[4], argv[1]);
    pack_hmm(&s[5], argv[1]);
    put(&head, "DRZH\1\0\0\0", 8);
    size_t at = HEADER;
    for (int i = 0; i < SECTIONS; i++) {
        put_u(&head, at, 4);
        put_u(&head, s[i].size, 4);
        at += s[i].size;
    }
    put_u(&head, word_count, 4);
    put_u(&head, total, 4);
    fwrite(head.data, 1, head.size, stdout);
    for (int i = 0; i < SECTIONS; i++) fwrite(s[i].data, 1, s[i].size, stdout);
    if (fflush(stdout) != 0) die("write failed", "output");
    fprintf(stderr, "%zu words, %zu bases, %zu bytes\n", word_count, base_count, at);
    return 0;
}
