/* queue_history.c - see queue_history.h. */
#include "store/queue_history.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "core/log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME   "queue-history"
#define OLD_NAME    "queue-history.old"
#define HELD_MAX    (4u << 20)  /* lines not written yet */
#define WRITE_AT    (64u << 10) /* of them, without waiting for the second to end */
#define ENTRIES_MAX 100u        /* of one message */
#define NAMED_MAX   20u         /* recipients that a line names */

struct queue_history {
    int fd;
    uint64_t size; /* of the file */
    struct buf held;
    bool failed;
};

/* ---- lines ---- */

/* Words of others must not make columns or lines. */
static void put_word(struct buf *out, struct fct_str word)
{
    buf_put_char(out, '\t');
    for (size_t i = 0; i < word.n; i++)
        buf_put_char(out, (unsigned char)word.p[i] < ' ' || word.p[i] == 0x7f ? ' ' : word.p[i]);
}

static void put_number(struct buf *out, int64_t n)
{
    buf_printf(out, "\t%lld", (long long)n);
}

static struct buf *begin_line(struct server *s, uint64_t id, const char *event)
{
    struct queue_history *h = s->history;

    if (!h || h->held.n > HELD_MAX - 65536)
        return NULL;
    buf_printf(&h->held, "%lld\t%llu\t%s", (long long)clock_wall(), (unsigned long long)id, event);
    return &h->held;
}

static void write_held(struct server *s);

static void end_line(struct server *s)
{
    buf_put_char(&s->history->held, '\n');
    if (s->history->held.n > WRITE_AT)
        write_held(s);
}

void queue_history_queued(struct server *s, const struct queue_entry *e)
{
    struct buf *out = begin_line(s, e->id, "queued");

    if (!out)
        return;
    put_word(out, e->envelope.log_id);
    put_word(out, e->envelope.reverse_path);
    put_word(out, e->envelope.login);
    put_word(out, e->envelope.client_ip);
    put_number(out, (int64_t)e->size);
    put_number(out, (int64_t)e->n);
    put_number(out, e->envelope.hold_until);
    for (size_t i = 0; i < e->n && i < NAMED_MAX; i++)
        put_word(out, e->recipient[i].address);
    end_line(s);
}

void queue_history_result(struct server *s, const struct queue_result *r)
{
    static const char *const words[QUEUE_OUT_COUNT] = {
        [QUEUE_OUT_DELIVERED] = "delivered", [QUEUE_OUT_FAILED] = "failed",
        [QUEUE_OUT_EXPIRED] = "expired",     [QUEUE_OUT_DEFERRED] = "deferred",
        [QUEUE_OUT_RETURNED] = NULL,
    };
    struct buf *out = words[r->outcome] ? begin_line(s, r->id, words[r->outcome]) : NULL;

    if (!out)
        return;
    put_word(out, r->address);
    put_word(out, r->status);
    put_word(out, r->host);
    put_word(out, r->tls);
    put_number(out, r->took_ms);
    put_number(out, r->outcome == QUEUE_OUT_DEFERRED ? r->next_try : 0);
    put_word(out, str_head(r->reply, QUEUE_TEXT_MAX));
    if (r->converted.n > 0)
        put_word(out, r->converted);
    end_line(s);
}

void queue_history_act(struct server *s, uint64_t id, enum queue_act act)
{
    static const char *const words[QUEUE_ACT_COUNT] = {[QUEUE_HOLD] = "held",
                                                       [QUEUE_RELEASE] = "released",
                                                       [QUEUE_RETRY] = "retried",
                                                       [QUEUE_DROP] = "dropped",
                                                       [QUEUE_UNDO] = "undone"};

    if (begin_line(s, id, words[act]))
        end_line(s);
}

void queue_history_report(struct server *s, uint64_t id, struct fct_str to)
{
    struct buf *out = begin_line(s, id, "report");

    if (!out)
        return;
    put_word(out, to);
    end_line(s);
}

/* ---- the file ---- */

static void path_of(const struct server *s, const char *name, char path[PATH_MAX])
{
    (void)snprintf(path, PATH_MAX, "%s/%s", s->dir, name);
}

