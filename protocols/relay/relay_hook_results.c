/* relay_hook_results.c - queue.delivered, queue.deferred, queue.bounced: what came of an attempt is
 * told, and plugins may change what comes next. */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "protocols/relay/relay_hooks.h"

#include <stdlib.h>

/* Recipients of a job with the same fate: one event. */
struct group {
    size_t first;
    struct fct_list recipients;
};

struct telling {
    struct relay *relay;
    struct job *j;
    struct queue_result *result;
    struct arena *arena;
    bool *told;
};

static bool is_bounced(enum queue_outcome outcome)
{
    return outcome == QUEUE_OUT_FAILED || outcome == QUEUE_OUT_EXPIRED;
}

static bool same_fate(const struct telling *t, size_t a, size_t b)
{
    const struct delivery_result *x = &t->j->result[a], *y = &t->j->result[b];

    return t->result[a].outcome == t->result[b].outcome && strcmp(x->host, y->host) == 0 &&
           strcmp(x->text, y->text) == 0;
}

/* The next group whose outcome `fits`; false: there is none. */
static bool next_group(struct telling *t, bool (*fits)(enum queue_outcome), struct group *g)
{
    struct fct_str *address = ARENA_ARRAY(t->arena, struct fct_str, t->j->n + 1);
    size_t n = 0;

    for (size_t i = 0; i < t->j->n; i++) {
        if (t->told[i] || !fits(t->result[i].outcome) || (n > 0 && !same_fate(t, g->first, i)))
            continue;
        if (n == 0)
            g->first = i;
        t->told[i] = true;
        address[n++] = job_recipient(t->j, i)->address;
    }
    g->recipients = (struct fct_list){address, n};
    return n > 0;
}

/* An earlier answer may have made something else of it. */
static void begin(struct telling *t)
{
    memset(t->told, 0, t->j->n * sizeof *t->told);
}

/* ---- delivered ---- */

static bool is_delivered(enum queue_outcome outcome)
{
    return outcome == QUEUE_OUT_DELIVERED;
}

static void tell_delivered(struct telling *t)
{
    const struct queue_entry *entry = &t->j->mail->entry;
    struct group g;

    for (begin(t); next_group(t, is_delivered, &g);) {
        const struct delivery_result *r = &t->j->result[g.first];
        const struct filter_context ctx =
            relay_hook_context(entry, g.recipients.item, g.recipients.n);
        const struct fct_ev_queue_delivered ev = {
            .host = str_from(r->host),
            .reply = str_from(r->text),
            .tls = str_from(r->tls),
            .delay_ms = relay_hook_age_ms(entry),
            .recipients = g.recipients,
        };

        filter_tell(t->relay->hooks->filter, &ctx, FCT_HOOK_queue_delivered, &ev);
    }
}

/* ---- deferred ---- */

static bool is_deferred(enum queue_outcome outcome)
{
    return outcome == QUEUE_OUT_DEFERRED;
}

static int64_t changed_time(const struct telling *t, uint64_t ms, int64_t now)
{
    const struct queue_entry *entry = &t->j->mail->entry;
    const struct schedule *s = &t->relay->schedule;
    bool null = entry->envelope.reverse_path.n == 0;
    int64_t end = entry->arrived + (int64_t)(null ? s->expire_null_s : s->expire_s);
    int64_t next = ms / 1000 < INT32_MAX ? now + (int64_t)((ms + 999) / 1000) : end;

    if (next > end)
        next = end;
    return next > now ? next : now + 1;
}

static void take_deferred(struct telling *t, size_t first, const struct filter_answer *answer,
                          int64_t now)
{
    struct fct_str text;
    uint64_t ms;
    bool changed = filter_changed(answer, "next_try_ms", 0, &text) && str_to_u64(text, &ms);

    for (size_t i = first; i < t->j->n; i++) {
        struct queue_result *r = &t->result[i];

        if (i != first && (!is_deferred(r->outcome) || !same_fate(t, first, i)))
            continue;
        if (changed)
            r->next_try = changed_time(t, ms, now);
    }
    if (answer->verdict != FCT_REJECT)
        return;
    for (size_t i = t->j->n; i-- > first;)
        if (is_deferred(t->result[i].outcome) && same_fate(t, first, i)) {
            t->result[i].outcome = QUEUE_OUT_EXPIRED;
            t->result[i].warned = false;
        }
}

