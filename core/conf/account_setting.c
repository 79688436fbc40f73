/* account_setting.c - see account_setting.h. */
#include "core/conf/account_setting.h"

#include "core/base/str.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SCORE_MAX    1000.0
#define DURATION_MAX 86400u
#define LANGUAGE_MAX 35u /* RFC 5646 4.4.1 */

/* clang-format off */
const struct account_setting account_settings[] = {
    {"profile",        SETTING_NAME,  NULL, "The scoring profile that judges this account's mail, instead of the one that `match` finds"},
    {"tag",            SETTING_SCORE, NULL, "Own threshold instead of the profile's: from this score on a message is kept with X-Facteur-Verdict above its header; 0: never"},
    {"greylist",       SETTING_SCORE, NULL, "Own threshold: the client shall come back later; 0: never"},
    {"junk",           SETTING_SCORE, NULL, "Own threshold: into Junk; 0: never"},
    {"quarantine",     SETTING_SCORE, NULL, "Own threshold: into Quarantine; 0: never"},
    {"discard",        SETTING_SCORE, NULL, "Own threshold: accepted and thrown away; 0: never"},
    {"reject",         SETTING_SCORE, NULL, "Own threshold: refused; 0: never"},
    {"allow_from",     SETTING_SENDERS, NULL, "Addresses (ann@example.org), domains (example.org) and domains with all below them (*.example.org) whose mail is kept whatever its score says, if the sender in From is proven: by DMARC, by an aligned DKIM signature or SPF result, or by a login"},
    {"allow_unproven", SETTING_WORD, "no yes", "yes: allow_from needs no proof. Anybody can write such a sender, and spam will"},
    {"block_from",     SETTING_SENDERS, NULL, "The same for mail that is not wanted, by From or by the envelope's sender, proven or not. The longer entry of the two lists counts; of equal ones this one"},
    {"block_action",   SETTING_WORD, "junk quarantine discard reject", "What becomes of mail that block_from names; junk when not set"},
    {"languages",      SETTING_LANGUAGES, NULL, "Languages this account reads, as \"en pt-BR\": mail in letters that none of them has counts (plugin headers_lint); and what the server itself writes to it, as reports on mail that was not delivered (en, fr)"},
    {"privacy",        SETTING_WORD, "off known standard strict", "How much is taken out of messages that watches the reader"},
    {"privacy_keep",   SETTING_SENDERS, NULL, "Senders whose mail keeps what watches the reader, written as in allow_from, if the sender in From is proven: by DMARC or a login"},
    {"privacy_digest", SETTING_WORD, "off weekly", "A message every week that says how many trackers were taken out, of which companies, in whose mail; in the first of `languages` that the server speaks (en, fr)"},
    {"save_sent",      SETTING_WORD, "no yes", "yes: what this account submits is kept in its mailbox with \\Sent too, read, in the same commit; the mail program must not keep a copy of its own then"},
    {"undo_window",    SETTING_DURATION, NULL, "What this account submits waits so long before it leaves: until then `facteurctl queue undo` takes it back; 1m at most (smtp.max_undo)"},
    {"forward",        SETTING_ADDRESS, NULL, "Where this account's mail goes on to, once its recipient has agreed: he is asked by a message when this is set (docs/forwarding.md). Spam is not sent on"},
    {"forward_keep",   SETTING_WORD, "yes no", "no: mail that is forwarded is not kept here as well"},
    {0},
};
/* clang-format on */

const struct account_setting *account_setting_find(struct fct_str name)
{
    for (const struct account_setting *s = account_settings; s->name; s++)
        if (str_equal(name, str_from(s->name)))
            return s;
    return NULL;
}

/* ---- values ---- */

bool score_parse(struct fct_str text, int32_t *milli)
{
    char number[32], *end;
    double value;

    text = str_trim(text);
    if (text.n == 0 || text.n >= sizeof number)
        return false;
    str_copy_c(number, sizeof number, text);
    if (strspn(number, "+-.0123456789") != text.n)
        return false;
    value = strtod(number, &end);
    if (*end || !isfinite(value) || fabs(value) > SCORE_MAX)
        return false;
    *milli = (int32_t)lround(value * 1000);
    return true;
}

bool setting_duration_parse(struct fct_str text, uint32_t *seconds)
{
    static const struct {
        char letter;
        uint32_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}};
    uint32_t number;

    text = str_trim(text);
    for (size_t i = 0; i < FCT_COUNT(units); i++)
        if (text.n > 1 && text.p[text.n - 1] == units[i].letter) {
            if (!str_to_u32(str_head(text, text.n - 1), &number) ||
                number > DURATION_MAX / units[i].seconds)
                return false;
            *seconds = number * units[i].seconds;
            return true;
        }
    return false;
}

struct fct_str account_setting_value(const struct fct_str *item, size_t n, struct fct_str name)
{
    for (size_t i = 0; i < n; i++) {
        struct fct_str value = item[i];

        if (str_equal(str_split(&value, '='), name) && value.p)
            return value;
    }
    return FCT_STR("");
}

struct fct_str setting_list_next(struct fct_str *rest)
{
    size_t from = 0, to;

    while (from < rest->n && strchr(" ,", rest->p[from]))
        from++;
    for (to = from; to < rest->n && !strchr(" ,", rest->p[to]);)
        to++;
    struct fct_str word = {rest->p + from, to - from};
    *rest = str_skip(*rest, to);
    return word;
}

static struct fct_str domain_of(struct fct_str address)
{
    return str_skip(address, (size_t)(str_find_last_char(address, '@') + 1));
}

