/* smtp_spool.h - where the bytes of a message wait for their end: a small buffer, then a memfd,
 * then a file of the store.
 *
 * Most messages are small: they are collected in one block of memory, which also is what the MIME
 * pass reads, and are written to the memfd once. Adding never waits; when the memory is used up,
 * `full` is set and the caller moves the spool into a file from a fiber before it adds more. */
#ifndef PROTOCOLS_SMTP_SMTP_SPOOL_H
#define PROTOCOLS_SMTP_SMTP_SPOOL_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "store/store_client.h"

struct smtp_spool {
    int fd;              /* -1 until there is one */
    int reader;          /* of a file: can only read, for the filters; else -1 */
    bool in_file;        /* fd is the store's file, not a memfd */
    uint64_t size;       /* bytes added */
    uint64_t written;    /* of them in fd; the others are in `tail` */
    uint64_t memory_max; /* before it has to move to a file */
    uint64_t total_max;  /* of all spools of the process */
    uint64_t charged;    /* its share of the total */
    struct buf tail;
    char *map; /* of a sealed spool that does not fit `tail` */
    struct fct_err
        err; /* class FCT_OK while all is well: a disk that fails is reported at the end */
};

/* total_max: what the memory of all spools of this process may be before new bytes go to files. */
void smtp_spool_start(struct smtp_spool *s, uint64_t memory_max, uint64_t total_max);
uint64_t smtp_spool_total(void); /* bytes of memory in all spools of this process */
/* Files did not help: the buffers alone fill twice that much. */
bool smtp_spool_has_room(uint64_t total_max);
void smtp_spool_end(struct smtp_spool *s); /* give everything back; twice does nothing */

void smtp_spool_add(struct smtp_spool *s, const char *p, size_t n);
bool smtp_spool_must_move(const struct smtp_spool *s); /* the memory is used up */
/* Continue in a file of the store. */
FCT_MAY_WAIT FCT_MUST_CHECK bool smtp_spool_move(struct smtp_spool *s, struct store *store,
                                                 struct fct_err *err);
/* For those who must not change the message; *fd stays the spool's. */
static inline int smtp_spool_reader(const struct smtp_spool *s)
{
    return s->in_file ? s->reader : s->fd;
}
/* All is there: write the rest, seal the memfd, make the bytes readable. *bytes lives until
 * smtp_spool_end. */
FCT_MUST_CHECK bool smtp_spool_seal(struct smtp_spool *s, struct fct_str *bytes,
                                    struct fct_err *err);

#endif
