/* session_fixture.h - an SMTP or LMTP session on a real loopback socket, with a store and filters
 * that do as the test says.
 *
 * The functions of store_client.h and filter_client.h that sessions use are defined here and linked
 * in their place. */
#ifndef TESTS_UNIT_PROTOCOLS_SMTP_SESSION_FIXTURE_H
#define TESTS_UNIT_PROTOCOLS_SMTP_SESSION_FIXTURE_H

#include "core/base/err.h"
#include "core/base/id.h"
#include "core/base/map.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "core/message/edit_list.h"
#include "protocols/edge.h"
#include "protocols/lmtp/lmtp_conf.h"
#include "protocols/smtp/smtp_conf.h"
#include "store/forward_conf.h"
#include "store/store_queue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the store ---- */

/* Local: user@, other@, full@ (quota), sick@ (temporary failure), pair@ (an alias for user and
 * other), all @example.org. */
static const char *const account_names[] = {"user@example.org", "other@example.org",
                                            "full@example.org", "sick@example.org"};

static struct {
    unsigned deliveries, copies, spools, logouts;
    bool away;
    struct buf message; /* the last one, as stored: the view of its first copy */
    struct buf reverse_path;
    struct buf mailbox, keywords;
    struct buf all; /* of the last: "account:mailbox" for each copy, with spaces */
    uint16_t flags;
    struct buf ledger;
    struct buf sent; /* of the last: what is for elsewhere */
    struct queue_envelope envelope;
    char envid[101];
    bool held;
} store;

static inline size_t find_account(struct fct_str address)
{
    size_t i = 0;

    while (i < FCT_COUNT(account_names) && !str_equal_nocase(address, str_from(account_names[i])))
        i++;
    return i;
}

static inline void resolve_to(struct arena *arena, struct store_resolution *out, size_t first,
                              size_t n, struct fct_str detail)
{
    static const struct fct_str colors[] = {FCT_STR_INIT("color=1"), FCT_STR_INIT("color=2"),
                                            FCT_STR_INIT("color=3"), FCT_STR_INIT("color=4")};
    struct store_target *t = ARENA_ARRAY(arena, struct store_target, n);

    for (size_t i = 0; i < n; i++)
        t[i] = (struct store_target){.account = first + i + 1,
                                     .name = str_from(account_names[first + i]),
                                     .detail = detail,
                                     .setting = &colors[first + i],
                                     .nsettings = 1};
    *out = (struct store_resolution){.what = RESOLVED_LOCAL, .target = t, .n = n};
}

bool store_resolve(struct store *st, struct fct_str address, struct arena *arena,
                   struct store_resolution *out, struct fct_err *err)
{
    (void)st;
    *out = (struct store_resolution){.what = RESOLVED_UNKNOWN_USER};
    if (store.away)
        return fct_fail(err, FCT_TEMP, "the store is away");
    if (find_account(address) < FCT_COUNT(account_names))
        resolve_to(arena, out, find_account(address), 1, FCT_STR(""));
    else if (str_equal_nocase(address, FCT_STR("user+box@example.org")))
        resolve_to(arena, out, 0, 1, FCT_STR("box"));
    else if (str_equal_nocase(address, FCT_STR("postmaster")) ||
             str_equal_nocase(address, FCT_STR("pair@example.org")))
        resolve_to(arena, out, 0, 2, FCT_STR(""));
    else if (!str_ends_nocase(address, FCT_STR("@example.org")))
        out->what = RESOLVED_NOT_LOCAL;
    return true;
}

bool store_login(struct store *st, struct fct_str user, struct fct_str password,
                 struct arena *arena, struct store_principal *out, struct fct_err *err)
{
    (void)st;
    if (!str_equal(password, FCT_STR("pass")) || find_account(user) == FCT_COUNT(account_names))
        return fct_fail(err, FCT_DENIED, "wrong user name or password");
    *out = (struct store_principal){.handle = 7, .name = arena_str(arena, user)};
    return true;
}

