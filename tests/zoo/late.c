/* late.c - keeps its calls and uses them after their end; whatever still works shows as REJECT. */
#include "zoo.h"

static struct fct_call *kept[4];

#define TEXT ((struct fct_str){"late", 4})

static bool anything_works(struct fct_call *call)
{
    const struct fct_header *first;
    struct fct_token token = {1, 1};
    bool works = false;

    works |= host->alloc(call, 1) || host->slot(call);
    works |= host->conn(call)->id.n > 0 || host->envelope(call)->id.n > 0;
    works |= host->raw(call).n > 0 || host->headers(call, &first) || host->time_left_ms(call);
    works |= host->symbol(call, "LATE", 1, TEXT) || host->has_symbol(call, "LATE", NULL);
    works |= host->reply(call, 550, NULL, "late") || host->mailbox(call, TEXT);
    works |= host->keyword(call, TEXT) || host->header_add(call, FCT_TOP, TEXT, TEXT);
    works |= host->sleep_ms(call, 1) || host->set(call, "reverse_path", TEXT);
    works |= host->force(call, FCT_DROP, 1, TEXT) || host->wait_all(call, &token, 1);
    works |= host->server_name(call).n > 0 || host->setting(call, "late").n > 0;
    host->log(call, FCT_WARNING, "late words");
    host->count(call, "late", 1);
    return works;
}

static enum fct_verdict on_headers(struct fct_call *call, const struct fct_ev_headers *ev,
                                   void *state)
{
    (void)ev, (void)state;
    if (zoo_provoked(call, "late"))
        kept[0] = call;
    return FCT_NEXT;
}

static enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    (void)ev, (void)state;
    if (zoo_provoked(call, "late"))
        kept[1] = call;
    return FCT_NEXT;
}

static enum fct_verdict on_verdict(struct fct_call *call, const struct fct_ev_verdict *ev,
                                   void *state)
{
    (void)ev, (void)state;
    for (int i = 0; i < 4; i++)
        if (kept[i] && anything_works(kept[i]))
            return FCT_REJECT;
    if (zoo_provoked(call, "late"))
        kept[2] = call;
    return FCT_NEXT;
}

static enum fct_verdict on_rcpt(struct fct_call *call, const struct fct_ev_rcpt *ev, void *state)
{
    (void)ev, (void)state;
    kept[3] = call;
    return FCT_NEXT;
}

static const struct fct_hook_row rows[] = {
    FCT_ON(headers, on_headers),
    FCT_ON(scan, on_scan),
    FCT_ON(verdict, on_verdict),
    FCT_ON(rcpt, on_rcpt),
};

static const struct fct_symbol symbols[] = {{"LATE", 5, "zoo", "Found too late"},
                                            {NULL, 0, NULL, NULL}};

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "late",
    .version = "0",
    .summary = "uses calls that have ended",
    .symbols = symbols,
    .hooks = rows,
    .nhooks = FCT_COUNT(rows),
    .start = zoo_start,
};
