/* find_host.c - see find_host.h. */
#include "protocols/relay/find_host.h"

#include "core/base/id.h"
#include "core/base/str.h"
#include "protocols/relay/connect.h"
#include "protocols/relay/greet.h"
#include "protocols/relay/policy/policy_service.h"

struct search {
    struct destination *d;
    struct found_host *found;
    struct arena *arena;
    struct delivery_result trouble; /* the last */
    bool any_address, only_forbidden, spoke;
    struct fct_dns_answer addresses; /* of the host at hand: what DANE asks about them */
    struct policy_question question;
    struct tls_host_policy policy; /* of the host at hand */
    bool has_policy, policy_failed;
};

static void note(struct search *f, enum outcome outcome, const char *status, const char *host,
                 const char *text)
{
    outcome_without_reply(&f->trouble, outcome, status, text);
    str_copy_c(f->trouble.host, sizeof f->trouble.host, str_from(host));
}

/* Routes are the administrator's word; a name of the DNS may lead anywhere. */
static bool may_contact(struct search *f, const struct connect_address *to, const char *host)
{
    struct relay *relay = f->d->relay;
    const char *what = address_special(&to->address);
    char text[200];

    if (relay->env->dev && !address_is_loopback(&to->address)) {
        note(f, OUTCOME_FAILED, "5.4.4", host, "facteur dev sends nothing outside this machine");
        return false;
    }
    if (f->d->hops.by_route)
        return true;
    if (own_addresses_have(&relay->own, &to->address)) {
        note(f, OUTCOME_FAILED, "5.4.6", host, "the mail would come back to this server");
        return false;
    }
    if (!what || relay->conf->allow_private)
        return true;
    (void)snprintf(text, sizeof text, "the address of the host is %s: no mail is sent there", what);
    note(f, OUTCOME_FAILED, "5.4.4", host, text);
    return false;
}

static bool family_is_wanted(const struct relay_conf *conf, const struct connect_address *to)
{
    if (str_equal(str_from(conf->ip), FCT_STR("both")))
        return true;
    return (to->address.ss_family == AF_INET6) == str_equal(str_from(conf->ip), FCT_STR("ipv6"));
}

static void add_address(struct search *f, const struct hop *hop, struct fct_str text,
                        struct connect_address *to, size_t *n)
{
    struct connect_address *a = &to[*n];
    char host[64];

    if (*n == CONNECT_MAX || !connect_address_read(text, hop->port, a) ||
        !family_is_wanted(f->d->relay->conf, a))
        return;
    f->any_address = true;
    connect_address_show(a, host);
    if (!may_contact(f, a, host))
        return;
    f->only_forbidden = false;
    (*n)++;
}

/* All must be validated, whichever is taken (RFC 7672 2.2.2). */
static void note_proof(struct search *f, const struct fct_dns_answer *answer, bool first)
{
    bool authentic = answer->authentic && (first || f->addresses.authentic);

    f->addresses = *answer;
    f->addresses.authentic = authentic;
}

FCT_MAY_WAIT static size_t addresses_of(struct search *f, const struct hop *hop,
                                        struct connect_address *to)
{
    static const enum fct_dns_type types[] = {FCT_DNS_AAAA, FCT_DNS_A};
    struct relay *relay = f->d->relay;
    uint64_t deadline = clock_ms() + relay->conf->connect_timeout.ms;
    size_t n = 0;
    bool first = true;

    f->addresses = (struct fct_dns_answer){0};
    if (hop->is_address) {
        add_address(f, hop, hop->name, to, &n);
        return n;
    }
    for (size_t t = 0; relay->dns && t < FCT_COUNT(types); t++) {
        struct fct_dns_answer answer = {0};

        if (!dns_resolve(relay->dns, f->arena, types[t], hop->name, deadline, &answer)) {
            if (answer.status == FCT_DNS_FAILED || answer.status == FCT_DNS_BOGUS)
                note(f, OUTCOME_DEFERRED, "4.4.3", arena_cstr(f->arena, hop->name),
                     "looking up the address of the host failed for now");
            continue;
        }
        note_proof(f, &answer, first);
        first = false;
        for (size_t i = 0; i < answer.n; i++)
            add_address(f, hop, answer.record[i].data, to, &n);
    }
    connect_interleave(to, n);
    return n;
}

