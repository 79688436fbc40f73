/* bayes_fields.c - see bayes_fields.h. Who gets the message says nothing about it, nor what our
 * server wrote above it: such fields are left out. */
#include "bayes_fields.h"

#include "bayes_words.h"
#include "plugins/lib/view.h"

#include <strings.h>

enum {
    VALUE_MAX = 300, /* of a field whose words are looked at */
    FIELDS_MAX = 200,
    ADDRESSES_MAX = 5,
};

static struct fct_str head(struct fct_str s, size_t n)
{
    return (struct fct_str){s.p, s.n < n ? s.n : n};
}

static bool same(struct fct_str a, struct fct_str b)
{
    return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

struct lower {
    char text[100 + 1]; /* NUL at the end */
    struct fct_str str;
};

static struct fct_str lower(struct lower *to, struct fct_str s)
{
    s = head(s, sizeof to->text - 1);
    to->str = view_lower(s, to->text);
    to->text[s.n] = '\0';
    return to->str;
}

/* ---- who it claims to come from ---- */

static void read_domain(const struct bayes_reading *r, struct bayes_tokens *t, const char *name,
                        struct fct_str domain)
{
    struct lower l;

    bayes_token_of(t, BAYES_SENDER, name, lower(&l, domain));
    bayes_token_of(t, BAYES_SENDER, "org", r->host->org_domain(r->call, l.str));
}

static void read_address(const struct bayes_reading *r, struct bayes_tokens *t, const char *name,
                         const struct fct_address *a)
{
    struct fct_header display = {.name = {name, strlen(name)}, .value = a->name};
    struct lower l;

    bayes_words_of(t, head(r->host->header_text(r->call, &display), VALUE_MAX), BAYES_SENDER, name);
    bayes_token_of(t, BAYES_SENDER, "local", lower(&l, a->local));
    read_domain(r, t, name, a->domain);
}

static struct fct_str read_addresses(const struct bayes_reading *r, struct bayes_tokens *t,
                                     const char *name)
{
    const struct fct_header *field = r->host->header(r->call, name, 0);
    const struct fct_address *a;
    size_t n = field ? r->host->addresses(r->call, field, &a) : 0;
    struct fct_str first = {"", 0};

    for (size_t i = 0; i < n && i < ADDRESSES_MAX; i++) {
        if (a[i].kind != FCT_ADDRESS_MAILBOX)
            continue;
        read_address(r, t, name, &a[i]);
        if (first.n == 0)
            first = a[i].domain;
    }
    return first;
}

static struct fct_str domain_of(struct fct_str path)
{
    for (size_t i = path.n; i > 0; i--)
        if (path.p[i - 1] == '@')
            return (struct fct_str){path.p + i, path.n - i};
    return (struct fct_str){"", 0};
}

static void read_senders(const struct bayes_reading *r, struct bayes_tokens *t)
{
    struct fct_str path = r->host->envelope(r->call)->reverse_path;
    struct fct_str from = read_addresses(r, t, "from"), reply = read_addresses(r, t, "reply-to"),
                   sender = read_addresses(r, t, "sender");

    if (path.n > 0)
        read_domain(r, t, "path", domain_of(path));
    if (reply.n > 0)
        bayes_token_number(t, BAYES_SENDER, "reply elsewhere", !same(from, reply));
    if (sender.n > 0)
        bayes_token_number(t, BAYES_SENDER, "sender elsewhere", !same(from, sender));
}

/* ---- the way here ---- */

static bool is_ours(const struct bayes_reading *r, struct fct_str value)
{
    return r->server.n > 0 && memmem(value.p, value.n, r->server.p, r->server.n);
}

/* Names and addresses of hosts: whole, and what is around them: the network, the domain. */
static void read_host(struct bayes_tokens *t, struct fct_str word)
{
    size_t dots = 0, number = 0;
    struct lower l;

    for (size_t i = 0; i < word.n; i++) {
        dots += word.p[i] == '.';
        number += (word.p[i] >= '0' && word.p[i] <= '9') || word.p[i] == '.';
    }
    if (dots == 0 || word.n < 4 || dots > 8)
        return;
    bayes_token_of(t, BAYES_HEADER, "via", lower(&l, word));
    for (size_t i = 0; i < l.str.n; i++) {
        if (l.str.p[i] != '.')
            continue;
        if (number == word.n)
            bayes_token_of(t, BAYES_HEADER, "via net", head(l.str, i));
        else
            bayes_token_of(t, BAYES_HEADER, "via domain",
                           (struct fct_str){l.str.p + i + 1, l.str.n - i - 1});
    }
}

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

/* From "from" to the date, which begins behind the last semicolon. */
static void read_received(struct bayes_tokens *t, struct fct_str value)
{
    size_t end = value.n, start = 0;

    while (end > 0 && value.p[end - 1] != ';')
        end--;
    end = end ? end : value.n;
    for (size_t i = 0; i <= end; i++) {
        if (i < end && is_host_char(value.p[i]))
            continue;
        read_host(t, (struct fct_str){value.p + start, i - start});
        start = i + 1;
    }
}

/* ---- other fields ---- */

enum how {
    SKIPPED, /* says nothing of the message itself */
    NAMED,   /* that it is there */
    ZONE,    /* a date: its zone */
    PATTERN, /* letters and digits to classes: how some program makes them */
    WORDS,
    SUBJECT,
    HOSTS,
};

static const struct {
    struct fct_str name;
    enum how how;
} fields[] = {
    {FCT_STR_INIT("to"), NAMED},
    {FCT_STR_INIT("cc"), NAMED},
    {FCT_STR_INIT("bcc"), NAMED},
    {FCT_STR_INIT("from"), SKIPPED}, /* as sender */
    {FCT_STR_INIT("date"), ZONE},
    {FCT_STR_INIT("subject"), SUBJECT},
    {FCT_STR_INIT("received"), HOSTS},
    {FCT_STR_INIT("message-id"), PATTERN},
    {FCT_STR_INIT("in-reply-to"), NAMED},
    {FCT_STR_INIT("references"), NAMED},
    {FCT_STR_INIT("thread-index"), NAMED},
    {FCT_STR_INIT("thread-topic"), NAMED},
    {FCT_STR_INIT("return-path"), SKIPPED},
    {FCT_STR_INIT("delivered-to"), SKIPPED},
    {FCT_STR_INIT("x-original-to"), SKIPPED},
    {FCT_STR_INIT("envelope-to"), SKIPPED},
    {FCT_STR_INIT("apparently-to"), SKIPPED},
    {FCT_STR_INIT("x-tuid"), SKIPPED}, /* from here on: what programs write into stored mail */
    {FCT_STR_INIT("x-offlineimap"), SKIPPED},
    {FCT_STR_INIT("x-evolution-source"), SKIPPED},
    {FCT_STR_INIT("status"), SKIPPED},
    {FCT_STR_INIT("x-status"), SKIPPED},
    {FCT_STR_INIT("x-keywords"), SKIPPED},
    {FCT_STR_INIT("x-uid"), SKIPPED},
    {FCT_STR_INIT("lines"), SKIPPED},
    {FCT_STR_INIT("content-length"), SKIPPED},
    {FCT_STR_INIT("received-spf"), SKIPPED},
    {FCT_STR_INIT("authentication-results"), SKIPPED},
    {FCT_STR_INIT("dkim-signature"), NAMED},
    {FCT_STR_INIT("domainkey-signature"), NAMED},
};

/* Verdicts of filters, this one's among them, would teach us to repeat them; and marks of mail
 * programs. */
static bool is_added_later(struct fct_str name)
{
    static const char *const starts[] = {
        "x-spam",      "x-facteur",   "x-rspamd",    "x-virus",  "x-bogosity",
        "x-ms-",       "x-microsoft", "x-forefront", "arc-",     "x-amavis",
        "x-barracuda", "x-ironport",  "x-mozilla-",  "x-gmail-", "x-gm-",
    };

    for (size_t i = 0; i < FCT_COUNT(starts); i++)
        if (name.n >= strlen(starts[i]) && strncasecmp(name.p, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

static enum how how_of(struct fct_str name)
{
    for (size_t i = 0; i < FCT_COUNT(fields); i++)
        if (same(fields[i].name, name))
            return fields[i].how;
    return is_added_later(name) ? SKIPPED : WORDS;
}

static char class_of(char c)
{
    return c >= '0' && c <= '9' ? '0' : c >= 'a' && c <= 'z' ? 'a' : c >= 'A' && c <= 'Z' ? 'A' : c;
}

/* "<20021010.ab12@host>" → "<0.a0@a>" */
static void read_pattern(struct bayes_tokens *t, struct fct_str value)
{
    char text[80];
    size_t n = 0;

    for (size_t i = 0; i < value.n && n < sizeof text; i++) {
        char c = class_of(value.p[i]);

        if (n == 0 || text[n - 1] != c)
            text[n++] = c;
    }
    bayes_token_of(t, BAYES_HEADER, "id", (struct fct_str){text, n});
}

static void read_zone(struct bayes_tokens *t, struct fct_str value)
{
    for (size_t i = value.n; i > 0 && value.n - i < 40; i--)
        if (value.p[i - 1] == '+' || value.p[i - 1] == '-') {
            bayes_token_of(t, BAYES_HEADER, "zone",
                           head((struct fct_str){value.p + i - 1, value.n - i + 1}, 5));
            return;
        }
    bayes_token_number(t, BAYES_HEADER, "zone", 0);
}

static void read_words(const struct bayes_reading *r, struct bayes_tokens *t,
                       const struct fct_header *field)
{
    struct fct_str text = head(r->host->header_text(r->call, field), VALUE_MAX);
    struct lower l;

    (void)lower(&l, field->name);
    bayes_words_of(t, text, BAYES_HEADER, l.text);
}

static void read_subject(const struct bayes_reading *r, struct bayes_tokens *t,
                         const struct fct_header *field)
{
    struct fct_str text = head(r->host->header_text(r->call, field), 2 * VALUE_MAX);

    bayes_words_add(t, text, BAYES_SUBJECT, BAYES_SUBJECT_PAIR);
    bayes_words_add(t, text, BAYES_WORD, 0);
}

static void read_field(const struct bayes_reading *r, struct bayes_tokens *t,
                       const struct fct_header *field)
{
    enum how how = how_of(field->name);
    struct lower l;

    if (how == SKIPPED || (how == HOSTS && is_ours(r, field->value)))
        return;
    bayes_token_of(t, BAYES_HEADER, "field", lower(&l, field->name));
    if (how == HOSTS)
        read_received(t, head(field->value, 2 * VALUE_MAX));
    else if (how == SUBJECT)
        read_subject(r, t, field);
    else if (how == PATTERN)
        read_pattern(t, head(field->value, VALUE_MAX));
    else if (how == ZONE)
        read_zone(t, field->value);
    else if (how == WORDS)
        read_words(r, t, field);
}

void bayes_fields_read(const struct bayes_reading *r, struct bayes_tokens *t)
{
    const struct fct_header *field;
    size_t n = r->host->headers(r->call, &field);

    for (size_t i = 0; i < n && i < FIELDS_MAX; i++)
        read_field(r, t, &field[i]);
    read_senders(r, t);
}
