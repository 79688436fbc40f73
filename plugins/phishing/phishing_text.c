/* phishing_text.c - see phishing_text.h. */
#include "phishing_text.h"

#include <strings.h>

enum { SHOWN_MAX = 300, LABEL_MIN = 2 };

static bool begins(struct fct_str s, const char *with)
{
    size_t n = strlen(with);

    return s.n >= n && strncasecmp(s.p, with, n) == 0;
}

static bool is_space(char c)
{
    return (unsigned char)c <= ' ';
}

static bool is_host_byte(char c)
{
    return (unsigned char)c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '.' || c == '-';
}

/* ---- what a link's text names ---- */

/* Endings of domains that people write without "www."; those that are endings of files ("sh",
 * "py", "md", "zip", "app") are not among them. */
static bool is_known_ending(struct fct_str ending)
{
    static const char known[] =
        " com net org edu gov mil int info biz name eu us uk de fr it es nl be ch at ca au nz jp "
        "cn hk tw kr in br mx ar cl co pe se no dk fi pt gr cz sk hu ro bg hr si ru ua by lt lv ee "
        "tr il za ng ke eg sa ae ie lu is io me tv cc online site shop store xyz top club bank ";
    char word[16];

    if (ending.n < 2 || ending.n > sizeof word - 3)
        return false;
    (void)snprintf(word, sizeof word, " %.*s ", FCT_FMT(ending));
    return strcasestr(known, word) != NULL;
}

static bool has_ending(struct fct_str host)
{
    size_t dot = host.n;

    while (dot > 0 && host.p[dot - 1] != '.')
        dot--;
    return dot > LABEL_MIN && is_known_ending((struct fct_str){host.p + dot, host.n - dot});
}

static struct fct_str host_at(struct fct_str s)
{
    size_t n = 0;

    while (n < s.n && is_host_byte(s.p[n]))
        n++;
    while (n > 0 && (s.p[n - 1] == '.' || s.p[n - 1] == '-')) /* the end of a sentence */
        n--;
    return (struct fct_str){s.p, n};
}

static struct fct_str cut(struct fct_str s, size_t n)
{
    return (struct fct_str){s.p + n, s.n - n};
}

/* Of a word that says itself that it is a URL. */
static bool marked_host(struct fct_str word, struct fct_str *host)
{
    static const char *const marks[] = {"http://", "https://", "ftp://"};

    for (size_t i = 0; i < FCT_COUNT(marks); i++)
        if (begins(word, marks[i])) {
            struct fct_str rest = cut(word, strlen(marks[i]));

            *host = host_at(rest);
            return memchr(host->p, '.', host->n) != NULL &&
                   (host->n == rest.n || rest.p[host->n] != '@');
        }
    *host = host_at(word);
    return begins(word, "www.") && host->n > 6 && memchr(host->p + 4, '.', host->n - 4) != NULL;
}

/* All there is, and nothing but a domain, perhaps with a path. */
static bool bare_host(struct fct_str word, struct fct_str *host)
{
    *host = host_at(word);
    return has_ending(*host) && (host->n == word.n || strchr("/?#:.", word.p[host->n])) &&
           !memchr(word.p, '@', word.n);
}

static struct fct_str trim(struct fct_str s)
{
    for (; s.n > 0 && (is_space(s.p[0]) || strchr("<(['\"", s.p[0])); s.p++)
        s.n--;
    while (s.n > 0 && (is_space(s.p[s.n - 1]) || strchr(">)]'\".,;!", s.p[s.n - 1])))
        s.n--;
    return s;
}

bool phishing_shown_host(struct fct_str shown, struct fct_str *host)
{
    bool one_word = true;

    shown = trim(shown);
    if (shown.n == 0 || shown.n > SHOWN_MAX)
        return false;
    for (size_t i = 0; i < shown.n; i++)
        if (is_space(shown.p[i]))
            one_word = false;
    if (one_word)
        return marked_host(shown, host) || bare_host(shown, host);
    for (size_t i = 0; i < shown.n; i++)
        if ((i == 0 || is_space(shown.p[i - 1])) && marked_host(trim(cut(shown, i)), host))
            return true;
    return false;
}

/* ---- URLs in URLs ---- */

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* One byte, %XX undone; *at moves behind it. */
static char next_byte(struct fct_str s, size_t *at)
{
    size_t i = *at;

    if (s.p[i] == '%' && i + 2 < s.n && digit(s.p[i + 1]) >= 0 && digit(s.p[i + 2]) >= 0) {
        *at = i + 3;
        return (char)(digit(s.p[i + 1]) * 16 + digit(s.p[i + 2]));
    }
    *at = i + 1;
    return s.p[i];
}

/* How many bytes of `s` from `at` on spell the word; 0: they do not. */
static size_t spells(struct fct_str s, size_t at, const char *word)
{
    size_t i = at;

    for (; *word; word++)
        if (i >= s.n || (next_byte(s, &i) | 0x20) != (*word | 0x20))
            return 0;
    return i - at;
}

size_t phishing_embedded_url(struct fct_str text, size_t *at, char *out, size_t room)
{
    for (; *at < text.n; (*at)++) {
        size_t n = 0, end = *at;

        if ((text.p[*at] | 0x20) != 'h' ||
            (!spells(text, *at, "http://") && !spells(text, *at, "https://")))
            continue;
        while (end < text.n && text.p[end] != '&' && !is_space(text.p[end]) && n < room)
            out[n++] = next_byte(text, &end);
        *at = end;
        return n;
    }
    return 0;
}

/* ---- hosts on the way ---- */

