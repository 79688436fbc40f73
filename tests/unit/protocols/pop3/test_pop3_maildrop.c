/* test_pop3_maildrop.c - numbers, marks, deletion by UID and reading ahead, over a store that is
 * played here. */
#include "protocols/pop3/pop3_maildrop.h"

#include <check.h>
#include <stdlib.h>

/* ---- the store: message with UID u holds u * 1000 bytes, each the letter of its UID ---- */

#define MESSAGES 40
#define BIG_UID  300 /* 600,000 bytes: three pieces */

static struct hot_record records[MESSAGES];
static uint32_t exists;
static unsigned asked, collected, dropped, under_way;
static char expunged[200];
static bool fails;

static struct {
    uint32_t uid, offset, length;
} requests[10000];

bool store_select(struct store *st, uint32_t principal, struct fct_str name, bool watch,
                  struct arena *arena, struct store_view *out, struct fct_err *err)
{
    (void)st, (void)arena;
    ck_assert_uint_eq(principal, 7);
    ck_assert(name.n == 5 && memcmp(name.p, "INBOX", 5) == 0 && !watch);
    if (fails)
        return fct_fail(err, FCT_TEMP, "away");
    *out = (struct store_view){.info = {.id = 3, .exists = exists, .uid_validity = 99},
                               .record = records};
    return true;
}

void store_unselect(struct store *st, uint32_t principal, uint64_t mailbox)
{
    (void)st, (void)principal;
    ck_assert_uint_eq(mailbox, 3);
}

void store_view_free(struct store_view *view)
{
    view->record = NULL;
}

bool store_expunge(struct store *st, uint32_t principal, uint64_t mailbox, struct uid_set uids,
                   bool only_deleted, uint64_t *mod_seq, struct fct_err *err)
{
    (void)st, (void)principal;
    ck_assert(mailbox == 3 && !only_deleted);
    if (fails)
        return fct_fail(err, FCT_TEMP, "disk");
    for (size_t i = 0; i < uids.n; i++) {
        size_t at = strlen(expunged);

        snprintf(expunged + at, sizeof expunged - at, "%u:%u ", uids.range[i].first,
                 uids.range[i].last);
    }
    *mod_seq = 1;
    return true;
}

struct store_reading store_read_start(struct store *st, uint32_t principal, uint64_t mailbox,
                                      uint32_t uid, bool original, uint64_t offset, uint32_t length)
{
    (void)st, (void)principal;
    ck_assert(mailbox == 3 && !original);
    requests[asked].uid = uid;
    requests[asked].offset = (uint32_t)offset;
    requests[asked].length = length;
    under_way += length;
    ck_assert_uint_le(under_way, 1u << 20); /* bounded, whatever is read */
    return (struct store_reading){.pending = {.request = asked++}};
}

bool store_read_collect(struct store_reading r, struct buf *out, struct fct_err *err)
{
    collected++;
    under_way -= requests[r.pending.request].length;
    if (fails)
        return fct_fail(err, FCT_DENIED, "gone");
    char *to = buf_reserve(out, requests[r.pending.request].length);

    ck_assert_ptr_nonnull(to);
    memset(to, (int)('A' + requests[r.pending.request].uid % 26),
           requests[r.pending.request].length);
    out->n += requests[r.pending.request].length;
    return true;
}

void store_read_drop(struct store_reading r)
{
    dropped++;
    under_way -= requests[r.pending.request].length;
}

/* ---- the tests ---- */

static struct pop3_maildrop *drop;

static void setup(void)
{
    struct fct_err err = {0};

    exists = MESSAGES;
    asked = collected = dropped = under_way = 0;
    fails = false;
    expunged[0] = '\0';
    for (uint32_t i = 0; i < MESSAGES; i++)
        records[i] = (struct hot_record){.uid = 10 + 2 * i, .size = (10 + 2 * i) * 1000};
    ck_assert_msg(pop3_maildrop_open(NULL, 7, &drop, &err), "%s", err.text);
}

