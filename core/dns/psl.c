/* psl.c - libpsl behind our views. */
#include "core/dns/psl.h"

#include "core/base/str.h"
#include <arpa/inet.h>
#include <libpsl.h>

enum { NAME_MAX_LENGTH = 1024 };

static const psl_ctx_t *list;

/* The last answers: mail names few hosts, again and again, and the list takes its time. */
enum { KNOWN = 64, KNOWN_HOST = 60, NO_ORG = 255 };
struct known {
    unsigned char n, org; /* org: where it begins in the host */
    char host[KNOWN_HOST];
};
static _Thread_local struct known known[KNOWN];

void psl_setup(void)
{
    if (list)
        return;
    list = psl_latest(NULL);
    memset(known, 0, sizeof known); /* what the other list said */
}

static struct known *known_slot(struct fct_str host)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (size_t i = 0; i < host.n; i++)
        hash = (hash ^ (unsigned char)host.p[i]) * 16777619u;
    return &known[(hash ^ hash >> 16) % KNOWN];
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

static bool look_up(struct fct_str host, struct fct_str *org)
{
    char name[NAME_MAX_LENGTH + 1];
    const char *found;

    if (host.n == 0 || host.n > NAME_MAX_LENGTH || memchr(host.p, 0, host.n))
        return false;
    str_copy_c(name, sizeof name, host);
    str_lower(name, host.n); /* as the list is written */
    found = is_address(name) ? NULL : psl_registrable_domain(list ? list : psl_builtin(), name);
    if (found)
        *org = str_skip(host, (size_t)(found - name));
    return found != NULL;
}

bool psl_registrable(struct fct_str host, struct fct_str *org)
{
    struct known *k;
    bool found;

    host = without_dot(host);
    if (host.n == 0 || host.n > KNOWN_HOST)
        return look_up(host, org);
    k = known_slot(host);
    if (k->n != host.n || memcmp(k->host, host.p, host.n) != 0) {
        found = look_up(host, org);
        k->n = (unsigned char)host.n;
        k->org = found ? (unsigned char)(org->p - host.p) : NO_ORG;
        memcpy(k->host, host.p, host.n);
    }
    if (k->org != NO_ORG)
        *org = str_skip(host, k->org);
    return k->org != NO_ORG;
}

struct fct_str psl_org(struct fct_str host)
{
    struct fct_str org;

    return psl_registrable(host, &org) ? org : without_dot(host);
}
