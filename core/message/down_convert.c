/* down_convert.c - see down_convert.h. The first pass counts what each part would be when encoded,
 * so that the size is known before anything is written (RFC 1870 6.1). */
#include "core/message/down_convert.h"

#include "core/base/err.h"
#include "core/message/lexer.h"
#include "core/message/line_faults.h"
#include "core/message/mime_stream.h"
#include "core/message/transfer_encode.h"

#include <stdlib.h>

/* ---- what servers do not take ---- */

enum label { LABEL_7BIT, LABEL_8BIT, LABEL_BINARY, LABEL_ENCODED, LABEL_UNKNOWN };

/* unfit: what is encoded when the message is converted. cause: what it is converted for, or
 * refused; mail that was not declared binary goes with its long lines as it came. */
static const struct kind {
    const char *name;
    unsigned unfit, cause;
    enum label label;
    const char *label_name;
} kinds[] = {
    [DOWN_8BIT_TO_7BIT] = {"8bit-to-7bit", FAULT_ALL, FAULT_HIGH, LABEL_7BIT, "7bit"},
    [DOWN_BINARY_TO_7BIT] = {"binary-to-7bit", FAULT_ALL, FAULT_ALL, LABEL_7BIT, "7bit"},
    [DOWN_BINARY_TO_8BIT] = {"binary-to-8bit", FAULT_ALL & ~FAULT_HIGH, FAULT_ALL & ~FAULT_HIGH,
                             LABEL_8BIT, "8bit"},
};

const char *down_convert_name(enum down_convert_kind kind)
{
    return kinds[kind].name;
}

/* ---- parts ---- */

enum action { AS_IT_IS, RELABEL, ENCODE, REPAIR };

struct entity {
    int parent;
    enum action action;
    enum encoding encoding; /* should it be encoded */
    enum label label;
    unsigned faults;      /* of a leaf; of a multipart: around its parts */
    unsigned label_bytes; /* of its Content-Transfer-Encoding fields */
    bool is_leaf, is_message, is_sealed, may_encode, has_version, has_type;
    bool is_changed; /* itself, or something in it */
    bool left_out;   /* what is around its parts */
    uint64_t bytes, encoded;
};

enum { FIRST_ENTITIES = 4 };

struct down_convert {
    const struct kind *kind;
    enum down_convert_kind which;
    struct mime_stream *stream;
    struct entity *entity;
    int n, room;
    unsigned header_faults;
    uint64_t size;
    /* The text in hand, of a leaf or around parts. */
    int area; /* its part, or -1 */
    struct line_faults scan;
    struct transfer_encoder encoder;
    struct buf *out; /* second pass */
};

static void look_at_header(void *arg, const struct mime_part *part, struct fct_str bytes);
static void look_at_body(void *arg, int part, bool between, struct fct_str bytes);
static void look_at_boundary(void *arg, struct fct_str bytes);

static const struct mime_stream_events look_events = {look_at_header, look_at_body,
                                                      look_at_boundary};

struct down_convert *down_convert_new(enum down_convert_kind kind)
{
    struct down_convert *d = calloc(1, sizeof *d);

    FCT_ASSERT(d);
    d->kind = &kinds[kind];
    d->which = kind;
    d->area = -1;
    d->stream = mime_stream_new(&mime_default_limits, &look_events, d);
    return d;
}

void down_convert_free(struct down_convert **p)
{
    struct down_convert *d = *p;

    *p = NULL;
    if (!d)
        return;
    mime_stream_free(&d->stream);
    transfer_encoder_free(&d->encoder);
    free(d->entity);
    free(d);
}

enum down_convert_kind down_convert_kind(const struct down_convert *d)
{
    return d->which;
}

uint64_t down_convert_size(const struct down_convert *d)
{
    return d->size;
}

/* ---- first pass: headers ---- */

/* "8-bit" and the like are seen, and mean what one would think. */
static enum label label_of(const struct mime_part *part)
{
    struct fct_str name = part->is.encoding;

