/* test_dkim_canonical.c - the canonical forms: the examples of RFC 6376 3.4, and pieces of any
 * size.
 */
#include "dkim_rig.h"

static void keep(void *arg, const char *bytes, size_t n)
{
    buf_put(arg, bytes, n);
}

static struct fct_str body_of(struct buf *out, bool relaxed, struct fct_str text, size_t piece)
{
    struct dkim_sink sink;
    struct dkim_body body;

    sink.put = keep;
    sink.arg = out;
    sink.held = 0;
    dkim_body_begin(&body, &sink, relaxed);
    for (size_t i = 0; i < text.n; i += piece)
        dkim_body_put(&body, text.p + i, text.n - i < piece ? text.n - i : piece);
    dkim_body_end(&body);
    ck_assert_uint_eq(body.length, out->n);
    return buf_str(out);
}

static const struct {
    struct fct_str text;
    const char *simple, *relaxed;
} bodies[] = {
    /* RFC 6376 3.4.5 */
    {FCT_STR_INIT(" C \r\nD \t E\r\n\r\n\r\n"), " C \r\nD \t E\r\n", " C\r\nD E\r\n"},
    {FCT_STR_INIT(""), "\r\n", ""},
    {FCT_STR_INIT("\r\n"), "\r\n", ""},
    {FCT_STR_INIT("\r\n\r\n\r\n"), "\r\n", ""},
    {FCT_STR_INIT(" \r\n"), " \r\n", ""},
    {FCT_STR_INIT(" \t"), " \t\r\n", ""},
    {FCT_STR_INIT("\t\r\n \r\n"), "\t\r\n \r\n", ""},
    {FCT_STR_INIT("a"), "a\r\n", "a\r\n"},
    {FCT_STR_INIT("a\r\n"), "a\r\n", "a\r\n"},
    {FCT_STR_INIT("a  "), "a  \r\n", "a\r\n"},
    {FCT_STR_INIT("\r\n\r\na\r\n"), "\r\n\r\na\r\n", "\r\n\r\na\r\n"},
    {FCT_STR_INIT("a\r\n\r\n b"), "a\r\n\r\n b\r\n", "a\r\n\r\n b\r\n"},
    {FCT_STR_INIT("a\t\t b"), "a\t\t b\r\n", "a b\r\n"},
    /* a CR or an LF alone is a byte like others */
    {FCT_STR_INIT("a\rb"), "a\rb\r\n", "a\rb\r\n"},
    {FCT_STR_INIT("a\nb\n"), "a\nb\n\r\n", "a\nb\n\r\n"},
    {FCT_STR_INIT("a\r"), "a\r\r\n", "a\r\r\n"},
    {FCT_STR_INIT("a\r\r\n"), "a\r\r\n", "a\r\r\n"},
    {FCT_STR_INIT("a \r b"), "a \r b\r\n", "a \r b\r\n"},
    {FCT_STR_INIT("\r\n\r"), "\r\n\r\r\n", "\r\n\r\r\n"},
};

START_TEST(bodies_in_pieces_of_any_size)
{
    for (size_t piece = 1; piece <= bodies[_i].text.n + 1; piece++) {
        FCT_CLEANUP(buf_free) struct buf simple = BUF_INIT(100), relaxed = BUF_INIT(100);

        ck_assert_msg(
            str_equal(body_of(&simple, false, bodies[_i].text, piece), str_from(bodies[_i].simple)),
            "%d, pieces of %zu, simple: %.*s", _i, piece, FCT_FMT(buf_str(&simple)));
        ck_assert_msg(str_equal(body_of(&relaxed, true, bodies[_i].text, piece),
                                str_from(bodies[_i].relaxed)),
                      "%d, pieces of %zu, relaxed: %.*s", _i, piece, FCT_FMT(buf_str(&relaxed)));
    }
}
END_TEST

START_TEST(long_bodies_pass_the_sink)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(1u << 20), out = BUF_INIT(1u << 20);

    for (int i = 0; i < 3000; i++)
        buf_printf(&text, "word %d%s", i, i % 100 ? " " : "\r\n");
    buf_put_c(&text, "end\r\n");
    ck_assert(str_equal(body_of(&out, false, buf_str(&text), 5000), buf_str(&text)));
}
END_TEST

