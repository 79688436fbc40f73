/* edge_conf.c - the rows of `listener NAME { … }` and `tls { … }`, and the listeners that stand
 * when none is configured. */
#include "protocols/edge_conf.h"

#include "core/base/str.h"
#include "core/net/listener.h"

/* clang-format off */
static const struct fct_conf_key listener_keys[] = {
    FCT_CONF_KEY(struct listener_conf, address,     "[]",       "Where to listen: \"*:25\" (IPv4 and IPv6), \"127.0.0.1:25\", \"[::1]:25\", for milter, and smtp with role local, also \"unix:/path\"; several are allowed"),
    FCT_CONF_KEY(struct listener_conf, protocol,    "smtp",     "smtp, lmtp, imap, pop3, milter: we filter for Postfix or Sendmail (docs/milter.md), or images: pictures in mail, fetched for readers (docs/privacy.md)"),
    FCT_CONF_KEY(struct listener_conf, role,        "mx",       "smtp only: mx takes mail from strangers for local people, submission takes mail of people who log in (RFC 6409), local takes mail of this machine's users and programs at a unix: address (docs/queue.md)"),
    FCT_CONF_KEY(struct listener_conf, tls,         "starttls", "starttls offers it (RFC 3207), implicit starts with it (RFC 8314), none is without"),
    FCT_CONF_KEY(struct listener_conf, proxy,       "no",       "A PROXY protocol header (version 1 or 2) comes first; only for addresses that nobody but your load balancer reaches"),
    FCT_CONF_KEY(struct listener_conf, plain_login, "no",       "Allow passwords without TLS, from this machine only (tests)"),
    FCT_CONF_KEY(struct listener_conf, mode,        "0660",     "Who may connect to a unix: address: its file mode, octal"),
    FCT_CONF_KEY(struct listener_conf, owner,       "",         "user:group (or :group) of a unix: address, as \":postfix\"; empty: as it is made"),
    FCT_CONF_END,
};

static const struct fct_conf_key tls_keys[] = {
    FCT_CONF_KEY(struct tls_block_conf, certificate, "", "PEM file with the certificate and its chain; empty: a self-signed one, made once as tls/cert.pem in data_dir"),
    FCT_CONF_KEY(struct tls_block_conf, key,         "", "PEM file with the private key; readable by the supervisor only"),
    FCT_CONF_END,
};

/* Reception (RFC 5321), submission (RFC 6409, 8314), IMAP (RFC 9051) and POP3 (RFC 1939) at their ports. LMTP has no port of its own. */
static const char standard_listeners[] =
    "listener smtp        { address = [\"*:25\"]   protocol = smtp  role = mx          tls = starttls }\n"
    "listener submission  { address = [\"*:587\"]  protocol = smtp  role = submission  tls = starttls }\n"
    "listener submissions { address = [\"*:465\"]  protocol = smtp  role = submission  tls = implicit }\n"
    "listener imap        { address = [\"*:143\"]  protocol = imap  tls = starttls }\n"
    "listener imaps       { address = [\"*:993\"]  protocol = imap  tls = implicit }\n"
    "listener pop3        { address = [\"*:110\"]  protocol = pop3  tls = starttls }\n"
    "listener pop3s       { address = [\"*:995\"]  protocol = pop3  tls = implicit }\n";
/* clang-format on */

/* ---- words ---- */

static const struct {
    const char *protocol, *role; /* no role: any */
} kinds[LISTENER_KINDS] = {
    [LISTENER_MX] = {"smtp", "mx"},       [LISTENER_SUBMISSION] = {"smtp", "submission"},
    [LISTENER_LMTP] = {"lmtp", NULL},     [LISTENER_IMAP] = {"imap", NULL},
    [LISTENER_POP3] = {"pop3", NULL},     [LISTENER_MILTER] = {"milter", NULL},
    [LISTENER_IMAGES] = {"images", NULL}, [LISTENER_LOCAL] = {"smtp", "local"},
};

static const char *const tls_words[EDGE_TLS_WORDS] = {
    [EDGE_TLS_NONE] = "none", [EDGE_TLS_STARTTLS] = "starttls", [EDGE_TLS_IMPLICIT] = "implicit"};

enum listener_kind listener_kind(const struct listener_conf *conf)
{
    unsigned i = 0;

    while (i < LISTENER_KINDS && (strcmp(conf->protocol, kinds[i].protocol) != 0 ||
                                  (kinds[i].role && strcmp(conf->role, kinds[i].role) != 0)))
        i++;
    return (enum listener_kind)i;
}

enum edge_tls listener_tls(const struct listener_conf *conf)
{
    unsigned i = 0;

    while (i < EDGE_TLS_WORDS && strcmp(conf->tls, tls_words[i]) != 0)
        i++;
    return (enum edge_tls)i;
}

static bool check_listener(const void *values, struct fct_err *err)
{
    const struct listener_conf *conf = values;
    enum listener_kind kind = listener_kind(conf);
    mode_t mode;

    if (kind == LISTENER_KINDS)
        return fct_fail(err, FCT_SYNTAX,
                        "protocol \"%s\" with role \"%s\" is not known (smtp with mx, "
                        "submission or local, lmtp, imap, pop3, milter, images)",
                        conf->protocol, conf->role);
    for (size_t i = 0; i < conf->address.n && kind != LISTENER_MILTER; i++)
        if (listener_is_unix(conf->address.item[i]) != (kind == LISTENER_LOCAL))
            return fct_fail(err, FCT_SYNTAX,
                            kind == LISTENER_LOCAL
                                ? "address: role local listens on unix: addresses only"
                                : "address: only milter and smtp with role local listen on unix: "
                                  "addresses");
    if (kind == LISTENER_LOCAL && listener_tls(conf) == EDGE_TLS_IMPLICIT)
        return fct_fail(err, FCT_SYNTAX, "tls: none is wanted where role is local");
    if (!listener_read_mode(conf->mode, &mode, err))
        return false;
    if (listener_tls(conf) == EDGE_TLS_WORDS)
        return fct_fail(err, FCT_SYNTAX, "tls \"%s\" is not known (starttls, implicit, none)",
                        conf->tls);
    if (kind == LISTENER_IMAGES && listener_tls(conf) == EDGE_TLS_STARTTLS)
        return fct_fail(err, FCT_SYNTAX,
                        "tls: implicit or none is wanted where protocol is images");
    return true;
}

const struct conf_block listener_block = {
    .name = "listener",
    .doc = "One place where the server listens. Any number of blocks, each with a name of its own.",
    .standing = standard_listeners,
    .keys = listener_keys,
    .size = sizeof(struct listener_conf),
    .labelled = true,
    .file = "00-listen.conf",
    .check = check_listener,
};

const struct conf_block tls_block = {
    .name = "tls",
    .doc = "The server's certificate, used by every listener that speaks TLS (1.2 and 1.3).",
    .keys = tls_keys,
    .size = sizeof(struct tls_block_conf),
    .file = "10-tls.conf",
};
