/* mailbox.c - the tree of mailboxes of an account: names, roles, creation, removal, renaming.
 *
 * Names are kept by parent and level, so that renaming a parent writes one record. */
#include "store/mailbox.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/base/utf8.h"
#include "store/change.h"
#include "store/subscription.h"

#include <stdlib.h>

#define MAILBOX_VERSION  1
#define COUNTERS_VERSION 1

/* ---- stored forms ---- */

void mailbox_encode(const struct mailbox *m, struct buf *out)
{
    record_begin(out, MAILBOX_VERSION);
    pack_uint(out, m->parent);
    pack_str(out, m->name);
    pack_u8(out, (uint8_t)m->role);
    pack_u8(out, (uint8_t)((m->subscribed ? 1 : 0) | (m->selectable ? 2 : 0)));
    pack_uint(out, m->uid_validity);
    record_end(out);
}

bool mailbox_decode(struct fct_str value, struct mailbox *m)
{
    struct unpack u;
    struct fct_str name;
    uint8_t bits;

    if (!record_open(value, MAILBOX_VERSION, &u))
        return false;
    m->parent = unpack_uint32(&u);
    name = unpack_str(&u);
    m->role = (enum mailbox_role)unpack_u8(&u);
    bits = unpack_u8(&u);
    m->subscribed = bits & 1;
    m->selectable = bits & 2;
    m->uid_validity = unpack_uint32(&u);
    if (!unpack_ok(&u))
        return false;
    m->name = (struct fct_str){str_dup_c(name), name.n};
    return true;
}

void mailbox_encode_counters(const struct mailbox *m, struct buf *out)
{
    record_begin(out, COUNTERS_VERSION);
    pack_uint(out, m->last_uid);
    pack_uint(out, m->mod_seq);
    pack_uint(out, m->floor);
    pack_uint(out, m->exists);
    pack_uint(out, m->unseen);
    pack_uint(out, m->deleted);
    pack_uint(out, m->bytes);
    record_end(out);
}

bool mailbox_decode_counters(struct fct_str value, struct mailbox *m)
{
    struct unpack u;

    if (!record_open(value, COUNTERS_VERSION, &u))
        return false;
    m->last_uid = unpack_uint32(&u);
    m->mod_seq = unpack_uint(&u);
    m->floor = unpack_uint(&u);
    m->exists = unpack_uint32(&u);
    m->unseen = unpack_uint32(&u);
    m->deleted = unpack_uint32(&u);
    m->bytes = unpack_uint(&u);
    return unpack_ok(&u);
}

static void put_record(struct change *c, struct account *a, const struct mailbox *m)
{
    struct buf value = BUF_INIT(4096);
    struct key key = key_of('m');

    key_u32(&key, m->id);
    mailbox_encode(m, &value);
    change_account(c, a);
    batch_put(&c->batch, key, buf_str(&value));
    buf_free(&value);
    change_list(c, a);
}

void mailbox_free(struct mailbox *m)
{
    void *p;

    mailbox_index_free(&m->index);
    memcpy(&p, &m->name.p, sizeof p);
    free(p);
    free(m);
}

/* ---- names ---- */

static struct mailbox *child(const struct account *a, uint32_t parent, struct fct_str name)
{
    bool inbox = parent == 0 && str_equal_nocase(name, FCT_STR("INBOX"));

    for (size_t i = 0; i < a->nmailboxes; i++) {
        struct mailbox *m = a->mailbox[i];

        if (m->parent == parent && (inbox ? m->role == MAILBOX_INBOX : str_equal(m->name, name)))
            return m;
    }
    return NULL;
}

struct mailbox *mailbox_find(const struct account *a, struct fct_str path)
{
    struct mailbox *m = NULL;
    uint32_t parent = 0;

    for (unsigned depth = 0; path.p && depth <= STORE_DEPTH_MAX; depth++) {
        m = child(a, parent, str_split(&path, '/'));
        if (!m)
            return NULL;
        parent = m->id;
    }
    return path.p ? NULL : m;
}

struct mailbox *mailbox_with_role(const struct account *a, enum mailbox_role role)
{
    for (size_t i = 0; i < a->nmailboxes; i++)
        if (a->mailbox[i]->role == role)
            return a->mailbox[i];
    return NULL;
}

static struct fct_str path_under(const struct account *a, const struct mailbox *m, unsigned depth,
                                 struct arena *arena)
{
    const struct mailbox *parent =
        m->parent && depth < STORE_DEPTH_MAX ? account_mailbox(a, m->parent) : NULL;
    struct fct_str above;

    if (!parent)
        return m->name;
    above = path_under(a, parent, depth + 1, arena);
    return arena_printf(arena, "%.*s/%.*s", FCT_FMT(above), FCT_FMT(m->name));
}

