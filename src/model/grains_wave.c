/* grains_wave.c - drums, plucked and held notes, voices as sums of partials and shaped noise. Onset notes (drums, bass,
 * keys, guitar) run over up to four frames, one grain each; held ones are one grain of whole periods, so that frames add up
 * in phase. Source: spec nano.md sections 1 and 2. */
#include "model/grains_wave.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

enum {
    KICK, SNARE, CLAP, HAT, OPEN_HAT, SHAKER, TOM, CRASH,
    BASS, KEYS = 15, GUITAR = 25, STRINGS = 35, SYNTH = 40, LEAD_AH = 45, LEAD_EE = 53, SIBILANT = 61, PLOSIVE, NASAL
};
enum { NOTE = 9216 /* samples of an onset note: four frames and the last one's way out */, LEAD_IN = 1024, CHORD = 5 };
enum { KEYS_PARTIALS = 6, GUITAR_PARTIALS = 13, BASS_PARTIALS = 8, STRINGS_PARTIALS = 6, SYNTH_PARTIALS = 9 };

static const double pi = 3.14159265358979323846, rate = 44100;
static const double base = 44100.0 / GRAINS_HOP; /* Hz; pitches are multiples of it */

static const double bass_pitch[] = {3.75, 4, 4.5, 5, 5.625, 6, 6.75};
static const double pluck_pitch[] = {12, 13.5, 15, 16, 18, 20, 22.5, 24, 27, 30};
static const int lead_pitch[] = {10, 12, 15, 18, 20, 24, 27, 30};
static const int chords[][CHORD] = {{12, 24, 30, 36}, {16, 24, 32, 40}, {18, 27, 36, 45}, {20, 24, 30, 40},
                                    {15, 18, 30, 36, 45}}; /* C F G Am Em */

static int taps_of(int channel)
{
    if (channel == HAT || channel == SHAKER || channel >= STRINGS) return 1;
    return channel == CLAP ? 3 : 4;
}

void grains_list(grains_atom out[GRAINS_COUNT])
{
    for (int c = 0; c < GRAINS_CHANNELS; c++)
        for (int j = 0; j < taps_of(c); j++) *out++ = (grains_atom){c, j};
}

static double hann(int k)
{
    return 0.5 - 0.5 * cos(2 * pi * (k + 0.5) / GRAINS_SPAN);
}

/* ---- onset notes: NOTE samples from the attack on */

/* x += amplitude e^(-decay t) sin(2 pi hz t), by turning a complex number. */
static void partial(double *x, double amplitude, double hz, double decay)
{
    double fade = exp(-decay / rate), c = fade * cos(2 * pi * hz / rate), s = fade * sin(2 * pi * hz / rate);
    double re = amplitude, im = 0;
    for (int i = 0; i < NOTE; i++) {
        x[i] += im;
        double turned = re * c - im * s;
        im = re * s + im * c;
        re = turned;
    }
}

static void noise(double *x, float *raw, int count, const char *name)
{
    rng_synth(raw, 0, (size_t)count, name, 0, 1, 1);
    for (int i = 0; i < count; i++) x[i] = (double)raw[i];
}

/* x[n] - a x[n-1] */
static void high_pass(double *x, int count, double a)
{
    for (int i = count - 1; i > 0; i--) x[i] -= a * x[i - 1];
}

static void low_pass(double *x, int count, double a)
{
    double s = 0;
    for (int i = 0; i < count; i++) x[i] = s += a * (x[i] - s);
}

/* x *= gain e^(-decay t) */
static void fade_out(double *x, double gain, double decay)
{
    double fade = exp(-decay / rate);
    for (int i = 0; i < NOTE; i++, gain *= fade) x[i] *= gain;
}

/* x *= min(1, t / seconds) */
static void attack(double *x, double seconds)
{
    for (int i = 0; i < NOTE && i / rate < seconds; i++) x[i] *= i / rate / seconds;
}

/* A tone that falls from hz + drop to hz. */
static void thump(double *x, double gain, double hz, double drop, double speed, double decay)
{
    for (int i = 0; i < NOTE; i++) {
        double t = i / rate;
        x[i] += gain * sin(2 * pi * (hz * t + drop / speed * (1 - exp(-speed * t)))) * exp(-decay * t);
    }
}

/* Three bursts and a tail. */
static double clap_shape(double t)
{
    static const double starts[] = {0, 0.011, 0.021};
    double e = t >= 0.03 ? 0.9 * exp(-24 * (t - 0.03)) : 0;
    for (int i = 0; i < 3; i++)
        if (t >= starts[i]) e += exp(-160 * (t - starts[i]));
    return e;
}

