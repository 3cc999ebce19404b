/* linear.c - y = x W^T + b and 1-D convolution, both one matrix product. */
#include "nn/nn.h"

#include <string.h>

static kern_type kern_of(st_type t)
{
    return t == ST_F16 ? KERN_F16 : t == ST_BF16 ? KERN_BF16 : KERN_F32;
}

void nn_linear_view(nn *n, float *y, size_t ldy, gemm_view x, const wmat *w, const float *b, size_t rows, int add)
{
    size_t mark = arena_mark(n->work);
    float *scratch = arena_floats(n->work, gemm_scratch(n->kern, rows, w->rows, w->cols));
    if (!nn_dry(n)) {
        gemm g = {.c = y, .ldc = ldy, .a = x, .w = w->data, .ldw = w->ld ? w->ld : w->cols, .type = kern_of(w->type), .bias = b,
                  .add = add, .m = rows, .n = w->rows, .k = w->cols};
        gemm_run(n->pool, n->kern, &g, scratch);
    }
    arena_rewind(n->work, mark);
}

void nn_linear(nn *n, float *y, size_t ldy, const float *x, size_t ldx, const wmat *w, const float *b, size_t rows,
               int add)
{
    if (w->type != ST_I8) {
        nn_linear_view(n, y, ldy, gemm_plain(x, ldx, w->cols), w, b, rows, add);
        return;
    }
    size_t mark = arena_mark(n->work);
    q8_rows r = nn_q8_rows(n, rows, w->cols);
    nn_q8_quantise(n, &r, x, ldx);
    nn_q8_linear(n, y, ldy, &r, w, b, add);
    arena_rewind(n->work, mark);
}

void nn_conv1d(nn *n, float *y, const float *x, const wmat *w, const float *b, size_t rows, size_t in, size_t taps,
               size_t dil, size_t pad, int add)
{
    size_t mark = arena_mark(n->work);
    size_t reach = (taps - 1) * dil, total = rows + reach;
    float *padded = arena_floats(n->work, total * in);
    if (!nn_dry(n)) {
        memset(padded, 0, pad * in * sizeof *padded);
        memcpy(padded + pad * in, x, rows * in * sizeof *padded);
        if (reach > pad) memset(padded + (pad + rows) * in, 0, (reach - pad) * in * sizeof *padded);
    }
    gemm_view view = {padded, in, in, dil * in};
    nn_linear_view(n, y, w->rows, view, w, b, rows, add);
    arena_rewind(n->work, mark);
}
