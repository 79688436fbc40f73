/* delivery_status_parse.c - the fields of a message/delivery-status, read as others write them. */
#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/message/date.h"
#include "core/message/delivery_status.h"
#include "core/message/lexer.h"
#include "core/message/rfc5322.h"

/* Of one group of fields; more are passed over. */
static const struct header_limits group_limits = {100, 65536};

/* ---- values ---- */

/* Control characters become question marks: what is read here is shown and logged. */
static struct fct_str value_of(struct arena *arena, const struct header_list *group,
                               const char *name)
{
    const struct fct_header *h = header_find(group, name, 0);
    struct fct_str value = h ? str_head(header_unfold(arena, h), DELIVERY_VALUE_MAX) : FCT_STR("");
    char *clean = arena_alloc(arena, value.n + 1);

    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];

        clean[i] = (c < ' ' && c != '\t') || c == 0x7f ? '?' : (char)c;
    }
    return (struct fct_str){clean, value.n};
}

/* type ";" value                                                    RFC 3464 2.1.2 */
static struct fct_str take_typed(struct fct_str value, struct fct_str *type)
{
    struct fct_str rest = value, first = str_split(&rest, ';');

    if (!rest.p) { /* older servers leave the type out */
        *type = FCT_STR("");
        return str_trim(value);
    }
    *type = str_trim(first);
    return str_trim(rest);
}

static struct fct_str take_host(struct arena *arena, const struct header_list *group,
                                const char *name)
{
    struct fct_str type;

    return take_typed(value_of(arena, group, name), &type);
}

static int64_t date_of(struct arena *arena, const struct header_list *group, const char *name)
{
    int64_t seconds;

    return date_parse(value_of(arena, group, name), &seconds) ? seconds : 0;
}

