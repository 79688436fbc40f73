/* dmarc_record.c - tag by tag; the table of tags is the grammar. */
#include "dmarc_record.h"

#include "plugins/lib/view.h"

#include <stdarg.h>

/* ---- pieces of text ---- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Strings of ABNF do not see case (RFC 5234 2.3). */
static bool is_word(struct fct_str s, const char *word)
{
    size_t i = 0;

    while (i < s.n && word[i] && lower(s.p[i]) == word[i])
        i++;
    return i == s.n && !word[i];
}

/* dmarc-tag = 1*ALPHA *WSP "=" *WSP 1*dmarc-value                 RFC 9989 4.8 */
static bool split_tag(struct fct_str piece, struct fct_str *name, struct fct_str *value)
{
    const char *equals = piece.n > 0 ? memchr(piece.p, '=', piece.n) : NULL;

    if (!equals)
        return false;
    *name = view_trim((struct fct_str){piece.p, (size_t)(equals - piece.p)});
    *value = view_trim((struct fct_str){equals + 1, (size_t)(piece.p + piece.n - equals - 1)});
    return name->n > 0;
}

/* ---- values ---- */

static const char *const policy_words[] = {
    [DMARC_POLICY_NONE] = "none",
    [DMARC_POLICY_QUARANTINE] = "quarantine",
    [DMARC_POLICY_REJECT] = "reject",
};

const char *dmarc_policy_word(enum dmarc_policy policy)
{
    return policy_words[policy];
}

/* The place of the value among the words; false: it is none of them. */
static bool take_word(struct fct_str value, const char *const *words, size_t n, unsigned *out)
{
    for (size_t i = 0; i < n; i++)
        if (is_word(value, words[i])) {
            *out = (unsigned)i;
            return true;
        }
    return false;
}

/* What was read so far: how often each tag came, what stood in it. */
enum tag { TAG_P, TAG_SP, TAG_NP, TAG_ADKIM, TAG_ASPF, TAG_T, TAG_PSD, TAG_RUA, TAGS };
struct reading {
    struct dmarc_record *record;
    bool seen[TAGS], good[TAGS];
    unsigned value[TAGS];
};

static const char *const alignment_words[] = {"r", "s"};
static const char *const yes_words[] = {"n", "y"};
static const char *const psd_words[] = {
    [DMARC_PSD_UNKNOWN] = "u", [DMARC_PSD_YES] = "y", [DMARC_PSD_NO] = "n"};

static const struct {
    const char *name;
    const char *const *words; /* NULL: a list of URIs */
    size_t n;
    const char *want;
} tags[TAGS] = {
    [TAG_P] = {"p", policy_words, FCT_COUNT(policy_words), "none, quarantine or reject"},
    [TAG_SP] = {"sp", policy_words, FCT_COUNT(policy_words), "none, quarantine or reject"},
    [TAG_NP] = {"np", policy_words, FCT_COUNT(policy_words), "none, quarantine or reject"},
    [TAG_ADKIM] = {"adkim", alignment_words, FCT_COUNT(alignment_words), "r or s"},
    [TAG_ASPF] = {"aspf", alignment_words, FCT_COUNT(alignment_words), "r or s"},
    [TAG_T] = {"t", yes_words, FCT_COUNT(yes_words), "y or n"},
    [TAG_PSD] = {"psd", psd_words, FCT_COUNT(psd_words), "y, n or u"},
    [TAG_RUA] = {"rua", NULL, 0, "a list of URIs"},
};

/* ---- URIs ---- */

static bool is_alpha(char c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}

static bool is_alnum(char c)
{
    return is_alpha(c) || (c >= '0' && c <= '9');
}

/* URI = scheme ":" hier-part; what may stand in it is checked, not where      RFC 3986 */
static bool is_uri(struct fct_str s)
{
    size_t scheme = 0;

    while (scheme < s.n &&
           (is_alnum(s.p[scheme]) || (s.p[scheme] != 0 && strchr("+-.", s.p[scheme]))))
        scheme++;
    if (scheme == 0 || !is_alpha(*s.p) || scheme + 1 >= s.n || s.p[scheme] != ':')
        return false;
    for (size_t i = scheme + 1; i < s.n; i++)
        if (!is_alnum(s.p[i]) && (s.p[i] == 0 || !strchr("-._~:/?#[]@!$&'()*+,;=%", s.p[i])))
            return false;
    return true;
}

