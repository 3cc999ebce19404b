/* compressor.c - see compressor.h. */
#include "dsp/compressor.h"

#include <math.h>

double compressor_curve(const drgen_band *s, double level)
{
    double d = level - s->threshold, slope = 1 - 1 / s->ratio, w = s->knee;
    if (2 * d <= -w) return 0;
    if (2 * d >= w) return -slope * d;
    return -slope * (d + w / 2) * (d + w / 2) / (2 * w);
}

void compressor_init(compressor *c, const drgen_band *set, int rate)
{
    double r = exp(-1000 / (set->detector * rate));
    *c = (compressor){.set = *set, .keep = pow(r, 8)};
    for (int j = 0; j < 8; j++) c->weight[j] = (float)((1 - r) * pow(r, 7 - j));
    c->attack = exp(-8000 / (set->attack * rate));
    c->release = exp(-8000 / (set->release * rate));
}

/* One octet on: power has been brought up to date. */
static float step(compressor *c)
{
    double most = c->power[0] > c->power[1] ? c->power[0] : c->power[1];
    double level = 3.010299956639812 * (double)log2f((float)most + 1e-12f);
    double end = compressor_curve(&c->set, level), wanted = (c->wanted + end) / 2; /* over the octet, on average */
    double keep = wanted < c->gain_db ? c->attack : c->release;
    c->wanted = end;
    c->gain_db = keep * c->gain_db + (1 - keep) * wanted;
    if (c->gain_db > -1e-30) c->gain_db = 0;
    c->reduced += c->gain_db;
    return exp2f((float)((c->gain_db + c->set.makeup) * 0.16609640474436813));
}

void compressor_gains(compressor *c, float *g, const float *const *x, int channels, size_t octets, float *energy,
                      const kern_table *kern)
{
    /* the powers of all channels first, the second kept in g, then gains */
    if (channels > 1) kern->octet_energy(g + 1, x[1], c->weight, octets);
    kern->octet_energy(energy, x[0], c->weight, octets);
    g[0] = exp2f((float)((c->gain_db + c->set.makeup) * 0.16609640474436813));
    for (size_t q = 0; q < octets; q++) {
        c->power[0] = c->keep * c->power[0] + (double)energy[q];
        c->power[1] = channels > 1 ? c->keep * c->power[1] + (double)g[q + 1] : 0;
        for (int i = 0; i < 2; i++)
            if (c->power[i] < 1e-30) c->power[i] = 0;
        g[q + 1] = step(c);
    }
    c->octets += octets;
}
