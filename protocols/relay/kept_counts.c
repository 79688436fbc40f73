/* kept_counts.c - see kept_counts.h. */
#include "protocols/relay/kept_counts.h"

#include "core/base/str.h"

static void put_domain(const struct tls_report *report, struct fct_str domain, int64_t begin,
                       struct buf *out)
{
    FCT_CLEANUP(buf_free) struct buf json = BUF_INIT(TLS_REPORT_JSON_MAX);
    const struct tls_report_head head = {.organization = FCT_STR("-"),
                                         .contact = FCT_STR("-"),
                                         .id = FCT_STR("-"),
                                         .begin = begin,
                                         .end = begin};

    if (!tls_report_write(report, domain, &head, &json))
        return;
    buf_put_str(out, domain); /* whatever bytes came back from the disk */
    buf_printf(out, " %zu\n", json.n);
    buf_put_str(out, buf_str(&json));
    buf_put_char(out, '\n');
}

void kept_counts_write(const struct tls_report *report, int64_t begin, struct buf *out)
{
    struct fct_str domain;
    size_t at = 0;

    buf_printf(out, "%lld\n", (long long)begin);
    while (tls_report_next(report, &at, &domain))
        put_domain(report, domain, begin, out);
}

bool kept_counts_begin(struct fct_str *text, int64_t *begin)
{
    struct fct_str line = str_split(text, '\n');
    uint64_t since;

    if (!text->p || !str_to_u64(line, &since) || since > INT64_MAX)
        return false;
    *begin = (int64_t)since;
    return true;
}

/* False: the text ends here, or is none of ours. */
static bool add_domain(struct fct_str *text, struct tls_report *into)
{
    struct fct_str line = str_split(text, '\n'), domain = str_split(&line, ' ');
    struct tls_report_read read;
    struct fct_err err = {0};
    struct arena *arena;
    uint64_t bytes;

    if (!text->p || !line.p || !str_to_u64(line, &bytes) || bytes >= text->n)
        return false;
    arena = arena_new(NULL);
    if (tls_report_parse(arena, str_head(*text, (size_t)bytes), &read, &err))
        tls_report_add(into, domain, &read);
    arena_free(&arena);
    *text = str_skip(*text, (size_t)bytes + 1);
    return true;
}

void kept_counts_add(struct fct_str text, struct tls_report *into)
{
    while (text.n > 0 && add_domain(&text, into))
        ;
}
