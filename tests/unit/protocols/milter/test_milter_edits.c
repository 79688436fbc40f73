/* test_milter_edits.c - what an MTA makes of our changes is byte for byte the view that our own
 * store would keep. The MTA here is a list of fields that obeys the protocol; a few thousand random
 * edits, then cases by name. */
#include "protocols/milter/milter_edits.h"

#include "core/base/str.h"

#include <check.h>
#include <stdlib.h>

/* ---- an MTA ---- */

struct mta_field {
    char *text; /* "Name:value\r\n" */
};

struct mta {
    struct mta_field field[400];
    size_t n;
    char *body;
};

static char *copy_of(const char *p, size_t n)
{
    char *c = malloc(n + 1);

    ck_assert_ptr_nonnull(c);
    memcpy(c, p, n);
    c[n] = '\0';
    return c;
}

static char *field_text(const char *name, const char *value)
{
    struct buf b = BUF_INIT(1u << 20);
    char *text;

    buf_printf(&b, "%s:", name);
    for (; *value; value++) {
        ck_assert_msg(*value != '\r', "%s: a value came with CR", name);
        if (*value == '\n')
            buf_put_char(&b, '\r');
        buf_put_char(&b, *value);
    }
    buf_put_c(&b, "\r\n");
    text = copy_of(b.p, b.n);
    buf_free(&b);
    return text;
}

static void mta_insert(struct mta *m, size_t at, char *text)
{
    if (at > m->n)
        at = m->n;
    ck_assert_uint_lt(m->n, FCT_COUNT(m->field));
    memmove(&m->field[at + 1], &m->field[at], (m->n - at) * sizeof *m->field);
    m->field[at].text = text;
    m->n++;
}

/* The first field, the MTA's Received, is not counted. */
static size_t mta_find(const struct mta *m, const char *name, uint32_t nth)
{
    size_t length = strlen(name);

    for (size_t i = 1; i < m->n; i++)
        if (strncasecmp(m->field[i].text, name, length) == 0 && m->field[i].text[length] == ':' &&
            --nth == 0)
            return i;
    ck_abort_msg("there is no such %s", name);
    return 0;
}

static void mta_obey(struct mta *m, const struct milter_change *c)
{
    size_t at;

    switch (c->kind) {
    case MILTER_INSERT:
        mta_insert(m, c->index, field_text(c->name, c->value));
        return;
    case MILTER_APPEND:
        mta_insert(m, m->n, field_text(c->name, c->value));
        return;
    case MILTER_CHANGE:
        ck_assert_msg(c->value[0], "an empty value removes");
        at = mta_find(m, c->name, c->index);
        free(m->field[at].text);
        m->field[at].text = field_text(c->name, c->value);
        return;
    case MILTER_REMOVE:
        at = mta_find(m, c->name, c->index);
        free(m->field[at].text);
        memmove(&m->field[at], &m->field[at + 1], (m->n - at - 1) * sizeof *m->field);
        m->n--;
        return;
    }
}

/* ---- a message ---- */

#define RECEIVED "Received: from a (b)\r\n\tby c; date\r\n"

struct rig {
    struct arena *arena;
    struct milter_spool *spool;
    struct milter_message m;
    struct fct_str bytes;
    struct mta mta;
};

static struct rig rig_new(const char *const *field, size_t n, const char *body)
{
    struct rig r = {.arena = arena_new(NULL), .spool = milter_spool_new(1u << 24, 1u << 24)};
    struct fct_err err = {0};

    milter_message_start(&r.m, r.spool, r.arena, FCT_STR(RECEIVED));
    mta_insert(&r.mta, 0, copy_of(RECEIVED, strlen(RECEIVED)));
    for (size_t i = 0; i < n; i++) {
        struct fct_str value = str_from(field[i]), name = str_split(&value, ':');
        char *copy = copy_of(name.p, name.n);

        milter_message_field(&r.m, name, value, true);
        mta_insert(&r.mta, r.mta.n, field_text(copy, value.p));
        free(copy);
    }
    milter_message_body(&r.m, str_from(body));
    ck_assert_msg(milter_message_seal(&r.m, &r.bytes, &err), "%s", err.text);
    r.mta.body = copy_of(body, strlen(body));
    return r;
}

