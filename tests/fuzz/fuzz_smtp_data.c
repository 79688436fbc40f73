/* fuzz_smtp_data.c - any bytes as message data, whole and byte by byte: the same end, the same
 * message, and the end is where CRLF.CRLF first is. */
#include "core/base/buf.h"
#include "core/base/str.h"
#include "protocols/smtp/smtp_frame.h"

#include <stdlib.h>

static void collect(void *arg, const char *p, size_t n)
{
    buf_put(arg, p, n);
}

static size_t feed(struct smtp_frame *f, struct fct_str in, size_t piece, struct buf *out)
{
    size_t taken = 0;

    while (taken < in.n && !f->ended)
        taken += smtp_frame_feed(f, in.p + taken, in.n - taken < piece ? in.n - taken : piece,
                                 collect, out);
    return taken;
}

static size_t true_end(struct fct_str in)
{
    ptrdiff_t at = str_starts(in, FCT_STR(".\r\n")) ? -2 : str_find(in, FCT_STR("\r\n.\r\n"));

    return at == -1 ? in.n : (size_t)(at + 5);
}

/* A message that may be stored has no lone CR, no lone LF and no NUL. */
static void check_message(struct fct_str m, bool dots)
{
    for (size_t i = 0; i < m.n; i++) {
        bool lone_lf = m.p[i] == '\n' && (i == 0 || m.p[i - 1] != '\r');
        bool lone_cr = m.p[i] == '\r' && (i + 1 == m.n ? dots : m.p[i + 1] != '\n');

        if (lone_lf || lone_cr || m.p[i] == '\0')
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str in = {(const char *)data, size};

    for (unsigned mode = 0; mode < 4; mode++) {
        bool dots = mode & 1, repair = mode & 2;
        struct buf whole = BUF_INIT(1 << 24), pieces = BUF_INIT(1 << 24);
        struct smtp_frame a, b;
        size_t taken;

        smtp_frame_start(&a, dots, repair);
        smtp_frame_start(&b, dots, repair);
        taken = feed(&a, in, in.n, &whole);
        if (taken != feed(&b, in, 1, &pieces) || a.ended != b.ended || a.fault != b.fault)
            abort();
        if (dots ? taken != true_end(in) : a.ended || taken != in.n)
            abort();
        if (!dots)
            smtp_frame_finish(&a);
        if (a.fault == FRAME_FINE) {
            if (!str_equal(buf_str(&whole), buf_str(&pieces)))
                abort();
            check_message(buf_str(&whole), a.ended || !dots);
        }
        buf_free(&whole);
        buf_free(&pieces);
    }
    return 0;
}
