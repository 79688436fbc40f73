/* spf_macro.c - see spf_macro.h. */
#include "spf_macro.h"

#include "spf_name.h"

#define DELIMITERS  ".-+,/_="
#define VALUE_MAX   1023 /* of one macro, before it is taken apart */
#define WINDOW      1024 /* the end of a name that is being made */
#define WINDOW_KEEP 512  /* more than a name has room for */

/* macro-expand = ( "%{" macro-letter transformers *delimiter "}" ) / "%%" / "%_" / "%-" */
struct macro {
    char letter; /* lower case; or one of % _ - */
    bool escape; /* it was in upper case: the value is escaped for a URL */
    unsigned keep;
    bool reverse;
    struct fct_str delimiters;
};

/* ---- syntax ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool skip(struct fct_str *in, size_t n)
{
    in->p += n;
    in->n -= n;
    return true;
}

/* transformers = *DIGIT [ "r" ]                                      RFC 7208 7.1 */
static bool take_transformers(struct fct_str *in, struct macro *out)
{
    bool digits = false;

    for (; in->n > 0 && is_digit(*in->p); digits = skip(in, 1))
        if (out->keep <= VALUE_MAX)
            out->keep = out->keep * 10 + (unsigned)(*in->p - '0');
    if (digits && out->keep == 0)
        return false; /* "The DIGIT transformer … MUST be nonzero" (RFC 7208 7.3) */
    out->reverse = in->n > 0 && (*in->p == 'r' || *in->p == 'R');
    return !out->reverse || skip(in, 1);
}

/* *in is behind "%{". */
static bool take_braces(struct fct_str *in, bool more, struct macro *out)
{
    const char *letters = more ? "slodiphvcrt" : "slodiphv";

    if (in->n == 0 || !is_alpha(*in->p))
        return false;
    out->letter = (char)(*in->p | 0x20);
    out->escape = out->letter != *in->p;
    if (!strchr(letters, out->letter))
        return false;
    skip(in, 1);
    if (!take_transformers(in, out))
        return false;
    out->delimiters.p = in->p;
    while (in->n > 0 && *in->p && strchr(DELIMITERS, *in->p)) {
        out->delimiters.n++;
        skip(in, 1);
    }
    return in->n > 0 && *in->p == '}' && skip(in, 1);
}

/* *in is at the '%'. */
static bool take_macro(struct fct_str *in, bool more, struct macro *out)
{
    *out = (struct macro){0};
    if (in->n < 2)
        return false;
    out->letter = in->p[1];
    skip(in, 2);
    if (out->letter == '{')
        return take_braces(in, more, out);
    return out->letter == '%' || out->letter == '_' || out->letter == '-';
}

/* macro-literal = %x21-24 / %x26-7E */
static bool is_literal(char c)
{
    return c > 0x20 && c < 0x7f && c != '%';
}

bool spf_macro_check(struct fct_str text, bool more)
{
    struct macro macro;

    while (text.n > 0)
        if (*text.p == '%' ? !take_macro(&text, more, &macro)
                           : !is_literal(*text.p) || !skip(&text, 1))
            return false;
    return true;
}

/* toplabel = ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" ) alphanum ) */
static bool is_toplabel(struct fct_str s)
{
    bool digits_only = true;

    if (s.n == 0 || s.p[0] == '-' || s.p[s.n - 1] == '-')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_digit(s.p[i]) && !is_alpha(s.p[i]) && s.p[i] != '-')
            return false;
        digits_only = digits_only && is_digit(s.p[i]);
    }
    return !digits_only;
}

/* domain-end = ( "." toplabel [ "." ] ) / macro-expand */
bool spf_domain_spec_check(struct fct_str text)
{
    struct fct_str tail = text;
    struct macro macro;
    const char *dot;

    if (text.n == 0 || !spf_macro_check(text, false))
        return false;
    for (struct fct_str rest = text; rest.n > 0;) {
        if (*rest.p != '%') {
            skip(&rest, 1);
            continue;
        }
        (void)take_macro(&rest, false, &macro);
        tail = rest;
    }
    if (tail.n == 0)
        return true;
    if (tail.p[tail.n - 1] == '.')
        tail.n--;
    dot = tail.n ? memrchr(tail.p, '.', tail.n) : NULL;
    return dot && is_toplabel((struct fct_str){dot + 1, (size_t)(tail.p + tail.n - dot - 1)});
}

/* ---- what is made ---- */

/* A name keeps its end when it grows too long, a text must fit. */
struct made {
    char *p;
    size_t n, room;
    bool slides, too_long, beyond_ascii;
};

static void put(struct made *made, struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (made->n == made->room && made->slides) {
            memmove(made->p, made->p + made->n - WINDOW_KEEP, WINDOW_KEEP);
            made->n = WINDOW_KEEP;
        }
        if (made->n == made->room) {
            made->too_long = true;
            return;
        }
        made->beyond_ascii = made->beyond_ascii || (unsigned char)s.p[i] >= 0x80;
        made->p[made->n++] = s.p[i];
    }
}

/* unreserved = ALPHA / DIGIT / "-" / "." / "_" / "~"                 RFC 3986 2.3 */
static void put_escaped(struct made *made, struct fct_str s)
{
    char hex[4];

    for (size_t i = 0; i < s.n; i++) {
        if (is_alpha(s.p[i]) || is_digit(s.p[i]) || (s.p[i] && strchr("-._~", s.p[i]))) {
            put(made, (struct fct_str){s.p + i, 1});
        } else {
            (void)snprintf(hex, sizeof hex, "%%%02X", (unsigned char)s.p[i]);
            put(made, (struct fct_str){hex, 3});
        }
    }
}

