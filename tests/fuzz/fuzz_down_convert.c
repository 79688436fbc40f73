/* fuzz_down_convert.c - any bytes as a message, in pieces: the parts are those that mime_scan
 * finds; and what is converted has the same parts with the same contents, and fits. The first byte
 * chooses the kind of conversion and the size of the pieces. */
#include "core/base/err.h"
#include "core/message/mime_stream.h"
#include "tests/unit/core/message/convert_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    const struct mime_tree *tree;
    struct fct_str message;
    size_t parts, at, leaf_bytes;
};

static void leaf_ends(struct seen *s)
{
    const struct mime_part *p = s->parts > 0 ? &s->tree->part[s->parts - 1] : NULL;

    if (p && p->first_child < 0 && !p->is_multipart)
        FCT_ASSERT(s->leaf_bytes == p->is.body_length);
}

static void on_header(void *arg, const struct mime_part *part, struct fct_str bytes)
{
    struct seen *s = arg;
    const struct mime_part *want;

    leaf_ends(s);
    FCT_ASSERT(s->parts < s->tree->n);
    want = &s->tree->part[s->parts++];
    FCT_ASSERT(want->is.header_offset == s->at && want->is.header_length == bytes.n);
    FCT_ASSERT(want->is.parent == part->is.parent && want->is.depth == part->is.depth);
    FCT_ASSERT(want->is_multipart == part->is_multipart && want->is_message == part->is_message);
    FCT_ASSERT(str_equal(want->is.type, part->is.type));
    s->at += bytes.n;
    s->leaf_bytes = 0;
}

static void on_body(void *arg, int part, bool between, struct fct_str bytes)
{
    struct seen *s = arg;

    FCT_ASSERT(part < (int)s->parts && s->tree->part[part].is_multipart == between);
    FCT_ASSERT(memcmp(s->message.p + s->at, bytes.p, bytes.n) == 0);
    if (!between) {
        FCT_ASSERT(part == (int)s->parts - 1);
        FCT_ASSERT(s->leaf_bytes > 0 || s->at == s->tree->part[part].is.body_offset);
        s->leaf_bytes += bytes.n;
    }
    s->at += bytes.n;
}

static void on_boundary(void *arg, struct fct_str bytes)
{
    struct seen *s = arg;

    FCT_ASSERT(memcmp(s->message.p + s->at, bytes.p, bytes.n) == 0);
    s->at += bytes.n;
}

/* Both stop at a limit, but not at the same byte: then there is nothing to compare. */
static void compare_parts(struct fct_str message, size_t piece)
{
    static const struct mime_limits limits = {8, 40, {50, 4096}, 20};
    static const struct mime_stream_events events = {on_header, on_body, on_boundary};
    struct arena *arena = arena_new(NULL);
    struct mime_tree tree;
    struct seen seen = {.tree = &tree, .message = message};
    struct mime_stream *s = mime_stream_new(&limits, &events, &seen);

    mime_scan(arena, message, &limits, &tree);
    if (!tree.truncated) {
        for (size_t i = 0; i < message.n; i += piece)
            mime_stream_put(s, str_head(str_skip(message, i), piece));
        mime_stream_end(s);
        if (!mime_stream_truncated(s)) {
            leaf_ends(&seen);
            FCT_ASSERT(seen.parts == tree.n && seen.at == message.n);
        }
    }
    mime_stream_free(&s);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str message = {(const char *)data + 1, size - 1};
    enum down_convert_verdict verdict;
    const char *wrong;
    size_t piece;

    if (size < 2)
        return 0;
    piece = 1u + data[0] / 3u;
    compare_parts(message, piece);
    wrong = conversion_is_wrong((enum down_convert_kind)(data[0] % 3), message, piece, &verdict);
    if (wrong)
        fprintf(stderr, "%s\n", wrong);
    FCT_ASSERT(!wrong);
    return 0;
}
