/* What every store driver must do (store/driver.h). A second driver runs the same cases. */
#include "core/base/str.h"
#include "store/crc32c.h"
#include "store/driver.h"
#include "store/hot_chunk.h"

#include <check.h>
#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

static char dir[] = "/tmp/fct_driver_test.XXXXXX";
static struct driver *d;
static struct fct_err err;

#define WANT(call) ck_assert_msg((call), "%s: %s", #call, err.text)

/* Concatenation: the simplest fold there is. */
static bool fold(struct fct_str key, struct fct_str old, const struct fct_str *piece, size_t n,
                 struct buf *out)
{
    (void)key;
    buf_put_str(out, old);
    for (size_t i = 0; i < n; i++)
        buf_put_str(out, piece[i]);
    return true;
}

static void open_driver(void)
{
    struct driver_conf conf = {dir, fold, 1 << 20, 1 << 20, 32 << 10};
    struct buf report = BUF_INIT(1000);

    WANT(driver_local_open(&conf, &d, &report, &err));
    buf_free(&report);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void setup(void)
{
    memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    open_driver();
}

static void teardown(void)
{
    driver_close(&d);
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct key key(const char *text)
{
    struct key k = key_of(text[0]);

    for (const char *p = text + 1; *p; p++)
        k.p[k.n++] = *p;
    return k;
}

static void commit_one(struct batch *b)
{
    struct batch *list[1] = {b};

    WANT(d->ops->commit(d, list, 1, &err));
    batch_fini(b);
}

static void value_is(struct driver_snap *snap, uint64_t part, const char *k, const char *want)
{
    struct buf v = BUF_INIT(1 << 20);
    bool found;

    WANT(d->ops->get(d, snap, part, str_from(k), &v, &found, &err));
    ck_assert_msg(found == (want != NULL), "%s", k);
    if (want)
        ck_assert_msg(str_equal(buf_str(&v), str_from(want)), "%s: got %.*s", k, (int)v.n, v.p);
    buf_free(&v);
}

START_TEST(test_put_del_range)
{
    struct batch b;

    batch_init(&b);
    batch_part(&b, 20);
    batch_put(&b, key("a1"), FCT_STR("one"));
    batch_put(&b, key("a2"), FCT_STR("two"));
    batch_put(&b, key("b1"), FCT_STR("three"));
    batch_part(&b, 21);
    batch_put(&b, key("a1"), FCT_STR("other"));
    commit_one(&b);
    value_is(NULL, 20, "a1", "one");
    value_is(NULL, 21, "a1", "other");
    value_is(NULL, 22, "a1", NULL);
    batch_part(&b, 20);
    batch_del_range(&b, key("a"), key("b"));
    batch_put(&b, key("a3"), FCT_STR("later in the same batch"));
    batch_del(&b, key("b1"));
    commit_one(&b);
    value_is(NULL, 20, "a1", NULL);
    value_is(NULL, 20, "a3", "later in the same batch");
    value_is(NULL, 20, "b1", NULL);
    value_is(NULL, 21, "a1", "other");
}
END_TEST

START_TEST(test_add_and_append)
{
    struct buf v = BUF_INIT(100);
    struct batch b;
    bool found;

    for (int round = 0; round < 3; round++) {
        batch_init(&b);
        batch_part(&b, 20);
        batch_add(&b, key("n"), round == 1 ? -7 : 5);
        batch_append(&b, key("l"), FCT_STR("ab"));
        batch_append(&b, key("l"), round == 2 ? FCT_STR("!") : FCT_STR("."));
        commit_one(&b);
        if (round == 1)
            WANT(d->ops->maintain(d, DRIVER_FLUSH, NULL, NULL, NULL, &err));
    }
    WANT(d->ops->get(d, NULL, 20, FCT_STR("n"), &v, &found, &err));
    ck_assert_int_eq(driver_sum(buf_str(&v)), 3);
    value_is(NULL, 20, "l", "ab.ab.ab!");
    buf_free(&v);
}
END_TEST

static bool join_keys(void *arg, struct fct_str k, struct fct_str v)
{
    struct buf *out = arg;

    (void)v;
    buf_put_str(out, k);
    return out->n < 6;
}

START_TEST(test_scan_and_parts)
{
    static const struct {
        const char *from, *to, *want;
    } cases[] = {{"", "", "a1a2b1"}, {"a2", "", "a2b1"}, {"", "a2", "a1"},
                 {"a", "b", "a1a2"}, {"c", "", ""},      {"a2", "a2", ""}};
    struct batch b;
    uint64_t part;
    bool found;

    batch_init(&b);
    batch_part(&b, 40);
    batch_put(&b, key("b1"), FCT_STR("x"));
    batch_put(&b, key("a2"), FCT_STR("x"));
    batch_put(&b, key("a1"), FCT_STR("x"));
    batch_part(&b, 41);
    batch_put(&b, key("a0"), FCT_STR("x"));
    commit_one(&b);
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct buf out = BUF_INIT(100);

        WANT(d->ops->scan(d, NULL, 40, str_from(cases[i].from), str_from(cases[i].to), join_keys,
                          &out, &err));
        ck_assert_msg(str_equal(buf_str(&out), str_from(cases[i].want)), "case %zu: %.*s", i,
                      (int)out.n, out.p);
        buf_free(&out);
    }
    WANT(d->ops->parts(d, NULL, 0, &part, &found, &err) && found);
    ck_assert_uint_eq(part, 40);
    WANT(d->ops->parts(d, NULL, 41, &part, &found, &err) && found);
    ck_assert_uint_eq(part, 41);
    WANT(d->ops->parts(d, NULL, 42, &part, &found, &err));
    ck_assert(!found);
}
END_TEST

/* Answers as "key number=value", "-" for those that are not there; stops after `most`. */
struct answers {
    struct buf text;
    size_t most;
};

static bool take_answer(void *arg, size_t i, const struct fct_str *value)
{
    struct answers *a = arg;

    buf_put_u64(&a->text, i);
    buf_put_char(&a->text, '=');
    buf_put_str(&a->text, value ? *value : FCT_STR("-"));
    buf_put_char(&a->text, ' ');
    return i + 1 < a->most;
}

/* In the order of the question, whatever that is; keys of other partitions are not ours. */
START_TEST(test_get_many)
{
    static const struct {
        const char *key[6];
        size_t n, most;
        const char *want;
    } cases[] = {
        {{"a", "b", "c"}, 3, 9, "0=1 1=2 2=3 "},
        {{"c", "a", "b"}, 3, 9, "0=3 1=1 2=2 "},
        {{"a", "a", "zz", "a"}, 4, 9, "0=1 1=1 2=- 3=1 "},
        {{"", "aa", "b", "bb", "x9", "x99"}, 6, 9, "0=- 1=- 2=2 3=- 4=9 5=- "}, /* over a gap */
        {{"a", "b", "c"}, 3, 2, "0=1 1=2 "},
        {{"n"}, 1, 9, "0=- "}, /* partition 41 has it */
        {{0}, 0, 9, ""},
    };
    struct batch b;

    batch_init(&b);
    batch_part(&b, 40);
    batch_put(&b, key("a"), FCT_STR("1"));
    batch_put(&b, key("b"), FCT_STR("2"));
    batch_put(&b, key("c"), FCT_STR("3"));
    for (char k[] = "x0"; k[1] <= '9'; k[1]++)
        batch_put(&b, key(k), str_from(k + 1));
    batch_part(&b, 41);
    batch_put(&b, key("n"), FCT_STR("other"));
    commit_one(&b);
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct answers a = {.text = BUF_INIT(1000), .most = cases[i].most};
        struct fct_str keys[6];

        for (size_t k = 0; k < cases[i].n; k++)
            keys[k] = str_from(cases[i].key[k]);
        WANT(d->ops->get_many(d, 40, keys, cases[i].n, take_answer, &a, &err));
        ck_assert_msg(str_equal(buf_str(&a.text), str_from(cases[i].want)), "case %zu: %.*s", i,
                      (int)a.text.n, a.text.p);
        buf_free(&a.text);
    }
}
END_TEST

