/* The queue of mail for elsewhere: what is due is handed out once, by domain and in turn; results
 * are kept across restarts; a body stays as long as anybody needs it. */
#include "fixture.h"

#include "core/base/clock.h"
#include "store/queue.h"

#include <errno.h>

#define TEXT "Subject: hello\r\n\r\nbody of the letter\r\n"

static struct store *relay;
static unsigned woken;

static void wake(void *arg)
{
    (void)arg;
    woken++;
}

static void connect_relay(unsigned index)
{
    relay = fx_connect(ROLE_RELAY, index);
    WANT(store_queue_claim(relay, NULL, 0, &fx_err));
    store_queue_watch(relay, wake, NULL);
}

/* Runs the body with a relay connected. */
static void (*body_of_test)(void);

static void with_relay(void)
{
    connect_relay(0);
    body_of_test();
    store_client_free(&relay);
}

static void run(void (*body)(void))
{
    body_of_test = body;
    fx_test(with_relay);
}

/* A message to addresses separated by spaces. */
static struct queue_send send_to(const char *addresses)
{
    struct queue_recipient *r = ARENA_ARRAY(fx_arena, struct queue_recipient, 64);
    struct fct_str rest = str_from(addresses);
    size_t n = 0;

    while (rest.p && n < 64)
        r[n++].address = str_split(&rest, ' ');
    return (struct queue_send){.recipient = r, .n = n};
}

static uint64_t put(const struct queue_send *send, const char *text, const char *login)
{
    uint64_t id = 0;
    struct store_delivery d = {.id = FCT_STR("trace"),
                               .reverse_path = FCT_STR("from@example.net"),
                               .login = str_from(login),
                               .size = strlen(text),
                               .send = send,
                               .queue_id = &id};
    bool ok;

    d.fd = fx_memfd(text, strlen(text));
    ok = store_deliver(fx_edge, &d, fx_arena, NULL, &fx_err);
    close(d.fd);
    return ok ? id : 0;
}

static uint64_t put_to(const char *addresses)
{
    struct queue_send send = send_to(addresses);
    uint64_t id = put(&send, TEXT, "");

    ck_assert_msg(id != 0, "%s", fx_err.text);
    return id;
}

static struct queue_lease lease(uint32_t max)
{
    struct queue_lease l;

    WANT(store_queue_lease(relay, max, 4096, fx_arena, &l, &fx_err));
    return l;
}

/* The addresses of all jobs, as text. */
static const char *leased(uint32_t max)
{
    struct queue_lease l = lease(max);
    struct buf out = BUF_INIT(4096);
    const char *text;

    for (size_t i = 0; i < l.n; i++)
        for (size_t k = 0; k < l.job[i].n; k++) {
            const struct queue_entry *e = &l.entry[l.job[i].entry];

            buf_printf(&out, "%s%.*s", out.n ? " " : "",
                       FCT_FMT(e->recipient[l.job[i].recipient[k]].address));
        }
    text = arena_cstr(fx_arena, buf_str(&out));
    buf_free(&out);
    return text;
}

#define LEASED(max, want) ck_assert_str_eq(leased(max), want)

static void result(uint64_t id, uint32_t recipient, enum queue_outcome outcome, int64_t next)
{
    struct queue_result r = {.id = id,
                             .recipient = recipient,
                             .outcome = outcome,
                             .next_try = next,
                             .reply = FCT_STR("250 2.0.0 thanks"),
                             .host = FCT_STR("mx.example")};

    WANT(store_queue_result(relay, &r, 1, &fx_err));
}

/* What a list shows: "id state sender→recipient=status/attempts,… ". */
static const char *listed(const struct queue_filter *filter)
{
    static const char *const states[] = {"ready", "active", "waiting", "held"};
    static const char *const statuses[] = {"pending", "delivered", "failed", "expired"};
    struct buf out = BUF_INIT(64 << 10);
    uint64_t after = 0;
    bool done = false;
    const char *text;

    while (!done) {
        const struct queue_row *row;
        size_t n;

        WANT(store_queue_list(fx_admin, filter, &after, fx_arena, &row, &n, &done, &fx_err));
        for (size_t i = 0; i < n; i++) {
            buf_printf(&out, "%s%s:", out.n ? "; " : "", states[row[i].state]);
            for (size_t k = 0; k < row[i].entry.n; k++) {
                const struct queue_recipient *r = &row[i].entry.recipient[k];

                buf_printf(&out, " %.*s=%s/%u", FCT_FMT(r->address), statuses[r->status],
                           r->attempts);
            }
        }
    }
    text = arena_cstr(fx_arena, buf_str(&out));
    buf_free(&out);
    return text;
}

