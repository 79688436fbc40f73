/* dns_answer.c - see dns_answer.h. */
#include "core/dns/dns_answer.h"

#include "core/base/buf.h"
#include "core/base/str.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define HEADER_BYTES 12u
#define CHAIN_MAX    16u  /* CNAMEs one after the other */
#define SOA_NUMBERS  20u  /* bytes behind the two names */
#define SRV_NUMBERS  6u   /* bytes before the name */
#define STRING_MAX   255u /* of a character-string (RFC 1035 3.3) */
#define CLASS_IN     1u

enum rcode { RCODE_NOERROR = 0, RCODE_NXDOMAIN = 3 };

/* A record as it stands in the message. */
struct rr {
    size_t owner; /* offset of its name */
    uint32_t type, ttl;
    size_t data, length; /* offset and bytes of RDATA */
};

struct walk {
    struct arena *arena;
    struct fct_str message;
    size_t at;
    struct rr *rr;
    size_t n, answers; /* the first `answers` are the answer section, then comes authority */
};

/* ---- numbers ---- */

static uint32_t u16_at(struct fct_str m, size_t at)
{
    const uint8_t *b = (const uint8_t *)m.p + at;

    return (uint32_t)b[0] << 8 | b[1];
}

static uint32_t u32_at(struct fct_str m, size_t at)
{
    return u16_at(m, at) << 16 | u16_at(m, at + 2);
}

/* ---- the sections ---- */

/* The question must be ours: nothing here may answer another one. */
static bool take_question(struct walk *w, const struct dns_name *name, enum fct_dns_type type)
{
    struct dns_name asked;

    if (!dns_name_read(w->message, &w->at, &asked, NULL) || w->message.n - w->at < 4)
        return false;
    w->at += 4;
    return u16_at(w->message, w->at - 4) == (uint32_t)type &&
           str_equal(dns_name_str(&asked), dns_name_str(name));
}

static bool take_rr(struct walk *w, struct rr *rr)
{
    struct dns_name owner;
    bool internet;

    rr->owner = w->at;
    if (!dns_name_read(w->message, &w->at, &owner, NULL) || w->message.n - w->at < 10)
        return false;
    internet = u16_at(w->message, w->at + 2) == CLASS_IN;
    rr->type = internet ? u16_at(w->message, w->at) : 0;
    rr->ttl = u32_at(w->message, w->at + 4);
    if (rr->ttl > INT32_MAX)
        rr->ttl = 0; /* RFC 2181 8 */
    rr->length = u16_at(w->message, w->at + 8);
    rr->data = w->at + 10;
    w->at += 10;
    if (rr->length > w->message.n - w->at)
        return false;
    w->at += rr->length;
    return true;
}

/* Header, question, answer and authority; nobody needs what stands behind. */
static bool read_message(struct walk *w, const struct dns_name *name, enum fct_dns_type type,
                         uint32_t max_records, const char **why)
{
    size_t answers, authority;

    *why = "the answer is malformed, or to another question";
    if (w->message.n < HEADER_BYTES || u16_at(w->message, 4) != 1)
        return false;
    answers = u16_at(w->message, 6);
    authority = u16_at(w->message, 8);
    w->at = HEADER_BYTES;
    if (!take_question(w, name, type))
        return false;
    if (answers > max_records || authority > max_records) {
        *why = "the answer has more records than dns.max_records";
        return false;
    }
    w->rr = ARENA_ARRAY(w->arena, struct rr, answers + authority + 1);
    for (; w->n < answers + authority; w->n++)
        if (!take_rr(w, &w->rr[w->n]))
            return false;
    w->answers = answers;
    return true;
}

/* ---- record data ---- */

/* A name that fills the data from `at` to its end. */
static bool name_data(const struct walk *w, const struct rr *rr, size_t skip, struct dns_name *name)
{
    size_t at = rr->data + skip;

    return rr->length > skip && dns_name_read(w->message, &at, name, NULL) &&
           at == rr->data + rr->length;
}

static bool take_address(const struct walk *w, const struct rr *rr, int family, size_t bytes,
                         struct fct_dns_record *out)
{
    char text[INET6_ADDRSTRLEN];

    if (rr->length != bytes ||
        !inet_ntop(family, w->message.p + rr->data, text, (socklen_t)sizeof text))
        return false;
    out->data = arena_str(w->arena, str_from(text));
    return true;
}

