/* fake_store.c - see fake_store.h. Plain arrays: clarity before speed. */
#include "fake_store.h"

#include "core/base/str.h"
#include "core/message/mime.h"
#include "core/message/summary.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAILBOXES  64
#define MESSAGES   2000
#define PRINCIPALS 64
#define READS      256

struct message {
    struct hot_record hot;
    char *bytes, *summary;
    size_t nsummary;
};

struct mailbox {
    struct mailbox_info info;
    struct message message[MESSAGES];
    size_t n;
    uint32_t gone[MESSAGES];
    uint64_t gone_at[MESSAGES];
    size_t ngone;
    uint64_t floor;
    bool used;
};

static struct mailbox mailboxes[MAILBOXES];
static struct fct_str keywords[STORE_MAX_KEYWORDS];
static size_t nkeywords;
static uint64_t mod_seq, mailbox_id, last_email;
static enum fct_class failing;
static char learns[8192];
static bool restarted;
static struct {
    store_changed_fn fn;
    void *arg;
    bool used;
} principals[PRINCIPALS];
static struct {
    char *bytes;
    size_t n;
    bool used, gone;
} reads[READS];

static struct fct_str keep(struct fct_str s)
{
    return (struct fct_str){str_dup_c(s), s.n};
}

static struct mailbox *find(struct fct_str name)
{
    for (size_t i = 0; i < MAILBOXES; i++)
        if (mailboxes[i].used && str_equal(mailboxes[i].info.name, name))
            return &mailboxes[i];
    return NULL;
}

static struct mailbox *by_id(uint64_t id)
{
    for (size_t i = 0; i < MAILBOXES; i++)
        if (mailboxes[i].used && mailboxes[i].info.id == id)
            return &mailboxes[i];
    return NULL;
}

static struct mailbox *make(struct fct_str name, enum mailbox_role role)
{
    for (size_t i = 0; i < MAILBOXES; i++)
        if (!mailboxes[i].used) {
            mailbox_id++;
            mailboxes[i] = (struct mailbox){.info = {.id = mailbox_id,
                                                     .name = keep(name),
                                                     .role = role,
                                                     .selectable = true,
                                                     .uid_validity = (uint32_t)(100 + mailbox_id),
                                                     .uid_next = 1},
                                            .used = true};
            return &mailboxes[i];
        }
    return NULL;
}

static void free_mailbox(struct mailbox *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->message[i].bytes);
        free(m->message[i].summary);
    }
    free((char *)(uintptr_t)m->info.name.p);
    m->n = 0;
    m->used = false;
}

void fake_store_reset(void)
{
    learns[0] = '\0';
    for (size_t i = 0; i < MAILBOXES; i++)
        if (mailboxes[i].used)
            free_mailbox(&mailboxes[i]);
    while (nkeywords > 0)
        free((char *)(uintptr_t)keywords[--nkeywords].p);
    memset(principals, 0, sizeof principals);
    mod_seq = mailbox_id = last_email = 0;
    failing = FCT_OK;
    restarted = false;
    make(FCT_STR("INBOX"), MAILBOX_INBOX);
    make(FCT_STR("Sent"), MAILBOX_SENT);
}

void fake_store_fail(enum fct_class class)
{
    failing = class;
}

/* Away: calls fail. Restarted: it is up again, but nobody is logged in any more. */
void fake_store_restart(void)
{
    restarted = true;
    for (uint32_t i = 0; i < PRINCIPALS; i++)
        if (principals[i].used && principals[i].fn)
            principals[i].fn(principals[i].arg, i + 1, 0, 0);
}

bool store_is_up(const struct store *st)
{
    (void)st;
    return failing != FCT_TEMP;
}

/* What every call begins with: others run, then perhaps it fails. */
static bool begin(struct fct_err *err)
{
    if (fiber_inside())
        fiber_sleep(0);
    if (restarted)
        return fct_fail(err, FCT_TEMP, "the store was restarted: log in again");
    return failing == FCT_OK || fct_fail(err, failing, "the fake store was told to fail");
}

static bool absent(struct fct_err *err)
{
    return fct_fail(err, FCT_DENIED, "no such mailbox");
}

