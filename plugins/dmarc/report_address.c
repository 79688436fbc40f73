/* report_address.c - see report_address.h. */
#include "report_address.h"

#include "plugins/lib/view.h"

#include <strings.h>

/* ---- pieces of a record ---- */

bool report_record_tag(struct fct_str record, const char *tag, struct fct_str *value)
{
    struct fct_str piece;

    while (view_split(&record, ';', &piece)) {
        const char *equals = piece.n > 0 ? memchr(piece.p, '=', piece.n) : NULL;
        struct fct_str name =
            view_trim((struct fct_str){piece.p, equals ? (size_t)(equals - piece.p) : 0});

        if (name.n == 0 || name.n != strlen(tag) || strncasecmp(name.p, tag, name.n) != 0)
            continue;
        *value = view_trim((struct fct_str){equals + 1, (size_t)(piece.p + piece.n - equals - 1)});
        return true;
    }
    return false;
}

/* ---- one URI ---- */

static bool refuse(struct report_address *out, const char *why)
{
    out->refused = why;
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* obs-dmarc-uri = URI [ "!" 1*DIGIT [ "k" / "m" / "g" / "t" ] ]    RFC 7489 6.4; powers of 1024 */
static bool take_limit(struct fct_str text, uint64_t *out)
{
    static const char units[] = "kmgt";
    const char *unit = text.n > 0 && !is_digit(text.p[text.n - 1])
                           ? strchr(units, text.p[text.n - 1] | 0x20)
                           : NULL;
    uint64_t n = 0;

    if (unit && *unit)
        text.n--;
    if (text.n == 0 || text.n > 9)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (!is_digit(text.p[i]))
            return false;
        n = n * 10 + (uint64_t)(text.p[i] - '0');
    }
    *out = unit && *unit ? n << (10 * (unit - units + 1)) : n;
    return true;
}

static int hex(char c)
{
    return is_digit(c)            ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* pct-encoded = "%" HEXDIG HEXDIG                                  RFC 3986 2.1 */
static bool decode(struct fct_str in, char *out, size_t max, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < in.n; i++) {
        int high = in.p[i] == '%' && i + 2 < in.n ? hex(in.p[i + 1]) : -1;
        int low = high >= 0 ? hex(in.p[i + 2]) : -1;

        if ((in.p[i] == '%' && low < 0) || *n == max)
            return false;
        out[(*n)++] = (char)(low < 0 ? in.p[i] : high << 4 | low);
        i += low < 0 ? 0 : 2;
    }
    return true;
}

static bool is_atext(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
           (c != 0 && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* Dot-string = Atom *("." Atom)                                    RFC 5321 4.1.2 */
static bool is_dot_string(struct fct_str s)
{
    bool atom = false;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '.' ? !atom : !is_atext(s.p[i]))
            return false;
        atom = s.p[i] != '.';
    }
    return atom;
}

/* addr-spec of one mailbox; a subject and other fields behind '?' mean nothing here. */
static bool take_mailbox(struct fct_str text, struct report_address *out)
{
    char room[sizeof out->text] = {0};
    size_t n;
    const char *query = text.n > 0 ? memchr(text.p, '?', text.n) : NULL, *at;
    struct fct_str local;

    if (query)
        text.n = (size_t)(query - text.p);
    if (!decode(text, room, sizeof room, &n))
        return refuse(out, "the address has a wrong %-sequence, or is too long");
    at = n > 0 ? memrchr(room, '@', n) : NULL;
    if (!at)
        return refuse(out, "there is no @ in it");
    local = (struct fct_str){room, (size_t)(at - room)};
    if (local.n > REPORT_LOCAL_MAX || !is_dot_string(local))
        return refuse(out, "its local part is one that we do not write to");
    if (!dmarc_domain_parse((struct fct_str){at + 1, (size_t)(room + n - at - 1)}, &out->domain))
        return refuse(out, "its domain is no name");
    (void)snprintf(out->text, sizeof out->text, "%.*s@%s", FCT_FMT(local), out->domain.text);
    return true;
}

bool report_address_parse(struct fct_str uri, struct report_address *out)
{
    static const char mailto[] = "mailto:";
    const char *limit;

    *out = (struct report_address){.uri = uri};
    if (uri.n < sizeof mailto - 1 || strncasecmp(uri.p, mailto, sizeof mailto - 1) != 0)
        return refuse(out, "only mailto: is known");
    uri.p += sizeof mailto - 1;
    uri.n -= sizeof mailto - 1;
    /* A '!' of the address itself is written %21. */
    limit = uri.n > 0 ? memrchr(uri.p, '!', uri.n) : NULL;
    if (limit) {
        struct fct_str text = {limit + 1, (size_t)(uri.p + uri.n - limit - 1)};

        if (!take_limit(text, &out->max_bytes))
            return refuse(out, "what follows the ! is no size");
        uri.n = (size_t)(limit - uri.p);
    }
    return take_mailbox(uri, out);
}

size_t report_addresses(struct fct_str record, struct report_address out[REPORT_ADDRESSES_MAX],
                        size_t *left)
{
    struct fct_str list, uri;
    size_t n = 0;

    *left = 0;
    if (!report_record_tag(record, "rua", &list))
        return 0;
    while (view_split(&list, ',', &uri)) {
        uri = view_trim(uri);
        if (uri.n == 0)
            continue;
        if (n == REPORT_ADDRESSES_MAX)
            ++*left;
        else
            (void)report_address_parse(uri, &out[n++]);
    }
    return n;
}
