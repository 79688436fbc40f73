/* phishing_look.h - what two names look like to a reader, whatever their characters are (UTS 39
 * skeletons, by ICU), and which differ by one slip of the finger. */
#ifndef PLUGINS_PHISHING_PHISHING_LOOK_H
#define PLUGINS_PHISHING_PHISHING_LOOK_H

#include <facteur/base.h>

#define PHISHING_SKELETON_MAX 192

/* ICU's tables, opened once. */
struct phishing_look;
struct phishing_look *phishing_look_open(struct fct_err *err);
void phishing_look_free(struct phishing_look **look);

/* Of one label of a host name in Unicode: confusable characters made one, marks off, digits and
 * letters that stand for others ("g00gle", "paypai", "vv") as those. Two labels with the same
 * skeleton look the same. Returns its length; 0 for what is too long or no UTF-8. */
size_t phishing_skeleton(const struct phishing_look *look, struct fct_str label,
                         char out[PHISHING_SKELETON_MAX]);

/* Letters of scripts that no language mixes (UTS 39, highly restrictive). */
bool phishing_is_mixed(const struct phishing_look *look, struct fct_str label);

/* One letter more, less, other, or two neighbours exchanged; false for equal ones. */
bool phishing_is_typo(struct fct_str a, struct fct_str b);

#endif
