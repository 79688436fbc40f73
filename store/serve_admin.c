/* serve_admin.c - requests of facteurctl: accounts, aliases, trace, check, numbers. Changes take
 * turns: each reads what the one before made durable. */
#include "store/check.h"
#include "store/client.h"
#include "store/directory.h"
#include "store/learning.h"
#include "store/message.h"
#include "store/password.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"

#include <stdlib.h>

/* ---- accounts ---- */

static void put_record(struct batch *b, char type,
                       void (*encode)(const struct account *, struct buf *),
                       const struct account *a)
{
    struct buf value = BUF_INIT(64u << 10);

    encode(a, &value);
    batch_put(b, key_of(type), buf_str(&value));
    buf_free(&value);
}

static void put_password(struct batch *b, uint64_t account, const struct password *p)
{
    struct buf value = BUF_INIT(4096);

    password_encode(p, &value);
    batch_part(b, account);
    batch_put(b, key_of('p'), buf_str(&value));
    buf_free(&value);
}

/* A whole new account in the change: records, mailboxes, password, directory. */
static void make_account(struct change *c, uint64_t id, struct fct_str address,
                         const struct password *p)
{
    struct account *a = calloc(1, sizeof *a);

    FCT_ASSERT(a);
    a->id = id;
    a->name = str_dup_c(address);
    a->created = clock_wall();
    a->quota = c->s->conf->quota.bytes;
    a->used = ++c->s->clock;
    map_put(c->s->accounts, map_u64(&id), a);
    change_account(c, a);
    put_record(&c->batch, 'A', account_encode, a);
    put_password(&c->batch, id, p);
    mailbox_make_default_set(c, a);
    directory_put_account(&c->batch, address, id);
}

struct load_line {
    struct fct_str address, password;
    uint64_t account; /* 0: new */
};

/* The lines "address:password", folded, each address once (the last counts). */
static bool read_lines(struct request *rq, struct fct_str text, struct load_line **out, size_t *n)
{
    size_t room = 0;
    struct map *seen = map_new();
    struct load_line *line = NULL;
    bool ok = true;

    *n = 0;
    while (ok && text.p) {
        struct fct_str password = str_trim(str_split(&text, '\n')), address, folded;
        struct load_line *twice;

        if (password.n == 0 || password.p[0] == '#')
            continue;
        address = str_split(&password, ':');
        ok = directory_fold(str_trim(address), false, rq->arena, &folded, rq->err) &&
             (password.n > 0 ||
              fct_fail(rq->err, FCT_SYNTAX, "no password for %.*s", FCT_FMT(folded)));
        if (!ok)
            break;
        if (*n == room) { /* entries are named by number, the array moves */
            line = arena_grow(rq->arena, line, room * sizeof *line,
                              (room ? 2 * room : 64) * sizeof *line);
            room = room ? 2 * room : 64;
        }
        line[*n] = (struct load_line){folded, password, 0};
        twice = map_put(seen, folded, (void *)(uintptr_t)(*n + 1));
        if (twice)
            line[(uintptr_t)twice - 1].address.n = 0;
        (*n)++;
    }
    map_free(&seen);
    *out = line;
    return ok;
}

static bool make_passwords(struct request *rq, const struct load_line *line, size_t n,
                           struct password **out)
{
    struct fct_str *text = ARENA_ARRAY(rq->arena, struct fct_str, n + 1);

    *out = ARENA_ARRAY(rq->arena, struct password, n + 1);
    for (size_t i = 0; i < n; i++)
        text[i] = line[i].password;
    return password_make_all(rq->s, text, n, rq->arena, *out, rq->err);
}

