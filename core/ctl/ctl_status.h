/* ctl_status.h - `facteurctl status`, `reload` and `stop` */
#ifndef CORE_CTL_CTL_STATUS_H
#define CORE_CTL_CTL_STATUS_H

struct ctl;

int ctl_server_status(struct ctl *c);
int ctl_server_reload(struct ctl *c);
int ctl_server_stop(struct ctl *c);

#endif
