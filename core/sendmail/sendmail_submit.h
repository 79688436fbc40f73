/* sendmail_submit.h - one message to the server, by SMTP over the socket of this machine's users
 * (listener with role local). The server knows the user by the kernel's word.
 *
 * Nothing is kept on the way: until the server has said 250 the message is the caller's, and every
 * failure says so by its exit status (sysexits.h). */
#ifndef CORE_SENDMAIL_SENDMAIL_SUBMIT_H
#define CORE_SENDMAIL_SENDMAIL_SUBMIT_H

#include "core/base/buf.h"

struct sendmail_link {
    int fd;
    struct buf in;
    char server[256]; /* its name, from the greeting */
};

/* Exit statuses of sysexits.h; EX_OK, or one line on standard error was written. */
int sendmail_open(const char *socket_path, struct sendmail_link *link);
void sendmail_close(struct sendmail_link *link);

struct sendmail_envelope {
    struct fct_str sender; /* empty: <> */
    const struct fct_str *recipient;
    size_t recipients;
    const char *notify, *ret, *envid; /* NULL: not given */
    bool has_8bit;
};
/* All recipients or none: who is refused is named, and nothing is sent. */
int sendmail_submit(struct sendmail_link *link, const struct sendmail_envelope *envelope,
                    struct fct_str message);

/* -bs: what comes in on `in` goes to the server, its answers to `out`, until one of them ends. */
int sendmail_converse(struct sendmail_link *link, int in, int out);

#endif
