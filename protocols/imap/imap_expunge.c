/* imap_expunge.c - EXPUNGE and UID EXPUNGE (RFC 9051 6.4.3, 6.4.9). */
#include "protocols/imap/imap_session.h"

static const struct uid_range every_uid = {1, UINT32_MAX};

bool imap_expunge_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    struct uid_set uids = {&every_uid, 1};
    struct imap_indexes messages;
    uint64_t mod_seq;

    if (c->uid) {
        if (!imap_take_messages(s, c, &messages, err))
            return false;
        uids = imap_view_uids(&s->view, &messages, c->arena);
    }
    if (!imap_parse_end(c->args))
        return imap_syntax(err, "Unexpected text at the end");
    if (s->view.read_only)
        return imap_fail(c, "READ-ONLY", err, "The mailbox was opened with EXAMINE");
    if (uids.n > 0 && !store_expunge(s->edge.listener->edge->store, s->principal.handle,
                                     s->view.mailbox, uids, true, &mod_seq, err))
        return imap_store_failed(c, err);
    s->changed = true; /* told before the tagged answer */
    return true;
}
