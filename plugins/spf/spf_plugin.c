/* spf_plugin.c - the Sender Policy Framework as a plugin.
 *
 * MAIL FROM and the HELO name are checked side by side at `mail`, before the client sends a byte of
 * the message. Symbols are there from then on; at `headers` the results become facts for those that
 * run after `spf` (DMARC, Authentication-Results). What `mail` found is kept with the connection; a
 * message that came without `mail`, or whose filter process was replaced since, is checked at
 * `headers`. */
#include "spf_conf.h"
#include "spf_libspf2.h"
#include "spf_report.h"

#include "plugins/lib/clients.h"

#include <stdlib.h>

#define ID_MAX     100
#define DETAIL_MAX 200 /* as much of a symbol's detail is kept */
#define FACT_MAX   700
#define FIELD_MAX  1900
#define REPLY_MAX  400

/* Left for ourselves between `headers` and `edit`. */
#define FIELD_FACT "spf.field"

static const struct fct_host *host;

/* ---- symbols ---- */

/* clang-format off */
static const struct fct_symbol symbols[] = {
    {"SPF_NONE",            0.0, "spf", "The sender's domain says nothing about who may send for it, or there is no such domain"},
    {"SPF_NEUTRAL",         0.0, "spf", "The sender's domain says nothing about this client"},
    {"SPF_PASS",           -0.2, "spf", "The sender's domain permits this client to send for it"},
    {"SPF_FAIL",            2.0, "spf", "The sender's domain says that this client may not send for it"},
    {"SPF_SOFTFAIL",        0.7, "spf", "The sender's domain says that this client probably may not send for it"},
    {"SPF_TEMPERROR",       0.0, "spf", "The DNS could not say who may send for the sender's domain"},
    {"SPF_PERMERROR",       0.5, "spf", "The SPF record of the sender's domain has mistakes or asks for too much"},
    {"SPF_HELO_NONE",       0.0, "spf", "The client's HELO name says nothing about who may use it, or is not the name of a domain"},
    {"SPF_HELO_NEUTRAL",    0.0, "spf", "The client's HELO name says nothing about this client"},
    {"SPF_HELO_PASS",      -0.1, "spf", "The client's HELO name permits this client to use it"},
    {"SPF_HELO_FAIL",       1.5, "spf", "The client's HELO name says that this client may not use it"},
    {"SPF_HELO_SOFTFAIL",   0.5, "spf", "The client's HELO name says that this client probably may not use it"},
    {"SPF_HELO_TEMPERROR",  0.0, "spf", "The DNS could not say who may use the client's HELO name"},
    {"SPF_HELO_PERMERROR",  0.2, "spf", "The SPF record of the client's HELO name has mistakes or asks for too much"},
    {0},
};
/* clang-format on */

#define FIRST_HELO SPF_RESULTS
_Static_assert(FCT_COUNT(symbols) == 2 * SPF_RESULTS + 1, "both identities, as enum spf_result");

/* ---- what is known of a message ---- */

struct found {
    char envelope_id[ID_MAX];
    char helo_name[SPF_NAME_MAX + 1];
    bool has_helo;
    struct spf_outcome mail, helo; /* MAIL FROM:<> is answered by the HELO name, in `mail` */
};

static bool is(const char *kept, struct fct_str s)
{
    return s.n > 0 && strlen(kept) == s.n && memcmp(kept, s.p, s.n) == 0;
}

static void keep(char *to, size_t room, struct fct_str s)
{
    size_t n = s.n < room ? s.n : 0; /* what does not fit is not found again */

    if (n > 0)
        memcpy(to, s.p, n);
    to[n] = '\0';
}

/* What the connection knows; NULL: nothing yet. Not to be held while waiting. */
static const struct found *recall(struct fct_call *call)
{
    void **slot = host->slot(call);

    return slot ? *slot : NULL;
}

static void remember(struct fct_call *call, const struct found *found)
{
    void **slot = host->slot(call);

    if (slot && !*slot)
        *slot = malloc(sizeof *found);
    if (slot && *slot)
        memcpy(*slot, found, sizeof *found);
}

static enum spf_identity identity_of_mail(struct fct_call *call)
{
    return host->envelope(call)->reverse_path.n > 0 ? SPF_MAILFROM : SPF_HELO;
}

/* ---- checking ---- */

/* In memory of the transaction: a task may outlive the callback that began it by its last steps. */
struct job {
    const struct spf_conf *conf;
    struct fct_call *call;
    struct timespec until;
    struct fct_str sender;
    struct spf_outcome *outcome;
};

static bool time_is_up(const struct job *job)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > job->until.tv_sec ||
           (now.tv_sec == job->until.tv_sec && now.tv_nsec >= job->until.tv_nsec);
}

static FCT_MAY_WAIT bool ask(void *ctx, enum fct_dns_type type, struct fct_str name,
                             struct fct_dns_answer *out)
{
    const struct job *job = ctx;

    if (!time_is_up(job))
        return host->dns(job->call, type, name, out);
    *out = (struct fct_dns_answer){.size = sizeof *out,
                                   .status = FCT_DNS_FAILED,
                                   .why = FCT_STR("the time for questions is used up")};
    return false;
}