#define LISTED(want) ck_assert_str_eq(listed(&(struct queue_filter){0}), want)

static uint32_t act(enum queue_act what, uint64_t id)
{
    uint32_t done;

    WANT(store_queue_act(fx_admin, what, &id, 1, &done, &fx_err));
    return done;
}

static void restart(void)
{
    store_client_free(&relay);
    store_client_free(&fx_admin);
    store_client_free(&fx_edge);
    server_close(&fx_server);
    WANT(server_open(fx_base, &fx_conf, fx_dir, true, &fx_server, &fx_err));
    fx_admin = fx_connect(ROLE_CTL, 0);
    fx_edge = fx_connect(ROLE_EDGE, 0);
}

static void reopen(void)
{
    restart();
    connect_relay(0);
}

/* ---- a message's life ---- */

static void life(void)
{
    struct queue_lease l;
    uint64_t id;

    LEASED(10, "");
    woken = 0;
    id = put_to("a@Example.ORG");
    while (!woken)
        fiber_sleep(1);
    l = lease(10);
    ck_assert(l.n == 1 && l.entries == 1 && l.job[0].n == 1);
    ck_assert(str_equal(l.job[0].domain, FCT_STR("example.org")));
    ck_assert(str_equal(l.body[0], FCT_STR(TEXT)) && l.entry[0].size == strlen(TEXT));
    ck_assert(l.entry[0].id == id && str_equal(l.entry[0].envelope.log_id, FCT_STR("trace")));
    ck_assert(str_equal(l.entry[0].envelope.reverse_path, FCT_STR("from@example.net")));
    LEASED(10, ""); /* it is lent */
    LISTED("active: a@Example.ORG=pending/0");
    result(id, 0, QUEUE_OUT_DEFERRED, clock_wall() + 3600);
    LEASED(10, "");
    LISTED("waiting: a@Example.ORG=pending/1");
    reopen();
    LISTED("waiting: a@Example.ORG=pending/1");
    LEASED(10, "");
    ck_assert_uint_eq(act(QUEUE_RETRY, id), 1);
    LEASED(10, "a@Example.ORG");
    fx_check_clean();
    result(id, 0, QUEUE_OUT_DELIVERED, 0);
    LISTED("");
    fx_check_clean();
    reopen();
    LISTED("");
    ck_assert_uint_gt(put_to("b@x"), id); /* a number is never used twice */
}

START_TEST(test_life)
{
    run(life);
}
END_TEST

/* ---- domains ---- */

static void domains(void)
{
    uint64_t id = put_to("a@one b@two c@one d@three");

    put_to("e@one");
    put_to("f@two");
    put_to("g@one");
    /* In turn, jobs of one message in one domain together. */
    LEASED(4, "a@one c@one b@two d@three e@one");
    WANT(store_queue_domains(relay, &(struct queue_domain){.domain = FCT_STR("one"), .jobs = 2}, 1,
                             &fx_err));
    LEASED(10, "f@two"); /* two of one are out already */
    result(id, 0, QUEUE_OUT_DELIVERED, 0);
    LEASED(10, "");
    result(id, 2, QUEUE_OUT_FAILED, 0); /* the job is over: there is room again */
    LEASED(10, "g@one");
    LISTED("active: a@one=delivered/0 b@two=pending/0 c@one=failed/0 d@three=pending/0; active: "
           "e@one=pending/0; active: f@two=pending/0; active: g@one=pending/0");
}

START_TEST(test_domains)
{
    run(domains);
}
END_TEST

static void blocked(void)
{
    struct queue_domain hole = {.domain = FCT_STR("hole"), .jobs = 20, .not_before_ms = 300};

    WANT(store_queue_domains(relay, &hole, 1, &fx_err));
    put_to("a@hole");
    put_to("b@good");
    LEASED(10, "b@good");
    woken = 0;
    fiber_sleep(350);
    ck_assert_uint_eq(woken, 1); /* told, not asked */
    LEASED(10, "a@hole");
}

