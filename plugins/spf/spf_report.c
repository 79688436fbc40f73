/* spf_report.c - see spf_report.h. */
#include "spf_report.h"

/* Text that grows and is cut when it does not fit. */
struct text {
    char *p;
    size_t n, room;
};

static FCT_PRINTF(2, 3) void put(struct text *t, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(t->p + t->n, t->room - t->n, fmt, args);
    va_end(args);
    if (n > 0)
        t->n = (size_t)n < t->room - t->n ? t->n + (size_t)n : t->room - 1;
}

static struct fct_str str_of(const struct text *t)
{
    return (struct fct_str){t->p, t->n};
}

static const char *const identities[] = {[SPF_MAILFROM] = "mailfrom", [SPF_HELO] = "helo"};

static const char *reason_of(const struct spf_outcome *o)
{
    return o->why[0] ? o->why : NULL;
}

/* ---- tokens and quoted strings ---- */

static bool is_token_char(char c)
{
    return c > 0x20 && c < 0x7f && !strchr("()<>@,;:\\\"/[]?=", c);
}

static bool is_token(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_token_char(s.p[i]))
            return false;
    return s.n > 0;
}

/* token / quoted-string (RFC 2045 5.1, RFC 5322 3.2.4). Bytes of UTF-8 stay: they came with
 * SMTPUTF8 (RFC 6532 3.2). */
static void put_value(struct text *t, struct fct_str s)
{
    if (is_token(s)) {
        put(t, "%.*s", FCT_FMT(s));
        return;
    }
    put(t, "\"");
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        put(t, "%s%c", c == '"' || c == '\\' ? "\\" : "", c < 0x20 || c == 0x7f ? '?' : c);
    }
    put(t, "\"");
}

static void put_string(struct text *t, const char *s)
{
    put_value(t, (struct fct_str){s, strlen(s)});
}

/* ---- a symbol ---- */

struct fct_str spf_report_detail(const struct spf_report *r, char *out, size_t room)
{
    struct text t = {out, 0, room};
    const char *reason = reason_of(r->outcome);

    put(&t, "%s=%s; client=%.*s", identities[r->identity], r->outcome->domain,
        FCT_FMT(r->client_ip));
    if (reason)
        put(&t, "; %s", reason);
    else
        put(&t, "; by=%s", r->outcome->term);
    return str_of(&t);
}

/* ---- a fact ---- */

struct fct_str spf_report_fact(const struct spf_report *r, char *out, size_t room)
{
    struct text t = {out, 0, room};
    const char *reason = reason_of(r->outcome);

    put(&t, "spf=%s", spf_result_word(r->outcome->result));
    if (reason && r->outcome->result != SPF_NONE) {
        put(&t, " reason=");
        put_string(&t, reason);
    }
    put(&t, " smtp.%s=", identities[r->identity]);
    put_string(&t, r->outcome->domain);
    return str_of(&t);
}

/* ---- Received-SPF ---- */

/* RFC 7208 9.1 gives examples of such comments. */
static const char *const comments[SPF_RESULTS] = {
    [SPF_NONE] = "says nothing about",
    [SPF_NEUTRAL] = "neither permits nor denies",
    [SPF_PASS] = "designates as permitted sender",
    [SPF_FAIL] = "does not designate as permitted sender",
    [SPF_SOFTFAIL] = "does probably not permit",
    [SPF_TEMPERROR] = "could not be asked about",
    [SPF_PERMERROR] = "has a record with errors, asked about",
};

/* Inside a comment no bracket or backslash stands for itself (RFC 5322 3.2.2). */
static void put_comment(struct text *t, const char *s)
{
    for (; *s; s++)
        put(t, "%c", (unsigned char)*s < 0x20 || strchr("()\\", *s) ? '?' : *s);
}

static void put_pair(struct text *t, const char *name, struct fct_str value)
{
    put(t, ";\r\n\t%s=", name);
    put_value(t, value);
}

struct fct_str spf_report_field(const struct spf_report *r, char *out, size_t room)
{
    const struct spf_outcome *o = r->outcome;
    struct text t = {out, 0, room};
    const char *reason = reason_of(o);

    put(&t, "%s (%.*s: ", spf_result_word(o->result), FCT_FMT(r->receiver));
    put_comment(&t, o->domain);
    put(&t, " %s %.*s)\r\n\treceiver=", comments[o->result], FCT_FMT(r->client_ip));
    put_value(&t, r->receiver);
    put_pair(&t, "client-ip", r->client_ip);
    put_pair(&t, "envelope-from", r->sender);
    put_pair(&t, "helo", r->helo);
    put(&t, ";\r\n\tidentity=%s", identities[r->identity]);
    if (o->term[0])
        put_pair(&t, "mechanism", (struct fct_str){o->term, strlen(o->term)});
    if (reason)
        put_pair(&t, "problem", (struct fct_str){reason, strlen(reason)});
    return str_of(&t);
}

/* ---- the reply ---- */

struct fct_str spf_report_reply(const struct spf_report *r, char *out, size_t room)
{
    const struct spf_outcome *o = r->outcome;
    struct text t = {out, 0, room};
    const char *what = r->identity == SPF_HELO ? "HELO" : "MAIL FROM";

    if (o->result == SPF_TEMPERROR)
        put(&t, "SPF: %s could not be checked: %s", what, reason_of(o) ? reason_of(o) : "");
    else
        put(&t, "SPF: %s check failed: %s does not permit %.*s", what, o->domain,
            FCT_FMT(r->client_ip));
    if (o->explanation[0])
        put(&t, "; %s explains: %s", o->domain, o->explanation);
    return str_of(&t);
}