START_TEST(test_snapshot)
{
    struct driver_snap *snap;
    struct batch b;

    batch_init(&b);
    batch_part(&b, 20);
    batch_put(&b, key("k"), FCT_STR("old"));
    commit_one(&b);
    snap = d->ops->snap(d);
    batch_part(&b, 20);
    batch_put(&b, key("k"), FCT_STR("new"));
    commit_one(&b);
    value_is(snap, 20, "k", "old");
    value_is(NULL, 20, "k", "new");
    d->ops->unsnap(d, snap);
}
END_TEST

static struct batch_blob blob_of(uint8_t name, const char *text)
{
    struct batch_blob blob = {.bytes = text,
                              .size = strlen(text),
                              .crc = crc32c(0, text, strlen(text)),
                              .passing = strlen(text) % 2};

    memset(blob.id.b, name, sizeof blob.id.b);
    return blob;
}

static int64_t references(const struct blob_id *id)
{
    struct driver_blob found;
    bool there;

    WANT(d->ops->blob_stat(d, NULL, id, &found, &there, &err));
    return there ? found.references : 0;
}

START_TEST(test_blobs)
{
    struct batch_blob one = blob_of(1, "body one"), two = blob_of(2, "");
    char got[8];
    struct batch b;

    batch_init(&b);
    batch_blob_new(&b, &one, 2);
    batch_blob_new(&b, &two, 1);
    commit_one(&b);
    ck_assert_int_eq(references(&one.id), 2);
    WANT(d->ops->blob_read(d, &one.id, NULL, 0, got, 8, false, &err));
    ck_assert_mem_eq(got, "body one", 8);
    WANT(d->ops->blob_read(d, &one.id, NULL, 5, got, 3, false, &err));
    ck_assert_mem_eq(got, "one", 3);
    ck_assert(!d->ops->blob_read(d, &one.id, NULL, 5, got, 4, false, &err)); /* behind its end */
    WANT(d->ops->blob_read(d, &two.id, NULL, 0, got, 0, false, &err));
    batch_blob_ref(&b, &one.id, -1);
    batch_blob_del(&b, &two.id);
    commit_one(&b);
    ck_assert_int_eq(references(&one.id), 1);
    ck_assert_int_eq(references(&two.id), 0);
    ck_assert(!d->ops->blob_read(d, &two.id, NULL, 0, got, 0, false, &err));
    /* deleted and there again within one group: order counts */
    batch_blob_del(&b, &one.id);
    batch_blob_new(&b, &one, 3);
    commit_one(&b);
    ck_assert_int_eq(references(&one.id), 3);
    WANT(d->ops->blob_read(d, &one.id, NULL, 0, got, 8, false, &err));
}
END_TEST

