/* summary.c - the cold record of a message: making, storing and reading it. */
#include "core/message/summary.h"
#include "core/message/date.h"
#include "core/message/lexer.h"
#include "core/message/mime_int.h"
#include "core/message/summary_int.h"
#include "core/message/varint.h"

enum { SUMMARY_VERSION = 1, MAX_TEXT = 1024, PART_LEAST_BYTES = 7 };

/* Bits of a part's last number. */
enum { PART_TRANSFER = 3, PART_MULTIPART = 4, PART_MESSAGE = 8, PART_BITS = 15 };

/* ---- the view and its tree ---- */

/* What is summarised: the tree, its offsets already those of the view. */
struct view {
    struct mime_tree tree;
    uint64_t size;
};

static bool same_structure(const struct mime_part *a, const struct mime_part *b)
{
    struct fct_str boundary_a = mime_parameter_value(a->parameter, a->nparameters, "boundary");
    struct fct_str boundary_b = mime_parameter_value(b->parameter, b->nparameters, "boundary");

    return str_equal(a->is.type, b->is.type) && str_equal(boundary_a, boundary_b);
}

/* Edits inside the top header, the usual case: parse the new header, move everything behind it.
 * False when the header says something else about the structure now. */
static bool view_with_header(struct arena *arena, struct fct_str original,
                             const struct mime_tree *tree, const struct edit_list *edits,
                             struct view *out)
{
    const struct mime_part *old = &tree->part[0];
    const struct edit *last = &edits->edit[edits->n - 1];
    uint64_t end = old->header.end, view_end = edit_list_to_view(edits, end);
    struct buf copy = BUF_INIT(view_end + 1);
    unsigned defects = 0;
    struct part_reader reader = {arena, &mime_default_limits, &defects, false};
    struct mime_part root = *old, *part;

    if (!old->header.has_separator || last->offset >= end || last->offset + last->remove >= end)
        return false;
    edit_list_apply(edits, original, 0, view_end, &copy);
    struct fct_str header = arena_str(arena, buf_str(&copy));
    buf_free(&copy);

    root = (struct mime_part){
        .first_child = old->first_child, .next_sibling = -1, .number = 1, .is.parent = -1};
    header_list_parse(arena, header, &mime_default_limits.header, &root.header);
    mime_part_read_header(&reader, &root);
    if (root.header.end != view_end || !root.header.has_separator || !same_structure(old, &root))
        return false;
    root.is.header_length = root.is.body_offset = view_end;
    root.is.body_length = old->is.body_length;
    root.body_lines = old->body_lines;
    root.is_multipart = old->is_multipart;
    root.is_message = old->is_message;

    part = ARENA_ARRAY(arena, struct mime_part, tree->n);
    memcpy(part, tree->part, tree->n * sizeof *part);
    part[0] = root;
    for (size_t i = 1; i < tree->n; i++) {
        part[i].is.header_offset = part[i].is.header_offset - end + view_end;
        part[i].is.body_offset = part[i].is.body_offset - end + view_end;
    }
    *out =
        (struct view){{part, tree->n, tree->truncated, tree->defects}, original.n - end + view_end};
    return true;
}

static void view_of(struct arena *arena, struct fct_str original, const struct mime_tree *tree,
                    const struct edit_list *edits, struct view *out)
{
    if (!edits || edits->n == 0) {
        *out = (struct view){*tree, original.n};
        return;
    }
    if (view_with_header(arena, original, tree, edits, out))
        return;
    out->size = edit_list_size(edits, original.n);
    struct buf copy = BUF_INIT(out->size);
    edit_list_apply(edits, original, 0, out->size, &copy);
    mime_scan(arena, arena_str(arena, buf_str(&copy)), &mime_default_limits, &out->tree);
    buf_free(&copy);
}

/* ---- making it ---- */

/* Not longer than `most` and not cut inside a character. */
static struct fct_str cut_text(struct fct_str s, size_t most)
{
    size_t n = most;

