/* plugin_facts.c - what plugins leave for each other, and address fields as everybody here reads
 * them. */
#include "core/plugin/plugin_facts.h"

#include "core/base/str.h"
#include "core/message/address.h"
#include "core/plugin/plugin_host.h"

#define FACTS_MAX      200
#define FACT_NAME_MAX  64
#define FACT_VALUE_MAX 2000
#define ADDRESSES_MAX  256

/* ---- facts ---- */

struct call_fact {
    const char *name;
    struct fct_str value;
    bool shadow; /* left by a row that only tries: live rows do not see it */
    struct call_fact *next;
};

bool facts_add(struct fct_call *call, const char *name, struct fct_str value)
{
    struct transaction *tx = call->tx;
    struct call_fact *fact, **end;
    size_t n = 0;

    if (!call->live || !tx->message || !name || !*name || strlen(name) > FACT_NAME_MAX ||
        value.n > FACT_VALUE_MAX)
        return false;
    for (end = &tx->fact; *end; end = &(*end)->next)
        n += (*end)->shadow == call->shadow; /* nobody tries at the cost of the others */
    if (n >= FACTS_MAX)
        return false;
    fact = ARENA_NEW(tx->arena, struct call_fact);
    *fact = (struct call_fact){.name = arena_cstr(tx->arena, str_from(name)),
                               .value = arena_str(tx->arena, value),
                               .shadow = call->shadow};
    *end = fact;
    return true;
}

struct fct_str facts_get(struct fct_call *call, const char *name, size_t nth)
{
    if (call->live && name)
        for (const struct call_fact *f = call->tx->fact; f; f = f->next)
            if ((!f->shadow || call->shadow) && strcmp(f->name, name) == 0 && nth-- == 0)
                return f->value;
    return (struct fct_str){NULL, 0};
}

struct fct_str facts_of(const struct transaction *tx, const char *name, size_t nth)
{
    for (const struct call_fact *f = tx->fact; f; f = f->next)
        if (!f->shadow && strcmp(f->name, name) == 0 && nth-- == 0)
            return f->value;
    return (struct fct_str){NULL, 0};
}

/* ---- addresses ---- */

/* What one header field was read as. */
struct call_addresses {
    const struct fct_header *header;
    const struct fct_address *first;
    size_t n;
    struct call_addresses *next;
};

static const uint32_t kinds[] = {
    [ADDRESS_MAILBOX] = FCT_ADDRESS_MAILBOX,
    [ADDRESS_GROUP_START] = FCT_ADDRESS_GROUP_START,
    [ADDRESS_GROUP_END] = FCT_ADDRESS_GROUP_END,
};

static struct fct_address convert(const struct address *a)
{
    bool group = a->kind == ADDRESS_GROUP_START;

    return (struct fct_address){
        .name = group ? a->local : a->name,
        .local = group ? (struct fct_str){"", 0} : a->local,
        .domain = a->domain,
        .kind = kinds[a->kind],
        .broken = a->broken || a->garbage,
    };
}

static struct call_addresses *read_field(struct arena *arena, const struct fct_header *header)
{
    struct call_addresses *out = ARENA_NEW(arena, struct call_addresses);
    static _Thread_local struct address found[ADDRESSES_MAX];
    struct fct_address *list;

    out->header = header;
    out->n = address_list_parse(arena, header_unfold(arena, header), found, ADDRESSES_MAX);
    list = ARENA_ARRAY(arena, struct fct_address, out->n + 1);
    for (size_t i = 0; i < out->n; i++)
        list[i] = convert(&found[i]);
    out->first = list;
    return out;
}

size_t facts_addresses(struct fct_call *call, const struct fct_header *header,
                       const struct fct_address **first)
{
    struct call_addresses **at;

    *first = NULL;
    if (!call->live || !header)
        return 0;
    for (at = &call->tx->addresses; *at && (*at)->header != header; at = &(*at)->next)
        continue;
    if (!*at)
        *at = read_field(call->tx->arena, header);
    *first = (*at)->first;
    return (*at)->n;
}
