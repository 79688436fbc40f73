/* known_remember.c - whom a user writes to, and under which Message-ID: from what is submitted, and
 * from copies that mail programs put into Sent. */
#include "known_plugin.h"

#include <stdlib.h>
#include <strings.h>

#define ENVELOPE_ID_MAX 80
#define WRITES_MAX      (KNOWN_RECIPIENTS + 1)

/* The message of a connection, from scan until it was accepted. */
struct kept {
    char envelope_id[ENVELOPE_ID_MAX];
    char message_id[KNOWN_ID_MAX];
    size_t message_id_n;
};

/* What is written down of one message. */
struct write {
    const struct known_plugin *plugin;
    char key[KNOWN_KEY_ROOM];
    uint32_t ttl_s;
};
struct notes {
    const struct known_plugin *plugin;
    struct fct_call *call;
    struct fct_str account;
    struct write write[WRITES_MAX];
    size_t n;
};

static struct notes *notes_new(const struct known_plugin *plugin, struct fct_call *call,
                               struct fct_str account)
{
    struct notes *notes = plugin->host->alloc(call, sizeof *notes);

    if (!notes)
        return NULL;
    notes->plugin = plugin;
    notes->call = call;
    notes->account = account;
    notes->n = 0;
    return notes;
}

static void note(struct notes *notes, enum known_kind kind, struct fct_str name)
{
    const struct known_conf *conf = notes->plugin->conf;
    struct write *w = &notes->write[notes->n];

    if (notes->n == WRITES_MAX || name.n == 0 ||
        !known_key(conf->secret, kind, notes->account, name, w->key))
        return;
    for (size_t i = 0; i < notes->n; i++)
        if (strcmp(notes->write[i].key, w->key) == 0)
            return;
    w->plugin = notes->plugin;
    w->ttl_s =
        (uint32_t)((kind == KNOWN_PERSON ? conf->forget.ms : conf->forget_replies.ms) / 1000);
    notes->n++;
}

static FCT_MAY_WAIT void write_down(struct fct_call *call, void *arg)
{
    struct write *w = arg;

    (void)w->plugin->host->kv_set(call, (struct fct_str){w->key, strlen(w->key)}, FCT_STR("1"),
                                  w->ttl_s);
}

static FCT_MAY_WAIT void write_all(struct notes *notes)
{
    const struct fct_host *host = notes->plugin->host;
    struct fct_token started[KNOWN_AT_ONCE];
    size_t n = 0;

    for (size_t i = 0; i < notes->n; i++) {
        started[n++] = host->start(notes->call, write_down, &notes->write[i]);
        if (n < KNOWN_AT_ONCE && i + 1 < notes->n)
            continue;
        if (!host->wait_all(notes->call, started, n))
            return;
        n = 0;
    }
    host->count(notes->call, "remembered", (double)notes->n);
}

/* ---- what a message is ---- */

/* What programs write by themselves (RFC 3834 5): the user need not know whom they answer. */
static bool is_automatic(const struct known_plugin *plugin, struct fct_call *call)
{
    const struct fct_header *header = plugin->host->header(call, "Auto-Submitted", 0);
    struct fct_str value = header ? header->value : (struct fct_str){"", 0};

    while (value.n > 0 && strchr(" \t\r\n", *value.p)) {
        value.p++;
        value.n--;
    }
    return value.n > 0 && !(value.n >= 2 && strncasecmp(value.p, "no", 2) == 0);
}

static struct fct_str message_id(const struct known_plugin *plugin, struct fct_call *call)
{
    const struct fct_header *header = plugin->host->header(call, "Message-ID", 0);
    struct fct_str field = header ? header->value : (struct fct_str){"", 0};

    return known_next_id(&field);
}

/* ---- submission ---- */

