/* test_down_convert.c - mail for servers without 8BITMIME or BINARYMIME: what is encoded, what is
 * left alone, what is refused, and that nothing of it is lost.
 *
 * The messages of the corpus test lie outside the source tree, in $FACTEUR_TEST_DATA or in
 * ../shared/data beside the source; without them it says so and is skipped. */
#include "convert_check.h"
#include "message_test.h"

#include <ftw.h>

#define MIME    "MIME-Version: 1.0\r\n"
#define LABEL   "Content-Transfer-Encoding: "
#define EIGHT   LABEL "8bit\r\n"
#define SEVEN   LABEL "7bit\r\n"
#define QP      LABEL "quoted-printable\r\n"
#define BASE64  LABEL "base64\r\n"
#define UTF8    "Content-Type: text/plain; charset=utf-8\r\n"
#define PNG     "Content-Type: image/png\r\n"
#define MIXED   "Content-Type: multipart/mixed; boundary=b\r\n"
#define RFC822  "Content-Type: message/rfc822\r\n"
#define SIGNED  "Content-Type: multipart/signed; boundary=b\r\n"
#define UNKNOWN "Content-Type: text/plain; charset=unknown-8bit\r\n"

struct change {
    const char *name, *from, *to;
};

static void assert_changes(enum down_convert_kind kind, const struct change *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct fct_str from = str_from(cases[i].from);
        struct buf out = BUF_INIT(1 << 20);
        enum down_convert_verdict verdict = convert(kind, from, 3, &out);
        const char *wrong = conversion_is_wrong(kind, from, 5, &verdict);

        ck_assert_msg(verdict == DOWN_CONVERTS, "%s: verdict %d", cases[i].name, (int)verdict);
        assert_text(cases[i].name, buf_str(&out), str_from(cases[i].to));
        ck_assert_msg(!wrong, "%s: %s", cases[i].name, wrong);
        buf_free(&out);
    }
}