START_TEST(test_blocked)
{
    run(blocked);
}
END_TEST

static void priorities(void)
{
    struct queue_send low = send_to("low@x"), high = send_to("high@x"), later = send_to("later@x");

    low.envelope.priority = -4;
    high.envelope.priority = 6;
    later.envelope.hold_until = clock_wall() + 2;
    put(&later, TEXT, "");
    put(&low, TEXT, "");
    put_to("first@x");
    put_to("second@x");
    put(&high, TEXT, "");
    LEASED(10, "high@x first@x second@x low@x");
    woken = 0;
    for (unsigned i = 0; i < 400 && !woken; i++)
        fiber_sleep(10);
    LEASED(10, "later@x");
}

START_TEST(test_priorities)
{
    run(priorities);
}
END_TEST

/* ---- leases ---- */

static void leases(void)
{
    uint64_t id = put_to("a@one b@one"), other = put_to("c@two");

    LEASED(10, "a@one b@one c@two");
    result(id, 0, QUEUE_OUT_DELIVERED, 0);
    LEASED(10, "");
    store_client_free(&relay); /* it dies */
    fiber_sleep(1);
    connect_relay(0);
    LEASED(10, "c@two b@one");
    result(id, 1, QUEUE_OUT_RETURNED, 0);
    LEASED(10, "b@one");
    LISTED("active: a@one=delivered/0 b@one=pending/0; active: c@two=pending/0");
    /* Somebody else's word: what is delivered is, what failed for now is the holder's to say. */
    {
        struct store *mine = relay;

        connect_relay(1);
        result(other, 0, QUEUE_OUT_DEFERRED, clock_wall() + 10);
        result(id, 1, QUEUE_OUT_DELIVERED, 0);
        LISTED("active: c@two=pending/0");
        store_client_free(&relay);
        relay = mine;
    }
    result(other, 0, QUEUE_OUT_EXPIRED, 0);
    result(other, 0, QUEUE_OUT_EXPIRED, 0); /* said twice, and of nobody */
    result(other, 7, QUEUE_OUT_DELIVERED, 0);
    result(99999, 0, QUEUE_OUT_DELIVERED, 0);
    LISTED("");
    fx_check_clean();
}

START_TEST(test_leases)
{
    run(leases);
}
END_TEST

/* The job ends with the last result; the earliest next try counts. */
static void partly(void)
{
    uint64_t id = put_to("a@one b@one c@one");

    LEASED(10, "a@one b@one c@one");
    result(id, 0, QUEUE_OUT_DEFERRED, clock_wall() + 3600);
    result(id, 0, QUEUE_OUT_DEFERRED, clock_wall() + 3600);
    result(id, 1, QUEUE_OUT_DELIVERED, 0);
    LEASED(10, "");
    result(id, 2, QUEUE_OUT_DEFERRED, clock_wall());
    LEASED(10, "a@one c@one");
    LISTED("active: a@one=pending/2 b@one=delivered/0 c@one=pending/1");
}

START_TEST(test_partly)
{
    run(partly);
}
END_TEST

static void lapsed(void)
{
    put_to("a@one");
    fx_conf.queue_lease.ms = 0;
    LEASED(10, "a@one");
    fx_conf.queue_lease.ms = 3600000;
    queue_give_up(fx_server, 0); /* as the tick does */
    LEASED(10, "a@one");
    queue_give_up(fx_server, 0);
    LEASED(10, "");
}

START_TEST(test_lapsed)
{
    run(lapsed);
}
END_TEST

/* ---- admin ---- */

