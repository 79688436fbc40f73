/* ctl_shown.h - `facteurctl mail`: the bytes of stored messages, and how they are shown. */
#ifndef CORE_CTL_CTL_SHOWN_H
#define CORE_CTL_CTL_SHOWN_H

struct ctl;

int ctl_mail_original(struct ctl *c);
int ctl_mail_show(struct ctl *c);
int ctl_mail_restore(struct ctl *c);
int ctl_mail_clean(struct ctl *c);

#endif
