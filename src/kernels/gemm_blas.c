/* gemm_blas.c - the only file that sees OpenBLAS. It runs one thread inside our tasks, and never with the slow kernels
 * it picks on processors newer than itself, unless nobody followed gemm_blas_advice. */
#include "kernels/gemm.h"

#include <string.h>

#ifdef WITH_BLAS
#include <cblas.h>
#include <pthread.h>

static pthread_once_t blas_once = PTHREAD_ONCE_INIT;

static void blas_setup(void)
{
    openblas_set_num_threads(1);
}

const char *gemm_blas_core(void)
{
    pthread_once(&blas_once, blas_setup);
    return openblas_get_corename();
}

const char *gemm_blas_advice(void)
{
    static const char *const slow[] = {"Prescott", "Core2", "Penryn", "Dunnington", "Nehalem", "Generic", "generic",
                                       "Atom", "Katmai", "Coppermine", "Northwood", "Banias", "Athlon", "Opteron",
                                       "Opteron_SSE3", "Barcelona", "Bobcat", "Nano"};
    const char *core = gemm_blas_core();
    size_t tables;
    const kern_table *best = kern_available(&tables)[tables - 1];
    const char *fit = strcmp(best->isa, "avx512") == 0 ? "SkylakeX" : strcmp(best->isa, "avx2") == 0 ? "Haswell" : NULL;
    for (size_t i = 0; fit && i < sizeof slow / sizeof slow[0]; i++)
        if (strcmp(core, slow[i]) == 0) return fit;
    return NULL;
}

void gemm_blas_tile(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb, size_t m, size_t n,
                    size_t k, int add)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)n, (int)k, 1.0f, a, (int)lda, b, (int)ldb,
                add ? 1.0f : 0.0f, c, (int)ldc);
}
#else
const char *gemm_blas_core(void)
{
    return "none";
}

const char *gemm_blas_advice(void)
{
    return NULL;
}

void gemm_blas_tile(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb, size_t m, size_t n,
                    size_t k, int add)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            c[i * ldc + j] = (add ? c[i * ldc + j] : 0.0f) + kern_ref.dot(a + i * lda, b + j * ldb, k);
}
#endif
