/* reputation_names.c - see reputation_names.h. */
#include "reputation_names.h"

#include "plugins/dmarc/dmarc_facts.h"
#include "plugins/lib/ip_address.h"
#include "plugins/lib/view.h"

#define NET_V4      24u /* who has one address of these has the others, too */
#define NET_V6      64u
#define DKIM_MAX    4u
#define FACTS_MAX   64u /* results that are looked at */
#define ADDRESS_MAX 320u

static const char *add(const struct reputation_reading *r, struct reputation_names *out,
                       enum reputation_kind kind, struct fct_str text)
{
    struct reputation_name *name = &out->name[out->n];

    if (out->n == REPUTATION_NAMES || text.n == 0 ||
        !reputation_key(r->conf->secret, kind, text, name->key))
        return NULL;
    for (size_t i = 0; i < out->n; i++)
        if (strcmp(out->name[i].key, name->key) == 0)
            return NULL;
    name->kind = kind;
    name->text = text;
    out->n++;
    return name->key;
}

static struct fct_str keep(const struct reputation_reading *r, struct fct_str text)
{
    char *copy = r->host->alloc(r->call, text.n + 1);

    if (!copy)
        return (struct fct_str){"", 0};
    memcpy(copy, text.p, text.n);
    return (struct fct_str){copy, text.n};
}