/* Known addresses get the password, unknown ones an account; all in one durable change. */
static bool put_lines(struct request *rq, const struct load_line *line, size_t n,
                      const struct password *p, bool only_new, uint32_t *loaded)
{
    struct change c;
    uint64_t last, account;
    bool ok;

    if (!directory_last_account(rq->s, &last, rq->err))
        return false;
    change_begin(&c, rq->s);
    *loaded = 0;
    for (size_t i = 0; i < n; i++) {
        if (line[i].address.n == 0)
            continue;
        ok = directory_account(rq->s, line[i].address, &account, rq->err);
        if (ok && account && only_new)
            ok = fct_fail(rq->err, FCT_DENIED, "account %.*s exists already",
                          FCT_FMT(line[i].address));
        if (!ok) {
            for (size_t k = 0; k < c.naccounts; k++)
                account_forget(rq->s, c.account[k]->id); /* new ones that never were handed over */
            change_drop(&c);
            return false;
        }
        if (account)
            put_password(&c.batch, account, &p[i]);
        else
            make_account(&c, ++last, line[i].address, &p[i]);
        ++*loaded;
    }
    directory_put_last_account(&c.batch, last);
    return commit_wait(rq->s->commit, change_commit(&c), rq->err);
}

static bool load_lines(struct request *rq, struct load_line *line, size_t n, bool only_new,
                       uint32_t *loaded)
{
    struct password *p;
    bool ok;

    if (!make_passwords(rq, line, n, &p) || !turn_take(&rq->s->admin, rq->err))
        return false;
    ok = put_lines(rq, line, n, p, only_new, loaded);
    directory_changed(rq->s);
    turn_give(&rq->s->admin);
    return ok;
}

static void note(const char *what, struct fct_str name)
{
    log_event(EV_ACCOUNT, FCT_STR(""), F_C("what", what), F_STR("name", name));
}

bool serve_account_add(struct request *rq)
{
    struct load_line line = {0};
    struct fct_str address = ipc_get_str(&rq->in);
    uint32_t loaded;

    line.password = ipc_get_str(&rq->in);
    if (!request_read_all(rq) ||
        !directory_fold(address, false, rq->arena, &line.address, rq->err) ||
        !load_lines(rq, &line, 1, true, &loaded))
        return false;
    note("added", line.address);
    return true;
}

bool serve_account_load(struct request *rq)
{
    struct fct_str text = ipc_get_str(&rq->in);
    struct load_line *line;
    uint32_t loaded;
    size_t n;

    if (!request_read_all(rq) || !read_lines(rq, text, &line, &n) ||
        !load_lines(rq, line, n, false, &loaded))
        return false;
    ipc_put_u32(&rq->out, loaded);
    log_event(EV_ACCOUNT, FCT_STR(""), F_C("what", "loaded"), F_U64("accounts", loaded));
    return true;
}

/* By address, or FCT_DENIED. */
static bool find_account(struct request *rq, struct fct_str address, struct fct_str *folded,
                         uint64_t *account)
{
    if (!directory_fold(address, false, rq->arena, folded, rq->err) ||
        !directory_account(rq->s, *folded, account, rq->err))
        return false;
    return *account || fct_fail(rq->err, FCT_DENIED, "no account %.*s", FCT_FMT(*folded));
}

static bool set_password(struct request *rq, struct fct_str address, const struct password *p)
{
    struct batch b;
    struct fct_str folded;
    uint64_t account;

    if (!find_account(rq, address, &folded, &account))
        return false;
    batch_init(&b);
    put_password(&b, account, p);
    if (!commit_wait(rq->s->commit, commit_submit(rq->s->commit, &b, NULL, 0), rq->err))
        return false;
    note("password changed", folded);
    return true;
}

bool serve_account_password(struct request *rq)
{
    struct fct_str address = ipc_get_str(&rq->in), text = ipc_get_str(&rq->in);
    struct password p;
    bool ok;

    if (!request_read_all(rq) || !password_make(rq->s, text, rq->arena, &p, rq->err) ||
        !turn_take(&rq->s->admin, rq->err))
        return false;
    ok = set_password(rq, address, &p);
    directory_changed(rq->s);
    turn_give(&rq->s->admin);
    return ok;
}

