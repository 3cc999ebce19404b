/* nano_charmap.c - the character map of the embedded model's tokenizer: which characters become which, as the double-array
 * trie that SentencePiece models hold. Source: spec xlmr_tokenizer.md section 2. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "weights_tools/nano.h"

/* Accented letters, each followed by its plain form; capitals are made from them. */
static const struct {
    const char *from;
    char to;
} letters[] = {{"àáâãäåāăą", 'a'}, {"çćč", 'c'},    {"ďđ", 'd'},       {"èéêëēėęě", 'e'}, {"ğ", 'g'},  {"ìíîïī", 'i'}, {"ł", 'l'},
               {"ñńň", 'n'},       {"òóôõöøōő", 'o'}, {"řŕ", 'r'},     {"śšş", 's'},      {"ťţ", 't'}, {"ùúûüūůű", 'u'},
               {"ýÿ", 'y'},        {"źżž", 'z'}};
static const struct {
    const char *from;
    char to;
} capitals[] = {{"ÀÁÂÃÄÅĀĂĄ", 'a'}, {"ÇĆČ", 'c'},    {"ĎĐ", 'd'},       {"ÈÉÊËĒĖĘĚ", 'e'}, {"Ğ", 'g'},  {"ÌÍÎÏĪ", 'i'}, {"Ł", 'l'},
                {"ÑŃŇ", 'n'},       {"ÒÓÔÕÖØŌŐ", 'o'}, {"ŘŔ", 'r'},     {"ŚŠŞ", 's'},      {"ŤŢ", 't'}, {"ÙÚÛÜŪŮŰ", 'u'},
                {"ÝŸ", 'y'},        {"ŹŻŽ", 'z'}};

/* What parts words. The ampersand is no such thing: R&B. */
static const char parting[] = ",.;:!?()[]{}<>\"'`/\\|_-+*=~#\t\n\r\v\f"
                              "，。、；：！？（）【】《》“”‘’「」『』·…—–‐‑−　\xC2\xA0\xE2\x80\x8B\xEF\xBB\xBF";

/* Pairs: traditional, simplified. Those of the words the tower knows. */
static const char simplified[] = "樂乐搖摇滾滚鋼钢歡欢傷伤電电輕轻節节憂忧鬱郁愛爱戀恋懷怀舊旧熱热說说藍蓝調调靈灵鄉乡謠谣國国風风"
                                 "貝贝聲声緩缓動动暢畅興兴奮奋鬆松溫温夢梦揚扬強强氣气陽阳開开憤愤單单擊击喬乔絃弦號号慶庆貝贝"
                                 "憶忆難难過过獨独別别樸朴勵励無无慮虑灘滩遙遥趣趣對对感感間间靜静寧宁閒闲搖摇籃篮眠眠暴暴恐恐黑黑"
                                 "劇剧兇凶綠绿銅铜長长簫箫風风適适應应東东鈴铃響响樣样誠诚摯挚會会團团饒饶節节奏奏哈哈";

/* ---- rules as a tree over bytes, then as a double array */

typedef struct {
    int child, next; /* first child, next brother; 0: none */
    int value;       /* place of the replacement in the pool, -1: no rule ends here */
    unsigned char byte;
    uint32_t at;     /* place in the array */
} node;

typedef struct {
    node *nodes;
    size_t count, room;
    char *pool;
    size_t pool_size, pool_room;
    uint32_t *units;
    unsigned char *based; /* 1: some node's children stand around this base */
    size_t unit_count;
    uint32_t lowest; /* every base below it is taken */
    int failed;
} map;

static const uint32_t leaf = 0x80000000u, ends = 256;

static int new_node(map *m, unsigned char byte)
{
    if (m->count == m->room) {
        size_t room = m->room ? 2 * m->room : 256;
        node *grown = realloc(m->nodes, room * sizeof *grown);
        if (!grown) {
            m->failed = 1;
            return 0;
        }
        m->nodes = grown;
        m->room = room;
    }
    m->nodes[m->count] = (node){.value = -1, .byte = byte};
    return (int)m->count++;
}

static int pool_add(map *m, const char *text, size_t size)
{
    if (m->pool_room - m->pool_size < size + 1) {
        size_t room = 2 * m->pool_room + size + 256;
        char *grown = realloc(m->pool, room);
        if (!grown) {
            m->failed = 1;
            return 0;
        }
        m->pool = grown;
        m->pool_room = room;
    }
    int at = (int)m->pool_size;
    memcpy(m->pool + at, text, size);
    m->pool[at + (int)size] = '\0';
    m->pool_size += size + 1;
    return at;
}

/* from becomes to; the first rule for a text counts, and one that changes nothing is left out. */
static void rule(map *m, const char *from, size_t from_size, const char *to, size_t to_size)
{
    int at = 0;
    if (from_size == to_size && memcmp(from, to, to_size) == 0) return;
    for (size_t i = 0; i < from_size && !m->failed; i++) {
        unsigned char byte = (unsigned char)from[i];
        int c = m->nodes[at].child;
        while (c && m->nodes[c].byte != byte) c = m->nodes[c].next;
        if (!c && (c = new_node(m, byte))) {
            m->nodes[c].next = m->nodes[at].child;
            m->nodes[at].child = c;
        }
        at = c;
    }
    if (!m->failed && m->nodes[at].value < 0) m->nodes[at].value = pool_add(m, to, to_size);
}

