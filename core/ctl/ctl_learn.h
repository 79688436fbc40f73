/* ctl_learn.h - facteurctl learn: teaches the plugin bayes from files. */
#ifndef CORE_CTL_CTL_LEARN_H
#define CORE_CTL_CTL_LEARN_H

struct ctl;

int ctl_learn_spam(struct ctl *c);
int ctl_learn_ham(struct ctl *c);
int ctl_learn_forget(struct ctl *c);
int ctl_learn_status(struct ctl *c);

#endif