struct fct_str mailbox_path(const struct account *a, const struct mailbox *m, struct arena *arena)
{
    return path_under(a, m, 0, arena);
}

static bool has_children(const struct account *a, const struct mailbox *m)
{
    for (size_t i = 0; i < a->nmailboxes; i++)
        if (a->mailbox[i]->parent == m->id)
            return true;
    return false;
}

void mailbox_describe(const struct account *a, const struct mailbox *m, struct arena *arena,
                      struct mailbox_info *out)
{
    *out = (struct mailbox_info){
        .id = m->id,
        .name = mailbox_path(a, m, arena),
        .role = m->role,
        .has_children = has_children(a, m),
        .selectable = m->selectable,
        .uid_validity = m->uid_validity,
        .uid_next = m->last_uid + 1,
        .highest_mod_seq = m->mod_seq,
        .exists = m->exists,
        .unseen = m->unseen,
        .deleted = m->deleted,
        .bytes = m->bytes,
    };
    out->subscribed = m->subscribed || subscription_has(a, out->name);
}

/* RFC 9051 5.1: no empty level, no control characters; '%' and '*' could not be listed alone. */
bool mailbox_name_check(struct fct_str path, struct fct_err *err)
{
    unsigned depth = 0;

    if (path.n == 0 || path.n > STORE_NAME_MAX)
        return fct_fail(err, FCT_SYNTAX, "a mailbox name has 1 to %d bytes", STORE_NAME_MAX);
    if (!utf8_is_valid(path))
        return fct_fail(err, FCT_SYNTAX, "a mailbox name is UTF-8");
    for (size_t i = 0; i < path.n; i++)
        if ((unsigned char)path.p[i] < ' ' || path.p[i] == 0x7f || path.p[i] == '%' ||
            path.p[i] == '*')
            return fct_fail(err, FCT_SYNTAX, "a mailbox name has no control characters, %% or *");
    while (path.p) {
        if (str_split(&path, '/').n == 0)
            return fct_fail(err, FCT_SYNTAX, "a mailbox name has no empty level");
        if (++depth > STORE_DEPTH_MAX)
            return fct_fail(err, FCT_SYNTAX, "a mailbox name has at most %d levels",
                            STORE_DEPTH_MAX);
    }
    return true;
}

/* ---- changes of the tree ---- */

/* Never the same twice in an account, also when the clock goes back (RFC 9051 2.3.1.1). */
static uint32_t next_uid_validity(struct account *a)
{
    int64_t now = clock_wall();
    uint32_t next = a->last_uid_validity + 1;

    if (now > (int64_t)next && now < UINT32_MAX)
        next = (uint32_t)now;
    a->last_uid_validity = next;
    return next;
}

static struct mailbox *add_one(struct change *c, struct account *a, uint32_t parent,
                               struct fct_str name, enum mailbox_role role)
{
    struct mailbox *m = account_new_mailbox(a);

    m->id = ++a->last_mailbox;
    m->parent = parent;
    m->role = role;
    m->selectable = true;
    m->subscribed = role != MAILBOX_PLAIN;
    m->name = (struct fct_str){str_dup_c(name), name.n};
    m->uid_validity = next_uid_validity(a);
    m->mod_seq = m->floor = change_mod_seq(c, a);
    put_record(c, a, m);
    change_mailbox(c, a, m);
    return m;
}

static size_t levels(struct fct_str path)
{
    size_t n = 1;

    for (size_t i = 0; i < path.n; i++)
        n += path.p[i] == '/';
    return n;
}

/* All parents of a path, made as needed; *leaf is the last level. */
static struct mailbox *make_parents(struct change *c, struct account *a, struct fct_str path,
                                    struct fct_str *leaf)
{
    struct mailbox *parent = NULL;

    for (*leaf = str_split(&path, '/'); path.p; *leaf = str_split(&path, '/')) {
        uint32_t above = parent ? parent->id : 0;

        parent = child(a, above, *leaf);
        if (!parent)
            parent = add_one(c, a, above, *leaf, MAILBOX_PLAIN);
    }
    return parent;
}

static bool may_make(const struct account *a, struct fct_str path, enum mailbox_role role,
                     uint32_t max, struct fct_err *err)
{
    const struct mailbox *m;

    if (!mailbox_name_check(path, err))
        return false;
    m = mailbox_find(a, path);
    if (m && m->selectable)
        return fct_fail(err, FCT_DENIED, "mailbox already exists");
    if (role != MAILBOX_PLAIN && mailbox_with_role(a, role))
        return fct_fail(err, FCT_DENIED, "another mailbox has this special use");
    if (a->nmailboxes + levels(path) > max)
        return fct_fail(err, FCT_LIMIT, "too many mailboxes");
    return true;
}

