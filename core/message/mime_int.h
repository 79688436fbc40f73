/* mime_int.h - between the scanner (mime_walk.c) and the reader of one part's header (mime.c). */
#ifndef CORE_MESSAGE_MIME_INT_H
#define CORE_MESSAGE_MIME_INT_H

#include "core/message/mime.h"

struct part_reader {
    struct arena *arena;
    const struct mime_limits *limits;
    unsigned *defects;
    bool in_digest; /* parent is multipart/digest: the default type is message/rfc822 (RFC
                       2046 5.1.5) */
};

/* Fills in everything that part->header tells. */
void mime_part_read_header(struct part_reader *r, struct mime_part *part);

#endif
