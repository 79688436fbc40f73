/* imap_append.c - APPEND (RFC 9051 6.3.12) with APPENDUID (RFC 4315), several messages at once (RFC
 * 3502).
 *
 * Messages never enter the command buffer: each goes to a memfd, or above `spool_above` to a file
 * of the store, as it arrives. The loop moves the bytes; a fiber is lent for opening a file and for
 * the end. Nothing is visible before the last message is whole. */
#include "protocols/imap/imap_hooks.h"
#include "protocols/imap/imap_response.h"

#include "core/log/log.h"
#include "core/message/summary.h"

#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_MESSAGES  1000 /* of one command; each holds a descriptor */
#define SUMMARY_MAX   (4u << 20)
#define OFFLOAD_ABOVE (128u << 10) /* scanning more than this would keep other sessions waiting */

struct upload_message {
    int fd;     /* -1: the bytes are discarded, the command fails at the end */
    int reader; /* of a file: for the filters, reading only; else -1 */
    uint64_t size;
    int64_t internal_date;
    struct imap_flags flags;
    struct fct_str summary;
};

struct imap_upload {
    struct arena *arena;
    struct fct_str mailbox; /* as the store writes it */
    bool redirected;        /* a filter chose that mailbox */
    struct upload_message *message;
    size_t n, room;
    uint64_t left;               /* of the message being received */
    uint64_t in_memory;          /* bytes of the messages that are in memfds */
    size_t parsed;               /* so much of the command is understood */
    struct imap_literal literal; /* of the message to be opened */
    struct imap_command command; /* for its answer when it fails early */
    struct fct_err err; /* the first failure; the rest of the command is read and discarded */
};

void imap_upload_free(struct imap_session *s)
{
    struct imap_upload *u = s->upload;

    if (!u)
        return;
    s->upload = NULL;
    for (size_t i = 0; i < u->n; i++) {
        if (u->message[i].fd >= 0)
            close(u->message[i].fd);
        if (u->message[i].reader >= 0)
            close(u->message[i].reader);
    }
    arena_free(&u->arena);
    free(u->message);
    free(u);
}

static void add_message(struct imap_upload *u, const struct upload_message *m)
{
    if (u->n == u->room) {
        u->room = u->room ? 2 * u->room : 4;
        u->message = realloc(u->message, u->room * sizeof *u->message);
        FCT_ASSERT(u->message);
    }
    u->message[u->n++] = *m;
}

/* ---- recognising a message ---- */

static bool parse_prefix(struct imap_session *s, struct imap_upload *u, struct fct_str *in)
{
    struct fct_str name;
    bool ok = imap_parse_tag(in, &u->command.tag) && imap_parse_space(in) &&
              imap_parse_word(in, "APPEND") && imap_parse_space(in) &&
              imap_parse_astring(in, u->arena, &name);

    u->command.tag = arena_str(u->arena, u->command.tag);
    if (!ok)
        return false;
    if (!imap_mailbox_decode(s, u->arena, name, &u->mailbox) && u->err.class == FCT_OK)
        imap_fail(&u->command, "CANNOT", &u->err, "The mailbox name is not encoded as it must be");
    u->mailbox = arena_str(u->arena, u->mailbox);
    return true;
}

/* append-message = SP [flag-list SP] [date-time SP] literal; up to the literal's head. */
static bool parse_message(struct imap_upload *u, struct fct_str *in, struct upload_message *m)
{
    if (!imap_parse_space(in))
        return false;
    if (in->n > 0 && in->p[0] == '(' &&
        !(imap_parse_flag_list(in, false, u->arena, &m->flags) && imap_parse_space(in)))
        return false;
    if (in->n > 0 && in->p[0] == '"' &&
        !(imap_parse_date_time(in, &m->internal_date) && imap_parse_space(in)))
        return false;
    return true;
}

static struct fct_str *copy_keywords(struct imap_upload *u, const struct imap_flags *flags)
{
    struct fct_str *copy = ARENA_ARRAY(u->arena, struct fct_str, flags->nkeywords);

    for (size_t i = 0; i < flags->nkeywords; i++)
        copy[i] = arena_str(u->arena, flags->keyword[i]);
    return copy;
}

/* Is the literal at the end of the command a message? Then it is taken into u, and everything
 * before it is understood. */
