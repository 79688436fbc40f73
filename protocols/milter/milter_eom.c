/* milter_eom.c - the message is whole: the filters judge it in a fiber while the MTA is asked for
 * patience, then all changes go out in one pass. */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "protocols/milter/milter_edits.h"
#include "protocols/milter/milter_judge.h"
#include "protocols/milter/milter_session.h"

#define BODY_PIECE (1u << 20)

struct ending {
    struct milter_session *s;
    struct fct_str bytes;
    struct filter_result result;
    struct milter_judgement judgement;
    const struct milter_recipient **judged; /* result.outcome[i] is for judged[i] */
    struct milter_changes changes;
    size_t kept, refused_changes; /* those the MTA did not allow */
    sfsistat status;
    struct fct_str reply; /* of a refusal, for the log */
};

/* ---- judging, in a fiber ---- */

static void ask_filters(struct ending *e)
{
    struct milter_session *s = e->s;
    struct milter_transaction *tx = s->tx;
    struct filter_recipient *recipient =
        ARENA_ARRAY(s->message, struct filter_recipient, tx->recipients + 1);
    size_t n = 0;

    e->judged = ARENA_ARRAY(s->message, const struct milter_recipient *, tx->recipients + 1);
    for (size_t i = 0; i < tx->recipients; i++)
        if (!tx->recipient[i].discarded) {
            recipient[n] = (struct filter_recipient){.recipient = tx->recipient[i].address,
                                                     .profile = tx->recipient[i].profile};
            e->judged[n++] = &tx->recipient[i];
        }
    filter_message(s->role->filter, &s->hooks, tx->message.fd, tx->message.size, recipient, n,
                   s->message, &e->result);
}

static bool is_unavailable(const struct filter_answer *answer)
{
    return answer->verdict == FCT_TEMPFAIL && str_equal(answer->by, FCT_STR("filter"));
}

static void judge(void *arg)
{
    struct ending *e = arg;
    struct milter *role = e->s->role;

    ask_filters(e);
    if (!is_unavailable(&e->result.answer))
        return;
    role->count.unavailable++;
    if (milter_role_accepts_unfiltered(role->conf))
        e->result = (struct filter_result){0};
}

static bool still_there(void *arg)
{
    return smfi_progress(arg) == MI_SUCCESS;
}

/* ---- changes ---- */

/* libmilter's prototypes know no const; it changes nothing. */
static char *loose(const char *s)
{
    char *p;

    memcpy(&p, &s, sizeof p);
    return p;
}

static void count_refused(struct ending *e, int result)
{
    e->refused_changes += result != MI_SUCCESS;
}

/* Without SMFIP_HDR_LEADSPC the MTA puts one blank of its own. */
static char *value_for(const struct ending *e, const char *value)
{
    return loose(!(e->s->terms.protocol & SMFIP_HDR_LEADSPC) && value[0] == ' ' ? value + 1
                                                                                : value);
}

static void change_header(struct ending *e)
{
    SMFICTX *ctx = e->s->ctx;

    for (size_t i = 0; i < e->changes.n; i++) {
        const struct milter_change *c = &e->changes.change[i];
        char *name = loose(c->name), *value = value_for(e, c->value);

        switch (c->kind) {
        case MILTER_INSERT:
            count_refused(e, smfi_insheader(ctx, (int)c->index, name, value));
            break;
        case MILTER_APPEND:
            count_refused(e, smfi_addheader(ctx, name, value));
            break;
        case MILTER_CHANGE:
            count_refused(e, smfi_chgheader(ctx, name, (int)c->index, value));
            break;
        case MILTER_REMOVE:
            count_refused(e, smfi_chgheader(ctx, name, (int)c->index, NULL));
            break;
        }
    }
}

static bool send_body(struct ending *e, const char *p, size_t n)
{
    unsigned char *bytes;
    const void *from = p;

    memcpy(&bytes, &from, sizeof bytes);
    return smfi_replacebody(e->s->ctx, bytes, (int)n) == MI_SUCCESS;
}

static bool send_piece(struct ending *e, const char *p, size_t n)
{
    while (n > BODY_PIECE) {
        if (!send_body(e, p, BODY_PIECE))
            return false;
        p += BODY_PIECE;
        n -= BODY_PIECE;
    }
    return n == 0 || send_body(e, p, n);
}

