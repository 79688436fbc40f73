/* spf_record.c - see spf_record.h. */
#include "spf_record.h"

#include "spf_macro.h"
#include "spf_name.h"

static const struct fct_str version = FCT_STR_INIT("v=spf1");

/* What may follow the name of a mechanism. */
enum domain_rule { NOTHING, OPTIONAL, REQUIRED, NETWORK4, NETWORK6 };

static const struct {
    struct fct_str name;
    enum domain_rule domain;
    bool cidr;
} mechanisms[SPF_MECHANISMS] = {
    [SPF_ALL] = {FCT_STR_INIT("all"), NOTHING, false},
    [SPF_INCLUDE] = {FCT_STR_INIT("include"), REQUIRED, false},
    [SPF_A] = {FCT_STR_INIT("a"), OPTIONAL, true},
    [SPF_MX] = {FCT_STR_INIT("mx"), OPTIONAL, true},
    [SPF_PTR] = {FCT_STR_INIT("ptr"), OPTIONAL, false},
    [SPF_IP4] = {FCT_STR_INIT("ip4"), NETWORK4, false},
    [SPF_IP6] = {FCT_STR_INIT("ip6"), NETWORK6, false},
    [SPF_EXISTS] = {FCT_STR_INIT("exists"), REQUIRED, false},
};

/* A term that is no directive. */
struct modifier {
    struct fct_str name, value;
};

/* ---- pieces ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static struct fct_str after(struct fct_str s, size_t n)
{
    return (struct fct_str){s.p + n, s.n - n};
}

/* terms = *( 1*SP ( directive / modifier ) )                         RFC 7208 4.6.1 */
static bool take_term(struct fct_str *rest, struct fct_str *term)
{
    while (rest->n > 0 && *rest->p == ' ')
        *rest = after(*rest, 1);
    *term = (struct fct_str){rest->p, 0};
    while (term->n < rest->n && rest->p[term->n] != ' ')
        term->n++;
    *rest = after(*rest, term->n);
    return term->n > 0;
}

/* name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ) */
static struct fct_str take_name(struct fct_str *term)
{
    struct fct_str name = {term->p, 0};

    while (name.n < term->n &&
           (is_alpha(term->p[name.n]) ||
            (name.n > 0 && (is_digit(term->p[name.n]) || strchr("-_.", term->p[name.n])) &&
             term->p[name.n])))
        name.n++;
    *term = after(*term, name.n);
    return name;
}

/* ---- "/24//64" ---- */

/* Digits at the end of *text with `slash` in front of them: taken off. False: no such thing is
 * there. *ok: they are a number up to `most`, without zeros in front. */
static bool cut_length(struct fct_str *text, struct fct_str slash, unsigned most, unsigned *bits,
                       bool *ok)
{
    size_t digits = 0, start;
    unsigned value = 0;

    while (digits < text->n && is_digit(text->p[text->n - 1 - digits]))
        digits++;
    start = text->n - digits;
    if (digits == 0 || start < slash.n || memcmp(text->p + start - slash.n, slash.p, slash.n) != 0)
        return false;
    for (size_t i = start; i < text->n && value <= most; i++)
        value = value * 10 + (unsigned)(text->p[i] - '0');
    *ok = value <= most && (digits == 1 || text->p[start] != '0');
    *bits = value;
    text->n = start - slash.n;
    return true;
}

/* dual-cidr-length = [ ip4-cidr-length ] [ "/" ip6-cidr-length ]     RFC 7208 5.6 */
static bool cut_dual_length(struct fct_str *text, struct spf_directive *out)
{
    bool ok = true;

    out->bits4 = 32;
    out->bits6 = 128;
    if (cut_length(text, FCT_STR("//"), 128, &out->bits6, &ok) && !ok)
        return false;
    return !cut_length(text, FCT_STR("/"), 32, &out->bits4, &ok) || ok;
}

/* ip4-network = qnum "." qnum "." qnum "." qnum; a length may follow */
static bool take_network(struct fct_str text, bool v6, struct spf_directive *out)
{
    unsigned most = v6 ? 128 : 32;
    bool ok = true;

    out->net.bits = most;
    (void)cut_length(&text, FCT_STR("/"), most, &out->net.bits, &ok);
    /* "::ffff:192.0.2.1" is an IPv4 address to us, but not to ip6 (RFC 7208 5). */
    if (!ok || !ip_address_parse(text, &out->net.address))
        return false;
    if (v6 && !out->net.address.v6) {
        out->net.address.v6 = true;
        memmove(out->net.address.byte + 12, out->net.address.byte, 4);
        memset(out->net.address.byte, 0, 10);
        memset(out->net.address.byte + 10, 0xff, 2);
        return memchr(text.p, ':', text.n);
    }
    return v6 || (!out->net.address.v6 && !memchr(text.p, ':', text.n));
}

