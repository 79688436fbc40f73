/* A log cut at every byte, damaged at every byte, replayed twice: what was acknowledged is there,
 * whole; nothing is there in part. */
#include "core/base/str.h"
#include "store/crc32c.h"
#include "store/driver.h"
#include "store/driver_local/local.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/fct_recovery_test.XXXXXX";
static struct driver *d;
static struct fct_err err;
static char *image; /* of the one segment */
static size_t image_n;

#define WANT(call) ck_assert_msg((call), "%s: %s", #call, err.text)
#define GROUPS     4

static bool fold(struct fct_str key, struct fct_str old, const struct fct_str *piece, size_t n,
                 struct buf *out)
{
    (void)key;
    buf_put_str(out, old);
    for (size_t i = 0; i < n; i++)
        buf_put_str(out, piece[i]);
    return true;
}

static void run(const char *command)
{
    setenv("DIR", dir, 1);
    ck_assert_int_eq(system(command), 0);
}

static void open_driver(char *report, size_t size)
{
    struct driver_conf conf = {dir, fold, 1 << 20, 1 << 20, 1 << 20};
    struct buf text = BUF_INIT(1000);

    WANT(driver_local_open(&conf, &d, &text, &err));
    if (report)
        snprintf(report, size, "%.*s", (int)text.n, text.p);
    buf_free(&text);
}

#define PADDING 600 /* of odd groups: these are written compressed, the others are not */

/* Group i: key "k", a sum, an appended letter, a body. */
static void commit_group(int i)
{
    char text[32], digit[2] = {(char)('0' + i), 0}, padding[PADDING];
    struct batch_blob blob = {.bytes = text};
    struct batch b, *list[1] = {&b};
    struct key k = key_of('k');

    snprintf(text, sizeof text, "body number %d", i);
    blob.size = strlen(text);
    blob.crc = crc32c(0, text, blob.size);
    memset(blob.id.b, i, sizeof blob.id.b);
    k.p[k.n++] = digit[0];
    batch_init(&b);
    batch_part(&b, 16);
    batch_blob_new(&b, &blob, 1);
    batch_put(&b, k, str_from(text));
    batch_add(&b, key_of('n'), 1);
    batch_append(&b, key_of('l'), str_from(digit));
    memset(padding, '0' + i, sizeof padding);
    if (i % 2)
        batch_put(&b, key_of('p'), (struct fct_str){padding, sizeof padding});
    WANT(d->ops->commit(d, list, 1, &err));
    batch_fini(&b);
}

static bool has(const char *key, char *value, size_t size)
{
    struct buf v = BUF_INIT(1000);
    bool found;

    WANT(d->ops->get(d, NULL, 16, str_from(key), &v, &found, &err));
    if (found && value) {
        memcpy(value, v.p, v.n < size ? v.n : size - 1);
        value[v.n < size ? v.n : size - 1] = 0;
    }
    buf_free(&v);
    return found;
}

static void body_is_whole(int i)
{
    struct blob_id id;
    char got[64], want[64];

    snprintf(want, sizeof want, "body number %d", i);
    memset(id.b, i, sizeof id.b);
    WANT(d->ops->blob_read(d, &id, NULL, 0, got, strlen(want), false, &err));
    ck_assert_mem_eq(got, want, strlen(want));
}

/* Exactly the first n groups, each whole; returns n. */
static int groups_there(void)
{
    char list[32] = "", sum[16] = {0};
    int n = 0;

    for (int i = 0; i < 10; i++) {
        char key[3] = {'k', (char)('0' + i), 0};

        if (!has(key, NULL, 0))
            break;
        body_is_whole(i);
        n++;
    }
    has("l", list, sizeof list);
    ck_assert_uint_eq(strlen(list), (size_t)n);
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(list[i], '0' + i);
    if (n > 1) {
        static char padding[PADDING + 1];

        ck_assert(has("p", padding, sizeof padding));
        ck_assert_int_eq(padding[PADDING - 1], '0' + (n % 2 ? n - 2 : n - 1));
    }
    if (has("n", sum, sizeof sum))
        ck_assert_int_eq(sum[0], n);
    else
        ck_assert_int_eq(n, 0);
    return n;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void put_image(const char *bytes, size_t n)
{
    char path[200];
    int fd;

    run("rm -rf $DIR/index $DIR/log/*");
    snprintf(path, sizeof path, "%s/log/00000001.seg", dir);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, n), (ssize_t)n);
    close(fd);
}

static size_t end_of_group[GROUPS + 1];

/* A log of four groups, and nothing in the index. */
static void setup(void)
{
    char path[200];
    struct stat st;
    int fd;

    memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    open_driver(NULL, 0);
    end_of_group[0] = SEGMENT_HEAD;
    for (int i = 0; i < GROUPS; i++) {
        commit_group(i);
        end_of_group[i + 1] = (size_t)segment_log_end(((struct local *)d)->log).offset;
    }
    driver_close(&d);
    snprintf(path, sizeof path, "%s/log/00000001.seg", dir);
    ck_assert_int_eq(stat(path, &st), 0);
    image_n = (size_t)st.st_size;
    ck_assert_uint_eq(image_n, end_of_group[GROUPS]); /* space ahead was given back */
    image = malloc(image_n);
    fd = open(path, O_RDONLY);
    ck_assert_int_eq(read(fd, image, image_n), (ssize_t)image_n);
    close(fd);
    for (int i = 0; i < GROUPS; i++)
        ck_assert_mem_eq(image + end_of_group[i], i % 2 ? "FGR2" : "FGR1", 4);
}

