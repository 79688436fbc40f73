/* test_proxy_protocol.c - tables of headers, taken and refused; every beginning of a good one is
 * "not yet". */
#include "core/net/proxy_protocol.h"

#include <check.h>
#include <stdlib.h>

#define V2(head) "\r\n\r\n\0\r\nQUIT\n" head

struct header_case {
    const char *name, *bytes;
    size_t n;
    const char *peer, *local; /* NULL: no addresses */
    unsigned peer_port, local_port;
};
#define HEADER(name, lit, ...)                  \
    {                                           \
        name, lit, sizeof(lit) - 1, __VA_ARGS__ \
    }

/* clang-format off */
static const struct header_case good[] = {
    HEADER("v1 TCP4", "PROXY TCP4 192.0.2.1 198.51.100.7 65535 0\r\n", "192.0.2.1", "198.51.100.7", 65535, 0),
    HEADER("v1 TCP6", "PROXY TCP6 2001:db8::1 ::1 1 993\r\n", "2001:db8::1", "::1", 1, 993),
    HEADER("v1 mapped", "PROXY TCP6 ::ffff:192.0.2.1 ::1 1 993\r\n", "192.0.2.1", "::1", 1, 993),
    HEADER("v1 UNKNOWN", "PROXY UNKNOWN\r\n", NULL, NULL, 0, 0),
    HEADER("v1 UNKNOWN with anything", "PROXY UNKNOWN ffff::1 x y z a b c d\r\n", NULL, NULL, 0, 0),
    HEADER("v2 TCP4", V2("\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\7\x0f\xa0\0\x19"), "192.0.2.1", "198.51.100.7", 4000, 25),
    HEADER("v2 TCP4 and a TLV", V2("\x21\x11\0\x10\xc0\0\2\1\xc6\x33\x64\7\x0f\xa0\0\x19\4\0\1x"), "192.0.2.1", "198.51.100.7", 4000, 25),
    HEADER("v2 TCP6", V2("\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\1\3\xe1"), "2001:db8::1", "::1", 1, 993),
    HEADER("v2 LOCAL", V2("\x20\0\0\0"), NULL, NULL, 0, 0),
    HEADER("v2 LOCAL with any block", V2("\x20\x99\0\2zz"), NULL, NULL, 0, 0),
    HEADER("v2 UNSPEC", V2("\x21\0\0\3abc"), NULL, NULL, 0, 0),
};

static const struct header_case bad[] = {
    HEADER("no header", "EHLO x\r\n", NULL, NULL, 0, 0),
    HEADER("TLS", "\x16\3\1\2", NULL, NULL, 0, 0),
    HEADER("lower case", "proxy TCP4 192.0.2.1 198.51.100.7 1 2\r\n", NULL, NULL, 0, 0),
    HEADER("LF alone", "PROXY UNKNOWN\n", NULL, NULL, 0, 0),
    HEADER("two spaces", "PROXY TCP4  192.0.2.1 198.51.100.7 1 2\r\n", NULL, NULL, 0, 0),
    HEADER("a word too many", "PROXY TCP4 192.0.2.1 198.51.100.7 1 2 3\r\n", NULL, NULL, 0, 0),
    HEADER("a word too few", "PROXY TCP4 192.0.2.1 198.51.100.7 1\r\n", NULL, NULL, 0, 0),
    HEADER("port too big", "PROXY TCP4 192.0.2.1 198.51.100.7 65536 1\r\n", NULL, NULL, 0, 0),
    HEADER("port with a zero in front", "PROXY TCP4 192.0.2.1 198.51.100.7 01 1\r\n", NULL, NULL, 0, 0),
    HEADER("port with a sign", "PROXY TCP4 192.0.2.1 198.51.100.7 +1 1\r\n", NULL, NULL, 0, 0),
    HEADER("address of the other family", "PROXY TCP4 ::1 198.51.100.7 1 1\r\n", NULL, NULL, 0, 0),
    HEADER("short address", "PROXY TCP4 192.0.2 198.51.100.7 1 1\r\n", NULL, NULL, 0, 0),
    HEADER("NUL in the address", "PROXY TCP4 192.0.2.1\0x 198.51.100.7 1 1\r\n", NULL, NULL, 0, 0),
    HEADER("unknown family", "PROXY UDP4 192.0.2.1 198.51.100.7 1 1\r\n", NULL, NULL, 0, 0),
    HEADER("endless line", "PROXY UNKNOWN xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", NULL, NULL, 0, 0),
    HEADER("v2 version 3", V2("\x31\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\7\x0f\xa0\0\x19"), NULL, NULL, 0, 0),
    HEADER("v2 command 2", V2("\x22\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\7\x0f\xa0\0\x19"), NULL, NULL, 0, 0),
    HEADER("v2 block too short", V2("\x21\x11\0\x0b\xc0\0\2\1\xc6\x33\x64\7\x0f\xa0\0"), NULL, NULL, 0, 0),
    HEADER("v2 too long", V2("\x21\x11\xff\xff"), NULL, NULL, 0, 0),
    HEADER("v2 datagram", V2("\x21\x12\0\x0c\xc0\0\2\1\xc6\x33\x64\7\x0f\xa0\0\x19"), NULL, NULL, 0, 0),
    HEADER("v2 TLV past the end", V2("\x21\x11\0\x10\xc0\0\2\1\xc6\x33\x64\7\x0f\xa0\0\x19\4\0\2x"), NULL, NULL, 0, 0),
    HEADER("v2 half a TLV", V2("\x21\x11\0\x0e\xc0\0\2\1\xc6\x33\x64\7\x0f\xa0\0\x19\4\0"), NULL, NULL, 0, 0),
};
/* clang-format on */

START_TEST(good_headers)
{
    const struct header_case *c = &good[_i];
    struct proxy_header h;
    const char *why;
    size_t used;

    for (size_t n = 0; n < c->n; n++)
        ck_assert_msg(proxy_parse((struct fct_str){c->bytes, n}, &h, &used, &why) == 0,
                      "%s cut at %zu", c->name, n);
    char more[400];

    memcpy(more, c->bytes, c->n);
    memset(more + c->n, 'm', sizeof more - c->n);
    ck_assert_msg(proxy_parse((struct fct_str){more, sizeof more}, &h, &used, &why) == 1, "%s: %s",
                  c->name, why);
    ck_assert_msg(used == c->n, "%s", c->name);
    ck_assert_msg(h.has_addresses == (c->peer != NULL), "%s", c->name);
    if (!c->peer)
        return;
    ck_assert_str_eq(h.peer.text, c->peer);
    ck_assert_str_eq(h.local.text, c->local);
    ck_assert_uint_eq(h.peer.port, c->peer_port);
    ck_assert_uint_eq(h.local.port, c->local_port);
}
END_TEST

START_TEST(bad_headers)
{
    const struct header_case *c = &bad[_i];
    struct proxy_header h;
    const char *why = NULL;
    size_t used;

    ck_assert_msg(proxy_parse((struct fct_str){c->bytes, c->n}, &h, &used, &why) == -1, "%s",
                  c->name);
    ck_assert_msg(why && *why, "%s", c->name);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("proxy_protocol");
    TCase *t = tcase_create("proxy_protocol");
    SRunner *r;
    int failed;

    tcase_add_loop_test(t, good_headers, 0, FCT_COUNT(good));
    tcase_add_loop_test(t, bad_headers, 0, FCT_COUNT(bad));
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
