/* report_line.c - see report_line.h. */
#include "report_line.h"

#include <facteur/base.h>

size_t report_key(char out[REPORT_KEY_MAX], const char *day, struct fct_str domain)
{
    return (size_t)snprintf(out, REPORT_KEY_MAX, REPORT_KEY_PREFIX "{%s}%s%.*s", day,
                            domain.n > 0 ? ":" : "", FCT_FMT(domain));
}

const char *report_method_word(enum dmarc_discovery discovery)
{
    return discovery == DMARC_BY_LIST ? "psl" : "treewalk";
}

/* ---- JSON ---- */

struct out {
    char *p;
    size_t n, max;
    bool full; /* what did not fit was left out */
};

static void put(struct out *o, const char *p, size_t n)
{
    if (o->full || n > o->max - o->n) {
        o->full = true;
        return;
    }
    memcpy(o->p + o->n, p, n);
    o->n += n;
}

static void put_c(struct out *o, const char *text)
{
    put(o, text, strlen(text));
}

/* The names and words here are ASCII; what is not is a stranger's and stands there as '?'. Cut, so
 * that everything but the list at the end always fits. */
static void put_string(struct out *o, struct fct_str s)
{
    put_c(o, "\"");
    for (size_t i = 0; i < s.n && i < DMARC_NAME_MAX; i++) {
        char c = s.p[i];

        if (c == '"' || c == '\\')
            put(o, (const char[]){'\\', c}, 2);
        else
            put(o, c < ' ' || c > '~' ? "?" : &c, 1);
    }
    put_c(o, "\"");
}

static void put_word(struct out *o, const char *word)
{
    put_string(o, (struct fct_str){word, strlen(word)});
}

static void put_reasons(struct out *o, const struct dmarc_row *row)
{
    put_c(o, "[");
    for (size_t i = 0; i < row->reasons; i++) {
        put_c(o, i > 0 ? ",[" : "[");
        put_word(o, dmarc_override_word(row->reason[i].type));
        put_c(o, ",");
        put_string(o, row->reason[i].comment);
        put_c(o, "]");
    }
    put_c(o, "]");
}

static const char *method_word(const struct dmarc_auth *auth)
{
    return auth->method == DMARC_AUTH_DKIM ? "dkim" : auth->helo ? "helo" : "mfrom";
}

/* All of it or nothing. */
static void put_auth(struct out *o, const struct dmarc_auth *auth, bool first)
{
    size_t before = o->n;

    put_c(o, first ? "[" : ",[");
    put_word(o, method_word(auth));
    put_c(o, ",");
    put_string(o, auth->domain);
    put_c(o, ",");
    put_string(o, auth->selector);
    put_c(o, ",");
    put_string(o, auth->result);
    put_c(o, "]");
    if (o->full) {
        o->n = before;
        o->full = false;
    }
}

/* Of SPF only the identity that counts is told: a HELO name that anybody chooses would make a line
 * of every message. */
static bool is_told(const struct dmarc_row *row, const struct dmarc_auth *auth)
{
    return auth->method == DMARC_AUTH_DKIM || auth->helo == (row->envelope_from.n == 0);
}

static void put_auths(struct out *o, const struct dmarc_row *row)
{
    size_t before;

    put_c(o, "[");
    before = o->n;
    for (size_t i = 0; i < row->auths; i++)
        if (is_told(row, &row->auth[i]))
            put_auth(o, &row->auth[i], o->n == before);
}

size_t report_line_put(const struct dmarc_row *row, char out[REPORT_LINE_MAX + 1])
{
    struct out o = {.p = out, .max = REPORT_LINE_MAX - 2}; /* the brackets at the end */
    const struct fct_str name[] = {row->header_from, row->envelope_from, row->envelope_to};

    put_c(&o, "[");
    put_string(&o, row->source_ip);
    put_c(&o, ",");
    put_word(&o, dmarc_disposition_word(row->disposition));
    put_c(&o, row->dkim_aligned ? ",1" : ",0");
    put_c(&o, row->spf_aligned ? ",1," : ",0,");
    put_reasons(&o, row);
    for (size_t i = 0; i < FCT_COUNT(name); i++) {
        put_c(&o, ",");
        put_string(&o, name[i]);
    }
    put_c(&o, ",");
    put_auths(&o, row);
    o.max = REPORT_LINE_MAX;
    o.full = false;
    put_c(&o, "]]");
    out[o.n] = 0;
    return o.n;
}
