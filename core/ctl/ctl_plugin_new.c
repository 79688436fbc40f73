/* ctl_plugin_new.c - `facteurctl plugin new`: a project that builds, tests and loads as it is. The
 * files are a table; @name@ and @NAME@ stand for the plugin's name. */
#include "core/base/str.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 65536u

struct project_file {
    const char *path, *text;
};

/* clang-format off */
static const struct project_file c_project[] = {
    {"CMakeLists.txt",
     "cmake_minimum_required(VERSION 3.20)\n"
     "project(@name@ VERSION 0.1.0 LANGUAGES C)\n"
     "set(CMAKE_C_STANDARD 17)\n"
     "include(CTest)\n"
     "find_package(Facteur REQUIRED)\n"
     "facteur_add_plugin(@name@ SOURCES @name@.c)\n"},
    {"@name@.c",
     "/* @name@.c - finds a word in the subject. Read include/facteur/plugin.h for all there is. */\n"
     "#include <facteur/plugin.h>\n"
     "\n"
     "#include <strings.h>\n"
     "\n"
     "static const struct fct_host *host;\n"
     "\n"
     "/* The rows of `plugin @name@ { … }`. */\n"
     "struct @name@_conf {\n"
     "    const char *word;\n"
     "};\n"
     "static const struct fct_conf_key keys[] = {\n"
     "    FCT_CONF_KEY(struct @name@_conf, word, \"lottery\", \"The word to look for, in any case\"),\n"
     "    FCT_CONF_END,\n"
     "};\n"
     "\n"
     "static const struct fct_symbol symbols[] = {\n"
     "    {\"@NAME@_WORD\", 1.5, \"content\", \"the subject contains the word\"},\n"
     "    {0},\n"
     "};\n"
     "\n"
     "static bool contains(struct fct_str text, const char *word)\n"
     "{\n"
     "    size_t n = strlen(word);\n"
     "\n"
     "    for (size_t i = 0; n > 0 && i + n <= text.n; i++)\n"
     "        if (strncasecmp(text.p + i, word, n) == 0)\n"
     "            return true;\n"
     "    return false;\n"
     "}\n"
     "\n"
     "static enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)\n"
     "{\n"
     "    const struct @name@_conf *conf = state;\n"
     "    const struct fct_header *subject = host->header(call, \"Subject\", 0);\n"
     "\n"
     "    (void)ev;\n"
     "    if (subject && contains(host->header_text(call, subject), conf->word))\n"
     "        host->symbol(call, \"@NAME@_WORD\", 1.0, (struct fct_str){conf->word, strlen(conf->word)});\n"
     "    return FCT_NEXT;\n"
     "}\n"
     "\n"
     "static bool start(struct fct_self *self, const struct fct_host *given, const void *conf, void **state,\n"
     "                  struct fct_err *err)\n"
     "{\n"
     "    (void)self;\n"
     "    (void)err;\n"
     "    host = given;\n"
     "    memcpy(state, &conf, sizeof conf); /* conf lives until stop() */\n"
     "    return true;\n"
     "}\n"
     "\n"
     "static const struct fct_hook_row hooks[] = {\n"
     "    FCT_ON(scan, on_scan),\n"
     "};\n"
     "\n"
     "const struct fct_plugin fct_plugin = {\n"
     "    .head = FCT_PLUGIN_HEAD,\n"
     "    .name = \"@name@\",\n"
     "    .version = \"0.1.0\",\n"
     "    .summary = \"finds a word in the subject\",\n"
     "    .license = \"\",\n"
     "    .keys = keys,\n"
     "    .conf_size = sizeof(struct @name@_conf),\n"
     "    .symbols = symbols,\n"
     "    .hooks = hooks,\n"
     "    .nhooks = FCT_COUNT(hooks),\n"
     "    .start = start,\n"
     "};\n"},
    {"@name@.conf",
     "# Copy into conf.d/ and @name@.so into server.plugin_dir; then: facteurctl reload\n"
     "plugin @name@ {\n"
     "    # word = lottery\n"
     "}\n"},
    {"README.md",
     "# @name@\n"
     "\n"
     "A plugin for Facteur.\n"
     "\n"
     "    cmake -B build && cmake --build build && ctest --test-dir build --output-on-failure\n"
     "\n"
     "`tests/*.test` are scenarios: a message, who sends it, what must be found. They run in the server's own engine, without a server.\n"},
    {"tests/found.test",
     "# the word in the subject is found, in any case\n"
     "message  lottery.eml\n"
     "from     winner@example.org\n"
     "rcpt     alice@example.test\n"
     "expect   symbol @NAME@_WORD 1.5\n"
     "expect   verdict keep\n"},
    {"tests/another_word.test",
     "# the word comes from the configuration\n"
     "message  lottery.eml\n"
     "conf     word = invoice\n"
     "expect   no symbol @NAME@_WORD\n"},
    {"tests/lottery.eml",
     "From: Winner <winner@example.org>\n"
     "To: Alice <alice@example.test>\n"
     "Subject: Your LOTTERY ticket\n"
     "Date: Mon, 5 Jan 2026 10:11:12 +0100\n"
     "Message-ID: <1@example.org>\n"
     "\n"
     "Hello Alice\n"},
    {0},
};

