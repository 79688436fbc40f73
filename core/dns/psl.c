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

struct fct_str psl_org(struct fct_str host)
{
    char name[NAME_MAX_LENGTH + 1];
    const char *org;

    if (host.n > 0 && host.p[host.n - 1] == '.')
        host.n--;
    if (host.n == 0 || host.n > NAME_MAX_LENGTH || memchr(host.p, 0, host.n))
        return host;
    str_copy_c(name, sizeof name, host);
    if (is_address(name))
        return host;
    org = psl_registrable_domain(list ? list : psl_builtin(), name);
    return org ? str_skip(host, (size_t)(org - name)) : host;
}
