/* lua_message.c - the objects `message` and `part`, reading. Edits are in lua_edits.c;
 * documentation: lua_api.def. */
#include "lua_api.h"

#include <strings.h>

static struct fct_call *message(lua_State *L)
{
    return lua_view_check(L, 1, LUA_MESSAGE)->host;
}

/* ---- header fields ---- */

static const struct fct_header *find(lua_State *L, const char *name, size_t nth)
{
    return lua_host(L)->header(message(L), name, nth);
}

/* All rules of a message ask for the same few texts. The bytes are compared, so that nobody needs
 * to know when a message ends. */
static void push_kept(lua_State *L, struct fct_str text)
{
    struct lua_engine *e = lua_engine_of(L);
    struct lua_kept *k = &e->kept[((uintptr_t)text.p >> 4 ^ text.n) % LUA_KEPT_TEXTS];

    if (text.n == 0 || text.n > LUA_KEPT_LONGEST) {
        lua_str_push(L, text);
        return;
    }
    if (k->reference && k->text.n == text.n && memcmp(k->text.p, text.p, text.n) == 0) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, k->reference);
        return;
    }
    lua_str_push(L, text);
    lua_pushvalue(L, -1);
    if (k->reference)
        lua_rawseti(L, LUA_REGISTRYINDEX, k->reference);
    else
        k->reference = luaL_ref(L, LUA_REGISTRYINDEX);
    k->text.p = lua_tolstring(L, -1, &k->text.n);
}

static void push_text(lua_State *L, struct fct_call *call, const struct fct_header *h)
{
    struct fct_str text;

    if (!h) {
        lua_pushnil(L);
        return;
    }
    text = lua_host(L)->header_text(call, h);
    push_kept(L, text);
}

static int push_first(lua_State *L, const char *name, size_t nth)
{
    struct fct_call *call = message(L);

    push_text(L, call, lua_host(L)->header(call, name, nth));
    return 1;
}

/* The argument `name`; the object comes first, so that m.header("X") is told what is wrong with
 * it. */
static const char *check_name(lua_State *L)
{
    message(L);
    return luaL_checkstring(L, 2);
}

int lua_do_message_header(lua_State *L)
{
    const char *name = check_name(L);
    lua_Integer nth = luaL_optinteger(L, 3, 1);

    luaL_argcheck(L, nth >= 1, 3, "the first field has the number 1");
    return push_first(L, name, (size_t)nth - 1);
}

