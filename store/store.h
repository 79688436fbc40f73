/* store.h - words that the store and those who use it share: flags, mailboxes, records. No function
 * here touches the disk.
 *
 * The store is one process (store_role.c); everybody else uses store_client.h. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <facteur/base.h>

/* System flags (RFC 9051 2.3.2), low byte; the high byte is the server's own. */
#define FLAG_SEEN           0x0001u
#define FLAG_ANSWERED       0x0002u
#define FLAG_FLAGGED        0x0004u
#define FLAG_DELETED        0x0008u
#define FLAG_DRAFT          0x0010u
#define FLAGS_CLIENT        0x001fu /* what a client may set */
#define FLAG_HAS_ATTACHMENT 0x0100u

#define STORE_MAX_KEYWORDS 64 /* per account: a bit each in hot_record.keywords */

/* One message in one mailbox, 64 bytes, little-endian as stored. Arrays are ordered by UID. */
struct hot_record {
    uint64_t mod_seq; /* last change (RFC 7162); the account-wide change id */
    uint64_t created_mod_seq;
    uint64_t email_id; /* unique in the account, for ever */
    uint64_t thread_id;
    uint64_t keywords; /* bits of the account's keyword table */
    uint32_t uid;
    uint32_t size;                     /* of the view */
    uint32_t internal_date, sent_date; /* seconds since 1970 */
    uint16_t flags;
    uint8_t spare[6];
};
_Static_assert(sizeof(struct hot_record) == 64, "hot_record is one cache line");

/* Special use (RFC 6154). The default set is made with the account: Drafts, Sent, Junk, Trash,
 * Archive; Quarantine and ORIGINALS on demand. */
enum mailbox_role {
    MAILBOX_PLAIN,
    MAILBOX_INBOX,
    MAILBOX_DRAFTS,
    MAILBOX_SENT,
    MAILBOX_JUNK,
    MAILBOX_TRASH,
    MAILBOX_ARCHIVE,
    MAILBOX_QUARANTINE,
    MAILBOX_ORIGINALS /* what is copied there is shown as it came; for our own use, not announced */
};

struct mailbox_info {
    uint64_t id;         /* 0: a subscribed name without a mailbox (RFC 9051 6.3.7) */
    struct fct_str name; /* full path, UTF-8, parts joined by '/'; INBOX in capitals */
    enum mailbox_role role;
    bool subscribed;
    bool has_children;
    bool selectable; /* false: only a parent of others */
    uint32_t uid_validity, uid_next;
    uint64_t highest_mod_seq;
    uint32_t exists, unseen, deleted;
    uint64_t bytes;
};

struct uid_range {
    uint32_t first, last; /* inclusive, first <= last; 0 is no UID */
};
struct uid_set {
    const struct uid_range *range; /* ascending, not overlapping */
    size_t n;
};

#define STORE_NAME_MAX  1000 /* bytes of a mailbox path */
#define STORE_DEPTH_MAX 32

/* An e-mail's number as text, fit for an object id (RFC 8474 4): the same for all copies in the
 * account. */
#define STORE_EMAIL_TEXT 18
struct fct_str store_email_text(uint64_t email_id, char text[STORE_EMAIL_TEXT]);
FCT_MUST_CHECK bool store_email_parse(struct fct_str text, uint64_t *email_id);

/* How somebody said what a message is: by moving or copying it, by a keyword, by appending it to
 * Junk (mbsync) or, after that, elsewhere. */
enum store_said { STORE_SAID_MOVE, STORE_SAID_KEYWORD, STORE_SAID_APPEND };

/* Of one store_read_many. */
#define STORE_MANY       512u
#define STORE_MANY_BYTES (1u << 20)

#endif