static void tell(const struct mailbox *m)
{
    for (uint32_t i = 0; i < PRINCIPALS; i++)
        if (principals[i].used && principals[i].fn)
            principals[i].fn(principals[i].arg, i + 1, m->info.id, mod_seq);
}

static struct mailbox_info info_of(const struct mailbox *m)
{
    struct mailbox_info info = m->info;

    info.exists = (uint32_t)m->n;
    for (size_t i = 0; i < m->n; i++) {
        info.unseen += !(m->message[i].hot.flags & FLAG_SEEN);
        info.deleted += (m->message[i].hot.flags & FLAG_DELETED) != 0;
        info.bytes += m->message[i].hot.size;
    }
    for (size_t i = 0; i < MAILBOXES; i++)
        info.has_children |= mailboxes[i].used && mailboxes[i].info.name.n > info.name.n &&
                             str_starts(mailboxes[i].info.name, info.name) &&
                             mailboxes[i].info.name.p[info.name.n] == '/';
    return info;
}

/* ---- what tests do ---- */

static uint64_t keyword_bit(struct fct_str name)
{
    for (size_t i = 0; i < nkeywords; i++)
        if (str_equal_nocase(keywords[i], name))
            return UINT64_C(1) << i;
    if (nkeywords == STORE_MAX_KEYWORDS)
        return 0;
    keywords[nkeywords] = keep(name);
    return UINT64_C(1) << nkeywords++;
}

static struct message *add(struct mailbox *m, struct fct_str bytes, struct fct_str summary,
                           uint16_t flags, uint64_t words, int64_t date)
{
    struct message *new = &m->message[m->n++];

    FCT_ASSERT(m->n < MESSAGES);
    new->bytes = str_dup_c(bytes);
    memcpy(new->bytes, bytes.p, bytes.n);
    new->summary = str_dup_c(summary);
    memcpy(new->summary, summary.p, summary.n);
    new->nsummary = summary.n;
    new->hot = (struct hot_record){
        .uid = m->info.uid_next++,
        .email_id = ++last_email,
        .size = (uint32_t)bytes.n,
        .flags = flags,
        .keywords = words,
        .mod_seq = ++mod_seq,
        .internal_date = (uint32_t)(date ? date : 1700000000),
    };
    m->info.highest_mod_seq = mod_seq;
    return new;
}

uint32_t fake_store_add(const char *mailbox, struct fct_str message, uint16_t flags)
{
    FCT_CLEANUP(buf_free) struct buf summary = BUF_INIT(1u << 20);
    struct mailbox *m = find(str_from(mailbox));
    struct arena *arena = arena_new(NULL);
    const struct edit_list none = {0};
    struct mime_tree tree;
    uint32_t uid;

    if (!m)
        m = make(str_from(mailbox), MAILBOX_PLAIN);
    mime_scan(arena, message, &mime_default_limits, &tree);
    FCT_ASSERT(summary_build(arena, message, &tree, &none, &summary));
    uid = add(m, message, buf_str(&summary), flags, 0, 0)->hot.uid;
    arena_free(&arena);
    tell(m);
    return uid;
}

void fake_store_flag(const char *mailbox, uint32_t uid, uint16_t flags)
{
    struct mailbox *m = find(str_from(mailbox));

    for (size_t i = 0; i < m->n; i++)
        if (m->message[i].hot.uid == uid) {
            m->message[i].hot.flags = flags;
            m->message[i].hot.mod_seq = m->info.highest_mod_seq = ++mod_seq;
        }
    tell(m);
}

static void remove_at(struct mailbox *m, size_t at)
{
    free(m->message[at].bytes);
    free(m->message[at].summary);
    m->gone[m->ngone] = m->message[at].hot.uid;
    m->gone_at[m->ngone++] = m->info.highest_mod_seq = ++mod_seq;
    memmove(&m->message[at], &m->message[at + 1], (m->n - at - 1) * sizeof *m->message);
    m->n--;
}

void fake_store_expunge(const char *mailbox, uint32_t uid)
{
    struct mailbox *m = find(str_from(mailbox));

    for (size_t i = 0; i < m->n; i++)
        if (m->message[i].hot.uid == uid) {
            remove_at(m, i);
            break;
        }
    tell(m);
}

