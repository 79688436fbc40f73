/* test_dns_list.c - tables of DNS lists: what is asked, what the answers mean, what is refused. */
#include "plugins/lib/dns_list.h"
#include "plugins/lib/ip_public.h"

#include <check.h>
#include <stdlib.h>

enum { IP, NAME, MAILBOX };
static const struct dns_list_item items[] = {
    {"ip", DNS_LIST_ADDRESS}, {"from", DNS_LIST_NAME}, {"mailbox", DNS_LIST_MAILBOX}, {NULL, 0}};

static struct fct_str str(const char *s)
{
    return (struct fct_str){s, strlen(s)};
}

static bool read_rows(const char *const *rows, size_t n, struct dns_list_table *out,
                      struct fct_err *err)
{
    return dns_list_table_read(&(struct fct_strings){rows, n}, items, out, err);
}

static void must_read(const char *const *rows, size_t n, struct dns_list_table *out)
{
    struct fct_err err = {0};

    ck_assert_msg(read_rows(rows, n, out, &err), "%s", err.text);
}

/* ---- rows ---- */

START_TEST(a_table)
{
    static const char *const rows[] = {
        "Zen.Example.org.  ip  127.0.0.2   SBL  3.5  a known  spammer",
        "zen.example.org   ip  127.0.0.4-7 XBL  -4",
        "zen.example.org   from:org/sha1 any   ORG  1",
        "dbl.example.org   from  127.0.1.*  DBL  1e1",
        "zen.example.org\tip\t127.0.0.1\tblocked",
    };
    struct dns_list_table t;

    must_read(rows, FCT_COUNT(rows), &t);
    ck_assert_uint_eq(t.n, 5);
    ck_assert_uint_eq(t.zones, 2);
    ck_assert_str_eq(t.row[0].zone, "zen.example.org");
    ck_assert_str_eq(t.row[0].symbol, "SBL");
    ck_assert_double_eq_tol(t.row[0].score, 3.5, 1e-9);
    ck_assert_str_eq(t.row[0].about, "a known  spammer");
    ck_assert_str_eq(t.row[1].about, "");
    ck_assert_uint_eq(t.row[1].list, 0);
    ck_assert_uint_eq(t.row[2].list, 2);
    ck_assert(t.row[2].org && t.row[2].hash == DNS_LIST_SHA1 && t.row[2].any);
    ck_assert_uint_eq(t.row[3].zone_at, 1);
    ck_assert(t.row[4].blocked && !t.row[4].symbol && t.row[4].list == 0);
    dns_list_table_free(&t);
    must_read(NULL, 0, &t);
    dns_list_table_free(&t);
}
END_TEST

static const struct {
    const char *row, *why;
} wrong[] = {
    {"", "must begin with the list's domain"},
    {"nodots ip any A 1", "must begin with the list's domain"},
    {"a..b ip any A 1", "must begin with the list's domain"},
    {"a.b", "what to ask about is missing"},
    {"a.b url any A 1", "not known here: url"},
    {"a.b ip:org any A 1", ":org is for names"},
    {"a.b from:host any A 1", "not known here: from:host"},
    {"a.b from/sha256 any A 1", "behind / stands"},
    {"a.b mailbox any A 1", "by digest only"},
    {"a.b ip", "no answer"},
    {"a.b ip 127.0.0 A 1", "no answer"},
    {"a.b ip 127.0.0.256 A 1", "no answer"},
    {"a.b ip 127.0.0.1.2 A 1", "no answer"},
    {"a.b ip 127.0.0.9-4 A 1", "no answer"},
    {"a.b ip 127.0.0.&0 A 1", "no answer"},
    {"a.b ip 127.0.0.2x A 1", "no answer"},
    {"a.b ip any", "a symbol and its score are missing"},
    {"a.b ip any blocked", "any answer cannot be"},
    {"a.b ip any lower 1", "no symbol"},
    {"a.b ip any A", "its score"},
    {"a.b ip any A 1x", "its score"},
    {"a.b ip any A 101", "its score"},
    {"a.b ip any A nan", "its score"},
};

