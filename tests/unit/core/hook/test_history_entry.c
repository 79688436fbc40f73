/* test_history_entry.c - entries as bytes, what matches, hashed addresses, and the ring that
 * forgets the oldest. */
#include "../message/message_test.h"
#include "core/hook/history_ring.h"
#include "core/ipc/ipc_codec.h"
#include <check.h>
#include <stdlib.h>

#include "core/base/str.h"

static const uint64_t key[2] = {1, 2};

static struct history_entry sample(void)
{
    return (struct history_entry){
        .at_ms = 1767225600123,
        .id = FCT_STR("k3f9abc.1"),
        .client_ip = FCT_STR("2001:db8::25"),
        .from = FCT_STR("bounce@news.example.org"),
        .to = FCT_STR("ann@example.net"),
        .action = FCT_STR("junk"),
        .profile = FCT_STR("default+own"),
        .symbols = FCT_STR("SPF_FAIL=2.5 BAYES_99=3.5 KNOWN=-1"),
        .recipients = 3,
        .took_ms = 17,
        .size = 5000000000u,
        .score_milli = 5000,
    };
}

static void check_same(const struct history_entry *a, const struct history_entry *b)
{
    ck_assert_int_eq(a->at_ms, b->at_ms);
    ck_assert(str_equal(a->id, b->id) && str_equal(a->client_ip, b->client_ip));
    ck_assert(str_equal(a->from, b->from) && str_equal(a->to, b->to));
    ck_assert(str_equal(a->action, b->action) && str_equal(a->profile, b->profile));
    ck_assert(str_equal(a->symbols, b->symbols));
    ck_assert_uint_eq(a->recipients, b->recipients);
    ck_assert_uint_eq(a->took_ms, b->took_ms);
    ck_assert_uint_eq(a->size, b->size);
    ck_assert_int_eq(a->score_milli, b->score_milli);
}

START_TEST(an_entry_survives)
{
    FCT_CLEANUP(buf_free) struct buf bytes = BUF_INIT(HISTORY_BYTES);
    struct history_entry e = sample(), got;

    e.score_milli = -1250;
    history_encode(&e, &bytes);
    ck_assert(!bytes.overflow);
    ck_assert(history_decode(buf_str(&bytes), &got));
    check_same(&e, &got);
    for (size_t n = 0; n < bytes.n; n++) /* cut off anywhere */
        ck_assert(!history_decode(str_head(buf_str(&bytes), n), &got));
}
END_TEST

START_TEST(long_texts_are_cut)
{
    FCT_CLEANUP(buf_free) struct buf bytes = BUF_INIT(HISTORY_BYTES);
    struct history_entry e = sample(), got;
    char text[3000];

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 10 == 9 ? ' ' : 'A';
    e.id = e.client_ip = e.from = e.to = e.action = e.profile = e.symbols =
        (struct fct_str){text, sizeof text};
    history_encode(&e, &bytes);
    ck_assert(!bytes.overflow);
    ck_assert(history_decode(buf_str(&bytes), &got));
    ck_assert_uint_gt(got.symbols.n, 450);
    ck_assert_uint_eq((size_t)str_find_char(got.symbols, '+') % 10, 0); /* whole words */
}
END_TEST

START_TEST(symbols_that_do_not_fit_are_counted)
{
    FCT_CLEANUP(buf_free)
    struct buf bytes = BUF_INIT(HISTORY_BYTES), symbols = BUF_INIT(HISTORY_BYTES * 2);
    struct history_entry e = sample(), got;
    unsigned names = 100, kept = 0, missing = 0;

    for (unsigned i = 0; i < names; i++)
        buf_printf(&symbols, "%sSYMBOL_%u=1.5", i > 0 ? " " : "", i);
    e.symbols = buf_str(&symbols);
    history_encode(&e, &bytes);
    ck_assert(!bytes.overflow);
    ck_assert(history_decode(buf_str(&bytes), &got));
    while (got.symbols.n > 0) {
        struct fct_str word = str_split(&got.symbols, ' ');

        if (word.p[0] == '+')
            missing = (unsigned)strtoul(word.p + 1, NULL, 10);
        else
            kept++;
    }
    ck_assert_uint_ge(kept, 30); /* a message that looks bad in every way has some twenty-five */
    ck_assert_uint_eq(kept + missing, names);
}
END_TEST

START_TEST(words_for_what_was_done)
{
    ck_assert_str_eq(history_action(FCT_NEXT, FCT_JUNK), "junk");
    ck_assert_str_eq(history_action(FCT_NEXT, FCT_KEEP), "keep");
    ck_assert_str_eq(history_action(FCT_REJECT, FCT_KEEP), "reject");
    ck_assert_str_eq(history_action(FCT_TEMPFAIL, FCT_KEEP), "tempfail");
    ck_assert_str_eq(history_action(FCT_TEMPFAIL, FCT_GREYLIST), "greylist");
    ck_assert_str_eq(history_action(FCT_QUARANTINE, FCT_KEEP), "quarantine");
    ck_assert_str_eq(history_action(FCT_DISCARD, FCT_KEEP), "discard");
}
END_TEST

/* ---- queries ---- */

