/* delivery_status.c - the fields of a message/delivery-status, written (RFC 3464 2, RFC 6533 4). */
#include "core/message/delivery_status.h"

#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/message/date.h"

#define FOLD_COLUMN 76u  /* fold at the next space from here on */
#define LINE_MAX    900u /* and there without one: RFC 5322 2.1.1 allows 998 */

/* clang-format off */
static const char *const action_words[DELIVERY_ACTIONS] = {
    [DELIVERY_FAILED] = "failed",
    [DELIVERY_DELAYED] = "delayed",
    [DELIVERY_DELIVERED] = "delivered",
    [DELIVERY_RELAYED] = "relayed",
    [DELIVERY_EXPANDED] = "expanded",
};
/* clang-format on */

const char *delivery_action_word(enum delivery_action action)
{
    return action_words[action];
}

bool delivery_action_from_word(struct fct_str word, enum delivery_action *out)
{
    for (int i = 0; i < DELIVERY_ACTIONS; i++)
        if (str_equal_nocase(word, str_from(action_words[i]))) {
            *out = (enum delivery_action)i;
            return true;
        }
    return false;
}

/* ---- xtext (RFC 3461 4) ---- */

/* Upper case, as the grammar wants; -1: no digit. */
static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool xtext_decode(struct arena *arena, struct fct_str text, struct fct_str *out)
{
    char *to = arena_alloc(arena, text.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if (c == '+') {
            int high = i + 2 < text.n ? hex_digit(text.p[i + 1]) : -1;
            int low = high < 0 ? -1 : hex_digit(text.p[i + 2]);

            if (low < 0)
                return false;
            c = (unsigned char)(high << 4 | low);
            i += 2;
        } else if (c <= ' ' || c == '=') {
            return false;
        }
        if (c < ' ' || c == 0x7f)
            return false;
        to[n++] = (char)c;
    }
    *out = (struct fct_str){to, n};
    return utf8_is_valid(*out);
}

bool xtext_encode(struct fct_str text, struct buf *out)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if (c > ' ' && c < 0x7f && c != '+' && c != '=')
            buf_put_char(out, (char)c);
        else
            buf_printf(out, "+%02X", c);
    }
    return !out->overflow;
}

/* ---- values ---- */

/* Free text on folded lines: what could end a line is gone, and bytes that the type does not allow.
 */
struct line {
    struct buf *out;
    size_t column;
    bool utf8;
};

static void put_byte(struct line *l, char c)
{
    unsigned char byte = (unsigned char)c;

    if (byte == '\n' || (byte == ' ' && l->column >= FOLD_COLUMN) || l->column >= LINE_MAX) {
        buf_put_c(l->out, "\r\n ");
        l->column = 1;
        if (byte == '\n' || byte == ' ')
            return;
    }
    if (byte == '\t')
        c = ' ';
    else if (byte < ' ' || byte == 0x7f || (byte > 0x7f && !l->utf8))
        c = '?';
    buf_put_char(l->out, c);
    l->column++;
}

static void put_field(struct buf *out, const char *name, struct fct_str value, bool utf8)
{
    struct line l = {out, strlen(name) + 2, utf8 && utf8_is_valid(value)};

    if (value.n == 0)
        return;
    buf_printf(out, "%s: ", name);
    value = str_trim(value);
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] != '\r')
            put_byte(&l, value.p[i]);
    buf_put_c(out, "\r\n");
}

static void put_date(struct buf *out, const char *name, int64_t seconds)
{
    if (seconds == 0)
        return;
    buf_printf(out, "%s: ", name);
    date_format(seconds, out);
    buf_put_c(out, "\r\n");
}

static uint32_t take_point(struct fct_str *in)
{
    unsigned char first = (unsigned char)in->p[0];
    size_t n = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t point = n == 1 ? first : first & (0x7fu >> n);

    for (size_t i = 1; i < n; i++)
        point = point << 6 | ((unsigned char)in->p[i] & 0x3fu);
    *in = str_skip(*in, n);
    return point;
}

/* utf-8-addr-xtext, or utf-8-addr-unitext when `raw` (RFC 6533 3); `address` is UTF-8. */
static void put_utf8_address(struct buf *out, struct fct_str address, bool raw)
{
    while (address.n > 0) {
        struct fct_str before = address;
        uint32_t point = take_point(&address);

        if ((point > ' ' && point < 0x7f && !strchr("+=\\", (int)point)) || (point > 0x9f && raw))
            buf_put(out, before.p, before.n - address.n);
        else
            buf_printf(out, "\\x{%X}", (unsigned)point);
    }
}

static void put_address(struct buf *out, const char *name, struct fct_str type,
                        struct fct_str address, bool utf8)
{
    if (address.n == 0)
        return;
    if (str_is_ascii(address) || !utf8_is_valid(address)) {
        FCT_CLEANUP(buf_free) struct buf value = BUF_INIT(2 * DELIVERY_VALUE_MAX);

        buf_put_str(&value, type);
        buf_put_c(&value, "; ");
        buf_put_str(&value, str_head(address, DELIVERY_VALUE_MAX));
        put_field(out, name, buf_str(&value), false);
        return;
    }
    buf_printf(out, "%s: utf-8; ", name);
    put_utf8_address(out, address, utf8);
    buf_put_c(out, "\r\n");
}

static void put_typed(struct buf *out, const char *name, const char *type, struct fct_str value,
                      bool utf8)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(2 * DELIVERY_VALUE_MAX);

    if (value.n == 0)
        return;
    buf_printf(&text, "%s; ", type);
    buf_put_str(&text, str_head(value, DELIVERY_VALUE_MAX));
    put_field(out, name, buf_str(&text), utf8);
}

/* ---- the body ---- */

/* per-recipient-fields                                               RFC 3464 2.3 */
static void put_recipient(struct buf *out, const struct delivery_recipient *r, bool utf8)
{
    FCT_CLEANUP(buf_free) struct buf type = BUF_INIT(80);

    buf_put_str(&type,
                r->diagnostic_type.n > 0 ? str_head(r->diagnostic_type, 60) : FCT_STR("smtp"));
    buf_put_char(&type, 0);
    put_address(out, "Original-Recipient",
                r->original_type.n > 0 ? str_head(r->original_type, 60) : FCT_STR("rfc822"),
                r->original, utf8);
    put_address(out, "Final-Recipient", FCT_STR("rfc822"), r->final, utf8);
    put_field(out, "Action", str_from(action_words[r->action]), false);
    put_field(out, "Status", r->status, false);
    put_typed(out, "Remote-MTA", "dns", r->remote_mta, utf8);
    put_typed(out, "Diagnostic-Code", type.p, r->diagnostic, utf8);
    put_date(out, "Last-Attempt-Date", r->last_attempt);
    if (r->action == DELIVERY_DELAYED)
        put_date(out, "Will-Retry-Until", r->will_retry_until);
}

bool delivery_status_write(const struct delivery_status *status, bool utf8, struct buf *out)
{
    put_typed(out, "Reporting-MTA", "dns", status->reporting_mta, utf8);
    put_field(out, "Original-Envelope-Id", status->envelope_id, false);
    put_date(out, "Arrival-Date", status->arrival);
    for (size_t i = 0; i < status->recipients; i++) {
        buf_put_c(out, "\r\n");
        put_recipient(out, &status->recipient[i], utf8);
    }
    return !out->overflow;
}
