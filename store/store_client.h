/* store_client.h - how the other processes use the store. All calls wait in a fiber for the store's
 * reply.
 *
 * Rights: after a login the client holds a principal, a handle bound to that account on this
 * connection; later calls have no account to name, so none can be forged. Deliveries and admin
 * calls name accounts; the store serves admin calls on the connections of facteurctl only. Whatever
 * changes something answers after it is durable (architecture.md 4).
 *
 * Everything returned lives in the arena given. Errors: DENIED no such thing or not allowed; LIMIT
 * quota and maxima; TEMP the store is away or the disk failed; SYNTAX a bad name. */
#ifndef STORE_STORE_CLIENT_H
#define STORE_STORE_CLIENT_H

#include "core/base/arena.h"
#include "core/ipc/ipc.h"
#include "store/privacy_tally.h"
#include "store/store.h"

struct store;
struct queue_result;
struct queue_send;

/* A change notice: mailbox of that principal has a mod-sequence above what was told before. May
 * come falsely, never gets lost for ever. Called from the loop. mailbox 0: the list of mailboxes
 * changed. */
typedef void (*store_changed_fn)(void *arg, uint32_t principal, uint64_t mailbox, uint64_t mod_seq);

struct store *store_client_new(struct event_base *base);
void store_client_free(struct store **st);
/* takes fd; from role.peer. All principals of an older connection are dead; their watchers are told
 * once (mailbox 0). */
void store_client_peer(struct store *st, int fd);
bool store_is_up(const struct store *st);

/* ---- directory ---- */

enum store_resolved { RESOLVED_LOCAL, RESOLVED_UNKNOWN_USER, RESOLVED_NOT_LOCAL };
#define STORE_CONSENT FCT_STR("forward-confirm") /* detail of an address that says yes to it */
struct store_target {
    uint64_t account;              /* 0: elsewhere, an alias leads there */
    struct fct_str name;           /* of the account: its address; or the address elsewhere */
    struct fct_str detail;         /* after '+', or empty */
    const struct fct_str *setting; /* of the account: "name=value", ascending by name */
    size_t nsettings;
};
struct store_resolution {
    enum store_resolved what;
    const struct store_target *target; /* aliases may lead to several; duplicates removed */
    size_t n;
    bool suppressed;       /* NOT_LOCAL: it does not exist there (store_suppress.h), */
    struct fct_str reason; /* as somebody said */
};
/* address without brackets: exact account, alias, +detail, catch-all, in this order. "postmaster"
 * without a domain (RFC 5321 4.5.1) goes to the first account or to alias postmaster. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_resolve(struct store *st, struct fct_str address,
                                               struct arena *arena, struct store_resolution *out,
                                               struct fct_err *err);

/* ---- login ---- */

struct store_principal {
    uint32_t handle;     /* 0: nobody */
    struct fct_str name; /* the account's address */
};
/* DENIED for a wrong password and for an unknown user, in the same time and words. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_login(struct store *st, struct fct_str user,
                                             struct fct_str password, struct arena *arena,
                                             struct store_principal *out, struct fct_err *err);
/* SCRAM-SHA-256 (RFC 5802, RFC 7677): unknown users get a stable made-up salt. The keys never leave
 * the store. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_scram_salt(struct store *st, struct fct_str user,
                                                  struct arena *arena, struct fct_str *salt,
                                                  uint32_t *iterations, struct fct_err *err);
FCT_MAY_WAIT FCT_MUST_CHECK bool store_scram_login(struct store *st, struct fct_str user,
                                                   struct fct_str auth_message,
                                                   struct fct_str client_proof, struct arena *arena,
                                                   struct fct_str *server_signature,
                                                   struct store_principal *out,
                                                   struct fct_err *err);
/* Another account instead of p, which is closed: a plugin said so at `auth`. DENIED: no such
 * account, or store.login_as does not allow it; then p stays as it was. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_login_as(struct store *st, struct store_principal *p,
                                                struct fct_str account, struct arena *arena,
                                                struct fct_err *err);
void store_logout(struct store *st, struct store_principal *p); /* accepts nobody */
/* May this login use the address as sender: its own, with any detail, or an alias that leads to it
 * alone. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_may_send_as(struct store *st, uint32_t principal,
                                                   struct fct_str address, bool *yes,
                                                   struct fct_err *err);

/* ---- mailboxes ---- */

