/* ctl_dns_rows.c - what to publish for a domain, group by group as a zone file would have it. */
#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_dkim.h"
#include "core/ctl/ctl_dns_int.h"
#include "core/dns/psl.h"
#include "plugins/lib/ip_address.h"
#include "protocols/edge_conf.h"
#include "protocols/relay/policy/mta_sts.h"

#include <openssl/evp.h>

#define KEYS_MAX      32
#define MX_PREFERENCE 10
#define STS_TEXT_MAX  1000u
#define STS_ID_BYTES  8u      /* of the policy's digest: 16 characters */
#define STS_TESTING   604800  /* seconds: a week while it is tried out */
#define STS_ENFORCE   2592000 /* and a month afterwards (RFC 8461 3.2: weeks or greater) */

static struct dns_row *add(struct dns_records *r, const char *about, const char *name,
                           enum fct_dns_type type, const char *value)
{
    struct dns_row *row = &r->row[r->rows];

    if (r->rows == DNS_ROWS_MAX)
        return row - 1;
    r->rows++;
    *row = (struct dns_row){.about = about, .name = name, .type = type, .value = value};
    return row;
}

static const char *below(struct dns_records *r, const char *label, const char *name)
{
    return arena_printf(r->arena, "%s.%s", label, name).p;
}

/* ---- where mail goes ---- */

static void add_reverse(struct dns_records *r, const char *text, bool first)
{
    char reverse[IP_ADDRESS_ROOM];
    struct ip_address address;

    if (!ip_address_parse(str_from(text), &address))
        return;
    add(r, first ? "The name behind the address; whoever gave you the address publishes it" : NULL,
        arena_cstr(r->arena, ip_address_reverse(&address, reverse)), FCT_DNS_PTR,
        arena_printf(r->arena, "%s.", r->host).p)
        ->elsewhere = true;
}

static void add_way(struct dns_records *r)
{
    add(r, "Mail for the domain comes to this server", r->domain, FCT_DNS_MX,
        arena_printf(r->arena, "%d %s.", MX_PREFERENCE, r->host).p);
    for (size_t i = 0; i < r->addresses; i++)
        add(r, i == 0 ? "The addresses of this server" : NULL, r->host,
            strchr(r->address[i], ':') ? FCT_DNS_AAAA : FCT_DNS_A, r->address[i]);
    if (r->addresses == 0)
        add(r, "The public address of this server; it is not known here, see --address", r->host,
            FCT_DNS_A, NULL)
            ->match = MATCH_ANY;
    for (size_t i = 0; i < r->addresses; i++)
        add_reverse(r, r->address[i], i == 0);
}

/* ---- who sends it ---- */

static void add_spf(struct dns_records *r)
{
    struct dns_row *row;

    row = add(r, "Only this server sends mail of the domain (SPF, RFC 7208)", r->domain,
              FCT_DNS_TXT, "v=spf1 mx -all");
    row->match = MATCH_POLICY;
    row->prefix = "v=spf1";
    if (strcmp(r->host, r->domain) == 0)
        return;
    row = add(r, "The same for the name it greets others with (RFC 7208 2.3)", r->host, FCT_DNS_TXT,
              "v=spf1 a -all");
    row->match = MATCH_POLICY;
    row->prefix = "v=spf1";
    row->advised = true;
}