    if (s.n <= most)
        return s;
    while (n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    return str_head(s, n);
}

/* The last of a name, as in the envelope. */
static const struct fct_header *last_field(const struct header_list *header, const char *name)
{
    const struct fct_header *last = NULL;

    for (size_t i = 0; i < header->n; i++)
        if (str_equal_nocase(header->field[i].name, str_from(name)))
            last = &header->field[i];
    return last;
}

/* All fields of that name, joined by commas: a second From must not be hidden behind the first. */
static struct fct_str field_text(struct arena *arena, const struct header_list *header,
                                 const char *name)
{
    struct buf joined = BUF_INIT(4 * MAX_TEXT);
    struct fct_str text;

    for (size_t i = 0; i < header->n && joined.n < MAX_TEXT; i++) {
        struct fct_header head = header->field[i];

        if (!str_equal_nocase(head.name, str_from(name)))
            continue;
        head.value =
            str_head(head.value, 16 * MAX_TEXT); /* no need to decode a megabyte for one kilobyte */
        if (joined.n > 0)
            buf_put_c(&joined, ", ");
        buf_put_str(&joined, cut_text(header_text(arena, &head), MAX_TEXT));
    }
    text = arena_str(arena, cut_text(buf_str(&joined), MAX_TEXT));
    buf_free(&joined);
    return text;
}

/* The first msg-id with its brackets RFC 5322 3.6.4 */
static struct fct_str message_id(struct arena *arena, const struct header_list *header)
{
    const struct fct_header *h = last_field(header, "Message-ID");
    struct fct_str v = h ? header_unfold(arena, h) : (struct fct_str){0};
    ptrdiff_t start = str_find_char(v, '<'), length;