START_TEST(eight_bits_become_seven)
{
    /* clang-format off */
    static const struct change cases[] = {
        {"single part",
         MIME UTF8 EIGHT "Subject: x\r\n\r\nGr\xC3\xBC\xC3\x9F" "e\r\n",
         MIME UTF8 QP "Subject: x\r\n\r\nGr=C3=BC=C3=9Fe\r\n"},
        {"its charset is nobody's business",
         MIME "Content-Type: text/plain; charset=x-none\r\n" EIGHT "\r\n\xE9\r\n",
         MIME "Content-Type: text/plain; charset=x-none\r\n" QP "\r\n=E9\r\n"},
        {"without a label",
         MIME UTF8 "\r\n\xC3\xA9\r\n",
         MIME UTF8 QP "\r\n=C3=A9\r\n"},
        {"a label that lies",
         MIME UTF8 SEVEN "\r\n\xC3\xA9\r\n",
         MIME UTF8 QP "\r\n=C3=A9\r\n"},
        {"a folded label",
         MIME UTF8 "CONTENT-TRANSFER-ENCODING:\r\n 8BIT (really)\r\n\r\n\xC3\xA9\r\n",
         MIME UTF8 QP "\r\n=C3=A9\r\n"},
        {"two labels become one",
         MIME EIGHT UTF8 SEVEN "\r\n\xC3\xA9\r\n",
         MIME QP UTF8 "\r\n=C3=A9\r\n"},
        {"no MIME at all",
         "Subject: x\r\n\r\n\xE9\r\n",
         "Subject: x\r\n" MIME UNKNOWN QP "\r\n=E9\r\n"},
        {"no header at all",
         "\r\n\xE9\r\n",
         MIME UNKNOWN QP "\r\n=E9\r\n"},
        {"no MIME-Version",
         UTF8 EIGHT "\r\n\xC3\xA9\r\n",
         UTF8 QP MIME "\r\n=C3=A9\r\n"},
        {"no text",
         MIME PNG EIGHT "\r\n\x89PNG\r\n",
         MIME PNG BASE64 "\r\niVBORw0K\r\n"},
        {"exactly the parts that need it",
         MIME MIXED EIGHT "\r\n--b\r\n" UTF8 EIGHT "\r\nplain\r\n--b\r\n" UTF8 EIGHT "\r\n\xC3\xA9\r\n--b\r\n" PNG "\r\n\x89PNG\r\n--b\r\n" PNG BASE64 "\r\niVBO\r\nRw0K\r\n--b--\r\n",
         MIME MIXED SEVEN "\r\n--b\r\n" UTF8 SEVEN "\r\nplain\r\n--b\r\n" UTF8 QP "\r\n=C3=A9\r\n--b\r\n" PNG BASE64 "\r\niVBORw==\r\n--b\r\n" PNG BASE64 "\r\niVBO\r\nRw0K\r\n--b--\r\n"},
        {"nested",
         MIME MIXED EIGHT "\r\n--b\r\nContent-Type: multipart/alternative; boundary=c\r\n" EIGHT "\r\n--c\r\n\r\n\xE9\r\n--c--\r\n--b--\r\n",
         MIME MIXED SEVEN "\r\n--b\r\nContent-Type: multipart/alternative; boundary=c\r\n" SEVEN "\r\n--c\r\n" UNKNOWN QP "\r\n=E9\r\n--c--\r\n--b--\r\n"},
        {"enclosed message",
         MIME RFC822 EIGHT "\r\nSubject: in\r\n\r\n\xE9\r\n",
         MIME RFC822 SEVEN "\r\nSubject: in\r\n" MIME UNKNOWN QP "\r\n=E9\r\n"},
        {"in a digest",
         MIME "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: in\r\n\r\n\xE9\r\n--b--\r\n",
         MIME "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: in\r\n" MIME UNKNOWN QP "\r\n=E9\r\n--b--\r\n"},
        {"a signed part beside one that is not ASCII stays as it is",
         MIME MIXED "\r\n--b\r\nContent-Type: multipart/signed; boundary=c\r\n\r\n--c\r\n" EIGHT "\r\nx\r\n--c--\r\n--b\r\n" UTF8 "\r\n\xC3\xA9\r\n--b--\r\n",
         MIME MIXED "\r\n--b\r\nContent-Type: multipart/signed; boundary=c\r\n\r\n--c\r\n" EIGHT "\r\nx\r\n--c--\r\n--b\r\n" UTF8 QP "\r\n=C3=A9\r\n--b--\r\n"},
        {"around the parts",
         MIME MIXED "\r\npr\xC3\xA9\r\n--b\r\n\r\nx\r\n--b--\r\n\xC3\xA9\r\n",
         MIME MIXED "\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"},
        {"quoted-printable that is not",
         MIME QP "\r\na=3D=\r\n\xC3\xA9 \r\n",
         MIME QP "\r\na=3D=C3=A9\r\n"},
        {"base64 that is not",
         MIME BASE64 "\r\naGVs\xC3\xA9*bG8=\r\n",
         MIME BASE64 "\r\naGVsbG8=\r\n"},
        {"no line end at the end of text",
         MIME UTF8 "\r\n\xC3\xA9",
         MIME UTF8 QP "\r\n=C3=A9=\r\n"},
        {"no end of the multipart",
         MIME MIXED "\r\n--b\r\n" PNG "\r\n\x89PNG",
         MIME MIXED "\r\n--b\r\n" PNG BASE64 "\r\niVBORw==\r\n"},
        {"message/global-delivery-status may be encoded",
         MIME "Content-Type: message/global-delivery-status\r\n" EIGHT "\r\n\xC3\xA9\r\n",
         MIME "Content-Type: message/global-delivery-status\r\n" BASE64 "\r\nw6kNCg==\r\n"},
    };
    /* clang-format on */

    assert_changes(DOWN_8BIT_TO_7BIT, cases, FCT_COUNT(cases));
}
END_TEST

