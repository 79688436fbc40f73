/* delivery_report.c - writes a report: header, text, fields, what comes back (RFC 3464, RFC 6522).
 */
#include "core/message/delivery_report.h"

#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/message/date.h"
#include "core/message/delivery_text.h"
#include "core/message/mime.h"

#define HEADER_MAX  65536u  /* bytes of a header that comes back */
#define LINE_MAX    998u    /* RFC 5322 2.1.1 */
#define TEXT_MAX    262144u /* of the part for people */
#define TEXT_SHOWN  100u    /* recipients in it; the fields name all */
#define ANSWER_MAX  500u    /* bytes of a server's answer in it */
#define TEXT_GIVEN  2000u   /* bytes of a greeting of somebody else's */
#define ID_MAX      250u    /* of a Message-ID that is referred to */
#define QP_COLUMN   70u
#define ADDRESS_MAX 320u /* RFC 3696 erratum 1690, and then some */

struct writer {
    const struct delivery_report *report;
    const struct delivery_text *text;
    struct arena *arena;
    struct buf *out;
    struct header_list header; /* of the original */
    bool full, eight_bit_original, eight_bit_header;
    bool global; /* the fields need UTF-8 */
    char boundary[40];
};

/* ---- what comes back ---- */

/* Could these bytes stand in a message that is no BINARYMIME one? (RFC 5321 2.3.8, 4.5.3.1.6) */
static bool is_text(struct fct_str s, bool *eight_bit)
{
    size_t line = 0;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool ends = c == '\r' && i + 1 < s.n && s.p[i + 1] == '\n';

        if (c == 0 || (c == '\r' && !ends) || (c == '\n' && (i == 0 || s.p[i - 1] != '\r')))
            return false;
        line = c == '\n' ? 0 : line + (c != '\r');
        if (line > LINE_MAX)
            return false;
        *eight_bit = *eight_bit || (unsigned char)c >= 0x80;
    }
    return true;
}

static bool has_failed(const struct delivery_status *status)
{
    for (size_t i = 0; i < status->recipients; i++)
        if (status->recipient[i].action == DELIVERY_FAILED)
            return true;
    return false;
}

static bool is_returnable(const struct header_list *header, size_t i, bool *eight_bit)
{
    return is_text(header->field[i].raw, eight_bit);
}

static void look_at_original(struct writer *w)
{
    const struct delivery_report *r = w->report;
    bool eight_bit = false;

    header_list_parse(w->arena, r->original, &(struct header_limits){1000, HEADER_MAX}, &w->header);
    for (size_t i = 0; i < w->header.n; i++) {
        bool eight = false;

        if (is_returnable(&w->header, i, &eight))
            w->eight_bit_header = w->eight_bit_header || eight;
    }
    w->full = w->header.n > 0 && r->return_full && r->original_is_whole && has_failed(&r->status) &&
              r->original.n <= r->max_original && is_text(r->original, &eight_bit);
    w->eight_bit_original = w->full ? eight_bit : w->eight_bit_header;
}

/* ---- the header ---- */

static bool is_plain_address(struct fct_str address)
{
    return address.n > 0 && address.n <= ADDRESS_MAX && utf8_is_line(address) &&
           str_find_char(address, '<') < 0 && str_find_char(address, '>') < 0;
}

static bool check(const struct delivery_report *r, struct fct_err *err)
{
    if (r->to.n == 0)
        return fct_fail(err, FCT_DENIED, "a message without a sender is not reported on");
    if (r->status.recipients == 0)
        return fct_fail(err, FCT_BUG, "a report about nobody");
    if (!is_plain_address(r->to))
        return fct_fail(err, FCT_SYNTAX, "the sender's address cannot stand in a header");
    if (!is_plain_address(r->from))
        return fct_fail(err, FCT_SYNTAX, "the address of the report's author is none");
    if (!is_plain_address(r->message_id) || str_find_char(r->message_id, ' ') >= 0)
        return fct_fail(err, FCT_SYNTAX, "the report's Message-ID is none");
    return true;
}

/* encoded-word in the Q encoding; our own texts are short enough for one (RFC 2047 2). */
static void put_words(struct buf *out, const char *text)
{
    if (str_is_ascii(str_from(text))) {
        buf_put_c(out, text);
        return;
    }
    buf_put_c(out, "=?utf-8?q?");
    for (const char *p = text; *p; p++) {
        char c = char_lower(*p);

        if (*p == ' ')
            buf_put_char(out, '_');
        else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            buf_put_char(out, *p);
        else
            buf_printf(out, "=%02X", (unsigned)(unsigned char)*p);
    }
    buf_put_c(out, "?=");
}

