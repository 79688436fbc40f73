/* Mail for people here that waited in the queue: it is delivered as it was judged when it came,
 * once, in one commit with its end in the queue. */
#include "fixture.h"

#include "core/base/clock.h"
#include "core/message/edit_list.h"
#include "store/queue.h"

#define TEXT   "Subject: hello\r\n\r\nbody of the letter\r\n"
#define HEADER "X-Seen-By: filter\r\n"
#define ME     FCT_STR("me@example.org")

static struct store *relay;
static uint64_t account;
static void (*body_of_test)(void);

static void connect_relay(void)
{
    relay = fx_connect(ROLE_RELAY, 0);
    WANT(store_queue_claim(relay, NULL, 0, &fx_err));
}

static void start(void)
{
    struct store_resolution to;

    WANT(store_account_add(fx_admin, ME, FCT_STR("x"), &fx_err));
    WANT(store_resolve(fx_edge, ME, fx_arena, &to, &fx_err));
    account = to.target[0].account;
    connect_relay();
    body_of_test();
    store_client_free(&relay);
}

static void run(void (*body)(void))
{
    body_of_test = body;
    fx_test(start);
}

static void reopen(void)
{
    store_client_free(&relay);
    store_client_free(&fx_admin);
    store_client_free(&fx_edge);
    server_close(&fx_server);
    WANT(server_open(fx_base, &fx_conf, fx_dir, true, &fx_server, &fx_err));
    fx_admin = fx_connect(ROLE_CTL, 0);
    fx_edge = fx_connect(ROLE_EDGE, 0);
    connect_relay();
}

/* As a filter wants it: one header on top, a mailbox, keywords. */
static struct store_copy_for judged(void)
{
    static const struct fct_str keyword[] = {{"$Shop", 5}, {"$Cleaned", 8}};
    struct edit edit = {.insert = FCT_STR(HEADER), .origin = FCT_STR("test")};
    struct buf encoded = BUF_INIT(4096);
    struct edit_list edits;
    struct store_copy_for copy = {.account = account,
                                  .mailbox = FCT_STR("Shops"),
                                  .flags = FLAG_FLAGGED,
                                  .keyword = keyword,
                                  .nkeywords = 2,
                                  .ledger = FCT_STR("what was found"),
                                  .view_size = (uint32_t)(strlen(TEXT) + strlen(HEADER)),
                                  .recipient = FCT_STR("Me@Example.org")};

    WANT(edit_list_build(fx_arena, &edit, 1, strlen(TEXT), &edits, NULL, NULL, &fx_err));
    edit_list_encode(&edits, &encoded);
    copy.edits = arena_str(fx_arena, buf_str(&encoded));
    buf_free(&encoded);
    return copy;
}

/* Recipients r[0..n); the copy (NULL: none) is for the one that it names. */
static uint64_t put_for(struct queue_recipient *r, size_t n, struct store_copy_for *copy)
{
    struct queue_send send = {.recipient = r, .n = n};
    struct store_delivered done[1];
    uint64_t id = 0;
    struct store_delivery d = {.id = FCT_STR("trace"),
                               .reverse_path = FCT_STR("from@example.org"),
                               .client_ip = FCT_STR("192.0.2.1"),
                               .helo = FCT_STR("client.example"),
                               .login = FCT_STR("from@example.org"),
                               .role = 2,
                               .size = strlen(TEXT),
                               .copy = copy,
                               .n = copy ? 1 : 0,
                               .send = &send,
                               .queue_id = &id};

    send.envelope.hold_until = clock_wall() + 3600;
    send.envelope.may_bounce = true;
    d.fd = fx_memfd(TEXT, strlen(TEXT));
    WANT(store_deliver(fx_edge, &d, fx_arena, done, &fx_err));
    close(d.fd);
    ck_assert(id != 0 && (!copy || (done[0].class == FCT_OK && done[0].uid == 0)));
    return id;
}

/* For the first of them. */
static uint64_t put(struct queue_recipient *r, size_t n, struct store_copy_for *copy)
{
    if (copy)
        copy->waits = 1;
    return put_for(r, n, copy);
}