static void change_body(struct ending *e)
{
    uint64_t at = e->s->tx->message.body_at, size = e->bytes.n - at;
    const struct edit_list *edits = &e->changes.body_edits;
    struct edit_walk walk = edit_walk_start(edits, size, 0, edit_list_size(edits, size));
    struct edit_piece piece;
    bool any = false, ok = true;

    while (ok && edit_walk_next(&walk, &piece)) {
        const char *from = piece.original ? e->bytes.p + at + piece.offset : piece.bytes.p;

        ok = send_piece(e, from, piece.bytes.n);
        any = true;
    }
    if (!any)
        ok = send_body(e, "", 0);
    e->refused_changes += !ok;
}

static char *in_brackets(struct ending *e, struct fct_str address)
{
    return loose(arena_printf(e->s->message, "<%.*s>", FCT_FMT(address)).p);
}

static bool changed(const struct filter_result *result, const char *name, size_t nth,
                    struct fct_str *value)
{
    const struct filter_answer all = {.change = result->change, .changes = result->changes};

    return filter_changed(&all, name, nth, value);
}

static void change_sender(struct ending *e)
{
    struct milter_session *s = e->s;
    struct fct_str sender = s->hooks.envelope.reverse_path;

    if (!changed(&e->result, "reverse_path", 0, &sender) && !s->tx->sender_changed)
        return;
    count_refused(e, smfi_chgfrom(s->ctx, in_brackets(e, sender), NULL));
}

static bool is_removed(const struct ending *e, const struct milter_recipient *r)
{
    struct fct_str address;

    for (size_t i = 0; changed(&e->result, "remove_recipient", i, &address); i++)
        if (str_equal(address, r->address))
            return true;
    for (size_t i = 0; i < e->result.outcomes; i++)
        if (e->judged[i] == r && e->judgement.drop[i])
            return true;
    return r->discarded;
}

static size_t additions(const struct ending *e)
{
    struct fct_str address;
    size_t n = 0;

    while (changed(&e->result, "add_recipient", n, &address))
        n++;
    return n;
}

static size_t count_kept(const struct ending *e)
{
    const struct milter_transaction *tx = e->s->tx;
    size_t n = additions(e);

    for (size_t i = 0; i < tx->recipients; i++)
        n += !is_removed(e, &tx->recipient[i]);
    return n;
}

static void change_recipients(struct ending *e)
{
    struct milter_transaction *tx = e->s->tx;
    struct fct_str address;

    for (size_t i = 0; i < tx->recipients; i++) {
        const struct milter_recipient *r = &tx->recipient[i];
        bool removed = is_removed(e, r);

        if (removed || r->changed)
            count_refused(e, smfi_delrcpt(e->s->ctx, loose(r->given)));
        if (!removed && r->changed)
            count_refused(e, smfi_addrcpt(e->s->ctx, in_brackets(e, r->address)));
    }
    for (size_t i = 0; changed(&e->result, "add_recipient", i, &address); i++)
        count_refused(e, smfi_addrcpt(e->s->ctx, in_brackets(e, address)));
}

/* Held or not at all: a message that should not pass must not pass because the MTA cannot hold. */
static sfsistat hold(struct ending *e)
{
    static const struct filter_answer cannot = {.verdict = FCT_TEMPFAIL,
                                                .text = {"this server cannot hold messages", 32}};

    if (smfi_quarantine(e->s->ctx, loose(e->judgement.hold)) == MI_SUCCESS)
        return SMFIS_CONTINUE;
    return milter_reply(e->s, &cannot, SMTP_AT_MESSAGE);
}

static sfsistat keep(struct ending *e)
{
    e->kept = count_kept(e);
    if (e->kept == 0)
        return SMFIS_DISCARD;
    milter_changes_plan(e->s->message, &e->s->tx->message, e->bytes, &e->judgement.edits,
                        &e->changes);
    change_sender(e);
    change_recipients(e);
    change_header(e);
    if (e->changes.body)
        change_body(e);
    return e->judgement.hold ? hold(e) : SMFIS_CONTINUE;
}

static sfsistat carry_out(struct ending *e)
{
    switch (e->judgement.fate) {
    case MILTER_REFUSED:
        e->reply = e->judgement.refusal->text;
        return milter_reply(e->s, e->judgement.refusal, SMTP_AT_MESSAGE);
    case MILTER_DISCARDED:
        return SMFIS_DISCARD;
    case MILTER_KEPT:
        break;
    }
    return keep(e);
}

/* ---- telling, in a fiber ---- */

