/* blake3.c - see blake3.h. Chunks of 1 KiB are hashed for themselves, then pairs of results up to
 * the root. Eight at a time in vectors of eight words: the compiler makes of them what the
 * processor has, in the best of three variants. */
#include "store/blake3.h"

#include "core/base/err.h"

#define LANES       8u
#define CHUNK       1024u
#define BLOCK       64u
#define STEP_CHUNKS (BLAKE3_STEP / CHUNK)

enum { CHUNK_START = 1, CHUNK_END = 2, PARENT = 4, ROOT = 8, KEYED = 16 };

bool blake3_portable;

/* ---- the compression function, of words or of vectors of them ---- */

/* clang-format off */
#define IV0 0x6a09e667u
#define IV1 0xbb67ae85u
#define IV2 0x3c6ef372u
#define IV3 0xa54ff53au

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define WORD(x) (x)
#else
#define WORD(x) ((x) << 24 | ((x) & 0xff00) << 8 | ((x) >> 8 & 0xff00) | (x) >> 24)
#endif

#define TURN(x, n) ((x) >> (n) | (x) << (32 - (n)))

#define MIX(v, a, b, c, d, x, y)                              \
    v[a] += v[b] + (x); v[d] = TURN(v[d] ^ v[a], 16);         \
    v[c] += v[d];       v[b] = TURN(v[b] ^ v[c], 12);         \
    v[a] += v[b] + (y); v[d] = TURN(v[d] ^ v[a], 8);          \
    v[c] += v[d];       v[b] = TURN(v[b] ^ v[c], 7);

#define ROUND(v, m, a, b, c, d, e, f, g, h, i, j, k, l, n, o, p, q)            \
    MIX(v, 0, 4,  8, 12, m[a], m[b]) MIX(v, 1, 5,  9, 13, m[c], m[d])          \
    MIX(v, 2, 6, 10, 14, m[e], m[f]) MIX(v, 3, 7, 11, 15, m[g], m[h])          \
    MIX(v, 0, 5, 10, 15, m[i], m[j]) MIX(v, 1, 6, 11, 12, m[k], m[l])          \
    MIX(v, 2, 7,  8, 13, m[n], m[o]) MIX(v, 3, 4,  9, 14, m[p], m[q])

#define ROUNDS(v, m)                                                           \
    ROUND(v, m,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15) \
    ROUND(v, m,  2,  6,  3, 10,  7,  0,  4, 13,  1, 11, 12,  5,  9, 14, 15,  8) \
    ROUND(v, m,  3,  4, 10, 12, 13,  2,  7, 14,  6,  5,  9,  0, 11, 15,  8,  1) \
    ROUND(v, m, 10,  7, 12,  9, 14,  3, 13, 15,  4,  0, 11,  2,  5,  8,  1,  6) \
    ROUND(v, m, 12, 13,  9, 11, 15, 10, 14,  8,  7,  2,  5,  3,  0,  1,  6,  4) \
    ROUND(v, m,  9, 14, 11,  5,  8, 12, 15,  1, 13,  3,  0, 10,  2,  6,  4,  7) \
    ROUND(v, m, 11, 15,  5,  0,  1,  9,  8,  6, 14, 10,  2, 12,  3,  4,  7, 13)

#define FIRST_STATE(cv, ...) {cv[0], cv[1], cv[2], cv[3], cv[4], cv[5], cv[6], cv[7], __VA_ARGS__}

/* Written out: an index that varies would keep the words out of registers. */
#define EACH_OF_8(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)
/* clang-format on */

static void compress(uint32_t cv[8], const uint8_t *block, uint32_t n, uint64_t counter,
                     uint32_t flags)
{
    uint32_t low = (uint32_t)counter, high = (uint32_t)(counter >> 32);
    uint32_t v[16] = FIRST_STATE(cv, IV0, IV1, IV2, IV3, low, high, n, flags);
    uint32_t m[16];

    memcpy(m, block, sizeof m);
    for (size_t i = 0; i < 16; i++)
        m[i] = WORD(m[i]);
    ROUNDS(v, m)
#define CLOSE(i) cv[i] = v[i] ^ v[(i) + 8];
    EACH_OF_8(CLOSE)
}

#define CV_ORDER(i) cv[i] = WORD(cv[i]);

/* ---- eight side by side ---- */

typedef uint32_t lanes __attribute__((vector_size(4 * LANES)));

/* Inputs of the same number of blocks each, and what they come to. */
struct row {
    const uint8_t *in[LANES];
    size_t blocks;
    uint64_t counter[LANES];
    uint32_t flags, first, last; /* of every block, of the first, of the last */
    uint8_t out[LANES][32];
};

#define INLINE static inline __attribute__((always_inline)) void