    if (part->transfer != TRANSFER_IDENTITY)
        return LABEL_ENCODED;
    if (LEX_IS(name, "binary"))
        return LABEL_BINARY;
    if (name.n > 0 && name.p[0] == '8')
        return LABEL_8BIT;
    return name.n > 0 && name.p[0] == '7' ? LABEL_7BIT : LABEL_UNKNOWN;
}

/* Its bytes are signed or encrypted as they stand (RFC 1847 2.1, RFC 3156 3, RFC 8551 3.1). */
static bool seals(struct fct_str type)
{
    static const struct fct_str types[] = {
        FCT_STR_INIT("multipart/signed"),
        FCT_STR_INIT("multipart/encrypted"),
        FCT_STR_INIT("application/pkcs7-mime"),
        FCT_STR_INIT("application/x-pkcs7-mime"),
    };

    for (size_t i = 0; i < FCT_COUNT(types); i++)
        if (str_equal(type, types[i]))
            return true;
    return false;
}

/* RFC 2045 6.4: only leaves; RFC 6532 3.7 and RFC 6533 except message/global and its like. */
static bool may_be_encoded(const struct mime_part *part)
{
    if (LEX_IS(part->major, "multipart") || label_of(part) == LABEL_UNKNOWN)
        return false;
    return !str_starts(part->is.type, FCT_STR("message/")) ||
           str_starts(part->is.type, FCT_STR("message/global"));
}

static enum encoding encoding_for(const struct mime_part *part)
{
    if (part->transfer == TRANSFER_QUOTED_PRINTABLE)
        return ENCODE_REPAIR_QUOTED_PRINTABLE;
    if (part->transfer == TRANSFER_BASE64)
        return ENCODE_REPAIR_BASE64;
    return str_starts(part->is.type, FCT_STR("text/")) ? ENCODE_QUOTED_PRINTABLE : ENCODE_BASE64;
}

static bool is_label(const struct fct_header *field)
{
    return str_equal_nocase(field->name, FCT_STR("Content-Transfer-Encoding"));
}

static struct entity *add_entity(struct down_convert *d)
{
    if (d->n == d->room) {
        d->room = d->room > 0 ? 2 * d->room : FIRST_ENTITIES;
        d->entity = realloc(d->entity, (size_t)d->room * sizeof *d->entity);
        FCT_ASSERT(d->entity);
    }
    return &d->entity[d->n++];
}

static void close_area(struct down_convert *d, bool needs_line_end);

static void look_at_header(void *arg, const struct mime_part *part, struct fct_str bytes)
{
    struct down_convert *d = arg;
    int parent = part->is.parent;
    struct entity *e;

    close_area(d, false);
    e = add_entity(d);
    *e = (struct entity){
        .parent = parent,
        .encoding = encoding_for(part),
        .label = label_of(part),
        .is_leaf = !part->is_multipart && !part->is_message,
        .is_message = part->is_message,
        .is_sealed = seals(part->is.type) || (parent >= 0 && d->entity[parent].is_sealed),
        .may_encode = may_be_encoded(part),
        .has_version = header_find(&part->header, "MIME-Version", 0) != NULL,
        .has_type = header_find(&part->header, "Content-Type", 0) != NULL,
    };
    for (size_t i = 0; i < part->header.n; i++)
        if (is_label(&part->header.field[i]))
            e->label_bytes += (unsigned)part->header.field[i].raw.n;
    d->header_faults |= line_faults_of(bytes);
    d->size += bytes.n;
}

/* ---- first pass: bodies ---- */

static void open_area(struct down_convert *d, int part)
{
    if (d->area == part)
        return;
    close_area(d, false);
    d->area = part;
    d->scan = (struct line_faults){0};
    transfer_encoder_start(&d->encoder, d->entity[part].encoding);
}

static void close_area(struct down_convert *d, bool needs_line_end)
{
    struct entity *e;

    if (d->area < 0)
        return;
    e = &d->entity[d->area];
    d->area = -1;
    e->faults |= line_faults_end(&d->scan);
    if (!e->is_leaf)
        return;
    transfer_encoder_end(&d->encoder, needs_line_end, NULL);
    e->encoded = d->encoder.size;
    e->may_encode = e->may_encode && !d->encoder.failed;
}

