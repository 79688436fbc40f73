/* http_conf.c - the rows of the `http` block. */
#include "core/http/http_conf.h"

/* clang-format off */
static const struct fct_conf_key http_keys[] = {
    FCT_CONF_KEY(struct http_conf, allow,                "[]",  "Hosts that plugins and rules may ask by https, as in [\"api.example.com\", \"*.example.net\"]; \"*\": any host with a public address; empty: none"),
    FCT_CONF_KEY(struct http_conf, plain,                "[]",  "Hosts that may be asked without TLS as well, as \"127.0.0.1:11434\"; a port is part of the name"),
    FCT_CONF_KEY(struct http_conf, private_hosts,        "[]",  "Hosts that may have a private, loopback or link-local address (RFC 1918, RFC 4193, RFC 3927); those of `plain` may anyway"),
    FCT_CONF_KEY(struct http_conf, max,                  "1M",  "Largest body of an answer"),
    FCT_CONF_KEY(struct http_conf, timeout,              "5s",  "Longest time for one question and its answer"),
    FCT_CONF_KEY(struct http_conf, connect_timeout,      "2s",  "Longest time for a connection and its TLS handshake"),
    FCT_CONF_KEY(struct http_conf, max_connections,      "64",  "Connections of a filter process; further questions wait for one of them"),
    FCT_CONF_KEY(struct http_conf, max_host_connections, "16",  "Connections of a filter process to one host"),
    FCT_CONF_KEY(struct http_conf, max_redirects,        "3",   "Redirects followed, each to a host that is allowed; 0: none"),
    FCT_CONF_KEY(struct http_conf, ca_file,              "/etc/ssl/certs/ca-certificates.crt", "Authorities that may vouch for a host, PEM"),
    FCT_CONF_END,
};
/* clang-format on */

const struct conf_block http_block = {
    .name = "http",
    .doc =
        "HTTP questions of plugins and rules. Nobody may be asked unless named here. A host that "
        "is away or slow makes the question fail, and what the plugin does then is its own "
        "matter",
    .keys = http_keys,
    .size = sizeof(struct http_conf),
    .file = "36-http-client.conf",
};