static const char *fate_word(const struct ending *e)
{
    if (e->status == SMFIS_REJECT)
        return "reject";
    if (e->status == SMFIS_TEMPFAIL)
        return "tempfail";
    if (e->status == SMFIS_DISCARD)
        return "discard";
    return e->judgement.hold ? "hold" : "keep";
}

static void count(struct ending *e)
{
    struct milter *role = e->s->role;

    role->count.messages++;
    role->count.refused += e->status == SMFIS_REJECT || e->status == SMFIS_TEMPFAIL;
    role->count.discarded += e->status == SMFIS_DISCARD;
    role->count.held += e->status == SMFIS_CONTINUE && e->judgement.hold;
    role->count.edited += e->changes.n > 0 || e->changes.body;
}

static void log_ending(const struct ending *e)
{
    const struct milter_session *s = e->s;
    const struct milter_transaction *tx = s->tx;
    bool refused = e->status == SMFIS_REJECT || e->status == SMFIS_TEMPFAIL;

    log_event(
        refused ? EV_MESSAGE_REFUSED : EV_MESSAGE, tx->id, F_STR("client", s->hooks.conn.client_ip),
        F_STR("login", s->hooks.conn.login), F_STR("from", s->hooks.envelope.reverse_path),
        F_STR("to", tx->addresses ? tx->address[0] : FCT_STR("")), F_U64("nrcpt", tx->addresses),
        F_U64("size", tx->message.size), F_C("frontend", "milter"), F_C("action", fate_word(e)),
        F_U64("kept", e->kept), F_U64("changes", e->changes.n + e->changes.body),
        F_STR("why", e->reply), F_U64("ms", clock_ms() - tx->started_ms));
    if (e->refused_changes + e->changes.lost > 0)
        log_event(EV_WARNING, tx->id, F_C("text", "edits that this MTA cannot make were left out"),
                  F_U64("edits", e->refused_changes + e->changes.lost));
    for (size_t i = 0; i < e->result.outcomes && e->status == SMFIS_CONTINUE; i++)
        if (e->judgement.drop[i])
            log_event(EV_MESSAGE_REFUSED, tx->id, F_STR("rcpt", e->judged[i]->address),
                      F_U64("code", e->result.outcome[i].answer.code),
                      F_STR("why", e->result.outcome[i].answer.text));
}

/* What becomes of it in the MTA nobody tells us: accepted means that we let it pass. */
static void tell_end(void *arg)
{
    struct ending *e = arg;
    struct milter_session *s = e->s;
    struct fct_ev_accepted event = {.recipients = e->kept, .size = s->tx->message.size};

    count(e);
    log_ending(e);
    if (e->status == SMFIS_CONTINUE)
        filter_tell(s->role->filter, &s->hooks, FCT_HOOK_accepted, &event);
}

/* ---- the whole ---- */

static sfsistat refuse(struct ending *e, unsigned code, const char *enhanced, const char *text)
{
    const struct filter_answer answer = {.verdict = code < 500 ? FCT_TEMPFAIL : FCT_REJECT,
                                         .code = code,
                                         .enhanced = str_from(enhanced),
                                         .text = str_from(text)};

    e->reply = answer.text;
    return milter_reply(e->s, &answer, SMTP_AT_MESSAGE);
}

static sfsistat judge_whole(struct ending *e)
{
    struct milter_session *s = e->s;
    struct milter_patience patience = {s->role->conf->progress.ms, still_there, s->ctx};
    struct fct_err err = {0};

    if (s->tx->message.room == MILTER_TOO_LARGE)
        return refuse(e, 552, "5.3.4", "the message is larger than the filter takes");
    if (!milter_message_seal(&s->tx->message, &e->bytes, &err))
        return refuse(e, 451, "4.3.1", "the filter has no room for the message now");
    milter_post_run(s->role->post, judge, e, &patience);
    milter_judge(s->message, &e->result, &e->judgement);
    return carry_out(e);
}

sfsistat milter_end_of_message(struct milter_session *s)
{
    struct ending e = {.s = s};

    if (s->tx->recipients > 0 && s->tx->addresses == 0)
        e.status = SMFIS_DISCARD;
    else if (milter_plan_judges_message(&s->plan))
        e.status = judge_whole(&e);
    else if (s->tx->sender_changed || milter_wants(s, FCT_HOOK_rcpt))
        e.status = keep(&e);
    if (e.status == SMFIS_CONTINUE)
        s->messages++;
    milter_post_run(s->role->post, tell_end, &e, NULL);
    return e.status;
}
