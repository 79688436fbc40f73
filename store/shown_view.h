/* shown_view.h - another view of a delivered message, made of its original and its edits: for those
 * who ask the store to show one otherwise (store_show). The store itself parses no mail. */
#ifndef STORE_SHOWN_VIEW_H
#define STORE_SHOWN_VIEW_H

#include "core/message/edit_list.h"
#include "store/store_client.h"

enum shown_as {
    SHOWN_ORIGINAL,  /* as it came, to the byte */
    SHOWN_RESTORED,  /* as delivered, but what the plugin trackers took out is back */
    SHOWN_DELIVERED, /* as delivered: cleaned again */
};

/* The edits of a view; decoded into the arena. */
FCT_MUST_CHECK bool shown_view_edits(struct arena *arena, const struct store_source *source,
                                     enum shown_as as, struct edit_list *out, struct fct_err *err);
/* What store_show wants to know, but the UID. Does not take source->fd. */
FCT_MAY_WAIT FCT_MUST_CHECK bool shown_view_make(struct arena *arena,
                                                 const struct store_source *source,
                                                 enum shown_as as, struct store_show *out,
                                                 struct fct_err *err);

#endif