FCT_MAY_WAIT static void ask_deferred(struct telling *t)
{
    const struct queue_entry *entry = &t->j->mail->entry;
    struct group g;

    for (begin(t); next_group(t, is_deferred, &g);) {
        int64_t now = clock_wall(), next = t->result[g.first].next_try;
        const struct filter_context ctx =
            relay_hook_context(entry, g.recipients.item, g.recipients.n);
        const struct fct_ev_queue_deferred ev = {
            .host = str_from(t->j->result[g.first].host),
            .reply = str_from(t->j->result[g.first].text),
            .next_try_ms = next > now ? (uint64_t)(next - now) * 1000 : 0,
            .recipients = g.recipients,
            .attempt = job_recipient(t->j, g.first)->attempts + 1,
            .age_ms = relay_hook_age_ms(entry),
        };
        struct filter_answer answer;

        filter_hook(t->relay->hooks->filter, &ctx, FCT_HOOK_queue_deferred, &ev, t->arena, &answer);
        take_deferred(t, g.first, &answer, clock_wall());
    }
}

/* ---- bounced ---- */

static void take_bounced(struct telling *t, const struct group *g,
                         const struct filter_answer *answer)
{
    struct fct_str text;

    if (filter_changed(answer, "text", 0, &text) && text.n > 0)
        t->j->report_text = arena_str(t->j->mail->arena, text);
    if (answer->verdict != FCT_DISCARD)
        return;
    if (report_wanted(t->j, g->first, t->result[g->first].outcome))
        log_event(EV_REPORT_DROPPED, t->j->mail->entry.envelope.log_id,
                  F_U64("queue", t->j->mail->entry.id),
                  F_STR("to", t->j->mail->entry.envelope.reverse_path),
                  F_C("why", "discarded at queue.bounced"));
    for (size_t i = g->first; i < t->j->n; i++)
        if (same_fate(t, g->first, i))
            t->j->result[i].silent = true;
}

FCT_MAY_WAIT static void ask_bounced(struct telling *t)
{
    const struct queue_entry *entry = &t->j->mail->entry;
    struct group g;

    for (begin(t); next_group(t, is_bounced, &g);) {
        const struct delivery_result *r = &t->j->result[g.first];
        const struct filter_context ctx =
            relay_hook_context(entry, g.recipients.item, g.recipients.n);
        const struct fct_ev_queue_bounced ev = {
            .host = str_from(r->host),
            .reply = str_from(r->text),
            .recipients = g.recipients,
            .status = str_from(r->status),
            .expired = t->result[g.first].outcome == QUEUE_OUT_EXPIRED,
        };
        struct filter_answer answer;

        filter_hook(t->relay->hooks->filter, &ctx, FCT_HOOK_queue_bounced, &ev, t->arena, &answer);
        take_bounced(t, &g, &answer);
    }
}

/* ---- all of them ---- */

static bool any(const struct telling *t, bool (*fits)(enum queue_outcome))
{
    for (size_t i = 0; i < t->j->n; i++)
        if (fits(t->result[i].outcome))
            return true;
    return false;
}

static void end(struct telling *t)
{
    arena_free(&t->arena);
    free(t->told);
    free(t);
}

FCT_MAY_WAIT static void ask_all(void *arg)
{
    struct telling *t = arg;

    if (relay_hooked(t->relay, FCT_HOOK_queue_deferred))
        ask_deferred(t);
    if (relay_hooked(t->relay, FCT_HOOK_queue_bounced))
        ask_bounced(t);
    relay_conclude(t->relay, t->j, t->result);
    end(t);
}

bool relay_hook_results(struct relay *relay, struct job *j, struct queue_result *result)
{
    bool delivered = j->domain.n > 0 && relay_hooked(relay, FCT_HOOK_queue_delivered);
    bool deferred = relay_hooked(relay, FCT_HOOK_queue_deferred);
    bool bounced = relay_hooked(relay, FCT_HOOK_queue_bounced);
    struct telling *t;

    if (!delivered && !deferred && !bounced)
        return false;
    t = calloc(1, sizeof *t);
    FCT_ASSERT(t);
    *t = (struct telling){relay, j, result, arena_new(NULL), calloc(j->n + 1, sizeof(bool))};
    FCT_ASSERT(t->told);
    if (delivered)
        tell_delivered(t);
    if ((deferred && any(t, is_deferred)) ||
        (bounced && (any(t, is_bounced) || (deferred && any(t, is_deferred))))) {
        (void)fiber_start(ask_all, t);
        return true;
    }
    end(t);
    return false;
}
