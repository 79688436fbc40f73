/* ctl_tls.h - facteurctl tls: reports on TLS that others sent us (RFC 8460). */
#ifndef CORE_CTL_CTL_TLS_H
#define CORE_CTL_CTL_TLS_H

struct ctl;

int ctl_tls_show(struct ctl *c);
int ctl_tls_received(struct ctl *c);

#endif
