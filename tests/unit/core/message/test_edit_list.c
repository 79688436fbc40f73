/* test_edit_list.c - views: building, reading, mapping and storing edits. */
#include "core/message/edit_list.h"
#include "message_test.h"

static const struct fct_str digits = {"0123456789", 10};

static struct edit edit(uint64_t offset, uint64_t remove, const char *insert)
{
    return (struct edit){offset, remove, str_from(insert), FCT_STR("test")};
}

static struct fct_str applied(struct arena *arena, const struct edit_list *list,
                              struct fct_str original)
{
    struct buf out = BUF_INIT(1 << 20);
    struct fct_str text;

    ck_assert(edit_list_apply(list, original, 0, UINT64_MAX, &out));
    text = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return text;
}

START_TEST(edits_make_the_view)
{
    static const struct {
        const char *name, *want;
        struct {
            uint64_t offset, remove;
            const char *insert;
        } edits[4];
        size_t n, lost;
    } cases[] = {
        {"none", "0123456789", {{0}}, 0, 0},
        {"insert at the start", "ab0123456789", {{0, 0, "ab"}}, 1, 0},
        {"insert at the end", "0123456789ab", {{10, 0, "ab"}}, 1, 0},
        {"cut", "0189", {{2, 6, ""}}, 1, 0},
        {"replace", "01ab89", {{2, 6, "ab"}}, 1, 0},
        {"cut everything", "", {{0, 10, ""}}, 1, 0},
        {"any order", "a01b56789", {{2, 3, "b"}, {0, 0, "a"}}, 2, 0},
        {"insertions keep their order",
         "abc0123456789",
         {{0, 0, "a"}, {0, 0, "b"}, {0, 0, "c"}},
         3,
         0},
        {"insertion before a cut", "01ab56789", {{2, 3, "b"}, {2, 0, "a"}}, 2, 0},
        {"touching cuts", "0189", {{2, 3, ""}, {5, 3, ""}}, 2, 0},
        {"insertion between touching cuts", "01x89", {{2, 3, ""}, {5, 3, ""}, {5, 0, "x"}}, 3, 0},
        {"later overlap is left out", "01a56789", {{2, 3, "a"}, {4, 3, "b"}}, 2, 1},
        {"earlier wins though behind", "0123b789", {{4, 3, "b"}, {2, 3, "a"}}, 2, 1},
        {"same span twice", "01a56789", {{2, 3, "a"}, {2, 3, "b"}}, 2, 1},
        {"insertion inside a cut", "0156789", {{2, 3, ""}, {3, 0, "x"}}, 2, 1},
        {"cut over an insertion", "012x3456789", {{3, 0, "x"}, {2, 3, ""}}, 2, 1},
        {"cut inside a cut", "0189", {{2, 6, ""}, {4, 1, ""}, {3, 0, "x"}, {8, 0, ""}}, 4, 2},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct arena *arena = arena_new(NULL);
        struct edit edits[4];
        size_t lost[4], nlost;
        struct edit_list list;

        for (size_t k = 0; k < cases[i].n; k++)
            edits[k] =
                edit(cases[i].edits[k].offset, cases[i].edits[k].remove, cases[i].edits[k].insert);
        ck_assert(edit_list_build(arena, edits, cases[i].n, digits.n, &list, lost, &nlost, NULL));
        ck_assert_msg(nlost == cases[i].lost, "%s: %zu lost", cases[i].name, nlost);
        assert_text(cases[i].name, applied(arena, &list, digits), str_from(cases[i].want));
        ck_assert_uint_eq(edit_list_size(&list, digits.n), strlen(cases[i].want));
        arena_free(&arena);
    }
}
END_TEST

START_TEST(spans_outside_are_refused)
{
    static const uint64_t spans[][2] = {{11, 0},         {10, 1},         {0, 11},
                                        {UINT64_MAX, 1}, {1, UINT64_MAX}, {5, UINT64_MAX - 4}};
    struct arena *arena = arena_new(NULL);

    for (size_t i = 0; i < FCT_COUNT(spans); i++) {
        struct edit e = edit(spans[i][0], spans[i][1], "");
        struct fct_err err = {0};
        struct edit_list list;

        ck_assert(!edit_list_build(arena, &e, 1, digits.n, &list, NULL, NULL, &err));
        ck_assert_int_eq(err.class, FCT_BUG);
    }
    arena_free(&arena);
}
END_TEST

/* The obvious way: one edit after the other, refusing what touches a byte or a place that is taken.
 */
struct naive {
    char owner[64];  /* of each byte: 0, or removed by edit n */
    bool inside[65]; /* a place inside a removed span */
    bool point[65];  /* a place with insertions */
};

static bool naive_takes(struct naive *s, const struct edit *e)
{
    if (e->remove == 0) {
        if (s->inside[e->offset])
            return false;
        s->point[e->offset] = true;
        return true;
    }
    for (uint64_t i = e->offset; i < e->offset + e->remove; i++)
        if (s->owner[i] || (i > e->offset && s->point[i]))
            return false;
    for (uint64_t i = e->offset; i < e->offset + e->remove; i++) {
        s->owner[i] = 1;
        s->inside[i] = s->inside[i] || i > e->offset;
    }
    return true;
}

