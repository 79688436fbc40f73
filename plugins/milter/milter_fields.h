/* milter_fields.h - the header as the filter sees it, and what it made of it. Edits by number refer
 * to the list as earlier edits left it, so they are collected here and handed to the host once, in
 * the host's own terms: fields of the original. */
#ifndef MILTER_FIELDS_H
#define MILTER_FIELDS_H

#include <facteur/plugin.h>

struct milter_field {
    struct fct_str name, value;      /* value: after the colon, as it is on the wire */
    const struct fct_header *header; /* of the original; NULL: made by an earlier edit, or new */
    bool hidden;                     /* our own Received line: filters do not see it */
    bool fresh, changed, removed;    /* by this filter */
};

struct milter_fields {
    const struct fct_host *host;
    struct fct_call *call;
    struct milter_field *field;
    size_t n, room;
    struct fct_str body; /* behind the header */
};

/* From the message as edits so far made it. False: no memory. */
FCT_MUST_CHECK bool milter_fields_read(struct milter_fields *f, const struct fct_host *host,
                                       struct fct_call *call);
/* SMFIR_ADDHEADER, INSHEADER, CHGHEADER: index 0 is the top, nth 1 the first of its name; an empty
 * value removes. False: it asks for what cannot be done. */
FCT_MUST_CHECK bool milter_fields_add(struct milter_fields *f, struct fct_str name,
                                      struct fct_str value);
FCT_MUST_CHECK bool milter_fields_insert(struct milter_fields *f, uint32_t index,
                                         struct fct_str name, struct fct_str value);
FCT_MUST_CHECK bool milter_fields_change(struct milter_fields *f, uint32_t nth, struct fct_str name,
                                         struct fct_str value);
/* Everything to the host; how many edits it refused. */
size_t milter_fields_commit(struct milter_fields *f);

#endif
