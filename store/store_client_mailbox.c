/* store_client_mailbox.c - asking the store for mailboxes, their records and what changed in them.
 */
#include "store/store_call.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void get_info(struct store_call *c, struct arena *arena, struct mailbox_info *info)
{
    store_get_info(&c->reply, info);
    info->name = arena_str(arena, info->name);
}

bool store_mailboxes(struct store *st, uint32_t principal, struct arena *arena,
                     const struct mailbox_info **out, size_t *n, struct fct_err *err)
{
    struct store_call c = store_call_as(st, STORE_MAILBOXES, principal, err);
    struct mailbox_info *info;

    *out = NULL;
    *n = 0;
    if (store_call_send(&c)) {
        *n = ipc_get_count(&c.reply, 50);
        *out = info = ARENA_ARRAY(arena, struct mailbox_info, *n + 1);
        for (size_t i = 0; i < *n; i++)
            get_info(&c, arena, &info[i]);
    }
    return store_call_end(&c);
}

bool store_mailbox(struct store *st, uint32_t principal, struct fct_str name, struct arena *arena,
                   struct mailbox_info *out, struct fct_err *err)
{
    struct store_call c = store_call_as(st, STORE_MAILBOX, principal, err);

    ipc_put_str(&c.out, name);
    if (store_call_send(&c))
        get_info(&c, arena, out);
    return store_call_end(&c);
}

bool store_mailbox_create(struct store *st, uint32_t principal, struct fct_str name,
                          enum mailbox_role role, uint64_t *id, struct fct_err *err)
{
    struct store_call c = store_call_as(st, STORE_MAILBOX_CREATE, principal, err);

    ipc_put_str(&c.out, name);
    ipc_put_u8(&c.out, (uint8_t)role);
    if (store_call_send(&c))
        *id = ipc_get_u64(&c.reply);
    return store_call_end(&c);
}

bool store_mailbox_delete(struct store *st, uint32_t principal, struct fct_str name,
                          struct fct_err *err)
{
    struct store_call c = store_call_as(st, STORE_MAILBOX_DELETE, principal, err);

    ipc_put_str(&c.out, name);
    store_call_send(&c);
    return store_call_end(&c);
}

bool store_mailbox_rename(struct store *st, uint32_t principal, struct fct_str from,
                          struct fct_str to, struct fct_err *err)
{
    struct store_call c = store_call_as(st, STORE_MAILBOX_RENAME, principal, err);

    ipc_put_str(&c.out, from);
    ipc_put_str(&c.out, to);
    store_call_send(&c);
    return store_call_end(&c);
}

bool store_mailbox_subscribe(struct store *st, uint32_t principal, struct fct_str name, bool on,
                             struct fct_err *err)
{
    struct store_call c = store_call_as(st, STORE_MAILBOX_SUBSCRIBE, principal, err);

    ipc_put_str(&c.out, name);
    ipc_put_bool(&c.out, on);
    store_call_send(&c);
    return store_call_end(&c);
}

/* ---- a selected mailbox ---- */

static bool map_records(struct store_call *c, uint32_t n, struct store_view *out)
{
    size_t bytes = (size_t)n * sizeof(struct hot_record);
    struct stat st;
    void *p;

    if (fstat(c->fd, &st) != 0 || (uint64_t)st.st_size < bytes)
        return fct_fail(c->err, FCT_BUG, "the store's snapshot is too short");
    p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, c->fd, 0);
    if (p == MAP_FAILED)
        return fct_fail(c->err, FCT_TEMP, "no memory for a mailbox");
    out->record = p;
    out->mapped = bytes;
    return true;
}

/* n records: inline, or as a descriptor. */
static bool get_array(struct store_call *c, struct arena *arena, struct store_view *out)
{
    uint32_t n = ipc_get_u32(&c->reply);
    size_t inlined;
    const struct hot_record *r = store_get_records(&c->reply, arena, &inlined);

    out->info.exists = n;
    if (c->fd >= 0)
        return map_records(c, n, out);
    if (inlined != n)
        return fct_fail(c->err, FCT_BUG, "the store's answer is malformed");
    out->record = malloc(n * sizeof *out->record + 1);
    FCT_ASSERT(out->record);
    if (n)
        memcpy(out->record, r, n * sizeof *r);
    return true;
}

bool store_select(struct store *st, uint32_t principal, struct fct_str name, bool watch,
                  struct arena *arena, struct store_view *out, struct fct_err *err)
{
    struct store_call c = store_call_as(st, STORE_SELECT, principal, err);

    *out = (struct store_view){0};
    ipc_put_str(&c.out, name);
    ipc_put_bool(&c.out, watch);
    if (store_call_send(&c)) {
        get_info(&c, arena, &out->info);
        out->keyword = store_call_copies(&c, arena, &out->nkeywords);
        c.ok = get_array(&c, arena, out);
    }
    if (store_call_end(&c))
        return true;
    store_view_free(out);
    return false;
}

void store_unselect(struct store *st, uint32_t principal, uint64_t mailbox)
{
    store_call_notify(st, STORE_UNSELECT, principal, &mailbox, NULL);
}

void store_view_free(struct store_view *view)
{
    if (view->mapped)
        munmap(view->record, view->mapped);
    else
        free(view->record);
    view->record = NULL;
    view->mapped = 0;
}

enum { SYNC_GONE = 1, SYNC_TOO_OLD = 2 };

bool store_sync(struct store *st, uint32_t principal, uint64_t mailbox, uint64_t since,
                struct arena *arena, struct store_changes *out, struct fct_err *err)
{
    struct store_call c = store_call_as(st, STORE_SYNC, principal, err);
    uint8_t what;

    *out = (struct store_changes){0};
    ipc_put_u64(&c.out, mailbox);
    ipc_put_u64(&c.out, since);
    if (store_call_send(&c)) {
        what = ipc_get_u8(&c.reply);
        out->gone = what == SYNC_GONE;
        out->too_old = what == SYNC_TOO_OLD;
        if (what == 0) {
            out->mod_seq = ipc_get_u64(&c.reply);
            out->uid_next = ipc_get_u32(&c.reply);
            out->record = store_get_records(&c.reply, arena, &out->n);
            out->vanished = store_get_numbers(&c.reply, arena, &out->nvanished);
            out->keyword = store_call_copies(&c, arena, &out->nkeywords);
            if (out->nkeywords == 0)
                out->keyword = NULL;
        }
    }
    return store_call_end(&c);
}
