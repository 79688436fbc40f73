/* test_imap_view.c - a session's view against a model: a server that changes at random, a client
 * that believes what it is told. */
#include "imap_test.h"
#include "protocols/imap/imap_view.h"

/* ---- the model: the mailbox as it is, and the client's idea of it ---- */

#define MOST 4000

struct model {
    struct hot_record now[MOST]; /* the mailbox */
    size_t n;
    uint32_t uid_next;
    uint64_t mod_seq;
    uint32_t gone[MOST]; /* UIDs expunged, with when */
    uint64_t gone_at[MOST];
    size_t ngone;
    uint32_t
        client[MOST]; /* UID the client would use for each sequence number; 0: not fetched yet */
    size_t nclient;
};

static uint32_t rnd(uint32_t below)
{
    static uint64_t x = 88172645463325252u;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return (uint32_t)(x >> 32) % below;
}

static void server_adds(struct model *m)
{
    if (m->uid_next >= MOST)
        return;
    m->now[m->n++] = (struct hot_record){
        .uid = m->uid_next++, .flags = (uint16_t)rnd(32), .mod_seq = ++m->mod_seq};
}

static void server_changes(struct model *m)
{
    struct hot_record *r = &m->now[rnd((uint32_t)m->n)];

    r->flags ^= (uint16_t)(1u << rnd(5));
    r->mod_seq = ++m->mod_seq;
}

static void server_removes(struct model *m)
{
    size_t at = rnd((uint32_t)m->n);

    m->gone[m->ngone] = m->now[at].uid;
    m->gone_at[m->ngone++] = ++m->mod_seq;
    memmove(&m->now[at], &m->now[at + 1], (m->n - at - 1) * sizeof *m->now);
    m->n--;
}

