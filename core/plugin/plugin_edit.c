/* plugin_edit.c - edits of header fields, checked and written down against the original, never
 * applied here. The earlier edit in the plan wins: one that overlaps it is refused. */
#include "core/plugin/plugin_host.h"

#include "core/base/str.h"
#include "core/log/log.h"

#define EDITS_MAX       10000 /* of one message, or of one recipient */
#define FIELD_MAX       (64u << 10)
#define LINE_MAX_OCTETS 998u /* RFC 5322 2.1.1 */
#define LINE_FOLD       76u  /* where a field that is too long for one line is folded */

/* ---- writing down ---- */

/* Points where edits are collected. `scan` is not among them: its hooks run beside each other, so
 * none may change anything. */
bool edit_allowed(const struct fct_call *call)
{
    return call->live && call->tx->message &&
           (call->hook == FCT_HOOK_headers || call->hook == FCT_HOOK_verdict ||
            call->hook == FCT_HOOK_edit || call->hook == FCT_HOOK_deliver ||
            call->hook == FCT_HOOK_queue_in);
}

static bool take_memory(struct fct_call *call, size_t bytes)
{
    const struct fct_self *self = call->row->self;
    uint64_t *used = &call->tx->memory_used[self->index];

    if (bytes > self->memory_bytes || *used > self->memory_bytes - bytes)
        return false;
    *used += bytes;
    return true;
}

static bool overlaps_earlier(struct fct_call *call, const struct logged_edit *edit)
{
    const struct edit_log *own = call_edits(call);

    if (!edit_log_clashes(&call->tx->edits, edit) &&
        (own == &call->tx->edits || !edit_log_clashes(own, edit)))
        return false;
    plugin_count(call->row->self, "edits_lost", 1);
    log_event(EV_NOTE, call->tx->id,
              F_C("text", "an edit was refused: an earlier one touches the same bytes"),
              F_C("plugin", call->row->self->name), F_C("rule", call->row->label),
              F_U64("offset", edit->edit.offset));
    return true;
}

bool edit_add(struct fct_call *call, struct logged_edit *edit)
{
    struct edit_log *log = call_edits(call);

    if (log->n >= EDITS_MAX || overlaps_earlier(call, edit) ||
        !take_memory(call, edit->edit.insert.n))
        return false;
    edit->edit.insert = arena_str(call->tx->arena, edit->edit.insert);
    edit->edit.origin = str_from(call->row->label);
    edit_log_add(call->tx->arena, log, edit);
    return true;
}

/* ---- header fields ---- */

/* What goes into a line of `room` octets; cut in front of white space, or not at all. */
static struct fct_str take_line(struct fct_str *rest, size_t room)
{
    size_t cut = 0;
    struct fct_str line;

    for (size_t i = 1; i < rest->n && (i <= room || cut == 0); i++)
        if (rest->p[i] == ' ' || rest->p[i] == '\t')
            cut = i;
    if (rest->n <= room || cut == 0)
        cut = rest->n;
    line = str_head(*rest, cut);
    *rest = str_skip(*rest, cut);
    return line;
}

/* A value of one line that is too long for one is folded where white space stands (RFC 5322
 * 2.2.3). */
static struct fct_str fold(struct arena *arena, struct fct_str name, struct fct_str value)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(FIELD_MAX);
    size_t room = name.n + 2 < LINE_FOLD ? LINE_FOLD - name.n - 2 : 1;

    if (name.n + 2 + value.n <= LINE_MAX_OCTETS || str_find_char(value, '\n') >= 0)
        return value;
    for (struct fct_str rest = value; rest.n > 0; room = LINE_FOLD) {
        buf_put_str(&out, take_line(&rest, room));
        if (rest.n > 0)
            buf_put_c(&out, "\r\n");
    }
    return out.overflow ? value : arena_str(arena, buf_str(&out));
}

static bool add_field(struct fct_call *call, uint64_t offset, uint64_t remove, struct fct_str name,
                      struct fct_str value)
{
    FCT_CLEANUP(buf_free) struct buf field = BUF_INIT(FIELD_MAX);
    struct logged_edit edit = {.kind = LOGGED_HEADER, .edit.offset = offset, .edit.remove = remove};
    struct fct_err err = {0};

    if (!header_field_format(name, fold(call->tx->arena, name, value), &field, &err) ||
        field.overflow)
        return false;
    edit.edit.insert = buf_str(&field);
    return edit_add(call, &edit);
}

