/* sendmail_submit.c - see sendmail_submit.h. */
#include "core/sendmail/sendmail_submit.h"

#include "core/base/str.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#define WAIT_S    600 /* RFC 5321 4.5.3.2.6: ten minutes for the end of a message */
#define REPLY_MAX 65536u
#define BLOCK     65536u

static int complain(int status, const char *what, const char *why)
{
    (void)fprintf(stderr, "sendmail: %s: %s\n", what, why);
    return status;
}

static int lost(const char *why)
{
    return complain(EX_TEMPFAIL, "the server went away, the message is not sent", why);
}

/* ---- the wire ---- */

static bool put_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = write(fd, p, n);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

static bool say(struct sendmail_link *l, const struct buf *line)
{
    return !line->overflow && put_all(l->fd, line->p, line->n);
}

static bool get_line(struct sendmail_link *l, struct buf *line)
{
    buf_clear(line);
    for (;;) {
        ptrdiff_t end = str_find_char(buf_str(&l->in), '\n');
        char block[4096];
        ssize_t n;

        if (end >= 0) {
            buf_put(line, l->in.p, (size_t)end + 1);
            buf_drop_front(&l->in, (size_t)end + 1);
            return true;
        }
        n = read(l->fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || !buf_put(&l->in, block, (size_t)n))
            return false;
    }
}

/* The code, 0 when there is none any more; `text`: the last line behind the code. */
static unsigned hear(struct sendmail_link *l, struct buf *text)
{
    for (;;) {
        struct fct_str line;
        uint32_t code;

        if (!get_line(l, text))
            return 0;
        line = str_trim(buf_str(text));
        if (line.n < 3 || !str_to_u32(str_head(line, 3), &code))
            return 0;
        if (line.n == 3 || line.p[3] == ' ')
            return code;
    }
}

static unsigned ask(struct sendmail_link *l, const struct buf *line, struct buf *text)
{
    return say(l, line) ? hear(l, text) : 0;
}

/* ---- coming and going ---- */

int sendmail_open(const char *path, struct sendmail_link *l)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(REPLY_MAX);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    const struct timeval wait = {WAIT_S, 0};
    struct fct_str rest;
    unsigned code;

    *l = (struct sendmail_link){.fd = -1, .in = BUF_INIT(REPLY_MAX)};
    if (strlen(path) >= sizeof name.sun_path)
        return complain(EX_CONFIG, path, "too long for the name of a socket");
    str_copy_c(name.sun_path, sizeof name.sun_path, str_from(path));
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->fd < 0)
        return complain(EX_OSERR, "socket", strerror(errno));
    (void)setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    (void)setsockopt(l->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (connect(l->fd, (const struct sockaddr *)&name, sizeof name) != 0)
        return complain(errno == EACCES ? EX_NOPERM : EX_TEMPFAIL, path, strerror(errno));
    code = hear(l, &text);
    if (code != 220)
        return complain(EX_TEMPFAIL, path, text.n > 0 ? "no welcome" : "no answer");
    rest = str_skip(str_trim(buf_str(&text)), 4);
    str_copy_c(l->server, sizeof l->server, str_split(&rest, ' '));
    return EX_OK;
}

void sendmail_close(struct sendmail_link *l)
{
    if (l->fd >= 0) {
        (void)put_all(l->fd, "QUIT\r\n", 6);
        close(l->fd);
    }
    l->fd = -1;
    buf_free(&l->in);
}

/* ---- one message ---- */

static int status_of(unsigned code, struct fct_str text)
{
    if (code == 0 || (code >= 400 && code < 500))
        return EX_TEMPFAIL;
    if (str_find(text, FCT_STR(" 5.1.1 ")) >= 0)
        return EX_NOUSER;
    if (code == 552 || code == 554)
        return EX_DATAERR;
    return code == 530 || code == 535 ? EX_NOPERM : EX_UNAVAILABLE;
}

static int refused(unsigned code, const char *what, const struct buf *text)
{
    struct fct_str said = str_trim(buf_str(text));

    if (code == 0)
        return lost(what);
    (void)fprintf(stderr, "sendmail: %s: %.*s\n", what, FCT_FMT(said));
    return status_of(code, said);
}

/* xtext (RFC 3461 4) */
static void put_xtext(const char *text, struct buf *out)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c > ' ' && (unsigned char)*c < 127 && *c != '+' && *c != '=')
            buf_put_char(out, *c);
        else
            buf_printf(out, "+%02X", (unsigned)(unsigned char)*c);
}

static bool has_utf8(const struct sendmail_envelope *e)
{
    for (size_t i = 0; i <= e->recipients; i++) {
        struct fct_str s = i < e->recipients ? e->recipient[i] : e->sender;

        for (size_t k = 0; k < s.n; k++)
            if ((unsigned char)s.p[k] > 127)
                return true;
    }
    return false;
}

