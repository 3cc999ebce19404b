/* vec_avx512.h - the vector operations the bodies are written in, sixteen floats wide. */
#include <immintrin.h>
#include <stddef.h>

enum { VW = 16 };
typedef __m512 vf;

static inline __mmask16 vmask(size_t n)
{
    return (__mmask16)((1u << n) - 1u);
}
static inline vf vload(const float *p) { return _mm512_loadu_ps(p); }
static inline vf vloadn(const float *p, size_t n) { return _mm512_maskz_loadu_ps(vmask(n), p); }
static inline void vstore(float *p, vf v) { _mm512_storeu_ps(p, v); }
static inline void vstoren(float *p, vf v, size_t n) { _mm512_mask_storeu_ps(p, vmask(n), v); }
static inline vf vset(float x) { return _mm512_set1_ps(x); }
static inline vf vadd(vf a, vf b) { return _mm512_add_ps(a, b); }
static inline vf vsub(vf a, vf b) { return _mm512_sub_ps(a, b); }
static inline vf vmul(vf a, vf b) { return _mm512_mul_ps(a, b); }
static inline vf vdiv(vf a, vf b) { return _mm512_div_ps(a, b); }
static inline vf vfma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }   /* a b + c */
static inline vf vfnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); } /* c - a b */
static inline vf vmax(vf a, vf b) { return _mm512_max_ps(a, b); }
static inline vf vmin(vf a, vf b) { return _mm512_min_ps(a, b); }
static inline vf vsqrt(vf a) { return _mm512_sqrt_ps(a); }
static inline vf vround(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/* v 2^k for integral k */
static inline vf vscale2(vf v, vf k) { return _mm512_scalef_ps(v, k); }
static inline float vsum(vf a) { return _mm512_reduce_add_ps(a); }
static inline vf vwiden_f16(const void *p) { return _mm512_cvtph_ps(_mm256_loadu_si256(p)); }
static inline vf vwiden_bf16(const void *p)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(p)), 16));
}

static inline vf vabs(vf a) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a); }
/* The larger of numbers >= 0 by their bits: NaN counts as the largest. */
static inline vf vmaxbits(vf a, vf b)
{
    return _mm512_castsi512_ps(_mm512_max_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
}

/* a < b ? yes : no, element by element. */
static inline vf vbelow(vf a, vf b, vf yes, vf no)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
}
/* Each of g[0..VW / 8) eight times. */
static inline vf voctets(const float *g)
{
    return _mm512_insertf32x8(_mm512_set1_ps(g[0]), _mm256_broadcast_ss(g + 1), 1);
}

/* Doubles, eight wide. */
enum { VDW = 8 };
typedef __m512d vd;
static inline vd vdset(double x) { return _mm512_set1_pd(x); }
static inline vd vdload(const double *p) { return _mm512_loadu_pd(p); }
static inline void vdstore(double *p, vd v) { _mm512_storeu_pd(p, v); }
static inline vd vdfloat(const float *p) { return _mm512_cvtps_pd(_mm256_loadu_ps(p)); } /* eight floats, widened */
static inline vd vdadd(vd a, vd b) { return _mm512_add_pd(a, b); }
static inline vd vdmul(vd a, vd b) { return _mm512_mul_pd(a, b); }
static inline vd vdfma(vd a, vd b, vd c) { return _mm512_fmadd_pd(a, b, c); }
static inline double vdfirst(vd a) { return _mm512_cvtsd_f64(a); }
static inline double vdsum(vd a) { return _mm512_reduce_add_pd(a); }
/* Each of the last four elements in a vector of its own, the last first. */
static inline void vdlast4(vd out[4], vd a)
{
    for (int j = 0; j < 4; j++) out[j] = _mm512_permutexvar_pd(_mm512_set1_epi64(7 - j), a);
}
