/* sha256.c - SHA-256, so that a model's files can be named by content. Source: FIPS 180-4, sections 4.1.2 to 6.2. */
#include "io/sha256.h"

#include <string.h>

#include "io/file.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define NATIVE 1
#include <cpuid.h>
#include <immintrin.h>
#endif

static const uint32_t k256[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
    0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
    0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static inline uint32_t ror(uint32_t v, int n)
{
    return v >> n | v << (32 - n);
}

static inline uint32_t word(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* One round on the state s whose first letter is at place -i (mod 8): the letters turn by renaming, not by moving. */
static inline void round_at(uint32_t s[8], int i, uint32_t kw)
{
    uint32_t a = s[(0 - i) & 7], b = s[(1 - i) & 7], c = s[(2 - i) & 7];
    uint32_t e = s[(4 - i) & 7], f = s[(5 - i) & 7], g = s[(6 - i) & 7], h = s[(7 - i) & 7];
    uint32_t t = h + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + (g ^ (e & (f ^ g))) + kw;
    s[(3 - i) & 7] += t;
    s[(7 - i) & 7] = t + (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + ((a & b) | (c & (a | b)));
}

void sha256_plain(uint32_t h[8], const uint8_t *p, size_t count)
{
    for (; count; count--, p += 64) {
        uint32_t w[16], s[8];
        memcpy(s, h, sizeof s);
        for (int i = 0; i < 16; i++) w[i] = word(p + 4 * i);
        for (int turn = 0; turn < 64; turn += 16) {
#define R(i) round_at(s, i, k256[turn + (i)] + w[i])
            R(0), R(1), R(2), R(3), R(4), R(5), R(6), R(7), R(8), R(9), R(10), R(11), R(12), R(13), R(14), R(15);
#undef R
            for (int i = 0; i < 16 && turn < 48; i++) { /* the next 16 words of the schedule, in place */
                uint32_t a = w[(i + 1) & 15], b = w[(i + 14) & 15];
                w[i] += (ror(a, 7) ^ ror(a, 18) ^ a >> 3) + w[(i + 9) & 15] + (ror(b, 17) ^ ror(b, 19) ^ b >> 10);
            }
        }
        for (int i = 0; i < 8; i++) h[i] += s[i];
    }
}

#ifdef NATIVE
/* The instructions keep the state as two vectors, (a b e f) and (c d g h), high to low. */
__attribute__((target("sha,sse4.1"))) static void blocks_native(uint32_t h[8], const uint8_t *p, size_t count)
{
    const __m128i swap = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    __m128i abef = _mm_set_epi32((int)h[0], (int)h[1], (int)h[4], (int)h[5]);
    __m128i cdgh = _mm_set_epi32((int)h[2], (int)h[3], (int)h[6], (int)h[7]);
    for (; count; count--, p += 64) {
        __m128i w[4], abef0 = abef, cdgh0 = cdgh;
        for (int i = 0; i < 16; i++) { /* four rounds each */
            __m128i *now = &w[i & 3], last = w[(i + 3) & 3];
            if (i < 4) *now = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i)), swap);
            else {
                __m128i seven = _mm_alignr_epi8(last, w[(i + 2) & 3], 4); /* words t-7 .. t-4 */
                *now = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(*now, w[(i + 1) & 3]), seven), last);
            }
            __m128i kw = _mm_add_epi32(*now, _mm_load_si128((const __m128i *)(const void *)(k256 + 4 * i)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, kw);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(kw, 0x0e));
        }
        abef = _mm_add_epi32(abef, abef0);
        cdgh = _mm_add_epi32(cdgh, cdgh0);
    }
    h[0] = (uint32_t)_mm_extract_epi32(abef, 3), h[1] = (uint32_t)_mm_extract_epi32(abef, 2);
    h[4] = (uint32_t)_mm_extract_epi32(abef, 1), h[5] = (uint32_t)_mm_extract_epi32(abef, 0);
    h[2] = (uint32_t)_mm_extract_epi32(cdgh, 3), h[3] = (uint32_t)_mm_extract_epi32(cdgh, 2);
    h[6] = (uint32_t)_mm_extract_epi32(cdgh, 1), h[7] = (uint32_t)_mm_extract_epi32(cdgh, 0);
}
#endif

sha256_blocks sha256_native(void)
{
#ifdef NATIVE
    unsigned a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_1) && (c & bit_SSSE3) && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
        (b & 1u << 29))
        return blocks_native;
#endif
    return NULL;
}

void file_sha256(const void *data, size_t size, char hex[65])
{
    uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    sha256_blocks blocks = sha256_native() ? sha256_native() : sha256_plain;
    const uint8_t *p = data;
    size_t rest = size % 64;
    blocks(h, p, size / 64);
    uint8_t last[128] = {0};
    if (rest) memcpy(last, p + size - rest, rest);
    last[rest] = 0x80;
    size_t tail = rest < 56 ? 1 : 2;
    for (int i = 0; i < 8; i++) last[64 * tail - 1 - (size_t)i] = (uint8_t)((uint64_t)size * 8 >> 8 * i);
    blocks(h, last, tail);
    for (int i = 0; i < 8; i++)
        for (int n = 0; n < 8; n++) hex[8 * i + n] = "0123456789abcdef"[h[i] >> (28 - 4 * n) & 15];
    hex[64] = '\0';
}
