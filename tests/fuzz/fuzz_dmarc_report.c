/* fuzz_dmarc_report.c - aggregate reports of strangers, packed in any way, and lines that Redis
 * gives back. */
#include "plugins/dmarc/report_line.h"
#include "plugins/dmarc/report_unpack.h"

#include <stdlib.h>

static void look(void *ctx, const struct report_record *r)
{
    uint64_t *records = ctx;

    if (r->count > REPORT_COUNT_MAX || r->source_ip[0] == 0 ||
        strlen(r->source_ip) > REPORT_TEXT_MAX || strlen(r->header_from) > REPORT_TEXT_MAX)
        abort();
    ++*records;
}

/* In two pieces, as it may come: the same as whole. */
static void read_in_pieces(struct fct_str xml, uint64_t want, bool whole)
{
    uint64_t records = 0;
    struct report_reader *reader = report_reader_new(look, &records);
    struct fct_err err = {0};
    size_t cut = xml.n / 3;
    bool ok = report_reader_feed(reader, (struct fct_str){xml.p, cut}, &err) &&
              report_reader_feed(reader, (struct fct_str){xml.p + cut, xml.n - cut}, &err) &&
              report_reader_end(reader, &err);

    if (ok != whole || (ok && records != want))
        abort();
    report_reader_free(&reader);
}

static void read_line(struct fct_str text)
{
    char again[REPORT_LINE_MAX + 1];
    struct report_room room, other;
    struct dmarc_row row, back;

    if (!report_line_parse(text, &room, &row))
        return;
    if (!report_line_parse((struct fct_str){again, report_line_put(&row, again)}, &other, &back) ||
        back.disposition != row.disposition || back.reasons != row.reasons ||
        back.auths > row.auths)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str bytes = {(const char *)data, size};
    uint64_t records = 0;
    struct report_reader *reader = report_reader_new(look, &records);
    struct fct_err err = {0};
    bool ok = report_unpack(bytes, reader, &err);

    if (ok && (report_reader_records(reader) != records || !report_reader_about(reader)->domain[0]))
        abort();
    if (!ok && !err.text[0])
        abort();
    report_reader_free(&reader);
    if (report_packing_of(bytes) == REPORT_XML)
        read_in_pieces(bytes, records, ok);
    read_line(bytes);
    return 0;
}
