/* lua_mime.c - what stands in header fields and encoded parts. Documentation: lua_api.def. */
#include "lua_api.h"
#include "lua_hash.h"

/* The host decodes a field of anybody's making. */
static void push_words(lua_State *L, struct lua_call *c, struct fct_str s)
{
    const struct fct_header h = {.name = {"Subject", 7}, .value = s, .raw = s};

    lua_str_push(L, lua_host(L)->header_text(c->host, &h));
}

int lua_fn_mime_words(lua_State *L)
{
    struct lua_call *c = lua_call_check(L);

    push_words(L, c, lua_str_check(L, 1));
    return 1;
}

int lua_fn_mime_addresses(lua_State *L)
{
    lua_address_push_list(L, lua_str_check(L, 1));
    return 1;
}

/* ---- parameters ---- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static void skip_space(struct fct_str *in)
{
    while (in->n > 0 && memchr(" \t\r\n", in->p[0], 4)) {
        in->p++;
        in->n--;
    }
}

static void push_lower(lua_State *L, const char *p, size_t n)
{
    luaL_Buffer out;

    while (n > 0 && memchr(" \t\r\n", p[n - 1], 4))
        n--;
    luaL_buffinit(L, &out);
    for (size_t i = 0; i < n; i++)
        luaL_addchar(&out, lower(p[i]));
    luaL_pushresult(&out);
}

/* value := token / quoted-string                                               RFC 2045 5.1 */
static void push_parameter_value(lua_State *L, struct fct_str *in)
{
    luaL_Buffer out;
    bool quoted = in->n > 0 && in->p[0] == '"';

    luaL_buffinit(L, &out);
    for (in->p += quoted, in->n -= quoted; in->n > 0; in->p++, in->n--) {
        if (quoted ? in->p[0] == '"' : in->p[0] == ';' || memchr(" \t\r\n", in->p[0], 4))
            break;
        if (quoted && in->p[0] == '\\' && in->n > 1) {
            in->p++;
            in->n--;
        }
        luaL_addchar(&out, in->p[0]);
    }
    luaL_pushresult(&out);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* extended-value: charset'language'percent-encoded; on top, replaced. Only UTF-8 and ASCII become
 * text (RFC 2231 4). */
static void decode_extended(lua_State *L, bool first)
{
    struct fct_str s = lua_str_check(L, -1);
    const char *quote = first ? memchr(s.p, '\'', s.n) : NULL;
    luaL_Buffer out;

    if (quote)
        quote = memchr(quote + 1, '\'', s.n - (size_t)(quote + 1 - s.p));
    if (quote)
        s = (struct fct_str){quote + 1, s.n - (size_t)(quote + 1 - s.p)};
    luaL_buffinit(L, &out);
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '%' && i + 2 < s.n && hex_digit(s.p[i + 1]) >= 0 &&
            hex_digit(s.p[i + 2]) >= 0) {
            luaL_addchar(&out, (char)(hex_digit(s.p[i + 1]) * 16 + hex_digit(s.p[i + 2])));
            i += 2;
        } else {
            luaL_addchar(&out, s.p[i]);
        }
    luaL_pushresult(&out);
    lua_remove(L, -2);
}

/* name, value on top go into the table at `table`: "name*", "name*0", "name*1*" are pieces of one
 * (RFC 2231 3, 4.1). */
static void add_parameter(lua_State *L, int table)
{
    const char *name = lua_tostring(L, -2), *star = strchr(name, '*');
    size_t n = strlen(name);
    bool first = !star || star[1] == '\0' || star[1] == '0';

    if (star && n > 1 && name[n - 1] == '*')
        decode_extended(L, first);
    if (star)
        lua_pushlstring(L, name, (size_t)(star - name));
    else
        lua_pushvalue(L, -2);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, table) == LUA_TSTRING && star && !first) {
        lua_pushvalue(L, -3); /* what came before, and this */
        lua_concat(L, 2);
        lua_rawset(L, table);
        lua_pop(L, 2);
        return;
    }
    lua_pop(L, 1);
    lua_pushvalue(L, -2);
    lua_rawset(L, table);
    lua_pop(L, 2);
}

int lua_fn_mime_parameters(lua_State *L)
{
    struct fct_str in = lua_str_check(L, 1);
    const char *end;

    lua_settop(L, 1);
    skip_space(&in);
    end = memchr(in.p, ';', in.n);
    push_lower(L, in.p, end ? (size_t)(end - in.p) : in.n);
    lua_newtable(L);
    in = end ? (struct fct_str){end, in.n - (size_t)(end - in.p)} : (struct fct_str){"", 0};
    while (in.n > 0) {
        const char *equals;
        size_t name;

        in.p++; /* the semicolon, or what nobody understands */
        in.n--;
        skip_space(&in);
        for (name = 0; name < in.n && in.p[name] != '=' && in.p[name] != ';';)
            name++;
        equals = name < in.n && in.p[name] == '=' ? in.p + name : NULL;
        if (equals && name > 0) {
            push_lower(L, in.p, name);
            in = (struct fct_str){equals + 1, in.n - name - 1};
            skip_space(&in);
            push_parameter_value(L, &in);
            add_parameter(L, 3);
        }
        while (in.n > 0 && in.p[0] != ';') {
            in.p++;
            in.n--;
        }
    }
    return 2;
}

/* ---- transfer encodings ---- */

/* RFC 2045 6.7. A "=" that encodes nothing stays. */
static size_t decode_quoted(struct fct_str s, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        size_t end = i + 1;

        if (s.p[i] != '=') {
            out[n++] = s.p[i];
            continue;
        }
        while (end < s.n && (s.p[end] == ' ' || s.p[end] == '\t' || s.p[end] == '\r'))
            end++;
        if (end == s.n || s.p[end] == '\n') {
            i = end; /* a soft line break */
        } else if (i + 2 < s.n && hex_digit(s.p[i + 1]) >= 0 && hex_digit(s.p[i + 2]) >= 0) {
            out[n++] = (char)(hex_digit(s.p[i + 1]) * 16 + hex_digit(s.p[i + 2]));
            i += 2;
        } else {
            out[n++] = '=';
        }
    }
    return n;
}

int lua_fn_mime_decode(lua_State *L)
{
    static const char *const encodings[] = {"quoted-printable", "base64", NULL};
    struct fct_str s = lua_str_check(L, 1);
    int encoding = luaL_checkoption(L, 2, NULL, encodings);
    luaL_Buffer out;
    char *p = luaL_buffinitsize(L, &out, s.n + 1);
    size_t n;

    if (encoding == 0)
        n = decode_quoted(s, p);
    else
        (void)lua_base64_decode(s, p, &n);
    luaL_pushresultsize(&out, n);
    return 1;
}
