/* test_lua_pattern.c - our matcher against the cases of the manual, against Lua's own on harmless
 * input, and its bounds. */
#include "lua/engine/lua_pattern.h"
#include "mock_host.h"

#include "core/base/str.h"
#include <check.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdlib.h>

/* ---- one match as text: "start-end capture capture", captures in [ ], positions as @n ---- */

static const char *describe(const struct lua_match *m)
{
    static char out[1024];
    size_t n = (size_t)snprintf(out, sizeof out, "%zu-%zu", m->start, m->end);

    for (size_t i = 0; i < m->captures; i++)
        if (m->capture[i].position)
            n += (size_t)snprintf(out + n, sizeof out - n, " @%zu", m->capture[i].start);
        else
            n += (size_t)snprintf(out + n, sizeof out - n, " [%.*s]", (int)m->capture[i].length,
                                  m->subject.p + m->capture[i].start);
    return out;
}

static const char *search(struct fct_str subject, struct fct_str pattern, uint64_t steps)
{
    struct lua_pattern *p = malloc(lua_pattern_bytes(pattern.n));
    struct lua_match m = {.subject = subject, .steps = steps};
    const char *result = lua_pattern_compile(pattern, true, p);

    if (!result) {
        enum lua_matched how = lua_pattern_search(p, &m, 0);
        result = how == LUA_MATCHED ? describe(&m) : how == LUA_NO_MATCH ? "none" : "costly";
    }
    free(p);
    return result;
}

/* clang-format off */
static const struct {
    const char *subject, *pattern, *want;
} cases[] = {
    {"hello", "l+", "2-4"}, {"hello", "l-", "0-0"}, {"hello", "l*", "0-0"}, {"hello", "^h.-o$", "0-5"},
    {"hello", "^e", "none"}, {"hello", "x?h", "0-1"}, {"hello", "h?e", "0-2"}, {"", "", "0-0"}, {"abc", "", "0-0"}, {"", "$", "0-0"},
    {"a.b", "%.", "1-2"}, {"a$b", "$b", "1-3"}, {"a$", "%$$", "1-2"}, {"^a", "%^", "0-1"}, {"a^", "a^", "0-2"},
    {"key = value", "(%w+)%s*=%s*(%w+)", "0-11 [key] [value]"}, {"abc", "()b()", "1-2 @1 @2"}, {"abc", "((a)(b))", "0-2 [ab] [a] [b]"},
    {"THE (quick) fox", "%((%a+)%)", "4-11 [quick]"}, {"THE (quick) fox", "%f[%a]%a+%f[%A]", "0-3"}, {"x THE", "%f[%u]%u+$", "2-5"},
    {"f(a(b)c)d", "%b()", "1-8"}, {"f(a(bc", "%b()", "none"}, {"'a'b'", "%b''", "0-3"}, {"((", "%b()", "none"},
    {"say 'hi' now", "(['\"])(.-)%1", "4-8 ['] [hi]"}, {"abab", "(ab)%1", "0-4 [ab]"}, {"abac", "(ab)%1", "none"},
    {"]", "[]]", "0-1"}, {"-", "[a-]", "0-1"}, {"-", "[%a-]", "0-1"}, {"^", "[%^]", "0-1"}, {"b", "[^a]", "0-1"}, {"]", "[^]]", "none"},
    {"5", "[%d%s]", "0-1"}, {"a", "[%D]", "0-1"}, {"z", "[a-f]", "none"}, {"%", "%%", "0-1"}, {"a\tb", "%s", "1-2"}, {"\x7f", "%c", "0-1"},
    {"\xc3\xa9", "%a", "none"}, {"\xc3\xa9", "[\x80-\xff]+", "0-2"}, {"Ab1_", "%w+", "0-3"}, {"!a", "%p", "0-1"}, {" a", "%g", "1-2"}, {"fF09g", "%x+", "0-4"},
    {"aaa", "a-$", "0-3"}, {"aaab", "a-b", "0-4"}, {"aXb", "%u", "1-2"}, {"aXb", "%U%u%U", "0-3"}, {"--", "%-+", "0-2"}, {"*", "*", "0-1"}, {"a*", "a%*", "0-2"},
    {"(a)", "(%()", "0-1 [(]"}, {"aa", "(a)*", "none"}, {"a*", "(a)*", "0-2 [a]"},
    {"x", "%", "malformed pattern (ends with '%')"}, {"x", "[a", "malformed pattern (missing ']')"}, {"x", "[", "malformed pattern (missing ']')"},
    {"x", "[%", "malformed pattern (missing ']')"}, {"x", "[]", "malformed pattern (missing ']')"}, {"x", "%b", "malformed pattern (missing arguments to '%b')"},
    {"x", "%bx", "malformed pattern (missing arguments to '%b')"}, {"x", "%f", "missing '[' after '%f' in pattern"}, {"x", "(x", "unfinished capture"},
    {"x", "x)", "invalid pattern capture"}, {"x", "%1", "invalid capture index"}, {"x", "(%1)", "invalid capture index (it is still open)"}, {"x", "%0", "invalid capture index"},
};