static void teardown(void)
{
    if (d)
        driver_close(&d);
    free(image);
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

START_TEST(test_cut_at_every_byte)
{
    for (size_t cut = end_of_group[GROUPS - 1]; cut <= image_n; cut++) {
        put_image(image, cut);
        open_driver(NULL, 0);
        ck_assert_msg(groups_there() == (cut == image_n ? GROUPS : GROUPS - 1), "cut at %zu", cut);
        commit_group(groups_there()); /* and it goes on from there */
        driver_close(&d);
        open_driver(NULL, 0);
        ck_assert_msg(groups_there() == (cut == image_n ? GROUPS + 1 : GROUPS),
                      "cut at %zu, then one more", cut);
        driver_close(&d);
    }
}
END_TEST

/* A torn write: the group's length is there, some of its bytes are zeros. */
START_TEST(test_torn_tail)
{
    size_t from = end_of_group[GROUPS - 1];

    for (size_t at = from; at < image_n; at += 5) {
        char *torn = malloc(image_n);

        memcpy(torn, image, image_n);
        torn[at] = (char)(torn[at] ^ 0x55);
        put_image(torn, image_n);
        open_driver(NULL, 0);
        ck_assert_msg(groups_there() == GROUPS - 1, "torn at %zu", at);
        driver_close(&d);
        free(torn);
    }
}
END_TEST

/* Damage in the middle is not taken for the tail: what comes behind it was acknowledged. */
START_TEST(test_damage_in_the_middle)
{
    for (size_t at = end_of_group[1]; at < end_of_group[2]; at += 9) {
        char report[200], *bad = malloc(image_n);

        memcpy(bad, image, image_n);
        bad[at] = (char)(bad[at] ^ 0x10);
        put_image(bad, image_n);
        open_driver(report, sizeof report);
        ck_assert_msg(strstr(report, "damaged=1"), "byte %zu: %s", at, report);
        ck_assert(has("k0", NULL, 0) && has("k2", NULL, 0) && has("k3", NULL, 0));
        body_is_whole(3);
        driver_close(&d);
        free(bad);
    }
}
END_TEST

/* The index may have been flushed at any point: replay starts behind it, and nothing is applied
 * twice. */
START_TEST(test_replay_is_exact)
{
    for (int flushed = 0; flushed <= GROUPS; flushed++) {
        run("rm -rf $DIR/index $DIR/log/*");
        open_driver(NULL, 0);
        for (int i = 0; i < GROUPS; i++) {
            commit_group(i);
            if (i + 1 == flushed)
                WANT(d->ops->maintain(d, DRIVER_FLUSH, NULL, NULL, NULL, &err));
        }
        ((struct local *)d)->broken = true; /* closes without the last flush, as a crash would */
        driver_close(&d);
        open_driver(NULL, 0);
        ck_assert_int_eq(groups_there(), GROUPS);
        driver_close(&d);
    }
}
END_TEST

/* Zeros behind the end (space allocated ahead) and an empty next segment (a crash while it was
 * made) are no damage. */
START_TEST(test_ends_of_the_log)
{
    char report[200];

    put_image(image, image_n);
    run("truncate -s +100000 $DIR/log/00000001.seg && touch $DIR/log/00000002.seg");
    open_driver(report, sizeof report);
    ck_assert_ptr_nonnull(strstr(report, "damaged=0"));
    ck_assert_int_eq(groups_there(), GROUPS);
    for (int i = GROUPS; i < GROUPS + 3; i++)
        commit_group(i);
    driver_close(&d);
    open_driver(NULL, 0);
    ck_assert_int_eq(groups_there(), GROUPS + 3);
}
END_TEST

/* A mail whose body is itself a valid-looking log does not become part of the log. */
START_TEST(test_forged_group_in_a_body)
{
    struct batch_blob blob = {.bytes = image, .size = image_n, .crc = crc32c(0, image, image_n)};
    char report[200], path[200];
    struct batch b, *list[1] = {&b};
    size_t end;

    run("rm -rf $DIR/index $DIR/log/*");
    open_driver(NULL, 0);
    memset(blob.id.b, 99, sizeof blob.id.b);
    batch_init(&b);
    batch_part(&b, 16);
    batch_blob_new(&b, &blob, 1);
    WANT(d->ops->commit(d, list, 1, &err));
    batch_fini(&b);
    end = (size_t)segment_log_end(((struct local *)d)->log).offset;
    ((struct local *)d)->broken = true;
    driver_close(&d);
    snprintf(path, sizeof path, "%s/log/00000001.seg", dir);
    ck_assert_int_eq(truncate(path, (off_t)end - 1), 0);
    open_driver(report, sizeof report);
    ck_assert_ptr_nonnull(strstr(report, "replayed=0 damaged=0"));
    ck_assert_int_eq(groups_there(), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("recovery");
    TCase *t = tcase_create("all");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_cut_at_every_byte);
    tcase_add_test(t, test_torn_tail);
    tcase_add_test(t, test_damage_in_the_middle);
    tcase_add_test(t, test_replay_is_exact);
    tcase_add_test(t, test_ends_of_the_log);
    tcase_add_test(t, test_forged_group_in_a_body);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