static void rig_free(struct rig *r)
{
    for (size_t i = 0; i < r->mta.n; i++)
        free(r->mta.field[i].text);
    free(r->mta.body);
    milter_message_end(&r->m);
    ck_assert_uint_eq(milter_spool_used(r->spool), 0);
    milter_spool_free(&r->spool);
    arena_free(&r->arena);
}

static struct fct_str what_the_mta_has(struct rig *r, const struct milter_changes *changes)
{
    struct buf out = BUF_INIT(1u << 20);
    struct fct_str body = str_skip(r->bytes, r->m.body_at), all;

    for (size_t i = 0; i < changes->n; i++)
        mta_obey(&r->mta, &changes->change[i]);
    for (size_t i = 0; i < r->mta.n; i++)
        buf_put_c(&out, r->mta.field[i].text);
    buf_put_c(&out, "\r\n");
    if (changes->body)
        ck_assert(edit_list_apply(&changes->body_edits, body, 0, UINT64_MAX, &out));
    else
        buf_put_str(&out, body);
    all = arena_str(r->arena, buf_str(&out));
    buf_free(&out);
    return all;
}

static struct fct_str our_view(struct rig *r, const struct edit_list *edits)
{
    struct buf out = BUF_INIT(1u << 20);
    struct fct_str all;

    ck_assert(edit_list_apply(edits, r->bytes, 0, UINT64_MAX, &out));
    all = arena_str(r->arena, buf_str(&out));
    buf_free(&out);
    return all;
}

/* False: some edits leave no field behind; they are passed over, so there is nothing to compare. */
static bool compare(struct rig *r, const struct edit *edit, size_t n, const char *what)
{
    struct edit_list list;
    struct milter_changes changes;
    struct fct_err err = {0};
    struct fct_str want, got;
    size_t lost[64], nlost;

    ck_assert_msg(edit_list_build(r->arena, edit, n, r->bytes.n, &list, lost, &nlost, &err),
                  "%s: %s", what, err.text);
    milter_changes_plan(r->arena, &r->m, r->bytes, &list, &changes);
    if (changes.lost > 0)
        return false;
    want = our_view(r, &list);
    got = what_the_mta_has(r, &changes);
    ck_assert_msg(str_equal(want, got), "%s\n--- want\n%.*s\n--- got\n%.*s\n---", what,
                  FCT_FMT(want), FCT_FMT(got));
    return true;
}

/* ---- random edits ---- */

static const char *const usual[] = {
    "Received: from x\n\tby y; z",
    "Subject: one\n two",
    "To: a@b",
    "X-A: 1",
    "X-A: 2",
    "x-a:3",
    "X-Empty:",
    "From: c",
    "X-B: \tv ",
    "X-A: last",
};

static unsigned dice(unsigned n)
{
    return (unsigned)rand() % n;
}

static struct fct_str any_field(struct rig *r)
{
    static const char *const names[] = {"X-A", "X-New", "Subject", "Received", "x-b"};
    static const char *const values[] = {" v", " long\r\n\tfold", "", "  two ", "tight"};

    return arena_printf(r->arena, "%s:%s\r\n", names[dice(5)], values[dice(5)]);
}

static struct fct_str some_fields(struct rig *r)
{
    struct fct_str a = any_field(r), b = any_field(r);

    return dice(3) ? a : arena_printf(r->arena, "%.*s%.*s", FCT_FMT(a), FCT_FMT(b));
}

static struct edit any_edit(struct rig *r)
{
    const struct milter_field *f = &r->m.field[dice((unsigned)r->m.fields - 1)];
    uint64_t body = r->bytes.n - r->m.body_at, at;