static bool is_same(struct fct_str a, struct fct_str b)
{
    return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

static bool have_same_org(const struct reputation_reading *r, struct fct_str a, struct fct_str b)
{
    return a.n > 0 && b.n > 0 &&
           is_same(r->host->org_domain(r->call, a), r->host->org_domain(r->call, b));
}

/* ---- the network ---- */

static void read_network(const struct reputation_reading *r, struct reputation_names *out)
{
    struct fct_str client = r->host->conn(r->call)->client_ip;
    char text[IP_ADDRESS_ROOM], net[IP_ADDRESS_ROOM + 8];
    struct ip_address ip;
    unsigned bits;
    uint32_t number;

    if (!ip_address_parse(client, &ip))
        return;
    (void)ip_address_text(&ip, text);
    if (r->asn && reputation_asn_find(r->asn, text, &number)) {
        int n = snprintf(net, sizeof net, "AS%u", number);

        (void)add(r, out, REPUTATION_ASN, keep(r, (struct fct_str){net, (size_t)n}));
    }
    bits = ip.v6 ? NET_V6 : NET_V4;
    memset(ip.byte + bits / 8, 0, sizeof ip.byte - bits / 8);
    (void)ip_address_text(&ip, text);
    (void)snprintf(net, sizeof net, "%s/%u", text, bits);
    (void)add(r, out, REPUTATION_NET, keep(r, (struct fct_str){net, strlen(net)}));
}

/* ---- who vouches ---- */

struct vouched {
    struct dmarc_domain spf; /* of MAIL FROM */
    struct dmarc_domain signer[DKIM_MAX];
    size_t signers;
};

static void read_vouched(const struct reputation_reading *r, struct vouched *out)
{
    struct dmarc_fact fact;
    struct fct_str text;

    for (size_t i = 0; i < FACTS_MAX && (text = r->host->fact(r->call, "auth", i)).p; i++) {
        if (!dmarc_fact_parse(text, &fact) || !is_same(fact.result, FCT_STR("pass")))
            continue;
        if (fact.property == DMARC_MAILFROM)
            out->spf = fact.domain;
        else if (fact.property == DMARC_SIGNER && out->signers < DKIM_MAX)
            out->signer[out->signers++] = fact.domain;
    }
}

static struct fct_str author_domain(const struct reputation_reading *r)
{
    const struct fct_header *from = r->host->header(r->call, "From", 0);
    const struct fct_address *address;
    size_t n = from ? r->host->addresses(r->call, from, &address) : 0;

    for (size_t i = 0; i < n; i++)
        if (address[i].kind == FCT_ADDRESS_MAILBOX)
            return address[i].domain;
    return (struct fct_str){"", 0};
}

/* The author's own signature says more than that of those who send for him. */
static void read_signers(const struct reputation_reading *r, const struct vouched *v,
                         struct reputation_names *out)
{
    struct fct_str author = author_domain(r);
    bool any = false;

    for (size_t i = 0; i < v->signers; i++)
        if (have_same_org(r, dmarc_domain_str(&v->signer[i]), author)) {
            (void)add(r, out, REPUTATION_DKIM, keep(r, dmarc_domain_str(&v->signer[i])));
            any = true;
        }
    for (size_t i = 0; !any && i < v->signers; i++)
        (void)add(r, out, REPUTATION_DKIM, keep(r, dmarc_domain_str(&v->signer[i])));
}

struct fct_str reputation_sender(struct fct_str address, char *out)
{
    const char *at = address.n > 0 ? memrchr(address.p, '@', address.n) : NULL;
    size_t local = at ? (size_t)(at - address.p) : 0, n = 0;
    const char *plus = local > 0 ? memchr(address.p, '+', local) : NULL;

    if (local == 0 || address.n > ADDRESS_MAX || local + 1 == address.n ||
        memchr(address.p, '=', local) || plus == address.p)
        return (struct fct_str){"", 0};
    for (size_t i = 0; i < address.n; i++)
        if (!plus || i < (size_t)(plus - address.p) || i >= local)
            out[n++] = view_lower_char(address.p[i]);
    return (struct fct_str){out, n};
}

static void read_sender(const struct reputation_reading *r, const struct vouched *v,
                        struct reputation_names *out)
{
    struct fct_str address = r->host->envelope(r->call)->reverse_path, domain;
    struct fct_str sender;
    char text[ADDRESS_MAX + 1];
    bool vouches;

    sender = address.n <= ADDRESS_MAX ? reputation_sender(address, text) : (struct fct_str){"", 0};
    if (sender.n == 0)
        return;
    domain.p = (const char *)memrchr(sender.p, '@', sender.n) + 1;
    domain.n = sender.n - (size_t)(domain.p - sender.p);
    vouches = is_same(domain, dmarc_domain_str(&v->spf));
    for (size_t i = 0; i < v->signers; i++)
        vouches |= have_same_org(r, dmarc_domain_str(&v->signer[i]), domain);
    if (vouches)
        (void)add(r, out, REPUTATION_SENDER, keep(r, sender));
}

/* ---- links ---- */

static bool is_skipped(const struct reputation_conf *conf, struct fct_str org)
{
    for (size_t i = 0; i < conf->skip_url.n; i++)
        if (is_same(org, (struct fct_str){conf->skip_url.item[i], strlen(conf->skip_url.item[i])}))
            return true;
    return false;
}

static void read_links(const struct reputation_reading *r, struct reputation_names *out)
{
    const struct fct_link *link;
    size_t n = r->conf->max_urls > 0 ? r->host->links(r->call, &link) : 0, hosts = 0;
    struct fct_str last = {"", 0};

    for (size_t i = 0; i < n && hosts < r->conf->max_urls; i++) {
        struct fct_str org = link[i].url.org;

        if (is_same(org, last) || is_skipped(r->conf, org))
            continue;
        last = org;
        hosts += add(r, out, REPUTATION_URL, org) != NULL;
    }
}

void reputation_names_read(const struct reputation_reading *r, struct reputation_names *out)
{
    struct vouched vouched = {.signers = 0};

    out->n = 0;
    read_vouched(r, &vouched);
    read_network(r, out);
    if (vouched.spf.n > 0)
        (void)add(r, out, REPUTATION_SPF, keep(r, dmarc_domain_str(&vouched.spf)));
    read_signers(r, &vouched, out);
    read_sender(r, &vouched, out);
    read_links(r, out);
}
