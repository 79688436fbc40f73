/* ctl_dmarc.h - facteurctl dmarc: aggregate reports (RFC 9990), ours to others and theirs to us. */
#ifndef CORE_CTL_CTL_DMARC_H
#define CORE_CTL_CTL_DMARC_H

struct ctl;

int ctl_dmarc_report(struct ctl *c);
int ctl_dmarc_show(struct ctl *c);
int ctl_dmarc_received(struct ctl *c);

#endif
