/* guard.c - see guard.h. */
#include "protocols/guard.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "core/state/local_table.h"
#include "plugins/lib/clients.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define ACCOUNT_MAX 255u
#define TIMES_MAX   5u   /* the longest delay, in those of one failure */
#define ENTRY_BYTES 400u /* of a table; a key with the longest account fits */
#define MIN_ENTRIES 1000u

/* clang-format off */
static const struct fct_conf_key guard_keys[] = {
    FCT_CONF_KEY(struct guard_conf, max_failures,           "10",   "Wrong passwords from one client network (IPv4 /24, IPv6 /64) in `window`; further logins are told to try later, without looking. 0: no limit"),
    FCT_CONF_KEY(struct guard_conf, max_account_failures,   "100",  "Wrong passwords for one account in `window` from networks it has never logged in from; further logins from such networks are told to try later. 0: no limit"),
    FCT_CONF_KEY(struct guard_conf, max_unknown_recipients, "1000", "Unknown recipients named by one client network in `window`; all recipients it names later get 450 (RFC 5321 7.8, address harvesting). 0: no limit"),
    FCT_CONF_KEY(struct guard_conf, window,                 "10m",  "So long after its first failure a count begins anew"),
    FCT_CONF_KEY(struct guard_conf, remember,               "30d",  "So long after a login the network is known for that account"),
    FCT_CONF_KEY(struct guard_conf, max_entries,            "50000", "Networks and accounts kept in memory, per edge process; above, those not seen for the longest time are forgotten; at least 1000"),
    FCT_CONF_KEY(struct guard_conf, exempt,                 "",     "Networks and addresses that are not counted, as a webmail server; this machine itself never is"),
    FCT_CONF_END,
};
/* clang-format on */

static bool check(const void *values, struct fct_err *err)
{
    const struct guard_conf *conf = values;

    if (conf->max_entries < MIN_ENTRIES || conf->max_entries > 10000000)
        return fct_fail(err, FCT_SYNTAX, "max_entries: must be 1000 to 10000000");
    if (conf->window.ms < 1000)
        return fct_fail(err, FCT_SYNTAX, "window: must be at least 1s");
    return clients_check("exempt", &conf->exempt, err);
}

const struct conf_block guard_block = {
    .name = "guard",
    .doc = "How often strangers may try passwords and addresses, over all connections; counted in "
           "each edge process for itself, which allows its share.",
    .keys = guard_keys,
    .size = sizeof(struct guard_conf),
    .file = "15-guard.conf",
    .check = check,
};

struct guard {
    const struct guard_conf *conf;
    uint32_t processes;
    struct local_table *tallies; /* what failed */
    struct local_table *known;   /* networks an account has logged in from: no attack evicts them */
    uint64_t refused;
};

struct tally {
    uint32_t count;
    uint64_t ends;
};

struct guard *guard_new(const struct guard_conf *conf, uint32_t processes)
{
    struct guard *g = calloc(1, sizeof *g);

    FCT_ASSERT(g);
    g->conf = conf;
    g->processes = processes > 0 ? processes : 1;
    g->tallies = local_table_new(conf->max_entries, (size_t)conf->max_entries * ENTRY_BYTES);
    g->known = local_table_new(conf->max_entries, (size_t)conf->max_entries * ENTRY_BYTES);
    return g;
}

void guard_free(struct guard **g)
{
    if (!*g)
        return;
    local_table_free(&(*g)->tallies);
    local_table_free(&(*g)->known);
    free(*g);
    *g = NULL;
}

uint64_t guard_refused(const struct guard *g)
{
    return g ? g->refused : 0;
}

/* ---- keys ---- */

enum subject { OF_NETWORK = 'n', OF_ACCOUNT = 'a', OF_BOTH = 'b', OF_RECIPIENTS = 'r' };

struct key {
    char byte[2 + 8 + ACCOUNT_MAX];
    size_t n;
};

static bool network(const char *ip, unsigned char out[8], size_t *n)
{
    unsigned char bytes[16];

    *n = 3;
    if (inet_pton(AF_INET, ip, bytes) != 1) {
        *n = 8;
        if (inet_pton(AF_INET6, ip, bytes) != 1)
            return false;
    }
    memcpy(out, bytes, *n);
    return true;
}

/* Who tries: the network's bytes behind their number, the account in lower case. */
static struct key make_key(enum subject subject, const char *ip, struct fct_str account)
{
    struct key key = {.byte = {(char)subject}, .n = 2};
    unsigned char bytes[8];
    size_t n;

    if (subject != OF_ACCOUNT && network(ip, bytes, &n)) {
        key.byte[1] = (char)n;
        memcpy(key.byte + key.n, bytes, n);
        key.n += n;
    }
    if (subject == OF_NETWORK || subject == OF_RECIPIENTS)
        return key;
    account = str_head(account, ACCOUNT_MAX);
    for (size_t i = 0; i < account.n; i++)
        key.byte[key.n++] =
            account.p[i] >= 'A' && account.p[i] <= 'Z' ? (char)(account.p[i] + 32) : account.p[i];
    return key;
}

