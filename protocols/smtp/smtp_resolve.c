/* smtp_resolve.c - where a recipient leads: the hook `resolve` may name other addresses, each of
 * them is asked for again, the store's directory has the last word.
 *
 * The addresses stand in one list, in which a target comes behind the address that led to it. An
 * address that leads back to itself means its own mailbox; one that was met before elsewhere is
 * done already: so every look-up ends. */
#include "core/base/str.h"
#include "core/log/log.h"
#include "protocols/smtp/smtp_session.h"

#define REASON_MAX 300u /* of what another server said, in our reply */

struct step {
    struct fct_str address;
    size_t from; /* the step that led here; the first is its own */
};

struct look_up {
    struct smtp_session *s;
    struct step *step;
    size_t steps, steps_room;
    struct store_target *target;
    size_t targets, targets_room;
    enum store_resolved what; /* of the first address that leads nowhere */
    bool may_relay;
    struct smtp_reply refusal;
};

/* Doubles an array in s->call. */
#define MAKE_ROOM(l, array, n, room)                                              \
    do {                                                                          \
        if ((n) == (room)) {                                                      \
            size_t more = (room) ? 2 * (room) : 4;                                \
            (array) = arena_grow((l)->s->call, (array), (room) * sizeof *(array), \
                                 more * sizeof *(array));                         \
            (room) = more;                                                        \
        }                                                                         \
    } while (0)

static void add_step(struct look_up *l, struct fct_str address, size_t from)
{
    MAKE_ROOM(l, l->step, l->steps, l->steps_room);
    l->step[l->steps++] = (struct step){address, from};
}

static bool was_met(const struct look_up *l, struct fct_str address)
{
    for (size_t i = 0; i < l->steps; i++)
        if (str_equal_nocase(l->step[i].address, address))
            return true;
    return false;
}

/* Is it the address of step i, or of one that led there? */
static bool leads_back(const struct look_up *l, size_t i, struct fct_str address)
{
    for (;; i = l->step[i].from) {
        if (str_equal_nocase(l->step[i].address, address))
            return true;
        if (i == 0)
            return false;
    }
}

static bool too_many(struct look_up *l)
{
    log_event(EV_WARNING, l->s->tx->id, F_STR("rcpt", l->step[0].address),
              F_STR("why", FCT_STR("resolve leads to more addresses than smtp.max_expansion")));
    l->refusal = SMTP_REPLY(451, "4.3.5", "the address leads to too many others");
    return false;
}

/* The targets of one answer, as steps. One met elsewhere is left out, the way back home is not. */
static bool add_targets(struct look_up *l, const struct filter_answer *answer, size_t from,
                        bool *named)
{
    struct fct_str text, address;

    *named = false;
    for (size_t i = 0; filter_changed(answer, "target", i, &text); i++) {
        if (!smtp_plugin_path(l->s, text, false, l->s->call, &address))
            continue;
        *named = true;
        if (l->steps > l->s->conf->max_expansion)
            return too_many(l);
        if (leads_back(l, from, address) || !was_met(l, address))
            add_step(l, address, from);
    }
    return true;
}

static void note_failure(struct look_up *l, size_t i, enum store_resolved what)
{
    if (i == 0 || l->what == RESOLVED_LOCAL)
        l->what = what;
    if (i > 0)
        log_event(EV_RCPT_REFUSED, l->s->tx->id, F_STR("rcpt", l->step[i].address),
                  F_STR("of", l->step[0].address),
                  F_STR("why", FCT_STR("the hook resolve names it, and nobody here has it")));
}

static void add_target(struct look_up *l, const struct store_target *to)
{
    for (size_t i = 0; i < l->targets; i++)
        if (l->target[i].account == to->account && str_equal(l->target[i].detail, to->detail) &&
            (to->account != 0 || str_equal(l->target[i].name, to->name)))
            return;
    MAKE_ROOM(l, l->target, l->targets, l->targets_room);
    l->target[l->targets++] = *to;
}

/* It came with RCPT, whatever way plugins have led from it and back. */
static bool is_named_by_client(const struct look_up *l, size_t i)
{
    return str_equal_nocase(l->step[i].address, l->step[0].address);
}

/* A step that only the directory knows. Elsewhere is where the client may send itself, or where
 * somebody here, a plugin or an alias, leads it. */
static FCT_MAY_WAIT bool ask_store(struct look_up *l, size_t i)
{
    struct store_resolution found;
    struct fct_err err = {0};

    if (!store_resolve(l->s->edge.listener->edge->store, l->step[i].address, l->s->call, &found,
                       &err)) {
        l->refusal = smtp_reply_error(&err);
        l->refusal.text = arena_str(l->s->call, l->refusal.text);
        return false;
    }
    if (found.suppressed && l->may_relay && i == 0) {
        l->refusal = SMTP_REPLY(550, "5.1.1", "");
        l->refusal.text = arena_printf(l->s->call, "there is no such address: %.*s",
                                       FCT_FMT(str_head(found.reason, REASON_MAX)));
        return false;
    }
    if (found.what == RESOLVED_NOT_LOCAL && (l->may_relay || !is_named_by_client(l, i)))
        add_target(l, &(struct store_target){.name = l->step[i].address});
    else if (found.what != RESOLVED_LOCAL || found.n == 0)
        note_failure(l, i, found.what);
    for (size_t k = 0; k < found.n; k++)
        add_target(l, &found.target[k]);
    return true;
}

/* False: the whole look-up ends here. A member that a plugin refuses for good is left out. */
static FCT_MAY_WAIT bool ask_step(struct look_up *l, size_t i)
{
    struct fct_ev_resolve event = {.recipient = l->step[i].address};
    struct filter_answer answer = {0};
    bool home = i > 0 && leads_back(l, l->step[i].from, l->step[i].address), named;
    struct smtp_reply r;

    if (!home && !smtp_ask(l->s, FCT_HOOK_resolve, &event, SMTP_AT_RCPT, &answer, &r)) {
        if (i > 0 && r.code >= 500) {
            note_failure(l, i, RESOLVED_UNKNOWN_USER);
            return true;
        }
        l->refusal = r;
        return false;
    }
    return add_targets(l, &answer, i, &named) && (named || ask_store(l, i));
}

static struct smtp_reply nobody(const struct look_up *l)
{
    if (l->what != RESOLVED_NOT_LOCAL)
        return SMTP_REPLY(550, "5.1.1", "no such user here");
    return SMTP_REPLY(550, "5.7.1", "relaying denied");
}

bool smtp_resolve(struct smtp_session *s, struct fct_str address, struct store_resolution *to,
                  struct smtp_reply *r)
{
    struct look_up l = {.s = s, .what = RESOLVED_LOCAL, .may_relay = smtp_may_relay(s)};

    *to = (struct store_resolution){.what = RESOLVED_LOCAL};
    add_step(&l, address, 0);
    for (size_t i = 0; i < l.steps; i++)
        if (!ask_step(&l, i)) {
            *r = l.refusal;
            return false;
        }
    to->target = l.target;
    to->n = l.targets;
    if (l.targets > 0)
        return true;
    to->what = l.what == RESOLVED_NOT_LOCAL ? RESOLVED_NOT_LOCAL : RESOLVED_UNKNOWN_USER;
    *r = nobody(&l);
    return false;
}
