/* fuzz_latents.c - any bytes as a file of latents: what is taken is finite and of the sizes it tells. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "drgen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];
    drgen_latents l;
    if (fd < 0) {
        fd = memfd_create("latents", 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (fd < 0 || ftruncate(fd, (off_t)size) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size) abort();
    if (drgen_latents_read(path, &l, NULL) != DRGEN_OK) return 0;
    if (l.samples > l.frames * (size_t)l.hop || !l.mean != !l.scale) abort();
    for (size_t i = 0; i < l.frames * (size_t)l.width; i++)
        if (!isfinite(l.latent[i]) || (l.mean && !(isfinite(l.mean[i]) && isfinite(l.scale[i])))) abort();
    drgen_latents_draw(&l, 1, NULL);
    drgen_latents_free(&l);
    return 0;
}
