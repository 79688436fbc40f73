/* blake3.h - keyed BLAKE3 (O'Connor, Aumasson, Neves, Wilcox-O'Hearn 2020) with 32 bytes of output,
 * which names bodies: a tree of chunks, so that a processor hashes several side by side, five to
 * ten times as fast as BLAKE2b. The key is the installation's secret. Not for passwords. */
#ifndef STORE_BLAKE3_H
#define STORE_BLAKE3_H

#include <facteur/base.h>

#define BLAKE3_STEP 65536u

struct blake3 {
    uint32_t key[8];
    uint64_t steps;
    unsigned depth;
    uint8_t stack[44][32]; /* what whole subtrees came to, the largest first */
};

void blake3_start(struct blake3 *h, const uint8_t key[32]);
/* n is a multiple of BLAKE3_STEP, and more follows. */
void blake3_add(struct blake3 *h, const void *p, size_t n);
/* The rest, of any length; at least one byte when anything was added. */
void blake3_end(struct blake3 *h, const void *p, size_t n, uint8_t out[32]);

/* The same without AVX2 or better, for tests. */
extern bool blake3_portable;

#endif
