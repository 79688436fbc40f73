/* imap_section.c - sections of messages (RFC 9051 6.4.5.1, 9 section). */
#include "protocols/imap/imap_section.h"

#include "protocols/imap/imap_response.h"

/* ---- parsing ---- */

/* section-part = nz-number *("." nz-number); the dot before a section-text is left for the caller.
 */
static bool parse_part(struct fct_str *in, struct arena *arena, struct imap_section *section)
{
    uint32_t *number = NULL;
    size_t cap = 0;
    struct fct_str ahead = *in;

    for (;;) {
        uint32_t n;

        if (section->depth == IMAP_MAX_PART_DEPTH || !imap_parse_nz_number(&ahead, &n))
            return false;
        if (section->depth == cap) {
            size_t more = cap ? cap * 2 : 4;

            number = arena_grow(arena, number, cap * sizeof *number, more * sizeof *number);
            cap = more;
        }
        number[section->depth++] = n;
        section->number = number;
        *in = ahead;
        if (!imap_parse_char(&ahead, '.') || ahead.n == 0 || ahead.p[0] < '0' || ahead.p[0] > '9')
            return true;
    }
}

/* header-list = "(" header-fld-name *(SP header-fld-name) ")" */
static bool parse_header_list(struct fct_str *in, struct arena *arena, struct imap_section *section)
{
    struct fct_str *field = NULL;
    size_t cap = 0;

    if (!imap_parse_space(in) || !imap_parse_char(in, '('))
        return false;
    do {
        if (section->nfields == IMAP_MAX_HEADER_FIELDS)
            return false;
        if (section->nfields == cap) {
            size_t more = cap ? cap * 2 : 8;

            field = arena_grow(arena, field, cap * sizeof *field, more * sizeof *field);
            cap = more;
        }
        if (!imap_parse_astring(in, arena, &field[section->nfields]))
            return false;
        section->field = field;
        section->nfields++;
    } while (imap_parse_space(in));
    return imap_parse_char(in, ')');
}

/* section-text = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT" / "MIME" */
static bool parse_text(struct fct_str *in, struct arena *arena, struct imap_section *section)
{
    /* imap_parse_word ends at a non-atom character: '.' is one, so the longest name comes first */
    if (imap_parse_word(in, "HEADER.FIELDS.NOT")) {
        section->what = SECTION_FIELDS_NOT;
        return parse_header_list(in, arena, section);
    }
    if (imap_parse_word(in, "HEADER.FIELDS")) {
        section->what = SECTION_FIELDS;
        return parse_header_list(in, arena, section);
    }
    if (imap_parse_word(in, "HEADER"))
        section->what = SECTION_HEADER;
    else if (imap_parse_word(in, "TEXT"))
        section->what = SECTION_TEXT;
    else if (section->depth > 0 && imap_parse_word(in, "MIME"))
        section->what = SECTION_MIME;
    else
        return false;
    return true;
}

/* "[" [section-spec] "]" */
static bool parse_spec(struct fct_str *in, struct arena *arena, struct imap_section *section)
{
    if (!imap_parse_char(in, '['))
        return false;
    if (imap_parse_char(in, ']'))
        return true;
    if (in->n > 0 && in->p[0] >= '0' && in->p[0] <= '9') {
        if (!parse_part(in, arena, section))
            return false;
        if (imap_parse_char(in, ']'))
            return true;
        if (!imap_parse_char(in, '.'))
            return false;
    }
    return !section->binary && parse_text(in, arena, section) && imap_parse_char(in, ']');
}

/* partial = "<" number64 "." nz-number64 ">" */
static bool parse_partial(struct fct_str *in, struct imap_section *section)
{
    if (!imap_parse_char(in, '<'))
        return true;
    section->partial = true;
    return !section->size_only && imap_parse_number64(in, &section->offset) &&
           imap_parse_char(in, '.') && imap_parse_number64(in, &section->length) &&
           section->length > 0 && imap_parse_char(in, '>');
}

static const char *what_name(enum imap_section_what what)
{
    static const char *const names[] = {
        [SECTION_BODY] = "",
        [SECTION_HEADER] = "HEADER",
        [SECTION_FIELDS] = "HEADER.FIELDS (",
        [SECTION_FIELDS_NOT] = "HEADER.FIELDS.NOT (",
        [SECTION_TEXT] = "TEXT",
        [SECTION_MIME] = "MIME",
    };
    return names[what];
}

static struct fct_str make_label(struct arena *arena, const struct imap_section *section)
{
    FCT_CLEANUP(buf_free) struct buf label = BUF_INIT(1u << 20);

