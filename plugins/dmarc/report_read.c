/* report_read.c - the table of elements is the schema; expat finds them. */
#include "report_read.h"

#include "report_write.h"

#include <expat.h>
#include <stdlib.h>

/* ---- the schema: where the text of an element goes, by its name and its parent's ---- */

enum place { IN_ABOUT, IN_RECORD };
/* clang-format off */
static const struct element {
    const char *parent, *name;
    enum place place;
    size_t offset;
} elements[] = {
    {"report_metadata",  "org_name",         IN_ABOUT,  offsetof(struct report_about, org)},
    {"report_metadata",  "email",            IN_ABOUT,  offsetof(struct report_about, email)},
    {"report_metadata",  "report_id",        IN_ABOUT,  offsetof(struct report_about, id)},
    {"report_metadata",  "generator",        IN_ABOUT,  offsetof(struct report_about, generator)},
    {"report_metadata",  "error",            IN_ABOUT,  offsetof(struct report_about, error)},
    {"date_range",       "begin",            IN_ABOUT,  offsetof(struct report_about, begin)},
    {"date_range",       "end",              IN_ABOUT,  offsetof(struct report_about, end)},
    {"policy_published", "domain",           IN_ABOUT,  offsetof(struct report_about, domain)},
    {"policy_published", "p",                IN_ABOUT,  offsetof(struct report_about, p)},
    {"policy_published", "sp",               IN_ABOUT,  offsetof(struct report_about, sp)},
    {"policy_published", "np",               IN_ABOUT,  offsetof(struct report_about, np)},
    {"policy_published", "testing",          IN_ABOUT,  offsetof(struct report_about, testing)},
    {"policy_published", "discovery_method", IN_ABOUT,  offsetof(struct report_about, method)},
    {"row",              "source_ip",        IN_RECORD, offsetof(struct report_record, source_ip)},
    {"row",              "count",            IN_RECORD, offsetof(struct report_record, count_text)},
    {"policy_evaluated", "disposition",      IN_RECORD, offsetof(struct report_record, disposition)},
    {"policy_evaluated", "dkim",             IN_RECORD, offsetof(struct report_record, dkim)},
    {"policy_evaluated", "spf",              IN_RECORD, offsetof(struct report_record, spf)},
    {"reason",           "type",             IN_RECORD, offsetof(struct report_record, reason)},
    {"identifiers",      "header_from",      IN_RECORD, offsetof(struct report_record, header_from)},
    {"identifiers",      "envelope_from",    IN_RECORD, offsetof(struct report_record, envelope_from)},
    {"identifiers",      "envelope_to",      IN_RECORD, offsetof(struct report_record, envelope_to)},
};
/* clang-format on */

#define NAME_MAX_HERE 32 /* longer ones are none of ours */

struct report_reader {
    XML_Parser xml;
    void (*record)(void *ctx, const struct report_record *r);
    void *ctx;
    char name[REPORT_DEPTH_MAX][NAME_MAX_HERE]; /* of the open elements */
    unsigned depth;
    const struct element *at; /* whose text is read; NULL: nobody wants it */
    char text[REPORT_TEXT_MAX + 1];
    size_t n;
    struct report_about about;
    struct report_record now;
    uint64_t bytes, records, bad;
    bool feedback; /* the root was that of a report */
    char refused[120];
};

static void refuse(struct report_reader *r, const char *why)
{
    (void)snprintf(r->refused, sizeof r->refused, "%s", why);
    (void)XML_StopParser(r->xml, XML_FALSE);
}

/* ---- elements ---- */

/* The prefix is anybody's choice (Namespaces in XML 1.0, 4). */
static const char *local_name(const char *name)
{
    const char *colon = strrchr(name, ':');

    return colon ? colon + 1 : name;
}

static void look_for_namespace(struct report_reader *r, const char *const *attribute)
{
    for (; *attribute; attribute += 2)
        if (strncmp(attribute[0], "xmlns", 5) == 0 && strcmp(attribute[1], REPORT_NAMESPACE) == 0)
            r->about.rfc9990 = true;
}

static const struct element *find_element(const char *parent, const char *name)
{
    for (size_t i = 0; i < FCT_COUNT(elements); i++)
        if (strcmp(elements[i].name, name) == 0 && strcmp(elements[i].parent, parent) == 0)
            return &elements[i];
    return NULL;
}

static void XMLCALL on_start(void *ctx, const char *name, const char **attribute)
{
    struct report_reader *r = ctx;
    const char *local = local_name(name);
    char *mine;

    if (r->depth == REPORT_DEPTH_MAX) {
        refuse(r, "elements stand too deep in each other");
        return;
    }
    mine = r->name[r->depth++];
    (void)snprintf(mine, NAME_MAX_HERE, "%s", strlen(local) < NAME_MAX_HERE ? local : "?");
    if (r->depth == 1) {
        r->feedback = strcmp(mine, "feedback") == 0;
        if (!r->feedback)
            refuse(r, "it is some other XML: the root is not <feedback>");
        look_for_namespace(r, attribute);
    }
    if (r->depth == 2 && strcmp(mine, "record") == 0)
        r->now = (struct report_record){0};
    r->at = r->depth > 1 ? find_element(r->name[r->depth - 2], mine) : NULL;
    r->n = 0;
}

