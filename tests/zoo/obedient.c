/* obedient.c - does what it is told, by the names in the dialogue and by the message's X-Do fields:
 * for tests of front ends, which compare what comes out. Harmless, but never to be installed.
 *
 *   client 127.0.0.2 reject, .3 tempfail, .4 trusted, .5 disconnect
 *   EHLO, MAIL, RCPT, DATA: a name, or a local part, that begins with reject, tempfail, discard,
 *   disconnect, change (for DATA: data-… in MAIL)
 *   X-Do: WORD ARGUMENT…   see `orders` */
#include "zoo.h"

#include <stdlib.h>

/* ---- words ---- */

static struct fct_str text(const char *s)
{
    return (struct fct_str){s, strlen(s)};
}

static bool starts(struct fct_str s, const char *with)
{
    size_t n = strlen(with);

    return s.n >= n && memcmp(s.p, with, n) == 0;
}

/* Cuts the next word off; the last argument is the whole rest. */
static struct fct_str word(struct fct_str *rest)
{
    struct fct_str w = *rest;

    for (size_t i = 0; i < rest->n; i++)
        if (rest->p[i] == ' ') {
            w.n = i;
            rest->p += i + 1;
            rest->n -= i + 1;
            return w;
        }
    *rest = (struct fct_str){rest->p + rest->n, 0};
    return w;
}

static size_t number(struct fct_str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        n = 10 * n + (size_t)(s.p[i] - '0');
    return n;
}

/* ---- the dialogue ---- */

static enum fct_verdict obey_name(struct fct_call *call, struct fct_str name)
{
    static const struct {
        const char *word;
        enum fct_verdict verdict;
        unsigned code;
        const char *enhanced, *text;
    } table[] = {
        {"reject", FCT_REJECT, 550, "5.7.9", "obeyed: reject 100%"},
        {"tempfail", FCT_TEMPFAIL, 450, "4.7.9", "obeyed: tempfail"},
        {"discard", FCT_DISCARD, 0, NULL, NULL},
        {"disconnect", FCT_DISCONNECT, 0, NULL, NULL},
    };

    for (size_t i = 0; i < FCT_COUNT(table); i++)
        if (starts(name, table[i].word)) {
            if (table[i].code)
                host->reply(call, table[i].code, table[i].enhanced, table[i].text);
            return table[i].verdict;
        }
    return FCT_NEXT;
}

static enum fct_verdict on_connect(struct fct_call *call, const struct fct_ev_connect *ev,
                                   void *state)
{
    static const char *const by_address[] = {"", "", "reject", "tempfail", "", "disconnect"};
    struct fct_str ip = host->conn(call)->client_ip;
    size_t last = ip.n == 9 && starts(ip, "127.0.0.") ? (size_t)(ip.p[8] - '0') : 0;

    (void)ev, (void)state;
    if (last == 4)
        return FCT_ACCEPT;
    return obey_name(call, text(last < FCT_COUNT(by_address) ? by_address[last] : ""));
}

static enum fct_verdict on_helo(struct fct_call *call, const struct fct_ev_helo *ev, void *state)
{
    (void)state;
    return obey_name(call, ev->name);
}

static enum fct_verdict on_mail(struct fct_call *call, const struct fct_ev_mail *ev, void *state)
{
    (void)state;
    if (starts(ev->reverse_path, "change"))
        host->set(call, "reverse_path", text("changed@outside.example"));
    return obey_name(call, ev->reverse_path);
}

static enum fct_verdict on_rcpt(struct fct_call *call, const struct fct_ev_rcpt *ev, void *state)
{
    (void)state;
    if (ev->refused.n > 0)
        host->log(call, FCT_INFO, "refused-recipient %.*s: %.*s", FCT_FMT(ev->recipient),
                  FCT_FMT(ev->refused));
    if (starts(ev->recipient, "change"))
        host->set(call, "recipient", text("alice@example.test"));
    return obey_name(call, ev->recipient);
}

static enum fct_verdict on_data(struct fct_call *call, const struct fct_ev_data *ev, void *state)
{
    struct fct_str from = host->envelope(call)->reverse_path;

    (void)ev, (void)state;
    return starts(from, "data-") ? obey_name(call, (struct fct_str){from.p + 5, from.n - 5})
                                 : FCT_NEXT;
}

static enum fct_verdict on_unknown(struct fct_call *call, const struct fct_ev_unknown *ev,
                                   void *state)
{
    (void)state;
    return starts(ev->line, "XREJECT") ? obey_name(call, text("reject")) : FCT_NEXT;
}

/* ---- the message ---- */

static void do_add(struct fct_call *call, enum fct_where where, struct fct_str rest)
{
    struct fct_str name = word(&rest);

    host->header_insert(call, where, NULL, name, rest);
}

static void do_top(struct fct_call *call, struct fct_str rest)
{
    do_add(call, FCT_TOP, rest);
}

static void do_end(struct fct_call *call, struct fct_str rest)
{
    do_add(call, FCT_END, rest);
}