static void admin(void)
{
    struct queue_statistics st;
    uint64_t one = put_to("a@one.example"), two = put_to("b@two.example");

    ck_assert_uint_eq(act(QUEUE_HOLD, one), 1);
    ck_assert_uint_eq(act(QUEUE_HOLD, 12345), 0);
    LEASED(10, "b@two.example");
    reopen();
    LISTED("held: a@one.example=pending/0; ready: b@two.example=pending/0");
    ck_assert_str_eq(listed(&(struct queue_filter){.states = 1u << QUEUE_STATE_HELD}),
                     "held: a@one.example=pending/0");
    ck_assert_str_eq(listed(&(struct queue_filter){.id = two}), "ready: b@two.example=pending/0");
    ck_assert_str_eq(listed(&(struct queue_filter){.domain = FCT_STR("TWO.example")}),
                     "ready: b@two.example=pending/0");
    ck_assert_str_eq(listed(&(struct queue_filter){.recipient = FCT_STR("A@ONE")}),
                     "held: a@one.example=pending/0");
    ck_assert_str_eq(listed(&(struct queue_filter){.sender = FCT_STR("<>")}), "");
    ck_assert_str_eq(listed(&(struct queue_filter){.sender = FCT_STR("nobody")}), "");
    ck_assert_str_eq(listed(&(struct queue_filter){.older_than = 60}), "");
    WANT(store_queue_statistics(fx_admin, 10, fx_arena, &st, &fx_err));
    ck_assert(st.messages == 2 && st.recipients == 2 && st.held == 1 && st.ready == 1);
    ck_assert(st.age[0] == 2 && st.domains == 2 && st.n == 2);
    ck_assert(str_equal(st.domain[0].domain, FCT_STR("one.example")) && st.domain[0].jobs == 20);
    ck_assert_uint_eq(act(QUEUE_RELEASE, one), 1);
    LEASED(10, "b@two.example a@one.example");
    ck_assert_uint_eq(act(QUEUE_DROP, one), 1);
    result(one, 0, QUEUE_OUT_DEFERRED, 0);
    ck_assert_uint_eq(act(QUEUE_DROP, two), 1);
    LISTED("");
    fx_check_clean();
}

START_TEST(test_admin)
{
    run(admin);
}
END_TEST

/* ---- bodies ---- */

/* One body for a local copy and the queue: it goes with its last use, and comes back when it comes
 * again at that very moment. */
static void bodies(void)
{
    struct queue_send send = send_to("a@one");
    struct buf bytes = BUF_INIT(4096);
    uint64_t id;

    WANT(store_account_add(fx_admin, FCT_STR("me@example.org"), FCT_STR("x"), &fx_err));
    id = put(&send, TEXT, "");
    ck_assert_uint_ne(fx_deliver("me@example.org", "", TEXT, "2"), 0);
    fx_check_clean();
    LEASED(10, "a@one");
    WANT(store_queue_read(relay, id, 9, 5, &bytes, &fx_err));
    ck_assert(str_equal(buf_str(&bytes), FCT_STR("hello")));
    result(id, 0, QUEUE_OUT_DELIVERED, 0);
    ck_assert(!store_queue_read(relay, id, 0, 5, &bytes, &fx_err) && fx_err.class == FCT_DENIED);
    fx_check_clean();
    for (unsigned i = 0; i < 20; i++) {
        struct queue_result r = {.id = id, .outcome = QUEUE_OUT_DELIVERED};
        uint64_t before = id;

        id = put(&send, "always the same\r\n", "");
        LEASED(10, "a@one");
        r.id = id;
        queue_result(fx_server, &r, 0); /* noted: rides with the next one, of the same body */
        ck_assert_uint_gt(id, before);
    }
    (void)queue_flush(fx_server);
    LISTED("");
    fx_check_clean();
    buf_free(&bytes);
}

START_TEST(test_bodies)
{
    run(bodies);
}
END_TEST

static void large(void)
{
    size_t size = 9u << 20;
    char *text = malloc(size + 1);
    struct queue_send send = send_to("a@one");
    struct buf bytes = BUF_INIT(16u << 20);
    struct queue_lease l;

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)('a' + i % 26);
    text[size] = 0;
    put(&send, text, "");
    l = lease(1);
    ck_assert(l.n == 1 && !l.body[0].p);
    for (size_t before = SIZE_MAX; before != bytes.n;) {
        before = bytes.n;
        WANT(store_queue_read(relay, l.entry[0].id, bytes.n, 4u << 20, &bytes, &fx_err));
    }
    ck_assert(bytes.n == size && memcmp(bytes.p, text, size) == 0);
    free(text);
    buf_free(&bytes);
}

START_TEST(test_large)
{
    run(large);
}
END_TEST

/* ---- with local mail ---- */

/* Local copies, a remote recipient, and one whose mailbox is full: one commit, and the sender is to
 * be told. */