/* All mail is expunged and swept, so that bodies lose their references; then the partition goes. */
static bool empty_account(struct request *rq, uint64_t id)
{
    struct account *a;
    struct mailbox *m;

    if (!account_find(rq->s, id, &a, rq->err))
        return false;
    for (size_t i = 0; i < a->nmailboxes; i++) {
        uint32_t mailbox = a->mailbox[i]->id, *uid;
        struct change c;

        if (!a->mailbox[i]->selectable)
            continue;
        if (!mailbox_index_open(rq->s, id, mailbox, &a, &m, rq->err))
            return false;
        uid = ARENA_ARRAY(rq->arena, uint32_t, m->index.n + 1);
        for (size_t k = 0; k < m->index.n; k++)
            uid[k] = m->index.record[k].uid;
        change_begin(&c, rq->s);
        message_expunge(&c, a, m, uid, m->index.n);
        if (!commit_wait(rq->s->commit, change_commit(&c), rq->err) ||
            !account_find(rq->s, id, &a, rq->err))
            return false;
    }
    return message_sweep(rq->s, id, INT64_MAX, rq->err);
}

static bool remove_account(struct request *rq, struct fct_str address)
{
    struct key from = {.n = 0}, to = {.n = 1};
    struct fct_str folded;
    struct batch b;
    uint64_t id;

    if (!find_account(rq, address, &folded, &id))
        return false;
    batch_init(&b);
    directory_del_account(&b, folded); /* first: no new mail, no new login */
    if (!commit_wait(rq->s->commit, commit_submit(rq->s->commit, &b, NULL, 0), rq->err))
        return false;
    directory_changed(rq->s);
    if (!empty_account(rq, id))
        return false;
    account_forget(rq->s, id);
    from = key_of(1);
    to = key_of('~');
    batch_part(&b, id);
    batch_del_range(&b, from, to);
    if (!commit_wait(rq->s->commit, commit_submit(rq->s->commit, &b, NULL, 0), rq->err))
        return false;
    note("removed", folded);
    return true;
}

bool serve_account_remove(struct request *rq)
{
    struct fct_str address = ipc_get_str(&rq->in);
    bool ok;

    if (!request_read_all(rq) || !turn_take(&rq->s->admin, rq->err))
        return false;
    ok = remove_account(rq, address);
    directory_changed(rq->s);
    turn_give(&rq->s->admin);
    return ok;
}

struct account_list {
    struct request *rq;
    uint32_t n;
    struct buf out;
};

static bool list_account(void *arg, struct fct_str address, uint64_t id)
{
    struct account_list *l = arg;
    struct fct_err ignored;
    struct account *a;

    if (!account_find(l->rq->s, id, &a, &ignored))
        return true;
    l->n++;
    ipc_put_str(&l->out, address);
    ipc_put_u64(&l->out, id);
    ipc_put_u64(&l->out, a->messages);
    ipc_put_u64(&l->out, a->bytes);
    ipc_put_u64(&l->out, a->quota);
    return true;
}

bool serve_accounts(struct request *rq)
{
    struct account_list l = {rq, 0, BUF_INIT(IPC_MAX_MESSAGE - 8192)};
    bool ok =
        request_read_all(rq) && directory_accounts(rq->s->driver, NULL, list_account, &l, rq->err);

    ipc_put_u32(&rq->out, l.n);
    buf_put_str(&rq->out, buf_str(&l.out));
    rq->out.overflow |= l.out.overflow;
    buf_free(&l.out);
    return ok;
}

/* ---- aliases ---- */

static bool fold_alias(struct request *rq, struct fct_str alias, struct fct_str *folded)
{
    if (str_equal_nocase(alias, FCT_STR("postmaster"))) {
        *folded = FCT_STR("postmaster");
        return true;
    }
    return directory_fold(alias, true, rq->arena, folded, rq->err);
}

static bool set_alias(struct request *rq, struct fct_str alias, const struct fct_str *target,
                      size_t n)
{
    const struct fct_str *before;
    struct batch b;
    uint64_t account = 0;
    size_t existed;

    if (!directory_alias(rq->s, alias, rq->arena, &before, &existed, rq->err) ||
        !directory_account(rq->s, alias, &account, rq->err))
        return false;
    if (account && n > 0)
        return fct_fail(rq->err, FCT_DENIED, "%.*s is an account", FCT_FMT(alias));
    if (n == 0 && existed == 0)
        return fct_fail(rq->err, FCT_DENIED, "no alias %.*s", FCT_FMT(alias));
    batch_init(&b);
    directory_put_alias(&b, alias, target, n, existed > 0);
    return commit_wait(rq->s->commit, commit_submit(rq->s->commit, &b, NULL, 0), rq->err);
}