START_TEST(binary_becomes_eight_bits)
{
    /* clang-format off */
    static const struct change cases[] = {
        {"only what is binary",
         MIME MIXED LABEL "binary\r\n\r\n--b\r\n" UTF8 EIGHT "\r\n\xC3\xA9\r\n--b\r\n" PNG LABEL "binary\r\n\r\n\x89PNG\n\r\n--b\r\n" PNG LABEL "binary\r\n\r\n\xC3\xA9\r\n--b--\r\n",
         MIME MIXED EIGHT "\r\n--b\r\n" UTF8 EIGHT "\r\n\xC3\xA9\r\n--b\r\n" PNG BASE64 "\r\niVBORwo=\r\n--b\r\n" PNG EIGHT "\r\n\xC3\xA9\r\n--b--\r\n"},
        {"text with a lone CR",
         MIME UTF8 "\r\na\rb\r\n",
         MIME UTF8 QP "\r\na=0Db\r\n"},
        {"text with a lone LF",
         MIME UTF8 "\r\na\nb\r\n\r\n",
         MIME UTF8 QP "\r\na=0Ab\r\n\r\n"},
        {"a lone CR at the end",
         MIME UTF8 "\r\nab\r",
         MIME UTF8 QP "\r\nab=0D=\r\n"},
    };
    /* clang-format on */

    assert_changes(DOWN_BINARY_TO_8BIT, cases, FCT_COUNT(cases));
}
END_TEST

/* NUL, and lines that are too long: no C strings. */
START_TEST(binary_becomes_seven_bits)
{
    static const char head[] = MIME MIXED "\r\n--b\r\n" UTF8 "\r\n",
                      middle[] = "\r\n--b\r\n" PNG LABEL "binary\r\n\r\n", end[] = "\r\n--b--\r\n";
    struct buf in = BUF_INIT(1 << 16), out = BUF_INIT(1 << 18);
    enum down_convert_verdict verdict;

    buf_put_c(&in, head);
    put_times(&in, "long ", 210);
    buf_put_c(&in, middle);
    for (int c = 0; c < 1024; c++)
        buf_put_char(&in, (char)c);
    buf_put_c(&in, end);
    ck_assert_ptr_null(conversion_is_wrong(DOWN_BINARY_TO_7BIT, buf_str(&in), 7, &verdict));
    ck_assert_int_eq(verdict, DOWN_CONVERTS);
    ck_assert_ptr_null(conversion_is_wrong(DOWN_BINARY_TO_8BIT, buf_str(&in), 7, &verdict));
    ck_assert_int_eq(verdict, DOWN_CONVERTS);
    ck_assert_int_eq(convert(DOWN_BINARY_TO_7BIT, buf_str(&in), 100, &out), DOWN_CONVERTS);
    ck_assert_int_ge(str_find(buf_str(&out), FCT_STR("=20\r\n--b")), 0);
    ck_assert_int_ge(str_find(buf_str(&out), FCT_STR(BASE64 "\r\nAAECAwQF")), 0);
    buf_free(&in);
    buf_free(&out);
}
END_TEST

