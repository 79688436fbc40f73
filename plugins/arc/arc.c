/* arc.c - ARC (RFC 8617): validates the chain of what comes in, seals what goes on. */
#include "plugins/arc/arc_plugin.h"

#include <stdlib.h>

/* As plugin dkim signs, and the signatures that are there. */
#define OVERSIGN                                                                       \
    "[\"From\", \"To\", \"Cc\", \"Subject\", \"Date\", \"Message-ID\", \"Reply-To\", " \
    "\"In-Reply-To\", \"References\", \"MIME-Version\", \"Content-Type\", "            \
    "\"Content-Transfer-Encoding\"]"
#define HEADERS                                                                  \
    "[\"DKIM-Signature\", \"Sender\", \"Content-ID\", \"Content-Description\", " \
    "\"Resent-Date\", \"Resent-From\", \"Resent-Sender\", \"Resent-To\", "       \
    "\"Resent-Cc\", \"Resent-Message-ID\", \"List-Id\", \"List-Help\", "         \
    "\"List-Unsubscribe\", \"List-Unsubscribe-Post\", \"List-Subscribe\", "      \
    "\"List-Post\", \"List-Owner\", \"List-Archive\"]"

/* clang-format off */
static const struct fct_conf_key arc_conf_keys[] = {
    FCT_CONF_KEY(struct arc_conf, max_sets,          "50",   "Longer chains have failed; 1 to 50 (RFC 8617 4.2.1)"),
    FCT_CONF_KEY(struct arc_conf, max_verifications, "60",   "So many signatures of a message are verified: all seals and the newest message signature in any case, older ones as far as this goes; at most 60"),
    FCT_CONF_KEY(struct arc_conf, max_results,       "60",   "So many recorded results of a chain are left for DMARC, the newest first; at most 120"),
    FCT_CONF_KEY(struct arc_conf, min_bits,          "1024", "Shorter RSA keys are refused (RFC 8301 3.2: never below 1024)"),
    FCT_CONF_KEY(struct arc_conf, max_bits,          "4096", "Longer RSA keys are refused; at most 4096"),
    FCT_CONF_KEY(struct arc_conf, clock_skew,        "1h",   "A signature from so far in the future is taken"),
    FCT_CONF_KEY(struct arc_conf, key_cache,         "200",  "Keys kept ready in each filter process; how long a record is good is the resolver's business"),
    FCT_CONF_KEY(struct arc_conf, offload,           "1M",   "Bodies from this size on are hashed beside other mail"),
    FCT_CONF_KEY(struct arc_conf, seal,              "no",   "no; forwarded: seal mail with a recipient whose domain is not in local_domains; all: seal everything that others send us"),
    FCT_CONF_KEY(struct arc_conf, local_domains,     "[]",   "Domains whose mail ends here, for seal = forwarded"),
    FCT_CONF_KEY(struct arc_conf, domain,            "",     "Who seals; empty: the server's name, or the nearest domain above it that has keys"),
    FCT_CONF_KEY(struct arc_conf, keys,              "/etc/facteur/dkim", "Folder with the keys to seal with, DOMAIN/SELECTOR.pem; see facteurctl dkim"),
    FCT_CONF_KEY(struct arc_conf, headers,           HEADERS,  "Fields that are covered when they are there"),
    FCT_CONF_KEY(struct arc_conf, oversign,          OVERSIGN, "Fields that are covered, and of which none can be added (RFC 6376 8.15)"),
    FCT_CONF_END,
};
/* clang-format on */

#define VERIFICATIONS_LIMIT 60  /* the keys of all are asked for at once: filter.max_tasks */
#define RESULTS_LIMIT       120 /* a message may have 200 facts, of all plugins together */

/* ---- settings ---- */

static bool check_limits(const struct arc_conf *conf, struct fct_err *err)
{
    if (conf->max_sets < 1 || conf->max_sets > ARC_INSTANCES)
        return dkim_fail(err, FCT_SYNTAX, "max_sets: must be 1 to %d", ARC_INSTANCES);
    if (conf->max_verifications > VERIFICATIONS_LIMIT)
        return dkim_fail(err, FCT_SYNTAX, "max_verifications: must be at most %d",
                         VERIFICATIONS_LIMIT);
    if (conf->max_results > RESULTS_LIMIT)
        return dkim_fail(err, FCT_SYNTAX, "max_results: must be at most %d", RESULTS_LIMIT);
    if (conf->min_bits < 1024 || conf->max_bits > 4096 || conf->min_bits > conf->max_bits)
        return dkim_fail(err, FCT_SYNTAX, "min_bits, max_bits: must be within 1024 and 4096");
    return true;
}