static FCT_MAY_WAIT void work(struct fct_call *call, void *arg)
{
    struct job *job = arg;
    const struct fct_conn *conn = host->conn(call);
    struct spf_query query = {
        .helo = conn->helo,
        .sender = job->sender,
        .receiver = host->server_name(call),
        .now = time(NULL),
        .explain = spf_conf_explains(job->conf),
        .limits = {job->conf->max_lookups, job->conf->max_void_lookups, job->conf->max_names},
        .dns = {ask, job},
    };

    if (!ip_address_parse(conn->client_ip, &query.client))
        return;
    if (spf_conf_is_native(job->conf))
        spf_check(&query, job->outcome);
    else
        spf_check_libspf2(&query, job->outcome);
}

static struct job *new_job(struct fct_call *call, const struct spf_conf *conf,
                           struct fct_str sender, struct spf_outcome *outcome)
{
    struct job *job = host->alloc(call, sizeof *job);

    if (!job)
        return NULL;
    *job = (struct job){.conf = conf, .call = call, .sender = sender, .outcome = outcome};
    (void)clock_gettime(CLOCK_MONOTONIC, &job->until);
    job->until.tv_sec += (time_t)(conf->time_limit.ms / 1000);
    return job;
}

/* Both at once: each takes several questions, one after the other. */
static FCT_MAY_WAIT bool check_both(struct fct_call *call, const struct spf_conf *conf,
                                    struct fct_str sender, struct spf_outcome *mail,
                                    struct spf_outcome *helo)
{
    struct job *one = new_job(call, conf, sender, mail);
    struct job *other = helo ? new_job(call, conf, FCT_STR(""), helo) : NULL;
    struct fct_token token;

    if (!one || (helo && !other))
        return false;
    if (!other) {
        work(call, one);
        return true;
    }
    token = host->start(call, work, other);
    work(call, one);
    if (token.slot == 0)
        work(call, other);
    else if (!host->wait_all(call, &token, 1))
        return false;
    return true;
}

/* The client's name seldom changes within a connection: its result is used again. True: it must be
 * asked about. */
static bool needs_helo(struct fct_call *call, const struct spf_conf *conf, struct found *found)
{
    const struct found *known = recall(call);
    struct fct_str name = host->conn(call)->helo;

    found->has_helo = conf->helo && name.n > 0 && identity_of_mail(call) == SPF_MAILFROM;
    if (!found->has_helo || !known || !known->has_helo || !is(known->helo_name, name))
        return found->has_helo;
    found->helo = known->helo;
    return false;
}

/* NULL: the call is over, or there is no memory. */
static FCT_MAY_WAIT const struct found *find(struct fct_call *call, const struct spf_conf *conf)
{
    struct found *found = host->alloc(call, sizeof *found);
    struct fct_str sender = host->envelope(call)->reverse_path;
    bool helo;

    if (!found)
        return NULL;
    memset(found, 0, sizeof *found);
    helo = needs_helo(call, conf, found);
    if (!check_both(call, conf, sender, &found->mail, helo ? &found->helo : NULL) ||
        host->time_left_ms(call) == 0)
        return NULL;
    keep(found->helo_name, sizeof found->helo_name, host->conn(call)->helo);
    keep(found->envelope_id, sizeof found->envelope_id, host->envelope(call)->id);
    remember(call, found);
    return found;
}

/* ---- telling ---- */

static struct spf_report report_of(struct fct_call *call, const struct spf_outcome *outcome,
                                   enum spf_identity identity)
{
    return (struct spf_report){
        .outcome = outcome,
        .identity = identity,
        .client_ip = host->conn(call)->client_ip,
        .helo = host->conn(call)->helo,
        .sender = host->envelope(call)->reverse_path,
        .receiver = host->server_name(call),
    };
}

static void add_symbol(struct fct_call *call, size_t first, const struct spf_report *report)
{
    char detail[DETAIL_MAX];
    const char *name = symbols[first + (size_t)report->outcome->result].name;

    (void)host->symbol(call, name, 1, spf_report_detail(report, detail, sizeof detail));
}

static void add_symbols(struct fct_call *call, const struct found *found)
{
    struct spf_report mail = report_of(call, &found->mail, identity_of_mail(call));
    struct spf_report helo = report_of(call, &found->helo, SPF_HELO);

    for (size_t i = 0; symbols[i].name; i++)
        if (host->has_symbol(call, symbols[i].name, NULL))
            return; /* `mail` said it, in a process that is gone */
    add_symbol(call, 0, &mail);
    if (found->has_helo)
        add_symbol(call, FIRST_HELO, &helo);
}

