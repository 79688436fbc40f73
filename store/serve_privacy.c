/* serve_privacy.c - requests about what was taken out of people's mail. */
#include "store/client.h"
#include "store/digest.h"
#include "store/privacy_days.h"

#define NAMES_MAX 2000 /* of each kind in an answer; the rest is one without a name */

static void put_names(struct buf *out, const struct tally_names *names)
{
    ipc_put_u32(out, (uint32_t)names->n);
    for (size_t i = 0; i < names->n; i++) {
        ipc_put_str(out, names->name[i].name);
        ipc_put_u64(out, names->name[i].messages);
        ipc_put_u64(out, names->name[i].removed);
    }
}

/* The largest ones, and one that stands for all others. */
static void cut_names(struct arena *arena, struct tally_names *names)
{
    struct tally_names kept = {0};

    for (size_t i = 0; i < names->n; i++)
        tally_names_add(arena, &kept, &names->name[i], NAMES_MAX);
    *names = kept;
}

bool serve_privacy(struct request *rq)
{
    uint64_t account = ipc_get_u64(&rq->in);
    uint32_t first = ipc_get_u32(&rq->in), last = ipc_get_u32(&rq->in);
    struct privacy_tally sum = {.arena = rq->arena};
    struct account *a;

    if (!request_read_all(rq) || !account_find(rq->s, account, &a, rq->err) ||
        !commit_wait(rq->s->commit, a->seq, rq->err) ||
        !privacy_sum(rq->s, account, first, last, &sum, rq->err))
        return false;
    privacy_tally_sort(&sum);
    cut_names(rq->arena, &sum.company);
    cut_names(rq->arena, &sum.sender);
    ipc_put_u64(&rq->out, sum.messages);
    ipc_put_u64(&rq->out, sum.removed);
    ipc_put_u64(&rq->out, sum.links);
    put_names(&rq->out, &sum.company);
    put_names(&rq->out, &sum.sender);
    return true;
}

bool serve_digest(struct request *rq)
{
    struct fct_str address = ipc_get_str(&rq->in);
    bool sent;

    if (!request_read_all(rq) || !digest_send_now(rq->s, address, &sent, rq->err))
        return false;
    ipc_put_bool(&rq->out, sent);
    return true;
}
