/* test_part_patch.c - decoding the patched part gives the decoded bytes with the patches applied;
 * nothing outside the touched lines moves; lines stay within their limits. */
#include "core/message/part_patch.h"
#include "message_test.h"

static struct fct_str decoded_of(struct arena *arena, enum transfer encoding, struct fct_str body)
{
    struct buf out = BUF_INIT(body.n + 1);
    struct fct_str text;

    ck_assert(transfer_decode(encoding, body, &out));
    text = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return text;
}

/* All lines of quoted-printable, whatever their length. Of base64 those that decode_lines() finds.
 */
static size_t lines_of(struct arena *arena, const struct part_span *span,
                       struct transfer_line **line)
{
    struct fct_str body = span->message;
    struct buf out = BUF_INIT(body.n + 1);
    size_t n = 0;

    *line = ARENA_ARRAY(arena, struct transfer_line, body.n + 1);
    if (span->encoding == TRANSFER_BASE64) {
        ck_assert(transfer_decode_lines(TRANSFER_BASE64, body, &out, *line, &n));
        buf_free(&out);
        return n;
    }
    for (size_t i = 1; i < body.n; i++)
        if (body.p[i - 1] == '\n')
            (*line)[n++] = (struct transfer_line){
                i, decoded_of(arena, TRANSFER_QUOTED_PRINTABLE, str_head(body, i)).n};
    return n;
}

/* Who knows where lines begin comes to the same edits. */
static void assert_same_with_lines(struct arena *arena, const struct part_span *span,
                                   const struct part_patch *patch, size_t n,
                                   const struct edit *want, size_t edits)
{
    struct part_span known = *span;
    struct edit *edit = ARENA_ARRAY(arena, struct edit, n + 1);
    struct transfer_line *line;

    if (span->encoding == TRANSFER_IDENTITY)
        return;
    known.lines = lines_of(arena, span, &line);
    known.line = line;
    ck_assert_uint_eq(part_patch_edits(arena, &known, patch, n, edit), edits);
    for (size_t i = 0; i < edits; i++) {
        ck_assert_uint_eq(edit[i].offset, want[i].offset);
        ck_assert_uint_eq(edit[i].remove, want[i].remove);
        assert_text("insert", edit[i].insert, want[i].insert);
    }
}

/* The part alone is the message. */
static struct fct_str patched(struct arena *arena, enum transfer encoding, struct fct_str body,
                              const struct part_patch *patch, size_t n, struct edit_list *list)
{
    struct part_span span = {.message = body, .length = body.n, .encoding = encoding};
    struct edit *edit = ARENA_ARRAY(arena, struct edit, n + 1);
    struct buf out = BUF_INIT(1 << 20);
    size_t edits = part_patch_edits(arena, &span, patch, n, edit), nlost;
    struct fct_str text;

    ck_assert_uint_le(edits, n);
    assert_same_with_lines(arena, &span, patch, n, edit, edits);
    ck_assert(edit_list_build(arena, edit, edits, body.n, list, NULL, &nlost, NULL));
    ck_assert_uint_eq(nlost, 0);
    ck_assert(edit_list_apply(list, body, 0, UINT64_MAX, &out));
    text = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return text;
}