static bool ends_in(struct fct_str host, const char *const *list)
{
    for (; *list; list++) {
        size_t n = strlen(*list);

        if (host.n >= n && strncasecmp(host.p + host.n - n, *list, n) == 0 &&
            (host.n == n || host.p[host.n - n - 1] == '.'))
            return true;
    }
    return false;
}

bool phishing_is_tracker(struct fct_str host)
{
    static const char *const list[] = {
        /* mailers */
        "sendgrid.net",
        "list-manage.com",
        "list-manage1.com",
        "list-manage2.com",
        "mailchimp.com",
        "mandrillapp.com",
        "mcsv.net",
        "rs6.net",
        "constantcontact.com",
        "exct.net",
        "exacttarget.com",
        "s7.exacttarget.com",
        "hubspotlinks.com",
        "hubspotemail.net",
        "klclick.com",
        "klclick1.com",
        "klaviyomail.com",
        "createsend.com",
        "cmail1.com",
        "cmail2.com",
        "cmail19.com",
        "cmail20.com",
        "mjt.lu",
        "mailjet.com",
        "sparkpostmail.com",
        "mailgun.org",
        "sendinblue.com",
        "brevo.com",
        "sendibt2.com",
        "sendibm1.com",
        "mailerlite.com",
        "mlsend.com",
        "aweber.com",
        "getresponse.com",
        "awstrack.me",
        "customeriomail.com",
        "intercom-mail.com",
        "mktoweb.com",
        "marketo.com",
        "pardot.com",
        "eloqua.com",
        "en25.com",
        "icptrack.com",
        "emv2.com",
        "emv3.com",
        "responsys.net",
        "rsys2.com",
        "rsys5.com",
        "bfi0.com",
        "epsl1.com",
        "everesttech.net",
        "substack.com",
        "beehiiv.com",
        "convertkit-mail.com",
        "convertkit-mail2.com",
        "ck.page",
        "dotmailer.com",
        "activehosted.com",
        "acemlnb.com",
        "infusionmail.com",
        "keap-link.com",
        "postmarkapp.com",
        "pstmrk.it",
        "vresp.com",
        "verticalresponse.com",
        "bronto.com",
        "bm23.com",
        "cheetahmail.com",
        "doubleclick.net",
        "linksynergy.com",
        "awin1.com",
        "dpbolvw.net",
        "anrdoezrs.net",
        "jdoqocy.com",
        "tkqlhce.com",
        "kqzyfj.com",
        "shareasale.com",
        "feedburner.com",
        "feedproxy.google.com",
        /* guards: the mail server of somebody before us wrote the links anew */
        "safelinks.protection.outlook.com",
        "urldefense.com",
        "urldefense.proofpoint.com",
        "protect-us.mimecast.com",
        "protect-eu.mimecast.com",
        "mimecastprotect.com",
        "linkprotect.cudasvc.com",
        "secure-web.cisco.com",
        "protection.sophos.com",
        "trendmicro.com",
        "fireeye.com",
        "clicktime.symantec.com",
        "antispam.mailspamprotection.com",
        NULL,
    };

    return ends_in(host, list);
}

bool phishing_is_shortener(struct fct_str host)
{
    static const char *const list[] = {
        "bit.ly",    "bitly.com",   "bitly.ws",    "tinyurl.com",
        "goo.gl",    "t.co",        "ow.ly",       "is.gd",
        "v.gd",      "buff.ly",     "rebrand.ly",  "cutt.ly",
        "rb.gy",     "shorturl.at", "t.ly",        "s.id",
        "tiny.cc",   "bl.ink",      "lnkd.in",     "adf.ly",
        "shorte.st", "t2m.io",      "short.io",    "qr.ae",
        "soo.gd",    "clck.ru",     "u.to",        "x.co",
        "snip.ly",   "linktr.ee",   "urlz.fr",     "vu.fr",
        "tr.im",     "cli.gs",      "snipurl.com", "shorl.com",
        "dwz.cn",    "hyperurl.co", "tny.im",      "n9.cl",
        "me2.do",    "han.gl",      "kutt.it",     "encurtador.com.br",
        "l.ead.me",  "qrco.de",     "shrtco.de",   "1drv.ms",
        NULL,
    };

    return ends_in(host, list);
}

bool phishing_looks_like_host(struct fct_str user)
{
    struct fct_str host = host_at(user);

    return memchr(user.p ? user.p : "", '.', user.n) != NULL && has_ending(host);
}

/* ---- schemes and letters ---- */

enum phishing_scheme phishing_scheme_of(struct fct_str url)
{
    static const struct {
        const char *word;
        enum phishing_scheme scheme;
    } rows[] = {
        {"javascript:", PHISHING_SCHEME_SCRIPT},  {"vbscript:", PHISHING_SCHEME_SCRIPT},
        {"data:text/html", PHISHING_SCHEME_DATA}, {"data:application/xhtml", PHISHING_SCHEME_DATA},
        {"data:image/svg", PHISHING_SCHEME_DATA}, {"data:text/xml", PHISHING_SCHEME_DATA},
    };
    char head[32];
    size_t n = 0;

    for (size_t i = 0; i < url.n && n < sizeof head; i++)
        if (!is_space(url.p[i]))
            head[n++] = url.p[i];
    for (size_t i = 0; i < FCT_COUNT(rows); i++)
        if (begins((struct fct_str){head, n}, rows[i].word))
            return rows[i].scheme;
    return PHISHING_SCHEME_OTHER;
}

bool phishing_turns_text(struct fct_str text)
{
    for (size_t i = 0; i + 3 <= text.n; i++)
        if (memcmp(text.p + i, "\xe2\x80", 2) == 0 &&
            (text.p[i + 2] == '\xad' || text.p[i + 2] == '\xae'))
            return true;
    return false;
}
