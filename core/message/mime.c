/* mime.c - what the Content-* fields of a part say, and its decoded bytes (RFC 2045, RFC 2046). */
#include "core/message/mime.h"
#include "core/message/lexer.h"
#include "core/message/mime_int.h"
#include "core/message/parameter.h"

const struct mime_limits mime_default_limits = {
    .max_depth = 100,
    .max_parts = 2000,
    .header = {.max_fields = 10000, .max_bytes = 1 << 20},
    .max_parameters = 1000,
};

static struct fct_str lower(struct arena *arena, struct fct_str s)
{
    char *copy = arena_alloc(arena, s.n + 1);

    if (s.n > 0)
        memcpy(copy, s.p, s.n);
    str_lower(copy, s.n);
    return (struct fct_str){copy, s.n};
}

static struct fct_str lower_if_needed(struct arena *arena, struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (char_lower(s.p[i]) != s.p[i])
            return lower(arena, s);
    return s;
}

/* "major/minor" in lower case; a view when it stands in the message like that. */
static struct fct_str joined_type(struct arena *arena, struct fct_str major, struct fct_str minor)
{
    char *copy;

    if (major.p + major.n + 1 == minor.p)
        return lower_if_needed(arena, str_between(major.p, minor.p + minor.n));
    copy = arena_alloc(arena, major.n + minor.n + 2);
    if (major.n > 0)
        memcpy(copy, major.p, major.n);
    copy[major.n] = '/';
    if (minor.n > 0)
        memcpy(copy + major.n + 1, minor.p, minor.n);
    str_lower(copy, major.n + minor.n + 1);
    return (struct fct_str){copy, major.n + minor.n + 1};
}

struct fct_str mime_parameter_value(const struct mime_parameter *list, size_t n, const char *name)
{
    struct fct_str wanted = str_from(name);

    for (size_t i = 0; i < n; i++)
        if (str_equal(list[i].name, wanted))
            return list[i].value;
    return (struct fct_str){0};
}

