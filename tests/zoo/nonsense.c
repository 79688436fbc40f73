/* nonsense.c - returns verdicts that do not exist or are not its business, asks the host for what
 * cannot be. */
#include "zoo.h"

static enum fct_verdict on_verdict(struct fct_call *call, const struct fct_ev_verdict *ev,
                                   void *state)
{
    (void)ev, (void)state;
    if (zoo_provoked(call, "number"))
        return (enum fct_verdict)4711;
    if (zoo_provoked(call, "disconnect")) /* not allowed at verdict */
        return FCT_DISCONNECT;
    return FCT_NEXT;
}

/* Every one of these must be refused; one that is not shows as REJECT. */
static enum fct_verdict on_edit(struct fct_call *call, const struct fct_ev_edit *ev, void *state)
{
    struct fct_str raw = host->raw(call), bad = {"a\r\nBcc: x", 9}, name = {"X-A", 3},
                   text = {"b", 1};
    struct fct_header stranger = {.name = name, .value = text, .raw = raw};
    const struct fct_header *first;
    bool taken = false;

    (void)ev, (void)state;
    if (!zoo_provoked(call, "edit"))
        return FCT_NEXT;
    host->headers(call, &first);
    taken |= host->patch(call, raw.n, 1, text);
    taken |= host->patch(call, SIZE_MAX, 1, text);
    taken |= host->patch(call, 1, SIZE_MAX, text);
    taken |= host->patch(call, 0, 1, text); /* header fields have functions of their own */
    taken |= host->header_add(call, FCT_TOP, (struct fct_str){"X A", 3}, text);
    taken |= host->header_add(call, FCT_TOP, name, bad);
    taken |= host->header_remove(call, &stranger);
    taken |= host->symbol(call, "NOBODYS_SYMBOL", 1, text);
    taken |= host->mailbox(call, text);
    taken |= host->alloc(call, SIZE_MAX) != NULL;
    taken |= host->reply(call, 250, NULL, "fine");
    taken |= host->reply(call, 550, "5.7.1", "two\r\n250 lines");
    taken |= !host->header_remove(call, first);
    taken |= host->header_set(call, first, text); /* it is removed already */
    return taken ? FCT_REJECT : FCT_NEXT;
}

static const struct fct_hook_row rows[] = {FCT_ON(verdict, on_verdict), FCT_ON(edit, on_edit)};

ZOO_ANIMAL("nonsense", "talks nonsense", rows);
