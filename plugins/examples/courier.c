/* courier.c - watches over mail that leaves: holds what goes to too many at once, sends some by
 * another way, and tells when it arrived. */
#include <facteur/plugin.h>

static const struct fct_host *host;

struct courier_conf {
    uint32_t most;
    struct fct_strings domains;
    const char *by;
};
static const struct fct_conf_key keys[] = {
    FCT_CONF_KEY(struct courier_conf, most, "20",
                 "Messages to more recipients elsewhere are held until somebody looks at them"),
    FCT_CONF_KEY(struct courier_conf, domains, "", "Domains whose mail takes another way"),
    FCT_CONF_KEY(struct courier_conf, by, "", "That way: HOST or HOST:PORT"),
    FCT_CONF_END,
};

static struct fct_str str(const char *text)
{
    return (struct fct_str){text, strlen(text)};
}

/* It is judged and not stored yet. Edits are made in the message itself: everybody gets them, and
 * the signature of plugins/dkim covers them. */
static enum fct_verdict on_queue_in(struct fct_call *call, const struct fct_ev_queue_in *ev,
                                    void *state)
{
    const struct courier_conf *conf = state;

    host->header_add(call, FCT_TOP, str("X-Courier"), ev->origin);
    if (ev->recipients <= conf->most)
        return FCT_NEXT;
    host->reply(call, 0, NULL, "too many recipients at once");
    return FCT_QUARANTINE;
}

/* Once per domain and lookup, not per message. */
static enum fct_verdict on_queue_route(struct fct_call *call, const struct fct_ev_queue_route *ev,
                                       void *state)
{
    const struct courier_conf *conf = state;

    for (size_t i = 0; i < conf->domains.n; i++)
        if (strlen(conf->domains.item[i]) == ev->domain.n &&
            memcmp(conf->domains.item[i], ev->domain.p, ev->domain.n) == 0)
            host->set(call, "host", str(conf->by));
    return FCT_NEXT;
}

/* Told, not asked: nobody waits for it. */
static enum fct_verdict on_queue_delivered(struct fct_call *call,
                                           const struct fct_ev_queue_delivered *ev, void *state)
{
    (void)state;
    host->log(call, FCT_INFO, "%.*s took it for %zu after %llu s", FCT_FMT(ev->host),
              ev->recipients.n, (unsigned long long)(ev->delay_ms / 1000));
    return FCT_NEXT;
}

static bool start(struct fct_self *self, const struct fct_host *given, const void *conf,
                  void **state, struct fct_err *err)
{
    (void)self, (void)err;
    host = given;
    memcpy(state, &conf, sizeof conf);
    return true;
}

/* `provides` lets plugins that sign wait for the field. */
static const struct fct_hook_row hooks[] = {
    FCT_ON(queue_in, on_queue_in, .provides = "headers", .may = FCT_MAY_ADD_HEADER),
    FCT_ON(queue_route, on_queue_route),
    FCT_ON(queue_delivered, on_queue_delivered),
};

const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "courier",
    .version = "1.0",
    .summary = "watches over mail that leaves",
    .license = "Apache-2.0",
    .keys = keys,
    .conf_size = sizeof(struct courier_conf),
    .hooks = hooks,
    .nhooks = FCT_COUNT(hooks),
    .start = start,
};
