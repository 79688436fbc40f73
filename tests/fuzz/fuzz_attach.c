/* fuzz_attach.c - any bytes as an archive, a compressed file, a compound file, a PDF, a page, and
 * as a name: what is counted stays within its budget, what is found has a name to show. */
#include "plugins/attachments/attach_active.h"
#include "plugins/attachments/attach_archive.h"
#include "plugins/attachments/attach_kind.h"
#include "plugins/attachments/attach_name.h"
#include "plugins/attachments/attach_ole.h"

#include <stdlib.h>

#define ENTRIES 50u
#define UNPACK  (1u << 20)
#define MEMBER  (1u << 16)
#define TIME_MS 2000u

static void on_member(void *ctx, const struct attach_member *member)
{
    size_t *members = ctx;
    struct attach_findings found = {0};
    struct attach_name name;

    ++*members;
    if (member->bytes.n > MEMBER || (member->encrypted && member->bytes.n > 0))
        abort();
    attach_name_read(member->name, &name);
    attach_name_check(&name, member->name, &found);
}

static void list(struct fct_str bytes, bool stream)
{
    struct attach_budget budget = {ENTRIES, UNPACK, MEMBER, attach_now_ms() + TIME_MS};
    struct attach_listing out;
    size_t members = 0;

    attach_archive_list(bytes, stream, &budget, on_member, &members, &out);
    if (budget.entries > ENTRIES || budget.unpack > UNPACK || members > ENTRIES ||
        out.entries != members)
        if (!stream) /* a stream may be listed twice */
            abort();
}

static void read_name(struct fct_str text)
{
    struct attach_findings found = {0};
    struct attach_name name;

    attach_name_read(text, &name);
    attach_name_check(&name, text, &found);
    if (name.n > ATTACH_NAME_MAX || name.extension.n > name.n ||
        (name.n > 0 && strchr(". ", name.text[name.n - 1])))
        abort();
    for (size_t i = 0; i < name.n; i++)
        if (name.text[i] >= 'A' && name.text[i] <= 'Z')
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str bytes = {(const char *)data, size};
    struct attach_html html;
    struct attach_ole ole;
    struct attach_pdf pdf;
    char out[512];

    read_name(bytes);
    list(bytes, false);
    list(bytes, attach_container_of(bytes) == CONTAINER_STREAM);
    attach_ole_read(bytes, &ole);
    if (attach_ole_unpack(bytes, out, sizeof out) > sizeof out)
        abort();
    attach_pdf_read(bytes, &pdf);
    attach_html_read(bytes, &html);
    (void)attach_rtf_has_object(bytes);
    (void)attach_text_gives_password(bytes);
    return 0;
}
