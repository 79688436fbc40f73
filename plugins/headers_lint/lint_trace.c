/* lint_trace.c - Received fields: an order in time, and nobody who writes in our name. The topmost
 * is our own, and says when "now" is. */
#include "lint.h"

#include "lint_text.h"

#include <strings.h>

#define HOPS_MAX 50u
#define SKEW_S   (6 * INT64_C(3600)) /* clocks that are wrong, zones that are forgotten */

/* The date stands behind the last semicolon (RFC 5321 4.4). */
static bool hop_date(struct fct_str value, int64_t *out)
{
    const char *at = memrchr(value.p, ';', value.n);

    if (!at)
        return false;
    return lint_date((struct fct_str){at + 1, value.n - (size_t)(at + 1 - value.p)}, out);
}

/* The word behind " by ". */
static struct fct_str hop_by(struct fct_str value)
{
    struct fct_str by = {"", 0};

    for (size_t i = 0; i + 4 < value.n; i++)
        if (strchr(" \t\r\n", value.p[i]) && strncasecmp(value.p + i + 1, "by", 2) == 0 &&
            strchr(" \t\r\n", value.p[i + 3])) {
            by = lint_trim((struct fct_str){value.p + i + 3, value.n - i - 3});
            break;
        }
    for (size_t i = 0; i < by.n; i++)
        if (strchr(" \t\r\n;(", by.p[i]))
            by.n = i;
    return by;
}

/* A name without a dot, such as localhost, is everybody's. */
static bool is_us(const struct lint *l, struct fct_str name)
{
    return name.n > 0 && memchr(name.p, '.', name.n) && name.n == l->us.n &&
           strncasecmp(name.p, l->us.p, name.n) == 0;
}

/* Nobody hands us what he says he got from us directly: between us and us there is another. */
static void check_us(struct lint *l, const struct fct_header *second)
{
    const struct fct_conn *conn = l->host->conn(l->call);
    bool near = conn->trusted || conn->login.n > 0 || lint_begins(conn->client_ip, "127.") ||
                lint_same(conn->client_ip, "::1") || conn->client_ip.n == 0;

    if (near)
        return;
    lint_if(l, is_us(l, conn->helo), LINT_HELO_IS_US, conn->client_ip);
    lint_if(l, second && is_us(l, hop_by(second->value)), LINT_FORGED_TRACE, conn->client_ip);
}

void lint_trace(struct lint *l)
{
    const struct fct_header *h = l->host->header(l->call, "Received", 0);
    int64_t later, date;

    if (h && hop_date(h->value, &date))
        l->now = date;
    later = l->now;
    check_us(l, h ? l->host->header(l->call, "Received", 1) : NULL);
    for (size_t i = 1; i < HOPS_MAX && (h = l->host->header(l->call, "Received", i)); i++) {
        if (!hop_date(h->value, &date)) {
            lint_found(l, LINT_TRACE_DATE, hop_by(h->value));
            continue;
        }
        lint_if(l, date > later + SKEW_S, LINT_TRACE_ORDER, hop_by(h->value));
        later = date;
    }
}