/* So that mail programs show the report beside the message (RFC 5322 3.6.4). */
static void put_references(struct writer *w)
{
    const struct fct_header *h = header_find(&w->header, "Message-ID", 0);
    struct fct_str id = h ? header_unfold(w->arena, h) : FCT_STR("");

    if (id.n > 2 && id.n <= ID_MAX && id.p[0] == '<' && id.p[id.n - 1] == '>' && str_is_ascii(id) &&
        utf8_is_line(id) && str_find_char(id, ' ') < 0)
        buf_printf(w->out, "In-Reply-To: %.*s\r\nReferences: %.*s\r\n", FCT_FMT(id), FCT_FMT(id));
}

/* The worst that happened gives the report its name. */
static enum delivery_action worst(const struct delivery_status *status)
{
    enum delivery_action action = DELIVERY_EXPANDED;

    for (size_t i = 0; i < status->recipients; i++)
        if (status->recipient[i].action < action)
            action = status->recipient[i].action;
    return action;
}

static void put_header(struct writer *w)
{
    const struct delivery_report *r = w->report;
    struct buf *out = w->out;

    buf_put_c(out, "Date: ");
    date_format(r->now, out);
    buf_printf(out, "\r\nFrom: %s <%.*s>\r\nTo: <%.*s>\r\nSubject: ", w->text->from,
               FCT_FMT(r->from), FCT_FMT(r->to));
    put_words(out, w->text->action[worst(&r->status)].subject);
    buf_printf(out, "\r\nMessage-ID: <%.*s>\r\n", FCT_FMT(r->message_id));
    put_references(w);
    /* RFC 3834 5: so that no vacation message answers it. */
    buf_printf(out,
               "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
               "Content-Type: multipart/report; report-type=delivery-status;\r\n"
               " boundary=\"%s\"\r\n",
               w->boundary);
    if (w->global || w->eight_bit_original)
        buf_put_c(out, "Content-Transfer-Encoding: 8bit\r\n");
    buf_put_c(out, "\r\n");
}

/* ---- the text ---- */

/* Control characters could end lines or move a terminal's cursor. */
static void put_shown(struct buf *text, struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c == '\n')
            buf_put_c(text, "\n    ");
        else if (c != '\r')
            buf_put_char(text, c < ' ' || c == 0x7f ? ' ' : (char)c);
    }
}

static void put_answer(const struct writer *w, const struct delivery_recipient *r, struct buf *text)
{
    if (r->remote_mta.n > 0) {
        buf_printf(text, "    %s", w->text->answered[0]);
        put_shown(text, str_head(r->remote_mta, ADDRESS_MAX));
        buf_printf(text, "%s\n", w->text->answered[1]);
    }
    buf_put_c(text, "    ");
    put_shown(text, str_head(r->diagnostic, ANSWER_MAX));
    buf_put_c(text, "\n");
}

static void put_recipient(const struct writer *w, const struct delivery_recipient *r,
                          struct buf *text)
{
    const char *reason = delivery_text_reason(w->report->language, r->status);
    bool bad = r->action == DELIVERY_FAILED || r->action == DELIVERY_DELAYED;

    buf_put_c(text, "  <");
    put_shown(text, str_head(r->final, ADDRESS_MAX));
    buf_put_c(text, ">\n");
    if (bad && (*reason || r->diagnostic.n == 0))
        buf_printf(text, "    %s\n", *reason ? reason : w->text->reason_unknown);
    if (bad && r->diagnostic.n > 0)
        put_answer(w, r, text);
    if (r->action == DELIVERY_DELAYED && r->will_retry_until > 0) {
        buf_printf(text, "    %s ", w->text->until);
        date_format(r->will_retry_until, text);
        buf_put_c(text, "\n");
    }
}

static void put_action(const struct writer *w, enum delivery_action action, struct buf *text)
{
    const struct delivery_status *status = &w->report->status;
    size_t n = 0;

    for (size_t i = 0; i < status->recipients; i++) {
        if (status->recipient[i].action != action)
            continue;
        if (n++ == 0)
            buf_printf(text, "\n%s\n\n", w->text->action[action].heading);
        if (n <= TEXT_SHOWN)
            put_recipient(w, &status->recipient[i], text);
    }
    if (n > TEXT_SHOWN)
        buf_printf(text, "  … %zu\n", n - TEXT_SHOWN);
    if (n > 0 && w->text->action[action].closing[0])
        buf_printf(text, "\n%s", w->text->action[action].closing);
}

