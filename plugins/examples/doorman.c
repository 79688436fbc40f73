/* doorman.c - who may come in: closed addresses, too many recipients, too much mail at once. */
#include <facteur/plugin.h>

#include <stdio.h>
#include <strings.h>

static const struct fct_host *host;

struct doorman_conf {
    const char *greeting;
    struct fct_strings closed;
    uint32_t recipients;
    struct fct_rate rate;
};
static const struct fct_conf_key keys[] = {
    FCT_CONF_KEY(struct doorman_conf, greeting, "", "Text of the banner; empty: the server's own"),
    FCT_CONF_KEY(struct doorman_conf, closed, "[]", "Addresses that take no mail any more"),
    FCT_CONF_KEY(struct doorman_conf, recipients, "50", "Recipients per message; 0 is no limit"),
    FCT_CONF_KEY(struct doorman_conf, rate, "100/1h", "Messages from one client address"),
    FCT_CONF_END,
};

static struct fct_str str(const char *text)
{
    return (struct fct_str){text, strlen(text)};
}

static enum fct_verdict on_connect(struct fct_call *call, const struct fct_ev_connect *ev,
                                   void *state)
{
    const struct doorman_conf *conf = state;

    (void)ev;
    if (*conf->greeting)
        host->set(call, "banner", str(conf->greeting));
    return FCT_NEXT;
}

/* limit_take may wait for Redis: the fiber of this call sleeps, other mail goes on. */
static enum fct_verdict on_mail(struct fct_call *call, const struct fct_ev_mail *ev, void *state)
{
    const struct doorman_conf *conf = state;
    uint32_t wait_ms;
    char text[80];

    (void)ev;
    if (host->limit_take(call, host->conn(call)->client_ip, &conf->rate, 1, &wait_ms))
        return FCT_NEXT;
    snprintf(text, sizeof text, "Too much mail, please come back in %u seconds",
             wait_ms / 1000 + 1);
    host->reply(call, 451, "4.7.1", text);
    return FCT_TEMPFAIL;
}

static bool is_closed(const struct doorman_conf *conf, struct fct_str address)
{
    for (size_t i = 0; i < conf->closed.n; i++)
        if (strlen(conf->closed.item[i]) == address.n &&
            strncasecmp(conf->closed.item[i], address.p, address.n) == 0)
            return true;
    return false;
}

static enum fct_verdict on_rcpt(struct fct_call *call, const struct fct_ev_rcpt *ev, void *state)
{
    const struct doorman_conf *conf = state;

    if (is_closed(conf, ev->recipient)) {
        host->reply(call, 550, "5.2.1", "This address takes no mail any more");
        return FCT_REJECT;
    }
    if (conf->recipients > 0 && ev->accepted >= conf->recipients) {
        host->reply(call, 452, "4.5.3", "Too many recipients, please send the rest separately");
        return FCT_TEMPFAIL;
    }
    return FCT_NEXT;
}

static bool start(struct fct_self *self, const struct fct_host *given, const void *conf,
                  void **state, struct fct_err *err)
{
    const struct doorman_conf *own = conf;

    (void)self;
    host = given;
    memcpy(state, &conf, sizeof conf); /* conf lives until stop() */
    if (own->recipients <= 1000)
        return true;
    *err = (struct fct_err){FCT_SYNTAX, "doorman.recipients: at most 1000"};
    return false;
}

static const struct fct_hook_row hooks[] = {
    FCT_ON(connect, on_connect),
    FCT_ON(mail, on_mail, .roles = FCT_ROLE_MX),
    FCT_ON(rcpt, on_rcpt, .roles = FCT_ROLE_MX | FCT_ROLE_SUBMISSION),
};

const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "doorman",
    .version = "1.0",
    .summary = "closed addresses, recipients per message, messages per client",
    .license = "Apache-2.0",
    .keys = keys,
    .conf_size = sizeof(struct doorman_conf),
    .hooks = hooks,
    .nhooks = FCT_COUNT(hooks),
    .start = start,
};
