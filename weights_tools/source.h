/* source.h - tensors to convert, wherever they come from: a .pt archive, a safetensors file, a synth-1 manifest. */
#ifndef WEIGHTS_TOOLS_SOURCE_H
#define WEIGHTS_TOOLS_SOURCE_H

#include "io/safetensors.h"

typedef struct source source;

typedef struct {
    const char *name; /* owned by the source */
    st_type type;     /* as stored */
    int dims;
    size_t shape[ST_MAX_DIMS];
    size_t count;
} source_tensor;

/* Told apart by content: ZIP (.pt, TorchScript), legacy .pt stream, safetensors; a Git LFS pointer or an HTML page is
 * named as such. A safetensors shard index is not supported and says so. */
drgen_status source_open(source **out, const char *path, drgen_err *err);
/* The same from bytes, which are taken over. */
drgen_status source_open_bytes(source **out, file_bytes bytes, const char *name, drgen_err *err);
/* synth-1 manifest (golden/README.md of the format): path of manifest.json. */
drgen_status source_open_manifest(source **out, const char *path, drgen_err *err);
void source_close(source *s); /* NULL is fine */

const char *source_name(const source *s);
/* The program text of a TorchScript archive, zero-terminated; NULL for anything else. */
const char *source_code(const source *s);
/* The file behind a safetensors source (for its metadata), NULL for anything else. */
const st_file *source_safetensors(const source *s);
size_t source_count(const source *s);
const source_tensor *source_at(const source *s, size_t i);
const source_tensor *source_find(const source *s, const char *name);
/* A number that stands beside tensors in a .pt file ("time/3"), whole ones too; 0 when there is none of that name. */
int source_number(const source *s, const char *name, double *out);
/* Elements first .. first+count-1 of the dense row-major tensor, as float32. */
drgen_status source_floats(const source *s, const source_tensor *t, size_t first, size_t count, float *out,
                           drgen_err *err);
/* The same without conversion: count elements of t->type. */
drgen_status source_raw(const source *s, const source_tensor *t, size_t first, size_t count, void *out, drgen_err *err);
/* A checkpoint may wrap its names (model_state_dict/, ema_model_state_dict/ema_model., state_dict/, module., ...).
 * Returns the text in front of probe (e.g. "transformer.proj_out.weight") in the tensor that ends with it; of several,
 * the one with "ema" in it when ema, else one without; malloc'd. NULL when none ends with probe. */
char *source_prefix(const source *s, const char *probe, int ema);

#endif
