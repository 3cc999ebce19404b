/* test_strmap.c - the string map against a plain list. */
#include <stdlib.h>

#include "base/rng.h"
#include "base/strmap.h"
#include "tests/t.h"

TEST(strmap_behaves_like_a_list)
{
    enum { KEYS = 3000 };
    static char key[KEYS][8];
    static int32_t value[KEYS];
    size_t size[KEYS], known = 0;
    strmap m = {0};
    uint64_t rng = t_seed;
    for (int i = 0; i < KEYS; i++) {
        uint64_t r = rng_split(&rng);
        size[i] = (size_t)(r % 8); /* short keys: many repeat; bytes include zero */
        for (size_t k = 0; k < size[i]; k++) key[i][k] = (char)(rng_split(&rng) % 5);
        value[i] = (int32_t)(r >> 32);
        int first = i;
        for (int k = 0; k < i && first == i; k++)
            if (size[k] == size[i] && memcmp(key[k], key[i], size[i]) == 0) first = k;
        int replace = (int)(r >> 8 & 1);
        CHECK(strmap_get(&m, key[i], size[i], -7) == (first == i ? -7 : value[first]));
        CHECK(strmap_put(&m, key[i], size[i], value[i], replace));
        known += first == i;
        if (first != i && replace) value[first] = value[i];
        CHECK(strmap_get(&m, key[i], size[i], -7) == value[first]);
    }
    CHECKF(m.count == known, "%zu keys, want %zu", m.count, known);
    CHECK(strmap_get(&m, "zz", 2, 5) == 5);
    strmap_free(&m);
    CHECK(strmap_get(&m, key[0], size[0], 9) == 9);
    strmap_free(&m);
}
