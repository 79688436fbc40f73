/* test_fuzzy_sketch.c - copies with changes are near, other texts are not, and what campaigns
 * change does not matter at all. */
#include "fuzzy_test.h"

#include <math.h>

enum { WORDS = 2000, UNRELATED = 3000, ROOM = 8000, HIT = 16 };

#define LETTER                                                                                 \
    "Dear customer, your account at our bank was limited because of an unusual login. Please " \
    "confirm your details within 24 hours at https://bank.example/confirm/8127 or it will be " \
    "closed. Your reference is 4711. We thank you for your patience and your trust in us."

/* ---- what does not matter ---- */

START_TEST(normalised)
{
    static const struct {
        const char *name, *from, *to;
    } cases[] = {
        {"case", "your account", "YOUR Account"},
        {"digits", "4711", "90125"},
        {"punctuation", "customer, your", "customer -- your"},
        {"path of a URL", "confirm/8127", "login?id=1&x=%20a"},
        {"case of a host", "bank.example", "BANK.Example"},
        {"a combining mark", "patience", "pa\xcc\x81tience"},
        {"spaces", "our bank was", "our  bank\r\n\twas"},
    };
    struct fuzzy_sketch plain = sketch_of(text_of(LETTER));

    ck_assert(plain.is_there);
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        const char *at = strstr(LETTER, cases[i].from);
        char text[ROOM];
        struct fuzzy_sketch other;

        ck_assert_ptr_nonnull(at);
        (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - LETTER), LETTER, cases[i].to,
                       at + strlen(cases[i].from));
        other = sketch_of(text_of(text));
        ck_assert_msg(fuzzy_sketch_equal(&plain, &other) == FUZZY_POSITIONS, "%s: %u",
                      cases[i].name, fuzzy_sketch_equal(&plain, &other));
    }
}
END_TEST

/* Another host is another word. */
START_TEST(hosts_matter)
{
    char text[ROOM];
    const char *at = strstr(LETTER, "bank.example");
    struct fuzzy_sketch plain = sketch_of(text_of(LETTER)), other;

    (void)snprintf(text, sizeof text, "%.*sother.test%s", (int)(at - LETTER), LETTER, at + 12);
    other = sketch_of(text_of(text));
    ck_assert_uint_lt(fuzzy_sketch_equal(&plain, &other), FUZZY_POSITIONS);
    ck_assert_uint_ge(fuzzy_sketch_equal(&plain, &other), HIT);
}
END_TEST

/* ---- what has no sketch ---- */

START_TEST(too_little)
{
    char text[ROOM] = "";
    size_t n = 0;

    ck_assert(!sketch_of(FCT_STR("")).is_there);
    for (unsigned i = 0; i < FUZZY_WORDS_MIN - 1; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%c%c ", 'a' + (int)(i % 26),
                              'a' + (int)(i / 26));
    ck_assert(!sketch_of(text_of(text)).is_there);
    (void)snprintf(text + n, sizeof text - n, "zz");
    ck_assert(sketch_of(text_of(text)).is_there);
    for (n = 0; n + 20 < sizeof text; n += 4)
        memcpy(text + n, "buy ", 5);
    ck_assert_msg(!sketch_of(text_of(text)).is_there, "one word over and over has a sketch");
}
END_TEST

/* Han and kana have no spaces: forty characters are forty words. */
START_TEST(without_spaces)
{
    char text[ROOM] = "";
    size_t n = 0;

    for (unsigned i = 0; i < 40; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "\xe4%c%c", 0xb8 + (int)(i % 4),
                              0x80 + (int)i);
    ck_assert(sketch_of(text_of(text)).is_there);
}
END_TEST

START_TEST(any_bytes)
{
    static const char bytes[] =
        "\xff\xfe\xc0\x80 \xe2\x82 http:// https://\xff www \xf4\x90\x80\x80";

    for (size_t i = 0; i <= sizeof bytes; i++)
        (void)sketch_of((struct fct_str){bytes, i});
}
END_TEST

/* ---- properties of many ---- */

static void write_text(uint64_t *state, unsigned words, char out[ROOM], unsigned *word)
{
    size_t n = 0;

    for (unsigned i = 0; i < words; i++)
        word[i] = next_number(state) % WORDS;
    for (unsigned i = 0; i < words; i++)
        n += (size_t)snprintf(out + n, ROOM - n, "w%c%c%c ", 'a' + (int)(word[i] / 676),
                              'a' + (int)(word[i] / 26 % 26), 'a' + (int)(word[i] % 26));
}

