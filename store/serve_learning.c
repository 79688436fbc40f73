/* serve_learning.c - requests about what people say of messages: noting it, handing it out to be
 * told, hearing what came of it. */
#include "store/client.h"
#include "store/learning.h"
#include "store/mail_record.h"
#include "store/mailbox_index.h"
#include "store/original.h"
#include "store/places.h"

#include "core/base/clock.h"
#include "core/base/str.h"

/* ---- noting ---- */

struct said {
    enum store_said why;
    bool spam;
    enum mailbox_role from, to;
    struct mailbox *mailbox; /* where to; NULL: there is none */
    int64_t delay_us;
    uint64_t *email;
    size_t n;
};

static const struct mailbox *with_id(const struct account *a, uint64_t id)
{
    for (size_t i = 0; i < a->nmailboxes; i++)
        if (a->mailbox[i]->id == id)
            return a->mailbox[i];
    return NULL;
}

/* Folders within Junk, of a year perhaps, are Junk as well, and those within Trash are Trash. */
static enum mailbox_role meaning_of(const struct account *a, const struct mailbox *m)
{
    const struct mailbox *at = m;

    while (at && at->role == MAILBOX_PLAIN && at->parent)
        at = with_id(a, at->parent);
    return at && (at->role == MAILBOX_JUNK || at->role == MAILBOX_TRASH) ? at->role
           : m                                                           ? m->role
                                                                         : MAILBOX_PLAIN;
}

/* Into Junk is spam; out of it, to anywhere but Trash, is not. Who only wants to see an original
 * says nothing. False: it says nothing. */
static bool judge_move(enum mailbox_role from, enum mailbox_role to, bool *spam)
{
    *spam = to == MAILBOX_JUNK;
    if (to == MAILBOX_ORIGINALS)
        return false;
    return *spam ? from != MAILBOX_JUNK : from == MAILBOX_JUNK && to != MAILBOX_TRASH;
}

/* mbsync moves by appending here what it expunges there. */
static bool judge_append(const struct request *rq, enum mailbox_role to, bool *spam)
{
    *spam = to == MAILBOX_JUNK;
    return *spam || (learning_expects_append(rq->s, rq->account) &&
                     (to == MAILBOX_PLAIN || to == MAILBOX_INBOX || to == MAILBOX_ARCHIVE));
}

static bool judge(const struct request *rq, struct said *said)
{
    if (said->why == STORE_SAID_KEYWORD)
        return true;
    if (!said->mailbox)
        return false;
    return said->why == STORE_SAID_MOVE ? judge_move(said->from, said->to, &said->spam)
                                        : judge_append(rq, said->to, &said->spam);
}

static void say_all(struct request *rq, const struct said *said)
{
    int64_t now_us = clock_wall_us();
    struct learn_word word = {.account = rq->account,
                              .said_us = now_us,
                              .due_us = now_us + said->delay_us,
                              .spam = said->spam,
                              .mailbox = said->mailbox ? said->mailbox->id : 0,
                              .why = said->why};
    struct batch b;

    batch_init(&b);
    for (size_t i = 0; i < said->n; i++) {
        word.email = said->email[i];
        if (word.email && !learning_say(rq->s, &b, &word))
            break;
    }
    if (said->why == STORE_SAID_APPEND && said->spam)
        learning_note_append(rq->s, &b, rq->account);
    if (!batch_is_empty(&b))
        rq->seq = commit_submit(rq->s->commit, &b, NULL, 0);
    batch_fini(&b);
}

/* Of an APPEND the UIDs are known, not the e-mails. */
static bool find_appended(struct request *rq, struct said *said)
{
    struct account *a;

    if (!said->mailbox || !request_index(rq, said->mailbox->id, &a, &said->mailbox))
        return !said->mailbox;
    for (size_t i = 0; i < said->n; i++) {
        const struct hot_record *r =
            mailbox_index_find(&said->mailbox->index, (uint32_t)said->email[i]);

        said->email[i] = r ? r->email_id : 0;
    }
    return true;
}

