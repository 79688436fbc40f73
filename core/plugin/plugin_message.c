/* plugin_message.c - reading the message: headers and parts are found at first use and kept for the
 * transaction. */
#include "core/plugin/plugin_host.h"

#include "core/base/str.h"

static struct call_message *message_of(struct fct_call *call)
{
    return call->live ? call->tx->message : NULL;
}

const struct header_list *message_header_list(struct transaction *tx)
{
    struct call_message *m = tx->message;

    if (!m->has_headers) {
        header_list_parse(tx->arena, m->bytes, m->header_limits, &m->headers);
        m->header_text = ARENA_ARRAY(tx->arena, struct fct_str, m->headers.n + 1);
        m->has_headers = true;
    }
    return &m->headers;
}

struct fct_str message_raw(struct fct_call *call)
{
    const struct call_message *m = message_of(call);

    return m ? m->bytes : (struct fct_str){"", 0};
}

size_t message_headers(struct fct_call *call, const struct fct_header **first)
{
    const struct header_list *list;

    *first = NULL;
    if (!message_of(call))
        return 0;
    list = message_header_list(call->tx);
    *first = list->field;
    return list->n;
}

const struct fct_header *message_header(struct fct_call *call, const char *name, size_t nth)
{
    return message_of(call) && name ? header_find(message_header_list(call->tx), name, nth) : NULL;
}

struct fct_str message_header_text(struct fct_call *call, const struct fct_header *header)
{
    struct call_message *m = message_of(call);
    const struct header_list *list;
    struct fct_str *kept;

    if (!m || !header)
        return (struct fct_str){"", 0};
    list = message_header_list(call->tx);
    if (header < list->field || header >= list->field + list->n)
        return header_text(call->tx->arena, header);
    kept = &m->header_text[header - list->field];
    if (!kept->p)
        *kept = header_text(call->tx->arena, header);
    return *kept;
}

/* ---- parts ---- */

static void scan_parts(struct transaction *tx)
{
    struct call_message *m = tx->message;

    mime_scan(tx->arena, m->bytes, m->mime_limits, &m->tree);
    m->part = ARENA_ARRAY(tx->arena, struct fct_part, m->tree.n + 1);
    m->part_bytes = ARENA_ARRAY(tx->arena, struct fct_str, m->tree.n + 1);
    m->part_text = ARENA_ARRAY(tx->arena, struct fct_str, m->tree.n + 1);
    m->part_lines = ARENA_ARRAY(tx->arena, struct part_lines, m->tree.n + 1);
    for (size_t i = 0; i < m->tree.n; i++)
        m->part[i] = m->tree.part[i].is;
    m->has_parts = true;
}

size_t message_parts(struct fct_call *call, const struct fct_part **first)
{
    struct call_message *m = message_of(call);

    *first = NULL;
    if (!m)
        return 0;
    if (!m->has_parts)
        scan_parts(call->tx);
    *first = m->part;
    return m->tree.n;
}

static void release_buf(void *arg)
{
    buf_free(arg);
}

/* Kept for the transaction. Decoding never makes more than four bytes of one (a charset of single
 * bytes that all become U+FFFD makes three). */
static struct buf *decoded_buf(struct transaction *tx, size_t index)
{
    struct buf *out = ARENA_NEW(tx->arena, struct buf);

    *out = BUF_INIT(4 * tx->message->tree.part[index].is.body_length + 64);
    arena_defer(tx->arena, release_buf, out);
    return out;
}

static struct fct_str kept_text(const struct buf *out)
{
    return out->p ? buf_str(out) : (struct fct_str){"", 0};
}

/* Once. */
static struct fct_str decode(struct transaction *tx, size_t index, struct fct_str *kept,
                             bool (*how)(struct fct_str, const struct mime_part *, struct buf *))
{
    const struct call_message *m = tx->message;
    struct buf *out;

    if (kept->p)
        return *kept;
    out = decoded_buf(tx, index);
    (void)how(m->bytes, &m->tree.part[index], out);
    return *kept = kept_text(out);
}

/* With the places of its lines, for whoever patches it. */
static struct fct_str decode_bytes(struct transaction *tx, size_t index)
{
    struct call_message *m = tx->message;
    const struct fct_part *part = &m->part[index];
    struct part_lines *lines = &m->part_lines[index];
    struct fct_str *kept = &m->part_bytes[index];
    struct buf *out;

    if (kept->p)
        return *kept;
    out = decoded_buf(tx, index);
    lines->line =
        ARENA_ARRAY(tx->arena, struct transfer_line, part->body_length / TRANSFER_LINES_APART + 1);
    (void)transfer_decode_lines(m->tree.part[index].transfer,
                                str_head(str_skip(m->bytes, part->body_offset), part->body_length),
                                out, lines->line, &lines->n);
    return *kept = kept_text(out);
}

/* The index of a part we gave out; false for any other pointer. */
bool message_part_index(struct fct_call *call, const struct fct_part *part, size_t *index)
{
    const struct call_message *m = message_of(call);

    if (!m || !m->has_parts || !part || part < m->part || part >= m->part + m->tree.n)
        return false;
    *index = (size_t)(part - m->part);
    return true;
}

struct fct_str message_part_bytes(struct fct_call *call, const struct fct_part *part)
{
    struct call_message *m = call->tx->message;
    size_t i;

    if (!message_part_index(call, part, &i))
        return (struct fct_str){"", 0};
    if (m->tree.part[i].transfer == TRANSFER_IDENTITY)
        return str_head(str_skip(m->bytes, part->body_offset), part->body_length);
    return decode_bytes(call->tx, i);
}

struct fct_str message_part_text(struct fct_call *call, const struct fct_part *part)
{
    size_t i;

    if (!message_part_index(call, part, &i))
        return (struct fct_str){"", 0};
    return decode(call->tx, i, &call->tx->message->part_text[i], mime_part_text);
}
