/* fuzzy_text.c - see fuzzy_text.h. */
#include "fuzzy_text.h"

#include <strings.h>
#include <unicase.h>
#include <unictype.h>
#include <unistr.h>

enum { WORD_MAX = 80, CHARACTER_MAX = 6 };

struct word {
    char text[WORD_MAX + CHARACTER_MAX];
    size_t n;
};

static void end_word(struct fuzzy_sketcher *s, struct word *w)
{
    if (w->n > 0)
        fuzzy_sketch_word(s, (struct fct_str){w->text, w->n});
    w->n = 0;
}

static void put(struct word *w, ucs4_t c)
{
    int n;

    if (w->n >= WORD_MAX) /* the rest of an endless word says nothing */
        return;
    n = u8_uctomb((uint8_t *)w->text + w->n, c, CHARACTER_MAX);
    w->n += n > 0 ? (size_t)n : 0;
}

/* Written without spaces: Han, kana, Thai, Lao, Khmer, Myanmar. */
static bool stands_alone(ucs4_t c)
{
    return uc_is_property_ideographic(c) || (c >= 0x3040 && c <= 0x30ff) ||
           (c >= 0x0e00 && c <= 0x0eff) || (c >= 0x1780 && c <= 0x17ff) ||
           (c >= 0x1000 && c <= 0x109f);
}

static bool is_mark(ucs4_t c)
{
    return c >= 0x0300 && uc_is_general_category(c, UC_MARK);
}

static bool is_ascii_letter(ucs4_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Nearly all of most mail: without tables. */
static void take_ascii(struct fuzzy_sketcher *s, struct word *w, char c)
{
    if (is_ascii_letter((unsigned char)c)) {
        if (w->n < WORD_MAX)
            w->text[w->n++] = (char)(c | 0x20);
    } else if (c >= '0' && c <= '9') {
        if (w->n < WORD_MAX && (w->n == 0 || w->text[w->n - 1] != '0'))
            w->text[w->n++] = '0';
    } else {
        end_word(s, w);
    }
}

static void take_character(struct fuzzy_sketcher *s, struct word *w, ucs4_t c)
{
    if (is_mark(c))
        return;
    if (uc_is_general_category(c, UC_DECIMAL_DIGIT_NUMBER)) {
        if (w->n == 0 || w->text[w->n - 1] != '0')
            put(w, '0');
    } else if (!uc_is_alpha(c)) {
        end_word(s, w);
    } else if (stands_alone(c)) {
        end_word(s, w);
        put(w, c);
        end_word(s, w);
    } else {
        put(w, uc_tolower(c));
    }
}

/* ---- URLs ---- */

static bool begins(struct fct_str s, const char *with)
{
    size_t n = strlen(with);

    return s.n >= n && (s.p[0] | 0x20) == with[0] && strncasecmp(s.p, with, n) == 0;
}

static size_t scheme_length(struct fct_str s)
{
    static const char *const schemes[] = {"https://", "http://", "ftp://"};
    char first = s.n > 0 ? (char)(s.p[0] | 0x20) : ' ';

    for (size_t i = 0; (first == 'h' || first == 'f') && i < FCT_COUNT(schemes); i++)
        if (begins(s, schemes[i]))
            return strlen(schemes[i]);
    return 0;
}

static bool ends_url(char c)
{
    return (unsigned char)c <= ' ' || strchr("<>\"')]}", c);
}

static bool is_host_byte(char c)
{
    return (unsigned char)c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '.' || c == '-';
}

/* One word, as it stands but in lower case. Returns the length of the whole URL. */
static size_t take_url(struct fuzzy_sketcher *s, struct word *w, struct fct_str url, size_t scheme)
{
    size_t i = scheme;

    end_word(s, w);
    for (; i < url.n && is_host_byte(url.p[i]); i++)
        if (w->n < WORD_MAX)
            w->text[w->n++] = url.p[i] >= 'A' && url.p[i] <= 'Z' ? (char)(url.p[i] + 32) : url.p[i];
    end_word(s, w);
    while (i < url.n && !ends_url(url.p[i]))
        i++;
    return i;
}

void fuzzy_text_add(struct fuzzy_sketcher *s, struct fct_str text)
{
    struct word w = {.n = 0};

    while (text.n > 0) {
        size_t step, scheme = w.n == 0 ? scheme_length(text) : 0;
        ucs4_t c;

        if (scheme > 0) {
            step = take_url(s, &w, text, scheme);
        } else if ((unsigned char)text.p[0] < 0x80) {
            take_ascii(s, &w, text.p[0]);
            step = 1;
        } else {
            int n = u8_mbtouc(&c, (const uint8_t *)text.p, text.n);

            step = n > 0 ? (size_t)n : 1;
            take_character(s, &w, c);
        }
        text.p += step;
        text.n -= step;
    }
    end_word(s, &w);
}