START_TEST(verdicts)
{
    static const struct {
        const char *name;
        enum down_convert_kind kind;
        const char *message;
        enum down_convert_verdict want;
    } cases[] = {
        {"empty", DOWN_8BIT_TO_7BIT, "", DOWN_FITS},
        {"ASCII", DOWN_8BIT_TO_7BIT, MIME UTF8 EIGHT "\r\nplain\r\n", DOWN_FITS},
        {"no body", DOWN_8BIT_TO_7BIT, "Subject: x\r\n", DOWN_FITS},
        {"8-bit for 8-bit", DOWN_BINARY_TO_8BIT, "Subject: \xE9\r\n\r\n\xE9\r\n", DOWN_FITS},
        {"not binary after all", DOWN_BINARY_TO_7BIT, MIME LABEL "binary\r\n\r\nplain\r\n",
         DOWN_FITS},
        {"field", DOWN_8BIT_TO_7BIT, "Subject: \xC3\xA9\r\n\r\nplain\r\n", DOWN_HEADER},
        {"field of a part", DOWN_8BIT_TO_7BIT,
         MIME MIXED "\r\n--b\r\nContent-Type: text/plain; name=\xC3\xA9\r\n\r\n\r\n--b--\r\n",
         DOWN_HEADER},
        {"field of an enclosed message", DOWN_8BIT_TO_7BIT,
         MIME RFC822 "\r\nSubject: \xC3\xA9\r\n\r\n\r\n", DOWN_HEADER},
        {"behind a boundary", DOWN_8BIT_TO_7BIT, MIME MIXED "\r\n--b\xC3\xA9\r\n\r\n\r\n--b--\r\n",
         DOWN_HEADER},
        {"signed", DOWN_8BIT_TO_7BIT, MIME SIGNED "\r\n--b\r\n" UTF8 "\r\n\xC3\xA9\r\n--b--\r\n",
         DOWN_SEALED},
        {"signed, further in", DOWN_8BIT_TO_7BIT,
         MIME SIGNED "\r\n--b\r\n" RFC822 "\r\n" MIME UTF8 "\r\n\xC3\xA9\r\n--b--\r\n",
         DOWN_SEALED},
        {"encrypted", DOWN_8BIT_TO_7BIT,
         MIME "Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b\r\n" PNG
              "\r\n\xC3\xA9\r\n--b--\r\n",
         DOWN_SEALED},
        {"S/MIME", DOWN_8BIT_TO_7BIT,
         MIME "Content-Type: application/pkcs7-mime\r\n" EIGHT "\r\n\xC3\xA9\r\n", DOWN_SEALED},
        {"signed, and ASCII", DOWN_8BIT_TO_7BIT,
         MIME SIGNED "\r\n--b\r\n" UTF8 "\r\nx\r\n--b--\r\n", DOWN_FITS},
        {"part of a message", DOWN_8BIT_TO_7BIT,
         MIME "Content-Type: message/partial; id=x\r\n\r\n\xC3\xA9\r\n", DOWN_STRUCTURE},
        {"multipart without a boundary", DOWN_8BIT_TO_7BIT,
         MIME "Content-Type: multipart/mixed\r\n\r\n\xC3\xA9\r\n", DOWN_STRUCTURE},
        {"unknown encoding", DOWN_8BIT_TO_7BIT, MIME LABEL "x-uuencode\r\n\r\n\xC3\xA9\r\n",
         DOWN_STRUCTURE},
        {"encoded multipart", DOWN_8BIT_TO_7BIT,
         MIME MIXED BASE64 "\r\n--b\r\n\r\n\xC3\xA9\r\n--b--\r\n", DOWN_STRUCTURE},
        {"lone LF in a header", DOWN_BINARY_TO_8BIT, "Subject: x\n\r\n\r\n", DOWN_STRUCTURE},
        {"lone LF before a boundary", DOWN_BINARY_TO_8BIT, MIME MIXED "\r\n--b\r\n\r\nx\n--b--\r\n",
         DOWN_STRUCTURE},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        enum down_convert_verdict got;
        const char *wrong = conversion_is_wrong(cases[i].kind, str_from(cases[i].message), 4, &got);

        ck_assert_msg(!wrong, "%s: %s", cases[i].name, wrong);
        ck_assert_msg(got == cases[i].want, "%s: %d", cases[i].name, (int)got);
    }
}
END_TEST

START_TEST(limits_refuse)
{
    struct buf deep = BUF_INIT(1 << 20), many = BUF_INIT(1 << 20), wide = BUF_INIT(4 << 20);

    put_times(&deep, RFC822 "\r\n", 101);
    buf_put_c(&deep, "Subject: x\r\n\r\n\xE9\r\n");
    buf_put_c(&many, MIME MIXED "\r\n");
    put_times(&many, "--b\r\n\r\n\xE9\r\n", 2000);
    buf_put_c(&wide, "Subject: x\r\n");
    put_times(&wide, " folded and folded\r\n", 100000);
    buf_put_c(&wide, "\r\n\xE9\r\n");
    ck_assert_int_eq(convert(DOWN_8BIT_TO_7BIT, buf_str(&deep), 4096, NULL), DOWN_STRUCTURE);
    ck_assert_int_eq(convert(DOWN_8BIT_TO_7BIT, buf_str(&many), 4096, NULL), DOWN_STRUCTURE);
    ck_assert_int_eq(convert(DOWN_8BIT_TO_7BIT, buf_str(&wide), 4096, NULL), DOWN_STRUCTURE);
    buf_free(&deep);
    buf_free(&many);
    buf_free(&wide);
}
END_TEST

