/* fir.c - see fir.h. */
#include "dsp/fir.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/kaiser.h"

void fir_lowpass(double *h, size_t taps, double hz, double rate, double beta)
{
    double middle = (double)(taps - 1) / 2, sum = 0, cut = fmin(2 * hz / rate, 1);
    for (size_t i = 0; i < taps; i++) {
        double n = (double)i - middle;
        h[i] = kaiser_sinc(cut * n) * (middle > 0 ? kaiser(n / middle, beta) : 1);
        sum += h[i];
    }
    for (size_t i = 0; i < taps; i++) h[i] /= sum;
}

size_t fir_half(size_t half, int rate)
{
    return (size_t)(0.5 + (double)half * rate / 44100);
}

drgen_status fir_open(fir_plan *p, size_t half, drgen_err *err)
{
    *p = (fir_plan){.half = half, .size = 256};
    while (p->size < 8 * half) p->size *= 2;
    p->hop = (p->size - 2 * half) / 64 * 64;
    return fftf_open(&p->fft, p->size, err);
}

void fir_close(fir_plan *p)
{
    fftf_close(p->fft);
    p->fft = NULL;
}

drgen_status fir_response(const fir_plan *p, float *response, const double *h, drgen_err *err)
{
    fft *f;
    ERR_TRY(fft_open(&f, p->size, err));
    double *in = fft_input(f);
    memset(in, 0, p->size * sizeof *in);
    for (size_t i = 0; i <= p->half; i++) in[i] = h[p->half + i];
    for (size_t i = 1; i <= p->half; i++) in[p->size - i] = h[p->half - i];
    const double(*bin)[2] = fft_run(f);
    for (size_t k = 0; k <= p->size / 2; k++)
        response[2 * k] = response[2 * k + 1] = (float)(bin[k][0] / (double)p->size);
    fft_close(f);
    return DRGEN_OK;
}

void fir_load(fir_plan *p, float *history, const float *x, size_t frames, size_t pos)
{
    float *time = fftf_time(p->fft);
    size_t left = pos < frames ? frames - pos : 0, room = p->size - p->half, take = left < room ? left : room;
    memcpy(time, history, p->half * sizeof *time);
    if (take) memcpy(time + p->half, x + pos, take * sizeof *time);
    memset(time + p->half + take, 0, (room - take) * sizeof *time);
    memcpy(history, time + p->hop, p->half * sizeof *history);
    fftf_forward(p->fft);
}