FCT_MAY_WAIT FCT_MUST_CHECK bool store_mailboxes(struct store *st, uint32_t principal,
                                                 struct arena *arena,
                                                 const struct mailbox_info **out, size_t *n,
                                                 struct fct_err *err);
FCT_MAY_WAIT FCT_MUST_CHECK bool store_mailbox(struct store *st, uint32_t principal,
                                               struct fct_str name, struct arena *arena,
                                               struct mailbox_info *out, struct fct_err *err);
/* Parents are made as needed. role: MAILBOX_PLAIN or a special use not taken yet. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_mailbox_create(struct store *st, uint32_t principal,
                                                      struct fct_str name, enum mailbox_role role,
                                                      uint64_t *id, struct fct_err *err);
FCT_MAY_WAIT FCT_MUST_CHECK bool store_mailbox_delete(struct store *st, uint32_t principal,
                                                      struct fct_str name, struct fct_err *err);
FCT_MAY_WAIT FCT_MUST_CHECK bool
store_mailbox_rename(struct store *st, uint32_t principal, struct fct_str from, struct fct_str to,
                     struct fct_err *err); /* INBOX: RFC 9051 6.3.6 */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_mailbox_subscribe(struct store *st, uint32_t principal,
                                                         struct fct_str name, bool on,
                                                         struct fct_err *err);

/* A selected mailbox. The records are an immutable snapshot (shared memory, mapped read-only
 * copy-on-write) at info.highest_mod_seq; what came later is told by store_sync. */
struct store_view {
    struct mailbox_info info; /* info.name in the arena */
    struct hot_record
        *record;   /* private to this process: may be changed in place; info.exists entries */
    size_t mapped; /* bytes mapped; 0: record is malloc'd or NULL */
    const struct fct_str *keyword; /* the account's table; bit i of hot_record.keywords */
    size_t nkeywords;
};
/* watch: send change notices for it until store_unselect. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_select(struct store *st, uint32_t principal,
                                              struct fct_str name, bool watch, struct arena *arena,
                                              struct store_view *out, struct fct_err *err);
void store_unselect(struct store *st, uint32_t principal, uint64_t mailbox);
void store_view_free(struct store_view *view); /* unmaps the records */
void store_watch(struct store *st, uint32_t principal, store_changed_fn fn,
                 void *arg); /* one per principal; fn NULL: none */

struct store_changes {
    uint64_t mod_seq;                /* the mailbox as of now */
    const struct hot_record *record; /* new and changed since, by UID */
    size_t n;
    const uint32_t *vanished; /* expunged since, ascending */
    size_t nvanished;
    const struct fct_str *keyword; /* the whole table, when it grew; else NULL */
    size_t nkeywords;
    uint32_t uid_next;
    bool gone;    /* the mailbox was deleted */
    bool too_old; /* `since` is below the floor: select again */
};
FCT_MAY_WAIT FCT_MUST_CHECK bool store_sync(struct store *st, uint32_t principal, uint64_t mailbox,
                                            uint64_t since, struct arena *arena,
                                            struct store_changes *out, struct fct_err *err);

/* ---- messages ---- */

