/* milter_edits.c - see milter_edits.h. The header is cut into regions: runs of fields that some
 * edit touches, and the gaps between fields, where text is only inserted. Each is turned into
 * changes by itself. */
#include "protocols/milter/milter_edits.h"

#include "core/base/str.h"
#include "core/message/rfc5322.h"

#define REGION_MAX (16u << 20)

struct plan {
    struct arena *arena;
    const struct milter_message *m;
    struct fct_str bytes;
    const struct edit *edit; /* of the header, clipped to it */
    size_t edits;
    struct milter_change *change;
    size_t changes, room;
    size_t lost;
};

static void put(struct plan *p, struct milter_change change)
{
    if (p->changes == p->room) {
        size_t room = p->room ? 2 * p->room : 16;

        p->change =
            arena_grow(p->arena, p->change, p->room * sizeof *p->change, room * sizeof *p->change);
        p->room = room;
    }
    p->change[p->changes++] = change;
}

/* ---- new text as fields ---- */

/* CRLF and a lone LF alike become LF; the last one ends the field and goes. */
static const char *value_text(struct plan *p, struct fct_str value)
{
    char *text = arena_alloc(p->arena, value.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] != '\r' || i + 1 == value.n || value.p[i + 1] != '\n')
            text[n++] = value.p[i];
    text[n] = '\0';
    return text;
}

static const char *name_text(struct plan *p, struct fct_str name)
{
    return arena_cstr(p->arena, name);
}

/* Whole fields and nothing else. NUL would cut a value short on its way. */
static bool read_fields(struct plan *p, struct fct_str text, struct header_list *out)
{
    static const struct header_limits limits = {.max_fields = 100000, .max_bytes = REGION_MAX};
    size_t covered = 0;

    *out = (struct header_list){0};
    if (text.n == 0)
        return true;
    if (text.p[text.n - 1] != '\n' || memchr(text.p, '\0', text.n))
        return false;
    header_list_parse(p->arena, text, &limits, out);
    if (out->truncated || out->has_separator)
        return false;
    for (size_t i = 0; i < out->n; i++) {
        if (out->field[i].name.n == 0 ||
            out->field[i].name.n + out->field[i].value.n + 3 < out->field[i].raw.n)
            return false; /* a line between the fields that is none */
        covered += out->field[i].raw.n;
    }
    return covered == text.n;
}

/* ---- changes ---- */

/* The last of several goes in first: all have the same index. */
static void insert_fields(struct plan *p, const struct header_list *list, uint32_t index)
{
    for (size_t i = list->n; i-- > 0;)
        put(p, (struct milter_change){MILTER_INSERT, name_text(p, list->field[i].name),
                                      value_text(p, list->field[i].value), index});
}

static void append_fields(struct plan *p, const struct header_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        put(p, (struct milter_change){MILTER_APPEND, name_text(p, list->field[i].name),
                                      value_text(p, list->field[i].value), 0});
}

static uint32_t number_of(const struct plan *p, size_t field)
{
    uint32_t n = 1;

    for (size_t i = 0; i < field; i++)
        n += str_equal_nocase(p->m->field[i].name, p->m->field[field].name);
    return n;
}

static void remove_fields(struct plan *p, size_t first, size_t end)
{
    for (size_t i = end; i-- > first;)
        put(p, (struct milter_change){MILTER_REMOVE, name_text(p, p->m->field[i].name), "",
                                      number_of(p, i)});
}

/* An empty value means "remove" in this protocol: such a field is removed and inserted. */
static bool is_change(const struct plan *p, size_t first, size_t end,
                      const struct header_list *list)
{
    return end - first == 1 && list->n == 1 && list->field[0].value.n > 0 &&
           str_equal_nocase(list->field[0].name, p->m->field[first].name);
}

static void replace_fields(struct plan *p, size_t first, size_t end, const struct header_list *list)
{
    if (is_change(p, first, end, list)) {
        put(p, (struct milter_change){MILTER_CHANGE, name_text(p, list->field[0].name),
                                      value_text(p, list->field[0].value), number_of(p, first)});
        return;
    }
    remove_fields(p, first, end);
    insert_fields(p, list, (uint32_t)first + 1);
}