/* ---- values ---- */

struct value_room {
    char text[IP_ADDRESS_ROOM];
};

static FCT_MAY_WAIT struct fct_str value_of(char letter, const struct spf_macro_values *values,
                                            struct value_room *room)
{
    switch (letter) {
    case 's':
        return values->sender;
    case 'l':
        return values->local;
    case 'o':
        return values->sender_domain;
    case 'd':
        return values->domain;
    case 'i':
        return ip_address_dotted(values->client, room->text);
    case 'p':
        return values->validated(values->ctx, values->domain);
    case 'v':
        return values->client->v6 ? FCT_STR("ip6") : FCT_STR("in-addr");
    case 'h':
        return values->helo;
    case 'c':
        return ip_address_text(values->client, room->text);
    case 'r':
        return values->receiver;
    default: /* 't', the last that the syntax lets through */
        return (struct fct_str){room->text, (size_t)snprintf(room->text, sizeof room->text, "%lld",
                                                             (long long)values->now)};
    }
}

/* Where the parts of a value begin; one more for its end. */
struct parts {
    uint16_t at[VALUE_MAX + 2];
    size_t n;
};

static void split(struct fct_str value, struct fct_str delimiters, struct parts *parts)
{
    parts->n = 0;
    parts->at[parts->n++] = 0;
    for (size_t i = 0; i < value.n; i++)
        if (memchr(delimiters.p, value.p[i], delimiters.n))
            parts->at[parts->n++] = (uint16_t)(i + 1);
    parts->at[parts->n] = (uint16_t)(value.n + 1);
}

static void put_part(struct made *made, const struct macro *macro, struct fct_str part)
{
    if (macro->escape)
        put_escaped(made, part);
    else
        put(made, part);
}

/* "…split into parts, reversed, of which the right-hand ones are kept, joined by dots"
 * (RFC 7208 7.3) */
static void put_transformed(struct made *made, const struct macro *macro, struct fct_str value)
{
    struct fct_str delimiters = macro->delimiters.n ? macro->delimiters : FCT_STR(".");
    struct parts parts;
    size_t keep;

    split(value, delimiters, &parts);
    keep = macro->keep && macro->keep < parts.n ? macro->keep : parts.n;
    for (size_t i = parts.n - keep; i < parts.n; i++) {
        size_t which = macro->reverse ? parts.n - 1 - i : i;
        size_t from = parts.at[which], to = (size_t)parts.at[which + 1] - 1;

        if (i > parts.n - keep)
            put(made, FCT_STR("."));
        put_part(made, macro, (struct fct_str){value.p + from, to - from});
    }
}

static bool is_ascii(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

/* In a name such a value does not help when it is escaped (RFC 8616 4). */
static FCT_MAY_WAIT void put_macro(struct made *made, const struct macro *macro,
                                   const struct spf_macro_values *values)
{
    struct value_room room;
    struct fct_str value;

    switch (macro->letter) {
    case '%':
        put(made, FCT_STR("%"));
        return;
    case '_':
        put(made, FCT_STR(" "));
        return;
    case '-':
        put(made, FCT_STR("%20"));
        return;
    default:
        break;
    }
    value = value_of(macro->letter, values, &room);
    made->beyond_ascii = made->beyond_ascii || (made->slides && !is_ascii(value));
    if (value.n > VALUE_MAX)
        made->too_long = true;
    else if (macro->keep || macro->reverse || macro->delimiters.n)
        put_transformed(made, macro, value);
    else
        put_part(made, macro, value);
}

static FCT_MAY_WAIT bool expand(struct fct_str text, bool more,
                                const struct spf_macro_values *values, struct made *made)
{
    struct macro macro;

    while (text.n > 0 && !made->too_long) {
        if (*text.p != '%') {
            put(made, (struct fct_str){text.p, 1});
            skip(&text, 1);
        } else if (take_macro(&text, more, &macro)) {
            put_macro(made, &macro, values);
        } else {
            return false;
        }
    }
    return !made->too_long && !made->beyond_ascii;
}

/* "…the left side is truncated to fit, by removing successive domain labels" (RFC 7208 7.3) */
static struct fct_str end_of_name(struct fct_str name)
{
    if (name.n > 0 && name.p[name.n - 1] == '.')
        name.n--;
    if (name.n <= SPF_NAME_MAX)
        return name;
    for (size_t i = name.n - SPF_NAME_MAX - 1; i < name.n; i++)
        if (name.p[i] == '.')
            return (struct fct_str){name.p + i + 1, name.n - i - 1};
    return (struct fct_str){name.p, 0};
}

bool spf_domain_expand(struct fct_str text, const struct spf_macro_values *values,
                       char out[SPF_NAME_MAX + 1])
{
    char window[WINDOW];
    struct made made = {.p = window, .room = sizeof window, .slides = true};
    struct fct_str name;

    out[0] = '\0';
    if (!expand(text, false, values, &made))
        return false;
    name = end_of_name((struct fct_str){made.p, made.n});
    if (!spf_name_is_wellformed(name))
        return false;
    memcpy(out, name.p, name.n);
    out[name.n] = '\0';
    return true;
}

bool spf_explanation_expand(struct fct_str text, const struct spf_macro_values *values, char *out,
                            size_t room)
{
    struct made made = {.p = out, .room = room - 1};
    bool ok = expand(text, true, values, &made);

    for (size_t i = 0; i < made.n; i++)
        ok = ok && out[i] >= 0x20 && out[i] < 0x7f; /* it stands in a reply to the client */
    out[ok ? made.n : 0] = '\0';
    return ok;
}
