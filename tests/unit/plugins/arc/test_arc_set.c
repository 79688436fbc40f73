/* test_arc_set.c - which fields are a set, and what makes a chain of them. Nothing is signed. */
#include "arc_rig.h"

#include "plugins/arc/arc_recorded.h"

/* ---- arc-info ---- */

/* clang-format off */
static const struct {
    const char *value;
    uint32_t instance; /* 0: refused */
    const char *recorded;
} infos[] = {
    {"i=1; mx.example.org; spf=pass", 1, "mx.example.org; spf=pass"},
    {" i=1; mx.example.org", 1, "mx.example.org"},
    {"\r\n\ti = 1 ;\r\n\tmx.example.org", 1, "mx.example.org"},
    {"(a) i (b) = (c (d)) 12 (e) ; (f) mx", 12, "mx"},
    {"i=50;x", 50, "x"},
    {"i=01; x", 1, "x"},
    {"i=1;", 1, ""},
    {"i=1", 0, NULL},
    {"", 0, NULL},
    {"mx.example.org; spf=pass", 0, NULL},
    {"mx.example.org; i=1; spf=pass", 0, NULL}, /* not in front */
    {"i=0; x", 0, NULL},
    {"i=51; x", 0, NULL},
    {"i=001; x", 0, NULL}, /* 1*2DIGIT */
    {"i=-1; x", 0, NULL},
    {"i=; x", 0, NULL},
    {"i=a; x", 0, NULL},
    {"i=1a; x", 0, NULL},
    {"i=1 1; x", 0, NULL},
    {"I=1; x", 0, NULL}, /* %s"i" */
    {"ii=1; x", 0, NULL},
    {"i 1; x", 0, NULL},
    {"(i=1; x", 0, NULL}, /* a comment without end */
    {"i=1 (; x", 0, NULL},
    {"i=99999999999999999999; x", 0, NULL},
};
/* clang-format on */

START_TEST(instances_of_results)
{
    struct fct_str recorded;
    struct fct_err err = {0};
    uint32_t instance = 0;
    bool ok = arc_info_parse(str_from(infos[_i].value), &instance, &recorded, &err);

    ck_assert_msg(ok == (infos[_i].instance != 0), "%s: %s", infos[_i].value, err.text);
    if (ok) {
        ck_assert_uint_eq(instance, infos[_i].instance);
        ck_assert_msg(str_equal(recorded, str_from(infos[_i].recorded)), "%s: %.*s",
                      infos[_i].value, FCT_FMT(recorded));
    } else {
        ck_assert_int_eq(err.class, FCT_SYNTAX);
    }
}
END_TEST

/* ---- sets ---- */

#define R(i)   "ARC-Authentication-Results: i=" #i "; mx\r\n"
#define M(i)   "ARC-Message-Signature: a=x; i=" #i "\r\n"
#define S(i)   "ARC-Seal: i=" #i "; cv=pass\r\n"
#define SET(i) S(i) M(i) R(i)

/* clang-format off */
static const struct {
    const char *name, *header;
    uint32_t most, highest;
    int sets;        /* -1: refused */
    const char *why; /* a part of it */
} headers[] = {
    {"none", "From: a\r\n", 50, 0, 0, ""},
    {"one", SET(1) "From: a\r\n", 50, 1, 1, ""},
    {"two", SET(2) SET(1), 50, 2, 2, ""},
    {"any order", R(1) M(2) S(2) "From: a\r\n" S(1) R(2) M(1), 50, 2, 2, ""},
    {"any case", "ARC-SEAL: i=1\r\narc-message-signature:i=1\r\naRc-Authentication-results:i=1;\r\n", 50, 1, 1, ""},
    {"folded", "ARC-Seal:\r\n i\r\n\t=\r\n 1\r\n" M(1) R(1), 50, 1, 1, ""},
    {"similar names", "ARC-Seals: x\r\nX-ARC-Seal: y\r\n" SET(1), 50, 1, 1, ""},
    {"seal missing", M(1) R(1), 50, 1, -1, "set 1 has no seal"},
    {"signature missing", S(1) R(1), 50, 1, -1, "set 1 has no message signature"},
    {"results missing", S(1) M(1), 50, 1, -1, "set 1 has no results"},
    {"seal of the second missing", M(2) R(2) SET(1), 50, 2, -1, "set 2 has no seal"},
    {"a gap", SET(3) SET(1), 50, 3, -1, "set 2 has no"},
    {"the first missing", SET(2), 50, 2, -1, "set 1 has no"},
    {"two seals", S(1) SET(1), 50, 1, -1, "set 1 has its seal twice"},
    {"two signatures", SET(1) M(1), 50, 1, -1, "message signature twice"},
    {"two results", SET(1) R(1), 50, 1, -1, "results twice"},
    {"a set twice", SET(1) SET(1), 50, 1, -1, "twice"},
    {"seal without i=", "ARC-Seal: cv=none\r\n" M(1) R(1), 50, 1, -1, "seal: i= is missing"},
    {"seal with i= empty", "ARC-Seal: i=; cv=none\r\n" M(1) R(1), 50, 1, -1, "seal: i= is not"},
    {"seal with i=0", S(0) M(1) R(1), 50, 1, -1, "i= is not 1 to 50"},
    {"seal with i=abc", S(abc) M(1) R(1), 50, 1, -1, "i= is not 1 to 50"},
    {"signature without i=", "ARC-Message-Signature: a=x\r\n" S(1) R(1), 50, 1, -1, "message signature: i= is missing"},
    {"signature with i=0", M(0) S(1) R(1), 50, 1, -1, "i= is not"},
    {"signature with i=51", M(51) S(1) R(1), 50, 1, -1, "i= is not"},
    {"results without i=", "ARC-Authentication-Results: mx; spf=pass\r\n" S(1) M(1), 50, 1, -1, "results: it does not begin with i="},
    {"results with i=0", R(0) S(1) M(1), 50, 1, -1, "results: i= is not"},
    {"results of another set", R(2) S(1) M(1), 50, 2, -1, "set 1 has no results"},
    {"no tags", "ARC-Seal: \r\n" M(1) R(1), 50, 1, -1, "an empty tag"},
    {"i= twice", "ARC-Seal: i=1; i=1\r\n" M(1) R(1), 50, 1, -1, "given twice"},
    {"all broken", "ARC-Seal: x\r\n", 50, 0, -1, "without \"=\""},
    {"as many as allowed", SET(2) SET(1), 2, 2, 2, ""},
    {"more than allowed", SET(3) SET(2) SET(1), 2, 3, -1, "more than 2 sets"},
};
/* clang-format on */

