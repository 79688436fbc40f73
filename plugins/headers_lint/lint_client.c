/* lint_client.c - programs that sign their mail, and fields that contradict the signature; mass
 * mail without a way out. */
#include "lint.h"

#include "lint_text.h"

#include <strings.h>

#define NOTHING FCT_STR("")

static struct fct_str value_of(struct lint *l, const char *name)
{
    const struct fct_header *h = l->host->header(l->call, name, 0);

    return h ? lint_trim(h->value) : NOTHING;
}

/* ---- forms of Message-ID ---- */

static struct fct_str id_left(struct fct_str id)
{
    const char *at = id.n > 1 ? memchr(id.p, '@', id.n) : NULL;

    return at && at > id.p ? (struct fct_str){id.p + 1, (size_t)(at - id.p) - 1} : NOTHING;
}

static bool all_of(struct fct_str s, const char *set)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr(set, s.p[i]))
            return false;
    return s.n > 0;
}

/* Groups of hexadecimal digits, as "8-4-4-4-12". */
static bool is_uuid(struct fct_str s)
{
    return s.n == 36 && all_of(s, "0123456789abcdefABCDEF-") && s.p[8] == '-' && s.p[13] == '-' &&
           s.p[18] == '-' && s.p[23] == '-';
}

static size_t dollars(struct fct_str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == '$';
    return n;
}

/* Hotmail's servers write "DAV60rKqo87oYacsfGv00012b5e" for the programs that hand them mail. */
static bool hotmail_id(struct fct_str left)
{
    size_t capitals = 0;

    while (capitals < left.n && left.p[capitals] >= 'A' && left.p[capitals] <= 'Z')
        capitals++;
    return capitals >= 2 && left.n >= 20 && dollars(left) == 0;
}

/* Outlook Express: twelve digits, '$', eight, '$', eight. */
static bool express_id(struct fct_str left)
{
    return hotmail_id(left) || (dollars(left) == 2 && all_of(left, "0123456789abcdefABCDEF$"));
}

/* Another program of the same name, whose ids servers write. */
static bool any_id(struct fct_str left)
{
    (void)left;
    return true;
}

/* Outlook: so as well, or what an Exchange server wrote instead. */
static bool outlook_id(struct fct_str left)
{
    return dollars(left) >= 2 || left.n >= 28;
}

static bool thunderbird_id(struct fct_str left)
{
    return is_uuid(left) ||
           (memchr(left.p, '.', left.n) && all_of(left, "0123456789ABCDEFabcdef.") && left.n >= 14);
}

static bool apple_id(struct fct_str left)
{
    return is_uuid(left) || all_of(left, "0123456789ABCDEF-.");
}

/* "Bat" numbers: digits, a dot, a date. */
static bool bat_id(struct fct_str left)
{
    return memchr(left.p, '.', left.n) && all_of(left, "0123456789.");
}

/* ---- signatures of programs ---- */

static const struct {
    const char *field, *begins;
    bool (*has_form)(struct fct_str left);
} clients[] = {
    {"X-Mailer", "Microsoft Outlook Express Macintosh", any_id},
    {"X-Mailer", "Microsoft Outlook Express", express_id},
    {"X-Mailer", "Microsoft Windows Mail", express_id},
    {"X-Mailer", "Microsoft Windows Live Mail", express_id},
    {"X-Mailer", "Microsoft Outlook", outlook_id},
    {"X-Mailer", "Microsoft Office Outlook", outlook_id},
    {"X-Mailer", "Apple Mail", apple_id},
    {"X-Mailer", "iPhone Mail", apple_id},
    {"X-Mailer", "The Bat!", bat_id},
    {"User-Agent", "Mozilla Thunderbird", thunderbird_id},
};

/* Servers that give an id to mail without one, and lists that give a new one, leave the program's
 * name: only ids at all like a program's are compared. */
static void check_client(struct lint *l)
{
    struct fct_str left = id_left(value_of(l, "Message-ID"));

    for (size_t i = 0; left.n > 0 && i < FCT_COUNT(clients); i++) {
        struct fct_str name = value_of(l, clients[i].field);

        if (!lint_begins(name, clients[i].begins))
            continue;
        lint_if(l, !clients[i].has_form(left), LINT_FORGED_CLIENT, name);
        return;
    }
    /* Outlook Express writes both, or none; programs on a Windows server only the first, and that
     * server (IIS, Exchange) adds X-OriginalArrivalTime. */
    lint_if(l,
            value_of(l, "X-MimeOLE").n > 0 && value_of(l, "X-Mailer").n == 0 &&
                value_of(l, "X-OriginalArrivalTime").n == 0 && value_of(l, "User-Agent").n == 0 &&
                value_of(l, "Thread-Index").n == 0 && value_of(l, "X-Newsreader").n == 0,
            LINT_FORGED_CLIENT, FCT_STR("X-MimeOLE without X-Mailer"));
}

static void check_bulk(struct lint *l)
{
    struct fct_str precedence = value_of(l, "Precedence");
    bool bulk = lint_same(precedence, "bulk") || lint_same(precedence, "junk") ||
                value_of(l, "X-Campaign").n > 0 || value_of(l, "X-Mailgun-Sid").n > 0 ||
                value_of(l, "X-SG-EID").n > 0 || value_of(l, "Feedback-ID").n > 0;

    lint_if(l,
            bulk && value_of(l, "List-Unsubscribe").n == 0 && value_of(l, "List-Id").n == 0 &&
                value_of(l, "Auto-Submitted").n == 0,
            LINT_BULK_NO_UNSUBSCRIBE, precedence);
}

/* Outlook writes them together with its name. */
static bool has_priority(struct lint *l)
{
    return value_of(l, "X-Priority").n > 0 || value_of(l, "X-MSMail-Priority").n > 0;
}

static bool has_program(struct lint *l)
{
    return value_of(l, "X-Mailer").n > 0 || value_of(l, "User-Agent").n > 0 ||
           value_of(l, "X-MimeOLE").n > 0 || value_of(l, "X-Newsreader").n > 0;
}

void lint_client(struct lint *l)
{
    struct fct_str script = value_of(l, "X-PHP-Originating-Script");

    if (script.n == 0)
        script = value_of(l, "X-PHP-Script");
    lint_if(l, script.n > 0, LINT_PHP_SCRIPT, script);
    lint_if(l, has_priority(l) && !has_program(l), LINT_PRIORITY, NOTHING);
    check_client(l);
    check_bulk(l);
}