static bool read_said(struct request *rq, struct said *said)
{
    uint8_t why = ipc_get_u8(&rq->in);
    uint64_t delay_ms, from;
    struct account *a;
    struct fct_str to;

    said->why = why <= STORE_SAID_APPEND ? (enum store_said)why : STORE_SAID_MOVE;
    said->spam = ipc_get_bool(&rq->in);
    from = ipc_get_u64(&rq->in);
    to = ipc_get_str(&rq->in);
    delay_ms = ipc_get_u64(&rq->in);
    said->delay_us = (int64_t)(delay_ms < UINT32_MAX ? delay_ms : UINT32_MAX) * 1000;
    said->n = ipc_get_count(&rq->in, 8);
    said->email = ARENA_ARRAY(rq->arena, uint64_t, said->n + 1);
    for (size_t i = 0; i < said->n; i++)
        said->email[i] = ipc_get_u64(&rq->in);
    if (!request_read_all(rq) || !request_account(rq, &a))
        return false;
    said->mailbox = to.n > 0 ? mailbox_find(a, to) : NULL;
    said->from = meaning_of(a, with_id(a, from));
    said->to = meaning_of(a, said->mailbox);
    return true;
}

bool serve_learn_say(struct request *rq)
{
    struct said said;

    if (!read_said(rq, &said) || (said.why == STORE_SAID_APPEND && !find_appended(rq, &said)))
        return false;
    if (judge(rq, &said))
        say_all(rq, &said);
    return true;
}

/* ---- handing out ---- */

/* False without an error: the message is gone. */
static bool put_word(struct request *rq, const struct learn_word *w)
{
    struct buf value = BUF_INIT(MAIL_VALUE_MAX);
    struct mail_record record;
    struct place place = {0};
    struct account *a;
    bool found = false, ok;

    ok = account_find(rq->s, w->account, &a, rq->err) &&
         commit_wait(rq->s->commit, a->seq, rq->err) &&
         mail_record_get(rq->s->driver, NULL, w->account, w->email, &value, &record, &found,
                         rq->err) &&
         (!found || mail_place_now(rq->s->driver, w->account, w->email, &record, w->mailbox, &place,
                                   rq->err));
    buf_free(&value);
    if (ok && found) {
        const struct mailbox *m = place.mailbox ? account_mailbox(a, place.mailbox) : NULL;

        ipc_put_bool(&rq->out, true);
        ipc_put_u64(&rq->out, w->account);
        ipc_put_u64(&rq->out, w->email);
        ipc_put_u64(&rq->out, w->stamp);
        ipc_put_str(&rq->out, str_from(a->name));
        ipc_put_bool(&rq->out, w->spam);
        ipc_put_u8(&rq->out, (uint8_t)w->why);
        ipc_put_str(&rq->out, m ? mailbox_path(a, m, rq->arena) : FCT_STR(""));
        ipc_put_u32(&rq->out, m ? place.uid : 0);
        return original_give(rq, w->account, w->email);
    }
    return false;
}

static void drop(struct request *rq, const struct learn_word *w)
{
    struct batch b;

    batch_init(&b);
    learning_drop(rq->s, &b, w->account, w->email, w->stamp);
    if (!batch_is_empty(&b))
        (void)commit_submit(rq->s->commit, &b, NULL, 0);
    batch_fini(&b);
}

bool serve_learn_next(struct request *rq)
{
    const struct learn_word *next;
    uint64_t wait_ms;

    if (!request_read_all(rq))
        return false;
    while ((next = learning_next(rq->s, &wait_ms))) {
        struct learn_word w = *next; /* waiting may move the table */

        if (put_word(rq, &w))
            return true;
        if (rq->err->class != FCT_OK && rq->err->class != FCT_DENIED)
            return false; /* lent for a while: tried again when the disk is better */
        *rq->err = (struct fct_err){0};
        buf_clear(&rq->out);
        drop(rq, &w);
    }
    ipc_put_bool(&rq->out, false);
    ipc_put_u64(&rq->out, wait_ms);
    return true;
}

bool serve_learn_end(struct request *rq)
{
    uint64_t account = ipc_get_u64(&rq->in), email = ipc_get_u64(&rq->in);
    uint64_t stamp = ipc_get_u64(&rq->in);
    bool told = ipc_get_bool(&rq->in);
    uint64_t retry_ms = ipc_get_u64(&rq->in);
    struct batch b;

    if (!request_read_all(rq))
        return false;
    batch_init(&b);
    if (told)
        learning_drop(rq->s, &b, account, email, stamp);
    else
        learning_again(rq->s, &b, account, email, stamp,
                       (int64_t)(retry_ms < UINT32_MAX ? retry_ms : UINT32_MAX) * 1000);
    if (!batch_is_empty(&b))
        rq->seq = commit_submit(rq->s->commit, &b, NULL, 0);
    batch_fini(&b);
    return true;
}
