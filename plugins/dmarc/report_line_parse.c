/* report_line_parse.c - a line as report_line_put() writes it, and nothing else. */
#include "report_line.h"

#include "plugins/lib/view.h"

/* ---- pieces ---- */

static bool take(struct fct_str *in, const char *text)
{
    size_t n = strlen(text);

    if (in->n < n || memcmp(in->p, text, n) != 0)
        return false;
    in->p += n;
    in->n -= n;
    return true;
}

/* One character of a string, its escape undone: of '"' and '\\', and of no others. */
static bool take_char(struct fct_str *in, char *out)
{
    bool escaped = take(in, "\\");

    if (in->n == 0 || *in->p < ' ' || *in->p > '~' || (escaped && !strchr("\"\\", *in->p)))
        return false;
    *out = *in->p++;
    in->n--;
    return true;
}

/* A string; its text goes into the room. */
static bool take_string(struct fct_str *in, struct report_room *room, struct fct_str *out)
{
    char *start = room->text + room->n;

    if (!take(in, "\""))
        return false;
    while (in->n > 0 && *in->p != '"')
        if (room->n == sizeof room->text || !take_char(in, &room->text[room->n++]))
            return false;
    *out = (struct fct_str){start, (size_t)(room->text + room->n - start)};
    return take(in, "\"");
}

static bool take_bit(struct fct_str *in, bool *out)
{
    *out = take(in, "1");
    return *out || take(in, "0");
}

static bool take_disposition(struct fct_str *in, struct report_room *room,
                             enum dmarc_disposition *out)
{
    struct fct_str word;

    if (!take_string(in, room, &word))
        return false;
    for (enum dmarc_disposition d = 0; d <= DMARC_DONE_REJECT; d++)
        if (view_is(word, dmarc_disposition_word(d))) {
            *out = d;
            return true;
        }
    return false;
}

/* ---- lists ---- */

static bool take_reason(struct fct_str *in, struct report_room *room, struct dmarc_reason *out)
{
    struct fct_str word;

    if (!take(in, "[") || !take_string(in, room, &word) || !take(in, ",") ||
        !take_string(in, room, &out->comment) || !take(in, "]"))
        return false;
    for (enum dmarc_override o = 0; o <= DMARC_OTHER; o++)
        if (view_is(word, dmarc_override_word(o))) {
            out->type = o;
            return true;
        }
    return false;
}

static bool take_reasons(struct fct_str *in, struct report_room *room, struct dmarc_row *out)
{
    if (!take(in, "["))
        return false;
    while (!take(in, "]")) {
        if (out->reasons == DMARC_REASONS_MAX || (out->reasons > 0 && !take(in, ",")) ||
            !take_reason(in, room, &out->reason[out->reasons]))
            return false;
        out->reasons++;
    }
    return true;
}

static bool take_auth(struct fct_str *in, struct report_room *room, struct dmarc_auth *out)
{
    struct fct_str word;

    if (!take(in, "[") || !take_string(in, room, &word) || !take(in, ",") ||
        !take_string(in, room, &out->domain) || !take(in, ",") ||
        !take_string(in, room, &out->selector) || !take(in, ",") ||
        !take_string(in, room, &out->result) || !take(in, "]"))
        return false;
    out->method = view_is(word, "dkim") ? DMARC_AUTH_DKIM : DMARC_AUTH_SPF;
    out->helo = view_is(word, "helo");
    return out->method == DMARC_AUTH_DKIM || out->helo || view_is(word, "mfrom");
}

static bool take_auths(struct fct_str *in, struct report_room *room, struct dmarc_row *out)
{
    if (!take(in, "["))
        return false;
    while (!take(in, "]")) {
        if (out->auths == DMARC_AUTHS_MAX || (out->auths > 0 && !take(in, ",")) ||
            !take_auth(in, room, &out->auth[out->auths]))
            return false;
        out->auths++;
    }
    return true;
}

bool report_line_parse(struct fct_str line, struct report_room *room, struct dmarc_row *out)
{
    *out = (struct dmarc_row){0};
    room->n = 0;
    return line.n <= REPORT_LINE_MAX && take(&line, "[") &&
           take_string(&line, room, &out->source_ip) && take(&line, ",") &&
           take_disposition(&line, room, &out->disposition) && take(&line, ",") &&
           take_bit(&line, &out->dkim_aligned) && take(&line, ",") &&
           take_bit(&line, &out->spf_aligned) && take(&line, ",") &&
           take_reasons(&line, room, out) && take(&line, ",") &&
           take_string(&line, room, &out->header_from) && take(&line, ",") &&
           take_string(&line, room, &out->envelope_from) && take(&line, ",") &&
           take_string(&line, room, &out->envelope_to) && take(&line, ",") &&
           take_auths(&line, room, out) && take(&line, "]") && line.n == 0;
}
