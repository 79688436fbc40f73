/* lua_ip.c - addresses are strings with methods: `c.ip:reversed()`, `c.ip:within("10.0.0.0/8")`.
 *
 * Strings, not objects: they can be compared, joined and used as keys without a second thought. */
#include "lua_ip.h"

#include "lua_api.h"
#include <arpa/inet.h>

bool lua_ip_parse(struct fct_str text, struct lua_ip *out)
{
    char copy[INET6_ADDRSTRLEN];

    if (text.n == 0 || text.n >= sizeof copy || memchr(text.p, '\0', text.n))
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    memset(out->byte, 0, 10);
    memset(out->byte + 10, 0xff, 2);
    out->v4 = inet_pton(AF_INET, copy, out->byte + 12) == 1;
    return out->v4 || inet_pton(AF_INET6, copy, out->byte) == 1;
}

static void set_bits(struct lua_ip *ip, unsigned from, bool on)
{
    for (unsigned bit = from; bit < 128; bit++) {
        uint8_t mask = (uint8_t)(0x80 >> bit % 8);

        ip->byte[bit / 8] =
            on ? (uint8_t)(ip->byte[bit / 8] | mask) : (uint8_t)(ip->byte[bit / 8] & ~mask);
    }
}

/* ADDRESS "/" BITS */
static bool parse_prefix(struct fct_str text, const char *slash, struct lua_net *out)
{
    struct fct_str address = {text.p, (size_t)(slash - text.p)};
    size_t digits = text.n - address.n - 1;
    unsigned bits = 0;

    if (!lua_ip_parse(address, &out->from) || digits < 1 || digits > 3)
        return false;
    for (size_t i = 1; i <= digits; i++) {
        if (slash[i] < '0' || slash[i] > '9')
            return false;
        bits = bits * 10 + (unsigned)(slash[i] - '0');
    }
    if (bits > (out->from.v4 ? 32u : 128u))
        return false;
    out->to = out->from;
    set_bits(&out->from, bits + (out->from.v4 ? 96 : 0), false);
    set_bits(&out->to, bits + (out->from.v4 ? 96 : 0), true);
    return true;
}

int lua_ip_compare(const struct lua_ip *a, const struct lua_ip *b)
{
    return memcmp(a->byte, b->byte, sizeof a->byte);
}

bool lua_net_parse(struct fct_str text, struct lua_net *out)
{
    const char *slash = memchr(text.p, '/', text.n), *dash = memchr(text.p, '-', text.n);

    if (slash)
        return parse_prefix(text, slash, out);
    if (!dash) {
        bool ok = lua_ip_parse(text, &out->from);

        out->to = out->from;
        return ok;
    }
    return lua_ip_parse((struct fct_str){text.p, (size_t)(dash - text.p)}, &out->from) &&
           lua_ip_parse((struct fct_str){dash + 1, text.n - (size_t)(dash + 1 - text.p)},
                        &out->to) &&
           out->from.v4 == out->to.v4 && lua_ip_compare(&out->from, &out->to) <= 0;
}

/* ---- methods ---- */

static struct lua_ip check_ip(lua_State *L)
{
    struct fct_str text = lua_str_check(L, 1);
    struct lua_ip ip;

    if (!lua_ip_parse(text, &ip))
        luaL_error(L, "'%s' is not an IP address", text.p);
    return ip;
}

int lua_do_ip_reversed(lua_State *L)
{
    struct lua_ip ip = check_ip(L);
    char text[80];
    size_t n = 0;

    if (ip.v4) {
        lua_pushfstring(L, "%d.%d.%d.%d", ip.byte[15], ip.byte[14], ip.byte[13], ip.byte[12]);
        return 1;
    }
    for (size_t i = 16; i > 0; i--)
        n += (size_t)snprintf(text + n, sizeof text - n, "%x.%x%s", ip.byte[i - 1] & 15u,
                              ip.byte[i - 1] >> 4u, i > 1 ? "." : "");
    lua_pushlstring(L, text, n);
    return 1;
}

static bool within(lua_State *L, const struct lua_ip *ip, struct fct_str nets)
{
    static const char between[] = ", \t\r\n";
    struct lua_net net;

    for (size_t at = 0; at < nets.n;) {
        size_t n = 0;

        while (at + n < nets.n && !memchr(between, nets.p[at + n], sizeof between - 1))
            n++;
        if (n > 0) {
            if (!lua_net_parse((struct fct_str){nets.p + at, n}, &net))
                luaL_error(L, "'%s' is not a net, a range or an address", nets.p + at);
            if (net.from.v4 == ip->v4 && lua_ip_compare(&net.from, ip) <= 0 &&
                lua_ip_compare(ip, &net.to) <= 0)
                return true;
        }
        at += n + 1;
    }
    return false;
}

int lua_do_ip_within(lua_State *L)
{
    struct lua_ip ip = check_ip(L);
    bool found = false;

    lua_settop(L, 2);
    if (!lua_istable(L, 2)) {
        lua_pushboolean(L, within(L, &ip, lua_str_check(L, 2)));
        return 1;
    }
    for (lua_Integer i = 1; !found && lua_geti(L, 2, i) != LUA_TNIL; i++) {
        found = within(L, &ip, lua_str_check(L, -1));
        lua_pop(L, 1);
    }
    lua_pushboolean(L, found);
    return 1;
}

int lua_do_ip_is_v4(lua_State *L)
{
    struct lua_ip ip;

    lua_pushboolean(L, lua_ip_parse(lua_str_check(L, 1), &ip) && ip.v4);
    return 1;
}

int lua_do_ip_is_v6(lua_State *L)
{
    struct lua_ip ip;

    lua_pushboolean(L, lua_ip_parse(lua_str_check(L, 1), &ip) && !ip.v4);
    return 1;
}