#define ALIAS_TARGETS_MAX 1000

/* The local part as it was given: only its own server knows what case means there (RFC 5321 2.4).
 * Where it is an address of ours, resolve.c folds it. */
static bool clean_target(struct request *rq, struct fct_str target, struct fct_str *out)
{
    struct fct_str folded;

    if (!directory_fold(target, false, rq->arena, &folded, rq->err))
        return false;
    *out = arena_printf(rq->arena, "%.*s@%.*s", (int)str_find_last_char(target, '@'), target.p,
                        FCT_FMT(directory_domain(folded)));
    return true;
}

bool serve_alias_set(struct request *rq)
{
    struct fct_str alias = ipc_get_str(&rq->in);
    size_t n;
    const struct fct_str *target = store_get_strs(&rq->in, rq->arena, &n);
    struct fct_str *clean = ARENA_ARRAY(rq->arena, struct fct_str, n + 1);
    bool ok;

    if (!request_read_all(rq) || !fold_alias(rq, alias, &alias))
        return false;
    if (n > ALIAS_TARGETS_MAX)
        return fct_fail(rq->err, FCT_LIMIT, "an alias has at most %d targets", ALIAS_TARGETS_MAX);
    for (size_t i = 0; i < n; i++)
        if (!clean_target(rq, target[i], &clean[i]))
            return false;
    if (!turn_take(&rq->s->admin, rq->err))
        return false;
    ok = set_alias(rq, alias, clean, n);
    directory_changed(rq->s);
    turn_give(&rq->s->admin);
    if (ok)
        note(n ? "alias set" : "alias removed", alias);
    return ok;
}

bool serve_aliases(struct request *rq)
{
    const struct store_alias *alias;
    size_t n;

    if (!request_read_all(rq) || !directory_aliases(rq->s, rq->arena, &alias, &n, rq->err))
        return false;
    ipc_put_u32(&rq->out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        ipc_put_str(&rq->out, alias[i].alias);
        store_put_strs(&rq->out, alias[i].target, alias[i].n);
    }
    return true;
}

/* ---- check and numbers ---- */

bool serve_check(struct request *rq)
{
    struct store_check_result r;
    struct buf report = BUF_INIT(1u << 20);
    bool ok = request_read_all(rq) && check_run(rq->s, &r, &report, rq->err);

    if (ok) {
        ipc_put_u64(&rq->out, r.accounts);
        ipc_put_u64(&rq->out, r.mailboxes);
        ipc_put_u64(&rq->out, r.messages);
        ipc_put_u64(&rq->out, r.blobs);
        ipc_put_u64(&rq->out, r.bytes);
        ipc_put_u64(&rq->out, r.damaged);
        ipc_put_u64(&rq->out, r.orphans);
        ipc_put_u64(&rq->out, r.queued);
        ipc_put_str(&rq->out, buf_str(&report));
    }
    buf_free(&report);
    return ok;
}

void server_statistics(struct server *s, struct buf *out)
{
    struct fct_err ignored;

    buf_printf(
        out, "accounts_loaded %zu\nindex_record_bytes %llu\nrequests_running %u\nlearn_words %zu\n",
        map_count(s->accounts), (unsigned long long)s->index_bytes, clients_busy(s),
        learning_count(s));
    if (!s->driver->ops->maintain(s->driver, DRIVER_STATISTICS, NULL, NULL, out, &ignored))
        buf_put_c(out, "driver_statistics 0\n");
}

bool serve_statistics(struct request *rq)
{
    struct buf text = BUF_INIT(64u << 10);

    if (!request_read_all(rq))
        return false;
    server_statistics(rq->s, &text);
    ipc_put_str(&rq->out, buf_str(&text));
    buf_free(&text);
    return true;
}
