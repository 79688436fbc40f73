/* test_fuzzy_store.c - questions as they are sent, and whose word counts in what comes back;
 * strange answers say nothing. The scripts run in tests/interop/test_fuzzy.py. */
#include "fuzzy_test.h"
#include "plugins/fuzzy/fuzzy_store.h"

static const struct fuzzy_times at = {.now = 1000 * 86400, .keep_s = 90 * 86400};

/* One teacher: class, who, how often. */
static size_t teach(char *to, char class, struct fuzzy_who who)
{
    to[0] = class;
    memcpy(to + 1, who.tag, sizeof who.tag);
    to[9] = 0;
    to[10] = 1;
    return 11;
}

START_TEST(accounts)
{
    struct fuzzy_who site = fuzzy_who_of(1, FCT_STR("")), anna = fuzzy_who_of(1, FCT_STR("anna@x"));
    struct fuzzy_who same = fuzzy_who_of(1, FCT_STR("Anna@X")),
                     other = fuzzy_who_of(2, FCT_STR("anna@x"));

    ck_assert_mem_eq(site.tag, "\0\0\0\0\0\0\0\0", 8);
    ck_assert_mem_ne(anna.tag, site.tag, 8);
    ck_assert_mem_eq(anna.tag, same.tag, 8);
    ck_assert_mem_ne(anna.tag, other.tag, 8);
}
END_TEST

START_TEST(whose_word)
{
    struct fuzzy_who site = fuzzy_who_of(1, FCT_STR("")), anna = fuzzy_who_of(1, FCT_STR("anna@x"));
    struct fuzzy_who joe = fuzzy_who_of(1, FCT_STR("joe@x")),
                     eve = fuzzy_who_of(1, FCT_STR("eve@x"));
    char list[60];
    size_t n = teach(list, 's', anna);
    struct fuzzy_hit hit = {.teachers = {list, n}};

    ck_assert_int_eq(fuzzy_said_by(&hit, &anna), 's');
    ck_assert_int_eq(fuzzy_said_by(&hit, &joe), 0);
    ck_assert_int_eq(fuzzy_said_by_all(&hit, 2), 0);
    hit.teachers.n = n += teach(list + n, 's', joe);
    ck_assert_int_eq(fuzzy_said_by_all(&hit, 2), 's');
    ck_assert_int_eq(fuzzy_said_by_all(&hit, 0), 0);
    n += teach(list + n, 'h', eve);
    hit.teachers.n = n += teach(list + n, 'h', anna);
    ck_assert_int_eq(fuzzy_said_by_all(&hit, 2), 'h'); /* in doubt wanted */
    hit.teachers.n = n += teach(list + n, 's', site);
    ck_assert_int_eq(fuzzy_said_by_all(&hit, 2), 's'); /* the site's word is the last */
    hit.teachers.n = 10;
    ck_assert_int_eq(fuzzy_said_by(&hit, &anna), 0); /* cut off */
}
END_TEST

START_TEST(questions)
{
    static struct fuzzy_question q;
    struct fuzzy_marks marks = {.text = sketch_of(FCT_STR("")), .attachments = 1};
    struct fuzzy_lesson lesson = {.spam = true, .max_learned = 5, .max_teachers = 6};

    fuzzy_look(&q, at, &marks, 16, 28);
    ck_assert_uint_eq(q.keys, 2);
    ck_assert_int_eq(memcmp(q.key[0].p, "fct:f:{fuzzy}:22", q.key[0].n), 0);
    ck_assert_int_eq(memcmp(q.key[1].p, "fct:f:{fuzzy}:21", q.key[1].n), 0);
    ck_assert_uint_eq(q.arg[0].n, 0);
    ck_assert_uint_eq(q.arg[2].n, FUZZY_ID_BYTES);
    marks.text.is_there = true;
    fuzzy_learn(&q, at, &marks, &lesson);
    ck_assert_uint_eq(q.arg[4].n, 4 * FUZZY_POSITIONS);
    ck_assert_uint_eq(q.arg[5].n, FUZZY_ID_BYTES);
    ck_assert_uint_eq(q.arg[7].n, 0);
    ck_assert_int_eq(strncmp(q.arg[9].p, "93312000", q.arg[9].n), 0); /* 24 * 45 days */
}
END_TEST

static struct fct_redis_reply text(const char *c)
{
    return (struct fct_redis_reply){.kind = FCT_REDIS_STRING, .string = text_of(c)};
}

static struct fct_redis_reply integer(int64_t i)
{
    return (struct fct_redis_reply){.kind = FCT_REDIS_INTEGER, .integer = i};
}

START_TEST(answers)
{
    const struct fct_redis_reply item[] = {
        text("t"), integer(17), text("x"),  text("q"), integer(17), text("x"),
        text("h"), text("17"),  text("x"),  text("a"), integer(19), text("x"),
        text("a"), integer(20), text("x"),  text("t"), integer(33), text("x"),
        text("t"), integer(-1), text("x"),  text(""),  integer(1),  text("x"),
        text("h"), integer(32), integer(1), text("t"), integer(1),
    };
    struct fct_redis_reply reply = {.kind = FCT_REDIS_ARRAY, .item = item, .n = FCT_COUNT(item)};
    struct fuzzy_hit hit[FUZZY_HITS_MAX];
    enum fuzzy_learned what;
    struct fct_redis_reply i = integer(3);

    ck_assert_uint_eq(fuzzy_looked(&reply, hit), 2);
    ck_assert(hit[0].kind == FUZZY_KIND_TEXT && hit[0].matches == 17);
    ck_assert(hit[1].kind == FUZZY_KIND_ATTACHMENT && hit[1].matches == 19);
    ck_assert_uint_eq(fuzzy_looked(&i, hit), 0);
    ck_assert(fuzzy_learned(&i, &what) && what == FUZZY_LEARNED_ANEW);
    i.integer = 9;
    ck_assert(!fuzzy_learned(&i, &what) && !fuzzy_learned(&item[0], &what));
}
END_TEST

START_TEST(versions)
{
    static struct fuzzy_question q;
    struct fct_redis_reply item[2] = {text("17"), {.kind = FCT_REDIS_NIL}};
    struct fct_redis_reply reply = {.kind = FCT_REDIS_ARRAY, .item = item, .n = 2};
    uint64_t version[2];

    fuzzy_ask_versions(&q, at);
    ck_assert_int_eq(memcmp(q.word[1].p, "fct:f:{fuzzy}:22:v", q.word[1].n), 0);
    ck_assert_int_eq(memcmp(q.word[2].p, "fct:f:{fuzzy}:21:v", q.word[2].n), 0);
    ck_assert(fuzzy_versions(&reply, version) && version[0] == 17 && version[1] == 0);
    item[1] = text("x");
    ck_assert(!fuzzy_versions(&reply, version));
    item[1] = integer(3);
    ck_assert(!fuzzy_versions(&reply, version));
    reply.n = 1;
    ck_assert(!fuzzy_versions(&reply, version));
    fuzzy_ask_bits(&q, 21);
    ck_assert_int_eq(memcmp(q.word[1].p, "fct:f:{fuzzy}:21:b", q.word[1].n), 0);
}
END_TEST

static void tests(TCase *tc)
{
    tcase_add_test(tc, accounts);
    tcase_add_test(tc, whose_word);
    tcase_add_test(tc, questions);
    tcase_add_test(tc, answers);
    tcase_add_test(tc, versions);
}

int main(void)
{
    return run_suite("fuzzy_store", tests);
}
