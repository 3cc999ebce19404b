/* test_png.c - what png_encode writes is read again by another decoder; sizes, sums, errors. */
#include <stdlib.h>

#include "dsp/noise.h"
#include "dsp/png.h"
#include "tests/unit/png_read.h"
#include "tests/t.h"

typedef struct {
    uint8_t palette[256][3];
    png_image image;
    uint8_t *pixel;
} picture_case;

static void make(picture_case *p, size_t width, size_t height, int colours)
{
    p->pixel = calloc(width * height, 1);
    for (int i = 0; i < 256; i++)
        for (int k = 0; k < 3; k++) p->palette[i][k] = (uint8_t)(i * (k + 1) + k);
    p->image = (png_image){p->pixel, width, height, (const uint8_t(*)[3])p->palette, colours};
}

/* Encodes, decodes and compares; the file's size. */
static size_t round_trip(const picture_case *p, const char *what)
{
    unsigned char *file = NULL;
    size_t size = 0;
    drgen_err err = {0};
    CHECKF(png_encode(&p->image, &file, &size, &err) == DRGEN_OK, "%s: %s", what, err.message);
    if (!file) return 0;
    png_read got = png_read_file(file, size);
    CHECKF(got.pixel, "%s, %zu x %zu: %s", what, p->image.width, p->image.height, got.why ? got.why : "");
    if (got.pixel) {
        CHECK(got.width == p->image.width && got.height == p->image.height && got.colours == p->image.colours);
        CHECK(memcmp(got.palette, p->palette, 3 * (size_t)got.colours) == 0);
        CHECKF(memcmp(got.pixel, p->pixel, got.width * got.height) == 0, "%s: other pixels", what);
    }
    png_read_free(&got);
    free(file);
    return size;
}

static uint8_t random_byte(uint64_t seed, uint64_t i)
{
    return (uint8_t)((noise_uniform(seed, i) + 1) * 127.99);
}

TEST(png_round_trips)
{
    static const size_t sides[][2] = {{1, 1}, {1, 500}, {500, 1}, {7, 3}, {257, 129}, {1200, 60}};
    for (size_t i = 0; i < COUNT(sides); i++) {
        picture_case p;
        size_t count = sides[i][0] * sides[i][1];
        make(&p, sides[i][0], sides[i][1], 256);
        round_trip(&p, "flat");
        for (size_t k = 0; k < count; k++) p.pixel[k] = random_byte(t_seed + i, k);
        round_trip(&p, "noise");
        for (size_t k = 0; k < count; k++) p.pixel[k] = random_byte(t_seed + i, k) & 1 ? 255 : 0;
        round_trip(&p, "two colours");
        for (size_t k = 0; k < count; k++) p.pixel[k] = (uint8_t)(k % 37 + (k / 1000) * 3);
        round_trip(&p, "pattern");
        for (size_t k = 0; k < count; k++) p.pixel[k] = random_byte(t_seed, k % 40000) % 200; /* beyond the window */
        round_trip(&p, "repeat");
        free(p.pixel);
    }
}

TEST(png_runs_and_distances)
{
    /* runs of every length up to and past the longest match, each preceded by something new */
    picture_case p;
    make(&p, 600, 600, 256);
    for (size_t y = 0; y < 600; y++)
        for (size_t x = 0; x < 600; x++) p.pixel[y * 600 + x] = x < y ? (uint8_t)(y % 251) : random_byte(y, x);
    round_trip(&p, "runs");
    for (size_t y = 0; y < 600; y++) /* the same 80 pixels again after ever longer gaps */
        for (size_t x = 0; x < 600; x++) p.pixel[y * 600 + x] = x >= y && x < y + 80 ? (uint8_t)(x - y) : (uint8_t)y;
    round_trip(&p, "gaps");
    free(p.pixel);
}

TEST(png_is_small_where_it_can_be)
{
    picture_case p;
    make(&p, 1200, 600, 16);
    for (size_t i = 0; i < 1200 * 600; i++) p.pixel[i] = (uint8_t)(i / 1200 / 100);
    CHECK(round_trip(&p, "stripes") < 12000);
    free(p.pixel);
}

TEST(png_refuses)
{
    unsigned char *file = NULL;
    size_t size = 0;
    picture_case p;
    make(&p, 4, 4, 4);
    p.pixel[5] = 4;
    drgen_err err = {0};
    CHECK(png_encode(&p.image, &file, &size, &err) == DRGEN_ERR_ARG && !file);
    CHECK(strstr(err.message, "pixel 5") != NULL);
    static const struct {
        size_t width, height;
        int colours;
    } bad[] = {{0, 4, 4}, {4, 0, 4}, {PNG_MAX_SIDE + 1, 1, 4}, {4, 4, 0}, {4, 4, 257}, {4, (size_t)-1, 4}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        png_image image = {p.pixel, bad[i].width, bad[i].height, (const uint8_t(*)[3])p.palette, bad[i].colours};
        err = (drgen_err){0};
        CHECKF(png_encode(&image, &file, &size, &err) == DRGEN_ERR_ARG && !file && err.message[0], "case %zu", i);
    }
    free(p.pixel);
}

TEST(png_reader_notices_damage)
{
    /* the decoder that judges the encoder must itself be strict: one changed byte anywhere is seen */
    picture_case p;
    make(&p, 30, 20, 256);
    for (size_t k = 0; k < 600; k++) p.pixel[k] = (uint8_t)(k / 3);
    unsigned char *file = NULL;
    size_t size = 0;
    CHECK(png_encode(&p.image, &file, &size, NULL) == DRGEN_OK);
    for (size_t i = 0; i < size; i++) {
        file[i] ^= 0x10;
        png_read got = png_read_file(file, i >= 16 && i < 24 ? 0 : size); /* not with absurd sides */
        CHECKF(!got.pixel, "byte %zu changed unseen", i);
        png_read_free(&got);
        file[i] ^= 0x10;
    }
    free(file);
    free(p.pixel);
}
