/* test_bayes_message.c - what of a message becomes tokens: not what its way to us and our own
 * server put there. */
#include "bayes_test.h"
#include "plugins/bayes/bayes_message.h"

#include "core/dns/psl.h"
#include "core/plugin/plugin_host.h"

struct taken {
    uint64_t token[BAYES_TOKENS];
    size_t n;
    struct bayes_digest digest;
};

static void take(const char *head, const char *body, struct taken *out)
{
    static char text[10000];
    struct fct_trial trial = {.size = sizeof trial};
    struct fct_err err = {0};
    struct bayes_reading r = {&plugin_host, NULL, 0, 100000, FCT_STR("mx.example.org")};

    (void)snprintf(text, sizeof text, "%s\r\n%s", head, body);
    trial.message = text_of(text);
    r.call = plugin_host.trial_begin(NULL, &trial, &err);
    ck_assert_ptr_nonnull(r.call);
    out->n = bayes_message_tokens(&r, out->token);
    bayes_message_digest(&r, &out->digest);
    plugin_host.trial_end(r.call);
}

static size_t common(const struct taken *a, const struct taken *b)
{
    size_t n = 0;

    for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
        n += a->token[i] == b->token[k];
        if (a->token[i] <= b->token[k])
            i++;
        else
            k++;
    }
    return n;
}

#define HEAD                                                        \
    "Received: from relay.example.net ([192.0.2.7]) by x; date\r\n" \
    "From: Anna <anna@example.org>\r\n"                             \
    "To: joe@example.com\r\n"                                       \
    "Subject: Lunch on Friday\r\n"                                  \
    "Date: Fri, 2 Jan 2026 10:00:00 +0100\r\n"                      \
    "Message-ID: <1234.abc@example.org>\r\n"
#define BODY "Shall we meet at the usual place?\r\nhttps://maps.example.org/place\r\n"

START_TEST(same_message)
{
    static const char *const above[] = {
        "X-Facteur-Verdict: junk 7.4/6.0\r\n",
        "Received: from a by mx.example.org with ESMTP; date\r\n", /* the server's own name */
        "Authentication-Results: mx.example.org; spf=pass\r\n",
        "X-Spam-Status: Yes\r\n",
        "Return-Path: <anna@example.org>\r\n",
        "Delivered-To: joe@example.com\r\n",
        "X-TUID: 0123456789ab\r\n",
        "ARC-Seal: i=1\r\n",
    };
    static struct taken plain, more;
    char head[2000];

    take(HEAD, BODY, &plain);
    ck_assert_uint_gt(plain.n, 60);
    for (size_t i = 0; i < FCT_COUNT(above); i++) {
        (void)snprintf(head, sizeof head, "%s%s", above[i], HEAD);
        take(head, BODY, &more);
        ck_assert_str_eq(more.digest.hex, plain.digest.hex);
        ck_assert_msg(more.n == plain.n && common(&plain, &more) == plain.n, "%s changes it",
                      above[i]);
    }
}
END_TEST

START_TEST(another_message)
{
    static struct taken a, b;

    take(HEAD, BODY, &a);
    take(HEAD, BODY "P.S. bring the papers\r\n", &b);
    ck_assert_str_ne(a.digest.hex, b.digest.hex);
    ck_assert_uint_gt(b.n, a.n);
    ck_assert_uint_gt(common(&a, &b), a.n * 8 / 10);
    take("From: Anna <anna@example.org>\r\nSubject: Lunch\r\n", BODY, &b);
    ck_assert_uint_lt(common(&a, &b), a.n);
}
END_TEST

/* Who else gets it does not matter. */
START_TEST(recipients)
{
    static struct taken a, b;

    take("From: a@b.example\r\nTo: one@example.org\r\n", BODY, &a);
    take("From: a@b.example\r\nTo: two@example.net, three@example.net\r\n", BODY, &b);
    ck_assert_uint_eq(a.n, b.n);
    ck_assert_uint_eq(common(&a, &b), a.n);
}
END_TEST

START_TEST(hidden_words_are_other_words)
{
    static const char html[] = "From: a@b.example\r\nContent-Type: text/html\r\n";
    static struct taken shown, hidden;

    take(html, "<p>bank account</p><p>report</p>", &shown);
    take(html, "<p>bank account</p><p style='display:none'>report</p>", &hidden);
    ck_assert_uint_lt(common(&shown, &hidden), shown.n);
}
END_TEST

START_TEST(nothing)
{
    static struct taken t;

    take("", "", &t);
    ck_assert_uint_lt(t.n, 20);
}
END_TEST

static void add(TCase *tc)
{
    psl_setup();
    tcase_add_test(tc, same_message);
    tcase_add_test(tc, another_message);
    tcase_add_test(tc, recipients);
    tcase_add_test(tc, hidden_words_are_other_words);
    tcase_add_test(tc, nothing);
}

int main(void)
{
    return run_suite("bayes_message", add);
}
