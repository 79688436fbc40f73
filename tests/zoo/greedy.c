/* greedy.c - takes all memory it is given and does not mind when there is no more. */
#include "zoo.h"

static enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    char *piece;

    (void)ev, (void)state;
    if (!zoo_provoked(call, "greedy"))
        return FCT_NEXT;
    for (unsigned n = 0; (piece = host->alloc(call, 1u << 20)); n++)
        piece[0] = (char)n;
    host->symbol(call, "GREEDY", 1, (struct fct_str){"no more", 7});
    return FCT_NEXT;
}

static const struct fct_hook_row rows[] = {FCT_ON(scan, on_scan)};
static const struct fct_symbol symbols[] = {{"GREEDY", 0.1, "zoo", "Its memory is used up"},
                                            {NULL, 0, NULL, NULL}};

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "greedy",
    .version = "0",
    .summary = "takes all it gets",
    .symbols = symbols,
    .hooks = rows,
    .nhooks = FCT_COUNT(rows),
    .start = zoo_start,
};
