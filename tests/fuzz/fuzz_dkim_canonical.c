/* fuzz_dkim_canonical.c - any bytes as a body and as a field: hashed in one piece, in two, or byte
 * by byte, the canonical form is the same, and making it once more changes nothing. */
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "plugins/dkim/dkim_canonical.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void keep(void *arg, const char *bytes, size_t n)
{
    buf_put(arg, bytes, n);
}

static void begin(struct dkim_sink *sink, struct buf *out)
{
    sink->put = keep;
    sink->arg = out;
    sink->held = 0;
}

/* The first piece as long as `first`, the rest in pieces of `piece`. */
static void put_body(struct buf *out, bool relaxed, struct fct_str text, size_t first, size_t piece)
{
    struct dkim_sink sink;
    struct dkim_body body;

    begin(&sink, out);
    dkim_body_begin(&body, &sink, relaxed);
    dkim_body_put(&body, text.p, first);
    for (size_t i = first; i < text.n; i += piece)
        dkim_body_put(&body, text.p + i, text.n - i < piece ? text.n - i : piece);
    dkim_body_end(&body);
    FCT_ASSERT(body.length == out->n);
}

static void check_body(struct fct_str text, size_t first, bool relaxed)
{
    struct buf whole = BUF_INIT(text.n + 2), two = BUF_INIT(text.n + 2),
               bytes = BUF_INIT(text.n + 2), again = BUF_INIT(text.n + 4);

    put_body(&whole, relaxed, text, text.n, 1);
    put_body(&two, relaxed, text, first, text.n);
    put_body(&bytes, relaxed, text, 0, 1);
    put_body(&again, relaxed, buf_str(&whole), whole.n, 1);
    FCT_ASSERT(str_equal(buf_str(&whole), buf_str(&two)));
    FCT_ASSERT(str_equal(buf_str(&whole), buf_str(&bytes)));
    FCT_ASSERT(str_equal(buf_str(&whole), buf_str(&again)));
    buf_free(&whole);
    buf_free(&two);
    buf_free(&bytes);
    buf_free(&again);
}

static void put_field(struct buf *out, struct fct_str raw)
{
    struct fct_header field = {.name = {raw.p, 1}, .value = str_skip(raw, 2), .raw = raw};
    struct dkim_sink sink;

    begin(&sink, out);
    dkim_header_put(&sink, true, &field, (struct fct_str){NULL, 0}, false);
    dkim_sink_flush(&sink);
}

static void check_field(struct fct_str value)
{
    struct buf raw = BUF_INIT(value.n + 8), once = BUF_INIT(value.n + 8),
               again = BUF_INIT(value.n + 8);

    buf_put_c(&raw, "A:");
    buf_put_str(&raw, value);
    buf_put_c(&raw, "\r\n");
    put_field(&once, buf_str(&raw));
    put_field(&again, buf_str(&once));
    FCT_ASSERT(str_equal(buf_str(&once), buf_str(&again)));
    buf_free(&raw);
    buf_free(&once);
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str text = {(const char *)data + 1, size - 1};

    if (size < 2)
        return 0;
    for (int relaxed = 0; relaxed < 2; relaxed++)
        check_body(text, data[0] % text.n, relaxed);
    check_field(text);
    return 0;
}