void fake_store_forget(const char *mailbox)
{
    find(str_from(mailbox))->floor = mod_seq;
}

/* ---- store_client.h: login ---- */

static void new_principal(struct arena *arena, struct store_principal *out)
{
    for (uint32_t i = 0; i < PRINCIPALS; i++)
        if (!principals[i].used) {
            principals[i].used = true;
            *out = (struct store_principal){i + 1, arena_str(arena, FCT_STR("alice@example.org"))};
            return;
        }
    abort();
}

bool store_login(struct store *st, struct fct_str user, struct fct_str password,
                 struct arena *arena, struct store_principal *out, struct fct_err *err)
{
    (void)st;
    if (!begin(err))
        return false;
    if (!str_equal(user, FCT_STR("alice@example.org")) || !str_equal(password, FCT_STR("secret")))
        return fct_fail(err, FCT_DENIED, "wrong user or password");
    new_principal(arena, out);
    return true;
}

bool store_scram_salt(struct store *st, struct fct_str user, struct arena *arena,
                      struct fct_str *salt, uint32_t *iterations, struct fct_err *err)
{
    (void)st, (void)user;
    *salt = arena_str(arena, FCT_STR("0123456789abcdef"));
    *iterations = 4096;
    return begin(err);
}

bool store_scram_login(struct store *st, struct fct_str user, struct fct_str auth_message,
                       struct fct_str client_proof, struct arena *arena,
                       struct fct_str *server_signature, struct store_principal *out,
                       struct fct_err *err)
{
    (void)st, (void)user, (void)auth_message, (void)client_proof, (void)arena;
    (void)server_signature, (void)out;
    return begin(err) && fct_fail(err, FCT_DENIED, "wrong user or password");
}

void store_logout(struct store *st, struct store_principal *p)
{
    (void)st;
    if (p->handle)
        principals[p->handle - 1].used = false;
    p->handle = 0;
}

void store_watch(struct store *st, uint32_t principal, store_changed_fn fn, void *arg)
{
    (void)st;
    principals[principal - 1].fn = fn;
    principals[principal - 1].arg = arg;
}

/* ---- mailboxes ---- */

static int by_name(const void *a, const void *b)
{
    const struct mailbox_info *x = a, *y = b;

    return str_compare(x->name, y->name);
}

bool store_mailboxes(struct store *st, uint32_t principal, struct arena *arena,
                     const struct mailbox_info **out, size_t *n, struct fct_err *err)
{
    struct mailbox_info *list;

    (void)st, (void)principal;
    if (!begin(err))
        return false;
    list = ARENA_ARRAY(arena, struct mailbox_info, MAILBOXES);
    *n = 0;
    for (size_t i = 0; i < MAILBOXES; i++)
        if (mailboxes[i].used) {
            list[*n] = info_of(&mailboxes[i]);
            list[*n].name = arena_str(arena, list[*n].name);
            ++*n;
        }
    qsort(list, *n, sizeof *list, by_name);
    *out = list;
    return true;
}

bool store_mailbox(struct store *st, uint32_t principal, struct fct_str name, struct arena *arena,
                   struct mailbox_info *out, struct fct_err *err)
{
    struct mailbox *m;

    (void)st, (void)principal;
    if (!begin(err))
        return false;
    if (!(m = find(name)))
        return absent(err);
    *out = info_of(m);
    out->name = arena_str(arena, out->name);
    return true;
}

bool store_mailbox_create(struct store *st, uint32_t principal, struct fct_str name,
                          enum mailbox_role role, uint64_t *id, struct fct_err *err)
{
    (void)st, (void)principal;
    if (!begin(err))
        return false;
    if (find(name))
        return fct_fail(err, FCT_DENIED, "exists");
    for (size_t i = 1; i < name.n; i++)
        if (name.p[i] == '/' && !find(str_head(name, i)))
            make(str_head(name, i), MAILBOX_PLAIN);
    *id = make(name, role)->info.id;
    return true;
}

