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

double *fft_input(fft *f)
{
    return f->in;
}

const double (*fft_run(fft *f))[2]
{
    fftw_execute(f->plan);
    return (const double(*)[2])f->out;
}
