/* attach_name.c - see attach_name.h. */
#include "attach_name.h"

#include "attach_kind.h"

#define SPACES_HIDE 5u /* so many in a row push the rest out of sight */

/* ---- characters ---- */

/* The next character of UTF-8; a byte that is none stands for itself. */
static uint32_t next_character(struct fct_str *rest)
{
    const unsigned char *p = (const unsigned char *)rest->p;
    size_t more = *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : *p >= 0xc2 ? 1 : 0;
    uint32_t c = *p;

    if (more > 0 && more < rest->n) {
        c = *p & (0x3fu >> more);
        for (size_t i = 1; i <= more; i++) {
            if ((p[i] & 0xc0) != 0x80) {
                more = 0;
                c = *p;
                break;
            }
            c = c << 6 | (p[i] & 0x3fu);
        }
    } else {
        more = 0;
    }
    rest->p += more + 1;
    rest->n -= more + 1;
    return c;
}

/* LRE, RLE, PDF, LRO, RLO (Unicode 9). The marks and isolates are left to names in scripts that
 * need them. */
static bool overrides(uint32_t c)
{
    return c >= 0x202a && c <= 0x202e;
}

static bool marks(uint32_t c)
{
    return c == 0x200e || c == 0x200f || c == 0x061c || (c >= 0x2066 && c <= 0x2069) ||
           c == 0x200c || c == 0x200d; /* joiners: Persian, Indic scripts, emoji */
}

static bool has_no_shape(uint32_t c)
{
    return c < 0x20 || c == 0x7f || c == 0xad || c == 0x200b || (c >= 0x2060 && c <= 0x2064) ||
           c == 0xfeff || c == 0x034f || c == 0x180e || c == 0x115f || c == 0x3164;
}

static bool is_dot(uint32_t c)
{
    return c == '.' || c == 0xff0e || c == 0x2024;
}

static bool is_space(uint32_t c)
{
    return c == ' ' || c == 0xa0 || c == 0x3000 || (c >= 0x2000 && c <= 0x200a) || c == 0x2800;
}

/* ---- reading ---- */

static struct fct_str last_component(struct fct_str name)
{
    for (size_t i = name.n; i > 0; i--)
        if (name.p[i - 1] == '/' || name.p[i - 1] == '\\')
            return (struct fct_str){name.p + i, name.n - i};
    return name;
}

static void put(struct attach_name *out, char c)
{
    if (out->n == sizeof out->text) { /* the end matters, not the beginning */
        memmove(out->text, out->text + 1, sizeof out->text - 1);
        out->n--;
    }
    out->text[out->n++] = c;
}

static void take(struct attach_name *out, uint32_t c, struct fct_str raw)
{
    if (is_dot(c))
        put(out, '.');
    else if (is_space(c))
        put(out, ' ');
    else if (c >= 'A' && c <= 'Z')
        put(out, (char)(c + ('a' - 'A')));
    else if (!overrides(c) && !marks(c) && !has_no_shape(c))
        for (size_t i = 0; i < raw.n; i++)
            put(out, raw.p[i]);
}

static struct fct_str trimmed(struct fct_str s)
{
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '.'))
        s.n--;
    return s;
}

/* What is behind the last dot; *before is what stands before it. */
static struct fct_str behind_dot(struct fct_str s, struct fct_str *before)
{
    for (size_t i = s.n; i > 0; i--)
        if (s.p[i - 1] == '.') {
            *before = trimmed((struct fct_str){s.p, i - 1});
            return (struct fct_str){s.p + i, s.n - i};
        }
    *before = (struct fct_str){s.p, 0};
    return *before;
}

/* Of a name without end only the last bytes are looked at. */
#define NAME_LOOKED 4096u

void attach_name_read(struct fct_str name, struct attach_name *out)
{
    struct fct_str rest = last_component(name), before;
    unsigned spaces = 0;

    *out = (struct attach_name){.n = 0};
    if (rest.n > NAME_LOOKED)
        rest = (struct fct_str){rest.p + rest.n - NAME_LOOKED, NAME_LOOKED};
    while (rest.n > 0) {
        const char *from = rest.p;
        uint32_t c = next_character(&rest);

        out->overrides |= overrides(c);
        spaces = is_space(c) ? spaces + 1 : 0;
        out->hides |= has_no_shape(c) || spaces >= SPACES_HIDE;
        take(out, c, (struct fct_str){from, (size_t)(rest.p - from)});
    }
    before = trimmed((struct fct_str){out->text, out->n});
    out->n = before.n;
    out->extension = behind_dot(before, &before);
    out->inner = behind_dot(before, &before);
}

/* ---- judging ---- */

bool attach_listed(const struct fct_strings *list, struct fct_str word)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *item = list->item[i] + (list->item[i][0] == '.');

        if (word.n > 0 && strlen(item) == word.n && memcmp(item, word.p, word.n) == 0)
            return true;
    }
    return false;
}

void attach_name_check(const struct attach_name *name, struct fct_str shown,
                       struct attach_findings *out)
{
    enum attach_kind kind = attach_kind_of_extension(name->extension);
    enum attach_kind inner = attach_kind_of_extension(name->inner);

    if (name->overrides)
        attach_found(out, ATTACH_BIDI_NAME, shown);
    if (name->hides)
        attach_found(out, ATTACH_HIDDEN_NAME, shown);
    if ((kind == KIND_PROGRAM || kind == KIND_SCRIPT || kind == KIND_SHORTCUT) &&
        attach_kind_is_harmless(inner))
        attach_found(out, ATTACH_DOUBLE_EXTENSION, shown);
}
