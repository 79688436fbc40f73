/* test_filter_points.c - single points asked over real processes: changes, symbols carried from
 * connect to scan, SKIP, messages at store.append and learn; ticks. */
#include "filter_rig.h"

#define CONF "plugin dialogue { path = \"@/dialogue.so\" }\n"
#define MAIL "Subject: Lists\r\n\r\nHello.\r\n"

static int memfd_of(const char *text)
{
    int fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    size_t n = strlen(text);

    WANT(write(fd, text, n) == (ssize_t)n);
    WANT(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0);
    return fd;
}

static bool changed_to(const struct filter_answer *a, const char *name, size_t nth,
                       const char *value)
{
    struct fct_str got;

    return filter_changed(a, name, nth, &got) && str_equal(got, str_from(value));
}

/* ---- what connect found counts at scan ---- */

static void carried_body(struct rig *rig)
{
    struct filter_context ctx = rig_context("m1", FCT_ROLE_MX);
    struct filter_recipient to = {.recipient = FCT_STR("bob@example.org"),
                                  .account = FCT_STR("bob@example.org")};
    struct fct_ev_connect connect = {.implicit_tls = false};
    struct fct_ev_helo helo = {.name = FCT_STR("client")};
    struct filter_result result;
    struct filter_answer a;
    int fd = memfd_of(MAIL);

    WANT(filter_ready(rig->client, clock_ms() + 10000));
    filter_hook(rig->client, &ctx, FCT_HOOK_connect, &connect, rig->arena, &a);
    WANT(a.verdict == FCT_NEXT);
    WANT(a.changes == 2);
    WANT(changed_to(&a, "banner", 0, "second"));
    WANT(changed_to(&a, "delay_ms", 0, "20"));
    WANT(a.carried.n > 0);
    filter_hook(rig->client, &ctx, FCT_HOOK_helo, &helo, rig->arena, &a);
    WANT(a.verdict == FCT_REJECT); /* nothing was carried to it */
    ctx.carried = (struct fct_str){"nonsense", 8};
    filter_hook(rig->client, &ctx, FCT_HOOK_helo, &helo, rig->arena, &a);
    WANT(a.verdict == FCT_TEMPFAIL); /* refused, not believed */
    ctx.carried = (struct fct_str){"", 0};
    filter_hook(rig->client, &ctx, FCT_HOOK_connect, &connect, rig->arena, &a);
    ctx.carried = a.carried;
    filter_hook(rig->client, &ctx, FCT_HOOK_helo, &helo, rig->arena, &a);
    WANT(a.verdict == FCT_NEXT);
    WANT(changed_to(&a, "hide", 0, "CHUNKING") && changed_to(&a, "hide", 1, "SIZE"));
    if (a.carried.n > 0)
        ctx.carried = a.carried;
    filter_message(rig->client, &ctx, fd, strlen(MAIL), &to, 1, rig->arena, &result);
    close(fd);
    WANT(result.score_milli == 3500); /* 2 * 1.5 + 0.5 */
    WANT(rig_ledger_find(rig, result.ledger, LEDGER_SYMBOL, "SEEN_CONNECT")->hook ==
         FCT_HOOK_connect);
    WANT(rig_ledger_find(rig, result.ledger, LEDGER_SYMBOL, "SEEN_BOTH"));
    WANT(rig_ledger_find(rig, result.ledger, LEDGER_CHANGE, "banner"));
}

START_TEST(symbols_of_the_dialogue_count)
{
    struct rig rig;

    rig_start(&rig, CONF, 2);
    rig_run(&rig, carried_body);
    rig_stop(&rig);
}
END_TEST

/* ---- masks ---- */

static void masks_body(struct rig *rig)
{
    WANT(filter_ready(rig->client, clock_ms() + 10000));
    WANT(filter_wants(rig->client, FCT_HOOK_scan, FCT_ROLE_MX));
    WANT(filter_decides(rig->client, FCT_HOOK_helo, FCT_ROLE_MX));
    WANT(!filter_decides(rig->client, FCT_HOOK_scan, FCT_ROLE_MX));
    WANT(!filter_wants(rig->client, FCT_HOOK_store_append, FCT_ROLE_MX));
    WANT(filter_wants(rig->client, FCT_HOOK_store_append, FCT_ROLE_IMAP));
    WANT(!filter_wants(rig->client, FCT_HOOK_learn, FCT_ROLE_POP3));
    WANT(filter_may(rig->client, FCT_ROLE_MX) == 0); /* its one message row may nothing */
}

START_TEST(masks_say_what_is_needed)
{
    struct rig rig;

    rig_start(&rig, CONF, 1);
    rig_run(&rig, masks_body);
    rig_stop(&rig);
}
END_TEST

/* ---- chunk: each row as long as it needs ---- */

static struct filter_answer ask_chunk(struct rig *rig, struct filter_context *ctx, uint64_t offset)
{
    struct fct_ev_chunk ev = {.bytes = FCT_STR("0123456789"), .offset = offset};
    struct filter_answer a;

