/* test_mime_stream.c - the parts of a message that comes in pieces. That they are those of
 * mime_scan whatever the message is fuzz_down_convert.c. */
#include "core/message/mime_stream.h"
#include "message_test.h"

#define TEXT  "Content-Type: text/plain\r\n\r\n"
#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n\r\n"

/* "H0" a header, "L0" text of that leaf, "A0" text around the parts of that one, "B" a boundary;
 * what follows one another is joined. */
struct story {
    struct buf text;
    int parts;
    char last[8];
};

static void tell(struct story *s, const char *what, struct fct_str bytes)
{
    if (strcmp(s->last, what) != 0)
        buf_printf(&s->text, "|%s:", what);
    str_copy_c(s->last, sizeof s->last, str_from(what));
    for (size_t i = 0; i < bytes.n; i++)
        buf_put_char(&s->text, bytes.p[i] == '\r' ? '^' : bytes.p[i] == '\n' ? '/' : bytes.p[i]);
}

static void on_header(void *arg, const struct mime_part *part, struct fct_str bytes)
{
    struct story *s = arg;
    char what[8];

    (void)bytes;
    snprintf(what, sizeof what, "H%d", s->parts++);
    tell(s, what, part->is.type);
}

static void on_body(void *arg, int part, bool between, struct fct_str bytes)
{
    char what[8];

    snprintf(what, sizeof what, "%c%d", between ? 'A' : 'L', part);
    tell(arg, what, bytes);
}

static void on_boundary(void *arg, struct fct_str bytes)
{
    tell(arg, "B", bytes);
}

static const struct mime_stream_events events = {on_header, on_body, on_boundary};

static bool told(struct fct_str message, const struct mime_limits *limits, size_t piece,
                 struct buf *out)
{
    struct story story = {.text = BUF_INIT(65536)};
    struct mime_stream *s = mime_stream_new(limits, &events, &story);
    bool truncated;

    for (size_t at = 0; at < message.n; at += piece)
        mime_stream_put(s, str_head(str_skip(message, at), piece));
    mime_stream_end(s);
    truncated = mime_stream_truncated(s);
    mime_stream_free(&s);
    *out = story.text;
    return !truncated;
}

START_TEST(stories)
{
    static const struct {
        const char *name, *message, *want;
    } cases[] = {
        {"empty", "", "|H0:text/plain"},
        {"plain", "Subject: x\r\n\r\nbody\r\n", "|H0:text/plain|L0:body^/"},
        {"two parts", MIXED "pre\r\n--b\r\n" TEXT "one\r\n\r\n--b\r\n\r\ntwo\r\n--b--\r\npost\r\n",
         "|H0:multipart/mixed|A0:pre|B:^/--b^/|H1:text/plain|L1:one^/|B:^/--b^/|H2:text/"
         "plain|L2:two|"
         "B:^/--b--^/|A0:post^/"},
        {"dashes", MIXED "--b\r\n\r\n-\r\n--\r\n--c\r\n-- b\r\n--b--",
         "|H0:multipart/mixed|B:--b^/|H1:text/plain|L1:-^/--^/--c^/-- b|B:^/--b--"},
        {"line ends", MIXED "--b\n\nx\r\r\n--b\r\n\r\n\r\r\r\n\n--b--\n",
         "|H0:multipart/mixed|B:--b/|H1:text/plain|L1:x^|B:^/--b^/|H2:text/plain|L2:^^^/|B:/"
         "--b--/"},
        {"a boundary ends headers",
         MIXED "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n--b--\r\n",
         "|H0:multipart/mixed|B:--b^/|H1:message/rfc822|H2:text/plain|B:--b--^/"},
        {"inner parts end with the outer boundary",
         MIXED "--b\r\nContent-Type: multipart/mixed; "
               "boundary=c\r\n\r\n--c\r\n\r\nx\r\n--b\r\n\r\ny\r\n--b--\r\n",
         "|H0:multipart/mixed|B:--b^/|H1:multipart/mixed|B:--c^/|H2:text/plain|L2:x|B:^/--b^/"
         "|H3:text/"
         "plain|L3:y|B:^/--b--^/"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        for (size_t piece = 1; piece < 40; piece += 3) {
            struct buf out;

            ck_assert(told(str_from(cases[i].message), &mime_default_limits, piece, &out));
            assert_text(cases[i].name, buf_str(&out), str_from(cases[i].want));
            buf_free(&out);
        }
}
END_TEST

START_TEST(limits_end_it)
{
    static const struct mime_limits limits = {2, 4, {5, 200}, 5};
    struct buf deep = BUF_INIT(4096), many = BUF_INIT(4096), wide = BUF_INIT(4096),
               line = BUF_INIT(4096), out;
    const struct buf *const all[] = {&deep, &many, &wide, &line};

    put_times(&deep, "Content-Type: message/rfc822\r\n\r\n", 3);
    buf_put_c(&many, MIXED);
    put_times(&many, "--b\r\n\r\nx\r\n", 4);
    put_times(&wide, "Subject: x\r\n", 6);
    buf_put_c(&line, MIXED "--b");
    put_times(&line, "xxxxxxxxxx", 200);
    for (size_t i = 0; i < FCT_COUNT(all); i++) {
        ck_assert_msg(!told(buf_str(all[i]), &limits, 7, &out), "case %zu", i);
        buf_free(&out);
    }
    buf_free(&deep);
    buf_free(&many);
    buf_free(&wide);
    buf_free(&line);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, stories);
    tcase_add_test(tc, limits_end_it);
}

int main(void)
{
    return run_suite("mime_stream", add);
}
