/* mail_record.h - what is kept once per e-mail of an account: the cold record (key e) and the view
 * (key v), and reading the bytes of the view. Both are written once and never changed. */
#ifndef STORE_MAIL_RECORD_H
#define STORE_MAIL_RECORD_H

#include "core/base/arena.h"
#include "core/message/edit_list.h"
#include "store/blob.h"

#define MAIL_RECORD_KEY 'e'
#define MAIL_VIEW_KEY   'v'
#define MAIL_VALUE_MAX  (8u << 20) /* of a stored record or view */

struct mail_record {
    struct blob_id blob;
    uint64_t size;         /* of the original */
    uint32_t mailbox, uid; /* where it was put first */
    struct fct_str summary;
};

/* How a message came: what judging it again needs to know. */
struct mail_origin {
    struct fct_str recipient; /* as the client gave it */
    struct fct_str client_ip, helo, login;
    uint32_t role; /* FCT_ROLE_* of the listener; 0: not known */
};

struct mail_view {
    struct fct_str edits, ledger; /* encoded */
    struct fct_str reverse_path, log_id;
    int64_t received;
    uint32_t size;
    struct mail_origin origin; /* empty in records of version 1 */
    /* Of an e-mail that shows an original otherwise than it was delivered (serve_show.c): the edits
     * as they were delivered, if other ones are shown. */
    bool shown_anew;
    struct fct_str aside;
};

void mail_record_encode(const struct mail_record *r, struct buf *out);
FCT_MUST_CHECK bool mail_record_decode(struct fct_str value,
                                       struct mail_record *r); /* views into value */
void mail_view_encode(const struct mail_view *v, struct buf *out);
FCT_MUST_CHECK bool mail_view_decode(struct fct_str value, struct mail_view *v);

struct key mail_record_key(uint64_t email);
struct key mail_view_key(uint64_t email);

/* From the driver. `value` owns the bytes. *found false: no such record. */
FCT_MUST_CHECK bool mail_record_get(struct driver *d, struct driver_snap *snap, uint64_t account,
                                    uint64_t email, struct buf *value, struct mail_record *out,
                                    bool *found, struct fct_err *err);
FCT_MUST_CHECK bool mail_view_get(struct driver *d, struct driver_snap *snap, uint64_t account,
                                  uint64_t email, struct buf *value, struct mail_view *out,
                                  bool *found, struct fct_err *err);

/* Where an e-mail is now: in the mailbox `rather` if it is there (0: any), else the first of its
 * places. mailbox 0: nowhere any more. */
struct place;
FCT_MUST_CHECK bool mail_place_now(struct driver *d, uint64_t account, uint64_t email,
                                   const struct mail_record *record, uint32_t rather,
                                   struct place *out, struct fct_err *err);

/* The stored records or views (type: one of the keys above) of many, told in their order. */
FCT_MUST_CHECK bool mail_get_many(struct driver *d, uint64_t account, char type,
                                  const uint64_t *email, size_t n, driver_found fn, void *arg,
                                  struct fct_err *err);

/* Bytes [offset, offset + length) of the view or the original, shorter at the end; appended to
 * `out`. Waits for the disk in a thread when they are not in memory or many. The e-mails read last
 * are remembered (mail_cache.h), so reading on costs no lookups. */
FCT_MAY_WAIT FCT_MUST_CHECK bool mail_read(struct server *s, uint64_t account, uint64_t email,
                                           bool original, uint64_t offset, uint32_t length,
                                           struct buf *out, struct fct_err *err);

#endif
