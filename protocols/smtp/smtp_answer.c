/* smtp_answer.c - from the fates of accounts to the replies of the protocol.
 *
 * Never 250 for a recipient that got nothing, except where a plugin threw the message away. Where
 * one answer is for several - SMTP without PRDR, an alias of several accounts - a temporary failure
 * is the answer for all of them, and nothing is stored: else every try of the client would bring
 * the others one more copy. A refusal is the answer only when all refuse. */
#include "core/base/str.h"
#include "core/log/log.h"
#include "protocols/smtp/smtp_deliver.h"

/* Of several fates that share an answer. */
struct sum {
    bool good;              /* somebody gets it, or it was thrown away */
    struct smtp_reply temp; /* code != 0: somebody cannot get it now */
    struct smtp_reply perm; /* code != 0: somebody refuses it */
};

static void add_fate(struct sum *sum, const struct fate *fate)
{
    struct smtp_reply *slot = fate->reply.code < 500 ? &sum->temp : &sum->perm;

    if (fate->what != FATE_REFUSED)
        sum->good = true;
    else if (slot->code == 0)
        *slot = fate->reply;
}

static struct sum sum_of_recipient(const struct delivery *d, const struct smtp_recipient *r)
{
    struct sum sum = {.good = r->discard};

    for (size_t i = 0; i < r->links; i++)
        add_fate(&sum, &d->fate[d->tx->link[r->first_link + i]]);
    return sum;
}

struct smtp_reply delivery_stored_reply(const struct delivery *d)
{
    return (struct smtp_reply){
        .code = 250,
        .enhanced = "2.0.0",
        .text = arena_printf(d->arena, "%s as %.*s",
                             d->remotes > 0 && d->copies == 0 ? "queued" : "stored",
                             FCT_FMT(d->tx->id))};
}

static struct smtp_reply reply_of(const struct delivery *d, const struct sum *sum)
{
    if (sum->temp.code != 0)
        return sum->temp;
    return sum->good ? delivery_stored_reply(d) : sum->perm;
}

bool delivery_answers_each(const struct delivery *d)
{
    return d->s->kind == LMTP_KIND || (d->tx->params.prdr && d->tx->recipients > 1);
}

/* ---- before the store ---- */

static void want(struct delivery *d, const struct smtp_recipient *r)
{
    for (size_t i = 0; i < r->links; i++)
        d->fate[d->tx->link[r->first_link + i]].wanted = true;
}

/* All recipients together. One that is good alone for a part of its targets is good. */
static struct sum sum_of_all(const struct delivery *d)
{
    struct sum sum = {0};

    for (size_t i = 0; i < d->tx->recipients; i++) {
        struct sum one = sum_of_recipient(d, &d->tx->recipient[i]);

        sum.good = sum.good || one.good;
        if (sum.temp.code == 0)
            sum.temp = one.temp;
        if (sum.perm.code == 0 && !one.good)
            sum.perm = one.perm;
    }
    return sum;
}

/* The filters soften refusals themselves where they know of the one answer (`shared` of a profile);
 * what is left are accounts of one alias. */
static void soften(struct delivery *d, size_t target)
{
    struct fate *fate = &d->fate[target];

    fate->softened = true;
    fate->what = FATE_COPY;
    log_event(EV_REFUSAL_SOFTENED, d->tx->id, F_STR("rcpt", d->tx->target[target].address),
              F_STR("account", d->tx->target[target].name), F_STR("why", fate->reply.text));
}

void delivery_settle(struct delivery *d)
{
    bool each = delivery_answers_each(d);
    struct sum all = sum_of_all(d);

    for (size_t i = 0; i < d->tx->recipients; i++) {
        const struct smtp_recipient *r = &d->tx->recipient[i];
        struct sum sum = each ? sum_of_recipient(d, r) : all;

        if (sum.good && sum.temp.code == 0) {
            want(d, r);
            want(d, &d->added);
        }
    }
    for (size_t i = 0; i < d->tx->targets; i++)
        if (d->fate[i].wanted && d->fate[i].what == FATE_REFUSED)
            soften(d, i);
}

/* ---- after it ---- */

/* One answer for all. A mailbox that turned out full or gone beside others that were written is
 * tried again by the client: it may bring those a second copy, but loses nothing. */
static struct smtp_reply message_reply(const struct delivery *d)
{
    struct sum all = sum_of_all(d);

    if (all.temp.code == 0 && all.good && all.perm.code != 0)
        return SMTP_REPLY(452, "4.2.2", "a mailbox among the recipients cannot be written now");
    return reply_of(d, &all);
}

static struct smtp_reply recipient_reply(const struct delivery *d, const struct smtp_recipient *r)
{
    struct sum sum = sum_of_recipient(d, r);

    return reply_of(d, &sum);
}

/* draft-hall-prdr: the final answer speaks for the message; a refusal here would undo what the
 * recipients were told, so it comes only when nobody got it. */
static struct smtp_reply final_reply(const struct delivery *d)
{
    struct sum all = sum_of_all(d);
    size_t good = 0;

    for (size_t i = 0; i < d->tx->recipients; i++)
        good += recipient_reply(d, &d->tx->recipient[i]).code < 400;
    if (good == d->tx->recipients)
        return delivery_stored_reply(d);
    if (good > 0)
        return (struct smtp_reply){
            .code = 250,
            .enhanced = "2.0.0",
            .text = arena_printf(d->arena, "stored as %.*s for %zu of %zu recipients",
                                 FCT_FMT(d->tx->id), good, d->tx->recipients)};
    return all.temp.code != 0 ? all.temp : all.perm;
}

static void send_each(struct delivery *d, const struct smtp_reply *all)
{
    for (size_t i = 0; i < d->tx->recipients; i++) {
        struct smtp_reply one = all ? *all : recipient_reply(d, &d->tx->recipient[i]);

        smtp_send(d->s, &one);
    }
}

struct smtp_reply delivery_answer(struct delivery *d, const struct smtp_reply *all)
{
    struct smtp_session *s = d->s;
    struct smtp_reply r;

    if (s->kind == LMTP_KIND) {
        send_each(d, all);
        return all ? *all : final_reply(d);
    }
    if (all || !delivery_answers_each(d)) {
        r = all ? *all : message_reply(d);
    } else {
        smtp_send(s, &SMTP_REPLY(353, NULL, "an answer for each recipient follows"));
        send_each(d, NULL);
        r = final_reply(d);
    }
    smtp_send(s, &r);
    return r;
}
