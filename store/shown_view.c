/* shown_view.c - see shown_view.h. */
#include "store/shown_view.h"

#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "core/message/privacy_note.h"
#include "core/message/summary.h"

#include <errno.h>
#include <sys/mman.h>

#define SUMMARY_MAX   (2u << 20)
#define OFFLOAD_ABOVE (128u << 10) /* scanning more than this would keep other sessions waiting */

bool shown_view_edits(struct arena *arena, const struct store_source *source, enum shown_as as,
                      struct edit_list *out, struct fct_err *err)
{
    struct fct_str delivered = source->aside.n > 0 ? source->aside : source->edits;

    *out = (struct edit_list){0};
    if (as == SHOWN_ORIGINAL || delivered.n == 0)
        return true;
    if (!edit_list_decode(arena, delivered, source->size, out, err))
        return false;
    if (as == SHOWN_RESTORED)
        *out = privacy_restored(arena, out);
    return true;
}

struct view_work {
    const struct store_source *source;
    const struct edit_list *edits;
    struct arena *arena;
    struct buf out;
    int error;
    bool ok;
};

/* A message whose structure is too large to be described is described as one part, as at delivery.
 */
static void summarise(struct view_work *w, struct fct_str original)
{
    static const struct mime_limits flat = {
        .max_depth = 1, .max_parts = 1, .header = {1000, 64u << 10}, .max_parameters = 100};
    struct mime_tree tree;

    mime_scan(w->arena, original, &mime_default_limits, &tree);
    w->ok = summary_build(w->arena, original, &tree, w->edits, &w->out);
    if (w->ok)
        return;
    buf_free(&w->out);
    w->out = BUF_INIT(SUMMARY_MAX);
    mime_scan(w->arena, original, &flat, &tree);
    w->ok = summary_build(w->arena, original, &tree, w->edits, &w->out);
}

static void work(void *arg)
{
    struct view_work *w = arg;
    void *bytes = NULL;

    if (w->source->size > 0)
        bytes = mmap(NULL, w->source->size, PROT_READ, MAP_PRIVATE, w->source->fd, 0);
    if (bytes == MAP_FAILED) {
        w->error = errno;
        return;
    }
    summarise(w, (struct fct_str){bytes, w->source->size});
    if (bytes)
        munmap(bytes, w->source->size);
}

static FCT_MAY_WAIT bool make_summary(struct arena *arena, const struct store_source *source,
                                      const struct edit_list *edits, struct fct_str *out,
                                      struct fct_err *err)
{
    struct view_work w = {
        .source = source, .edits = edits, .arena = arena_new(NULL), .out = BUF_INIT(SUMMARY_MAX)};

    if (source->size > OFFLOAD_ABOVE)
        offload(work, &w);
    else
        work(&w);
    if (w.ok)
        *out = arena_str(arena, buf_str(&w.out));
    arena_free(&w.arena);
    buf_free(&w.out);
    if (w.error)
        return fct_fail(err, FCT_TEMP, "mmap: %s", strerror(w.error));
    return w.ok || fct_fail(err, FCT_LIMIT, "The structure of the message is too large");
}

bool shown_view_make(struct arena *arena, const struct store_source *source, enum shown_as as,
                     struct store_show *out, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf encoded = BUF_INIT(IPC_MAX_MESSAGE);
    struct privacy_note note;
    struct edit_list edits;

    if (!shown_view_edits(arena, source, as, &edits, err) ||
        !make_summary(arena, source, &edits, &out->summary, err))
        return false;
    if (edits.n > 0)
        edit_list_encode(&edits, &encoded);
    if (encoded.overflow)
        return fct_fail(err, FCT_LIMIT, "the edits of this message are too large");
    out->edits = arena_str(arena, buf_str(&encoded));
    out->view_size = (uint32_t)edit_list_size(&edits, source->size);
    out->cleaned = privacy_note_find(arena, &edits, &note);
    return true;
}
