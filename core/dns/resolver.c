/* resolver.c - see resolver.h.
 *
 * libunbound runs on our event base and calls back from the loop. Questions are handed to it from
 * the loop too, never from a fiber: its processing needs more stack than a fiber has. Nothing of
 * libunbound is ever cancelled: an asker that gives up takes itself off its question's list. */
#include "core/dns/resolver.h"

#include "core/base/map.h"
#include "core/base/str.h"
#include "core/dns/dns_answer.h"
#include "core/dns/dns_name.h"
#include "core/dns/dns_setup.h"
#include "core/fiber/fiber.h"
#include "core/log/log.h"

#include <event2/event.h>
#include <stdlib.h>
#include <unbound-event.h>
#include <unbound.h>

#define CLASS_IN 1
/* Questions that nobody waits for any more, but libunbound does, per one that somebody may wait
 * for: silent domains must not use up the room of the others. */
#define ABANDONED_PER_WANTED 8u

/* A fiber that waits for an answer; on its own stack. */
struct asker {
    struct fiber_token token;
    struct arena *arena;
    struct fct_dns_answer *out;
    bool answered;
    struct asker *next;
};

/* Asked once, whoever wants to know. */
struct question {
    struct dns_resolver *resolver;
    enum fct_dns_type type;
    struct dns_name name;
    struct asker *askers;
    struct question *next; /* to be handed over */
};

struct dns_resolver {
    struct ub_ctx *unbound;
    const struct dns_conf *conf;
    struct map *questions; /* in flight: "TYPE NAME" */
    uint32_t wanted;       /* of them, those with askers */
    struct question *first, **last;
    struct event *hand_over;
    const struct question *asking; /* inside ub_resolve_event: an answer now is from the cache */
    struct dns_stats stats;
};

/* ---- questions ---- */

struct question_key {
    char text[DNS_NAME_MAX + 16];
};

static struct fct_str key_of(struct question_key *key, enum fct_dns_type type,
                             const struct dns_name *name)
{
    int n = snprintf(key->text, sizeof key->text, "%u %s", (unsigned)type, name->text);

    return (struct fct_str){key->text, (size_t)n};
}

static void question_end(struct question *q)
{
    struct question_key key;

    (void)map_remove(q->resolver->questions, key_of(&key, q->type, &q->name));
    free(q);
}

static struct question *question_begin(struct dns_resolver *r, enum fct_dns_type type,
                                       const struct dns_name *name)
{
    struct question *q = calloc(1, sizeof *q);
    struct question_key key;

    FCT_ASSERT(q);
    *q = (struct question){.resolver = r, .type = type, .name = *name};
    (void)map_put(r->questions, key_of(&key, type, name), q);
    if (!r->first)
        event_active(r->hand_over, EV_TIMEOUT, 1);
    *r->last = q;
    r->last = &q->next;
    return q;
}

static struct question *question_in_flight(struct dns_resolver *r, enum fct_dns_type type,
                                           const struct dns_name *name)
{
    struct question_key key;

    return map_get(r->questions, key_of(&key, type, name));
}

/* ---- answers ---- */

static void set_failed(struct fct_dns_answer *out, enum fct_dns_status status, struct fct_str why)
{
    out->status = (uint32_t)status;
    out->why = why;
}

/* As libunbound calls it. */
struct raw_answer {
    struct fct_str message; /* empty: there is none */
    bool secure, bogus;
    const char *why_bogus;
};

static void take_answer(const struct question *q, const struct raw_answer *raw, struct arena *arena,
                        struct fct_dns_answer *out)
{
    if (raw->bogus) {
        set_failed(
            out, FCT_DNS_BOGUS,
            arena_str(arena, str_from(raw->why_bogus ? raw->why_bogus : "validation failed")));
        return;
    }
    if (raw->message.n == 0) {
        set_failed(out, FCT_DNS_FAILED, FCT_STR("no server gave an answer (SERVFAIL)"));
        return;
    }
    if (dns_answer_parse(arena, raw->message, &q->name, q->type, q->resolver->conf->max_records,
                         out))
        out->authentic = raw->secure;
}

static void tell_askers(struct question *q, const struct raw_answer *raw)
{
    q->resolver->wanted -= q->askers != NULL;
    while (q->askers) {
        struct asker *a = q->askers;

        q->askers = a->next;
        take_answer(q, raw, a->arena, a->out);
        a->answered = true;
        (void)fiber_wake(a->token);
    }
}

static void answered(void *arg, int rcode, void *packet, int length, int security, char *why_bogus,
                     int rate_limited)
{
    struct question *q = arg;
    /* With an rcode of its own libunbound has no message: what is in the buffer then answers some
     * other question. */
    struct raw_answer raw = {
        .message = {packet, rcode == 0 && packet && length > 0 ? (size_t)length : 0},
        .secure = security == 2,
        .bogus = security == 1,
        .why_bogus = why_bogus,
    };

    (void)rate_limited;
    if (q == q->resolver->asking)
        q->resolver->stats.at_once++;
    tell_askers(q, &raw);
    question_end(q);
}

/* ---- handing over ---- */

static void hand_over_one(struct dns_resolver *r, struct question *q)
{
    char name[DNS_NAME_MAX + 2];
    int code, id;

    snprintf(name, sizeof name, "%s.", q->name.text);
    r->asking = q;
    code = ub_resolve_event(r->unbound, name, (int)q->type, CLASS_IN, q, answered, &id);
    r->asking = NULL;
    if (code == UB_NOERROR)
        return; /* q may be answered and gone */
    log_event(EV_WARNING, FCT_STR(""), F_C("text", "a question to the DNS could not be asked"),
              F_C("why", ub_strerror(code)));
    tell_askers(q, &(struct raw_answer){0});
    question_end(q);
}