/* Leaves those that may be tried now: not the dead, and at first not those where another connection
 * of ours hangs. */
static size_t leave_fit(struct relay *relay, struct connect_address *to, size_t n, bool busy_too)
{
    uint64_t now = clock_ms();
    size_t kept = 0;
    char host[64];

    for (size_t i = 0; i < n; i++) {
        connect_address_show(&to[i], host);
        if (host_is_dead(relay->hosts, str_from(host), now) ||
            (!busy_too && host_tried(relay->hosts, str_from(host)) > 0))
            continue;
        to[kept++] = to[i];
    }
    return kept;
}

static void mark_failed(struct relay *relay, const struct connect_address *to, size_t n)
{
    char host[64];

    for (size_t i = 0; i < n; i++)
        if (to[i].failed) {
            connect_address_show(&to[i], host);
            host_failed(relay->hosts, str_from(host), clock_ms());
        }
}

static void name_host(const char *address, const struct hop *hop, char *out, size_t size)
{
    if (hop->is_address)
        str_copy_c(out, size, str_from(address));
    else
        (void)snprintf(out, size, "%.*s [%s]", FCT_FMT(hop->name), address);
}

/* ---- what TLS the host must show ---- */

static struct tls_policy_wish wish_of(const struct route *route)
{
    return (struct tls_policy_wish){.at_least =
                                        relay_tls_is_verified(route->tls)  ? TLS_NEED_AUTHENTICATION
                                        : route->tls == RELAY_TLS_REQUIRED ? TLS_NEED_ENCRYPTION
                                                                           : TLS_NEED_NOTHING};
}

/* Routes are the administrator's word here, too. */
FCT_MAY_WAIT static bool policy_allows(struct search *f, const struct hop *hop)
{
    const struct destination *d = f->d;
    uint64_t deadline = clock_ms() + d->relay->conf->connect_timeout.ms;

    f->has_policy = !d->hops.by_route && !hop->is_address && !d->tls_optional &&
                    d->route->tls != RELAY_TLS_NONE;
    if (!f->has_policy)
        return true;
    policy_question_begin(d->relay->policy, f->arena, deadline, &f->question);
    tls_policy_find_host(&f->question.tls, f->arena, &d->policy, hop->name, hop->port,
                         d->hops.authentic, &f->addresses, wish_of(d->route), &f->policy);
    if (!f->policy.use)
        note(f, OUTCOME_HOST, "4.7.5", arena_cstr(f->arena, hop->name),
             arena_cstr(f->arena, f->policy.why));
    return f->policy.use;
}

/* "192.0.2.1:25", "[2001:db8::1]:25" */
static struct fct_str address_in(const char *host)
{
    struct fct_str text = str_from(host);

    text = str_head(text, (size_t)(strrchr(host, ':') - host));
    return text.n > 2 && text.p[0] == '[' ? (struct fct_str){text.p + 1, text.n - 2} : text;
}

/* ---- connecting ---- */

FCT_MAY_WAIT static bool greet_host(struct search *f, const struct hop *hop, bool *without_tls)
{
    struct found_host *found = f->found;
    struct relay *relay = f->d->relay;
    const struct route *route = f->d->route;
    struct greet g = {
        .conf = relay->conf,
        .helo = relay->conf->helo[0] ? relay->conf->helo : relay->env->server_name,
        .host = hop->is_address ? "" : arena_cstr(f->arena, hop->name),
        .tls_wanted = route->tls,
        .tls = relay->tls,
        .user = route->user,
        .password = route->password,
        .without_tls = *without_tls,
        .policy = f->has_policy ? &f->policy : NULL,
        .policy_service = &f->question.tls,
        .peer.remote_ip = address_in(found->address),
    };
    bool ok;

    host_trying(relay->hosts, str_from(found->address), 1);
    ok = greet_run(found->remote, &g);
    host_trying(relay->hosts, str_from(found->address), -1);
    found->verified = g.tls_verified;
    if (ok) {
        host_answered(relay->hosts, str_from(found->address));
        return true;
    }
    f->trouble = found->remote->trouble;
    f->spoke = true;
    remote_close(found->remote);
    *without_tls = g.tls_failed;
    f->policy_failed = f->policy_failed || g.policy_failed;
    if (!g.tls_failed && !g.policy_failed)
        host_failed(relay->hosts, str_from(found->address), clock_ms());
    return false;
}

