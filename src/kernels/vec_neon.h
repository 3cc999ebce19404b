/* vec_neon.h - the vector operations the bodies are written in, for AArch64: eight floats in a pair of registers. The
 * 32 registers hold as many of these as AVX2 has registers, and two halves hide half of an operation's latency. */
#include <arm_neon.h>
#include <stddef.h>

enum { VW = 8 };
typedef struct {
    float32x4_t lo, hi;
} vf;

/* The first n of four floats, the rest 0; nothing past them is read. */
static inline float32x4_t vquarter(const float *p, size_t n)
{
    const float32x4_t zero = vdupq_n_f32(0);
    if (n >= 4) return vld1q_f32(p);
    if (n == 3) return vld1q_lane_f32(p + 2, vcombine_f32(vld1_f32(p), vget_low_f32(zero)), 2);
    if (n == 2) return vcombine_f32(vld1_f32(p), vget_low_f32(zero));
    return n ? vld1q_lane_f32(p, zero, 0) : zero;
}
static inline void vquarter_store(float *p, float32x4_t v, size_t n)
{
    if (n >= 4) vst1q_f32(p, v);
    else if (n >= 2) vst1_f32(p, vget_low_f32(v));
    if (n == 3) vst1q_lane_f32(p + 2, v, 2);
    else if (n == 1) vst1q_lane_f32(p, v, 0);
}
static inline vf vload(const float *p) { return (vf){vld1q_f32(p), vld1q_f32(p + 4)}; }
static inline vf vloadn(const float *p, size_t n)
{
    return n < 4 ? (vf){vquarter(p, n), vdupq_n_f32(0)} : (vf){vld1q_f32(p), vquarter(p + 4, n - 4)};
}
static inline void vstore(float *p, vf v)
{
    vst1q_f32(p, v.lo);
    vst1q_f32(p + 4, v.hi);
}
static inline void vstoren(float *p, vf v, size_t n)
{
    vquarter_store(p, v.lo, n);
    if (n > 4) vquarter_store(p + 4, v.hi, n - 4);
}
static inline vf vset(float x) { return (vf){vdupq_n_f32(x), vdupq_n_f32(x)}; }
static inline vf vadd(vf a, vf b) { return (vf){vaddq_f32(a.lo, b.lo), vaddq_f32(a.hi, b.hi)}; }
static inline vf vsub(vf a, vf b) { return (vf){vsubq_f32(a.lo, b.lo), vsubq_f32(a.hi, b.hi)}; }
static inline vf vmul(vf a, vf b) { return (vf){vmulq_f32(a.lo, b.lo), vmulq_f32(a.hi, b.hi)}; }
static inline vf vdiv(vf a, vf b) { return (vf){vdivq_f32(a.lo, b.lo), vdivq_f32(a.hi, b.hi)}; }
static inline vf vfma(vf a, vf b, vf c) { return (vf){vfmaq_f32(c.lo, a.lo, b.lo), vfmaq_f32(c.hi, a.hi, b.hi)}; } /* a b + c */
static inline vf vfnma(vf a, vf b, vf c) { return (vf){vfmsq_f32(c.lo, a.lo, b.lo), vfmsq_f32(c.hi, a.hi, b.hi)}; } /* c - a b */
/* With a NaN the result is a NaN. */
static inline vf vmax(vf a, vf b) { return (vf){vmaxq_f32(a.lo, b.lo), vmaxq_f32(a.hi, b.hi)}; }
static inline vf vmin(vf a, vf b) { return (vf){vminq_f32(a.lo, b.lo), vminq_f32(a.hi, b.hi)}; }
static inline vf vround(vf a) { return (vf){vrndnq_f32(a.lo), vrndnq_f32(a.hi)}; }
/* v 2^k for integral k in [-252, 254]: in two factors, since 2^k alone may leave the range of floats */
static inline float32x4_t vscale2_half(float32x4_t v, float32x4_t k)
{
    int32x4_t i = vcvtnq_s32_f32(k), h = vshrq_n_s32(i, 1), r = vsubq_s32(i, h), bias = vdupq_n_s32(127);
    float32x4_t a = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(h, bias), 23));
    float32x4_t b = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(r, bias), 23));
    return vmulq_f32(vmulq_f32(v, a), b);
}
static inline vf vscale2(vf v, vf k) { return (vf){vscale2_half(v.lo, k.lo), vscale2_half(v.hi, k.hi)}; }
static inline float vsum(vf a) { return vaddvq_f32(vaddq_f32(a.lo, a.hi)); }
static inline vf vwiden_f16(const void *p)
{
    float16x8_t h = vreinterpretq_f16_u16(vld1q_u16(p));
    return (vf){vcvt_f32_f16(vget_low_f16(h)), vcvt_high_f32_f16(h)};
}
static inline vf vwiden_bf16(const void *p)
{
    uint16x8_t h = vld1q_u16(p);
    return (vf){vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(h), 16)), vreinterpretq_f32_u32(vshll_high_n_u16(h, 16))};
}

