/* lua_html.c - the object `html`. Documentation: lua_api.def. */
#include "lua_html.h"

#include "lua_api.h"
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

/* ---- going through it ---- */

void lua_html_start(struct lua_html_walk *w, const struct fct_host *host, struct fct_call *call,
                    const struct fct_part *only)
{
    *w = (struct lua_html_walk){.host = host, .call = call};
    if (!FCT_HAS(host, html) || !host->html)
        return;
    if (only) {
        w->part = only;
        w->end = only + 1;
        w->tokens = host->html(call, only, &w->token);
        return;
    }
    w->end = NULL;
    if (host->parts(call, &w->part) > 0)
        w->end = w->part + host->parts(call, &w->part);
    if (w->end && lua_part_is(w->part, "text/html"))
        w->tokens = host->html(call, w->part, &w->token);
}

const struct fct_html_token *lua_html_next(struct lua_html_walk *w)
{
    while (w->end && w->part < w->end) {
        if (w->at < w->tokens)
            return &w->token[w->at++];
        w->at = w->tokens = 0;
        if (++w->part < w->end && lua_part_is(w->part, "text/html"))
            w->tokens = w->host->html(w->call, w->part, &w->token);
    }
    return NULL;
}

struct fct_str lua_html_attribute(const struct fct_html_token *t, const char *name)
{
    for (size_t i = 0; i < t->attributes; i++)
        if (lua_str_is(t->attribute[i].name, name))
            return (struct fct_str){t->attribute[i].value.p ? t->attribute[i].value.p : "",
                                    t->attribute[i].value.n};
    return (struct fct_str){NULL, 0};
}

static struct fct_str trim(struct fct_str s)
{
    while (s.n > 0 && isspace((unsigned char)s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && isspace((unsigned char)s.p[s.n - 1]))
        s.n--;
    return s;
}

int lua_html_pixels(struct fct_str value)
{
    int n = 0;

    value = trim(value);
    if (value.n == 0 || !isdigit((unsigned char)value.p[0]))
        return -1;
    while (value.n > 0 && isdigit((unsigned char)value.p[0])) {
        n = n > 100000 ? n : n * 10 + (value.p[0] - '0');
        value.p++;
        value.n--;
    }
    if (value.n > 0 && value.p[0] == '.')
        while (value.n > 0 && !isalpha((unsigned char)value.p[0]) && value.p[0] != '%') {
            value.p++;
            value.n--;
        }
    value = trim(value);
    return value.n == 0 || (value.n >= 2 && strncasecmp(value.p, "px", 2) == 0) || n == 0 ? n : -1;
}

struct fct_str lua_html_style(struct fct_str style, const char *property)
{
    size_t want = strlen(property);

    while (style.n > 0) {
        const char *end = memchr(style.p, ';', style.n);
        size_t n = end ? (size_t)(end - style.p) : style.n;
        const char *colon = memchr(style.p, ':', n);

        if (colon) {
            struct fct_str name = trim((struct fct_str){style.p, (size_t)(colon - style.p)});

            if (name.n == want && strncasecmp(name.p, property, want) == 0)
                return trim((struct fct_str){colon + 1, n - (size_t)(colon + 1 - style.p)});
        }
        style = (struct fct_str){style.p + n + (end != NULL), style.n - n - (end != NULL)};
    }
    return (struct fct_str){"", 0};
}

static bool begins(struct fct_str s, const char *word)
{
    size_t n = strlen(word);

    return s.n >= n && strncasecmp(s.p, word, n) == 0;
}

/* By its own attributes: what surrounds it is not looked at. */
bool lua_html_is_hidden(const struct fct_html_token *t)
{
    struct fct_str style = lua_html_attribute(t, "style"), opacity;

    if (lua_html_attribute(t, "hidden").p)
        return true;
    if (!style.p)
        return false;
    opacity = lua_html_style(style, "opacity");
    return begins(lua_html_style(style, "display"), "none") ||
           begins(lua_html_style(style, "visibility"), "hidden") ||
           (opacity.n > 0 && strspn(opacity.p, "0.") >= opacity.n) ||
           lua_html_pixels(lua_html_style(style, "max-height")) == 0 ||
           lua_html_pixels(lua_html_style(style, "max-width")) == 0;
}

/* ---- the object ---- */

static const struct fct_part *only_part(lua_State *L)
{
    lua_view_check(L, 1, LUA_HTML);
    return lua_view_part(L, 1);
}

static void start(lua_State *L, struct lua_html_walk *w)
{
    const struct fct_part *only = only_part(L);

    (void)LUA_NEEDS(L, html, "HTML");
    lua_html_start(w, lua_host(L), lua_running->host, only);
}

int lua_get_html_text(lua_State *L)
{
    const struct fct_part *only = only_part(L);

    (void)LUA_NEEDS(L, html, "HTML");
    lua_html_text_push(L, only);
    return 1;
}

/* Upvalues: the html object, the index of the next link, its part. */
static int next_link(lua_State *L)
{
    struct lua_call *c = lua_view_check(L, lua_upvalueindex(1), LUA_HTML);
    const struct fct_part *only = lua_view_part(L, lua_upvalueindex(1));
    const struct fct_link *first;
    size_t n = lua_host(L)->links(c->host, &first);

    for (size_t i = (size_t)lua_tointeger(L, lua_upvalueindex(2)); i < n; i++) {
        const struct fct_link *link = &first[i];

        if ((link->from != FCT_LINK_ANCHOR && link->from != FCT_LINK_AREA) ||
            (only && link->part != only))
            continue;
        lua_pushinteger(L, (lua_Integer)i + 1);
        lua_replace(L, lua_upvalueindex(2));
        lua_createtable(L, 0, 3);
        lua_url_push(L, &link->url);
        lua_setfield(L, -2, "url");
        lua_str_push(L, link->shown);
        lua_setfield(L, -2, "text");
        lua_str_push(L, link->tag);
        lua_setfield(L, -2, "tag");
        return 1;
    }
    return 0;
}

int lua_do_html_links(lua_State *L)
{
    lua_view_check(L, 1, LUA_HTML);
    (void)LUA_NEEDS(L, links, "links");
    lua_settop(L, 1);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_link, 2);
    return 1;
}

