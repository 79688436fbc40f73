/* fuzz_summary.c - any bytes as a stored summary, and any bytes as a message to summarise. */
#include "core/base/err.h"
#include "core/message/summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What IMAP will send: balanced, and its literals are as long as they say. */
static void check_imap(struct fct_str s)
{
    size_t depth = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"') {
            for (i++; s.p[i] != '"'; i++)
                i += s.p[i] == '\\';
        } else if (s.p[i] == '{') {
            size_t n = 0;

            for (i++; s.p[i] != '}'; i++)
                n = 10 * n + (size_t)(s.p[i] - '0');
            i += 2 + n;
        } else if (s.p[i] == '(') {
            depth++;
        } else if (s.p[i] == ')') {
            FCT_ASSERT(depth-- > 0);
        }
        FCT_ASSERT(i < s.n && s.p[i] != '\0');
    }
    FCT_ASSERT(depth == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str bytes = {(const char *)data, size};
    struct arena *arena = arena_new(NULL);
    struct buf out = BUF_INIT(64 << 20);
    struct mime_tree tree;
    struct summary s;
    struct fct_err err;

    if (summary_decode(arena, bytes, &s, &err))
        for (size_t i = 0; i < s.nparts; i++)
            FCT_ASSERT((uint64_t)s.part[i].body_offset + s.part[i].body_length <= s.size);
    mime_scan(arena, bytes, &mime_default_limits, &tree);
    if (summary_build(arena, bytes, &tree, NULL, &out)) {
        FCT_ASSERT(summary_decode(arena, buf_str(&out), &s, &err));
        check_imap(s.envelope);
        check_imap(s.body);
        check_imap(s.bodystructure);
    }
    buf_free(&out);
    arena_free(&arena);
    return 0;
}
