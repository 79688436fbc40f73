/* test_edit_rebase.c - edits of a message and of what it became. */
#include "core/message/edit_rebase.h"

#include "message_test.h"

#define ORIGINAL "0123456789"
#define MOST     4

struct sample {
    const char *name;
    struct edit made[MOST], edit[MOST];
    size_t nmade, nedit;
    const char *want;
    size_t lost;
};
#define INS(at, text)                        \
    {                                        \
        (at), 0, {(text), sizeof(text) - 1}, \
        {                                    \
            "p", 1                           \
        }                                    \
    }
#define CUT(at, n, text)                       \
    {                                          \
        (at), (n), {(text), sizeof(text) - 1}, \
        {                                      \
            "p", 1                             \
        }                                      \
    }

/* clang-format off */
static const struct sample samples[] = {
    {"nothing made",            {INS(0, "")}, {INS(3, "x")}, 0, 1, "012x3456789", 0},
    {"nothing asked",           {INS(0, "AB")}, {INS(0, "")}, 1, 0, "AB0123456789", 0},
    {"a field on top of both",  {INS(0, "AB")}, {INS(0, "x")}, 1, 1, "xAB0123456789", 0},
    {"before and behind",       {INS(4, "AB")}, {INS(2, "x"), INS(6, "y")}, 1, 2, "01x23AB45y6789", 0},
    {"a cut behind a cut",      {CUT(1, 3, "")}, {CUT(4, 2, "x")}, 1, 1, "0x6789", 0},
    {"a cut before a cut",      {CUT(4, 2, "AB")}, {CUT(1, 3, "x")}, 1, 1, "0xAB6789", 0},
    {"a cut where is inserted", {INS(4, "AB")}, {CUT(4, 1, "x")}, 1, 1, "0123ABx56789", 0},
    {"an insertion before a cut", {CUT(4, 2, "AB")}, {INS(4, "x")}, 1, 1, "0123xAB6789", 0},
    {"an insertion behind a cut", {CUT(4, 2, "AB")}, {INS(6, "x")}, 1, 1, "0123ABx6789", 0},
    {"inside a cut",            {CUT(2, 4, "AB")}, {INS(3, "x"), INS(8, "y")}, 1, 2, "01AB67y89", 1},
    {"over an insertion",       {INS(4, "AB")}, {CUT(2, 4, "x")}, 1, 1, "0123AB456789", 1},
    {"the same bytes",          {CUT(2, 2, "AB")}, {CUT(2, 2, "x")}, 1, 1, "01AB456789", 1},
    {"overlapping",             {CUT(2, 3, "AB")}, {CUT(4, 3, "x")}, 1, 1, "01AB56789", 1},
    {"many",                    {INS(0, "A"), CUT(2, 2, ""), INS(9, "BC")}, {INS(0, "x"), CUT(1, 1, "y"), CUT(5, 2, ""), INS(10, "z")}, 3, 4, "xA0y478BC9z", 0},
};
/* clang-format on */

START_TEST(moved)
{
    const struct sample *t = &samples[_i];
    struct arena *arena = arena_new(NULL);
    FCT_CLEANUP(buf_free) struct buf became = BUF_INIT(100);
    FCT_CLEANUP(buf_free) struct buf got = BUF_INIT(100);
    struct edit_list made, edits, out;
    struct fct_err err = {0};

    ck_assert(edit_list_build(arena, t->made, t->nmade, 10, &made, NULL, NULL, &err));
    ck_assert(edit_list_build(arena, t->edit, t->nedit, 10, &edits, NULL, NULL, &err));
    ck_assert(edit_list_apply(&made, FCT_STR(ORIGINAL), 0, 100, &became));
    ck_assert_uint_eq(edit_rebase(arena, &edits, &made, &out), t->lost);
    /* It is a list again: in order, inside the message. */
    ck_assert_msg(edit_list_build(arena, out.edit, out.n, became.n, &out, NULL, NULL, &err), "%s",
                  t->name);
    ck_assert(edit_list_apply(&out, buf_str(&became), 0, 100, &got));
    ck_assert_msg(str_equal(buf_str(&got), str_from(t->want)), "%s: %.*s", t->name,
                  FCT_FMT(buf_str(&got)));
    arena_free(&arena);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, moved, 0, FCT_COUNT(samples));
}

int main(void)
{
    return run_suite("edit_rebase", add);
}