static bool take_name(const struct walk *w, const struct rr *rr, size_t skip,
                      struct fct_dns_record *out)
{
    struct dns_name name;

    if (!name_data(w, rr, skip, &name))
        return false;
    out->data = arena_str(w->arena, dns_name_str(&name));
    return true;
}

/* One or more strings, each with its length in front (RFC 1035 3.3.14). */
static bool take_text(const struct walk *w, const struct rr *rr, struct fct_dns_record *out)
{
    const uint8_t *from = (const uint8_t *)w->message.p + rr->data;
    char *text = arena_alloc(w->arena, rr->length + 1);
    size_t n = 0, at = 0;

    if (rr->length == 0)
        return false;
    while (at < rr->length) {
        size_t length = from[at++];

        if (length > rr->length - at)
            return false;
        memcpy(text + n, from + at, length);
        n += length;
        at += length;
    }
    out->data = (struct fct_str){text, n};
    return true;
}

/* Two names and five numbers. The names are written out: what points into the message would be
 * worth nothing outside it. */
static bool take_soa(const struct walk *w, const struct rr *rr, struct fct_dns_record *out)
{
    struct dns_wire_name mname, rname;
    struct dns_name name;
    size_t at = rr->data;
    char *wire;

    if (!dns_name_read(w->message, &at, &name, &mname) ||
        !dns_name_read(w->message, &at, &name, &rname) || at + SOA_NUMBERS != rr->data + rr->length)
        return false;
    wire = arena_alloc(w->arena, mname.n + rname.n + SOA_NUMBERS);
    memcpy(wire, mname.byte, mname.n);
    memcpy(wire + mname.n, rname.byte, rname.n);
    memcpy(wire + mname.n + rname.n, w->message.p + at, SOA_NUMBERS);
    out->data = (struct fct_str){wire, mname.n + rname.n + SOA_NUMBERS};
    return true;
}

static bool take_data(const struct walk *w, const struct rr *rr, struct fct_dns_record *out)
{
    *out = (struct fct_dns_record){0};
    switch (rr->type) {
    case FCT_DNS_A:
        return take_address(w, rr, AF_INET, 4, out);
    case FCT_DNS_AAAA:
        return take_address(w, rr, AF_INET6, 16, out);
    case FCT_DNS_NS:
    case FCT_DNS_CNAME:
    case FCT_DNS_PTR:
        return take_name(w, rr, 0, out);
    case FCT_DNS_MX:
        if (rr->length < 3)
            return false;
        out->preference = u16_at(w->message, rr->data);
        return take_name(w, rr, 2, out);
    case FCT_DNS_TXT:
        return take_text(w, rr, out);
    case FCT_DNS_SOA:
        return take_soa(w, rr, out);
    default:
        out->data = arena_str(w->arena, (struct fct_str){w->message.p + rr->data, rr->length});
        return true;
    }
}

/* ---- the answer ---- */

static bool owned_by(const struct walk *w, const struct rr *rr, const struct dns_name *name)
{
    struct dns_name owner;
    size_t at = rr->owner;

    return dns_name_read(w->message, &at, &owner, NULL) &&
           str_equal(dns_name_str(&owner), dns_name_str(name));
}

static void shorten(uint32_t *ttl, uint32_t by)
{
    if (by < *ttl)
        *ttl = by;
}

/* From the name that was asked for to the one that has the records (RFC 1034 3.6.2). */
static bool follow_chain(const struct walk *w, enum fct_dns_type type, struct dns_name *name,
                         uint32_t *ttl)
{
    for (unsigned hop = 0; type != FCT_DNS_CNAME && hop <= CHAIN_MAX; hop++) {
        const struct rr *next = NULL;

        for (size_t i = 0; i < w->answers && !next; i++)
            if (w->rr[i].type == FCT_DNS_CNAME && owned_by(w, &w->rr[i], name))
                next = &w->rr[i];
        if (!next)
            return true;
        if (!name_data(w, next, 0, name))
            return false;
        shorten(ttl, next->ttl);
    }
    return type == FCT_DNS_CNAME;
}

static bool collect(const struct walk *w, enum fct_dns_type type, const struct dns_name *name,
                    struct fct_dns_answer *out)
{
    struct fct_dns_record *record = ARENA_ARRAY(w->arena, struct fct_dns_record, w->answers + 1);