static void look_at_body(void *arg, int part, bool between, struct fct_str bytes)
{
    struct down_convert *d = arg;

    open_area(d, part);
    line_faults_put(&d->scan, bytes);
    if (!between)
        transfer_encoder_put(&d->encoder, bytes, NULL);
    d->entity[part].bytes += bytes.n;
    d->size += bytes.n;
}

static void look_at_boundary(void *arg, struct fct_str bytes)
{
    struct down_convert *d = arg;

    close_area(d, false);
    d->header_faults |= line_faults_of(bytes);
    d->size += bytes.n;
}

void down_convert_look(struct down_convert *d, struct fct_str bytes)
{
    mime_stream_put(d->stream, bytes);
}

/* ---- the verdict ---- */

/* A leaf, or a multipart with what is around its parts: what is to be done with it. */
static enum down_convert_verdict judge(const struct down_convert *d, struct entity *e)
{
    bool unfit = (e->faults & d->kind->unfit) != 0, cause = (e->faults & d->kind->cause) != 0;

    if (e->is_sealed)
        return cause ? DOWN_SEALED : DOWN_CONVERTS;
    if (unfit && e->is_leaf && !e->may_encode)
        return cause ? DOWN_STRUCTURE : DOWN_CONVERTS;
    if (e->is_changed && e->label >= LABEL_ENCODED) /* nothing may be encoded twice */
        return DOWN_STRUCTURE;
    if (unfit && e->is_leaf) {
        e->action = e->label == LABEL_ENCODED ? REPAIR : ENCODE;
        e->is_changed = true;
    } else if (e->label > d->kind->label && e->label <= LABEL_BINARY) {
        e->action = RELABEL;
    }
    e->left_out = unfit && !e->is_leaf;
    return DOWN_CONVERTS;
}

static bool is_root(const struct down_convert *d, const struct entity *e)
{
    return e->parent < 0 || d->entity[e->parent].is_message;
}

static void put_label(const struct down_convert *d, const struct entity *e, struct buf *out)
{
    const char *label = e->action == RELABEL                     ? d->kind->label_name
                        : e->encoding == ENCODE_QUOTED_PRINTABLE ? "quoted-printable"
                                                                 : "base64";

    buf_printf(out, "Content-Transfer-Encoding: %s\r\n", label);
}

/* Fields that the part needs and does not have. Without them it would not be read as what is in it:
 * RFC 2045 4 and 5.2; RFC 1428 has the name of what nobody knows. */
static void put_missing_fields(const struct down_convert *d, const struct entity *e,
                               struct buf *out)
{
    if (e->action != ENCODE)
        return;
    if (is_root(d, e) && !e->has_version)
        buf_put_c(out, "MIME-Version: 1.0\r\n");
    if (!e->has_type && (e->faults & FAULT_HIGH))
        buf_put_c(out, "Content-Type: text/plain; charset=unknown-8bit\r\n");
    if (e->label_bytes == 0)
        put_label(d, e, out);
}

static bool has_new_label(const struct entity *e)
{
    return e->action == RELABEL || e->action == ENCODE;
}

/* By so many bytes its header grows; below zero: shrinks. */
static int64_t header_growth(const struct down_convert *d, const struct entity *e)
{
    FCT_CLEANUP(buf_free) struct buf fields = BUF_INIT(1024);

    if (!has_new_label(e))
        return 0;
    put_missing_fields(d, e, &fields);
    if (e->label_bytes > 0)
        put_label(d, e, &fields);
    return (int64_t)fields.n - (int64_t)e->label_bytes;
}

static void add_growth(struct down_convert *d, const struct entity *e)
{
    int64_t growth = header_growth(d, e);

    if (e->action >= ENCODE)
        growth += (int64_t)e->encoded - (int64_t)e->bytes;
    if (e->left_out)
        growth -= (int64_t)e->bytes;
    d->size += (uint64_t)growth;
}

/* From the innermost parts outwards. */
static enum down_convert_verdict judge_all(struct down_convert *d)
{
    enum down_convert_verdict worst = DOWN_CONVERTS;