static void mixed(void)
{
    struct queue_send send = send_to("far@one");
    struct store_copy_for copy[2] = {{.view_size = 37, .recipient = FCT_STR("me@example.org")},
                                     {.view_size = 37, .recipient = FCT_STR("gone@example.org")}};
    struct store_delivered done[2];
    struct store_resolution to;
    struct store_delivery d = {.id = FCT_STR("1"),
                               .reverse_path = FCT_STR("from@example.org"),
                               .size = strlen(TEXT),
                               .copy = copy,
                               .n = 2,
                               .send = &send};
    struct queue_lease l;
    uint64_t id = 0;

    WANT(store_account_add(fx_admin, FCT_STR("me@example.org"), FCT_STR("x"), &fx_err));
    WANT(store_resolve(fx_edge, FCT_STR("me@example.org"), fx_arena, &to, &fx_err));
    copy[0].account = to.target[0].account;
    copy[0].view_size = copy[1].view_size = (uint32_t)strlen(TEXT);
    copy[1].account = 4711;
    send.report_copies = true;
    d.queue_id = &id;
    d.fd = fx_memfd(TEXT, strlen(TEXT));
    WANT(store_deliver(fx_edge, &d, fx_arena, done, &fx_err));
    ck_assert(done[0].class == FCT_OK && done[1].class == FCT_DENIED && id != 0);
    LISTED("ready: far@one=pending/0 gone@example.org=failed/0");
    l = lease(10);
    ck_assert(l.n == 2 && l.entries == 1 && l.job[1].domain.n == 0 && l.job[1].recipient[0] == 1);
    ck_assert(str_equal(l.entry[0].recipient[1].reply, str_from("no such account")));
    /* The report and the result it reports: one commit. */
    send = send_to("sender@elsewhere");
    d = (struct store_delivery){.id = FCT_STR("2"),
                                .fd = d.fd,
                                .size = strlen(TEXT),
                                .send = &send,
                                .result = &(struct queue_result){.id = id, .recipient = 1},
                                .nresults = 1,
                                .queue_id = &id};
    ck_assert(!store_deliver(fx_edge, &d, fx_arena, NULL, &fx_err)); /* edge has no results */
    WANT(store_deliver(relay, &d, fx_arena, NULL, &fx_err));
    close(d.fd);
    LISTED("active: far@one=pending/0 gone@example.org=failed/0; ready: "
           "sender@elsewhere=pending/0");
    store_client_free(&relay);
    fiber_sleep(1);
    connect_relay(0);
    LEASED(10, "sender@elsewhere far@one");
    fx_check_clean();
}

START_TEST(test_mixed)
{
    run(mixed);
}
END_TEST

/* ---- limits and rights ---- */

/* Entries so large that two do not fit into one answer: one after the other, none is lost. */
static void crowd(void)
{
    struct queue_recipient *r = ARENA_ARRAY(fx_arena, struct queue_recipient, 5001);
    struct queue_send send = {.recipient = r, .n = 5000};
    struct queue_lease l;
    uint64_t id;

    for (size_t i = 0; i < 5001; i++)
        r[i] =
            (struct queue_recipient){.address = arena_printf(fx_arena, "%0*zu@one", 240, i),
                                     .orcpt = arena_printf(fx_arena, "rfc822;%0*zu@one", 480, i)};
    id = put(&send, TEXT, "");
    ck_assert_uint_eq(put(&send, TEXT, ""), id + 1);
    send.n = 5001; /* one more than fit: two entries, one body */
    ck_assert_uint_eq(put(&send, TEXT, ""), id + 2);
    l = lease(10);
    ck_assert(l.n == 1 && l.entries == 1 && l.entry[0].id == id && l.job[0].n == 5000);
    l = lease(10);
    ck_assert(l.n == 1 && l.entries == 1 && l.entry[0].id == id + 1 && l.job[0].n == 5000);
    ck_assert(str_equal(l.entry[0].recipient[4999].address, r[4999].address));
    l = lease(10);
    ck_assert(l.n == 2 && l.entry[0].id == id + 2 && l.job[0].n == 5000);
    ck_assert(l.entry[1].id == id + 3 && l.entry[1].n == 1);
    ck_assert(str_equal(l.entry[1].recipient[0].address, r[5000].address));
    fx_check_clean();
}

START_TEST(test_crowd)
{
    run(crowd);
}
END_TEST

