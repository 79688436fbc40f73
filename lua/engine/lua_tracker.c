/* lua_tracker.c - trackers in HTML, by their shape: remote pictures that nobody can see.
 *
 * What is found: <img> with an http or https address, at most two pixels wide and high, or hidden
 * by its own style. What is not: trackers in pictures that show something, in fonts or style
 * sheets, and known companies (there is no list). Documentation: lua_api.def. */
#include "lua_api.h"
#include "lua_html.h"

#include <strings.h>

#define PIXEL_MOST 2

/* "pixel", "hidden", or NULL. */
static const char *why_tracker(const struct fct_html_token *t)
{
    struct fct_str width = lua_html_attribute(t, "width"), height = lua_html_attribute(t, "height"),
                   style = lua_html_attribute(t, "style");
    int w = width.p ? lua_html_pixels(width) : -1, h = height.p ? lua_html_pixels(height) : -1;

    if (style.p && w < 0)
        w = lua_html_pixels(lua_html_style(style, "width"));
    if (style.p && h < 0)
        h = lua_html_pixels(lua_html_style(style, "height"));
    if ((w >= 0 && w <= PIXEL_MOST && h >= 0 && h <= PIXEL_MOST) || w == 0 || h == 0)
        return "pixel";
    return lua_html_is_hidden(t) ? "hidden" : NULL;
}

/* The next tracker, its address in *u; NULL: there is none. */
static const struct fct_html_token *next_tracker(struct lua_html_walk *w, struct fct_url *u,
                                                 const char **why)
{
    const struct fct_html_token *t;

    while ((t = lua_html_next(w))) {
        struct fct_str source;

        if (t->kind != FCT_HTML_START || !lua_str_is(t->name, "img"))
            continue;
        source = lua_html_attribute(t, "src");
        *why = why_tracker(t);
        if (*why && source.p && w->host->url_parse(w->call, source, u) &&
            (lua_str_is(u->scheme, "http") || lua_str_is(u->scheme, "https")))
            return t;
    }
    return NULL;
}

static void push_tracker(lua_State *L, const struct fct_url *u, const char *why)
{
    lua_createtable(L, 0, 3);
    lua_url_push(L, u);
    lua_setfield(L, -2, "url");
    lua_str_push(L, u->org);
    lua_setfield(L, -2, "org");
    lua_pushstring(L, why);
    lua_setfield(L, -2, "why");
}

int lua_do_html_trackers(lua_State *L)
{
    struct lua_call *c = lua_view_check(L, 1, LUA_HTML);
    struct lua_html_walk w;
    struct fct_url u;
    const char *why;
    lua_Integer n = 0;

    (void)LUA_NEEDS(L, html, "HTML");
    (void)LUA_NEEDS(L, url_parse, "URLs");
    lua_html_start(&w, lua_host(L), c->host, lua_view_part(L, 1));
    lua_newtable(L);
    while (next_tracker(&w, &u, &why)) {
        push_tracker(L, &u, why);
        lua_rawseti(L, -2, ++n);
        lua_check_budget(L);
    }
    luaL_setmetatable(L, "trackers");
    return 1;
}

/* ---- companies ---- */

/* Pushes two tables made from the list of trackers at `list`: the organisations, most frequent
 * first (the first found first among equals), and how often each was found. */
static lua_Integer push_companies(lua_State *L, int list)
{
    lua_Integer n = 0;
    int order, count;

    lua_newtable(L);
    lua_newtable(L);
    count = lua_gettop(L);
    order = count - 1;
    for (lua_Integer i = 1; lua_rawgeti(L, list, i) == LUA_TTABLE; i++) {
        lua_getfield(L, -1, "org");
        lua_pushvalue(L, -1);
        if (lua_rawget(L, count) == LUA_TNIL) {
            lua_pushvalue(L, -2);
            lua_rawseti(L, order, ++n);
        }
        lua_pushvalue(L, -2);
        lua_pushinteger(L, lua_tointeger(L, -2) + 1);
        lua_rawset(L, count);
        lua_settop(L, count);
    }
    lua_settop(L, count);
    return n;
}

static lua_Integer count_at(lua_State *L, int order, lua_Integer i)
{
    lua_Integer n;

    lua_rawgeti(L, order, i);
    lua_rawget(L, order + 1);
    n = lua_tointeger(L, -1);
    lua_pop(L, 1);
    return n;
}

/* A stable insertion sort: there are few. */
static void sort_companies(lua_State *L, int order, lua_Integer n)
{
    for (lua_Integer i = 2; i <= n; i++) {
        for (lua_Integer j = i; j > 1 && count_at(L, order, j - 1) < count_at(L, order, j); j--) {
            lua_rawgeti(L, order, j - 1);
            lua_rawgeti(L, order, j);
            lua_rawseti(L, order, j - 1);
            lua_rawseti(L, order, j);
        }
        lua_check_budget(L);
    }
}

/* "a.example, b.example", with the numbers when `counts`. Needs the list at `list`. */
static void push_names(lua_State *L, int list, const char *between, bool counts)
{
    lua_Integer n = push_companies(L, list);
    int order = lua_gettop(L) - 1;
    luaL_Buffer out;

    sort_companies(L, order, n);
    luaL_buffinit(L, &out);
    for (lua_Integer i = 1; i <= n; i++) {
        if (i > 1)
            luaL_addstring(&out, between);
        lua_rawgeti(L, order, i);
        luaL_addvalue(&out);
        if (counts) {
            luaL_addchar(&out, ' ');
            lua_pushinteger(L, count_at(L, order, i));
            luaL_addvalue(&out);
        }
    }
    luaL_pushresult(&out);
}

int lua_do_trackers_companies(lua_State *L)
{
    const char *between = luaL_optstring(L, 2, ", ");

    luaL_checktype(L, 1, LUA_TTABLE);
    push_names(L, 1, between, false);
    return 1;
}

/* ---- cleaning ---- */

int lua_do_message_clean(lua_State *L)
{
    static const char *const levels[] = {"off", "known", "standard", "strict", NULL};
    struct lua_call *c = lua_view_check(L, 1, LUA_MESSAGE);
    int level = luaL_checkoption(L, 2, "standard", levels);
    struct lua_html_walk w;
    const struct fct_html_token *t;
    struct fct_url u;
    const char *why;
    lua_Integer n = 0;

    (void)LUA_NEEDS(L, html, "HTML");
    (void)LUA_NEEDS(L, part_patch, "edits of parts");
    lua_createtable(L, 4, 1);
    if (level >= 2) {
        lua_html_start(&w, lua_host(L), c->host, NULL);
        while ((t = next_tracker(&w, &u, &why))) {
            /* A signed part stays as it is. */
            if (!lua_host(L)->part_patch(c->host, w.part, t->offset, t->length,
                                         (struct fct_str){"", 0}))
                continue;
            push_tracker(L, &u, why);
            lua_rawseti(L, -2, ++n);
            lua_check_budget(L);
        }
    }
    lua_pushinteger(L, n);
    lua_setfield(L, -2, "count");
    luaL_setmetatable(L, "cleaned");
    return 1;
}

int lua_do_cleaned_summary(lua_State *L)
{
    lua_Integer n;

    luaL_checktype(L, 1, LUA_TTABLE);
    n = (lua_Integer)lua_rawlen(L, 1);
    if (n == 0) {
        lua_pushliteral(L, "no tracker removed");
        return 1;
    }
    push_names(L, 1, ", ", true);
    lua_pushfstring(L, "%I tracker%s removed (%s)", (LUAI_UACINT)n, n == 1 ? "" : "s",
                    lua_tostring(L, -1));
    return 1;
}
