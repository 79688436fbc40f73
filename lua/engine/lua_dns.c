/* lua_dns.c - questions to the DNS. Documentation: lua_api.def. */
#include "lua_api.h"
#include "lua_ip.h"

static const char *const status_words[] = {
    [FCT_DNS_OK] = "no_data", /* OK without a record */
    [FCT_DNS_NO_NAME] = "no_name", [FCT_DNS_NO_DATA] = "no_data", [FCT_DNS_FAILED] = "failed",
    [FCT_DNS_BOGUS] = "bogus",     [FCT_DNS_REFUSED] = "refused",
};

/* nil, a word, and what went wrong. */
static int push_failure(lua_State *L, const struct fct_dns_answer *a)
{
    lua_pushnil(L);
    lua_pushstring(L, a->status < FCT_COUNT(status_words) ? status_words[a->status] : "failed");
    lua_str_push(L, a->why);
    return 3;
}

static void push_text(lua_State *L, const struct fct_dns_record *r)
{
    lua_str_push(L, r->data);
}

static void push_exchanger(lua_State *L, const struct fct_dns_record *r)
{
    lua_createtable(L, 0, 2);
    lua_str_push(L, r->data);
    lua_setfield(L, -2, "host");
    lua_pushinteger(L, r->preference);
    lua_setfield(L, -2, "preference");
}

/* RFC 6698 2.1: three bytes, then the data. */
static void push_tlsa(lua_State *L, const struct fct_dns_record *r)
{
    static const char *const names[] = {"usage", "selector", "matching"};
    luaL_Buffer hex;

    lua_createtable(L, 0, 4);
    for (size_t i = 0; i < FCT_COUNT(names) && i < r->data.n; i++) {
        lua_pushinteger(L, (unsigned char)r->data.p[i]);
        lua_setfield(L, -2, names[i]);
    }
    luaL_buffinit(L, &hex);
    for (size_t i = FCT_COUNT(names); i < r->data.n; i++) {
        char two[3];

        snprintf(two, sizeof two, "%02x", (unsigned char)r->data.p[i]);
        luaL_addlstring(&hex, two, 2);
    }
    luaL_pushresult(&hex);
    lua_setfield(L, -2, "data");
}

static int push_answer(lua_State *L, const struct fct_dns_answer *a,
                       void (*push)(lua_State *, const struct fct_dns_record *))
{
    lua_createtable(L, (int)a->n, 3);
    for (size_t i = 0; i < a->n; i++) {
        push(L, &a->record[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_pushinteger(L, a->ttl);
    lua_setfield(L, -2, "ttl");
    lua_pushboolean(L, a->authentic);
    lua_setfield(L, -2, "authentic");
    lua_str_push(L, a->canonical);
    lua_setfield(L, -2, "canonical");
    return 1;
}

FCT_MAY_WAIT static int ask(lua_State *L, enum fct_dns_type type, struct fct_str name,
                            void (*push)(lua_State *, const struct fct_dns_record *))
{
    struct fct_dns_answer answer = {.size = sizeof answer, .status = FCT_DNS_FAILED};
    struct lua_call *c;
    bool found;

    (void)LUA_NEEDS(L, dns, "dns");
    c = lua_call_waits(L);
    found = c->engine->host->dns(c->host, type, name, &answer);
    lua_call_goes_on(c);
    return found ? push_answer(L, &answer, push) : push_failure(L, &answer);
}

FCT_MAY_WAIT int lua_fn_dns_a(lua_State *L)
{
    return ask(L, FCT_DNS_A, lua_str_check(L, 1), push_text);
}

FCT_MAY_WAIT int lua_fn_dns_aaaa(lua_State *L)
{
    return ask(L, FCT_DNS_AAAA, lua_str_check(L, 1), push_text);
}

FCT_MAY_WAIT int lua_fn_dns_txt(lua_State *L)
{
    return ask(L, FCT_DNS_TXT, lua_str_check(L, 1), push_text);
}

FCT_MAY_WAIT int lua_fn_dns_cname(lua_State *L)
{
    return ask(L, FCT_DNS_CNAME, lua_str_check(L, 1), push_text);
}

FCT_MAY_WAIT int lua_fn_dns_tlsa(lua_State *L)
{
    return ask(L, FCT_DNS_TLSA, lua_str_check(L, 1), push_tlsa);
}

/* Lists of exchangers are short: an insertion sort keeps equal ones in order. */
static void sort_exchangers(lua_State *L, lua_Integer n)
{
    for (lua_Integer i = 2; i <= n; i++)
        for (lua_Integer j = i; j > 1; j--) {
            lua_rawgeti(L, -1, j - 1);
            lua_rawgeti(L, -2, j);
            lua_getfield(L, -2, "preference");
            lua_getfield(L, -2, "preference");
            if (lua_tointeger(L, -2) <= lua_tointeger(L, -1)) {
                lua_pop(L, 4);
                break;
            }
            lua_pop(L, 2);
            lua_rawseti(L, -3, j - 1);
            lua_rawseti(L, -2, j);
        }
}

FCT_MAY_WAIT int lua_fn_dns_mx(lua_State *L)
{
    int n = ask(L, FCT_DNS_MX, lua_str_check(L, 1), push_exchanger);

    if (n == 1)
        sort_exchangers(L, (lua_Integer)lua_rawlen(L, -1));
    return n;
}

/* The name of an address: RFC 1035 3.5, RFC 3596 2.5. */
FCT_MAY_WAIT int lua_fn_dns_ptr(lua_State *L)
{
    struct lua_ip ip;

    if (!lua_ip_parse(lua_str_check(L, 1), &ip))
        return luaL_argerror(L, 1, "an IP address is expected");
    lua_settop(L, 1);
    lua_do_ip_reversed(L);
    lua_pushstring(L, ip.v4 ? ".in-addr.arpa" : ".ip6.arpa");
    lua_concat(L, 2);
    return ask(L, FCT_DNS_PTR, lua_str_check(L, -1), push_text);
}
