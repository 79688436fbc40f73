/* learn.h - telling learners what people say about messages: moved into Junk or out of it, $Junk or
 * $NotJunk set (hook `learn`).
 *
 * A session hands what happened to the store, which keeps it until a learner has heard of it
 * (store/learning.h). One fiber of each edge process asks the store for words whose time has come,
 * and tells the filters, one message at a time; the session may be gone by then. */
#ifndef PROTOCOLS_ACCESS_LEARN_H
#define PROTOCOLS_ACCESS_LEARN_H

#include "protocols/access/access.h"

/* Messages were copied or moved: the roles of the mailboxes say what that means. from: the id of
 * one. */
FCT_MAY_WAIT void learn_moved(struct access *a, uint32_t principal, uint64_t from,
                              struct fct_str to, const uint64_t *email, size_t n);
/* A keyword was set on messages. */
FCT_MAY_WAIT void learn_keyword(struct access *a, uint32_t principal, bool spam,
                                const uint64_t *email, size_t n);

/* They came by APPEND. */
FCT_MAY_WAIT void learn_appended(struct access *a, uint32_t principal, struct fct_str mailbox,
                                 const uint32_t *uid, size_t n);

/* The fiber that tells, once per process; it ends soon after learn_stop. */
void learn_start(struct edge *edge);
void learn_stop(void);

/* Of `n`, the ones to take when at most `most` are: evenly spread, the first among them. For tests.
 */
static inline size_t learn_pick(size_t i, size_t n, size_t most)
{
    return n <= most ? i : (size_t)((uint64_t)i * n / most);
}

#endif
