/* muq_stem.c - MuQ's convolution stem: two residual blocks of 3x3 convolutions over the mel spectrogram as an image
 * [frequency, time, channels], BatchNorm folded in, then one linear layer per time step. */
#include "model/muq_types.h"

/* relu(conv3(x) + conv2(relu(conv1(x)))): conv1 and conv3 halve both axes. x [height, width, in] to out. */
static void block(nn *n, const mulan_linear conv[3], const float *x, size_t height, size_t width, size_t in, float *out)
{
    size_t mark = arena_mark(n->work), h = (height + 1) / 2, w = (width + 1) / 2, c = conv[0].w.rows;
    float *inner = arena_floats(n->work, h * w * c);
    nn_conv3x3(n, inner, x, &conv[0].w, conv[0].bias, height, width, in, 2, NN_CONV_RELU);
    nn_conv3x3(n, out, x, &conv[2].w, conv[2].bias, height, width, in, 2, 0);
    nn_conv3x3(n, out, inner, &conv[1].w, conv[1].bias, h, w, c, 1, NN_CONV_ADD | NN_CONV_RELU);
    arena_rewind(n->work, mark);
}

void muq_stem(const muq *m, nn *n, const float *mel, size_t frames, float *out, mulan_tap tap, void *user)
{
    size_t mark = arena_mark(n->work), c = (size_t)m->cfg.conv_dim, w1 = (frames + 1) / 2, w2 = (w1 + 1) / 2;
    float *image = arena_floats(n->work, MUQ_BANDS * frames), *a = arena_floats(n->work, MUQ_BANDS / 2 * w1 * c);
    float *b = arena_floats(n->work, MUQ_BANDS / 4 * w2 * c);
    if (!nn_dry(n))
        for (size_t i = 0; i < MUQ_BANDS * frames; i++)
            image[i] = (mel[i] - (float)m->cfg.mel_mean) / (float)m->cfg.mel_std;
    mulan_look(tap, user, "mel_norm", -1, "", image, MUQ_BANDS, frames);
    block(n, m->stem[0], image, MUQ_BANDS, frames, 1, a);
    mulan_look(tap, user, "res0", -1, "", a, MUQ_BANDS / 2 * w1, c);
    block(n, m->stem[1], a, MUQ_BANDS / 2, w1, c, b);
    mulan_look(tap, user, "res1", -1, "", b, MUQ_BANDS / 4 * w2, c);
    /* A time step's row is its column of the image, frequency by frequency: a view, nothing is moved. */
    gemm_view view = {b, c, c, w2 * c, 0, 0};
    nn_linear_view(n, out, (size_t)m->cfg.width, view, &m->linear.w, m->linear.bias, w2, 0);
    arena_rewind(n->work, mark);
}