START_TEST(mistakes)
{
    struct dns_list_table t;
    struct fct_err err = {0};

    ck_assert_msg(!read_rows(&wrong[_i].row, 1, &t, &err), "%s", wrong[_i].row);
    ck_assert_msg(strstr(err.text, wrong[_i].why) != NULL, "%s: %s", wrong[_i].row, err.text);
    ck_assert_ptr_null(t.row);
}
END_TEST

START_TEST(one_symbol_has_one_score)
{
    static const char *const rows[] = {"a.b ip 127.0.0.2 A 1", "c.d ip any A 2"};
    struct dns_list_table t;
    struct fct_err err = {0};

    ck_assert(!read_rows(rows, 2, &t, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "another score"));
}
END_TEST

/* ---- questions ---- */

#define NIBBLES "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2"

static const struct {
    const char *item, *value, *want; /* want: before ".l.example" */
} questions[] = {
    {"ip", "192.0.2.1", "1.2.0.192"},
    {"ip", "::ffff:192.0.2.1", "1.2.0.192"},
    {"ip", "2001:db8::1", NIBBLES},
    {"ip", "10.0.0.1", ""},
    {"ip", "127.0.0.1", ""},
    {"ip", "172.31.255.255", ""},
    {"ip", "172.32.0.0", "0.0.32.172"},
    {"ip", "100.64.0.1", ""},
    {"ip", "224.0.0.1", ""},
    {"ip", "255.255.255.255", ""},
    {"ip", "fe80::1", ""},
    {"ip", "fd00::1", ""},
    {"ip", "::1", ""},
    {"ip", "host.example", ""},
    {"from", "Mail.Example.ORG.", "mail.example.org"},
    {"from", "a_b.example", "a_b.example"},
    {"from", "b\303\274cher.example", "b\303\274cher.example"},
    {"from", "localhost", ""},
    {"from", "192.0.2.1", ""},
    {"from", "[192.0.2.1]", ""},
    {"from", "a..b.example", ""},
    {"from", ".a.example", ""},
    {"from", "a b.example", ""},
    {"from", "a\nb.example", ""},
    {"from", "", ""},
    {"from/md5", "Example.org", "1bdf72e04d6b50c82a48c7e4dd38cc69"},
    {"mailbox/sha1", "User@Example.com", "63a710569261a24b3766275b7000ce8d7b32e2f7"},
    {"mailbox/sha1", "user+tag@example.com", "63a710569261a24b3766275b7000ce8d7b32e2f7"},
    {"mailbox/sha256-base32", "user@example.com",
     "WTE2FCJSHMQ2AHB6SQHRKDVZXDCUEWD7DK75R4HBZQP7YXSHKUKA"},
    {"mailbox/sha1", "no-at.example", ""},
    {"mailbox/sha1", "@example.com", ""},
    {"mailbox/sha1", "user@[192.0.2.1]", ""},
};

static struct fct_str question_of(const char *item, const char *value,
                                  char out[DNS_LIST_NAME_MAX + 1])
{
    char text[100];
    const char *row = text;
    struct dns_list_table t;
    struct fct_str name;

    snprintf(text, sizeof text, "l.example %s any A 1", item);
    must_read(&row, 1, &t);
    name = dns_list_name(&t, &t.row[0], str(value), out);
    dns_list_table_free(&t);
    return name;
}

START_TEST(names)
{
    char out[DNS_LIST_NAME_MAX + 1], want[300] = "";
    struct fct_str got = question_of(questions[_i].item, questions[_i].value, out);

    if (questions[_i].want[0])
        snprintf(want, sizeof want, "%s.l.example", questions[_i].want);
    ck_assert_msg(got.n == strlen(want) && memcmp(got.p, want, got.n) == 0, "%s %s: %.*s",
                  questions[_i].item, questions[_i].value, FCT_FMT(got));
}
END_TEST