static const struct {
    struct history_query query;
    bool want;
} queries[] = {
    {{.from = FCT_STR_INIT("")}, true},
    {{.from = FCT_STR_INIT("bounce@News.example.org")}, true},
    {{.from = FCT_STR_INIT("news.example.org")}, true},
    {{.from = FCT_STR_INIT("@news.example.org")}, true},
    {{.from = FCT_STR_INIT("example.org")}, false},
    {{.from = FCT_STR_INIT("ann@news.example.org")}, false},
    {{.to = FCT_STR_INIT("example.net")}, true},
    {{.to = FCT_STR_INIT("news.example.org")}, false},
    {{.client_ip = FCT_STR_INIT("2001:db8::25")}, true},
    {{.client_ip = FCT_STR_INIT("2001:db8::2")}, false},
    {{.action = FCT_STR_INIT("junk")}, true},
    {{.action = FCT_STR_INIT("reject")}, false},
    {{.symbol = FCT_STR_INIT("BAYES_99")}, true},
    {{.symbol = FCT_STR_INIT("BAYES_9")}, false},
    {{.id = FCT_STR_INIT("k3f9abc.1")}, true},
    {{.id = FCT_STR_INIT("k3f9abc.2")}, false},
    {{.since_ms = 1767225600123}, true},
    {{.since_ms = 1767225600124}, false},
    {{.has_least = true, .least_milli = 5000}, true},
    {{.has_least = true, .least_milli = 5001}, false},
    {{.action = FCT_STR_INIT("junk"), .symbol = FCT_STR_INIT("NONE")}, false},
};

START_TEST(what_matches)
{
    FCT_CLEANUP(buf_free) struct buf bytes = BUF_INIT(4096);
    struct history_entry e = sample();
    struct history_query sent;
    struct ipc_reader r;

    history_query_put(&queries[_i].query, &bytes);
    r = ipc_reader(buf_str(&bytes));
    history_query_get(&r, &sent);
    ck_assert(ipc_reader_ok(&r));
    ck_assert_msg(history_matches(&sent, &e) == queries[_i].want, "query %d", _i);
}
END_TEST

START_TEST(addresses_are_hashed)
{
    static const uint64_t other[2] = {3, 4};
    struct arena *arena = arena_new(NULL);
    struct fct_str a = history_address(arena, FCT_STR("Ann.Smith@Example.org"), key, true);

    ck_assert_uint_eq(a.n, 13 + strlen("@example.org"));
    ck_assert(a.p[0] == '#' && str_find(a, FCT_STR("@example.org")) == 13);
    ck_assert_int_lt(str_find_nocase(a, FCT_STR("ann")), 0);
    ck_assert(str_equal(a, history_address(arena, FCT_STR("ann.smith@example.org"), key, true)));
    ck_assert(!str_equal(a, history_address(arena, FCT_STR("bob@example.org"), key, true)));
    ck_assert(!str_equal(a, history_address(arena, FCT_STR("ann.smith@example.org"), other, true)));
    ck_assert(
        str_equal(history_address(arena, FCT_STR("Ann@x.org"), key, false), FCT_STR("ann@x.org")));
    ck_assert(str_equal(history_address(arena, FCT_STR(""), key, true), FCT_STR("")));
    arena_free(&arena);
}
END_TEST

/* ---- the ring ---- */

static void add(struct history_ring *ring, uint64_t n)
{
    char text[32];
    int length = snprintf(text, sizeof text, "entry %llu", (unsigned long long)n);

    ck_assert_uint_eq(history_ring_add(ring, (struct fct_str){text, (size_t)length}), n);
}

static bool has(const struct history_ring *ring, uint64_t n)
{
    char bytes[HISTORY_BYTES], text[32];
    size_t length;

    if (!history_ring_get(ring, n, bytes, &length))
        return false;
    snprintf(text, sizeof text, "entry %llu", (unsigned long long)n);
    ck_assert(str_equal((struct fct_str){bytes, length}, str_from(text)));
    return true;
}

START_TEST(the_oldest_are_forgotten)
{
    struct history_ring *ring = calloc(1, sizeof *ring);

    ck_assert_ptr_nonnull(ring);
    ck_assert(!has(ring, 0) && !has(ring, 1));
    for (uint64_t n = 1; n <= HISTORY_ENTRIES + 500; n++)
        add(ring, n);
    ck_assert_uint_eq(history_ring_oldest(ring), 501);
    for (uint64_t n = 1; n <= HISTORY_ENTRIES + 500; n++)
        ck_assert(has(ring, n) == (n > 500));
    ck_assert(!has(ring, HISTORY_ENTRIES + 501));
    free(ring);
}
END_TEST

/* A process that died while it wrote. */
START_TEST(a_half_written_entry_is_none)
{
    struct history_ring *ring = calloc(1, sizeof *ring);

    ck_assert_ptr_nonnull(ring);
    add(ring, 1);
    atomic_fetch_add(&ring->last, 1);
    atomic_store(&ring->slot[1].stamp, 3);
    add(ring, 3);
    ck_assert(has(ring, 1) && !has(ring, 2) && has(ring, 3));
    ring->slot[0].n = 100000; /* damaged by somebody's stray write */
    ck_assert(!has(ring, 1));
    free(ring);
}
END_TEST

START_TEST(one_key_for_all)
{
    struct history_ring *ring = calloc(1, sizeof *ring);
    uint64_t first[2], second[2];

    ck_assert_ptr_nonnull(ring);
    history_ring_key(ring, first);
    history_ring_key(ring, second);
    ck_assert_mem_eq(first, second, sizeof first);
    ck_assert_uint_ne(first[0], 0);
    free(ring);
}
END_TEST

static void add_all(TCase *tc)
{
    tcase_add_test(tc, an_entry_survives);
    tcase_add_test(tc, long_texts_are_cut);
    tcase_add_test(tc, symbols_that_do_not_fit_are_counted);
    tcase_add_test(tc, words_for_what_was_done);
    tcase_add_loop_test(tc, what_matches, 0, (int)FCT_COUNT(queries));
    tcase_add_test(tc, addresses_are_hashed);
    tcase_add_test(tc, the_oldest_are_forgotten);
    tcase_add_test(tc, a_half_written_entry_is_none);
    tcase_add_test(tc, one_key_for_all);
}

int main(void)
{
    return run_suite("history_entry", add_all);
}