static inline vf vabs(vf a) { return (vf){vabsq_f32(a.lo), vabsq_f32(a.hi)}; }
/* The larger of numbers >= 0 by their bits: NaN counts as the largest. */
static inline float32x4_t vmaxbits_half(float32x4_t a, float32x4_t b)
{
    return vreinterpretq_f32_s32(vmaxq_s32(vreinterpretq_s32_f32(a), vreinterpretq_s32_f32(b)));
}
static inline vf vmaxbits(vf a, vf b) { return (vf){vmaxbits_half(a.lo, b.lo), vmaxbits_half(a.hi, b.hi)}; }

/* a < b ? yes : no, element by element. */
static inline vf vbelow(vf a, vf b, vf yes, vf no)
{
    return (vf){vbslq_f32(vcltq_f32(a.lo, b.lo), yes.lo, no.lo), vbslq_f32(vcltq_f32(a.hi, b.hi), yes.hi, no.hi)};
}
/* Each of g[0..VW / 8) eight times. */
static inline vf voctets(const float *g) { return vset(*g); }

/* Doubles, four wide. */
enum { VDW = 4 };
typedef struct {
    float64x2_t lo, hi;
} vd;
static inline vd vdset(double x) { return (vd){vdupq_n_f64(x), vdupq_n_f64(x)}; }
static inline vd vdload(const double *p) { return (vd){vld1q_f64(p), vld1q_f64(p + 2)}; }
static inline void vdstore(double *p, vd v)
{
    vst1q_f64(p, v.lo);
    vst1q_f64(p + 2, v.hi);
}
static inline vd vdfloat(const float *p) /* four floats, widened */
{
    float32x4_t f = vld1q_f32(p);
    return (vd){vcvt_f64_f32(vget_low_f32(f)), vcvt_high_f64_f32(f)};
}
static inline vd vdadd(vd a, vd b) { return (vd){vaddq_f64(a.lo, b.lo), vaddq_f64(a.hi, b.hi)}; }
static inline vd vdmul(vd a, vd b) { return (vd){vmulq_f64(a.lo, b.lo), vmulq_f64(a.hi, b.hi)}; }
static inline vd vdfma(vd a, vd b, vd c) { return (vd){vfmaq_f64(c.lo, a.lo, b.lo), vfmaq_f64(c.hi, a.hi, b.hi)}; }
static inline double vdfirst(vd a) { return vgetq_lane_f64(a.lo, 0); }
static inline double vdsum(vd a) { return vaddvq_f64(vaddq_f64(a.lo, a.hi)); }
/* Each of the last four elements in a vector of its own, the last first. */
static inline void vdlast4(vd out[4], vd a)
{
    out[0] = vdset(vgetq_lane_f64(a.hi, 1));
    out[1] = vdset(vgetq_lane_f64(a.hi, 0));
    out[2] = vdset(vgetq_lane_f64(a.lo, 1));
    out[3] = vdset(vgetq_lane_f64(a.lo, 0));
}
