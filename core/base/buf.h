/* buf.h - a growing byte buffer created with its maximum, so that no unbounded buffer can be
 * written by accident.
 *
 * Appending past the maximum sets `overflow`, drops the bytes and everything later: check once at
 * the end. */
#ifndef CORE_BASE_BUF_H
#define CORE_BASE_BUF_H

#include <facteur/base.h>

struct buf {
    char *p;
    size_t n, cap, max;
    bool overflow;
};

#define BUF_INIT(maximum) ((struct buf){.max = (maximum)})

void buf_free(struct buf *b); /* leaves it empty and reusable; fit for FCT_CLEANUP */
void buf_clear(struct buf *b);
bool buf_put(struct buf *b, const void *p, size_t n);
bool buf_put_char(struct buf *b, char c);
bool buf_put_str(struct buf *b, struct fct_str s);
bool buf_put_c(struct buf *b, const char *cstr);
bool buf_put_u64(struct buf *b, uint64_t v); /* decimal, without printf */
bool buf_printf(struct buf *b, const char *fmt, ...) FCT_PRINTF(2, 3);
/* Room for n bytes at the end, NULL on overflow; b->n is not moved: add what was written to it. */
char *buf_reserve(struct buf *b, size_t n);
void buf_drop_front(struct buf *b, size_t n);
static inline struct fct_str buf_str(const struct buf *b)
{
    return (struct fct_str){b->p, b->n};
}

#endif