    out->record = record;
    for (size_t i = 0; i < w->answers; i++) {
        if (w->rr[i].type != (uint32_t)type || !owned_by(w, &w->rr[i], name))
            continue;
        if (!take_data(w, &w->rr[i], &record[out->n]))
            return false;
        shorten(&out->ttl, w->rr[i].ttl);
        out->n++;
    }
    return true;
}

/* How long "there is none" holds (RFC 2308 5). */
static uint32_t negative_ttl(const struct walk *w)
{
    for (size_t i = w->answers; i < w->n; i++) {
        const struct rr *rr = &w->rr[i];
        uint32_t ttl = rr->ttl;

        if (rr->type != FCT_DNS_SOA || rr->length < SOA_NUMBERS)
            continue;
        shorten(&ttl, u32_at(w->message, rr->data + rr->length - 4));
        return ttl;
    }
    return 0;
}

static bool failed(struct fct_dns_answer *out, struct fct_str why)
{
    out->status = FCT_DNS_FAILED;
    out->why = why;
    out->record = NULL;
    out->n = 0;
    out->ttl = 0;
    return false;
}

static bool answer_from(struct walk *w, enum fct_dns_type type, struct dns_name *name,
                        struct fct_dns_answer *out)
{
    out->ttl = UINT32_MAX;
    if (!follow_chain(w, type, name, &out->ttl))
        return failed(out, FCT_STR("its CNAMEs do not end, or are malformed"));
    if (!collect(w, type, name, out))
        return failed(out, FCT_STR("a record in the answer is malformed"));
    out->canonical = arena_str(w->arena, dns_name_str(name));
    out->status = out->n > 0 ? FCT_DNS_OK : FCT_DNS_NO_DATA;
    return true;
}

static struct fct_str rcode_text(struct arena *arena, unsigned rcode)
{
    static const char *const name[] = {"NOERROR",  "FORMERR", "SERVFAIL",
                                       "NXDOMAIN", "NOTIMP",  "REFUSED"};

    return rcode < FCT_COUNT(name) ? arena_printf(arena, "the resolver says %s", name[rcode])
                                   : arena_printf(arena, "the resolver says rcode %u", rcode);
}

bool dns_answer_parse(struct arena *arena, struct fct_str message, const struct dns_name *name,
                      enum fct_dns_type type, uint32_t max_records, struct fct_dns_answer *out)
{
    struct walk w = {.arena = arena, .message = message};
    struct dns_name last = *name;
    const char *why;
    unsigned rcode;

    out->n = 0;
    out->record = NULL;
    out->canonical = out->why = FCT_STR("");
    if (!read_message(&w, name, type, max_records, &why))
        return failed(out, str_from(why));
    rcode = (uint8_t)message.p[3] & 15;
    if (rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN) {
        failed(out, rcode_text(arena, rcode));
        return true;
    }
    if (!answer_from(&w, type, &last, out))
        return false;
    if (rcode == RCODE_NXDOMAIN) {
        out->status = FCT_DNS_NO_NAME;
        out->n = 0;
    }
    if (out->n == 0)
        shorten(&out->ttl, negative_ttl(&w));
    return true;
}

/* ---- words ---- */

static const struct {
    const char *word, *text;
} statuses[] = {
    [FCT_DNS_OK] = {"ok", "found"},
    [FCT_DNS_NO_NAME] = {"no_name", "no such name"},
    [FCT_DNS_NO_DATA] = {"no_data", "no record of this type"},
    [FCT_DNS_FAILED] = {"failed", "failed for now"},
    [FCT_DNS_BOGUS] = {"bogus", "forged, says DNSSEC"},
    [FCT_DNS_REFUSED] = {"refused", "not asked"},
};

const char *dns_status_text(enum fct_dns_status status)
{
    return statuses[status].text;
}

const char *dns_status_word(enum fct_dns_status status)
{
    return statuses[status].word;
}

bool dns_status_from_word(struct fct_str word, enum fct_dns_status *out)
{
    for (size_t i = 0; i < FCT_COUNT(statuses); i++)
        if (str_equal(word, str_from(statuses[i].word))) {
            *out = (enum fct_dns_status)i;
            return true;
        }
    return false;
}

