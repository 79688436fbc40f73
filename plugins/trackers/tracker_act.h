/* tracker_act.h - the edits: how a load is taken out of its tag without writing anything anew. For
 * this folder only. */
#ifndef PLUGINS_TRACKERS_TRACKER_ACT_H
#define PLUGINS_TRACKERS_TRACKER_ACT_H

#include "plugins/trackers/tracker_page.h"

void tracker_edits_add(struct tracker_edits *out, const struct tracker_tools *tools,
                       const struct tracker_edit *edit);
/* Sorts those from `from` on; of two that overlap the one that begins first stays, of two that
 * begin together the longer. */
void tracker_edits_settle(struct tracker_edits *out, size_t from);

/* The load `l` of `token` (NULL: it is not known) goes. `what`: why, company, host. */
void tracker_remove(const struct tracker_page *page, struct tracker_edits *out,
                    const struct fct_html_token *token, const struct fct_link *l,
                    const struct tracker_edit *what);

/* What is written where a whole tag or comment goes: nothing, unless bytes from both sides would
 * make new markup together ("<" and "img"), or the part is base64. */
struct fct_str tracker_no_tag(const struct tracker_page *page, size_t offset, size_t length);

/* The attribute in whose value that byte is, or NULL. */
const struct fct_html_attribute *tracker_attribute_at(const struct fct_html_token *token,
                                                      size_t offset);

/* The bytes of a URL are ASCII and not UTF-16 or the like: others may be put in their place. */
bool tracker_is_written(struct fct_str raw);

/* "&" as "&amp;". */
struct fct_str tracker_escape(const struct tracker_tools *tools, struct fct_str url);

#endif