/* ---- directives ---- */

static enum spf_result take_qualifier(struct fct_str *term)
{
    enum spf_result result = SPF_PASS;

    switch (*term->p) {
    case '+':
        break;
    case '-':
        result = SPF_FAIL;
        break;
    case '~':
        result = SPF_SOFTFAIL;
        break;
    case '?':
        result = SPF_NEUTRAL;
        break;
    default:
        return SPF_PASS;
    }
    *term = after(*term, 1);
    return result;
}

static bool find_mechanism(struct fct_str name, enum spf_mechanism *out)
{
    for (size_t i = 0; i < SPF_MECHANISMS; i++)
        if (spf_same_nocase(name, mechanisms[i].name)) {
            *out = (enum spf_mechanism)i;
            return true;
        }
    return false;
}

/* argument: what follows the name of the mechanism. */
static bool take_argument(struct fct_str argument, struct spf_directive *out)
{
    enum domain_rule rule = mechanisms[out->mechanism].domain;

    if (mechanisms[out->mechanism].cidr && !cut_dual_length(&argument, out))
        return false;
    if (argument.n == 0)
        return rule == NOTHING || rule == OPTIONAL;
    if (*argument.p != ':' || rule == NOTHING)
        return false;
    argument = after(argument, 1);
    if (rule == NETWORK4 || rule == NETWORK6)
        return take_network(argument, rule == NETWORK6, out);
    out->domain = argument;
    return spf_domain_spec_check(argument);
}

/* directive = [ qualifier ] mechanism */
static bool take_directive(struct fct_str term, struct spf_directive *out)
{
    struct fct_str name;

    *out = (struct spf_directive){.text = term};
    out->qualifier = take_qualifier(&term);
    name = take_name(&term);
    return find_mechanism(name, &out->mechanism) && take_argument(term, out);
}

/* modifier = name "=" …: whatever has a name and '=' behind it is one. */
static bool take_modifier(struct fct_str term, struct modifier *out)
{
    out->name = take_name(&term);
    if (out->name.n == 0 || term.n == 0 || *term.p != '=')
        return false;
    out->value = after(term, 1);
    return true;
}

/* ---- the record ---- */

bool spf_record_is(struct fct_str text)
{
    return text.n >= version.n && spf_same_nocase((struct fct_str){text.p, version.n}, version) &&
           (text.n == version.n || text.p[version.n] == ' ');
}

static bool fail(struct fct_err *err, const char *what, struct fct_str term)
{
    int shown = term.n > 60 ? 60 : (int)term.n;

    err->class = FCT_SYNTAX;
    (void)snprintf(err->text, sizeof err->text, "%s: %.*s", what, shown, term.p);
    for (char *c = err->text; *c; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
            *c = '?';
    return false;
}

/* "These two modifiers MUST NOT appear more than once" (RFC 7208 6) */
static bool keep_once(struct fct_str *kept, const struct modifier *m, struct fct_str term,
                      struct fct_err *err)
{
    if (kept->p)
        return fail(err, "given twice", term);
    *kept = m->value;
    return spf_domain_spec_check(m->value) || fail(err, "no domain", term);
}

static bool keep_modifier(struct spf_record *out, const struct modifier *m, struct fct_str term,
                          struct fct_err *err)
{
    if (spf_same_nocase(m->name, FCT_STR("redirect")))
        return keep_once(&out->redirect, m, term, err);
    if (spf_same_nocase(m->name, FCT_STR("exp")))
        return keep_once(&out->exp, m, term, err);
    return spf_macro_check(m->value, true) || fail(err, "a mistake in a modifier", term);
}

bool spf_record_parse(struct fct_str text, struct spf_record *out, struct fct_err *err)
{
    struct fct_str rest, term;
    struct modifier modifier;
    struct spf_directive directive;

    *out = (struct spf_record){.terms = after(text, version.n)};
    rest = out->terms;
    while (take_term(&rest, &term)) {
        if (take_modifier(term, &modifier)) {
            if (!keep_modifier(out, &modifier, term, err))
                return false;
        } else if (!take_directive(term, &directive)) {
            return fail(err, "a mistake in a mechanism", term);
        }
    }
    return true;
}

bool spf_record_next(struct fct_str *rest, struct spf_directive *out)
{
    struct fct_str term;
    struct modifier modifier;

    while (take_term(rest, &term))
        if (!take_modifier(term, &modifier))
            return take_directive(term, out);
    return false;
}
