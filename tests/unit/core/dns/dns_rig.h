/* dns_rig.h - a loop with fibers, and an authority on loopback that answers what a test tells it
 * to. */
#ifndef TESTS_DNS_RIG_H
#define TESTS_DNS_RIG_H

#include "core/dns/resolver.h"
#include "core/fiber/fiber.h"
#include "core/log/log.h"
#include "tests/unit/core/dns/dns_packet.h"

#include <arpa/inet.h>
#include <check.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum dns_manner { ANSWER, SILENCE, SERVFAIL, NXDOMAIN, EMPTY };

struct dns_row {
    const char *name;
    unsigned type;
    enum dns_manner manner;
    struct fct_str data;
};

static struct dns_rig {
    struct event_base *base;
    struct event *readable;
    int fd;
    char server[40];
    const struct dns_row *row; /* ends with a NULL name */
    unsigned asked;
    struct arena *arena;
    struct config *config;
    struct dns_resolver *resolver;
} dns_rig;

static inline const struct dns_row *dns_rig_find(struct fct_str question, unsigned type)
{
    const struct dns_row *r = dns_rig.row;
    FCT_CLEANUP(buf_free) struct buf wire = BUF_INIT(300);

    for (; r->name; r++) {
        buf_clear(&wire);
        put_name(&wire, r->name);
        if (r->type == type && str_equal_nocase(buf_str(&wire), question))
            return r;
    }
    return NULL;
}

/* The question is copied as it came: libunbound may ask in mixed case. */
static inline void dns_rig_answer(struct fct_str in, struct buf *out)
{
    size_t name_end = 12;
    unsigned type;
    const struct dns_row *row;

    while (in.p[name_end])
        name_end += (size_t)in.p[name_end] + 1;
    name_end++;
    type = (unsigned)(uint8_t)in.p[name_end] << 8 | (uint8_t)in.p[name_end + 1];
    row = dns_rig_find((struct fct_str){in.p + 12, name_end - 12}, type);
    buf_put(out, in.p, name_end + 4);
    out->p[2] = (char)0x81;
    out->p[3] = (char)(0x80 | (!row                      ? 5
                               : row->manner == SERVFAIL ? 2
                               : row->manner == NXDOMAIN ? 3
                                                         : 0));
    set_counts(out, row && row->manner == ANSWER, 0);
    out->p[10] = out->p[11] = 0;
    if (!row || row->manner != ANSWER) {
        out->n = row && row->manner == SILENCE ? 0 : out->n;
        return;
    }
    put_u16(out, 0xc00c);
    put_u16(out, type);
    put_u16(out, 1);
    put_u32(out, 300);
    put_u16(out, (unsigned)row->data.n);
    buf_put_str(out, row->data);
}

static inline void dns_rig_readable(evutil_socket_t fd, short what, void *arg)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(65536);
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    char in[2048];
    ssize_t n = recvfrom(fd, in, sizeof in, 0, (struct sockaddr *)&from, &size);

    (void)what, (void)arg;
    if (n < 17)
        return;
    dns_rig.asked++;
    dns_rig_answer((struct fct_str){in, (size_t)n}, &out);
    if (out.n > 0)
        (void)!sendto(fd, out.p, out.n, 0, (struct sockaddr *)&from, size);
}

static inline void dns_rig_start(const struct dns_row *row)
{
    struct sockaddr_in me = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof me;
    struct fct_err err = {0};

    dns_rig = (struct dns_rig){.row = row, .base = event_base_new(), .arena = arena_new(NULL)};
    log_setup(open("/dev/null", O_WRONLY | O_CLOEXEC), "test", FCT_INFO);
    ck_assert(fiber_setup(dns_rig.base, 256u << 10, 16, &err));
    dns_rig.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(dns_rig.fd, (struct sockaddr *)&me, sizeof me), 0);
    ck_assert_int_eq(getsockname(dns_rig.fd, (struct sockaddr *)&me, &size), 0);
    snprintf(dns_rig.server, sizeof dns_rig.server, "127.0.0.1@%u", ntohs(me.sin_port));
    dns_rig.readable =
        event_new(dns_rig.base, dns_rig.fd, EV_READ | EV_PERSIST, dns_rig_readable, NULL);
    event_add(dns_rig.readable, NULL);
}

/* A configuration of the defaults and `more`, "key = value" lines in the dns block. */
static inline const struct dns_conf *dns_rig_conf(const char *more)
{
    static const struct conf_block *const blocks[] = {&dns_block, NULL};
    FCT_CLEANUP(buf_free) struct buf errors = BUF_INIT(4096);
    char path[] = "/tmp/dns-rig.XXXXXX";
    const char *file = path;
    struct fct_err err = {0};
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    dprintf(fd, "dns {\nserver = [\"%s\"]\n%s\n}\n", dns_rig.server, more);
    close(fd);
    ck_assert_msg(config_load(&file, 1, blocks, &dns_rig.config, &errors, &err), "%s", err.text);
    unlink(path);
    return config_get(dns_rig.config, &dns_block);
}

static inline void dns_rig_resolver(const char *more)
{
    struct fct_err err = {0};

    dns_rig.resolver = dns_resolver_new(dns_rig.base, dns_rig_conf(more), &err);
    ck_assert_msg(dns_rig.resolver != NULL, "%s", err.text);
}

static inline void dns_rig_stop(void)
{
    dns_resolver_free(&dns_rig.resolver);
    config_free(&dns_rig.config);
    event_free(dns_rig.readable);
    close(dns_rig.fd);
    arena_free(&dns_rig.arena);
    fiber_teardown();
    event_base_free(dns_rig.base);
}

#endif
