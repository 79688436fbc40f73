/* ctl_check_dnsbl.h - facteurctl check dnsbl: what the configured DNS lists say. */
#ifndef CORE_CTL_CTL_CHECK_DNSBL_H
#define CORE_CTL_CTL_CHECK_DNSBL_H

struct ctl;

int ctl_check_dnsbl(struct ctl *c);

#endif
