/* mastering.c - see mastering.h. */
#include "tests/laws/mastering.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/noise.h"
#include "tests/song1.h"
#include "tests/t.h"

law_sound law_silence(int rate, int channels, size_t frames)
{
    law_sound x = {{.frames = frames, .channels = channels, .rate = rate}};
    for (int c = 0; c < channels; c++) x.s.channel[c] = calloc(frames + 1, sizeof(float));
    return x;
}

law_sound law_song(double from, double seconds, double gain)
{
    law_sound x = law_silence(44100, 2, (size_t)(seconds * 44100));
    song1_float(x.s.channel, 2, 44100, (size_t)(from * 44100), x.s.frames);
    for (int c = 0; c < 2; c++)
        for (size_t i = 0; i < x.s.frames; i++) x.s.channel[c][i] *= (float)gain;
    return x;
}

law_sound law_copy(const law_sound *x)
{
    law_sound y = law_silence(x->s.rate, x->s.channels, x->s.frames);
    for (int c = 0; c < x->s.channels; c++) memcpy(y.s.channel[c], x->s.channel[c], x->s.frames * sizeof(float));
    return y;
}

void law_free(law_sound *x)
{
    for (int c = 0; c < x->s.channels; c++) free(x->s.channel[c]);
}

static double draw(uint64_t seed, uint64_t index, double least, double most)
{
    return least + (most - least) * (0.5 + 0.5 * noise_uniform(seed + 1000, index));
}

static law_sound make(uint64_t seed, int channels)
{
    static const int rates[] = {44100, 48000, 44100, 32000, 96000};
    const double pi = 3.14159265358979323846;
    int rate = rates[seed % COUNT(rates)];
    law_sound x = law_silence(rate, channels, (size_t)(rate * draw(seed, 1, 0.5, 1.2)));
    double amp = pow(10, draw(seed, 2, -30, 3) / 20), f = draw(seed, 3, 40, 0.45 * rate), phase = draw(seed, 4, 0, 6);
    size_t period = (size_t)draw(seed, 5, 50, 4000);
    if (seed / COUNT(rates) % 4 == 3) song1_float(x.s.channel, channels, rate, (size_t)draw(seed, 6, 0, 60) * (size_t)rate, x.s.frames);
    for (int c = 0; c < channels; c++)
        for (size_t i = 0; i < x.s.frames; i++) {
            double u = noise_uniform(seed, i * (size_t)channels + (size_t)c), t = (double)i * (1 + 0.1 * c), v;
            switch (seed / COUNT(rates) % 4) {
            case 0: v = u; break;
            case 1: v = sin(2 * pi * f / rate * t + phase) + 0.05 * u; break;
            case 2: v = i % period == 0 ? 1 - 1.5 * c : 0.02 * u; break;
            default: v = (double)x.s.channel[c][i]; break;
            }
            x.s.channel[c][i] = (float)(amp * v);
        }
    return x;
}

law_sound law_random(uint64_t seed)
{
    return make(seed, 1 + (int)(seed % 3 > 0));
}

law_sound law_random_stereo(uint64_t seed)
{
    return make(seed, 2);
}

void law_each(void (*law)(uint64_t seed))
{
    uint64_t count = getenv("DRGEN_FULL") ? 200 : 5;
    for (uint64_t i = 0; i < count; i++) law(count == 5 ? 5 * i + t_seed % 5 : i + t_seed % 7);
}