static void teardown(void)
{
    pop3_maildrop_free(&drop);
    ck_assert_uint_eq(asked, collected + dropped); /* no reading is left behind */
    ck_assert_uint_eq(under_way, 0);
}

static uint64_t read_whole(uint32_t number)
{
    struct fct_str piece;
    struct fct_err err = {0};
    uint64_t n = 0;

    pop3_maildrop_read(drop, number, true);
    do {
        ck_assert_msg(pop3_maildrop_piece(drop, &piece, &err), "%s", err.text);
        for (size_t i = 0; i < piece.n; i += 999)
            ck_assert_int_eq(piece.p[i], (char)('A' + records[number - 1].uid % 26));
        n += piece.n;
    } while (piece.n > 0);
    return n;
}

START_TEST(numbers_run_from_one)
{
    ck_assert_uint_eq(pop3_maildrop_count(drop), MESSAGES);
    ck_assert_ptr_null(pop3_maildrop_at(drop, 0));
    ck_assert_uint_eq(pop3_maildrop_at(drop, 1)->uid, 10);
    ck_assert_uint_eq(pop3_maildrop_at(drop, MESSAGES)->uid, 10 + 2 * (MESSAGES - 1));
    ck_assert_ptr_null(pop3_maildrop_at(drop, MESSAGES + 1));
    ck_assert_ptr_null(pop3_maildrop_at(drop, UINT32_MAX));
    ck_assert_uint_eq(pop3_maildrop_uid_validity(drop), 99);
}
END_TEST

START_TEST(marks_hide_and_reset_brings_back)
{
    uint64_t octets = pop3_maildrop_octets(drop);

    pop3_maildrop_mark(drop, 2);
    pop3_maildrop_mark(drop, 5);
    ck_assert_ptr_null(pop3_maildrop_at(drop, 2));
    ck_assert_uint_eq(pop3_maildrop_count(drop), MESSAGES - 2);
    ck_assert_uint_eq(pop3_maildrop_last(drop), MESSAGES);
    ck_assert_uint_eq(pop3_maildrop_octets(drop), octets - 12000 - 18000);
    ck_assert_uint_eq(pop3_maildrop_marked(drop), 2);
    pop3_maildrop_unmark_all(drop);
    ck_assert_ptr_nonnull(pop3_maildrop_at(drop, 2));
    ck_assert_uint_eq(pop3_maildrop_count(drop), MESSAGES);
    ck_assert_uint_eq(pop3_maildrop_octets(drop), octets);
}
END_TEST

START_TEST(an_update_deletes_by_uid)
{
    struct fct_err err = {0};

    ck_assert(pop3_maildrop_update(drop, &err));
    ck_assert_str_eq(expunged, ""); /* nothing marked, nothing asked */
    pop3_maildrop_mark(drop, 1);
    pop3_maildrop_mark(drop, 5);
    pop3_maildrop_mark(drop, 4);
    pop3_maildrop_mark(drop, 3);
    pop3_maildrop_mark(drop, MESSAGES);
    fails = true;
    ck_assert(!pop3_maildrop_update(drop, &err));
    ck_assert_int_eq(err.class, FCT_TEMP);
    fails = false;
    ck_assert(pop3_maildrop_update(drop, &err));
    ck_assert_str_eq(expunged, "10:10 14:18 88:88 ");
}
END_TEST

START_TEST(reading_in_order_asks_ahead)
{
    ck_assert_uint_eq(read_whole(1), 10000);
    ck_assert_uint_gt(asked, 5);
    unsigned before = asked;

    ck_assert_uint_eq(read_whole(2), 12000);
    ck_assert_uint_eq(asked, before); /* it was here */
    pop3_maildrop_mark(drop, 4);
    for (uint32_t i = 3; i <= MESSAGES; i++)
        if (i != 4)
            ck_assert_uint_eq(read_whole(i), records[i - 1].size);
    ck_assert_uint_eq(asked, MESSAGES); /* 4 was asked for before it was marked … */
    ck_assert_uint_eq(dropped + collected, MESSAGES);
}
END_TEST

