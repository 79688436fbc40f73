/* test_plugin_edit.c - where fields go, which values are legal, what may be patched and what is
 * covered by a signature, and how patches of several plugins become one view. */
#include "../hook/plugin_rig.h"
#include "../message/message_test.h"
#include "core/plugin/plugin_host.h"

static struct plugin_rig rig;
static struct fct_plugin object; /* lives longer than the rig */

/* ---- a message, edited by one function or two ---- */

typedef void (*editor)(struct fct_call *call);
static editor editors[2];

static enum fct_verdict on_edit(struct fct_call *call, const struct fct_ev_edit *ev, void *state)
{
    (void)ev;
    (*(editor *)state)(call);
    return FCT_NEXT;
}

static const struct filter_result *run_editors(editor first, editor second, struct fct_str text)
{
    static const struct fct_hook_row rows[] = {
        FCT_ON(edit, on_edit, .label = "a", .state = &editors[0]),
        FCT_ON(edit, on_edit, .label = "b", .state = &editors[1]),
    };
    struct fct_err err = {0};

    editors[0] = first;
    editors[1] = second;
    object = (struct fct_plugin){.head = FCT_PLUGIN_HEAD,
                                 .name = "p",
                                 .version = "1",
                                 .summary = "s",
                                 .hooks = rows,
                                 .nhooks = second ? 2 : 1};
    plugin_rig_adopt(&rig, &object);
    ck_assert_msg(plugin_rig_plan(&rig, &err), "%s", err.text);
    return plugin_rig_message(&rig, FCT_ROLE_MX, text);
}

static struct fct_str edited_by(editor first, editor second, struct fct_str text)
{
    return plugin_rig_view(&rig, run_editors(first, second, text), text);
}

static void setup(void)
{
    plugin_rig_start(&rig, NULL);
}

static void teardown(void)
{
    plugin_rig_stop(&rig);
}

static const struct fct_host *const host = &plugin_host;

/* ---- where a field goes ---- */

static void insert_everywhere(struct fct_call *call)
{
    const struct fct_header *to = host->header(call, "To", 0),
                            *subject = host->header(call, "subject", 0);
    struct fct_header foreign = *to;

    ck_assert(host->header_insert(call, FCT_TOP, NULL, FCT_STR("X-Top"), FCT_STR("1")));
    ck_assert(host->header_insert(call, FCT_AFTER_TRACE, NULL, FCT_STR("X-Trace"), FCT_STR("2")));
    ck_assert(host->header_insert(call, FCT_BEFORE, to, FCT_STR("X-Before"), FCT_STR("3")));
    ck_assert(host->header_insert(call, FCT_AFTER, to, FCT_STR("X-After"), FCT_STR("4")));
    ck_assert(host->header_insert(call, FCT_AFTER, subject, FCT_STR("X-Last"), FCT_STR("5")));
    ck_assert(host->header_insert(call, FCT_END, NULL, FCT_STR("X-End"), FCT_STR("6")));
    ck_assert(!host->header_insert(call, FCT_BEFORE, NULL, FCT_STR("X"), FCT_STR("7")));
    ck_assert(!host->header_insert(call, FCT_AFTER, &foreign, FCT_STR("X"), FCT_STR("7")));
    ck_assert(!host->header_insert(call, (enum fct_where)9, to, FCT_STR("X"), FCT_STR("7")));
    ck_assert(!host->header_add(call, FCT_BEFORE, FCT_STR("X"), FCT_STR("7")));
}

START_TEST(fields_go_where_they_should)
{
    struct fct_str text = FCT_STR("Received: a\r\n by b\r\nDKIM-Signature: c\r\nTo: d\r\n"
                                  "Received: not on top\r\nSubject: e\r\n\r\nbody\r\n");

    assert_text("view", edited_by(insert_everywhere, NULL, text),
                FCT_STR("X-Top: 1\r\nReceived: a\r\n by b\r\nDKIM-Signature: c\r\nX-Trace: 2\r\n"
                        "X-Before: 3\r\nTo: d\r\nX-After: 4\r\nReceived: not on top\r\n"
                        "Subject: e\r\nX-Last: 5\r\nX-End: 6\r\n\r\nbody\r\n"));
}
END_TEST