static bool is_message(struct imap_session *s, struct imap_upload *u,
                       const struct imap_literal *literal)
{
    struct fct_str command = imap_input_command(&s->input), in = str_skip(command, u->parsed);
    struct upload_message m = {.fd = -1, .reader = -1, .size = literal->size};
    size_t end = command.n;

    while (end > 0 && (command.p[end - 1] == '\n' || command.p[end - 1] == '\r'))
        end--;
    if (u->n == MAX_MESSAGES || (u->parsed == 0 && !parse_prefix(s, u, &in)) ||
        !parse_message(u, &in, &m) || in.p != command.p + end - literal->head)
        return false;
    m.flags.keyword = copy_keywords(u, &m.flags); /* the command buffer may move */
    add_message(u, &m);
    u->parsed = command.n;
    u->left = literal->size;
    u->literal = *literal;
    return true;
}

/* ---- receiving ---- */

static bool fail_open(struct imap_upload *u, const struct fct_err *err)
{
    if (u->err.class == FCT_OK)
        u->err = *err;
    return false;
}

static bool check_target(struct imap_session *s, struct imap_upload *u, struct fct_err *err)
{
    struct mailbox_info info;

    if (store_mailbox(s->edge.listener->edge->store, s->principal.handle, u->mailbox, u->arena,
                      &info, err))
        return true;
    if (err->class == FCT_DENIED)
        return imap_fail(&u->command, "TRYCREATE", err, "There is no such mailbox");
    return imap_store_failed(&u->command, err);
}

/* Small messages wait in memory, as long as they are not too many. */
static bool fits_memory(const struct imap_session *s, const struct imap_upload *u, uint64_t size)
{
    uint64_t most = s->conf->spool_above.bytes;

    return size <= most && u->in_memory + size <= 4 * most;
}