static const struct {
    const char *name;
    enum transfer encoding;
    const char *body;
    size_t offset, length;
    const char *with, *want;
} cases[] = {
    {"identity", TRANSFER_IDENTITY, "one two three", 4, 3, "2", "one 2 three"},
    {"quoted-printable, one line", TRANSFER_QUOTED_PRINTABLE, "a=C3=A9b\r\nnext\r\n", 1, 2, "e",
     "aeb\r\nnext\r\n"},
    {"other lines stay as they are", TRANSFER_QUOTED_PRINTABLE, "=61=62\r\nc\r\n=64\r\n", 4, 1, "=",
     "=61=62\r\n=3D\r\n=64\r\n"},
    {"a soft break follows", TRANSFER_QUOTED_PRINTABLE, "one =\r\ntwo\r\n", 0, 3, "1",
     "1 =\r\ntwo\r\n"},
    {"a soft break goes with what is cut", TRANSFER_QUOTED_PRINTABLE, "one t=\r\nwo three\r\n", 4,
     3, "", "one  three\r\n"},
    {"a line that would get too long", TRANSFER_QUOTED_PRINTABLE,
     "0123456789012345678901234567890123456789x=\r\ny0123456789012345678901234567890123456789\r\n",
     40, 2, "",
     "0123456789012345678901234567890123456789=\r\n0123456789012345678901234567890123456789\r\n"},
    {"white space would come to a line's end", TRANSFER_QUOTED_PRINTABLE, "one two\r\n", 4, 3, "",
     "one=20\r\n"},
    {"a hard break is cut out", TRANSFER_QUOTED_PRINTABLE, "one\r\ntwo\r\n", 3, 2, " ",
     "one=20=\r\ntwo\r\n"},
    {"white space at a line's end", TRANSFER_QUOTED_PRINTABLE, "one\r\n", 3, 0, " ", "one=20\r\n"},
    {"behind everything, hard end", TRANSFER_QUOTED_PRINTABLE, "one\r\n", 5, 0, "two",
     "one\r\ntwo"},
    {"behind everything, no end", TRANSFER_QUOTED_PRINTABLE, "one", 3, 0, "two", "onetwo"},
    {"empty part", TRANSFER_QUOTED_PRINTABLE, "", 0, 0, "\xc3\xa9", "=C3=A9"},
    {"a lone LF is data", TRANSFER_QUOTED_PRINTABLE, "a\r\n", 1, 0, "\nb", "a=0Ab\r\n"},
    {"no boundary can come to be", TRANSFER_QUOTED_PRINTABLE, "a\r\n", 0, 1, "--b", "=2D-b\r\n"},
    {"base64, same length: only its lines", TRANSFER_BASE64, "YWJj\r\nZGVm\r\nZ2hp\r\n", 4, 1, "X",
     "YWJj\r\nZFhm\r\nZ2hp\r\n"},
    {"base64, other length: to the end", TRANSFER_BASE64, "YWJj\r\nZGVm\r\nZ2hp\r\n", 4, 1, "",
     "YWJj\r\nZGZnaGk=\r\n"},
    {"base64, three bytes less: only the quanta", TRANSFER_BASE64, "YWJjZGVmZ2hp\r\namts\r\n", 4, 3,
     "", "YWJjZGhp\r\namts\r\n"},
    {"base64, no line end at the end", TRANSFER_BASE64, "YWJj", 3, 0, "d", "YWJjZA=="},
    {"base64, padding in the middle", TRANSFER_BASE64, "YQ==\r\nYmI=\r\nY2Nj\r\n", 1, 1, "x",
     "YQ==\r\neGJjY2M=\r\n"},
    {"base64, everything cut", TRANSFER_BASE64, "YWJj\r\n", 0, 3, "", "\r\n"},
};

START_TEST(single_patches)
{
    struct arena *arena = arena_new(NULL);
    struct part_patch patch = {cases[_i].offset, cases[_i].length, str_from(cases[_i].with),
                               FCT_STR("test")};
    struct edit_list list;

    assert_text(cases[_i].name,
                patched(arena, cases[_i].encoding, str_from(cases[_i].body), &patch, 1, &list),
                str_from(cases[_i].want));
    arena_free(&arena);
}
END_TEST

START_TEST(one_edit_names_all_who_asked_for_it)
{
    struct arena *arena = arena_new(NULL);
    struct part_patch patch[] = {{0, 1, FCT_STR(""), FCT_STR("a")},
                                 {2, 1, FCT_STR("y"), FCT_STR("b")},
                                 {4, 1, FCT_STR("xz"), FCT_STR("a")}};
    struct edit_list list;

    assert_text("patched",
                patched(arena, TRANSFER_BASE64, FCT_STR("YWJjZGVm\r\n"), patch, 3, &list),
                FCT_STR("YnlkeHpm\r\n"));
    ck_assert_uint_eq(list.n, 1);
    assert_text("origin", list.edit[0].origin, FCT_STR("a+b"));
    arena_free(&arena);
}
END_TEST