START_TEST(sets_of_headers)
{
    struct dkim_rig rig;
    struct dkim_message message;
    struct arc_sets sets;
    struct fct_err err = {0};
    bool ok;

    dkim_rig_start(&rig);
    message = dkim_rig_message(&rig, str_from(headers[_i].header));
    ok =
        arc_sets_collect(&rig.memory, message.field, message.fields, headers[_i].most, &sets, &err);
    ck_assert_msg(ok == (headers[_i].sets >= 0), "%s: %s", headers[_i].name, err.text);
    ck_assert_msg(sets.highest == headers[_i].highest, "%s: %u", headers[_i].name, sets.highest);
    if (ok)
        ck_assert_msg((int)sets.n == headers[_i].sets, "%s", headers[_i].name);
    else
        ck_assert_msg(strstr(err.text, headers[_i].why), "%s: %s", headers[_i].name, err.text);
    for (size_t i = 0; ok && i < sets.n; i++)
        ck_assert(sets.set[i].seal && sets.set[i].message && sets.set[i].results);
    dkim_rig_stop(&rig);
}
END_TEST

/* More fields than 50 sets have are not even looked at. */
START_TEST(floods)
{
    struct dkim_rig rig;
    struct dkim_message message;
    struct arc_sets sets;
    struct fct_err err = {0};
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(1u << 20);

    dkim_rig_start(&rig);
    for (unsigned i = 0; i < 151; i++)
        buf_printf(&text, "ARC-Seal: i=%u\r\n", i % 50 + 1);
    message = dkim_rig_message(&rig, buf_str(&text));
    ck_assert(!arc_sets_collect(&rig.memory, message.field, message.fields, 50, &sets, &err));
    ck_assert_msg(strstr(err.text, "twice"), "%s", err.text);
    dkim_rig_stop(&rig);
}
END_TEST

/* ---- recorded results ---- */

/* clang-format off */
static const struct {
    const char *payload, *id;
    const char *result[4];
} recordeds[] = {
    {"mx.example.org; spf=pass smtp.mailfrom=a; dkim=pass", "mx.example.org", {"spf=pass smtp.mailfrom=a", "dkim=pass"}},
    {"mx;\r\n\tspf=pass\r\n\t(a;b)  x.y=\"c;d\";\r\n\tdmarc=fail", "mx", {"spf=pass (a;b) x.y=\"c;d\"", "dmarc=fail"}},
    {"mx 1; none", "mx", {NULL}},
    {"(who) mx (is this); arc=none", "mx", {"arc=none"}},
    {"mx;; ;spf=pass;", "mx", {"spf=pass"}},
    {"mx; spf=pass; dkim=\"never ends; dmarc=pass", "mx", {"spf=pass"}},
    {"mx; spf=pass; dkim=x (never ends; dmarc=pass", "mx", {"spf=pass"}},
    {"mx; spf=pass \\; a=b", "mx", {"spf=pass \\", "a=b"}}, /* outside of strings a backslash is nothing */
    {"mx; spf=pass (\\); x) y; a=\"\\\";\"; b=c", "mx", {"spf=pass (\\); x) y", "a=\"\\\";\"", "b=c"}},
    {"mx; spf=pass\001; dkim=pass", "mx", {"dkim=pass"}},
    {"", "", {NULL}},
    {"(never ends", "", {NULL}},
    {"mx; a=0123456789012345678901234567890123456789; b=c", "mx", {"b=c"}}, /* too long for the test's room */
};
/* clang-format on */

START_TEST(results_one_by_one)
{
    struct arc_recorded r;
    struct fct_str id;
    char text[40];
    size_t n, at = 0;

    arc_recorded_begin(&r, str_from(recordeds[_i].payload), &id);
    ck_assert_msg(str_equal(id, str_from(recordeds[_i].id)), "%s: %.*s", recordeds[_i].payload,
                  FCT_FMT(id));
    while (arc_recorded_next(&r, text, sizeof text, &n)) {
        ck_assert_msg(at < 4 && recordeds[_i].result[at], "%s: also %.*s", recordeds[_i].payload,
                      (int)n, text);
        ck_assert_msg(str_equal((struct fct_str){text, n}, str_from(recordeds[_i].result[at])),
                      "%s: %.*s", recordeds[_i].payload, (int)n, text);
        at++;
    }
    ck_assert_msg(!recordeds[_i].result[at], "%s: without %s", recordeds[_i].payload,
                  recordeds[_i].result[at]);
}
END_TEST

DKIM_RIG_MAIN("arc_set", {
    tcase_add_loop_test(tc, instances_of_results, 0, FCT_COUNT(infos));
    tcase_add_loop_test(tc, sets_of_headers, 0, FCT_COUNT(headers));
    tcase_add_test(tc, floods);
    tcase_add_loop_test(tc, results_one_by_one, 0, FCT_COUNT(recordeds));
})