static bool open_memory(struct imap_upload *u, struct fct_err *err)
{
    struct upload_message *m = &u->message[u->n - 1];

    m->fd = memfd_create("imap-append", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    u->in_memory += m->size;
    return m->fd >= 0 || fct_fail(err, FCT_TEMP, "memfd: %s", strerror(errno));
}

static bool open_message(struct imap_session *s, struct imap_upload *u, struct fct_err *err)
{
    struct upload_message *m = &u->message[u->n - 1];

    if (m->size > s->conf->max_append.bytes || m->size > UINT32_MAX)
        return imap_fail(&u->command, "TOOBIG", err, "The message is too large");
    if (fits_memory(s, u, m->size))
        return open_memory(u, err);
    return store_spool_pair(s->edge.listener->edge->store, &m->fd, &m->reader, err) ||
           imap_store_failed(&u->command, err);
}

static void start_receiving(struct imap_session *s)
{
    s->mode = IMAP_MODE_MESSAGE;
    if (s->upload->literal.waits)
        imap_put(s, "+ OK\r\n");
}

static void end_early(struct imap_session *s)
{
    imap_reply(s, &s->upload->command, false, &s->upload->err);
    imap_upload_free(s);
    imap_input_reset(&s->input);
    s->mode = IMAP_MODE_COMMAND;
}

/* A client that waits can be told before it sends (RFC 9051 6.3.12); one that does not must be read
 * to the end. */
static void refuse_message(struct imap_session *s)
{
    struct imap_upload *u = s->upload;

    if (u->literal.waits) {
        end_early(s);
    } else if (u->literal.too_large || u->literal.size > s->conf->max_append.bytes) {
        end_early(s);
        imap_bye(s, "[TOOBIG] A message over the limit was sent without waiting");
    } else {
        start_receiving(s);
    }
}

static void open_work(struct imap_session *s)
{
    struct imap_upload *u = s->upload;
    struct fct_err err = {0};

    if (u->err.class == FCT_OK && (u->n > 1 || !u->literal.waits || check_target(s, u, &err)) &&
        open_message(s, u, &err)) {
        start_receiving(s);
        return;
    }
    fail_open(u, &err);
    refuse_message(s);
}

static struct imap_upload *upload_of(struct imap_session *s)
{
    if (!s->upload) {
        s->upload = calloc(1, sizeof *s->upload);
        FCT_ASSERT(s->upload);
        s->upload->arena = arena_new(NULL);
        s->upload->command.arena = s->upload->arena;
        s->upload->command.verb = imap_verb_find(FCT_STR("APPEND"));
    }
    return s->upload;
}

bool imap_append_asked(struct imap_session *s, const struct imap_literal *literal,
                       enum imap_step *step)
{
    struct fct_str line = imap_input_command(&s->input), tag;
    struct imap_upload *u;

    if (s->state == IMAP_NOT_AUTHENTICATED || !imap_parse_tag(&line, &tag) ||
        !imap_parse_space(&line) || !imap_parse_word(&line, "APPEND"))
        return false;
    u = upload_of(s);
    if (!is_message(s, u, literal))
        return false;
    /* Small and not waited for: no question to the store is needed before the end. */
    if (u->err.class == FCT_OK && !literal->waits && fits_memory(s, u, literal->size) &&
        open_memory(u, &u->err)) {
        start_receiving(s);
        *step = IMAP_STEP_AGAIN;
        return true;
    }
    *step = imap_session_lend(s, open_work);
    return true;
}

/* Move what is there into the file. */
enum imap_step imap_append_bytes(struct imap_session *s)
{
    struct imap_upload *u = s->upload;
    struct evbuffer *in = stream_input(s->stream);
    struct upload_message *m = &u->message[u->n - 1];
    size_t have = evbuffer_get_length(in);
    int n = (int)(have < u->left ? have : (size_t)u->left);

    if (u->left > 0 && n == 0)
        return IMAP_STEP_WAIT;
    if (m->fd >= 0 && n > 0) {
        n = evbuffer_write_atmost(in, m->fd, n);
        if (n < 0) {
            fct_fail(&u->err, FCT_TEMP, "The message cannot be kept: %s", strerror(errno));
            close(m->fd);
            m->fd = -1;
            return IMAP_STEP_AGAIN;
        }
    } else {
        evbuffer_drain(in, (size_t)n);
    }
    u->left -= (uint64_t)n;
    if (u->left == 0) {
        s->mode = IMAP_MODE_COMMAND;
        imap_input_continue(&s->input);
    }
    return IMAP_STEP_AGAIN;
}

/* ---- the end of the command ---- */

struct summary_work {
    struct upload_message *m;
    struct arena *arena;
    struct buf out;
    bool ok;
    int error;
};

static void make_summary(void *arg)
{
    struct summary_work *w = arg;
    const struct edit_list none = {0};
    struct mime_tree tree;
    void *bytes = w->m->size ? mmap(NULL, w->m->size, PROT_READ, MAP_PRIVATE, w->m->fd, 0) : NULL;
    struct fct_str message = {bytes, w->m->size};

    if (bytes == MAP_FAILED) {
        w->error = errno;
        return;
    }
    mime_scan(w->arena, message, &mime_default_limits, &tree);
    w->ok = summary_build(w->arena, message, &tree, &none, &w->out);
    if (bytes)
        munmap(bytes, w->m->size);
}

static bool summarise(struct imap_upload *u, struct upload_message *m, struct fct_err *err)
{
    struct summary_work w = {.m = m, .arena = arena_new(NULL), .out = BUF_INIT(SUMMARY_MAX)};

    if (m->size > OFFLOAD_ABOVE)
        offload(make_summary, &w);
    else
        make_summary(&w);
    if (w.ok)
        m->summary = arena_str(u->arena, buf_str(&w.out));
    arena_free(&w.arena);
    buf_free(&w.out);
    if (w.error)
        return fct_fail(err, FCT_TEMP, "mmap: %s", strerror(w.error));
    return w.ok || fct_fail(err, FCT_LIMIT, "The structure of the message is too large");
}

/* ---- the filters' say ---- */

/* What a filter reads cannot change any more. */
static int readable(const struct upload_message *m)
{
    if (m->reader < 0)
        (void)fcntl(m->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    return m->reader >= 0 ? m->reader : m->fd;
}

/* One command has one mailbox (RFC 3502): the last word counts. One that is not there is ignored.
 */
static FCT_MAY_WAIT void redirect(struct imap_session *s, struct imap_upload *u,
                                  struct fct_str mailbox)
{
    struct mailbox_info info;
    struct fct_err err = {0};

    if (!store_mailbox(s->edge.listener->edge->store, s->principal.handle, mailbox, u->arena, &info,
                       &err)) {
        log_event(EV_WARNING, str_from(s->id.text), F_C("hook", "store.append"),
                  F_STR("mailbox", mailbox), F_C("text", err.text));
        return;
    }
    u->redirected |= !str_equal(u->mailbox, mailbox);
    u->mailbox = arena_str(u->arena, mailbox);
}

static FCT_MAY_WAIT bool ask_message(struct imap_session *s, struct imap_command *c,
                                     struct imap_upload *u, struct upload_message *m,
                                     struct fct_err *err)
{
    const struct fct_ev_store_append ev = {
        .account = str_from(s->login),
        .mailbox = u->mailbox,
        .flags = imap_flag_texts(&m->flags, c->arena),
        .size = m->size,
    };
    struct filter_answer answer;
    enum fct_verdict verdict = access_ask_message(&s->access, FCT_HOOK_store_append, &ev,
                                                  readable(m), m->size, c->arena, &answer);
    struct fct_str text;

    if (!imap_verdict(s, c, verdict, &answer, "CANNOT", err))
        return false;
    for (size_t i = 0; filter_changed(&answer, "flag", i, &text); i++)
        if (!imap_flags_add(&m->flags, text, c->arena))
            log_event(EV_WARNING, str_from(s->id.text), F_C("hook", "store.append"),
                      F_STR("flag", text), F_C("text", "a filter's word is no flag"));
    if (filter_changed(&answer, "mailbox", 0, &text))
        redirect(s, u, text);
    return true;
}

static FCT_MAY_WAIT bool ask_filters(struct imap_session *s, struct imap_command *c,
                                     struct imap_upload *u, struct fct_err *err)
{
    if (!access_wants(&s->access, FCT_HOOK_store_append))
        return true;
    for (size_t i = 0; i < u->n; i++)
        if (!ask_message(s, c, u, &u->message[i], err))
            return false;
    return true;
}

/* ---- the commit ---- */

/* Not told where a filter chose the mailbox: the client would look for the UIDs in its own (RFC
 * 4315 3). */
static void put_append_uid(struct imap_command *c, const struct imap_upload *u,
                           uint32_t uid_validity, const uint32_t *uid)
{
    FCT_CLEANUP(buf_free) struct buf code = BUF_INIT(1u << 16);

    if (u->redirected)
        return;
    buf_put_c(&code, "APPENDUID ");
    buf_put_u64(&code, uid_validity);
    buf_put_char(&code, ' ');
    imap_response_uids(&code, uid, u->n);
    c->code = arena_str(c->arena, buf_str(&code));
}

static bool append_all(struct imap_session *s, struct imap_command *c, struct imap_upload *u,
                       struct fct_err *err)
{
    struct store_new *message = ARENA_ARRAY(c->arena, struct store_new, u->n);
    uint32_t *uid = ARENA_ARRAY(c->arena, uint32_t, u->n), uid_validity = 0;

    for (size_t i = 0; i < u->n; i++) {
        struct upload_message *m = &u->message[i];

        if (!summarise(u, m, err))
            return false;
        message[i] = (struct store_new){
            .fd = m->fd,
            .size = m->size,
            .flags = m->flags.flags,
            .keyword = m->flags.keyword,
            .nkeywords = m->flags.nkeywords,
            .internal_date = m->internal_date,
            .summary = m->summary,
        };
    }
    if (!store_append(s->edge.listener->edge->store, s->principal.handle, u->mailbox, message, u->n,
                      &uid_validity, uid, err)) {
        if (err->class == FCT_DENIED)
            return imap_fail(c, "TRYCREATE", err, "There is no such mailbox");
        return imap_store_failed(c, err);
    }
    put_append_uid(c, u, uid_validity, uid);
    imap_told_append(s, c->arena, u->mailbox, uid, u->n);
    return true;
}

bool imap_append_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    struct imap_upload *u = s->upload;

    if (!u || u->n == 0 || imap_input_command(&s->input).n != u->parsed)
        return imap_syntax(err, "Bad arguments of APPEND");
    if (u->err.class != FCT_OK) {
        *err = u->err;
        c->code = arena_str(c->arena, u->command.code);
        return false;
    }
    for (size_t i = 0; i < u->n; i++)
        if (u->message[i].size == 0)
            return imap_fail(c, "CANNOT", err, "A message cannot be empty"); /* RFC 3502 6.3.11 */
    if (!ask_filters(s, c, u, err) || !append_all(s, c, u, err))
        return false;
    if (s->state == IMAP_SELECTED && str_equal(u->mailbox, str_from(s->view.name)))
        s->changed = true;
    return true;
}