/* Not yet: it may be refused. */
enum fct_verdict known_on_submission(struct fct_call *call, const struct fct_ev_scan *ev,
                                     void *state)
{
    const struct known_plugin *plugin = state;
    struct fct_str id = plugin->host->envelope(call)->id, message;
    void **slot = plugin->host->slot(call);
    struct kept *kept;

    (void)ev;
    if (!slot || plugin->host->conn(call)->login.n == 0 || id.n >= sizeof kept->envelope_id ||
        (!*slot && !(*slot = calloc(1, sizeof *kept))))
        return FCT_NEXT;
    kept = *slot;
    *kept = (struct kept){.message_id_n = 0};
    if (is_automatic(plugin, call))
        return FCT_NEXT;
    (void)snprintf(kept->envelope_id, sizeof kept->envelope_id, "%.*s", FCT_FMT(id));
    message = message_id(plugin, call);
    memcpy(kept->message_id, message.p, message.n);
    kept->message_id_n = message.n;
    return FCT_NEXT;
}

static void note_recipients(struct notes *notes, const struct fct_envelope *e)
{
    char text[KNOWN_ADDRESS_MAX];

    if (e->recipients > notes->plugin->conf->max_recipients)
        return;
    for (size_t i = 0; i < e->recipients; i++)
        note(notes, KNOWN_PERSON, known_mailbox(e->recipient[i], text));
}

FCT_MAY_WAIT enum fct_verdict known_on_accepted(struct fct_call *call,
                                                const struct fct_ev_accepted *ev, void *state)
{
    const struct known_plugin *plugin = state;
    const struct fct_envelope *e = plugin->host->envelope(call);
    void **slot = plugin->host->slot(call);
    struct kept *kept = slot ? *slot : NULL;
    struct notes *notes;

    (void)ev;
    if (!kept || !*kept->envelope_id || !known_is(e->id, kept->envelope_id) ||
        !(notes = notes_new(plugin, call, plugin->host->conn(call)->login)))
        return FCT_NEXT;
    note_recipients(notes, e);
    note(notes, KNOWN_MESSAGE, (struct fct_str){kept->message_id, kept->message_id_n});
    write_all(notes);
    return FCT_NEXT;
}

/* ---- copies in Sent ---- */

static bool is_sent(const struct known_conf *conf, struct fct_str mailbox)
{
    for (size_t i = 0; i < conf->sent.n; i++)
        if (known_is(mailbox, conf->sent.item[i]))
            return true;
    return false;
}

static bool has_flag(const struct fct_list *flags, const char *flag)
{
    for (size_t i = 0; i < flags->n; i++)
        if (known_is(flags->item[i], flag))
            return true;
    return false;
}

/* False: these are too many. */
static bool note_field(struct notes *notes, const struct fct_header *header)
{
    const struct fct_address *address;
    size_t n = notes->plugin->host->addresses(notes->call, header, &address);
    char text[KNOWN_ADDRESS_MAX];

    for (size_t i = 0; i < n; i++) {
        if (address[i].kind != FCT_ADDRESS_MAILBOX)
            continue;
        note(notes, KNOWN_PERSON, known_address(address[i].local, address[i].domain, text));
        if (notes->n > notes->plugin->conf->max_recipients)
            return false;
    }
    return true;
}

static void note_fields(struct notes *notes)
{
    static const char *const names[] = {"To", "Cc", "Bcc"};
    const struct fct_header *header;

    for (size_t i = 0; i < FCT_COUNT(names); i++)
        for (size_t k = 0; (header = notes->plugin->host->header(notes->call, names[i], k)); k++)
            if (!note_field(notes, header)) {
                notes->n = 0;
                return;
            }
}

FCT_MAY_WAIT enum fct_verdict known_on_append(struct fct_call *call,
                                              const struct fct_ev_store_append *ev, void *state)
{
    const struct known_plugin *plugin = state;
    struct notes *notes;

    if (!is_sent(plugin->conf, ev->mailbox) || has_flag(&ev->flags, "\\Draft") ||
        is_automatic(plugin, call) || !(notes = notes_new(plugin, call, ev->account)))
        return FCT_NEXT;
    note_fields(notes);
    note(notes, KNOWN_MESSAGE, message_id(plugin, call));
    write_all(notes);
    return FCT_NEXT;
}
