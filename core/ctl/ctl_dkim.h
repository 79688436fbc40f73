/* ctl_dkim.h - facteurctl dkim: the keys that plugin dkim signs with. */
#ifndef CORE_CTL_CTL_DKIM_H
#define CORE_CTL_CTL_DKIM_H

struct ctl;

int ctl_dkim_genkey(struct ctl *c);
int ctl_dkim_record(struct ctl *c);
int ctl_dkim_rotate(struct ctl *c);

#endif
