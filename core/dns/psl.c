/* psl.c - libpsl behind our views. */
#include "core/dns/psl.h"

#include "core/base/str.h"
#include <arpa/inet.h>
#include <libpsl.h>

enum { NAME_MAX_LENGTH = 1024 };

static const psl_ctx_t *list;

void psl_setup(void)
{
    if (!list)
        list = psl_latest(NULL);
}

static bool is_address(const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

static struct fct_str without_dot(struct fct_str host)
{
    return host.n > 0 && host.p[host.n - 1] == '.' ? str_head(host, host.n - 1) : host;
}

bool psl_registrable(struct fct_str host, struct fct_str *org)
{
    char name[NAME_MAX_LENGTH + 1];
    const char *found;

    host = without_dot(host);
    if (host.n == 0 || host.n > NAME_MAX_LENGTH || memchr(host.p, 0, host.n))
        return false;
    str_copy_c(name, sizeof name, host);
    str_lower(name, host.n); /* as the list is written */
    found = is_address(name) ? NULL : psl_registrable_domain(list ? list : psl_builtin(), name);
    if (found)
        *org = str_skip(host, (size_t)(found - name));
    return found != NULL;
}

struct fct_str psl_org(struct fct_str host)
{
    struct fct_str org;

    return psl_registrable(host, &org) ? org : without_dot(host);
}