/* ---- regions ---- */

static bool inserts_only(const struct edit *e)
{
    return e->remove == 0;
}

/* What stands in [start, end) with the edits first … last-1 applied. */
static struct fct_str region_text(struct plan *p, uint64_t start, uint64_t end, size_t first,
                                  size_t last)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(REGION_MAX);
    uint64_t at = start;

    for (size_t i = first; i < last; i++) {
        buf_put(&text, p->bytes.p + at, p->edit[i].offset - at);
        buf_put_str(&text, p->edit[i].insert);
        at = p->edit[i].offset + p->edit[i].remove;
    }
    buf_put(&text, p->bytes.p + at, end - at);
    return arena_str(p->arena, buf_str(&text));
}

static bool ends_line(struct fct_str s)
{
    return s.n == 0 || s.p[s.n - 1] == '\n';
}

/* The first field that begins at or behind `offset`. */
static size_t field_at(const struct plan *p, uint64_t offset)
{
    size_t i = 0;

    while (i < p->m->fields && p->m->field[i].start < offset)
        i++;
    return i;
}

static uint64_t start_of(const struct plan *p, size_t field)
{
    return field < p->m->fields ? p->m->field[field].start : p->m->fields_end;
}

/* Edits [first, last) that belong together, and the fields [field, field_end) they touch; none for
 * insertions between two fields. */
struct region {
    size_t first, last, field, field_end;
};

/* The field that holds the byte before `offset`. */
static size_t field_before(const struct plan *p, uint64_t offset)
{
    return field_at(p, offset) - 1;
}

/* Text that does not end its line runs into the next field. */
static bool leaves_line_open(const struct plan *p, const struct region *r, const struct edit *e)
{
    if (e->insert.n > 0)
        return !ends_line(e->insert);
    return e->offset > start_of(p, r->field) && p->bytes.p[e->offset - 1] != '\n';
}

static void reach(const struct plan *p, struct region *r)
{
    const struct edit *e = &p->edit[r->last - 1];
    size_t end = field_at(p, e->offset + e->remove);

    if (e->offset + e->remove == start_of(p, end) && end < p->m->fields &&
        leaves_line_open(p, r, e))
        end++;
    if (end > r->field_end)
        r->field_end = end;
}

/* Does the next edit touch the same fields, or the same gap? One in the gap behind them does not.
 */
static bool joins(const struct plan *p, const struct region *r, const struct edit *e)
{
    uint64_t end = start_of(p, r->field_end);

    if (r->field_end == r->field)
        return inserts_only(e) && e->offset == end;
    return e->offset < end;
}

static struct region region_at(const struct plan *p, size_t first)
{
    const struct edit *e = &p->edit[first];
    struct region r = {.first = first, .last = first + 1};

    r.field = r.field_end = field_at(p, e->offset);
    if (e->offset < start_of(p, r.field))
        r.field = field_before(p, e->offset);
    if (!inserts_only(e) || r.field < r.field_end || !ends_line(e->insert))
        reach(p, &r);
    while (r.last < p->edits && joins(p, &r, &p->edit[r.last])) {
        r.last++;
        reach(p, &r);
    }
    return r;
}

static void plan_region(struct plan *p, const struct region *r)
{
    uint64_t start = start_of(p, r->field), end = start_of(p, r->field_end);
    struct header_list list;

    if (!read_fields(p, region_text(p, start, end, r->first, r->last), &list)) {
        p->lost += r->last - r->first;
        return;
    }
    if (r->field == r->field_end && r->field == p->m->fields)
        append_fields(p, &list);
    else if (r->field == r->field_end)
        insert_fields(p, &list, (uint32_t)r->field + 1);
    else
        replace_fields(p, r->field, r->field_end, &list);
}

