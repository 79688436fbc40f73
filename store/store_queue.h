/* store_queue.h - the queue of mail for elsewhere, as edge, relay and facteurctl use it.
 *
 * An entry is one accepted message: its envelope, its original (shared with local copies of it) and
 * its recipients, each with a state of its own. Recipients of one domain are a job: what the relay
 * takes on lease, tries, and answers with results. A recipient that is over leaves the work to do;
 * the entry goes with its last one.
 *
 * Everything returned lives in the arena given. Times are seconds since 1970, 0: none. */
#ifndef STORE_STORE_QUEUE_H
#define STORE_STORE_QUEUE_H

#include "store/store_client.h"

/* ---- an entry ---- */

enum queue_status { QUEUE_PENDING, QUEUE_DELIVERED, QUEUE_FAILED, QUEUE_EXPIRED };
enum queue_body { QUEUE_7BIT, QUEUE_8BIT, QUEUE_BINARY };
enum queue_ret { QUEUE_RET_NONE, QUEUE_RET_FULL, QUEUE_RET_HDRS }; /* RFC 3461 4.3 */

/* NOTIFY of RFC 3461 4.1, bits; 0: not given, which means FAILURE and DELAY. */
#define QUEUE_NOTIFY_NEVER   1u
#define QUEUE_NOTIFY_SUCCESS 2u
#define QUEUE_NOTIFY_FAILURE 4u
#define QUEUE_NOTIFY_DELAY   8u

struct queue_recipient {
    struct fct_str address; /* without brackets */
    struct fct_str orcpt;   /* ORCPT as given, "rfc822;…" in xtext, or empty (RFC 3461 4.2) */
    uint8_t notify;
    /* At first PENDING. One that is over already when it is queued needs only its report: a local
     * account that turned out full, a local delivery whose success has to be told. Such ones make
     * the job of the domain "". */
    enum queue_status status;
    bool warned;       /* the sender was told of the delay */
    uint32_t attempts; /* those that failed for now */
    int64_t last_try, next_try;
    struct fct_str reply, host; /* of the last attempt: the remote's words, its name */
};

struct queue_envelope {
    struct fct_str reverse_path;     /* empty: null */
    struct fct_str log_id;           /* of the message: facteurctl trace */
    struct fct_str login, client_ip; /* who brought it; login empty: nobody */
    struct fct_str envid;            /* ENVID as given, xtext (RFC 3461 4.4) */
    struct fct_str class;            /* of routes, a word that a plugin gave (queue.in), or empty */
    enum queue_ret ret;
    enum queue_body body;
    bool may_bounce; /* the sender is known: a login, a network of ours, ourselves. Else a report
                        would go to somebody who may have sent nothing */
    bool smtputf8;
    bool requiretls;        /* RFC 8689 */
    bool tls_optional;      /* TLS-Required: No (RFC 8689 5) */
    bool deliver_by_return; /* BY=…;R: give up then. Else (N) only tell (RFC 2852 4) */
    int8_t priority;        /* RFC 6710: -9 … 9 */
    int64_t hold_until;     /* RFC 4865 */
    int64_t deliver_by;
};

struct queue_entry {
    uint64_t id;
    int64_t arrived;
    uint64_t size; /* of the original */
    bool held;     /* by facteurctl queue hold */
    struct queue_envelope envelope;
    const struct queue_recipient *recipient;
    size_t n;
};

/* What serve_deliver puts into the queue besides local copies: one body, one commit. The envelope's
 * reverse_path, log_id, login and client_ip are those of the delivery. */
struct queue_send {
    struct queue_envelope envelope;
    const struct queue_recipient *recipient; /* address, orcpt, notify, status, reply, host */
    size_t n;
    /* Copies that turn out not to fit (full, gone) while somebody gets the message become
     * recipients that FAILED: their sender is told. For senders that are known only. Copies whose
     * success the sender wants to hear of become recipients that are DELIVERED, whatever this says.
     */
    bool report_copies;
    bool held; /* until facteurctl queue release */
    /* Our domain whose address leads there: a sender from elsewhere gets a reverse-path of ours
     * (store/forward.h). Empty: nobody's address does, the client named the recipients. */
    struct fct_str forwarded_by;
};

/* ---- results ---- */

enum queue_outcome {
    QUEUE_OUT_DELIVERED, /* over; the remote has it, or the report on this recipient is made */
    QUEUE_OUT_FAILED,    /* over, refused for good */
    QUEUE_OUT_EXPIRED,   /* over, tried for long enough */
    QUEUE_OUT_DEFERRED,  /* again at next_try; counts as an attempt */
    QUEUE_OUT_RETURNED,  /* not tried: again at next_try (0: at once); reply may be empty */
    QUEUE_OUT_COUNT
};

