/* imap_dialogue.c - see imap_dialogue.h. */
#include "imap_dialogue.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "fake_store.h"
#include "protocols/access/access_conf.h"
#include "protocols/edge.h"
#include "protocols/imap/imap_conf.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* As ck_assert_msg, but says nothing to the test runner when all is well: fuzz targets have none.
 */
#define REQUIRE(cond, ...) ((cond) ? (void)0 : ck_abort_msg(__VA_ARGS__))

struct server {
    struct event_base *base;
    struct config *config;
    struct edge edge;
    struct edge_listener listener;
    struct listener_conf listener_conf;
    int fd;
    struct sockaddr_in address;
};

struct client {
    struct server *server;
    int fd;
    struct buf in, taken;
    size_t used; /* of `in` */
};

static struct config *load_config(const char *settings)
{
    static const struct conf_block *const blocks[] = {&imap_block, &access_block, NULL};
    char path[] = "/tmp/imap_test_XXXXXX";
    const char *const files[] = {path};
    int fd = mkstemp(path);
    struct config *config = NULL;
    FCT_CLEANUP(buf_free) struct buf errors = BUF_INIT(10000);
    struct fct_err err = {0};

    REQUIRE(fd >= 0, "no descriptor");
    REQUIRE(dprintf(fd, "imap {\nlogin_delay = 1ms\n%s\n}\n", settings ? settings : "") > 0,
            "cannot write");
    close(fd);
    REQUIRE(config_load(files, 1, blocks, &config, &errors, &err), "%s", err.text);
    unlink(path);
    return config;
}

/* One for the whole program: a test that fails leaves its sessions behind. */
static struct event_base *the_loop(void)
{
    static struct event_base *base;
    struct fct_err err = {0};

    if (!base) {
        base = event_base_new();
        REQUIRE(fiber_setup(base, 256u << 10, 8, &err), "%s", err.text);
    }
    return base;
}

struct server *server_new(const char *settings)
{
    struct server *sv = calloc(1, sizeof *sv);
    socklen_t n = sizeof sv->address;

    sv->base = the_loop();
    sv->config = load_config(settings);
    sv->edge.base = sv->base;
    sv->edge.conf = sv->config;
    sv->edge.name = FCT_STR("mail.example.org");
    sv->listener_conf.plain_login = true;
    sv->listener.edge = &sv->edge;
    sv->listener.conf = &sv->listener_conf;
    sv->listener.protocol = &imap_protocol;
    sv->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sv->address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    REQUIRE(bind(sv->fd, (struct sockaddr *)&sv->address, sizeof sv->address) == 0, "bind");
    REQUIRE(listen(sv->fd, 16) == 0, "socket");
    getsockname(sv->fd, (struct sockaddr *)&sv->address, &n);
    fake_store_reset();
    return sv;
}

void server_run(struct server *sv)
{
    struct timeval wait = {0, 20000};

    event_base_loopexit(sv->base, &wait);
    event_base_loop(sv->base, EVLOOP_ONCE);
}

void server_turn(struct server *sv)
{
    event_base_loop(sv->base, EVLOOP_NONBLOCK);
}

void server_free(struct server **server)
{
    struct server *sv = *server;
    uint64_t until = clock_ms() + 5000;

    while (sv->edge.session_count > 0 && clock_ms() < until)
        server_run(sv);
    REQUIRE(sv->edge.session_count == 0, "a session stays");
    close(sv->fd);
    config_free(&sv->config);
    free(sv);
    *server = NULL;
}

struct client *client_new(struct server *sv)
{
    struct client *c = calloc(1, sizeof *c);
    int fd;