static const struct {
    uint32_t type;
    const char *name;
} types[] = {
    {FCT_DNS_A, "A"},     {FCT_DNS_NS, "NS"},     {FCT_DNS_CNAME, "CNAME"}, {FCT_DNS_SOA, "SOA"},
    {FCT_DNS_PTR, "PTR"}, {FCT_DNS_MX, "MX"},     {FCT_DNS_TXT, "TXT"},     {FCT_DNS_AAAA, "AAAA"},
    {FCT_DNS_SRV, "SRV"}, {FCT_DNS_TLSA, "TLSA"},
};

const char *dns_type_name(uint32_t type)
{
    for (size_t i = 0; i < FCT_COUNT(types); i++)
        if (types[i].type == type)
            return types[i].name;
    return NULL;
}

static struct fct_str show_hex(struct arena *arena, struct fct_str bytes)
{
    char *hex = arena_alloc(arena, bytes.n * 2 + 1);

    for (size_t i = 0; i < bytes.n; i++) {
        hex[2 * i] = "0123456789abcdef"[(uint8_t)bytes.p[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[(uint8_t)bytes.p[i] & 15];
    }
    return (struct fct_str){hex, bytes.n * 2};
}

static struct fct_str show_soa(struct arena *arena, struct fct_str wire)
{
    struct dns_name mname, rname;
    size_t at = 0;

    if (!dns_name_read(wire, &at, &mname, NULL) || !dns_name_read(wire, &at, &rname, NULL) ||
        at + SOA_NUMBERS != wire.n)
        return show_hex(arena, wire);
    return arena_printf(arena, "%s. %s. %u %u %u %u %u", mname.text, rname.text, u32_at(wire, at),
                        u32_at(wire, at + 4), u32_at(wire, at + 8), u32_at(wire, at + 12),
                        u32_at(wire, at + 16));
}

/* priority, weight, port, target (RFC 2782); the target is never compressed */
static struct fct_str show_srv(struct arena *arena, struct fct_str wire)
{
    struct dns_name target;
    size_t at = SRV_NUMBERS;

    if (wire.n <= SRV_NUMBERS || !dns_name_read(wire, &at, &target, NULL) || at != wire.n)
        return show_hex(arena, wire);
    return arena_printf(arena, "%u %u %u %s.", u16_at(wire, 0), u16_at(wire, 2), u16_at(wire, 4),
                        target.text);
}

static struct fct_str show_tlsa(struct arena *arena, struct fct_str wire)
{
    if (wire.n <= 3)
        return show_hex(arena, wire);
    return arena_printf(arena, "%u %u %u %.*s", (uint8_t)wire.p[0], (uint8_t)wire.p[1],
                        (uint8_t)wire.p[2], FCT_FMT(show_hex(arena, str_skip(wire, 3))));
}

struct fct_str dns_text_show(struct arena *arena, struct fct_str text)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(8 * text.n + 16);

    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = (uint8_t)text.p[i];

        buf_put_c(&out, i % STRING_MAX ? "" : i ? "\" \"" : "\"");
        if (c < ' ' || c == 127)
            buf_printf(&out, "\\%03u", c);
        else
            buf_printf(&out, "%s%c", c == '"' || c == '\\' ? "\\" : "", c);
    }
    buf_put_c(&out, text.n ? "\"" : "\"\"");
    return arena_str(arena, buf_str(&out));
}

struct fct_str dns_record_show(struct arena *arena, uint32_t type,
                               const struct fct_dns_record *record)
{
    struct fct_str data = record->data;

    switch (type) {
    case FCT_DNS_A:
    case FCT_DNS_AAAA:
        return data;
    case FCT_DNS_NS:
    case FCT_DNS_CNAME:
    case FCT_DNS_PTR:
        return arena_printf(arena, "%.*s.", FCT_FMT(data));
    case FCT_DNS_MX:
        return arena_printf(arena, "%u %.*s.", record->preference, FCT_FMT(data));
    case FCT_DNS_TXT:
        return dns_text_show(arena, data);
    case FCT_DNS_SOA:
        return show_soa(arena, data);
    case FCT_DNS_SRV:
        return show_srv(arena, data);
    case FCT_DNS_TLSA:
        return show_tlsa(arena, data);
    default:
        return show_hex(arena, data);
    }
}
