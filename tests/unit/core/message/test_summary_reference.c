/* test_summary_reference.c - ENVELOPE and BODYSTRUCTURE of a corpus of real and broken mail against
 * what a reference server answered (recorded as JSON). The corpus is not part of the tree:
 * FACTEUR_TEST_DATA names its folder, by default
 * ../shared/data beside the source; without it the test says so and is skipped. */
#include "core/message/summary.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>

static char folder[1024];

static struct fct_str read_file(struct arena *arena, const char *name)
{
    char path[2048];
    struct buf data = BUF_INIT(64 << 20);
    char block[65536];
    size_t n;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        return (struct fct_str){0};
    while ((n = fread(block, 1, sizeof block, f)) > 0)
        buf_put(&data, block, n);
    fclose(f);
    struct fct_str copy = arena_str(arena, buf_str(&data));
    buf_free(&data);
    return copy;
}

/* As the mail was handed to the reference server: CRLF line ends, no NUL. */
static struct fct_str as_sent(struct arena *arena, struct fct_str raw)
{
    char *out = arena_alloc(arena, 2 * raw.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < raw.n; i++) {
        if (raw.p[i] == '\n' && (n == 0 || out[n - 1] != '\r'))
            out[n++] = '\r';
        out[n++] = raw.p[i] == '\0' ? (char)0x80 : raw.p[i];
    }
    return (struct fct_str){out, n};
}

/* Both sides become one text: tokens with a space behind each, letters in lower case. */
static void put_canonical_string(struct fct_str s, struct buf *out)
{
    buf_put_char(out, '"');
    for (size_t i = 0; i < s.n; i++)
        buf_put_char(out, char_lower(s.p[i]));
    buf_put_c(out, "\" ");
}

static void put_json(const json_t *v, struct buf *out)
{
    if (json_is_array(v)) {
        buf_put_c(out, "( ");
        for (size_t i = 0; i < json_array_size(v); i++)
            put_json(json_array_get(v, i), out);
        buf_put_c(out, ") ");
    } else if (json_is_integer(v)) {
        buf_printf(out, "%lld ", (long long)json_integer_value(v));
    } else if (json_is_string(v)) { /* Latin-1 written as UTF-8 */
        const unsigned char *p = (const unsigned char *)json_string_value(v);
        struct buf bytes = BUF_INIT(1 << 20);

        for (; *p; p += *p < 0x80 ? 1 : 2)
            buf_put_char(&bytes, *p < 0x80 ? (char)*p : (char)((p[0] & 3) << 6 | (p[1] & 0x3f)));
        put_canonical_string(buf_str(&bytes), out);
        buf_free(&bytes);
    } else {
        buf_put_c(out, "nil ");
    }
}

static void put_imap(struct fct_str in, struct buf *out)
{
    struct buf text = BUF_INIT(1 << 20);
    size_t i = 0;

    while (i < in.n) {
        char c = in.p[i];

        buf_clear(&text);
        if (c == '(' || c == ')') {
            buf_printf(out, "%c ", c);
            i++;
        } else if (c == ' ') {
            i++;
        } else if (c == '"') {
            for (i++; in.p[i] != '"'; i++) {
                i += in.p[i] == '\\';
                buf_put_char(&text, in.p[i]);
            }
            i++;
            put_canonical_string(buf_str(&text), out);
        } else if (c == '{') {
            size_t n = (size_t)strtoul(in.p + i + 1, NULL, 10);

            i = (size_t)(strchr(in.p + i, '\n') - in.p) + 1;
            put_canonical_string(str_head(str_skip(in, i), n), out);
            i += n;
        } else {
            while (i < in.n && in.p[i] != ' ' && in.p[i] != ')')
                buf_put_char(out, char_lower(in.p[i++]));
            buf_put_char(out, ' ');
        }
    }
    buf_free(&text);
}

static bool same(const char *name, const char *what, const json_t *wanted, struct fct_str got)
{
    struct buf a = BUF_INIT(1 << 22), b = BUF_INIT(1 << 22);

    put_json(wanted, &a);
    put_imap(got, &b);
    bool equal = str_equal(buf_str(&a), buf_str(&b));
    if (!equal)
        printf("DIFF %s %s\n  want %.*s\n  got  %.*s\n", name, what, FCT_FMT(buf_str(&a)),
               FCT_FMT(buf_str(&b)));
    buf_free(&a);
    buf_free(&b);
    return equal;
}

START_TEST(answers_like_the_reference)
{
    struct arena *arena = arena_new(NULL);
    struct fct_str json = read_file(arena, "mime/dovecot-2.3.json");
    unsigned n = 0, envelopes = 0, structures = 0, sizes = 0;
    const char *name;
    json_t *wanted, *all;

    if (json.n == 0) {
        printf("skipped: no corpus in %s (FACTEUR_TEST_DATA)\n", folder);
        arena_free(&arena);
        return;
    }
    all = json_loadb(json.p, json.n, 0, NULL);
    ck_assert_ptr_nonnull(all);
    json_object_foreach(all, name, wanted)
    {
        struct arena *one = arena_new(arena);
        char path[512];
        struct buf out = BUF_INIT(64 << 20);
        struct mime_tree tree;
        struct summary summary;
        struct fct_err err;

        snprintf(path, sizeof path, "mime/%s", name);
        struct fct_str message = as_sent(one, read_file(one, path));
        if (!json_is_true(json_object_get(wanted, "same")) ||
            message.n == 0) { /* it changed the message */
            arena_free(&one);
            continue;
        }
        n++;
        mime_scan(one, message, &mime_default_limits, &tree);
        ck_assert(summary_build(one, message, &tree, NULL, &out));
        ck_assert(summary_decode(one, buf_str(&out), &summary, &err));
        sizes += summary.size == (uint32_t)json_integer_value(json_object_get(wanted, "size"));
        envelopes += same(name, "envelope", json_object_get(wanted, "envelope"), summary.envelope);
        structures +=
            same(name, "structure", json_object_get(wanted, "structure"), summary.bodystructure);
        buf_free(&out);
        arena_free(&one);
    }
    printf("of %u: size %u, envelope %u, structure %u\n", n, sizes, envelopes, structures);
    ck_assert_uint_gt(n, 100);
    ck_assert_uint_eq(sizes, n);
    ck_assert_uint_eq(envelopes, n);
    ck_assert_uint_eq(structures, n);
    json_decref(all);
    arena_free(&arena);
}
END_TEST

int main(void)
{
    const char *data = getenv("FACTEUR_TEST_DATA"), *source = getenv("FCT_SOURCE");
    Suite *suite = suite_create("summary reference");
    TCase *tc = tcase_create("corpus");

    snprintf(folder, sizeof folder, "%s%s",
             data     ? data
             : source ? source
                      : ".",
             data ? "" : "/../shared/data");
    tcase_set_timeout(tc, 0);
    tcase_add_test(tc, answers_like_the_reference);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
