/* bayes_words.c - see bayes_words.h. Plain ASCII, nearly all of most mail, is folded here; the rest
 * goes through libunistring word by word. */
#include "bayes_words.h"

#include <stdlib.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

enum {
    SHORTEST = 2,
    LONGEST = 40, /* in characters; longer ones are names of things, not words */
    HEAD = 8,     /* of those this much is kept */
    WINDOW = 5,   /* words that a pair spans (orthogonal sparse bigrams) */
    BYTES = 4 * LONGEST,
};

struct words {
    struct bayes_tokens *tokens;
    enum bayes_space space, pairs;
    const char *name;
    uint64_t last[WINDOW - 1]; /* the newest first */
    unsigned nlast;
};

/* ---- one word ---- */

static void add(struct words *w, struct fct_str word)
{
    uint64_t hash;

    if (w->name) {
        bayes_token_of(w->tokens, w->space, w->name, word);
        return;
    }
    hash = bayes_token(w->tokens, w->space, word);
    if (!w->pairs)
        return;
    for (unsigned i = 0; i < w->nlast; i++)
        bayes_token_pair(w->tokens, w->pairs, w->last[i], hash, i + 1);
    memmove(w->last + 1, w->last, sizeof w->last - sizeof *w->last);
    w->last[0] = hash;
    w->nlast += w->nlast < WINDOW - 1;
}

static void add_ascii(struct words *w, struct fct_str word)
{
    char folded[LONGEST];
    size_t n = word.n <= LONGEST ? word.n : HEAD;

    if (word.n < SHORTEST)
        return;
    for (size_t i = 0; i < n; i++)
        folded[i] = word.p[i] >= 'A' && word.p[i] <= 'Z' ? (char)(word.p[i] + 32) : word.p[i];
    add(w, (struct fct_str){folded, n});
}

static size_t cut(const uint8_t *p, size_t n, size_t characters)
{
    size_t at = 0;

    for (size_t i = 0; i < characters && at < n; i++)
        for (at++; at < n && (p[at] & 0xc0) == 0x80;)
            at++;
    return at;
}

/* Latin-1 letters and Cyrillic ones, of which each is one character whatever stands beside it. */
static const struct {
    uint16_t first, last;
    uint8_t step;
} simple[] = {
    {0xc0, 0xd6, 32},   {0xd8, 0xde, 32},   {0xe0, 0xf6, 0},   {0xf8, 0xff, 0},
    {0x400, 0x40f, 80}, {0x410, 0x42f, 32}, {0x430, 0x45f, 0},
};

/* 0: it takes libunistring. */
static unsigned fold_simple(unsigned c)
{
    for (size_t i = 0; i < FCT_COUNT(simple) && c >= simple[i].first; i++)
        if (c <= simple[i].last)
            return c + simple[i].step;
    return 0;
}

/* What libunistring would say of nearly all words that are not ASCII, for a fraction of the time.
 * False: another character is in it. */
static bool fold_quickly(struct fct_str in, uint8_t *out)
{
    const uint8_t *p = (const uint8_t *)in.p;

    for (size_t i = 0; i < in.n; i++) {
        unsigned c = p[i];

        if (c < 0x80) {
            out[i] = (uint8_t)(c >= 'A' && c <= 'Z' ? c + 32 : c);
            continue;
        }
        if (c < 0xc2 || c > 0xdf || i + 1 == in.n || (p[i + 1] & 0xc0) != 0x80)
            return false;
        c = fold_simple((c & 0x1f) << 6 | (p[i + 1] & 0x3f));
        if (!c)
            return false;
        out[i] = (uint8_t)(0xc0 | c >> 6);
        out[++i] = (uint8_t)(0x80 | (c & 0x3f));
    }
    return true;
}

static void add_folded(struct words *w, struct fct_str word)
{
    uint8_t room[2 * BYTES], *folded = room;
    size_t n = sizeof room, in = word.n;

    if (in > BYTES)
        in = cut((const uint8_t *)word.p, word.n, LONGEST + 1);
    if (in <= sizeof room && fold_quickly((struct fct_str){word.p, in}, room))
        n = in;
    else
        folded = u8_casefold((const uint8_t *)word.p, in, NULL, UNINORM_NFKC, room, &n);
    if (!folded)
        return;
    if (cut(folded, n, LONGEST) < n)
        n = cut(folded, n, HEAD);
    if (cut(folded, n, 1) < n)
        add(w, (struct fct_str){(const char *)folded, n});
    if (folded != room)
        free(folded);
}

/* ---- scripts without spaces ---- */