struct store_new { /* one message to add: APPEND */
    int fd;        /* memfd or spool file, read from 0; not taken */
    uint64_t size;
    uint16_t flags;
    const struct fct_str *keyword;
    size_t nkeywords;
    int64_t internal_date;  /* 0: now */
    struct fct_str summary; /* core/message/summary.h, encoded */
};
/* All or none (RFC 3502). uid[i] in the order given. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_append(struct store *st, uint32_t principal,
                                              struct fct_str mailbox,
                                              const struct store_new *message, size_t n,
                                              uint32_t *uid_validity, uint32_t *uid,
                                              struct fct_err *err);

enum store_flag_op { FLAGS_SET, FLAGS_ADD, FLAGS_REMOVE };
/* unchanged_since: 0 = no condition (RFC 7162 3.1.3); UIDs that failed it go to `failed`. mod_seq:
 * of this change, 0 when nothing changed. */
FCT_MAY_WAIT FCT_MUST_CHECK bool
store_flags(struct store *st, uint32_t principal, uint64_t mailbox, struct uid_set uids,
            enum store_flag_op op, uint16_t flags, const struct fct_str *keyword, size_t nkeywords,
            uint64_t unchanged_since, struct arena *arena, const uint32_t **failed, size_t *nfailed,
            uint64_t *mod_seq, struct fct_err *err);
struct store_copied {
    uint32_t uid_validity;           /* of the target */
    const uint32_t *source, *target; /* same order */
    size_t n;
    bool shows_originals; /* nothing was copied: the target is for originals, see store_show */
};
/* RFC 9051 6.4.7, 6.4.8. move: the sources are expunged in the same commit. UIDs that are not there
 * are left out. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_copy(struct store *st, uint32_t principal, uint64_t mailbox,
                                            struct uid_set uids, struct fct_str target, bool move,
                                            struct arena *arena, struct store_copied *out,
                                            struct fct_err *err);
/* only_deleted: those with \Deleted (EXPUNGE, UID EXPUNGE); else all of uids (POP3 QUIT). */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_expunge(struct store *st, uint32_t principal,
                                               uint64_t mailbox, struct uid_set uids,
                                               bool only_deleted, uint64_t *mod_seq,
                                               struct fct_err *err);

/* Cold records in order of uids, at most about 1 MiB a call: *done says how many of uid[] were
 * answered (an empty string: not there). */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_summaries(struct store *st, uint32_t principal,
                                                 uint64_t mailbox, const uint32_t *uid, size_t n,
                                                 struct arena *arena, struct fct_str *out,
                                                 size_t *done, struct fct_err *err);
/* Bytes [offset, offset + length) of the view, or of the original; at most 4 MiB a call; shorter at
 * the end. The two halves allow reading ahead: start several, collect in order. `out` is appended
 * to. */
struct store_reading {
    struct ipc_pending pending;
    bool started; /* false: the store was away, collecting it fails */
};
struct store_reading store_read_start(struct store *st, uint32_t principal, uint64_t mailbox,
                                      uint32_t uid, bool original, uint64_t offset,
                                      uint32_t length);
FCT_MAY_WAIT FCT_MUST_CHECK bool store_read_collect(struct store_reading r, struct buf *out,
                                                    struct fct_err *err);
void store_read_drop(struct store_reading r);
FCT_MAY_WAIT FCT_MUST_CHECK bool store_read(struct store *st, uint32_t principal, uint64_t mailbox,
                                            uint32_t uid, bool original, uint64_t offset,
                                            uint32_t length, struct buf *out, struct fct_err *err);

/* Pieces of the views of many messages in one answer: at most STORE_MANY pieces and
 * STORE_MANY_BYTES bytes asked for. */
struct store_piece {
    uint32_t uid, length;
    uint64_t offset;
};
struct store_pieces { /* the answer: take one after the other, free at the end, whatever happened */
    struct buf bytes;
    struct ipc_reader at;
};
struct store_reading store_read_many_start(struct store *st, uint32_t principal, uint64_t mailbox,
                                           const struct store_piece *piece, size_t n);
FCT_MAY_WAIT FCT_MUST_CHECK bool
store_read_many_collect(struct store_reading r, struct store_pieces *out, struct fct_err *err);
/* In the order asked for. `bytes`: a view until the free; shorter at the end of the message. A
 * piece that cannot be read fails alone. */
