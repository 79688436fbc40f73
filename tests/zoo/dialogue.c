/* dialogue.c - no bad animal: finds symbols, changes things and reads messages at the points of the
 * dialogue and of the store. */
#include "zoo.h"

#define TEXT(lit) ((struct fct_str){lit, sizeof(lit) - 1})

static enum fct_verdict on_connect(struct fct_call *call, const struct fct_ev_connect *ev,
                                   void *state)
{
    (void)ev, (void)state;
    if (!host->symbol(call, "SEEN_CONNECT", 2, TEXT("detail")) ||
        !host->set(call, "banner", TEXT("first")) || !host->set(call, "banner", TEXT("second")) ||
        !host->set(call, "delay_ms", TEXT("20")))
        return FCT_REJECT;
    if (host->set(call, "delay_ms", TEXT("soon")) || host->set(call, "colour", TEXT("red")) ||
        host->set(call, "banner", TEXT("two\r\nlines")) ||
        host->force(call, FCT_DROP, 1, TEXT("no message yet")))
        return FCT_REJECT;
    return FCT_NEXT;
}

static enum fct_verdict on_helo(struct fct_call *call, const struct fct_ev_helo *ev, void *state)
{
    (void)ev, (void)state;
    host->set(call, "hide", TEXT("CHUNKING"));
    host->set(call, "hide", TEXT("SIZE"));
    return host->has_symbol(call, "SEEN_CONNECT", NULL) ? FCT_NEXT : FCT_REJECT;
}

static enum fct_verdict on_chunk(struct fct_call *call, const struct fct_ev_chunk *ev, void *state)
{
    (void)state;
    host->log(call, FCT_INFO, "chunk at %u of %u bytes", (unsigned)ev->offset,
              (unsigned)ev->bytes.n);
    return ev->offset >= 100 ? FCT_SKIP : FCT_NEXT;
}

static enum fct_verdict first_chunk(struct fct_call *call, const struct fct_ev_chunk *ev,
                                    void *state)
{
    (void)state;
    host->log(call, FCT_INFO, "first chunk at %u", (unsigned)ev->offset);
    return FCT_SKIP;
}

static enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    (void)ev, (void)state;
    if (host->has_symbol(call, "SEEN_CONNECT", NULL))
        host->symbol(call, "SEEN_BOTH", 1, TEXT(""));
    return FCT_NEXT;
}

static enum fct_verdict on_append(struct fct_call *call, const struct fct_ev_store_append *ev,
                                  void *state)
{
    const struct fct_header *subject = host->header(call, "subject", 0);

    (void)state;
    if (!subject)
        return FCT_TEMPFAIL;
    host->set(call, "mailbox", host->header_text(call, subject));
    for (size_t i = 0; i < ev->flags.n; i++)
        host->set(call, "flag", ev->flags.item[i]);
    return FCT_NEXT;
}

static enum fct_verdict on_learn(struct fct_call *call, const struct fct_ev_learn *ev, void *state)
{
    const struct fct_header *subject = host->header(call, "subject", 0);
    struct fct_str text = subject ? host->header_text(call, subject) : TEXT("nothing");

    (void)state;
    host->log(call, FCT_INFO, "learnt %.*s as %s", (int)text.n, text.p, ev->spam ? "spam" : "ham");
    return FCT_NEXT;
}

static const struct fct_hook_row rows[] = {
    FCT_ON(connect, on_connect),
    FCT_ON(helo, on_helo),
    FCT_ON(chunk, on_chunk),
    FCT_ON(chunk, first_chunk, .label = "dialogue:first"),
    FCT_ON(scan, on_scan, .may = FCT_MAY_NOTHING),
    FCT_ON(store_append, on_append, .roles = FCT_ROLE_IMAP),
    FCT_ON(learn, on_learn, .roles = FCT_ROLE_IMAP),
};

static const struct fct_symbol symbols[] = {
    {"SEEN_CONNECT", 1.5, "zoo", "Found at connect"},
    {"SEEN_BOTH", 0.5, "zoo", "Found at scan after it was found at connect"},
    {NULL, 0, NULL, NULL},
};

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "dialogue",
    .version = "0",
    .summary = "speaks at every point",
    .symbols = symbols,
    .hooks = rows,
    .nhooks = FCT_COUNT(rows),
    .start = zoo_start,
};
