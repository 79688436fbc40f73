/* plugin_1_0.c - a plugin as somebody wrote it for ABI 1.0; built against that version's headers
 * and loaded by every newer host. Uses every function of struct fct_host that 1.0 had. */
#include <facteur/plugin.h>

static const struct fct_host *host;

#define TEXT(lit) ((struct fct_str){lit, sizeof(lit) - 1})

struct conf {
    uint32_t limit;
};

static const struct fct_conf_key keys[] = {
    FCT_CONF_KEY(struct conf, limit, "7", "A number"),
    FCT_CONF_END,
};

static enum fct_verdict on_rcpt(struct fct_call *call, const struct fct_ev_rcpt *ev, void *state)
{
    (void)state;
    if (ev->recipient.n == 0 || host->conn(call)->client_ip.n == 0)
        return FCT_NEXT;
    host->reply(call, 550, "5.7.1", "no such luck");
    return FCT_REJECT;
}

static enum fct_verdict on_headers(struct fct_call *call, const struct fct_ev_headers *ev,
                                   void *state)
{
    const struct fct_header *all, *subject = host->header(call, "subject", 0);
    const struct conf *conf = state;

    if (conf->limit != 7 || ev->size != host->raw(call).n || host->headers(call, &all) != 1)
        return FCT_REJECT;
    if (!subject || host->header_text(call, subject).n != 5 || !host->alloc(call, 100))
        return FCT_REJECT;
    if (host->has_symbol(call, "OLD_FOUND", NULL) || !host->time_left_ms(call))
        return FCT_REJECT;
    host->count(call, "headers", 1);
    host->log(call, FCT_INFO, "%s", "old and well");
    return FCT_NEXT;
}

static void work(void *arg)
{
    *(bool *)arg = true;
}

static enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    const struct fct_part *part;
    bool done = false;

    (void)ev, (void)state;
    if (host->parts(call, &part) != 1 || host->part_bytes(call, part).n != 6 ||
        host->part_text(call, part).n == 0)
        return FCT_NEXT;
    if (!host->sleep_ms(call, 1) || !host->offload(call, work, &done) || !done)
        return FCT_NEXT;
    host->symbol(call, "OLD_FOUND", 1, TEXT("detail"));
    return FCT_NEXT;
}

/* Of a point's event it knows the first fields only. */
static enum fct_verdict on_verdict(struct fct_call *call, const struct fct_ev_verdict *ev,
                                   void *state)
{
    double score = 0;

    (void)state;
    if (ev->score_milli != 1500 || !host->has_symbol(call, "OLD_FOUND", &score) || score < 1.4)
        return FCT_QUARANTINE;
    return FCT_NEXT;
}

static enum fct_verdict on_edit(struct fct_call *call, const struct fct_ev_edit *ev, void *state)
{
    (void)ev, (void)state;
    host->header_set(call, host->header(call, "subject", 0), TEXT("new"));
    host->header_add(call, FCT_END, TEXT("X-Old"), host->server_name(call));
    host->patch(call, host->raw(call).n - 6, 4, TEXT("BODY"));
    return FCT_NEXT;
}

static enum fct_verdict on_deliver(struct fct_call *call, const struct fct_ev_deliver *ev,
                                   void *state)
{
    (void)ev, (void)state;
    host->mailbox(call, TEXT("Old"));
    host->keyword(call, TEXT("$Old"));
    return FCT_NEXT;
}

static const struct fct_hook_row rows[] = {
    FCT_ON(rcpt, on_rcpt),
    FCT_ON(headers, on_headers),
    FCT_ON(scan, on_scan, .provides = "old"),
    FCT_ON(verdict, on_verdict),
    FCT_ON(edit, on_edit),
};

static const struct fct_symbol symbols[] = {
    {"OLD_FOUND", 1.5, "old", "Found by an old plugin"},
    {NULL, 0, NULL, NULL},
};

/* Rows given one by one are as short as those of the table. */
static bool start(struct fct_self *self, const struct fct_host *given, const void *conf,
                  void **state, struct fct_err *err)
{
    static const struct fct_hook_row late = FCT_ON(deliver, on_deliver);
    static struct conf mine;

    host = given;
    mine = *(const struct conf *)conf;
    *state = &mine;
    if (given->abi_major != FCT_ABI_MAJOR || !FCT_HAS(given, server_name))
        return false;
    return given->add_hook(self, &late, err);
}

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "abi_1_0",
    .version = "1",
    .summary = "A plugin of ABI 1.0",
    .keys = keys,
    .conf_size = sizeof(struct conf),
    .symbols = symbols,
    .hooks = rows,
    .nhooks = FCT_COUNT(rows),
    .start = start,
};