/* ---- pictures ---- */

/* From the attribute, or else the style. */
static int size_of(const struct fct_html_token *t, const char *name)
{
    struct fct_str value = lua_html_attribute(t, name), style = lua_html_attribute(t, "style");
    int n = value.p ? lua_html_pixels(value) : -1;

    return n < 0 && style.p ? lua_html_pixels(lua_html_style(style, name)) : n;
}

static void set_size(lua_State *L, const struct fct_html_token *t, const char *name)
{
    int n = size_of(t, name);

    if (n < 0)
        return;
    lua_pushinteger(L, n);
    lua_setfield(L, -2, name);
}

static void push_image(lua_State *L, struct fct_call *call, const struct fct_html_token *t)
{
    struct fct_str source = lua_html_attribute(t, "src"), alt = lua_html_attribute(t, "alt");
    struct fct_url u;

    lua_createtable(L, 0, 5);
    if (source.p && lua_host(L)->url_parse(call, source, &u)) {
        lua_url_push(L, &u);
        lua_setfield(L, -2, "url");
    }
    set_size(L, t, "width");
    set_size(L, t, "height");
    if (alt.p) {
        lua_str_push(L, alt);
        lua_setfield(L, -2, "alt");
    }
    lua_pushboolean(L, lua_html_is_hidden(t));
    lua_setfield(L, -2, "hidden");
}

int lua_do_html_images(lua_State *L)
{
    const struct fct_html_token *t;
    struct lua_html_walk w;
    lua_Integer n = 0;

    start(L, &w);
    (void)LUA_NEEDS(L, url_parse, "URLs");
    lua_newtable(L);
    while ((t = lua_html_next(&w)))
        if (t->kind == FCT_HTML_START && lua_str_is(t->name, "img")) {
            push_image(L, w.call, t);
            lua_rawseti(L, -2, ++n);
            lua_check_budget(L);
        }
    return 1;
}

/* ---- forms ---- */

static void set_text(lua_State *L, const char *field, struct fct_str value, const char *fallback)
{
    lua_pushlstring(L, value.p ? value.p : fallback, value.p ? value.n : strlen(fallback));
    lua_setfield(L, -2, field);
}

static void push_form(lua_State *L, const struct fct_html_token *t)
{
    struct fct_str method = lua_html_attribute(t, "method");
    bool post = method.p && method.n == 4 && strncasecmp(method.p, "post", 4) == 0;

    lua_createtable(L, 0, 3);
    set_text(L, "action", lua_html_attribute(t, "action"), "");
    lua_pushstring(L, post ? "post" : "get");
    lua_setfield(L, -2, "method");
    lua_newtable(L);
    lua_setfield(L, -2, "inputs");
}

/* To the form on top. */
static void add_input(lua_State *L, const struct fct_html_token *t)
{
    lua_getfield(L, -1, "inputs");
    lua_createtable(L, 0, 2);
    set_text(L, "name", lua_html_attribute(t, "name"), "");
    set_text(L, "type", lua_html_attribute(t, "type"), lua_str_is(t->name, "input") ? "text" : "");
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 1);
}

static bool is_input(struct fct_str name)
{
    return lua_str_is(name, "input") || lua_str_is(name, "select") ||
           lua_str_is(name, "textarea") || lua_str_is(name, "button");
}

/* A form's fields are those between its tag and its end. */
int lua_do_html_forms(lua_State *L)
{
    const struct fct_html_token *t;
    struct lua_html_walk w;
    int list;

    start(L, &w);
    lua_newtable(L);
    list = lua_gettop(L);
    while ((t = lua_html_next(&w))) {
        bool form = lua_str_is(t->name, "form"), inside = lua_gettop(L) > list;

        if (t->kind == FCT_HTML_START && form && !inside) {
            push_form(L, t);
            lua_pushvalue(L, -1);
            lua_rawseti(L, list, (lua_Integer)lua_rawlen(L, list) + 1);
        } else if (t->kind == FCT_HTML_END && form) {
            lua_settop(L, list);
        } else if (t->kind == FCT_HTML_START && inside && is_input(t->name)) {
            add_input(L, t);
        }
        lua_check_budget(L);
    }
    lua_settop(L, list);
    return 1;
}

int lua_do_html_styles(lua_State *L)
{
    const struct fct_html_token *t;
    struct lua_html_walk w;
    bool inside = false;
    lua_Integer n = 0;

    start(L, &w);
    lua_newtable(L);
    while ((t = lua_html_next(&w))) {
        struct fct_str style = {NULL, 0};

        if (t->kind == FCT_HTML_START)
            style = lua_html_attribute(t, "style");
        else if (t->kind == FCT_HTML_TEXT && inside)
            style = t->text;
        if (t->kind == FCT_HTML_START || t->kind == FCT_HTML_END)
            inside = t->kind == FCT_HTML_START && lua_str_is(t->name, "style");
        if (style.p) {
            lua_str_push(L, style);
            lua_rawseti(L, -2, ++n);
        }
        lua_check_budget(L);
    }
    return 1;
}