FCT_MUST_CHECK bool store_pieces_next(struct store_pieces *p, struct fct_str *bytes,
                                      struct fct_err *err);
void store_pieces_free(struct store_pieces *p);

/* The original of an e-mail, wherever it lies now: a sealed memfd, or a file that can only be read.
 * *fd is the caller's. DENIED: it is gone. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_original(struct store *st, uint32_t principal,
                                                uint64_t email_id, int *fd, uint64_t *size,
                                                struct fct_err *err);

/* ---- showing messages otherwise (store/serve_show.c, store/shown_view.h) ---- */

/* What an e-mail is made of. */
struct store_source {
    int fd; /* the original, as store_original gives it; the caller's */
    uint64_t size;
    struct fct_str edits; /* encoded, empty for none: they make the view */
    bool shown_anew;      /* it shows a delivered message otherwise */
    struct fct_str aside; /* the edits as they were delivered, when they are other ones */
};
FCT_MAY_WAIT FCT_MUST_CHECK bool store_source(struct store *st, uint32_t principal,
                                              uint64_t email_id, struct arena *arena,
                                              struct store_source *out, struct fct_err *err);
FCT_MAY_WAIT FCT_MUST_CHECK bool store_source_of(struct store *st, uint64_t account_id,
                                                 uint64_t email_id, struct arena *arena,
                                                 struct store_source *out, struct fct_err *err);
struct store_show {
    uint32_t uid;
    struct fct_str edits, summary;
    uint32_t view_size;
    bool cleaned; /* these edits take something out: the keyword is set, else removed */
};
/* New e-mails with these edits in `target`, otherwise as store_copy; `show` ascending by uid. One
 * that has these edits already is copied as it is, or left alone where it would move into its own
 * mailbox. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_show(struct store *st, uint32_t principal, uint64_t mailbox,
                                            const struct store_show *show, size_t n,
                                            struct fct_str target, bool move, struct arena *arena,
                                            struct store_copied *out, struct fct_err *err);
/* In the same mailbox, instead of the old ones. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_show_of(struct store *st, uint64_t account_id,
                                               struct fct_str mailbox,
                                               const struct store_show *show, size_t n,
                                               struct arena *arena, struct store_copied *out,
                                               struct fct_err *err);

/* ---- what people say about messages (store/learning.h) ---- */

/* Learners are told after delay_ms, if it says anything. */
struct store_say {
    enum store_said why;
    bool spam;         /* KEYWORD; else the roles of the mailboxes say it */
    uint64_t from;     /* MOVE: the id of a mailbox */
    struct fct_str to; /* MOVE, APPEND: the name of one */
    uint64_t delay_ms;
    const uint64_t *email; /* APPEND: UIDs */
    size_t n;
};
FCT_MAY_WAIT FCT_MUST_CHECK bool store_learn_say(struct store *st, uint32_t principal,
                                                 const struct store_say *say, struct fct_err *err);
/* A message that learners have to hear of; for edge processes. It is lent to the caller for ten
 * minutes. */
struct store_word {
    bool any;         /* else there is nothing to tell now, */
    uint64_t wait_ms; /* but perhaps after this time; CLOCK_NEVER: nothing waits */
    uint64_t account_id, email_id, stamp;
    struct fct_str account, mailbox; /* where the message is now; mailbox may be empty */
    uint32_t uid;
    enum store_said why;
    bool spam;
    int fd; /* the original, the caller's */
    uint64_t size;
};
FCT_MAY_WAIT FCT_MUST_CHECK bool store_learn_next(struct store *st, struct arena *arena,
                                                  struct store_word *out, struct fct_err *err);
/* told: it is over. Else it is handed out again after retry_ms. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_learn_end(struct store *st, const struct store_word *word,
                                                 bool told, uint64_t retry_ms, struct fct_err *err);

/* ---- delivery ---- */

