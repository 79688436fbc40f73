/* authres.c - Authentication-Results (RFC 8601): one field above the message with all that plugins
 * found out about where it comes from.
 *
 * They leave it as facts "auth" while the message is judged (plugin.h); at `edit` the field is made
 * of them. Fields that only pretend to be ours are gone by then: plugins/headers removes them. */
#include "authres_resinfo.h"

#include <facteur/plugin.h>

#define RESULTS_MAX 60
#define FIELD_MAX   (64u << 10)
#define IPREV_MAX   512
#define ROLES       (FCT_ROLE_MX | FCT_ROLE_REPLAY)

static const struct fct_host *host;

struct authres_conf {
    bool when_none;
    struct fct_strings hide;
};

/* clang-format off */
static const struct fct_conf_key authres_keys[] = {
    FCT_CONF_KEY(struct authres_conf, when_none, "no", "Write the field also when nothing was checked: \"none\" (RFC 8601 2.2)"),
    FCT_CONF_KEY(struct authres_conf, hide,      "",   "Methods whose results are not written, such as iprev"),
    FCT_CONF_END,
};
/* clang-format on */

struct results {
    struct fct_str item[RESULTS_MAX];
    size_t n;
    bool has_iprev;
};

/* text begins with "method=". */
static bool is_method(struct fct_str text, const char *method)
{
    size_t n = strlen(method);

    return text.n > n && text.p[n] == '=' && strncasecmp(text.p, method, n) == 0;
}

static bool is_hidden(const struct authres_conf *conf, struct fct_str text)
{
    for (size_t i = 0; i < conf->hide.n; i++)
        if (is_method(text, conf->hide.item[i]))
            return true;
    return false;
}

static void add(struct fct_call *call, const struct authres_conf *conf, struct results *r,
                struct fct_str text)
{
    if (r->n == RESULTS_MAX || is_hidden(conf, text))
        return;
    if (!authres_is_resinfo(text)) {
        host->log(call, FCT_WARNING, "not written, as it is no result: %.*s", FCT_FMT(text));
        return;
    }
    r->item[r->n++] = text;
    r->has_iprev = r->has_iprev || is_method(text, "iprev");
}

/* The client's name is only known when the DNS confirmed it: that is what iprev says (RFC 8601
 * 2.7.3, 3). */
static void add_iprev(struct fct_call *call, const struct authres_conf *conf, struct results *r)
{
    const struct fct_conn *conn = host->conn(call);
    char *text;
    int n;

    if (r->has_iprev || conn->client_name.n == 0 || !(text = host->alloc(call, IPREV_MAX)))
        return;
    n = snprintf(text, IPREV_MAX, "iprev=pass (%.*s) policy.iprev=\"%.*s\"",
                 FCT_FMT(conn->client_name), FCT_FMT(conn->client_ip));
    if (n > 0 && n < IPREV_MAX)
        add(call, conf, r, (struct fct_str){text, (size_t)n});
}

static enum fct_verdict on_edit(struct fct_call *call, const struct fct_ev_edit *ev, void *state)
{
    const struct authres_conf *conf = state;
    static _Thread_local char field[FIELD_MAX];
    struct results results = {0};
    struct fct_str text, value = {field, 0};

    (void)ev;
    for (size_t i = 0; (text = host->fact(call, "auth", i)).p; i++)
        add(call, conf, &results, text);
    add_iprev(call, conf, &results);
    if (results.n == 0 && !conf->when_none)
        return FCT_NEXT;
    value.n = authres_format(host->server_name(call), results.item, results.n, field, sizeof field);
    if (value.n == 0 ||
        !host->header_insert(call, FCT_TOP, NULL, FCT_STR("Authentication-Results"), value))
        host->log(call, FCT_WARNING, "Authentication-Results cannot be written");
    return FCT_NEXT;
}

static bool start(struct fct_self *self, const struct fct_host *given, const void *conf,
                  void **state, struct fct_err *err)
{
    (void)self;
    host = given;
    if (!FCT_HAS(given, fact)) {
        err->class = FCT_DENIED;
        (void)snprintf(err->text, sizeof err->text, "this server is older than the plugin");
        return false;
    }
    memcpy(state, &conf, sizeof conf); /* read-only for us as well, but state is a plain pointer */
    return true;
}

static const struct fct_hook_row hooks[] = {
    FCT_ON(edit, on_edit, .provides = "authres", .roles = ROLES, .may = FCT_MAY_ADD_HEADER),
};

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "authres",
    .version = "1.0",
    .summary = "writes Authentication-Results above the message (RFC 8601)",
    .license = "Apache-2.0",
    .keys = authres_keys,
    .conf_size = sizeof(struct authres_conf),
    .hooks = hooks,
    .nhooks = FCT_COUNT(hooks),
    .start = start,
};
