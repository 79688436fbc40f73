/* known_conf.c - see known_conf.h. */
#include "known_conf.h"

#include "known_names.h"
#include "plugins/lib/clients.h"

/* clang-format off */
const struct fct_conf_key known_keys[] = {
    FCT_CONF_KEY(struct known_conf, secret,         "",     "Mixed into everything that is stored, so that nobody who reads Redis can try out addresses; the same on all servers that share a Redis. Whom users wrote to under another one is forgotten"),
    FCT_CONF_KEY(struct known_conf, sent,           "[\"Sent\", \"Sent Items\", \"Sent Messages\", \"INBOX.Sent\"]", "Mailboxes in which mail programs put what was sent: whoever stands there in To, Cc and Bcc was written to, too; empty: only what is submitted here counts"),
    FCT_CONF_KEY(struct known_conf, skip_net,       "[]",   "Clients whose mail is not looked at: relays of your own that hand you mail of others"),
    FCT_CONF_KEY(struct known_conf, max_recipients, "50",   "Whoever writes to more than so many at once knows none of them; 1 to 60"),
    FCT_CONF_KEY(struct known_conf, max_users,      "8",    "Recipients of a message who are looked up; 1 to 20"),
    FCT_CONF_KEY(struct known_conf, max_references, "5",    "Message-IDs in In-Reply-To and References that are looked up, the last ones; 0 to 10"),
    FCT_CONF_KEY(struct known_conf, forget,         "365d", "Whom a user has not written to for so long is forgotten"),
    FCT_CONF_KEY(struct known_conf, forget_replies, "90d",  "So long a reply to a message is one to a message of the user's own"),
    FCT_CONF_END,
};
/* clang-format on */

#define TTL_MAX_MS (10ull * 366 * 86400 * 1000)

static bool fail(struct fct_err *err, const char *text)
{
    err->class = FCT_SYNTAX;
    (void)snprintf(err->text, sizeof err->text, "%s", text);
    return false;
}

static bool is_time(const fct_duration *d)
{
    return d->ms >= 1000 && d->ms <= TTL_MAX_MS;
}

bool known_conf_check(const struct known_conf *c, struct fct_err *err)
{
    if (c->max_recipients < 1 || c->max_recipients > KNOWN_RECIPIENTS)
        return fail(err, "max_recipients: must be 1 to 60");
    if (c->max_users < 1 || c->max_users > KNOWN_USERS)
        return fail(err, "max_users: must be 1 to 20");
    if (c->max_references > KNOWN_REFERENCES)
        return fail(err, "max_references: must be at most 10");
    if (!is_time(&c->forget) || !is_time(&c->forget_replies))
        return fail(err, "forget, forget_replies: must be 1s to 10 years");
    return clients_check("skip_net", &c->skip_net, err);
}