static struct fct_str key_text(const struct key *key)
{
    return (struct fct_str){key->byte, key->n};
}

static bool is_counted(const struct guard *g, const struct stream_address *client)
{
    struct fct_str ip = str_from(client->text);
    unsigned char bytes[8];
    size_t n;

    return g && network(client->text, bytes, &n) && !str_starts(ip, FCT_STR("127.")) &&
           !str_equal(ip, FCT_STR("::1")) && !clients_have(&g->conf->exempt, ip);
}

/* ---- counting ---- */

static struct tally look(struct guard *g, const struct key *key)
{
    struct tally tally = {0};
    struct fct_str value;

    if (local_table_get(g->tallies, key_text(key), clock_ms(), &value, NULL))
        memcpy(&tally, value.p, sizeof tally);
    return tally;
}

static uint32_t add(struct guard *g, const struct key *key)
{
    struct tally tally = look(g, key);
    uint64_t now = clock_ms();

    if (tally.count == 0)
        tally.ends = now + g->conf->window.ms;
    tally.count += tally.count < UINT32_MAX;
    (void)local_table_put(g->tallies, key_text(key),
                          (struct fct_str){(const char *)&tally, sizeof tally}, now, tally.ends);
    return tally.count;
}

static uint32_t share(const struct guard *g, uint32_t limit)
{
    return limit / g->processes + (limit % g->processes != 0);
}

static bool is_over(struct guard *g, const struct key *key, uint32_t limit)
{
    return limit > 0 && look(g, key).count >= share(g, limit);
}

/* Counts, and says so in the log when it was the last that is allowed. */
static uint32_t add_failure(struct guard *g, const struct key *key, uint32_t limit,
                            const char *client, struct fct_str account)
{
    uint32_t count = add(g, key);

    if (limit > 0 && count == share(g, limit))
        log_event(EV_LOGIN_BARRED, FCT_STR(""),
                  F_C("by", key->byte[0] == OF_ACCOUNT   ? "account"
                            : key->byte[0] == OF_NETWORK ? "network"
                                                         : "account in a known network"),
                  F_C("peer", client), F_STR("login", account), F_U64("failures", count));
    return count;
}

/* ---- known networks ---- */

static bool is_known(struct guard *g, const struct key *key)
{
    struct fct_str value;

    return local_table_get(g->known, key_text(key), clock_ms(), &value, NULL);
}

static void remember(struct guard *g, const struct key *key)
{
    uint64_t now = clock_ms();

    (void)local_table_put(g->known, key_text(key), FCT_STR("+"), now, now + g->conf->remember.ms);
}

/* ---- logins ---- */

bool guard_admits(struct guard *g, const struct stream_address *client)
{
    struct key from;

    if (!is_counted(g, client))
        return true;
    from = make_key(OF_NETWORK, client->text, FCT_STR(""));
    if (!is_over(g, &from, g->conf->max_failures) || is_known(g, &from))
        return true;
    g->refused++;
    return false;
}

bool guard_checked(struct guard *g, const struct stream_address *client, struct fct_str account,
                   bool right, uint32_t *times)
{
    struct key from, on, both;
    bool known, barred;
    uint32_t failures;

    *times = 1;
    if (!is_counted(g, client))
        return true;
    from = make_key(OF_NETWORK, client->text, account);
    on = make_key(OF_ACCOUNT, client->text, account);
    both = make_key(OF_BOTH, client->text, account);
    known = is_known(g, &both);
    barred = known ? is_over(g, &both, g->conf->max_failures)
                   : is_over(g, &from, g->conf->max_failures) ||
                         is_over(g, &on, g->conf->max_account_failures);
    if (!right) {
        failures = add_failure(g, &from, g->conf->max_failures, client->text, account);
        *times = failures < TIMES_MAX ? failures : TIMES_MAX;
        if (known)
            (void)add_failure(g, &both, g->conf->max_failures, client->text, account);
        else
            (void)add_failure(g, &on, g->conf->max_account_failures, client->text, account);
    } else if (!barred) {
        remember(g, &both);
        remember(g, &from);
    }
    g->refused += barred;
    return !barred;
}

/* ---- recipients ---- */

void guard_unknown(struct guard *g, const struct stream_address *client)
{
    struct key from;

    if (!is_counted(g, client))
        return;
    from = make_key(OF_RECIPIENTS, client->text, FCT_STR(""));
    if (add(g, &from) == share(g, g->conf->max_unknown_recipients))
        log_event(EV_HARVEST_BARRED, FCT_STR(""), F_C("peer", client->text),
                  F_U64("unknown", look(g, &from).count));
}

bool guard_may_name(struct guard *g, const struct stream_address *client)
{
    struct key from;

    if (!is_counted(g, client))
        return true;
    from = make_key(OF_RECIPIENTS, client->text, FCT_STR(""));
    if (!is_over(g, &from, g->conf->max_unknown_recipients))
        return true;
    g->refused++;
    return false;
}
