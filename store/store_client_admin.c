/* store_client_admin.c - what facteurctl asks the store. */
#include "store/store_call.h"

static FCT_MAY_WAIT bool call_strings(struct store *st, enum store_request kind, struct fct_str a,
                                      const struct fct_str *b, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, kind, err);

    c.deadline_ms = STORE_LONG_MS;
    ipc_put_str(&c.out, a);
    if (b)
        ipc_put_str(&c.out, *b);
    store_call_send(&c);
    return store_call_end(&c);
}

bool store_account_add(struct store *st, struct fct_str address, struct fct_str password,
                       struct fct_err *err)
{
    return call_strings(st, STORE_ACCOUNT_ADD, address, &password, err);
}

bool store_account_load(struct store *st, struct fct_str lines, uint32_t *loaded,
                        struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_ACCOUNT_LOAD, err);

    *loaded = 0;
    c.deadline_ms = STORE_LONG_MS;
    ipc_put_str(&c.out, lines);
    if (store_call_send(&c))
        *loaded = ipc_get_u32(&c.reply);
    return store_call_end(&c);
}

bool store_account_password(struct store *st, struct fct_str address, struct fct_str password,
                            struct fct_err *err)
{
    return call_strings(st, STORE_ACCOUNT_PASSWORD, address, &password, err);
}

bool store_account_remove(struct store *st, struct fct_str address, struct fct_err *err)
{
    return call_strings(st, STORE_ACCOUNT_REMOVE, address, NULL, err);
}

bool store_accounts(struct store *st, struct arena *arena, const struct store_account **out,
                    size_t *n, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_ACCOUNTS, err);
    struct store_account *a;

    *out = NULL;
    *n = 0;
    if (store_call_send(&c)) {
        *n = ipc_get_count(&c.reply, 36);
        *out = a = ARENA_ARRAY(arena, struct store_account, *n + 1);
        for (size_t i = 0; i < *n; i++) {
            a[i].name = store_call_copy(&c, arena);
            a[i].id = ipc_get_u64(&c.reply);
            a[i].messages = ipc_get_u64(&c.reply);
            a[i].bytes = ipc_get_u64(&c.reply);
            a[i].quota_bytes = ipc_get_u64(&c.reply);
        }
    }
    return store_call_end(&c);
}

bool store_account_set(struct store *st, struct fct_str address, const struct fct_str *change,
                       size_t n, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_ACCOUNT_SET, err);

    ipc_put_str(&c.out, address);
    store_put_strs(&c.out, change, n);
    store_call_send(&c);
    return store_call_end(&c);
}

bool store_account_show(struct store *st, struct fct_str address, struct arena *arena,
                        struct store_account_detail *out, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_ACCOUNT_SHOW, err);

    *out = (struct store_account_detail){0};
    ipc_put_str(&c.out, address);
    if (store_call_send(&c)) {
        out->is.name = store_call_copy(&c, arena);
        out->is.id = ipc_get_u64(&c.reply);
        out->is.messages = ipc_get_u64(&c.reply);
        out->is.bytes = ipc_get_u64(&c.reply);
        out->is.quota_bytes = ipc_get_u64(&c.reply);
        out->created = (int64_t)ipc_get_u64(&c.reply);
        out->setting = store_call_copies(&c, arena, &out->nsettings);
    }
    return store_call_end(&c);
}

bool store_forward_confirm(struct store *st, struct fct_str code, struct arena *arena,
                           struct fct_str *account, struct fct_str *target, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_FORWARD_CONFIRM, err);

    *account = *target = FCT_STR("");
    ipc_put_str(&c.out, code);
    if (store_call_send(&c)) {
        *account = store_call_copy(&c, arena);
        *target = store_call_copy(&c, arena);
    }
    return store_call_end(&c);
}

bool store_alias_set(struct store *st, struct fct_str alias, const struct fct_str *target, size_t n,
                     struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_ALIAS_SET, err);

    ipc_put_str(&c.out, alias);
    store_put_strs(&c.out, target, n);
    store_call_send(&c);
    return store_call_end(&c);
}

bool store_aliases(struct store *st, struct arena *arena, const struct store_alias **out, size_t *n,
                   struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_ALIASES, err);
    struct store_alias *a;

    *out = NULL;
    *n = 0;
    if (store_call_send(&c)) {
        *n = ipc_get_count(&c.reply, 8);
        *out = a = ARENA_ARRAY(arena, struct store_alias, *n + 1);
        for (size_t i = 0; i < *n; i++) {
            a[i].alias = store_call_copy(&c, arena);
            a[i].target = store_call_copies(&c, arena, &a[i].n);
        }
    }
    return store_call_end(&c);
}

bool store_trace(struct store *st, struct fct_str id, struct arena *arena,
                 const struct store_trace **out, size_t *n, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_TRACE, err);
    struct store_trace *t;

    *out = NULL;
    *n = 0;
    ipc_put_str(&c.out, id);
    if (store_call_send(&c)) {
        *n = ipc_get_count(&c.reply, 48);
        *out = t = ARENA_ARRAY(arena, struct store_trace, *n + 1);
        for (size_t i = 0; i < *n; i++) {
            t[i].account = store_call_copy(&c, arena);
            t[i].mailbox = store_call_copy(&c, arena);
            t[i].uid = ipc_get_u32(&c.reply);
            t[i].received = (int64_t)ipc_get_u64(&c.reply);
            t[i].reverse_path = store_call_copy(&c, arena);
            t[i].ledger = store_call_copy(&c, arena);
            t[i].edits = store_call_copy(&c, arena);
            t[i].original_size = ipc_get_u64(&c.reply);
            t[i].view_size = ipc_get_u64(&c.reply);
            t[i].account_id = ipc_get_u64(&c.reply);
            t[i].email_id = ipc_get_u64(&c.reply);
            t[i].shown_anew = ipc_get_bool(&c.reply);
        }
    }
    return store_call_end(&c);
}

bool store_check(struct store *st, struct store_check_result *out, struct buf *report,
                 struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_CHECK, err);

    c.deadline_ms = STORE_LONG_MS;
    if (store_call_send(&c)) {
        uint64_t *number[] = {&out->accounts, &out->mailboxes, &out->messages, &out->blobs,
                              &out->bytes,    &out->damaged,   &out->orphans,  &out->queued};

        for (size_t i = 0; i < FCT_COUNT(number); i++)
            *number[i] = ipc_get_u64(&c.reply);
        buf_put_str(report, ipc_get_str(&c.reply));
    }
    return store_call_end(&c);
}

bool store_statistics(struct store *st, struct buf *out, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_STATISTICS, err);

    if (store_call_send(&c))
        buf_put_str(out, ipc_get_str(&c.reply));
    return store_call_end(&c);
}
