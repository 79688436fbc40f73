/* history.c - what was delivered since a time, in pages: accounts in order of their numbers, in
 * each the e-mails in order of arrival. A message that is shown anew (serve_show.c) was not
 * delivered again. */
#include "store/client.h"
#include "store/mail_record.h"
#include "store/places.h"

#include "core/base/str.h"

#define PAGE_ITEMS 256u
#define PAGE_BYTES (2u << 20) /* about: of stored views */

/* ---- the first e-mail of an account that came late enough ---- */

struct first_view {
    uint64_t email; /* 0: none */
    int64_t received;
};

static bool take_first(void *arg, struct fct_str key, struct fct_str value)
{
    struct first_view *f = arg;
    struct mail_view view;

    if (key.n != 9 || !mail_view_decode(value, &view))
        return true; /* store check tells of it */
    if (view.shown_anew)
        return true;
    f->email = key_get_u64(key.p + 1);
    f->received = view.received;
    return false;
}

static bool scan_views(struct request *rq, uint64_t account, uint64_t from, driver_entry fn,
                       void *arg)
{
    struct key first = mail_view_key(from), end = key_of(MAIL_VIEW_KEY + 1);

    return rq->s->driver->ops->scan(rq->s->driver, NULL, account, key_str(&first), key_str(&end),
                                    fn, arg, rq->err);
}

/* Numbers rise with the time of arrival, so halving finds it. */
static bool find_since(struct request *rq, const struct account *a, int64_t since, uint64_t *email)
{
    uint64_t low = 1, high = a->last_email + 1;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct first_view f = {0};

        if (!scan_views(rq, a->id, middle, take_first, &f))
            return false;
        if (!f.email || f.received >= since)
            high = middle;
        else
            low = f.email + 1;
    }
    *email = low;
    return true;
}

/* ---- a page ---- */

struct found_view {
    uint64_t email;
    struct fct_str value;
};

struct page {
    struct arena *arena;
    struct found_view view[PAGE_ITEMS];
    size_t n, bytes;
};

static bool take_view(void *arg, struct fct_str key, struct fct_str value)
{
    struct page *p = arg;

    if (key.n != 9)
        return true;
    p->view[p->n++] = (struct found_view){key_get_u64(key.p + 1), arena_str(p->arena, value)};
    p->bytes += value.n;
    return p->n < PAGE_ITEMS && p->bytes < PAGE_BYTES;
}

static void put_item(struct request *rq, const struct account *a, struct place place,
                     uint64_t email, uint64_t size, const struct mail_view *v)
{
    const struct mailbox *m = place.mailbox ? account_mailbox(a, place.mailbox) : NULL;
    struct buf *out = &rq->out;

    ipc_put_bool(out, true); /* one more */
    ipc_put_u64(out, a->id);
    ipc_put_u64(out, email);
    ipc_put_str(out, str_from(a->name));
    ipc_put_str(out, m ? mailbox_path(a, m, rq->arena) : FCT_STR(""));
    ipc_put_u32(out, m ? place.uid : 0);
    ipc_put_u64(out, (uint64_t)v->received);
    ipc_put_u64(out, size);
    ipc_put_str(out, v->log_id);
    ipc_put_str(out, v->reverse_path);
    ipc_put_str(out, v->origin.recipient);
    ipc_put_str(out, v->origin.client_ip);
    ipc_put_str(out, v->origin.helo);
    ipc_put_str(out, v->origin.login);
    ipc_put_u32(out, v->origin.role);
    ipc_put_str(out, v->ledger);
}

/* One that is damaged or was swept meanwhile is left out. */
static bool put_view(struct request *rq, const struct account *a, const struct found_view *found,
                     uint32_t *n)
{
    struct buf cold = BUF_INIT(MAIL_VALUE_MAX);
    struct mail_record record;
    struct mail_view view;
    struct place place;
    bool there = false, ok = mail_record_get(rq->s->driver, NULL, a->id, found->email, &cold,
                                             &record, &there, rq->err);

    if (ok && there && mail_view_decode(found->value, &view) && view.log_id.n > 0 &&
        !view.shown_anew) {
        ok = mail_place_now(rq->s->driver, a->id, found->email, &record, 0, &place, rq->err);
        if (ok) {
            put_item(rq, a, place, found->email, record.size, &view);
            ++*n;
        }
    }
    buf_free(&cold);
    return ok;
}

/* The items of one account from `email` on; *next: 0 when there are no more. */
static bool put_page(struct request *rq, const struct account *a, uint64_t email, uint64_t *next,
                     uint32_t *n)
{
    struct page *p = arena_alloc(rq->arena, sizeof *p);

    *p = (struct page){.arena = rq->arena};
    if (!scan_views(rq, a->id, email, take_view, p))
        return false;
    for (size_t i = 0; i < p->n; i++)
        if (!put_view(rq, a, &p->view[i], n))
            return false;
    *next = p->n == PAGE_ITEMS || p->bytes >= PAGE_BYTES ? p->view[p->n - 1].email + 1 : 0;
    return true;
}

struct history {
    int64_t since;
    uint64_t account, email; /* where to go on */
};

/* False in *more: there is no account behind it. */
static bool next_account(struct request *rq, struct history *h, struct account **a, bool *more)
{
    struct fct_err unknown;

    for (;; h->account++, h->email = 0) {
        if (h->account < PART_ACCOUNTS)
            h->account = PART_ACCOUNTS;
        if (!rq->s->driver->ops->parts(rq->s->driver, NULL, h->account, &h->account, more, rq->err))
            return false;
        if (!*more || account_find(rq->s, h->account, a, &unknown))
            return true; /* a partition without an account is one being removed */
    }
}

static bool put_history(struct request *rq, struct history *h, uint32_t *n)
{
    struct account *a;
    bool more;

    while (*n == 0) {
        if (!next_account(rq, h, &a, &more))
            return false;
        if (!more)
            return true;
        if ((h->email == 0 && !find_since(rq, a, h->since, &h->email)) ||
            !put_page(rq, a, h->email, &h->email, n))
            return false;
        h->account += h->email == 0;
    }
    return true;
}

bool serve_history(struct request *rq)
{
    struct history h = {.since = (int64_t)ipc_get_u64(&rq->in)};
    uint32_t n = 0;
    bool ok;

    h.account = ipc_get_u64(&rq->in);
    h.email = ipc_get_u64(&rq->in);
    if (!request_read_all(rq))
        return false;
    ok = put_history(rq, &h, &n);
    ipc_put_bool(&rq->out, false);
    ipc_put_u64(&rq->out, h.account);
    ipc_put_u64(&rq->out, h.email);
    return ok;
}
