/* Folding operations into hot chunks against an array changed naively; and what must be refused. */
#include "core/base/str.h"
#include "store/hot_chunk.h"
#include "store/places.h"

#include <check.h>
#include <stdlib.h>

static uint64_t state;

static uint32_t chance(uint32_t below) /* xorshift: the same sequence every time */
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state % below);
}

struct model {
    struct hot_record r[CHUNK_UIDS + 1]; /* by UID; uid 0: not there */
};

static void one_op(struct model *m, struct buf *out, uint64_t mod_seq)
{
    struct uid_range range[2];
    size_t n = 1 + chance(2);

    range[0].first = 1 + chance(200);
    range[0].last = range[0].first + chance(20);
    range[1].first = range[0].last + 1 + chance(100);
    range[1].last = range[1].first + chance(50);
    if (chance(3) == 0) {
        hot_op_expunge(out, range, n);
        for (size_t i = 0; i < n; i++)
            for (uint32_t u = range[i].first; u <= range[i].last; u++)
                m->r[u].uid = 0;
    } else if (chance(2) == 0) {
        struct flag_change c = {mod_seq, (uint16_t)chance(32), (uint16_t)chance(32),
                                chance(1 << 30), chance(1 << 30)};

        hot_op_flags(out, &c, range, n);
        for (size_t i = 0; i < n; i++)
            for (uint32_t u = range[i].first; u <= range[i].last; u++)
                if (m->r[u].uid)
                    flag_change_apply(&c, &m->r[u]);
    } else {
        struct hot_record r = {.mod_seq = mod_seq,
                               .uid = 1 + chance(CHUNK_UIDS),
                               .email_id = mod_seq,
                               .size = chance(9999)};

        hot_op_add(out, &r);
        m->r[r.uid] = r;
    }
}

static void equals_model(struct fct_str folded, const struct model *m)
{
    struct hot_record got[CHUNK_UIDS];
    size_t n, at = 0;

    ck_assert(hot_chunk_decode(folded, got, &n));
    for (uint32_t u = 1; u <= CHUNK_UIDS; u++) {
        if (!m->r[u].uid)
            continue;
        ck_assert_uint_lt(at, n);
        ck_assert_mem_eq(&got[at], &m->r[u], sizeof got[at]);
        at++;
    }
    ck_assert_uint_eq(at, n);
}

/* However the operations are cut into pieces and however often the chunk is folded in between, the
 * result is the same. */
START_TEST(test_fold_as_naive_array)
{
    for (int round = 0; round < 200; round++) {
        struct model m = {0};
        struct buf chunk = BUF_INIT(1 << 20), pending = BUF_INIT(1 << 20);
        bool any = false;

        state = 88172645463325252ull + (uint64_t)round * 977;
        for (uint64_t k = 1; k <= 60; k++) {
            one_op(&m, &pending, k);
            if (chance(5) == 0 || k == 60) {
                struct fct_str piece = buf_str(&pending);
                struct buf next = BUF_INIT(1 << 20);

                ck_assert(
                    hot_chunk_fold(any ? buf_str(&chunk) : (struct fct_str){0}, &piece, 1, &next));
                buf_free(&chunk);
                chunk = next;
                any = true;
                buf_clear(&pending);
            }
        }
        equals_model(buf_str(&chunk), &m);
        buf_free(&chunk);
        buf_free(&pending);
    }
}
END_TEST

START_TEST(test_malformed)
{
    struct hot_record r = {.uid = 5}, many[CHUNK_UIDS];
    struct buf good = BUF_INIT(1 << 20), op = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);
    size_t n;

    hot_chunk_encode(&r, 1, &good);
    for (size_t i = 0; i < good.n; i++) { /* every bit counts */
        good.p[i] = (char)(good.p[i] ^ 4);
        ck_assert_msg(!hot_chunk_decode(buf_str(&good), many, &n), "byte %zu", i);
        good.p[i] = (char)(good.p[i] ^ 4);
    }
    hot_op_add(&op, &r);
    for (size_t cut = 1; cut < op.n; cut++) {
        struct fct_str piece = {op.p, cut};

        ck_assert(!hot_chunk_fold((struct fct_str){0}, &piece, 1, &out));
    }
    ck_assert(
        !hot_chunk_fold((struct fct_str){0}, &FCT_STR("\x09"), 1, &out)); /* no such operation */
    ck_assert(!hot_chunk_fold((struct fct_str){0},
                              &FCT_STR("\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 1, &out));
    /* not in order, or twice the same */
    struct hot_record wrong[2] = {{.uid = 2}, {.uid = 2}};
    buf_clear(&good);
    hot_chunk_encode(wrong, 2, &good);
    ck_assert(!hot_chunk_decode(buf_str(&good), many, &n));
    buf_free(&good);
    buf_free(&op);
    buf_free(&out);
}
END_TEST

START_TEST(test_places)
{
    struct buf op = BUF_INIT(1000), value = BUF_INIT(1000), next = BUF_INIT(1000);
    struct place *list;
    struct fct_str piece;
    size_t n;

    places_op_add(&op, (struct place){1, 10});
    places_op_add(&op, (struct place){2, 20});
    places_op_add(&op, (struct place){1, 10});    /* again: harmless */
    places_op_remove(&op, (struct place){3, 30}); /* not there: harmless */
    piece = buf_str(&op);
    ck_assert(places_fold((struct fct_str){0}, &piece, 1, &value));
    ck_assert(places_decode(buf_str(&value), &list, &n));
    ck_assert_uint_eq(n, 2);
    free(list);
    buf_clear(&op);
    places_op_remove(&op, (struct place){1, 10});
    places_op_remove(&op, (struct place){2, 20});
    piece = buf_str(&op);
    ck_assert(places_fold(buf_str(&value), &piece, 1, &next));
    ck_assert(places_decode(buf_str(&next), &list, &n));
    ck_assert_uint_eq(n, 0);
    free(list);
    piece.n--;
    buf_clear(&next);
    ck_assert(!places_fold(buf_str(&value), &piece, 1, &next));
    buf_free(&op);
    buf_free(&value);
    buf_free(&next);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("hot_chunk");
    TCase *t = tcase_create("all");
    SRunner *r;
    int failed;

    tcase_add_test(t, test_fold_as_naive_array);
    tcase_add_test(t, test_malformed);
    tcase_add_test(t, test_places);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