    if (start < 0 || (length = str_find_char(str_skip(v, (size_t)start), '>')) < 0 ||
        length >= MAX_TEXT)
        return (struct fct_str){0};
    return str_head(str_skip(v, (size_t)start), (size_t)length + 1);
}

static int64_t date_sent(struct arena *arena, const struct header_list *header)
{
    const struct fct_header *h = last_field(header, "Date");
    int64_t seconds;

    return h && date_parse(header_unfold(arena, h), &seconds) ? seconds : 0;
}

/* A leaf that a person would call an attachment: said so, or named and not part of the page. */
static bool is_attachment(const struct mime_part *p)
{
    if (p->is_multipart)
        return false;
    if (LEX_IS(p->disposition, "attachment"))
        return true;
    return p->is.filename.n > 0 && !LEX_IS(p->disposition, "inline") && p->is.content_id.n == 0;
}

static bool has_attachment(const struct mime_tree *tree)
{
    for (size_t i = 0; i < tree->n; i++)
        if (is_attachment(&tree->part[i]))
            return true;
    return false;
}

static void put_zigzag(struct buf *out, int64_t v)
{
    varint_put(out, v < 0 ? ((uint64_t) - (v + 1) << 1) + 1 : (uint64_t)v << 1);
}

static void put_parts(const struct mime_tree *tree, struct buf *out)
{
    varint_put(out, tree->n);
    for (size_t i = 0; i < tree->n; i++) {
        const struct mime_part *p = &tree->part[i];

        varint_put(out, p->is.header_offset);
        varint_put(out, p->is.header_length);
        varint_put(out, p->is.body_offset);
        varint_put(out, p->is.body_length);
        varint_put(out, (uint64_t)(p->is.parent + 1));
        varint_put(out, p->number);
        varint_put(out, (unsigned)p->transfer | (p->is_multipart ? PART_MULTIPART : 0u) |
                            (p->is_message ? PART_MESSAGE : 0u));
    }
}

/* Enough for any message within the limits; what is larger than this is refused as a whole. */
static size_t most_text(const struct view *v)
{
    return (size_t)v->size * 4 + v->tree.n * 512 + 65536;
}

bool summary_build(struct arena *arena, struct fct_str original, const struct mime_tree *tree,
                   const struct edit_list *edits, struct buf *out)
{
    static const char *const texts[] = {"Subject", "From", "To", "Cc"};
    const struct header_list *header;
    struct buf text;
    struct view v;

    view_of(arena, original, tree, edits, &v);
    if (v.size > UINT32_MAX)
        return false;
    header = &v.tree.part[0].header;
    text = BUF_INIT(most_text(&v));

    varint_put(out, SUMMARY_VERSION);
    varint_put(out, v.size);
    varint_put(out, v.tree.part[0].is.header_length);
    put_zigzag(out, date_sent(arena, header));
    varint_put(out, has_attachment(&v.tree));
    imap_put_envelope(arena, header, &text);
    varint_put_str(out, buf_str(&text));
    for (int extended = 0; extended <= 1; extended++) {
        buf_clear(&text);
        imap_put_body(arena, &v.tree, extended, &text);
        varint_put_str(out, buf_str(&text));
    }
    varint_put_str(out, message_id(arena, header));
    for (size_t i = 0; i < FCT_COUNT(texts); i++)
        varint_put_str(out, field_text(arena, header, texts[i]));
    put_parts(&v.tree, out);
    bool ok = !out->overflow && !text.overflow;
    buf_free(&text);
    return ok;
}

/* ---- reading it ---- */

static bool take_u32(struct fct_str *in, uint32_t *out)
{
    uint64_t v;

    if (!varint_take(in, &v) || v > UINT32_MAX)
        return false;
    *out = (uint32_t)v;
    return true;
}

static bool is_inside(uint32_t offset, uint32_t length, uint32_t size)
{
    return offset <= size && length <= size - offset;
}

static bool take_part(struct fct_str *in, uint32_t size, size_t index, struct summary_part *p)
{
    uint32_t parent, bits;

    if (!take_u32(in, &p->header_offset) || !take_u32(in, &p->header_length) ||
        !take_u32(in, &p->body_offset) || !take_u32(in, &p->body_length) ||
        !take_u32(in, &parent) || !take_u32(in, &p->number) || !take_u32(in, &bits))
        return false;
    if (!is_inside(p->header_offset, p->header_length, size) ||
        !is_inside(p->body_offset, p->body_length, size))
        return false;
    if (parent > index || (parent == 0) != (index == 0) || p->number == 0 || bits > PART_BITS ||
        (bits & PART_TRANSFER) > TRANSFER_QUOTED_PRINTABLE)
        return false;
    p->parent = (int32_t)parent - 1;
    p->transfer = (uint8_t)(bits & PART_TRANSFER);
    p->is_multipart = (bits & PART_MULTIPART) != 0;
    p->is_message = (bits & PART_MESSAGE) != 0;
    return true;
}

static bool take_parts(struct arena *arena, struct fct_str *in, struct summary *s)
{
    struct summary_part *part;
    uint32_t n;

    if (!take_u32(in, &n) || n == 0 || n > in->n / PART_LEAST_BYTES)
        return false;
    part = ARENA_ARRAY(arena, struct summary_part, n);
    for (size_t i = 0; i < n; i++)
        if (!take_part(in, s->size, i, &part[i]))
            return false;
    s->part = part;
    s->nparts = n;
    return true;
}

static bool take_head(struct fct_str *in, struct summary *s)
{
    uint64_t sent, attachment;

    if (!take_u32(in, &s->size) || !take_u32(in, &s->header_length) || s->header_length > s->size)
        return false;
    if (!varint_take(in, &sent) || !varint_take(in, &attachment) || attachment > 1)
        return false;
    s->sent = sent & 1 ? -(int64_t)(sent >> 1) - 1 : (int64_t)(sent >> 1);
    s->has_attachment = attachment == 1;
    return true;
}

bool summary_decode(struct arena *arena, struct fct_str bytes, struct summary *out,
                    struct fct_err *err)
{
    struct fct_str in = bytes;
    uint64_t version;

    *out = (struct summary){0};
    struct fct_str *const texts[] = {&out->envelope,   &out->body,    &out->bodystructure,
                                     &out->message_id, &out->subject, &out->from,
                                     &out->to,         &out->cc};
    if (!varint_take(&in, &version) || version != SUMMARY_VERSION)
        return fct_fail(err, FCT_SYNTAX, "summary: unknown version");
    if (!take_head(&in, out))
        return fct_fail(err, FCT_SYNTAX, "summary: broken head");
    for (size_t i = 0; i < FCT_COUNT(texts); i++)
        if (!varint_take_str(&in, texts[i]))
            return fct_fail(err, FCT_SYNTAX, "summary: text %zu is broken", i);
    if (!take_parts(arena, &in, out))
        return fct_fail(err, FCT_SYNTAX, "summary: broken parts");
    return in.n == 0 ? true : fct_fail(err, FCT_SYNTAX, "summary: %zu bytes too many", in.n);
}
