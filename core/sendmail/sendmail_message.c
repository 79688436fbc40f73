/* sendmail_message.c - see sendmail_message.h. */
#include "core/sendmail/sendmail_message.h"

#include "core/base/clock.h"
#include "core/base/id.h"
#include "core/base/str.h"
#include "core/message/address.h"
#include "core/message/date.h"
#include "core/message/rfc5322.h"

#include <errno.h>
#include <unistd.h>

#define MESSAGE_MAX (1u << 30)
#define BLOCK       65536u

/* ---- reading ---- */

struct reading {
    struct buf *out;
    bool whole, line_start, after_cr, after_dot, dot_cr, done;
};

static void take_char(struct reading *r, char c)
{
    if (r->after_dot) { /* a dot at the start of a line: the end, when nothing follows it */
        if (c == '\n') {
            r->done = true;
            return;
        }
        if (c == '\r' && !r->dot_cr) { /* in hand until what follows is known */
            r->dot_cr = true;
            return;
        }
        buf_put_char(r->out, '.');
        if (r->dot_cr)
            buf_put_char(r->out, '\r');
        r->dot_cr = false;
        r->after_dot = false;
        r->line_start = false;
    }
    if (c == '.' && r->line_start && !r->whole) {
        r->after_dot = true;
        return;
    }
    if (c == '\n' && !r->after_cr)
        buf_put_char(r->out, '\r');
    buf_put_char(r->out, c);
    r->line_start = c == '\n';
    r->after_cr = c == '\r';
}

bool sendmail_message_read(int fd, bool whole, struct buf *out, struct fct_err *err)
{
    struct reading r = {.out = out, .whole = whole, .line_start = true};
    char block[BLOCK];

    *out = BUF_INIT(MESSAGE_MAX);
    while (!r.done) {
        ssize_t n = read(fd, block, sizeof block);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fct_fail(err, FCT_TEMP, "reading the message: %s", strerror(errno));
        if (n == 0)
            break;
        for (ssize_t i = 0; i < n && !r.done; i++)
            take_char(&r, block[i]);
    }
    if (out->n > 0 && out->p[out->n - 1] != '\n')
        buf_put_c(out, "\r\n");
    return !out->overflow || fct_fail(err, FCT_LIMIT, "the message is larger than 1 GiB");
}

/* ---- addresses ---- */

static bool is_bad_octet(char c)
{
    return (unsigned char)c <= ' ' || c == 0x7f || c == '<' || c == '>';
}

bool sendmail_address(struct arena *arena, struct fct_str text, struct fct_str server,
                      struct fct_str *out, struct fct_err *err)
{
    text = str_trim(text);
    if (text.n > 1 && text.p[0] == '<' && text.p[text.n - 1] == '>')
        text = (struct fct_str){text.p + 1, text.n - 2};
    for (size_t i = 0; i < text.n; i++)
        if (is_bad_octet(text.p[i]) && (text.p[0] != '"' || (unsigned char)text.p[i] < ' '))
            return fct_fail(err, FCT_SYNTAX, "\"%.*s\" is no address",
                            FCT_FMT(str_head(text, 200)));
    if (text.n == 0)
        return fct_fail(err, FCT_SYNTAX, "an empty address");
    *out = str_find_last_char(text, '@') > 0
               ? arena_str(arena, text)
               : arena_printf(arena, "%.*s@%.*s", FCT_FMT(text), FCT_FMT(server));
    return true;
}

/* dot-atom, or in quotes again (RFC 5322 3.4.1) */
static struct fct_str local_text(struct arena *arena, struct fct_str local)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(4096);
    bool plain = local.n > 0;

    for (size_t i = 0; i < local.n; i++)
        plain = plain && (unsigned char)local.p[i] > ' ' && !strchr("\"(),:;<>@[\\]", local.p[i]);
    if (plain)
        return local;
    buf_put_char(&out, '"');
    for (size_t i = 0; i < local.n; i++) {
        if (local.p[i] == '"' || local.p[i] == '\\')
            buf_put_char(&out, '\\');
        buf_put_char(&out, local.p[i]);
    }
    buf_put_char(&out, '"');
    return arena_str(arena, buf_str(&out));
}

static bool add_recipients(struct arena *arena, const struct fct_header *h,
                           const struct sendmail_author *author, struct sendmail_made *out,
                           struct fct_err *err)
{
    struct fct_str value = header_unfold(arena, h), *all;
    size_t room = 1, n;
    struct address *list;