/* EmbeddedUnicodeChar = %x5C.78 "{" HEXPOINT "}"                     RFC 6533 3 */
static size_t take_embedded(struct fct_str in, char to[4], size_t *bytes)
{
    uint32_t point = 0;
    size_t i = 3;

    if (in.n < 5 || memcmp(in.p, "\\x{", 3) != 0)
        return 0;
    for (; i < in.n && i < 9 && in.p[i] != '}'; i++) {
        char c = char_lower(in.p[i]);

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return 0;
        point = point << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    if (i == 3 || i == in.n || in.p[i] != '}' || point < ' ' || (point >= 0x7f && point < 0xa0))
        return 0;
    *bytes = utf8_encode(point, to);
    return i + 1;
}

static struct fct_str decode_utf8_address(struct arena *arena, struct fct_str in)
{
    char *to = arena_alloc(arena, in.n + 1);
    size_t n = 0;

    while (in.n > 0) {
        size_t bytes = 1, used = take_embedded(in, to + n, &bytes);

        if (used == 0) {
            to[n] = in.p[0];
            used = 1;
        }
        n += bytes;
        in = str_skip(in, used);
    }
    return (struct fct_str){to, n};
}

/* Brackets are not in the grammar; several servers write them. */
static struct fct_str address_of(struct arena *arena, const struct header_list *group,
                                 const char *name, struct fct_str *type)
{
    struct fct_str address = take_typed(value_of(arena, group, name), type);

    if (address.n >= 2 && address.p[0] == '<' && address.p[address.n - 1] == '>')
        address = (struct fct_str){address.p + 1, address.n - 2};
    return str_equal_nocase(*type, FCT_STR("utf-8")) ? decode_utf8_address(arena, address)
                                                     : address;
}

/* status-code = DIGIT "." 1*3DIGIT "." 1*3DIGIT, a comment behind it RFC 3464 2.3.4 */
static struct fct_str status_of(struct arena *arena, const struct header_list *group)
{
    struct fct_str value = value_of(arena, group, "Status"), rest;
    size_t n = 0;
    uint32_t number;

    while (n < value.n && ((value.p[n] >= '0' && value.p[n] <= '9') || value.p[n] == '.'))
        n++;
    rest = str_head(value, n);
    for (int i = 0; i < 3; i++) {
        struct fct_str piece = rest.p ? str_split(&rest, '.') : FCT_STR("");

        if (piece.n == 0 || piece.n > 3 || !str_to_u32(piece, &number) ||
            (i == 0 && number != 2 && number != 4 && number != 5))
            return FCT_STR("");
    }
    return rest.p ? FCT_STR("") : str_head(value, n);
}

/* What the status means when no action says it. */
static bool action_of(struct arena *arena, const struct header_list *group, struct fct_str status,
                      enum delivery_action *out)
{
    struct fct_str value = value_of(arena, group, "Action");

    lex_skip_cfws(&value, NULL);
    if (delivery_action_from_word(lex_take(&value, LEX_TOKEN), out))
        return true;
    if (status.n == 0)
        return false;
    *out = status.p[0] == '5'   ? DELIVERY_FAILED
           : status.p[0] == '4' ? DELIVERY_DELAYED
                                : DELIVERY_DELIVERED;
    return true;
}

/* ---- groups ---- */

static bool take_recipient(struct arena *arena, const struct header_list *group,
                           struct delivery_recipient *out)
{
    struct fct_str type;

    *out = (struct delivery_recipient){.action = DELIVERY_FAILED};
    out->original = address_of(arena, group, "Original-Recipient", &out->original_type);
    out->final = address_of(arena, group, "Final-Recipient", &type);
    if (out->final.n == 0)
        out->final = out->original;
    out->status = status_of(arena, group);
    if (out->final.n == 0 || !action_of(arena, group, out->status, &out->action))
        return false;
    out->remote_mta = take_host(arena, group, "Remote-MTA");
    out->diagnostic = take_typed(value_of(arena, group, "Diagnostic-Code"), &out->diagnostic_type);
    out->last_attempt = date_of(arena, group, "Last-Attempt-Date");
    out->will_retry_until = date_of(arena, group, "Will-Retry-Until");
    return true;
}

static void take_message(struct arena *arena, const struct header_list *group,
                         struct delivery_status *out)
{
    out->reporting_mta = take_host(arena, group, "Reporting-MTA");
    out->envelope_id = value_of(arena, group, "Original-Envelope-Id");
    out->arrival = date_of(arena, group, "Arrival-Date");
}

static void skip_empty_lines(struct fct_str *in)
{
    size_t n = 0;

    while (n < in->n && (in->p[n] == '\r' || in->p[n] == '\n'))
        n++;
    *in = str_skip(*in, n);
}

/* A group that is a recipient's and the message's at once is taken for both: some servers leave out
 * the empty line. */
bool delivery_status_parse(struct arena *arena, struct fct_str body, struct delivery_status *out,
                           struct fct_err *err)
{
    struct delivery_recipient *recipient = NULL;
    size_t room = 0;

    *out = (struct delivery_status){0};
    body = arena_str(arena, body);
    skip_empty_lines(&body);
    for (bool first = true; body.n > 0 && out->recipients < DELIVERY_RECIPIENTS_MAX;
         first = false) {
        struct header_list group;

        header_list_parse(arena, body, &group_limits, &group);
        if (out->recipients == room) {
            size_t old = room * sizeof *recipient;

            room = room ? 2 * room : 4;
            recipient = arena_grow(arena, recipient, old, room * sizeof *recipient);
        }
        if (first)
            take_message(arena, &group, out);
        out->recipients += take_recipient(arena, &group, &recipient[out->recipients]);
        body = str_skip(body, group.end > 0 ? group.end : body.n);
        skip_empty_lines(&body);
    }
    out->recipient = recipient;
    if (out->recipients == 0)
        return fct_fail(err, FCT_SYNTAX, "the report names no recipient and what became of it");
    return true;
}