/* The count stays right while operands are folded on the way. */
START_TEST(test_many_references)
{
    struct batch_blob one = blob_of(3, "popular");
    char got[7];
    struct batch b;

    batch_init(&b);
    batch_blob_new(&b, &one, 1);
    commit_one(&b);
    for (int i = 0; i < 450; i++) {
        batch_blob_ref(&b, &one.id, 1);
        commit_one(&b);
    }
    ck_assert_int_eq(references(&one.id), 451);
    driver_close(&d);
    open_driver();
    ck_assert_int_eq(references(&one.id), 451);
    WANT(d->ops->blob_read(d, &one.id, NULL, 0, got, 7, false, &err));
    ck_assert_mem_eq(got, "popular", 7);
}
END_TEST

START_TEST(test_reopen)
{
    struct batch_blob one = blob_of(7, "kept");
    char got[4];
    struct batch b;

    batch_init(&b);
    batch_part(&b, 20);
    batch_blob_new(&b, &one, 1);
    batch_put(&b, key("k"), FCT_STR("kept"));
    commit_one(&b);
    driver_close(&d);
    open_driver();
    value_is(NULL, 20, "k", "kept");
    WANT(d->ops->blob_read(d, &one.id, NULL, 0, got, 4, false, &err));
    ck_assert_mem_eq(got, "kept", 4);
}
END_TEST

START_TEST(test_one_store_only)
{
    struct driver_conf conf = {dir, fold, 1 << 20, 1 << 20, 32 << 10};
    struct buf report = BUF_INIT(1000);
    struct driver *second = NULL;

    ck_assert(!driver_local_open(&conf, &second, &report, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "another store"));
    ck_assert_ptr_null(second);
    buf_free(&report);
}
END_TEST