START_TEST(one_message_alone_asks_for_nothing_else)
{
    read_whole(20);
    ck_assert_uint_eq(asked, 1);
    read_whole(11);
    ck_assert_uint_eq(asked, 2);
    ck_assert_uint_eq(requests[1].uid, 30);
}
END_TEST

START_TEST(the_same_message_twice)
{
    read_whole(1);
    ck_assert_uint_eq(read_whole(1), 10000);
    ck_assert_uint_eq(read_whole(2), 12000);
}
END_TEST

START_TEST(big_messages_come_in_pieces)
{
    records[1].size = 600000;
    records[1].uid = BIG_UID;
    ck_assert_uint_eq(read_whole(1), 10000);
    ck_assert_uint_eq(read_whole(2), 600000);
    ck_assert_uint_eq(read_whole(3), 14000);
    unsigned pieces = 0;

    for (unsigned i = 0; i < asked; i++) {
        ck_assert_uint_le(requests[i].length, 256u << 10);
        pieces += requests[i].uid == BIG_UID;
    }
    ck_assert_uint_eq(pieces, 3);
}
END_TEST

START_TEST(top_reads_a_little_and_leaves_the_rest)
{
    struct fct_str piece;

    records[1].size = 600000;
    for (uint32_t i = 1; i <= 3; i++) {
        pop3_maildrop_read(drop, i, false);
        ck_assert(pop3_maildrop_piece(drop, &piece, NULL));
        ck_assert_uint_le(piece.n, 16u << 10);
    }
    ck_assert_uint_eq(read_whole(2), 600000);
}
END_TEST

START_TEST(an_empty_message_has_no_pieces)
{
    records[0].size = records[2].size = 0;
    ck_assert_uint_eq(read_whole(1), 0);
    ck_assert_uint_eq(read_whole(2), 12000);
    ck_assert_uint_eq(read_whole(3), 0);
    ck_assert_uint_eq(read_whole(4), 16000);
}
END_TEST

START_TEST(a_message_that_is_gone_does_not_spoil_the_next)
{
    struct fct_str piece;
    struct fct_err err = {0};

    read_whole(1);
    pop3_maildrop_read(drop, 2, true);
    fails = true;
    ck_assert(!pop3_maildrop_piece(drop, &piece, &err));
    ck_assert_int_eq(err.class, FCT_DENIED);
    fails = false;
    ck_assert_uint_eq(read_whole(3), 14000);
}
END_TEST

START_TEST(a_store_that_is_away_is_an_error)
{
    struct pop3_maildrop *none = NULL;
    struct fct_err err = {0};

    fails = true;
    ck_assert(!pop3_maildrop_open(NULL, 7, &none, &err));
    ck_assert_int_eq(err.class, FCT_TEMP);
    ck_assert_ptr_null(none);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("pop3_maildrop");
    TCase *t = tcase_create("pop3_maildrop");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, numbers_run_from_one);
    tcase_add_test(t, marks_hide_and_reset_brings_back);
    tcase_add_test(t, an_update_deletes_by_uid);
    tcase_add_test(t, reading_in_order_asks_ahead);
    tcase_add_test(t, one_message_alone_asks_for_nothing_else);
    tcase_add_test(t, the_same_message_twice);
    tcase_add_test(t, big_messages_come_in_pieces);
    tcase_add_test(t, top_reads_a_little_and_leaves_the_rest);
    tcase_add_test(t, an_empty_message_has_no_pieces);
    tcase_add_test(t, a_message_that_is_gone_does_not_spoil_the_next);
    tcase_add_test(t, a_store_that_is_away_is_an_error);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
