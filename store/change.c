/* change.c - collecting what one change touches. */
#include "store/change.h"

#include "store/blob.h"

#include <stdlib.h>

void change_begin(struct change *c, struct server *s)
{
    *c = (struct change){.s = s};
    batch_init(&c->batch);
}

void change_drop(struct change *c)
{
    batch_fini(&c->batch);
    free(c->account);
    free(c->mailbox);
    free(c->gone);
    *c = (struct change){.s = c->s};
    batch_init(&c->batch);
}

bool change_is_empty(const struct change *c)
{
    return batch_is_empty(&c->batch) && c->naccounts == 0;
}

void change_account(struct change *c, struct account *a)
{
    batch_part(&c->batch, a->id);
    for (size_t i = c->naccounts; i-- > 0;)
        if (c->account[i] == a)
            return;
    if (c->naccounts == c->account_room) {
        c->account_room = c->account_room ? 2 * c->account_room : 4;
        c->account = realloc(c->account, c->account_room * sizeof(struct account *));
        FCT_ASSERT(c->account);
    }
    c->account[c->naccounts++] = a;
}

void change_mailbox(struct change *c, struct account *a, struct mailbox *m)
{
    change_account(c, a);
    for (size_t i = c->nmailboxes; i-- > 0;)
        if (c->mailbox[i].account == a && c->mailbox[i].mailbox == m)
            return;
    if (c->nmailboxes == c->mailbox_room) {
        c->mailbox_room = c->mailbox_room ? 2 * c->mailbox_room : 4;
        c->mailbox = realloc(c->mailbox, c->mailbox_room * sizeof *c->mailbox);
        FCT_ASSERT(c->mailbox);
    }
    c->mailbox[c->nmailboxes].account = a;
    c->mailbox[c->nmailboxes++].mailbox = m;
}

void change_list(struct change *c, struct account *a)
{
    change_mailbox(c, a, NULL);
}

void change_touch(struct change *c, struct touch touch)
{
    c->gone = realloc(c->gone, (c->ngone + 1) * sizeof *c->gone);
    FCT_ASSERT(c->gone);
    c->gone[c->ngone++] = touch;
}

void change_gone(struct change *c, struct account *a, struct mailbox *m)
{
    for (size_t i = 0; i < c->nmailboxes; i++)
        if (c->mailbox[i].mailbox == m)
            c->mailbox[i--] = c->mailbox[--c->nmailboxes];
    change_touch(c, (struct touch){a->id, m->id, a->mod_seq});
}

uint64_t change_mod_seq(struct change *c, struct account *a)
{
    change_account(c, a);
    return ++a->mod_seq;
}

void change_keywords(struct change *c, struct account *a)
{
    struct buf value = BUF_INIT(16u << 10);

    a->keyword_mod_seq = change_mod_seq(c, a);
    account_encode_keywords(a, &value);
    batch_put(&c->batch, key_of('k'), buf_str(&value));
    buf_free(&value);
}

/* Counters last: each record is written once, with the final numbers. */
static void put_counters(struct change *c)
{
    struct buf value = BUF_INIT(4096);

    for (size_t i = 0; i < c->naccounts; i++) {
        struct account *a = c->account[i];

        batch_part(&c->batch, a->id);
        for (size_t k = 0; k < c->nmailboxes; k++) {
            struct key key = key_of('M');

            if (c->mailbox[k].account != a || !c->mailbox[k].mailbox)
                continue;
            key_u32(&key, c->mailbox[k].mailbox->id);
            buf_clear(&value);
            mailbox_encode_counters(c->mailbox[k].mailbox, &value);
            batch_put(&c->batch, key, buf_str(&value));
        }
        buf_clear(&value);
        account_encode_counters(a, &value);
        batch_put(&c->batch, key_of('c'), buf_str(&value));
    }
    buf_free(&value);
}

static struct touch *touches(const struct change *c, size_t *n)
{
    struct touch *t = malloc((c->nmailboxes + c->ngone + 1) * sizeof *t);

    FCT_ASSERT(t);
    *n = 0;
    for (size_t i = 0; i < c->nmailboxes; i++) {
        const struct mailbox *m = c->mailbox[i].mailbox;
        uint64_t mod_seq = m ? m->mod_seq : c->mailbox[i].account->mod_seq;

        t[(*n)++] = (struct touch){c->mailbox[i].account->id, m ? m->id : 0, mod_seq};
    }
    for (size_t i = 0; i < c->ngone; i++)
        t[(*n)++] = c->gone[i];
    return t;
}

uint64_t change_commit(struct change *c)
{
    struct touch *t;
    uint64_t seq;
    size_t n;

    put_counters(c);
    t = touches(c, &n);
    blob_batch_sent(c->s, &c->batch);
    seq = commit_submit(c->s->commit, &c->batch, t, n);
    for (size_t i = 0; i < c->naccounts; i++)
        c->account[i]->seq = seq;
    for (size_t i = 0; i < c->nmailboxes; i++)
        if (c->mailbox[i].mailbox)
            c->mailbox[i].mailbox->seq = seq;
    free(t);
    change_drop(c);
    return seq;
}
