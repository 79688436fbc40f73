/* milter_codec.c - see milter_codec.h. */
#include "milter_codec.h"

#include <stdlib.h>

/* ---- what we send ---- */

static bool room_for(struct milter_out *out, size_t n)
{
    size_t room = out->room ? out->room : 4096;
    char *p;

    if (out->failed || n > out->max || out->n > out->max - n) {
        out->failed = true;
        return false;
    }
    while (room < out->n + n)
        room *= 2;
    if (room == out->room)
        return true;
    p = realloc(out->p, room);
    if (!p) {
        out->failed = true;
        return false;
    }
    out->p = p;
    out->room = room;
    return true;
}

void milter_put(struct milter_out *out, const void *bytes, size_t n)
{
    if (n == 0 || !room_for(out, n))
        return;
    memcpy(out->p + out->n, bytes, n);
    out->n += n;
}

static void set_u32(unsigned char *to, uint32_t value)
{
    to[0] = (unsigned char)(value >> 24);
    to[1] = (unsigned char)(value >> 16);
    to[2] = (unsigned char)(value >> 8);
    to[3] = (unsigned char)value;
}

void milter_put_u32(struct milter_out *out, uint32_t value)
{
    unsigned char bytes[4];

    set_u32(bytes, value);
    milter_put(out, bytes, sizeof bytes);
}

void milter_put_string(struct milter_out *out, struct fct_str s)
{
    const char *nul = s.n ? memchr(s.p, '\0', s.n) : NULL;

    milter_put(out, s.p, nul ? (size_t)(nul - s.p) : s.n);
    milter_put(out, "", 1);
}

void milter_begin(struct milter_out *out, enum milter_command command)
{
    char letter = (char)command;

    out->start = out->n;
    milter_put_u32(out, 0);
    milter_put(out, &letter, 1);
}

void milter_end(struct milter_out *out)
{
    if (!out->failed)
        set_u32((unsigned char *)out->p + out->start, (uint32_t)(out->n - out->start - 4));
}

void milter_out_free(struct milter_out *out)
{
    free(out->p);
    *out = (struct milter_out){.max = out->max};
}

/* ---- what comes back ---- */

static bool take_u32(struct fct_str *in, uint32_t *out)
{
    const unsigned char *p = (const unsigned char *)in->p;

    if (in->n < 4)
        return false;
    *out = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    in->p += 4;
    in->n -= 4;
    return true;
}

static bool take_string(struct fct_str *in, struct fct_str *out)
{
    const char *nul = in->n ? memchr(in->p, '\0', in->n) : NULL;

    if (!nul)
        return false;
    *out = (struct fct_str){in->p, (size_t)(nul - in->p)};
    in->n -= out->n + 1;
    in->p = nul + 1;
    return true;
}

static bool fail(const char **why, const char *text)
{
    *why = text;
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* RFC 3463 2: class "." subject "." detail; the class must be the code's. */
static size_t enhanced_length(struct fct_str s, char class)
{
    size_t i = 1, digits;

    if (s.n < 5 || s.p[0] != class)
        return 0;
    for (int part = 0; part < 2; part++) {
        if (i >= s.n || s.p[i++] != '.')
            return 0;
        for (digits = 0; i < s.n && digits < 4 && is_digit(s.p[i]); i++)
            digits++;
        if (digits == 0 || digits > 3)
            return 0;
    }
    return i == s.n || s.p[i] == ' ' ? i : 0;
}

/* "550 5.7.1 text"; several lines keep the first. libmilter's users double each '%'; a filter that
 * does not is understood too. */
static bool parse_reply_code(struct fct_str s, struct milter_reply *out, const char **why)
{
    const char *end;

    if (s.n < 4 || (s.p[0] != '4' && s.p[0] != '5') || !is_digit(s.p[1]) || !is_digit(s.p[2]) ||
        (s.p[3] != ' ' && s.p[3] != '-'))
        return fail(why, "a reply code that is neither 4xx nor 5xx");
    end = memchr(s.p, '\r', s.n);
    if (!end)
        end = memchr(s.p, '\n', s.n);
    if (end)
        s.n = (size_t)(end - s.p);
    out->code = (unsigned)((s.p[0] - '0') * 100 + (s.p[1] - '0') * 10 + (s.p[2] - '0'));
    out->text = (struct fct_str){s.p + 4, s.n - 4};
    out->enhanced.p = out->text.p;
    out->enhanced.n = enhanced_length(out->text, s.p[0]);
    out->text.p += out->enhanced.n;
    out->text.n -= out->enhanced.n;
    while (out->text.n > 0 && out->text.p[0] == ' ') {
        out->text.p++;
        out->text.n--;
    }
    for (size_t i = 0; i < out->text.n; i++)
        if ((unsigned char)out->text.p[i] < ' ' && out->text.p[i] != '\t')
            return fail(why, "a control character in a reply text");
    return true;
}

static bool is_field_name(struct fct_str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] <= ' ' || name.p[i] > '~' || name.p[i] == ':')
            return false;
    return name.n > 0;
}