static void print_words(const unsigned *word, unsigned words, char out[ROOM])
{
    size_t n = 0;

    for (unsigned i = 0; i < words; i++)
        n += (size_t)snprintf(out + n, ROOM - n, "w%c%c%c ", 'a' + (int)(word[i] / 676),
                              'a' + (int)(word[i] / 26 % 26), 'a' + (int)(word[i] % 26));
}

/* Each changed word changes three runs: the share that stays, and so the estimate, is known. */
START_TEST(estimates)
{
    enum { LENGTH = 200, TRIES = 60 };
    static const unsigned changes[] = {0, 2, 5, 10, 20, 40};
    uint64_t state = 1;

    for (size_t c = 0; c < FCT_COUNT(changes); c++) {
        double expected = 0, seen = 0;

        for (unsigned t = 0; t < TRIES; t++) {
            static char text[ROOM];
            unsigned word[LENGTH], touched[LENGTH] = {0}, lost = 0;
            struct fuzzy_sketch before, after;

            write_text(&state, LENGTH, text, word);
            before = sketch_of(text_of(text));
            for (unsigned i = 0; i < changes[c]; i++) {
                unsigned at = next_number(&state) % LENGTH;

                word[at] = (word[at] + 1 + next_number(&state) % (WORDS - 1)) % WORDS;
                touched[at] = 1;
            }
            print_words(word, LENGTH, text);
            after = sketch_of(text_of(text));
            for (unsigned i = 0; i + 2 < LENGTH; i++)
                lost += touched[i] || touched[i + 1] || touched[i + 2];
            expected += (double)(LENGTH - 2 - lost) / (LENGTH - 2 + lost); /* of the union */
            seen += (double)fuzzy_sketch_equal(&before, &after) / FUZZY_POSITIONS;
        }
        ck_assert_msg(fabs(expected - seen) / TRIES < 0.04, "%u words changed: %.3f, not %.3f",
                      changes[c], seen / TRIES, expected / TRIES);
        if (changes[c] <= 10)
            ck_assert_msg(seen / TRIES > 0.6, "%u words changed: %.3f", changes[c], seen / TRIES);
    }
}
END_TEST

/* Of all pairs of some thousand texts with common words and one common closing, none is a hit. */
START_TEST(unrelated)
{
    static struct fuzzy_sketch all[UNRELATED];
    static char text[ROOM];
    uint64_t state = 2;
    unsigned nearest = 0;

    for (unsigned i = 0; i < UNRELATED; i++) {
        unsigned word[400], words = 40 + next_number(&state) % 160;

        write_text(&state, words, text, word);
        (void)snprintf(text + strlen(text), ROOM - strlen(text),
                       " sent from my phone to unsubscribe click here");
        all[i] = sketch_of(text_of(text));
        ck_assert(all[i].is_there);
    }
    for (unsigned i = 0; i < UNRELATED; i++)
        for (unsigned k = 0; k < i; k++) {
            unsigned equal = fuzzy_sketch_equal(&all[i], &all[k]);

            nearest = equal > nearest ? equal : nearest;
        }
    ck_assert_msg(nearest < HIT, "%u of %d equal", nearest, FUZZY_POSITIONS);
}
END_TEST

START_TEST(keyed)
{
    struct fuzzy_sketcher s;
    struct fuzzy_sketch one = sketch_of(text_of(LETTER)), other;

    ck_assert_uint_ne(fuzzy_key(FCT_STR("a")), fuzzy_key(FCT_STR("b")));
    fuzzy_sketch_begin(&s, fuzzy_key(FCT_STR("a")));
    fuzzy_text_add(&s, text_of(LETTER));
    fuzzy_sketch_end(&s, &other);
    ck_assert_uint_eq(fuzzy_sketch_equal(&one, &other), 0);
}
END_TEST

static void tests(TCase *tc)
{
    tcase_add_test(tc, normalised);
    tcase_add_test(tc, hosts_matter);
    tcase_add_test(tc, too_little);
    tcase_add_test(tc, without_spaces);
    tcase_add_test(tc, any_bytes);
    tcase_add_test(tc, estimates);
    tcase_add_test(tc, unrelated);
    tcase_add_test(tc, keyed);
}

int main(void)
{
    return run_suite("fuzzy_sketch", tests);
}