static bool commit_now(void *arg, struct batch *b, struct fct_err *e)
{
    struct batch *list[1] = {b};

    (void)arg;
    return d->ops->commit(d, list, 1, e);
}

static uint64_t segments(void)
{
    char command[200];
    uint64_t n = 0;
    FILE *f;

    snprintf(command, sizeof command, "ls %s/log | wc -l", dir);
    f = popen(command, "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "%lu", &n), 1);
    pclose(f);
    return n;
}

/* Many bodies, nine of ten deleted: space comes back, the living ones are read as before, also
 * after a restart. */
START_TEST(test_collect)
{
    enum { BODIES = 200 };
    static char text[BODIES][1001];
    struct driver_place place[BODIES] = {0};
    unsigned moved = 0;
    struct buf report = BUF_INIT(1000);
    char got[1000];
    struct batch b;
    uint64_t before;

    for (int i = 0; i < BODIES; i++) {
        struct batch_blob blob;

        memset(text[i], 'a' + i % 26, 1000);
        text[i][1000] = 0;
        blob = blob_of((uint8_t)i, text[i]);
        batch_init(&b);
        batch_blob_new(&b, &blob, 1);
        commit_one(&b);
    }
    before = segments();
    for (int i = 0; i < BODIES; i++)
        if (i % 10) {
            struct batch_blob blob = blob_of((uint8_t)i, "");

            batch_blob_del(&b, &blob.id);
        } else {
            struct batch_blob blob = blob_of((uint8_t)i, text[i]);

            WANT(d->ops->blob_read(d, &blob.id, &place[i], 0, got, 1000, false, &err));
            ck_assert_uint_ne(place[i].file, 0);
        }
    commit_one(&b);
    WANT(d->ops->maintain(d, DRIVER_COLLECT, commit_now, NULL, &report, &err));
    buf_put_char(&report, 0);
    ck_assert_msg(segments() <= 2 && before > 5, "%lu of %lu segments left: %.*s", segments(),
                  before, (int)report.n, report.p);
    buf_free(&report);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < BODIES; i += 10) {
            struct batch_blob blob = blob_of((uint8_t)i, text[i]);
            struct driver_place known = place[i];

            ck_assert_int_eq(references(&blob.id), 1);
            WANT(d->ops->blob_read(d, &blob.id, NULL, 0, got, 1000, false, &err));
            ck_assert_mem_eq(got, text[i], 1000);
            /* a place known from before the collection leads there too */
            memset(got, 0, sizeof got);
            WANT(d->ops->blob_read(d, &blob.id, &known, 0, got, 1000, false, &err));
            ck_assert_mem_eq(got, text[i], 1000);
            moved += known.file != place[i].file;
        }
        driver_close(&d);
        open_driver();
    }
    ck_assert_uint_gt(moved, 0);
}
END_TEST

/* All short lengths, then those around the size from which three lanes run beside each other. */
START_TEST(test_crc32c)
{
    static uint8_t bytes[10000];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 + i / 256);
    ck_assert_uint_eq(crc32c(0, "123456789", 9), 0xe3069283); /* RFC 3720 B.4 */
    for (size_t n = 0; n <= sizeof bytes;
         n += n < 100 || n % 3072 > 3060 || n % 3072 < 20 ? 1 : 7) {
        ck_assert_uint_eq(crc32c(0, bytes, n), crc32c_portable(0, bytes, n));
        ck_assert_uint_eq(crc32c(crc32c(0, bytes, n / 3), bytes + n / 3, n - n / 3),
                          crc32c(0, bytes, n));
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("driver");
    TCase *t = tcase_create("conformance");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_put_del_range);
    tcase_add_test(t, test_add_and_append);
    tcase_add_test(t, test_scan_and_parts);
    tcase_add_test(t, test_get_many);
    tcase_add_test(t, test_snapshot);
    tcase_add_test(t, test_blobs);
    tcase_add_test(t, test_many_references);
    tcase_add_test(t, test_reopen);
    tcase_add_test(t, test_one_store_only);
    tcase_add_test(t, test_collect);
    tcase_add_test(t, test_crc32c);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