static void lease_now(uint64_t id)
{
    struct queue_lease l;
    uint32_t done;

    WANT(store_queue_act(fx_admin, QUEUE_RETRY, &id, 1, &done, &fx_err));
    ck_assert_uint_eq(done, 1);
    WANT(store_queue_lease(relay, 10, 4096, fx_arena, &l, &fx_err));
    ck_assert(l.n > 0);
}

static struct queue_home_result home(uint64_t id)
{
    const uint32_t first = 0;
    struct queue_home_result out;

    WANT(store_queue_home(relay, id, &first, 1, fx_arena, &out, &fx_err));
    return out;
}

static uint32_t messages_in(const char *mailbox)
{
    struct store_principal p = fx_login("me@example.org", "x");
    struct store_view v;
    uint32_t n;

    if (!store_select(fx_edge, p.handle, str_from(mailbox), false, fx_arena, &v, &fx_err))
        return 0;
    n = v.info.exists;
    store_view_free(&v);
    return n;
}

static uint64_t queued(void)
{
    struct queue_statistics st;

    WANT(store_queue_statistics(fx_admin, 1, fx_arena, &st, &fx_err));
    return st.messages;
}

static void want_text(uint32_t principal, const struct store_view *v, bool original,
                      const char *want)
{
    struct buf bytes = BUF_INIT(4096);

    WANT(store_read(fx_edge, principal, v->info.id, v->record[0].uid, original, 0, 4096, &bytes,
                    &fx_err));
    ck_assert(str_equal(buf_str(&bytes), str_from(want)));
    buf_free(&bytes);
}

/* ---- as it was judged ---- */

static void as_judged(void)
{
    struct queue_recipient r[] = {{.address = ME}, {.address = FCT_STR("far@one")}};
    struct store_copy_for copy = judged();
    uint64_t id = put(r, 2, &copy);
    struct store_principal p;
    struct store_view v;

    ck_assert_uint_eq(messages_in("Shops"), 0);
    fx_check_clean();
    reopen(); /* the copy is on the disk */
    lease_now(id);
    ck_assert(home(id).kept);
    ck_assert_uint_eq(messages_in("INBOX"), 0);
    ck_assert_uint_eq(queued(), 1); /* far@one */
    p = fx_login("me@example.org", "x");
    v = fx_select(p.handle, "Shops");
    ck_assert_uint_eq(v.info.exists, 1);
    ck_assert(v.record[0].flags & FLAG_FLAGGED);
    ck_assert(v.nkeywords == 2 && v.record[0].keywords == 3);
    want_text(p.handle, &v, false, HEADER TEXT);
    want_text(p.handle, &v, true, TEXT);
    store_view_free(&v);
    fx_check_clean();
}

START_TEST(test_as_judged)
{
    run(as_judged);
}
END_TEST

/* ---- once ---- */

/* Its only recipient: the entry goes, the body stays for the mailbox. Asked again, nothing more
 * happens; after a restart neither. */
static void once(void)
{
    struct queue_recipient r[] = {{.address = ME}};
    struct store_copy_for copy = judged();
    uint64_t id = put(r, 1, &copy);
    const uint32_t first = 0;
    struct queue_home_result out;
    struct store_principal p;
    struct store_view v;

    lease_now(id);
    ck_assert(home(id).class == FCT_OK);
    ck_assert(!store_queue_home(relay, id, &first, 1, fx_arena, &out, &fx_err) &&
              fx_err.class == FCT_DENIED);
    ck_assert(queued() == 0 && messages_in("Shops") == 1);
    reopen(); /* before the entry is removed from the disk, and after */
    ck_assert(queued() == 0 && messages_in("Shops") == 1);
    fiber_sleep(200);
    reopen();
    p = fx_login("me@example.org", "x");
    v = fx_select(p.handle, "Shops");
    want_text(p.handle, &v, true, TEXT);
    store_view_free(&v);
    fx_check_clean();
}

