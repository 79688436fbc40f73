/* imap_expunge.c - EXPUNGE and UID EXPUNGE (RFC 9051 6.4.3, 6.4.9), and what CLOSE removes. */
#include "protocols/imap/imap_hooks.h"

static const struct uid_range every_uid = {1, UINT32_MAX};

static FCT_MAY_WAIT bool expunge(struct imap_session *s, struct imap_command *c,
                                 struct uid_set uids, struct fct_err *err)
{
    uint64_t mod_seq;

    return uids.n == 0 ||
           store_expunge(s->edge.listener->edge->store, s->principal.handle, s->view.mailbox, uids,
                         true, &mod_seq, err) ||
           imap_store_failed(c, err);
}

static struct imap_indexes all_messages(const struct imap_session *s, struct arena *arena)
{
    uint32_t count = imap_view_count(&s->view);
    struct imap_range *all = ARENA_ARRAY(arena, struct imap_range, 1);

    *all = (struct imap_range){0, count ? count - 1 : 0};
    return (struct imap_indexes){all, count > 0};
}

/* The filters are told which messages will go, so exactly those go: the view is brought up to date
 * before the command's numbers are read. */
static FCT_MAY_WAIT bool expunge_asking(struct imap_session *s, struct imap_command *c, bool named,
                                        struct fct_err *err)
{
    struct imap_indexes within;
    struct uid_set uids;

    if (!imap_changes_sync(s, c->arena, true, c->uid, err))
        return imap_store_failed(c, err);
    if (s->state != IMAP_SELECTED || s->ending)
        return fct_fail(err, FCT_DENIED, "The mailbox is gone");
    within = all_messages(s, c->arena);
    if (named && !imap_take_messages(s, c, &within, err))
        return false;
    if (!imap_parse_end(c->args))
        return imap_syntax(err, "Unexpected text at the end");
    uids = imap_deleted_uids(s, &within, c->arena);
    if (uids.n == 0)
        return true;
    if (!imap_ask_expunge(s, c, uids, err) || !expunge(s, c, uids, err))
        return false;
    imap_told_expunge(s, c->arena, uids);
    return true;
}

bool imap_expunge_deleted(struct imap_session *s, struct imap_command *c, bool named,
                          struct fct_err *err)
{
    struct uid_set uids = {&every_uid, 1};
    struct imap_indexes messages;

    if (imap_expunge_is_hooked(s))
        return expunge_asking(s, c, named, err);
    if (named) {
        if (!imap_take_messages(s, c, &messages, err))
            return false;
        uids = imap_view_uids(&s->view, &messages, c->arena);
    }
    if (!imap_parse_end(c->args))
        return imap_syntax(err, "Unexpected text at the end");
    return expunge(s, c, uids, err);
}

bool imap_expunge_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    if (s->view.read_only)
        return imap_fail(c, "READ-ONLY", err, "The mailbox was opened with EXAMINE");
    if (!imap_expunge_deleted(s, c, c->uid, err))
        return false;
    s->changed = true; /* told before the tagged answer */
    return true;
}