/* Connect and greet; once more without TLS when only that failed. */
FCT_MAY_WAIT static bool try_addresses(struct search *f, const struct hop *hop,
                                       struct connect_address *to, size_t n)
{
    struct found_host *found = f->found;
    struct relay *relay = f->d->relay;
    const struct connect_how how = {
        .delay_ms = relay->conf->address_delay.ms,
        .timeout_ms = relay->conf->connect_timeout.ms,
        .source = &f->d->route->source,
        .turn = relay->turn++,
    };
    bool without_tls = false;

    for (;;) {
        struct fct_err err = {0};
        char name[192];
        size_t which;
        int fd;

        if (!connect_to_host(relay->base, to, n, &how, &fd, &which, &err)) {
            mark_failed(relay, to, n);
            if (!f->spoke) /* what a server said tells more */
                note(f, OUTCOME_HOST, "4.4.1", "", err.text);
            return false;
        }
        connect_address_show(&to[which], found->address);
        name_host(found->address, hop, name, sizeof name);
        relay->count.connections++;
        remote_open(found->remote, relay->base, fd, name);
        if (greet_host(f, hop, &without_tls))
            return true;
        if (!without_tls) {
            to[which] = to[--n];
            if (n == 0)
                return false;
        }
    }
}

/* Equal preferences in a new order each time (RFC 5321 5.1). */
static void shuffle(struct hop *hop, size_t n)
{
    for (size_t from = 0; from < n;) {
        size_t to = from + 1;

        while (to < n && hop[to].preference == hop[from].preference)
            to++;
        for (size_t i = to - 1; i > from; i--) {
            uint32_t chance;
            struct hop swap = hop[i];

            random_bytes(&chance, sizeof chance);
            size_t j = from + chance % (i - from + 1);

            hop[i] = hop[j];
            hop[j] = swap;
        }
        from = to;
    }
}

FCT_MAY_WAIT static bool try_hosts(struct search *f, const struct hop *hop, size_t n, bool busy_too)
{
    struct connect_address to[CONNECT_MAX];

    for (size_t i = 0; i < n; i++) {
        size_t fit = leave_fit(f->d->relay, to, addresses_of(f, &hop[i], to), busy_too);

        if (fit > 0 && policy_allows(f, &hop[i]) && try_addresses(f, &hop[i], to, fit))
            return true;
    }
    return false;
}

/* What is said when no host was even asked. */
static void judge_search(struct search *f)
{
    if (f->trouble.outcome == OUTCOME_FAILED && !f->only_forbidden)
        f->trouble.outcome = OUTCOME_NONE; /* others could be asked */
    if (f->trouble.outcome == OUTCOME_NONE && !f->any_address)
        note(f, OUTCOME_FAILED, "5.4.4", "",
             "no host that takes mail for the domain has an address");
    else if (f->trouble.outcome == OUTCOME_NONE)
        note(f, OUTCOME_HOST, "4.4.1", "", "none of the hosts answered lately");
}

bool find_host(struct destination *d, struct found_host *out, struct delivery_result *why)
{
    struct search f = {.d = d, .found = out, .arena = arena_new(NULL), .only_forbidden = true};
    size_t n = d->hops.n;
    struct hop *hop = ARENA_ARRAY(f.arena, struct hop, n + 1);
    bool found;

    for (size_t i = 0; i < n; i++) {
        hop[i] = d->hops.hop[i];
        hop[i].name = arena_str(f.arena, hop[i].name);
    }
    shuffle(hop, n);
    found = try_hosts(&f, hop, n, false) || (!f.policy_failed && try_hosts(&f, hop, n, true));
    if (!found) {
        judge_search(&f);
        *why = f.trouble;
    }
    arena_free(&f.arena);
    return found;
}
