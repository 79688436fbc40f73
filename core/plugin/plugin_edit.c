/* plugin_edit.c - edits: written down against the original, never applied here. The earlier edit in
 * the plan wins: one that overlaps it is refused. */
#include "core/plugin/plugin_host.h"

#include "core/base/str.h"

#define EDITS_MAX 10000 /* of one message, or of one recipient */
#define FIELD_MAX (64u << 10)

/* ---- the log of edits ---- */

/* Do [a, a+an) and [b, b+bn) share a byte, or does one insert strictly inside the other? */
static bool spans_clash(uint64_t a, uint64_t an, uint64_t b, uint64_t bn)
{
    if (an == 0 || bn == 0)
        return an == 0 ? a > b && a < b + bn : b > a && b < a + an;
    return a < b + bn && b < a + an;
}

static bool log_clashes(const struct edit_log *log, uint64_t offset, uint64_t remove)
{
    if (offset >= log->reach) /* the usual case: edits come from front to back */
        return false;
    for (size_t i = 0; i < log->n; i++)
        if (spans_clash(offset, remove, log->edit[i].offset, log->edit[i].remove))
            return true;
    return false;
}

static void log_append(struct arena *arena, struct edit_log *log, const struct edit *edit)
{
    if (log->n == log->cap) {
        size_t cap = log->cap ? 2 * log->cap : 8;

        log->edit =
            arena_grow(arena, log->edit, sizeof(struct edit) * log->cap, sizeof(struct edit) * cap);
        log->cap = cap;
    }
    log->edit[log->n++] = *edit;
    if (edit->offset + edit->remove > log->reach)
        log->reach = edit->offset + edit->remove;
}

/* Points where edits are collected. `scan` is not among them: its hooks run beside each other, so
 * none may change anything. */
static bool may_edit(const struct fct_call *call)
{
    return call->live && call->tx->message &&
           (call->hook == FCT_HOOK_headers || call->hook == FCT_HOOK_verdict ||
            call->hook == FCT_HOOK_edit || call->hook == FCT_HOOK_deliver);
}

static bool add_edit(struct fct_call *call, uint64_t offset, uint64_t remove, struct fct_str insert)
{
    struct transaction *tx = call->tx;
    struct edit_log *log = call_edits(call);
    struct edit edit = {.offset = offset, .remove = remove};
    uint64_t *used = &tx->memory_used[call->row->self->index];

    if (log->n >= EDITS_MAX || insert.n > call->row->self->memory_bytes ||
        *used > call->row->self->memory_bytes - insert.n)
        return false;
    if (log_clashes(&tx->edits, offset, remove) ||
        (call->recipient && log_clashes(log, offset, remove)))
        return false;
    *used += insert.n;
    edit.insert = arena_str(tx->arena, insert);
    edit.origin = str_from(call->row->label);
    log_append(tx->arena, log, &edit);
    return true;
}

/* ---- header fields ---- */

static bool add_field(struct fct_call *call, uint64_t offset, uint64_t remove, struct fct_str name,
                      struct fct_str value)
{
    FCT_CLEANUP(buf_free) struct buf field = BUF_INIT(FIELD_MAX);
    struct fct_err err = {0};

    return header_field_format(name, value, &field, &err) && !field.overflow &&
           add_edit(call, offset, remove, buf_str(&field));
}

/* Behind the last field; the empty line that ends the header comes after it. */
static uint64_t end_of_fields(const struct header_list *list)
{
    const struct fct_header *last = list->n > 0 ? &list->field[list->n - 1] : NULL;

    return last ? last->offset + last->raw.n : 0;
}

/* A message that breaks off inside its header: a field put behind the torn line would become a part
 * of it. */
static bool last_field_is_torn(const struct header_list *list)
{
    const struct fct_header *last = list->n > 0 ? &list->field[list->n - 1] : NULL;

    return last && (last->raw.n == 0 || last->raw.p[last->raw.n - 1] != '\n');
}

bool edit_header_add(struct fct_call *call, enum fct_where where, struct fct_str name,
                     struct fct_str value)
{
    const struct header_list *list;
    bool top;

    if (!may_edit(call))
        return false;
    list = message_header_list(call->tx);
    top = where == FCT_TOP || last_field_is_torn(list);
    if (!add_field(call, top ? 0 : end_of_fields(list), 0, name, value))
        return false;
    call_note(call, NOTE_EDIT, "header_add", name, 0);
    return true;
}

/* Is it one of the fields we gave out? */
static bool is_ours(struct fct_call *call, const struct fct_header *header)
{
    const struct header_list *list = message_header_list(call->tx);

    return header && header >= list->field && header < list->field + list->n;
}

bool edit_header_set(struct fct_call *call, const struct fct_header *header, struct fct_str value)
{
    if (!may_edit(call) || !is_ours(call, header) ||
        !add_field(call, header->offset, header->raw.n, header->name, value))
        return false;
    call_note(call, NOTE_EDIT, "header_set", header->name, 0);
    return true;
}

bool edit_header_remove(struct fct_call *call, const struct fct_header *header)
{
    if (!may_edit(call) || !is_ours(call, header) ||
        !add_edit(call, header->offset, header->raw.n, (struct fct_str){"", 0}))
        return false;
    call_note(call, NOTE_EDIT, "header_remove", str_trim(header->raw), 0);
    return true;
}

/* ---- the body ---- */

/* What a signature or encryption covers cannot be changed without destroying it (RFC 1847 2). */
static bool is_protected(struct fct_call *call, uint64_t offset, uint64_t length)
{
    const struct fct_part *part;
    size_t n = message_parts(call, &part);

    for (size_t i = 0; i < n; i++)
        if ((str_equal_nocase(part[i].type, FCT_STR("multipart/signed")) ||
             str_equal_nocase(part[i].type, FCT_STR("multipart/encrypted"))) &&
            spans_clash(offset, length, part[i].body_offset, part[i].body_length))
            return true;
    return false;
}

bool edit_patch(struct fct_call *call, size_t offset, size_t length, struct fct_str with)
{
    size_t size;
    struct fct_str where;
    char detail[64];

    if (!may_edit(call))
        return false;
    size = call->tx->message->bytes.n;
    if (offset > size || length > size - offset || offset < message_header_list(call->tx)->end ||
        is_protected(call, offset, length) || !add_edit(call, offset, length, with))
        return false;
    where.p = detail;
    where.n = (size_t)snprintf(detail, sizeof detail, "%zu+%zu to %zu", offset, length, with.n);
    call_note(call, NOTE_EDIT, "patch", where, 0);
    return true;
}