/* One of two recipients: it is over, the other one goes on. */
static void one_of_two(void)
{
    struct queue_recipient r[] = {{.address = ME}, {.address = FCT_STR("far@one")}};
    struct store_copy_for copy = judged();
    uint64_t id = put(r, 2, &copy);
    struct queue_lease l;

    lease_now(id);
    ck_assert(home(id).class == FCT_OK);
    ck_assert(home(id).kept && home(id).class == FCT_OK); /* again: it has it */
    reopen();
    ck_assert(home(id).kept);
    ck_assert_uint_eq(messages_in("Shops"), 1);
    WANT(store_queue_lease(relay, 10, 4096, fx_arena, &l, &fx_err));
    ck_assert(l.n == 1 && str_equal(l.job[0].domain, FCT_STR("one")));
    fx_check_clean();
}

START_TEST(test_once)
{
    run(once);
    run(one_of_two);
}
END_TEST

/* ---- in several entries ---- */

/* Each entry keeps the copies of its own recipients. */
static void split(void)
{
    struct queue_recipient r[] = {
        {.address = FCT_STR("far@one")}, {.address = FCT_STR("far@two")}, {.address = ME}};
    struct store_copy_for copy = judged();
    struct queue_home_result out;
    uint64_t id;

    fx_conf.queue_recipients = 2;
    copy.waits = 3;
    id = put_for(r, 3, &copy);
    fx_conf.queue_recipients = 5000;
    ck_assert_uint_eq(queued(), 2);
    lease_now(id + 1);
    out = home(id + 1);
    ck_assert(out.kept && out.class == FCT_OK);
    ck_assert(!home(id).kept);
    ck_assert_uint_eq(messages_in("Shops"), 1);
    fx_check_clean();
}

START_TEST(test_split)
{
    run(split);
}
END_TEST

/* ---- what goes wrong, and what is not kept ---- */

static void refused(void)
{
    struct queue_recipient r[] = {{.address = ME}};
    struct store_copy_for copy = judged();
    const uint32_t twice[] = {0, 0};
    struct queue_home_result out[2];
    uint64_t id, none;

    none = put(r, 1, NULL);
    lease_now(none);
    ck_assert(!home(none).kept && messages_in("INBOX") == 0);
    ck_assert(!store_queue_home(relay, none, twice, 2, fx_arena, out, &fx_err) &&
              fx_err.class == FCT_BUG);
    id = put(r, 1, &copy);
    lease_now(id);
    WANT(store_account_remove(fx_admin, ME, &fx_err));
    ck_assert(home(id).kept && home(id).class == FCT_DENIED);
    ck_assert_uint_eq(queued(), 2); /* the relay says what becomes of it */
    fx_check_clean();
}

/* A copy that waits for nobody, one that settles nothing: the request is wrong. */
static void malformed(void)
{
    struct queue_recipient r[] = {{.address = ME}};
    struct queue_send send = {.recipient = r, .n = 1};
    struct store_copy_for copy = judged();
    struct store_delivered done[1];
    struct store_delivery d = {.size = strlen(TEXT),
                               .copy = &copy,
                               .n = 1,
                               .send = &send,
                               .fd = fx_memfd(TEXT, strlen(TEXT))};

    copy.waits = 2;
    ck_assert(!store_deliver(fx_edge, &d, fx_arena, done, &fx_err) && fx_err.class == FCT_BUG);
    copy.waits = 1;
    d.send = NULL;
    ck_assert(!store_deliver(fx_edge, &d, fx_arena, done, &fx_err) && fx_err.class == FCT_BUG);
    copy.waits = 0;
    copy.settles = 1;
    ck_assert(!store_deliver(fx_edge, &d, fx_arena, done, &fx_err) && fx_err.class == FCT_BUG);
    close(d.fd);
}

START_TEST(test_refused)
{
    run(refused);
    run(malformed);
}
END_TEST

/* ---- reports ---- */

