/* mime_stream.h - the parts of a message that comes in pieces (RFC 2045, RFC 2046): the same parts
 * as mime_scan finds, told as they go by, in memory that does not grow with the message.
 *
 * All bytes of the message are handed on, in order, each once. What goes beyond the limits ends it:
 * `truncated`, and nothing more is told. Without `truncated` the parts are those of mime_scan. */
#ifndef CORE_MESSAGE_MIME_STREAM_H
#define CORE_MESSAGE_MIME_STREAM_H

#include "core/message/mime.h"

struct mime_stream_events {
    /* A part begins: its header, with the empty line if there is one. Of `part` what the header
     * says counts, is.parent and is.depth, is_multipart and is_message; it lives until the call
     * returns. Parts are numbered from 0 on in the order of these calls. */
    void (*header)(void *arg, const struct mime_part *part, struct fct_str bytes);
    /* Of the body of a leaf, or (`between`) what stands before, between and behind the parts of a
     * multipart. */
    void (*body)(void *arg, int part, bool between, struct fct_str bytes);
    /* A boundary line, and in front of it the line end that belongs to it. */
    void (*boundary)(void *arg, struct fct_str bytes);
};

struct mime_stream;

/* limits and events must outlive it. */
struct mime_stream *mime_stream_new(const struct mime_limits *limits,
                                    const struct mime_stream_events *events, void *arg);
void mime_stream_free(struct mime_stream **s);
void mime_stream_put(struct mime_stream *s, struct fct_str bytes);
void mime_stream_end(struct mime_stream *s);
bool mime_stream_truncated(const struct mime_stream *s);

#endif
