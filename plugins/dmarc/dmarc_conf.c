/* dmarc_conf.c - see dmarc_conf.h. */
#include "dmarc_conf.h"

#include "plugins/spf/spf_address.h"

/* clang-format off */
const struct fct_conf_key dmarc_keys[] = {
    FCT_CONF_KEY(struct dmarc_conf, discovery,          "walk",    "How the record and the organization of a domain are found: walk, up the tree of the DNS (RFC 9989 4.10), or psl, by the public suffix list (RFC 7489 3.2)"),
    FCT_CONF_KEY(struct dmarc_conf, policy,             "enforce", "What a domain's policy means here: enforce does what it asks for, symbol only adds symbols with their scores, ignore adds symbols that score nothing"),
    FCT_CONF_KEY(struct dmarc_conf, on_reject,          "reject",  "What becomes of a message that fails where the domain asks to reject: keep, tag, junk, quarantine, discard or reject"),
    FCT_CONF_KEY(struct dmarc_conf, on_quarantine,      "junk",    "The same where the domain asks to quarantine"),
    FCT_CONF_KEY(struct dmarc_conf, bad_from,           "reject",  "The same for a message without a From field, with several, with one that cannot be read, or with authors of several domains: nobody could say whom to check (RFC 9989 11.5)"),
    FCT_CONF_KEY(struct dmarc_conf, rank,               "50",      "Of these wishes against those of other plugins: the highest rank wins; 0 to 1000000"),
    FCT_CONF_KEY(struct dmarc_conf, skip_net,           "[\"127.0.0.0/8\", \"10.0.0.0/8\", \"172.16.0.0/12\", \"192.168.0.0/16\", \"169.254.0.0/16\", \"::1/128\", \"fc00::/7\", \"fe80::/10\"]", "Clients that are not checked: networks nobody outside comes from, and the relays and backup servers that hand you mail of others"),
    FCT_CONF_KEY(struct dmarc_conf, trusted_forwarders, "",        "Domains of mailing lists and forwarders, as lists.example.org or *.example.org: mail for which SPF or DKIM passes in such a name is not treated by the author's policy"),
    FCT_CONF_END,
};

static const struct { const char *word; enum fct_action action; } actions[] = {
    {"keep", FCT_KEEP}, {"tag", FCT_TAG}, {"junk", FCT_JUNK}, {"quarantine", FCT_HOLD}, {"discard", FCT_DROP}, {"reject", FCT_REFUSE},
};
static const char *const discoveries[] = {[DMARC_BY_WALK] = "walk", [DMARC_BY_LIST] = "psl"};
static const char *const modes[] = {[DMARC_IGNORE] = "ignore", [DMARC_SYMBOL] = "symbol", [DMARC_ENFORCE] = "enforce"};
/* clang-format on */

#define RANK_MAX 1000000

static struct fct_str view(const char *s)
{
    return (struct fct_str){s, strlen(s)};
}

static bool fail(struct fct_err *err, const char *key, const char *value, const char *must)
{
    err->class = FCT_SYNTAX;
    (void)snprintf(err->text, sizeof err->text, "%s: \"%.80s\" must be %s", key, value, must);
    return false;
}

static bool read_action(const char *key, const char *value, enum fct_action *out,
                        struct fct_err *err)
{
    for (size_t i = 0; i < FCT_COUNT(actions); i++)
        if (strcmp(value, actions[i].word) == 0) {
            *out = actions[i].action;
            return true;
        }
    return fail(err, key, value, "keep, tag, junk, quarantine, discard or reject");
}

/* The place of the value among the words, or n. */
static unsigned place(const char *value, const char *const *words, unsigned n)
{
    unsigned i = 0;

    while (i < n && strcmp(value, words[i]) != 0)
        i++;
    return i;
}

/* "*.example.org" or "example.org" */
static bool read_domain(const char *text, bool *below, struct dmarc_domain *out)
{
    *below = strncmp(text, "*.", 2) == 0;
    return dmarc_domain_parse(view(*below ? text + 2 : text), out);
}

static bool check_lists(const struct dmarc_conf *conf, struct fct_err *err)
{
    struct dmarc_domain domain;
    struct spf_net net;
    bool below;

    for (size_t i = 0; i < conf->skip_net.n; i++)
        if (!spf_net_parse(view(conf->skip_net.item[i]), &net))
            return fail(err, "skip_net", conf->skip_net.item[i],
                        "a network, as 192.0.2.0/24 or 2001:db8::/32");
    for (size_t i = 0; i < conf->trusted_forwarders.n; i++)
        if (!read_domain(conf->trusted_forwarders.item[i], &below, &domain))
            return fail(err, "trusted_forwarders", conf->trusted_forwarders.item[i],
                        "a domain, as lists.example.org or *.example.org");
    return true;
}

bool dmarc_conf_read(const struct dmarc_conf *conf, struct dmarc_plan *out, struct fct_err *err)
{
    unsigned discovery = place(conf->discovery, discoveries, FCT_COUNT(discoveries));
    unsigned mode = place(conf->policy, modes, FCT_COUNT(modes));
    char number[16];

    *out = (struct dmarc_plan){.conf = conf};
    if (discovery == FCT_COUNT(discoveries))
        return fail(err, "discovery", conf->discovery, "walk or psl");
    if (mode == FCT_COUNT(modes))
        return fail(err, "policy", conf->policy, "enforce, symbol or ignore");
    (void)snprintf(number, sizeof number, "%u", conf->rank);
    if (conf->rank > RANK_MAX)
        return fail(err, "rank", number, "0 to 1000000");
    out->discovery = (enum dmarc_discovery)discovery;
    out->mode = (enum dmarc_mode)mode;
    return read_action("on_reject", conf->on_reject, &out->action[DMARC_POLICY_REJECT], err) &&
           read_action("on_quarantine", conf->on_quarantine, &out->action[DMARC_POLICY_QUARANTINE],
                       err) &&
           read_action("bad_from", conf->bad_from, &out->bad_from, err) && check_lists(conf, err);
}

bool dmarc_conf_wants(const struct dmarc_conf *conf, const struct fct_conn *conn)
{
    struct spf_address client;
    struct spf_net net;

    if (conn->login.n > 0 || conn->trusted || !spf_address_parse(conn->client_ip, &client))
        return false;
    for (size_t i = 0; i < conf->skip_net.n; i++)
        if (spf_net_parse(view(conf->skip_net.item[i]), &net) &&
            spf_address_matches(&client, &net.address, net.bits))
            return false;
    return true;
}

bool dmarc_conf_trusts(const struct dmarc_conf *conf, struct fct_str domain)
{
    struct dmarc_domain trusted;
    bool below;

    for (size_t i = 0; i < conf->trusted_forwarders.n; i++)
        if (read_domain(conf->trusted_forwarders.item[i], &below, &trusted) &&
            (below ? domain.n > trusted.n && dmarc_domain_within(domain, dmarc_domain_str(&trusted))
                   : dmarc_domain_same(domain, dmarc_domain_str(&trusted))))
            return true;
    return false;
}