/* clang-format off */
#define PAIR_LO(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define PAIR_HI(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define QUAD_LO(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define QUAD_HI(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#define HALF_LO(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define HALF_HI(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15)

/* Rows become columns. */
INLINE turn_square(lanes r[8])
{
    lanes a0 = PAIR_LO(r[0], r[1]), a1 = PAIR_HI(r[0], r[1]), a2 = PAIR_LO(r[2], r[3]), a3 = PAIR_HI(r[2], r[3]);
    lanes a4 = PAIR_LO(r[4], r[5]), a5 = PAIR_HI(r[4], r[5]), a6 = PAIR_LO(r[6], r[7]), a7 = PAIR_HI(r[6], r[7]);
    lanes b0 = QUAD_LO(a0, a2), b1 = QUAD_HI(a0, a2), b2 = QUAD_LO(a1, a3), b3 = QUAD_HI(a1, a3);
    lanes b4 = QUAD_LO(a4, a6), b5 = QUAD_HI(a4, a6), b6 = QUAD_LO(a5, a7), b7 = QUAD_HI(a5, a7);

    r[0] = HALF_LO(b0, b4); r[1] = HALF_LO(b1, b5); r[2] = HALF_LO(b2, b6); r[3] = HALF_LO(b3, b7);
    r[4] = HALF_HI(b0, b4); r[5] = HALF_HI(b1, b5); r[6] = HALF_HI(b2, b6); r[7] = HALF_HI(b3, b7);
}
/* clang-format on */

/* Eight words of each input from this byte on: word by word. */
INLINE load_words(const struct row *row, size_t at, lanes m[8])
{
#define LOAD(i) memcpy(&m[i], row->in[i] + at, sizeof(lanes));
    EACH_OF_8(LOAD)
    turn_square(m);
#define ORDER(i) m[i] = WORD(m[i]);
    EACH_OF_8(ORDER)
}

INLINE close_row(struct row *row, lanes cv[8])
{
    turn_square(cv);
    EACH_OF_8(CV_ORDER)
#define STORE(i) memcpy(row->out[i], &cv[i], sizeof(lanes));
    EACH_OF_8(STORE)
}

#define ALL(x) ((lanes){0} + (x))

INLINE hash_row_inline(const uint32_t key[8], struct row *row)
{
#define OPEN(i) ALL(key[i]),
    lanes cv[8] = {EACH_OF_8(OPEN)};
#define LOW(i)  (uint32_t) row->counter[i],
#define HIGH(i) (uint32_t)(row->counter[i] >> 32),
    lanes low = {EACH_OF_8(LOW)}, high = {EACH_OF_8(HIGH)};

    for (size_t b = 0; b < row->blocks; b++) {
        const lanes flags =
            ALL(row->flags | (b == 0 ? row->first : 0) | (b + 1 == row->blocks ? row->last : 0));
        lanes m[16], v[16] = FIRST_STATE(cv, ALL(IV0), ALL(IV1), ALL(IV2), ALL(IV3), low, high,
                                         ALL(BLOCK), flags);

        load_words(row, b * BLOCK, m);
        load_words(row, b * BLOCK + 32, m + 8);
        ROUNDS(v, m)
        EACH_OF_8(CLOSE)
    }
    close_row(row, cv);
}

