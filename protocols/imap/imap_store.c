/* imap_store.c - STORE (RFC 9051 6.4.6): one change in the store, then the answer from what the
 * store says. */
#include "protocols/imap/imap_hooks.h"

struct store_command {
    struct imap_indexes messages;
    struct imap_store_order order;
    bool silent;
};

/* store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag))) */
static bool parse_store(struct imap_command *c, struct store_command *t)
{
    struct fct_str *in = &c->args;

    t->order.op = FLAGS_SET;
    if (!imap_parse_space(in))
        return false;
    if (imap_parse_char(in, '+'))
        t->order.op = FLAGS_ADD;
    else if (imap_parse_char(in, '-'))
        t->order.op = FLAGS_REMOVE;
    if (imap_parse_word(in, "FLAGS.SILENT"))
        t->silent = true;
    else if (!imap_parse_word(in, "FLAGS"))
        return false;
    return imap_parse_space(in) && imap_parse_flag_list(in, true, c->arena, &t->order.flags) &&
           imap_parse_end(*in);
}

/* Bits of the keywords in the view's table; one that is not there has no bit: it was refused or is
 * removed from nobody. */
static uint64_t keyword_bits(const struct imap_view *v, const struct imap_flags *flags)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < flags->nkeywords; i++)
        for (uint32_t k = 0; k < v->nkeywords; k++)
            if (str_equal_nocase(flags->keyword[i], v->keyword[k]))
                bits |= UINT64_C(1) << k;
    return bits;
}

static void change_record(struct hot_record *r, enum store_flag_op op, uint16_t flags,
                          uint64_t keywords)
{
    if (op == FLAGS_SET) {
        r->flags = (uint16_t)((r->flags & ~FLAGS_CLIENT) | flags);
        r->keywords = keywords;
    } else if (op == FLAGS_ADD) {
        r->flags |= flags;
        r->keywords |= keywords;
    } else {
        r->flags = (uint16_t)(r->flags & ~flags);
        r->keywords &= ~keywords;
    }
}

/* What the client expects now. What the store tells otherwise is somebody else's change and is told
 * even to .SILENT. */
static void expect(struct imap_session *s, const struct store_command *t)
{
    uint64_t keywords = keyword_bits(&s->view, &t->order.flags);
    struct imap_walk walk = {0};

    for (uint32_t index; imap_indexes_next(&t->messages, &walk, &index);)
        if (!imap_view_has_vanished(&s->view, imap_view_at(&s->view, index)->uid))
            change_record(imap_view_at(&s->view, index), t->order.op, t->order.flags.flags,
                          keywords);
}

/* The answer names every message of the set, in ascending order, and the others that changed
 * meanwhile. */
static void add_named(struct imap_session *s, const struct store_command *t, struct arena *arena,
                      struct imap_news *news)
{
    size_t most = news->nchanged + imap_indexes_count(&t->messages);
    uint32_t *all = ARENA_ARRAY(arena, uint32_t, most), n = 0, at = 0;
    struct imap_walk walk = {0};

    for (uint32_t index; imap_indexes_next(&t->messages, &walk, &index);) {
        uint32_t uid = imap_view_at(&s->view, index)->uid;

        while (at < news->nchanged && news->changed[at] < uid)
            all[n++] = news->changed[at++];
        if (at < news->nchanged && news->changed[at] == uid)
            at++;
        if (!imap_view_has_vanished(&s->view, uid))
            all[n++] = uid;
    }
    while (at < news->nchanged)
        all[n++] = news->changed[at++];
    news->changed = all;
    news->nchanged = n;
}

static bool some_vanished(const struct imap_session *s, const struct store_command *t)
{
    struct imap_walk walk = {0};

    if (s->view.nvanished == 0)
        return false;
    for (uint32_t index; imap_indexes_next(&t->messages, &walk, &index);)
        if (imap_view_has_vanished(&s->view, imap_view_at(&s->view, index)->uid))
            return true;
    return false;
}

static bool answer(struct imap_session *s, struct imap_command *c, const struct store_command *t,
                   struct fct_err *err)
{
    struct store_changes changes;
    struct imap_news news;
    bool vanished;

    if (!imap_changes_take(s, c->arena, &changes, err))
        return imap_store_failed(c, err);
    if (changes.keyword && changes.nkeywords > s->view.nkeywords) {
        imap_view_set_keywords(&s->view, changes.keyword, changes.nkeywords);
        imap_put_flags_line(s);
    }
    expect(s, t);
    imap_view_apply(&s->view, &changes, c->arena, &news);
    vanished = some_vanished(s, t);
    if (!t->silent)
        add_named(s, t, c->arena, &news);
    imap_changes_tell(s, c->arena, &news, c->uid, c->uid);
    if (vanished && !c->uid)
        return imap_fail(c, "EXPUNGEISSUED", err, "Some of the messages are gone");
    return true;
}

bool imap_store_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    struct store_command t = {0};
    const uint32_t *failed;
    size_t nfailed;
    uint64_t mod_seq = 0;

    if (!imap_take_messages(s, c, &t.messages, err))
        return false;
    if (!parse_store(c, &t))
        return imap_syntax(err, "Bad arguments of STORE");
    if (s->view.read_only)
        return imap_fail(c, "READ-ONLY", err, "The mailbox was opened with EXAMINE");
    if (t.messages.n == 0)
        return true;
    t.order.uids = imap_view_uids(&s->view, &t.messages, c->arena);
    if (!imap_ask_flags(s, c, &t.order, err))
        return false;
    if (!store_flags(s->edge.listener->edge->store, s->principal.handle, s->view.mailbox,
                     t.order.uids, t.order.op, t.order.flags.flags, t.order.flags.keyword,
                     t.order.flags.nkeywords, 0, c->arena, &failed, &nfailed, &mod_seq, err)) {
        if (err->class == FCT_LIMIT) /* of keywords: flags take no room */
            c->code = FCT_STR("LIMIT");
        return imap_store_failed(c, err);
    }
    if (mod_seq > 0)
        imap_told_flags(s, c->arena, &t.order, &t.messages);
    return answer(s, c, &t, err);
}
