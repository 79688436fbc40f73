/* gzip.c - see gzip.h. */
#include "core/message/gzip.h"

#include <zlib.h>

#define WINDOW (15 + 16) /* zlib: the largest window, and a gzip header */
#define MEMORY 8         /* zlib's own default */
#define STEP   8192u     /* on a fiber's stack */

bool gzip_is(struct fct_str bytes)
{
    return bytes.n >= 2 && (unsigned char)bytes.p[0] == 0x1f && (unsigned char)bytes.p[1] == 0x8b;
}

bool gzip_pack(struct fct_str in, struct buf *out)
{
    z_stream z = {0};
    char *to;
    uLong room;
    bool ok = false;

    if (in.n > UINT32_MAX || deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, WINDOW, MEMORY,
                                          Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    room = deflateBound(&z, in.n);
    if ((to = buf_reserve(out, room))) {
        z.next_in = (Bytef *)(uintptr_t)in.p;
        z.avail_in = (uInt)in.n;
        z.next_out = (Bytef *)to;
        z.avail_out = (uInt)room;
        ok = deflate(&z, Z_FINISH) == Z_STREAM_END;
        out->n += ok ? z.total_out : 0;
    }
    (void)deflateEnd(&z);
    return ok;
}

/* Members may follow one another (RFC 1952 2.2); what stands behind the last one is ignored. */
static int unpack_step(z_stream *z, struct buf *out)
{
    char step[STEP];
    int code;

    z->next_out = (Bytef *)step;
    z->avail_out = sizeof step;
    code = inflate(z, Z_NO_FLUSH);
    buf_put(out, step, sizeof step - z->avail_out);
    if (code == Z_STREAM_END && z->avail_in > 1 && z->next_in[0] == 0x1f && z->next_in[1] == 0x8b)
        code = inflateReset(z);
    return code;
}

bool gzip_unpack(struct fct_str in, struct buf *out, struct fct_err *err)
{
    z_stream z = {0};
    int code = Z_OK;

    if (in.n > UINT32_MAX)
        return fct_fail(err, FCT_LIMIT, "the packed file is larger than 4 GiB");
    if (inflateInit2(&z, WINDOW) != Z_OK)
        return fct_fail(err, FCT_TEMP, "no memory to unpack");
    z.next_in = (Bytef *)(uintptr_t)in.p;
    z.avail_in = (uInt)in.n;
    while (code == Z_OK && !out->overflow)
        code = unpack_step(&z, out);
    (void)inflateEnd(&z);
    if (out->overflow)
        return fct_fail(err, FCT_LIMIT, "unpacked it is larger than %zu bytes", out->max);
    return code == Z_STREAM_END || fct_fail(err, FCT_SYNTAX, "the gzip file is broken or cut off");
}
