/* fuzz_part_patch.c - any bytes as an encoded part, any patches on it: decoding the patched part
 * gives the decoded bytes with the patches applied, and nothing outside the part is touched. */
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/message/part_patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD "Subject: x\r\n\r\n"
#define TAIL "\r\n--b--\r\n"

enum { PATCHES = 8, PATCH_BYTES = 4 };

/* Patches in order: two bytes say how far from the last one, one how much goes, one what comes. */
static size_t take_patches(struct fct_str *in, size_t size, struct part_patch *patch)
{
    static const struct fct_str texts[] = {
        FCT_STR_INIT(""),  FCT_STR_INIT("x"),     FCT_STR_INIT("\r\n"), FCT_STR_INIT("--b--"),
        FCT_STR_INIT(" "), FCT_STR_INIT("=\xff"), FCT_STR_INIT("\n"),   FCT_STR_INIT("abcdef\t"),
    };
    size_t wanted = in->n > 0 ? (unsigned char)in->p[0] % PATCHES : 0, n = 0, at = 0;

    *in = str_skip(*in, 1);
    while (n < wanted && in->n >= PATCH_BYTES) {
        const unsigned char *p = (const unsigned char *)in->p;
        size_t skip = p[0] | (size_t)p[1] << 8, length = p[2];

        *in = str_skip(*in, PATCH_BYTES);
        at = skip > size - at ? size : at + skip;
        length = length > size - at ? size - at : length;
        patch[n++] = (struct part_patch){at, length, texts[p[3] % FCT_COUNT(texts)], FCT_STR("f")};
        at += length;
    }
    return n;
}

static struct fct_str decode(struct arena *arena, enum transfer encoding, struct fct_str body)
{
    struct buf out = BUF_INIT(body.n + 1);
    struct fct_str text;

    FCT_ASSERT(transfer_decode(encoding, body, &out));
    text = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return text;
}

static void put_wanted(struct fct_str decoded, const struct part_patch *patch, size_t n,
                       struct buf *out)
{
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        buf_put_str(out, str_head(str_skip(decoded, at), patch[i].offset - at));
        buf_put_str(out, patch[i].with);
        at = patch[i].offset + patch[i].length;
    }
    buf_put_str(out, str_skip(decoded, at));
}

static void know_lines(struct arena *arena, struct fct_str body, struct fct_str decoded,
                       struct part_span *span)
{
    struct transfer_line *line =
        ARENA_ARRAY(arena, struct transfer_line, body.n / TRANSFER_LINES_APART + 1);
    struct buf out = BUF_INIT(body.n + 1);

    FCT_ASSERT(transfer_decode_lines(span->encoding, body, &out, line, &span->lines));
    FCT_ASSERT(str_equal(buf_str(&out), decoded));
    span->line = line;
    buf_free(&out);
}

static void check(struct arena *arena, enum transfer encoding, struct fct_str in)
{
    struct buf message = BUF_INIT(in.n + 100), view = BUF_INIT(8 * in.n + 4096),
               wanted = BUF_INIT(in.n + 4096);
    struct part_patch patch[PATCHES];
    struct edit edit[PATCHES];
    struct fct_str body, decoded;
    struct edit_list list;
    size_t n, edits, lost, size;

    /* What the patches are taken from is not part of the body, but their offsets depend on it. */
    body = str_skip(in, 1 + PATCHES * PATCH_BYTES);
    buf_put_c(&message, HEAD);
    buf_put_str(&message, body);
    buf_put_c(&message, TAIL);
    struct part_span span = {buf_str(&message), sizeof HEAD - 1, body.n, encoding, NULL, 0};

    decoded = decode(arena, encoding, body);
    if (encoding != TRANSFER_IDENTITY)
        know_lines(arena, body, decoded, &span);
    n = take_patches(&in, decoded.n, patch);
    edits = part_patch_edits(arena, &span, patch, n, edit);
    FCT_ASSERT(edits <= n);
    FCT_ASSERT(edit_list_build(arena, edit, edits, message.n, &list, NULL, &lost, NULL));
    FCT_ASSERT(lost == 0);
    for (size_t i = 0; i < list.n; i++)
        FCT_ASSERT(list.edit[i].offset >= span.offset &&
                   list.edit[i].offset + list.edit[i].remove <= span.offset + body.n);
    FCT_ASSERT(edit_list_apply(&list, buf_str(&message), 0, UINT64_MAX, &view));
    size = view.n - (sizeof HEAD - 1) - (sizeof TAIL - 1);
    put_wanted(decoded, patch, n, &wanted);
    FCT_ASSERT(str_equal(
        decode(arena, encoding, str_head(str_skip(buf_str(&view), sizeof HEAD - 1), size)),
        buf_str(&wanted)));
    buf_free(&message);
    buf_free(&view);
    buf_free(&wanted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str in = {(const char *)data, size};
    struct arena *arena = arena_new(NULL);

    check(arena, TRANSFER_QUOTED_PRINTABLE, in);
    check(arena, TRANSFER_BASE64, in);
    check(arena, TRANSFER_IDENTITY, in);
    arena_free(&arena);
    return 0;
}
