/* dmarc_conf.c - see dmarc_conf.h. */
#include "dmarc_conf.h"
#include "dmarc_opendmarc.h"

#include "plugins/lib/clients.h"
#include "plugins/lib/conf_check.h"

/* clang-format off */
const struct fct_conf_key dmarc_keys[] = {
    FCT_CONF_KEY(struct dmarc_conf, engine,             "native",  "native, or opendmarc: libopendmarc, the library of the OpenDMARC milter, for comparison; it knows no np, psd and t (RFC 9989)"),
    FCT_CONF_KEY(struct dmarc_conf, public_suffix_list, DMARC_SUFFIX_LIST, "The file by which opendmarc finds organizations"),
    FCT_CONF_KEY(struct dmarc_conf, discovery,          "walk",    "How the record and the organization of a domain are found: walk, up the tree of the DNS (RFC 9989 4.10), or psl, by the public suffix list (RFC 7489 3.2)"),
    FCT_CONF_KEY(struct dmarc_conf, policy,             "enforce", "What a domain's policy means here: enforce does what it asks for, symbol only adds symbols with their scores, ignore adds symbols that score nothing"),
    FCT_CONF_KEY(struct dmarc_conf, on_reject,          "reject",  "What becomes of a message that fails where the domain asks to reject: keep, tag, junk, quarantine, discard or reject"),
    FCT_CONF_KEY(struct dmarc_conf, on_quarantine,      "junk",    "The same where the domain asks to quarantine"),
    FCT_CONF_KEY(struct dmarc_conf, on_list,            "junk",    "The same, if it is milder than the two above, for mail of a mailing list that proves to be who it says: lists change messages, so that DMARC fails for their authors"),
    FCT_CONF_KEY(struct dmarc_conf, bad_from,           "reject",  "The same for a message without a From field, with several, with one that cannot be read, or with authors of several domains: nobody could say whom to check (RFC 9989 11.5)"),
    FCT_CONF_KEY(struct dmarc_conf, rank,               "50",      "Of these wishes against those of other plugins: the highest rank wins; 0 to 1000000"),
    FCT_CONF_KEY(struct dmarc_conf, skip_net,           "[\"127.0.0.0/8\", \"10.0.0.0/8\", \"172.16.0.0/12\", \"192.168.0.0/16\", \"169.254.0.0/16\", \"::1/128\", \"fc00::/7\", \"fe80::/10\"]", "Clients that are not checked: networks nobody outside comes from, and the relays and backup servers that hand you mail of others; an entry such as !10.0.0.25 is an exception from those before it"),
    FCT_CONF_KEY(struct dmarc_conf, trusted_forwarders, "",        "Domains of mailing lists and forwarders, as lists.example.org or *.example.org: mail for which SPF or DKIM passes in such a name is not treated by the author's policy"),
    FCT_CONF_KEY(struct dmarc_conf, trusted_sealers,    "",        "Domains, written likewise, whose ARC seals are believed: a failing message is not treated by the author's policy when the chain passes, the newest seals are of such domains, and one of them recorded that DMARC passed when it came there; needs plugin arc"),
    FCT_CONF_KEY(struct dmarc_conf, reports,            "yes",     "Keep in Redis what aggregate reports need, for domains that ask for them (rua): results, IP addresses and domains, never addresses of people; report_send has them sent (RFC 9990)"),
    FCT_CONF_KEY(struct dmarc_conf, report_org,         "",        "Whose reports they are: the name of your organization; empty: the server's name"),
    FCT_CONF_KEY(struct dmarc_conf, report_email,       "",        "Their sender, and whom to ask about them; its domain must pass DMARC itself; empty: postmaster at the server's name"),
    FCT_CONF_KEY(struct dmarc_conf, report_contact,     "",        "More about whom to ask, as a URL"),
    FCT_CONF_KEY(struct dmarc_conf, report_send,        "auto",    "Does the server send the reports of each day by itself? yes, no, or auto: yes when report_email is set"),
    FCT_CONF_KEY(struct dmarc_conf, report_after,       "1h",      "They are sent at a random time within this behind midnight UTC, so that not everybody sends at once"),
    FCT_CONF_KEY(struct dmarc_conf, report_retry,       "1h",      "How soon it is tried again for domains about whose addresses the DNS could not say all; on the day after, those get theirs that are known"),
    FCT_CONF_KEY(struct dmarc_conf, report_keep,        "7d",      "How long the data of a day is kept in Redis; at least 1d"),
    FCT_CONF_KEY(struct dmarc_conf, report_lines,       "10000",   "Different rows of one domain and day; messages beyond them are only counted"),
    FCT_CONF_KEY(struct dmarc_conf, report_domains,     "10000",   "Domains of one day; further ones get no report"),
    FCT_CONF_KEY(struct dmarc_conf, report_day_lines,   "200000",  "Different rows of all domains of one day; messages beyond them are only counted"),
    FCT_CONF_KEY(struct dmarc_conf, report_max_size,    "10M",     "Largest message with a report; a larger one is not made"),
    FCT_CONF_END,
};

