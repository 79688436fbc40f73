/* test_lua_api.c - every test beside a rule file passes, every shipped rule file has one, and every
 * row of lua_api.def stands in some test. The cases are run by the engine itself, as when a set is
 * loaded. */
#include "lua/engine/lua_tool.h"
#include "mock_host.h"

#include <check.h>
#include <dlfcn.h>
#include <glob.h>
#include <stdlib.h>

/* Folders of rule files, from the root of the source. tests/lua is for tests only. */
static const char *const folders[] = {"lua/filters", "lua/filters/examples", "lua/examples",
                                      "tests/lua"};

static struct mock m;
static const struct fct_lua_tool *tool;

static const char *source(void)
{
    const char *dir = getenv("FCT_SOURCE");

    ck_assert_msg(dir, "FCT_SOURCE is not set (ctest sets it)");
    return dir;
}

static void find(const char *folder, const char *pattern, glob_t *out)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s/%s", source(), folder, pattern);
    ck_assert_msg(glob(path, 0, NULL, out) == 0, "%s: nothing there", path);
}

static void open_tool(void)
{
    mock_open(&m);
    tool = dlsym(m.library, "fct_lua_tool");
    ck_assert_ptr_nonnull(tool);
    ck_assert_uint_eq(tool->version, LUA_TOOL_VERSION);
}

/* ---- the tests beside rule files ---- */

/* Every failure is named, not only the first. */
static void count_case(void *arg, const struct lua_tool_case *result)
{
    size_t *seen = arg;

    ++*seen;
    if (!result->passed)
        fprintf(stderr, "%s:%u: %s: %s\n", result->file, result->line, result->name, result->why);
}

static size_t total_failed;

static void run_file(const char *path)
{
    struct lua_tool_job job = {
        .size = sizeof job, .host = &mock_functions, .file = &path, .files = 1};
    size_t cases = 0, failed = 0, seen = 0;
    struct fct_err err = {0};

    ck_assert_msg(tool->test(&job, count_case, &seen, &cases, &failed, &err), "%s", err.text);
    total_failed += failed;
    ck_assert_uint_eq(seen, cases);
    ck_assert_msg(cases > 0, "%s has no test", path);
}

static bool is_test(const char *path)
{
    size_t n = strlen(path);

    return n > 9 && strcmp(path + n - 9, "_test.lua") == 0;
}

START_TEST(every_rule_file_passes_its_test)
{
    open_tool();
    for (size_t i = 0; i < FCT_COUNT(folders); i++) {
        glob_t files;

        find(folders[i], "*.lua", &files);
        for (size_t j = 0; j < files.gl_pathc; j++)
            if (!is_test(files.gl_pathv[j]))
                run_file(files.gl_pathv[j]);
        globfree(&files);
    }
    ck_assert_uint_eq(total_failed, 0);
    mock_close(&m);
}
END_TEST

/* A shipped file is loaded as the server loads it: its tests are run again by start(). */
START_TEST(every_rule_file_loads)
{
    for (size_t i = 0; i < FCT_COUNT(folders); i++) {
        char *pattern = NULL;

        mock_open(&m);
        ck_assert_int_gt(asprintf(&pattern, "%s/%s/*.lua", source(), folders[i]), 0);
        mock_rules(&m, pattern, NULL);
        ck_assert_msg(mock_start(&m), "%s", m.err.text);
        m.files[0] = NULL;
        mock_close(&m);
        free(pattern);
    }
}
END_TEST

/* ---- lint ---- */

/* How long a pattern takes depends on the machine: that does not count here. */
static void count_finding(void *arg, const struct lua_tool_finding *finding)
{
    size_t *findings = arg;

    if (strstr(finding->text, " is slow: "))
        return;
    ++*findings;
    fprintf(stderr, "%s\n", finding->text);
}

START_TEST(every_rule_file_is_clean)
{
    open_tool();
    for (size_t i = 0; i < FCT_COUNT(folders); i++) {
        char *pattern = NULL;
        struct lua_tool_job job = {.size = sizeof job, .host = &mock_functions, .files = 1};
        size_t findings = 0;

        ck_assert_int_gt(asprintf(&pattern, "%s/%s/*.lua", source(), folders[i]), 0);
        job.file = (const char *const *)&pattern;
        tool->lint(&job, count_finding, &findings);
        ck_assert_uint_eq(findings, 0);
        free(pattern);
    }
    mock_close(&m);
}
END_TEST

/* ---- every row of the table stands in a test ---- */

static char *everything;

static void add_file(const char *path)
{
    FILE *f = fopen(path, "re");
    size_t used = everything ? strlen(everything) : 0, n;
    char *text = NULL;
    size_t size = 0;

    ck_assert_msg(f && getdelim(&text, &size, '\0', f) >= 0, "%s", path);
    n = strlen(text);
    everything = realloc(everything, used + n + 1);
    memcpy(everything + used, text, n + 1);
    free(text);
    fclose(f);
}

static void add_files(const char *folder, const char *pattern)
{
    glob_t files;

    find(folder, pattern, &files);
    for (size_t i = 0; i < files.gl_pathc; i++)
        if (!strstr(files.gl_pathv[i], "test_lua_api.c"))
            add_file(files.gl_pathv[i]);
    globfree(&files);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* `text` as a word that one of the characters `before` stands in front of ("" for any that is no
 * letter). */
static bool stands(const char *before, const char *text)
{
    for (const char *at = everything; (at = strstr(at, text)); at++)
        if (at > everything && !is_letter(at[strlen(text)]) &&
            (*before ? strchr(before, at[-1]) != NULL : !is_letter(at[-1])))
            return true;
    return false;
}

static void must_stand(const char *owner, const char *name, const char *before, const char *text)
{
    ck_assert_msg(stands(before, text), "no test uses %s.%s", owner, name);
}

static void function(const char *library, const char *name)
{
    char text[80];

    snprintf(text, sizeof text, "%s.%s", library, name);
    must_stand(library, name, "", strcmp(library, "global") == 0 ? name : text);
}

START_TEST(every_row_is_tested)
{
    for (size_t i = 0; i < FCT_COUNT(folders); i++)
        add_files(folders[i], "*.lua");
    add_files("tests/unit/lua", "test_lua_*.c");
    /* clang-format off */
#define FIELD(object, name, type, doc, example)                   must_stand(#object, #name, ".", #name);
#define PLAIN(object, name, type, doc, example)                   must_stand(#object, #name, ".", #name);
#define METHOD(object, name, arguments, returns, doc, example)    must_stand(#object, #name, ":", #name);
#define FUNCTION(library, name, arguments, returns, doc, example) function(#library, #name);
#define VALUE(library, name, type, doc, example)                  function(#library, #name);
#include "lua/engine/lua_api.def"
    /* clang-format on */
    free(everything);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lua_api");
    TCase *t = tcase_create("api");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, t);
    tcase_add_test(t, every_rule_file_passes_its_test);
    tcase_add_test(t, every_rule_file_loads);
    tcase_add_test(t, every_rule_file_is_clean);
    tcase_add_test(t, every_row_is_tested);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