static int by_uid(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* What store_sync answers. */
static struct store_changes changes_since(const struct model *m, uint64_t since,
                                          struct arena *arena)
{
    struct hot_record *record = ARENA_ARRAY(arena, struct hot_record, m->n + 1);
    uint32_t *vanished = ARENA_ARRAY(arena, uint32_t, m->ngone + 1);
    struct store_changes c = {
        .mod_seq = m->mod_seq, .record = record, .vanished = vanished, .uid_next = m->uid_next};

    for (size_t i = 0; i < m->n; i++)
        if (m->now[i].mod_seq > since)
            record[c.n++] = m->now[i];
    for (size_t i = 0; i < m->ngone; i++)
        if (m->gone_at[i] > since)
            vanished[c.nvanished++] = m->gone[i];
    qsort(vanished, c.nvanished, sizeof *vanished, by_uid);
    return c;
}

/* The client reads "* n EXPUNGE" and "* n EXISTS". */
static void client_is_told(struct model *m, const uint32_t *expunged, size_t n, uint32_t exists)
{
    for (size_t i = 0; i < n; i++) {
        ck_assert_uint_ge(expunged[i], 1);
        ck_assert_uint_le(expunged[i], m->nclient);
        memmove(&m->client[expunged[i] - 1], &m->client[expunged[i]],
                (m->nclient - expunged[i]) * sizeof *m->client);
        m->nclient--;
    }
    while (m->nclient < exists)
        m->client[m->nclient++] = 0;
}

/* Whatever the client knows of a number must be true in the view, and it learns the rest. */
static void check_client(struct model *m, const struct imap_view *v)
{
    ck_assert_uint_eq(m->nclient, imap_view_count(v));
    for (size_t i = 0; i < m->nclient; i++) {
        uint32_t uid = imap_view_at(v, (uint32_t)i)->uid;

        ck_assert(m->client[i] == 0 || m->client[i] == uid);
        m->client[i] = uid;
        ck_assert(i == 0 || m->client[i - 1] < uid);
    }
}

static void check_same(const struct model *m, const struct imap_view *v)
{
    ck_assert_uint_eq(m->n, imap_view_count(v));
    for (size_t i = 0; i < m->n; i++) {
        const struct hot_record *r = imap_view_at(v, (uint32_t)i);

        ck_assert_uint_eq(r->uid, m->now[i].uid);
        ck_assert_uint_eq(r->flags, m->now[i].flags);
    }
}

static void open_view(struct imap_view *v, const struct model *m)
{
    struct store_view snapshot = {
        .info = {.id = 1,
                 .name = FCT_STR("INBOX"),
                 .uid_validity = 1,
                 .uid_next = m->uid_next,
                 .highest_mod_seq = m->mod_seq,
                 .exists = (uint32_t)m->n},
        .record = m->n ? malloc(m->n * sizeof *m->now) : NULL,
    };

    if (m->n)
        memcpy(snapshot.record, m->now, m->n * sizeof *m->now);
    imap_view_open(v, &snapshot, false);
}

static void sync_view(struct model *m, struct imap_view *v, bool expunges, bool afresh)
{
    struct arena *arena = arena_new(NULL);
    struct store_changes c = changes_since(m, v->mod_seq, arena);
    struct store_view now = {
        .info = {.exists = (uint32_t)m->n, .highest_mod_seq = m->mod_seq, .uid_next = m->uid_next},
        .record = m->now};
    struct imap_news news;
    const uint32_t *number = NULL;
    size_t n = 0;

    if (afresh)
        imap_view_compare(v, &now, arena, &c);
    imap_view_apply(v, &c, arena, &news);
    if (expunges)
        number = imap_view_expunge(v, arena, &n);
    client_is_told(m, number, n, imap_view_count(v));
    arena_free(&arena);
}

START_TEST(random_changes)
{
    for (int round = 0; round < 30; round++) {
        struct model *m = calloc(1, sizeof *m);
        struct imap_view v;

        m->uid_next = 1;
        for (uint32_t i = rnd(50); i > 0; i--)
            server_adds(m);
        open_view(&v, m);
        client_is_told(m, NULL, 0, imap_view_count(&v));
        for (int step = 0; step < 400; step++) {
            uint32_t what = rnd(10);

            if (what < 3)
                server_adds(m);
            else if (what < 5 && m->n > 0)
                server_changes(m);
            else if (what < 7 && m->n > 0)
                server_removes(m);
            else
                sync_view(m, &v, what == 9, rnd(5) == 0);
            check_client(m, &v);
        }
        sync_view(m, &v, true, false);
        check_client(m, &v);
        check_same(m, &v);
        imap_view_close(&v);
        free(m);
    }
}
END_TEST

START_TEST(numbers_stand_still_until_told)
{
    struct model *m = calloc(1, sizeof *m);
    struct imap_view v;
    struct arena *arena = arena_new(NULL);
    const uint32_t *number;
    size_t n;

    m->uid_next = 1;
    for (int i = 0; i < 5; i++)
        server_adds(m);
    open_view(&v, m);
    client_is_told(m, NULL, 0, 5);
    m->gone[0] = 2, m->gone_at[0] = 10, m->gone[1] = 4, m->gone_at[1] = 11, m->ngone = 2;
    m->mod_seq = 11;
    m->now[1] = m->now[2], m->now[2] = m->now[4], m->n = 3;
    sync_view(m, &v, false, false);
    ck_assert_uint_eq(imap_view_count(&v), 5);
    ck_assert(imap_view_has_vanished(&v, 2) && imap_view_has_vanished(&v, 4));
    ck_assert(!imap_view_has_vanished(&v, 3));
    number = imap_view_expunge(&v, arena, &n);
    ck_assert_uint_eq(n, 2);
    ck_assert_uint_eq(number[0], 2);
    ck_assert_uint_eq(number[1], 3); /* 4 before the first one went */
    check_same(m, &v);
    imap_view_close(&v);
    arena_free(&arena);
    free(m);
}
END_TEST

START_TEST(changes_are_told_once)
{
    struct model *m = calloc(1, sizeof *m);
    struct arena *arena = arena_new(NULL);
    struct fct_str table[] = {{"Junk", 4}};
    struct store_changes c;
    struct imap_view v;
    struct imap_news news;

    m->uid_next = 1;
    server_adds(m);
    server_adds(m);
    open_view(&v, m);
    m->now[1].flags ^= FLAG_SEEN;
    m->now[1].mod_seq = ++m->mod_seq;
    c = changes_since(m, v.mod_seq, arena);
    c.keyword = table;
    c.nkeywords = 1;
    imap_view_apply(&v, &c, arena, &news);
    ck_assert_uint_eq(news.nchanged, 1);
    ck_assert_uint_eq(news.changed[0], 2);
    ck_assert(news.keywords && !news.exists);
    ck_assert_uint_eq(v.keyword_bytes, 5);
    imap_view_apply(&v, &c, arena, &news);
    ck_assert_uint_eq(news.nchanged, 0);
    ck_assert(!news.keywords);
    imap_view_close(&v);
    arena_free(&arena);
    free(m);
}
END_TEST

/* ---- sets ---- */

static void show(const struct imap_indexes *set, struct buf *out)
{
    for (size_t i = 0; i < set->n; i++)
        buf_printf(out, "%u-%u ", set->range[i].first, set->range[i].last);
}

START_TEST(sets_become_indexes)
{
    static const struct {
        const char *set;
        bool uid, ok;
        const char *want;
    } cases[] = {
        {"1", false, true, "0-0 "},
        {"1:*", false, true, "0-4 "},
        {"*:1", false, true, "0-4 "},
        {"*", false, true, "4-4 "},
        {"5,1,3", false, true, "0-0 2-2 4-4 "},
        {"1:3,2:4", false, true, "0-3 "},
        {"1,2,3", false, true, "0-2 "},
        {"4:2", false, true, "1-3 "},
        {"6", false, false, ""},
        {"1:6", false, false, ""},
        {"10", true, true, "0-0 "},
        {"11:19", true, true, ""},
        {"10:30", true, true, "0-2 "},
        {"51:*", true, true, "4-4 "}, /* '*' is the last message, whatever stands before it */
        {"50:4294967295", true, true, "4-4 "},
        {"1:9,60", true, true, ""},
        {"*", true, true, "4-4 "},
    };
    struct hot_record *record = calloc(5, sizeof *record);
    struct store_view snapshot = {.info = {.id = 1, .name = FCT_STR("x"), .exists = 5},
                                  .record = record};
    struct arena *arena = arena_new(NULL);
    struct imap_view v;

    for (uint32_t i = 0; i < 5; i++)
        record[i].uid = (i + 1) * 10;
    imap_view_open(&v, &snapshot, false);
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        FCT_CLEANUP(buf_free) struct buf got = BUF_INIT(1000);
        struct fct_str in = str_from(cases[i].set);
        struct imap_sequence_set set;
        struct imap_indexes out;
        struct fct_err err = {0};
        bool ok;

        ck_assert(imap_parse_sequence_set(&in, arena, &set));
        ok = imap_view_resolve(&v, &set, cases[i].uid, arena, &out, &err);
        ck_assert_msg(ok == cases[i].ok, "%s: %s", cases[i].set, err.text);
        if (!ok)
            continue;
        show(&out, &got);
        ck_assert_msg(str_equal(buf_str(&got), str_from(cases[i].want)), "%s: %.*s", cases[i].set,
                      FCT_FMT(buf_str(&got)));
    }
    imap_view_close(&v);
    arena_free(&arena);
}
END_TEST

