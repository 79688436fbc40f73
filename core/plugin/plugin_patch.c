/* plugin_patch.c - edits of the body: in bytes of the message, of a part as it is decoded, or all
 * of it; never where a signature or encryption covers them. */
#include "core/plugin/plugin_host.h"

#include "core/base/str.h"
#include "core/base/utf8.h"

#define LINE_MAX_OCTETS 998u       /* RFC 5322 2.1.1 */
#define PATCH_NOTES     8u         /* so many patches of parts stand in the ledger one by one */
#define BASE64_PART_MAX (4u << 20) /* may be written anew: half of what an answer holds */

/* ---- what must stay as it is ---- */

/* A signature or encryption covers it: RFC 1847 2 (signed, encrypted), RFC 8551 3 (S/MIME), RFC
 * 9580 (OpenPGP). */
static bool is_protected_type(struct fct_str type)
{
    static const struct fct_str types[] = {
        FCT_STR_INIT("multipart/signed"),
        FCT_STR_INIT("multipart/encrypted"),
        FCT_STR_INIT("application/pkcs7-mime"),
        FCT_STR_INIT("application/x-pkcs7-mime"),
        FCT_STR_INIT("application/pgp-encrypted"),
        FCT_STR_INIT("application/pgp-signature"),
        FCT_STR_INIT("application/pkcs7-signature"),
        FCT_STR_INIT("application/x-pkcs7-signature"),
    };

    for (size_t i = 0; i < FCT_COUNT(types); i++)
        if (str_equal_nocase(type, types[i]))
            return true;
    return false;
}

/* OpenPGP written into the text itself (RFC 9580 6.2, 7). Looked for by the byte of it that pages
 * have least of. */
static bool has_inline_pgp(struct fct_str text)
{
    static const struct fct_str armor = FCT_STR_INIT("-----BEGIN PGP ");
    enum { RARE = 7 /* "G" */ };
    const char *at = text.p, *end = text.p + text.n;

    while (at < end && (at = memchr(at, armor.p[RARE], (size_t)(end - at)))) {
        const char *begin = at++ - RARE;

        if (begin >= text.p && str_starts(str_between(begin, end), armor) &&
            (begin == text.p || begin[-1] == '\n'))
            return true;
    }
    return false;
}

enum { UNKNOWN, FREE, PROTECTED };

/* Of the part itself, without those around it. Looked at once. */
static bool part_is_protected(struct fct_call *call, const struct fct_part *part, size_t index)
{
    struct call_message *m = call->tx->message;

    if (!m->protected)
        m->protected = ARENA_ARRAY(call->tx->arena, unsigned char, m->tree.n);
    if (m->protected[index] == UNKNOWN)
        m->protected[index] =
            is_protected_type(part->type) || (str_starts(part->type, FCT_STR("text/")) &&
                                              has_inline_pgp(message_part_bytes(call, part)))
                ? PROTECTED
                : FREE;
    return m->protected[index] == PROTECTED;
}

static bool span_is_protected(struct fct_call *call, uint64_t offset, uint64_t length)
{
    const struct fct_part *part;
    size_t n = message_parts(call, &part);

    for (size_t i = 0; i < n; i++) {
        uint64_t end = part[i].body_offset + part[i].body_length;

        if (offset <= end && offset + length >= part[i].body_offset &&
            part_is_protected(call, &part[i], i))
            return true;
    }
    return false;
}

/* ---- the body, in bytes of the message ---- */

static bool add_body_edit(struct fct_call *call, uint64_t offset, uint64_t length,
                          struct fct_str with)
{
    struct logged_edit edit = {.kind = LOGGED_BODY,
                               .edit = {.offset = offset, .remove = length, .insert = with}};

    return edit_add(call, &edit);
}

static struct call_note *note_patch(struct fct_call *call, const char *name, size_t offset,
                                    size_t length, size_t with)
{
    char detail[80];
    struct fct_str where = {detail, 0};

    where.n = (size_t)snprintf(detail, sizeof detail, "%zu+%zu to %zu", offset, length, with);
    return call_note(call, NOTE_EDIT, name, where, 0);
}

