/* milter_fields.c - see milter_fields.h. */
#include "milter_fields.h"

#include <strings.h>

static bool same_bytes(struct fct_str a, struct fct_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static bool same_name(struct fct_str a, struct fct_str b)
{
    return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

static bool grow(struct milter_fields *f)
{
    size_t room = f->room ? 2 * f->room : 64;
    struct milter_field *field;

    if (f->n < f->room)
        return true;
    field = f->host->alloc(f->call, room * sizeof *field);
    if (!field)
        return false;
    if (f->n > 0)
        memcpy(field, f->field, f->n * sizeof *field);
    f->field = field;
    f->room = room;
    return true;
}

static bool insert_at(struct milter_fields *f, size_t at, const struct milter_field *field)
{
    if (!grow(f))
        return false;
    memmove(f->field + at + 1, f->field + at, (f->n - at) * sizeof *f->field);
    f->field[at] = *field;
    f->n++;
    return true;
}

/* ---- reading ---- */

/* One field with its folded lines; empty at the end of the header. */
static struct fct_str take_field(struct fct_str *rest)
{
    size_t i = 0;

    if (rest->n == 0 || rest->p[0] == '\n' ||
        (rest->n > 1 && rest->p[0] == '\r' && rest->p[1] == '\n'))
        return (struct fct_str){rest->p, 0};
    while (i < rest->n) {
        const char *end = memchr(rest->p + i, '\n', rest->n - i);

        i = end ? (size_t)(end - rest->p) + 1 : rest->n;
        if (i >= rest->n || (rest->p[i] != ' ' && rest->p[i] != '\t'))
            break;
    }
    rest->p += i;
    rest->n -= i;
    return (struct fct_str){rest->p - i, i};
}

static struct milter_field split(struct fct_str raw)
{
    const char *colon = memchr(raw.p, ':', raw.n);
    struct milter_field field = {.name = raw};

    if (!colon) /* no field at all: shown as a name without a value */
        return field;
    field.name.n = (size_t)(colon - raw.p);
    while (field.name.n > 0 &&
           (field.name.p[field.name.n - 1] == ' ' || field.name.p[field.name.n - 1] == '\t'))
        field.name.n--;
    field.value = (struct fct_str){colon + 1, (size_t)(raw.p + raw.n - colon - 1)};
    while (field.value.n > 0 &&
           (field.value.p[field.value.n - 1] == '\n' || field.value.p[field.value.n - 1] == '\r'))
        field.value.n--;
    return field;
}

/* Fields come in the original's order with additions between them: the next one with the same
 * bytes is the one. */
static const struct fct_header *find_original(const struct fct_header *header, size_t n,
                                              size_t *next, struct fct_str raw)
{
    for (size_t i = *next; i < n; i++)
        if (same_bytes(header[i].raw, raw)) {
            *next = i + 1;
            return &header[i];
        }
    return NULL;
}

/* Written by our own SMTP or LMTP engine, above what the client sent. */
static bool is_own_trace(const struct milter_fields *f, const struct fct_header *header,
                         const struct fct_header *first)
{
    struct fct_str frontend = f->host->conn(f->call)->frontend;

    return header == first && same_name(header->name, FCT_STR("Received")) &&
           (same_bytes(frontend, FCT_STR("smtp")) || same_bytes(frontend, FCT_STR("lmtp")));
}

bool milter_fields_read(struct milter_fields *f, const struct fct_host *host, struct fct_call *call)
{
    const struct fct_header *header;
    size_t n = host->headers(call, &header), next = 0;
    struct fct_str rest = host->current(call), raw;

    *f = (struct milter_fields){.host = host, .call = call};
    while ((raw = take_field(&rest)).n > 0) {
        struct milter_field field = split(raw);

        field.header = find_original(header, n, &next, raw);
        field.hidden = field.header && is_own_trace(f, field.header, header);
        if (!insert_at(f, f->n, &field))
            return false;
    }
    if (rest.n > 0 && rest.p[0] == '\r') {
        rest.p++;
        rest.n--;
    }
    if (rest.n > 0) {
        rest.p++;
        rest.n--;
    }
    f->body = rest;
    return true;
}

/* ---- the filter's edits ---- */

/* LF and folding as the wire has it: CRLF, and a continuation begins with white space. */
static bool to_wire(struct milter_fields *f, struct fct_str value, struct fct_str *out)
{
    char *p = f->host->alloc(f->call, 2 * value.n + 1);
    size_t n = 0;

    if (!p)
        return false;
    while (value.n > 0 && (value.p[0] == ' ' || value.p[0] == '\t')) {
        value.p++;
        value.n--;
    }
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        bool last = i + 1 == value.n;

        if (c == '\r')
            continue;
        if (c != '\n') {
            p[n++] = c;
        } else if (!last && (value.p[i + 1] == ' ' || value.p[i + 1] == '\t')) {
            p[n++] = '\r';
            p[n++] = '\n';
        } else if (!last) {
            return false; /* a line that begins another field */
        }
    }
    *out = (struct fct_str){p, n};
    return true;
}

/* The filter's packet is gone when the host reads the name. */
static bool copy(struct milter_fields *f, struct fct_str name, struct fct_str *out)
{
    char *p = f->host->alloc(f->call, name.n + 1);

    if (!p)
        return false;
    memcpy(p, name.p, name.n);
    *out = (struct fct_str){p, name.n};
    return true;
}

static bool insert_new(struct milter_fields *f, size_t at, struct fct_str name,
                       struct fct_str value)
{
    struct milter_field field = {.fresh = true};

    return copy(f, name, &field.name) && to_wire(f, value, &field.value) &&
           insert_at(f, at, &field);
}

bool milter_fields_add(struct milter_fields *f, struct fct_str name, struct fct_str value)
{
    return insert_new(f, f->n, name, value);
}

bool milter_fields_insert(struct milter_fields *f, uint32_t index, struct fct_str name,
                          struct fct_str value)
{
    size_t at = 0;

    if (index == 0)
        return insert_new(f, 0, name, value);
    while (at < f->n && index > 0) {
        if (!f->field[at].hidden && !f->field[at].removed)
            index--;
        at++;
    }
    return insert_new(f, at, name, value);
}

static bool change(struct milter_fields *f, struct milter_field *field, struct fct_str value)
{
    if (!field->header && !field->fresh)
        return false; /* added by an earlier filter: not ours to change */
    if (value.n == 0)
        field->removed = true;
    else if (!to_wire(f, value, &field->value))
        return false;
    field->changed = true;
    return true;
}

bool milter_fields_change(struct milter_fields *f, uint32_t nth, struct fct_str name,
                          struct fct_str value)
{
    uint32_t seen = 0;

    for (size_t i = 0; i < f->n; i++) {
        struct milter_field *field = &f->field[i];

        if (!field->hidden && !field->removed && same_name(field->name, name) &&
            ++seen == (nth ? nth : 1))
            return change(f, field, value);
    }
    return value.n == 0 || milter_fields_add(f, name, value); /* as Sendmail: beyond the last one */
}

/* ---- to the host ---- */

static const struct fct_header *next_original(const struct milter_fields *f, size_t at)
{
    while (at < f->n && !f->field[at].header)
        at++;
    return at < f->n ? f->field[at].header : NULL;
}

static bool commit_one(const struct milter_fields *f, size_t at)
{
    const struct milter_field *field = &f->field[at];
    const struct fct_header *before;

    if (field->fresh) {
        before = next_original(f, at + 1);
        return before
                   ? f->host->header_insert(f->call, FCT_BEFORE, before, field->name, field->value)
                   : f->host->header_add(f->call, FCT_END, field->name, field->value);
    }
    if (field->removed)
        return f->host->header_remove(f->call, field->header);
    return f->host->header_set(f->call, field->header, field->value);
}

size_t milter_fields_commit(struct milter_fields *f)
{
    size_t refused = 0;

    for (size_t i = 0; i < f->n; i++) {
        const struct milter_field *field = &f->field[i];

        if (field->fresh ? !field->removed : field->changed)
            refused += !commit_one(f, i);
    }
    return refused;
}