static void after_the_last(struct fct_call *call)
{
    ck_assert(!host->header_insert(call, FCT_AFTER, host->header(call, "To", 0), FCT_STR("X"),
                                   FCT_STR("1")));
    ck_assert(host->header_insert(call, FCT_END, NULL, FCT_STR("X-End"), FCT_STR("2")));
    ck_assert(host->body_replace(call, FCT_STR("new\r\n")));
}

START_TEST(a_header_that_breaks_off)
{
    assert_text("view", edited_by(after_the_last, NULL, FCT_STR("Subject: x\r\nTo: y")),
                FCT_STR("X-End: 2\r\nSubject: x\r\nTo: y\r\n\r\nnew\r\n"));
}
END_TEST

static void body_then_field(struct fct_call *call)
{
    ck_assert(host->body_replace(call, FCT_STR("new\r\n")));
    ck_assert(host->header_add(call, FCT_END, FCT_STR("X-End"), FCT_STR("2")));
}

START_TEST(a_body_where_there_was_none)
{
    assert_text("view", edited_by(body_then_field, NULL, FCT_STR("To: y\r\n")),
                FCT_STR("To: y\r\nX-End: 2\r\n\r\nnew\r\n"));
}
END_TEST

/* ---- values ---- */

static const struct {
    const char *name;
    struct fct_str value;
    bool legal;
} values[] = {
    {"plain", FCT_STR_INIT("a b"), true},
    {"folded", FCT_STR_INIT("a\r\n b"), true},
    {"UTF-8", FCT_STR_INIT("\xc3\xa9"), true},
    {"a second field", FCT_STR_INIT("a\r\nBcc: b"), false},
    {"the end of the header", FCT_STR_INIT("a\r\n\r\nbody"), false},
    {"a bare LF and a second field", FCT_STR_INIT("a\nBcc: b"), false},
    {"a bare CR", FCT_STR_INIT("a\rb"), false},
    {"a line end at the end", FCT_STR_INIT("a\r\n"), false},
    {"NUL", FCT_STR_INIT("a\0b"), false},
    {"not UTF-8", FCT_STR_INIT("\xe9"), false},
};
static size_t value;

static void add_value(struct fct_call *call)
{
    ck_assert_msg(host->header_add(call, FCT_TOP, FCT_STR("X"), values[value].value) ==
                      values[value].legal,
                  "%s", values[value].name);
    ck_assert(!host->header_add(call, FCT_TOP, FCT_STR("X Y"), FCT_STR("a")));
    ck_assert(!host->header_add(call, FCT_TOP, FCT_STR("X:"), FCT_STR("a")));
    ck_assert(!host->header_add(call, FCT_TOP, FCT_STR(""), FCT_STR("a")));
}

START_TEST(only_legal_values)
{
    value = (size_t)_i;
    (void)edited_by(add_value, NULL, FCT_STR("A: b\r\n\r\n"));
}
END_TEST

static void add_long(struct fct_call *call)
{
    char text[3000];

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 10 == 9 ? ' ' : 'a';
    ck_assert(host->header_add(call, FCT_TOP, FCT_STR("X-Long"),
                               (struct fct_str){text, sizeof text - 1}));
    memset(text, 'a', sizeof text);
    ck_assert(
        !host->header_add(call, FCT_TOP, FCT_STR("X-Word"), (struct fct_str){text, sizeof text}));
}

START_TEST(long_values_are_folded_or_refused)
{
    struct fct_str view = edited_by(add_long, NULL, FCT_STR("A: b\r\n\r\n"));
    struct header_list list;
    struct fct_str rest = view;
    size_t lines = 0;

    for (; rest.p && rest.n > 0; lines++)
        ck_assert_uint_le(str_split(&rest, '\n').n, 78);
    ck_assert_uint_gt(lines, 30);
    header_list_parse(rig.arena, view, &(struct header_limits){100, 1 << 20}, &list);
    ck_assert_uint_eq(list.n, 2);
    ck_assert_uint_eq(header_unfold(rig.arena, &list.field[0]).n, 2999);
}
END_TEST

/* ---- parts ---- */

#define MIXED(cte, body)                                                                         \
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"                                   \
    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: " cte "\r\n\r\n" body \
    "\r\n--b--\r\n"

