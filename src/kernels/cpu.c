/* cpu.c - which tables this processor and this operating system can run. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kern_q8.h"

#if defined(__x86_64__)
#include <cpuid.h>

extern const kern_table kern_avx2, kern_avx512;
extern const kern_q8 kern_q8_avx2, kern_q8_avxvnni, kern_q8_avx512;

static unsigned long long xcr0(void)
{
    unsigned lo, hi;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (unsigned long long)hi << 32 | lo;
}

/* 0: neither, 1: AVX2 + FMA + F16C, 2: also AVX-512 F, DQ, BW, VL. */
static int x86_level(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
    int osxsave = c >> 27 & 1, avx = c >> 28 & 1, fma = c >> 12 & 1, f16c = c >> 29 & 1;
    if (!osxsave || !avx || !fma || !f16c) return 0;
    unsigned long long saved = xcr0();
    if ((saved & 0x6) != 0x6) return 0; /* the system must save the wide registers, or they are lost at a switch */
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b >> 5 & 1)) return 0;
    int avx512 = (b >> 16 & 1) && (b >> 17 & 1) && (b >> 30 & 1) && (b >> 31 & 1);
    return avx512 && (saved & 0xe6) == 0xe6 ? 2 : 1;
}

/* Dot products of bytes: for the 512-bit registers, and for the 256-bit ones without AVX-512. */
static int x86_has_avx512_vnni(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c >> 11 & 1);
}

static int x86_has_avx_vnni(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}
#elif defined(__aarch64__)
#if defined(__linux__)
#include <sys/auxv.h>
#endif

extern const kern_table kern_neon;
extern const kern_q8 kern_q8_neon, kern_q8_dotprod, kern_q8_i8mm;

/* What the system says of the processor; a system not known here says nothing. */
static int arm_has_dotprod(void)
{
#if defined(HWCAP_ASIMDDP)
    return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#else
    return 0;
#endif
}

static int arm_has_i8mm(void)
{
#if defined(HWCAP2_I8MM)
    return (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0;
#else
    return 0;
#endif
}
#endif

enum { MAX_TABLES = 4 };

static struct {
    const kern_table *table[MAX_TABLES]; /* from slowest to fastest */
    size_t count;
    const kern_table *best;
    const kern_q8 *q8[MAX_TABLES];
    size_t q8_count;
} cpu;
static pthread_once_t cpu_once = PTHREAD_ONCE_INIT;

static void cpu_init(void)
{
    cpu.table[cpu.count++] = &kern_ref;
    cpu.q8[cpu.q8_count++] = &kern_q8_ref;
#if defined(__x86_64__)
    int level = x86_level();
    if (level >= 1) cpu.table[cpu.count++] = &kern_avx2;
    if (level >= 2) cpu.table[cpu.count++] = &kern_avx512;
    if (level >= 1) cpu.q8[cpu.q8_count++] = &kern_q8_avx2;
    if (level >= 1 && x86_has_avx_vnni()) cpu.q8[cpu.q8_count++] = &kern_q8_avxvnni;
    if (level >= 2 && x86_has_avx512_vnni()) cpu.q8[cpu.q8_count++] = &kern_q8_avx512;
#elif defined(__aarch64__)
    cpu.table[cpu.count++] = &kern_neon;
    cpu.q8[cpu.q8_count++] = &kern_q8_neon;
    if (arm_has_dotprod()) cpu.q8[cpu.q8_count++] = &kern_q8_dotprod;
    if (arm_has_i8mm()) cpu.q8[cpu.q8_count++] = &kern_q8_i8mm;
#endif
    cpu.best = cpu.table[cpu.count - 1];
    const char *cap = getenv("DRGEN_ISA");
    for (size_t i = 0; cap && i < cpu.count; i++)
        if (strcmp(cpu.table[i]->isa, cap) == 0) cpu.best = cpu.table[i];
}

const kern_table *kern_best(void)
{
    pthread_once(&cpu_once, cpu_init);
    return cpu.best;
}

const kern_table *const *kern_available(size_t *count)
{
    pthread_once(&cpu_once, cpu_init);
    *count = cpu.count;
    return cpu.table;
}

const kern_table *kern_find(const char *isa)
{
    pthread_once(&cpu_once, cpu_init);
    for (size_t i = 0; i < cpu.count; i++)
        if (strcmp(cpu.table[i]->isa, isa) == 0) return cpu.table[i];
    return NULL;
}

const kern_q8 *const *kern_q8_available(size_t *count)
{
    pthread_once(&cpu_once, cpu_init);
    *count = cpu.q8_count;
    return cpu.q8;
}

const kern_q8 *kern_q8_of(const kern_table *kern)
{
    size_t count;
    const kern_q8 *const *table = kern_q8_available(&count);
    /* A capped choice gets the int8 table of that name; the machine's own best gets the last one. */
    if (kern == cpu.table[cpu.count - 1]) return table[count - 1];
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i]->isa, kern->isa) == 0) return table[i];
    return &kern_q8_ref;
}