/* Drums that are filtered noise with a decay. */
static const struct {
    const char *name;
    double filter[2], gain, decay, pan;
} noises[] = {[SNARE] = {"nano.snare", {0.6}, 0.5, 17, 0.05},      [HAT] = {"nano.hat", {0.95, 0.9}, 0.22, 70, 0.3},
              [OPEN_HAT] = {"nano.ohat", {0.95, 0.9}, 0.2, 14, 0.3}, [SHAKER] = {"nano.shk", {0.95}, 0.16, 55, -0.35},
              [CRASH] = {"nano.crash", {0.8}, 0.4, 7, -0.25}};

static double drum(double *x, float *raw, int channel)
{
    if (channel == KICK) {
        noise(x, raw, NOTE, "nano.click");
        fade_out(x, 0.25, 400);
        thump(x, 1, 46, 110, 30, 11);
        return 0;
    }
    if (channel == TOM) {
        memset(x, 0, NOTE * sizeof *x);
        thump(x, 0.6, 95, 60, 20, 12);
        return -0.2;
    }
    if (channel == CLAP) {
        noise(x, raw, NOTE, "nano.clap");
        low_pass(x, NOTE, 0.35);
        high_pass(x, NOTE, 0.85);
        for (int i = 0; i < NOTE; i++) x[i] *= 0.8 * clap_shape(i / rate);
        return -0.1;
    }
    noise(x, raw, NOTE, noises[channel].name);
    for (int i = 0; i < 2 && noises[channel].filter[i] > 0; i++) high_pass(x, NOTE, noises[channel].filter[i]);
    fade_out(x, noises[channel].gain, noises[channel].decay);
    if (channel == SNARE) partial(x, 0.45, 186, 28);
    if (channel == SHAKER) attack(x, 0.012);
    return noises[channel].pan;
}

/* Samples of an onset note; returns its place between left (-1) and right (1). raw: NOTE floats. */
static double note(double *x, float *raw, int channel)
{
    static const struct {
        int number;
        double amplitude;
    } keys[KEYS_PARTIALS] = {{1, 1}, {2, 0.5}, {3, 0.25}, {4, 0.18}, {5, 0.06}, {7, 0.04}};
    if (channel < BASS) return drum(x, raw, channel);
    memset(x, 0, NOTE * sizeof *x);
    if (channel < KEYS) {
        double hz = bass_pitch[channel - BASS] * base;
        for (int q = 1; q <= BASS_PARTIALS; q++) partial(x, 0.55 / pow(q, 1.3), hz * q, 5 + 6 * (q - 1));
        attack(x, 0.004);
        return 0;
    }
    if (channel < GUITAR) {
        double hz = pluck_pitch[channel - KEYS] * base;
        for (int i = 0; i < KEYS_PARTIALS; i++)
            partial(x, 0.2 * keys[i].amplitude, hz * keys[i].number, 6 + 4 * (keys[i].number - 1));
        attack(x, 0.003);
        return -0.3 + 0.06 * (channel - KEYS);
    }
    double hz = pluck_pitch[channel - GUITAR] * base;
    for (int q = 1; q <= GUITAR_PARTIALS; q++) partial(x, 0.2 * 1.6 * fabs(sin(q * 0.55)) / q, hz * q, 8 + 3 * (q - 1));
    attack(x, 0.002);
    return 0.35 - 0.05 * (channel - GUITAR);
}

/* The part of a note that falls into its frame `tap`: a sharp attack, then fades that add up to one. */
static void cut(float *grain, const double *x, int tap, double pan)
{
    for (int k = tap ? 0 : LEAD_IN; k < GRAINS_SPAN; k++) {
        double v = x[k - LEAD_IN + GRAINS_HOP * tap] * (tap == 0 && k < GRAINS_HOP ? 1 : hann(k));
        grain[k] = (float)(v * sqrt((1 - pan) / 2));
        grain[GRAINS_SPAN + k] = (float)(v * sqrt((1 + pan) / 2));
    }
}

/* ---- held sounds */

/* One period of the base, left and right, and a period of sine. */
typedef struct {
    double left[GRAINS_HOP], right[GRAINS_HOP], sine[GRAINS_HOP];
} period;

/* Adds amplitude sin(2 pi multiple base t + phase), t from the frame's own first sample. */
static void tone(period *p, int multiple, double amplitude, double phase, double pan)
{
    double left = amplitude * sqrt((1 - pan) / 2), right = amplitude * sqrt((1 + pan) / 2), c = cos(phase), s = sin(phase);
    unsigned at = 0;
    for (int k = 0; k < GRAINS_HOP; k++, at = (at + (unsigned)multiple) % GRAINS_HOP) {
        double v = c * p->sine[at] + s * p->sine[(at + GRAINS_HOP / 4) % GRAINS_HOP];
        p->left[k] += left * v;
        p->right[k] += right * v;
    }
}