static const struct fct_part *leaf(struct fct_call *call)
{
    const struct fct_part *part;
    size_t n = host->parts(call, &part);

    return &part[n - 1];
}

/* Replace a word in what the part says. */
static bool replace(struct fct_call *call, const char *word, const char *with)
{
    const struct fct_part *part = leaf(call);
    ptrdiff_t at = str_find(host->part_bytes(call, part), str_from(word));

    ck_assert_int_ge(at, 0);
    return host->part_patch(call, part, (size_t)at, strlen(word), str_from(with));
}

static void two_words(struct fct_call *call)
{
    ck_assert(replace(call, "three", "3"));
    ck_assert(replace(call, "one", "1"));
}

static void one_more(struct fct_call *call)
{
    ck_assert(!replace(call, "one", "I"));
    ck_assert(!replace(call, "ne t", "x"));
    ck_assert(replace(call, "two", "2"));
}

static const struct {
    const char *name;
    struct fct_str text;
} composed[] = {
    {"7bit", FCT_STR_INIT(MIXED("7bit", "one two three"))},
    {"quoted-printable", FCT_STR_INIT(MIXED("quoted-printable", "=6Fne =\r\ntwo three"))},
    {"base64", FCT_STR_INIT(MIXED("base64", "b25lIHR3byB0aHJlZQ=="))},
};

START_TEST(patches_of_two_plugins_compose)
{
    struct fct_str view = edited_by(two_words, one_more, composed[_i].text);
    struct mime_tree tree;
    struct buf out = BUF_INIT(1000);

    mime_scan(rig.arena, view, &mime_default_limits, &tree);
    ck_assert_uint_eq(tree.n, 2);
    ck_assert(mime_part_bytes(view, &tree.part[1], &out));
    assert_text(composed[_i].name, buf_str(&out), FCT_STR("1 2 3"));
    buf_free(&out);
}
END_TEST

static void raw_then_part(struct fct_call *call)
{
    const struct fct_part *part = leaf(call);

    ck_assert(host->patch(call, part->body_offset + 4, 0, FCT_STR("\r\n")));
    ck_assert(!replace(call, "one", "1"));
}

static void part_then_raw(struct fct_call *call)
{
    const struct fct_part *part = leaf(call);

    ck_assert(replace(call, "one", "1"));
    ck_assert(!host->patch(call, part->body_offset + 4, 4, FCT_STR("YWJj")));
    ck_assert(!host->body_replace(call, FCT_STR("x\r\n")));
}

START_TEST(patches_in_two_coordinates_do_not_mix)
{
    (void)edited_by(_i ? raw_then_part : part_then_raw, NULL, composed[2].text);
}
END_TEST

static void outside(struct fct_call *call)
{
    const struct fct_part *part = leaf(call), *root = part - 1;
    struct fct_part foreign = *part;
    size_t n = host->part_bytes(call, part).n;

    ck_assert(!host->part_patch(call, part, n + 1, 0, FCT_STR("x")));
    ck_assert(!host->part_patch(call, part, n, 1, FCT_STR("x")));
    ck_assert(!host->part_patch(call, part, 1, SIZE_MAX, FCT_STR("x")));
    ck_assert(!host->part_patch(call, root, 0, 0, FCT_STR("x"))); /* no leaf */
    ck_assert(!host->part_patch(call, &foreign, 0, 0, FCT_STR("x")));
    ck_assert(host->part_patch(call, part, n, 0, FCT_STR("!")));
}

START_TEST(patches_outside_are_refused)
{
    (void)edited_by(outside, NULL, composed[_i].text);
}
END_TEST

static void patch_large(struct fct_call *call)
{
    ck_assert(!host->part_patch(call, leaf(call), 0, 1, FCT_STR("x")));
    ck_assert(host->header_add(call, FCT_TOP, FCT_STR("X"), FCT_STR("1")));
}

START_TEST(base64_that_is_too_large_stays)
{
    size_t n = 5u << 20;
    char *text = arena_alloc(rig.arena, n + 100);
    size_t head = (size_t)snprintf(text, 100, "Content-Transfer-Encoding: base64\r\n\r\n");

    for (size_t i = 0; i < n; i++)
        text[head + i] = i % 78 < 76 ? 'A' : i % 78 == 76 ? '\r' : '\n';
    (void)run_editors(patch_large, NULL, (struct fct_str){text, head + n});
}
END_TEST

