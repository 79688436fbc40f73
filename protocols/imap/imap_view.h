/* imap_view.h - what one session believes about its mailbox: sequence numbers, UIDs and flags.
 *
 * The view changes only when imap_view_apply is given the store's changes, and a message leaves it
 * only in imap_view_expunge: so sequence numbers stand still while a command runs that may not
 * shift them (RFC 9051 7.5.1). No function here waits or writes to the client; a test runs it
 * against a model.
 *
 * Invariants: records ascend by UID; `vanished` ascends and holds UIDs of the view that no longer
 * exist in the store. */
#ifndef PROTOCOLS_IMAP_IMAP_VIEW_H
#define PROTOCOLS_IMAP_IMAP_VIEW_H

#include "core/base/err.h"
#include "protocols/imap/imap_parse.h"
#include "store/store_client.h"

struct imap_view {
    uint64_t mailbox; /* 0: nothing is selected */
    uint64_t mod_seq; /* all changes up to this are applied */
    uint32_t uid_validity, uid_next;
    bool read_only; /* EXAMINE */
    char *name;     /* UTF-8, NUL-terminated; as it was when selected */
    /* Records: first the mapped snapshot, then those that came later. */
    struct store_view snapshot;
    uint32_t nbase, ntail, tail_capacity;
    struct hot_record *tail;
    uint32_t *vanished;
    uint32_t nvanished;
    struct fct_str *keyword; /* one block with its text */
    uint32_t nkeywords;
    uint32_t keyword_bytes; /* all names and a space each: the most that flags can need */
};

/* Takes the snapshot; copies name and keywords. */
void imap_view_open(struct imap_view *v, struct store_view *snapshot, bool read_only);
void imap_view_close(struct imap_view *v);

static inline uint32_t imap_view_count(const struct imap_view *v)
{
    return v->nbase + v->ntail;
}
/* index: sequence number - 1, below imap_view_count */
static inline struct hot_record *imap_view_at(const struct imap_view *v, uint32_t index)
{
    return index < v->nbase ? v->snapshot.record + index : v->tail + (index - v->nbase);
}
/* Index of the first message with at least this UID; the count when there is none. */
uint32_t imap_view_lower_bound(const struct imap_view *v, uint32_t uid);
/* False: no such message. */
bool imap_view_find(const struct imap_view *v, uint32_t uid, uint32_t *index);
bool imap_view_has_vanished(const struct imap_view *v, uint32_t uid);

/* Ranges of indexes: ascending, not touching, first <= last. */
struct imap_range {
    uint32_t first, last;
};
struct imap_indexes {
    struct imap_range *range;
    size_t n;
};
size_t imap_indexes_count(const struct imap_indexes *set);
bool imap_indexes_has(const struct imap_indexes *set, uint32_t index);
/* Walk: for (uint32_t i; imap_indexes_next(&set, &walk, &i);) */
struct imap_walk {
    size_t range;
    uint32_t next;
    bool inside;
};
static inline bool imap_indexes_next(const struct imap_indexes *set, struct imap_walk *w,
                                     uint32_t *index)
{
    if (w->range == set->n)
        return false;
    if (!w->inside) {
        w->next = set->range[w->range].first;
        w->inside = true;
    }
    *index = w->next++;
    if (*index == set->range[w->range].last) {
        w->range++;
        w->inside = false;
    }
    return true;
}

/* What a sequence set means now. `uid`: its numbers are UIDs, absent ones are skipped; else a
 * number above the count is an error (RFC 9051 9 seq-number). '*' is the last message, in an empty
 * mailbox nothing. set->saved is not for here (imap_search.h). */
FCT_MUST_CHECK bool imap_view_resolve(const struct imap_view *v,
                                      const struct imap_sequence_set *set, bool uid,
                                      struct arena *arena, struct imap_indexes *out,
                                      struct fct_err *err);
/* Ranges of UIDs for the store: one per run of messages that stand together in the view. */
struct uid_set imap_view_uids(const struct imap_view *v, const struct imap_indexes *set,
                              struct arena *arena);
/* The other way; UIDs that are not there are left out. */
struct imap_indexes imap_view_indexes(const struct imap_view *v, struct uid_set uids,
                                      struct arena *arena);

/* What a sync brought to tell the client. */
struct imap_news {
    uint32_t *changed; /* UIDs whose flags differ from what the client knows, ascending */
    uint32_t nchanged;
    bool exists;   /* messages were added */
    bool keywords; /* the table of keywords grew */
};
/* Takes over flags, new messages and keywords; vanished messages stay numbered until
 * imap_view_expunge. */
void imap_view_apply(struct imap_view *v, const struct store_changes *changes, struct arena *arena,
                     struct imap_news *news);
void imap_view_set_keywords(struct imap_view *v, const struct fct_str *keyword, size_t n);
/* Drop the vanished. Returns the sequence numbers to tell, in order, each as it is after the ones
 * before it (RFC 9051 7.5.1). */
const uint32_t *imap_view_expunge(struct imap_view *v, struct arena *arena, size_t *n);
/* A fresh snapshot in place of changes that the store no longer keeps: the difference, as changes.
 */
void imap_view_compare(const struct imap_view *v, const struct store_view *now, struct arena *arena,
                       struct store_changes *out);

#endif
