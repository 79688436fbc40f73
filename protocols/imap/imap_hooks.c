/* imap_hooks.c - see imap_hooks.h. */
#include "protocols/imap/imap_hooks.h"

#include "core/base/str.h"

/* ---- asking ---- */

bool imap_verdict(struct imap_session *s, struct imap_command *c, enum fct_verdict verdict,
                  const struct filter_answer *answer, const char *code, struct fct_err *err)
{
    if (s->dead)
        return fct_fail(err, FCT_TEMP, "The client is gone");
    switch (verdict) {
    case FCT_NEXT:
    case FCT_ACCEPT:
        return true;
    case FCT_TEMPFAIL:
        return fct_fail(err, FCT_TEMP, "%s",
                        access_text(answer, "This is not possible now", c->arena).p);
    case FCT_DISCONNECT:
        imap_bye(s, "The connection is closed by policy");
        break;
    case FCT_REJECT:
    case FCT_DISCARD:
    case FCT_QUARANTINE:
    case FCT_SKIP:
        break;
    }
    return imap_fail(c, code, err, access_text(answer, "Refused by policy", c->arena).p);
}

bool imap_ask(struct imap_session *s, struct imap_command *c, enum fct_hook hook, const void *ev,
              const char *code, struct filter_answer *answer, struct fct_err *err)
{
    enum fct_verdict verdict = access_ask(&s->access, hook, ev, c->arena, answer);

    return imap_verdict(s, c, verdict, answer, code, err);
}

static struct fct_str account_of(const struct imap_session *s)
{
    return str_from(s->login);
}

static struct fct_str selected(const struct imap_session *s)
{
    return str_from(s->view.name);
}

static void tell_commit(struct imap_session *s, struct fct_ev_store_commit ev)
{
    ev.account = account_of(s);
    access_tell(&s->access, FCT_HOOK_store_commit, &ev);
}

/* ---- flags as texts ---- */

/* clang-format off */
static const struct {
    uint16_t flag;
    const char *text;
} flag_texts[] = {
    {FLAG_ANSWERED, "\\Answered", },
    {FLAG_FLAGGED,  "\\Flagged",  },
    {FLAG_DELETED,  "\\Deleted",  },
    {FLAG_SEEN,     "\\Seen",     },
    {FLAG_DRAFT,    "\\Draft",    },
};
/* clang-format on */

struct fct_list imap_flag_texts(const struct imap_flags *flags, struct arena *arena)
{
    struct fct_str *item =
        ARENA_ARRAY(arena, struct fct_str, FCT_COUNT(flag_texts) + flags->nkeywords);
    size_t n = 0;

    for (size_t i = 0; i < FCT_COUNT(flag_texts); i++)
        if (flags->flags & flag_texts[i].flag)
            item[n++] = str_from(flag_texts[i].text);
    for (size_t i = 0; i < flags->nkeywords; i++)
        item[n++] = flags->keyword[i];
    return (struct fct_list){item, n};
}

bool imap_flags_add(struct imap_flags *flags, struct fct_str text, struct arena *arena)
{
    struct imap_flags one;
    struct fct_str *keyword;

    if (!imap_parse_flag_list(&text, true, arena, &one) || text.n > 0 ||
        flags->nkeywords + one.nkeywords > IMAP_MAX_KEYWORDS)
        return false;
    flags->flags |= one.flags;
    if (one.nkeywords == 0)
        return true;
    keyword = ARENA_ARRAY(arena, struct fct_str, flags->nkeywords + one.nkeywords);
    if (flags->nkeywords > 0)
        memcpy(keyword, flags->keyword, flags->nkeywords * sizeof *keyword);
    memcpy(keyword + flags->nkeywords, one.keyword, one.nkeywords * sizeof *keyword);
    flags->keyword = keyword;
    flags->nkeywords += one.nkeywords;
    return true;
}

/* ---- STORE ---- */

static const char *const modes[] = {
    [FLAGS_SET] = "replace", [FLAGS_ADD] = "add", [FLAGS_REMOVE] = "remove"};

static void take_flags(const struct filter_answer *answer, struct imap_flags *flags,
                       struct arena *arena)
{
    struct imap_flags changed = {0};
    struct fct_str text;

    for (size_t i = 0; filter_changed(answer, "flags", i, &text); i++)
        if (!imap_flags_add(&changed, text, arena))
            return; /* the filter's word is no flag: what the client asked for stays */
    if (filter_changed(answer, "flags", 0, &text))
        *flags = changed;
}