/* Above everything, the MTA's Received too. */
static void plan_top(struct plan *p, const struct edit_list *edits)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(REGION_MAX);
    struct header_list list;
    size_t n = 0;

    for (; n < edits->n && edits->edit[n].offset == 0 && inserts_only(&edits->edit[n]); n++)
        buf_put_str(&text, edits->edit[n].insert);
    if (p->m->fields_at == 0)
        return; /* no synthetic Received: offset 0 is before the first field */
    if (read_fields(p, arena_str(p->arena, buf_str(&text)), &list))
        insert_fields(p, &list, 0);
    else
        p->lost += n;
}

static void plan_header(struct plan *p)
{
    struct region *region = ARENA_ARRAY(p->arena, struct region, p->edits + 1);
    size_t n = 0;

    for (size_t i = 0; i < p->edits; i = region[n++].last)
        region[n] = region_at(p, i);
    while (n-- > 0)
        plan_region(p, &region[n]);
}

/* ---- which edits are where ---- */

/* Those of the MTA's fields; one that begins in the synthetic Received, or goes on into the empty
 * line, is clipped. */
static void take_header_edits(struct plan *p, const struct edit_list *edits)
{
    struct edit *own = ARENA_ARRAY(p->arena, struct edit, edits->n + 1);

    for (size_t i = 0; i < edits->n; i++) {
        struct edit e = edits->edit[i];
        uint64_t end = e.offset + e.remove;

        if (e.offset > p->m->fields_end || end < p->m->fields_at ||
            (e.offset < p->m->fields_at && end == p->m->fields_at))
            continue;
        if (e.offset < p->m->fields_at)
            e.offset = p->m->fields_at;
        if (end > p->m->fields_end)
            end = p->m->fields_end;
        e.remove = end - e.offset;
        if (e.remove > 0 || e.insert.n > 0)
            own[p->edits++] = e;
    }
    p->edit = own;
}

static void take_body_edits(struct plan *p, const struct edit_list *edits,
                            struct milter_changes *out)
{
    struct edit *own = ARENA_ARRAY(p->arena, struct edit, edits->n + 1);
    size_t n = 0;

    for (size_t i = 0; i < edits->n; i++) {
        struct edit e = edits->edit[i];
        uint64_t end = e.offset + e.remove;

        if (end < p->m->body_at || (end == p->m->body_at && e.offset < p->m->body_at))
            continue;
        if (e.offset < p->m->body_at) {
            if (e.offset <= p->m->fields_end)
                e.insert = FCT_STR(""); /* it went into the header */
            e.remove = end - p->m->body_at;
            e.offset = p->m->body_at;
        }
        e.offset -= p->m->body_at;
        own[n++] = e;
    }
    out->body_edits = (struct edit_list){own, n};
    out->body = n > 0;
}

void milter_changes_plan(struct arena *arena, const struct milter_message *m, struct fct_str bytes,
                         const struct edit_list *edits, struct milter_changes *out)
{
    struct plan p = {.arena = arena, .m = m, .bytes = bytes};

    *out = (struct milter_changes){0};
    take_header_edits(&p, edits);
    plan_header(&p);
    plan_top(&p, edits);
    take_body_edits(&p, edits, out);
    out->change = p.change;
    out->n = p.changes;
    out->lost = p.lost;
}

/* ---- several recipients ---- */

static bool same_edit(const struct edit *a, const struct edit *b)
{
    return a->offset == b->offset && a->remove == b->remove && str_equal(a->insert, b->insert);
}

static bool has_edit(const struct edit_list *list, const struct edit *e)
{
    for (size_t i = 0; i < list->n && list->edit[i].offset <= e->offset; i++)
        if (same_edit(&list->edit[i], e))
            return true;
    return false;
}

void milter_edits_common(struct arena *arena, const struct edit_list *const *list, size_t lists,
                         struct edit_list *out)
{
    struct edit *common;
    size_t n = 0;

    *out = (struct edit_list){0};
    if (lists == 0)
        return;
    common = ARENA_ARRAY(arena, struct edit, list[0]->n + 1);
    for (size_t i = 0; i < list[0]->n; i++) {
        size_t others = 1;

        while (others < lists && has_edit(list[others], &list[0]->edit[i]))
            others++;
        if (others == lists)
            common[n++] = list[0]->edit[i];
    }
    *out = (struct edit_list){common, n};
}
