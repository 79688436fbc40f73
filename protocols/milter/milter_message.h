/* milter_message.h - the message as it was before the MTA took it apart: a synthetic Received,
 * every field as "name:value" with its leading space and folds, the empty line, the body; CRLF
 * everywhere. Kept in memory, in a memfd when large. */
#ifndef PROTOCOLS_MILTER_MILTER_MESSAGE_H
#define PROTOCOLS_MILTER_MILTER_MESSAGE_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/err.h"

/* A field that the MTA has: where it is in the message. */
struct milter_field {
    struct fct_str name;
    uint64_t start, end;
};

/* All messages of this process share the memory; the counter is touched from many threads. */
struct milter_spool;
struct milter_spool *milter_spool_new(uint64_t max_message, uint64_t max_together);
void milter_spool_free(struct milter_spool **spool);
uint64_t milter_spool_used(const struct milter_spool *spool);

enum milter_room { MILTER_FITS, MILTER_TOO_LARGE, MILTER_NO_ROOM, MILTER_FAILED };

struct milter_message {
    struct milter_spool *spool;
    struct arena *arena; /* of the transaction */
    struct buf tail;     /* not yet in fd */
    int fd;              /* -1 until there is one */
    uint64_t size, taken;
    enum milter_room room;
    struct milter_field *field;
    size_t fields, fields_room;
    uint64_t fields_at;  /* behind the synthetic Received */
    uint64_t fields_end; /* where the empty line begins; valid once has_end */
    uint64_t body_at;
    bool has_end;
    char *map; /* of a sealed message */
};

void milter_message_start(struct milter_message *m, struct milter_spool *spool, struct arena *arena,
                          struct fct_str received);
void milter_message_end(struct milter_message *m); /* gives everything back; twice is harmless */

/* leading_space: the MTA gives it with the value; otherwise it is one blank. */
void milter_message_field(struct milter_message *m, struct fct_str name, struct fct_str value,
                          bool leading_space);
void milter_message_end_header(struct milter_message *m); /* twice does nothing */
void milter_message_body(struct milter_message *m, struct fct_str bytes);
/* A copy of all up to the body. */
FCT_MUST_CHECK bool milter_message_header(const struct milter_message *m, struct buf *out);
/* All is there: a sealed memfd in m->fd. Its bytes live until milter_message_end. */
FCT_MUST_CHECK bool milter_message_seal(struct milter_message *m, struct fct_str *bytes,
                                        struct fct_err *err);

#endif
