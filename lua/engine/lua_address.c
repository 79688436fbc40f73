/* lua_address.c - address lists for rules (RFC 5322 3.4): lenient, linear, at most
 * LUA_ADDRESSES_MAX entries.
 *
 * Works on the field as it came, before encoded words are decoded: what hides inside one can be
 * part of a display name only. */
#include "lua_api.h"

#define ADDRESS "address"
#define NO_AT   SIZE_MAX

/* One address while it is read. Both texts have room for the whole field. */
struct entry {
    char *phrase, *spec; /* display name; addr-spec: without spaces */
    size_t nphrase, nspec;
    size_t at; /* the last '@' outside quotes, in spec */
    bool has_angle, closed, in_angle, space;
};

struct scan {
    const char *at, *end;
};

/* ---- collecting ---- */

static void start_entry(struct entry *e)
{
    e->nphrase = e->nspec = 0;
    e->at = NO_AT;
    e->has_angle = e->closed = e->in_angle = e->space = false;
}

/* Until '<' shows which it is, text is both. */
static void add(struct entry *e, char c)
{
    if (e->closed)
        return;
    if (!e->in_angle) {
        if (e->space && e->nphrase > 0)
            e->phrase[e->nphrase++] = ' ';
        e->phrase[e->nphrase++] = c;
    }
    e->space = false;
    e->spec[e->nspec++] = c;
}

/* ( ccontent ), nested, behind the first '(': left out. RFC 5322 3.2.2 */
static void skip_comment(struct scan *in)
{
    for (size_t depth = 1; in->at < in->end && depth > 0; in->at++) {
        if (*in->at == '\\' && in->end - in->at > 1)
            in->at++;
        else if (*in->at == '(')
            depth++;
        else if (*in->at == ')')
            depth--;
    }
}

/* quoted-string, behind the first quote; its line ends are left out. RFC 5322 3.2.4 */
static void add_quoted(struct scan *in, struct entry *e)
{
    for (; in->at < in->end && *in->at != '"'; in->at++) {
        if (*in->at == '\\' && in->end - in->at > 1)
            in->at++;
        if (*in->at != '\r' && *in->at != '\n')
            add(e, *in->at);
    }
    if (in->at < in->end)
        in->at++;
}

/* domain-literal, behind '[': an IPv6 address has colons. RFC 5322 3.4.1 */
static void add_literal(struct scan *in, struct entry *e)
{
    add(e, '[');
    while (in->at < in->end && *in->at != ']' && *in->at != '>' && *in->at != ',')
        add(e, *in->at++);
}

static void open_angle(struct entry *e)
{
    e->in_angle = e->has_angle = true;
    e->closed = false;
    e->nspec = 0;
    e->at = NO_AT;
}

/* A group's name, or a source route inside <…>: neither is part of an address.              RFC
 * 5322 3.4, 4.4 */
static void drop_prefix(struct entry *e)
{
    e->nspec = 0;
    e->at = NO_AT;
    if (!e->in_angle)
        e->nphrase = 0;
}

/* Reads one entry; false at the end of the field. */
static bool read_entry(struct scan *in, struct entry *e)
{
    start_entry(e);
    while (in->at < in->end) {
        char c = *in->at++;
        if (c == ';' || (c == ',' && !e->in_angle))
            return true;
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            e->space = true;
        else if (c == '(')
            skip_comment(in);
        else if (c == '"')
            add_quoted(in, e);
        else if (c == '[')
            add_literal(in, e);
        else if (c == '<')
            open_angle(e);
        else if (c == '>' && e->in_angle)
            e->in_angle = false, e->closed = true;
        else if (c == ':')
            drop_prefix(e);
        else {
            if (c == '@' && !e->closed)
                e->at = e->nspec;
            add(e, c);
        }
    }
    return e->nspec > 0;
}

/* ---- handing over ---- */

static void push_name(lua_State *L, struct fct_str name)
{
    struct lua_call *c = lua_running;
    const struct fct_header h = {.name = {"From", 4}, .value = name, .raw = name};

    if (name.n == 0)
        lua_pushnil(L);
    else if (c && c->host && memmem(name.p, name.n, "=?", 2))
        lua_str_push(
            L, lua_host(L)->header_text(c->host, &h)); /* of the field, only the value counts */
    else
        lua_str_push(L, name);
}

static void push_entry(lua_State *L, const struct entry *e)
{
    size_t local = e->at == NO_AT ? e->nspec : e->at;

    for (size_t i = local; i < e->nspec; i++)
        if (e->spec[i] >= 'A' && e->spec[i] <= 'Z')
            e->spec[i] = (char)(e->spec[i] + 32);
    lua_createtable(L, 0, 4);
    lua_pushlstring(L, e->spec, e->nspec);
    lua_setfield(L, -2, "address");
    lua_pushlstring(L, e->spec, local);
    lua_setfield(L, -2, "localpart");
    if (e->at == NO_AT)
        lua_pushliteral(L, "");
    else
        lua_pushlstring(L, e->spec + local + 1, e->nspec - local - 1);
    lua_setfield(L, -2, "domain");
    push_name(L, (struct fct_str){e->phrase, e->has_angle ? e->nphrase : 0});
    lua_setfield(L, -2, "name");
    luaL_setmetatable(L, ADDRESS);
}

void lua_address_push_list(lua_State *L, struct fct_str value)
{
    struct scan in = {value.p, value.p + value.n};
    struct entry e = {0};
    lua_Integer n = 0;

    e.phrase = lua_newuserdatauv(L, 2 * value.n + 2,
                                 0); /* every byte at most once, and a space before it */
    e.spec = lua_newuserdatauv(L, value.n + 1, 0);
    lua_newtable(L);
    while (n < LUA_ADDRESSES_MAX && read_entry(&in, &e)) {
        if (e.nspec == 0)
            continue;
        push_entry(L, &e);
        lua_rawseti(L, -2, ++n);
        lua_check_budget(L);
    }
    lua_replace(L, -3);
    lua_pop(L, 1);
}

void lua_address_push_path(lua_State *L, struct fct_str path)
{
    lua_address_push_list(L, path);
    lua_rawgeti(L, -1, 1);
    lua_remove(L, -2);
}

static int address_tostring(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_pushliteral(L, "address");
    lua_rawget(L, 1);
    return 1;
}

void lua_address_open(lua_State *L)
{
    luaL_newmetatable(L, ADDRESS);
    lua_pushcfunction(L, address_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushliteral(L, "locked");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}
