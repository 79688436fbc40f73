/* ctl_trace.h - `facteurctl trace ID` */
#ifndef CORE_CTL_CTL_TRACE_H
#define CORE_CTL_CTL_TRACE_H

struct ctl;

int ctl_trace(struct ctl *c);

#endif
