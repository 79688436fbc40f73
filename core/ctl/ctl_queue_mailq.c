/* ctl_queue_mailq.c - the queue as Postfix's mailq prints it: what people's scripts and monitors
 * know how to read. */
#include "core/base/str.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_queue_int.h"

#include <time.h>

#define TEXT_MAX (256u << 20)
#define PIECE    (64u << 10) /* to standard output at one time */

struct mailq {
    struct buf text;
    uint64_t messages, bytes;
};

static void put_time(int64_t when, struct buf *out)
{
    time_t seconds = (time_t)when;
    char text[40];
    struct tm t;

    localtime_r(&seconds, &t);
    text[strftime(text, sizeof text, "%a %b %e %H:%M:%S", &t)] = '\0';
    buf_put_c(out, text);
}

/* "*": being sent; "!": on hold. */
static char mark_of(enum queue_state state)
{
    return state == QUEUE_STATE_ACTIVE ? '*' : state == QUEUE_STATE_HELD ? '!' : ' ';
}

static void put_row(void *arg, const struct queue_row *row)
{
    const struct queue_entry *e = &row->entry;
    struct mailq *q = arg;
    struct fct_str said = {0};
    char id[24];

    if (q->messages++ == 0)
        buf_put_c(&q->text, "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n");
    q->bytes += e->size;
    (void)snprintf(id, sizeof id, "%llu%c", (unsigned long long)e->id, mark_of(row->state));
    buf_printf(&q->text, "%-11s %8llu ", id, (unsigned long long)e->size);
    put_time(e->arrived, &q->text);
    buf_put_c(&q->text, "  ");
    ctl_put_safe(e->envelope.reverse_path.n ? e->envelope.reverse_path : FCT_STR("MAILER-DAEMON"),
                 &q->text);
    buf_put_char(&q->text, '\n');
    for (size_t i = 0; i < e->n; i++) {
        if (e->recipient[i].status != QUEUE_PENDING)
            continue;
        if (e->recipient[i].reply.n > 0 && !str_equal(e->recipient[i].reply, said)) {
            said = e->recipient[i].reply;
            buf_put_char(&q->text, '(');
            ctl_put_safe(said, &q->text);
            buf_put_c(&q->text, ")\n");
        }
        buf_printf(&q->text, "%42s", "");
        ctl_put_safe(e->recipient[i].address, &q->text);
        buf_put_char(&q->text, '\n');
    }
    buf_put_char(&q->text, '\n');
    if (q->text.n < PIECE)
        return;
    ctl_print(&q->text);
    buf_clear(&q->text);
}

int ctl_queue_mailq(struct ctl *c)
{
    struct mailq q = {.text = BUF_INIT(TEXT_MAX)};
    struct queue_filter f;
    struct fct_err err = {0};
    bool ok = ctl_queue_read_filter(c, &f, &err) && ctl_queue_each(c, &f, put_row, &q, &err);

    if (q.messages == 0)
        buf_put_c(&q.text, "Mail queue is empty\n");
    else
        buf_printf(&q.text, "-- %llu Kbytes in %llu Request%s.\n",
                   (unsigned long long)(q.bytes + 1023) / 1024, (unsigned long long)q.messages,
                   q.messages == 1 ? "" : "s");
    if (ok)
        ctl_print(&q.text);
    buf_free(&q.text);
    return ok ? CTL_OK : ctl_queue_failed(&err);
}
