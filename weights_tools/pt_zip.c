/* pt_zip.c - see pt_zip.h. Format: PKWARE APPNOTE sections 4.3 and 4.5.3. Sizes come from the central directory only:
 * torch leaves them zero in local headers. */
#include "weights_tools/pt_zip.h"

#include <stdlib.h>
#include <string.h>

static uint64_t le(const uint8_t *p, int bytes)
{
    uint64_t v = 0;
    for (int i = bytes - 1; i >= 0; i--) v = v << 8 | p[i];
    return v;
}

static drgen_status bad(const char *name, const char *what, drgen_err *err)
{
    return err_fail(err, DRGEN_ERR_FORMAT, "%s: damaged archive: %s (truncated? get the file again)", name, what);
}

/* Where the central directory lies and how many entries it has. */
static drgen_status find_directory(file_bytes b, uint64_t *at, uint64_t *size, uint64_t *entries, const char *name,
                                   drgen_err *err)
{
    const uint8_t *p = b.data;
    if (b.size < 22) return bad(name, "too short", err);
    size_t end = b.size - 22, stop = end > 65535 ? end - 65535 : 0;
    while (le(p + end, 4) != 0x06054b50) {
        if (end == stop) return bad(name, "no end record", err);
        end--;
    }
    *entries = le(p + end + 10, 2);
    *size = le(p + end + 12, 4);
    *at = le(p + end + 16, 4);
    if (end >= 20 && le(p + end - 20, 4) == 0x07064b50) { /* ZIP64 locator */
        uint64_t far = le(p + end - 12, 8);
        if (far > b.size || b.size - far < 56 || le(p + far, 4) != 0x06064b50) return bad(name, "no ZIP64 end record", err);
        *entries = le(p + far + 32, 8);
        *size = le(p + far + 40, 8);
        *at = le(p + far + 48, 8);
    }
    if (*at > b.size || *size > b.size - *at || *entries > *size / 46) return bad(name, "the directory lies outside the file", err);
    return DRGEN_OK;
}

/* ZIP64 sizes of an entry: they follow each other in the extra field, only those that did not fit in 32 bits. */
static void zip64(const uint8_t *extra, size_t size, uint64_t *full, uint64_t *packed, uint64_t *offset)
{
    while (size >= 4) {
        size_t id = (size_t)le(extra, 2), n = (size_t)le(extra + 2, 2);
        if (n > size - 4) return;
        if (id == 1) {
            const uint8_t *q = extra + 4, *end = q + n;
            uint64_t *const values[] = {full, packed, offset};
            for (int i = 0; i < 3; i++)
                if (*values[i] == 0xffffffff && end - q >= 8) {
                    *values[i] = le(q, 8);
                    q += 8;
                }
            return;
        }
        extra += 4 + n;
        size -= 4 + n;
    }
}

static drgen_status read_entry(pt_zip *z, file_bytes b, const uint8_t *e, size_t room, size_t *used, const char *name,
                               drgen_err *err)
{
    if (room < 46 || le(e, 4) != 0x02014b50) return bad(name, "a directory entry is damaged", err);
    size_t n = (size_t)le(e + 28, 2), extra = (size_t)le(e + 30, 2), comment = (size_t)le(e + 32, 2);
    *used = 46 + n + extra + comment;
    if (*used > room) return bad(name, "a directory entry is cut off", err);
    uint64_t packed = le(e + 20, 4), full = le(e + 24, 4), offset = le(e + 42, 4);
    zip64(e + 46 + n, extra, &full, &packed, &offset);
    if (le(e + 8, 2) & 1) return bad(name, "a member is encrypted", err);
    int method = (int)le(e + 10, 2);
    if (method == 0 && packed != full) return bad(name, "a member's sizes disagree", err);
    if (offset > b.size || b.size - offset < 30 || le(b.data + offset, 4) != 0x04034b50) return bad(name, "a member has no header", err);
    uint64_t data = offset + 30 + le(b.data + offset + 26, 2) + le(b.data + offset + 28, 2);
    if (data > b.size || packed > b.size - data) return bad(name, "a member lies outside the file", err);
    pt_member *m = &z->members[z->count];
    *m = (pt_member){.name = (const char *)e + 46, .name_size = n, .data = method ? NULL : b.data + data, .size = (size_t)full,
                     .packed = b.data + data, .packed_size = (size_t)packed, .method = method};
    if (!strmap_put(&z->index, m->name, n, (int32_t)z->count, 0)) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    z->count++;
    return DRGEN_OK;
}

drgen_status pt_zip_read(pt_zip *out, file_bytes b, const char *name, drgen_err *err)
{
    uint64_t at = 0, size = 0, entries = 0;
    *out = (pt_zip){0};
    ERR_TRY(find_directory(b, &at, &size, &entries, name, err));
    if (entries > INT32_MAX) return bad(name, "too many members", err);
    out->members = calloc((size_t)entries + 1, sizeof *out->members);
    if (!out->members) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    drgen_status status = DRGEN_OK;
    for (uint64_t i = 0; i < entries && status == DRGEN_OK; i++) {
        size_t used = 0;
        status = read_entry(out, b, b.data + at, (size_t)size, &used, name, err);
        at += used;
        size -= used;
    }
    if (status != DRGEN_OK) pt_zip_free(out);
    return status;
}

void pt_zip_free(pt_zip *z)
{
    free(z->members);
    strmap_free(&z->index);
    *z = (pt_zip){0};
}

const pt_member *pt_zip_find(const pt_zip *z, const char *a, size_t a_size, const char *b, size_t b_size)
{
    char *key = malloc(a_size + b_size + 1);
    if (!key) return NULL;
    memcpy(key, a, a_size);
    memcpy(key + a_size, b, b_size);
    int32_t i = strmap_get(&z->index, key, a_size + b_size, -1);
    free(key);
    return i < 0 ? NULL : &z->members[i];
}
