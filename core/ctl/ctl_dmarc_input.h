/* ctl_dmarc_input.h - where reports of others are found: files and folders of them, as they are
 * attached to mail or still in it. */
#ifndef CORE_CTL_CTL_DMARC_INPUT_H
#define CORE_CTL_CTL_DMARC_INPUT_H

#include "core/base/arena.h"
#include "core/base/err.h"

struct dmarc_input {
    /* A piece that looks like a report, packed or not. `name` says where it was found. */
    void (*report)(void *ctx, const char *name, struct fct_str bytes);
    /* A file that cannot be read, or has no report in it. */
    void (*problem)(void *ctx, const char *name, const char *why);
    void *ctx;
    size_t files;   /* looked at */
    size_t without; /* in folders: with no report in them, which is no problem there */
};

/* A message. Returns how many pieces of it look like reports. */
size_t ctl_dmarc_input_message(struct dmarc_input *input, const char *name, struct fct_str raw);
/* A file (XML, .xml.gz, .zip, a message, an mbox), a folder of them (a Maildir, too), or "-". */
void ctl_dmarc_input(struct dmarc_input *input, const char *path);

#endif
