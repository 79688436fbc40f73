/* dev.h - `facteur dev`: a complete private server in one folder, for tests, demos and authors of
 * plugins. No root, loopback only, accounts from a file, ready in a moment, gone in five seconds.
 */
#ifndef CORE_SUPERVISOR_DEV_H
#define CORE_SUPERVISOR_DEV_H

#include "core/supervisor/supervisor.h"

struct dev_setup {
    const struct supervisor_setup *server; /* roles, links, blocks, control socket */
    /* Runs in a helper process with an admin connection to the store: one `address:password` a
     * line. Prints its own errors. */
    bool (*load_accounts)(struct fct_str lines, int store_fd);
};

/* argv: what follows `facteur dev`. Returns the exit status. */
int dev_main(const struct dev_setup *setup, int argc, char **argv);

#endif