    for (size_t i = 0; i < value.n; i++)
        room += value.p[i] == ',' || value.p[i] == ';' || value.p[i] == ':';
    list = ARENA_ARRAY(arena, struct address, room + 1);
    n = address_list_parse(arena, value, list, room);
    all = ARENA_ARRAY(arena, struct fct_str, out->recipients + n + 1);
    for (size_t i = 0; i < out->recipients; i++)
        all[i] = out->recipient[i];
    out->recipient = all;
    for (size_t i = 0; i < n; i++) {
        struct fct_str local = local_text(arena, list[i].local);

        if (list[i].kind != ADDRESS_MAILBOX)
            continue;
        if (list[i].broken || list[i].local.n == 0)
            return fct_fail(err, FCT_SYNTAX, "%.*s: an address cannot be read: %.*s",
                            FCT_FMT(h->name), FCT_FMT(str_head(value, 200)));
        out->recipient[out->recipients++] =
            arena_printf(arena, "%.*s@%.*s", FCT_FMT(local),
                         FCT_FMT(list[i].domain.n > 0 ? list[i].domain : author->server));
    }
    return out->recipients <= SENDMAIL_RECIPIENTS_MAX ||
           fct_fail(err, FCT_LIMIT, "more than %u recipients", SENDMAIL_RECIPIENTS_MAX);
}

/* ---- the header ---- */

static bool is_one_of(struct fct_str name, const char *const *names)
{
    for (; *names; names++)
        if (str_equal_nocase(name, str_from(*names)))
            return true;
    return false;
}

static const char *const to_names[] = {"To", "Cc", "Bcc", NULL};
static const char *const resent_names[] = {"Resent-To", "Resent-Cc", "Resent-Bcc", NULL};
static const char *const blind_names[] = {"Bcc", "Resent-Bcc", NULL};

static bool find_recipients(struct arena *arena, const struct header_list *header,
                            const struct sendmail_author *author, struct sendmail_made *out,
                            struct fct_err *err)
{
    const char *const *names = to_names;

    for (size_t i = 0; i < header->n; i++)
        if (is_one_of(header->field[i].name, resent_names))
            names = resent_names;
    for (size_t i = 0; i < header->n; i++)
        if (is_one_of(header->field[i].name, names) &&
            !add_recipients(arena, &header->field[i], author, out, err))
            return false;
    return true;
}

static void put_from(const struct sendmail_author *author, struct buf *out)
{
    buf_put_c(out, "From: ");
    if (author->name.n > 0) {
        buf_put_char(out, '"');
        for (size_t i = 0; i < author->name.n; i++) {
            char c = author->name.p[i];

            if (c == '"' || c == '\\')
                buf_put_char(out, '\\');
            buf_put_char(out, (unsigned char)c < ' ' || c == 0x7f ? ' ' : c);
        }
        buf_put_c(out, "\" ");
    }
    buf_printf(out, "<%.*s>\r\n", FCT_FMT(author->address));
}

/* RFC 6409 8: what a message lacks is added where it is submitted. */
static void put_missing(const struct header_list *header, const struct sendmail_author *author,
                        struct buf *out)
{
    if (!header_find(header, "From", 0) && author->address.n > 0)
        put_from(author, out);
    if (!header_find(header, "Date", 0)) {
        buf_put_c(out, "Date: ");
        date_format(clock_wall(), out);
        buf_put_c(out, "\r\n");
    }
    if (!header_find(header, "Message-ID", 0))
        buf_printf(out, "Message-ID: <%s.sendmail@%.*s>\r\n", id_new().text,
                   FCT_FMT(author->server));
}

static void put_header(const struct header_list *header, bool drop_blind, struct buf *out)
{
    for (size_t i = 0; i < header->n; i++)
        if (!drop_blind || !is_one_of(header->field[i].name, blind_names))
            buf_put_str(out, header->field[i].raw);
    buf_put_c(out, "\r\n");
}

/* A first line that is no field begins a body without a header. */
static bool begins_with_field(struct fct_str in)
{
    size_t i = 0;

    while (i < in.n && (unsigned char)in.p[i] > ' ' && in.p[i] != ':' && in.p[i] != 0x7f)
        i++;
    return (i > 0 && i < in.n && in.p[i] == ':') || str_starts(in, FCT_STR("\r\n"));
}

bool sendmail_message_make(struct arena *arena, struct fct_str in, bool from_header,
                           const struct sendmail_author *author, struct sendmail_made *out,
                           struct fct_err *err)
{
    static const struct header_limits limits = {100000, 64u << 20};
    struct header_list header = {0};
    size_t body = 0;

    *out = (struct sendmail_made){.message = BUF_INIT(MESSAGE_MAX + (64u << 10))};
    /* The line that begins a message in a mailbox of the old kind. */
    if (str_starts(in, FCT_STR("From ")) || str_starts(in, FCT_STR(">From ")))
        in = str_skip(in, (size_t)(str_find_char(in, '\n') + 1));
    if (begins_with_field(in)) {
        header_list_parse(arena, in, &limits, &header);
        body = header.end;
    }
    if (from_header && !find_recipients(arena, &header, author, out, err))
        return false;
    put_missing(&header, author, &out->message);
    put_header(&header, from_header, &out->message);
    buf_put_str(&out->message, str_skip(in, body));
    for (size_t i = 0; i < out->message.n && !out->has_8bit; i++)
        out->has_8bit = (unsigned char)out->message.p[i] > 127;
    return !out->message.overflow || fct_fail(err, FCT_LIMIT, "the message is larger than 1 GiB");
}
