/* plugin_links.c - struct fct_host's HTML and URLs: found at first use, kept for the transaction.
 * Who asks first pays for the memory; later ones share it. */
#include "core/plugin/plugin_links.h"

#include "core/base/str.h"
#include "core/dns/psl.h"
#include "core/message/url.h"
#include "core/plugin/plugin_services.h"

/* What a message keeps between the calls. */
struct call_links {
    struct html_tokens *html; /* per part; .counted is 0 until asked for */
    bool *has_html;
    size_t counted; /* tokens of all parts, for the limit */
    struct link_list list;
    bool has_list;
};

static struct call_links *links_of(struct fct_call *call)
{
    struct call_message *m = call->tx->message;
    const struct fct_part *first;
    size_t parts = message_parts(call, &first);

    if (!m->links) {
        m->links = ARENA_NEW(call->tx->arena, struct call_links);
        m->links->html = ARENA_ARRAY(call->tx->arena, struct html_tokens, parts + 1);
        m->links->has_html = ARENA_ARRAY(call->tx->arena, bool, parts + 1);
    }
    return m->links;
}

static const struct link_limits *limits_of(const struct fct_call *call)
{
    const struct plugin_services *services = call_services(call);

    return services && services->links.max_urls ? &services->links : &link_default_limits;
}

static bool is_html(const struct fct_part *part)
{
    return str_equal(part->type, FCT_STR("text/html")) ||
           str_equal(part->type, FCT_STR("application/xhtml+xml")) ||
           str_equal(part->type, FCT_STR("text/x-amp-html"));
}

static bool is_text(const struct fct_part *part)
{
    return str_starts(part->type, FCT_STR("text/"));
}

static const struct html_tokens *tokens_of(struct fct_call *call, size_t index)
{
    struct call_message *m = call->tx->message;
    struct call_links *links = links_of(call);
    struct html_tokens *tokens = &links->html[index];
    size_t max = limits_of(call)->max_html_tokens;

    if (links->has_html[index])
        return tokens;
    html_tokenize(call->tx->arena, message_part_bytes(call, &m->part[index]),
                  m->part[index].charset, max > links->counted ? max - links->counted : 0, tokens);
    links->counted += tokens->counted;
    links->has_html[index] = true;
    if (tokens->truncated)
        plugin_count(call->row->self, "html_truncated", 1);
    return tokens;
}

static size_t bytes_of(const struct html_tokens *tokens)
{
    return tokens->n * sizeof *tokens->token +
           (tokens->counted - tokens->n) * sizeof(struct fct_html_attribute);
}

size_t message_html(struct fct_call *call, const struct fct_part *part,
                    const struct fct_html_token **first)
{
    const struct html_tokens *tokens;
    bool was_there;
    size_t index;

    *first = NULL;
    if (!message_part_index(call, part, &index) || !is_html(part))
        return 0;
    was_there = links_of(call)->has_html[index];
    tokens = tokens_of(call, index);
    if (!was_there && !service_charge(call, bytes_of(tokens)))
        return 0;
    *first = tokens->token;
    return tokens->n;
}

/* ---- links ---- */

static bool joins_lines(const struct mime_part *part)
{
    return str_equal_nocase(mime_parameter_value(part->parameter, part->nparameters, "format"),
                            FCT_STR("flowed")) &&
           str_equal_nocase(mime_parameter_value(part->parameter, part->nparameters, "delsp"),
                            FCT_STR("yes"));
}

static void read_part(struct fct_call *call, size_t index, struct link_list *list)
{
    struct call_message *m = call->tx->message;
    const struct fct_part *part = &m->part[index];
    struct link_source source = {.part = part, .charset = part->charset};

    if (!is_html(part) && !is_text(part))
        return;
    source.bytes = message_part_bytes(call, part);
    source.joins_lines = joins_lines(&m->tree.part[index]);
    if (is_html(part))
        links_from_html(call->tx->arena, &source, tokens_of(call, index), list);
    else
        links_from_text(call->tx->arena, &source, list);
}

/* A message names few hosts many times: the answers for the last ones are kept. */
static void find_organisations(struct link_list *list)
{
    const struct fct_url *known[4] = {NULL};
    size_t next = 0;

    for (size_t i = 0; i < list->n; i++) {
        struct fct_url *url = &list->link[i].url;
        size_t k = 0;

        while (k < FCT_COUNT(known) && known[k] && !str_equal(known[k]->host, url->host))
            k++;
        if (k < FCT_COUNT(known) && known[k]) {
            url->org = known[k]->org;
            continue;
        }
        url->org = psl_org(url->host);
        known[next++ % FCT_COUNT(known)] = url;
    }
}

static void find_links(struct fct_call *call, struct link_list *list)
{
    const struct fct_part *first;
    size_t parts = message_parts(call, &first);

    list->max = limits_of(call)->max_urls;
    for (size_t i = 0; i < parts; i++)
        read_part(call, i, list);
    find_organisations(list);
    if (list->truncated)
        plugin_count(call->row->self, "urls_truncated", 1);
}

size_t message_links(struct fct_call *call, const struct fct_link **first)
{
    struct call_links *links;

    *first = NULL;
    if (!call->live || !call->tx->message)
        return 0;
    links = links_of(call);
    if (!links->has_list) {
        find_links(call, &links->list);
        links->has_list = true;
        if (!service_charge(call, links->list.n * sizeof *links->list.link))
            return 0;
    }
    *first = links->list.link;
    return links->list.n;
}

bool message_url_parse(struct fct_call *call, struct fct_str text, struct fct_url *out)
{
    if (!call->live || !service_charge(call, 4 * text.n)) {
        *out = (struct fct_url){.text = text};
        return false;
    }
    if (!url_parse(call->tx->arena, arena_str(call->tx->arena, text), out))
        return false;
    out->org = psl_org(out->host);
    return true;
}

struct fct_str message_org_domain(struct fct_call *call, struct fct_str host)
{
    struct fct_str name, display;

    if (!call->live || !service_charge(call, 4 * host.n))
        return (struct fct_str){"", 0};
    if (!url_host(call->tx->arena, host, &name, &display))
        return (struct fct_str){"", 0};
    return psl_org(name);
}