static void naive_apply(const struct edit *edits, const bool *stands, size_t n,
                        struct fct_str original, struct buf *out)
{
    for (size_t at = 0; at <= original.n;) {
        const struct edit *cut = NULL;

        for (size_t i = 0; i < n; i++)
            if (stands[i] && edits[i].offset == at && edits[i].remove == 0)
                buf_put_str(out, edits[i].insert);
        for (size_t i = 0; i < n; i++)
            if (stands[i] && edits[i].offset == at && edits[i].remove > 0)
                cut = &edits[i];
        if (cut) {
            buf_put_str(out, cut->insert);
            at += cut->remove;
        } else {
            if (at < original.n)
                buf_put_char(out, original.p[at]);
            at++;
        }
    }
}

/* The same bytes again through pieces, from any offset on, and through the stored form. */
static void check_reading(struct arena *arena, const struct edit_list *list,
                          struct fct_str original, struct fct_str view, uint32_t *seed)
{
    struct buf out = BUF_INIT(4096), stored = BUF_INIT(65536);
    size_t from = next_random(seed) % (view.n + 2), length = next_random(seed) % (view.n + 2);
    struct edit_list again;
    struct fct_err err;

    ck_assert(edit_list_apply(list, original, from, length, &out));
    assert_text("range", buf_str(&out), str_head(str_skip(view, from), length));
    edit_list_encode(list, &stored);
    ck_assert(edit_list_decode(arena, buf_str(&stored), original.n, &again, &err));
    assert_text("stored", applied(arena, &again, original), view);
    ck_assert_uint_eq(again.n, list->n);
    for (size_t i = 0; i < again.n; i++)
        ck_assert(str_equal(again.edit[i].origin, list->edit[i].origin));
    for (size_t at = 0; at < original.n;
         at++) { /* a byte that stays is found at its place in the view */
        uint64_t to = edit_list_to_view(list, at);
        bool removed = false;

        for (size_t i = 0; i < list->n; i++)
            removed = removed || (at >= list->edit[i].offset &&
                                  at < list->edit[i].offset + list->edit[i].remove);
        ck_assert(to <= view.n);
        if (!removed)
            ck_assert(view.p[to] == original.p[at]);
    }
    ck_assert_uint_eq(edit_list_to_view(list, original.n), view.n);
    buf_free(&out);
    buf_free(&stored);
}

START_TEST(random_edits_equal_the_naive_way)
{
    static const char *const inserts[] = {"", "x", "yz", "header: a\r\n"};
    static const char *const origins[] = {"headers", "trackers", "lua:rules"};
    uint32_t seed = 42;

    for (unsigned round = 0; round < 3000; round++) {
        struct arena *arena = arena_new(NULL);
        struct edit edits[12];
        bool stands[12];
        size_t n = next_random(&seed) % 12, size = next_random(&seed) % 60, lost[12], nlost,
               wanted_lost = 0;
        struct naive naive = {0};
        struct buf view = BUF_INIT(4096);
        struct edit_list list;
        char text[64];

        for (size_t i = 0; i < size; i++)
            text[i] = (char)('A' + i);
        for (size_t i = 0; i < n; i++) {
            uint64_t offset = next_random(&seed) % (size + 1);

            edits[i] = (struct edit){
                offset, next_random(&seed) % 2 ? 0 : next_random(&seed) % (size - offset + 1),
                str_from(inserts[next_random(&seed) % 4]),
                str_from(origins[next_random(&seed) % 3])};
            stands[i] = naive_takes(&naive, &edits[i]);
            wanted_lost += !stands[i];
        }
        ck_assert(edit_list_build(arena, edits, n, size, &list, lost, &nlost, NULL));
        ck_assert_uint_eq(nlost, wanted_lost);
        for (size_t i = 0; i < nlost; i++)
            ck_assert(!stands[lost[i]]);
        naive_apply(edits, stands, n, (struct fct_str){text, size}, &view);
        assert_text("view", applied(arena, &list, (struct fct_str){text, size}), buf_str(&view));
        ck_assert_uint_eq(edit_list_size(&list, size), view.n);
        check_reading(arena, &list, (struct fct_str){text, size}, buf_str(&view), &seed);
        buf_free(&view);
        arena_free(&arena);
    }
}
END_TEST

START_TEST(offset_inside_a_removed_span_goes_to_its_place)
{
    struct arena *arena = arena_new(NULL);
    struct edit edits[] = {edit(2, 6, "ab"), edit(0, 0, "x")};
    struct edit_list list;

    ck_assert(edit_list_build(arena, edits, 2, digits.n, &list, NULL, NULL, NULL));
    ck_assert_uint_eq(edit_list_to_view(&list, 0), 1);
    ck_assert_uint_eq(edit_list_to_view(&list, 2), 3);
    ck_assert_uint_eq(edit_list_to_view(&list, 7), 3);
    ck_assert_uint_eq(edit_list_to_view(&list, 8), 5);
    arena_free(&arena);
}
END_TEST

