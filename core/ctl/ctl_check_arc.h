/* ctl_check_arc.h - facteurctl check arc FILE: the chain of a message, step by step. */
#ifndef CORE_CTL_CTL_CHECK_ARC_H
#define CORE_CTL_CTL_CHECK_ARC_H

#include "core/ctl/ctl_check_driver.h"

int ctl_check_arc(struct ctl *c);
/* "arc<TAB>path of a message in its form on the wire" → "value of the chain<TAB>why", or
 * "seal<TAB>path<TAB>key file<TAB>d=<TAB>s=<TAB>t=<TAB>h=<TAB>cv=<TAB>results" → "sealed" and the
 * values of the three new fields, results first, unfolded, with a tab before each: what sealing
 * makes of a message is compared with what a suite wants. */
FCT_MAY_WAIT void check_arc_line(struct check_line *line);

#endif
