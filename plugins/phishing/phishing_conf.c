/* phishing_conf.c - the rows of `plugin phishing`. */
#include "phishing_conf.h"

#include "plugins/lib/clients.h"

/* clang-format off */
const struct fct_conf_key phishing_conf_keys[] = {
    FCT_CONF_KEY(struct phishing_conf, brand,       "[]",   "Names to protect besides those of plugins/phishing/brands.def, such as your own: \"Example Bank: example.bank example.com\" each; \"Orange (common): orange.com\" for a name that is also a word"),
    FCT_CONF_KEY(struct phishing_conf, not_brand,   "[]",   "Names of brands.def that are not looked for"),
    FCT_CONF_KEY(struct phishing_conf, skip_domain, "[]",   "Domains whose hosts are never judged, with all below them: partners whose names look like others"),
    FCT_CONF_KEY(struct phishing_conf, skip_net,    "[]",   "Clients whose mail is not looked at: networks and addresses"),
    FCT_CONF_KEY(struct phishing_conf, max_hosts,   "50",   "Different hosts of one message that are compared with brands; those that people can click on (1 to 500)"),
    FCT_CONF_KEY(struct phishing_conf, max_links,   "2000", "Links of one message that are looked at (1 to 50000)"),
    FCT_CONF_KEY(struct phishing_conf, check_users, "no",   "Judge what users who have logged in submit, too"),
    FCT_CONF_END,
};
/* clang-format on */

static bool in(uint32_t value, uint32_t high, const char *what, struct fct_err *err)
{
    if (value >= 1 && value <= high)
        return true;
    err->class = FCT_SYNTAX;
    (void)snprintf(err->text, sizeof err->text, "%s: must be 1 to %u", what, high);
    return false;
}

bool phishing_conf_check(const struct phishing_conf *c, struct fct_err *err)
{
    return in(c->max_hosts, 500, "max_hosts", err) && in(c->max_links, 50000, "max_links", err) &&
           clients_check("skip_net", &c->skip_net, err);
}
