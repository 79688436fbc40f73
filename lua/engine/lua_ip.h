/* lua_ip.h - addresses and nets as numbers, for what compares them. */
#ifndef LUA_IP_H
#define LUA_IP_H

#include <facteur/base.h>

/* An IPv4 address lies in the last four bytes, as in ::ffff:192.0.2.1. */
struct lua_ip {
    uint8_t byte[16];
    bool v4;
};

/* From one address to another, both in it and of one family. */
struct lua_net {
    struct lua_ip from, to;
};

FCT_MUST_CHECK bool lua_ip_parse(struct fct_str text, struct lua_ip *out);
/* "192.0.2.0/24", "127.0.0.2-127.0.0.11" or one address. */
FCT_MUST_CHECK bool lua_net_parse(struct fct_str text, struct lua_net *out);
int lua_ip_compare(const struct lua_ip *a, const struct lua_ip *b);

#endif