/* ---- by chance, against RFC 6376 3.4 word for word ---- */

static uint32_t state;

static uint32_t chance(uint32_t below)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % below;
}

/* Long runs of ordinary text between what is not: whole blocks are skipped at once. */
static void put_by_chance(struct buf *out)
{
    static const char *const pieces[] = {
        " ",
        "  ",
        "\t",
        "\r\n",
        "\r\n",
        "\r\n\r\n",
        "\r",
        "\n",
        " \r\n",
        "\r\n ",
        "\x01",
        ".",
        "a",
        "word another word",
        "a line as long as lines usually are, and then some more of it",
    };

    for (uint32_t left = chance(60); left > 0; left--)
        buf_put_c(out, pieces[chance(FCT_COUNT(pieces))]);
    if (chance(8) == 0)
        buf_put(out, "\0\xff", 2);
}

/* One line without its end: 3.4.4 a. */
static void put_reduced(struct buf *out, struct fct_str line)
{
    while (line.n > 0 && strchr(" \t", line.p[line.n - 1]) && line.p[line.n - 1])
        line.n--;
    for (size_t i = 0; i < line.n; i++) {
        bool blank = line.p[i] == ' ' || line.p[i] == '\t';

        if (!blank)
            buf_put_char(out, line.p[i]);
        else if (i + 1 == line.n || (line.p[i + 1] != ' ' && line.p[i + 1] != '\t'))
            buf_put_char(out, ' ');
    }
}

/* 3.4.3, 3.4.4: line by line, then the empty lines at the end. */
static void canonical_by_the_book(struct buf *out, struct fct_str text, bool relaxed)
{
    size_t filled = 0;

    for (;;) {
        const char *end = text.n > 0 ? memmem(text.p, text.n, "\r\n", 2) : NULL;
        struct fct_str line = {text.p, end ? (size_t)(end - text.p) : text.n};
        size_t before = out->n;

        if (relaxed)
            put_reduced(out, line);
        else
            buf_put_str(out, line);
        if (out->n > before)
            filled = out->n + 2;
        buf_put_c(out, "\r\n");
        if (!end)
            break;
        text = str_skip(text, line.n + 2);
    }
    out->n = filled;
    if (filled == 0 && !relaxed)
        buf_put_c(out, "\r\n");
}

START_TEST(bodies_made_by_chance)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(1u << 16);
    static const size_t pieces[] = {1, 7, 19, 64, 1u << 16};

    state = (uint32_t)_i;
    put_by_chance(&text);
    for (int relaxed = 0; relaxed < 2; relaxed++) {
        FCT_CLEANUP(buf_free) struct buf want = BUF_INIT(1u << 17);

        canonical_by_the_book(&want, buf_str(&text), relaxed);
        for (size_t i = 0; i < FCT_COUNT(pieces); i++) {
            FCT_CLEANUP(buf_free) struct buf got = BUF_INIT(1u << 17);

            ck_assert_msg(
                str_equal(body_of(&got, relaxed, buf_str(&text), pieces[i]), buf_str(&want)),
                "seed %d, %s, pieces of %zu:\n%.*s\nis not\n%.*s", _i,
                relaxed ? "relaxed" : "simple", pieces[i], FCT_FMT(buf_str(&got)),
                FCT_FMT(buf_str(&want)));
        }
    }
}
END_TEST

static const struct {
    const char *raw, *simple, *relaxed;
} fields[] = {
    /* RFC 6376 3.4.5 */
    {"A: X\r\n", "A: X\r\n", "a:X\r\n"},
    {"B : Y\t\r\n\tZ  \r\n", "B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n"},
    {"Empty:\r\n", "Empty:\r\n", "empty:\r\n"},
    {"Blank: \t \r\n", "Blank: \t \r\n", "blank:\r\n"},
    {"Folded:\r\n one\r\n\t two\r\n", "Folded:\r\n one\r\n\t two\r\n", "folded:one two\r\n"},
    {"NoSpace:v:w\r\n", "NoSpace:v:w\r\n", "nospace:v:w\r\n"},
};