/* NOTIFY=SUCCESS (RFC 3461 4.1): the report's entry is in the same commit. */
static void told(void)
{
    struct queue_recipient r[] = {{.address = ME, .notify = QUEUE_NOTIFY_SUCCESS}};
    struct store_copy_for copy = judged();
    uint64_t id = put(r, 1, &copy);
    struct queue_lease l;

    lease_now(id);
    ck_assert(home(id).class == FCT_OK);
    WANT(store_queue_lease(relay, 10, 4096, fx_arena, &l, &fx_err));
    ck_assert(l.n == 1 && l.job[0].domain.n == 0);
    ck_assert(l.entry[0].recipient[0].status == QUEUE_DELIVERED);
    ck_assert(str_equal(l.entry[0].envelope.reverse_path, FCT_STR("from@example.org")));
    fx_check_clean();
}

/* Results count only with the copies that settle them (the relay's own delivery to an address that
 * was not here when its mail came). */
static void settled(void)
{
    struct queue_recipient r[] = {{.address = ME}};
    uint64_t id = put(r, 1, NULL);
    struct queue_result over = {.id = id};
    struct store_copy_for copy[] = {judged(), judged()};
    struct store_delivered done[2];
    struct store_delivery d = {.id = FCT_STR("trace"),
                               .size = strlen(TEXT),
                               .copy = copy,
                               .n = 2,
                               .result = &over,
                               .nresults = 1,
                               .fd = fx_memfd(TEXT, strlen(TEXT))};

    lease_now(id);
    copy[0].settles = copy[1].settles = 1;
    copy[1].account = 4711;
    WANT(store_deliver(relay, &d, fx_arena, done, &fx_err));
    ck_assert(done[0].class == FCT_OK && done[1].class == FCT_DENIED && queued() == 1);
    d.n = 1;
    WANT(store_deliver(relay, &d, fx_arena, done, &fx_err));
    close(d.fd);
    ck_assert(queued() == 0 && messages_in("Shops") == 2);
    fx_check_clean();
}

/* A report is said again when the store died before it answered: the sender gets one. */
static void told_once(void)
{
    struct queue_recipient r[] = {{.address = FCT_STR("far@one")}, {.address = FCT_STR("far@two")}};
    uint64_t id = put(r, 2, NULL);
    struct queue_result over = {.id = id, .outcome = QUEUE_OUT_FAILED};
    struct store_copy_for copy = {.account = account, .view_size = (uint32_t)strlen(TEXT)};
    struct store_delivered done[1];
    struct store_delivery d = {.id = FCT_STR("trace"),
                               .size = strlen(TEXT),
                               .copy = &copy,
                               .n = 1,
                               .result = &over,
                               .nresults = 1,
                               .fd = fx_memfd(TEXT, strlen(TEXT))};

    lease_now(id);
    for (uint32_t i = 0; i < 3; i++) {
        WANT(store_deliver(relay, &d, fx_arena, done, &fx_err));
        ck_assert(done[0].class == FCT_OK && messages_in("INBOX") == 1);
        if (i == 1)
            reopen();
    }
    over = (struct queue_result){.id = id,
                                 .recipient = 1,
                                 .outcome = QUEUE_OUT_DEFERRED,
                                 .warned = true,
                                 .tried = clock_wall(),
                                 .next_try = clock_wall() + 60};
    WANT(store_deliver(relay, &d, fx_arena, done, &fx_err));
    reopen(); /* what it says is on the disk now */
    WANT(store_deliver(relay, &d, fx_arena, done, &fx_err));
    ck_assert_uint_eq(messages_in("INBOX"), 2);
    over.tried += 60; /* the next warning, of a later try */
    WANT(store_deliver(relay, &d, fx_arena, done, &fx_err));
    WANT(store_deliver(relay, &d, fx_arena, done, &fx_err));
    ck_assert_uint_eq(messages_in("INBOX"), 3);
    over.outcome = QUEUE_OUT_EXPIRED;
    WANT(store_deliver(relay, &d, fx_arena, done, &fx_err));
    close(d.fd);
    ck_assert(messages_in("INBOX") == 4 && queued() == 0);
    fx_check_clean();
}

START_TEST(test_reports)
{
    run(told);
    run(told_once);
    run(settled);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = {test_as_judged, test_once, test_split, test_refused,
                                  test_reports};
    Suite *s = suite_create("queue_home");
    TCase *c = tcase_create("queue_home");

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