/* A newsletter needs hundreds: they would push what matters out of the ledger. */
static void note_part_patch(struct fct_call *call, size_t offset, size_t length, size_t with)
{
    if (call->patches++ < PATCH_NOTES)
        call->patch = note_patch(call, "part_patch", offset, length, with);
    else
        call->patch->more++;
}

bool edit_patch(struct fct_call *call, size_t offset, size_t length, struct fct_str with)
{
    size_t size;

    if (!edit_allowed(call))
        return false;
    size = call->tx->message->bytes.n;
    if (offset > size || length > size - offset || offset < message_header_list(call->tx)->end ||
        span_is_protected(call, offset, length) || !add_body_edit(call, offset, length, with))
        return false;
    note_patch(call, "patch", offset, length, with.n);
    return true;
}

/* Lines end in CRLF, none is too long, no NUL (RFC 5322 2.3). */
static bool has_legal_lines(struct fct_str text)
{
    while (text.p && text.n > 0) {
        struct fct_str line = str_split(&text, '\n');

        if (text.p && (line.n == 0 || line.p[--line.n] != '\r'))
            return false;
        if (line.n > LINE_MAX_OCTETS || str_find_char(line, '\r') >= 0 ||
            str_find_char(line, '\0') >= 0)
            return false;
    }
    return true;
}

bool edit_body_replace(struct fct_call *call, struct fct_str body)
{
    const struct header_list *list;
    struct fct_str text = body, message;
    size_t size;
    bool is_torn;

    if (!edit_allowed(call) || !has_legal_lines(body))
        return false;
    message = call->tx->message->bytes;
    size = message.n;
    is_torn = size > 0 && message.p[size - 1] != '\n';
    list = message_header_list(call->tx);
    if (span_is_protected(call, list->end, size - list->end))
        return false;
    if (!list->has_separator)
        text = arena_printf(call->tx->arena, "%s\r\n%.*s", is_torn ? "\r\n" : "", FCT_FMT(body));
    if (!add_body_edit(call, list->end, size - list->end, text))
        return false;
    note_patch(call, "body_replace", list->end, size - list->end, body.n);
    return true;
}

/* ---- a part, in its decoded bytes ---- */

static bool is_inside_protected(struct fct_call *call, const struct fct_part *all, size_t index)
{
    for (int i = (int)index; i >= 0; i = all[i].parent)
        if (part_is_protected(call, &all[i], (size_t)i))
            return true;
    return false;
}

/* A line that begins like this would be read as the end of a part around it (RFC 2046 5.1.1). */
static bool is_boundary(const struct mime_tree *tree, size_t index, struct fct_str line)
{
    if (!str_starts(line, FCT_STR("--")))
        return false;
    for (int i = tree->part[index].is.parent; i >= 0; i = tree->part[i].is.parent) {
        const struct mime_part *p = &tree->part[i];
        struct fct_str boundary = mime_parameter_value(p->parameter, p->nparameters, "boundary");

        if (boundary.n > 0 && str_starts(str_skip(line, 2), boundary))
            return true;
    }
    return false;
}

/* The lines of the message that a patch touches. */
static struct fct_str lines_around(struct fct_str part, size_t offset, size_t length)
{
    size_t from = offset, to = offset + length;

    while (from > 0 && part.p[from - 1] != '\n')
        from--;
    while (to < part.n && part.p[to] != '\n')
        to++;
    return str_head(str_skip(part, from), to - from);
}

static size_t longest_line(struct fct_str text)
{
    size_t longest = 0;

    while (text.p && text.n > 0) {
        size_t n = str_split(&text, '\n').n;

        longest = n > longest ? n : longest;
    }
    return longest;
}

/* Something goes from inside a line, and not from where a boundary would begin. */
static bool shortens_a_line(struct fct_str part, size_t offset, size_t length, struct fct_str with)
{
    const char *before;

    if (with.n > length || memchr(part.p + offset, '\n', length) ||
        (with.n > 0 && memchr(with.p, '\n', with.n)))
        return false;
    before = offset > 0 ? memrchr(part.p, '\n', offset) : NULL;
    before = before ? before + 1 : part.p;
    return before < part.p + offset && *before != '-';
}

static bool has_line_end(struct fct_str text)
{
    return text.n > 0 && memchr(text.p, '\n', text.n);
}

/* Far inside of a line that is too long already, where no boundary can begin. A page of one line
 * has thousands of patches: none may read it all. */