bool store_mailbox_delete(struct store *st, uint32_t principal, struct fct_str name,
                          struct fct_err *err)
{
    struct mailbox *m;

    (void)st, (void)principal;
    if (!begin(err))
        return false;
    if (!(m = find(name)))
        return absent(err);
    mod_seq++;
    tell(m);
    free_mailbox(m);
    return true;
}

bool store_mailbox_rename(struct store *st, uint32_t principal, struct fct_str from,
                          struct fct_str to, struct fct_err *err)
{
    struct mailbox *m;

    (void)st, (void)principal;
    if (!begin(err))
        return false;
    if (!(m = find(from)))
        return absent(err);
    free((char *)(uintptr_t)m->info.name.p);
    m->info.name = keep(to);
    return true;
}

bool store_mailbox_subscribe(struct store *st, uint32_t principal, struct fct_str name, bool on,
                             struct fct_err *err)
{
    struct mailbox *m;

    (void)st, (void)principal;
    if (!begin(err))
        return false;
    if (!(m = find(name))) /* names without a mailbox are the dialogues' subject */
        return on || absent(err);
    m->info.subscribed = on;
    return true;
}

bool store_select(struct store *st, uint32_t principal, struct fct_str name, bool watch,
                  struct arena *arena, struct store_view *out, struct fct_err *err)
{
    struct mailbox *m;

    (void)st, (void)principal, (void)watch;
    if (!begin(err))
        return false;
    if (!(m = find(name)))
        return absent(err);
    *out = (struct store_view){.info = info_of(m), .keyword = keywords, .nkeywords = nkeywords};
    out->info.name = arena_str(arena, out->info.name);
    out->record = m->n ? malloc(m->n * sizeof *out->record) : NULL;
    for (size_t i = 0; i < m->n; i++)
        out->record[i] = m->message[i].hot;
    return true;
}

void store_unselect(struct store *st, uint32_t principal, uint64_t mailbox)
{
    (void)st, (void)principal, (void)mailbox;
}

void store_view_free(struct store_view *view)
{
    free(view->record);
    view->record = NULL;
}

