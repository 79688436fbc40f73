/* lua_config.c - options of rule files: config.string() and its like. Documentation: lua_api.def.
 *
 * The server hands over the keys of `lua` blocks that are not its own, as lines "file pattern, key,
 * place, value" (row `option` of lua_plugin.c); a list is several of them. A file declares an
 * option while it is loaded; what nobody declared is an error. */
#include "lua_api.h"

#include <stdlib.h>

/* ---- from the host ---- */

static bool read_one(struct lua_engine *e, struct lua_option ***end, const char *text)
{
    const char *key = strchr(text, '\n'), *where = key ? strchr(key + 1, '\n') : NULL,
               *value = where ? strchr(where + 1, '\n') : NULL;
    struct lua_option *o;

    if (!value)
        return false;
    o = calloc(1, sizeof *o);
    if (!o)
        return false;
    o->pattern = lua_keep(e, "%.*s", (int)(key - text), text);
    o->key = lua_keep(e, "%.*s", (int)(where - key - 1), key + 1);
    o->where = lua_keep(e, "%.*s", (int)(value - where - 1), where + 1);
    o->value = lua_keep(e, "%s", value + 1);
    **end = o;
    *end = &o->next;
    return true;
}

bool lua_options_read(struct lua_engine *e, struct fct_err *err)
{
    struct lua_option **end = &e->option;

    for (size_t i = 0; i < e->conf->option.n; i++)
        if (!read_one(e, &end, e->conf->option.item[i])) {
            *err =
                (struct fct_err){FCT_BUG, "an option of a lua block came without its four lines"};
            return false;
        }
    return true;
}

/* ---- the nearest name ---- */

/* How many letters must be added, taken away or changed; names are short. */
static size_t distance(const char *a, const char *b)
{
    size_t row[64], n = strlen(b);

    if (n >= FCT_COUNT(row))
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t best = corner + (a[i - 1] != b[j - 1]);

            corner = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[n];
}

static bool belongs(const struct lua_option *o, const char *pattern)
{
    return !o->pattern || !pattern || strcmp(o->pattern, pattern) == 0;
}

bool lua_options_check(const struct lua_engine *e, struct fct_err *err)
{
    for (const struct lua_option *o = e->option; o; o = o->next) {
        const char *nearest = NULL;
        size_t best = 4;

        if (o->known)
            continue;
        if (distance(o->key, "file") < 3)
            nearest = "file";
        for (const struct lua_option *d = e->declared; d; d = d->next)
            if (belongs(d, o->pattern) && distance(o->key, d->key) < best) {
                best = distance(o->key, d->key);
                nearest = d->key;
            }
        return lua_fail(err, FCT_SYNTAX,
                        "%s: no rule file of this block has an option \"%s\"%s%s%s", o->where,
                        o->key, nearest ? " (did you mean \"" : "", nearest ? nearest : "",
                        nearest ? "\"?)" : "");
    }
    return true;
}

/* ---- declaring ---- */

static void declare(lua_State *L, struct lua_engine *e, const char *name)
{
    struct lua_option *d;

    if (!*name || strlen(name) > 40 ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(name) ||
        strcmp(name, "file") == 0 || strcmp(name, "mode") == 0)
        luaL_error(L, "'%s' cannot be an option: small letters, digits and underscores", name);
    d = calloc(1, sizeof *d);
    if (!d) {
        luaL_error(L, "not enough memory");
        return;
    }
    d->next = e->declared;
    d->pattern = e->pattern;
    d->key = lua_keep(e, "%s", name);
    e->declared = d;
}

/* name, default, doc: the first value in the block, NULL when there is none; all of them are marked
 * as known. */
static const struct lua_option *take(lua_State *L)
{
    struct lua_engine *e = lua_engine_of(L);
    const char *name = luaL_checkstring(L, 1);
    const struct lua_option *first = NULL;

    luaL_checkany(L, 2);
    luaL_argcheck(L, *luaL_checkstring(L, 3), 3, "say what the option is for");
    if (!e->file) {
        luaL_error(L, "config works only while the file is loaded");
        return NULL;
    }
    declare(L, e, name);
    for (struct lua_option *o = e->option; o; o = o->next)
        if (belongs(o, e->pattern) && strcmp(o->key, name) == 0) {
            o->known = true;
            if (!first)
                first = o;
        }
    lua_settop(L, 2);
    return first;
}

