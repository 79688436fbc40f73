/* lint_mime.c - the tree of parts: what its fields promise, and what is there (RFC 2045, 2046). */
#include "lint.h"

#include "lint_text.h"

#include <stdlib.h>

#define NOTHING        FCT_STR("")
#define MULTIPARTS_MAX 20u /* whose ends are looked for, each in the rest of the message */
#define LOOKED_MAX     ((size_t)1 << 20) /* of a part */
#define TEXT_MIN       8u                /* characters that somebody could read */
#define TEXT_IMAGE     40u               /* so few beside a picture are its caption */

static bool is_multipart(const struct fct_part *part)
{
    return lint_begins(part->type, "multipart/");
}

static bool is_text(const struct fct_part *part)
{
    return lint_begins(part->type, "text/");
}

static struct fct_str slice(struct fct_str raw, size_t offset, size_t length)
{
    if (offset > raw.n)
        return NOTHING;
    return (struct fct_str){raw.p + offset, length < raw.n - offset ? length : raw.n - offset};
}

/* ---- multipart ---- */

/* The value of a field among those of a part, raw; n counts. */
static struct fct_str part_field(struct fct_str head, const char *name, unsigned *times)
{
    struct fct_str found = NOTHING;
    size_t length = strlen(name);
    const char *at = head.p, *end = head.p + head.n;

    *times = 0;
    while (at < end) {
        const char *line = at, *next;

        do {
            next = memchr(at, '\n', (size_t)(end - at));
            at = next ? next + 1 : end;
        } while (at < end && (*at == ' ' || *at == '\t'));
        if ((size_t)(at - line) > length && line[length] == ':' &&
            lint_begins((struct fct_str){line, (size_t)(at - line)}, name)) {
            found = (struct fct_str){line + length + 1, (size_t)(at - line) - length - 1};
            ++*times;
        }
    }
    return found;
}

static void check_boundary(struct lint *l, struct fct_str raw, const struct fct_part *part,
                           struct fct_str type)
{
    struct fct_str boundary = lint_parameter(type, "boundary");
    struct fct_str body = slice(raw, part->body_offset, SIZE_MAX);
    char end[80];
    int n;

    if (boundary.n == 0 || boundary.n > 70) {
        lint_found(l, LINT_MIME_NO_BOUNDARY, part->type);
        return;
    }
    n = snprintf(end, sizeof end, "--%.*s--", FCT_FMT(boundary));
    lint_if(l, !memmem(body.p, body.n, end, (size_t)n), LINT_MIME_NO_END, part->type);
}

static void check_part_fields(struct lint *l, struct fct_str raw, const struct fct_part *part,
                              unsigned *multiparts)
{
    struct fct_str head = slice(raw, part->header_offset, part->header_length), type;
    unsigned types, encodings;

    type = part_field(head, "Content-Type", &types);
    (void)part_field(head, "Content-Transfer-Encoding", &encodings);
    lint_if(l, types > 1 || encodings > 1, LINT_MIME_DUPLICATE, part->type);
    if (is_multipart(part) && *multiparts < MULTIPARTS_MAX) {
        ++*multiparts;
        check_boundary(l, raw, part, type);
    }
}

/* ---- leaves ---- */

static bool is_base64_character(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           strchr("+/=\r\n \t", c);
}

/* Lists add their lines below base64: broken, and honest. Letters of the alphabet behind padding
 * are not looked for, for that reason. */
static bool is_bad_base64(struct fct_str body)
{
    size_t bad = 0;

    for (size_t i = 0; i < body.n; i++)
        bad += body.p[i] == '\0' || !is_base64_character(body.p[i]);
    return bad > 0;
}

static void check_leaf(struct lint *l, struct fct_str raw, const struct fct_part *part)
{
    struct fct_str body = slice(raw, part->body_offset,
                                part->body_length < LOOKED_MAX ? part->body_length : LOOKED_MAX);
    bool base64 = lint_same(part->encoding, "base64");

    lint_if(l, base64 && is_bad_base64(body), LINT_MIME_BAD_BASE64, part->type);
    if (!is_text(part))
        return;
    lint_if(l, body.n > 0 && memchr(body.p, '\0', body.n), LINT_MIME_NUL, part->type);
    lint_if(l, part->charset.n > 0 && !lint_is_charset(part->charset), LINT_CHARSET_UNKNOWN,
            part->charset);
    lint_if(l,
            base64 && part->filename.n == 0 && body.n > 0 &&
                lint_is_ascii(l->host->part_bytes(l->call, part)),
            LINT_TEXT_BASE64, part->type);
}

/* ---- the whole ---- */

struct census {
    size_t plain, html, images, others;
};

static struct census count_parts(const struct fct_part *part, size_t n)
{
    struct census c = {0, 0, 0, 0};

    for (size_t i = 0; i < n; i++) {
        if (is_multipart(&part[i]))
            continue;
        if (is_text(&part[i]) && part[i].filename.n == 0)
            lint_same(part[i].type, "text/html") ? c.html++ : c.plain++;
        else if (lint_begins(part[i].type, "image/"))
            c.images++;
        else
            c.others++;
    }
    return c;
}

static size_t linked_images(struct lint *l)
{
    const struct fct_link *link;
    size_t n = l->host->links(l->call, &link), images = 0;

    for (size_t i = 0; i < n; i++)
        images += link[i].from == FCT_LINK_IMAGE;
    return images;
}

static void check_content(struct lint *l, const struct fct_part *part, size_t n)
{
    struct census c = count_parts(part, n);
    size_t shown = lint_trim(l->host->text(l->call, FCT_TEXT_SHOWN)).n;
    size_t images = c.images + linked_images(l);

    lint_if(l, shown < TEXT_MIN && images == 0 && c.others == 0, LINT_EMPTY, NOTHING);
    lint_if(l, shown < TEXT_IMAGE && images > 0 && c.others == 0 && c.html > 0, LINT_ONLY_IMAGE,
            NOTHING);
    lint_if(l, c.html > 0 && c.plain == 0 && c.others == 0, LINT_HTML_ONLY, NOTHING);
}

void lint_mime(struct lint *l)
{
    const struct fct_header *type = l->host->header(l->call, "Content-Type", 0);
    struct fct_str raw = l->host->raw(l->call);
    const struct fct_part *part;
    size_t n = l->host->parts(l->call, &part);
    unsigned multiparts = 0;

    lint_if(l,
            type && !l->host->header(l->call, "MIME-Version", 0) &&
                !lint_begins(lint_trim(type->value), "text/plain"),
            LINT_MIME_NO_VERSION, type ? lint_trim(type->value) : NOTHING);
    for (size_t i = 0; i < n; i++) {
        check_part_fields(l, raw, &part[i], &multiparts);
        if (!is_multipart(&part[i]))
            check_leaf(l, raw, &part[i]);
    }
    check_content(l, part, n);
}
