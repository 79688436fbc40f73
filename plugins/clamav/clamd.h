/* clamd.h - the dialogue with one clamd: one connection for each command. */
#ifndef PLUGINS_CLAMAV_CLAMD_H
#define PLUGINS_CLAMAV_CLAMD_H

#include "clamd_reply.h"

#include <facteur/plugin.h>

#define CLAMD_LINE_MAX 1024u

/* Waits. False: it is away, or speaks something else; *err says so. */
struct clamd {
    const struct fct_host *host;
    struct fct_str address; /* unix:/path, inet:HOST:PORT */
    uint32_t timeout_ms;    /* without a byte */
};

/* The text of *out lies in `line`. */
FCT_MAY_WAIT bool clamd_scan(const struct clamd *d, struct fct_call *call, struct fct_str message,
                             char line[CLAMD_LINE_MAX], struct clamd_reply *out,
                             struct fct_err *err);

/* PING, VERSION: a word and the line that answers it. */
FCT_MAY_WAIT bool clamd_ask(const struct clamd *d, struct fct_call *call, const char *word,
                            char line[CLAMD_LINE_MAX], struct fct_str *answer, struct fct_err *err);

#endif
