/* reputation_conf.c - see reputation_conf.h. */
#include "reputation_conf.h"

#include "plugins/lib/clients.h"

#define URLS_MAX 20u

/* clang-format off */
const struct fct_conf_key reputation_keys[] = {
    FCT_CONF_KEY(struct reputation_conf, secret,       "",     "Mixed into everything that is stored, so that nobody who reads Redis can try out names; the same on all servers that share a Redis. What was counted under another one is forgotten"),
    FCT_CONF_KEY(struct reputation_conf, asn_database, "",     "File in MaxMind's format (.mmdb) with autonomous_system_number of networks, an absolute path; empty: no REPUTATION_ASN. Read again at reload"),
    FCT_CONF_KEY(struct reputation_conf, skip_net,     "[\"127.0.0.0/8\", \"10.0.0.0/8\", \"172.16.0.0/12\", \"192.168.0.0/16\", \"169.254.0.0/16\", \"::1/128\", \"fc00::/7\", \"fe80::/10\"]", "Clients whose mail is neither judged nor counted: relays of your own that hand you mail of others"),
    FCT_CONF_KEY(struct reputation_conf, skip_url,     "[\"w3.org\"]", "Registrable domains that stand in everybody's mail and say nothing"),
    FCT_CONF_KEY(struct reputation_conf, max_urls,     "10",   "Different hosts in links of a message that are looked at; 0 to 20"),
    FCT_CONF_KEY(struct reputation_conf, strength,     "10",   "Messages from which what is known counts by half; 1 to 1000"),
    FCT_CONF_KEY(struct reputation_conf, good_share,   "0.5",  "Share of a symbol's score with which a good reputation counts; 0 to 1"),
    FCT_CONF_KEY(struct reputation_conf, spam_from,    "6",    "A message that becomes junk or worse counts as spam when its score without the symbols of this plugin is this or more"),
    FCT_CONF_KEY(struct reputation_conf, ham_below,    "1",    "A message that is kept counts as wanted when its score without the symbols of this plugin is below this"),
    FCT_CONF_KEY(struct reputation_conf, learn_weight, "5",    "What a person says of a message counts as much as so many messages; 0 to 100, 0: nothing"),
    FCT_CONF_KEY(struct reputation_conf, users_teach_site, "no", "What a user says of a message changes everybody's verdicts, instead of his own alone"),
    FCT_CONF_KEY(struct reputation_conf, remember,     "14d",  "How long a message is remembered, so that people can say something else of it; about 300 bytes each in Redis"),
    FCT_CONF_KEY(struct reputation_conf, forget,       "180d", "A name nothing was heard of for so long is forgotten"),
    FCT_CONF_END,
};
/* clang-format on */

static bool fail(struct fct_err *err, const char *text)
{
    err->class = FCT_SYNTAX;
    (void)snprintf(err->text, sizeof err->text, "%s", text);
    return false;
}

bool reputation_conf_check(const struct reputation_conf *c, struct fct_err *err)
{
    if (c->max_urls > URLS_MAX)
        return fail(err, "max_urls: must be at most 20");
    if (c->strength < 1 || c->strength > 1000)
        return fail(err, "strength: must be 1 to 1000");
    if (!(c->good_share >= 0 && c->good_share <= 1))
        return fail(err, "good_share: must be 0 to 1");
    if (!(c->learn_weight >= 0 && c->learn_weight <= 100))
        return fail(err, "learn_weight: must be 0 to 100");
    if (!(c->ham_below <= c->spam_from))
        return fail(err, "ham_below: must be at most spam_from");
    if (c->remember.ms < 1000 || c->forget.ms < c->remember.ms)
        return fail(err, "forget: must be remember or longer, and that 1s or longer");
    if (*c->asn_database && *c->asn_database != '/')
        return fail(err, "asn_database: must be an absolute path");
    return clients_check("skip_net", &c->skip_net, err);
}
