/* test_fuzzy_message.c - what of a message is compared: the text people see, elements of HTML,
 * attachments that are large enough. */
#include "fuzzy_test.h"
#include "plugins/fuzzy/fuzzy_message.h"

#include "core/dns/psl.h"
#include "core/plugin/plugin_host.h"

static bool take(const char *head, const char *body, struct fuzzy_marks *out,
                 unsigned char digest[16])
{
    static char text[40000];
    struct fct_trial trial = {.size = sizeof trial};
    struct fct_err err = {0};
    struct fuzzy_reading r = {&plugin_host, NULL, 0, 100000, 100, FUZZY_ATTACHMENTS_MAX};
    bool found;

    (void)snprintf(text, sizeof text, "%s\r\n%s", head, body);
    trial.message = text_of(text);
    r.call = plugin_host.trial_begin(NULL, &trial, &err);
    ck_assert_ptr_nonnull(r.call);
    found = fuzzy_message_marks(&r, out);
    fuzzy_message_digest(&r, digest);
    plugin_host.trial_end(r.call);
    return found;
}

#define FORTY_WORDS                                                                        \
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen "    \
    "fifteen sixteen seventeen eighteen nineteen twenty blue red green white black brown " \
    "apple pear plum cherry grape lemon melon peach fig date kiwi lime mango papaya\r\n"
#define HEAD                 "From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
#define MIXED                HEAD "Content-Type: multipart/mixed; boundary=b\r\n"
#define SIXTY                "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnop\r\n"
#define FILE_OF(type, bytes) "--b\r\nContent-Type: " type "; name=f\r\n\r\n" bytes "\r\n"

START_TEST(text)
{
    static struct fuzzy_marks plain, html;
    unsigned char one[16], two[16], three[16];

    ck_assert(!take(HEAD, "short\r\n", &plain, one));
    ck_assert(take(HEAD, FORTY_WORDS, &plain, one) && plain.text.is_there && !plain.html.is_there);
    ck_assert(take(HEAD "Content-Type: text/html\r\n", "<p>" FORTY_WORDS "</p>", &html, two));
    ck_assert_uint_eq(fuzzy_sketch_equal(&plain.text, &html.text), FUZZY_POSITIONS);
    ck_assert_mem_ne(one, two, 16);
    (void)take("Received: from x\r\n" HEAD "X-Spam: yes\r\n", FORTY_WORDS, &plain, three);
    ck_assert_mem_eq(one, three, 16);
}
END_TEST

START_TEST(shape)
{
    static const char *const element[] = {"p", "div", "table", "tr", "td", "b",
                                          "i", "img", "h1",    "ul", "li", "a"};
    static struct fuzzy_marks one, two, other;
    unsigned char digest[16];
    char body[3][8000];
    size_t n[3] = {0, 0, 0};

    for (unsigned i = 0; i < 60; i++)
        for (unsigned k = 0; k < 3; k++)
            n[k] += (size_t)snprintf(body[k] + n[k], sizeof body[k] - n[k], "<%s class=c%u>w%u",
                                     element[(k < 2 ? i * i + i / 7 : 5 * i * i * i + i / 3) % 12],
                                     k, k * 999 + i);
    (void)take(HEAD "Content-Type: text/html\r\n", body[0], &one, digest);
    (void)take(HEAD "Content-Type: text/html\r\n", body[1], &two, digest);
    (void)take(HEAD "Content-Type: text/html\r\n", body[2], &other, digest);
    ck_assert(one.html.is_there && two.html.is_there && other.html.is_there);
    ck_assert_uint_eq(fuzzy_sketch_equal(&one.html, &two.html), FUZZY_POSITIONS);
    ck_assert_uint_lt(fuzzy_sketch_equal(&one.html, &other.html), 28);
}
END_TEST

START_TEST(attachments)
{
    static const struct {
        const char *name, *body;
        size_t n;
    } cases[] = {
        {"one", FILE_OF("application/pdf", SIXTY SIXTY) "--b--\r\n", 1},
        {"twice the same",
         FILE_OF("application/pdf", SIXTY SIXTY) FILE_OF("image/png", SIXTY SIXTY) "--b--\r\n", 1},
        {"two",
         FILE_OF("application/pdf", SIXTY SIXTY)
             FILE_OF("image/png", SIXTY SIXTY SIXTY) "--b--\r\n",
         2},
        {"too small", FILE_OF("application/pdf", SIXTY) "--b--\r\n", 0},
        {"a text that is a file", FILE_OF("text/plain", SIXTY SIXTY) "--b--\r\n", 1},
        {"a text that is none", "--b\r\nContent-Type: text/plain\r\n\r\n" SIXTY SIXTY "--b--\r\n",
         0},
        {"a message in it",
         "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n" SIXTY SIXTY "--b--\r\n",
         0},
    };
    static struct fuzzy_marks m, encoded;
    unsigned char digest[16];

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        (void)take(MIXED, cases[i].body, &m, digest);
        ck_assert_msg(m.attachments == cases[i].n, "%s: %zu", cases[i].name, m.attachments);
    }
    (void)take(MIXED,
               FILE_OF("application/x",
                       "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklm"
                       "nopqrstuvwxyzabcdefghijklmnopqrstuvwxyz") "--b--\r\n",
               &m, digest);
    (void)take(MIXED,
               "--b\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\n"
               "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5emFiY2Rl\r\n"
               "ZmdoaWprbG1ub3BxcnN0dXZ3eHl6YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo=\r\n--b--\r\n",
               &encoded, digest);
    ck_assert(m.attachments == 1 && encoded.attachments == 1);
    ck_assert_mem_eq(m.attachment[0].id, encoded.attachment[0].id, FUZZY_ID_BYTES);
}
END_TEST

static void tests(TCase *tc)
{
    psl_setup();
    tcase_add_test(tc, text);
    tcase_add_test(tc, shape);
    tcase_add_test(tc, attachments);
}

int main(void)
{
    return run_suite("fuzzy_message", tests);
}
