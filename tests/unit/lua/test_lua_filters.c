/* test_lua_filters.c - the shipped rules: each lua/filters/NAME_test.lua lists messages of
 * tests/lua and what NAME.lua must find in them: { { "case", message = "x.eml", finds = { SYMBOL …
 * }, adds = { "Field: value" … } } … }. */
#include "mock_host.h"

#include <check.h>
#include <glob.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>

static const char *source(void)
{
    const char *dir = getenv("FCT_SOURCE");

    ck_assert_msg(dir, "FCT_SOURCE is not set (ctest sets it)");
    return dir;
}

/* Does the list in field `name` of the case have this entry? */
static bool lists(lua_State *L, const char *name, const char *entry)
{
    bool found = false;
    int top = lua_gettop(L);

    if (lua_getfield(L, top, name) == LUA_TTABLE)
        for (lua_Integer i = 1; lua_rawgeti(L, top + 1, i) != LUA_TNIL; i++) {
            found = found || strcmp(lua_tostring(L, -1), entry) == 0;
            lua_pop(L, 1);
        }
    lua_settop(L, top);
    return found;
}

static size_t length(lua_State *L, const char *name)
{
    size_t n = lua_getfield(L, -1, name) == LUA_TTABLE ? (size_t)lua_rawlen(L, -1) : 0;

    lua_pop(L, 1);
    return n;
}

/* A string of the case; the case keeps it alive. */
static const char *text(lua_State *L, const char *name)
{
    const char *s;

    lua_getfield(L, -1, name);
    s = lua_tostring(L, -1);
    lua_pop(L, 1);
    ck_assert_msg(s, "a case has no %s", name);
    return s;
}

static void run_case(struct mock *m, lua_State *L)
{
    const char *file = text(L, "message");
    char path[4096];
    size_t edits = 0;

    snprintf(path, sizeof path, "%s/tests/lua/%s", source(), file);
    mock_message_file(m, path);
    mock_clear(m);
    mock_run(m, FCT_HOOK_headers, NULL);
    mock_run(m, FCT_HOOK_scan, NULL);
    mock_run(m, FCT_HOOK_verdict, NULL);
    mock_run(m, FCT_HOOK_edit, NULL);
    ck_assert_msg(!*m->log, "%s: %s", file, m->log);
    for (size_t i = 0; i < m->nfound; i++)
        ck_assert_msg(lists(L, "finds", m->found[i]), "%s: %s is found", file, m->found[i]);
    ck_assert_msg(m->nfound == length(L, "finds"), "%s: only %s is found", file, m->hits);
    for (char *rest = NULL, *at = strtok_r(m->edits, "\n", &rest); at;
         at = strtok_r(NULL, "\n", &rest), edits++)
        ck_assert_msg(strncmp(at, "add top ", 8) == 0 && lists(L, "adds", at + 8), "%s: %s", file,
                      at);
    ck_assert_msg(edits == length(L, "adds"), "%s: %zu fields are added", file, edits);
}

static void run_file(const char *test)
{
    lua_State *L = luaL_newstate();
    char rules[4096];
    struct mock m;
    lua_Integer n;

    ck_assert_msg(luaL_dofile(L, test) == LUA_OK, "%s", lua_tostring(L, -1));
    ck_assert_msg(lua_istable(L, -1), "%s returns no table", test);
    snprintf(rules, sizeof rules, "%.*s.lua", (int)(strlen(test) - strlen("_test.lua")), test);
    mock_open(&m);
    mock_rules(&m, rules, NULL);
    ck_assert_msg(mock_start(&m), "%s", m.err.text);
    for (n = 1; lua_rawgeti(L, 1, n) != LUA_TNIL; n++) {
        run_case(&m, L);
        lua_settop(L, 1);
    }
    ck_assert_msg(n > 1, "%s has no case", test);
    m.files[0] = NULL;
    mock_close(&m);
    lua_close(L);
}

START_TEST(shipped_rules)
{
    char pattern[4096];
    glob_t tests;

    snprintf(pattern, sizeof pattern, "%s/lua/filters/*_test.lua", source());
    ck_assert_int_eq(glob(pattern, 0, NULL, &tests), 0);
    for (size_t i = 0; i < tests.gl_pathc; i++)
        run_file(tests.gl_pathv[i]);
    globfree(&tests);
}
END_TEST

/* No rule file is shipped without its test. */
START_TEST(every_rule_has_a_test)
{
    char pattern[4096], test[4200];
    glob_t files;
    FILE *f;

    snprintf(pattern, sizeof pattern, "%s/lua/filters/*.lua", source());
    ck_assert_int_eq(glob(pattern, 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        size_t n = strlen(files.gl_pathv[i]);
        if (n > 9 && strcmp(files.gl_pathv[i] + n - 9, "_test.lua") == 0)
            continue;
        snprintf(test, sizeof test, "%.*s_test.lua", (int)(n - 4), files.gl_pathv[i]);
        f = fopen(test, "re");
        ck_assert_msg(f, "%s is missing", test);
        fclose(f);
    }
    globfree(&files);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lua_filters");
    TCase *t = tcase_create("filters");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, t);
    tcase_add_test(t, shipped_rules);
    tcase_add_test(t, every_rule_has_a_test);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