/* from becomes a word of its own: scripts without blanks leave none beside words of others. */
static void rule_apart(map *m, const char *from, size_t from_size, const char *to, size_t to_size)
{
    char word[16];
    int n = snprintf(word, sizeof word, " %.*s ", (int)to_size, to);
    rule(m, from, from_size, word, (size_t)n);
}

/* The characters [from, to] of three or four bytes; apart: each a word of its own, else they part words and mean nothing. */
static void rule_range(map *m, uint32_t from, uint32_t to, int apart)
{
    for (uint32_t c = from; c <= to; c++) {
        char text[4];
        size_t n = utf8_encode(c, text);
        if (apart) rule_apart(m, text, n, text, n);
        else rule(m, text, n, " ", 1);
    }
}

/* Bytes of the first character of text. */
static size_t width(const char *text)
{
    uint32_t cp;
    return utf8_decode(text, strlen(text), &cp);
}

static void rules(map *m)
{
    for (char c = 'A'; c <= 'Z'; c++) rule(m, &c, 1, (const char[]){(char)(c + 32)}, 1);
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        for (const char *c = letters[i].from; *c; c += width(c)) rule(m, c, width(c), &letters[i].to, 1);
        for (const char *c = capitals[i].from; *c; c += width(c)) rule(m, c, width(c), &capitals[i].to, 1);
    }
    for (const char *c = parting; *c; c += width(c)) rule(m, c, width(c), " ", 1);
    for (unsigned c = '!'; c <= '~'; c++) { /* full-width forms, U+FF01..FF5E */
        unsigned code = 0xFF01 + c - '!';
        const char wide[] = {(char)0xEF, (char)(0x80 | (code >> 6 & 63)), (char)(0x80 | (code & 63))};
        int word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '&';
        char plain = word ? (char)(c >= 'A' && c <= 'Z' ? c + 32 : c) : ' ';
        rule(m, wide, sizeof wide, &plain, 1);
    }
    for (const char *c = simplified; *c;) {
        const char *to = c + width(c);
        rule_apart(m, c, width(c), to, width(to));
        c = to + width(to);
    }
    rule_range(m, 0x4E00, 0x9FFF, 1);   /* Chinese characters */
    rule_range(m, 0x2600, 0x27BF, 0);   /* symbols, notes among them */
    rule_range(m, 0x1F000, 0x1FAFF, 0); /* emoji; behind them, what joins and varies them */
    rule_range(m, 0x200D, 0x200D, 0);
    rule_range(m, 0xFE0E, 0xFE0F, 0);
}

static int grow_units(map *m, size_t wanted)
{
    if (wanted <= m->unit_count) return 1;
    size_t count = (wanted / 256 + 1) * 256;
    uint32_t *units = realloc(m->units, count * sizeof *units);
    if (units) m->units = units;
    unsigned char *based = realloc(m->based, count);
    if (based) m->based = based;
    if (!units || !based) {
        m->failed = 1;
        return 0;
    }
    for (size_t i = m->unit_count; i < count; i++) units[i] = leaf; /* free: no byte leads there */
    memset(based + m->unit_count, 0, count - m->unit_count);
    m->unit_count = count;
    return 1;
}

static int is_free(const map *m, uint32_t at)
{
    return at > 0 && m->units[at] == leaf;
}

/* Places the children of a node around the first base where all have room, and theirs after them. */
static void place(map *m, int n)
{
    const node *all = m->nodes;
    while (m->lowest < m->unit_count && m->based[m->lowest]) m->lowest++;
    for (uint32_t base = m->lowest ? m->lowest : 1; !m->failed; base++) {
        if (!grow_units(m, (base | 255) + 1) || m->based[base]) continue;
        int fits = all[n].value < 0 || is_free(m, base);
        for (int c = all[n].child; c && fits; c = all[c].next) fits = is_free(m, base ^ all[c].byte);
        if (!fits) continue;
        m->based[base] = 1;
        m->units[all[n].at] |= (all[n].at ^ base) << 10;
        if (all[n].value >= 0) {
            m->units[all[n].at] |= ends;
            m->units[base] = leaf | (uint32_t)all[n].value;
        }
        for (int c = all[n].child; c; c = all[c].next) {
            m->nodes[c].at = base ^ all[c].byte;
            m->units[m->nodes[c].at] = all[c].byte;
        }
        for (int c = all[n].child; c; c = all[c].next) place(m, c);
        return;
    }
}

static void put32(unsigned char *to, uint32_t v)
{
    for (int i = 0; i < 4; i++) to[i] = (unsigned char)(v >> 8 * i);
}

drgen_status nano_charmap(unsigned char **out, size_t *size, drgen_err *err)
{
    map m = {0};
    *out = NULL;
    new_node(&m, 0);
    pool_add(&m, "", 0); /* so that no rule's text has place 0, which would look like a free unit */
    if (!m.failed) rules(&m);
    if (!m.failed && grow_units(&m, 256)) {
        m.units[0] = 0;
        place(&m, 0);
    }
    if (!m.failed) *out = malloc(*size = 4 + 4 * m.unit_count + m.pool_size);
    if (*out) {
        put32(*out, (uint32_t)(4 * m.unit_count));
        for (size_t i = 0; i < m.unit_count; i++) put32(*out + 4 + 4 * i, m.units[i]);
        memcpy(*out + 4 + 4 * m.unit_count, m.pool, m.pool_size);
    }
    free(m.nodes), free(m.pool), free(m.units), free(m.based);
    return *out ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "character map: out of memory");
}