/* Whatever dots and tags a user of Gmail writes. */
START_TEST(one_person_has_one_name)
{
    static const char *const same[] = {"first.last@gmail.com", "F.irstlast+x@GoogleMail.com"};
    char a[DNS_LIST_NAME_MAX + 1], b[DNS_LIST_NAME_MAX + 1];
    struct fct_str one = question_of("mailbox/md5", same[0], a);
    struct fct_str other = question_of("mailbox/md5", same[1], b);

    ck_assert(one.n > 0 && one.n == other.n && memcmp(one.p, other.p, one.n) == 0);
}
END_TEST

START_TEST(too_long)
{
    char long_name[400], out[DNS_LIST_NAME_MAX + 1];

    memset(long_name, 'x', sizeof long_name);
    for (size_t i = 50; i < sizeof long_name; i += 50)
        long_name[i] = '.';
    long_name[240] = '\0';
    ck_assert_uint_gt(question_of("from", long_name, out).n, 240);
    long_name[240] = 'x';
    long_name[249] = '\0';
    ck_assert_uint_eq(question_of("from", long_name, out).n, 0);
    long_name[249] = 'x';
    long_name[399] = '\0';
    ck_assert_uint_eq(question_of("from", long_name, out).n, 0);
    long_name[0] = '@';
    ck_assert_uint_eq(question_of("mailbox/md5", long_name, out).n, 0);
}
END_TEST

/* ---- answers ---- */

static const char *const meanings[] = {
    "l.example ip 127.0.0.2     TWO  1",  "l.example ip 127.0.0.4-7   SOME 1",
    "l.example ip 127.0.*.200   STAR 1",  "l.example ip 127.0.1.&8    MASK 1",
    "l.example ip 127.0.0.1     blocked", "m.example ip any           ANY  1",
    "m.example ip 127.0.0.1     blocked",
};
static const struct {
    size_t list;
    const char *address;
    enum dns_list_answer means;
    int hit; /* row, or -1 */
} answers[] = {
    {0, "127.0.0.2", DNS_LIST_HIT, 0},
    {0, "127.0.0.3", DNS_LIST_NOTHING, -1},
    {0, "127.0.0.4", DNS_LIST_HIT, 1},
    {0, "127.0.0.7", DNS_LIST_HIT, 1},
    {0, "127.0.0.8", DNS_LIST_NOTHING, -1},
    {0, "127.0.99.200", DNS_LIST_HIT, 2},
    {0, "127.0.1.12", DNS_LIST_HIT, 3},
    {0, "127.0.1.4", DNS_LIST_NOTHING, -1},
    {0, "127.0.0.1", DNS_LIST_BLOCKED, -1},
    {0, "127.255.255.254", DNS_LIST_BLOCKED, -1},
    {0, "192.0.2.1", DNS_LIST_STRANGE, -1},
    {0, "::1", DNS_LIST_STRANGE, -1},
    {0, "", DNS_LIST_STRANGE, -1},
    {5, "127.9.9.9", DNS_LIST_HIT, 5},
    {5, "127.0.0.1", DNS_LIST_BLOCKED, 5}, /* the row alone would take it */
    {5, "127.255.255.255", DNS_LIST_BLOCKED, 5},
};

START_TEST(what_answers_mean)
{
    struct dns_list_table t;
    struct fct_str address = str(answers[_i].address);

    must_read(meanings, FCT_COUNT(meanings), &t);
    ck_assert_msg(dns_list_judge(&t, answers[_i].list, address) == answers[_i].means, "%s",
                  answers[_i].address);
    for (size_t i = answers[_i].list; i < t.n; i++)
        if (t.row[i].list == answers[_i].list)
            ck_assert_msg(dns_list_is_hit(&t.row[i], address) == (answers[_i].hit == (int)i),
                          "%s: row %zu", answers[_i].address, i);
    dns_list_table_free(&t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dns_list");
    TCase *tc = tcase_create("dns_list");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, a_table);
    tcase_add_loop_test(tc, mistakes, 0, (int)FCT_COUNT(wrong));
    tcase_add_test(tc, one_symbol_has_one_score);
    tcase_add_loop_test(tc, names, 0, (int)FCT_COUNT(questions));
    tcase_add_test(tc, one_person_has_one_name);
    tcase_add_test(tc, too_long);
    tcase_add_loop_test(tc, what_answers_mean, 0, (int)FCT_COUNT(answers));
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
