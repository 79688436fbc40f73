/* proxy_protocol.c - see proxy_protocol.h. Section numbers are those of the specification. */
#include "core/net/proxy_protocol.h"

#include "core/base/str.h"

#include <arpa/inet.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define HEAD_V2   16u

static int refuse(const char **why, const char *text)
{
    *why = text;
    return -1;
}

/* ---- version 1 (2.1) ---- */

/* Canonical decimal: no sign, no leading zero. */
static bool read_port(struct fct_str s, uint16_t *port)
{
    uint32_t v;

    if (!str_to_u32(s, &v) || v > UINT16_MAX || (s.n > 1 && s.p[0] == '0'))
        return false;
    *port = (uint16_t)v;
    return true;
}

static bool read_address(struct fct_str s, int family, struct stream_address *a)
{
    unsigned char bytes[16];

    if (s.n >= sizeof a->text)
        return false;
    str_copy_c(a->text, sizeof a->text, s);
    return strlen(a->text) == s.n && inet_pton(family, a->text, bytes) == 1;
}

/* "PROXY" SP "TCP4" SP source SP destination SP port SP port */
static bool read_words(struct fct_str line, struct proxy_header *out)
{
    struct fct_str word[6];
    size_t n = 0;
    int family;

    for (; line.p && n < FCT_COUNT(word); n++)
        word[n] = str_split(&line, ' ');
    if (n >= 2 && str_equal(word[1], FCT_STR("UNKNOWN")))
        return true; /* the rest of the line says nothing */
    if (n != FCT_COUNT(word) || line.p)
        return false;
    if (str_equal(word[1], FCT_STR("TCP4")))
        family = AF_INET;
    else if (str_equal(word[1], FCT_STR("TCP6")))
        family = AF_INET6;
    else
        return false;
    out->has_addresses = true;
    return read_address(word[2], family, &out->peer) &&
           read_address(word[3], family, &out->local) && read_port(word[4], &out->peer.port) &&
           read_port(word[5], &out->local.port);
}

static int parse_v1(struct fct_str in, struct proxy_header *out, size_t *used, const char **why)
{
    ptrdiff_t lf = str_find_char(str_head(in, PROXY_V1_MAX), '\n');

    if (lf < 0)
        return in.n < PROXY_V1_MAX ? 0 : refuse(why, "line too long");
    if (lf < 1 || in.p[lf - 1] != '\r')
        return refuse(why, "line does not end with CRLF");
    *used = (size_t)lf + 1;
    return read_words(str_head(in, (size_t)lf - 1), out) ? 1 : refuse(why, "malformed line");
}

/* ---- version 2 (2.2) ---- */

static unsigned get16(const char *p)
{
    return (unsigned)(unsigned char)p[0] << 8 | (unsigned char)p[1];
}

static void show(int family, const char *bytes, const char *port, struct stream_address *a)
{
    inet_ntop(family, bytes, a->text, sizeof a->text);
    a->port = (uint16_t)get16(port);
}

/* Type-length-value to the end (2.2.1); none of them concerns us. */
static bool tlvs_are_whole(struct fct_str s)
{
    while (s.n > 0) {
        size_t length;

        if (s.n < 3)
            return false;
        length = get16(s.p + 1);
        if (length > s.n - 3)
            return false;
        s = str_skip(s, 3 + length);
    }
    return true;
}

/* Address families (2.2): how many bytes they take, and for TCP how they are read. */
static const struct family {
    unsigned char code;
    size_t length;
    int family; /* 0: addresses are skipped */
    size_t each;
} families[] = {
    {0x00, 0, 0, 0},          /* UNSPEC */
    {0x11, 12, AF_INET, 4},   /* TCP over IPv4 */
    {0x21, 36, AF_INET6, 16}, /* TCP over IPv6 */
    {0x31, 216, 0, 0},        /* UNIX stream */
};

static bool read_block(unsigned char code, struct fct_str block, struct proxy_header *out)
{
    for (size_t i = 0; i < FCT_COUNT(families); i++) {
        const struct family *f = &families[i];

        if (f->code != code)
            continue;
        if (block.n < f->length)
            return false;
        if (f->family) {
            show(f->family, block.p, block.p + 2 * f->each, &out->peer);
            show(f->family, block.p + f->each, block.p + 2 * f->each + 2, &out->local);
            out->has_addresses = true;
        }
        /* UNSPEC: the receiver skips the block, whatever it holds. */
        return code == 0 || tlvs_are_whole(str_skip(block, f->length));
    }
    return false; /* datagrams cannot come in over a stream */
}

static int parse_v2(struct fct_str in, struct proxy_header *out, size_t *used, const char **why)
{
    size_t length;

    if (in.n < HEAD_V2)
        return 0;
    length = get16(in.p + 14);
    if (in.p[12] != 0x20 && in.p[12] != 0x21)
        return refuse(why, "unknown version or command");
    if (HEAD_V2 + length > PROXY_V2_MAX)
        return refuse(why, "header too long");
    if (in.n < HEAD_V2 + length)
        return 0;
    *used = HEAD_V2 + length;
    if (in.p[12] == 0x20) /* LOCAL: the balancer speaks for itself, e.g. a health check */
        return 1;
    if (!read_block((unsigned char)in.p[13], (struct fct_str){in.p + HEAD_V2, length}, out))
        return refuse(why, "malformed addresses");
    return 1;
}

/* Version 4-in-6 addresses are shown as IPv4, as everywhere. */
static void unmap(struct stream_address *a)
{
    if (strncmp(a->text, "::ffff:", 7) == 0 && strchr(a->text, '.'))
        memmove(a->text, a->text + 7, strlen(a->text + 7) + 1);
}

int proxy_parse(struct fct_str in, struct proxy_header *out, size_t *used, const char **why)
{
    const struct fct_str v1 = FCT_STR("PROXY "), v2 = FCT_STR(SIGNATURE);
    int result = -1;

    memset(out, 0, sizeof *out);
    *used = 0;
    *why = "not a PROXY header";
    if (str_starts(in, v1))
        result = parse_v1(in, out, used, why);
    else if (str_starts(in, v2))
        result = parse_v2(in, out, used, why);
    else if (str_starts(v1, in) || str_starts(v2, in))
        result = 0;
    unmap(&out->peer);
    unmap(&out->local);
    return result;
}
