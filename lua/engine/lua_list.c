/* lua_list.c - lists in files: `lists.freemail:has("example.org")`. Documentation: lua_api.def.
 *
 * lists/NAME.KIND beside the rule file, read while the file is loaded. A row of the plan looks
 * every lua.list_every whether a file has changed; one that cannot be read leaves the old list, and
 * the log says file and line. Kept outside the Lua state: lists may be large. */
#include "lua_list.h"

#include "lua_api.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#define TABLES "facteur.lists" /* registry: folder → the table `lists` of its files */
#define LINE   1024

static const struct lua_list_kind *const kinds[] = {&lua_list_domains, &lua_list_nets,
                                                    &lua_list_words, &lua_list_regexes};

/* ---- reading a file ---- */

/* The line without its comment and the spaces around. In a regex only a line that begins with # is
 * a comment. */
static struct fct_str clean_line(char *line, const struct lua_list_kind *kind)
{
    char *comment = kind == &lua_list_regexes ? NULL : strchr(line, '#');
    size_t n;

    if (comment)
        *comment = '\0';
    line += strspn(line, " \t\r\n");
    if (*line == '#')
        *line = '\0';
    n = strlen(line);
    while (n > 0 && strchr(" \t\r\n", line[n - 1]))
        n--;
    line[n] = '\0';
    return (struct fct_str){line, n};
}

static bool read_lines(const struct lua_list *list, FILE *f, struct lua_list_body *body,
                       char error[static 200])
{
    char line[LINE], why[120] = "";

    for (unsigned n = 1; fgets(line, sizeof line, f); n++) {
        struct fct_str entry = clean_line(line, list->kind);

        if (entry.n + 2 >= sizeof line)
            snprintf(why, sizeof why, "longer than %d bytes", LINE - 2);
        else if (entry.n == 0 || list->kind->add(body, entry, why, sizeof why))
            continue;
        snprintf(error, 200, "%.60s:%u: %s", list->path, n, why);
        return false;
    }
    return true;
}

/* A new body from the file; NULL: error. */
static struct lua_list_body *read_body(const struct lua_list *list, char error[static 200])
{
    struct lua_list_body *body = calloc(1, sizeof *body);
    FILE *f = fopen(list->path, "re");
    bool ok = false;

    if (!body || !f)
        snprintf(error, 200, "%s: %s", list->path, strerror(errno));
    else {
        body->regex_engine = list->engine->regex;
        ok = read_lines(list, f, body, error);
    }
    if (ok && list->kind->finish)
        list->kind->finish(body);
    if (f)
        fclose(f);
    if (!ok)
        lua_list_body_free(&body);
    return body;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* ---- hot reload ---- */

static void look_again(struct lua_list *list, struct fct_call *call)
{
    const struct fct_host *host = list->engine->host;
    struct lua_list_body *body;
    struct stat now;
    char error[200];

    if (stat(list->path, &now) != 0) {
        if (!list->gone)
            host->log(call, FCT_WARNING, "list_kept %s: %s", list->path, strerror(errno));
        list->gone = true;
        return;
    }
    list->gone = false;
    if (same_file(&now, &list->seen))
        return;
    list->seen = now;
    body = read_body(list, error);
    if (!body) {
        host->log(call, FCT_WARNING, "list_kept %s", error);
        return;
    }
    lua_list_body_free(&list->body);
    list->body = body;
    host->log(call, FCT_INFO, "list_read %s: %zu entries", list->path, body->n);
}

static enum fct_verdict look_at_all(struct fct_call *call, enum fct_hook hook, const void *event,
                                    void *state)
{
    struct lua_engine *e = state;

    (void)hook;
    (void)event;
    for (struct lua_list *list = e->list; list; list = list->next)
        look_again(list, call);
    return FCT_NEXT;
}

bool lua_lists_register(struct lua_engine *e, struct fct_self *self, struct fct_err *err)
{
    uint64_t every = e->conf->list_every.ms;
    const struct fct_hook_row row = {
        .hook = FCT_HOOK_tick,
        .generic = true,
        .fn = {.any = look_at_all},
        .label = "lua:lists",
        .state = e,
        .interval_ms = every > UINT32_MAX ? UINT32_MAX : (uint32_t)every,
        .scope = FCT_EACH,
    };

    return !e->list || every == 0 || e->host->add_hook(self, &row, err);
}

void lua_lists_free(struct lua_engine *e)
{
    struct lua_list *list;

    while ((list = e->list)) {
        e->list = list->next;
        lua_list_body_free(&list->body);
        free(list);
    }
}

/* ---- the table `lists` ---- */

static struct lua_list *load(lua_State *L, struct lua_engine *e, const char *path,
                             const struct lua_list_kind *kind)
{
    struct lua_list *list = calloc(1, sizeof *list);
    char error[200];

    if (!list) {
        luaL_error(L, "not enough memory");
        return NULL;
    }
    list->next = e->list;
    e->list = list;
    list->engine = e;
    list->kind = kind;
    list->path = lua_keep(e, "%s", path);
    if (stat(path, &list->seen) != 0)
        luaL_error(L, "%s: %s", path, strerror(errno));
    list->body = read_body(list, error);
    if (!list->body)
        luaL_error(L, "%s", error);
    return list;
}

/* By the file's extension; NULL: it is no list. */
static const struct lua_list_kind *kind_of(const char *path)
{
    const char *dot = strrchr(path, '.');

    for (size_t k = 0; dot && k < FCT_COUNT(kinds); k++)
        if (strcmp(dot + 1, kinds[k]->name) == 0)
            return kinds[k];
    return NULL;
}

/* Pushes the paths of all files. */
static void push_paths(lua_State *L, const char *folder)
{
    struct dirent **entry = NULL;
    int n;

    lua_pushfstring(L, "%slists", folder);
    n = scandir(lua_tostring(L, -1), &entry, NULL, alphasort);
    lua_pop(L, 1);
    lua_newtable(L);
    for (int i = 0, found = 0; i < n; i++) {
        if (entry[i]->d_name[0] != '.') {
            lua_pushfstring(L, "%slists/%s", folder, entry[i]->d_name);
            lua_rawseti(L, -2, ++found);
        }
        free(entry[i]);
    }
    free((void *)entry);
}

static int no_such_list(lua_State *L)
{
    return luaL_error(L, "there is no list '%s': %slists/%s.domains, .nets, .words or .regexes",
                      luaL_tolstring(L, 2, NULL), lua_tostring(L, lua_upvalueindex(1)),
                      luaL_tolstring(L, 2, NULL));
}

/* Adds one list, named by its file, to the table at `table`. */
static void add_list(lua_State *L, struct lua_engine *e, int table, const char *path,
                     const struct lua_list_kind *kind)
{
    const char *slash = strrchr(path, '/') + 1;

    lua_pushlstring(L, slash, strlen(slash) - strlen(kind->name) - 1);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, table) != LUA_TNIL)
        luaL_error(L, "%s: there are two lists of this name", path);
    lua_pop(L, 1);
    *(struct lua_list **)lua_newuserdatauv(L, sizeof(struct lua_list *), 0) =
        load(L, e, path, kind);
    luaL_setmetatable(L, "list");
    lua_rawset(L, table);
}

