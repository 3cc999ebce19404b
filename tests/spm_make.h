/* spm_make.h - makes a small tokenizer in memory, in both file forms, for tests and the fuzzer: a dozen pieces and a
 * character map with every kind of rule. */
#ifndef TESTS_SPM_MAKE_H
#define TESTS_SPM_MAKE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    unsigned char *data;
    size_t size, room;
} spm_bytes;

static inline void spm_put(spm_bytes *b, const void *data, size_t size)
{
    if (b->room - b->size < size) {
        b->room = 2 * b->room + size + 64;
        b->data = realloc(b->data, b->room);
        if (!b->data) abort();
    }
    if (size) memcpy(b->data + b->size, data, size);
    b->size += size;
}

static inline void spm_put_text(spm_bytes *b, const char *text)
{
    spm_put(b, text, strlen(text));
}

static inline void spm_put_varint(spm_bytes *b, uint64_t v)
{
    for (; v > 127; v >>= 7) spm_put(b, &(unsigned char){(unsigned char)(v | 128)}, 1);
    spm_put(b, &(unsigned char){(unsigned char)v}, 1);
}

static inline void spm_put_number(spm_bytes *b, unsigned field, uint64_t v)
{
    spm_put_varint(b, field << 3);
    spm_put_varint(b, v);
}

static inline void spm_put_bytes(spm_bytes *b, unsigned field, const void *data, size_t size)
{
    spm_put_varint(b, field << 3 | 2);
    spm_put_varint(b, size);
    spm_put(b, data, size);
}

static inline void spm_put_piece(spm_bytes *b, const char *text, float score, int type)
{
    spm_bytes p = {0};
    spm_put_bytes(&p, 1, text, strlen(text));
    spm_put_varint(&p, 2 << 3 | 5);
    spm_put(&p, &score, sizeof score);
    if (type != 1) spm_put_number(&p, 3, (uint64_t)type);
    spm_put_bytes(b, 1, p.data, p.size);
    free(p.data);
}

typedef struct {
    const char *from, *to;
} spm_rule;

/* The double array with a block of 256 units for every node's children; a leaf is child 0. */
static inline spm_bytes spm_make_map(const spm_rule *rules, size_t count)
{
    enum { MOST = 64 };
    uint32_t *unit = calloc((size_t)(MOST + 1) * 256, sizeof *unit), nodes = 1;
    uint32_t node_at[MOST] = {0}; /* unit of node n; its children are at 256 * (n + 1) */
    spm_bytes pool = {0}, map = {0};
    if (!unit) abort();
    unit[0] = 256u << 10;
    for (size_t r = 0; r < count; r++) {
        uint32_t node = 0;
        for (const unsigned char *c = (const unsigned char *)rules[r].from; *c; c++) {
            uint32_t at = 256 * (node + 1) + *c;
            uint32_t child = 1;
            while (child < nodes && node_at[child] != at) child++;
            if (child == nodes) {
                if (nodes == MOST) abort();
                node_at[nodes++] = at;
                unit[at] = (at ^ 256 * (child + 1)) << 10 | *c;
            }
            node = child;
        }
        unit[node_at[node]] |= 256;
        unit[256 * (node + 1)] = 0x80000000u | (uint32_t)pool.size;
        spm_put(&pool, rules[r].to, strlen(rules[r].to) + 1);
    }
    uint32_t size = (nodes + 1) * 256 * (uint32_t)sizeof *unit;
    spm_put(&map, &size, sizeof size);
    spm_put(&map, unit, size);
    spm_put(&map, pool.data, pool.size);
    free(pool.data);
    free(unit);
    return map;
}

#define SPM_MARK "\xE2\x96\x81" /* U+2581 */

static const spm_rule spm_small_rules[] = {
    {"\t", " "},
    {"\xE3\x80\x80", " "},         /* ideographic space */
    {"\x01", ""},                  /* vanishes */
    {"A", "a"},
    {"\xEF\xBD\x81", "a"},         /* full-width a */
    {"\xEF\xBD\x81\xCC\x81", "b"}, /* longer than the rule before */
    {"\xC2\xA8", " \xCC\x88"},     /* starts with a space */
};

static const struct {
    const char *text;
    float score;
} spm_small_pieces[] = {
    {SPM_MARK, -2}, {"a", -1},   {"b", -1.5f},  {"ab", -2.25f}, {"aab", -3.25f}, {SPM_MARK "a", -2.5f},
    {"c", -3},      {"bc", -8},  {"\xC3\xA9", -4}, {"\xE9\xBC\x93", -5}, {"aaaaaaaa", -6}, {"\xEF\xBF\xBD", -7},
};
enum { SPM_SMALL_PIECES = sizeof spm_small_pieces / sizeof spm_small_pieces[0] };

static inline spm_bytes spm_small_model(void)
{
    spm_bytes b = {0}, norm = {0}, map = spm_make_map(spm_small_rules, sizeof spm_small_rules / sizeof spm_small_rules[0]);
    spm_put_piece(&b, "<unk>", 0, 2);
    spm_put_piece(&b, "<s>", 0, 3);
    spm_put_piece(&b, "</s>", 0, 3);
    for (size_t i = 0; i < SPM_SMALL_PIECES; i++) spm_put_piece(&b, spm_small_pieces[i].text, spm_small_pieces[i].score, 1);
    spm_put_bytes(&norm, 1, "nmt_nfkc", 8);
    spm_put_bytes(&norm, 2, map.data, map.size);
    spm_put_bytes(&b, 3, norm.data, norm.size);
    free(norm.data);
    free(map.data);
    return b;
}

/* The same as tokenizer.json. */
static inline spm_bytes spm_small_json(void)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    spm_bytes b = {0}, map = spm_make_map(spm_small_rules, sizeof spm_small_rules / sizeof spm_small_rules[0]);
    spm_put_text(&b, "{\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"");
    for (size_t i = 0; i < map.size; i += 3) {
        size_t n = map.size - i < 3 ? map.size - i : 3;
        uint32_t v = (uint32_t)map.data[i] << 16;
        if (n > 1) v |= (uint32_t)map.data[i + 1] << 8;
        if (n > 2) v |= map.data[i + 2];
        char four[5] = {digits[v >> 18], digits[v >> 12 & 63], n > 1 ? digits[v >> 6 & 63] : '=', n > 2 ? digits[v & 63] : '=', 0};
        spm_put_text(&b, four);
    }
    spm_put_text(&b, "\"}, \"model\": {\"type\": \"Unigram\", \"unk_id\": 3, \"vocab\": [[\"<s>\", 0], [\"<pad>\", 0], "
                     "[\"</s>\", 0], [\"<unk>\", 0]");
    for (size_t i = 0; i < SPM_SMALL_PIECES; i++) {
        char line[96];
        snprintf(line, sizeof line, ", [\"%s\", %.9g]", spm_small_pieces[i].text, (double)spm_small_pieces[i].score);
        spm_put_text(&b, line);
    }
    spm_put_text(&b, ", [\"<mask>\", 0]]}}");
    free(map.data);
    return b;
}

#endif