    switch (dice(9)) {
    case 0:
        return (struct edit){.offset = 0, .insert = some_fields(r)};
    case 1:
        return (struct edit){.offset = f->start, .insert = some_fields(r)};
    case 2:
        return (struct edit){.offset = r->m.fields_end, .insert = some_fields(r)};
    case 3: /* the whole field */
        return (struct edit){f->start, f->end - f->start, any_field(r), FCT_STR("")};
    case 4: /* its value */
        at = f->start + f->name.n + 1;
        return (struct edit){at, f->end - at, FCT_STR(" new\r\n"), FCT_STR("")};
    case 5:
        return (struct edit){f->start, f->end - f->start, FCT_STR(""), FCT_STR("")};
    case 6: /* within the value */
        at = f->start + f->name.n + 1;
        return (struct edit){at, 0, FCT_STR(" <in>"), FCT_STR("")};
    case 7: /* this field's tail and the next one's head become one field */
        at = f->start + f->name.n + 1;
        return (struct edit){at, f->end + 1 - at, FCT_STR(" j\r\nX"), FCT_STR("")};
    default:
        at = r->m.body_at + dice((unsigned)body + 1);
        return (struct edit){at, dice((unsigned)(r->bytes.n - at) + 1), FCT_STR("BODY\r\n"),
                             FCT_STR("")};
    }
}

START_TEST(test_random_edits)
{
    unsigned lost = 0;

    srand(20241122);
    for (unsigned round = 0; round < 4000; round++) {
        struct rig r = rig_new(usual, FCT_COUNT(usual), "line\r\nanother\r\n");
        struct edit edit[8];
        size_t n = 1 + dice(6);
        char what[32];

        for (size_t i = 0; i < n; i++)
            edit[i] = any_edit(&r);
        (void)snprintf(what, sizeof what, "round %u", round);
        lost += !compare(&r, edit, n, what);
        rig_free(&r);
    }
    ck_assert_msg(lost < 400, "%u rounds lost", lost);
}
END_TEST

/* ---- by name ---- */

START_TEST(test_order_of_changes)
{
    struct rig r = rig_new(usual, FCT_COUNT(usual), "body\r\n");
    struct edit edit[] = {
        {0, 0, FCT_STR("Top: 1\r\n"), FCT_STR("")},
        {0, 0, FCT_STR("Top: 2\r\n"), FCT_STR("")},
        {r.m.field[4].start, r.m.field[4].end - r.m.field[4].start, FCT_STR("X-A: two\r\n"),
         FCT_STR("")},
        {r.m.fields_end, 0, FCT_STR("End: 1\r\n"), FCT_STR("")},
        {r.m.fields_end, 0, FCT_STR("End: 2\r\n"), FCT_STR("")},
    };
    static const struct milter_change want[] = {
        {MILTER_APPEND, "End", " 1", 0},   {MILTER_APPEND, "End", " 2", 0},
        {MILTER_CHANGE, "X-A", " two", 2}, {MILTER_INSERT, "Top", " 2", 0},
        {MILTER_INSERT, "Top", " 1", 0},
    };
    struct edit_list list = {edit, FCT_COUNT(edit)};
    struct milter_changes changes;

    milter_changes_plan(r.arena, &r.m, r.bytes, &list, &changes);
    ck_assert_uint_eq(changes.n, FCT_COUNT(want));
    for (size_t i = 0; i < changes.n; i++) {
        ck_assert_int_eq(changes.change[i].kind, want[i].kind);
        ck_assert_str_eq(changes.change[i].name, want[i].name);
        ck_assert_str_eq(changes.change[i].value, want[i].value);
        ck_assert_uint_eq(changes.change[i].index, want[i].index);
    }
    ck_assert(!changes.body);
    rig_free(&r);
}
END_TEST

