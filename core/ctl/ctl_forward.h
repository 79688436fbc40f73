/* ctl_forward.h - `facteurctl forward …` */
#ifndef CORE_CTL_CTL_FORWARD_H
#define CORE_CTL_CTL_FORWARD_H

struct ctl;

int ctl_forward_confirm(struct ctl *c);

#endif