bool imap_ask_flags(struct imap_session *s, struct imap_command *c, struct imap_store_order *order,
                    struct fct_err *err)
{
    struct fct_ev_store_flags ev;
    struct filter_answer answer;

    if (!access_wants(&s->access, FCT_HOOK_store_flags))
        return true;
    ev = (struct fct_ev_store_flags){
        .account = account_of(s),
        .mailbox = selected(s),
        .uids = access_uids(order->uids, c->arena),
        .mode = str_from(modes[order->op]),
        .flags = imap_flag_texts(&order->flags, c->arena),
    };
    if (!imap_ask(s, c, FCT_HOOK_store_flags, &ev, "NOPERM", &answer, err))
        return false;
    take_flags(&answer, &order->flags, c->arena);
    return true;
}

static bool has_keyword(const struct imap_flags *flags, const char *name)
{
    for (size_t i = 0; i < flags->nkeywords; i++)
        if (str_equal_nocase(flags->keyword[i], str_from(name)))
            return true;
    return false;
}

static uint64_t keyword_bit(const struct imap_view *v, const char *name)
{
    for (uint32_t k = 0; k < v->nkeywords; k++)
        if (str_equal_nocase(v->keyword[k], str_from(name)))
            return UINT64_C(1) << k;
    return 0;
}

/* Those of the set that did not have the keyword. */
static void learn_from(struct imap_session *s, struct arena *arena, const char *keyword, bool spam,
                       const struct imap_indexes *messages)
{
    uint64_t *email = ARENA_ARRAY(arena, uint64_t, imap_indexes_count(messages) + 1);
    uint64_t bit = keyword_bit(&s->view, keyword);
    struct imap_walk walk = {0};
    size_t n = 0;

    for (uint32_t index; imap_indexes_next(messages, &walk, &index);) {
        const struct hot_record *r = imap_view_at(&s->view, index);

        if (!(r->keywords & bit) && !imap_view_has_vanished(&s->view, r->uid))
            email[n++] = r->email_id;
    }
    learn_keyword(&s->access, s->principal.handle, spam, email, n);
}

/* What a replacing STORE takes away from at least one of them. */
static struct fct_list replaced(struct imap_session *s, struct arena *arena,
                                const struct imap_store_order *order,
                                const struct imap_indexes *messages)
{
    struct fct_str *keyword = ARENA_ARRAY(arena, struct fct_str, s->view.nkeywords + 1);
    struct imap_flags gone = {.keyword = keyword};
    struct imap_walk walk = {0};
    uint64_t before = 0;

    for (uint32_t index; imap_indexes_next(messages, &walk, &index);) {
        gone.flags |= imap_view_at(&s->view, index)->flags & FLAGS_CLIENT;
        before |= imap_view_at(&s->view, index)->keywords;
    }
    gone.flags = (uint16_t)(gone.flags & ~order->flags.flags);
    for (uint32_t k = 0; k < s->view.nkeywords; k++) {
        bool stays = false;

        for (size_t i = 0; i < order->flags.nkeywords; i++)
            stays |= str_equal_nocase(order->flags.keyword[i], s->view.keyword[k]);
        if ((before >> k & 1) && !stays)
            keyword[gone.nkeywords++] = s->view.keyword[k];
    }
    return imap_flag_texts(&gone, arena);
}

void imap_told_flags(struct imap_session *s, struct arena *arena,
                     const struct imap_store_order *order, const struct imap_indexes *messages)
{
    if (access_wants(&s->access, FCT_HOOK_learn) && order->op != FLAGS_REMOVE) {
        if (has_keyword(&order->flags, "$Junk"))
            learn_from(s, arena, "$Junk", true, messages);
        if (has_keyword(&order->flags, "$NotJunk"))
            learn_from(s, arena, "$NotJunk", false, messages);
    }
    if (access_wants(&s->access, FCT_HOOK_store_commit)) {
        struct fct_list texts = imap_flag_texts(&order->flags, arena), none = {0};

        tell_commit(s, (struct fct_ev_store_commit){
                           .change = FCT_STR("flags"),
                           .mailbox = selected(s),
                           .uids = access_uids(order->uids, arena),
                           .added = order->op == FLAGS_REMOVE ? none : texts,
                           .removed = order->op == FLAGS_REMOVE ? texts
                                      : order->op == FLAGS_SET ? replaced(s, arena, order, messages)
                                                               : none,
                       });
    }
}

/* ---- COPY, MOVE ---- */

bool imap_ask_copy(struct imap_session *s, struct imap_command *c, struct uid_set uids,
                   struct fct_str target, bool move, struct fct_err *err)
{
    struct fct_ev_store_copy ev;
    struct filter_answer answer;

