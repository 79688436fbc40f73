/* spf_name.c - see spf_name.h. */
#include "spf_name.h"

#include <idn2.h>

#define LABEL_MAX 63

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool spf_same_nocase(struct fct_str a, struct fct_str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

bool spf_name_is_within(struct fct_str name, struct fct_str domain)
{
    struct fct_str tail;

    if (name.n <= domain.n)
        return spf_same_nocase(name, domain);
    tail = (struct fct_str){name.p + name.n - domain.n, domain.n};
    return tail.p[-1] == '.' && spf_same_nocase(tail, domain);
}

/* ---- is it one? ---- */

static struct fct_str take_label(struct fct_str *name)
{
    const char *dot = name->n ? memchr(name->p, '.', name->n) : NULL;
    struct fct_str label = {name->p, dot ? (size_t)(dot - name->p) : name->n};
    size_t used = label.n + (dot ? 1 : 0);

    *name = dot ? (struct fct_str){name->p + used, name->n - used} : (struct fct_str){NULL, 0};
    return label;
}

bool spf_name_is_wellformed(struct fct_str name)
{
    if (name.n == 0 || name.n > SPF_NAME_MAX || memchr(name.p, 0, name.n))
        return false;
    while (name.p) {
        struct fct_str label = take_label(&name);

        if (label.n == 0 || label.n > LABEL_MAX)
            return false;
    }
    return true;
}

bool spf_name_is_checkable(struct fct_str name)
{
    return spf_name_is_wellformed(name) && name.p[0] != '[' && memchr(name.p, '.', name.n);
}

/* ---- IDN ---- */

static bool is_ascii(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

static bool put(char out[SPF_NAME_MAX + 1], size_t *n, struct fct_str s)
{
    if (s.n > SPF_NAME_MAX - *n)
        return false;
    if (s.n > 0)
        memcpy(out + *n, s.p, s.n);
    *n += s.n;
    out[*n] = '\0';
    return true;
}

/* IDNA 2008; one label must stay one label, whatever the tables make of dots in other scripts. */
static bool put_u_label(char out[SPF_NAME_MAX + 1], size_t *n, struct fct_str label)
{
    char copy[4 * LABEL_MAX + 1];
    uint8_t *made = NULL;
    bool ok;

    if (label.n >= sizeof copy)
        return false;
    memcpy(copy, label.p, label.n);
    copy[label.n] = '\0';
    ok = idn2_lookup_u8((const uint8_t *)copy, &made, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) ==
             IDN2_OK &&
         !strchr((const char *)made, '.') &&
         put(out, n, (struct fct_str){(const char *)made, strlen((const char *)made)});
    idn2_free(made);
    return ok;
}

bool spf_name_ascii(struct fct_str text, char out[SPF_NAME_MAX + 1])
{
    size_t n = 0;

    out[0] = '\0';
    if (text.n > 1 && text.p[text.n - 1] == '.')
        text.n--;
    if (memchr(text.p ? text.p : "", 0, text.n))
        return false;
    if (is_ascii(text))
        return put(out, &n, text);
    while (text.p) {
        struct fct_str label = take_label(&text);

        if (!(is_ascii(label) ? put(out, &n, label) : put_u_label(out, &n, label)) ||
            (text.p && !put(out, &n, FCT_STR("."))))
            return false;
    }
    return true;
}
