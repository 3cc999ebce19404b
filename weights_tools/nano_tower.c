/* nano_tower.c - tokenizer and text tower of the embedded model as files: see nano.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "io/safetensors.h"
#include "weights_tools/nano.h"

/* ---- tokenizer.model: protobuf, spec xlmr_tokenizer.md section 1 */

enum { VARINT, BYTES = 2, FIXED32 = 5 };
enum { NORMAL = 1, UNKNOWN, CONTROL }; /* piece types */

typedef struct {
    unsigned char *data;
    size_t size, room;
    int failed;
} bytes;

static void put(bytes *b, const void *data, size_t size)
{
    if (b->room - b->size < size) {
        size_t room = 2 * b->room + size + 4096;
        unsigned char *grown = b->failed ? NULL : realloc(b->data, room);
        if (!grown) {
            b->failed = 1;
            return;
        }
        b->data = grown;
        b->room = room;
    }
    memcpy(b->data + b->size, data, size);
    b->size += size;
}

static void put_varint(bytes *b, uint64_t v)
{
    for (; v >= 128; v >>= 7) put(b, &(unsigned char){(unsigned char)(v | 128)}, 1);
    put(b, &(unsigned char){(unsigned char)v}, 1);
}

static void put_key(bytes *b, unsigned number, unsigned kind)
{
    put_varint(b, number << 3 | kind);
}

static void put_bytes(bytes *b, unsigned number, const void *data, size_t size)
{
    put_key(b, number, BYTES);
    put_varint(b, size);
    put(b, data, size);
}

static void put_number(bytes *b, unsigned number, uint64_t v)
{
    put_key(b, number, VARINT);
    put_varint(b, v);
}

/* All pieces score alike: what covers most of a text in fewest pieces wins, since every character that is in none costs
 * the lowest score and ten more (spm.c). So the longest words win over those in them. */
static void put_piece(bytes *to, const char *text, unsigned type)
{
    bytes b = {0};
    uint32_t bits;
    float score = type == NORMAL ? -1.0f : 0.0f;
    memcpy(&bits, &score, sizeof bits);
    const unsigned char little[4] = {(unsigned char)bits, (unsigned char)(bits >> 8), (unsigned char)(bits >> 16),
                                     (unsigned char)(bits >> 24)};
    put_bytes(&b, 1, text, strlen(text));
    put_key(&b, 2, FIXED32);
    put(&b, little, sizeof little);
    put_number(&b, 3, type);
    if (b.failed) to->failed = 1;
    else put_bytes(to, 1, b.data, b.size);
    free(b.data);
}

static void put_settings(bytes *to, const unsigned char *map, size_t map_size)
{
    bytes trainer = {0}, normalizer = {0};
    put_number(&trainer, 3, 1); /* unigram */
    put_bytes(&normalizer, 1, "drgen", 5);
    put_bytes(&normalizer, 2, map, map_size);
    for (unsigned i = 3; i <= 5; i++) put_number(&normalizer, i, 1); /* a blank in front, no more than one, as marks */
    put_bytes(to, 2, trainer.data, trainer.size);
    put_bytes(to, 3, normalizer.data, normalizer.size);
    to->failed |= trainer.failed | normalizer.failed;
    free(trainer.data);
    free(normalizer.data);
}

drgen_status nano_write_tokenizer(const char *path, const nano_vocab *v, drgen_err *err)
{
    unsigned char *map = NULL;
    size_t map_size = 0;
    bytes b = {0};
    file_writer w;
    ERR_TRY(nano_charmap(&map, &map_size, err));
    put_piece(&b, "<unk>", UNKNOWN);
    put_piece(&b, "<s>", CONTROL);
    put_piece(&b, "</s>", CONTROL);
    for (size_t i = 0; i < v->count; i++) put_piece(&b, v->pieces[i].text, NORMAL);
    put_settings(&b, map, map_size);
    drgen_status status = b.failed ? err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", path) : file_begin(&w, path, err);
    if (status == DRGEN_OK) {
        status = file_put(&w, b.data, b.size, err);
        if (status == DRGEN_OK) status = file_commit(&w, err);
        else file_abort(&w);
    }
    free(map);
    free(b.data);
    return status;
}

/* ---- mulan.safetensors */

enum {
    SPARE = 3,                      /* columns that make rows alike */
    WIDTH = WORDS_COUNT + SPARE,
    FIRST_ID = 4,                   /* of the pieces, after <s> <pad> </s> <unk>; <mask> behind them */
    POSITIONS = 514
};
static const double square = 16;         /* of a row's length */
static const double eps = 1e-5;
static const float usual = 1e-4f;        /* what of every prompt is the usual song: all of it when nothing else is heard */

/* A row of the word table: the shares, and two numbers that bring its sum to 0 and its square to `square`. The last takes
 * what their rounding leaves of the sum. 0 when the shares are too many for that. */
