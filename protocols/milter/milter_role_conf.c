/* milter_role_conf.c - the rows of `milter { … }`. */
#include "protocols/milter/milter_role_conf.h"

#include "core/base/str.h"

/* clang-format off */
static const struct fct_conf_key keys[] = {
    FCT_CONF_KEY(struct milter_role_conf, submission_daemons, "[\"ORIGINATING\", \"submission\", \"submissions\", \"smtps\", \"MSA\"]", "Values of the macro {daemon_name} that mean mail of our own people: hooks see the role submission, else mx. Postfix: milter_macro_daemon_name"),
    FCT_CONF_KEY(struct milter_role_conf, max_connections,  "1000", "Connections of MTAs at a time; above it they are closed at once, and the MTA does what its own default action says"),
    FCT_CONF_KEY(struct milter_role_conf, max_message_size, "100M", "Largest message in bytes; larger ones are refused with 552 when some hook wants to see messages"),
    FCT_CONF_KEY(struct milter_role_conf, spool_memory,     "512M", "Bytes of all messages in hand together, which are kept in memory; above it further ones get 451"),
    FCT_CONF_KEY(struct milter_role_conf, timeout,          "2h",   "Wait for the MTA; it keeps a connection open as long as its own client"),
    FCT_CONF_KEY(struct milter_role_conf, wait,             "10s",  "How long a new connection waits for the filters to start"),
    FCT_CONF_KEY(struct milter_role_conf, progress,         "10s",  "How often the MTA is asked for patience while the filters judge a message"),
    FCT_CONF_KEY(struct milter_role_conf, on_unavailable,   "tempfail", "When no filter answers in time although it was repeated: tempfail (451) or accept, unfiltered"),
    FCT_CONF_END,
};
/* clang-format on */

bool milter_role_accepts_unfiltered(const struct milter_role_conf *conf)
{
    return str_equal(str_from(conf->on_unavailable), FCT_STR("accept"));
}

static bool check(const void *values, struct fct_err *err)
{
    const struct milter_role_conf *conf = values;

    if (!milter_role_accepts_unfiltered(conf) &&
        !str_equal(str_from(conf->on_unavailable), FCT_STR("tempfail")))
        return fct_fail(err, FCT_SYNTAX, "on_unavailable = %s: must be tempfail or accept",
                        conf->on_unavailable);
    if (conf->max_connections == 0)
        return fct_fail(err, FCT_SYNTAX, "max_connections: must be at least 1");
    if (conf->max_message_size.bytes < 1024 || conf->max_message_size.bytes > 2u << 30)
        return fct_fail(err, FCT_SYNTAX, "max_message_size: must be 1K to 2G");
    if (conf->progress.ms < 1000)
        return fct_fail(err, FCT_SYNTAX, "progress: must be at least 1s");
    if (conf->timeout.ms < 1000)
        return fct_fail(err, FCT_SYNTAX, "timeout: must be at least 1s");
    return true;
}

const struct conf_block milter_block = {
    .name = "milter",
    .doc = "Filtering for Postfix or Sendmail, at listeners with `protocol = milter`.",
    .keys = keys,
    .size = sizeof(struct milter_role_conf),
    .file = "24-milter.conf",
    .check = check,
};