bool store_login_as(struct store *st, struct store_principal *p, struct fct_str account,
                    struct arena *arena, struct fct_err *err)
{
    (void)st;
    if (find_account(account) == FCT_COUNT(account_names))
        return fct_fail(err, FCT_DENIED, "no such account");
    store.logouts++;
    *p = (struct store_principal){.handle = 8, .name = arena_str(arena, account)};
    return true;
}

bool store_scram_salt(struct store *st, struct fct_str user, struct arena *arena,
                      struct fct_str *salt, uint32_t *iterations, struct fct_err *err)
{
    (void)st, (void)user, (void)arena, (void)salt, (void)iterations;
    return fct_fail(err, FCT_TEMP, "not here");
}

bool store_scram_login(struct store *st, struct fct_str user, struct fct_str auth_message,
                       struct fct_str client_proof, struct arena *arena,
                       struct fct_str *server_signature, struct store_principal *out,
                       struct fct_err *err)
{
    (void)st, (void)user, (void)auth_message, (void)client_proof, (void)arena,
        (void)server_signature, (void)out;
    return fct_fail(err, FCT_TEMP, "not here");
}

void store_logout(struct store *st, struct store_principal *p)
{
    (void)st;
    store.logouts += p->handle != 0;
    *p = (struct store_principal){0};
}

bool store_may_send_as(struct store *st, uint32_t principal, struct fct_str address, bool *yes,
                       struct fct_err *err)
{
    (void)st, (void)principal, (void)err;
    *yes = str_equal_nocase(address, FCT_STR("user@example.org"));
    return true;
}

bool store_forward_confirm(struct store *st, struct fct_str code, struct arena *arena,
                           struct fct_str *account, struct fct_str *target, struct fct_err *err)
{
    (void)st, (void)code, (void)arena, (void)account, (void)target;
    return fct_fail(err, FCT_DENIED, "no forwarding waits for this code");
}

