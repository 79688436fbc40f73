/* http_rules.c - who may be asked, and at which addresses. */
#include "core/http/http_client.h"

#include "core/base/err.h"
#include "core/base/str.h"
#include <arpa/inet.h>

/* "host", "*.host", "*", each with ":port" or without: then any port. */
static bool matches(struct fct_str pattern, const struct fct_url *url)
{
    ptrdiff_t colon = str_find_last_char(pattern, ':'), bracket = str_find_last_char(pattern, ']');
    uint32_t port, standard = str_equal(url->scheme, FCT_STR("http")) ? 80 : 443;

    if (colon >= 0 && colon > bracket && str_to_u32(str_skip(pattern, (size_t)colon + 1), &port)) {
        if (port != (url->port ? url->port : standard))
            return false;
        pattern = str_head(pattern, (size_t)colon);
    }
    if (bracket > 0 && pattern.p[0] == '[')
        pattern = str_head(str_skip(pattern, 1), (size_t)bracket - 1);
    if (str_equal(pattern, FCT_STR("*")))
        return true;
    if (str_starts(pattern, FCT_STR("*.")))
        return url->host.n > pattern.n - 1 && str_ends_nocase(url->host, str_skip(pattern, 1));
    return str_equal_nocase(url->host, pattern);
}

static bool is_in(const struct fct_strings *list, const struct fct_url *url)
{
    for (size_t i = 0; i < list->n; i++)
        if (matches(str_from(list->item[i]), url))
            return true;
    return false;
}

bool http_url_allowed(const struct http_conf *conf, const struct fct_url *url, struct fct_err *err)
{
    bool secure = str_equal(url->scheme, FCT_STR("https"));

    if (!secure && !str_equal(url->scheme, FCT_STR("http")))
        return fct_fail(err, FCT_DENIED, "%.*s: only https is asked", FCT_FMT(url->scheme));
    if (url->user.n > 0)
        return fct_fail(err, FCT_DENIED, "no user names in URLs: send a header");
    if (is_in(&conf->plain, url) || (secure && is_in(&conf->allow, url)))
        return true;
    if (!secure && is_in(&conf->allow, url))
        return fct_fail(err, FCT_DENIED, "%.*s may be asked by https only (http.plain)",
                        FCT_FMT(str_head(url->host, 100)));
    return fct_fail(err, FCT_DENIED, "%.*s is not among http.allow",
                    FCT_FMT(str_head(url->host, 100)));
}

/* ---- addresses ---- */

struct net {
    unsigned char bytes[16];
    unsigned bits;
};

/* What is not a host on the Internet (RFC 6890 and its registries). */
static const struct net v4_special[] = {
    {{0}, 8},
    {{10}, 8},
    {{100, 64}, 10},
    {{127}, 8},
    {{169, 254}, 16},
    {{172, 16}, 12},
    {{192, 0, 0}, 24},
    {{192, 0, 2}, 24},
    {{192, 88, 99}, 24},
    {{192, 168}, 16},
    {{198, 18}, 15},
    {{198, 51, 100}, 24},
    {{203, 0, 113}, 24},
    {{224}, 3},
};
/* Only 2000::/3 is given out; of it, these are not hosts, or lead to an IPv4 address. */
static const struct net v6_global[] = {{{0x20}, 3}};
static const struct net v6_special[] = {
    {{0x20, 0x01, 0, 0}, 23},
    {{0x20, 0x01, 0x0d, 0xb8}, 32},
    {{0x20, 0x02}, 16},
    {{0x3f, 0xff}, 20},
};
static const struct net v4_mapped = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96};
static const struct net nat64 = {{0, 0x64, 0xff, 0x9b}, 96};

static bool is_within(const unsigned char *address, const struct net *net)
{
    unsigned whole = net->bits / 8, rest = net->bits % 8;

    return memcmp(address, net->bytes, whole) == 0 &&
           (rest == 0 || ((address[whole] ^ net->bytes[whole]) >> (8 - rest)) == 0);
}

static bool is_within_any(const unsigned char *address, const struct net *nets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_within(address, &nets[i]))
            return true;
    return false;
}

static bool is_public_v4(const unsigned char *address)
{
    return !is_within_any(address, v4_special, FCT_COUNT(v4_special));
}

static bool is_public_v6(const unsigned char *address)
{
    if (is_within(address, &v4_mapped) || is_within(address, &nat64))
        return is_public_v4(address + 12);
    return is_within_any(address, v6_global, FCT_COUNT(v6_global)) &&
           !is_within_any(address, v6_special, FCT_COUNT(v6_special));
}

static bool is_public(struct fct_str text)
{
    unsigned char address[16];
    char copy[INET6_ADDRSTRLEN];

    if (text.n >= sizeof copy)
        return false;
    str_copy_c(copy, sizeof copy, text);
    if (inet_pton(AF_INET, copy, address) == 1)
        return is_public_v4(address);
    return inet_pton(AF_INET6, copy, address) == 1 && is_public_v6(address);
}

/* "*" names no host, so it opens nothing here. */
static bool is_named(const struct fct_strings *list, const struct fct_url *url)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->item[i][0] != '*' && matches(str_from(list->item[i]), url))
            return true;
    return false;
}

bool http_address_allowed(const struct http_conf *conf, const struct fct_url *url,
                          struct fct_str address, struct fct_err *err)
{
    if (is_public(address) || is_named(&conf->plain, url) || is_named(&conf->private_hosts, url))
        return true;
    return fct_fail(err, FCT_DENIED, "%.*s is at %.*s, no public address (http.private_hosts)",
                    FCT_FMT(str_head(url->host, 80)), FCT_FMT(address));
}
