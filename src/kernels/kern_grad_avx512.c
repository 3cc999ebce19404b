/* kern_grad_avx512.c - training's kernels for AVX-512 F, DQ, BW, VL. Exports its table only. */
#include "kernels/kern_grad.h"

#include <math.h>

#include "kernels/vec_avx512.h"

#include "kernels/body_math.inc"
#include "kernels/body_grad.inc"

extern const kern_grad kern_grad_avx512;
const kern_grad kern_grad_avx512 = {.isa = "avx512", KERN_GRAD_ENTRIES};
