/* flow.c - see flow.h. */
#include "train/flow.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"

enum { DRAW_SPAN = 1 << 20, DRAW_DROP }; /* streams beside those of the songs */

uint64_t flow_seed(uint64_t key, size_t i)
{
    uint64_t state = key ^ (uint64_t)(i + 1) * 0xD6E8FEB86659FD93u;
    return rng_split(&state) >> 32; /* torch's generator takes 32 bits */
}

static float early(double u, uint64_t *state)
{
    double v = rng_unit(state);
    return (float)(v < 0.35 ? 0.15 * u : v < 0.7 ? 1.0 - cos(1.57079632679489662 * u) : u);
}

/* Noise of every song, and its time unless that is fixed. The time is drawn first, as one number. */
static void draw_noise(flow_batch *b, uint64_t key, int with_time)
{
    size_t count = b->frames * b->mel;
    rng_torch rng;
    for (size_t s = 0; s < b->songs; s++) {
        float normal;
        rng_torch_seed(&rng, flow_seed(key, s));
        rng_torch_normal(&rng, &normal, 1);
        if (with_time) b->t[s] = (float)(1.0 / (1.0 + exp(-(double)normal)));
        rng_torch_normal(&rng, b->noise + s * count, count);
    }
}

static void mix(flow_batch *b)
{
    size_t count = b->frames * b->mel;
    for (size_t s = 0; s < b->songs; s++)
        for (size_t i = s * count; i < (s + 1) * count; i++)
            b->x[i] = (1.0f - b->t[s]) * b->noise[i] + b->t[s] * b->latent[i];
}

/* What is shown of the data: all of a song's real frames outside [from, to). */
static void show(flow_batch *b, size_t s)
{
    size_t row = b->mel, base = s * b->frames * row, from = b->from[s] * row, to = b->to[s] * row,
           end = b->length[s] * row;
    memcpy(b->cond + base, b->latent + base, from * sizeof *b->cond);
    memcpy(b->cond + base + to, b->latent + base + to, (end - to) * sizeof *b->cond);
}

static void drop(flow_batch *b, const flow_how *how, uint64_t key)
{
    uint64_t state = key ^ (uint64_t)DRAW_DROP * 0x9E3779B97F4A7C15u;
    int cond = rng_unit(&state) < how->drop_cond, text = rng_unit(&state) < how->drop_text,
        style = rng_unit(&state) < how->drop_style;
    if (cond) memset(b->cond, 0, b->songs * b->frames * b->mel * sizeof *b->cond);
    if (text) memset(b->text, 0, b->songs * b->frames * sizeof *b->text);
    if (style) memset(b->style, 0, b->songs * b->style_dim * sizeof *b->style);
    for (size_t s = 0; s < b->songs; s++) {
        if (!(rng_unit(&state) < how->drop_prompt)) continue;
        memset(b->text + s * b->frames, 0, b->frames * sizeof *b->text);
        if (how->negative) memcpy(b->style + s * b->style_dim, how->negative, b->style_dim * sizeof *b->style);
        else memset(b->style + s * b->style_dim, 0, b->style_dim * sizeof *b->style);
    }
}

void flow_draw(flow_batch *b, const flow_how *how, uint64_t key)
{
    uint64_t state = key ^ (uint64_t)DRAW_SPAN * 0x9E3779B97F4A7C15u;
    draw_noise(b, key, 1);
    double shift = rng_unit(&state);
    for (size_t s = 0; s < b->songs && how->time == FLOW_EARLY; s++)
        b->t[s] = early(((double)s + shift) / (double)b->songs, &state);
    mix(b);
    memset(b->cond, 0, b->songs * b->frames * b->mel * sizeof *b->cond);
    for (size_t s = 0; s < b->songs; s++) {
        b->from[s] = 0;
        b->to[s] = b->length[s];
        double share = 0.7 + 0.3 * rng_unit(&state), place = rng_unit(&state);
        if (!how->span) continue;
        size_t hidden = (size_t)(share * (double)b->length[s]);
        if (hidden == 0) hidden = 1;
        b->from[s] = (size_t)((double)(b->length[s] - hidden) * place);
        b->to[s] = b->from[s] + hidden;
        show(b, s);
    }
    drop(b, how, key);
}

void flow_fix(flow_batch *b, uint64_t key, size_t first, size_t all, double time)
{
    for (size_t s = 0; s < b->songs; s++) {
        b->t[s] = time < 0 ? ((float)(first + s) + 0.5f) / (float)all : (float)time;
        b->from[s] = 0;
        b->to[s] = b->length[s];
    }
    draw_noise(b, key, 0);
    mix(b);
    memset(b->cond, 0, b->songs * b->frames * b->mel * sizeof *b->cond);
}

double flow_loss(const flow_batch *b, const float *v, float *dv, double weight)
{
    size_t count = b->frames * b->mel, judged = 0;
    double sum = 0;
    for (size_t s = 0; s < b->songs; s++) judged += (b->to[s] - b->from[s]) * b->mel;
    float slope = (float)(2.0 * weight / (double)judged);
    for (size_t s = 0; s < b->songs; s++)
        for (size_t t = 0; t < b->frames; t++) {
            size_t at = s * count + t * b->mel;
            int counts = t >= b->from[s] && t < b->to[s];
            float row = 0; /* of 64 squares: float32 is enough, the sum over rows is not */
            for (size_t i = at; i < at + b->mel; i++) {
                float d = counts ? v[i] - (b->latent[i] - b->noise[i]) : 0;
                row += d * d;
                if (dv) dv[i] = slope * d;
            }
            sum += (double)row;
        }
    return sum / (double)judged;
}