/* mailto: needs an address to be one that reports can go to       RFC 6068 2 */
static bool is_report_uri(struct fct_str s)
{
    static const char mailto[] = "mailto:";
    const char *at;

    if (!is_uri(s))
        return false;
    if (s.n < sizeof mailto - 1 || !is_word((struct fct_str){s.p, sizeof mailto - 1}, mailto))
        return true;
    at = memchr(s.p, '@', s.n);
    return at && at > s.p + sizeof mailto - 1 && at < s.p + s.n - 1;
}

static bool has_report_uri(struct fct_str list)
{
    struct fct_str uri;

    while (view_split(&list, ',', &uri))
        if (is_report_uri(view_trim(uri)))
            return true;
    return false;
}

/* ---- the record ---- */

/* What is shown of somebody's text. */
static struct fct_str cut(struct fct_str s)
{
    return (struct fct_str){s.p, s.n > 40 ? 40 : s.n};
}

static FCT_PRINTF(2, 3) void mistake(struct dmarc_record *record, const char *fmt, ...)
{
    va_list ap;

    if (record->mistake[0])
        return;
    va_start(ap, fmt);
    (void)vsnprintf(record->mistake, sizeof record->mistake, fmt, ap);
    va_end(ap);
    for (char *p = record->mistake; *p; p++)
        if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
            *p = '?';
}

static void take_tag(struct reading *r, enum tag tag, struct fct_str value)
{
    if (r->seen[tag]) {
        mistake(r->record, "%s= stands there twice: the first counts", tags[tag].name);
        return;
    }
    r->seen[tag] = true;
    r->good[tag] = tags[tag].words ? take_word(value, tags[tag].words, tags[tag].n, &r->value[tag])
                                   : has_report_uri(value);
    if (!r->good[tag])
        mistake(r->record, "%s=%.*s is not %s", tags[tag].name, FCT_FMT(cut(value)),
                tags[tag].want);
}

static void take_piece(struct reading *r, struct fct_str piece)
{
    struct fct_str name, value;

    if (view_trim(piece).n == 0)
        return;
    if (!split_tag(piece, &name, &value)) {
        mistake(r->record, "\"%.*s\" is no tag", FCT_FMT(cut(view_trim(piece))));
        return;
    }
    for (enum tag tag = 0; tag < TAGS; tag++)
        if (is_word(name, tags[tag].name))
            take_tag(r, tag, value);
}

/* RFC 9989 4.10.1: what becomes of a record whose policies are not all right. */
static void settle_policy(const struct reading *r)
{
    struct dmarc_record *record = r->record;
    bool good =
        r->good[TAG_P] && r->good[TAG_SP] == r->seen[TAG_SP] && r->good[TAG_NP] == r->seen[TAG_NP];

    record->usable = good || record->has_rua;
    if (!r->seen[TAG_P])
        mistake(record, "p= is missing");
    if (!good)
        return;
    record->p = (enum dmarc_policy)r->value[TAG_P];
    record->sp = r->good[TAG_SP] ? (enum dmarc_policy)r->value[TAG_SP] : record->p;
    record->np = r->good[TAG_NP] ? (enum dmarc_policy)r->value[TAG_NP] : record->sp;
}

/* dmarc-version = "v" *WSP "=" *WSP %s"DMARC1"; white space in front of it as tag lists of DKIM may
 * have it                                                         RFC 9989 4.8, RFC 6376 3.2 */
bool dmarc_record_is(struct fct_str text)
{
    struct fct_str first, name, value;

    return view_split(&text, ';', &first) && split_tag(first, &name, &value) &&
           is_word(name, "v") && value.n == 6 && memcmp(value.p, "DMARC1", 6) == 0;
}

void dmarc_record_parse(struct fct_str text, struct dmarc_record *out)
{
    struct reading r = {.record = out};
    struct fct_str piece;

    *out = (struct dmarc_record){0};
    (void)view_split(&text, ';', &piece); /* the version */
    while (view_split(&text, ';', &piece))
        take_piece(&r, piece);
    out->has_rua = r.good[TAG_RUA];
    out->strict_dkim = r.good[TAG_ADKIM] && r.value[TAG_ADKIM] == 1;
    out->strict_spf = r.good[TAG_ASPF] && r.value[TAG_ASPF] == 1;
    out->testing = r.good[TAG_T] && r.value[TAG_T] == 1;
    out->psd = r.good[TAG_PSD] ? (enum dmarc_psd)r.value[TAG_PSD] : DMARC_PSD_UNKNOWN;
    settle_policy(&r);
}
