/* learn.h - telling learners what people say about messages: moved into Junk or out of it, $Junk or
 * $NotJunk set (hook `learn`).
 *
 * A session only notes what happened. One fiber of the process reads the originals afterwards, one
 * message at a time, and tells the filters; the session is not delayed and may be gone by then. */
#ifndef PROTOCOLS_ACCESS_LEARN_H
#define PROTOCOLS_ACCESS_LEARN_H

#include "protocols/access/access.h"

struct learn_message {
    uint64_t email_id;
    uint32_t uid; /* where it is now */
};

/* Messages were copied or moved: the roles of the mailboxes say what that means. */
void learn_moved(struct access *a, uint32_t principal, enum mailbox_role from, struct fct_str to,
                 const struct learn_message *message, size_t n);
/* A keyword was set on messages of `mailbox`. */
void learn_keyword(struct access *a, uint32_t principal, struct fct_str mailbox, bool spam,
                   const struct learn_message *message, size_t n);

/* store_logout, but not before what was noted for this login is told. */
void learn_logout(struct access *a, struct store_principal *p);

/* Of `n`, the ones to take when at most `most` are: evenly spread, the first among them. For tests.
 */
static inline size_t learn_pick(size_t i, size_t n, size_t most)
{
    return n <= most ? i : (size_t)((uint64_t)i * n / most);
}

#endif
