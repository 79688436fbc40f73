/* ctl_scan.c - plays a whole transaction for a message in a file: connect, helo, mail, rcpt, data,
 * and the message. */
#include "core/ctl/ctl_scan.h"

#include "core/base/id.h"
#include "core/base/str.h"
#include "core/message/address.h"
#include "core/message/mime.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_MESSAGE  (256u << 20)
#define MAX_GUESSED  64
#define DEFAULT_IP   "192.0.2.1" /* RFC 5737: nobody's */
#define DEFAULT_HELO "client.example"

/* ---- the message ---- */

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

/* Files have the line ends of their machine; SMTP has CRLF. A "From " line in front is mbox's, not
 * the message's. */
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

static bool load_message(struct scan *s, const char *path, struct fct_err *err)
{
    bool standard = str_equal(str_from(path), FCT_STR("-"));
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct buf raw = BUF_INIT(MAX_MESSAGE), wire = BUF_INIT(2 * (size_t)MAX_MESSAGE);
    bool ok;

    if (fd < 0)
        return fct_fail(err, FCT_SYNTAX, "%s: %s", path, strerror(errno));
    ok = read_all(fd, &raw, err) || fct_fail_in(err, "%s", path);
    if (!standard)
        close(fd);
    if (ok && raw.n == 0)
        ok = fct_fail(err, FCT_SYNTAX, "%s: is empty", path);
    if (ok) {
        put_wire_form(buf_str(&raw), &wire);
        s->message = arena_str(s->ctl->arena, buf_str(&wire));
    }
    buf_free(&raw);
    buf_free(&wire);
    return ok;
}

