/* vec_avx2.h - the vector operations the bodies are written in, eight floats wide. */
#include <immintrin.h>
#include <stddef.h>

enum { VW = 8 };
typedef __m256 vf;

static inline __m256i vmask(size_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline vf vload(const float *p) { return _mm256_loadu_ps(p); }
static inline vf vloadn(const float *p, size_t n) { return _mm256_maskload_ps(p, vmask(n)); }
static inline void vstore(float *p, vf v) { _mm256_storeu_ps(p, v); }
static inline void vstoren(float *p, vf v, size_t n) { _mm256_maskstore_ps(p, vmask(n), v); }
static inline vf vset(float x) { return _mm256_set1_ps(x); }
static inline vf vadd(vf a, vf b) { return _mm256_add_ps(a, b); }
static inline vf vsub(vf a, vf b) { return _mm256_sub_ps(a, b); }
static inline vf vmul(vf a, vf b) { return _mm256_mul_ps(a, b); }
static inline vf vdiv(vf a, vf b) { return _mm256_div_ps(a, b); }
static inline vf vfma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }   /* a b + c */
static inline vf vfnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); } /* c - a b */
static inline vf vmax(vf a, vf b) { return _mm256_max_ps(a, b); }
static inline vf vmin(vf a, vf b) { return _mm256_min_ps(a, b); }
static inline vf vsqrt(vf a) { return _mm256_sqrt_ps(a); }
static inline vf vround(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/* v 2^k for integral k in [-252, 254]: in two factors, since 2^k alone may leave the range of floats */
static inline vf vscale2(vf v, vf k)
{
    __m256i i = _mm256_cvtps_epi32(k), h = _mm256_srai_epi32(i, 1), r = _mm256_sub_epi32(i, h);
    __m256i bias = _mm256_set1_epi32(127);
    vf a = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(h, bias), 23));
    vf b = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(r, bias), 23));
    return _mm256_mul_ps(_mm256_mul_ps(v, a), b);
}
static inline float vsum(vf a)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
static inline vf vwiden_f16(const void *p) { return _mm256_cvtph_ps(_mm_loadu_si128(p)); }
static inline vf vwiden_bf16(const void *p)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(p)), 16));
}

static inline vf vabs(vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
/* The larger of numbers >= 0 by their bits: NaN counts as the largest. */
static inline vf vmaxbits(vf a, vf b)
{
    return _mm256_castsi256_ps(_mm256_max_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
}

/* a < b ? yes : no, element by element. */
static inline vf vbelow(vf a, vf b, vf yes, vf no)
{
    return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
/* Each of g[0..VW / 8) eight times. */
static inline vf voctets(const float *g) { return _mm256_broadcast_ss(g); }

/* Doubles, four wide. */
enum { VDW = 4 };
typedef __m256d vd;
static inline vd vdset(double x) { return _mm256_set1_pd(x); }
static inline vd vdload(const double *p) { return _mm256_loadu_pd(p); }
static inline void vdstore(double *p, vd v) { _mm256_storeu_pd(p, v); }
static inline vd vdfloat(const float *p) { return _mm256_cvtps_pd(_mm_loadu_ps(p)); } /* four floats, widened */
static inline vd vdadd(vd a, vd b) { return _mm256_add_pd(a, b); }
static inline vd vdmul(vd a, vd b) { return _mm256_mul_pd(a, b); }
static inline vd vdfma(vd a, vd b, vd c) { return _mm256_fmadd_pd(a, b, c); }
static inline double vdfirst(vd a) { return _mm256_cvtsd_f64(a); }
static inline double vdsum(vd a)
{
    __m128d s = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
    return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
}
/* Each of the last four elements in a vector of its own, the last first. */
static inline void vdlast4(vd out[4], vd a)
{
    out[0] = _mm256_permute4x64_pd(a, 0xff);
    out[1] = _mm256_permute4x64_pd(a, 0xaa);
    out[2] = _mm256_permute4x64_pd(a, 0x55);
    out[3] = _mm256_permute4x64_pd(a, 0x00);
}
