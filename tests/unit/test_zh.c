/* The Chinese front end: sandhi by rule, damaged dictionaries, overrides. Golden lines check the rest. */
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "tests/t.h"
#include "text/g2p.h"
#include "text/zh.h"

extern const uint8_t zh_asset[], zh_asset_end[];

static void check(g2p *g, const char *line, const char *want)
{
    int32_t *ids = NULL;
    size_t count = 0;
    const char *silent;
    char got[512] = "";
    drgen_err err = {0};
    CHECKF(g2p_line(g, line, 0, &ids, &count, &silent, &err) == DRGEN_OK, "%s: %s", line, err.message);
    for (size_t i = 0; i < count; i++) {
        if (i) strcat(got, " ");
        strcat(got, g2p_symbol(ids[i]));
    }
    CHECKF(strcmp(got, want) == 0, "%s gives %s, want %s", line, got, want);
    free(ids);
}

TEST(chinese_sandhi_follows_its_rules)
{
    g2p *g;
    CHECK(g2p_open(&g, NULL, NULL) == DRGEN_OK);
    check(g, "你好", "n i↑ x ɑʊ↓↑");       /* 3-3 */
    check(g, "不是", "p⁼ u↑ s`ɹ↓");         /* 不 before tone 4 */
    check(g, "不好", "p⁼ u↓ x ɑʊ↓↑");
    check(g, "一个", "i↑ k⁼ ə↓");           /* 一 before tone 4 */
    check(g, "第一", "t⁼ i↓ i→");
    check(g, "看一看", "kʰ an↓ i kʰ an↓");  /* between two of the same */
    check(g, "1984年", "i→ tʃ⁼ ioʊ↓↑ p⁼ a→ sɹ↓ n jɛn↑");
    check(g, "{n|i↓↑}好", "n i↓↑ x ɑʊ↓↑");  /* an override, then Chinese */
    int32_t *ids;
    size_t count;
    const char *silent;
    drgen_err err = {0};
    CHECK(g2p_line(g, "{nope}", 0, &ids, &count, &silent, &err) == DRGEN_ERR_TEXT && strstr(err.message, "nope"));
    g2p_close(g);
}

TEST(digits_follow_the_song)
{
    g2p *g;
    CHECK(g2p_open(&g, NULL, NULL) == DRGEN_OK);
    g2p_digits_in(g, 1);
    check(g, "12", "s`ɹ↑ əɹ↓");
    g2p_close(g);
}

/* Reads all over a dictionary that opened. */
static void use(const zh_dict *d, uint64_t *rng)
{
    for (int k = 0; k < 20; k++) {
        uint32_t word[3];
        zh_syllable s[8];
        int32_t tokens[4];
        int more;
        for (int i = 0; i < 3; i++) word[i] = 0x4E00 + (uint32_t)(rng_split(rng) % 0x5200);
        zh_dict_frequency(d, word, 1 + (size_t)k % 3, &more);
        size_t n = zh_dict_reading(d, word, 1 + (size_t)k % 3, s, 8);
        for (size_t i = 0; i < n; i++) zh_dict_tokens(d, s[i], tokens);
        zh_dict_tokens(d, zh_dict_single(d, word[0]), tokens);
        for (int y = 0; y < 4; y++) zh_dict_emit(d, y, word[0]);
    }
}

TEST(damaged_dictionaries_are_never_read_outside)
{
    size_t size = (size_t)(zh_asset_end - zh_asset), opened = 0;
    uint8_t *copy = malloc(size);
    uint64_t rng = t_seed;
    memcpy(copy, zh_asset, size);
    for (int k = 0; k < 300; k++) {
        size_t at[6], count = 1 + (size_t)k % 6, cut = k % 5 ? size : rng_split(&rng) % size;
        uint8_t old[6];
        for (size_t i = 0; i < count; i++) {
            at[i] = k % 2 ? rng_split(&rng) % 64 : rng_split(&rng) % size;
            old[i] = copy[at[i]];
            copy[at[i]] = (uint8_t)rng_split(&rng);
        }
        uint8_t *end = cut == size ? NULL : malloc(cut ? cut : 1); /* cut off: ASan sees the end */
        if (end) memcpy(end, copy, cut);
        zh_dict d;
        if (zh_dict_open_bytes(&d, end ? end : copy, cut, NULL) == DRGEN_OK) {
            opened++;
            use(&d, &rng);
        }
        free(end);
        for (size_t i = count; i-- > 0;) copy[at[i]] = old[i];
    }
    CHECK(opened > 0);
    free(copy);
}
