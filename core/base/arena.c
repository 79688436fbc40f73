/* arena.c - bump allocation in blocks; large pieces get a block of their own. */
#include "core/base/arena.h"

#include "core/base/err.h"

#include <stdlib.h>

#define BLOCK_BYTES 4096
#define ALIGN       16

struct block {
    struct block *next;
    size_t size, used; /* of data */
    _Alignas(ALIGN) char data[];
};

struct deferred {
    struct deferred *next;
    void (*release)(void *arg);
    void *arg;
};

struct arena {
    struct arena *parent, *children, *next, **self;
    struct block *blocks;
    struct deferred *deferred;
    size_t bytes;
};

/* Blocks of the usual size that this thread has done with: for malloc() they are large enough to be
 * cut and joined each time. A checker of memory is told the truth. */
#ifdef __SANITIZE_ADDRESS__
#define SPARE_MOST 0
#else
#define SPARE_MOST 256
#endif

static _Thread_local struct {
    struct block *first;
    size_t n, most;
} spare;

void arena_keep_spare(void)
{
    spare.most = SPARE_MOST;
}

static void *take(size_t bytes)
{
    void *p = malloc(bytes);

    FCT_ASSERT(p);
    return p;
}

struct arena *arena_new(struct arena *parent)
{
    struct arena *a = take(sizeof *a);

    *a = (struct arena){.parent = parent};
    if (parent) {
        a->next = parent->children;
        a->self = &parent->children;
        if (a->next)
            a->next->self = &a->next;
        parent->children = a;
    }
    return a;
}

static void drop_block(struct block *b)
{
    if (b->size != BLOCK_BYTES || spare.n >= spare.most) {
        free(b);
        return;
    }
    b->next = spare.first;
    spare.first = b;
    spare.n++;
}

static struct block *take_block(size_t size)
{
    struct block *b = size == BLOCK_BYTES ? spare.first : NULL;

    if (b) {
        spare.first = b->next;
        spare.n--;
        return b;
    }
    b = take(sizeof *b + size);
    b->size = size;
    return b;
}

static void release_contents(struct arena *a, bool keep_one)
{
    struct block *keep = NULL;

    while (a->children) {
        struct arena *child = a->children;

        arena_free(&child);
    }
    while (a->deferred) {
        struct deferred *d = a->deferred;

        a->deferred = d->next;
        d->release(d->arg);
    }
    while (a->blocks) {
        struct block *b = a->blocks;

        a->blocks = b->next;
        if (keep_one && !keep && b->size == BLOCK_BYTES)
            keep = b;
        else
            drop_block(b);
    }
    if (keep) {
        keep->next = NULL;
        keep->used = 0;
        a->blocks = keep;
    }
    a->bytes = 0;
}

void arena_free(struct arena **arena)
{
    struct arena *a = *arena;

    if (!a)
        return;
    *arena = NULL;
    release_contents(a, false);
    if (a->self) {
        *a->self = a->next;
        if (a->next)
            a->next->self = a->self;
    }
    free(a);
}

void arena_reset(struct arena *a)
{
    release_contents(a, true);
}

static struct block *add_block(struct arena *a, size_t size)
{
    struct block *b = take_block(size);

    b->used = 0;
    if (size > BLOCK_BYTES && a->blocks) { /* keep filling the block in hand */
        b->next = a->blocks->next;
        a->blocks->next = b;
    } else {
        b->next = a->blocks;
        a->blocks = b;
    }
    return b;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    struct block *b = a->blocks;
    size_t want;
    void *p;

    FCT_ASSERT(bytes <= SIZE_MAX / 2);
    want = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (want > BLOCK_BYTES / 2)
        b = add_block(a, want > BLOCK_BYTES ? want : BLOCK_BYTES + ALIGN);
    else if (!b || b->size - b->used < want)
        b = add_block(a, BLOCK_BYTES);
    p = b->data + b->used;
    b->used += want;
    a->bytes += want;
    return memset(p, 0, bytes);
}

void *arena_grow(struct arena *a, void *old, size_t old_bytes, size_t new_bytes)
{
    void *p = arena_alloc(a, new_bytes);

    if (old_bytes)
        memcpy(p, old, old_bytes < new_bytes ? old_bytes : new_bytes);
    return p;
}

struct fct_str arena_str(struct arena *a, struct fct_str s)
{
    char *p = arena_alloc(a, s.n + 1);

    if (s.n)
        memcpy(p, s.p, s.n);
    return (struct fct_str){p, s.n};
}

const char *arena_cstr(struct arena *a, struct fct_str s)
{
    return arena_str(a, s).p;
}

struct fct_str arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    char usual[200]; /* most are shorter, and formatted once */
    char *p;
    int n;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(usual, sizeof usual, fmt, ap);
    va_end(ap);
    FCT_ASSERT(n >= 0);
    p = arena_alloc(a, (size_t)n + 1);
    if ((size_t)n < sizeof usual)
        memcpy(p, usual, (size_t)n);
    else
        vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return (struct fct_str){p, (size_t)n};
}

void arena_defer(struct arena *a, void (*release)(void *arg), void *arg)
{
    struct deferred *d = arena_alloc(a, sizeof *d);

    *d = (struct deferred){a->deferred, release, arg};
    a->deferred = d;
}

size_t arena_bytes(const struct arena *a)
{
    return a->bytes;
}
