/* ctl_suppress.h - `facteurctl suppress …` */
#ifndef CORE_CTL_CTL_SUPPRESS_H
#define CORE_CTL_CTL_SUPPRESS_H

struct ctl;

int ctl_suppress_list(struct ctl *c);
int ctl_suppress_add(struct ctl *c);
int ctl_suppress_remove(struct ctl *c);

#endif
