/* milter_conf.c - see milter_conf.h. */
#include "milter_conf.h"

#include "plugins/lib/clients.h"
#include "plugins/lib/view.h"

#include <strings.h>

/* clang-format off */
const struct fct_conf_key milter_keys[] = {
    FCT_CONF_KEY(struct milter_conf, address,          "",         "Where the filter listens: inet:HOST:PORT, inet:[::1]:PORT or unix:/path"),
    FCT_CONF_KEY(struct milter_conf, connect_timeout,  "30s",      "Connecting and negotiating"),
    FCT_CONF_KEY(struct milter_conf, command_timeout,  "30s",      "Each answer up to the end of the header; the plugin's `deadline` must be longer"),
    FCT_CONF_KEY(struct milter_conf, content_timeout,  "300s",     "The answer to the end of the message; each sign of progress starts it again"),
    FCT_CONF_KEY(struct milter_conf, default_action,   "tempfail", "What becomes of mail while the filter cannot be asked: tempfail, accept, reject or quarantine"),
    FCT_CONF_KEY(struct milter_conf, version,          "6",        "Highest version of the protocol to offer, 2 to 6"),
    FCT_CONF_KEY(struct milter_conf, idle_connections, "8",        "So many connections wait for the next client, in each filter process; 0 keeps none. Only version 6 can"),
    FCT_CONF_KEY(struct milter_conf, idle_time,        "30s",      "A waiting connection older than this is not used again"),
    FCT_CONF_KEY(struct milter_conf, max_packet,       "2M",       "Largest answer taken from the filter"),
    FCT_CONF_KEY(struct milter_conf, when_role,        "",         "Only on these listeners: mx, submission, lmtp, local; empty is all"),
    FCT_CONF_KEY(struct milter_conf, when_net,         "",         "Only for clients in these networks, as 192.0.2.0/24 or !127.0.0.0/8 for all but these; empty is all"),
    FCT_CONF_KEY(struct milter_conf, when_domain,      "",         "Only messages with a recipient in one of these domains; *.example.org is every subdomain; empty is all"),
    FCT_CONF_KEY(struct milter_conf, macros,           "",         "More macros, or other values, as \"{daemon_name}=ORIGINATING\""),
    FCT_CONF_END,
};
/* clang-format on */

static const struct {
    const char *word;
    enum milter_default action;
} defaults[] = {
    {"tempfail", DEFAULT_TEMPFAIL},
    {"accept", DEFAULT_ACCEPT},
    {"reject", DEFAULT_REJECT},
    {"quarantine", DEFAULT_QUARANTINE},
};

static const struct {
    const char *word;
    uint32_t role;
} roles[] = {
    {"mx", FCT_ROLE_MX},       {"submission", FCT_ROLE_SUBMISSION}, {"lmtp", FCT_ROLE_LMTP},
    {"local", FCT_ROLE_LOCAL}, {"replay", FCT_ROLE_REPLAY},
};

/* key: "value" is not what. */
static bool fail(struct fct_err *err, const char *key, const char *value, const char *what)
{
    err->class = FCT_SYNTAX;
    (void)snprintf(err->text, sizeof err->text, "%s: \"%.80s\" is not %s", key, value, what);
    return false;
}

/* ---- roles and domains ---- */

static uint32_t role_of(const char *word)
{
    for (size_t i = 0; i < FCT_COUNT(roles); i++)
        if (strcmp(word, roles[i].word) == 0)
            return roles[i].role;
    return 0;
}

bool milter_conf_wants(const struct milter_conf *conf, const struct fct_conn *conn)
{
    bool role = conf->when_role.n == 0;

    for (size_t i = 0; i < conf->when_role.n; i++)
        role = role || role_of(conf->when_role.item[i]) == conn->role;
    return role && (conf->when_net.n == 0 || clients_have(&conf->when_net, conn->client_ip));
}

static bool same(struct fct_str a, const char *b)
{
    return strlen(b) == a.n && strncasecmp(a.p, b, a.n) == 0;
}

static bool domain_fits(struct fct_str domain, const char *pattern)
{
    size_t n = strlen(pattern);

    if (pattern[0] != '*' || pattern[1] != '.')
        return same(domain, pattern);
    return domain.n > n - 1 && strncasecmp(domain.p + domain.n - (n - 1), pattern + 1, n - 1) == 0;
}

bool milter_conf_wants_domain(const struct milter_conf *conf, const struct fct_envelope *envelope)
{
    if (conf->when_domain.n == 0)
        return true;
    for (size_t r = 0; r < envelope->recipients; r++)
        for (size_t i = 0; i < conf->when_domain.n; i++)
            if (domain_fits(view_domain(envelope->recipient[r]), conf->when_domain.item[i]))
                return true;
    return false;
}

/* ---- check ---- */

static bool check_lists(const struct milter_conf *conf, struct fct_err *err)
{
    for (size_t i = 0; i < conf->when_role.n; i++)
        if (role_of(conf->when_role.item[i]) == 0)
            return fail(err, "when_role", conf->when_role.item[i],
                        "mx, submission, lmtp, local or replay");
    for (size_t i = 0; i < conf->macros.n; i++)
        if (!strchr(conf->macros.item[i], '=') || conf->macros.item[i][0] == '=')
            return fail(err, "macros", conf->macros.item[i], "NAME=value");
    return clients_check("when_net", &conf->when_net, err);
}

bool milter_conf_check(const struct milter_conf *conf, enum milter_default *action,
                       struct fct_err *err)
{
    if (strncmp(conf->address, "inet:", 5) != 0 && strncmp(conf->address, "unix:", 5) != 0)
        return fail(err, "address", conf->address, "inet:HOST:PORT or unix:/path");
    if (conf->version < 2 || conf->version > 6)
        return fail(err, "version", "", "2 to 6");
    for (size_t i = 0; i < FCT_COUNT(defaults); i++)
        if (strcmp(conf->default_action, defaults[i].word) == 0) {
            *action = defaults[i].action;
            return check_lists(conf, err);
        }
    return fail(err, "default_action", conf->default_action,
                "tempfail, accept, reject or quarantine");
}
