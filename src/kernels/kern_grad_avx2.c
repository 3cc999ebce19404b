/* kern_grad_avx2.c - training's kernels for AVX2 and FMA. Exports its table only. */
#include "kernels/kern_grad.h"

#include <math.h>

#include "kernels/vec_avx2.h"

#include "kernels/body_math.inc"
#include "kernels/body_grad.inc"

extern const kern_grad kern_grad_avx2;
const kern_grad kern_grad_avx2 = {.isa = "avx2", KERN_GRAD_ENTRIES};
