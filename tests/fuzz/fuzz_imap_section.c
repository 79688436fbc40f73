/* fuzz_imap_section.c - first line: a section; the rest: a message. Whatever is found lies inside
 * the message, and the label of the answer is a section again. */
#include "core/base/err.h"
#include "core/base/str.h"
#include "protocols/imap/imap_section.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void summarise(struct arena *arena, struct fct_str message, struct summary *out)
{
    static const struct edit_list none;
    FCT_CLEANUP(buf_free) struct buf encoded = BUF_INIT(16u << 20);
    struct mime_tree tree;
    struct fct_err err = {0};

    mime_scan(arena, message, &mime_default_limits, &tree);
    FCT_ASSERT(summary_build(arena, message, &tree, &none, &encoded));
    FCT_ASSERT(summary_decode(arena, arena_str(arena, buf_str(&encoded)), out, &err));
}

static void check_label(struct arena *arena, const struct imap_section *section)
{
    struct imap_section again = {.binary = section->binary};
    struct fct_str label = str_skip(section->label, 4); /* BODY */

    if (section->partial) /* "<5>" is not what a client writes */
        label = str_head(label, (size_t)str_find_last_char(label, '<'));
    FCT_ASSERT(imap_section_parse(&label, arena, &again));
    FCT_ASSERT(again.what == section->what && again.depth == section->depth &&
               again.nfields == section->nfields);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str rest = {(const char *)data, size}, spec = str_split(&rest, '\n'), message = rest;
    FCT_CLEANUP(buf_free) struct buf fields = BUF_INIT(16u << 20);
    struct arena *arena = arena_new(NULL);
    struct imap_section section = {0};
    struct imap_span span;
    struct summary m;

    if (!message.p)
        message = FCT_STR("");
    if (imap_section_parse(&spec, arena, &section)) {
        check_label(arena, &section);
        summarise(arena, message, &m);
        if (imap_section_find(&section, &m, &span)) {
            FCT_ASSERT(span.offset <= message.n && span.length <= message.n - span.offset);
            imap_section_filter(&section, str_head(str_skip(message, span.offset), span.length),
                                arena, &fields);
            imap_section_clip(&section, &span.offset, &span.length);
            FCT_ASSERT(span.offset <= message.n && span.length <= message.n - span.offset);
        }
    }
    arena_free(&arena);
    return 0;
}
