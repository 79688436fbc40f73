/* ctl_queue.h - facteurctl queue: mail that waits to be sent to other servers. */
#ifndef CORE_CTL_CTL_QUEUE_H
#define CORE_CTL_CTL_QUEUE_H

struct ctl;

int ctl_queue_list(struct ctl *c);
int ctl_queue_show(struct ctl *c);
int ctl_queue_hold(struct ctl *c);
int ctl_queue_release(struct ctl *c);
int ctl_queue_retry(struct ctl *c);
int ctl_queue_drop(struct ctl *c);
int ctl_queue_undo(struct ctl *c);
int ctl_queue_rules(struct ctl *c);
int ctl_queue_destinations(struct ctl *c);
int ctl_queue_top(struct ctl *c);

#endif