    if (!access_wants(&s->access, FCT_HOOK_store_copy))
        return true;
    ev = (struct fct_ev_store_copy){
        .account = account_of(s),
        .source = selected(s),
        .target = target,
        .uids = access_uids(uids, c->arena),
        .move = move,
    };
    return imap_ask(s, c, FCT_HOOK_store_copy, &ev, "NOPERM", &answer, err);
}

static void learn_copied(struct imap_session *s, struct arena *arena, struct fct_str target,
                         const struct store_copied *copied)
{
    uint64_t *email = ARENA_ARRAY(arena, uint64_t, copied->n + 1);
    size_t n = 0;

    for (size_t i = 0; i < copied->n; i++) {
        uint32_t index;

        if (imap_view_find(&s->view, copied->source[i], &index))
            email[n++] = imap_view_at(&s->view, index)->email_id;
    }
    learn_moved(&s->access, s->principal.handle, s->view.snapshot.info.id, target, email, n);
}

void imap_told_copy(struct imap_session *s, struct arena *arena, struct fct_str target, bool move,
                    const struct store_copied *copied)
{
    if (copied->n == 0)
        return;
    if (access_wants(&s->access, FCT_HOOK_learn))
        learn_copied(s, arena, target, copied);
    if (access_wants(&s->access, FCT_HOOK_store_commit))
        tell_commit(s, (struct fct_ev_store_commit){
                           .change = move ? FCT_STR("move") : FCT_STR("copy"),
                           .mailbox = selected(s),
                           .uids = access_uid_list(copied->source, copied->n, arena),
                           .target = target,
                           .target_uids = access_uid_list(copied->target, copied->n, arena),
                       });
}

/* ---- EXPUNGE, CLOSE ---- */

bool imap_expunge_is_hooked(const struct imap_session *s)
{
    return access_wants(&s->access, FCT_HOOK_store_expunge) ||
           access_wants(&s->access, FCT_HOOK_store_commit);
}

struct uid_set imap_deleted_uids(const struct imap_session *s, const struct imap_indexes *within,
                                 struct arena *arena)
{
    struct uid_range *range = ARENA_ARRAY(arena, struct uid_range, imap_indexes_count(within) + 1);
    uint32_t before = UINT32_MAX; /* index of the last one taken */
    struct imap_walk walk = {0};
    size_t n = 0;

    for (uint32_t index; imap_indexes_next(within, &walk, &index);) {
        const struct hot_record *r = imap_view_at(&s->view, index);

        if (!(r->flags & FLAG_DELETED) || imap_view_has_vanished(&s->view, r->uid))
            continue;
        if (n > 0 && before + 1 == index)
            range[n - 1].last = r->uid;
        else
            range[n++] = (struct uid_range){r->uid, r->uid};
        before = index;
    }
    return (struct uid_set){range, n};
}

bool imap_ask_expunge(struct imap_session *s, struct imap_command *c, struct uid_set uids,
                      struct fct_err *err)
{
    const struct fct_ev_store_expunge ev = {
        .account = account_of(s),
        .mailbox = selected(s),
        .uids = access_uids(uids, c->arena),
    };
    struct filter_answer answer;

    return imap_ask(s, c, FCT_HOOK_store_expunge, &ev, "NOPERM", &answer, err);
}

void imap_told_expunge(struct imap_session *s, struct arena *arena, struct uid_set uids)
{
    if (access_wants(&s->access, FCT_HOOK_store_commit))
        tell_commit(s, (struct fct_ev_store_commit){
                           .change = FCT_STR("expunge"),
                           .mailbox = selected(s),
                           .uids = access_uids(uids, arena),
                       });
}

/* ---- mailboxes ---- */

void imap_told_mailbox(struct imap_session *s, const char *change, struct fct_str mailbox,
                       struct fct_str target)
{
    tell_commit(s, (struct fct_ev_store_commit){
                       .change = str_from(change), .mailbox = mailbox, .target = target});
}

void imap_told_append(struct imap_session *s, struct arena *arena, struct fct_str mailbox,
                      const uint32_t *uid, size_t n)
{
    s->access.added += (uint32_t)n;
    learn_appended(&s->access, s->principal.handle, mailbox, uid, n);
    if (access_wants(&s->access, FCT_HOOK_store_commit))
        tell_commit(s, (struct fct_ev_store_commit){
                           .change = FCT_STR("append"),
                           .mailbox = mailbox,
                           .uids = access_uid_list(uid, n, arena),
                       });
}