/* ---- corpus ---- */

static unsigned messages, verdict_count[5];

/* With the line ends of the wire. */
static void read_message(FILE *f, struct buf *out)
{
    int c, before = 0;

    while ((c = fgetc(f)) != EOF) {
        if (c == '\n' && before != '\r')
            buf_put_char(out, '\r');
        buf_put_char(out, (char)c);
        before = c;
    }
}

/* Most mail of today is 7-bit: this makes 8-bit mail of it, broken encodings included. */
static void spoil(struct buf *message)
{
    struct arena *arena = arena_new(NULL);
    struct mime_tree tree;

    mime_scan(arena, buf_str(message), &mime_default_limits, &tree);
    for (size_t i = 0; i < tree.n; i++) {
        const struct mime_part *p = &tree.part[i];

        for (size_t at = 0; at < p->is.body_length && p->first_child < 0; at++)
            if (message->p[p->is.body_offset + at] == 'e')
                message->p[p->is.body_offset + at] = '\xE9';
    }
    arena_free(&arena);
}

static void check_message(const char *path, struct fct_str message)
{
    for (int k = 0; k < 3; k++) {
        enum down_convert_verdict verdict;
        const char *wrong = conversion_is_wrong((enum down_convert_kind)k, message, 1000, &verdict);

        ck_assert_msg(!wrong, "%s: %s: %s", path, down_convert_name((enum down_convert_kind)k),
                      wrong);
        verdict_count[verdict]++;
    }
}

static int check_file(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    struct buf message = BUF_INIT(64u << 20);
    FILE *f;

    (void)st, (void)at;
    if (kind != FTW_F || !str_ends_nocase(str_from(path), FCT_STR(".eml")))
        return 0;
    f = fopen(path, "rb");
    ck_assert_msg(f, "%s", path);
    read_message(f, &message);
    (void)fclose(f);
    check_message(path, buf_str(&message));
    spoil(&message);
    check_message(path, buf_str(&message));
    messages++;
    buf_free(&message);
    return 0;
}

START_TEST(corpus)
{
    const char *data = getenv("FACTEUR_TEST_DATA"), *source = getenv("FCT_SOURCE");
    char folder[4096];

    snprintf(folder, sizeof folder, "%s%s/mime",
             data     ? data
             : source ? source
                      : ".",
             data ? "" : "/../shared/data");
    if (nftw(folder, check_file, 16, FTW_PHYS) != 0) {
        printf("skipped: no corpus in %s\n", folder);
        return;
    }
    printf("corpus: %u messages, each as it is and with more 8-bit bytes, for three kinds of "
           "server: %u fit, %u converted, refused for "
           "a header %u, a seal %u, a structure %u\n",
           messages, verdict_count[DOWN_FITS], verdict_count[DOWN_CONVERTS],
           verdict_count[DOWN_HEADER], verdict_count[DOWN_SEALED], verdict_count[DOWN_STRUCTURE]);
    ck_assert_uint_gt(verdict_count[DOWN_CONVERTS], 0);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, eight_bits_become_seven);
    tcase_add_test(tc, binary_becomes_eight_bits);
    tcase_add_test(tc, binary_becomes_seven_bits);
    tcase_add_test(tc, verdicts);
    tcase_add_test(tc, limits_refuse);
    tcase_add_test(tc, corpus);
}

int main(void)
{
    return run_suite("down_convert", add);
}
