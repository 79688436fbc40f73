/* new_minor.c - made for a newer server. */
#include <facteur/plugin.h>

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = {FCT_ABI_MAJOR, FCT_ABI_MINOR + 1, sizeof(struct fct_plugin) + 64,
             sizeof(struct fct_hook_row) + 16, sizeof(struct fct_symbol),
             sizeof(struct fct_conf_key), 0},
    .name = "new_minor",
    .version = "0",
    .summary = "is of a time to come",
};
