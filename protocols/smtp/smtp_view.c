/* smtp_view.c - what a recipient will read: the original and its edits, described for the store. */
#include "core/base/str.h"
#include "core/message/summary.h"
#include "protocols/smtp/smtp_deliver.h"

#define SUMMARY_MAX (2u << 20)

static bool same_edits(const struct edit_list *a, const struct edit_list *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n && a->edit != b->edit; i++)
        if (a->edit[i].offset != b->edit[i].offset || a->edit[i].remove != b->edit[i].remove ||
            !str_equal(a->edit[i].insert, b->edit[i].insert) ||
            !str_equal(a->edit[i].origin, b->edit[i].origin))
            return false;
    return true;
}

/* Return-Path goes above everything (RFC 5321 4.4), then what the filters asked for. */
static bool build_edits(struct delivery *d, const struct edit_list *asked, struct edit_list *out,
                        struct fct_err *err)
{
    struct edit *edit = ARENA_ARRAY(d->arena, struct edit, asked->n + 1);

    edit[0] = (struct edit){
        .insert = arena_printf(d->arena, "Return-Path: <%.*s>\r\n", FCT_FMT(d->reverse_path)),
        .origin = FCT_STR("smtp"),
    };
    for (size_t i = 0; i < asked->n; i++)
        edit[i + 1] = asked->edit[i];
    return edit_list_build(d->arena, edit, asked->n + 1, d->message.n, out, NULL, NULL, err);
}

/* The cold record. A message whose structure is so large that it does not fit is described as one
 * part. */
static struct fct_str build_summary(struct delivery *d, const struct edit_list *edits)
{
    static const struct mime_limits flat = {
        .max_depth = 1, .max_parts = 1, .header = {1000, 64u << 10}, .max_parameters = 100};
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(SUMMARY_MAX);
    struct mime_tree tree;

    if (!summary_build(d->arena, d->message, &d->tree, edits, &out)) {
        buf_free(&out);
        out = BUF_INIT(SUMMARY_MAX);
        mime_scan(d->arena, d->message, &flat, &tree);
        (void)summary_build(d->arena, d->message, &tree, edits, &out);
    }
    return arena_str(d->arena, buf_str(&out));
}

static bool describe(struct delivery *d, const struct edit_list *edits, struct view *out,
                     struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf encoded = BUF_INIT(IPC_MAX_MESSAGE);
    struct summary summary;

    edit_list_encode(edits, &encoded);
    if (encoded.overflow)
        return fct_fail(err, FCT_BUG, "the edits of this message are too large");
    out->edits = arena_str(d->arena, buf_str(&encoded));
    out->summary = build_summary(d, edits);
    out->size = (uint32_t)edit_list_size(edits, d->message.n);
    if (!summary_decode(d->arena, out->summary, &summary, err))
        return false;
    out->has_attachment = summary.has_attachment;
    return true;
}

static bool make_view(struct delivery *d, const struct edit_list *asked, struct view *out,
                      struct fct_err *err)
{
    struct edit_list edits;

    out->asked = asked;
    return build_edits(d, asked, &edits, err) && describe(d, &edits, out, err);
}

bool delivery_sent_view(struct delivery *d, struct view *out, struct fct_err *err)
{
    const struct edit cut = {
        .offset = d->received_at, .remove = d->tx->received_size, .origin = FCT_STR("smtp")};
    struct edit_list edits;

    *out = (struct view){0};
    return edit_list_build(d->arena, &cut, 1, d->message.n, &edits, NULL, NULL, err) &&
           describe(d, &edits, out, err);
}

const struct view *delivery_view(struct delivery *d, const struct edit_list *asked,
                                 struct fct_err *err)
{
    for (size_t i = 0; i < d->views; i++)
        if (same_edits(d->view[i].asked, asked))
            return &d->view[i];
    if (!make_view(d, asked, &d->view[d->views], err))
        return NULL;
    return &d->view[d->views++];
}