/* ---- random parts, random patches ---- */

static const char *const pieces[] = {
    "=C3=A9",
    "=3D",
    "=\r\n",
    "\r\n",
    " ",
    "\t",
    "word",
    "=zz",
    "=",
    "--",
    "\n",
    "=0D=0A",
    ".",
    "\xe9",
    "<img src=3D\"x\">",
    "a long piece of text that makes lines of more than seventy-six bytes in a row",
};

static struct fct_str random_qp(struct arena *arena, uint32_t *seed)
{
    struct buf out = BUF_INIT(8192);
    struct fct_str text;

    for (unsigned n = next_random(seed) % 40; n > 0; n--)
        buf_put_c(&out, pieces[next_random(seed) % FCT_COUNT(pieces)]);
    text = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return text;
}

/* Mostly lines of one length; sometimes padding or rubbish between them. */
static struct fct_str random_base64(struct arena *arena, uint32_t *seed)
{
    static const char alphabet[] = "ABCDefgh0123+/";
    struct buf out = BUF_INIT(8192);
    unsigned per_line = 4 * (1 + next_random(seed) % 19), lines = next_random(seed) % 12;
    struct fct_str text;

    for (unsigned l = 0; l < lines; l++) {
        for (unsigned i = 0; i < per_line; i++)
            buf_put_char(&out, alphabet[next_random(seed) % (sizeof alphabet - 1)]);
        if (next_random(seed) % 8 == 0)
            buf_put_c(&out, next_random(seed) % 2 ? "QQ==" : "!a=");
        if (l + 1 < lines || next_random(seed) % 2)
            buf_put_c(&out, next_random(seed) % 9 ? "\r\n" : "\n");
    }
    text = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return text;
}

static size_t random_patches(uint32_t *seed, size_t size, struct part_patch *patch, size_t max)
{
    static const char many[] =
        "a b c d e f g h i j k l m n o p q r s t u v w x y z a b c d e f g h "
        "i j k l m n";
    static const char *const texts[] = {
        "", "x", "\r\n", "=", " ", "--b", "tausend \xc3\xa9", "\r\n\r\n", "abc", many};
    size_t n = 0, at = 0;

    while (n < max && at <= size) {
        size_t from = at + next_random(seed) % (size - at + 1);
        size_t length = next_random(seed) % 3 ? next_random(seed) % (size - from + 1) : 0;

        if (next_random(seed) % 2)
            length = length < 5 ? length : 5;
        patch[n++] = (struct part_patch){from, length, str_from(texts[next_random(seed) % 10]),
                                         FCT_STR("test")};
        at = from + length;
        if (next_random(seed) % 4 == 0)
            break;
    }
    return n;
}

static struct fct_str wanted(struct arena *arena, struct fct_str decoded,
                             const struct part_patch *patch, size_t n)
{
    struct buf out = BUF_INIT(1 << 20);
    size_t at = 0;
    struct fct_str text;

    for (size_t i = 0; i < n; i++) {
        buf_put(&out, decoded.p + at, patch[i].offset - at);
        buf_put_str(&out, patch[i].with);
        at = patch[i].offset + patch[i].length;
    }
    buf_put_str(&out, str_skip(decoded, at));
    text = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return text;
}

/* What an edit inserts keeps to the line limit of RFC 2045, and has canonical line ends. */
static void check_lines(const struct edit_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        struct fct_str rest = list->edit[i].insert;

        while (rest.p && rest.n > 0) {
            struct fct_str line = str_split(&rest, '\n');

            if (rest.p)
                ck_assert(line.n > 0 && line.p[--line.n] == '\r');
            ck_assert_msg(line.n <= 76, "%zu: %.*s", line.n, FCT_FMT(line));
            ck_assert(str_find_char(line, '\r') < 0);
            ck_assert(line.n == 0 || (line.p[line.n - 1] != ' ' && line.p[line.n - 1] != '\t'));
        }
    }
}