static int by_uid(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

bool store_sync(struct store *st, uint32_t principal, uint64_t mailbox, uint64_t since,
                struct arena *arena, struct store_changes *out, struct fct_err *err)
{
    struct mailbox *m;
    struct hot_record *record;
    uint32_t *vanished;

    (void)st, (void)principal;
    if (!begin(err))
        return false;
    *out = (struct store_changes){0};
    if (!(m = by_id(mailbox))) {
        out->gone = true;
        return true;
    }
    if (since < m->floor) {
        out->too_old = true;
        return true;
    }
    record = ARENA_ARRAY(arena, struct hot_record, m->n);
    vanished = ARENA_ARRAY(arena, uint32_t, m->ngone);
    *out = (struct store_changes){.mod_seq = m->info.highest_mod_seq,
                                  .record = record,
                                  .vanished = vanished,
                                  .keyword = keywords,
                                  .nkeywords = nkeywords,
                                  .uid_next = m->info.uid_next};
    for (size_t i = 0; i < m->n; i++)
        if (m->message[i].hot.mod_seq > since)
            record[out->n++] = m->message[i].hot;
    for (size_t i = 0; i < m->ngone; i++)
        if (m->gone_at[i] > since)
            vanished[out->nvanished++] = m->gone[i];
    qsort(vanished, out->nvanished, sizeof *vanished, by_uid);
    return true;
}

/* ---- messages ---- */

static bool in_set(struct uid_set set, uint32_t uid)
{
    for (size_t i = 0; i < set.n; i++)
        if (uid >= set.range[i].first && uid <= set.range[i].last)
            return true;
    return false;
}

bool store_append(struct store *st, uint32_t principal, struct fct_str mailbox,
                  const struct store_new *message, size_t n, uint32_t *uid_validity, uint32_t *uid,
                  struct fct_err *err)
{
    struct mailbox *m;

    (void)st, (void)principal;
    if (!begin(err))
        return false;
    if (!(m = find(mailbox)))
        return absent(err);
    for (size_t i = 0; i < n; i++) {
        char *bytes = malloc(message[i].size + 1);
        uint64_t words = 0;

        FCT_ASSERT(pread(message[i].fd, bytes, message[i].size, 0) == (ssize_t)message[i].size);
        for (size_t k = 0; k < message[i].nkeywords; k++)
            words |= keyword_bit(message[i].keyword[k]);
        uid[i] = add(m, (struct fct_str){bytes, message[i].size}, message[i].summary,
                     message[i].flags, words, message[i].internal_date)
                     ->hot.uid;
        free(bytes);
    }
    *uid_validity = m->info.uid_validity;
    tell(m);
    return true;
}

bool store_flags(struct store *st, uint32_t principal, uint64_t mailbox, struct uid_set uids,
                 enum store_flag_op op, uint16_t flags, const struct fct_str *keyword, size_t n,
                 uint64_t unchanged_since, struct arena *arena, const uint32_t **failed,
                 size_t *nfailed, uint64_t *seq, struct fct_err *err)
{
    struct mailbox *m;
    uint64_t words = 0;

    (void)st, (void)principal, (void)unchanged_since, (void)arena;
    if (!begin(err))
        return false;
    if (!(m = by_id(mailbox)))
        return absent(err);
    for (size_t i = 0; i < n; i++)
        words |= keyword_bit(keyword[i]);
    *failed = NULL;
    *nfailed = 0;
    *seq = ++mod_seq;
    for (size_t i = 0; i < m->n; i++) {
        struct hot_record *r = &m->message[i].hot;
        uint16_t new_flags = op == FLAGS_SET   ? flags
                             : op == FLAGS_ADD ? r->flags | flags
                                               : (uint16_t)(r->flags & ~flags);
        uint64_t new_words = op == FLAGS_SET   ? words
                             : op == FLAGS_ADD ? r->keywords | words
                                               : r->keywords & ~words;

        if (!in_set(uids, r->uid) || (new_flags == r->flags && new_words == r->keywords))
            continue;
        r->flags = new_flags;
        r->keywords = new_words;
        r->mod_seq = m->info.highest_mod_seq = mod_seq;
    }
    tell(m);
    return true;
}

bool store_copy(struct store *st, uint32_t principal, uint64_t mailbox, struct uid_set uids,
                struct fct_str target, bool move, struct arena *arena, struct store_copied *out,
                struct fct_err *err)
{
    struct mailbox *m, *to;
    uint32_t *source, *made;
    size_t n;

    (void)st, (void)principal;
    if (!begin(err))
        return false;
    m = by_id(mailbox);
    to = find(target);
    if (!m || !to)
        return absent(err);
    source = ARENA_ARRAY(arena, uint32_t, m->n);
    made = ARENA_ARRAY(arena, uint32_t, m->n);
    *out = (struct store_copied){to->info.uid_validity, source, made, 0, false};
    n = m->n; /* copies into the same mailbox are not copied again */
    for (size_t i = 0; i < n; i++) {
        struct message *one = &m->message[i], *copied;

        if (!in_set(uids, one->hot.uid))
            continue;
        source[out->n] = one->hot.uid;
        copied = add(to, (struct fct_str){one->bytes, one->hot.size},
                     (struct fct_str){one->summary, one->nsummary}, one->hot.flags,
                     one->hot.keywords, one->hot.internal_date);
        copied->hot.email_id = one->hot.email_id;
        made[out->n++] = copied->hot.uid;
    }
    for (size_t i = out->n; move && i-- > 0;)
        fake_store_expunge(m->info.name.p, source[i]);
    tell(to);
    return true;
}

bool store_expunge(struct store *st, uint32_t principal, uint64_t mailbox, struct uid_set uids,
                   bool only_deleted, uint64_t *seq, struct fct_err *err)
{
    struct mailbox *m;

    (void)st, (void)principal;
    if (!begin(err))
        return false;
    if (!(m = by_id(mailbox)))
        return absent(err);
    for (size_t i = m->n; i-- > 0;)
        if (in_set(uids, m->message[i].hot.uid) &&
            (!only_deleted || (m->message[i].hot.flags & FLAG_DELETED)))
            remove_at(m, i);
    *seq = mod_seq;
    tell(m);
    return true;
}

static const struct message *message_of(uint64_t mailbox, uint32_t uid)
{
    struct mailbox *m = by_id(mailbox);

    for (size_t i = 0; m && i < m->n; i++)
        if (m->message[i].hot.uid == uid)
            return &m->message[i];
    return NULL;
}

/* Never more than three at once, so that callers must ask again. */
bool store_summaries(struct store *st, uint32_t principal, uint64_t mailbox, const uint32_t *uid,
                     size_t n, struct arena *arena, struct fct_str *out, size_t *done,
                     struct fct_err *err)
{
    (void)st, (void)principal;
    if (!begin(err))
        return false;
    *done = n < 3 ? n : 3;
    for (size_t i = 0; i < *done; i++) {
        const struct message *m = message_of(mailbox, uid[i]);

        out[i] = (struct fct_str){0};
        if (m)
            out[i] = arena_str(arena, (struct fct_str){m->summary, m->nsummary});
    }
    return true;
}

/* The bytes are taken when the read is started; collecting it waits. */
struct store_reading store_read_start(struct store *st, uint32_t principal, uint64_t mailbox,
                                      uint32_t uid, bool original, uint64_t offset, uint32_t length)
{
    const struct message *m = message_of(mailbox, uid);
    size_t at = 0;

    (void)st, (void)principal, (void)original;
    while (reads[at].used)
        FCT_ASSERT(++at < READS);
    reads[at].used = true;
    reads[at].gone = !m;
    reads[at].bytes = NULL;
    if (m) {
        struct fct_str part =
            str_head(str_skip((struct fct_str){m->bytes, m->hot.size}, offset), length);

        reads[at].bytes = malloc(part.n + 1);
        memcpy(reads[at].bytes, part.p, part.n);
        reads[at].n = part.n;
    }
    return (struct store_reading){.pending = {.request = at + 1}};
}

void store_read_drop(struct store_reading r)
{
    free(reads[r.pending.request - 1].bytes);
    reads[r.pending.request - 1].used = false;
}

bool store_read_collect(struct store_reading r, struct buf *out, struct fct_err *err)
{
    size_t at = r.pending.request - 1;
    bool ok = begin(err);

    if (ok && reads[at].gone)
        ok = fct_fail(err, FCT_DENIED, "no such message");
    if (ok)
        buf_put(out, reads[at].bytes, reads[at].n);
    store_read_drop(r);
    return ok;
}

bool store_read(struct store *st, uint32_t principal, uint64_t mailbox, uint32_t uid, bool original,
                uint64_t offset, uint32_t length, struct buf *out, struct fct_err *err)
{
    return store_read_collect(
        store_read_start(st, principal, mailbox, uid, original, offset, length), out, err);
}

/* Each piece: is it there, its bytes. */
struct store_reading store_read_many_start(struct store *st, uint32_t principal, uint64_t mailbox,
                                           const struct store_piece *piece, size_t n)
{
    struct store_reading r = store_read_start(st, principal, mailbox, 0, false, 0, 0);
    size_t at = r.pending.request - 1;
    struct buf all = BUF_INIT(64u << 20);

    for (size_t i = 0; i < n; i++) {
        const struct message *m = message_of(mailbox, piece[i].uid);
        struct fct_str bytes = {0};

        if (m)
            bytes =
                str_head(str_skip((struct fct_str){m->bytes, m->hot.size}, (size_t)piece[i].offset),
                         piece[i].length);
        ipc_put_bool(&all, m != NULL);
        ipc_put_str(&all, bytes);
    }
    reads[at].bytes = all.p;
    reads[at].n = all.n;
    reads[at].gone = false;
    return r;
}

bool store_read_many_collect(struct store_reading r, struct store_pieces *out, struct fct_err *err)
{
    out->bytes = BUF_INIT(64u << 20);
    if (!store_read_collect(r, &out->bytes, err))
        return false;
    out->at = ipc_reader(buf_str(&out->bytes));
    return true;
}

bool store_pieces_next(struct store_pieces *p, struct fct_str *bytes, struct fct_err *err)
{
    bool there = ipc_get_bool(&p->at);

    *bytes = ipc_get_str(&p->at);
    return there || fct_fail(err, FCT_DENIED, "no such message");
}

void store_pieces_free(struct store_pieces *p)
{
    buf_free(&p->bytes);
}

bool store_spool_pair(struct store *st, int *fd, int *reader, struct fct_err *err)
{
    char path[40];

    (void)st;
    *fd = memfd_create("fake-spool", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", *fd);
    *reader = open(path, O_RDONLY | O_CLOEXEC);
    return begin(err);
}

bool store_original(struct store *st, uint32_t principal, uint64_t email_id, int *fd,
                    uint64_t *size, struct fct_err *err)
{
    (void)st, (void)principal;
    if (!begin(err))
        return false;
    for (size_t i = 0; i < MAILBOXES; i++)
        for (size_t k = 0; mailboxes[i].used && k < mailboxes[i].n; k++) {
            const struct message *m = &mailboxes[i].message[k];

            if (m->hot.email_id != email_id)
                continue;
            *size = m->hot.size;
            *fd = memfd_create("fake-original", MFD_CLOEXEC | MFD_ALLOW_SEALING);
            return write(*fd, m->bytes, m->hot.size) == (ssize_t)m->hot.size &&
                   fcntl(*fd, F_ADD_SEALS, F_SEAL_WRITE) == 0;
        }
    return absent(err);
}

/* No mailbox here is for originals: store_copy never asks for these. */
bool store_source(struct store *st, uint32_t principal, uint64_t email_id, struct arena *arena,
                  struct store_source *out, struct fct_err *err)
{
    (void)st, (void)principal, (void)email_id, (void)arena, (void)out;
    return absent(err);
}

bool store_show(struct store *st, uint32_t principal, uint64_t mailbox,
                const struct store_show *show, size_t n, struct fct_str target, bool move,
                struct arena *arena, struct store_copied *out, struct fct_err *err)
{
    (void)st, (void)principal, (void)mailbox, (void)show, (void)n, (void)target, (void)move;
    (void)arena, (void)out;
    return absent(err);
}

/* ---- learning ---- */

const char *fake_store_learns(void)
{
    return learns;
}

static FCT_PRINTF(1, 2) void put_learn(const char *fmt, ...)
{
    size_t n = strlen(learns);
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(learns + n, sizeof learns - n, fmt, ap);
    va_end(ap);
}

bool store_learn_say(struct store *st, uint32_t principal, const struct store_say *say,
                     struct fct_err *err)
{
    static const char *const whys[] = {"move", "keyword", "append"};

    (void)st, (void)principal;
    if (!begin(err))
        return false;
    put_learn("%s", whys[say->why]);
    if (say->why == STORE_SAID_KEYWORD)
        put_learn(" %s", say->spam ? "spam" : "ham");
    else if (say->why == STORE_SAID_MOVE)
        put_learn(" %llu %.*s", (unsigned long long)say->from, FCT_FMT(say->to));
    else
        put_learn(" %.*s", FCT_FMT(say->to));
    for (size_t i = 0; i < say->n; i++)
        put_learn(" %llu", (unsigned long long)say->email[i]);
    put_learn("\n");
    return true;
}

bool store_learn_next(struct store *st, struct arena *arena, struct store_word *out,
                      struct fct_err *err)
{
    (void)st, (void)arena;
    *out = (struct store_word){.fd = -1, .wait_ms = UINT64_MAX};
    return begin(err);
}

bool store_learn_end(struct store *st, const struct store_word *word, bool told, uint64_t retry_ms,
                     struct fct_err *err)
{
    (void)st, (void)word, (void)told, (void)retry_ms;
    return begin(err);
}

/* There is one account more, without mail of its own. */
bool store_login_as(struct store *st, struct store_principal *p, struct fct_str account,
                    struct arena *arena, struct fct_err *err)
{
    (void)st;
    if (!begin(err))
        return false;
    if (!str_equal(account, FCT_STR("bob@example.org")))
        return fct_fail(err, FCT_DENIED, "no account");
    p->name = arena_str(arena, account);
    return true;
}
