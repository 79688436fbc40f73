/* report_unpack.c - see report_unpack.h. The format of archives is that of PKWARE's APPNOTE 4.3. */
#include "report_unpack.h"

#include <zlib.h>

#define PIECE       ((size_t)64 << 10)
#define GZIP_WINDOW (15 + 16) /* zlib: the largest window, and a gzip header */
#define RAW_WINDOW  (-15)     /* no header at all */
#define ZIP_HEADER  30u       /* a local file header without name and extra field */
#define ZIP_FLAGS   6u
#define ZIP_METHOD  8u
#define ZIP_PACKED  18u
#define ZIP_NAME    26u
#define ZIP_EXTRA   28u

static bool fail(struct fct_err *err, const char *why)
{
    err->class = FCT_SYNTAX;
    (void)snprintf(err->text, sizeof err->text, "%s", why);
    return false;
}

static bool starts(struct fct_str s, const char *magic, size_t n)
{
    return s.n >= n && memcmp(s.p, magic, n) == 0;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* White space and a byte order mark may stand in front of XML; UTF-16 begins with one. */
static bool is_xml(struct fct_str s)
{
    if (starts(s, "\xff\xfe", 2) || starts(s, "\xfe\xff", 2))
        return true;
    if (starts(s, "\xef\xbb\xbf", 3))
        s = (struct fct_str){s.p + 3, s.n - 3};
    while (s.n > 0 && is_space(*s.p))
        s = (struct fct_str){s.p + 1, s.n - 1};
    return s.n > 0 && *s.p == '<';
}

enum report_packing report_packing_of(struct fct_str bytes)
{
    if (starts(bytes, "\x1f\x8b", 2))
        return REPORT_GZIP;
    if (starts(bytes, "PK\x03\x04", 4))
        return REPORT_ZIP;
    return is_xml(bytes) ? REPORT_XML : REPORT_NONE;
}

/* ---- zlib ---- */

/* What one call unpacked goes on. False: the reader has enough. */
static bool hand_on(z_stream *z, char *room, struct report_reader *reader, struct fct_err *err)
{
    struct fct_str piece = {room, PIECE - z->avail_out};

    z->next_out = (Bytef *)room;
    z->avail_out = PIECE;
    return report_reader_feed(reader, piece, err);
}

/* One stream; *bytes is moved behind it. */
static bool inflate_one(struct fct_str *bytes, int window, struct report_reader *reader,
                        struct fct_err *err)
{
    char room[PIECE];
    z_stream z = {.next_out = (Bytef *)room, .avail_out = PIECE};
    int status = inflateInit2(&z, window);
    bool ok = status == Z_OK;

    if (!ok)
        return fail(err, "no memory to unpack it");
    z.next_in = (Bytef *)(uintptr_t)bytes->p;
    z.avail_in = bytes->n < UINT32_MAX ? (uInt)bytes->n : UINT32_MAX;
    while (ok && status == Z_OK) {
        status = inflate(&z, Z_NO_FLUSH);
        ok = hand_on(&z, room, reader, err);
    }
    *bytes = (struct fct_str){(const char *)z.next_in, bytes->n - z.total_in};
    (void)inflateEnd(&z);
    if (ok && status != Z_STREAM_END)
        return fail(err, "what was packed is damaged or cut off");
    return ok;
}

/* A file may be several members, one behind the other (RFC 1952 2.2); padding behind them is
 * nobody's. */
static bool unpack_gzip(struct fct_str bytes, struct report_reader *reader, struct fct_err *err)
{
    do
        if (!inflate_one(&bytes, GZIP_WINDOW, reader, err))
            return false;
    while (report_packing_of(bytes) == REPORT_GZIP);
    return true;
}

/* ---- archives ---- */

static uint32_t little(const char *p, unsigned n)
{
    uint32_t v = 0;

    while (n-- > 0)
        v = v << 8 | (unsigned char)p[n];
    return v;
}

/* One member. *done: it was a file and is read; else *bytes is moved behind it. */
static bool unpack_member(struct fct_str *bytes, struct report_reader *reader, bool *done,
                          struct fct_err *err)
{
    const char *header = bytes->p;
    uint32_t flags, method, packed;
    size_t start;
    bool folder;

    if (bytes->n < ZIP_HEADER)
        return fail(err, "the archive is cut off");
    flags = little(header + ZIP_FLAGS, 2);
    method = little(header + ZIP_METHOD, 2);
    packed = little(header + ZIP_PACKED, 4);
    start = ZIP_HEADER + little(header + ZIP_NAME, 2) + little(header + ZIP_EXTRA, 2);
    if (start > bytes->n)
        return fail(err, "the archive is cut off");
    folder = little(header + ZIP_NAME, 2) > 0 &&
             header[ZIP_HEADER + little(header + ZIP_NAME, 2) - 1] == '/';
    *bytes = (struct fct_str){bytes->p + start, bytes->n - start};
    *done = !folder;
    if (folder) {
        if (packed > bytes->n)
            return fail(err, "the archive is cut off");
        *bytes = (struct fct_str){bytes->p + packed, bytes->n - packed};
        return true;
    }
    if (flags & 1)
        return fail(err, "the archive is encrypted");
    if (method == 8)
        return inflate_one(bytes, RAW_WINDOW, reader, err);
    if (method != 0 || flags & 8)
        return fail(err, "the archive is packed in a way that we do not know");
    if (packed > bytes->n)
        return fail(err, "the archive is cut off");
    return report_reader_feed(reader, (struct fct_str){bytes->p, packed}, err);
}

static bool unpack_zip(struct fct_str bytes, struct report_reader *reader, struct fct_err *err)
{
    bool done = false;

    while (!done) {
        if (report_packing_of(bytes) != REPORT_ZIP)
            return fail(err, "there is no file in the archive");
        if (!unpack_member(&bytes, reader, &done, err))
            return false;
    }
    return true;
}

bool report_unpack(struct fct_str bytes, struct report_reader *reader, struct fct_err *err)
{
    bool ok = false;

    switch (report_packing_of(bytes)) {
    case REPORT_GZIP:
        ok = unpack_gzip(bytes, reader, err);
        break;
    case REPORT_ZIP:
        ok = unpack_zip(bytes, reader, err);
        break;
    case REPORT_XML:
        ok = report_reader_feed(reader, bytes, err);
        break;
    case REPORT_NONE:
        return fail(err, "neither XML nor packed XML");
    }
    return ok && report_reader_end(reader, err);
}
