/* ctl_received.h - mail that was delivered to certain addresses here, message by message: reports
 * of others are mail, and stay where people see them. */
#ifndef CORE_CTL_CTL_RECEIVED_H
#define CORE_CTL_CTL_RECEIVED_H

#include "core/base/err.h"

#include <facteur/base.h>
#include <stddef.h>
#include <stdint.h>

struct ctl;

struct ctl_received {
    /* `name` says which it is. Returns how many reports are in it. */
    size_t (*message)(void *ctx, const char *name, struct fct_str message);
    /* One that cannot be read. */
    void (*problem)(void *ctx, const char *name, const char *why);
    void *ctx;
    uint64_t unproven; /* reports in mail that did not pass DMARC when it came */
};

/* The words of the command are the addresses; without any: `local` at each domain here. Options
 * --since, and --proven, which leaves out what is not. The original of each, the oldest of a
 * mailbox first; expunged mail is gone. */
FCT_MAY_WAIT FCT_MUST_CHECK bool ctl_received(struct ctl *c, const char *local,
                                              struct ctl_received *to, struct fct_err *err);

#endif
