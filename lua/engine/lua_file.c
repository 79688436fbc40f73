/* lua_file.c - loading rule files and the modules they require: text only, each with an _ENV of its
 * own.
 *
 * Everything is read at start, before the process closes itself in. One file that does not load
 * refuses the whole set. */
#include "lua_engine.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#define MODULES \
    "facteur.modules" /* registry: real path → what the module returned; false while it loads */
#define LOADED "facteur.files" /* registry: real path → true */

static bool fail(struct fct_err *err, const char *fmt, ...) FCT_PRINTF(2, 3);
static bool fail(struct fct_err *err, const char *fmt, ...)
{
    va_list args;

    err->class = FCT_SYNTAX;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    return false;
}

/* Pushes the file's chunk with a fresh _ENV, or raises. Mode "t": bytecode could do anything to the
 * process. */
static void push_chunk(lua_State *L, const char *path)
{
    if (luaL_loadfilex(L, path, "t") != LUA_OK)
        lua_error(L);
    lua_sandbox_push_env(L, path);
    lua_setupvalue(L, -2, 1);
}

/* ---- require ---- */

/* "facteur.text" → "facteur/text"; no other character can leave the folder. */
static bool module_path(struct fct_str name, char *out, size_t size)
{
    if (name.n == 0 || name.n >= size || name.p[0] == '.' || name.p[name.n - 1] == '.' ||
        strstr(name.p, ".."))
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-';
        if (!word && c != '.')
            return false;
        out[i] = c == '.' ? '/' : c;
    }
    out[name.n] = '\0';
    return true;
}

/* Beside the rule file first, then in `lib`; real gets the path without links. */
static bool find_module(const struct lua_engine *e, const char *relative, char real[PATH_MAX])
{
    const char *slash = strrchr(e->file, '/');
    char path[PATH_MAX];
    int n;

    n = snprintf(path, sizeof path, "%.*s%s.lua", slash ? (int)(slash - e->file + 1) : 0, e->file,
                 relative);
    if (n < (int)sizeof path && realpath(path, real))
        return true;
    if (!e->conf->lib || !*e->conf->lib)
        return false;
    n = snprintf(path, sizeof path, "%s/%s.lua", e->conf->lib, relative);
    return n < (int)sizeof path && realpath(path, real);
}

int lua_file_require(lua_State *L)
{
    struct fct_str name = lua_str_check(L, 1);
    struct lua_engine *e = lua_engine_of(L);
    char relative[256], real[PATH_MAX];

    lua_check_depth(L);
    if (!e->file) /* in a callback it would block everybody, and the process is closed in */
        return luaL_error(L, "require works only while the file is loaded");
    if (!module_path(name, relative, sizeof relative))
        return luaL_error(L, "'%s' is not the name of a module", name.p);
    if (!find_module(e, relative, real))
        return luaL_error(L, "module '%s' is neither beside this file nor in lua.lib", name.p);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, MODULES);
    switch (lua_getfield(L, -1, real)) {
    case LUA_TNIL:
        break;
    case LUA_TBOOLEAN:
        if (!lua_toboolean(L, -1))
            return luaL_error(L, "module '%s' requires itself", name.p);
        return 1;
    default:
        return 1;
    }
    lua_pop(L, 1);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, real);
    push_chunk(L, real);
    lua_call(L, 0, 1);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushboolean(L, 1);
    }
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, real);
    return 1;
}

/* ---- rule files ---- */

struct loading {
    const char *path, *real;
};

static int load_file(lua_State *L)
{
    const struct loading *loading = lua_touserdata(L, 1);

    luaL_getsubtable(L, LUA_REGISTRYINDEX, LOADED);
    if (lua_getfield(L, -1, loading->real) != LUA_TNIL)
        return 0; /* named twice, or by two patterns */
    lua_pushboolean(L, 1);
    lua_setfield(L, -3, loading->real);
    push_chunk(L, loading->path);
    lua_call(L, 0, 0);
    return 0;
}

static bool note_loaded(struct lua_engine *e, const char *path)
{
    struct lua_loaded *l = calloc(1, sizeof *l);

    if (!l)
        return false;
    l->path = lua_keep(e, "%s", path);
    *e->loaded_end = l;
    e->loaded_end = &l->next;
    return true;
}

void lua_loaded_free(struct lua_engine *e)
{
    struct lua_loaded *l;

    while ((l = e->loaded)) {
        e->loaded = l->next;
        free(l);
    }
}

static bool load_one(struct lua_engine *e, const char *path, struct fct_err *err)
{
    char real[PATH_MAX];
    struct loading loading = {path, real};
    struct lua_call *c;
    bool ok;

    if (!realpath(path, real))
        return fail(err, "%s: %s", path, strerror(errno));
    c = lua_call_take(e);
    if (!c || !note_loaded(e, path))
        return fail(err, "%s: out of memory", path);
    c->may_grow = 0; /* what a file keeps is bounded by state_memory alone */
    c->may_tick = (sig_atomic_t)(e->conf->load_budget.ms / LUA_TICK_MS + 1);
    e->file = path;
    ok = lua_call_guarded(c, load_file, &loading);
    e->file = NULL;
    if (!ok)
        fail(err, "%s", c->error);
    lua_call_give_back(&c);
    return ok;
}

/* NAME_test.lua lies beside NAME.lua: a pattern does not mean it. */
static bool is_test(const char *path)
{
    size_t n = strlen(path);

    return n > 9 && strcmp(path + n - 9, "_test.lua") == 0;
}

static bool load_pattern(struct lua_engine *e, const char *pattern, struct fct_err *err)
{
    glob_t found = {0};
    int result = glob(pattern, GLOB_ERR, NULL, &found);
    bool ok = true;

    if (result == GLOB_NOMATCH && !strpbrk(pattern, "*?["))
        ok = fail(err, "%s: no such file", pattern);
    else if (result != 0 && result != GLOB_NOMATCH)
        ok = fail(err, "%s: cannot read the folder", pattern);
    for (size_t i = 0; ok && result == 0 && i < found.gl_pathc; i++)
        if (!strpbrk(pattern, "*?[") || !is_test(found.gl_pathv[i]))
            ok = load_one(e, found.gl_pathv[i], err);
    globfree(&found);
    return ok;
}

static bool load_all(struct lua_engine *e, const struct fct_strings *files, struct fct_err *err)
{
    for (size_t i = 0; i < files->n; i++) {
        e->pattern = files->item[i];
        if (!load_pattern(e, e->pattern, err))
            return false;
    }
    e->pattern = NULL;
    return true;
}

bool lua_files_load(struct lua_engine *e, struct fct_err *err)
{
    bool ok = load_all(e, &e->conf->file, err);

    e->shadow = true;
    ok = ok && load_all(e, &e->conf->shadow, err);
    e->shadow = false;
    return ok;
}
