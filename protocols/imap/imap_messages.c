/* imap_messages.c - the messages a command names: a sequence set, UIDs, or "$" (RFC
 * 9051 6.4.4.1, 6.4.9). */
#include "protocols/imap/imap_session.h"

bool imap_resolve(struct imap_session *s, struct imap_command *c,
                  const struct imap_sequence_set *set, struct imap_indexes *out,
                  struct fct_err *err)
{
    if (set->saved) {
        *out = imap_view_indexes(&s->view, (struct uid_set){s->saved, s->nsaved}, c->arena);
        return true;
    }
    return imap_view_resolve(&s->view, set, c->uid, c->arena, out, err);
}

bool imap_take_messages(struct imap_session *s, struct imap_command *c, struct imap_indexes *out,
                        struct fct_err *err)
{
    struct imap_sequence_set set;

    if (!imap_parse_space(&c->args) || !imap_parse_sequence_set(&c->args, c->arena, &set))
        return imap_syntax(err, "Expected a set of messages");
    return imap_resolve(s, c, &set, out, err);
}
