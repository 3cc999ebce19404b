/* fft_back.h - the way back from a real transform, by the forward plan alone: the Hartley transform is the difference
 * of the Fourier transform's parts and its own inverse (Bracewell, 1983). */
#ifndef DSP_FFT_BACK_H
#define DSP_FFT_BACK_H

#include "dsp/fft.h"

/* out [size] = the real signal whose transform has these size / 2 + 1 pairs; size even, the plan's own. spectrum is not
 * the plan's output, out not its input. */
static inline void fft_back(fft *f, double *out, const double (*spectrum)[2], size_t size)
{
    double *in = fft_input(f), scale = 1.0 / (double)size;
    size_t half = size / 2;
    in[0] = spectrum[0][0];
    in[half] = spectrum[half][0];
    for (size_t k = 1; k < half; k++) {
        in[k] = spectrum[k][0] - spectrum[k][1];
        in[size - k] = spectrum[k][0] + spectrum[k][1];
    }
    const double(*bin)[2] = fft_run(f);
    out[0] = bin[0][0] * scale;
    out[half] = bin[half][0] * scale;
    for (size_t k = 1; k < half; k++) {
        out[k] = (bin[k][0] - bin[k][1]) * scale;
        out[size - k] = (bin[k][0] + bin[k][1]) * scale;
    }
}

#endif