    c->server = sv;
    c->in = BUF_INIT(64u << 20);
    c->taken = BUF_INIT(64u << 20);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(connect(c->fd, (struct sockaddr *)&sv->address, sizeof sv->address) == 0, "socket");
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    fd = accept4(sv->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    REQUIRE(fd >= 0, "no descriptor");
    imap_protocol.accepted(&sv->listener, fd);
    return c;
}

void client_free(struct client **client)
{
    close((*client)->fd);
    buf_free(&(*client)->in);
    buf_free(&(*client)->taken);
    free(*client);
    *client = NULL;
}

/* False: the server closed. */
static bool client_read(struct client *c)
{
    char room[16384];
    ssize_t n = recv(c->fd, room, sizeof room, 0);

    if (n > 0) {
        buf_drop_front(&c->in, c->used);
        c->used = 0;
        buf_put(&c->in, room, (size_t)n);
    }
    return n > 0 || (n < 0 && errno == EAGAIN);
}

void client_send(struct client *c, struct fct_str bytes)
{
    while (bytes.n > 0) {
        ssize_t n = send(c->fd, bytes.p, bytes.n, MSG_NOSIGNAL);

        if (n > 0)
            bytes = str_skip(bytes, (size_t)n);
        else if (n < 0 && errno != EAGAIN)
            return; /* the server closed: the script will see */
        server_turn(c->server);
    }
}

static struct fct_str unread(const struct client *c)
{
    return str_skip(buf_str(&c->in), c->used);
}

static struct fct_str take(struct client *c, size_t n)
{
    buf_clear(&c->taken);
    buf_put(&c->taken, unread(c).p, n);
    c->used += n;
    return buf_str(&c->taken);
}

struct fct_str client_line(struct client *c)
{
    uint64_t until = clock_ms() + 5000;
    ptrdiff_t end;

    while ((end = str_find_char(unread(c), '\n')) < 0) {
        bool open = client_read(c);

        if (str_find_char(unread(c), '\n') >= 0)
            continue;
        REQUIRE(open, "the server closed");
        REQUIRE(clock_ms() < until, "no line came");
        server_run(c->server);
    }
    take(c, (size_t)end + 1);
    return str_head(buf_str(&c->taken), c->taken.n - (c->taken.n > 1 ? 2 : 1));
}

struct fct_str client_bytes(struct client *c, size_t n)
{
    uint64_t until = clock_ms() + 5000;

    while (unread(c).n < n) {
        REQUIRE(client_read(c) && clock_ms() < until, "%zu bytes did not come", n);
        server_run(c->server);
    }
    return take(c, n);
}

void client_expect_end(struct client *c)
{
    uint64_t until = clock_ms() + 5000;

    while (client_read(c)) {
        REQUIRE(clock_ms() < until, "the server did not close");
        server_run(c->server);
    }
    REQUIRE(unread(c).n == 0, "unread: %.*s", FCT_FMT(unread(c)));
}

bool line_matches(struct fct_str pattern, struct fct_str line)
{
    size_t p = 0, n = 0, star = SIZE_MAX, star_at = 0;

    while (n < line.n) {
        if (p < pattern.n && pattern.p[p] == '*' &&
            !(p == 0 && str_starts(pattern, FCT_STR("* ")))) {
            star = ++p;
            star_at = n;
        } else if (p < pattern.n && pattern.p[p] == line.p[n]) {
            p++;
            n++;
        } else if (star != SIZE_MAX) {
            p = star;
            n = ++star_at;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

static void run_line(struct client *c, struct fct_str step)
{
    struct fct_str text = str_skip(step, 3), got;

    if (str_equal(step, FCT_STR("end"))) {
        client_expect_end(c);
        return;
    }
    if (step.p[0] == 'C') {
        client_send(c, text);
        client_send(c, FCT_STR("\r\n"));
        return;
    }
    REQUIRE(step.p[0] == 'S', "bad step %.*s", FCT_FMT(step));
    do
        got = client_line(c);
    while (step.p[1] == '!' && !line_matches(text, got));
    REQUIRE(line_matches(text, got), "wanted %.*s\n   got %.*s", FCT_FMT(text), FCT_FMT(got));
}

void run_script(const char *settings, const char *script)
{
    struct server *sv = server_new(settings);
    struct client *one = client_new(sv), *two = NULL;
    struct fct_str rest = str_from(script);

    while (rest.p && rest.n > 0) {
        struct fct_str step = str_split(&rest, '\n');

        if (step.n > 0 && step.p[0] == '2') {
            if (!two)
                two = client_new(sv);
            run_line(two, str_skip(step, 1));
        } else if (step.n > 0) {
            run_line(one, step);
        }
    }
    client_free(&one);
    if (two)
        client_free(&two);
    server_free(&sv);
}

struct client *client_selected(struct server *sv)
{
    struct client *c = client_new(sv);

    client_line(c);
    client_send(c, FCT_STR("a LOGIN alice@example.org secret\r\nb SELECT INBOX\r\n"));
    while (!line_matches(FCT_STR("b OK*"), client_line(c)))
        continue;
    return c;
}