static bool add_dkim(struct dns_records *r, struct fct_err *err)
{
    struct ctl_dkim_record record[KEYS_MAX];
    bool next = false;
    size_t n;

    if (!ctl_dkim_records(r->ctl, r->domain, record, KEYS_MAX, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        bool first_next = record[i].next && !next;
        const char *about = i == 0 ? "The keys that sign (DKIM, RFC 6376)" : NULL;

        next = next || first_next;
        add(r, first_next ? "Keys that will sign after facteurctl dkim rotate" : about,
            record[i].name, FCT_DNS_TXT, record[i].text)
            ->prefix = "v=DKIM1";
    }
    if (n == 0)
        r->note[r->notes++] = "DKIM: there are no keys yet; facteurctl dkim genkey makes one";
    return true;
}

/* ---- what becomes of forgeries ---- */

static bool take_report_address(struct dns_records *r, const char *option, const char *local,
                                const char **address, struct fct_err *err)
{
    const char *given = ctl_option(r->ctl, option);
    const char *at = given ? strrchr(given, '@') : NULL;

    if (given && (!at || at == given || !at[1] || strpbrk(given, " ,;!\"\\")))
        return fct_fail(err, FCT_SYNTAX, "%s %s: must be an address", option, given);
    *address = given ? given : arena_printf(r->arena, "%s@%s", local, r->domain).p;
    return true;
}

/* Reports go to another organisation only if that one says it wants them (RFC 7489 7.1). */
static void add_report_consent(struct dns_records *r, const char *address)
{
    const char *there = strrchr(address, '@') + 1;
    struct dns_row *row;

    if (str_equal_nocase(psl_org(str_from(there)), psl_org(str_from(r->domain))))
        return;
    row = add(r, "The reports go to another domain, which must publish that it takes them",
              arena_printf(r->arena, "%s._report._dmarc.%s", r->domain, there).p, FCT_DNS_TXT,
              "v=DMARC1");
    row->match = MATCH_ANY;
    row->prefix = "v=DMARC1";
    row->elsewhere = true;
    row->advised = true;
}

static bool add_dmarc(struct dns_records *r, struct fct_err *err)
{
    const char *address = NULL;
    struct dns_row *row;

    if (!take_report_address(r, "--rua", "dmarc", &address, err))
        return false;
    r->rua = address;
    row = add(r,
              "What others do with forged mail of the domain (DMARC, RFC 9989); once the reports "
              "show only your own mail: p=quarantine, then p=reject",
              below(r, "_dmarc", r->domain), FCT_DNS_TXT,
              arena_printf(r->arena, "v=DMARC1; p=none; rua=mailto:%s", address).p);
    row->match = MATCH_ANY;
    row->prefix = "v=DMARC1";
    add_report_consent(r, address);
    return true;
}

/* ---- under which key ---- */

static void add_tlsa(struct dns_records *r)
{
    const char *value = dns_host_tlsa(r);

    if (value)
        add(r, "The certificate's key (DANE, RFC 7672); it counts in zones signed by DNSSEC only",
            below(r, "_25._tcp", r->host), FCT_DNS_TLSA, value)
            ->advised = true;
    else
        r->note[r->notes++] = "TLSA: tls.certificate is not set or cannot be read";
}

/* ---- that there is TLS (RFC 8461, RFC 8460) ---- */

/* A digest of the policy: others look at a new policy when the id changes, and only then. */
static const char *sts_id(struct dns_records *r, struct fct_str policy)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    char id[2 * STS_ID_BYTES + 1] = "";
    unsigned n = 0;

    if (EVP_Digest(policy.p, policy.n, digest, &n, EVP_sha256(), NULL) == 1)
        for (unsigned i = 0; i < STS_ID_BYTES; i++)
            snprintf(id + (size_t)2 * i, 3, "%02x", digest[i]);
    return arena_cstr(r->arena, str_from(id));
}

static bool take_sts_mode(struct dns_records *r, enum mta_sts_mode *mode, struct fct_err *err)
{
    const char *given = ctl_option(r->ctl, "--mta-sts");

    *mode = MTA_STS_TESTING;
    for (int i = 0; given && i < MTA_STS_MODES; i++)
        if (strcmp(given, mta_sts_mode_word((enum mta_sts_mode)i)) == 0)
            *mode = (enum mta_sts_mode)i;
    return !given || strcmp(given, mta_sts_mode_word(*mode)) == 0 ||
           fct_fail(err, FCT_SYNTAX, "--mta-sts %s: must be testing, enforce or none", given);
}