/* Pushes a table that names what is missing. */
static void push_empty(lua_State *L, const char *folder)
{
    lua_newtable(L);
    lua_newtable(L);
    lua_pushstring(L, folder);
    lua_pushcclosure(L, no_such_list, 1);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
}

void lua_lists_push(lua_State *L, const char *folder)
{
    struct lua_engine *e = lua_engine_of(L);
    int table = lua_gettop(L) + 2;

    luaL_getsubtable(L, LUA_REGISTRYINDEX, TABLES);
    if (lua_getfield(L, -1, folder) == LUA_TNIL) {
        lua_pop(L, 1);
        push_empty(L, folder);
        push_paths(L, folder);
        for (lua_Integer i = 1; lua_rawgeti(L, table + 1, i) != LUA_TNIL; i++) {
            const struct lua_list_kind *kind = kind_of(lua_tostring(L, -1));

            if (kind)
                add_list(L, e, table, lua_tostring(L, -1), kind);
            lua_pop(L, 1);
        }
        lua_settop(L, table);
        lua_sandbox_push_readonly(L);
        lua_pushvalue(L, -1);
        lua_setfield(L, table - 1, folder);
    }
    lua_remove(L, table - 1);
}

/* ---- methods ---- */

static const struct lua_list *check(lua_State *L)
{
    return *(struct lua_list **)luaL_checkudata(L, 1, "list");
}

int lua_do_list_has(lua_State *L)
{
    const struct lua_list *list = check(L);
    struct fct_str value = {"", 0};
    const char *entry = NULL;

    if (!lua_isnoneornil(L, 2)) {
        value = lua_str_check(L, 2);
        entry = list->kind->has(list->body, value);
        lua_check_budget(L);
    }
    lua_pushboolean(L, entry != NULL);
    if (!entry)
        return 1;
    lua_pushstring(L, entry);
    return 2;
}

/* Letters, digits and what is not ASCII make a word. */
static bool in_word(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 || c == '\'' || c == '-';
}

int lua_do_list_find(lua_State *L)
{
    const struct lua_list *list = check(L);
    struct fct_str text = lua_str_check(L, 2);

    if (list->kind != &lua_list_words)
        return luaL_error(L, "find looks for words; this is a list of %s: use has",
                          list->kind->name);
    for (size_t i = 0; i < text.n;) {
        size_t word = i;
        const char *entry;

        while (i < text.n && in_word(text.p[i]))
            i++;
        entry = i > word ? list->kind->has(list->body, (struct fct_str){text.p + word, i - word})
                         : NULL;
        if (entry) {
            lua_pushstring(L, entry);
            return 1;
        }
        i += i == word;
    }
    lua_pushnil(L);
    return 1;
}