START_TEST(broken_stored_forms_are_refused)
{
    static const struct {
        const char *name;
        struct fct_str bytes;
    } cases[] = {
        {"empty", {"", 0}},
        {"unknown version", {"\x03\x00", 2}},
        {"packed, and nothing there", {"\x02\x00", 2}},
        {"packed, and no gzip",
         {"\x02\x08"
          "abcdefgh",
          10}},
        {"more is promised than may be", {"\x02\xff\xff\xff\xff\x0f", 6}},
        {"no count", {"\x01", 1}},
        {"count without edits", {"\x01\x01", 2}},
        {"huge count", {"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}},
        {"longer number than needed", {"\x01\x80\x00", 3}},
        {"too many bytes", {"\x01\x00x", 3}},
        {"offset outside", {"\x01\x01\x0b\x00\x00\x00", 6}},
        {"removal outside", {"\x01\x01\x05\x06\x00\x00", 6}},
        {"insert longer than the rest", {"\x01\x01\x00\x00\x05x\x00", 7}},
        {"unknown origin mark", {"\x01\x01\x00\x00\x00\x02", 6}},
        {"cut short", {"\x01\x01\x00\x00\x00\x01", 6}},
    };
    struct arena *arena = arena_new(NULL);

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct edit_list list;
        struct fct_err err = {0};

        ck_assert_msg(!edit_list_decode(arena, cases[i].bytes, digits.n, &list, &err), "%s",
                      cases[i].name);
        ck_assert_int_eq(err.class, FCT_SYNTAX);
        ck_assert_uint_eq(list.n, 0);
    }
    arena_free(&arena);
}
END_TEST

/* A hundred pictures that go leave the same text a hundred times. */
START_TEST(long_lists_are_packed)
{
    enum { MANY = 120, GAP = 800 };
    static char message[MANY * GAP];
    struct arena *arena = arena_new(NULL);
    struct fct_str original = {message, sizeof message};
    struct buf stored = BUF_INIT(1 << 20), before = BUF_INIT(1 << 20);
    struct edit edits[MANY];
    struct edit_list list, again;
    struct fct_err err = {0};

    memset(message, 'm', sizeof message);
    for (size_t i = 0; i < MANY; i++)
        edits[i] = edit(GAP * i, 40 + i, "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAA");
    ck_assert(edit_list_build(arena, edits, MANY, original.n, &list, NULL, NULL, NULL));
    buf_put_c(&stored, "before");
    edit_list_encode(&list, &stored);
    ck_assert_uint_lt(stored.n, 1000);
    struct fct_str bytes = str_skip(buf_str(&stored), 6);
    ck_assert(edit_list_decode(arena, bytes, original.n, &again, &err));
    edit_list_encode(&again, &before);
    assert_text("stored once more", buf_str(&before), bytes);
    assert_text("view", applied(arena, &again, original), applied(arena, &list, original));
    for (size_t cut = 1; cut < bytes.n; cut++)
        ck_assert(!edit_list_decode(arena, str_head(bytes, cut), original.n, &again, &err));
    buf_free(&stored);
    buf_free(&before);
    arena_free(&arena);
}
END_TEST

/* A plugin that asks for very many edits costs memory in proportion and no more. */
START_TEST(a_hundred_thousand_edits)
{
    enum { MANY = 100000 };
    struct arena *arena = arena_new(NULL);
    struct edit *edits = calloc(MANY, sizeof *edits);
    size_t nlost;
    struct edit_list list;

    for (size_t i = 0; i < MANY; i++)
        edits[i] = edit(i % 2 ? 10 * i : 10 * i - (i ? 5 : 0), 10, "x");
    ck_assert(edit_list_build(arena, edits, MANY, 10 * MANY + 10, &list, NULL, &nlost, NULL));
    ck_assert_uint_eq(list.n + nlost, MANY);
    ck_assert_uint_gt(nlost, 0);
    for (size_t i = 1; i < list.n; i++)
        ck_assert(list.edit[i - 1].offset + list.edit[i - 1].remove <= list.edit[i].offset);
    ck_assert_uint_lt(arena_bytes(arena), 400 * MANY);
    free(edits);
    arena_free(&arena);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, edits_make_the_view);
    tcase_add_test(tc, spans_outside_are_refused);
    tcase_add_test(tc, random_edits_equal_the_naive_way);
    tcase_add_test(tc, offset_inside_a_removed_span_goes_to_its_place);
    tcase_add_test(tc, broken_stored_forms_are_refused);
    tcase_add_test(tc, long_lists_are_packed);
    tcase_add_test(tc, a_hundred_thousand_edits);
}

int main(void)
{
    return run_suite("edit_list", add);
}
