/* test_fuzzy_memory.c - what is like nothing learned is known without a look-up; what may be alike
 * is never held back. */
#include "fuzzy_test.h"
#include "plugins/fuzzy/fuzzy_memory.h"

enum { GENERATION = 22 };

static const struct fuzzy_least least = {16, 28};
static struct fuzzy_memory memory;
static unsigned char bits[FUZZY_POSITIONS * 65536 / 8];

static struct fuzzy_marks marks_of(uint32_t first)
{
    struct fuzzy_marks marks = {.text.is_there = true};

    for (unsigned i = 0; i < FUZZY_POSITIONS; i++)
        marks.text.value[i] = first + 77777 * i;
    return marks;
}

/* As SETBIT does. */
static void learn(const struct fuzzy_marks *marks, unsigned positions)
{
    for (unsigned i = 0; i < positions; i++) {
        uint32_t bit = fuzzy_bit(i, marks->text.value[i]);

        bits[bit / 8] |= (unsigned char)(0x80 >> bit % 8);
    }
}

static enum fuzzy_chance judge(uint64_t version, const struct fuzzy_marks *marks)
{
    return fuzzy_memory_judge(&memory, GENERATION, version, marks, least);
}

START_TEST(chances)
{
    static const struct {
        unsigned positions;
        enum fuzzy_chance chance;
    } cases[] = {
        {0, FUZZY_NO_CHANCE}, {15, FUZZY_NO_CHANCE}, {16, FUZZY_CHANCE}, {32, FUZZY_CHANCE}};

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fuzzy_marks marks = marks_of((uint32_t)i);

        memset(bits, 0, sizeof bits);
        learn(&marks, cases[i].positions);
        fuzzy_memory_put(&memory, GENERATION, 1 + i, (struct fct_str){(char *)bits, sizeof bits});
        ck_assert_int_eq(judge(1 + i, &marks), cases[i].chance);
        marks.html = marks.text; /* where more must be equal */
        marks.text.is_there = false;
        ck_assert_int_eq(judge(1 + i, &marks),
                         cases[i].positions >= 28 ? FUZZY_CHANCE : FUZZY_NO_CHANCE);
    }
    fuzzy_memory_clear(&memory);
}
END_TEST

START_TEST(versions)
{
    struct fuzzy_marks marks = marks_of(5);

    ck_assert_int_eq(judge(0, &marks), FUZZY_NO_CHANCE); /* nothing was ever learned */
    ck_assert_int_eq(judge(3, &marks), FUZZY_OUTDATED);
    fuzzy_memory_put(&memory, GENERATION, 3, FCT_STR("")); /* shorter than the last bit */
    ck_assert_int_eq(judge(3, &marks), FUZZY_NO_CHANCE);
    ck_assert_int_eq(judge(4, &marks), FUZZY_OUTDATED);
    fuzzy_memory_put(&memory, GENERATION + 2, 3, FCT_STR(""));
    ck_assert_int_eq(judge(3, &marks), FUZZY_OUTDATED); /* another generation has its place */
    marks.attachments = 1;                              /* of those there are no bits */
    ck_assert_int_eq(judge(3, &marks), FUZZY_CHANCE);
    fuzzy_memory_clear(&memory);
}
END_TEST

START_TEST(once_a_second)
{
    ck_assert(fuzzy_memory_may_ask(&memory, GENERATION, 1000));
    ck_assert(!fuzzy_memory_may_ask(&memory, GENERATION, 1000));
    ck_assert(fuzzy_memory_may_ask(&memory, GENERATION + 1, 1000));
    fuzzy_memory_put(&memory, GENERATION, 3, FCT_STR("x"));
    ck_assert(!fuzzy_memory_may_ask(&memory, GENERATION, 1000));
    ck_assert(fuzzy_memory_may_ask(&memory, GENERATION, 1001));
    fuzzy_memory_clear(&memory);
}
END_TEST

static void tests(TCase *tc)
{
    tcase_add_test(tc, chances);
    tcase_add_test(tc, versions);
    tcase_add_test(tc, once_a_second);
}

int main(void)
{
    return run_suite("fuzzy_memory", tests);
}