static void limits(void)
{
    struct queue_send send = send_to("a@one");
    struct queue_lease l;

    fx_conf.queue_per_login = 2;
    fx_conf.queue_messages = 3;
    ck_assert(put(&send, TEXT, "me") && put(&send, TEXT, "me"));
    ck_assert(!put(&send, TEXT, "me") && fx_err.class == FCT_LIMIT);
    ck_assert(put(&send, TEXT, "you"));
    ck_assert(!put(&send, TEXT, "you") && fx_err.class == FCT_LIMIT);
    l = lease(1);
    result(l.entry[0].id, 0, QUEUE_OUT_DELIVERED, 0);
    ck_assert(put(&send, TEXT, "me"));
    ck_assert(!store_queue_lease(fx_edge, 1, 0, fx_arena, &l, &fx_err) &&
              fx_err.class == FCT_DENIED);
    fx_conf.queue_per_login = 0;
    fx_conf.queue_messages = 200000;
    fx_check_clean();
}

START_TEST(test_limits)
{
    run(limits);
}
END_TEST

/* ---- room that comes free ---- */

static void room(void)
{
    struct queue_domain two = {.domain = FCT_STR("one"), .jobs = 2};
    struct queue_lease l;

    WANT(store_queue_domains(relay, &two, 1, &fx_err));
    for (unsigned i = 0; i < 4; i++)
        put_to("a@one");
    l = lease(10);
    ck_assert_uint_eq(l.n, 2);
    woken = 0;
    result(l.entry[0].id, 0, QUEUE_OUT_DELIVERED, 0);
    fiber_sleep(1);
    ck_assert_uint_eq(woken, 1);
    LEASED(10, "a@one");
    woken = 0;
    result(l.entry[1].id, 0, QUEUE_OUT_DEFERRED, clock_wall() + 3600);
    fiber_sleep(1);
    ck_assert_uint_eq(woken, 1);
}

START_TEST(test_room)
{
    run(room);
}
END_TEST

/* ---- a disk that fails ---- */

static int no_room(enum io_call call)
{
    return call == IO_WRITE ? ENOSPC : 0;
}

/* What was refused is nowhere, what was said must be said again, what is on lease stays there. */
static void failing(void)
{
    struct queue_send send = send_to("b@two");
    uint64_t id = put_to("a@one x@three");
    struct queue_result r = {.id = id, .outcome = QUEUE_OUT_DELIVERED};

    LEASED(1, "a@one");
    io_fault = no_room;
    ck_assert(!put(&send, TEXT, "") && fx_err.class == FCT_TEMP);
    LEASED(10, "x@three");
    ck_assert(!store_queue_result(relay, &r, 1, &fx_err) && fx_err.class == FCT_TEMP);
    LEASED(10, "");
    io_fault = NULL;
    LISTED("active: a@one=pending/0 x@three=pending/0");
    WANT(store_queue_result(relay, &r, 1, &fx_err));
    LISTED("active: a@one=delivered/0 x@three=pending/0");
    ck_assert_uint_gt(put(&send, TEXT, ""), id);
    r.recipient = 1;
    WANT(store_queue_result(relay, &r, 1, &fx_err));
    LEASED(10, "b@two");
    fx_check_clean();
}

START_TEST(test_failing)
{
    run(failing);
    io_fault = NULL;
}
END_TEST

/* A message that is quarantined on its way out waits for a word; one that is scheduled for its
 * hour, over restarts. */
static void waits(void)
{
    struct queue_send held = send_to("a@one"), later = send_to("b@two");
    uint64_t id;

    held.held = true;
    later.envelope.hold_until = clock_wall() + 3600;
    id = put(&held, TEXT, "");
    put(&later, TEXT, "");
    LISTED("held: a@one=pending/0; waiting: b@two=pending/0");
    reopen();
    LISTED("held: a@one=pending/0; waiting: b@two=pending/0");
    LEASED(10, "");
    ck_assert_uint_eq(act(QUEUE_RETRY, id), 1); /* still held */
    LEASED(10, "");
    ck_assert_uint_eq(act(QUEUE_RELEASE, id), 1);
    ck_assert_uint_eq(act(QUEUE_RETRY, id + 1), 1);
    reopen();
    LEASED(10, "a@one b@two");
}