static void hand_over(evutil_socket_t fd, short what, void *arg)
{
    struct dns_resolver *r = arg;
    struct question *q = r->first;

    (void)fd, (void)what;
    r->first = NULL;
    r->last = &r->first;
    while (q) {
        struct question *next = q->next;

        hand_over_one(r, q);
        q = next;
    }
}

/* ---- asking ---- */

static void forget(struct question *q, const struct asker *a)
{
    struct asker **at = &q->askers;

    while (*at && *at != a)
        at = &(*at)->next;
    if (*at)
        *at = a->next;
    q->resolver->wanted -= !q->askers;
}

static bool has_room(const struct dns_resolver *r)
{
    return r->wanted < r->conf->max_in_flight &&
           map_count(r->questions) / ABANDONED_PER_WANTED < r->conf->max_in_flight;
}

FCT_MAY_WAIT static void ask_and_wait(struct dns_resolver *r, enum fct_dns_type type,
                                      const struct dns_name *name, struct asker *a,
                                      uint64_t deadline_ms)
{
    struct question *q = question_in_flight(r, type, name);
    enum fiber_wake why;

    if (q)
        r->stats.joined++;
    else if (!has_room(r)) {
        set_failed(a->out, FCT_DNS_FAILED,
                   FCT_STR("too many questions are waiting already (dns.max_in_flight)"));
        return;
    } else
        q = question_begin(r, type, name);
    a->token = fiber_token();
    r->wanted += !q->askers;
    a->next = q->askers;
    q->askers = a;
    why = fiber_park(deadline_ms);
    if (a->answered)
        return;
    forget(question_in_flight(r, type, name), a);
    r->stats.timeouts += why == FIBER_TIMEOUT;
    set_failed(a->out, FCT_DNS_FAILED,
               why == FIBER_TIMEOUT ? FCT_STR("no answer in time")
                                    : FCT_STR("given up: nobody waits for it any more"));
}

static bool is_question_type(enum fct_dns_type type)
{
    unsigned n = (unsigned)type;

    return n > 0 && n < 128 && n != 41; /* RFC 6895 3.1: the others are no data */
}

static void answer_question(struct dns_resolver *r, struct arena *arena, enum fct_dns_type type,
                            struct fct_str text, uint64_t deadline_ms, struct fct_dns_answer *out)
{
    struct asker asker = {.arena = arena, .out = out};
    uint64_t now = clock_ms(), began = clock_us();
    struct fct_err err = {0};
    struct dns_name name;

    if (!is_question_type(type)) {
        set_failed(out, FCT_DNS_REFUSED, FCT_STR("no type of records that can be asked for"));
        return;
    }
    if (!dns_name_parse(text, &name, &err)) {
        set_failed(out, FCT_DNS_REFUSED, arena_str(arena, str_from(err.text)));
        return;
    }
    if (now + r->conf->timeout.ms < deadline_ms)
        deadline_ms = now + r->conf->timeout.ms;
    out->canonical = arena_str(arena, dns_name_str(&name));
    ask_and_wait(r, type, &name, &asker, deadline_ms);
    r->stats.waited_us += clock_us() - began;
}

bool dns_resolve(struct dns_resolver *r, struct arena *arena, enum fct_dns_type type,
                 struct fct_str name, uint64_t deadline_ms, struct fct_dns_answer *out)
{
    FCT_ASSERT(fiber_inside());
    *out =
        (struct fct_dns_answer){.size = sizeof *out, .canonical = FCT_STR(""), .why = FCT_STR("")};
    r->stats.questions++;
    answer_question(r, arena, type, name, deadline_ms, out);
    r->stats.status[out->status]++;
    return out->status == FCT_DNS_OK && out->n > 0;
}

const struct dns_conf *dns_resolver_conf(const struct dns_resolver *r)
{
    return r->conf;
}

struct dns_stats dns_resolver_stats(const struct dns_resolver *r)
{
    struct dns_stats stats = r->stats;

    stats.in_flight = (uint32_t)map_count(r->questions);
    return stats;
}

/* ---- beginning and end ---- */

struct dns_resolver *dns_resolver_new(struct event_base *base, const struct dns_conf *conf,
                                      struct fct_err *err)
{
    struct ub_ctx *unbound = dns_setup(base, conf, err);
    struct dns_resolver *r;

    if (!unbound)
        return NULL;
    r = calloc(1, sizeof *r);
    FCT_ASSERT(r);
    r->unbound = unbound;
    r->conf = conf;
    r->questions = map_new();
    r->last = &r->first;
    r->hand_over = event_new(base, -1, 0, hand_over, r);
    FCT_ASSERT(r->hand_over);
    return r;
}

void dns_resolver_free(struct dns_resolver **resolver)
{
    struct dns_resolver *r = *resolver;
    void *q;

    *resolver = NULL;
    if (!r)
        return;
    event_free(r->hand_over);
    ub_ctx_delete(r->unbound);
    for (size_t at = 0; map_next(r->questions, &at, &(struct fct_str){0}, &q); free(q))
        FCT_ASSERT(!((struct question *)q)->askers);
    map_free(&r->questions);
    free(r);
}