static int fill_row(const float share[WORDS_COUNT], uint16_t row[WIDTH])
{
    double sum = 0, squares = 0, rounded = 0;
    for (int i = 0; i < WORDS_COUNT; i++) {
        row[i] = half_to_f16(share[i]);
        double v = (double)half_from_f16(row[i]);
        sum += v;
        squares += v * v;
    }
    double d = (square - squares) / 2 - sum * sum / 4;
    if (d < 0) return 0;
    row[WORDS_COUNT] = half_to_f16((float)(-sum / 2 + sqrt(d)));
    row[WORDS_COUNT + 1] = half_to_f16((float)(-sum / 2 - sqrt(d)));
    for (int i = 0; i < WORDS_COUNT + 2; i++) rounded += (double)half_from_f16(row[i]);
    row[WORDS_COUNT + 2] = half_to_f16((float)-rounded);
    return 1;
}

static int means_nothing(const nano_piece *p)
{
    for (int i = 0; i < WORDS_COUNT; i++)
        if (p->share[i] < 0 || p->share[i] > 0) return 0;
    return 1;
}

/* table [vocab, WIDTH], zeros. <s> carries the usual song: Pop, Happy. */
static drgen_status fill_table(uint16_t *table, const nano_vocab *v, drgen_err *err)
{
    words w;
    float start[WORDS_COUNT] = {0};
    words_find("Pop, Happy", &w);
    for (size_t i = 0; i < w.count; i++) start[w.id[i]] = usual;
    fill_row(start, table);
    for (size_t i = 0; i < v->count; i++)
        if (!means_nothing(&v->pieces[i]) && !fill_row(v->pieces[i].share, table + (FIRST_ID + i) * WIDTH))
            return err_fail(err, DRGEN_ERR_ARG, "synonyms: \"%.60s\" means too many things", v->pieces[i].text);
    return DRGEN_OK;
}

/* The style of each column: the keywords' rows turned, nothing for the spare ones. */
static void fill_projection(float *latents, float *rows)
{
    words_table(rows);
    memset(latents, 0, WORDS_STYLE * WIDTH * sizeof *latents);
    for (size_t k = 0; k < WORDS_STYLE; k++)
        for (size_t i = 0; i < WORDS_COUNT; i++) latents[k * WIDTH + i] = rows[i * WORDS_STYLE + k];
}

typedef struct {
    const char *name;
    st_type type;
    size_t shape[2];
    int dims;
    const void *data;
} tensor;

static drgen_status write_tensors(const char *path, const tensor *t, size_t count, drgen_err *err)
{
    st_writer *w = NULL;
    ERR_TRY(st_create(&w, path, err));
    drgen_status status = st_set_metadata(w, "source", "made by formula", err);
    for (size_t i = 0; i < count && status == DRGEN_OK; i++)
        status = st_declare(w, t[i].name, t[i].type, t[i].shape, t[i].dims, err);
    for (size_t i = 0; i < count && status == DRGEN_OK; i++)
        status = st_put(w, t[i].data, t[i].shape[0] * (t[i].dims > 1 ? t[i].shape[1] : 1) * st_type_size(t[i].type), err);
    if (status == DRGEN_OK) return st_finish(w, err);
    st_cancel(w);
    return status;
}

drgen_status nano_write_tower(const char *path, const nano_vocab *v, mulan_text_cfg *cfg, drgen_err *err)
{
    size_t vocab = FIRST_ID + v->count + 1;
    *cfg = (mulan_text_cfg){.vocab_size = (int)vocab, .hidden_size = WIDTH, .heads = 1, .intermediate_size = 1,
                            .positions = POSITIONS, .layer_norm_eps = eps, .tf_dim = WIDTH, .tf_heads = 1, .tf_dim_head = 1,
                            .tf_inner = 1, .dim_latent = WORDS_STYLE};
    uint16_t *table = calloc(vocab * WIDTH, sizeof *table), *zeros = calloc(POSITIONS * (size_t)WIDTH, sizeof *zeros);
    float *latents = malloc(sizeof(float) * WORDS_STYLE * WIDTH), norm[WIDTH];
    float *rows = malloc(sizeof(float) * (WORDS_COUNT + 1) * WORDS_STYLE);
    drgen_status status = table && zeros && latents && rows ? DRGEN_OK
                                                            : err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", path);
    if (status == DRGEN_OK) status = fill_table(table, v, err);
    if (status == DRGEN_OK) {
        fill_projection(latents, rows);
        /* Zeros of half precision are zeros of any type. */
        for (size_t i = 0; i < WIDTH; i++) norm[i] = (float)sqrt(square / WIDTH + eps); /* undoes the division by it */
        const tensor list[] = {
            {"mulan.text.model.embeddings.LayerNorm.weight", ST_F32, {WIDTH}, 1, norm},
            {"mulan.text.model.embeddings.LayerNorm.bias", ST_F32, {WIDTH}, 1, zeros},
            {"mulan.text_to_latents.weight", ST_F32, {WORDS_STYLE, WIDTH}, 2, latents},
            {"mulan.text_to_latents.bias", ST_F32, {WORDS_STYLE}, 1, zeros},
            {"mulan.text.model.embeddings.word_embeddings.weight", ST_F16, {vocab, WIDTH}, 2, table},
            {"mulan.text.model.embeddings.position_embeddings.weight", ST_F16, {POSITIONS, WIDTH}, 2, zeros},
            {"mulan.text.model.embeddings.token_type_embeddings.weight", ST_F16, {1, WIDTH}, 2, zeros},
        };
        status = write_tensors(path, list, sizeof list / sizeof *list, err);
    }
    free(table), free(zeros), free(latents), free(rows);
    return status;
}
