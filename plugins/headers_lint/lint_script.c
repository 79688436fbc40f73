/* lint_script.c - see lint_script.h. By blocks of Unicode, which is enough to tell what somebody
 * cannot read at all; languages that share their letters are not told apart. */
#include "lint_script.h"

#include <strings.h>

#define LETTERS_MIN 20u /* fewer say nothing: a name, a greeting */

const char *const lint_script_name[LINT_SCRIPTS] = {
    [LINT_LATIN] = "Latin",           [LINT_CYRILLIC] = "Cyrillic",
    [LINT_GREEK] = "Greek",           [LINT_ARMENIAN] = "Armenian",
    [LINT_HEBREW] = "Hebrew",         [LINT_ARABIC] = "Arabic",
    [LINT_DEVANAGARI] = "Devanagari", [LINT_INDIC] = "Indian",
    [LINT_THAI] = "South-East Asian", [LINT_GEORGIAN] = "Georgian",
    [LINT_ETHIOPIC] = "Ethiopic",     [LINT_HAN] = "Chinese",
    [LINT_KANA] = "Japanese",         [LINT_HANGUL] = "Korean",
};

/* ---- letters ---- */

/* clang-format off */
static const struct {
    uint32_t first, last;
    enum lint_script script;
} blocks[] = {
    {0x00aa,  0x024f,  LINT_LATIN},    {0x0370,  0x03ff,  LINT_GREEK},      {0x0400,  0x052f,  LINT_CYRILLIC},
    {0x0530,  0x058f,  LINT_ARMENIAN}, {0x0590,  0x05ff,  LINT_HEBREW},     {0x0600,  0x08ff,  LINT_ARABIC},
    {0x0900,  0x097f,  LINT_DEVANAGARI}, {0x0980, 0x0dff, LINT_INDIC},      {0x0e00,  0x0eff,  LINT_THAI},
    {0x1000,  0x109f,  LINT_THAI},     {0x10a0,  0x10ff,  LINT_GEORGIAN},   {0x1100,  0x11ff,  LINT_HANGUL},
    {0x1200,  0x139f,  LINT_ETHIOPIC}, {0x1780,  0x17ff,  LINT_THAI},       {0x1c90,  0x1cbf,  LINT_GEORGIAN},
    {0x1e00,  0x1eff,  LINT_LATIN},    {0x1f00,  0x1fff,  LINT_GREEK},      {0x2c60,  0x2c7f,  LINT_LATIN},
    {0x2de0,  0x2dff,  LINT_CYRILLIC}, {0x3041,  0x30ff,  LINT_KANA},       {0x3130,  0x318f,  LINT_HANGUL},
    {0x3400,  0x9fff,  LINT_HAN},      {0xa640,  0xa69f,  LINT_CYRILLIC},   {0xac00,  0xd7af,  LINT_HANGUL},
    {0xf900,  0xfaff,  LINT_HAN},      {0xfb1d,  0xfb4f,  LINT_HEBREW},     {0xfb50,  0xfdff,  LINT_ARABIC},
    {0xfe70,  0xfefc,  LINT_ARABIC},   {0xff66,  0xff9f,  LINT_KANA},       {0x20000, 0x3ffff, LINT_HAN},
};
/* clang-format on */

/* The character at p, and how many bytes it has; what is no UTF-8 is passed over byte by byte. */
static uint32_t next_character(const unsigned char *p, size_t n, size_t *length)
{
    size_t more = p[0] >= 0xf0 && p[0] < 0xf8   ? 3
                  : p[0] >= 0xe0 && p[0] < 0xf0 ? 2
                  : p[0] >= 0xc2 && p[0] < 0xe0 ? 1
                                                : 0;
    uint32_t c = more ? p[0] & (0x3fu >> more) : p[0];

    *length = 1;
    if (more == 0 || more >= n)
        return 0;
    for (size_t i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    *length = 1 + more;
    return c;
}

/* A character of Chinese, Japanese or Korean says as much as two or three letters. */
static uint32_t weight_of(enum lint_script script)
{
    return script >= LINT_HAN ? 2 : 1;
}

static void count_character(uint32_t c, struct lint_letters *sum)
{
    for (size_t i = 0; i < FCT_COUNT(blocks) && c >= blocks[i].first; i++)
        if (c <= blocks[i].last)
            sum->of[blocks[i].script] += weight_of(blocks[i].script);
}

void lint_count_letters(struct fct_str utf8, struct lint_letters *sum)
{
    const unsigned char *p = (const unsigned char *)utf8.p;
    size_t length;

    for (size_t i = 0; i < utf8.n; i += length) {
        length = 1;
        if (p[i] >= 0x80)
            count_character(next_character(p + i, utf8.n - i, &length), sum);
        else
            sum->of[LINT_LATIN] += (p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'z';
    }
}

enum lint_script lint_script_of(const struct lint_letters *sum)
{
    struct lint_letters s = *sum;
    uint32_t all = 0;

    if (s.of[LINT_KANA] * 20 >= s.of[LINT_HAN]) { /* one in twenty: no Chinese text */
        s.of[LINT_KANA] += s.of[LINT_KANA] ? s.of[LINT_HAN] : 0;
        s.of[LINT_HAN] = s.of[LINT_KANA] ? 0 : s.of[LINT_HAN];
    }
    for (unsigned i = 0; i < LINT_SCRIPTS; i++)
        all += s.of[i];
    for (unsigned i = LINT_LATIN + 1; i < LINT_SCRIPTS && all >= LETTERS_MIN; i++)
        if (s.of[i] * 2 > all)
            return (enum lint_script)i;
    return LINT_LATIN;
}

/* ---- languages ---- */

static const char *const tags[LINT_SCRIPTS] = {
    [LINT_CYRILLIC] = "ru uk be bg sr mk kk ky tg mn tt ba cv ce os sah bs cnr uz az tk cu mo sh",
    [LINT_GREEK] = "el grc",
    [LINT_ARMENIAN] = "hy",
    [LINT_HEBREW] = "he iw yi lad",
    [LINT_ARABIC] = "ar fa ur ps sd ug ckb ku arz ary apc dv ks pnb az ms prs",
    [LINT_DEVANAGARI] = "hi mr ne sa kok mai bho doi brx sd ks",
    [LINT_INDIC] = "bn as ta te gu pa kn ml or si mni sat",
    [LINT_THAI] = "th lo km my shn mnw",
    [LINT_GEORGIAN] = "ka",
    [LINT_ETHIOPIC] = "am ti gez",
    [LINT_HAN] = "zh ja yue nan wuu cmn hak lzh ko",
    [LINT_KANA] = "ja",
    [LINT_HANGUL] = "ko",
};

static bool is_among(struct fct_str tag, const char *list)
{
    for (const char *at = list; at && *at;) {
        size_t n = strcspn(at, " ");

        if (n == tag.n && strncasecmp(at, tag.p, n) == 0)
            return true;
        at += n + strspn(at + n, " ");
    }
    return false;
}

bool lint_reads(struct fct_str languages, enum lint_script script)
{
    size_t from = 0;

    while (script != LINT_LATIN && from < languages.n) {
        const char *at = languages.p + from;
        size_t n = 0, primary;

        while (from + n < languages.n && !strchr(" ,", at[n]))
            n++;
        for (primary = 0; primary < n && at[primary] != '-';)
            primary++;
        if (is_among((struct fct_str){at, primary}, tags[script]))
            return true;
        from += n + 1;
    }
    return script == LINT_LATIN;
}
