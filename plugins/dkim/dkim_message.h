/* dkim_message.h - a message as signatures see it: fields and a body. */
#ifndef DKIM_MESSAGE_H
#define DKIM_MESSAGE_H

#include "plugins/dkim/dkim_text.h"
#include <facteur/plugin.h>

struct dkim_message {
    const struct fct_header *field;
    size_t fields;
    struct fct_str body;
};

/* The body: behind the first empty line (CRLF line ends). */
struct fct_str dkim_message_body(struct fct_str message);
/* Of a message whose fields are known, views into it: looked for behind the last one. */
struct dkim_message dkim_message_of(struct fct_str message, const struct fct_header *field,
                                    size_t fields);
/* For text that no host has taken apart: views into it. A line that is no field belongs to the one
 * before it. False: no memory. */
FCT_MUST_CHECK bool dkim_message_split(const struct dkim_memory *memory, struct fct_str text,
                                       struct dkim_message *out);

#endif
