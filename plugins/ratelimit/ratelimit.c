/* ratelimit.c - how much one sender may send: limits by user, network, sender and recipient, and a
 * brake for accounts whose password somebody else seems to have.
 *
 * A bucket lets so many through in an even flow and a burst at once (generic cell rate algorithm,
 * one number each, in Redis; without it each filter process has its share). What is refused takes
 * nothing. Everybody is asked to come back later, nobody is refused for good. */
#include "plugins/lib/clients.h"
#include "plugins/lib/ip_address.h"
#include "plugins/lib/view.h"

#include <facteur/plugin.h>
#include <stdlib.h>

#define KEY_MAX  700
#define TEXT_MAX 300
#define HOUR_S   3600u

#define MX         (FCT_ROLE_MX | FCT_ROLE_REPLAY)
#define SUBMISSION FCT_ROLE_SUBMISSION

static const struct fct_host *host;

struct ratelimit_conf {
    struct fct_rate net, sender, sender_domain, recipient, pair;
    struct fct_rate user, user_recipients;
    struct fct_rate brake_unknown, brake_networks, brake_spam;
    fct_duration brake_time;
    struct fct_strings skip_net, skip_user;
};

/* clang-format off */
static const struct fct_conf_key ratelimit_keys[] = {
    FCT_CONF_KEY(struct ratelimit_conf, net,             "none", "Messages from strangers of one network (/24, /64 of IPv6), such as \"300/1h burst 100\""),
    FCT_CONF_KEY(struct ratelimit_conf, sender,          "none", "Messages with one reverse-path from outside; the empty one is not counted"),
    FCT_CONF_KEY(struct ratelimit_conf, sender_domain,   "none", "Messages of one domain of reverse-paths from outside"),
    FCT_CONF_KEY(struct ratelimit_conf, recipient,       "none", "Messages from outside to one recipient"),
    FCT_CONF_KEY(struct ratelimit_conf, pair,            "60/1m burst 200", "Messages of one domain of reverse-paths to one recipient: mail bombs"),
    FCT_CONF_KEY(struct ratelimit_conf, user,            "200/1h burst 100", "Messages a user may submit"),
    FCT_CONF_KEY(struct ratelimit_conf, user_recipients, "1000/1d burst 500", "Recipients a user may submit mail to"),
    FCT_CONF_KEY(struct ratelimit_conf, brake_unknown,   "30/1h", "Recipients that do not exist, a user may try: more is somebody else with the password"),
    FCT_CONF_KEY(struct ratelimit_conf, brake_networks,  "8/1h",  "Networks a user may send from that were not seen with him within the hour"),
    FCT_CONF_KEY(struct ratelimit_conf, brake_spam,      "5/1h",  "Messages a user may submit that are judged junk or worse"),
    FCT_CONF_KEY(struct ratelimit_conf, brake_time,      "1h",    "A user who does more than that cannot send for so long, and the log says so (plugin_alert)"),
    FCT_CONF_KEY(struct ratelimit_conf, skip_net,        "[\"127.0.0.0/8\", \"::1/128\"]", "Clients that are not limited: backup servers and relays of your own"),
    FCT_CONF_KEY(struct ratelimit_conf, skip_user,       "",      "Accounts that are not limited: newsletters, monitoring"),
    FCT_CONF_END,
};
/* clang-format on */

/* ---- what is counted ---- */

/* A name in lower case behind a mark, so that no two kinds share a bucket. False: there is none. */
typedef bool (*key_of)(struct fct_call *call, struct fct_str recipient, char key[KEY_MAX]);

