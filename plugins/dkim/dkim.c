/* dkim.c - DKIM (RFC 6376): verifies what comes in, signs what our users send. */
#include "plugins/dkim/dkim_plugin.h"

#include <stdlib.h>

/* Covered even when they are not there: adding one of them would change what people see. */
#define OVERSIGN                                                                       \
    "[\"From\", \"To\", \"Cc\", \"Subject\", \"Date\", \"Message-ID\", \"Reply-To\", " \
    "\"In-Reply-To\", \"References\", \"MIME-Version\", \"Content-Type\", "            \
    "\"Content-Transfer-Encoding\"]"
#define HEADERS                                                                      \
    "[\"Sender\", \"Content-ID\", \"Content-Description\", \"Resent-Date\", "        \
    "\"Resent-From\", \"Resent-Sender\", \"Resent-To\", \"Resent-Cc\", "             \
    "\"Resent-Message-ID\", \"List-Id\", \"List-Help\", \"List-Unsubscribe\", "      \
    "\"List-Unsubscribe-Post\", \"List-Subscribe\", \"List-Post\", \"List-Owner\", " \
    "\"List-Archive\"]"

/* clang-format off */
static const struct fct_conf_key dkim_conf_keys[] = {
    FCT_CONF_KEY(struct dkim_conf, verify,           "yes",   "Verify signatures of mail from others"),
    FCT_CONF_KEY(struct dkim_conf, max_signatures,   "10",    "So many signatures of a message are looked at, from the top; 1 to 100"),
    FCT_CONF_KEY(struct dkim_conf, min_bits,         "1024",  "Shorter RSA keys are refused (RFC 8301 3.2: never below 1024)"),
    FCT_CONF_KEY(struct dkim_conf, max_bits,         "4096",  "Longer RSA keys are refused; at most 4096"),
    FCT_CONF_KEY(struct dkim_conf, clock_skew,       "5m",    "A signature from so far in the future is taken"),
    FCT_CONF_KEY(struct dkim_conf, key_cache,        "1000",  "Keys kept ready in each filter process; how long a record is good is the resolver's business"),
    FCT_CONF_KEY(struct dkim_conf, offload,          "1M",    "Bodies from this size on are hashed beside other mail"),
    FCT_CONF_KEY(struct dkim_conf, sign,             "no",    "Sign what users who have logged in submit"),
    FCT_CONF_KEY(struct dkim_conf, keys,             "/etc/facteur/dkim", "Folder with the keys to sign with, DOMAIN/SELECTOR.pem; see facteurctl dkim"),
    FCT_CONF_KEY(struct dkim_conf, canonicalization, "relaxed/relaxed",   "Form in which header and body are signed, simple or relaxed each (RFC 6376 3.4)"),
    FCT_CONF_KEY(struct dkim_conf, headers,          HEADERS, "Fields that are covered when they are there"),
    FCT_CONF_KEY(struct dkim_conf, oversign,         OVERSIGN, "Fields that are covered, and of which none can be added (RFC 6376 8.15)"),
    FCT_CONF_KEY(struct dkim_conf, lifetime,         "0s",    "Our signatures expire after this time; 0s: never"),
    FCT_CONF_END,
};
/* clang-format on */

/* ---- settings ---- */

static bool check_limits(const struct dkim_conf *conf, struct fct_err *err)
{
    if (conf->max_signatures < 1 || conf->max_signatures > 100)
        return dkim_fail(err, FCT_SYNTAX, "max_signatures: must be 1 to 100");
    if (conf->min_bits < 1024 || conf->max_bits > 4096 || conf->min_bits > conf->max_bits)
        return dkim_fail(err, FCT_SYNTAX, "min_bits, max_bits: must be within 1024 and 4096");
    return true;
}

static bool take_form(struct fct_str word, bool *relaxed)
{
    *relaxed = dkim_is(word, "relaxed");
    return *relaxed || dkim_is(word, "simple");
}

static bool take_canonicalization(struct dkim_plugin *plugin, struct fct_err *err)
{
    struct fct_str rest = {plugin->conf->canonicalization, strlen(plugin->conf->canonicalization)};
    struct fct_str header, body;

    return (dkim_split(&rest, '/', &header) && dkim_split(&rest, '/', &body) && !rest.p &&
            take_form(header, &plugin->relaxed_header) && take_form(body, &plugin->relaxed_body)) ||
           dkim_fail(err, FCT_SYNTAX, "canonicalization: must be like relaxed/relaxed");
}

static bool load_keys(struct dkim_plugin *plugin, struct fct_err *err)
{
    if (!plugin->conf->sign)
        return true;
    if (!dkim_covers_from(&plugin->conf->oversign, err) ||
        !dkim_keys_load(&plugin->keys, plugin->conf->keys, err))
        return false;
    return plugin->keys.n > 0 ||
           dkim_fail(err, FCT_SYNTAX, "sign = yes, but %s has no DOMAIN/SELECTOR.pem",
                     plugin->conf->keys);
}

/* ---- the plugin ---- */

static void stop(void *state)
{
    struct dkim_plugin *plugin = state;

    dkim_key_cache_free(&plugin->cache);
    dkim_keys_free(&plugin->keys);
    free(plugin);
}

static bool start(struct fct_self *self, const struct fct_host *host, const void *conf,
                  void **state, struct fct_err *err)
{
    struct dkim_plugin *plugin = calloc(1, sizeof *plugin);

    (void)self;
    if (!plugin)
        return dkim_fail(err, FCT_TEMP, "no memory");
    plugin->host = host;
    plugin->conf = conf;
    if (check_limits(plugin->conf, err) && take_canonicalization(plugin, err) &&
        load_keys(plugin, err)) {
        struct dkim_key_limits limits = {plugin->conf->min_bits, plugin->conf->max_bits};

        plugin->cache = dkim_key_cache_new(plugin->conf->key_cache, &limits);
        if (plugin->cache && FCT_HAS(host, recipient) && dkim_digest_setup()) {
            *state = plugin;
            return true;
        }
        (void)dkim_fail(err, FCT_TEMP, "OpenSSL gives no SHA-256, or the server is too old");
    }
    stop(plugin);
    return false;
}

/* Signed last: what is changed afterwards would break it. */
static const struct fct_hook_row hooks[] = {
    FCT_ON(scan, dkim_on_scan, .provides = "dkim", .may = FCT_MAY_NOTHING),
    FCT_ON(edit, dkim_on_edit, .after = "headers? milter? trackers? authres? arc? lua?",
           .may = FCT_MAY_ADD_HEADER),
    FCT_ON(queue_in, dkim_on_queue_in, .after = "headers? milter? arc? lua?",
           .may = FCT_MAY_ADD_HEADER, .provides = "dkim_sign"),
};

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "dkim",
    .version = "1.0",
    .summary = "Verifies DKIM signatures, signs submitted mail",
    .license = "Apache-2.0",
    .keys = dkim_conf_keys,
    .conf_size = sizeof(struct dkim_conf),
    .symbols = dkim_symbols,
    .hooks = hooks,
    .nhooks = FCT_COUNT(hooks),
    .start = start,
    .stop = stop,
};
