/* clamav_conf.c - see clamav_conf.h. */
#include "clamav_conf.h"

#define SERVERS_MAX 16u
#define PROBE_LEAST 1000u /* ms */

/* clang-format off */
const struct fct_conf_key clamav_keys[] = {
    FCT_CONF_KEY(struct clamav_conf, server,         "[\"unix:/run/clamav/clamd.ctl\"]", "Where clamd listens, \"unix:/path\" or \"inet:HOST:PORT\": the first that serves is asked, the others when it does not (up to 16)"),
    FCT_CONF_KEY(struct clamav_conf, action,         "reject", "What becomes of a message with a virus: reject, quarantine, discard, or score (the symbol alone)"),
    FCT_CONF_KEY(struct clamav_conf, on_unavailable, "accept", "While no clamd serves: accept, or tempfail (451, the client comes back)"),
    FCT_CONF_KEY(struct clamav_conf, soft,           "[\"Heuristics.\", \"PUA.\", \"Sanesecurity.\", \"SecuriteInfo.com.Spam\", \"winnow.spam\"]", "Beginnings of names that are suspicions rather than viruses: VIRUS_SUSPECTED with its score, never `action`"),
    FCT_CONF_KEY(struct clamav_conf, max_size,       "25M",    "Greater messages are not handed to clamd (CLAMAV_TOO_BIG); its StreamMaxLength should be no smaller (64K to 4G)"),
    FCT_CONF_KEY(struct clamav_conf, timeout,        "20s",    "Without a byte for so long clamd counts as away; `deadline` should be longer (100ms to 10m)"),
    FCT_CONF_KEY(struct clamav_conf, pause,          "30s",    "Who was away is asked last for so long, or until a probe finds it back"),
    FCT_CONF_KEY(struct clamav_conf, probe,          "15s",    "How often each clamd is asked whether it serves (PING, VERSION), at least 1s"),
    FCT_CONF_KEY(struct clamav_conf, rank,           "100",    "Of `action` against the wishes of other plugins: the highest rank wins; 0 to 1000000"),
    FCT_CONF_END,
};
/* clang-format on */

static bool fail(struct fct_err *err, const char *key, const char *what)
{
    err->class = FCT_SYNTAX;
    (void)snprintf(err->text, sizeof err->text, "%s: %s", key, what);
    return false;
}

static bool read_action(const char *word, enum clamav_action *out)
{
    static const char *const words[] = {[CLAMAV_SCORE] = "score",
                                        [CLAMAV_QUARANTINE] = "quarantine",
                                        [CLAMAV_DISCARD] = "discard",
                                        [CLAMAV_REJECT] = "reject"};

    for (unsigned i = 0; i < FCT_COUNT(words); i++)
        if (strcmp(words[i], word) == 0) {
            *out = (enum clamav_action)i;
            return true;
        }
    return false;
}

static bool is_address(const char *s)
{
    return (strncmp(s, "unix:/", 6) == 0 && s[6]) || (strncmp(s, "inet:", 5) == 0 && s[5]);
}

bool clamav_conf_read(const struct clamav_conf *conf, struct clamav_choice *out,
                      struct fct_err *err)
{
    if (conf->server.n == 0 || conf->server.n > SERVERS_MAX)
        return fail(err, "server", "must name one to 16");
    for (size_t i = 0; i < conf->server.n; i++)
        if (!is_address(conf->server.item[i]))
            return fail(err, conf->server.item[i], "must be unix:/path or inet:HOST:PORT");
    if (!read_action(conf->action, &out->action))
        return fail(err, "action", "must be reject, quarantine, discard or score");
    out->defer = strcmp(conf->on_unavailable, "tempfail") == 0;
    if (!out->defer && strcmp(conf->on_unavailable, "accept") != 0)
        return fail(err, "on_unavailable", "must be accept or tempfail");
    if (conf->max_size.bytes < 65536 || conf->max_size.bytes > UINT64_C(4) << 30)
        return fail(err, "max_size", "must be 64K to 4G");
    if (conf->timeout.ms < 100 || conf->timeout.ms > 600000)
        return fail(err, "timeout", "must be 100ms to 10m");
    if (conf->probe.ms < PROBE_LEAST || conf->probe.ms > UINT32_MAX)
        return fail(err, "probe", "must be at least 1s");
    return conf->rank <= 1000000 || fail(err, "rank", "must be 0 to 1000000");
}