/* An unlinked file on the store's disk for a message too large for memory, and a second descriptor
 * that can only read: for filters, which must not change a message that others still read. Both are
 * the caller's. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_spool_pair(struct store *st, int *fd, int *reader,
                                                  struct fct_err *err);

/* As the name of a mailbox: the one whose use is \Sent, whatever it is called. */
#define STORE_SENT FCT_STR("\\Sent")

struct store_copy_for {     /* one recipient */
    uint64_t account;       /* from store_resolve */
    struct fct_str mailbox; /* empty: INBOX; made when missing */
    uint16_t flags;
    const struct fct_str *keyword;
    size_t nkeywords;
    struct fct_str edits;   /* encoded edit list, empty for none */
    struct fct_str ledger;  /* encoded, may be empty */
    struct fct_str summary; /* of this recipient's view; equal pointers are sent once */
    uint32_t view_size;
    struct fct_str recipient; /* as the client gave it */
    uint8_t notify;           /* QUEUE_NOTIFY_*: reports that the sender asked for */
    struct fct_str orcpt;     /* ORCPT as given */
    /* Not now: it is kept with recipient waits - 1 of `send` until that one is due
     * (store_queue_home). 0: now. */
    uint32_t waits;
    /* Result settles - 1 of the delivery counts only when this copy is kept. 0: it is about none.
     */
    uint32_t settles;
};
struct store_delivery {
    struct fct_str id; /* message id of the log: facteurctl trace */
    struct fct_str reverse_path;
    /* Kept with each copy, so that it can be judged again as it was then (store_history). */
    struct fct_str client_ip, helo, login;
    uint32_t role; /* FCT_ROLE_* of the listener */
    int fd;        /* not taken */
    uint64_t size;
    int64_t internal_date; /* 0: now */
    const struct store_copy_for *copy;
    size_t n;
    const struct queue_send *send;     /* store_queue.h: what of it is for elsewhere; may be NULL */
    const struct queue_result *result; /* of other queued messages, which this one reports */
    size_t nresults;
    uint64_t *queue_id; /* set: of the queue entry, 0 for none; may be NULL */
};
struct store_delivered {
    enum fct_class class; /* FCT_OK, or why this recipient failed */
    struct fct_str text;
    struct fct_str mailbox;
    uint32_t uid;
};
/* One original, n records and a queue entry, one commit. out[n]. Fails only as a whole (TEMP;
 * LIMIT: the queue is full); a full or vanished account fails alone. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_deliver(struct store *st, const struct store_delivery *d,
                                               struct arena *arena, struct store_delivered *out,
                                               struct fct_err *err);

/* ---- admin: facteurctl and the supervisor's own connections only ---- */

FCT_MAY_WAIT FCT_MUST_CHECK bool store_account_add(struct store *st, struct fct_str address,
                                                   struct fct_str password, struct fct_err *err);
/* `lines`: address:password, one a line; existing accounts keep their mail and get the password.
 * For facteur dev --accounts. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_account_load(struct store *st, struct fct_str lines,
                                                    uint32_t *loaded, struct fct_err *err);
FCT_MAY_WAIT FCT_MUST_CHECK bool store_account_password(struct store *st, struct fct_str address,
                                                        struct fct_str password,
                                                        struct fct_err *err);
FCT_MAY_WAIT FCT_MUST_CHECK bool store_account_remove(struct store *st, struct fct_str address,
                                                      struct fct_err *err); /* with all its mail */
struct store_account {
    struct fct_str name;
    uint64_t id, messages, bytes, quota_bytes;
};
FCT_MAY_WAIT FCT_MUST_CHECK bool store_accounts(struct store *st, struct arena *arena,
                                                const struct store_account **out, size_t *n,
                                                struct fct_err *err);
/* "name=value" sets, "name=" removes; all or none (settings.h). */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_account_set(struct store *st, struct fct_str address,
                                                   const struct fct_str *change, size_t n,
                                                   struct fct_err *err);
struct store_account_detail {
    struct store_account is;
    int64_t created;
    const struct fct_str *setting; /* ascending by name */
    size_t nsettings;
};
FCT_MAY_WAIT FCT_MUST_CHECK bool store_account_show(struct store *st, struct fct_str address,
                                                    struct arena *arena,
                                                    struct store_account_detail *out,
                                                    struct fct_err *err);