START_TEST(sets_in_an_empty_mailbox)
{
    struct store_view snapshot = {.info = {.id = 1, .name = FCT_STR("x")}};
    struct arena *arena = arena_new(NULL);
    const struct imap_sequence all = {1, 0}, one = {1, 1};
    struct imap_indexes out;
    struct fct_err err = {0};
    struct imap_view v;

    imap_view_open(&v, &snapshot, false);
    ck_assert(imap_view_resolve(&v, &(struct imap_sequence_set){&all, 1, false}, false, arena, &out,
                                &err));
    ck_assert_uint_eq(out.n, 0);
    ck_assert(imap_view_resolve(&v, &(struct imap_sequence_set){&all, 1, false}, true, arena, &out,
                                &err));
    ck_assert_uint_eq(out.n, 0);
    ck_assert(imap_view_resolve(&v, &(struct imap_sequence_set){&one, 1, false}, true, arena, &out,
                                &err));
    ck_assert_uint_eq(out.n, 0);
    ck_assert(!imap_view_resolve(&v, &(struct imap_sequence_set){&one, 1, false}, false, arena,
                                 &out, &err));
    ck_assert_int_eq(err.class, FCT_SYNTAX);
    imap_view_close(&v);
    arena_free(&arena);
}
END_TEST

START_TEST(walking_a_set)
{
    struct imap_range range[] = {{0, 2}, {5, 5}, {7, 8}};
    struct imap_indexes set = {range, 3};
    struct imap_walk walk = {0};
    uint32_t want[] = {0, 1, 2, 5, 7, 8}, index;
    size_t n = 0;

    while (imap_indexes_next(&set, &walk, &index)) {
        ck_assert_uint_lt(n, FCT_COUNT(want));
        ck_assert_uint_eq(index, want[n++]);
    }
    ck_assert_uint_eq(n, FCT_COUNT(want));
    ck_assert_uint_eq(imap_indexes_count(&set), n);
    for (uint32_t i = 0, k = 0; i < 10; i++) {
        bool in = k < n && want[k] == i;

        ck_assert(imap_indexes_has(&set, i) == in);
        k += in;
    }
}
END_TEST

/* A hundred thousand elements become few ranges, quickly (threat 19). */
START_TEST(a_huge_set)
{
    struct arena *arena = arena_new(NULL);
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(4u << 20);
    struct hot_record *record = calloc(1000, sizeof *record);
    struct store_view snapshot = {.info = {.id = 1, .name = FCT_STR("x"), .exists = 1000},
                                  .record = record};
    struct imap_sequence_set set;
    struct imap_indexes out;
    struct fct_err err = {0};
    struct imap_view v;
    struct fct_str in;

    for (uint32_t i = 0; i < 1000; i++)
        record[i].uid = i + 1;
    imap_view_open(&v, &snapshot, false);
    for (int i = 0; i < 100000; i++)
        buf_printf(&text, "%s%u", i ? "," : "", 1 + rnd(1000));
    in = buf_str(&text);
    ck_assert(imap_parse_sequence_set(&in, arena, &set));
    ck_assert_uint_eq(set.n, 100000);
    ck_assert(imap_view_resolve(&v, &set, false, arena, &out, &err));
    ck_assert_uint_eq(out.n, 1);
    imap_view_close(&v);
    arena_free(&arena);
}
END_TEST

IMAP_TESTS("imap_view", random_changes, numbers_stand_still_until_told, changes_are_told_once,
           sets_become_indexes, sets_in_an_empty_mailbox, walking_a_set, a_huge_set)