/* Behind the last field; the empty line that ends the header comes after it. */
static uint64_t end_of_fields(const struct header_list *list)
{
    const struct fct_header *last = list->n > 0 ? &list->field[list->n - 1] : NULL;

    return last ? last->offset + last->raw.n : 0;
}

/* A message that breaks off inside its header: a field put behind the torn line would become a part
 * of it. */
static bool is_torn(const struct fct_header *field)
{
    return field->raw.n == 0 || field->raw.p[field->raw.n - 1] != '\n';
}

/* Fields that say which way a message came, each written above the ones before: Received and
 * Return-Path (RFC 5322 3.6.7), and what is to be treated like them (RFC 8601 4.1, RFC 6376 3.5,
 * RFC 8617 4.1, RFC 7208 9.1). */
static bool is_trace(const struct fct_header *field)
{
    static const struct fct_str names[] = {
        FCT_STR_INIT("Received"),
        FCT_STR_INIT("Return-Path"),
        FCT_STR_INIT("Authentication-Results"),
        FCT_STR_INIT("Received-SPF"),
        FCT_STR_INIT("DKIM-Signature"),
        FCT_STR_INIT("ARC-Seal"),
        FCT_STR_INIT("ARC-Message-Signature"),
        FCT_STR_INIT("ARC-Authentication-Results"),
        FCT_STR_INIT("Delivered-To"),
        FCT_STR_INIT("X-Original-To"),
    };

    for (size_t i = 0; i < FCT_COUNT(names); i++)
        if (str_equal_nocase(field->name, names[i]))
            return true;
    return false;
}

static uint64_t end_of_trace(const struct header_list *list)
{
    size_t n = 0;

    while (n < list->n && is_trace(&list->field[n]) && !is_torn(&list->field[n]))
        n++;
    return n > 0 ? list->field[n - 1].offset + list->field[n - 1].raw.n : 0;
}

/* Is it one of the fields we gave out? */
static bool is_ours(struct fct_call *call, const struct fct_header *header)
{
    const struct header_list *list = message_header_list(call->tx);

    return header && header >= list->field && header < list->field + list->n;
}

/* Where in the original; false: there is no such place. */
static bool find_place(struct fct_call *call, enum fct_where where, const struct fct_header *beside,
                       uint64_t *offset)
{
    const struct header_list *list = message_header_list(call->tx);

    switch (where) {
    case FCT_TOP:
        *offset = 0;
        return true;
    case FCT_END:
        *offset = list->n > 0 && is_torn(&list->field[list->n - 1]) ? 0 : end_of_fields(list);
        return true;
    case FCT_AFTER_TRACE:
        *offset = end_of_trace(list);
        return true;
    case FCT_BEFORE:
    case FCT_AFTER:
        if (!is_ours(call, beside) || (where == FCT_AFTER && is_torn(beside)))
            return false;
        *offset = beside->offset + (where == FCT_AFTER ? beside->raw.n : 0);
        return true;
    }
    return false;
}

bool edit_header_insert(struct fct_call *call, enum fct_where where,
                        const struct fct_header *beside, struct fct_str name, struct fct_str value)
{
    uint64_t offset;

    if (!edit_allowed(call) || !find_place(call, where, beside, &offset) ||
        !add_field(call, offset, 0, name, value))
        return false;
    call_note(call, NOTE_EDIT, "header_add", name, 0);
    return true;
}

bool edit_header_add(struct fct_call *call, enum fct_where where, struct fct_str name,
                     struct fct_str value)
{
    return where != FCT_BEFORE && where != FCT_AFTER &&
           edit_header_insert(call, where, NULL, name, value);
}

bool edit_header_set(struct fct_call *call, const struct fct_header *header, struct fct_str value)
{
    if (!edit_allowed(call) || !is_ours(call, header) ||
        !add_field(call, header->offset, header->raw.n, header->name, value))
        return false;
    call_note(call, NOTE_EDIT, "header_set", header->name, 0);
    return true;
}

bool edit_header_remove(struct fct_call *call, const struct fct_header *header)
{
    struct logged_edit edit = {.kind = LOGGED_HEADER};

    if (!edit_allowed(call) || !is_ours(call, header))
        return false;
    edit.edit.offset = header->offset;
    edit.edit.remove = header->raw.n;
    if (!edit_add(call, &edit))
        return false;
    call_note(call, NOTE_EDIT, "header_remove", str_trim(header->raw), 0);
    return true;
}