START_TEST(test_waits)
{
    run(waits);
}
END_TEST

/* The store dies under a relay that has jobs in hand: it hears of them before it lends anything, to
 * whomever, and so nobody gets them twice. */
static void claims(void)
{
    uint64_t id = put_to("a@one b@one c@two"), other = put_to("d@three e@four");
    const struct queue_claim claim[] = {{id, 0},    {id, 1},     {id, 1},  {id, 2},
                                        {other, 1}, {other, 77}, {999, 0}, {0, 0}};
    struct store *young;
    struct queue_lease l;

    LEASED(10, "a@one b@one c@two d@three e@four");
    result(id, 0, QUEUE_OUT_DELIVERED, 0);
    restart();
    connect_relay(5); /* has nothing, and gets nothing as long as another one may have all */
    young = relay;
    relay = fx_connect(ROLE_RELAY, 6);
    woken = 0;
    ck_assert(!store_queue_lease(relay, 1, 0, fx_arena, &l, &fx_err) && fx_err.class == FCT_BUG);
    WANT(store_queue_lease(young, 10, 0, fx_arena, &l, &fx_err));
    ck_assert_uint_eq(l.n, 0);
    WANT(store_queue_claim(relay, claim, FCT_COUNT(claim), &fx_err));
    while (!woken)
        fiber_sleep(1);
    WANT(store_queue_lease(young, 10, 0, fx_arena, &l, &fx_err));
    ck_assert(l.n == 1 && str_equal(l.job[0].domain, FCT_STR("three")));
    store_client_free(&young);
    LISTED("active: a@one=delivered/0 b@one=pending/0 c@two=pending/0; "
           "active: d@three=pending/0 e@four=pending/0");
    /* Each claimed recipient is awaited, no other: then the job is free again. */
    result(id, 1, QUEUE_OUT_DEFERRED, clock_wall() - 1);
    LEASED(10, "d@three b@one");
    result(other, 1, QUEUE_OUT_RETURNED, 0);
    LEASED(10, "e@four");
    result(id, 2, QUEUE_OUT_DELIVERED, 0);
    store_client_free(&relay);
    fiber_sleep(1);
    connect_relay(0);
    LEASED(10, "d@three e@four b@one");
    fx_check_clean();
}

/* A store that begins again lends nothing before it knows all who lived before it. */
static void links(void)
{
    struct queue_claim claim = {.recipient = 0};
    struct queue_lease l;
    struct store *young;

    claim.id = put_to("a@one");
    LEASED(10, "a@one");
    restart();
    fx_server->awaits_links = true;
    connect_relay(1); /* started by a reload, is told of the store first */
    young = relay;
    woken = 0;
    WANT(store_queue_lease(young, 10, 0, fx_arena, &l, &fx_err));
    ck_assert_uint_eq(l.n, 0);
    relay = fx_connect(ROLE_RELAY, 0); /* drains, and has it in hand */
    clients_are_linked(fx_server);
    WANT(store_queue_lease(young, 10, 0, fx_arena, &l, &fx_err));
    ck_assert_uint_eq(l.n, 0);
    WANT(store_queue_claim(relay, &claim, 1, &fx_err));
    WANT(store_queue_lease(young, 10, 0, fx_arena, &l, &fx_err));
    ck_assert_uint_eq(l.n, 0);
    LISTED("active: a@one=pending/0");
    result(claim.id, 0, QUEUE_OUT_RETURNED, 0);
    while (!woken)
        fiber_sleep(1);
    WANT(store_queue_lease(young, 10, 0, fx_arena, &l, &fx_err));
    ck_assert_uint_eq(l.n, 1);
    store_client_free(&young);
}

START_TEST(test_claims)
{
    run(claims);
    run(links);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = {
        test_life,   test_domains, test_blocked, test_priorities, test_leases, test_partly,
        test_lapsed, test_admin,   test_bodies,  test_large,      test_mixed,  test_crowd,
        test_room,   test_failing, test_waits,   test_limits,     test_claims};
    Suite *s = suite_create("queue");
    TCase *c = tcase_create("queue");

    for (size_t i = 0; i < FCT_COUNT(tests); i++)
        tcase_add_test(c, tests[i]);
    tcase_set_timeout(c, 60);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    SRunner *runner = srunner_create(suite());
    int failed;

    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
