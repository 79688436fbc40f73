/* test_image_cache.c - what is kept is found again, also by the next process; it stays within its
 * size, and what is damaged or over is gone. */
#include "core/base/str.h"
#include "protocols/images/image_cache.h"

#include <check.h>
#include <event2/event.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct event_base *base;
static char folder[64];
static struct image_cache *cache;

static void open_cache(uint64_t size, uint64_t keep_s)
{
    struct fct_err err = {0};

    ck_assert_msg(image_cache_open(&(struct image_cache_conf){.folder = folder,
                                                              .size = size,
                                                              .max_file = 1000,
                                                              .keep_s = keep_s,
                                                              .keep_failure_s = keep_s},
                                   &cache, &err),
                  "%s", err.text);
}

static void setup(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/fct_images_test.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void teardown(void)
{
    image_cache_free(&cache);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- in a fiber, because files are read on threads ---- */

static void (*body)(void);
static void run_body(void *arg)
{
    (void)arg;
    body();
    event_base_loopbreak(base);
}

static void in_fiber(void (*what)(void))
{
    body = what;
    (void)fiber_start(run_body, NULL);
    event_base_dispatch(base);
}

static const char *name_of(const char *url)
{
    static char name[8][IMAGE_NAME + 1];
    static unsigned at;

    at = (at + 1) % 8;
    image_cache_name(str_from(url), name[at]);
    return name[at];
}

static enum image_kept find(const char *url)
{
    unsigned status;

    return image_cache_find(cache, name_of(url), &status);
}

FCT_MAY_WAIT static bool holds(const char *url, struct fct_str want)
{
    char *bytes;
    size_t n;
    bool same;

    if (find(url) != IMAGE_KEPT || !image_cache_read(cache, name_of(url), &bytes, &n))
        return false;
    same = str_equal((struct fct_str){bytes, n}, want);
    free(bytes);
    return same;
}

static void keep_and_find(void)
{
    open_cache(10000, 100);
    ck_assert_int_eq(find("a"), IMAGE_UNKNOWN);
    image_cache_put(cache, name_of("a"), FCT_STR("one"));
    image_cache_put(cache, name_of("b"), FCT_STR("two"));
    image_cache_put(cache, name_of("a"), FCT_STR("three"));
    ck_assert(holds("a", FCT_STR("three")));
    ck_assert(holds("b", FCT_STR("two")));
    ck_assert_uint_eq(image_cache_stats(cache).bytes, 8);
    ck_assert_uint_eq(image_cache_stats(cache).entries, 2);
    image_cache_free(&cache);
    open_cache(10000, 100); /* the next process */
    ck_assert(holds("a", FCT_STR("three")));
    ck_assert_uint_eq(image_cache_stats(cache).bytes, 8);
}
START_TEST(kept)
{
    in_fiber(keep_and_find);
}
END_TEST

static void fail_and_find(void)
{
    unsigned status = 0;

    open_cache(10000, 100);
    image_cache_put_failure(cache, name_of("a"), 403);
    ck_assert_int_eq(image_cache_find(cache, name_of("a"), &status), IMAGE_FAILED_BEFORE);
    ck_assert_uint_eq(status, 403);
    image_cache_put(cache, name_of("a"), FCT_STR("there now"));
    ck_assert(holds("a", FCT_STR("there now")));
    image_cache_put_failure(cache, name_of("a"), 502);
    ck_assert_int_eq(find("a"), IMAGE_FAILED_BEFORE);
    image_cache_free(&cache);
    open_cache(10000, 100);
    ck_assert_int_eq(find("a"), IMAGE_UNKNOWN); /* no file is left */
}
START_TEST(failures)
{
    in_fiber(fail_and_find);
}
END_TEST

static void fill(void)
{
    open_cache(1000, 100);
    image_cache_put(cache, name_of("a"), (struct fct_str){folder, 40});
    for (unsigned i = 0; i < 9; i++) {
        char url[8], bytes[100] = {0};

        (void)snprintf(url, sizeof url, "u%u", i);
        image_cache_put(cache, name_of(url), (struct fct_str){bytes, sizeof bytes});
    }
    ck_assert_int_eq(find("a"), IMAGE_KEPT); /* asked for: now the newest */
    image_cache_put(cache, name_of("x"), (struct fct_str){folder, 64});
    ck_assert_int_eq(find("a"), IMAGE_KEPT);
    ck_assert_int_eq(find("u0"), IMAGE_UNKNOWN);
    ck_assert_int_eq(find("u1"), IMAGE_KEPT);
    ck_assert_uint_le(image_cache_stats(cache).bytes, 1000);
    ck_assert_uint_eq(image_cache_stats(cache).evicted, 1);
    image_cache_free(&cache);
    open_cache(300, 100); /* a smaller one makes room at the next picture */
    image_cache_put(cache, name_of("y"), FCT_STR("y"));
    ck_assert_uint_le(image_cache_stats(cache).bytes, 300);
}
START_TEST(bounded)
{
    in_fiber(fill);
}
END_TEST

static void make_old(const char *url)
{
    const struct timespec times[2] = {{.tv_sec = clock_wall() - 1000},
                                      {.tv_sec = clock_wall() - 1000}};
    char path[160];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name_of(url));
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void age(void)
{
    open_cache(10000, 100);
    image_cache_put(cache, name_of("old"), FCT_STR("o"));
    image_cache_put(cache, name_of("young"), FCT_STR("y"));
    make_old("old");
    image_cache_free(&cache);
    open_cache(10000, 100);
    ck_assert_int_eq(find("old"), IMAGE_UNKNOWN);
    ck_assert_int_eq(find("young"), IMAGE_KEPT);
    image_cache_free(&cache);
    open_cache(10000, 0); /* nothing is kept */
    ck_assert_int_eq(find("young"), IMAGE_UNKNOWN);
    image_cache_put(cache, name_of("z"), FCT_STR("z"));
    image_cache_put_failure(cache, name_of("f"), 502);
    ck_assert_uint_eq(image_cache_stats(cache).entries, 0);
}
START_TEST(over)
{
    in_fiber(age);
}
END_TEST

static void put_file(const char *name, const char *text)
{
    char path[160];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

/* Files of others, links, an empty one, one that is too large, one that went away. */
static void damage(void)
{
    char path[160], large[1002];
    const char *name = name_of("link");

    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = 0;
    put_file("README", "not ours");
    put_file(name_of("empty"), "");
    put_file(name_of("large"), large);
    put_file(name_of("gone"), "x");
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    ck_assert_int_eq(symlink("/etc/passwd", path), 0);
    open_cache(10000, 100);
    ck_assert_uint_eq(image_cache_stats(cache).entries, 3);
    ck_assert_int_eq(find("link"), IMAGE_UNKNOWN);
    (void)snprintf(path, sizeof path, "%s/%s", folder, name_of("gone"));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert(!holds("empty", FCT_STR("")));
    ck_assert(!holds("large", str_from(large)));
    ck_assert(!holds("gone", FCT_STR("x")));
    ck_assert_uint_eq(image_cache_stats(cache).entries, 0);
    ck_assert_uint_eq(image_cache_stats(cache).bytes, 0);
    image_cache_put(cache, name_of("link"), FCT_STR("ours"));
    ck_assert(holds("link", FCT_STR("ours")));
}
START_TEST(damaged)
{
    in_fiber(damage);
}
END_TEST

START_TEST(no_folder)
{
    struct fct_err err = {0};

    ck_assert(
        !image_cache_open(&(struct image_cache_conf){.folder = "/nowhere/at/all"}, &cache, &err));
    ck_assert_ptr_null(cache);
    ck_assert_ptr_nonnull(strstr(err.text, "/nowhere/at/all"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("image_cache");
    TCase *tc = tcase_create("image_cache");
    struct fct_err err = {0};
    SRunner *runner;
    int failed;

    base = event_base_new();
    if (!fiber_setup(base, 256u << 10, 4, &err))
        return 1;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, kept);
    tcase_add_test(tc, failures);
    tcase_add_test(tc, bounded);
    tcase_add_test(tc, over);
    tcase_add_test(tc, damaged);
    tcase_add_test(tc, no_folder);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    fiber_teardown();
    event_base_free(base);
    return failed != 0;
}
