/* ctl_privacy.h - `facteurctl privacy`: what was taken out of people's mail. */
#ifndef CORE_CTL_CTL_PRIVACY_H
#define CORE_CTL_CTL_PRIVACY_H

struct ctl;

int ctl_privacy_report(struct ctl *c);
int ctl_privacy_digest(struct ctl *c);

#endif