    filter_hook(rig->client, ctx, FCT_HOOK_chunk, &ev, rig->arena, &a);
    WANT(a.verdict == FCT_NEXT);
    if (a.carried.n > 0)
        ctx->carried = a.carried;
    return a;
}

static void skip_body(struct rig *rig)
{
    struct filter_context ctx = rig_context("m1", FCT_ROLE_MX);

    WANT(filter_ready(rig->client, clock_ms() + 10000));
    WANT(!ask_chunk(rig, &ctx, 0).skip);
    WANT(!ask_chunk(rig, &ctx, 10).skip);
    WANT(ask_chunk(rig, &ctx, 100).skip);
}

START_TEST(skip_is_remembered_per_row)
{
    struct rig rig;

    rig_start(&rig, CONF, 2);
    rig_run(&rig, skip_body);
    ck_assert(rig_log_has(&rig, "first chunk at 0"));
    ck_assert(!rig_log_has(&rig, "first chunk at 10"));
    ck_assert(rig_log_has(&rig, "chunk at 100 of 10 bytes"));
    rig_stop(&rig);
}
END_TEST

/* ---- points with a message ---- */

static void store_body(struct rig *rig)
{
    static const struct fct_str flags[] = {FCT_STR_INIT("\\Seen"), FCT_STR_INIT("$Label")};
    struct filter_context ctx = rig_context("i1", FCT_ROLE_IMAP);
    struct fct_ev_store_append append = {.mailbox = FCT_STR("INBOX"), .flags = {flags, 2}};
    struct fct_ev_learn learn = {.spam = true};
    struct filter_answer a;
    int fd = memfd_of(MAIL);

    WANT(filter_ready(rig->client, clock_ms() + 10000));
    filter_hook_message(rig->client, &ctx, FCT_HOOK_store_append, &append, fd, strlen(MAIL),
                        rig->arena, &a);
    WANT(a.verdict == FCT_NEXT);
    WANT(changed_to(&a, "mailbox", 0, "Lists"));
    WANT(changed_to(&a, "flag", 1, "$Label"));
    WANT(a.carried.n == 0);
    filter_tell_message(rig->client, &ctx, FCT_HOOK_learn, &learn, fd, strlen(MAIL));
    filter_tell(rig->client, &ctx, FCT_HOOK_learn, &learn);
    close(fd);
    for (int i = 0; i < 500 && !rig_log_has(rig, "learnt nothing as spam"); i++)
        fiber_sleep(10);
    WANT(rig_log_has(rig, "learnt Lists as spam"));
    WANT(rig_log_has(rig, "learnt nothing as spam"));
}

START_TEST(messages_come_along)
{
    struct rig rig;

    rig_start(&rig, CONF, 1);
    rig_run(&rig, store_body);
    rig_stop(&rig);
}
END_TEST

/* ---- ticks ---- */

static size_t count_log(struct rig *rig, const char *text)
{
    static char bytes[1 << 20];
    ssize_t n = pread(rig->log, bytes, sizeof bytes - 1, 0);
    size_t found = 0;

    bytes[n > 0 ? n : 0] = '\0';
    for (const char *p = bytes; (p = strstr(p, text)); p++)
        found++;
    return found;
}

/* The process named on the last line with `text`. */
static long last_pid(struct rig *rig, const char *text)
{
    static char bytes[1 << 20];
    ssize_t n = pread(rig->log, bytes, sizeof bytes - 1, 0);
    long pid = 0;

    bytes[n > 0 ? n : 0] = '\0';
    for (const char *p = bytes; (p = strstr(p, text)); p++)
        pid = strtol(p + strlen(text), NULL, 10);
    return pid;
}

static void wait_for_more(struct rig *rig, const char *text, size_t than)
{
    for (int i = 0; i < 1000 && count_log(rig, text) <= than; i++)
        fiber_sleep(10);
    WANT(count_log(rig, text) > than);
}

static void tick_body(struct rig *rig)
{
    long holder;

    wait_for_more(rig, "once ", 3);
    wait_for_more(rig, "slow done", 2);
    holder = last_pid(rig, "once ");
    WANT(holder > 0);
    WANT(count_log(rig, "slow twice") == 0);
    WANT(count_log(rig, " never") == 0);
    WANT(kill((pid_t)holder, SIGKILL) == 0);
    for (int i = 0; i < 1000 && last_pid(rig, "once ") == holder; i++)
        fiber_sleep(10);
    WANT(last_pid(rig, "once ") != holder);
}

/* Every line of one kind, until the holder is killed, is one process's. */
START_TEST(ticks)
{
    struct rig rig;

    rig_start(&rig, "plugin ticker { path = \"@/ticker.so\" }\n", 2);
    rig_run(&rig, tick_body);
    ck_assert_uint_ge(count_log(&rig, "each "), 4);
    rig_stop(&rig);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("filter_points");
    TCase *tc = tcase_create("points");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, symbols_of_the_dialogue_count);
    tcase_add_test(tc, masks_say_what_is_needed);
    tcase_add_test(tc, skip_is_remembered_per_row);
    tcase_add_test(tc, messages_come_along);
    tcase_add_test(tc, ticks);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