static bool parse_header(struct fct_str data, struct milter_reply *out, const char **why)
{
    if (out->kind != MILTER_ADD_HEADER && !take_u32(&data, &out->index))
        return fail(why, "a header edit without its index");
    if (!take_string(&data, &out->name) || !take_string(&data, &out->value) || data.n > 0)
        return fail(why, "a header edit that is not two strings");
    if (!is_field_name(out->name))
        return fail(why, "a header edit with an illegal field name");
    return true;
}

/* "<a@b>" or "a@b". */
static struct fct_str without_brackets(struct fct_str s)
{
    if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
        return (struct fct_str){s.p + 1, s.n - 2};
    return s;
}

static bool parse_address(struct fct_str data, struct milter_reply *out, const char **why)
{
    if (!take_string(&data, &out->text))
        return fail(why, "an address without its end");
    if (out->kind != MILTER_DELETE_RECIPIENT && out->kind != MILTER_ADD_RECIPIENT && data.n > 0 &&
        !take_string(&data, &out->value))
        return fail(why, "parameters of an address without their end");
    if (data.n > 0)
        return fail(why, "something behind an address");
    out->text = without_brackets(out->text);
    for (size_t i = 0; i < out->text.n; i++)
        if ((unsigned char)out->text.p[i] <= ' ' || out->text.p[i] == 0x7f)
            return fail(why, "a space or control character in an address");
    return true;
}

static bool parse_text(struct fct_str data, struct milter_reply *out, const char **why)
{
    return take_string(&data, &out->text) || fail(why, "a text without its end");
}

bool milter_reply_parse(struct fct_str packet, struct milter_reply *out, const char **why)
{
    struct fct_str data;

    *out = (struct milter_reply){0};
    if (packet.n == 0)
        return fail(why, "an empty packet");
    out->kind = packet.p[0];
    data = (struct fct_str){packet.p + 1, packet.n - 1};
    switch (out->kind) {
    case MILTER_ACCEPT:
    case MILTER_CONTINUE:
    case MILTER_DISCARD:
    case MILTER_CONNECTION_FAIL:
    case MILTER_PROGRESS:
    case MILTER_REJECT:
    case MILTER_SHUTDOWN:
    case MILTER_SKIP:
    case MILTER_TEMPFAIL:
        return data.n == 0 || fail(why, "data behind a reply that has none");
    case MILTER_ADD_HEADER:
    case MILTER_INSERT_HEADER:
    case MILTER_CHANGE_HEADER:
        return parse_header(data, out, why);
    case MILTER_ADD_RECIPIENT:
    case MILTER_ADD_RECIPIENT_WITH:
    case MILTER_DELETE_RECIPIENT:
    case MILTER_CHANGE_SENDER:
        return parse_address(data, out, why);
    case MILTER_REPLACE_BODY:
        out->text = data;
        return true;
    case MILTER_QUARANTINE:
        return parse_text(data, out, why);
    case MILTER_REPLY_CODE:
        return parse_text(data, out, why) && parse_reply_code(out->text, out, why);
    default:
        return fail(why, "an unknown reply");
    }
}

/* ---- negotiation ---- */

uint32_t milter_actions_of(uint32_t version)
{
    return version >= 6 ? 0x1ffu : 0x3fu;
}

uint32_t milter_protocol_of(uint32_t version)
{
    uint32_t bits = 0x7fu; /* NO_CONNECT … NO_END_OF_HEADER */

    if (version >= 3)
        bits |= MILTER_NO_UNKNOWN;
    if (version >= 4)
        bits |= MILTER_NO_DATA;
    if (version >= 6)
        bits |= MILTER_SILENT_HEADER | MILTER_CAN_SKIP | MILTER_REFUSED_RCPT |
                MILTER_SILENT_CONNECT | MILTER_SILENT_HELO | MILTER_SILENT_MAIL |
                MILTER_SILENT_RCPT | MILTER_SILENT_DATA | MILTER_SILENT_UNKNOWN |
                MILTER_SILENT_EOH | MILTER_SILENT_BODY | MILTER_LEADING_SPACE | MILTER_CHUNK_256K |
                MILTER_CHUNK_1M;
    return bits;
}

static bool take_macros(struct fct_str *data, struct milter_options *out, const char **why)
{
    uint32_t stage;
    struct fct_str names;

    while (data->n > 0) {
        if (!take_u32(data, &stage) || !take_string(data, &names))
            return fail(why, "a list of macros without its end");
        if (stage >= STAGE_COUNT)
            return fail(why, "macros for an unknown stage");
        out->macros[stage] = names;
    }
    return true;
}

bool milter_options_parse(struct fct_str packet, const struct milter_options *offered,
                          struct milter_options *out, const char **why)
{
    struct fct_str data;

    *out = (struct milter_options){0};
    if (packet.n == 0 || packet.p[0] != MILTER_NEGOTIATE)
        return fail(why, "no answer to the negotiation");
    data = (struct fct_str){packet.p + 1, packet.n - 1};
    if (!take_u32(&data, &out->version) || !take_u32(&data, &out->actions) ||
        !take_u32(&data, &out->protocol))
        return fail(why, "a negotiation that is too short");
    if (out->version < MILTER_VERSION_MIN || out->version > offered->version)
        return fail(why, "a version that was not offered");
    if (out->actions & ~offered->actions)
        return fail(why, "actions that were not offered");
    if (out->protocol & ~offered->protocol)
        return fail(why, "protocol options that were not offered");
    return take_macros(&data, out, why);
}