static void do_trace(struct fct_call *call, struct fct_str rest)
{
    do_add(call, FCT_AFTER_TRACE, rest);
}

static const struct fct_header *find(struct fct_call *call, struct fct_str *rest)
{
    struct fct_str name = word(rest), nth = word(rest);
    char copy[128];

    if (name.n >= sizeof copy)
        return NULL;
    memcpy(copy, name.p, name.n);
    copy[name.n] = '\0';
    return host->header(call, copy, number(nth));
}

static void do_before(struct fct_call *call, struct fct_str rest)
{
    const struct fct_header *h = find(call, &rest);
    struct fct_str name = word(&rest);

    if (h)
        host->header_insert(call, FCT_BEFORE, h, name, rest);
}

static void do_after(struct fct_call *call, struct fct_str rest)
{
    const struct fct_header *h = find(call, &rest);
    struct fct_str name = word(&rest);

    if (h)
        host->header_insert(call, FCT_AFTER, h, name, rest);
}

static void do_set(struct fct_call *call, struct fct_str rest)
{
    const struct fct_header *h = find(call, &rest);

    if (h)
        host->header_set(call, h, rest);
}

static void do_remove(struct fct_call *call, struct fct_str rest)
{
    const struct fct_header *h = find(call, &rest);

    if (h)
        host->header_remove(call, h);
}

static void do_body(struct fct_call *call, struct fct_str rest)
{
    char body[1024];
    int n = snprintf(body, sizeof body, "%.*s\r\nsecond line\r\n", FCT_FMT(rest));

    if (n > 0 && (size_t)n < sizeof body)
        host->body_replace(call, (struct fct_str){body, (size_t)n});
}

/* patch OLD NEW: the last place where it stands. */
static void do_patch(struct fct_call *call, struct fct_str rest)
{
    struct fct_str old = word(&rest), raw = host->raw(call);

    for (size_t at = raw.n; at-- > 0;)
        if (raw.n - at >= old.n && memcmp(raw.p + at, old.p, old.n) == 0) {
            host->patch(call, at, old.n, rest);
            return;
        }
}

static void do_sender(struct fct_call *call, struct fct_str rest)
{
    host->set(call, "reverse_path", rest);
}

static void do_add_recipient(struct fct_call *call, struct fct_str rest)
{
    host->set(call, "add_recipient", rest);
}

static void do_remove_recipient(struct fct_call *call, struct fct_str rest)
{
    host->set(call, "remove_recipient", rest);
}

static const struct {
    const char *word;
    void (*run)(struct fct_call *call, struct fct_str rest);
} orders[] = {
    {"top", do_top},
    {"end", do_end},
    {"trace", do_trace},
    {"before", do_before},
    {"after", do_after},
    {"set", do_set},
    {"remove", do_remove},
    {"body", do_body},
    {"patch", do_patch},
    {"sender", do_sender},
    {"addrcpt", do_add_recipient},
    {"delrcpt", do_remove_recipient},
};

static void obey_order(struct fct_call *call, struct fct_str rest)
{
    struct fct_str first = word(&rest);

    for (size_t i = 0; i < FCT_COUNT(orders); i++)
        if (first.n == strlen(orders[i].word) && starts(first, orders[i].word))
            orders[i].run(call, rest);
}

static enum fct_verdict on_edit(struct fct_call *call, const struct fct_ev_edit *ev, void *state)
{
    const struct fct_header *h;

    (void)ev, (void)state;
    for (size_t i = 0; (h = host->header(call, "X-Do", i)); i++)
        obey_order(call, host->header_text(call, h));
    return FCT_NEXT;
}

/* X-Wait: milliseconds. Somebody may kill us meanwhile. */
static enum fct_verdict on_headers(struct fct_call *call, const struct fct_ev_headers *ev,
                                   void *state)
{
    const struct fct_header *h = host->header(call, "X-Wait", 0);

    (void)ev, (void)state;
    if (h)
        host->sleep_ms(call, (uint32_t)number(host->header_text(call, h)));
    return FCT_NEXT;
}

static enum fct_verdict on_verdict(struct fct_call *call, const struct fct_ev_verdict *ev,
                                   void *state)
{
    const struct fct_header *h = host->header(call, "X-Verdict", 0);
    struct fct_str wish = h ? host->header_text(call, h) : text("");

    (void)ev, (void)state;
    if (starts(wish, "quarantine")) {
        host->reply(call, 0, NULL, "obeyed: hold");
        return FCT_QUARANTINE;
    }
    return obey_name(call, wish);
}

static const struct fct_hook_row rows[] = {
    FCT_ON(connect, on_connect), FCT_ON(helo, on_helo),       FCT_ON(mail, on_mail),
    FCT_ON(rcpt, on_rcpt),       FCT_ON(data, on_data),       FCT_ON(unknown, on_unknown),
    FCT_ON(headers, on_headers), FCT_ON(verdict, on_verdict), FCT_ON(edit, on_edit),
};

ZOO_ANIMAL("obedient", "does what the message says", rows);
