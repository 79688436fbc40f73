/* ctl_alias.h - `facteurctl alias …` */
#ifndef CORE_CTL_CTL_ALIAS_H
#define CORE_CTL_CTL_ALIAS_H

struct ctl;

int ctl_alias_set(struct ctl *c);
int ctl_alias_list(struct ctl *c);
int ctl_alias_remove(struct ctl *c);

#endif