int lua_do_message_headers(lua_State *L)
{
    const char *name = check_name(L);
    const struct fct_header *h;

    lua_newtable(L);
    for (size_t i = 0; (h = find(L, name, i)); i++) {
        push_text(L, message(L), h);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

int lua_do_message_all_headers(lua_State *L)
{
    const struct fct_header *first;
    size_t n = lua_host(L)->headers(message(L), &first);

    lua_newtable(L);
    for (size_t i = 0; i < n; i++) {
        lua_createtable(L, 0, 3);
        lua_str_push(L, first[i].name);
        lua_setfield(L, -2, "name");
        push_text(L, message(L), &first[i]);
        lua_setfield(L, -2, "value");
        lua_str_push(L, first[i].value);
        lua_setfield(L, -2, "raw");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
        lua_check_budget(L);
    }
    return 1;
}

int lua_get_message_subject(lua_State *L)
{
    return push_first(L, "Subject", 0);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct fct_str trim(struct fct_str s)
{
    while (s.n > 0 && is_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

int lua_get_message_date(lua_State *L)
{
    const struct fct_header *h = find(L, "Date", 0);

    if (h)
        lua_time_push_text(L, trim(h->value));
    else
        lua_pushnil(L);
    return 1;
}

/* What stands between the last < and the > behind it; without them, all of it. */
static void push_bracketed(lua_State *L, const char *name)
{
    const struct fct_header *h = find(L, name, 0);
    struct fct_str s = h ? trim(h->value) : (struct fct_str){NULL, 0};
    const char *open = s.n ? memrchr(s.p, '<', s.n) : NULL, *close;
    if (open) {
        close = memchr(open, '>', (size_t)(s.p + s.n - open));
        s = (struct fct_str){open + 1, (size_t)((close ? close : s.p + s.n) - open - 1)};
    }
    lua_str_push_or_nil(L, trim(s));
}
int lua_get_message_message_id(lua_State *L)
{
    push_bracketed(L, "Message-ID");
    return 1;
}
int lua_get_message_list_id(lua_State *L)
{
    push_bracketed(L, "List-Id");
    return 1;
}

/* ---- addresses ---- */

/* All fields of that name together: RFC 5322 3.6 allows one, mail has more. */
static void push_addresses(lua_State *L, const char *name)
{
    const struct fct_header *h = find(L, name, 0);
    lua_address_push_list(L, h ? h->value : (struct fct_str){"", 0});
}
static int push_first_address(lua_State *L, const char *name)
{
    push_addresses(L, name);
    lua_rawgeti(L, -1, 1);
    return 1;
}
int lua_get_message_from(lua_State *L)
{
    return push_first_address(L, "From");
}
int lua_get_message_reply_to(lua_State *L)
{
    return push_first_address(L, "Reply-To");
}
int lua_get_message_to(lua_State *L)
{
    push_addresses(L, "To");
    return 1;
}
int lua_get_message_cc(lua_State *L)
{
    push_addresses(L, "Cc");
    return 1;
}

/* ---- the rest of the message ---- */

int lua_get_message_conn(lua_State *L)
{
    message(L);
    lua_view_push(L, LUA_CONN, NULL);
    return 1;
}

int lua_get_message_envelope(lua_State *L)
{
    message(L);
    lua_view_push(L, LUA_ENVELOPE, NULL);
    return 1;
}

int lua_get_message_size(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)lua_host(L)->raw(message(L)).n);
    return 1;
}

/* ---- parts ---- */

static void push_cut(lua_State *L, struct fct_str s)
{
    size_t most = (size_t)lua_engine_of(L)->conf->text_limit.bytes;

    if (s.n > most)
        s.n = most;
    push_kept(L, s);
}

/* The first part of a type that is no attachment. */
static const struct fct_part *first_text(lua_State *L, const char *type)
{
    const struct fct_part *first;
    size_t n = lua_host(L)->parts(message(L), &first);

    for (size_t i = 0; i < n; i++)
        if (lua_part_is(&first[i], type) && first[i].filename.n == 0)
            return &first[i];
    return NULL;
}

int lua_get_message_text(lua_State *L)
{
    const struct fct_part *plain = first_text(L, "text/plain"), *html;

    if (plain) {
        push_cut(L, lua_host(L)->part_text(message(L), plain));
        return 1;
    }
    html = FCT_HAS(lua_host(L), html) && lua_host(L)->html ? first_text(L, "text/html") : NULL;
    if (!html) {
        lua_pushnil(L);
        return 1;
    }
    lua_view_push(L, LUA_HTML, html);
    lua_replace(L, 1);
    lua_settop(L, 1);
    return lua_get_html_text(L);
}

static int push_seen(lua_State *L, enum fct_text which)
{
    bool has = FCT_HAS(lua_host(L), text) && lua_host(L)->text;

    push_cut(L, has ? lua_host(L)->text(message(L), which) : (struct fct_str){"", 0});
    return 1;
}

int lua_get_message_shown(lua_State *L)
{
    return push_seen(L, FCT_TEXT_SHOWN);
}

int lua_get_message_hidden(lua_State *L)
{
    return push_seen(L, FCT_TEXT_HIDDEN);
}

int lua_get_message_html(lua_State *L)
{
    message(L);
    lua_view_push(L, LUA_HTML, NULL);
    return 1;
}

static void push_parts(lua_State *L, bool attachments)
{
    const struct fct_part *first;
    size_t n = lua_host(L)->parts(message(L), &first);
    lua_Integer k = 0;

    lua_newtable(L);
    for (size_t i = 0; i < n; i++) {
        if (attachments && first[i].filename.n == 0)
            continue;
        lua_view_push(L, LUA_PART, &first[i]);
        lua_rawseti(L, -2, ++k);
    }
}

int lua_do_message_parts(lua_State *L)
{
    push_parts(L, false);
    return 1;
}

int lua_get_message_attachments(lua_State *L)
{
    push_parts(L, true);
    return 1;
}

/* ---- one attachment ---- */

static struct fct_str extension(const struct fct_part *p)
{
    const char *dot = p->filename.n ? memrchr(p->filename.p, '.', p->filename.n) : NULL;

    return dot ? (struct fct_str){dot + 1, p->filename.n - (size_t)(dot + 1 - p->filename.p)}
               : (struct fct_str){"", 0};
}

static bool same_word(struct fct_str a, struct fct_str b)
{
    return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

/* Is the field missing, this text, or a list with it? */
static bool one_of(lua_State *L, const char *field, struct fct_str text)
{
    bool found = false;
    int kind = lua_getfield(L, 2, field);

    if (kind == LUA_TSTRING)
        found = same_word(lua_str_check(L, -1), text);
    else if (kind == LUA_TTABLE)
        for (lua_Integer i = 1; !found && lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
            found = same_word(lua_str_check(L, -1), text);
            lua_pop(L, 1);
        }
    else if (kind != LUA_TNIL)
        luaL_error(L, "%s must be a string or a list of strings", field);
    lua_settop(L, 3);
    return found || kind == LUA_TNIL;
}

int lua_do_message_attachment(lua_State *L)
{
    const struct fct_part *first;
    size_t n = lua_host(L)->parts(message(L), &first);
    uint64_t least = 0;

    luaL_checktype(L, 2, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1))
        if (lua_type(L, -2) != LUA_TSTRING ||
            (strcmp(lua_tostring(L, -2), "ext") != 0 && strcmp(lua_tostring(L, -2), "type") != 0 &&
             strcmp(lua_tostring(L, -2), "min_size") != 0))
            return luaL_error(L, "attachment knows ext, type and min_size");
    if (lua_getfield(L, 2, "min_size") == LUA_TNUMBER)
        least = (uint64_t)luaL_checkinteger(L, -1);
    else if (!lua_isnil(L, -1) && !lua_size_parse(luaL_checkstring(L, -1), &least))
        return luaL_error(L, "min_size: '%s' is not a size such as 64K", lua_tostring(L, -1));
    lua_settop(L, 3);
    for (size_t i = 0; i < n; i++)
        if (first[i].filename.n > 0 && one_of(L, "ext", extension(&first[i])) &&
            one_of(L, "type", first[i].type) &&
            (least == 0 || lua_host(L)->part_bytes(message(L), &first[i]).n >= least)) {
            lua_view_push(L, LUA_PART, &first[i]);
            return 1;
        }
    lua_pushnil(L);
    return 1;
}

/* ---- one part ---- */

static const struct fct_part *part(lua_State *L)
{
    lua_view_check(L, 1, LUA_PART);
    return lua_view_part(L, 1);
}

int lua_get_part_type(lua_State *L)
{
    lua_str_push(L, part(L)->type);
    return 1;
}

int lua_get_part_charset(lua_State *L)
{
    lua_str_push_or_nil(L, part(L)->charset);
    return 1;
}

int lua_get_part_encoding(lua_State *L)
{
    lua_str_push(L, part(L)->encoding);
    return 1;
}

int lua_get_part_name(lua_State *L)
{
    lua_str_push_or_nil(L, part(L)->filename);
    return 1;
}

int lua_get_part_content_id(lua_State *L)
{
    lua_str_push_or_nil(L, part(L)->content_id);
    return 1;
}

int lua_get_part_size(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)part(L)->body_length);
    return 1;
}

int lua_get_part_depth(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)part(L)->depth);
    return 1;
}

