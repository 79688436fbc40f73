/* smtp_path.c - RFC 5321 4.1.2, one function per production. */
#include "protocols/smtp/smtp_path.h"
#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/base/utf8.h"
#include <arpa/inet.h>

/* What the productions share: UTF-8 is refused with its own error, wherever it turns up. */
struct scan {
    struct fct_str in;
    bool utf8;
    bool saw_utf8;
};

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* atext (RFC 5322 3.2.3) */
static bool is_atext(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool is_high(char c)
{
    return (unsigned char)c >= 0x80;
}

static bool take_char(struct scan *s, char c)
{
    if (s->in.n == 0 || *s->in.p != c)
        return false;
    s->in = str_skip(s->in, 1);
    return true;
}

/* One byte of UTF-8: allowed or not is decided at the end, so that the error can say why. */
static bool take_high(struct scan *s)
{
    if (s->in.n == 0 || !is_high(*s->in.p))
        return false;
    s->saw_utf8 = true;
    s->in = str_skip(s->in, 1);
    return true;
}

/* Atom = 1*atext; RFC 6531 3.3: atext =/ UTF8-non-ascii */
static bool atom(struct scan *s)
{
    const char *start = s->in.p;

    while (take_high(s) || (s->in.n > 0 && is_atext(*s->in.p) && take_char(s, *s->in.p)))
        ;
    return s->in.p > start;
}

/* Dot-string = Atom *("." Atom) */
static bool dot_string(struct scan *s)
{
    do
        if (!atom(s))
            return false;
    while (take_char(s, '.'));
    return true;
}

/* Quoted-string = DQUOTE *QcontentSMTP DQUOTE; qtextSMTP = %d32-33 / %d35-91 / %d93-126;
 * quoted-pairSMTP = %d92 %d32-126 */
static bool quoted_string(struct scan *s)
{
    bool empty = true;

    if (!take_char(s, '"'))
        return false;
    while (s->in.n > 0 && *s->in.p != '"') {
        empty = false;
        if (take_high(s))
            continue;
        (void)take_char(s, '\\');
        if (s->in.n == 0 || *s->in.p < 32 || *s->in.p > 126)
            return false;
        s->in = str_skip(s->in, 1);
    }
    return take_char(s, '"') && !empty;
}

/* Local-part = Dot-string / Quoted-string */
static bool local_part(struct scan *s, struct fct_str *out)
{
    const char *start = s->in.p;

    if (!(s->in.n > 0 && *s->in.p == '"' ? quoted_string(s) : dot_string(s)))
        return false;
    *out = str_between(start, s->in.p);
    return true;
}

/* sub-domain = Let-dig [Ldh-str]; RFC 6531 3.3: / U-label. '_' is not in the grammar but in many
 * host names. */
static bool sub_domain(struct scan *s)
{
    const char *start = s->in.p;

    while (take_high(s) ||
           (s->in.n > 0 && (is_alnum(*s->in.p) || *s->in.p == '-' || *s->in.p == '_') &&
            take_char(s, *s->in.p)))
        ;
    return s->in.p > start && *start != '-' && s->in.p[-1] != '-' && s->in.p - start <= 63;
}

/* Domain = sub-domain *("." sub-domain) */
static bool host(struct scan *s)
{
    do
        if (!sub_domain(s))
            return false;
    while (take_char(s, '.'));
    return true;
}

/* address-literal = "[" ( IPv4-address-literal / IPv6-address-literal / General-address-literal )
 * "]"; of the last kind nothing was ever registered: refused. */
static bool address_literal(struct scan *s)
{
    ptrdiff_t end = str_find_char(s->in, ']');
    struct fct_str inside;
    struct in6_addr address;
    char text[64];
    int family = AF_INET;

    if (end < 1 || end >= (ptrdiff_t)sizeof text || *s->in.p != '[')
        return false;
    inside = str_skip(str_head(s->in, (size_t)end), 1);
    if (str_starts_nocase(inside, FCT_STR("IPv6:"))) {
        family = AF_INET6;
        inside = str_skip(inside, 5);
    }
    if (str_find_char(inside, '\0') >= 0)
        return false;
    str_copy_c(text, sizeof text, inside);
    if (inet_pton(family, text, &address) != 1)
        return false;
    s->in = str_skip(s->in, (size_t)end + 1);
    return true;
}

static bool domain(struct scan *s, struct fct_str *out)
{
    const char *start = s->in.p;

    if (!(s->in.n > 0 && *s->in.p == '[' ? address_literal(s) : host(s)))
        return false;
    *out = str_between(start, s->in.p);
    return true;
}

/* A-d-l = At-domain *( "," At-domain ); At-domain = "@" Domain. Read past, together with the ":".
 */
static bool source_route(struct scan *s)
{
    struct fct_str ignored;

    if (s->in.n == 0 || *s->in.p != '@')
        return true;
    do
        if (!take_char(s, '@') || !domain(s, &ignored))
            return false;
    while (take_char(s, ','));
    return take_char(s, ':');
}

/* Characters that make an address look like another one: controls, line and paragraph ends,
 * direction marks (UTR 36). */
static bool is_deceptive(uint32_t c)
{
    return (c >= 0x80 && c <= 0x9f) || c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xfff9 && c <= 0xffff);
}

