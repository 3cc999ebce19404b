/* loudness_meter.c - the streaming meter of loudness.h. Sound is filtered in pieces that end wherever one of the
 * windows begins or ends: on 100 ms cells, on 10 ms hops k, and at k - 400 ms and k - 3 s where these fall between
 * hops. A piece is always filtered whole, so that figures do not depend on how the sound arrives. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/loudness.h"
#include "dsp/loudness_range.h"

enum { RING = 1024, WINDOWS = 2, MOMENTARY = 0, SHORT_TERM = 1, RESUM = 64 };

typedef struct {
    size_t end; /* frame after the piece */
    double energy;
} piece;

/* A sliding window over the ring: pieces oldest..newest of which sum is the energy. */
typedef struct {
    size_t frames, oldest;
    double sum, largest; /* largest: of whole windows that end on a hop; 0 before there is one */
    int whole;           /* 1 after the first */
} window;

struct loudness_meter {
    int rate, channels;
    const kern_table *kern;
    kern_iir4 filter;
    double weight[SOUND_MAX_CHANNELS], state[SOUND_MAX_CHANNELS][8], open_cell[SOUND_MAX_CHANNELS];
    size_t cell_frames, hop_frames;
    size_t at, piece_frames;  /* frames filtered; length of the next piece */
    float *held;              /* [channels][hop_frames]: the beginning of a piece */
    size_t held_frames;
    piece ring[RING];
    size_t pieces;            /* made so far; number p is ring[p % RING] */
    window windows[WINDOWS];
    double *cells[SOUND_MAX_CHANNELS]; /* mean squares of whole cells, unweighted */
    size_t cell_count, cell_room;
};

/* Frames to the next place after `at` where at % step == rest. */
static size_t to_next(size_t at, size_t step, size_t rest)
{
    size_t now = at % step;
    return now < rest ? rest - now : step - now + rest;
}

static void plan_piece(loudness_meter *m)
{
    size_t hop = m->hop_frames, n = to_next(m->at, m->cell_frames, 0), k = to_next(m->at, hop, 0);
    if (k < n) n = k;
    for (int i = 0; i < WINDOWS; i++) {
        k = to_next(m->at, hop, (hop - m->windows[i].frames % hop) % hop);
        if (k < n) n = k;
    }
    m->piece_frames = n;
}

drgen_status loudness_open(loudness_meter **out, int rate, int channels, const kern_table *kern, drgen_err *err)
{
    *out = NULL;
    if (rate < LOUDNESS_MIN_RATE || rate > LOUDNESS_MAX_RATE)
        return err_fail(err, DRGEN_ERR_ARG, "loudness: a rate of %d..%d Hz is wanted, not %d", LOUDNESS_MIN_RATE,
                        LOUDNESS_MAX_RATE, rate);
    if (channels < 1 || channels > SOUND_MAX_CHANNELS)
        return err_fail(err, DRGEN_ERR_ARG, "loudness: 1..%d channels are wanted, not %d", SOUND_MAX_CHANNELS,
                        channels);
    loudness_meter *m = calloc(1, sizeof *m);
    size_t hop = (size_t)rate / 100;
    if (m) m->held = malloc((size_t)channels * hop * sizeof *m->held);
    if (!m || !m->held) {
        free(m);
        return err_fail(err, DRGEN_ERR_NOMEM, "loudness: out of memory for a meter");
    }
    m->rate = rate;
    m->channels = channels;
    m->kern = kern;
    m->cell_frames = loudness_cell_frames(rate);
    m->hop_frames = hop;
    m->windows[MOMENTARY].frames = 4 * m->cell_frames;
    m->windows[SHORT_TERM].frames = 30 * m->cell_frames;
    for (int c = 0; c < channels; c++) m->weight[c] = loudness_channel_weight(channels, c);
    loudness_filter_init(&m->filter, rate);
    plan_piece(m);
    *out = m;
    return DRGEN_OK;
}

void loudness_close(loudness_meter *m)
{
    if (!m) return;
    for (int c = 0; c < m->channels; c++) free(m->cells[c]);
    free(m->held);
    free(m);
}

/* The window after a new piece. Its end is a piece's end, and so is its beginning, when it ends on a hop. */
static void slide(loudness_meter *m, window *w, double energy)
{
    w->sum += energy;
    if (m->at % m->hop_frames || m->at < w->frames) return;
    while (m->ring[w->oldest % RING].end <= m->at - w->frames) w->sum -= m->ring[w->oldest++ % RING].energy;
    if (m->at / m->hop_frames % RESUM == 0) { /* what additions and subtractions have rounded away does not pile up */
        w->sum = 0;
        for (size_t p = w->oldest; p < m->pieces; p++) w->sum += m->ring[p % RING].energy;
    }
    w->largest = fmax(w->largest, w->sum);
    w->whole = 1;
}

