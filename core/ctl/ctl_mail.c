/* ctl_mail.c - see ctl_mail.h. */
#include "core/ctl/ctl_mail.h"

#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/message/address.h"
#include "core/message/mime.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_MESSAGE (256u << 20)
#define MAX_GUESSED 64

/* ---- from a file ---- */

static bool read_all(int fd, struct buf *out, struct fct_err *err)
{
    char block[65536];
    ssize_t n;

    while ((n = read(fd, block, sizeof block)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fct_fail(err, FCT_TEMP, "read: %s", strerror(errno));
        if (!buf_put(out, block, (size_t)n))
            return fct_fail(err, FCT_LIMIT, "more than %u bytes", MAX_MESSAGE);
    }
    return true;
}

static bool is_mbox_line(struct fct_str line)
{
    return str_starts(line, FCT_STR("From ")) && str_find_char(str_head(line, 20), ':') < 0;
}

static void put_wire_form(struct fct_str raw, struct buf *out)
{
    struct fct_str rest = raw, line;
    bool first = true;

    while (rest.p && rest.n > 0) {
        line = str_split(&rest, '\n');
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        if (!(first && is_mbox_line(line))) {
            buf_put_str(out, line);
            if (rest.p)
                buf_put_c(out, "\r\n");
        }
        first = false;
    }
}

static bool read_file(const char *path, struct buf *out, struct fct_err *err)
{
    bool standard = str_equal(str_from(path), FCT_STR("-"));
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    bool ok;

    if (fd < 0)
        return fct_fail(err, FCT_SYNTAX, "%s: %s", path, strerror(errno));
    ok = read_all(fd, out, err) || fct_fail_in(err, "%s", path);
    if (!standard)
        close(fd);
    return ok;
}

bool ctl_mail_read(struct arena *arena, const char *path, struct fct_str *message,
                   struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf raw = BUF_INIT(MAX_MESSAGE);

    if (!read_file(path, &raw, err))
        return false;
    *message = arena_str(arena, buf_str(&raw));
    return true;
}

struct fct_str ctl_mail_wire(struct arena *arena, struct fct_str raw)
{
    FCT_CLEANUP(buf_free) struct buf wire = BUF_INIT(2 * (size_t)MAX_MESSAGE);

    put_wire_form(raw, &wire);
    return arena_str(arena, buf_str(&wire));
}

bool ctl_mail_load(struct arena *arena, const char *path, struct fct_str *message,
                   struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf raw = BUF_INIT(MAX_MESSAGE);

    if (!read_file(path, &raw, err))
        return false;
    if (raw.n == 0)
        return fct_fail(err, FCT_SYNTAX, "%s: is empty", path);
    *message = ctl_mail_wire(arena, buf_str(&raw));
    return true;
}

/* ---- for a filter ---- */

bool ctl_mail_seal(struct fct_str message, int *fd, struct fct_err *err)
{
    size_t done = 0;

    *fd = memfd_create("scan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    while (*fd >= 0 && done < message.n) {
        ssize_t n = write(*fd, message.p + done, message.n - done);

        if (n < 0 && errno != EINTR)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
    if (*fd >= 0 && done == message.n) {
        (void)fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
        return true;
    }
    (void)fct_fail(err, FCT_TEMP, "memory for the message: %s", strerror(errno));
    if (*fd >= 0)
        close(*fd);
    return false;
}

/* ---- the envelope ---- */

/* The first address of a field as local@domain. */
static bool guess(struct arena *arena, const struct header_list *header, const char *name,
                  struct fct_str *out)
{
    const struct fct_header *h = header_find(header, name, 0);
    struct address list[MAX_GUESSED];
    size_t n = h ? address_list_parse(arena, header_unfold(arena, h), list, FCT_COUNT(list)) : 0;

    for (size_t i = 0; i < n; i++)
        if (list[i].kind == ADDRESS_MAILBOX && list[i].domain.n > 0) {
            *out =
                arena_printf(arena, "%.*s@%.*s", FCT_FMT(list[i].local), FCT_FMT(list[i].domain));
            return true;
        }
    return false;
}

void ctl_mail_guess(struct arena *arena, struct fct_str message, struct ctl_mail_envelope *out)
{
    struct header_list header;

    *out = (struct ctl_mail_envelope){.recipient = FCT_STR("recipient@example.test")};
    header_list_parse(arena, message, &mime_default_limits.header, &header);
    if (!guess(arena, &header, "Return-Path", &out->sender))
        (void)guess(arena, &header, "From", &out->sender);
    if (!guess(arena, &header, "Delivered-To", &out->recipient))
        (void)guess(arena, &header, "To", &out->recipient);
}
