/* lua_message.c - the objects `message` and `part`, reading. Edits are in lua_edits.c;
 * documentation: lua_api.def. */
#include "lua_api.h"

static struct fct_call *message(lua_State *L)
{
    return lua_view_check(L, 1, "message")->host;
}

/* ---- header fields * ---- */
static const struct fct_header *find(lua_State *L, const char *name, size_t nth)
{
    return lua_host(L)->header(message(L), name, nth);
}
static void push_text(lua_State *L, const struct fct_header *h)
{
    if (h)
        lua_str_push(L, lua_host(L)->header_text(message(L), h));
    else
        lua_pushnil(L);
} /* The argument `name`; the object comes first, so that m.header("X") is told what is wrong with
     it. */
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
    push_text(L, find(L, name, (size_t)nth - 1));
    return 1;
}
int lua_do_message_headers(lua_State *L)
{
    const char *name = check_name(L);
    const struct fct_header *h;
    lua_newtable(L);
    for (size_t i = 0; (h = find(L, name, i)); i++) {
        push_text(L, h);
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
        push_text(L, &first[i]);
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
    push_text(L, find(L, "Subject", 0));
    return 1;
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
    lua_str_push_or_nil(L, h ? trim(h->value) : (struct fct_str){NULL, 0});
    return 1;
} /* What stands between the last < and the > behind it; without them, all of it. */
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
} /* ---- addresses * ---- */ /* All fields of that name together: RFC 5322 3.6 allows one, mail has
                                 more. */
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
} /* ---- the rest of the message * ---- */

int lua_get_message_conn(lua_State *L)
{
    message(L);
    lua_view_push(L, "conn", NULL);
    return 1;
}

int lua_get_message_envelope(lua_State *L)
{
    message(L);
    lua_view_push(L, "envelope", NULL);
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
    lua_str_push(L, s);
}

static bool is_type(const struct fct_part *p, const char *type)
{
    return p->type.n == strlen(type) && memcmp(p->type.p, type, p->type.n) == 0;
}

int lua_get_message_text(lua_State *L)
{
    const struct fct_part *first;
    size_t n = lua_host(L)->parts(message(L), &first);

    for (size_t i = 0; i < n; i++)
        if (is_type(&first[i], "text/plain") && first[i].filename.n == 0) {
            push_cut(L, lua_host(L)->part_text(message(L), &first[i]));
            return 1;
        }
    lua_pushnil(L);
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
        lua_view_push(L, "part", &first[i]);
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

static const struct fct_part *part(lua_State *L)
{
    lua_view_check(L, 1, "part");
    return ((const struct lua_view *)lua_touserdata(L, 1))->part;
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
    push_cut(L, lua_host(L)->part_text(lua_view_check(L, 1, "part")->host, part(L)));
    return 1;
}

int lua_get_part_bytes(lua_State *L)
{
    push_cut(L, lua_host(L)->part_bytes(lua_view_check(L, 1, "part")->host, part(L)));
    return 1;
}