/* The yes of who gets an account's mail (store/consent.c); `account` and `target` are in the arena.
 * DENIED: no such code. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_forward_confirm(struct store *st, struct fct_str code,
                                                       struct arena *arena, struct fct_str *account,
                                                       struct fct_str *target, struct fct_err *err);
/* An alias: "info@example.org", "@example.org" (catch-all) → one or more accounts or aliases (depth
 * limited). Empty targets remove it. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_alias_set(struct store *st, struct fct_str alias,
                                                 const struct fct_str *target, size_t n,
                                                 struct fct_err *err);
struct store_alias {
    struct fct_str alias;
    const struct fct_str *target;
    size_t n;
};
FCT_MAY_WAIT FCT_MUST_CHECK bool store_aliases(struct store *st, struct arena *arena,
                                               const struct store_alias **out, size_t *n,
                                               struct fct_err *err);
/* The ledger and delivery facts of every copy of the message with this log id. */
struct store_trace {
    struct fct_str account, mailbox; /* mailbox empty: expunged, not swept up yet */
    uint32_t uid;
    int64_t received;
    struct fct_str reverse_path, ledger, edits;
    uint64_t original_size, view_size;
    uint64_t account_id, email_id;
    bool shown_anew; /* with other edits than it was delivered, or once more with those */
};
FCT_MAY_WAIT FCT_MUST_CHECK bool store_trace(struct store *st, struct fct_str id,
                                             struct arena *arena, const struct store_trace **out,
                                             size_t *n, struct fct_err *err);
/* What was delivered since a time, for judging it again: per account in order of arrival. */
struct store_history_item {
    uint64_t account_id, email_id;   /* for store_original_of */
    struct fct_str account, mailbox; /* where it is now; empty when it was expunged */
    uint32_t uid;
    int64_t received;
    uint64_t size; /* of the original */
    struct fct_str log_id, reverse_path, recipient, client_ip, helo, login;
    uint32_t role;         /* FCT_ROLE_*; 0: from a time when this was not kept */
    struct fct_str ledger; /* encoded */
};
/* Where the next page begins; all zero: with the first message. */
struct store_history_place {
    uint64_t account, email;
};
/* One page, at most a few hundred messages: *n == 0 at the end. Moves `at`. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_history(struct store *st, int64_t since,
                                               struct store_history_place *at, struct arena *arena,
                                               const struct store_history_item **out, size_t *n,
                                               struct fct_err *err);
FCT_MAY_WAIT FCT_MUST_CHECK bool store_original_of(struct store *st, uint64_t account_id,
                                                   uint64_t email_id, int *fd, uint64_t *size,
                                                   struct fct_err *err);
/* What the plugin trackers took out of an account's mail between two days (since 1970, both
 * included), the largest first. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_privacy(struct store *st, uint64_t account_id,
                                               uint32_t first_day, uint32_t last_day,
                                               struct arena *arena, struct privacy_tally *out,
                                               struct fct_err *err);
/* The digest of an account's last seven days into its INBOX. *sent false: nothing was taken out. */
FCT_MAY_WAIT FCT_MUST_CHECK bool store_digest(struct store *st, struct fct_str address, bool *sent,
                                              struct fct_err *err);
/* Every record and blob read and verified. false only when the check could not run; damage is
 * counted and described in `report`. */
struct store_check_result {
    uint64_t accounts, mailboxes, messages, blobs, bytes, damaged, orphans, queued;
};
FCT_MAY_WAIT FCT_MUST_CHECK bool store_check(struct store *st, struct store_check_result *out,
                                             struct buf *report, struct fct_err *err);
FCT_MAY_WAIT FCT_MUST_CHECK bool store_statistics(struct store *st, struct buf *out,
                                                  struct fct_err *err); /* `name value` lines */

#endif
