/* test_imap_pattern.c - the wildcards of LIST. */
#include "imap_test.h"
#include "protocols/imap/imap_pattern.h"

START_TEST(patterns)
{
    static const struct {
        const char *pattern, *name;
        bool want;
    } cases[] = {
        {"*", "", true},           {"*", "a/b/c", true},
        {"%", "a", true},          {"%", "a/b", false},
        {"%/%", "a/b", true},      {"%/%", "a/b/c", false},
        {"a*", "a/b", true},       {"a%", "a/b", false},
        {"a%", "abc", true},       {"*c", "a/b/c", true},
        {"%c", "a/b/c", false},    {"a/%", "a/b", true},
        {"a/%", "a", false},       {"", "", true},
        {"", "a", false},          {"INBOX", "INBOX", true},
        {"inbox", "INBOX", false}, {"*b*", "a/b/c", true},
        {"%b%", "abc", true},      {"%b%", "a/b", false},
        {"a*%c", "a/b/xc", true},  {"*%/c", "a/b/c", true},
        {"%*c", "a/c", true},      {"**", "a/b", true},
        {"%%", "ab", true},        {"a%b%c", "aXbYbZc", true},
        {"a%b", "a/b", false},     {"*a%b", "xa/ab", true},
        {"*a%b", "xa/b", false},   {"%a%", "b/a", false},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        ck_assert_msg(imap_pattern_match(str_from(cases[i].pattern), str_from(cases[i].name)) ==
                          cases[i].want,
                      "%s %s", cases[i].pattern, cases[i].name);
}
END_TEST

/* Every pattern of up to five of "a*%/" against every name of up to five of "a/", compared with the
 * definition. */
static bool by_definition(struct fct_str pattern, struct fct_str name)
{
    if (pattern.n == 0)
        return name.n == 0;
    if (pattern.p[0] == '*' || pattern.p[0] == '%') {
        for (size_t k = 0; k <= name.n; k++) {
            if (by_definition(str_skip(pattern, 1), str_skip(name, k)))
                return true;
            if (k < name.n && pattern.p[0] == '%' && name.p[k] == '/')
                return false;
        }
        return false;
    }
    return name.n > 0 && name.p[0] == pattern.p[0] &&
           by_definition(str_skip(pattern, 1), str_skip(name, 1));
}

static struct fct_str number_as_text(unsigned v, const char *letters, unsigned base, char room[8])
{
    size_t n = 0;

    for (; v > 0; v = (v - 1) / base)
        room[n++] = letters[(v - 1) % base];
    return (struct fct_str){room, n};
}

START_TEST(all_short_patterns)
{
    for (unsigned p = 0; p < 1365 + 4096; p++)
        for (unsigned n = 0; n < 255; n++) {
            char pattern_room[8], name_room[8];
            struct fct_str pattern = number_as_text(p, "a*%/", 4, pattern_room);
            struct fct_str name = number_as_text(n, "a/", 2, name_room);

            ck_assert_msg(imap_pattern_match(pattern, name) == by_definition(pattern, name),
                          "%.*s %.*s", FCT_FMT(pattern), FCT_FMT(name));
        }
}
END_TEST

START_TEST(many_stars_stay_cheap)
{
    static char pattern[1000], name[1000];

    memset(name, 'a', sizeof name);
    for (size_t i = 0; i < sizeof pattern; i += 2)
        pattern[i] = '*', pattern[i + 1] = 'a';
    pattern[sizeof pattern - 1] = 'b';
    for (int i = 0; i < 100; i++)
        ck_assert(!imap_pattern_match((struct fct_str){pattern, sizeof pattern},
                                      (struct fct_str){name, sizeof name}));
}
END_TEST

IMAP_TESTS("imap_pattern", patterns, all_short_patterns, many_stars_stay_cheap)