int lua_get_part_text(lua_State *L)
{
    push_cut(L, lua_host(L)->part_text(lua_view_check(L, 1, LUA_PART)->host, part(L)));
    return 1;
}

int lua_get_part_bytes(lua_State *L)
{
    push_cut(L, lua_host(L)->part_bytes(lua_view_check(L, 1, LUA_PART)->host, part(L)));
    return 1;
}

int lua_get_part_extension(lua_State *L)
{
    struct fct_str s = extension(part(L));
    luaL_Buffer out;

    if (s.n == 0) {
        lua_pushnil(L);
        return 1;
    }
    luaL_buffinit(L, &out);
    for (size_t i = 0; i < s.n; i++)
        luaL_addchar(&out, (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + 32 : s.p[i]));
    luaL_pushresult(&out);
    return 1;
}

int lua_get_part_html(lua_State *L)
{
    const struct fct_part *p = part(L);

    if (lua_part_is(p, "text/html"))
        lua_view_push(L, LUA_HTML, p);
    else
        lua_pushnil(L);
    return 1;
}

int lua_get_part_children(lua_State *L)
{
    const struct fct_part *p = part(L), *first;
    size_t n = lua_host(L)->parts(lua_view_check(L, 1, LUA_PART)->host, &first);
    lua_Integer k = 0;

    lua_newtable(L);
    for (size_t i = 0; i < n; i++)
        if (first[i].parent >= 0 && first + first[i].parent == p) {
            lua_view_push(L, LUA_PART, &first[i]);
            lua_rawseti(L, -2, ++k);
        }
    return 1;
}