static bool sealed_copy(struct fct_str message, int *fd, struct fct_err *err)
{
    size_t done = 0;

    *fd = memfd_create("scan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    while (*fd >= 0 && done < message.n) {
        ssize_t n = write(*fd, message.p + done, message.n - done);

        if (n < 0 && errno != EINTR)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
    if (*fd < 0 || done < message.n)
        return fct_fail(err, FCT_TEMP, "memory for the message: %s", strerror(errno));
    (void)fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    return true;
}

/* ---- the envelope: as given, else guessed from the header ---- */

/* Addresses of a field as local@domain. */
static size_t guess(struct scan *s, const struct header_list *header, const char *name,
                    struct fct_str *out, size_t most)
{
    const struct fct_header *h = header_find(header, name, 0);
    struct address list[MAX_GUESSED];
    size_t n = h ? address_list_parse(s->ctl->arena, header_unfold(s->ctl->arena, h), list,
                                      MAX_GUESSED)
                 : 0,
           made = 0;

    for (size_t i = 0; i < n && made < most; i++)
        if (list[i].kind == ADDRESS_MAILBOX && list[i].domain.n > 0)
            out[made++] = arena_printf(s->ctl->arena, "%.*s@%.*s", FCT_FMT(list[i].local),
                                       FCT_FMT(list[i].domain));
    return made;
}

static struct fct_str sender(struct scan *s, const struct header_list *header)
{
    const char *given = ctl_option(s->ctl, "--from");
    struct fct_str found = {0};

    if (given)
        return str_equal(str_from(given), FCT_STR("<>")) ? (struct fct_str){0} : str_from(given);
    if (guess(s, header, "Return-Path", &found, 1) == 0)
        (void)guess(s, header, "From", &found, 1);
    return found;
}

static size_t recipients(struct scan *s, const struct header_list *header, struct fct_str *out)
{
    size_t n = 0;

    for (unsigned i = 0; i < s->ctl->ngiven; i++)
        if (str_equal(str_from(s->ctl->given[i].option->name), FCT_STR("--rcpt")))
            out[n++] = str_from(s->ctl->given[i].value);
    if (n == 0)
        n = guess(s, header, "Delivered-To", out, 1);
    if (n == 0)
        n = guess(s, header, "To", out, 1);
    if (n == 0)
        out[n++] = FCT_STR("recipient@example.test");
    return n;
}

static const struct {
    const char *name;
    uint32_t role;
} roles[] = {{"mx", FCT_ROLE_MX},
             {"submission", FCT_ROLE_SUBMISSION},
             {"lmtp", FCT_ROLE_LMTP},
             {"local", FCT_ROLE_LOCAL}};

static bool take_role(const struct ctl *c, uint32_t *role, struct fct_err *err)
{
    const char *name = ctl_option(c, "--role");

    *role = FCT_ROLE_MX;
    if (!name)
        return true;
    for (size_t i = 0; i < FCT_COUNT(roles); i++)
        if (str_equal(str_from(name), str_from(roles[i].name))) {
            *role = roles[i].role;
            return true;
        }
    return fct_fail(err, FCT_SYNTAX, "--role %s: must be mx, submission, lmtp or local", name);
}

static struct fct_str option_or(const struct ctl *c, const char *name, const char *otherwise)
{
    const char *given = ctl_option(c, name);

    return str_from(given ? given : otherwise);
}

static bool make_context(struct scan *s, struct fct_err *err)
{
    struct arena *arena = s->ctl->arena;
    struct fct_str *rcpt = ARENA_ARRAY(arena, struct fct_str, CTL_MAX_WORDS);
    struct header_list header;
    struct fct_str id;
    uint32_t role;

    if (!take_role(s->ctl, &role, err))
        return false;
    header_list_parse(arena, s->message, &mime_default_limits.header, &header);
    s->recipients = recipients(s, &header, rcpt);
    s->recipient = ARENA_ARRAY(arena, struct filter_recipient, s->recipients);
    for (size_t i = 0; i < s->recipients; i++)
        s->recipient[i] = (struct filter_recipient){.recipient = rcpt[i], .account = rcpt[i]};
    id = arena_printf(arena, "%s", id_new().text);
    s->context = (struct filter_context){
        .conn = {.size = sizeof s->context.conn,
                 .role = role,
                 .id = id,
                 .client_ip = option_or(s->ctl, "--ip", DEFAULT_IP),
                 .local_ip = FCT_STR("192.0.2.2"),
                 .client_port = 49152,
                 .local_port = 25,
                 .helo = option_or(s->ctl, "--helo", DEFAULT_HELO),
                 .login = option_or(s->ctl, "--login", "")},
        .envelope = {.size = sizeof s->context.envelope,
                     .id = arena_printf(arena, "%.*s.1", FCT_FMT(id)),
                     .reverse_path = sender(s, &header),
                     .recipient = rcpt,
                     .recipients = s->recipients},
    };
    return true;
}

/* ---- the dialogue ---- */

/* False: this answer ends the transaction. */
static bool step(struct scan *s, enum fct_hook hook, const void *ev)
{
    struct filter_answer answer = {0};

    if (filter_wants(s->ctl->filter, hook, s->context.conn.role))
        filter_hook(s->ctl->filter, &s->context, hook, ev, s->ctl->arena, &answer);
    if (answer.verdict != FCT_NEXT && s->steps < FCT_COUNT(s->step))
        s->step[s->steps++] = (struct scan_step){hook, answer};
    s->decided = answer.verdict == FCT_REJECT || answer.verdict == FCT_TEMPFAIL ||
                 answer.verdict == FCT_DISCONNECT;
    return !s->decided;
}

static bool envelope_steps(struct scan *s)
{
    const struct fct_conn *conn = &s->context.conn;
    const struct fct_envelope *e = &s->context.envelope;

    if (!step(s, FCT_HOOK_connect, &(struct fct_ev_connect){.implicit_tls = false}) ||
        !step(s, FCT_HOOK_helo, &(struct fct_ev_helo){.name = conn->helo, .extended = true}) ||
        !step(s, FCT_HOOK_mail,
              &(struct fct_ev_mail){.reverse_path = e->reverse_path, .size = s->message.n}))
        return false;
    for (size_t i = 0; i < e->recipients; i++)
        if (!step(s, FCT_HOOK_rcpt,
                  &(struct fct_ev_rcpt){.recipient = e->recipient[i], .accepted = i}))
            return false;
    return step(s, FCT_HOOK_data, &(struct fct_ev_data){.recipients = e->recipients});
}

static bool ask(struct scan *s, struct fct_err *err)
{
    int fd;

    if (!sealed_copy(s->message, &fd, err))
        return false;
    if (envelope_steps(s))
        filter_message(s->ctl->filter, &s->context, fd, s->message.n, s->recipient, s->recipients,
                       s->ctl->arena, &s->result);
    close(fd);
    return true;
}

int ctl_scan(struct ctl *c)
{
    struct scan *s = ARENA_NEW(c->arena, struct scan);
    struct fct_err err = {0};
    const char *word;

    s->ctl = c;
    if (!load_message(s, c->word[0], &err) || !make_context(s, &err) || !ask(s, &err)) {
        (void)ctl_error(&err);
        return err.class == FCT_TEMP ? CTL_TEMPORARY : CTL_SCAN_USAGE;
    }
    scan_show(s);
    return (int)scan_verdict(s, &word);
}
