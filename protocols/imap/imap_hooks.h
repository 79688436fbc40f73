/* imap_hooks.h - where commands meet the filters: questions before a change, news after it, and
 * what learners should hear. Each costs one look at a mask while nobody registered its point. */
#ifndef PROTOCOLS_IMAP_IMAP_HOOKS_H
#define PROTOCOLS_IMAP_IMAP_HOOKS_H

#include "protocols/access/learn.h"
#include "protocols/imap/imap_session.h"

/* Ask. False: the command ends with the verdict's answer; `code` is the response code of a REJECT
 * (RFC 5530). */
FCT_MAY_WAIT FCT_MUST_CHECK bool imap_ask(struct imap_session *s, struct imap_command *c,
                                          enum fct_hook hook, const void *ev, const char *code,
                                          struct filter_answer *answer, struct fct_err *err);
/* What the verdict of a point means for the command. */
FCT_MUST_CHECK bool imap_verdict(struct imap_session *s, struct imap_command *c,
                                 enum fct_verdict verdict, const struct filter_answer *answer,
                                 const char *code, struct fct_err *err);

/* Flags and keywords as texts, and a text added to them. False: not a flag (RFC 9051 9 flag). */
struct fct_list imap_flag_texts(const struct imap_flags *flags, struct arena *arena);
FCT_MUST_CHECK bool imap_flags_add(struct imap_flags *flags, struct fct_str text,
                                   struct arena *arena);

/* ---- STORE ---- */

struct imap_store_order {
    struct uid_set uids;
    enum store_flag_op op;
    struct imap_flags flags;
};
/* store.flags; the filter may change order->flags. */
FCT_MAY_WAIT FCT_MUST_CHECK bool imap_ask_flags(struct imap_session *s, struct imap_command *c,
                                                struct imap_store_order *order,
                                                struct fct_err *err);
/* store.commit, and learn where $Junk or $NotJunk is new: before the view knows of the change. */
void imap_told_flags(struct imap_session *s, struct arena *arena,
                     const struct imap_store_order *order, const struct imap_indexes *messages);

/* ---- COPY, MOVE ---- */

FCT_MAY_WAIT FCT_MUST_CHECK bool imap_ask_copy(struct imap_session *s, struct imap_command *c,
                                               struct uid_set uids, struct fct_str target,
                                               bool move, struct fct_err *err);
void imap_told_copy(struct imap_session *s, struct arena *arena, struct fct_str target, bool move,
                    const struct store_copied *copied);

/* ---- EXPUNGE, CLOSE ---- */

/* The messages that are to go can only be named when the view is what the store has: sync first. */
bool imap_expunge_is_hooked(const struct imap_session *s);
/* Those of `within` that are marked \Deleted. */
struct uid_set imap_deleted_uids(const struct imap_session *s, const struct imap_indexes *within,
                                 struct arena *arena);
FCT_MAY_WAIT FCT_MUST_CHECK bool imap_ask_expunge(struct imap_session *s, struct imap_command *c,
                                                  struct uid_set uids, struct fct_err *err);
void imap_told_expunge(struct imap_session *s, struct arena *arena, struct uid_set uids);

/* ---- mailboxes ---- */

/* change: create, rename, delete; target: the new name of a renamed one. */
void imap_told_mailbox(struct imap_session *s, const char *change, struct fct_str mailbox,
                       struct fct_str target);
void imap_told_append(struct imap_session *s, struct arena *arena, struct fct_str mailbox,
                      const uint32_t *uid, size_t n);

/* ---- imap_originals.c ---- */

/* COPY or MOVE into a mailbox whose role is MAILBOX_ORIGINALS. */
FCT_MAY_WAIT FCT_MUST_CHECK bool imap_copy_originals(struct imap_session *s, struct imap_command *c,
                                                     const struct imap_indexes *messages,
                                                     struct fct_str target, bool move,
                                                     struct store_copied *copied,
                                                     struct fct_err *err);

#endif
