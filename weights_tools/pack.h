/* pack.h - from original checkpoints to drgen's model directory. Everything that can be done once is done here:
 * wrappers stripped, weight norm folded, layouts turned into the ones the products want, types cast.
 *
 * The directory:
 *   model.json            format "drgen-model", version 1, name, note, dtype; "dit", "vae", "mulan_text" objects
 *                         (config.h); "defaults": {"steps", "guidance", "sway", "seconds"} of songs, all optional;
 *                         "tokenizer": file name; "files": {name: {sha256, bytes, license}}
 *   dit.safetensors       names of dit.md section 2 without "transformer.", but
 *                           input_embed.conv_pos_embed.conv1d.{0,2}.weight   [dim, 31, dim/16]   (taps before inputs)
 *                           text_embed.text_blocks.N.dwconv.weight          [7, C]
 *                           text_embed.text_blocks.N.grn.{gamma,beta}       [2C]
 *                           negative_style                                  [C], if given (vocal.npy)
 *   vae.safetensors       names of vae.md section 2, weight norm folded, but
 *                           conv weights                                    [out, taps, in]
 *                           transposed conv weights (stride s, 2s taps)     [s, out, 2, in]:
 *                             element (r, o, 0, c) = w[c][o][s + r]  (meets x[n-1])
 *                             element (r, o, 1, c) = w[c][o][r]      (meets x[n]); row block n is y[n*s - pad ..]
 *   mulan.safetensors     text tower: names of mulan.md section 2, used ones only
 *   mulan_audio.safetensors  audio tower, see pack_mulan_audio
 *   tokenizer.model or tokenizer.json   copied
 * Matrices (two or more axes) are stored in the directory's dtype, vectors always in f32. With q8, the seven matrices of
 * every transformer block X.weight are I8 [rows, cols] beside X.weight_scale F32 [rows]: a row is its bytes times its
 * scale; all other matrices are f16. The metadata of a part's file
 * has "source": the name of the file it came from.
 */
#ifndef WEIGHTS_TOOLS_PACK_H
#define WEIGHTS_TOOLS_PACK_H

#include "model/config.h"
#include "weights_tools/source.h"

/* Q8: the block matrices of the transformer in int8, every other matrix in half precision. */
typedef enum { PACK_F32, PACK_F16, PACK_Q8 } pack_dtype;

const char *pack_dtype_name(pack_dtype t); /* "f32", ... */
/* The type of that name; 0 when there is none. */
int pack_dtype_from_name(const char *name, pack_dtype *out);

typedef struct {
    pack_dtype dtype;
    int ema;               /* 1: take ema_model_state_dict where a checkpoint holds both */
    const float *negative; /* dit: negative style [cond_dim], or NULL */
    int (*stop)(void);     /* asked now and then; not 0: give up with CANCELLED. May be NULL */
} pack_how;

/* What a part came to. */
typedef struct {
    size_t tensors;
    uint64_t parameters, bytes;
} pack_sum;

/* Writes one part's file at path and tells its sizes. Config values that shapes do not show come from *cfg as hints
 * where they are > 0 (dit: heads, default 32; max_frames, default by variant; vae: final_tanh, which a TorchScript
 * file's own program also tells; mulan: heads). A missing tensor, a wrong shape, a value that is not finite or does not
 * fit in half precision is an error that names the tensor. sum may be NULL. */
drgen_status pack_dit(const source *s, const char *path, const pack_how *how, dit_cfg *cfg, pack_sum *sum,
                      drgen_err *err);
drgen_status pack_vae(const source *s, const char *path, const pack_how *how, vae_cfg *cfg, pack_sum *sum,
                      drgen_err *err);
drgen_status pack_mulan_text(const source *s, const char *path, const pack_how *how, mulan_text_cfg *cfg, pack_sum *sum,
                             drgen_err *err);

/* MuQ-MuLan's audio tower: BatchNorm folded into the convolutions, their weights [out, 3, 3, in]; the stem's linear takes
 * frequency before channel; names without "mulan.audio.model.model.". Hints: heads (default: from the stored rotary table,
 * else 16), use_layer (below 0 counted from the last state, above 0 one more than its index from the first), clip_seconds,
 * mel_mean and mel_std, layer_norm_eps. */
drgen_status pack_mulan_audio(const source *s, const char *path, const pack_how *how, mulan_audio_cfg *cfg, pack_sum *sum,
                              drgen_err *err);

/* model.json from what was packed; parts with a has_ flag of 0 are left out. Hashes every file it lists, and reads the
 * result back as the engine will. */
drgen_status pack_model_json(const char *dir, const model_cfg *cfg, drgen_err *err);

#endif
