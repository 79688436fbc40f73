/* ctl_store.h - `facteurctl store …` */
#ifndef CORE_CTL_CTL_STORE_H
#define CORE_CTL_CTL_STORE_H

struct ctl;

int ctl_store_check(struct ctl *c);
int ctl_store_status(struct ctl *c);

#endif