unsigned setting_sender_matches(struct fct_str entry, struct fct_str address)
{
    struct fct_str domain = domain_of(address);

    if (domain.n == address.n) /* no address at all */
        return 0;
    if (str_find_char(entry, '@') >= 0)
        return str_equal_nocase(entry, address) ? 3 : 0;
    if (entry.n > 2 && entry.p[0] == '*') {
        struct fct_str tail = str_skip(entry, 1);

        return domain.n > tail.n && str_equal_nocase(str_skip(domain, domain.n - tail.n), tail);
    }
    return str_equal_nocase(entry, domain) ? 2 : 0;
}

/* ---- checks: one per kind ---- */

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (char_lower(c) >= 'a' && char_lower(c) <= 'z');
}

/* Labels of a host name, UTF-8 allowed; "*." in front when `wild`. */
static bool is_domain(struct fct_str s, bool wild)
{
    bool below = wild && str_starts(s, FCT_STR("*."));
    size_t label = 0;

    if (below)
        s = str_skip(s, 2);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c == '.' ? label == 0 : c <= ' ' || (c < 0x80 && !is_alnum((char)c) && c != '-'))
            return false;
        label = c == '.' ? 0 : label + 1;
    }
    return label > 0 && s.n <= 253 && (below || str_find_char(s, '.') > 0);
}

static bool is_sender(struct fct_str s)
{
    ptrdiff_t at = str_find_char(s, '@');

    if (at < 0)
        return is_domain(s, true);
    return at > 0 && str_find_char(str_skip(s, (size_t)at + 1), '@') < 0 &&
           is_domain(str_skip(s, (size_t)at + 1), false);
}

/* 2*8ALPHA *("-" 1*8alphanum)                                     RFC 5646 2.1, as far as here */
static bool is_language(struct fct_str s)
{
    size_t part = 0, parts = 0;

    for (size_t i = 0; i <= s.n; i++) {
        if (i < s.n && s.p[i] != '-') {
            if (!is_alnum(s.p[i]) || (parts == 0 && s.p[i] <= '9') || ++part > 8)
                return false;
            continue;
        }
        if (part < (parts == 0 ? 2u : 1u))
            return false;
        parts++;
        part = 0;
    }
    return s.n <= LANGUAGE_MAX;
}

static bool each_word(struct fct_str list, bool (*is_good)(struct fct_str word),
                      struct fct_str *bad)
{
    do {
        *bad = setting_list_next(&list);
        if (bad->n > 0 && !is_good(*bad))
            return false;
    } while (bad->n > 0);
    return true;
}

static bool is_one_of(struct fct_str word, const char *words)
{
    struct fct_str list = str_from(words), one;

    while ((one = setting_list_next(&list)).n > 0)
        if (str_equal(one, word))
            return true;
    return false;
}

static bool fails(struct fct_err *err, const struct account_setting *s, struct fct_str bad,
                  const char *wanted)
{
    return fct_fail(err, FCT_SYNTAX, "%s: \"%.*s\" is not %s", s->name, FCT_FMT(str_head(bad, 80)),
                    wanted);
}

static bool check_value(const struct account_setting *s, struct fct_str value, struct fct_err *err)
{
    struct fct_str bad = value;
    uint32_t seconds;
    int32_t milli;

    switch (s->kind) {
    case SETTING_NAME:
        return str_find_char(value, ' ') < 0 || fails(err, s, value, "one word");
    case SETTING_SCORE:
        return (score_parse(value, &milli) && milli >= 0) ||
               fails(err, s, value, "a score from 0 to 1000 (example: 6.5)");
    case SETTING_WORD:
        return is_one_of(value, s->words) ||
               fct_fail(err, FCT_SYNTAX, "%s: \"%.*s\" is none of: %s", s->name,
                        FCT_FMT(str_head(value, 80)), s->words);
    case SETTING_ADDRESS:
        return (str_find_char(value, '@') > 0 && is_sender(value)) ||
               fails(err, s, value, "an address (example: ann@example.org)");
    case SETTING_SENDERS:
        return each_word(value, is_sender, &bad) ||
               fails(err, s, bad,
                     "an address or a domain (examples: ann@example.org example.org "
                     "*.example.org)");
    case SETTING_DURATION:
        return setting_duration_parse(value, &seconds) ||
               fails(err, s, value, "a time of at most a day (examples: 10s 1m 2h)");
    case SETTING_LANGUAGES:
        return each_word(value, is_language, &bad) ||
               fails(err, s, bad, "a language tag (examples: de en pt-BR)");
    }
    return false;
}

bool account_setting_check(struct fct_str item, struct fct_err *err)
{
    struct fct_str value = item, name = str_split(&value, '=');
    const struct account_setting *s = account_setting_find(name);

    return !s || !value.p || value.n == 0 || check_value(s, value, err);
}

/* ---- the manual ---- */

static const char *const kind_names[] = {
    [SETTING_NAME] = "name",       [SETTING_SCORE] = "number, 0 to 1000",
    [SETTING_WORD] = "word",       [SETTING_SENDERS] = "addresses and domains",
    [SETTING_DURATION] = "time",   [SETTING_LANGUAGES] = "language tags",
    [SETTING_ADDRESS] = "address",
};

void account_settings_print_markdown(struct buf *out)
{
    buf_put_c(
        out, "\n## Settings of accounts\n\n"
             "`facteurctl account set ADDRESS NAME=VALUE…`; an empty value removes one, lists have "
             "spaces or commas between. They come along with a recipient at RCPT. Other names are "
             "free: rules and plugins read what they ask for.\n\n"
             "| setting | kind | meaning |\n|---|---|---|\n");
    for (const struct account_setting *s = account_settings; s->name; s++)
        buf_printf(out, "| %s | %s%s%s | %s |\n", s->name, kind_names[s->kind],
                   s->words ? ": " : "", s->words ? s->words : "", s->doc);
}
