/* golden_tables.c - what half precision does to time features and rotary frequencies in the original. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "io/weights.h"
#include "model/cfm.h"
#include "nn/nn.h"
#include "tests/golden.h"

static int match(const golden *g)
{
    return !g->root && g->expected && st_find(g->expected, "time.grid32") != NULL;
}

static void freq(golden *g, const char *tensor, int half_tables)
{
    const st_tensor *t = st_find(g->expected, tensor);
    if (!t) return;
    float *w = malloc((t->count + 1) * sizeof *w);
    nn_rope_freq(w, t->count, 10000.0, half_tables);
    double worst = 0;
    for (size_t i = 0; i < t->count; i++) worst = fmax(worst, fabs((double)w[i] - (double)weights_value(t, i)));
    golden_report(g, "rope", tensor, worst, half_tables ? 0 : 6e-8);
    free(w);
}

static void run(golden *g)
{
    freq(g, "rope.inv_freq_f32", 0);
    freq(g, "rope.inv_freq_f16", 1);
    const st_tensor *grid = st_find(g->expected, "time.grid32"), *sinus = st_find(g->expected, "time.sinus_from_f32_grid");
    if (sinus && sinus->dims == 2) {
        int steps = (int)sinus->shape[0];
        size_t width = sinus->shape[1];
        float *got = malloc(width * sizeof *got);
        double worst = 0;
        for (int i = 0; i < steps; i++) {
            nn_sinus(got, width / 2, cfm_time(i, steps, 0));
            for (size_t k = 0; k < width; k++)
                worst = fmax(worst, fabs((double)got[k] - (double)weights_value(sinus, (size_t)i * width + k)));
        }
        golden_report(g, "time", "sinus_from_f32_grid", worst, 1e-4);
        free(got);
    }
    /* The half-precision grid itself: ours, rounded, is within its last place. */
    double worst = 0;
    for (size_t i = 0; i < grid->count; i++)
        worst = fmax(worst, fabs((double)cfm_time((int)i, (int)grid->count, 0) - (double)weights_value(grid, i)));
    golden_report(g, "time", "grid32", worst, 5e-4);
    golden_skip(g, "time", "sinus_before_cast, sinus_half: half-precision arithmetic is not offered, only half tables");
}

const golden_kind golden_tables = {"tables", match, run};