struct mailbox *mailbox_make(struct change *c, struct account *a, struct fct_str path,
                             enum mailbox_role role, uint32_t max, struct fct_err *err)
{
    struct mailbox *m, *parent;
    struct fct_str leaf;

    if (!may_make(a, path, role, max, err))
        return NULL;
    m = mailbox_find(a, path);
    if (!m) {
        parent = make_parents(c, a, path, &leaf);
        return add_one(c, a, parent ? parent->id : 0, leaf, role);
    }
    m->selectable = true; /* it was only a parent: a new mailbox with that name (RFC 9051 6.3.5) */
    m->role = role;
    m->uid_validity = next_uid_validity(a);
    m->mod_seq = m->floor = change_mod_seq(c, a);
    put_record(c, a, m);
    change_mailbox(c, a, m);
    return m;
}

void mailbox_make_default_set(struct change *c, struct account *a)
{
    static const struct {
        const char *name;
        enum mailbox_role role;
    } set[] = {
        {"INBOX", MAILBOX_INBOX}, {"Drafts", MAILBOX_DRAFTS}, {"Sent", MAILBOX_SENT},
        {"Junk", MAILBOX_JUNK},   {"Trash", MAILBOX_TRASH},   {"Archive", MAILBOX_ARCHIVE},
    };

    for (size_t i = 0; i < FCT_COUNT(set); i++)
        add_one(c, a, 0, str_from(set[i].name), set[i].role);
}

void mailbox_subscribe(struct change *c, struct account *a, struct mailbox *m, bool on)
{
    if (m->subscribed == on)
        return;
    m->subscribed = on;
    put_record(c, a, m);
}

static void drop_from_account(struct account *a, struct mailbox *m)
{
    size_t kept = 0;

    for (size_t i = 0; i < a->nmailboxes; i++)
        if (a->mailbox[i] != m)
            a->mailbox[kept++] = a->mailbox[i];
    a->nmailboxes = kept;
}

/* Its messages are gone already (expunge.c). With children the name stays, without messages (RFC
 * 9051 6.3.5). */
bool mailbox_remove(struct change *c, struct account *a, struct mailbox *m, struct fct_err *err)
{
    struct key name = key_of('m'), counters = key_of('M'), chunks = key_of('h'),
               vanished = key_of('x');

    if (m->role == MAILBOX_INBOX)
        return fct_fail(err, FCT_DENIED, "INBOX cannot be deleted");
    change_mod_seq(c, a);
    key_u32(&chunks, m->id);
    key_u32(&vanished, m->id);
    batch_del_range(&c->batch, chunks, key_after(&chunks));
    batch_del_range(&c->batch, vanished, key_after(&vanished));
    if (has_children(a, m)) {
        m->selectable = false;
        m->role = MAILBOX_PLAIN;
        put_record(c, a, m);
        change_mailbox(c, a, m);
        return true;
    }
    key_u32(&name, m->id);
    key_u32(&counters, m->id);
    batch_del(&c->batch, name);
    batch_del(&c->batch, counters);
    change_list(c, a);
    change_gone(c, a, m);
    drop_from_account(a, m);
    c->s->index_bytes -= m->index.room * sizeof(struct hot_record);
    mailbox_free(m);
    return true;
}

/* Is m `above` or below it? A mailbox cannot move into itself. */
static bool is_within(const struct account *a, const struct mailbox *m, const struct mailbox *above)
{
    for (unsigned depth = 0; m && depth <= STORE_DEPTH_MAX; depth++) {
        if (m == above)
            return true;
        m = m->parent ? account_mailbox(a, m->parent) : NULL;
    }
    return false;
}

/* The nearest existing mailbox on the way to a path. */
static const struct mailbox *nearest(const struct account *a, struct fct_str path)
{
    const struct mailbox *m = NULL;

    while (path.p) {
        const struct mailbox *next = child(a, m ? m->id : 0, str_split(&path, '/'));

        if (!next)
            return m;
        m = next;
    }
    return m;
}

bool mailbox_rename(struct change *c, struct account *a, struct mailbox *m, struct fct_str to,
                    uint32_t max, struct fct_err *err)
{
    struct mailbox *parent;
    struct fct_str leaf;
    void *old;

    if (mailbox_find(a, to))
        return fct_fail(err, FCT_DENIED, "mailbox already exists");
    if (!may_make(a, to, MAILBOX_PLAIN, max, err))
        return false;
    if (is_within(a, nearest(a, to), m))
        return fct_fail(err, FCT_DENIED, "a mailbox cannot be moved into itself");
    parent = make_parents(c, a, to, &leaf);
    memcpy(&old, &m->name.p, sizeof old);
    m->name = (struct fct_str){str_dup_c(leaf), leaf.n};
    free(old);
    m->parent = parent ? parent->id : 0;
    change_mod_seq(c, a);
    put_record(c, a, m);
    return true;
}
