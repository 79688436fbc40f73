/* fuzzy_message.h - from a message, as the host shows it, to what is looked up and learned of it:
 * a sketch of the text people see, one of the HTML's shape, and hashes of attachments. */
#ifndef PLUGINS_FUZZY_FUZZY_MESSAGE_H
#define PLUGINS_FUZZY_FUZZY_MESSAGE_H

#include "fuzzy_sketch.h"

#include <facteur/plugin.h>

#define FUZZY_ATTACHMENTS_MAX 20

struct fuzzy_attachment {
    unsigned char id[FUZZY_ID_BYTES]; /* of SHA-256 of its bytes */
    bool is_image;                    /* logos stand in wanted mail and in forged */
};

struct fuzzy_marks {
    struct fuzzy_sketch text, html;
    struct fuzzy_attachment attachment[FUZZY_ATTACHMENTS_MAX];
    size_t attachments;
};

struct fuzzy_reading {
    const struct fct_host *host;
    struct fct_call *call; /* or a trial */
    uint64_t key;          /* fuzzy_key() */
    size_t max_text, min_attachment, max_attachments;
};

/* False: there is nothing to compare it by. */
bool fuzzy_message_marks(const struct fuzzy_reading *reading, struct fuzzy_marks *out);

/* The same bytes, whatever was put above them on the way: of the body and of the fields that
 * senders write. */
void fuzzy_message_digest(const struct fuzzy_reading *reading, unsigned char digest[16]);

#endif