    for (int i = d->n - 1; i >= 0; i--) {
        struct entity *e = &d->entity[i];
        enum down_convert_verdict now = judge(d, e);

        if (now > worst)
            worst = now;
        if (e->parent >= 0 && e->is_changed)
            d->entity[e->parent].is_changed = true;
    }
    return worst;
}

enum down_convert_verdict down_convert_decide(struct down_convert *d)
{
    unsigned faults;
    bool truncated;
    enum down_convert_verdict verdict;

    mime_stream_end(d->stream);
    close_area(d, true);
    truncated = mime_stream_truncated(d->stream);
    mime_stream_free(&d->stream); /* the message may wait for long until it is written */
    if (truncated)
        return DOWN_STRUCTURE;
    faults = d->header_faults & d->kind->cause;
    if (faults & FAULT_HIGH)
        return DOWN_HEADER;
    if (faults & (FAULT_NUL | FAULT_LINE_END))
        return DOWN_STRUCTURE;
    faults = 0; /* a header's long lines stay */
    for (int i = 0; i < d->n; i++)
        faults |= d->entity[i].faults;
    if (!(faults & d->kind->cause))
        return DOWN_FITS;
    verdict = judge_all(d);
    for (int i = 0; i < d->n; i++)
        add_growth(d, &d->entity[i]);
    return verdict;
}

/* ---- second pass ---- */

static void end_part(struct down_convert *d, bool needs_line_end)
{
    if (d->area >= 0)
        transfer_encoder_end(&d->encoder, needs_line_end, d->out);
    d->area = -1;
}

/* Where the empty line begins. */
static size_t separator_of(struct fct_str header)
{
    size_t n = header.n;

    if (n >= 2 && header.p[n - 2] == '\r' && (n == 2 || header.p[n - 3] == '\n'))
        return n - 2;
    return n - 1;
}

static void write_header(void *arg, const struct mime_part *part, struct fct_str bytes)
{
    struct down_convert *d = arg;
    const struct entity *e = &d->entity[d->n++];
    bool labelled = false;
    size_t done = 0;

    end_part(d, false);
    for (size_t i = 0; i < part->header.n && has_new_label(e); i++) {
        const struct fct_header *h = &part->header.field[i];

        if (!is_label(h))
            continue;
        buf_put_str(d->out, str_between(bytes.p + done, h->raw.p));
        if (!labelled)
            put_label(d, e, d->out);
        labelled = true;
        done = h->offset + h->raw.n;
    }
    if (e->action == ENCODE) { /* it has a body, so there is an empty line */
        size_t end = separator_of(bytes);

        buf_put_str(d->out, str_between(bytes.p + done, bytes.p + end));
        put_missing_fields(d, e, d->out);
        done = end;
    }
    buf_put_str(d->out, str_skip(bytes, done));
}

static void write_body(void *arg, int part, bool between, struct fct_str bytes)
{
    struct down_convert *d = arg;
    const struct entity *e = &d->entity[part];

    if (e->action < ENCODE) {
        if (!between || !e->left_out)
            buf_put_str(d->out, bytes);
        return;
    }
    if (d->area != part)
        transfer_encoder_start(&d->encoder, e->encoding);
    d->area = part;
    transfer_encoder_put(&d->encoder, bytes, d->out);
}

static void write_boundary(void *arg, struct fct_str bytes)
{
    struct down_convert *d = arg;

    end_part(d, false);
    buf_put_str(d->out, bytes);
}

void down_convert_begin(struct down_convert *d)
{
    static const struct mime_stream_events events = {write_header, write_body, write_boundary};

    mime_stream_free(&d->stream);
    d->stream = mime_stream_new(&mime_default_limits, &events, d);
    d->area = -1;
    d->n = 0;
}

void down_convert_write(struct down_convert *d, struct fct_str bytes, struct buf *out)
{
    d->out = out;
    mime_stream_put(d->stream, bytes);
}

void down_convert_end(struct down_convert *d, struct buf *out)
{
    d->out = out;
    mime_stream_end(d->stream);
    end_part(d, true);
}
