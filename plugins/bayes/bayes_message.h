/* bayes_message.h - from a message, as the host shows it, to its tokens. Library fct_bayes_message:
 * for the plugin and for facteurctl, which teaches from files. */
#ifndef PLUGINS_BAYES_BAYES_MESSAGE_H
#define PLUGINS_BAYES_BAYES_MESSAGE_H

#include "bayes_tokens.h"

#include <facteur/plugin.h>

struct bayes_reading {
    const struct fct_host *host;
    struct fct_call *call; /* or a trial */
    uint64_t key;          /* bayes_key() */
    size_t max_text;       /* bytes of text that are looked at */
    struct fct_str server; /* our own name: what we wrote into Received is left out */
};

/* Rising hashes; returns how many. 0: there is no message, or no memory left for it. */
size_t bayes_message_tokens(const struct bayes_reading *reading, uint64_t out[BAYES_TOKENS]);

/* The same bytes, whatever was put above them on the way: what is learned is remembered by this.
 * Of the body and of the fields that senders write. */
struct bayes_digest {
    char hex[33];
};
void bayes_message_digest(const struct bayes_reading *reading, struct bayes_digest *out);

#endif