/* Lines that could be taken for a boundary. */
static size_t hyphens_in_front(struct fct_str text)
{
    size_t n = 0;

    for (size_t i = 0; i + 1 < text.n; i++)
        n += text.p[i] == '-' && text.p[i + 1] == '-' && (i == 0 || text.p[i - 1] == '\n');
    return n;
}

static void check_round(enum transfer encoding, struct fct_str body, struct arena *arena,
                        uint32_t *seed)
{
    struct fct_str decoded = decoded_of(arena, encoding, body), view, got;
    struct part_patch patch[6];
    size_t n = random_patches(seed, decoded.n, patch, FCT_COUNT(patch));
    struct edit_list list;

    view = patched(arena, encoding, body, patch, n, &list);
    got = decoded_of(arena, encoding, view);
    assert_text(body.p, got, wanted(arena, decoded, patch, n));
    if (encoding == TRANSFER_IDENTITY)
        return;
    check_lines(&list);
    ck_assert_uint_le(hyphens_in_front(view), hyphens_in_front(body));
}

START_TEST(decoding_gives_the_patched_bytes)
{
    uint32_t seed = 4711;

    for (unsigned round = 0; round < 6000; round++) {
        struct arena *arena = arena_new(NULL);

        check_round(TRANSFER_QUOTED_PRINTABLE, random_qp(arena, &seed), arena, &seed);
        check_round(TRANSFER_BASE64, random_base64(arena, &seed), arena, &seed);
        check_round(TRANSFER_IDENTITY, random_qp(arena, &seed), arena, &seed);
        arena_free(&arena);
    }
}
END_TEST

/* Bytes of the message around the part are never touched. */
START_TEST(nothing_outside_the_part_moves)
{
    struct arena *arena = arena_new(NULL);
    struct fct_str message = FCT_STR("head\r\n\r\nYWJj\r\nZGVm\r\n--b--\r\n");
    struct part_span span = {message, 8, 12, TRANSFER_BASE64, NULL, 0};
    struct part_patch patch = {6, 0, FCT_STR("g"), FCT_STR("test")};
    struct edit edit;

    ck_assert_uint_eq(part_patch_edits(arena, &span, &patch, 1, &edit), 1);
    ck_assert_uint_ge(edit.offset, 8);
    ck_assert_uint_le(edit.offset + edit.remove, 20);
    arena_free(&arena);
}
END_TEST

/* 25 MB in base64 with patches all over it: one pass, not one per patch. */
START_TEST(a_large_part)
{
    enum { LINES = 100000, PATCHES = 1000 };
    struct arena *arena = arena_new(NULL);
    struct part_patch *patch = ARENA_ARRAY(arena, struct part_patch, PATCHES);
    char *body = arena_alloc(arena, 78 * LINES);
    struct edit *edit = ARENA_ARRAY(arena, struct edit, PATCHES);
    struct part_span span = {
        .message = {body, 78 * LINES}, .length = 78 * LINES, .encoding = TRANSFER_QUOTED_PRINTABLE};

    for (size_t i = 0; i < LINES; i++) {
        memset(body + 78 * i, 'A', 76);
        memcpy(body + 78 * i + 76, "\r\n", 2);
    }
    for (size_t i = 0; i < PATCHES; i++)
        patch[i] =
            (struct part_patch){i * 78 * (LINES / PATCHES) + 5, 3, FCT_STR("x"), FCT_STR("t")};
    ck_assert_uint_eq(part_patch_edits(arena, &span, patch, PATCHES, edit), PATCHES);
    ck_assert_uint_eq(edit[PATCHES - 1].remove, 3);
    span.encoding = TRANSFER_BASE64;
    ck_assert_uint_eq(part_patch_edits(arena, &span, patch, 500, edit), 1);
    arena_free(&arena);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, single_patches, 0, (int)FCT_COUNT(cases));
    tcase_add_test(tc, one_edit_names_all_who_asked_for_it);
    tcase_add_test(tc, decoding_gives_the_patched_bytes);
    tcase_add_test(tc, nothing_outside_the_part_moves);
    tcase_add_test(tc, a_large_part);
}

int main(void)
{
    return run_suite("part_patch", add);
}