static void add_facts(struct fct_call *call, const struct found *found, const struct spf_conf *conf)
{
    struct spf_report mail = report_of(call, &found->mail, identity_of_mail(call));
    struct spf_report helo = report_of(call, &found->helo, SPF_HELO);
    char fact[FACT_MAX], field[FIELD_MAX];

    (void)host->fact_add(call, "auth", spf_report_fact(&mail, fact, sizeof fact));
    if (found->has_helo)
        (void)host->fact_add(call, "auth", spf_report_fact(&helo, fact, sizeof fact));
    if (conf->received_spf)
        (void)host->fact_add(call, FIELD_FACT, spf_report_field(&mail, field, sizeof field));
}

/* ---- verdicts ---- */

static enum fct_verdict refuse(struct fct_call *call, const struct spf_report *report)
{
    bool later = report->outcome->result == SPF_TEMPERROR;
    char text[REPLY_MAX];

    (void)spf_report_reply(report, text, sizeof text);
    (void)host->reply(call, later ? 451 : 550, later ? "4.7.24" : "5.7.23", text);
    return later ? FCT_TEMPFAIL : FCT_REJECT;
}

static enum fct_verdict judge(struct fct_call *call, const struct found *found,
                              const struct spf_conf *conf)
{
    struct spf_report mail = report_of(call, &found->mail, identity_of_mail(call));
    struct spf_report helo = report_of(call, &found->helo, SPF_HELO);
    bool reject = conf->reject_fail || (mail.identity == SPF_HELO && conf->reject_helo_fail);

    if (reject && found->mail.result == SPF_FAIL)
        return refuse(call, &mail);
    if (conf->reject_helo_fail && found->has_helo && found->helo.result == SPF_FAIL)
        return refuse(call, &helo);
    if (conf->defer_temperror && found->mail.result == SPF_TEMPERROR)
        return refuse(call, &mail);
    return FCT_NEXT;
}

/* ---- points ---- */

static FCT_MAY_WAIT enum fct_verdict on_mail(struct fct_call *call, const struct fct_ev_mail *ev,
                                             void *state)
{
    const struct spf_conf *conf = state;
    const struct found *found;

    (void)ev;
    if (!clients_are_strangers(host->conn(call), &conf->skip_net))
        return FCT_NEXT;
    found = find(call, conf);
    if (!found)
        return FCT_NEXT;
    add_symbols(call, found);
    return judge(call, found, conf);
}

static FCT_MAY_WAIT enum fct_verdict on_headers(struct fct_call *call,
                                                const struct fct_ev_headers *ev, void *state)
{
    const struct spf_conf *conf = state;
    const struct found *found;

    (void)ev;
    if (!clients_are_strangers(host->conn(call), &conf->skip_net))
        return FCT_NEXT;
    found = recall(call);
    if (!found || !is(found->envelope_id, host->envelope(call)->id))
        found = find(call, conf);
    if (!found)
        return FCT_NEXT;
    add_symbols(call, found);
    add_facts(call, found, conf);
    return FCT_NEXT;
}

/* "SHOULD be placed above the Received: field" (RFC 7208 9.1) */
static enum fct_verdict on_edit(struct fct_call *call, const struct fct_ev_edit *ev, void *state)
{
    struct fct_str field = host->fact(call, FIELD_FACT, 0);

    (void)ev;
    (void)state;
    if (field.p)
        (void)host->header_add(call, FCT_TOP, FCT_STR("Received-SPF"), field);
    return FCT_NEXT;
}

/* ---- the plugin ---- */

#define ROLES (FCT_ROLE_MX | FCT_ROLE_REPLAY)

/* A row asks for no more than the configuration makes of it: behind an MTA (milter) rows that only
 * look cost less. */
static bool add_hooks(struct fct_self *self, const struct spf_conf *conf, struct fct_err *err)
{
    bool refuses = conf->reject_fail || conf->reject_helo_fail || conf->defer_temperror;
    struct fct_hook_row mail = FCT_ON(mail, on_mail, .provides = "spf", .roles = ROLES,
                                      .may = refuses ? 0 : FCT_MAY_NOTHING);
    struct fct_hook_row headers =
        FCT_ON(headers, on_headers, .provides = "spf", .roles = ROLES, .may = FCT_MAY_NOTHING);
    struct fct_hook_row edit = FCT_ON(edit, on_edit, .roles = ROLES, .may = FCT_MAY_ADD_HEADER);

    return host->add_hook(self, &mail, err) && host->add_hook(self, &headers, err) &&
           (!conf->received_spf || host->add_hook(self, &edit, err));
}

static bool start(struct fct_self *self, const struct fct_host *given, const void *conf,
                  void **state, struct fct_err *err)
{
    host = given;
    if (!FCT_HAS(given, fact)) {
        err->class = FCT_DENIED;
        (void)snprintf(err->text, sizeof err->text, "this server is older than the plugin");
        return false;
    }
    memcpy(state, &conf, sizeof conf); /* read-only for us as well, but state is a plain pointer */
    return spf_conf_check(conf, err) && add_hooks(self, conf, err);
}

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "spf",
    .version = "1.0",
    .summary = "may this client send mail for the sender's domain? (RFC 7208)",
    .license = "Apache-2.0",
    .keys = spf_keys,
    .conf_size = sizeof(struct spf_conf),
    .symbols = symbols,
    .start = start,
};
