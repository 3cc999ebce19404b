/* fft.c - see fft.h. */
#include "dsp/fft.h"

#include <fftw3.h>
#include <pthread.h>
#include <stdlib.h>

struct fft {
    double *in;
    fftw_complex *out;
    fftw_plan plan;
};

static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER; /* FFTW plans under a lock, by its own rules */

drgen_status fft_open(fft **out, size_t size, drgen_err *err)
{
    fft *f = calloc(1, sizeof *f);
    *out = NULL;
    if (f && size && size < 1u << 28) {
        f->in = fftw_alloc_real(size);
        f->out = fftw_alloc_complex(size / 2 + 1);
        pthread_mutex_lock(&planner);
        if (f->in && f->out) f->plan = fftw_plan_dft_r2c_1d((int)size, f->in, f->out, FFTW_ESTIMATE);
        pthread_mutex_unlock(&planner);
    }
    if (!f || !f->plan) {
        fft_close(f);
        return err_fail(err, DRGEN_ERR_NOMEM, "Fourier transform of %zu: out of memory", size);
    }
    *out = f;
    return DRGEN_OK;
}

void fft_close(fft *f)
{
    if (!f) return;
    pthread_mutex_lock(&planner);
    if (f->plan) fftw_destroy_plan(f->plan);
    pthread_mutex_unlock(&planner);
    fftw_free(f->in);
    fftw_free(f->out);
    free(f);
}

struct fftf {
    float *time;
    fftwf_complex *bins;
    fftwf_plan forward, inverse;
};

drgen_status fftf_open(fftf **out, size_t size, drgen_err *err)
{
    fftf *f = calloc(1, sizeof *f);
    *out = NULL;
    if (f && size && size < 1u << 28) {
        f->time = aligned_alloc(64, (size * sizeof *f->time + 63) / 64 * 64);
        f->bins = aligned_alloc(64, ((size / 2 + 1) * sizeof *f->bins + 63) / 64 * 64);
        pthread_mutex_lock(&planner);
        if (f->time && f->bins) {
            f->forward = fftwf_plan_dft_r2c_1d((int)size, f->time, f->bins, FFTW_ESTIMATE | FFTW_DESTROY_INPUT);
            f->inverse = fftwf_plan_dft_c2r_1d((int)size, f->bins, f->time, FFTW_ESTIMATE | FFTW_DESTROY_INPUT);
        }
        pthread_mutex_unlock(&planner);
    }
    if (!f || !f->forward || !f->inverse) {
        fftf_close(f);
        return err_fail(err, DRGEN_ERR_NOMEM, "Fourier transform of %zu: out of memory", size);
    }
    *out = f;
    return DRGEN_OK;
}

void fftf_close(fftf *f)
{
    if (!f) return;
    pthread_mutex_lock(&planner);
    if (f->forward) fftwf_destroy_plan(f->forward);
    if (f->inverse) fftwf_destroy_plan(f->inverse);
    pthread_mutex_unlock(&planner);
    free(f->time);
    free(f->bins);
    free(f);
}

float *fftf_time(fftf *f)
{
    return f->time;
}

float *fftf_bins(fftf *f)
{
    return &f->bins[0][0];
}

void fftf_forward(fftf *f)
{
    fftwf_execute(f->forward);
}

void fftf_inverse(fftf *f)
{
    fftwf_execute(f->inverse);
}

double *fft_input(fft *f)
{
    return f->in;
}

const double (*fft_run(fft *f))[2]
{
    fftw_execute(f->plan);
    return (const double(*)[2])f->out;
}
