/* fuzz_stored_record.c - records of the store that are damaged and yet have the right checksum, and
 * the folding of changes into them: each is read or refused; what was read is written and reads the
 * same. The first byte says which record, the second one its version. */
#include "core/base/arena.h"
#include "core/base/str.h"
#include "store/account.h"
#include "store/directory.h"
#include "store/driver_local/catalogue.h"
#include "store/hot_chunk.h"
#include "store/mail_record.h"
#include "store/mailbox.h"
#include "store/password.h"
#include "store/places.h"
#include "store/subscription.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void try_mail_record(struct fct_str value, struct arena *arena)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1u << 20);
    struct mail_record r, again;

    (void)arena;
    if (!mail_record_decode(value, &r))
        return;
    mail_record_encode(&r, &out);
    must(mail_record_decode(buf_str(&out), &again) && again.size == r.size &&
         again.mailbox == r.mailbox && again.uid == r.uid && str_equal(again.summary, r.summary));
}

static void try_mail_view(struct fct_str value, struct arena *arena)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1u << 20);
    struct mail_view v, again;

    (void)arena;
    if (!mail_view_decode(value, &v))
        return;
    mail_view_encode(&v, &out);
    must(mail_view_decode(buf_str(&out), &again) && again.received == v.received &&
         again.size == v.size && str_equal(again.edits, v.edits) &&
         str_equal(again.origin.recipient, v.origin.recipient) && str_equal(again.aside, v.aside));
}

static void try_mailbox(struct fct_str value, struct arena *arena)
{
    struct mailbox m = {0};

    (void)arena;
    (void)!mailbox_decode(value, &m);
    free((void *)(uintptr_t)m.name.p);
}

static void try_mailbox_counters(struct fct_str value, struct arena *arena)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1u << 20);
    struct mailbox m = {0}, again = {0};

    (void)arena;
    if (!mailbox_decode_counters(value, &m))
        return;
    mailbox_encode_counters(&m, &out);
    must(mailbox_decode_counters(buf_str(&out), &again) && again.last_uid == m.last_uid &&
         again.mod_seq == m.mod_seq && again.bytes == m.bytes);
}

static void try_password(struct fct_str value, struct arena *arena)
{
    struct password p;

    (void)!password_decode(value, arena, &p);
}

static void try_directory(struct fct_str value, struct arena *arena)
{
    struct settings settings;
    uint64_t account;

    (void)!directory_decode_account(value, arena, &account, &settings);
}

static void try_catalogue(struct fct_str value, struct arena *arena)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1u << 20), sum = BUF_INIT(1u << 20);
    struct blob_place place, again;

    (void)arena;
    if (!catalogue_decode(value, &place))
        return;
    catalogue_encode(&place, &out);
    must(catalogue_decode(buf_str(&out), &again) && again.references == place.references &&
         again.placed == place.placed && again.offset == place.offset);
    (void)!catalogue_merge(value, &value, 1, &sum);
}

static void try_subscriptions(struct fct_str value, struct arena *arena)
{
    struct account a = {0};

    (void)arena;
    (void)!subscriptions_decode(value, &a);
    subscriptions_free(&a);
}

static void try_places(struct fct_str value, struct arena *arena)
{
    struct place *list = NULL;
    size_t n = 0;

    (void)arena;
    if (places_decode(value, &list, &n))
        must(n == 0 || list);
    free(list);
}

static void try_chunk(struct fct_str value, struct arena *arena)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1u << 20);
    struct hot_record record[CHUNK_UIDS], again[CHUNK_UIDS];
    size_t n, m;

    (void)arena;
    if (!hot_chunk_decode(value, record, &n))
        return;
    must(n <= CHUNK_UIDS);
    hot_chunk_encode(record, n, &out);
    must(hot_chunk_decode(buf_str(&out), again, &m) && m == n);
    for (size_t i = 0; i < n; i++)
        must(again[i].uid == record[i].uid && (i == 0 || record[i].uid > record[i - 1].uid));
}

static void (*const records[])(struct fct_str, struct arena *) = {
    try_mail_record, try_mail_view, try_mailbox,       try_mailbox_counters, try_password,
    try_directory,   try_catalogue, try_subscriptions, try_places,           try_chunk};

/* The old value cut out of the input, the rest as two changes; what comes of it can be read. */
static void fold(bool (*with)(struct fct_str, const struct fct_str *, size_t, struct buf *),
                 bool (*good)(struct fct_str), struct fct_str old, struct fct_str rest)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(4u << 20);
    struct fct_str piece[2] = {str_head(rest, rest.n / 2), str_skip(rest, rest.n / 2)};

    if (with(FCT_STR(""), piece, 2, &out))
        must(out.overflow || good(buf_str(&out)));
    buf_clear(&out);
    if (with(old, &rest, 1, &out))
        must(out.overflow || good(buf_str(&out)));
}

static bool good_chunk(struct fct_str value)
{
    struct hot_record record[CHUNK_UIDS];
    size_t n;

    return value.n == 0 || hot_chunk_decode(value, record, &n);
}

static bool good_places(struct fct_str value)
{
    struct place *list = NULL;
    size_t n;
    bool ok = value.n == 0 || places_decode(value, &list, &n);

    free(list);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str in = {(const char *)data + 2, size > 2 ? size - 2 : 0};
    FCT_CLEANUP(buf_free) struct buf value = BUF_INIT(16u << 20);
    struct arena *arena;

    if (size < 2)
        return 0;
    arena = arena_new(NULL);
    record_begin(&value, data[1] % 4);
    buf_put_str(&value, in);
    record_end(&value);
    records[data[0] % FCT_COUNT(records)](buf_str(&value), arena);
    records[data[0] % FCT_COUNT(records)](in, arena);
    if (data[0] >= 128)
        fold(hot_chunk_fold, good_chunk, buf_str(&value), in);
    else
        fold(places_fold, good_places, buf_str(&value), in);
    arena_free(&arena);
    return 0;
}