static void XMLCALL on_text(void *ctx, const char *text, int length)
{
    struct report_reader *r = ctx;
    size_t n = (size_t)length, room = REPORT_TEXT_MAX - r->n;

    if (!r->at)
        return;
    if (n > room)
        n = room;
    memcpy(r->text + r->n, text, n);
    r->n += n;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* White space around it is somebody's indentation; a character that was cut in two goes. */
static void keep_text(struct report_reader *r, char *to)
{
    char *start = r->text, *end = r->text + r->n;

    if (r->n == REPORT_TEXT_MAX)
        while (end > start && (end[-1] & 0xc0) == 0x80)
            end--;
    if (r->n == REPORT_TEXT_MAX && end > start && (end[-1] & 0x80))
        end--;
    while (start < end && is_space(*start))
        start++;
    while (end > start && is_space(end[-1]))
        end--;
    for (char *p = start; p < end; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    memcpy(to, start, (size_t)(end - start));
    to[end - start] = 0;
}

static bool take_count(const char *text, uint64_t *out)
{
    *out = 0;
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9' || *out > REPORT_COUNT_MAX)
            return false;
        *out = *out * 10 + (uint64_t)(*p - '0');
    }
    return *text != 0 && *out <= REPORT_COUNT_MAX;
}

static void end_record(struct report_reader *r)
{
    if (r->now.source_ip[0] == 0 || !take_count(r->now.count_text, &r->now.count)) {
        r->bad++;
        return;
    }
    r->records++;
    r->record(r->ctx, &r->now);
}

static void XMLCALL on_end(void *ctx, const char *name)
{
    struct report_reader *r = ctx;

    (void)name;
    if (r->at) {
        char *to = (r->at->place == IN_ABOUT ? (char *)&r->about : (char *)&r->now) + r->at->offset;

        if (*to == 0) /* the first counts */
            keep_text(r, to);
        r->at = NULL;
    }
    r->depth--;
    if (r->depth == 1 && strcmp(r->name[1], "record") == 0)
        end_record(r);
}

/* ---- what no report needs ---- */

static void XMLCALL on_entity(void *ctx, const char *name, int is_parameter, const char *value,
                              int length, const char *base, const char *system, const char *public,
                              const char *notation)
{
    (void)name, (void)is_parameter, (void)value, (void)length;
    (void)base, (void)system, (void)public, (void)notation;
    refuse(ctx, "it declares entities, as no report does");
}

/* windows-1252 and its like, which some name: their letters are those of Latin-1, near enough. */
static int XMLCALL on_encoding(void *ctx, const char *name, XML_Encoding *info)
{
    (void)ctx, (void)name;
    for (int i = 0; i < 256; i++)
        info->map[i] = i;
    info->data = NULL;
    info->convert = NULL;
    info->release = NULL;
    return XML_STATUS_OK;
}

/* ---- for others ---- */

struct report_reader *report_reader_new(void (*record)(void *ctx, const struct report_record *r),
                                        void *ctx)
{
    struct report_reader *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->record = record;
    r->ctx = ctx;
    r->xml = XML_ParserCreate(NULL);
    if (!r->xml) {
        free(r);
        return NULL;
    }
    XML_SetUserData(r->xml, r);
    XML_SetElementHandler(r->xml, on_start, on_end);
    XML_SetCharacterDataHandler(r->xml, on_text);
    XML_SetEntityDeclHandler(r->xml, on_entity);
    XML_SetUnknownEncodingHandler(r->xml, on_encoding, NULL);
    return r;
}

void report_reader_free(struct report_reader **reader)
{
    if (*reader)
        XML_ParserFree((*reader)->xml);
    free(*reader);
    *reader = NULL;
}

static bool fail(struct report_reader *r, struct fct_err *err)
{
    err->class = FCT_SYNTAX;
    (void)snprintf(err->text, sizeof err->text, "line %lu: %s",
                   (unsigned long)XML_GetCurrentLineNumber(r->xml),
                   r->refused[0] ? r->refused : XML_ErrorString(XML_GetErrorCode(r->xml)));
    return false;
}

bool report_reader_feed(struct report_reader *r, struct fct_str bytes, struct fct_err *err)
{
    if (bytes.n > REPORT_XML_MAX - r->bytes) {
        (void)snprintf(r->refused, sizeof r->refused, "it is larger than %u MiB",
                       (unsigned)(REPORT_XML_MAX >> 20));
        return fail(r, err);
    }
    r->bytes += bytes.n;
    while (bytes.n > 0) {
        size_t n = bytes.n < (1u << 20) ? bytes.n : 1u << 20; /* expat counts in int */

        if (XML_Parse(r->xml, bytes.p, (int)n, 0) != XML_STATUS_OK)
            return fail(r, err);
        bytes.p += n;
        bytes.n -= n;
    }
    return true;
}

bool report_reader_end(struct report_reader *r, struct fct_err *err)
{
    if (XML_Parse(r->xml, "", 0, 1) != XML_STATUS_OK)
        return fail(r, err);
    if (r->about.domain[0] == 0) {
        (void)snprintf(r->refused, sizeof r->refused, "it names no domain");
        return fail(r, err);
    }
    return true;
}

const struct report_about *report_reader_about(const struct report_reader *r)
{
    return &r->about;
}

uint64_t report_reader_records(const struct report_reader *r)
{
    return r->records;
}

uint64_t report_reader_bad(const struct report_reader *r)
{
    return r->bad;
}
