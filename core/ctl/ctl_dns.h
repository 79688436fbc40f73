/* ctl_dns.h - facteurctl dns: what to publish for a domain that is served here, and whether it is.
 */
#ifndef CORE_CTL_CTL_DNS_H
#define CORE_CTL_CTL_DNS_H

struct ctl;

int ctl_dns_records(struct ctl *c);

#endif