static bool is_ascii_without(struct fct_str s, char c)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == c || (unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

/* File names are written as encoded words by programs that never read RFC 2231; RFC 2047 5 forbids
 * it. */
static struct fct_str decoded_name(struct arena *arena, struct fct_str s)
{
    struct buf out = BUF_INIT(4 * s.n + 16);
    struct fct_str text;

    if (s.n == 0 || is_ascii_without(s, '='))
        return s;
    encoded_word_decode(s, &out);
    text = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return text;
}

static void read_content_type(struct part_reader *r, struct mime_part *part,
                              const struct fct_header *h)
{
    struct fct_str in = h->value, charset;

    if (!content_type_take(&in, &part->major, &part->minor))
        *r->defects |= MIME_DEFECT_BAD_TYPE;
    part->is.type = joined_type(r->arena, part->major, part->minor);
    part->nparameters = parameter_list_parse(r->arena, in, r->limits->max_parameters,
                                             PARAMETER_DECODED, &part->parameter);
    charset = mime_parameter_value(part->parameter, part->nparameters, "charset");
    part->is.charset = lower_if_needed(r->arena, charset);
}

/* mechanism = token; comments around it are seen RFC 2045 6.1 */
static void read_encoding(struct part_reader *r, struct mime_part *part, const struct fct_header *h)
{
    struct fct_str in = h->value, token;

    lex_skip_cfws(&in, NULL);
    token = lex_take(&in, LEX_TOKEN);
    lex_skip_cfws(&in, NULL);
    if (token.n == 0 || in.n > 0)
        *r->defects |= MIME_DEFECT_BAD_ENCODING;
    if (token.n == 0)
        return;
    part->is.encoding = lower_if_needed(r->arena, token);
    part->transfer = transfer_from_name(token);
    if (part->transfer == TRANSFER_IDENTITY && !LEX_IS(token, "7bit") && !LEX_IS(token, "8bit") &&
        !LEX_IS(token, "binary"))
        *r->defects |= MIME_DEFECT_BAD_ENCODING;
}

static void read_disposition(struct part_reader *r, struct mime_part *part,
                             const struct fct_header *h)
{
    struct fct_str in = h->value;

    lex_skip_cfws(&in, NULL);
    part->disposition = lex_take(&in, LEX_TOKEN);
    part->ndisposition_parameters = parameter_list_parse(
        r->arena, in, r->limits->max_parameters, PARAMETER_DECODED, &part->disposition_parameter);
}

static void read_content_id(struct part_reader *r, struct mime_part *part,
                            const struct fct_header *h)
{
    struct fct_str id = header_unfold(r->arena, h);

    if (id.n > 1 && id.p[0] == '<' && id.p[id.n - 1] == '>')
        id = str_head(str_skip(id, 1), id.n - 2);
    part->is.content_id = id;
}

/* The first of several wins, as with most readers; the second is a defect others may want to know
 * of. */
static const struct content_field {
    const char *name; /* behind "content-" */
    size_t length;
    void (*read)(struct part_reader *r, struct mime_part *part, const struct fct_header *h);
} content_fields[] = {
    {"type", 4, read_content_type},
    {"transfer-encoding", 17, read_encoding},
    {"disposition", 11, read_disposition},
    {"id", 2, read_content_id},
};

void mime_part_read_header(struct part_reader *r, struct mime_part *part)
{
    static const size_t prefix = sizeof "content-" - 1;
    unsigned seen = 0;

    part->is.encoding = FCT_STR("7bit");
    for (size_t i = 0; i < part->header.n; i++) {
        const struct fct_header *h = &part->header.field[i];
        struct fct_str rest = str_skip(h->name, prefix);

        if (h->name.n <= prefix || char_lower(h->name.p[0]) != 'c' ||
            !lex_name_is(str_head(h->name, prefix), "content-", prefix))
            continue;
        for (size_t k = 0; k < FCT_COUNT(content_fields); k++) {
            if (!lex_name_is(rest, content_fields[k].name, content_fields[k].length))
                continue;
            if (!(seen & 1u << k))
                content_fields[k].read(r, part, h);
            else if (k < 2)
                *r->defects |= MIME_DEFECT_TWICE;
            seen |= 1u << k;
        }
    }
    if (!(seen & 1)) { /* RFC 2045 5.2, RFC 2046 5.1.5 */
        part->major = r->in_digest ? FCT_STR("message") : FCT_STR("text");
        part->minor = r->in_digest ? FCT_STR("rfc822") : FCT_STR("plain");
        part->is.type = r->in_digest ? FCT_STR("message/rfc822") : FCT_STR("text/plain");
    }
    struct fct_str name = mime_parameter_value(part->disposition_parameter,
                                               part->ndisposition_parameters, "filename");
    if (name.n == 0)
        name = mime_parameter_value(part->parameter, part->nparameters, "name");
    part->is.filename = decoded_name(r->arena, name);
}

static struct fct_str part_body(struct fct_str message, const struct mime_part *part)
{
    return str_head(str_skip(message, part->is.body_offset), part->is.body_length);
}

bool mime_part_bytes(struct fct_str message, const struct mime_part *part, struct buf *out)
{
    return transfer_decode(part->transfer, part_body(message, part), out);
}

bool mime_part_text(struct fct_str message, const struct mime_part *part, struct buf *out)
{
    struct fct_str body = part_body(message, part);
    struct buf bytes = BUF_INIT(body.n + 16);
    bool ok;

    if (part->transfer == TRANSFER_IDENTITY)
        return charset_to_utf8(part->is.charset, body, out);
    ok = transfer_decode(part->transfer, body, &bytes) &&
         charset_to_utf8(part->is.charset, buf_str(&bytes), out);
    buf_free(&bytes);
    return ok;
}
