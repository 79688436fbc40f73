/* smtp_sent.c - what an account's settings do with the mail that it submits: a copy in Sent
 * (`save_sent`), a moment for second thoughts (`undo_window`), and mail that is scheduled
 * (FUTURERELEASE, RFC 4865), which waits in the queue for people here as for all others. */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/conf/account_setting.h"
#include "core/log/log.h"
#include "protocols/smtp/smtp_deliver.h"

/* ---- what is wanted ---- */

static void take_window(struct delivery *d, struct fct_str value)
{
    int64_t until;
    uint32_t seconds;

    if (!setting_duration_parse(value, &seconds))
        return;
    if (seconds > d->s->conf->max_undo.ms / 1000)
        seconds = (uint32_t)(d->s->conf->max_undo.ms / 1000);
    until = clock_wall() + (int64_t)seconds;
    if (seconds > 0 && until > d->tx->params.hold_until)
        d->tx->params.hold_until = until;
}

static void take_settings(struct delivery *d, const struct store_target *to)
{
    d->wishes.account = to->account;
    d->wishes.save_sent = str_equal(
        account_setting_value(to->setting, to->nsettings, FCT_STR("save_sent")), FCT_STR("yes"));
    take_window(d, account_setting_value(to->setting, to->nsettings, FCT_STR("undo_window")));
}

bool delivery_ask_wishes(struct delivery *d, struct fct_err *err)
{
    struct store_resolution who;

    if (d->s->principal.handle != 0) {
        if (!store_resolve(d->s->edge.listener->edge->store, d->s->principal.name, d->arena, &who,
                           err))
            return false;
        if (who.what == RESOLVED_LOCAL && who.n == 1 && who.target[0].account != 0)
            take_settings(d, &who.target[0]);
    }
    d->wishes.holds = d->s->kind == SMTP_KIND && d->tx->params.hold_until > clock_wall();
    return true;
}

/* Junk and Quarantine are for nobody's second thoughts: those copies are made at once. */
bool delivery_holds(const struct delivery *d, size_t target)
{
    const struct fate *fate = &d->fate[target];

    return d->wishes.holds && !fate->softened && fate->outcome->answer.verdict != FCT_QUARANTINE &&
           d->result.answer.verdict != FCT_QUARANTINE;
}

/* ---- the copy ---- */

bool delivery_add_sent(struct delivery *d, struct fct_err *err)
{
    struct view view;

    if (d->copies == 0 && d->remotes == 0) {
        d->wishes.save_sent = false;
        return true;
    }
    if (!delivery_sent_view(d, &view, err))
        return false;
    d->copy[d->copies] = (struct store_copy_for){
        .account = d->wishes.account,
        .mailbox = STORE_SENT,
        .flags = (uint16_t)(FLAG_SEEN | (view.has_attachment ? FLAG_HAS_ATTACHMENT : 0u)),
        .edits = view.edits,
        .ledger = d->result.ledger,
        .summary = view.summary,
        .view_size = view.size,
        .recipient = d->s->principal.name,
        .notify = SMTP_NOTIFY_NEVER, /* of a copy that does not fit nobody is told by mail */
    };
    return true;
}

/* The mail is on its way whether Sent has room for it or not. */
void delivery_note_sent(const struct delivery *d)
{
    const struct store_delivered *copy = &d->delivered[d->copies];

    if (d->wishes.save_sent && copy->class != FCT_OK)
        log_event(EV_WARNING, d->tx->id, F_C("text", "no copy in Sent"),
                  F_STR("login", d->s->principal.name), F_STR("why", copy->text));
}
