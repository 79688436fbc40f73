/* ctl_account.h - `facteurctl account …` */
#ifndef CORE_CTL_CTL_ACCOUNT_H
#define CORE_CTL_CTL_ACCOUNT_H

struct ctl;

int ctl_account_add(struct ctl *c);
int ctl_account_passwd(struct ctl *c);
int ctl_account_list(struct ctl *c);
int ctl_account_set(struct ctl *c);
int ctl_account_show(struct ctl *c);
int ctl_account_remove(struct ctl *c);

#endif
