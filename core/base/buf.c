/* buf.c - see buf.h. */
#include "core/base/buf.h"

#include "core/base/err.h"

#include <stdlib.h>

void buf_free(struct buf *b)
{
    free(b->p);
    *b = BUF_INIT(b->max);
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->overflow = false;
}

char *buf_reserve(struct buf *b, size_t n)
{
    size_t cap = b->cap ? b->cap : 64;

    if (b->overflow || b->n > b->max || n > b->max - b->n) {
        b->overflow = true;
        return NULL;
    }
    if (b->n + n > b->cap) {
        while (cap < b->n + n)
            cap *= 2;
        if (cap > b->max)
            cap = b->max;
        b->p = realloc(b->p, cap ? cap : 1);
        FCT_ASSERT(b->p);
        b->cap = cap;
    }
    return b->p ? b->p + b->n : (b->p = calloc(1, 1));
}

bool buf_put(struct buf *b, const void *p, size_t n)
{
    char *to = buf_reserve(b, n);

    if (!to)
        return false;
    if (n)
        memcpy(to, p, n);
    b->n += n;
    return true;
}

bool buf_put_char(struct buf *b, char c)
{
    if (b->n < b->cap && !b->overflow) {
        b->p[b->n++] = c;
        return true;
    }
    return buf_put(b, &c, 1);
}

bool buf_put_str(struct buf *b, struct fct_str s)
{
    return buf_put(b, s.p, s.n);
}

bool buf_put_c(struct buf *b, const char *cstr)
{
    return buf_put(b, cstr, strlen(cstr));
}

bool buf_put_u64(struct buf *b, uint64_t v)
{
    char digits[20], *at = digits + sizeof digits;

    do
        *--at = (char)('0' + v % 10);
    while (v /= 10);
    return buf_put(b, at, (size_t)(digits + sizeof digits - at));
}

bool buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    size_t room = b->cap - b->n; /* enough nearly always: then it is formatted once */
    char *to;
    int n;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(room > 0 ? b->p + b->n : NULL, room, fmt, ap);
    va_end(ap);
    FCT_ASSERT(n >= 0);
    to = b->max - b->n > (size_t)n ? buf_reserve(b, (size_t)n + 1) : NULL;
    if (to) {
        if ((size_t)n >= room)
            vsnprintf(to, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    } else {
        b->overflow = true;
    }
    va_end(again);
    return to != NULL;
}

void buf_drop_front(struct buf *b, size_t n)
{
    FCT_ASSERT(n <= b->n);
    b->n -= n;
    if (b->n)
        memmove(b->p, b->p + n, b->n);
}
