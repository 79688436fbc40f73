/* fuzzy_message.c - see fuzzy_message.h. */
#include "fuzzy_message.h"

#include "fuzzy_text.h"

#include "plugins/lib/view.h"

#include <openssl/evp.h>
#include <strings.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* ---- the shape of HTML: which elements begin, in their order ---- */

static void add_shape(const struct fuzzy_reading *r, const struct fct_part *part,
                      struct fuzzy_sketcher *s)
{
    const struct fct_html_token *token;
    size_t n = r->host->html(r->call, part, &token);

    for (size_t i = 0; i < n; i++)
        if (token[i].kind == FCT_HTML_START)
            fuzzy_sketch_word(s, token[i].name);
}

/* ---- attachments ---- */

static bool is_attachment(const struct fct_part *part)
{
    bool is_text = view_is(part->type, "text/plain") || view_is(part->type, "text/html");
    bool is_leaf = (part->type.n < 10 || memcmp(part->type.p, "multipart/", 10) != 0) &&
                   !view_is(part->type, "message/rfc822");

    return is_leaf && (!is_text || part->filename.n > 0);
}

static void add_attachment(const struct fuzzy_reading *r, const struct fct_part *part,
                           struct fuzzy_marks *out)
{
    struct fct_str bytes;
    struct fuzzy_attachment *a = &out->attachment[out->attachments];
    unsigned char hash[EVP_MAX_MD_SIZE];

    if (part->body_length < r->min_attachment || out->attachments == r->max_attachments ||
        out->attachments == FUZZY_ATTACHMENTS_MAX)
        return;
    bytes = r->host->part_bytes(r->call, part);
    if (bytes.n < r->min_attachment || bytes.n == 0 ||
        EVP_Digest(bytes.p, bytes.n, hash, NULL, EVP_sha256(), NULL) != 1)
        return;
    memcpy(a->id, hash, sizeof a->id);
    for (size_t i = 0; i < out->attachments; i++)
        if (memcmp(out->attachment[i].id, a->id, sizeof a->id) == 0)
            return;
    a->is_image = part->type.n > 6 && memcmp(part->type.p, "image/", 6) == 0;
    out->attachments++;
}

/* ---- the whole ---- */

static struct fct_str shown_text(const struct fuzzy_reading *r)
{
    struct fct_str text = r->host->text(r->call, FCT_TEXT_SHOWN);

    if (text.n > r->max_text)
        text.n = r->max_text;
    return text;
}

bool fuzzy_message_marks(const struct fuzzy_reading *r, struct fuzzy_marks *out)
{
    const struct fct_part *part;
    size_t parts = r->host->parts(r->call, &part);
    struct fuzzy_sketcher text, shape;

    *out = (struct fuzzy_marks){.attachments = 0};
    fuzzy_sketch_begin(&text, r->key);
    fuzzy_text_add(&text, shown_text(r));
    fuzzy_sketch_end(&text, &out->text);
    fuzzy_sketch_begin(&shape, r->key);
    for (size_t i = 0; i < parts; i++) {
        if (is_attachment(&part[i]))
            add_attachment(r, &part[i], out);
        else if (view_is(part[i].type, "text/html"))
            add_shape(r, &part[i], &shape);
    }
    fuzzy_sketch_end(&shape, &out->html);
    return out->text.is_there || out->html.is_there || out->attachments > 0;
}

/* ---- what is the same message ---- */

/* Fields of the way here (trace, results, copies to whom) differ from copy to copy. */
static bool is_written_by_sender(struct fct_str name)
{
    static const char *const names[] = {"from", "subject", "date", "message-id", "to"};

    for (size_t i = 0; i < FCT_COUNT(names); i++)
        if (name.n == strlen(names[i]) && strncasecmp(name.p, names[i], name.n) == 0)
            return true;
    return false;
}

void fuzzy_message_digest(const struct fuzzy_reading *r, unsigned char digest[16])
{
    const struct fct_header *field;
    struct fct_str raw = r->host->raw(r->call);
    size_t n = r->host->headers(r->call, &field), body = 0;
    XXH3_state_t state;
    XXH128_canonical_t canonical;

    XXH3_INITSTATE(&state);
    (void)XXH3_128bits_reset(&state);
    for (size_t i = 0; i < n; i++) {
        if (is_written_by_sender(field[i].name))
            (void)XXH3_128bits_update(&state, field[i].raw.p, field[i].raw.n);
        body = field[i].offset + field[i].raw.n;
    }
    (void)XXH3_128bits_update(&state, raw.p + body, raw.n - body);
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state));
    memcpy(digest, canonical.digest, sizeof canonical.digest);
}