static bool is_inside_long_line(struct fct_str part, size_t offset, size_t length,
                                struct fct_str with)
{
    enum { FAR = LINE_MAX_OCTETS + 2 };

    return offset > FAR && !has_line_end(str_head(str_skip(part, offset - FAR), FAR + length)) &&
           !has_line_end(with);
}

/* Would the patched lines be the text that was meant, and nothing else? Lines that were too long
 * before may stay so. */
static bool makes_legal_lines(struct fct_call *call, size_t index, struct fct_str part,
                              size_t offset, size_t length, struct fct_str with)
{
    struct fct_str old = lines_around(part, offset, length), rest;
    size_t before = offset - (size_t)(old.p - part.p), was = longest_line(old);
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(old.n + with.n);

    buf_put_str(&text, str_head(old, before));
    buf_put_str(&text, with);
    buf_put_str(&text, str_skip(old, before + length));
    for (rest = buf_str(&text); rest.p && rest.n > 0;) {
        struct fct_str line = str_split(&rest, '\n');
        bool has_end = rest.p || offset + length < part.n;

        if (line.n > LINE_MAX_OCTETS + has_end && line.n > was)
            return false;
        if (is_boundary(&call->tx->message->tree, index, line))
            return false;
    }
    return true;
}

/* A cut between CR and LF would leave half a line end. */
static bool splits_line_end(struct fct_str part, size_t at)
{
    return at > 0 && at < part.n && part.p[at - 1] == '\r' && part.p[at] == '\n';
}

static bool has_bare_line_end(struct fct_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\n')
            return true;
        if (text.p[i] == '\r' && (i + 1 == text.n || text.p[++i] != '\n'))
            return true;
    }
    return false;
}

/* 7bit, 8bit, binary: what is written stands in the message as it is (RFC 2045 2.7 to 2.9). */
static bool fits_identity(struct fct_call *call, size_t index, size_t offset, size_t length,
                          struct fct_str with)
{
    const struct fct_part *part = &call->tx->message->part[index];
    struct fct_str bytes = message_part_bytes(call, part);

    if (str_equal_nocase(part->encoding, FCT_STR("binary")))
        return true;
    if (str_find_char(with, '\0') >= 0 || has_bare_line_end(with) ||
        splits_line_end(bytes, offset) || splits_line_end(bytes, offset + length))
        return false;
    if (str_equal_nocase(part->encoding, FCT_STR("7bit")) && !str_is_ascii(with))
        return false;
    if (is_inside_long_line(bytes, offset, length, with))
        return with.n <= length; /* it may stay as long as it was */
    return shortens_a_line(bytes, offset, length, with) ||
           makes_legal_lines(call, index, bytes, offset, length, with);
}

static bool add_part_edit(struct fct_call *call, size_t index, size_t offset, size_t length,
                          struct fct_str with)
{
    const struct fct_part *part = &call->tx->message->part[index];
    struct logged_edit edit = {.kind = LOGGED_PART,
                               .part = index,
                               .body_offset = part->body_offset,
                               .body_length = part->body_length,
                               .edit = {.offset = offset, .remove = length, .insert = with}};

    if (call->tx->message->tree.part[index].transfer == TRANSFER_IDENTITY)
        return fits_identity(call, index, offset, length, with) &&
               add_body_edit(call, part->body_offset + offset, length, with);
    if (call->tx->message->tree.part[index].transfer == TRANSFER_BASE64 &&
        part->body_length > BASE64_PART_MAX)
        return false;
    return edit_add(call, &edit);
}

bool edit_part_patch(struct fct_call *call, const struct fct_part *part, size_t offset,
                     size_t length, struct fct_str with)
{
    const struct call_message *m = call->tx->message;
    size_t index, size;

    if (!edit_allowed(call) || !message_part_index(call, part, &index) ||
        m->tree.part[index].first_child >= 0 || m->tree.part[index].is_multipart ||
        m->tree.part[index].is_message)
        return false;
    size = message_part_bytes(call, part).n;
    if (offset > size || length > size - offset || is_inside_protected(call, m->part, index) ||
        !add_part_edit(call, index, offset, length, with))
        return false;
    note_part_patch(call, offset, length, with.n);
    return true;
}