static bool take_when(struct arc_plugin *plugin, struct fct_err *err)
{
    static const char *const words[] = {
        [ARC_SEAL_NO] = "no",
        [ARC_SEAL_FORWARDED] = "forwarded",
        [ARC_SEAL_ALL] = "all",
    };
    const char *said = plugin->conf->seal;

    for (size_t i = 0; i < FCT_COUNT(words); i++)
        if (strcmp(said, words[i]) == 0) {
            plugin->when = (enum arc_seal_when)i;
            return plugin->when != ARC_SEAL_FORWARDED || plugin->conf->local_domains.n > 0 ||
                   dkim_fail(err, FCT_SYNTAX,
                             "seal = forwarded, but local_domains does not say what ends here");
        }
    return dkim_fail(err, FCT_SYNTAX, "seal: must be no, forwarded or all");
}

/* RFC 8617 4.1.2 */
static bool covers_no_seal(const struct arc_conf *conf, struct fct_err *err)
{
    if (dkim_names_have(&conf->headers, FCT_STR("ARC-Seal")) ||
        dkim_names_have(&conf->oversign, FCT_STR("ARC-Seal")))
        return dkim_fail(err, FCT_SYNTAX, "headers, oversign: ARC-Seal must not be there");
    return true;
}

static bool load_keys(struct arc_plugin *plugin, struct fct_err *err)
{
    if (plugin->when == ARC_SEAL_NO)
        return true;
    if (!dkim_covers_from(&plugin->conf->oversign, err) || !covers_no_seal(plugin->conf, err) ||
        !dkim_keys_load(&plugin->keys, plugin->conf->keys, err))
        return false;
    return plugin->keys.n > 0 ||
           dkim_fail(err, FCT_SYNTAX, "seal = %s, but %s has no DOMAIN/SELECTOR.pem",
                     plugin->conf->seal, plugin->conf->keys);
}

/* ---- the plugin ---- */

static void stop(void *state)
{
    struct arc_plugin *plugin = state;

    dkim_key_cache_free(&plugin->cache);
    dkim_keys_free(&plugin->keys);
    free(plugin);
}

static bool start(struct fct_self *self, const struct fct_host *host, const void *conf,
                  void **state, struct fct_err *err)
{
    struct arc_plugin *plugin = calloc(1, sizeof *plugin);

    (void)self;
    if (!plugin)
        return dkim_fail(err, FCT_TEMP, "no memory");
    plugin->host = host;
    plugin->conf = conf;
    if (check_limits(plugin->conf, err) && take_when(plugin, err) && load_keys(plugin, err)) {
        struct dkim_key_limits limits = {plugin->conf->min_bits, plugin->conf->max_bits};

        plugin->cache = dkim_key_cache_new(plugin->conf->key_cache, &limits);
        if (plugin->cache && FCT_HAS(host, fact) && dkim_digest_setup()) {
            *state = plugin;
            return true;
        }
        (void)dkim_fail(err, FCT_TEMP, "OpenSSL gives no SHA-256, or the server is too old");
    }
    stop(plugin);
    return false;
}

/* Sealed last: what is changed afterwards would break it. */
static const struct fct_hook_row hooks[] = {
    FCT_ON(scan, arc_on_scan, .provides = "arc", .may = FCT_MAY_NOTHING),
    FCT_ON(edit, arc_on_edit, .provides = "arc", .after = "headers? milter? trackers? authres?",
           .may = FCT_MAY_ADD_HEADER),
};

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "arc",
    .version = "1.0",
    .summary = "Validates the Authenticated Received Chain, seals what goes on",
    .license = "Apache-2.0",
    .keys = arc_conf_keys,
    .conf_size = sizeof(struct arc_conf),
    .symbols = arc_symbols,
    .hooks = hooks,
    .nhooks = FCT_COUNT(hooks),
    .start = start,
    .stop = stop,
};