    buf_put_c(&label, section->size_only ? "BINARY.SIZE[" : section->binary ? "BINARY[" : "BODY[");
    for (size_t i = 0; i < section->depth; i++) {
        if (i > 0)
            buf_put_char(&label, '.');
        buf_put_u64(&label, section->number[i]);
    }
    if (section->depth > 0 && section->what != SECTION_BODY)
        buf_put_char(&label, '.');
    buf_put_c(&label, what_name(section->what));
    for (size_t i = 0; i < section->nfields; i++) {
        if (i > 0)
            buf_put_char(&label, ' ');
        imap_response_astring(&label, section->field[i], false);
    }
    if (section->nfields > 0)
        buf_put_char(&label, ')');
    buf_put_char(&label, ']');
    if (section->partial) {
        buf_put_char(&label, '<');
        buf_put_u64(&label, section->offset);
        buf_put_char(&label, '>');
    }
    return arena_str(arena, buf_str(&label));
}

bool imap_section_parse(struct fct_str *in, struct arena *arena, struct imap_section *section)
{
    if (!parse_spec(in, arena, section) || !parse_partial(in, section))
        return false;
    section->label = make_label(arena, section);
    return true;
}

/* ---- finding ---- */

/* The number-th child of a part, or -1. */
static int32_t child_of(const struct summary *m, int32_t parent, uint32_t number)
{
    for (size_t i = (size_t)parent + 1; i < m->nparts; i++)
        if (m->part[i].parent == parent && m->part[i].number == number)
            return (int32_t)i;
    return -1;
}

static int32_t enclosed_message(const struct summary *m, int32_t part)
{
    for (size_t i = (size_t)part + 1; i < m->nparts; i++)
        if (m->part[i].parent == part)
            return (int32_t)i;
    return -1;
}

/* A message that is no multipart has one part, number 1: its own body (RFC 9051 6.4.5.1). */
static int32_t part_of_message(const struct summary *m, int32_t message, uint32_t number)
{
    if (m->part[message].is_multipart)
        return child_of(m, message, number);
    return number == 1 ? message : -1;
}

static int32_t find_part(const struct imap_section *section, const struct summary *m)
{
    int32_t at;

    if (m->nparts == 0)
        return -1;
    at = part_of_message(m, 0, section->number[0]);
    for (size_t i = 1; i < section->depth && at >= 0; i++) {
        const struct summary_part *part = &m->part[at];

        if (part->is_message) {
            at = enclosed_message(m, at);
            if (at >= 0)
                at = part_of_message(m, at, section->number[i]);
        } else if (part->is_multipart) {
            at = child_of(m, at, section->number[i]);
        } else {
            return -1;
        }
    }
    return at;
}

static bool find_in_part(const struct imap_section *section, const struct summary *m,
                         struct imap_span *out)
{
    int32_t at = find_part(section, m);
    const struct summary_part *part;

    if (at < 0)
        return false;
    if (section->what != SECTION_BODY && section->what != SECTION_MIME) {
        /* HEADER and TEXT are those of an enclosed message */
        if (!m->part[at].is_message || (at = enclosed_message(m, at)) < 0)
            return false;
    }
    part = &m->part[at];
    if (section->what == SECTION_BODY || section->what == SECTION_TEXT)
        *out =
            (struct imap_span){part->body_offset, part->body_length, (enum transfer)part->transfer};
    else
        *out = (struct imap_span){part->header_offset, part->header_length, TRANSFER_IDENTITY};
    return true;
}

bool imap_section_find(const struct imap_section *section, const struct summary *m,
                       struct imap_span *out)
{
    if (section->depth > 0)
        return find_in_part(section, m, out);
    switch (section->what) {
    case SECTION_BODY:
        *out = (struct imap_span){0, m->size, TRANSFER_IDENTITY};
        return true;
    case SECTION_TEXT:
        *out = (struct imap_span){m->header_length, m->size - m->header_length, TRANSFER_IDENTITY};
        return true;
    case SECTION_HEADER:
    case SECTION_FIELDS:
    case SECTION_FIELDS_NOT:
        *out = (struct imap_span){0, m->header_length, TRANSFER_IDENTITY};
        return true;
    case SECTION_MIME:
        break;
    }
    return false;
}

void imap_section_clip(const struct imap_section *section, uint64_t *offset, uint64_t *length)
{
    uint64_t skip = section->offset < *length ? section->offset : *length;

    if (!section->partial)
        return;
    *offset += skip;
    *length -= skip;
    if (*length > section->length)
        *length = section->length;
}

/* ---- header fields ---- */

static bool is_listed(const struct imap_section *section, struct fct_str name)
{
    for (size_t i = 0; i < section->nfields; i++)
        if (str_equal_nocase(section->field[i], name))
            return true;
    return false;
}

void imap_section_filter(const struct imap_section *section, struct fct_str header,
                         struct arena *arena, struct buf *out)
{
    const struct header_limits limits = {.max_fields = 100000, .max_bytes = header.n};
    struct header_list list;

    header_list_parse(arena, header, &limits, &list);
    for (size_t i = 0; i < list.n; i++)
        if (is_listed(section, list.field[i].name) == (section->what == SECTION_FIELDS))
            buf_put_str(out, list.field[i].raw);
    buf_put(out, "\r\n", 2);
}
