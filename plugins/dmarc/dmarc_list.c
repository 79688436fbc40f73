/* dmarc_list.c - see dmarc_list.h. */
#include "dmarc_list.h"

#include <strings.h>

static struct fct_str trim(struct fct_str s)
{
    while (s.n > 0 && strchr(" \t\r\n", *s.p)) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && strchr(" \t\r\n", s.p[s.n - 1]))
        s.n--;
    return s;
}

/* list-id-header = "List-ID:" [phrase] "<" list-id ">" CRLF       RFC 2919 3 */
static bool take_brackets(struct fct_str value, struct fct_str *out)
{
    const char *open;

    value = trim(value);
    if (value.n == 0 || value.p[value.n - 1] != '>')
        return false;
    open = memrchr(value.p, '<', value.n);
    if (!open)
        return false;
    *out = trim((struct fct_str){open + 1, (size_t)(value.p + value.n - open - 2)});
    return true;
}

bool dmarc_list_id(struct fct_str value, struct dmarc_domain *out)
{
    struct fct_str id;
    const char *dot;

    if (!take_brackets(value, &id))
        return false;
    if (dmarc_domain_parse(id, out))
        return true;
    dot = id.n > 0 ? memchr(id.p, '.', id.n) : NULL;
    return dot &&
           dmarc_domain_parse((struct fct_str){dot + 1, (size_t)(id.p + id.n - dot - 1)}, out);
}

bool dmarc_list_precedence(struct fct_str value)
{
    value = trim(value);
    return value.n == 4 && strncasecmp(value.p, "list", 4) == 0;
}