static const struct {
    ucs4_t first, last;
} unspaced[] = {
    {0x0e00, 0x0eff},                     /* Thai, Lao */
    {0x1000, 0x109f},                     /* Burmese */
    {0x1780, 0x17ff},                     /* Khmer */
    {0x3005, 0x3007},   {0x3040, 0x30ff}, /* kana */
    {0x31f0, 0x31ff},   {0x3400, 0x4dbf}, {0x4e00, 0x9fff},
    {0xf900, 0xfaff},   {0xff66, 0xff9f}, /* half-width kana */
    {0x20000, 0x3ffff},
};

static bool is_unspaced(ucs4_t c)
{
    for (size_t i = 0; i < FCT_COUNT(unspaced) && c >= unspaced[i].first; i++)
        if (c <= unspaced[i].last)
            return true;
    return false;
}

/* Two neighbours at a time; one that stands alone is a word of its own. */
static void add_neighbours(struct words *w, struct fct_str run)
{
    size_t first = cut((const uint8_t *)run.p, run.n, 1), second;

    if (first == run.n) {
        add(w, run);
        return;
    }
    for (; run.n > first; run.p += first, run.n -= first, first = second - first) {
        second = cut((const uint8_t *)run.p, run.n, 2);
        add_folded(w, (struct fct_str){run.p, second});
    }
}

/* ---- where words begin and end ---- */

enum char_kind { BETWEEN, ASCII, OTHER, UNSPACED };

/* Letters and digits; signs of money, because they make "$$$" a word; apostrophe and hyphen only
 * inside. A bit for each byte, as this is asked for each one of a text: $ % 0-9, A-Z _ a-z. */
static const uint64_t word_bytes[4] = {UINT64_C(0x03ff003000000000), UINT64_C(0x07fffffe87fffffe)};

static inline bool is_word_byte(char byte)
{
    unsigned char c = (unsigned char)byte;

    return word_bytes[c >> 6] >> (c & 63) & 1;
}

/* Letters of two bytes that fold_simple() knows, without tables. */
static bool is_simple_letter(struct fct_str text, size_t at)
{
    unsigned lead = (unsigned char)text.p[at], next;

    if (lead < 0xc2 || lead > 0xdf || at + 1 == text.n)
        return false;
    next = (unsigned char)text.p[at + 1];
    return (next & 0xc0) == 0x80 && fold_simple((lead & 0x1f) << 6 | (next & 0x3f)) != 0;
}

static enum char_kind kind_at(struct fct_str text, size_t at, size_t *length)
{
    unsigned char c = (unsigned char)text.p[at];
    ucs4_t point;
    int n;

    *length = 1;
    if (c < 0x80)
        return is_word_byte(text.p[at]) ? ASCII : BETWEEN;
    if (is_simple_letter(text, at)) {
        *length = 2;
        return OTHER;
    }
    n = u8_mbtoucr(&point, (const uint8_t *)text.p + at, text.n - at);
    if (n <= 0)
        return BETWEEN;
    *length = (size_t)n;
    if (is_unspaced(point))
        return UNSPACED;
    return uc_is_general_category_withtable(point, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M |
                                                       UC_CATEGORY_MASK_N | UC_CATEGORY_MASK_Sc)
               ? OTHER
               : BETWEEN;
}

static bool joins(struct fct_str text, size_t at)
{
    size_t length;

    return (text.p[at] == '\'' || text.p[at] == '-') && at + 1 < text.n &&
           kind_at(text, at + 1, &length) == ASCII;
}

static void add_run(struct words *w, struct fct_str run, enum char_kind kind)
{
    if (kind == ASCII)
        add_ascii(w, run);
    else if (kind == OTHER)
        add_folded(w, run);
    else
        add_neighbours(w, run);
}

static void read_words(struct words *w, struct fct_str text)
{
    size_t at = 0, length;

    while (at < text.n) {
        enum char_kind kind = kind_at(text, at, &length), next;
        size_t start = at;

        at += length;
        if (kind == BETWEEN)
            continue;
        for (; at < text.n; at += length) {
            length = 1;
            if (kind != UNSPACED && is_word_byte(text.p[at]))
                continue;
            next = kind_at(text, at, &length);
            if (next == BETWEEN && joins(text, at) && kind != UNSPACED)
                continue;
            if (next == BETWEEN || (next == UNSPACED) != (kind == UNSPACED))
                break;
            if (next == OTHER)
                kind = OTHER;
        }
        add_run(w, (struct fct_str){text.p + start, at - start}, kind);
    }
}

void bayes_words_add(struct bayes_tokens *t, struct fct_str text, enum bayes_space words,
                     enum bayes_space pairs)
{
    struct words w = {.tokens = t, .space = words, .pairs = pairs};

    read_words(&w, text);
}

void bayes_words_of(struct bayes_tokens *t, struct fct_str text, enum bayes_space space,
                    const char *name)
{
    struct words w = {.tokens = t, .space = space, .name = name};

    read_words(&w, text);
}