/* ---- 7bit and 8bit stand in the message as they are ---- */

static const struct {
    const char *name, *with;
    bool legal;
} plain[] = {
    {"text", "two", true},
    {"a line", "a\r\nb", true},
    {"a bare LF", "a\nb", false},
    {"a bare CR", "a\rb", false},
    {"half a line end", "a\r", false},
    {"eight bits in 7bit", "\xc3\xa9", false},
    {"a boundary", "\r\n--b--\r\nx", false},
    {"a boundary that begins before the patch", "-b\r\n", false},
    {"what looks like one and is none", "\r\n--c", true},
};
static size_t plain_case;

static void patch_plain(struct fct_call *call)
{
    const struct fct_part *part = leaf(call);

    ck_assert_msg(host->part_patch(call, part, 1, 0, str_from(plain[plain_case].with)) ==
                      plain[plain_case].legal,
                  "%s", plain[plain_case].name);
    ck_assert(!host->part_patch(call, part, 8, 0, FCT_STR("x"))); /* between CR and LF */
}

START_TEST(plain_text_keeps_its_rules)
{
    plain_case = (size_t)_i;
    (void)edited_by(patch_plain, NULL, FCT_STR(MIXED("7bit", "-text -\r\nmore")));
}
END_TEST

static void too_long(struct fct_call *call)
{
    char text[990];

    memset(text, 'a', sizeof text);
    ck_assert(!host->part_patch(call, leaf(call), 5, 0, (struct fct_str){text, sizeof text}));
    ck_assert(host->part_patch(call, leaf(call), 0, 0, (struct fct_str){text, 900}));
}

START_TEST(lines_stay_short_enough)
{
    (void)edited_by(too_long, NULL, FCT_STR(MIXED("8bit", "a line of twenty and")));
}
END_TEST

/* Far inside of a line that is too long already: it may not grow, but be cut. */
static void patch_far_inside(struct fct_call *call)
{
    ck_assert(!host->part_patch(call, leaf(call), 2000, 1, FCT_STR("xx")));
    ck_assert(!host->part_patch(call, leaf(call), 2000, 1, FCT_STR("x\n")));
    ck_assert(host->part_patch(call, leaf(call), 2000, 2, FCT_STR("x")));
    ck_assert(host->part_patch(call, leaf(call), 2100, 2, FCT_STR("xx")));
    ck_assert(host->part_patch(call, leaf(call), 2200, 0, FCT_STR("\r\n")));
    ck_assert(!host->part_patch(call, leaf(call), 2300, 0, FCT_STR("\r\n--b--\r\n")));
}

