/* sweep.c - what was expunged goes for good: cold records, views, trace entries, and bodies that
 * nobody uses any more.
 *
 * Expunging leaves a key `g` time e-mail. The sweep comes later, when the grace time is over, looks
 * whether the e-mail has a place left (it may have been copied), and removes it if not. It reads
 * only what is durable: a place that is on its way was copied from one that is durable, so an
 * e-mail without any place can never get one again. */
#include "store/message.h"
#include "store/places.h"

#include <stdlib.h>

#define SWEEP_AT_ONCE 256
#define VALUE_MAX     (8u << 20)

struct sweep {
    struct server *s;
    uint64_t account;
    struct batch batch;
    struct buf value;
    struct key *due; /* SWEEP_AT_ONCE of them, on the heap: fiber stacks are small */
    size_t n;
    bool more;
};

static bool collect_due(void *arg, struct fct_str key, struct fct_str value)
{
    struct sweep *w = arg;

    (void)value;
    if (key.n != 17)
        return true;
    if (w->n == SWEEP_AT_ONCE) {
        w->more = true;
        return false;
    }
    w->due[w->n] = (struct key){.n = key.n};
    memcpy(w->due[w->n++].p, key.p, key.n);
    return true;
}

static bool has_places(struct sweep *w, struct key places, bool *any, struct fct_err *err)
{
    struct place *list = NULL;
    size_t n = 0;
    bool found, ok = w->s->driver->ops->get(w->s->driver, NULL, w->account, key_str(&places),
                                            &w->value, &found, err);

    if (ok && found && !places_decode(buf_str(&w->value), &list, &n))
        ok = fct_fail(err, FCT_TEMP, "the places of a message are damaged");
    *any = n > 0;
    free(list);
    return ok;
}

/* The body's reference and the trace entry, then the records. *now false: its body is named by a
 * batch on its way. */
static bool remove_email(struct sweep *w, uint64_t email, struct key places, bool *now,
                         struct fct_err *err)
{
    struct mail_record record;
    struct mail_view view;
    bool found;

    *now = true;
    if (!mail_record_get(w->s->driver, NULL, w->account, email, &w->value, &record, &found, err))
        return false;
    if (!found)
        return true;
    if (!blob_release(w->s, &w->batch, &record.blob, now, err) || !*now)
        return !*now;
    if (!mail_view_get(w->s->driver, NULL, w->account, email, &w->value, &view, &found, err))
        return false;
    if (found && view.log_id.n > 0) {
        batch_part(&w->batch, PART_DIRECTORY);
        batch_del(&w->batch, trace_key(view.log_id, w->account, email));
        batch_part(&w->batch, w->account);
    }
    batch_del(&w->batch, mail_record_key(email));
    batch_del(&w->batch, mail_view_key(email));
    batch_del(&w->batch, places);
    return true;
}

static bool sweep_one(struct sweep *w, const struct key *due, struct fct_err *err)
{
    uint64_t email = key_get_u64(due->p + 9);
    struct key places = key_of('y');
    bool any, now = true;

    key_u64(&places, email);
    batch_part(&w->batch, w->account);
    if (!has_places(w, places, &any, err) || (!any && !remove_email(w, email, places, &now, err)))
        return false;
    if (now)
        batch_del(&w->batch, *due);
    else
        w->more = true;
    return true;
}

/* One round. *seq: what it handed over, 0 for nothing. */
static bool sweep_round(struct server *s, uint64_t account, int64_t older_than, bool *more,
                        uint64_t *seq, struct fct_err *err)
{
    struct sweep w = {.s = s, .account = account, .value = BUF_INIT(VALUE_MAX)};
    struct key from = key_of('g'), to = key_of('g');
    bool ok;

    w.due = calloc(SWEEP_AT_ONCE, sizeof *w.due);
    FCT_ASSERT(w.due);
    key_u64(&to, (uint64_t)older_than);
    batch_init(&w.batch);
    ok = s->driver->ops->scan(s->driver, NULL, account, key_str(&from), key_str(&to), collect_due,
                              &w, err);
    for (size_t i = 0; ok && i < w.n; i++)
        ok = sweep_one(&w, &w.due[i], err);
    *more = ok && w.more;
    *seq = 0;
    if (!batch_is_empty(
            &w.batch)) { /* also after an error: the releases made so far count already */
        blob_batch_sent(s, &w.batch);
        *seq = commit_submit(s->commit, &w.batch, NULL, 0);
    }
    batch_fini(&w.batch);
    buf_free(&w.value);
    free(w.due);
    return ok;
}

#define RETRY_MS 20 /* when all that is due is named by batches on their way */

bool message_sweep(struct server *s, uint64_t account, int64_t older_than, struct fct_err *err)
{
    bool more = true;
    uint64_t seq;

    while (more) {
        if (!sweep_round(s, account, older_than, &more, &seq, err) ||
            !commit_wait(s->commit, seq, err))
            return false;
        if (more && !seq)
            fiber_sleep(RETRY_MS);
    }
    return true;
}
