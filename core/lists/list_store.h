/* list_store.h - the folder of updated lists: NAME.list in use, NAME.list.previous before it, each
 * with its signature beside it (.sig). A file takes its place whole, by a rename. */
#ifndef CORE_LISTS_LIST_STORE_H
#define CORE_LISTS_LIST_STORE_H

#include "core/base/arena.h"
#include "core/base/err.h"

#define LIST_MAX (8u << 20)

struct list_file {
    bool there;
    struct fct_str text, signature; /* signature empty: it was taken without one */
    int64_t since;                  /* when it was put there */
};

/* A file's bytes; FCT_DENIED with the reason. */
FCT_MUST_CHECK bool list_read(struct arena *arena, const char *path, struct fct_str *out,
                              struct fct_err *err);
FCT_MUST_CHECK bool list_current(struct arena *arena, const char *folder, const char *name,
                                 struct list_file *out, struct fct_err *err);
FCT_MUST_CHECK bool list_previous(struct arena *arena, const char *folder, const char *name,
                                  struct list_file *out, struct fct_err *err);

/* The one in use becomes the previous one. The folder is made when missing. */
FCT_MUST_CHECK bool list_install(const char *folder, const char *name, struct fct_str text,
                                 struct fct_str signature, struct fct_err *err);
/* The previous one is in use again and that one is gone; without a previous one, the list that
 * comes with the server. FCT_DENIED: there is none to go back from. */
FCT_MUST_CHECK bool list_rollback(const char *folder, const char *name, struct fct_err *err);

/* As people write versions: 9 < 10, 2026-11-22 < 2026-11-22.2. */
int list_version_compare(struct fct_str a, struct fct_str b);

#endif