static int refuse(lua_State *L, const struct lua_option *o, const char *wanted)
{
    if (o)
        return luaL_error(L, "%s: %s: cannot read \"%s\" (%s)", o->where, o->key, o->value, wanted);
    return luaL_error(L, "the default of '%s' is not %s", lua_tostring(L, 1), wanted);
}

int lua_fn_config_string(lua_State *L)
{
    const struct lua_option *o = take(L);

    if (o)
        lua_pushstring(L, o->value);
    else if (lua_type(L, 2) != LUA_TSTRING)
        return refuse(L, NULL, "a text");
    return 1;
}

int lua_fn_config_number(lua_State *L)
{
    const struct lua_option *o = take(L);

    if (o && lua_stringtonumber(L, o->value) == 0)
        return refuse(L, o, "a number");
    return lua_type(L, -1) == LUA_TNUMBER ? 1 : refuse(L, NULL, "a number");
}

int lua_fn_config_boolean(lua_State *L)
{
    const struct lua_option *o = take(L);

    if (!o)
        return lua_isboolean(L, 2) ? 1 : refuse(L, NULL, "true or false");
    if (strcmp(o->value, "yes") != 0 && strcmp(o->value, "no") != 0)
        return refuse(L, o, "yes or no");
    lua_pushboolean(L, strcmp(o->value, "yes") == 0);
    return 1;
}

int lua_fn_config_duration(lua_State *L)
{
    const struct lua_option *o = take(L);
    uint64_t ms;

    if (!o && lua_type(L, 2) != LUA_TSTRING)
        return refuse(L, NULL, "a time such as \"5m\"");
    if (!lua_duration_parse(o ? o->value : lua_tostring(L, 2), &ms))
        return refuse(L, o, "a time such as 5m");
    lua_pushnumber(L, (lua_Number)ms / 1000);
    return 1;
}

int lua_fn_config_size(lua_State *L)
{
    const struct lua_option *o = take(L);
    uint64_t bytes;

    if (!o && lua_type(L, 2) != LUA_TSTRING)
        return refuse(L, NULL, "a size such as \"64K\"");
    if (!lua_size_parse(o ? o->value : lua_tostring(L, 2), &bytes) || bytes > INT64_MAX)
        return refuse(L, o, "a size such as 64K");
    lua_pushinteger(L, (lua_Integer)bytes);
    return 1;
}

int lua_fn_config_list(lua_State *L)
{
    const struct lua_option *o = take(L);
    lua_Integer n = 0;

    if (!o)
        return lua_istable(L, 2) ? 1 : refuse(L, NULL, "a list");
    lua_newtable(L);
    for (const struct lua_option *each = o; each; each = each->next)
        if (belongs(each, o->pattern) && strcmp(each->key, o->key) == 0) {
            lua_pushstring(L, each->value);
            lua_rawseti(L, -2, ++n);
        }
    return 1;
}

int lua_fn_config_rate(lua_State *L)
{
    const struct lua_option *o = take(L);
    struct fct_rate rate;

    if (!o && lua_type(L, 2) != LUA_TSTRING)
        return refuse(L, NULL, "a rate such as \"200/1h burst 50\"");
    if (!lua_rate_parse(o ? o->value : lua_tostring(L, 2), &rate))
        return refuse(L, o, "a rate such as 200/1h burst 50");
    lua_rate_push(L, &rate);
    return 1;
}

static void free_list(struct lua_option **list)
{
    struct lua_option *o;

    while ((o = *list)) {
        *list = o->next;
        free(o);
    }
}

void lua_options_free(struct lua_engine *e)
{
    free_list(&e->option);
    free_list(&e->declared);
}