/* 3.4.2 for a value that was folded: every line end goes, white space is one space. */
static void value_by_the_book(struct buf *out, struct fct_str value)
{
    bool space = false;
    size_t start = out->n;

    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];

        if (c == '\r' || c == '\n')
            continue;
        if (c == ' ' || c == '\t') {
            space = true;
            continue;
        }
        if (space && out->n > start)
            buf_put_char(out, ' ');
        space = false;
        buf_put_char(out, c);
    }
}

START_TEST(values_made_by_chance)
{
    static const char *const pieces[] = {
        " ",    "  ",       "\t",   "\r\n ", "\r\n\t",
        "\x01", "\x7f\xff", "word", "a b",   "words in a row, some",
        ";"};
    FCT_CLEANUP(buf_free)
    struct buf raw = BUF_INIT(1u << 14), want = BUF_INIT(1u << 14), got = BUF_INIT(1u << 14);
    struct fct_header field;
    struct dkim_sink sink;

    state = (uint32_t)_i;
    buf_put_c(&raw, "A-Name:");
    for (uint32_t left = chance(30); left > 0; left--)
        buf_put_c(&raw, pieces[chance(FCT_COUNT(pieces))]);
    field = (struct fct_header){.name = {raw.p, 6}, .raw = buf_str(&raw)};
    field.value = str_skip(field.raw, 7);
    buf_put_c(&want, "a-name:");
    value_by_the_book(&want, field.value);
    buf_put_c(&want, "\r\n");
    sink.put = keep;
    sink.arg = &got;
    sink.held = 0;
    dkim_header_put(&sink, true, &field, (struct fct_str){NULL, 0}, false);
    dkim_sink_flush(&sink);
    ck_assert_msg(str_equal(buf_str(&got), buf_str(&want)), "seed %d: %.*s", _i,
                  FCT_FMT(buf_str(&got)));
}
END_TEST

START_TEST(header_fields)
{
    struct dkim_rig rig;
    struct dkim_message message;

    dkim_rig_start(&rig);
    message = dkim_rig_message(&rig, str_from(fields[_i].raw));
    for (int relaxed = 0; relaxed < 2; relaxed++) {
        FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(100);
        struct dkim_sink sink;

        sink.put = keep;
        sink.arg = &out;
        sink.held = 0;
        dkim_header_put(&sink, relaxed, &message.field[0], (struct fct_str){NULL, 0}, false);
        dkim_sink_flush(&sink);
        ck_assert_str_eq(arena_cstr(rig.arena, buf_str(&out)),
                         relaxed ? fields[_i].relaxed : fields[_i].simple);
    }
    dkim_rig_stop(&rig);
}
END_TEST

/* The two ways to take a message apart say the same. */
START_TEST(both_splitters_agree)
{
    static const char *const texts[] = {"A: 1\r\nB: 2\r\n 3\r\n\r\nbody\r\n",
                                        "A: 1\r\n",
                                        "",
                                        "\r\nbody",
                                        "A: 1\r\nno field\r\nC: 2\r\n\r\n",
                                        " folded first\r\nA: 1\r\n\r\nx"};
    struct dkim_rig rig;

    dkim_rig_start(&rig);
    for (size_t i = 0; i < FCT_COUNT(texts); i++) {
        struct dkim_message a = dkim_rig_message(&rig, str_from(texts[i])), b;

        ck_assert(dkim_message_split(&rig.memory, str_from(texts[i]), &b));
        ck_assert_uint_eq(a.fields, b.fields);
        ck_assert(str_equal(a.body, b.body));
        for (size_t k = 0; k < a.fields; k++) {
            ck_assert(str_equal(a.field[k].name, b.field[k].name));
            ck_assert(str_equal(a.field[k].raw, b.field[k].raw));
        }
    }
    dkim_rig_stop(&rig);
}
END_TEST

/* clang-format off */
DKIM_RIG_MAIN("dkim_canonical",
    tcase_add_loop_test(tc, bodies_in_pieces_of_any_size, 0, (int)FCT_COUNT(bodies));
    tcase_add_test(tc, long_bodies_pass_the_sink);
    tcase_add_loop_test(tc, bodies_made_by_chance, 0, 2000);
    tcase_add_loop_test(tc, values_made_by_chance, 0, 2000);
    tcase_add_loop_test(tc, header_fields, 0, (int)FCT_COUNT(fields));
    tcase_add_test(tc, both_splitters_agree);)