struct queue_result {
    uint64_t id;
    uint32_t recipient; /* its place in the entry */
    enum queue_outcome outcome;
    bool warned;                /* the sender was told of the delay */
    int64_t tried, next_try;    /* `tried`: when it was judged; 0: when the store hears of it */
    struct fct_str reply, host; /* cut at QUEUE_TEXT_MAX */
    /* For the history alone (store/queue_history.h); may be empty. */
    struct fct_str address, status, tls;
    struct fct_str converted; /* what the message was made into for that server */
    uint32_t took_ms;
};
#define QUEUE_TEXT_MAX    500u
#define QUEUE_RESULTS_MAX 10000u /* of one call */

/* What came of attempts. Returns when it is durable, together with other changes: keep on sending
 * meanwhile. A caller that lost the store claims these recipients on the next connection and says
 * it again. What is not there any more is ignored; a DEFERRED or
 * RETURNED for a job that somebody else holds, too. To bounce a recipient: put its result into the
 * delivery of the report (store_delivery.result), so that both happen or none. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_queue_result(struct store *st,
                                                    const struct queue_result *result, size_t n,
                                                    struct fct_err *err);

/* ---- leases: the relay ---- */

/* What a relay has in hand from an earlier connection: recipients that it is trying, or whose
 * results it was not answered. They are on lease to it again. The first word on each connection of
 * a relay, before anything else: until all relays that are connected have said theirs the store
 * lends nothing. So a store that died makes nobody send twice. */
struct queue_claim {
    uint64_t id;
    uint32_t recipient; /* its place in the entry */
};
FCT_MAY_WAIT FCT_MUST_CHECK bool
store_queue_claim(struct store *st, const struct queue_claim *claim, size_t n, struct fct_err *err);

/* The recipients of one message in one domain that are due, lent to this connection: until a
 * result came for each of them, or the connection ends (then they are due at once). */
struct queue_job {
    size_t entry;              /* which of the lease's entries */
    struct fct_str domain;     /* lower case; "" for recipients whose report is due */
    const uint32_t *recipient; /* their places in the entry */
    size_t n;
};

struct queue_lease {
    const struct queue_entry *entry; /* each once, however many jobs */
    const struct fct_str *body;      /* of each entry, whole; p NULL: read it (store_queue_read) */
    size_t entries;
    const struct queue_job *job;
    size_t n;
    uint64_t rules; /* the generation that is in force: store_queue_rules */
};

/* At most `max` jobs, taken in turn from the domains that have something due and room
 * (store_queue_domain), the higher priority first, then the older. Never waits for work: n 0 when
 * there is none. body_max: bodies up to this size come along. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_queue_lease(struct store *st, uint32_t max,
                                                   uint32_t body_max, struct arena *arena,
                                                   struct queue_lease *out, struct fct_err *err);
#define QUEUE_LEASE_MAX      1000u
#define QUEUE_LEASE_BODY_MAX (256u << 10)

/* What became of one recipient of store_queue_home. */
struct queue_home_result {
    bool kept;            /* the entry has a copy for it; else nothing was done */
    enum fct_class class; /* FCT_OK: delivered, and over in the queue; or why it was not */
    struct fct_str text;
};
/* Recipients (ascending) of an entry that are here: each gets the copy that was made when the
 * message came (store_copy_for.waits), in one commit with its end in the queue and the report that
 * tells of its success. out[n]. */
FCT_MAY_WAIT FCT_MUST_CHECK bool
store_queue_home(struct store *st, uint64_t id, const uint32_t *recipient, size_t n,
                 struct arena *arena, struct queue_home_result *out, struct fct_err *err);

/* There is work, after a lease that gave less than was asked for; or the store came back (all that
 * was said by store_queue_domain is forgotten). From the loop. fn NULL: no more. */
void store_queue_watch(struct store *st, void (*fn)(void *arg), void *arg);

/* How many jobs of a domain may be out at one time, and from when on (not_before_ms from now; 0:
 * now). Leases pass over domains without room; nothing else of them is touched. In memory only.
 * Until it is told: conf key store.queue_domain_jobs. */
struct queue_domain {
    struct fct_str domain;
    uint32_t jobs;
    uint64_t not_before_ms;
};
FCT_MAY_WAIT FCT_MUST_CHECK bool store_queue_domains(struct store *st,
                                                     const struct queue_domain *domain, size_t n,
                                                     struct fct_err *err);

/* Bytes [offset, offset + length) of an entry's original, at most 4 MiB a call; shorter at the end.
 * `out` is appended to. DENIED: the entry is gone. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_queue_read(struct store *st, uint64_t id, uint64_t offset,
                                                  uint32_t length, struct buf *out,
                                                  struct fct_err *err);

/* The whole original, mapped, when the store still has it in memory; asked for once. False: read
 * it. munmap it. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_queue_body(struct store *st, uint64_t id, uint64_t size,
                                                  struct fct_str *mapped);

/* ---- admin ---- */

enum queue_state { QUEUE_STATE_READY, QUEUE_STATE_ACTIVE, QUEUE_STATE_WAITING, QUEUE_STATE_HELD };

