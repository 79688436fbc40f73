/* dkim_fields.h - header fields by name, each used once, from the bottom up (RFC 6376 5.4.2): in
 * time that does not grow with names times fields. */
#ifndef DKIM_FIELDS_H
#define DKIM_FIELDS_H

#include "plugins/dkim/dkim_text.h"
#include <facteur/plugin.h>

struct dkim_fields {
    const struct fct_header *field;
    size_t n;
    uint32_t *above;     /* of each field: the next of that name above it, or DKIM_NO_FIELD */
    uint32_t *bottom;    /* table by name: the lowest field */
    uint32_t *next;      /* the same, as far as taken */
    uint32_t size;       /* of both, a power of two */
    struct fct_str last; /* name asked for last, and its place: signers name many fields twice */
    uint32_t last_at;
};
#define DKIM_NO_FIELD UINT32_MAX

/* False: no memory. */
FCT_MUST_CHECK bool dkim_fields_init(struct dkim_fields *f, const struct dkim_memory *memory,
                                     const struct fct_header *field, size_t n);
/* All fields can be taken again. */
void dkim_fields_rewind(struct dkim_fields *f);
/* The lowest of that name not taken yet; NULL: none is left, which hashes as nothing. */
const struct fct_header *dkim_fields_take(struct dkim_fields *f, struct fct_str name);

#endif
