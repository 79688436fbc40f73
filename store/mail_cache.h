/* mail_cache.h - what reading an e-mail needs to know: which body, where it lies, which edits make
 * the view. Kept for the e-mails read last, up to store.read_cache bytes.
 *
 * Records of e-mails never change and numbers are never used twice, so an entry is right for ever;
 * the place of the body brings itself up to date (driver.h). */
#ifndef STORE_MAIL_CACHE_H
#define STORE_MAIL_CACHE_H

#include "core/message/edit_list.h"
#include "store/driver.h"

struct server;
struct mail_cache;

struct cached_mail {
    uint64_t key[2]; /* account, e-mail */
    struct blob_id blob;
    uint64_t size; /* of the original */
    struct driver_place place;
    struct edit_list edits; /* lies behind the struct, as do its bytes */
    size_t bytes;           /* of memory */
    unsigned users;         /* in use while above 0: not given up */
    struct cached_mail *newer, *older;
};

struct mail_cache *mail_cache_new(void);
void mail_cache_free(struct mail_cache **c);
/* From memory or the driver. Good until the next call, or while `users` is above 0. FCT_DENIED: no
 * such e-mail. */
FCT_MUST_CHECK bool mail_cache_get(struct server *s, uint64_t account, uint64_t email,
                                   struct cached_mail **out, struct fct_err *err);
/* Read what is missing of many in one go. What cannot be read is left for mail_cache_get to report.
 */
void mail_cache_fill(struct server *s, uint64_t account, const uint64_t *email, size_t n);

#endif
