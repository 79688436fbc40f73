/* ctl_received.c - see ctl_received.h. The store knows of each copy which recipient it was sent to,
 * so the mailboxes that the addresses lead to are read through, once each. */
#include "core/ctl/ctl_received.h"

#include "core/base/map.h"
#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_replay.h"
#include "core/hook/ledger.h"
#include "store/store_client.h"

#include <errno.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_SINCE "30d"
#define MESSAGE_MAX   (64u << 20)

struct reading {
    struct ctl *c;
    struct ctl_received *to;
    int64_t since;
    bool proven;         /* --proven */
    struct map *address; /* in small letters */
    uint64_t *account;   /* where they lead */
    size_t accounts, room;
    struct arena *message;
};

/* ---- which addresses, which mailboxes ---- */

static struct fct_str lower(struct arena *arena, struct fct_str s)
{
    char *copy = arena_alloc(arena, s.n + 1);

    memcpy(copy, s.p, s.n);

    str_lower(copy, s.n);
    return (struct fct_str){copy, s.n};
}

static void add_account(struct reading *r, uint64_t account)
{
    for (size_t i = 0; i < r->accounts; i++)
        if (r->account[i] == account)
            return;
    if (r->accounts == r->room) {
        size_t room = r->room > 0 ? 2 * r->room : 16;

        r->account = arena_grow(r->c->arena, r->account, r->room * sizeof *r->account,
                                room * sizeof *r->account);
        r->room = room;
    }
    r->account[r->accounts++] = account;
}

/* *here: it leads to a mailbox. */
static FCT_MAY_WAIT bool add_address(struct reading *r, struct fct_str address, bool *here,
                                     struct fct_err *err)
{
    static char known;
    struct store_resolution to;

    *here = false;
    if (!store_resolve(r->c->store, address, r->c->arena, &to, err))
        return false;
    for (size_t i = 0; i < to.n; i++)
        if (to.target[i].account != 0) {
            add_account(r, to.target[i].account);
            *here = true;
        }
    if (*here)
        (void)map_put(r->address, lower(r->c->arena, address), &known);
    return true;
}

static FCT_MAY_WAIT bool add_words(struct reading *r, struct fct_err *err)
{
    for (unsigned i = 0; i < r->c->words; i++) {
        bool here;

        if (!add_address(r, str_from(r->c->word[i]), &here, err))
            return false;
        if (!here)
            return fct_fail(err, FCT_DENIED, "%s leads to no mailbox here", r->c->word[i]);
    }
    return true;
}

static FCT_MAY_WAIT bool add_at(struct reading *r, const char *local, struct fct_str name,
                                struct map *seen, struct fct_err *err)
{
    static char once;
    ptrdiff_t at = str_find_char(name, '@');
    struct fct_str domain =
        at < 0 ? FCT_STR("") : lower(r->c->arena, str_skip(name, (size_t)at + 1));
    bool here;

    if (domain.n == 0 || map_put(seen, domain, &once))
        return true;
    return add_address(r, arena_printf(r->c->arena, "%s@%.*s", local, FCT_FMT(domain)), &here, err);
}

static FCT_MAY_WAIT bool add_every_domain(struct reading *r, const char *local, struct map *seen,
                                          struct fct_err *err)
{
    const struct store_account *account;
    const struct store_alias *alias;
    size_t naccounts, naliases;

    if (!store_accounts(r->c->store, r->c->arena, &account, &naccounts, err) ||
        !store_aliases(r->c->store, r->c->arena, &alias, &naliases, err))
        return false;
    for (size_t i = 0; i < naccounts; i++)
        if (!add_at(r, local, account[i].name, seen, err))
            return false;
    for (size_t i = 0; i < naliases; i++)
        if (!add_at(r, local, alias[i].alias, seen, err))
            return false;
    return r->accounts > 0 ||
           fct_fail(err, FCT_DENIED, "no address %s@DOMAIN leads to a mailbox here", local);
}