static bool key_print(char key[KEY_MAX], const char *mark, struct fct_str name)
{
    int n = snprintf(key, KEY_MAX, "%s:%.*s", mark, FCT_FMT(name));

    for (char *p = key; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return name.n > 0 && n > 0 && n < KEY_MAX;
}

static bool net_print(struct fct_call *call, char out[IP_ADDRESS_ROOM])
{
    struct ip_address ip;

    return ip_address_parse(host->conn(call)->client_ip, &ip) && ip_address_network(&ip, out).n > 0;
}

static bool net_key(struct fct_call *call, struct fct_str recipient, char key[KEY_MAX])
{
    char net[IP_ADDRESS_ROOM];

    (void)recipient;
    return net_print(call, net) && key_print(key, "net", (struct fct_str){net, strlen(net)});
}

static bool sender_key(struct fct_call *call, struct fct_str recipient, char key[KEY_MAX])
{
    (void)recipient;
    return key_print(key, "sender", host->envelope(call)->reverse_path);
}

static bool sender_domain_key(struct fct_call *call, struct fct_str recipient, char key[KEY_MAX])
{
    (void)recipient;
    return key_print(key, "domain", view_domain(host->envelope(call)->reverse_path));
}

static bool recipient_key(struct fct_call *call, struct fct_str recipient, char key[KEY_MAX])
{
    (void)call;
    return key_print(key, "rcpt", recipient);
}

static bool pair_key(struct fct_call *call, struct fct_str recipient, char key[KEY_MAX])
{
    struct fct_str domain = view_domain(host->envelope(call)->reverse_path);
    char both[KEY_MAX];
    int n = snprintf(both, sizeof both, "%.*s %.*s", FCT_FMT(domain), FCT_FMT(recipient));

    return n > 0 && n < KEY_MAX && key_print(key, "pair", (struct fct_str){both, (size_t)n});
}

static bool user_key(struct fct_call *call, struct fct_str recipient, char key[KEY_MAX])
{
    (void)recipient;
    return key_print(key, "user", host->conn(call)->login);
}

static bool user_recipients_key(struct fct_call *call, struct fct_str recipient, char key[KEY_MAX])
{
    (void)recipient;
    return key_print(key, "to", host->conn(call)->login);
}

/* THE table of limits. */
static const struct limit {
    const char *name, *whose;
    size_t rate; /* offset in the configuration */
    uint32_t roles;
    bool each_recipient; /* taken at RCPT, else with the message */
    key_of key;
} limits[] = {
#define LIMIT(member) #member, .rate = offsetof(struct ratelimit_conf, member)
    {LIMIT(net), .whose = "your network", .roles = MX, .key = net_key},
    {LIMIT(sender), .whose = "this sender", .roles = MX, .key = sender_key},
    {LIMIT(sender_domain), .whose = "this sender's domain", .roles = MX, .key = sender_domain_key},
    {LIMIT(recipient), .whose = "outside for this recipient", .roles = MX, .each_recipient = true,
     .key = recipient_key},
    {LIMIT(pair), .whose = "this sender's domain for this recipient", .roles = MX,
     .each_recipient = true, .key = pair_key},
    {LIMIT(user), .whose = "you", .roles = SUBMISSION, .key = user_key},
    {LIMIT(user_recipients), .whose = "you to so many recipients", .roles = SUBMISSION,
     .each_recipient = true, .key = user_recipients_key},
};

static const struct fct_rate *rate_at(const struct ratelimit_conf *conf, size_t offset)
{
    return (const struct fct_rate *)(const void *)((const char *)conf + offset);
}

static bool is_skipped(const struct ratelimit_conf *conf, const struct fct_conn *conn)
{
    for (size_t i = 0; i < conf->skip_user.n; i++)
        if (conn->login.n == strlen(conf->skip_user.item[i]) &&
            strncasecmp(conn->login.p, conf->skip_user.item[i], conn->login.n) == 0)
            return true;
    return conn->login.n == 0 && !clients_are_strangers(conn, &conf->skip_net);
}

static enum fct_verdict later(struct fct_call *call, const struct limit *limit, uint32_t wait_ms)
{
    char text[TEXT_MAX];

    if (wait_ms == UINT32_MAX)
        (void)snprintf(text, sizeof text, "Too much mail from %s", limit->whose);
    else
        (void)snprintf(text, sizeof text, "Too much mail from %s, try again in %u s", limit->whose,
                       wait_ms / 1000 + 1);
    host->count(call, limit->name, 1);
    (void)host->reply(call, limit->each_recipient ? 450 : 451, "4.7.1", text);
    return FCT_TEMPFAIL;
}

static FCT_MAY_WAIT enum fct_verdict take_all(struct fct_call *call,
                                              const struct ratelimit_conf *conf,
                                              struct fct_str recipient, bool each_recipient)
{
    uint32_t role = host->conn(call)->role, wait_ms = 0;
    char key[KEY_MAX];

    for (size_t i = 0; i < FCT_COUNT(limits); i++) {
        const struct limit *l = &limits[i];
        const struct fct_rate *rate = rate_at(conf, l->rate);

        if (rate->amount == 0 || l->each_recipient != each_recipient || !(l->roles & role) ||
            !l->key(call, recipient, key))
            continue;
        if (!host->limit_take(call, (struct fct_str){key, strlen(key)}, rate, 1, &wait_ms))
            return later(call, l, wait_ms);
    }
    return FCT_NEXT;
}

/* ---- the brake ---- */

/* Signs that somebody else has a user's password. */
static const struct sign {
    const char *name, *what;
    size_t rate;
} unknown = {"brake_unknown", "too many recipients that do not exist",
             offsetof(struct ratelimit_conf, brake_unknown)},
  networks = {"brake_networks", "too many networks within an hour",
              offsetof(struct ratelimit_conf, brake_networks)},
  spam = {"brake_spam", "too many messages that look like spam",
          offsetof(struct ratelimit_conf, brake_spam)};

static bool login_key(struct fct_call *call, const char *mark, char key[KEY_MAX])
{
    return key_print(key, mark, host->conn(call)->login);
}

static enum fct_verdict braked(struct fct_call *call)
{
    (void)host->reply(call, 451, "4.7.1",
                      "Sending is suspended for a while: this account sent unusual mail. Ask your "
                      "administrator if it was not you");
    return FCT_TEMPFAIL;
}

/* One more sign; the one too many draws the brake. */
static FCT_MAY_WAIT enum fct_verdict
notice(struct fct_call *call, const struct ratelimit_conf *conf, const struct sign *sign)
{
    const struct fct_rate *rate = rate_at(conf, sign->rate);
    char key[KEY_MAX];
    uint32_t wait_ms;

    if (rate->amount == 0 || !login_key(call, sign->name, key) ||
        host->limit_take(call, (struct fct_str){key, strlen(key)}, rate, 1, &wait_ms))
        return FCT_NEXT;
    host->log(call, FCT_WARNING, "alert: %.*s cannot send for %u s: %s",
              FCT_FMT(host->conn(call)->login), (unsigned)(conf->brake_time.ms / 1000), sign->what);
    host->count(call, "brakes", 1);
    if (login_key(call, "brake", key))
        (void)host->kv_set(call, (struct fct_str){key, strlen(key)},
                           (struct fct_str){sign->name, strlen(sign->name)},
                           (uint32_t)(conf->brake_time.ms / 1000));
    return braked(call);
}

static FCT_MAY_WAIT bool has_brake(struct fct_call *call)
{
    struct fct_str why;
    char key[KEY_MAX];

    return login_key(call, "brake", key) &&
           host->kv_get(call, (struct fct_str){key, strlen(key)}, &why);
}

/* A network that was not seen with this user within the hour. */
static FCT_MAY_WAIT bool is_new_network(struct fct_call *call)
{
    char net[IP_ADDRESS_ROOM], both[KEY_MAX], key[KEY_MAX];
    int n;

    if (!net_print(call, net))
        return false;
    n = snprintf(both, sizeof both, "%s %.*s", net, FCT_FMT(host->conn(call)->login));
    return n > 0 && n < KEY_MAX && key_print(key, "seen", (struct fct_str){both, (size_t)n}) &&
           !host->kv_seen(call, (struct fct_str){key, strlen(key)}, HOUR_S);
}

/* ---- points ---- */

static FCT_MAY_WAIT enum fct_verdict on_mail(struct fct_call *call, const struct fct_ev_mail *ev,
                                             void *state)
{
    const struct ratelimit_conf *conf = state;

    (void)ev;
    if (is_skipped(conf, host->conn(call)))
        return FCT_NEXT;
    if (has_brake(call))
        return braked(call);
    return conf->brake_networks.amount > 0 && is_new_network(call) ? notice(call, conf, &networks)
                                                                   : FCT_NEXT;
}

static FCT_MAY_WAIT enum fct_verdict on_rcpt(struct fct_call *call, const struct fct_ev_rcpt *ev,
                                             void *state)
{
    const struct ratelimit_conf *conf = state;

    if (is_skipped(conf, host->conn(call)))
        return FCT_NEXT;
    if (ev->refused.n == 0)
        return take_all(call, conf, ev->recipient, true);
    if (host->conn(call)->role & SUBMISSION)
        (void)notice(call, conf, &unknown);
    return FCT_NEXT;
}

static FCT_MAY_WAIT enum fct_verdict on_data(struct fct_call *call, const struct fct_ev_data *ev,
                                             void *state)
{
    const struct ratelimit_conf *conf = state;

    (void)ev;
    if (is_skipped(conf, host->conn(call)))
        return FCT_NEXT;
    if ((host->conn(call)->role & SUBMISSION) && has_brake(call)) /* drawn at RCPT */
        return braked(call);
    return take_all(call, conf, (struct fct_str){"", 0}, false);
}

static bool is_bad(struct fct_str action)
{
    static const char *const bad[] = {"junk", "quarantine", "discard", "reject"};

    for (size_t i = 0; i < FCT_COUNT(bad); i++)
        if (view_is(action, bad[i]))
            return true;
    return false;
}

static FCT_MAY_WAIT enum fct_verdict on_verdict(struct fct_call *call,
                                                const struct fct_ev_verdict *ev, void *state)
{
    const struct ratelimit_conf *conf = state;

    if (is_skipped(conf, host->conn(call)) || !is_bad(ev->action))
        return FCT_NEXT;
    return notice(call, conf, &spam);
}

/* ---- the plugin ---- */

static bool start(struct fct_self *self, const struct fct_host *given, const void *conf,
                  void **state, struct fct_err *err)
{
    const struct ratelimit_conf *c = conf;

    (void)self;
    host = given;
    if (!FCT_HAS(given, limit_take)) {
        err->class = FCT_DENIED;
        (void)snprintf(err->text, sizeof err->text, "this server is older than the plugin");
        return false;
    }
    memcpy(state, &conf, sizeof conf); /* read-only for us as well, but state is a plain pointer */
    return clients_check("skip_net", &c->skip_net, err);
}

/* Last at RCPT and DATA: what others refuse is not counted. */
static const struct fct_hook_row hooks[] = {
    FCT_ON(mail, on_mail, .roles = SUBMISSION),
    FCT_ON(rcpt, on_rcpt, .after = "spf? greylist?", .roles = MX | SUBMISSION),
    FCT_ON(data, on_data, .roles = MX | SUBMISSION),
    FCT_ON(verdict, on_verdict, .roles = SUBMISSION),
};

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "ratelimit",
    .version = "1.0",
    .summary = "how much one sender may send; a brake for accounts that were broken into",
    .license = "Apache-2.0",
    .keys = ratelimit_keys,
    .conf_size = sizeof(struct ratelimit_conf),
    .hooks = hooks,
    .nhooks = FCT_COUNT(hooks),
    .start = start,
};