START_TEST(a_long_line_does_not_grow)
{
    char line[3001], text[sizeof line + 300];
    int n;

    memset(line, 'a', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    n = snprintf(text, sizeof text, MIXED("8bit", "%s"), line);
    (void)edited_by(patch_far_inside, NULL, (struct fct_str){text, (size_t)n});
}
END_TEST

/* ---- what a signature or encryption covers ---- */

static void touch_everything(struct fct_call *call)
{
    const struct fct_part *part;
    size_t n = host->parts(call, &part);

    for (size_t i = 0; i < n; i++) {
        ck_assert(!host->part_patch(call, &part[i], 0, 0, FCT_STR("x")));
        ck_assert(!host->patch(call, part[i].body_offset, 0, FCT_STR("x")));
    }
    ck_assert(!host->body_replace(call, FCT_STR("x\r\n")));
    ck_assert(host->header_add(call, FCT_TOP, FCT_STR("X"), FCT_STR("1")));
}

static const struct fct_str covered[] = {
    FCT_STR_INIT("Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nsigned\r\n--b\r\n"
                 "Content-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n"),
    FCT_STR_INIT("Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b\r\n"
                 "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\n"
                 "Content-Type: application/octet-stream\r\n\r\nx\r\n--b--\r\n"),
    FCT_STR_INIT("Content-Type: application/pkcs7-mime; name=smime.p7m\r\n"
                 "Content-Transfer-Encoding: base64\r\n\r\nYWJj\r\n"),
    FCT_STR_INIT("Content-Type: application/x-pkcs7-mime\r\n\r\nYWJj\r\n"),
    FCT_STR_INIT("Subject: x\r\n\r\nhello\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n\r\nx\r\n"),
    FCT_STR_INIT("Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                 "=2D----BEGIN PGP MESSAGE-----\r\n"),
};

START_TEST(what_is_signed_or_encrypted_stays)
{
    (void)edited_by(touch_everything, NULL, covered[_i]);
}
END_TEST

static void touch_the_rest(struct fct_call *call)
{
    const struct fct_part *part;

    ck_assert_uint_eq(host->parts(call, &part), 5);
    ck_assert(!host->part_patch(call, &part[2], 0, 1, FCT_STR("x")));
    ck_assert(host->part_patch(call, &part[4], 0, 1, FCT_STR("x")));
}

START_TEST(beside_a_signed_part_edits_are_free)
{
    (void)edited_by(
        touch_the_rest, NULL,
        FCT_STR("Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n"
                "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nsigned\r\n"
                "--b\r\n\r\nsignature\r\n--b--\r\n\r\n--o\r\n\r\nfooter of a list\r\n"
                "--o--\r\n"));
}
END_TEST

/* ---- random patches of several plugins and of a recipient ---- */

/* What each accepted patch was, in the order of the plan. */
static struct wanted {
    size_t offset, length;
    struct fct_str with;
} accepted[100];
static size_t naccepted;
static uint32_t seed = 99;

static void patch_randomly(struct fct_call *call)
{
    static const char *const texts[] = {"", "x", "\r\n", "= ", "-", "a few words more than before"};
    const struct fct_part *part = leaf(call);
    size_t size = host->part_bytes(call, part).n;

    for (unsigned i = 0; i < 6; i++) {
        struct wanted w = {next_random(&seed) % (size + 1), 0,
                           str_from(texts[next_random(&seed) % FCT_COUNT(texts)])};

        w.length = next_random(&seed) % 12;
        w.length = w.length > size - w.offset ? size - w.offset : w.length;
        if (host->part_patch(call, part, w.offset, w.length, w.with))
            accepted[naccepted++] = w;
    }
}

/* At each place of the original: what is inserted there, in order, then the byte unless cut. */
static struct fct_str expected(struct fct_str original)
{
    struct buf out = BUF_INIT(1 << 20);
    struct fct_str text;

    for (size_t at = 0; at <= original.n; at++) {
        bool cut = false;

        for (size_t i = 0; i < naccepted; i++)
            if (accepted[i].offset == at && accepted[i].length == 0)
                buf_put_str(&out, accepted[i].with);
        for (size_t i = 0; i < naccepted; i++) {
            const struct wanted *w = &accepted[i];

            if (w->offset == at && w->length > 0)
                buf_put_str(&out, w->with);
            cut = cut || (at >= w->offset && at < w->offset + w->length);
        }
        if (at < original.n && !cut)
            buf_put_char(&out, original.p[at]);
    }
    text = arena_str(rig.arena, buf_str(&out));
    buf_free(&out);
    return text;
}

static enum fct_verdict on_deliver(struct fct_call *call, const struct fct_ev_deliver *ev,
                                   void *state)
{
    (void)ev, (void)state;
    patch_randomly(call);
    return FCT_NEXT;
}

static struct fct_str leaf_bytes(struct fct_str message)
{
    struct mime_tree tree;
    struct buf out = BUF_INIT(1 << 20);
    struct fct_str text;

    mime_scan(rig.arena, message, &mime_default_limits, &tree);
    ck_assert_uint_eq(tree.n, 2);
    ck_assert(mime_part_bytes(message, &tree.part[1], &out));
    text = arena_str(rig.arena, buf_str(&out));
    buf_free(&out);
    return text;
}

static const struct fct_str random_messages[] = {
    FCT_STR_INIT(MIXED("8bit", "<p>one</p>\r\n<p>two three four</p>\r\n\r\nlast line")),
    FCT_STR_INIT(MIXED("quoted-printable", "<p style=3D\"x\">caf=C3=A9 and =\r\nsome more =20\r\n"
                                           "text</p>\r\n=\r\n\r\nlast")),
    FCT_STR_INIT(MIXED("base64", "PHA+b25lPC9wPg0KPHA+dHdv\r\nIHRocmVlIGZvdXI8L3A+DQoN\r\n"
                                 "Cmxhc3QgbGluZQ==\r\n")),
};

START_TEST(random_patches_give_what_was_accepted)
{
    static editor patches = patch_randomly;
    static const struct fct_hook_row rows[] = {
        FCT_ON(edit, on_edit, .label = "a", .state = &patches),
        FCT_ON(edit, on_edit, .label = "b", .state = &patches),
        FCT_ON(deliver, on_deliver, .label = "c"),
    };
    struct fct_str text = random_messages[_i];
    struct fct_err err = {0};
    size_t all = 0;

    object = (struct fct_plugin){.head = FCT_PLUGIN_HEAD,
                                 .name = "p",
                                 .version = "1",
                                 .summary = "s",
                                 .hooks = rows,
                                 .nhooks = 3};
    plugin_rig_adopt(&rig, &object);
    ck_assert(plugin_rig_plan(&rig, &err));
    for (unsigned round = 0; round < 300; round++) {
        const struct filter_result *r;

        naccepted = 0;
        r = plugin_rig_message(&rig, FCT_ROLE_MX, text);
        assert_text("decoded", leaf_bytes(plugin_rig_view(&rig, r, text)),
                    expected(leaf_bytes(text)));
        all += naccepted;
    }
    ck_assert_uint_gt(all, 1000);
}
END_TEST

/* ---- the rest ---- */

static void new_body(struct fct_call *call)
{
    ck_assert(!host->body_replace(call, FCT_STR("bare\nend")));
    ck_assert(host->body_replace(call, FCT_STR("all new\r\n")));
    ck_assert(!host->body_replace(call, FCT_STR("again\r\n")));
    ck_assert(!host->patch(call, 20, 1, FCT_STR("x")));
    assert_text("current", host->current(call), FCT_STR("Subject: x\r\n\r\nall new\r\n"));
}

START_TEST(a_new_body)
{
    assert_text("view", edited_by(new_body, NULL, FCT_STR("Subject: x\r\n\r\nold body\r\n")),
                FCT_STR("Subject: x\r\n\r\nall new\r\n"));
}
END_TEST

/* What a plugin sees of the edits before its own. */
static void look(struct fct_call *call)
{
    const struct fct_part *part = leaf(call);
    struct fct_str now = host->current(call);

    ck_assert_int_ge(str_find(now, FCT_STR("MSB0d28gMw==")), 0); /* "1 two 3" */
    assert_text("original", host->part_bytes(call, part), FCT_STR("one two three"));
}

START_TEST(current_is_the_view_so_far)
{
    (void)edited_by(two_words, look, composed[2].text);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, fields_go_where_they_should);
    tcase_add_test(tc, a_header_that_breaks_off);
    tcase_add_test(tc, a_body_where_there_was_none);
    tcase_add_loop_test(tc, only_legal_values, 0, (int)FCT_COUNT(values));
    tcase_add_test(tc, long_values_are_folded_or_refused);
    tcase_add_loop_test(tc, patches_of_two_plugins_compose, 0, (int)FCT_COUNT(composed));
    tcase_add_loop_test(tc, patches_in_two_coordinates_do_not_mix, 0, 2);
    tcase_add_loop_test(tc, patches_outside_are_refused, 0, (int)FCT_COUNT(composed));
    tcase_add_test(tc, base64_that_is_too_large_stays);
    tcase_add_loop_test(tc, plain_text_keeps_its_rules, 0, (int)FCT_COUNT(plain));
    tcase_add_test(tc, lines_stay_short_enough);
    tcase_add_test(tc, a_long_line_does_not_grow);
    tcase_add_loop_test(tc, what_is_signed_or_encrypted_stays, 0, (int)FCT_COUNT(covered));
    tcase_add_test(tc, beside_a_signed_part_edits_are_free);
    tcase_add_loop_test(tc, random_patches_give_what_was_accepted, 0,
                        (int)FCT_COUNT(random_messages));
    tcase_add_test(tc, a_new_body);
    tcase_add_test(tc, current_is_the_view_so_far);
}

int main(void)
{
    return run_suite("plugin_edit", add);
}