static bool open_file(struct server *s)
{
    char path[PATH_MAX];
    struct stat st;

    path_of(s, FILE_NAME, path);
    s->history->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    s->history->size =
        s->history->fd >= 0 && fstat(s->history->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
    return s->history->fd >= 0;
}

static void complain(struct server *s)
{
    if (!s->history->failed)
        log_event(EV_WARNING, FCT_STR(""), F_C("text", "the queue's history is not written"),
                  F_C("why", strerror(errno)));
    s->history->failed = true;
}

/* Two files of half the size: the older half goes. */
static void turn_over(struct server *s)
{
    char now[PATH_MAX], old[PATH_MAX];

    path_of(s, FILE_NAME, now);
    path_of(s, OLD_NAME, old);
    if (s->history->fd >= 0)
        close(s->history->fd);
    (void)rename(now, old);
    if (!open_file(s))
        complain(s);
}

static void write_held(struct server *s)
{
    struct queue_history *h = s->history;
    ssize_t n;

    if (h->held.n == 0)
        return;
    if (h->size + h->held.n > s->conf->queue_history.bytes / 2)
        turn_over(s);
    n = h->fd >= 0 ? write(h->fd, h->held.p, h->held.n) : -1;
    if (n < (ssize_t)h->held.n)
        complain(s);
    else
        h->failed = false;
    h->size += n > 0 ? (uint64_t)n : 0;
    buf_clear(&h->held);
}

void queue_history_open(struct server *s)
{
    if (s->conf->queue_history.bytes == 0)
        return;
    s->history = calloc(1, sizeof *s->history);
    FCT_ASSERT(s->history);
    s->history->held = BUF_INIT(HELD_MAX);
    if (!open_file(s))
        complain(s);
}

void queue_history_close(struct server *s)
{
    if (!s->history)
        return;
    write_held(s);
    if (s->history->fd >= 0)
        close(s->history->fd);
    buf_free(&s->history->held);
    free(s->history);
    s->history = NULL;
}

void queue_history_tick(struct server *s)
{
    if (s->history)
        write_held(s);
}

/* ---- finding ---- */

struct search {
    char path[2][PATH_MAX]; /* older first */
    struct fct_str log_id;
    struct buf bytes;
    struct buf *out;
    uint64_t id[ENTRIES_MAX];
    size_t ids;
};

static void read_file(const char *path, struct buf *to)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char block[65536];
    ssize_t n;

    if (fd < 0)
        return;
    while ((n = read(fd, block, sizeof block)) > 0 && buf_put(to, block, (size_t)n)) {
    }
    close(fd);
}

/* TIME, number, event, the rest */
static bool split_line(struct fct_str line, uint64_t *id, struct fct_str *event,
                       struct fct_str *rest)
{
    (void)str_split(&line, '\t');
    if (!line.p || !str_to_u64(str_split(&line, '\t'), id) || !line.p)
        return false;
    *event = str_split(&line, '\t');
    *rest = line.p ? line : FCT_STR("");
    return true;
}

/* Entries that were queued under this id. */
static void note_entries(struct search *q)
{
    FCT_CLEANUP(buf_free) struct buf needle = BUF_INIT(4096);
    struct fct_str all = buf_str(&q->bytes);

    buf_printf(&needle, "\tqueued\t%.*s\t", FCT_FMT(q->log_id));
    for (ptrdiff_t at; q->ids < ENTRIES_MAX && (at = str_find(all, buf_str(&needle))) >= 0;) {
        size_t start = (size_t)at;

        while (start > 0 && all.p[start - 1] != '\t')
            start--;
        if (str_to_u64((struct fct_str){all.p + start, (size_t)at - start}, &q->id[q->ids]))
            q->ids++;
        all = str_skip(all, (size_t)at + 1);
    }
}

static void take_line(struct search *q, struct fct_str line)
{
    struct fct_str event, rest;
    uint64_t id;

    if (!split_line(line, &id, &event, &rest))
        return;
    for (size_t i = 0; i < q->ids; i++)
        if (q->id[i] == id) {
            buf_put_str(q->out, line);
            buf_put_char(q->out, '\n');
            return;
        }
}

static void search_work(void *arg)
{
    struct search *q = arg;
    struct fct_str rest;

    for (size_t i = 0; i < FCT_COUNT(q->path); i++)
        read_file(q->path[i], &q->bytes);
    note_entries(q);
    rest = buf_str(&q->bytes);
    while (q->ids > 0 && rest.p && rest.n > 0)
        take_line(q, str_split(&rest, '\n'));
}

void queue_history_find(struct server *s, struct fct_str log_id, struct buf *out)
{
    struct search *q = calloc(1, sizeof *q);

    FCT_ASSERT(q);
    if (s->history && log_id.n > 0 && str_find_char(log_id, '\t') < 0) {
        write_held(s);
        path_of(s, OLD_NAME, q->path[0]);
        path_of(s, FILE_NAME, q->path[1]);
        q->log_id = log_id;
        q->bytes = BUF_INIT(s->conf->queue_history.bytes + (1u << 20));
        q->out = out;
        offload(search_work, q);
        buf_free(&q->bytes);
    }
    free(q);
}
