/* lua_url.c - URLs as plain tables. Documentation: lua_api.def. */
#include "lua_api.h"

#include <ctype.h>
#include <strings.h>

#define URL "url"

static void set_field(lua_State *L, const char *name, struct fct_str value, bool optional)
{
    if (optional && value.n == 0)
        return;
    lua_str_push(L, value);
    lua_setfield(L, -2, name);
}

void lua_url_push(lua_State *L, const struct fct_url *u)
{
    lua_createtable(L, 0, 8);
    set_field(L, "text", u->text, false);
    set_field(L, "scheme", u->scheme, false);
    set_field(L, "host", u->host, false);
    set_field(L, "display", u->display.n ? u->display : u->host, false);
    set_field(L, "org", u->org, false);
    set_field(L, "path", u->path, false);
    set_field(L, "user", u->user, true);
    set_field(L, "query", u->query, true);
    set_field(L, "fragment", u->fragment, true);
    if (u->port) {
        lua_pushinteger(L, u->port);
        lua_setfield(L, -2, "port");
    }
    luaL_setmetatable(L, URL);
}

/* ---- params: made when somebody asks ---- */

static int hex_digit(char c)
{
    return isdigit((unsigned char)c)    ? c - '0'
           : isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10
                                        : -1;
}

static void push_decoded(lua_State *L, const char *p, size_t n)
{
    luaL_Buffer out;

    luaL_buffinit(L, &out);
    for (size_t i = 0; i < n; i++)
        if (p[i] == '+') {
            luaL_addchar(&out, ' ');
        } else if (p[i] == '%' && i + 2 < n && hex_digit(p[i + 1]) >= 0 &&
                   hex_digit(p[i + 2]) >= 0) {
            luaL_addchar(&out, (char)(hex_digit(p[i + 1]) * 16 + hex_digit(p[i + 2])));
            i += 2;
        } else {
            luaL_addchar(&out, p[i]);
        }
    luaL_pushresult(&out);
}

static void push_params(lua_State *L, struct fct_str query)
{
    lua_newtable(L);
    for (size_t i = 0; i < query.n;) {
        const char *at = query.p + i, *amp = memchr(at, '&', query.n - i), *equals;
        size_t n = amp ? (size_t)(amp - at) : query.n - i;

        equals = memchr(at, '=', n);
        if (n > 0) {
            push_decoded(L, at, equals ? (size_t)(equals - at) : n);
            push_decoded(L, equals ? equals + 1 : "", equals ? n - (size_t)(equals + 1 - at) : 0);
            lua_rawset(L, -3);
        }
        i += n + 1;
    }
}

static int url_index(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TSTRING || strcmp(lua_tostring(L, 2), "params") != 0)
        return 0;
    lua_pushliteral(L, "query");
    lua_rawget(L, 1);
    push_params(L, lua_isstring(L, -1) ? lua_str_check(L, -1) : (struct fct_str){"", 0});
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    return 1;
}

static int url_tostring(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_pushliteral(L, "text");
    lua_rawget(L, 1);
    return 1;
}

void lua_url_open(lua_State *L)
{
    lua_type_open(L, URL, url_tostring);
    luaL_getmetatable(L, URL);
    lua_pushcfunction(L, url_index);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

/* ---- functions ---- */

/* What ends like a file's name is more likely one than a host. */
static bool is_file_ending(struct fct_str s)
{
    static const char *const endings[] = {
        "pdf", "html", "htm", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "txt", "csv",
        "jpg", "jpeg", "png", "gif", "svg",  "exe", "js",   "css", "php",  "asp", "aspx",
        "jsp", "xml",  "rar", "gz",  "tar",  "eml", "ics",  "rtf", "odt"};

    for (size_t i = 0; i < FCT_COUNT(endings); i++)
        if (s.n == strlen(endings[i]) && strncasecmp(s.p, endings[i], s.n) == 0)
            return true;
    return false;
}

/* "www.example.org/x" or "example.org": a name with a dot, whose last word can be a top-level
 * domain. */
static bool looks_like_host(struct fct_str s)
{
    size_t host = 0, last = 0;
    bool dot = false;

    for (; host < s.n && !memchr("/?#:", s.p[host], 4); host++) {
        unsigned char c = (unsigned char)s.p[host];

        if (!isalnum(c) && c != '-' && c != '.' && c < 0x80)
            return false;
        if (c == '.') {
            dot = host > 0;
            last = host + 1;
        }
    }
    for (size_t i = last; i < host; i++)
        if (isdigit((unsigned char)s.p[i]))
            return false;
    return dot && host - last >= 2 && !is_file_ending((struct fct_str){s.p + last, host - last});
}

int lua_fn_url_parse(lua_State *L)
{
    struct lua_call *c = lua_call_check(L);
    struct fct_str s = lua_str_check(L, 1);
    struct fct_url u;

    (void)LUA_NEEDS(L, url_parse, "URLs");
    lua_settop(L, 1);
    while (s.n > 0 && isspace((unsigned char)s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && isspace((unsigned char)s.p[s.n - 1]))
        s.n--;
    if (!memmem(s.p, s.n, "://", 3) && looks_like_host(s)) {
        lua_pushliteral(L, "http://");
        lua_str_push(L, s);
        lua_concat(L, 2);
        s = lua_str_check(L, -1);
    }
    if (s.n == 0 || memchr(s.p, ' ', s.n) || !lua_host(L)->url_parse(c->host, s, &u))
        lua_pushnil(L);
    else
        lua_url_push(L, &u);
    return 1;
}

int lua_fn_url_org(lua_State *L)
{
    struct lua_call *c = lua_call_check(L);
    struct fct_str host = lua_str_check(L, 1);

    (void)LUA_NEEDS(L, org_domain, "organisational domains");
    lua_str_push(L, lua_host(L)->org_domain(c->host, host));
    return 1;
}
