/* ctl_check.h - facteurctl check: what the world outside says about a domain, step by step. */
#ifndef CORE_CTL_CTL_CHECK_H
#define CORE_CTL_CTL_CHECK_H

struct ctl;

int ctl_check_dns(struct ctl *c);

#endif