/* Against Lua's own functions, to the letter: captures, empty matches, counts, init. */
static const char *const scripts[] = {
    "return tostring(%s.find('hello world', 'o w'))",
    "return table.concat({%s.find('hello world', '(o)( )', 3)}, ',')",
    "return table.concat({%s.find('a.b', '.', 2, true)}, ',')",
    "return table.concat({%s.find('abc', 'b', -1)}, ',') .. tostring(%s.find('abc', '', 4)) .. tostring(%s.find('abc', '', 5))",
    "return table.concat({%s.gsub('hello world', 'o', '0')}, ',')",
    "return table.concat({%s.gsub('hello world', 'o', '0', 1)}, ',')",
    "return table.concat({%s.gsub('hello', '', '-')}, ',')",
    "return table.concat({%s.gsub('hello world', '%%w*', '<%%0>')}, ',')",
    "return table.concat({%s.gsub('hello', '(l)(l)', '%%2%%1%%%%')}, ',')",
    "return table.concat({%s.gsub('abc', '%%w', {a = '1', b = false})}, ',')",
    "return table.concat({%s.gsub('abc', '%%w', function(c) if c ~= 'b' then return c:upper() end end)}, ',')",
    "return table.concat({%s.gsub('abc', '()', function(p) return p end)}, ',')",
    "return table.concat({%s.gsub('aaa', '^a', 'b')}, ',')",
    "return table.concat({%s.gsub('abc def', '%%f[%%a]%%a', string.upper)}, ',')",
    "local t = {} for w in %s.gmatch('one two  three', '%%a+') do t[#t + 1] = w end return table.concat(t, '|')",
    "local t = {} for k, v in %s.gmatch('a=1, b=2', '(%%w+)=(%%w+)') do t[#t + 1] = k .. v end return table.concat(t, '|')",
    "local t = {} for w in %s.gmatch('abc', '') do t[#t + 1] = '[' .. w .. ']' end return table.concat(t, '|')",
    "local t = {} for w in %s.gmatch('aab', 'a*') do t[#t + 1] = '[' .. w .. ']' end return table.concat(t, '|')",
    "local t = {} for w in %s.gmatch('^a^a', '^a') do t[#t + 1] = w end return table.concat(t, '|')",
    "local t = {} for w in %s.gmatch('abcd', '.', 3) do t[#t + 1] = w end return table.concat(t, '|')",
    "return table.concat({%s.match('2026-01-05', '(%%d+)-(%%d+)-(%%d+)')}, ',')",
    "return table.concat({%s.match('  trim  ', '^%%s*(.-)%%s*$')}, ',') .. tostring(%s.match('abc', '()', 2))",
    "return %s.rep('ab', 3, '-') .. %s.rep('x', 0) .. %s.rep('x', -1) .. #%s.rep('', 100)",
    "return %s.format('%%5.2f|%%-5s|%%05d|%%q|%%x|%%s', 3.14159, 'ab', 42, 'a\"b', 255, true)",
};
/* clang-format on */

START_TEST(manual)
{
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        const char *got = search(str_from(cases[i].subject), str_from(cases[i].pattern), 1000);
        ck_assert_msg(strcmp(got, cases[i].want) == 0, "'%s' in '%s': got %s, want %s",
                      cases[i].pattern, cases[i].subject, got, cases[i].want);
    }
}
END_TEST

