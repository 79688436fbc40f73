/* imap_copy_move.c - COPY and MOVE (RFC 9051 6.4.7, 6.4.8) with COPYUID (RFC 4315). */
#include "protocols/imap/imap_hooks.h"
#include "protocols/imap/imap_response.h"

static struct fct_str copy_uid(struct imap_command *c, const struct store_copied *copied)
{
    FCT_CLEANUP(buf_free) struct buf code = BUF_INIT(16u << 20);

    if (copied->n == 0)
        return (struct fct_str){0};
    buf_put_c(&code, "COPYUID ");
    buf_put_u64(&code, copied->uid_validity);
    buf_put_char(&code, ' ');
    imap_response_uids(&code, copied->source, copied->n);
    buf_put_char(&code, ' ');
    imap_response_uids(&code, copied->target, copied->n);
    return arena_str(c->arena, buf_str(&code));
}

/* The store says DENIED for a target that is not there; clients then create it (RFC 9051 6.4.7
 * TRYCREATE). */
static bool copy_failed(struct imap_session *s, struct imap_command *c, struct fct_str target,
                        struct fct_err *err)
{
    struct fct_err ignored = {0};
    struct mailbox_info info;

    if (err->class == FCT_DENIED &&
        !store_mailbox(s->edge.listener->edge->store, s->principal.handle, target, c->arena, &info,
                       &ignored) &&
        ignored.class == FCT_DENIED)
        return imap_fail(c, "TRYCREATE", err, "There is no such mailbox");
    return imap_store_failed(c, err);
}

static bool copy(struct imap_session *s, struct imap_command *c, bool move, struct fct_err *err)
{
    struct imap_indexes messages;
    struct store_copied copied;
    struct fct_str target, code;
    struct uid_set uids;

    if (!imap_take_messages(s, c, &messages, err) || !imap_mailbox_parse(s, c, &target, err))
        return false;
    if (!imap_parse_end(c->args))
        return imap_syntax(err, "Unexpected text at the end");
    if (move && s->view.read_only)
        return imap_fail(c, "READ-ONLY", err, "The mailbox was opened with EXAMINE");
    if (messages.n == 0)
        return true;
    uids = imap_view_uids(&s->view, &messages, c->arena);
    if (!imap_ask_copy(s, c, uids, target, move, err))
        return false;
    if (!store_copy(s->edge.listener->edge->store, s->principal.handle, s->view.mailbox, uids,
                    target, move, c->arena, &copied, err))
        return copy_failed(s, c, target, err);
    if (copied.shows_originals && !imap_copy_originals(s, c, &messages, target, move, &copied, err))
        return false;
    imap_told_copy(s, c->arena, target, move, &copied);
    code = copy_uid(c, &copied);
    if (move && code.n > 0) { /* before the EXPUNGEs (RFC 6851 4.3) */
        imap_put(s, "* OK [");
        buf_put_str(&s->out, code);
        imap_put(s, "] Moved\r\n");
    } else {
        c->code = code;
    }
    if (move || str_equal(target, str_from(s->view.name)))
        s->changed = true;
    return true;
}

bool imap_copy_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    return copy(s, c, false, err);
}

bool imap_move_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    return copy(s, c, true, err);
}