static void pad(period *p, int channel)
{
    int synth = channel >= SYNTH;
    const int *chord = chords[(channel - STRINGS) % 5];
    for (int i = 0; i < CHORD && chord[i]; i++) {
        int pitch = chord[i];
        for (int q = 1; q <= (synth ? SYNTH_PARTIALS : STRINGS_PARTIALS); q++) {
            if (pitch * q * base > 6000) continue;
            double quiet = q == 5 || q == 7 || q == 9 ? 0.25 : 1;
            double amplitude = synth ? 0.06 / q * quiet : 0.075 / pow(q, 1.4);
            tone(p, pitch * q, amplitude, 1.7 * i + 0.9 * q * q, (-0.6 + 0.4 * i) * (q % 2 ? 1 : -1));
        }
    }
}

static void lead(period *p, int channel)
{
    enum { FORMANTS = 3 };
    static const struct {
        double hz, width, gain;
    } formants[2][FORMANTS] = {{{700, 110, 1}, {1150, 120, 0.6}, {2600, 180, 0.25}},
                               {{330, 70, 1}, {2100, 160, 0.45}, {2900, 200, 0.3}}};
    int vowel = channel >= LEAD_EE, pitch = lead_pitch[channel - (vowel ? LEAD_EE : LEAD_AH)];
    for (int q = 1; pitch * q * base <= 5500; q++) {
        double a = 0.25 / (q * q);
        for (int f = 0; f < FORMANTS; f++) {
            double off = (pitch * q * base - formants[vowel][f].hz) / (1.6 * formants[vowel][f].width);
            a += formants[vowel][f].gain / (1 + off * off);
        }
        tone(p, pitch * q, 0.34 * a / pow(q, 0.35), 0.6 * q * q, q % 2 ? 0.08 : -0.08);
    }
}

static void held(float *grain, period *p, int channel)
{
    memset(p->left, 0, sizeof p->left);
    memset(p->right, 0, sizeof p->right);
    if (channel < LEAD_AH) pad(p, channel);
    else lead(p, channel);
    for (int k = 0; k < GRAINS_SPAN; k++) {
        int at = (k + GRAINS_HOP - LEAD_IN) % GRAINS_HOP;
        grain[k] = (float)(hann(k) * p->left[at]);
        grain[GRAINS_SPAN + k] = (float)(hann(k) * p->right[at]);
    }
}

/* ---- consonants: one grain, in the middle */

static double bell(double t, double middle, double width)
{
    double d = (t - middle) / width;
    return exp(-d * d);
}

static void consonant(float *grain, double *x, float *raw, int channel)
{
    const double start = LEAD_IN / rate;
    if (channel != NASAL) noise(x, raw, GRAINS_SPAN, channel == SIBILANT ? "nano.sib" : "nano.plo");
    if (channel == SIBILANT) {
        high_pass(x, GRAINS_SPAN, 0.9);
        high_pass(x, GRAINS_SPAN, 0.7);
    } else if (channel == PLOSIVE) high_pass(x, GRAINS_SPAN, 0.3);
    for (int k = 0; k < GRAINS_SPAN; k++) {
        double t = k / rate, v;
        if (channel == SIBILANT) v = 0.16 * x[k] * bell(t, 0.035, 0.02);
        else if (channel == PLOSIVE) v = t > start ? 0.3 * x[k] * exp(-140 * (t - start)) : 0;
        else v = 0.08 * sin(2 * pi * 258.4 * t) * bell(t, 0.046, 0.025);
        grain[k] = grain[GRAINS_SPAN + k] = (float)(v * sqrt(0.5));
    }
}

/* ---- all */

drgen_status grains_render(float *out, drgen_err *err)
{
    double *x = malloc(NOTE * sizeof *x);
    float *raw = malloc(NOTE * sizeof *raw);
    period *p = malloc(sizeof *p);
    drgen_status status = DRGEN_OK;
    if (!x || !raw || !p) {
        status = err_fail(err, DRGEN_ERR_NOMEM, "grains: out of memory");
        goto done;
    }
    for (int k = 0; k < GRAINS_HOP; k++) p->sine[k] = sin(2 * pi * k / GRAINS_HOP);
    for (int c = 0; c < GRAINS_CHANNELS; c++) {
        int taps = taps_of(c);
        memset(out, 0, (size_t)taps * GRAINS_SAMPLES * sizeof *out);
        if (c < STRINGS) {
            double pan = note(x, raw, c);
            for (int j = 0; j < taps; j++) cut(out + (size_t)j * GRAINS_SAMPLES, x, j, pan);
        } else if (c < SIBILANT) held(out, p, c);
        else consonant(out, x, raw, c);
        out += (size_t)taps * GRAINS_SAMPLES;
    }
done:
    free(x);
    free(raw);
    free(p);
    return status;
}