static bool add_mta_sts(struct dns_records *r, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(STS_TEXT_MAX);
    struct fct_str mx = str_from(r->host);
    struct mta_sts_policy policy = {.mx = &mx};
    struct dns_row *row;

    if (!take_sts_mode(r, &policy.mode, err))
        return false;
    policy.n = policy.mode == MTA_STS_NONE ? 0 : 1;
    policy.max_age = policy.mode == MTA_STS_ENFORCE ? STS_ENFORCE : STS_TESTING;
    if (!mta_sts_policy_write(&policy, &text))
        return fct_fail(err, FCT_LIMIT, "the MTA-STS policy does not fit");
    r->sts_policy = arena_str(r->arena, buf_str(&text));
    r->sts_url = arena_printf(r->arena, "https://mta-sts.%s/.well-known/mta-sts.txt", r->domain);
    row = add(r,
              "Where there is no DNSSEC: that there is TLS (MTA-STS, RFC 8461); publish it once a "
              "web server has the policy below",
              below(r, "_mta-sts", r->domain), FCT_DNS_TXT,
              arena_printf(r->arena, "v=STSv1; id=%s", sts_id(r, r->sts_policy)).p);
    row->match = MATCH_ANY;
    row->prefix = "v=STSv1";
    row->advised = true;
    return true;
}

static bool add_tls_report(struct dns_records *r, struct fct_err *err)
{
    const char *address = NULL;
    struct dns_row *row;

    if (!take_report_address(r, "--tls-rua", "tls-reports", &address, err))
        return false;
    r->tls_rua = address;
    row = add(r, "Where others tell how TLS with this server went (TLS-RPT, RFC 8460)",
              below(r, "_smtp._tls", r->domain), FCT_DNS_TXT,
              arena_printf(r->arena, "v=TLSRPTv1; rua=mailto:%s", address).p);
    row->match = MATCH_ANY;
    row->prefix = "v=TLSRPTv1";
    row->advised = true;
    return true;
}

/* ---- where mail clients go (RFC 6186, RFC 8314 5.1) ---- */

/* clang-format off */
static const struct service {
    const char *label;
    enum listener_kind kind;
    enum edge_tls tls;
} services[] = {
    {"_submissions._tcp", LISTENER_SUBMISSION, EDGE_TLS_IMPLICIT},
    {"_submission._tcp",  LISTENER_SUBMISSION, EDGE_TLS_STARTTLS},
    {"_imaps._tcp",       LISTENER_IMAP,       EDGE_TLS_IMPLICIT},
    {"_imap._tcp",        LISTENER_IMAP,       EDGE_TLS_STARTTLS},
    {"_pop3s._tcp",       LISTENER_POP3,       EDGE_TLS_IMPLICIT},
    {"_pop3._tcp",        LISTENER_POP3,       EDGE_TLS_STARTTLS},
};
/* clang-format on */

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]", 5) == 0;
}

/* The first port that the world can reach; NULL: the service is not offered. */
static const char *port_of(const struct dns_records *r, const struct service *service)
{
    const struct listener_conf *l;

    for (size_t i = 0; (l = config_each(r->ctl->config, &listener_block, i, NULL)); i++) {
        if (listener_kind(l) != service->kind || listener_tls(l) != service->tls)
            continue;
        for (size_t k = 0; k < l->address.n; k++)
            if (!is_loopback(l->address.item[k]) && strrchr(l->address.item[k], ':'))
                return strrchr(l->address.item[k], ':') + 1;
    }
    return NULL;
}

static void add_services(struct dns_records *r)
{
    bool first = true;

    for (size_t i = 0; i < FCT_COUNT(services); i++) {
        const char *port = port_of(r, &services[i]);

        if (!port)
            continue;
        add(r, first ? "Where mail programs find their server (RFC 6186, RFC 8314)" : NULL,
            below(r, services[i].label, r->domain), FCT_DNS_SRV,
            arena_printf(r->arena, "0 1 %s %s.", port, r->host).p)
            ->advised = true;
        first = false;
    }
}

/* ---- all of it ---- */

bool dns_rows_collect(struct dns_records *r, struct fct_err *err)
{
    psl_setup();
    if (!dns_host_addresses(r, err))
        return false;
    add_way(r);
    add_spf(r);
    if (!add_dkim(r, err) || !add_dmarc(r, err))
        return false;
    add_tlsa(r);
    if (!add_mta_sts(r, err) || !add_tls_report(r, err))
        return false;
    add_services(r);
    return true;
}