bool store_spool_pair(struct store *st, int *fd, int *reader, struct fct_err *err)
{
    char path[64];

    (void)st;
    if (store.away)
        return fct_fail(err, FCT_TEMP, "the store is away");
    store.spools++;
    *fd = memfd_create("spool", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", *fd);
    *reader = open(path, O_RDONLY | O_CLOEXEC);
    return *fd >= 0 && *reader >= 0;
}

/* The view of the first copy, put together from the original and its edits. */
static inline void note_message(const struct store_delivery *d, struct arena *arena)
{
    char *bytes = malloc(d->size);
    struct edit_list edits;
    struct fct_err err = {0};

    FCT_ASSERT(bytes && pread(d->fd, bytes, d->size, 0) == (ssize_t)d->size);
    FCT_ASSERT(edit_list_decode(arena, d->copy[0].edits, d->size, &edits, &err));
    buf_clear(&store.message);
    FCT_ASSERT(
        edit_list_apply(&edits, (struct fct_str){bytes, d->size}, 0, UINT64_MAX, &store.message));
    FCT_ASSERT(store.message.n == d->copy[0].view_size);
    free(bytes);
}

static inline void note_copies(const struct store_delivery *d)
{
    buf_clear(&store.all);
    for (size_t i = 0; i < d->n; i++)
        buf_printf(&store.all, "%s%u:%.*s", i > 0 ? " " : "", (unsigned)d->copy[i].account,
                   FCT_FMT(d->copy[i].mailbox));
}

/* What is for elsewhere: "address orcpt notify status, …". */
static inline void note_sent(const struct store_delivery *d)
{
    const struct queue_send *send = d->send;

    buf_clear(&store.sent);
    if (!send)
        return;
    store.envelope = send->envelope; /* its strings are gone afterwards */
    str_copy_c(store.envid, sizeof store.envid, send->envelope.envid);
    store.held = send->held;
    for (size_t i = 0; i < send->n; i++)
        buf_printf(&store.sent, "%s%.*s %.*s %u %u", i > 0 ? ", " : "",
                   FCT_FMT(send->recipient[i].address), FCT_FMT(send->recipient[i].orcpt),
                   send->recipient[i].notify, (unsigned)send->recipient[i].status);
    buf_printf(&store.sent, "%s", send->report_copies ? " reports" : "");
    *d->queue_id = send->n > 0;
    for (size_t i = 0; i < d->n; i++)
        if (d->copy[i].account == 3 && send->report_copies && send->n + d->n > 1)
            *d->queue_id = 1;
}

bool store_deliver(struct store *st, const struct store_delivery *d, struct arena *arena,
                   struct store_delivered *out, struct fct_err *err)
{
    static const struct store_copy_for none;
    const struct store_copy_for *first = d->n > 0 ? d->copy : &none;

    (void)st;
    if (store.away)
        return fct_fail(err, FCT_TEMP, "the store is away");
    store.deliveries++;
    note_sent(d);
    if (d->n > 0)
        note_message(d, arena);
    buf_clear(&store.reverse_path);
    buf_put_str(&store.reverse_path, d->reverse_path);
    buf_clear(&store.mailbox);
    buf_put_str(&store.mailbox, first->mailbox);
    buf_clear(&store.keywords);
    for (size_t i = 0; i < first->nkeywords; i++)
        buf_put_str(&store.keywords, first->keyword[i]);
    store.flags = first->flags;
    buf_clear(&store.ledger);
    buf_put_str(&store.ledger, first->ledger);
    note_copies(d);
    for (size_t i = 0; i < d->n; i++) {
        FCT_ASSERT(d->copy[i].summary.n > 0);
        out[i] = (struct store_delivered){
            .class = FCT_OK, .mailbox = FCT_STR("INBOX"), .uid = store.deliveries};
        if (d->copy[i].account == 3)
            out[i] = (struct store_delivered){.class = FCT_LIMIT, .text = FCT_STR("mailbox full")};
        else if (d->copy[i].account == 4)
            out[i] = (struct store_delivered){.class = FCT_TEMP, .text = FCT_STR("disk")};
        else
            store.copies++;
    }
    return true;
}

/* ---- the filters ---- */

/* One rule of the test: at this point, when the text of the event is `when` (NULL: always), this
 * answer. The first that fits wins; without one the answer is answer[hook]. */
struct filter_rule {
    enum fct_hook hook;
    const char *when;
    struct filter_answer answer;
};

static struct {
    struct filter_answer
        answer[FCT_HOOK_COUNT]; /* of hooks of the dialogue; FCT_HOOK_verdict: of the message */
    const struct filter_rule *rule;
    size_t rules;
    bool wants[FCT_HOOK_COUNT];
    unsigned asked[FCT_HOOK_COUNT], told[FCT_HOOK_COUNT];
    struct filter_outcome outcome; /* of every recipient … */
    struct filter_outcome of[4];   /* … but this for account 1, 2, 3, 4 where has_own says so */
    bool has_own[4];
    struct edit_list edits;             /* common: of those whom `edit` adds */
    const struct filter_change *change; /* of `edit` */
    size_t changes;
    bool thinks;       /* questions wait until this is over */
    unsigned pause_ms; /* each question takes so long */
    bool quarantined;
    bool each_answered;                /* of the last message */
    bool writable;                     /* the message could be changed by the filter */
    char last_reason[16];              /* of abort */
    char last_event[600];              /* text of the last event asked at a point of the dialogue */
    char last_carried[64];             /* what the asker of the last point carried */
    char profiles[200], settings[200]; /* of the recipients of the last message, with spaces */
    struct buf chunks;                 /* the pieces of the last message */
} filter;

bool filter_wants(const struct filter_client *fc, enum fct_hook hook, uint32_t role)
{
    (void)fc, (void)role;
    return filter.wants[hook];
}

bool filter_changed(const struct filter_answer *answer, const char *name, size_t nth,
                    struct fct_str *value)
{
    for (size_t i = 0; i < answer->changes; i++)
        if (str_equal(answer->change[i].name, str_from(name)) && nth-- == 0) {
            *value = answer->change[i].value;
            return true;
        }
    return false;
}

/* What rules compare: the event in a few words. */
static inline struct fct_str event_text(enum fct_hook hook, const void *ev, struct arena *arena)
{
    const union {
        const void *p;
        const struct fct_ev_helo *helo;
        const struct fct_ev_tls *tls;
        const struct fct_ev_auth *auth;
        const struct fct_ev_mail *mail;
        const struct fct_ev_rcpt *rcpt;
        const struct fct_ev_resolve *resolve;
        const struct fct_ev_unknown *unknown;
    } e = {ev};

    switch ((int)hook) {
    case FCT_HOOK_helo:
        return e.helo->name;
    case FCT_HOOK_tls:
        return arena_printf(arena, "%.*s %.*s", FCT_FMT(e.tls->version),
                            FCT_FMT(e.tls->server_name));
    case FCT_HOOK_auth:
        return arena_printf(arena, "%.*s %.*s %.*s", FCT_FMT(e.auth->protocol),
                            FCT_FMT(e.auth->mechanism), FCT_FMT(e.auth->user));
    case FCT_HOOK_mail:
        return arena_printf(arena, "%.*s|%.*s|%.*s", FCT_FMT(e.mail->reverse_path),
                            FCT_FMT(e.mail->body), FCT_FMT(e.mail->auth));
    case FCT_HOOK_rcpt:
        return e.rcpt->refused.n == 0
                   ? e.rcpt->recipient
                   : arena_printf(arena, "%.*s: %.*s", FCT_FMT(e.rcpt->recipient),
                                  FCT_FMT(e.rcpt->refused));
    case FCT_HOOK_resolve:
        return e.resolve->recipient;
    case FCT_HOOK_unknown:
        return e.unknown->line;
    default:
        return FCT_STR("");
    }
}

static inline void note_chunk(const struct fct_ev_chunk *ev)
{
    FCT_ASSERT(ev->bytes.n > 0 && ev->bytes.n <= 64u << 10);
    if (ev->offset == 0)
        buf_clear(&filter.chunks);
    FCT_ASSERT(ev->offset == filter.chunks.n);
    buf_put_str(&filter.chunks, ev->bytes);
}

void filter_hook_message(struct filter_client *fc, const struct filter_context *ctx,
                         enum fct_hook hook, const void *ev, int fd, uint64_t size,
                         struct arena *arena, struct filter_answer *answer)
{
    struct fct_str text = event_text(hook, ev, arena);
    size_t i = 0;

    (void)fc, (void)fd, (void)size;
    FCT_ASSERT(ctx->conn.id.n == ID_LENGTH && ctx->conn.frontend.n == 4);
    filter.asked[hook]++;
    str_copy_c(filter.last_event, sizeof filter.last_event, text);
    str_copy_c(filter.last_carried, sizeof filter.last_carried, ctx->carried);
    if (hook == FCT_HOOK_chunk)
        note_chunk(ev);
    while (i < filter.rules &&
           (filter.rule[i].hook != hook ||
            (filter.rule[i].when && !str_equal(str_from(filter.rule[i].when), text))))
        i++;
    *answer = i < filter.rules ? filter.rule[i].answer : filter.answer[hook];
    if (filter.pause_ms > 0)
        (void)fiber_sleep(filter.pause_ms);
    while (filter.thinks && !fiber_is_cancelled())
        (void)fiber_sleep(1);
    if (fiber_is_cancelled())
        *answer = (struct filter_answer){.verdict = FCT_TEMPFAIL};
    answer->text = arena_str(arena, answer->text); /* as in life: gone with the arena */
    answer->enhanced = arena_str(arena, answer->enhanced);
}

void filter_hook(struct filter_client *fc, const struct filter_context *ctx, enum fct_hook hook,
                 const void *ev, struct arena *arena, struct filter_answer *answer)
{
    filter_hook_message(fc, ctx, hook, ev, -1, 0, arena, answer);
}

void filter_tell(struct filter_client *fc, const struct filter_context *ctx, enum fct_hook hook,
                 const void *ev)
{
    (void)fc, (void)ctx;
    filter.told[hook]++;
    if (hook == FCT_HOOK_abort)
        str_copy_c(filter.last_reason, sizeof filter.last_reason,
                   ((const struct fct_ev_abort *)ev)->reason);
}

/* A ledger is text here: what was there, then a line per note. */
bool ledger_decode(struct arena *arena, struct fct_str bytes, struct ledger *out,
                   struct fct_err *err)
{
    struct ledger_entry *entry = ARENA_NEW(arena, struct ledger_entry);

    (void)err;
    entry->name = bytes;
    *out = (struct ledger){.entry = entry, .n = 1};
    return true;
}

void ledger_encode(const struct ledger *l, struct buf *out)
{
    for (size_t i = 0; i < l->n; i++)
        buf_printf(out, "%s%.*s", i > 0 ? " + " : "", FCT_FMT(l->entry[i].name));
}

static inline void note_recipients(const struct filter_recipient *recipient, size_t n)
{
    filter.profiles[0] = filter.settings[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        size_t at = strlen(filter.profiles), set = strlen(filter.settings);

        snprintf(filter.profiles + at, sizeof filter.profiles - at, "%.*s ",
                 FCT_FMT(recipient[i].profile));
        for (size_t k = 0; k < recipient[i].setting.n; k++)
            set += (size_t)snprintf(filter.settings + set, sizeof filter.settings - set, "%.*s ",
                                    FCT_FMT(recipient[i].setting.item[k]));
    }
}

void filter_message(struct filter_client *fc, const struct filter_context *ctx, int fd,
                    uint64_t size, const struct filter_recipient *recipient, size_t n,
                    struct arena *arena, struct filter_result *result)
{
    (void)fc;
    FCT_ASSERT(ctx->envelope.recipients > 0 && fd >= 0 && size > 0);
    filter.asked[FCT_HOOK_verdict]++;
    *result = (struct filter_result){.answer = filter.answer[FCT_HOOK_verdict],
                                     .quarantined = filter.quarantined,
                                     .outcomes = n};
    result->edits = filter.edits;
    result->change = filter.change;
    result->changes = filter.changes;
    filter.writable =
        (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY && !(fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE);
    note_recipients(recipient, n);
    filter.each_answered = ctx->each_answered;
    result->outcome = ARENA_ARRAY(arena, struct filter_outcome, n + 1);
    for (size_t i = 0; i < n; i++) {
        size_t account = find_account(recipient[i].account);

        result->outcome[i] = account < FCT_COUNT(filter.has_own) && filter.has_own[account]
                                 ? filter.of[account]
                                 : filter.outcome;
    }
}

/* ---- the connection ---- */

static struct event_base *base;
static struct edge edge;
static struct edge_listener listener;
static struct listener_conf listener_conf;
static struct config *conf;
static struct arena *arena;
static int client = -1;
static char heard[1 << 16]; /* replies since the last talk() */

static inline void setup_edge(void)
{
    static const struct conf_block *const blocks[] = {&smtp_block, &lmtp_block, &forward_block,
                                                      NULL};
    struct fct_err err = {0};

    log_setup(open("/dev/null", O_WRONLY | O_CLOEXEC), "edge", FCT_ERROR);
    base = event_base_new();
    FCT_ASSERT(fiber_setup(base, 64 << 10, 4, &err));
    FCT_ASSERT(config_load(NULL, 0, blocks, &conf, NULL, &err));
    memset(&store, 0, sizeof store);
    memset(&filter, 0, sizeof filter);
    store.message = store.reverse_path = store.mailbox = store.keywords = store.all = store.ledger =
        store.sent = BUF_INIT(16 << 20);
    filter.chunks = BUF_INIT(16 << 20);
    arena = arena_new(NULL);
    listener_conf = (struct listener_conf){
        .protocol = "smtp", .role = "mx", .tls = "none", .plain_login = true};
    edge = (struct edge){.base = base,
                         .conf = conf,
                         .name = FCT_STR("mx.example.org"),
                         .listener = &listener,
                         .listeners = 1};
    listener = (struct edge_listener){.edge = &edge,
                                      .label = "test",
                                      .conf = &listener_conf,
                                      .protocol = &smtp_protocol,
                                      .role = FCT_ROLE_MX};
}

static inline void turns(unsigned n)
{
    while (n-- > 0)
        event_base_loop(base, EVLOOP_NONBLOCK);
}

static inline void hang_up(void)
{
    if (client >= 0)
        close(client);
    client = -1;
    turns(20);
}

static inline void teardown_edge(void)
{
    hang_up();
    FCT_ASSERT(edge.session_count == 0); /* whatever the test did, no session is left */
    FCT_ASSERT(fiber_stats().running == 0);
    buf_free(&store.message);
    buf_free(&store.reverse_path);
    buf_free(&store.mailbox);
    buf_free(&store.keywords);
    buf_free(&store.all);
    buf_free(&store.ledger);
    buf_free(&store.sent);
    buf_free(&filter.chunks);
    arena_free(&arena);
    config_free(&conf);
    fiber_teardown();
    event_base_free(base);
}

/* One door for all connections: a port of its own for each would be used up by a long fuzz run. */
static inline int open_door(struct sockaddr_in *at)
{
    static int door = -1;
    socklen_t n = sizeof *at;

    if (door < 0) {
        door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        FCT_ASSERT(door >= 0 && bind(door, (struct sockaddr *)at, n) == 0 && listen(door, 1) == 0);
    }
    FCT_ASSERT(getsockname(door, (struct sockaddr *)at, &n) == 0);
    return door;
}

/* A pair of connected TCP sockets on the loopback address. */
static inline void dial(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int door = open_door(&a), fd, on = 1;

    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    FCT_ASSERT(client >= 0 && connect(client, (struct sockaddr *)&a, sizeof a) == 0);
    FCT_ASSERT(setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
    fd = accept4(door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    FCT_ASSERT(fd >= 0);
    FCT_ASSERT(fcntl(client, F_SETFL, O_NONBLOCK) == 0);
    listener.protocol->accepted(&listener, fd);
}

/* What the server says until it has nothing more to say: reply codes with spaces between, "|" when
 * it closed; texts in heard. */
static inline const char *listen_codes(void)
{
    static char codes[4096];
    size_t n = 0, at = 0;
    bool closed = false;

    for (unsigned quiet = 0; quiet < 30 && !closed; quiet++) {
        ssize_t got;

        turns(1);
        got = recv(client, heard + n, sizeof heard - 1 - n, 0);
        if (got > 0)
            quiet = 0, n += (size_t)got;
        closed = got == 0 || (got < 0 && errno == ECONNRESET);
    }
    heard[n] = '\0';
    for (char *line = heard; *line; line = strchr(line, '\n') + 1) {
        FCT_ASSERT(strchr(line, '\n') && strchr(line, '\n')[-1] == '\r');
        if (line[3] != '-' && at + 5 < sizeof codes)
            at += (size_t)snprintf(codes + at, sizeof codes - at, "%s%.3s", at ? " " : "", line);
    }
    snprintf(codes + at, sizeof codes - at, "%s", closed ? (at ? " |" : "|") : "");
    return codes;
}

static inline const char *talk_bytes(struct fct_str bytes)
{
    while (bytes.n > 0) {
        ssize_t n = send(client, bytes.p, bytes.n, MSG_NOSIGNAL);

        if (n < 0 && errno != EAGAIN)
            break;
        bytes = str_skip(bytes, n > 0 ? (size_t)n : 0);
        turns(1);
    }
    return listen_codes();
}

static inline const char *talk(const char *text)
{
    return talk_bytes(str_from(text));
}

#define EXPECT(text, codes)                                                                      \
    do {                                                                                         \
        const char *got_codes = talk(text);                                                      \
        ck_assert_msg(strcmp(got_codes, codes) == 0, "%.60s: got \"%s\", want \"%s\"\n%s", text, \
                      got_codes, codes, heard);                                                  \
    } while (0)

#endif
