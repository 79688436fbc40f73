/* old_major.c - made for another ABI. */
#include <facteur/plugin.h>

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = {FCT_ABI_MAJOR + 1, 0, sizeof(struct fct_plugin), sizeof(struct fct_hook_row),
             sizeof(struct fct_symbol), sizeof(struct fct_conf_key), 0},
    .name = "old_major",
    .version = "0",
    .summary = "is of another time",
};