static const struct project_file lua_project[] = {
    {"@name@.lua",
     "-- @name@.lua - finds a word in the subject. docs/lua-api.md has all there is.\n"
     "rule { \"@NAME@_WORD\", score = 1.5, group = \"content\",\n"
     "  about = \"the subject contains the word\",\n"
     "  function(m)\n"
     "    return m.subject and m.subject:lower():match(\"lottery\")\n"
     "  end }\n"},
    {"@name@_test.lua",
     "-- Runs with `facteurctl lua test @name@.lua`, and before every reload.\n"
     "return {\n"
     "  { \"the word, in any case\", message = \"lottery.eml\", finds = { \"@NAME@_WORD\" } },\n"
     "  { \"another subject\", message = \"hello.eml\" },\n"
     "}\n"},
    {"lottery.eml",
     "From: Winner <winner@example.org>\n"
     "To: Alice <alice@example.test>\n"
     "Subject: Your LOTTERY ticket\n"
     "\n"
     "Hello Alice\n"},
    {"hello.eml",
     "From: Bob <bob@example.org>\n"
     "To: Alice <alice@example.test>\n"
     "Subject: Lunch\n"
     "\n"
     "Hello Alice\n"},
    {"@name@.conf",
     "# In facteur.conf: include /path/to/@name@/@name@.conf; then: facteurctl reload\n"
     "lua @name@ {\n"
     "    file = \"@name@.lua\"\n"
     "}\n"},
    {"README.md",
     "# @name@\n"
     "\n"
     "A rule for Facteur.\n"
     "\n"
     "    facteurctl lua test @name@.lua\n"
     "    facteurctl lua lint @name@.lua\n"},
    {0},
};
/* clang-format on */

/* ---- writing ---- */

static void put_named(const char *text, const char *name, struct buf *out)
{
    for (const char *p = text; *p; p++) {
        bool upper = strncmp(p, "@NAME@", 6) == 0;

        if (!upper && strncmp(p, "@name@", 6) != 0) {
            buf_put_char(out, *p);
            continue;
        }
        for (const char *n = name; *n; n++)
            buf_put_char(out, *n == '-'                         ? '_'
                              : upper && *n >= 'a' && *n <= 'z' ? (char)(*n - 32)
                                                                : *n);
        p += 5;
    }
}

static bool write_file(const char *path, struct fct_str text, struct fct_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n;
    int why = errno;

    if (fd >= 0)
        close(fd);
    return ok || fct_fail(err, FCT_TEMP, "write %s: %s", path, strerror(why));
}

static bool write_project_file(struct ctl *c, const char *folder, const char *name,
                               const struct project_file *file, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf path = BUF_INIT(4096);
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(FILE_MAX);
    const char *full, *slash;

    put_named(file->path, name, &path);
    put_named(file->text, name, &text);
    full = arena_printf(c->arena, "%s/%.*s", folder, FCT_FMT(buf_str(&path))).p;
    slash = strrchr(full, '/');
    if (mkdir(arena_printf(c->arena, "%.*s", (int)(slash - full), full).p, 0755) != 0 &&
        errno != EEXIST)
        return fct_fail(err, FCT_TEMP, "create the folder of %s: %s", full, strerror(errno));
    return write_file(full, buf_str(&text), err);
}

/* C names it becomes part of: letters first. */
static bool is_name(const char *name)
{
    size_t n = strlen(name);

    return n > 0 && n <= 40 && name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

int ctl_plugin_make(struct ctl *c, bool lua)
{
    const char *name = c->word[0], *folder = c->words > 1 ? c->word[1] : name;
    const struct project_file *file = lua ? lua_project : c_project;
    struct fct_err err = {0};

    if (!is_name(name)) {
        (void)fct_fail(&err, FCT_SYNTAX, "\"%s\" is no name: a letter, then a-z, 0-9 and '_'",
                       name);
        return ctl_error(&err);
    }
    if (mkdir(folder, 0755) != 0) {
        (void)fct_fail(&err, FCT_TEMP, "create %s: %s", folder, strerror(errno));
        return ctl_error(&err);
    }
    for (; file->path; file++)
        if (!write_project_file(c, folder, name, file, &err))
            return ctl_error(&err);
    if (c->json)
        ctl_print_json(json_pack("{s:s, s:s}", "name", name, "folder", folder));
    else if (lua)
        printf("%s is ready:\n  facteurctl lua test %s/%s.lua\n", folder, folder, name);
    else
        printf("%s is ready:\n  cd %s && cmake -B build%s && cmake --build build && ctest "
               "--test-dir build --output-on-failure\n",
               folder, folder, ctl_plugin_package_hint(c));
    return CTL_OK;
}

int ctl_plugin_new(struct ctl *c)
{
    return ctl_plugin_make(c, ctl_option(c, "--lua") != NULL);
}