static int say_mail(struct sendmail_link *l, const struct sendmail_envelope *e, struct buf *line,
                    struct buf *text)
{
    unsigned code;

    buf_clear(line);
    buf_printf(line, "MAIL FROM:<%.*s>", FCT_FMT(e->sender));
    if (e->has_8bit)
        buf_put_c(line, " BODY=8BITMIME");
    if (has_utf8(e))
        buf_put_c(line, " SMTPUTF8");
    if (e->ret)
        buf_printf(line, " RET=%s", e->ret);
    if (e->envid) {
        buf_put_c(line, " ENVID=");
        put_xtext(e->envid, line);
    }
    buf_put_c(line, "\r\n");
    code = ask(l, line, text);
    return code == 250 ? EX_OK : refused(code, "the sender is refused", text);
}

static int say_recipients(struct sendmail_link *l, const struct sendmail_envelope *e,
                          struct buf *line, struct buf *text)
{
    int status = EX_OK, one;

    for (size_t i = 0; i < e->recipients && status != EX_TEMPFAIL; i++) {
        unsigned code;
        char who[320];

        buf_clear(line);
        buf_printf(line, "RCPT TO:<%.*s>", FCT_FMT(e->recipient[i]));
        if (e->notify)
            buf_printf(line, " NOTIFY=%s", e->notify);
        buf_put_c(line, "\r\n");
        code = ask(l, line, text);
        if (code / 10 == 25)
            continue;
        str_copy_c(who, sizeof who, e->recipient[i]);
        one = refused(code, who, text);
        status = status == EX_OK || one == EX_TEMPFAIL ? one : status;
    }
    return status;
}

/* Dots at the beginnings of lines are doubled (RFC 5321 4.5.2). */
static bool say_message(struct sendmail_link *l, struct fct_str message)
{
    bool ok = true;

    while (ok && message.n > 0) {
        ptrdiff_t end = str_find(message, FCT_STR("\r\n."));
        size_t n = end >= 0 ? (size_t)end + 2 : message.n;

        if (message.p[0] == '.')
            ok = put_all(l->fd, ".", 1);
        ok = ok && put_all(l->fd, message.p, n);
        message = str_skip(message, n);
    }
    return ok && put_all(l->fd, ".\r\n", 3);
}

static int converse_message(struct sendmail_link *l, const struct sendmail_envelope *e,
                            struct fct_str message, struct buf *line, struct buf *text)
{
    unsigned code;
    int status;

    buf_put_c(line, "EHLO localhost.localdomain\r\n");
    code = ask(l, line, text);
    if (code != 250)
        return refused(code, "no EHLO", text);
    if ((status = say_mail(l, e, line, text)) != EX_OK ||
        (status = say_recipients(l, e, line, text)) != EX_OK)
        return status;
    buf_clear(line);
    buf_put_c(line, "DATA\r\n");
    code = ask(l, line, text);
    if (code != 354)
        return refused(code, "the message is refused", text);
    if (!say_message(l, message))
        return lost("while it was sent");
    code = hear(l, text);
    return code == 250 ? EX_OK : refused(code, "the message is refused", text);
}

int sendmail_submit(struct sendmail_link *l, const struct sendmail_envelope *e,
                    struct fct_str message)
{
    FCT_CLEANUP(buf_free) struct buf line = BUF_INIT(8192);
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(REPLY_MAX);

    return converse_message(l, e, message, &line, &text);
}

/* ---- -bs ---- */

static bool pass_on(int from, int to)
{
    char block[BLOCK];
    ssize_t n;

    do
        n = read(from, block, sizeof block);
    while (n < 0 && errno == EINTR);
    return n > 0 && put_all(to, block, (size_t)n);
}

int sendmail_converse(struct sendmail_link *l, int in, int out)
{
    struct pollfd at[2] = {{.fd = in, .events = POLLIN}, {.fd = l->fd, .events = POLLIN}};

    (void)fprintf(stdout, "220 %s ESMTP Facteur\r\n", l->server);
    if (fflush(stdout) != 0)
        return EX_IOERR;
    while (poll(at, 2, -1) >= 0 || errno == EINTR) {
        if (at[0].fd >= 0 && (at[0].revents & (POLLIN | POLLHUP)) && !pass_on(in, l->fd)) {
            at[0].fd = -1; /* the client has said all: the server answers it first */
            (void)shutdown(l->fd, SHUT_WR);
        }
        if ((at[1].revents & (POLLIN | POLLHUP)) && !pass_on(l->fd, out))
            break;
    }
    return EX_OK;
}