START_TEST(zero_bytes)
{
    ck_assert_str_eq(search(FCT_STR("a\0b"), FCT_STR("\0"), 1000), "1-2");
    ck_assert_str_eq(search(FCT_STR("a\0b"), FCT_STR("%z"), 1000), "1-2");
    ck_assert_str_eq(search(FCT_STR("a\0b"), FCT_STR("[^\0]+$"), 1000), "2-3");
    ck_assert_str_eq(search(FCT_STR("\0"), FCT_STR("%c"), 1000), "0-1");
}
END_TEST

START_TEST(bounded)
{
    static const char *const bombs[] = {".-.-.-b", "a*a*a*a*b", "(.-)(.-)(.-)(.-)b",
                                        "a?a?a?a?a*a*b", ".*.*.*b"};
    struct fct_str subject = {malloc(30000), 30000};

    memset((char *)(uintptr_t)subject.p, 'a', subject.n);
    for (size_t i = 0; i < FCT_COUNT(bombs); i++)
        ck_assert_str_eq(search(subject, str_from(bombs[i]), 1000000), "costly");
    ck_assert_str_eq(search(subject, FCT_STR("a*$"), 1000000), "0-30000");
    ck_assert_str_eq(search(subject, FCT_STR("%b()"), 1000000), "none");
    free((char *)(uintptr_t)subject.p);
}
END_TEST

START_TEST(limits)
{
    char many[100] = "", *longest = malloc(LUA_PATTERN_LONGEST + 1);

    for (int i = 0; i < 32; i++)
        memcpy(many + 2 * i, "()", 2);
    ck_assert_str_ne(search(FCT_STR(""), (struct fct_str){many, 64}, 1000), "too many captures");
    memcpy(many + 64, "()", 2);
    ck_assert_str_eq(search(FCT_STR(""), (struct fct_str){many, 66}, 1000), "too many captures");
    memset(longest, 'a', LUA_PATTERN_LONGEST + 1);
    ck_assert_str_eq(search(FCT_STR("b"), (struct fct_str){longest, LUA_PATTERN_LONGEST}, 1000),
                     "none");
    ck_assert_str_eq(search(FCT_STR("b"), (struct fct_str){longest, LUA_PATTERN_LONGEST + 1}, 1000),
                     "pattern too long");
    ck_assert(lua_pattern_is_plain(FCT_STR("plain text, no magic")));
    for (const char *c = "^$*+?.([%-"; *c; c++)
        ck_assert(!lua_pattern_is_plain((struct fct_str){c, 1}));
    free(longest);
}
END_TEST

/* Every script gives with our functions, inside the plugin, what it gives with Lua's own. */
static const char *ours(const char *script, char *body, size_t size)
{
    size_t n = 0;

    for (const char *p = script; *p && n + 8 < size; p++) {
        if (p[0] == '%' && p[1] == 's' && (p[2] == '.')) {
            memcpy(body + n, "string", 6);
            n += 6;
            p++;
        } else if (p[0] == '%' && p[1] == '%') {
            body[n++] = '%';
            p++;
        } else {
            body[n++] = *p;
        }
    }
    body[n] = '\0';
    return body;
}

START_TEST(like_stock)
{
    lua_State *L = luaL_newstate();
    struct mock m;
    char body[1024], want[1024];

    luaL_openlibs(L);
    mock_open(&m);
    for (size_t i = 0; i < FCT_COUNT(scripts); i++) {
        ours(scripts[i], body, sizeof body);
        ck_assert_msg(luaL_dostring(L, body) == LUA_OK, "%s: %s", body, lua_tostring(L, -1));
        snprintf(want, sizeof want, "EVAL=%s", lua_tostring(L, -1));
        ck_assert_msg(strcmp(mock_eval(&m, "A: b\r\n\r\n", body), want) == 0, "%s: got %s, want %s",
                      body, mock_eval(&m, "A: b\r\n\r\n", body), want);
        lua_settop(L, 0);
    }
    mock_close(&m);
    lua_close(L);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lua_pattern");
    TCase *t = tcase_create("pattern");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, t);
    tcase_add_test(t, manual);
    tcase_add_test(t, zero_bytes);
    tcase_add_test(t, bounded);
    tcase_add_test(t, limits);
    tcase_add_test(t, like_stock);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
