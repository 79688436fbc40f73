/* dkim_canonical.h - the two forms in which headers and bodies are hashed (RFC 6376 3.4), made from
 * the original bytes as they pass, without a copy of the message. */
#ifndef DKIM_CANONICAL_H
#define DKIM_CANONICAL_H

#include <facteur/plugin.h>

/* Where the bytes go: gathered into blocks first, words are short. */
struct dkim_sink {
    void (*put)(void *arg, const char *bytes, size_t n);
    void *arg;
    size_t held;
    char hold[4096];
};
void dkim_sink_put(struct dkim_sink *sink, const char *bytes, size_t n);
void dkim_sink_flush(struct dkim_sink *sink);

/* One field (3.4.1, 3.4.2). `blank` is left out of it: the value of b=, when the field is the
 * signature itself, which also goes without its line end (`last`). */
void dkim_header_put(struct dkim_sink *sink, bool relaxed, const struct fct_header *field,
                     struct fct_str blank, bool last);

/* A body (3.4.3, 3.4.4) in pieces of any size. */
struct dkim_body {
    struct dkim_sink *sink;
    bool relaxed;
    bool cr, space;  /* met, not put: what follows says whether they count */
    uint64_t lines;  /* line ends held back: those at the end do not count */
    uint64_t length; /* bytes put so far */
};
void dkim_body_begin(struct dkim_body *body, struct dkim_sink *sink, bool relaxed);
void dkim_body_put(struct dkim_body *body, const char *bytes, size_t n);
void dkim_body_end(struct dkim_body *body);

#endif