static FCT_MAY_WAIT bool find_mailboxes(struct reading *r, const char *local, struct fct_err *err)
{
    struct map *seen;
    bool ok;

    if (r->c->words > 0)
        return add_words(r, err);
    seen = map_new();
    ok = add_every_domain(r, local, seen, err);
    map_free(&seen);
    return ok;
}

/* ---- one message ---- */

/* By what was found when it came. */
static bool is_proven(struct arena *arena, const struct store_history_item *item)
{
    struct ledger ledger;
    struct fct_err none = {0};

    if (!ledger_decode(arena, item->ledger, &ledger, &none))
        return false;
    for (size_t i = 0; i < ledger.n; i++)
        if (ledger.entry[i].kind == LEDGER_SYMBOL && !ledger.entry[i].shadow &&
            str_equal(ledger.entry[i].name, FCT_STR("DMARC_PASS")))
            return true;
    return false;
}

static bool hand_over(struct reading *r, const char *name, int fd, uint64_t size, size_t *reports,
                      struct fct_err *err)
{
    void *bytes;

    if (size == 0 || size > MESSAGE_MAX)
        return fct_fail(err, FCT_LIMIT, "has %llu bytes, at most %u are read",
                        (unsigned long long)size, MESSAGE_MAX);
    bytes = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return fct_fail(err, FCT_TEMP, "mmap: %s", strerror(errno));
    *reports = r->to->message(r->to->ctx, name, (struct fct_str){bytes, (size_t)size});
    munmap(bytes, (size_t)size);
    return true;
}

static FCT_MAY_WAIT void read_one(struct reading *r, const struct store_history_item *item)
{
    const char *name =
        arena_printf(r->message, "%.*s to %.*s", FCT_FMT(item->log_id), FCT_FMT(item->recipient)).p;
    bool proven = is_proven(r->message, item);
    struct fct_err err = {0};
    size_t reports = 0;
    uint64_t size;
    int fd;

    if (r->proven && !proven)
        return;
    if (!store_original_of(r->c->store, item->account_id, item->email_id, &fd, &size, &err)) {
        r->to->problem(r->to->ctx, name, err.text);
        return;
    }
    if (!hand_over(r, name, fd, size, &reports, &err))
        r->to->problem(r->to->ctx, name, err.text);
    r->to->unproven += proven ? 0 : reports;
    close(fd);
}

/* ---- a mailbox ---- */

/* False: that was the last page of this account, or err. */
static FCT_MAY_WAIT bool read_page(struct reading *r, uint64_t account,
                                   struct store_history_place *at, struct arena *page,
                                   struct fct_err *err)
{
    const struct store_history_item *item;
    size_t n;

    if (!store_history(r->c->store, r->since, at, page, &item, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (item[i].account_id != account)
            return false;
        if (item[i].mailbox.n > 0 && map_get(r->address, lower(r->message, item[i].recipient)))
            read_one(r, &item[i]);
        arena_reset(r->message);
    }
    return n > 0;
}

static FCT_MAY_WAIT bool read_account(struct reading *r, uint64_t account, struct fct_err *err)
{
    struct store_history_place at = {.account = account};
    struct arena *page = arena_new(NULL);

    while (read_page(r, account, &at, page, err))
        arena_reset(page);
    arena_free(&page);
    return err->class == FCT_OK;
}

bool ctl_received(struct ctl *c, const char *local, struct ctl_received *to, struct fct_err *err)
{
    const char *since = ctl_option(c, "--since");
    struct reading r = {.c = c, .to = to, .proven = ctl_option(c, "--proven") != NULL};
    bool ok;

    if (!replay_since_parse(str_from(since ? since : DEFAULT_SINCE), (int64_t)time(NULL), &r.since,
                            err))
        return false;
    r.address = map_new();
    r.message = arena_new(NULL);
    ok = find_mailboxes(&r, local, err);
    for (size_t i = 0; ok && i < r.accounts; i++)
        ok = read_account(&r, r.account[i], err);
    arena_free(&r.message);
    map_free(&r.address);
    return ok;
}