/* Quoted-printable with CRLF (RFC 2045 6.7), so that the text needs no 8BITMIME. */
static void put_quoted_printable(struct buf *out, struct fct_str text)
{
    size_t column = 0;

    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        bool at_end = i + 1 == text.n || text.p[i + 1] == '\n';

        if (c == '\n') {
            buf_put_c(out, "\r\n");
            column = 0;
            continue;
        }
        if (column > QP_COLUMN) {
            buf_put_c(out, "=\r\n");
            column = 0;
        }
        if (c > '~' || c == '=' || c < ' ' || (c == ' ' && at_end) || (c == '.' && column == 0)) {
            buf_printf(out, "=%02X", c);
            column += 3;
        } else {
            buf_put_char(out, (char)c);
            column++;
        }
    }
}

static void put_greeting(const struct writer *w, struct buf *text)
{
    if (w->report->text.n > 0) {
        put_shown(text, str_head(w->report->text, TEXT_GIVEN));
        buf_put_c(text, "\n");
        return;
    }
    buf_put_c(text, w->text->greeting[0]);
    put_shown(text, w->report->status.reporting_mta);
    buf_put_c(text, w->text->greeting[1]);
}

static void put_text(struct writer *w)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(TEXT_MAX);

    put_greeting(w, &text);
    for (int action = 0; action < DELIVERY_ACTIONS; action++)
        put_action(w, (enum delivery_action)action, &text);
    if (w->header.n > 0)
        buf_printf(&text, "\n%s", w->full ? w->text->returned_full : w->text->returned_header);
    buf_printf(w->out,
               "--%s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Language: %s\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
               w->boundary, language_tag[w->report->language]);
    put_quoted_printable(w->out, buf_str(&text));
}

/* ---- the other parts ---- */

static void put_part(struct writer *w, const char *type, bool eight_bit)
{
    buf_printf(w->out, "\r\n--%s\r\nContent-Type: %s\r\n%s\r\n", w->boundary, type,
               eight_bit ? "Content-Transfer-Encoding: 8bit\r\n" : "");
}

static void put_status(struct writer *w)
{
    put_part(w, w->global ? "message/global-delivery-status" : "message/delivery-status",
             w->global);
    if (!delivery_status_write(&w->report->status, w->global, w->out))
        w->out->overflow = true;
}

static void put_original(struct writer *w)
{
    bool utf8 = w->eight_bit_header && w->report->accepts_utf8, eight_bit = false;

    if (w->header.n == 0)
        return;
    if (w->full) {
        put_part(w, utf8 ? "message/global" : "message/rfc822", w->eight_bit_original);
        buf_put_str(w->out, w->report->original);
        return;
    }
    put_part(w, utf8 ? "message/global-headers" : "text/rfc822-headers", w->eight_bit_original);
    for (size_t i = 0; i < w->header.n; i++)
        if (is_returnable(&w->header, i, &eight_bit))
            buf_put_str(w->out, w->header.field[i].raw);
}

/* ---- the whole ---- */

static bool any_address_is_utf8(const struct delivery_status *status)
{
    for (size_t i = 0; i < status->recipients; i++)
        if (!str_is_ascii(status->recipient[i].final) ||
            !str_is_ascii(status->recipient[i].original))
            return true;
    return false;
}

bool delivery_report_write(const struct delivery_report *report, struct buf *out,
                           struct delivery_report_made *made, struct fct_err *err)
{
    struct arena *arena;
    struct writer w = {.report = report, .text = &delivery_text[report->language], .out = out};

    *made = (struct delivery_report_made){0};
    if (!check(report, err))
        return false;
    w.arena = arena = arena_new(NULL);
    /* Keyed: nobody can write a message that ends the part it is returned in. */
    snprintf(w.boundary, sizeof w.boundary, "=_report.%016llx",
             (unsigned long long)str_hash(report->message_id));
    w.global = report->accepts_utf8 && any_address_is_utf8(&report->status);
    look_at_original(&w);
    put_header(&w);
    put_text(&w);
    put_status(&w);
    put_original(&w);
    buf_printf(out, "\r\n--%s--\r\n", w.boundary);
    *made = (struct delivery_report_made){
        .needs_8bit = w.global || w.eight_bit_original,
        .needs_utf8 = !str_is_ascii(report->to) || !str_is_ascii(report->from),
        .has_full = w.full,
    };
    arena_free(&arena);
    return !out->overflow || fct_fail(err, FCT_LIMIT, "the report does not fit");
}