static const struct { const char *word; enum fct_action action; } actions[] = {
    {"keep", FCT_KEEP}, {"tag", FCT_TAG}, {"junk", FCT_JUNK}, {"quarantine", FCT_HOLD}, {"discard", FCT_DROP}, {"reject", FCT_REFUSE},
};
static const char *const engines[] = {"native", "opendmarc"};
static const char *const discoveries[] = {[DMARC_BY_WALK] = "walk", [DMARC_BY_LIST] = "psl"};
static const char *const sends[] = {"auto", "yes", "no"};
static const char *const modes[] = {[DMARC_IGNORE] = "ignore", [DMARC_SYMBOL] = "symbol", [DMARC_ENFORCE] = "enforce"};
/* clang-format on */

#define RANK_MAX 1000000
#define DAY_MS   ((uint64_t)86400000)

static bool read_action(const char *key, const char *value, enum fct_action *out,
                        struct fct_err *err)
{
    for (size_t i = 0; i < FCT_COUNT(actions); i++)
        if (strcmp(value, actions[i].word) == 0) {
            *out = actions[i].action;
            return true;
        }
    return conf_fail(err, key, value, "keep, tag, junk, quarantine, discard or reject");
}

/* The place of the value among the words, or n. */
static unsigned place(const char *value, const char *const *words, unsigned n)
{
    unsigned i = 0;

    while (i < n && strcmp(value, words[i]) != 0)
        i++;
    return i;
}

static bool check_patterns(const char *key, const struct fct_strings *list, struct fct_err *err)
{
    for (size_t i = 0; i < list->n; i++)
        if (!dmarc_pattern_is(list->item[i]))
            return conf_fail(err, key, list->item[i],
                             "a domain, as lists.example.org or *.example.org");
    return true;
}

static bool check_lists(const struct dmarc_conf *conf, struct fct_err *err)
{
    return clients_check("skip_net", &conf->skip_net, err) &&
           check_patterns("trusted_forwarders", &conf->trusted_forwarders, err) &&
           check_patterns("trusted_sealers", &conf->trusted_sealers, err);
}

/* Behind it there must be time for a second try of the same day. */
static bool check_after(const fct_duration *after, struct fct_err *err)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%llus", (unsigned long long)after->ms / 1000);
    return after->ms <= DAY_MS / 2 || conf_fail(err, "report_after", text, "at most 12h");
}

bool dmarc_conf_read(const struct dmarc_conf *conf, struct dmarc_plan *out, struct fct_err *err)
{
    unsigned engine = place(conf->engine, engines, FCT_COUNT(engines));
    unsigned discovery = place(conf->discovery, discoveries, FCT_COUNT(discoveries));
    unsigned mode = place(conf->policy, modes, FCT_COUNT(modes));

    *out = (struct dmarc_plan){.conf = conf};
    if (engine == FCT_COUNT(engines))
        return conf_fail(err, "engine", conf->engine, "native or opendmarc");
    if (discovery == FCT_COUNT(discoveries))
        return conf_fail(err, "discovery", conf->discovery, "walk or psl");
    if (mode == FCT_COUNT(modes))
        return conf_fail(err, "policy", conf->policy, "enforce, symbol or ignore");
    if (place(conf->report_send, sends, FCT_COUNT(sends)) == FCT_COUNT(sends))
        return conf_fail(err, "report_send", conf->report_send, "yes, no or auto");
    if (!check_after(&conf->report_after, err))
        return false;
    if (!conf_check_number("rank", conf->rank, 0, RANK_MAX, err) ||
        !conf_check_least("report_keep", &conf->report_keep, DAY_MS, "1d", err) ||
        !conf_check_least("report_retry", &conf->report_retry, 1000, "1s", err))
        return false;
    out->opendmarc = engine == 1;
    out->discovery = (enum dmarc_discovery)discovery;
    out->mode = (enum dmarc_mode)mode;
    return read_action("on_reject", conf->on_reject, &out->action[DMARC_POLICY_REJECT], err) &&
           read_action("on_quarantine", conf->on_quarantine, &out->action[DMARC_POLICY_QUARANTINE],
                       err) &&
           read_action("on_list", conf->on_list, &out->on_list, err) &&
           read_action("bad_from", conf->bad_from, &out->bad_from, err) && check_lists(conf, err);
}

bool dmarc_conf_sends(const struct dmarc_conf *conf)
{
    if (strcmp(conf->report_send, "auto") == 0)
        return conf->reports && conf->report_email[0];
    return conf->reports && strcmp(conf->report_send, "yes") == 0;
}
