/* known_scan.c - did the recipient write to the author before, or is this a reply to a message of
 * his? Each recipient is answered for himself. */
#include "known_plugin.h"

#include "plugins/dmarc/dmarc_author.h"
#include "plugins/dmarc/dmarc_facts.h"
#include "plugins/lib/clients.h"

#define FACTS_MAX  64u /* results that are looked at */
#define FIELDS_MAX 8u  /* of References and In-Reply-To */
#define ASKED_MAX  (KNOWN_USERS * (1 + KNOWN_REFERENCES))

/* clang-format off */
const struct fct_symbol known_symbols[] = {
    {"KNOWN_SENDER", -2.5, "known", "The recipient has written to the author, for whom DMARC, DKIM or SPF vouches"},
    {"REPLY_TO_OWN", -1.5, "known", "The message answers one that the recipient has sent"},
    {NULL, 0, NULL, NULL},
};
/* clang-format on */

/* One thing to look up. */
struct question {
    const struct known_plugin *plugin;
    struct fct_str account, name;
    enum known_kind kind;
    char key[KNOWN_KEY_ROOM];
    bool found;
};

struct scan {
    const struct known_plugin *plugin;
    struct fct_call *call;
    char author_text[KNOWN_ADDRESS_MAX];
    struct fct_str author; /* empty: nobody vouches for one */
    struct fct_str reference[KNOWN_REFERENCES];
    size_t references; /* seen so far: the last ones are kept */
    struct question *question[ASKED_MAX];
    size_t questions;
};

/* ---- who wrote it ---- */

/* The one author, when there is one who can be read for certain. */
static bool read_author(struct scan *s, struct dmarc_author *author)
{
    const struct fct_host *host = s->plugin->host;
    const struct fct_address *list;
    const struct fct_header *from;
    size_t n, mailboxes = 0;

    for (size_t i = 0; (from = host->header(s->call, "From", i)); i++) {
        n = host->addresses(s->call, from, &list);
        dmarc_author_add(author, list, n);
        for (size_t k = 0; k < n; k++)
            if (list[k].kind == FCT_ADDRESS_MAILBOX && ++mailboxes == 1)
                s->author = known_address(list[k].local, list[k].domain, s->author_text);
    }
    dmarc_author_finish(author);
    return author->kind == DMARC_ONE_DOMAIN && mailboxes == 1 && s->author.n > 0;
}

static bool is_aligned(const struct scan *s, const struct dmarc_fact *fact,
                       const struct dmarc_author *author)
{
    const struct fct_host *host = s->plugin->host;
    struct fct_str domain = dmarc_domain_str(&author->domain),
                   vouches = dmarc_domain_str(&fact->domain);

    if (fact->property == DMARC_AUTHOR)
        return dmarc_domain_same(domain, vouches);
    return (fact->property == DMARC_MAILFROM || fact->property == DMARC_SIGNER) &&
           dmarc_domain_same(host->org_domain(s->call, domain), host->org_domain(s->call, vouches));
}

/* A fail of DMARC is the owner's word: then nothing else vouches. */
static bool is_vouched(const struct scan *s, const struct dmarc_author *author)
{
    struct dmarc_fact fact;
    struct fct_str text;
    bool any = false;

    for (size_t i = 0; i < FACTS_MAX && (text = s->plugin->host->fact(s->call, "auth", i)).p; i++) {
        if (!dmarc_fact_parse(text, &fact))
            continue;
        if (known_is(fact.method, "dmarc") && known_is(fact.result, "fail"))
            return false;
        any |= known_is(fact.result, "pass") && is_aligned(s, &fact, author);
    }
    return any;
}

/* ---- what it answers ---- */

/* The last ones: References lists the oldest first (RFC 5322 3.6.4). */
static void read_references(struct scan *s, const char *name)
{
    const struct fct_host *host = s->plugin->host;
    size_t most = s->plugin->conf->max_references;
    const struct fct_header *header;

    for (size_t i = 0; most > 0 && i < FIELDS_MAX && (header = host->header(s->call, name, i));
         i++) {
        struct fct_str field = header->value, id;

        while ((id = known_next_id(&field)).n > 0)
            s->reference[s->references++ % most] = id;
    }
}

/* ---- asking ---- */

static void add_question(struct scan *s, struct fct_str account, enum known_kind kind,
                         struct fct_str name)
{
    struct question *q;

    if (s->questions == ASKED_MAX || !(q = s->plugin->host->alloc(s->call, sizeof *q)))
        return;
    *q = (struct question){.plugin = s->plugin, .account = account, .name = name, .kind = kind};
    if (known_key(s->plugin->conf->secret, kind, account, name, q->key))
        s->question[s->questions++] = q;
}

static void add_user(struct scan *s, struct fct_str account)
{
    size_t most = s->plugin->conf->max_references;
    size_t references = s->references < most ? s->references : most;

    if (s->author.n > 0)
        add_question(s, account, KNOWN_PERSON, s->author);
    for (size_t i = 0; i < references; i++)
        add_question(s, account, KNOWN_MESSAGE, s->reference[i]);
}

static bool is_same(struct fct_str a, struct fct_str b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static void add_users(struct scan *s)
{
    struct fct_str account[KNOWN_USERS];
    const struct fct_recipient *r;
    size_t n = 0;

    for (size_t i = 0;
         n < s->plugin->conf->max_users && (r = s->plugin->host->recipient(s->call, i)); i++) {
        size_t k = 0;

        while (k < n && !is_same(account[k], r->account))
            k++;
        if (r->account.n == 0 || k < n)
            continue;
        account[n++] = r->account;
        add_user(s, r->account);
    }
}

static FCT_MAY_WAIT void ask(struct fct_call *call, void *arg)
{
    struct question *q = arg;
    struct fct_str value;

    q->found = q->plugin->host->kv_get(call, (struct fct_str){q->key, strlen(q->key)}, &value);
}

/* So many at once. */
static FCT_MAY_WAIT bool ask_all(struct scan *s)
{
    const struct fct_host *host = s->plugin->host;
    struct fct_token started[KNOWN_AT_ONCE];
    size_t n = 0;

    for (size_t i = 0; i < s->questions; i++) {
        started[n++] = host->start(s->call, ask, s->question[i]);
        if (n < KNOWN_AT_ONCE && i + 1 < s->questions)
            continue;
        if (!host->wait_all(s->call, started, n))
            return false;
        n = 0;
    }
    return true;
}

static void tell(const struct scan *s)
{
    for (size_t i = 0; i < s->questions; i++) {
        const struct question *q = s->question[i];

        if (!q->found)
            continue;
        (void)s->plugin->host->symbol_for(s->call, q->account, known_symbols[q->kind].name, 1,
                                          q->name);
        s->plugin->host->count(s->call, q->kind == KNOWN_PERSON ? "known" : "replies", 1);
    }
}

enum fct_verdict known_on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    const struct known_plugin *plugin = state;
    struct dmarc_author author = {.fields = 0};
    struct scan *s;

    (void)ev;
    if (!clients_are_strangers(plugin->host->conn(call), &plugin->conf->skip_net) ||
        !(s = plugin->host->alloc(call, sizeof *s)))
        return FCT_NEXT;
    memset(s, 0, sizeof *s);
    s->plugin = plugin;
    s->call = call;
    if (!read_author(s, &author) || !is_vouched(s, &author))
        s->author.n = 0;
    read_references(s, "References");
    read_references(s, "In-Reply-To");
    if (s->author.n == 0 && s->references == 0)
        return FCT_NEXT;
    add_users(s);
    if (s->questions > 0 && ask_all(s))
        tell(s);
    return FCT_NEXT;
}
