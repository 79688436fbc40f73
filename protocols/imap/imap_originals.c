/* imap_originals.c - COPY and MOVE into the mailbox for originals (imap_hooks.h): what comes there
 * is shown as it was received, before anybody's edits.
 *
 * A UID's bytes never change (RFC 9051 2.3.1.1): each becomes a new message of the same original,
 * whose structure is described anew. The source stays what it is. */
#include "protocols/imap/imap_hooks.h"

#include "store/shown_view.h"

#include <unistd.h>

static FCT_MAY_WAIT bool make_show(struct imap_session *s, struct imap_command *c,
                                   const struct hot_record *r, struct store_show *out,
                                   struct fct_err *err)
{
    uint64_t email = r->email_id; /* the view may move while we wait */
    struct store_source source;
    bool ok;

    *out = (struct store_show){.uid = r->uid};
    if (!store_source(s->edge.listener->edge->store, s->principal.handle, email, c->arena, &source,
                      err))
        return false;
    ok = shown_view_make(c->arena, &source, SHOWN_ORIGINAL, out, err);
    close(source.fd);
    return ok;
}

/* One that is gone meanwhile is left out (RFC 9051 6.4.7). */
static FCT_MAY_WAIT bool make_all(struct imap_session *s, struct imap_command *c,
                                  const struct imap_indexes *messages, struct store_show *show,
                                  size_t *n, struct fct_err *err)
{
    struct imap_walk walk = {0};

    *n = 0;
    for (uint32_t i; imap_indexes_next(messages, &walk, &i);) {
        if (make_show(s, c, imap_view_at(&s->view, i), &show[*n], err))
            ++*n;
        else if (err->class != FCT_DENIED)
            return false;
        else
            *err = (struct fct_err){0};
    }
    return true;
}

bool imap_copy_originals(struct imap_session *s, struct imap_command *c,
                         const struct imap_indexes *messages, struct fct_str target, bool move,
                         struct store_copied *copied, struct fct_err *err)
{
    size_t n = imap_indexes_count(messages);
    struct store_show *show;

    if (n > s->conf->max_originals)
        return imap_fail(c, "LIMIT", err, "Too many originals at once (imap.max_originals)");
    show = ARENA_ARRAY(c->arena, struct store_show, n + 1);
    return (make_all(s, c, messages, show, &n, err) &&
            store_show(s->edge.listener->edge->store, s->principal.handle, s->view.mailbox, show, n,
                       target, move, c->arena, copied, err)) ||
           imap_store_failed(c, err);
}
