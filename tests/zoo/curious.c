/* curious.c - asks the DNS about the sender's domain and says what it heard: refuses MAIL with the
 * answer as its text when there is one, puts it off when nobody could say, and lets it pass when
 * there is none. At scan the answer is the detail of a symbol. */
#include "zoo.h"

#include <stdio.h>
#include <stdlib.h>

static struct fct_str domain_of(struct fct_str path)
{
    const char *at = path.n > 0 ? memchr(path.p, '@', path.n) : NULL;

    return at ? (struct fct_str){at + 1, path.n - (size_t)(at + 1 - path.p)}
              : (struct fct_str){"", 0};
}

/* Records in the order of their text: resolvers turn them round. */
static int by_text(const void *a, const void *b)
{
    const struct fct_dns_record *one = a, *other = b;
    size_t n = one->data.n < other->data.n ? one->data.n : other->data.n;
    int order = n > 0 ? memcmp(one->data.p, other->data.p, n) : 0;

    return order ? order : (one->data.n > other->data.n) - (one->data.n < other->data.n);
}

static void show(struct fct_call *call, const struct fct_dns_answer *answer, char *out, size_t size)
{
    struct fct_dns_record *copy = host->alloc(call, answer->n * sizeof *copy);
    size_t used = 0;

    if (!copy)
        return;
    memcpy(copy, answer->record, answer->n * sizeof *copy);
    qsort(copy, answer->n, sizeof *copy, by_text);
    for (size_t i = 0; i < answer->n && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%.*s", i ? " " : "",
                                 (int)copy[i].data.n, copy[i].data.p);
}

static enum fct_verdict on_mail(struct fct_call *call, const struct fct_ev_mail *ev, void *state)
{
    struct fct_dns_answer answer;
    char text[400] = "";

    (void)state;
    if (host->dns(call, FCT_DNS_TXT, domain_of(ev->reverse_path), &answer)) {
        show(call, &answer, text, sizeof text);
        host->reply(call, 550, "5.7.1", text);
        return FCT_REJECT;
    }
    if (answer.status == FCT_DNS_NO_NAME || answer.status == FCT_DNS_NO_DATA)
        return FCT_NEXT;
    snprintf(text, sizeof text, "status %u: %.*s", answer.status, FCT_FMT(answer.why));
    host->reply(call, 451, "4.4.3", text);
    return FCT_TEMPFAIL;
}

static enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    struct fct_dns_answer answer;
    char text[400] = "";

    (void)ev, (void)state;
    if (host->dns(call, FCT_DNS_A, domain_of(host->envelope(call)->reverse_path), &answer))
        show(call, &answer, text, sizeof text);
    else
        snprintf(text, sizeof text, "status %u: %.*s", answer.status, FCT_FMT(answer.why));
    host->symbol(call, "CURIOUS", 1, (struct fct_str){text, strlen(text)});
    return FCT_NEXT;
}

static const struct fct_hook_row rows[] = {FCT_ON(mail, on_mail), FCT_ON(scan, on_scan)};
static const struct fct_symbol symbols[] = {{.name = "CURIOUS", .doc = "what the DNS says"}, {0}};

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "curious",
    .version = "0",
    .summary = "asks",
    .symbols = symbols,
    .hooks = rows,
    .nhooks = FCT_COUNT(rows),
    .start = zoo_start,
};
