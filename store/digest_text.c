/* digest_text.c - see digest_text.h. */
#include "store/digest_text.h"

#include "core/base/base64.h"
#include "core/base/id.h"
#include "core/base/language.h"
#include "core/base/str.h"
#include "core/conf/account_setting.h"
#include "core/message/date.h"

#include <time.h>

#define NAMES_SHOWN 10u
#define NAME_MAX    200u
#define DAY_SECONDS 86400

/* {name}: see put_filled. */
/* clang-format off */
static const struct words {
    const char *subject, *text, *links, *companies, *senders, *others, *originals, *end;
} all_words[LANGUAGES] = {
    [LANGUAGE_ENGLISH] = {"Your week: {trackers} trackers removed",
     "{first} to {last}\r\n\r\n"
     "{trackers} trackers were taken out of {messages} messages before you read them:\r\nnobody was told when, where and how often you did.\r\n",
     "{links} links no longer say who follows them.\r\n",
     "Who wanted to know:", "In whose mail:", "others",
     "Nothing is lost: copy a message into the mailbox \"{mailbox}\" to see it as it came.\r\n",
     "You asked for this summary (setting privacy_digest = weekly).\r\n"},
    [LANGUAGE_FRENCH] = {"Votre semaine : {trackers} pisteurs retirés",
     "du {first} au {last}\r\n\r\n"
     "{trackers} pisteurs ont été retirés de {messages} messages avant votre lecture :\r\npersonne n'a su quand, où et combien de fois vous les avez lus.\r\n",
     "{links} liens ne disent plus qui les suit.\r\n",
     "Qui voulait savoir :", "Dans les messages de :", "autres",
     "Rien n'est perdu : copiez un message dans la boîte « {mailbox} » pour le voir tel qu'il est arrivé.\r\n",
     "Vous avez demandé ce résumé (réglage privacy_digest = weekly).\r\n"},
};
/* clang-format on */

static struct fct_str domain_of(struct fct_str address)
{
    return str_skip(address, (size_t)(str_find_last_char(address, '@') + 1));
}

static void put_day(uint32_t day, struct buf *out)
{
    time_t at = (time_t)day * DAY_SECONDS;
    struct tm tm = {0};
    char text[16];

    (void)gmtime_r(&at, &tm);
    buf_put(out, text, strftime(text, sizeof text, "%Y-%m-%d", &tm));
}

static void put_value(const struct digest *d, struct fct_str name, struct buf *out)
{
    if (str_equal(name, FCT_STR("trackers")))
        buf_put_u64(out, d->tally->removed);
    else if (str_equal(name, FCT_STR("messages")))
        buf_put_u64(out, d->tally->messages);
    else if (str_equal(name, FCT_STR("links")))
        buf_put_u64(out, d->tally->links);
    else if (str_equal(name, FCT_STR("first")))
        put_day(d->first, out);
    else if (str_equal(name, FCT_STR("last")))
        put_day(d->last, out);
    else if (str_equal(name, FCT_STR("mailbox")))
        buf_put_str(out, d->originals);
}

/* The words with what stands in braces replaced. */
static void put_filled(const struct digest *d, const char *words, struct buf *out)
{
    struct fct_str rest = str_from(words);

    while (rest.p) {
        buf_put_str(out, str_split(&rest, '{'));
        if (rest.p)
            put_value(d, str_split(&rest, '}'), out);
    }
}

/* encoded-word = "=?" charset "?" encoding "?" encoded-text "?="      RFC 2047 2 */
static void put_subject(const struct digest *d, const struct words *w, struct buf *out)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(200);

    put_filled(d, w->subject, &text);
    buf_put_c(out, "Subject: =?utf-8?B?");
    base64_encode(buf_str(&text), out);
    buf_put_c(out, "?=\r\n");
}

static void put_header(const struct digest *d, const struct words *w, struct buf *out)
{
    struct fct_str domain = domain_of(d->address);

    buf_printf(out, "From: Facteur <postmaster@%.*s>\r\nTo: <%.*s>\r\n", FCT_FMT(domain),
               FCT_FMT(d->address));
    put_subject(d, w, out);
    buf_put_c(out, "Date: ");
    date_format(d->now, out);
    buf_printf(out, "\r\nMessage-ID: <%s@%.*s>\r\n", id_new().text, FCT_FMT(domain));
    buf_printf(out,
               "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n" /* RFC 3834 5 */
               "Content-Type: text/plain; charset=utf-8\r\nContent-Language: %s\r\n"
               "Content-Transfer-Encoding: 8bit\r\n\r\n",
               language_tag[w - all_words]);
}

/* What came with mail stays on its line. */
static void put_name(struct fct_str name, struct buf *out)
{
    name = str_head(name, NAME_MAX);
    for (size_t i = 0; i < name.n; i++)
        buf_put_char(out, (unsigned char)name.p[i] < ' ' || name.p[i] == 0x7f ? '?' : name.p[i]);
}

static void put_names(const struct words *w, const char *title, const struct tally_names *names,
                      struct buf *out)
{
    uint64_t others = 0;

    if (names->n == 0)
        return;
    buf_printf(out, "\r\n%s\r\n", title);
    for (size_t i = 0; i < names->n; i++) {
        if (i >= NAMES_SHOWN || names->name[i].name.n == 0) {
            others += names->name[i].removed;
            continue;
        }
        buf_printf(out, "%7llu  ", (unsigned long long)names->name[i].removed);
        put_name(names->name[i].name, out);
        buf_put_c(out, "\r\n");
    }
    if (others > 0)
        buf_printf(out, "%7llu  %s\r\n", (unsigned long long)others, w->others);
}

static void put_text(const struct digest *d, const struct words *w, struct buf *out)
{
    put_filled(d, w->text, out);
    if (d->tally->links > 0)
        put_filled(d, w->links, out);
    put_names(w, w->companies, &d->tally->company, out);
    put_names(w, w->senders, &d->tally->sender, out);
    buf_put_c(out, "\r\n");
    if (d->originals.n > 0)
        put_filled(d, w->originals, out);
    buf_put_c(out, w->end);
}

void digest_compose(const struct digest *d, struct buf *out)
{
    const struct words *w = &all_words[language_choose(d->languages)];

    put_header(d, w, out);
    put_text(d, w, out);
}