static void hash_row_portable(const uint32_t key[8], struct row *row)
{
    hash_row_inline(key, row);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void hash_row_avx2(const uint32_t key[8], struct row *row)
{
    hash_row_inline(key, row);
}

/* It can turn bits in one instruction and has twice the registers. */
__attribute__((target("avx512f,avx512vl"))) static void hash_row_avx512(const uint32_t key[8],
                                                                        struct row *row)
{
    hash_row_inline(key, row);
}

static void hash_row(const uint32_t key[8], struct row *row)
{
    if (!blake3_portable && __builtin_cpu_supports("avx512vl"))
        hash_row_avx512(key, row);
    else if (!blake3_portable && __builtin_cpu_supports("avx2"))
        hash_row_avx2(key, row);
    else
        hash_row_portable(key, row);
}
#else
static void hash_row(const uint32_t key[8], struct row *row)
{
    hash_row_portable(key, row);
}
#endif

/* n inputs that lie one behind the other; in place is right. counts: their counters go up from
 * here, else all are 0. */
static void hash_many(const uint32_t key[8], struct row *row, const uint8_t *in, size_t n,
                      const uint64_t *counts, uint8_t (*out)[32])
{
    size_t size = row->blocks * BLOCK;

    for (size_t done = 0; done < n; done += LANES) {
        size_t now = n - done < LANES ? n - done : LANES;

        for (size_t i = 0; i < LANES; i++) {
            size_t at = done + (i < now ? i : 0); /* lanes without work do the first one's again */

            row->in[i] = in + at * size;
            row->counter[i] = counts ? *counts + at : 0;
        }
        hash_row(key, row);
        memcpy(out + done, row->out, now * 32);
    }
}

/* ---- the tree ---- */

/* A whole subtree: a power of two of whole chunks, at most a step. */
static void hash_subtree(const uint32_t key[8], const uint8_t *in, size_t chunks, uint64_t counter,
                         uint8_t out[32])
{
    struct row leaves = {
        .blocks = CHUNK / BLOCK, .flags = KEYED, .first = CHUNK_START, .last = CHUNK_END};
    struct row parents = {.blocks = 1, .flags = KEYED | PARENT};
    uint8_t cv[STEP_CHUNKS][32];

    hash_many(key, &leaves, in, chunks, &counter, cv);
    for (; chunks > 1; chunks /= 2)
        hash_many(key, &parents, cv[0], chunks / 2, NULL, cv);
    memcpy(out, cv[0], 32);
}

/* A node before its last compression, which is another one when it is the root. */
struct node {
    uint32_t cv[8];
    uint8_t block[BLOCK];
    uint64_t counter;
    uint32_t n, flags;
};

static void node_close(const struct node *node, uint32_t flags, uint8_t out[32])
{
    uint32_t cv[8];

    memcpy(cv, node->cv, sizeof cv);
    compress(cv, node->block, node->n, node->counter, node->flags | flags);
    EACH_OF_8(CV_ORDER)
    memcpy(out, cv, 32);
}

/* The children's results stand in its block. */
static void node_is_parent(const uint32_t key[8], struct node *node)
{
    memcpy(node->cv, key, sizeof node->cv);
    node->counter = 0;
    node->n = BLOCK;
    node->flags = KEYED | PARENT;
}

static void chunk_node(const uint32_t key[8], const uint8_t *in, size_t n, uint64_t counter,
                       struct node *out)
{
    uint32_t start = CHUNK_START;

    *out = (struct node){.counter = counter};
    memcpy(out->cv, key, sizeof out->cv);
    for (; n > BLOCK; in += BLOCK, n -= BLOCK, start = 0)
        compress(out->cv, in, BLOCK, counter, KEYED | start);
    if (n > 0)
        memcpy(out->block, in, n);
    out->n = (uint32_t)n;
    out->flags = KEYED | start | CHUNK_END;
}

/* At most a step. The left side of a tree is the largest whole one that leaves something. */
static void tree_node(const uint32_t key[8], const uint8_t *in, size_t n, uint64_t counter,
                      struct node *out)
{
    size_t left = 1;
    struct node right;

    if (n <= CHUNK) {
        chunk_node(key, in, n, counter, out);
        return;
    }
    while (2 * left <= (n - 1) / CHUNK)
        left *= 2;
    hash_subtree(key, in, left, counter, out->block);
    tree_node(key, in + left * CHUNK, n - left * CHUNK, counter + left, &right);
    node_close(&right, 0, out->block + 32);
    node_is_parent(key, out);
}

/* ---- the whole ---- */

void blake3_start(struct blake3 *h, const uint8_t key[32])
{
    memcpy(h->key, key, sizeof h->key);
    for (size_t i = 0; i < 8; i++)
        h->key[i] = WORD(h->key[i]);
    h->steps = 0;
    h->depth = 0;
}

/* The node of what is on top of the stack and of what stands in the second half of its block. */
static void join_top(struct blake3 *h, struct node *node)
{
    memcpy(node->block, h->stack[--h->depth], 32);
    node_is_parent(h->key, node);
}

void blake3_add(struct blake3 *h, const void *p, size_t n)
{
    const uint8_t *in = p;
    struct node node;

    FCT_ASSERT(n % BLAKE3_STEP == 0);
    for (; n > 0; in += BLAKE3_STEP, n -= BLAKE3_STEP) {
        uint8_t *cv = node.block + 32;

        hash_subtree(h->key, in, STEP_CHUNKS, h->steps * STEP_CHUNKS, cv);
        h->steps++;
        for (uint64_t left = h->steps; left % 2 == 0; left /= 2) {
            join_top(h, &node);
            node_close(&node, 0, cv);
        }
        memcpy(h->stack[h->depth++], cv, 32);
    }
}

void blake3_end(struct blake3 *h, const void *p, size_t n, uint8_t out[32])
{
    size_t whole = n > 0 ? (n - 1) / BLAKE3_STEP * BLAKE3_STEP : 0;
    const uint8_t *in = p;
    struct node node;

    FCT_ASSERT(n > 0 || h->steps == 0);
    blake3_add(h, in, whole);
    tree_node(h->key, whole > 0 ? in + whole : in, n - whole, h->steps * STEP_CHUNKS, &node);
    while (h->depth > 0) {
        node_close(&node, 0, node.block + 32);
        join_top(h, &node);
    }
    node_close(&node, ROOT, out);
}