/* What plugins do to the Received that only they see never leaves the house. */
START_TEST(test_edits_of_the_synthetic_field)
{
    struct rig r = rig_new(usual, FCT_COUNT(usual), "body\r\n");
    struct edit edit[] = {
        {3, 5, FCT_STR("xxx"), FCT_STR("")},
        {strlen(RECEIVED) - 2, 2, FCT_STR("\r\nX-Split: 1\r\n"), FCT_STR("")},
    };
    struct edit whole = {0, strlen(RECEIVED), FCT_STR(""), FCT_STR("")};
    struct edit_list some = {edit, FCT_COUNT(edit)}, all = {&whole, 1};
    struct milter_changes changes;

    milter_changes_plan(r.arena, &r.m, r.bytes, &some, &changes);
    ck_assert_uint_eq(changes.n + changes.lost, 0);
    milter_changes_plan(r.arena, &r.m, r.bytes, &all, &changes);
    ck_assert_uint_eq(changes.n + changes.lost, 0);
    rig_free(&r);
}
END_TEST

/* No field, no change: the message passes as it is. */
START_TEST(test_text_that_is_no_field)
{
    static const char *const bad[] = {"no colon\r\n", "X: 1\r\n\r\nbody",
                                      " folded into nothing\r\n"};

    for (size_t i = 0; i < FCT_COUNT(bad); i++) {
        struct rig r = rig_new(usual, FCT_COUNT(usual), "body\r\n");
        struct edit edit = {r.m.fields_at, 0, str_from(bad[i]), FCT_STR("")};
        struct edit_list list = {&edit, 1};
        struct milter_changes changes;

        milter_changes_plan(r.arena, &r.m, r.bytes, &list, &changes);
        ck_assert_msg(changes.n == 0 && changes.lost == 1, "%s", bad[i]);
        rig_free(&r);
    }
}
END_TEST

START_TEST(test_body_only_when_it_changes)
{
    struct rig r = rig_new(usual, 2, "");
    struct edit edit = {r.bytes.n, 0, FCT_STR("now there is one\r\n"), FCT_STR("")};

    ck_assert_uint_eq(r.m.body_at, r.bytes.n);
    ck_assert(compare(&r, &edit, 1, "a body where there was none"));
    rig_free(&r);
}
END_TEST

START_TEST(test_common_edits)
{
    struct arena *arena = arena_new(NULL);
    const struct edit a[] = {{0, 0, FCT_STR("A: 1\r\n"), FCT_STR("x")},
                             {0, 0, FCT_STR("B: 1\r\n"), FCT_STR("x")},
                             {9, 2, FCT_STR(""), FCT_STR("x")}};
    const struct edit b[] = {{0, 0, FCT_STR("B: 1\r\n"), FCT_STR("y")},
                             {9, 3, FCT_STR(""), FCT_STR("x")}};
    const struct edit_list one = {a, 3}, two = {b, 2}, none = {0};
    const struct edit_list *both[] = {&one, &two}, *all[] = {&one, &two, &none};
    struct edit_list out;

    milter_edits_common(arena, both, 2, &out);
    ck_assert_uint_eq(out.n, 1);
    ck_assert(str_equal(out.edit[0].insert, FCT_STR("B: 1\r\n")));
    milter_edits_common(arena, all, 3, &out);
    ck_assert_uint_eq(out.n, 0);
    milter_edits_common(arena, both, 1, &out);
    ck_assert_uint_eq(out.n, 3);
    milter_edits_common(arena, both, 0, &out);
    ck_assert_uint_eq(out.n, 0);
    arena_free(&arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("milter_edits");
    TCase *all = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(all, 120);
    tcase_add_test(all, test_random_edits);
    tcase_add_test(all, test_order_of_changes);
    tcase_add_test(all, test_edits_of_the_synthetic_field);
    tcase_add_test(all, test_text_that_is_no_field);
    tcase_add_test(all, test_body_only_when_it_changes);
    tcase_add_test(all, test_common_edits);
    suite_add_tcase(suite, all);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
