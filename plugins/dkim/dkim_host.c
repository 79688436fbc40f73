/* dkim_host.c - see dkim_host.h. */
#include "plugins/dkim/dkim_host.h"

#include <stdarg.h>

static const char body_form[] = "relaxed sha-256 ";

static void *take_memory(void *arg, size_t bytes)
{
    const struct dkim_call *of = arg;

    return of->host->alloc(of->call, bytes);
}

struct dkim_memory dkim_call_memory(struct dkim_call *of)
{
    return (struct dkim_memory){take_memory, of};
}

bool dkim_body_fact(const struct dkim_call *of, uint8_t out[DKIM_HASH_BYTES])
{
    struct fct_str fact = of->host->fact(of->call, "dkim.body", 0);
    size_t head = sizeof body_form - 1, n;

    return fact.p && fact.n > head && memcmp(fact.p, body_form, head) == 0 &&
           dkim_base64_decode((struct fct_str){fact.p + head, fact.n - head}, out, DKIM_HASH_BYTES,
                              &n) &&
           n == DKIM_HASH_BYTES;
}

void dkim_body_fact_leave(const struct dkim_call *of, const uint8_t hash[DKIM_HASH_BYTES])
{
    char text[sizeof body_form + (DKIM_HASH_BYTES + 2) / 3 * 4];
    size_t n = sizeof body_form - 1;

    memcpy(text, body_form, n);
    n += dkim_base64_encode(hash, DKIM_HASH_BYTES, text + n);
    (void)of->host->fact_add(of->call, "dkim.body", (struct fct_str){text, n});
}

struct fct_str dkim_printed(const struct dkim_call *of, const char *fmt, ...)
{
    char *text = of->host->alloc(of->call, DKIM_PRINTED_MAX);
    va_list ap;
    int n;

    if (!text)
        return (struct fct_str){"", 0};
    va_start(ap, fmt);
    n = vsnprintf(text, DKIM_PRINTED_MAX, fmt, ap);
    va_end(ap);
    return (struct fct_str){text, n < 0                  ? 0
                                  : n < DKIM_PRINTED_MAX ? (size_t)n
                                                         : DKIM_PRINTED_MAX - 1};
}

bool dkim_names_have(const struct fct_strings *names, struct fct_str name)
{
    for (size_t i = 0; i < names->n; i++)
        if (dkim_same_nocase((struct fct_str){names->item[i], strlen(names->item[i])}, name))
            return true;
    return false;
}

bool dkim_covers_from(const struct fct_strings *oversign, struct fct_err *err)
{
    return dkim_names_have(oversign, FCT_STR("From")) ||
           dkim_fail(err, FCT_SYNTAX, "oversign: From must be there (RFC 6376 5.4)");
}
