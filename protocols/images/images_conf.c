/* images_conf.c - the rows of `images`. */
#include "protocols/images/images_conf.h"

#include "core/base/err.h"
#include "core/base/str.h"

/* clang-format off */
static const struct fct_conf_key images_keys[] = {
    FCT_CONF_KEY(struct images_conf, key_file,         "",    "The key of the links, one a line, the first one signs; plugin trackers reads the same file (proxy_key). Empty: images/key in data_dir, made once"),
    FCT_CONF_KEY(struct images_conf, cache,            "/var/cache/facteur/images", "Folder of pictures that were fetched, for server.user_images alone; made when it is not there"),
    FCT_CONF_KEY(struct images_conf, cache_size,       "500M", "Bytes of all of them; those not asked for longest go first"),
    FCT_CONF_KEY(struct images_conf, keep,             "7d",  "How long a picture is kept before it is fetched anew"),
    FCT_CONF_KEY(struct images_conf, keep_failure,     "5m",  "How long a picture that could not be had is not asked for again"),
    FCT_CONF_KEY(struct images_conf, keep_browser,     "1d",  "How long a reader's program may keep a picture without asking us"),
    FCT_CONF_KEY(struct images_conf, max_image,        "5M",  "Largest picture"),
    FCT_CONF_KEY(struct images_conf, timeout,          "10s", "Longest time to fetch one, redirects included"),
    FCT_CONF_KEY(struct images_conf, connect_timeout,  "4s",  "Longest time for a connection and its TLS handshake"),
    FCT_CONF_KEY(struct images_conf, max_redirects,    "4",   "Redirects followed, each checked like the first address"),
    FCT_CONF_KEY(struct images_conf, ports,            "[80, 443]", "Ports that may be asked"),
    FCT_CONF_KEY(struct images_conf, private_hosts,    "[]",  "Hosts that may have a private or loopback address, as \"127.0.0.1:8000\". Dangerous, for tests: everybody who sends mail could have them asked"),
    FCT_CONF_KEY(struct images_conf, max_fetches,      "32",  "Connections to others at one time; 16 times as many questions may wait for one"),
    FCT_CONF_KEY(struct images_conf, max_host_fetches, "4",   "Of these, to one host"),
    FCT_CONF_KEY(struct images_conf, max_connections,  "1000", "Connections of readers at one time; further ones are closed"),
    FCT_CONF_KEY(struct images_conf, idle_timeout,     "30s", "Wait for a request, and for a reader who takes nothing"),
    FCT_CONF_KEY(struct images_conf, max_request,      "16K", "Line and header of a request"),
    FCT_CONF_KEY(struct images_conf, ca_file,          "/etc/ssl/certs/ca-certificates.crt", "Authorities that may vouch for a host, PEM"),
    FCT_CONF_END,
};
/* clang-format on */

static bool images_check(const void *values, struct fct_err *err)
{
    const struct images_conf *conf = values;

    for (size_t i = 0; i < conf->ports.n; i++) {
        uint32_t port;

        if (!str_to_u32(str_from(conf->ports.item[i]), &port) || port == 0 || port > 65535)
            return fct_fail(err, FCT_SYNTAX, "ports: \"%s\" is no port", conf->ports.item[i]);
    }
    if (conf->ports.n == 0 || conf->ports.n > 16)
        return fct_fail(err, FCT_SYNTAX, "ports: 1 to 16 are wanted");
    for (size_t i = 0; i < conf->private_hosts.n; i++)
        if (conf->private_hosts.item[i][0] == '*')
            return fct_fail(err, FCT_SYNTAX, "private_hosts: a host is wanted, not all of them");
    if (!conf->cache[0])
        return fct_fail(err, FCT_SYNTAX, "cache: a folder is wanted");
    if (conf->max_fetches == 0 || conf->max_host_fetches == 0 || conf->max_connections == 0)
        return fct_fail(err, FCT_SYNTAX,
                        "max_fetches, max_host_fetches and max_connections: must be at least 1");
    if (conf->max_image.bytes == 0 || conf->max_image.bytes > 100u << 20)
        return fct_fail(err, FCT_SYNTAX, "max_image: must be 1 to 100M");
    if (conf->max_request.bytes < 4096 || conf->max_request.bytes > 65536)
        return fct_fail(err, FCT_SYNTAX, "max_request: must be 4K to 64K");
    if (conf->timeout.ms == 0 || conf->connect_timeout.ms == 0 || conf->idle_timeout.ms == 0)
        return fct_fail(err, FCT_SYNTAX,
                        "timeout, connect_timeout and idle_timeout: must be above 0s");
    return true;
}

const struct conf_block images_block = {
    .name = "images",
    .doc = "The image proxy, at listeners with `protocol = images`: fetches pictures of mail for "
           "readers, so that who sent them does not learn who reads and where. Its links are "
           "written by plugin trackers at level strict (docs/privacy.md).",
    .keys = images_keys,
    .size = sizeof(struct images_conf),
    .file = "25-images.conf",
    .check = images_check,
};
