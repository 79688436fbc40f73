/* ctl_mail.h - a message in a file, as facteurctl takes it: in the form it has on the wire, with
 * the envelope that its header lets guess. */
#ifndef CORE_CTL_CTL_MAIL_H
#define CORE_CTL_CTL_MAIL_H

#include "core/base/arena.h"
#include "core/base/err.h"

/* "-" is standard input. Files have the line ends of their machine, SMTP has CRLF; a "From " line
 * in front is mbox's, not the message's. */
FCT_MUST_CHECK bool ctl_mail_load(struct arena *arena, const char *path, struct fct_str *message,
                                  struct fct_err *err);
/* The same, byte by byte as it is in the file: for what hashes it. */
FCT_MUST_CHECK bool ctl_mail_read(struct arena *arena, const char *path, struct fct_str *message,
                                  struct fct_err *err);
/* A message as ctl_mail_load makes it of a file's bytes. */
struct fct_str ctl_mail_wire(struct arena *arena, struct fct_str raw);
/* A copy that nobody can change any more, for a filter. */
FCT_MUST_CHECK bool ctl_mail_seal(struct fct_str message, int *fd, struct fct_err *err);

struct ctl_mail_envelope {
    struct fct_str sender;    /* Return-Path, else From; empty when there is neither */
    struct fct_str recipient; /* Delivered-To, else the first of To; else one that stands for it */
};
void ctl_mail_guess(struct arena *arena, struct fct_str message, struct ctl_mail_envelope *out);

#endif