static bool utf8_is_fit(struct fct_str s)
{
    if (!utf8_is_valid(s))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char lead = (unsigned char)s.p[i];
        uint32_t c = lead >= 0xf0 ? lead & 7u : lead >= 0xe0 ? lead & 15u : lead & 31u;

        if (lead < 0xc0)
            continue;
        for (size_t k = i + 1; k < s.n && ((unsigned char)s.p[k] & 0xc0) == 0x80; k++)
            c = c << 6 | ((unsigned char)s.p[k] & 0x3f);
        if (is_deceptive(c))
            return false;
    }
    return true;
}

static bool check_utf8(const struct scan *s, struct fct_str text, struct fct_err *err)
{
    if (!s->saw_utf8)
        return true;
    if (!s->utf8)
        return fct_fail(err, FCT_DENIED, "the address is not ASCII and SMTPUTF8 was not given");
    if (!utf8_is_fit(text))
        return fct_fail(err, FCT_DENIED, "the address is not UTF-8 fit for an address");
    return true;
}

static bool check_lengths(const struct smtp_path *path, struct fct_err *err)
{
    if (path->local.n > SMTP_MAX_LOCAL)
        return fct_fail(err, FCT_SYNTAX, "the local part is over %d octets", SMTP_MAX_LOCAL);
    if (path->domain.n > SMTP_MAX_DOMAIN)
        return fct_fail(err, FCT_SYNTAX, "the domain is over %d octets", SMTP_MAX_DOMAIN);
    if (path->local.n + 1 + path->domain.n + 2 > SMTP_MAX_PATH)
        return fct_fail(err, FCT_SYNTAX, "the path is over %d octets", SMTP_MAX_PATH);
    return true;
}

/* Mailbox = Local-part "@" ( Domain / address-literal ), or postmaster alone */
static bool mailbox(struct scan *s, struct smtp_path *out, struct fct_err *err)
{
    if (!local_part(s, &out->local))
        return fct_fail(err, FCT_SYNTAX, "malformed local part");
    if (smtp_path_is_postmaster(out) && s->in.n > 0 && *s->in.p == '>')
        return true;
    if (!take_char(s, '@'))
        return fct_fail(err, FCT_SYNTAX, "a domain is missing");
    if (!domain(s, &out->domain))
        return fct_fail(err, FCT_SYNTAX, "malformed domain");
    return true;
}

bool smtp_path_parse(struct fct_str *in, bool utf8, struct smtp_path *out, struct fct_err *err)
{
    struct scan s = {.in = *in, .utf8 = utf8};

    *out = (struct smtp_path){0};
    if (!take_char(&s, '<'))
        return fct_fail(err, FCT_SYNTAX, "the address must be in <>");
    if (!take_char(&s, '>')) {
        if (!source_route(&s))
            return fct_fail(err, FCT_SYNTAX, "malformed source route");
        if (!mailbox(&s, out, err))
            return false;
        if (!take_char(&s, '>'))
            return fct_fail(err, FCT_SYNTAX, "> is missing or something else is in its way");
        if (!check_utf8(&s, str_between(in->p, s.in.p), err) || !check_lengths(out, err))
            return false;
    }
    *in = s.in;
    return true;
}

bool smtp_path_is_postmaster(const struct smtp_path *path)
{
    return str_is_empty(path->domain) && str_equal_nocase(path->local, FCT_STR("postmaster"));
}

bool smtp_domain_is_valid(struct fct_str text, bool utf8)
{
    struct scan s = {.in = text, .utf8 = utf8};
    struct fct_str all;

    return text.n <= SMTP_MAX_DOMAIN && domain(&s, &all) && s.in.n == 0 &&
           check_utf8(&s, text, NULL);
}

/* The characters that a quoted local part stands for. */
static struct fct_str unquote(struct arena *arena, struct fct_str quoted)
{
    char *to = arena_alloc(arena, quoted.n);
    size_t n = 0;

    for (size_t i = 1; i + 1 < quoted.n; i++) {
        if (quoted.p[i] == '\\')
            i++;
        to[n++] = quoted.p[i];
    }
    return (struct fct_str){to, n};
}

static struct fct_str quote(struct arena *arena, struct fct_str plain)
{
    char *to = arena_alloc(arena, 2 * plain.n + 2);
    size_t n = 0;

    to[n++] = '"';
    for (size_t i = 0; i < plain.n; i++) {
        if (plain.p[i] == '"' || plain.p[i] == '\\')
            to[n++] = '\\';
        to[n++] = plain.p[i];
    }
    to[n++] = '"';
    return (struct fct_str){to, n};
}

struct fct_str smtp_path_address(struct arena *arena, const struct smtp_path *path)
{
    struct fct_str local = path->local;

    if (smtp_path_is_null(path))
        return FCT_STR("");
    if (local.p[0] == '"') {
        struct fct_str plain = unquote(arena, local);
        struct scan s = {.in = plain, .utf8 = true};

        local = dot_string(&s) && s.in.n == 0 ? plain : quote(arena, plain);
    }
    if (str_is_empty(path->domain))
        return arena_str(arena, local);
    return arena_printf(arena, "%.*s@%.*s", FCT_FMT(local), FCT_FMT(path->domain));
}
