/* bayes_near.h - which of the last messages that a user spoke about is nearly the same as this one?
 *
 * Counts of words need many messages before they mean anything; a user who moves one message to
 * Junk expects the next of its kind there. Of each the lowest hashes are kept: as tokens are chosen
 * in that way too, the share that two such lists have in common estimates what the messages have in
 * common (A. Broder, "On the resemblance and containment of documents", 1997). */
#ifndef PLUGINS_BAYES_BAYES_NEAR_H
#define PLUGINS_BAYES_BAYES_NEAR_H

#include "bayes_message.h"

#define BAYES_SKETCH     48  /* hashes of a message; the estimate is right to about 0.07 */
#define BAYES_SKETCH_MIN 24  /* shorter messages are like each other by chance */
#define BAYES_NEAR_MAX   100 /* messages remembered of a user: 23 KiB */

/* How it lies in Redis: class, digest, hashes of four bytes. */
struct bayes_near_record {
    char bytes[1 + 32 + 4 * BAYES_SKETCH];
    size_t n; /* 0: too short to be remembered */
};
void bayes_near_make(bool spam, const struct bayes_digest *digest, const uint64_t *token, size_t n,
                     struct bayes_near_record *out);

struct bayes_near {
    double likeness; /* 0 to 1, of the nearest */
    bool spam;
};
/* `list` are records, the newest first: among equally near ones the newest decides. */
void bayes_near_find(const struct bayes_near_record *record, const struct fct_redis_reply *list,
                     struct bayes_near *out);

#endif