static drgen_status room_for_cell(loudness_meter *m, drgen_err *err)
{
    if (m->cell_count < m->cell_room) return DRGEN_OK;
    size_t room = m->cell_room ? 2 * m->cell_room : 1024;
    for (int c = 0; c < m->channels; c++) {
        double *grown = realloc(m->cells[c], room * sizeof *grown);
        if (!grown) return err_fail(err, DRGEN_ERR_NOMEM, "loudness: out of memory for %zu cells of 100 ms", room);
        m->cells[c] = grown;
    }
    m->cell_room = room;
    return DRGEN_OK;
}

/* Filters the planned piece, which starts at x[c]. There is room for a cell. */
static void take_piece(loudness_meter *m, const float *const *x)
{
    size_t n = m->piece_frames;
    double energy = 0;
    for (int c = 0; c < m->channels; c++) {
        double e = loudness_energy(&m->filter, m->state[c], x[c], NULL, n, m->kern);
        m->open_cell[c] += e;
        energy += m->weight[c] * e;
    }
    m->at += n;
    m->ring[m->pieces++ % RING] = (piece){m->at, energy};
    for (int i = 0; i < WINDOWS; i++) slide(m, &m->windows[i], energy);
    if (m->at % m->cell_frames == 0) {
        for (int c = 0; c < m->channels; c++) {
            m->cells[c][m->cell_count] = m->open_cell[c] / (double)m->cell_frames;
            m->open_cell[c] = 0;
        }
        m->cell_count++;
    }
    plan_piece(m);
}

drgen_status loudness_feed(loudness_meter *m, const float *const *channel, size_t frames, drgen_err *err)
{
    const float *x[SOUND_MAX_CHANNELS];
    for (size_t done = 0; done < frames;) {
        size_t n = m->piece_frames - m->held_frames, left = frames - done;
        ERR_TRY(room_for_cell(m, err));
        if (m->held_frames || left < n) {
            if (left < n) n = left;
            for (int c = 0; c < m->channels; c++) {
                float *row = m->held + (size_t)c * m->hop_frames;
                memcpy(row + m->held_frames, channel[c] + done, n * sizeof *row);
                x[c] = row;
            }
            m->held_frames += n;
            if (m->held_frames == m->piece_frames) {
                m->held_frames = 0;
                take_piece(m, x);
            }
        } else {
            for (int c = 0; c < m->channels; c++) x[c] = channel[c] + done;
            take_piece(m, x);
        }
        done += n;
    }
    return DRGEN_OK;
}

static double window_level(const window *w)
{
    return w->whole ? loudness_of_energy(w->largest / (double)w->frames) : -INFINITY;
}

double loudness_max_momentary(const loudness_meter *m)
{
    return window_level(&m->windows[MOMENTARY]);
}

double loudness_max_short_term(const loudness_meter *m)
{
    return window_level(&m->windows[SHORT_TERM]);
}

size_t loudness_cell_count(const loudness_meter *m)
{
    return m->cell_count;
}

double loudness_cell(const loudness_meter *m, size_t i)
{
    double e = 0;
    for (int c = 0; c < m->channels; c++) e += m->weight[c] * m->cells[c][i];
    return e;
}

drgen_status loudness_read(const loudness_meter *m, loudness_figures *out, drgen_err *err)
{
    size_t n = m->cell_count;
    double *cell = malloc((2 * n + 1) * sizeof *cell);
    if (!cell) return err_fail(err, DRGEN_ERR_NOMEM, "loudness: out of memory for %zu cells of 100 ms", 2 * n);
    for (size_t i = 0; i < n; i++) cell[i] = loudness_cell(m, i);
    out->integrated = loudness_integrate(cell, n, 1, &out->relative_gate);
    out->max_momentary = loudness_max_momentary(m);
    out->max_short_term = loudness_max_short_term(m);
    out->range = loudness_range_of(cell, n, 1, cell + n);
    out->range_1s_hop = loudness_range_of(cell, n, 10, cell + n);
    free(cell);
    return DRGEN_OK;
}

double loudness_read_channel(const loudness_meter *m, int channel)
{
    return m->cell_count ? loudness_integrate(m->cells[channel], m->cell_count, 1, NULL) : -INFINITY;
}

size_t loudness_series(const loudness_meter *m, float *out, size_t room)
{
    enum { BLOCK = 30 };
    for (size_t i = 0; i < m->cell_count && i < room; i++) {
        double e = 0;
        for (size_t k = 0; k < BLOCK && i + 1 >= BLOCK; k++) e += loudness_cell(m, i + 1 - BLOCK + k);
        out[i] = (float)loudness_of_energy(e / BLOCK);
    }
    return m->cell_count;
}

drgen_status loudness_measure(loudness_figures *out, const sound *x, const kern_table *kern, drgen_err *err)
{
    loudness_meter *m = NULL;
    ERR_TRY(loudness_open(&m, x->rate, x->channels, kern, err));
    drgen_status status = loudness_feed(m, (const float *const *)x->channel, x->frames, err);
    if (status == DRGEN_OK) status = loudness_read(m, out, err);
    loudness_close(m);
    return status;
}
