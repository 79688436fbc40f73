/* dev_accounts.h - the accounts of `facteur dev`, loaded through the store's admin calls. */
#ifndef CORE_MAIN_DEV_ACCOUNTS_H
#define CORE_MAIN_DEV_ACCOUNTS_H

#include <facteur/base.h>

/* In a process of its own: makes an event loop. Errors go to standard error. */
bool dev_accounts_load(struct fct_str lines, int store_fd);

#endif