struct queue_filter {
    uint64_t id;              /* this one; 0: any */
    struct fct_str sender;    /* part of the address, in any case; "<>": the null sender */
    struct fct_str recipient; /* part of the address of one of them */
    struct fct_str domain;    /* of one of them, whole */
    struct fct_str login;
    struct fct_str reply;              /* part of what the other server said last, in any case */
    struct fct_str trace;              /* the message's id in the log, whole */
    uint64_t older_than, younger_than; /* seconds; 0: any */
    unsigned states;                   /* bits 1 << queue_state; 0: any */
};
struct queue_row {
    struct queue_entry entry;
    enum queue_state state; /* of its most active job */
    int64_t due;            /* when the next of its jobs is tried */
};
/* One page, from the oldest on. *after: 0 at first, moved on; *done: that was the last page. A page
 * may have no rows and not be the last. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_queue_list(struct store *st,
                                                  const struct queue_filter *filter,
                                                  uint64_t *after, struct arena *arena,
                                                  const struct queue_row **out, size_t *n,
                                                  bool *done, struct fct_err *err);

/* All of it: the store makes the next page while the caller looks at one. */
struct queue_pages {
    struct store *st;
    struct queue_filter filter; /* its strings are the caller's */
    uint64_t after;
    struct ipc_pending pending;
    bool asked, done;
};
void store_queue_pages_start(struct queue_pages *p, struct store *st,
                             const struct queue_filter *filter);
/* *n 0 and p->done: nothing is left. Rows live in the arena. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_queue_pages_next(struct queue_pages *p, struct arena *arena,
                                                        const struct queue_row **row, size_t *n,
                                                        struct fct_err *err);
void store_queue_pages_end(struct queue_pages *p);

enum queue_act { QUEUE_HOLD, QUEUE_RELEASE, QUEUE_RETRY, QUEUE_DROP, QUEUE_UNDO, QUEUE_ACT_COUNT };
#define QUEUE_ACT_MAX 1000u
/* *done: how many were there. DROP: gone without a report. UNDO: the same, but only what was never
 * tried and is not due yet (envelope.hold_until): taken back by who sent it. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_queue_act(struct store *st, enum queue_act act,
                                                 const uint64_t *id, size_t n, uint32_t *done,
                                                 struct fct_err *err);

/* What became of the messages with this log id: lines of the history, TIME, number, event, words,
 * with tabs between; the newest 2 MiB. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_queue_history(struct store *st, struct fct_str log_id,
                                                     struct arena *arena, struct fct_str *lines,
                                                     struct fct_err *err);

/* ---- standing rules for destinations ---- */

/* One per pattern: "example.org", ".example.org" for all below it, "*". The exact name counts
 * before the longest domain above it, then "*". */
struct queue_rule {
    struct fct_str pattern; /* lower case */
    bool held;              /* nothing is sent */
    int64_t until;          /* held: until then; 0: until the rule goes */
    struct fct_str host;    /* "relay.example:587" instead of the MX; empty: none */
    uint32_t per_minute;    /* messages at most; 0: no limit */
    struct fct_str why;     /* for people */
    int64_t made;
};
#define QUEUE_RULES_MAX 1000u
/* The rule that names a domain best: itself, then the longest ".example" above it, then "*". NULL:
 * none does. `domain` in lower case. */
const struct queue_rule *queue_rule_find(const struct queue_rule *rule, size_t n,
                                         struct fct_str domain);
/* generation: changes with every change. known: the one the caller has; when it is still right
 * nothing else is given (*n 0). */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_queue_rules(struct store *st, uint64_t known,
                                                   struct arena *arena, uint64_t *generation,
                                                   const struct queue_rule **rule, size_t *n,
                                                   struct fct_err *err);
/* Instead of the one with this pattern. One that asks for nothing: it is removed; DENIED when there
 * is none. Durable when it returns. */
FCT_MAY_WAIT FCT_MUST_CHECK bool
store_queue_rule_set(struct store *st, const struct queue_rule *rule, struct fct_err *err);

/* Of recipients by the age of their message: below a minute, 5 and 20 minutes, 1, 4, 12 hours, 1, 2
 * and 5 days, older. */
#define QUEUE_BLOCKED_HELD ((uint64_t)INT64_MAX)
#define QUEUE_AGES         10
extern const uint32_t queue_age_limit[QUEUE_AGES - 1]; /* seconds */
struct queue_domain_row {
    struct fct_str domain;
    uint64_t messages, recipients, active, waiting;
    int64_t oldest, next; /* arrival of the oldest, next due time */
    uint32_t jobs;        /* may be out at one time */
    uint64_t blocked_ms;  /* for so long from now; QUEUE_BLOCKED_HELD: until a rule goes */
};
struct queue_statistics {
    uint64_t messages, recipients, active, ready, waiting, held, domains;
    uint64_t age[QUEUE_AGES];
    const struct queue_domain_row *domain; /* those with most messages first */
    size_t n;
};
FCT_MAY_WAIT FCT_MUST_CHECK bool store_queue_statistics(struct store *st, uint32_t max_domains,
                                                        struct arena *arena,
                                                        struct queue_statistics *out,
                                                        struct fct_err *err);

#endif
