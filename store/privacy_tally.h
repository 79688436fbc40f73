/* privacy_tally.h - how much was taken out of an account's mail, by company and by sender: of one
 * day as it is stored (key w), or of many days and accounts together.
 *
 * Kept apart from the messages, so that it stays when those are deleted. */
#ifndef STORE_PRIVACY_TALLY_H
#define STORE_PRIVACY_TALLY_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "store/pack.h"

#define TALLY_NAMES                                                              \
    200 /* companies or senders of one day; further ones are one, without a name \
         */

struct tally_name {
    struct fct_str name; /* empty: all others */
    uint64_t messages, removed;
};
struct tally_names {
    struct tally_name *name;
    size_t n, room;
};
struct privacy_tally {
    struct arena *arena; /* where its names live */
    uint64_t messages, removed, links;
    struct tally_names company, sender;
};

/* most: names that may stand in the list, 0 for any number. */
void tally_names_add(struct arena *arena, struct tally_names *names, const struct tally_name *more,
                     size_t most);
void privacy_tally_add(struct privacy_tally *to, const struct privacy_tally *more, size_t most);
/* The largest first. */
void privacy_tally_sort(struct privacy_tally *t);

/* The body of a stored record, and of what is appended to it (store/pack.h); names are copied into
 * the arena. Takes one of several that stand one behind the other. */
void privacy_tally_encode(const struct privacy_tally *t, struct buf *out);
FCT_MUST_CHECK bool privacy_tally_take(struct arena *arena, struct unpack *in,
                                       struct privacy_tally *out);

#endif
