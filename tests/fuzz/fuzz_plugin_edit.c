/* fuzz_plugin_edit.c - any message, any edits that plugins may ask for, in any order: none crashes,
 * what was refused leaves no trace, the view is what the accepted edits make of it, and what each
 * part says differs only where it was patched. */
#include "core/base/str.h"
#include "core/log/log.h"
#include "core/plugin/plugin_host.h"

#include <fcntl.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OPS_MAX = 12, OP_BYTES = 5 };

static void nothing(struct fct_call *call)
{
    (void)call;
}
static const struct call_watch watch = {.enter = nothing, .leave = nothing};
static const struct header_limits limits = {200, 1u << 16};

struct rig {
    struct fct_self self;
    struct plugin_row row;
    struct transaction tx;
    struct call_message message;
    struct fct_conn conn;
    struct fct_envelope envelope;
    struct call_recipient recipient;
    uint64_t memory;
};

static void set_up(struct rig *rig, struct arena *arena, struct fct_str text, bool own)
{
    *rig = (struct rig){0};
    rig->self =
        (struct fct_self){.name = "f", .arena = arena, .memory_bytes = 1u << 20, .path = ""};
    rig->row = (struct plugin_row){.self = &rig->self, .label = "f"};
    rig->row.is.hook = own ? FCT_HOOK_deliver : FCT_HOOK_edit;
    rig->message = (struct call_message){
        .bytes = text, .header_limits = &limits, .mime_limits = &mime_default_limits};
    rig->tx = (struct transaction){.arena = arena,
                                   .conn = &rig->conn,
                                   .envelope = &rig->envelope,
                                   .id = FCT_STR("m"),
                                   .watch = &watch,
                                   .message = &rig->message,
                                   .memory_used = &rig->memory};
}

struct op {
    unsigned what, which, at, length;
    struct fct_str with;
};

static struct op take_op(struct fct_str *in)
{
    static const struct fct_str texts[] = {
        FCT_STR_INIT(""),       FCT_STR_INIT("x"),
        FCT_STR_INIT("a\r\nb"), FCT_STR_INIT("\r\n--b"),
        FCT_STR_INIT("a\n b"),  FCT_STR_INIT("\xc3\xa9"),
        FCT_STR_INIT("\r\n b"), FCT_STR_INIT("long word with spaces, and nothing else"),
    };
    const unsigned char *p = (const unsigned char *)in->p;
    struct op op = {p[0] % 8, p[1], p[2], p[3], texts[p[4] % FCT_COUNT(texts)]};

    *in = str_skip(*in, OP_BYTES);
    return op;
}

static const struct fct_header *nth_header(struct fct_call *call, unsigned n)
{
    const struct fct_header *first;
    size_t count = plugin_host.headers(call, &first);

    return count > 0 ? &first[n % count] : NULL;
}

static bool ask(struct fct_call *call, const struct op *op)
{
    const struct fct_header *header = nth_header(call, op->which);
    const struct fct_part *part;
    size_t parts = plugin_host.parts(call, &part);

    switch (op->what) {
    case 0:
        return plugin_host.header_add(call, (enum fct_where)(op->which % 6), FCT_STR("X-F"),
                                      op->with);
    case 1:
        return plugin_host.header_set(call, header, op->with);
    case 2:
        return plugin_host.header_remove(call, header);
    case 3:
        return plugin_host.header_insert(call, (enum fct_where)(op->at % 6), header, FCT_STR("X-F"),
                                         op->with);
    case 4:
        return plugin_host.patch(call, op->at, op->length, op->with);
    case 5:
        return plugin_host.body_replace(call, op->with);
    default:
        return parts > 0 && plugin_host.part_patch(call, &part[op->which % parts], op->at,
                                                   op->length % 16, op->with);
    }
}

/* No accepted edit touches another: the list has to take all of them. */
static void check_list(struct rig *rig, struct fct_str text)
{
    const struct edit_log *logs[] = {&rig->tx.edits, &rig->recipient.edits};
    struct edit_list list;
    struct buf view = BUF_INIT(8 * text.n + (1u << 20));
    uint64_t at = 0;

    edit_log_build(&rig->tx, logs, 2, &list);
    for (size_t i = 0; i < list.n; i++) {
        FCT_ASSERT(list.edit[i].offset >= at);
        at = list.edit[i].offset + list.edit[i].remove;
        FCT_ASSERT(at <= text.n);
    }
    FCT_ASSERT(edit_list_apply(&list, text, 0, UINT64_MAX, &view));
    FCT_ASSERT(view.n == edit_list_size(&list, text.n));
    FCT_ASSERT((rig->tx.edits.n + rig->recipient.edits.n == 0) == (list.n == 0));
    buf_free(&view);
}

static void run(struct arena *arena, struct fct_str in, bool own)
{
    struct rig rig;
    struct fct_call *call;
    struct op ops[OPS_MAX];
    size_t n = 0;

    while (n < OPS_MAX && in.n > OP_BYTES && in.p[0] != '\n')
        ops[n++] = take_op(&in);
    in = str_skip(in, 1);
    set_up(&rig, arena, in, own);
    call = call_begin(&rig.tx, &rig.row, UINT64_MAX, own ? &rig.recipient : NULL);
    for (size_t i = 0; i < n; i++) {
        size_t before = rig.tx.edits.n + rig.recipient.edits.n;
        bool taken = ask(call, &ops[i]);

        FCT_ASSERT(rig.tx.edits.n + rig.recipient.edits.n == before + taken);
        if (i + 1 == n)
            (void)plugin_host.current(call);
    }
    check_list(&rig, in);
    call_end(call);
    FCT_ASSERT(!ask(call, &(struct op){.with = FCT_STR("x")}));
    call_release(call);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool quiet;
    struct arena *arena = arena_new(NULL);

    if (!quiet)
        log_setup(open("/dev/null", O_WRONLY | O_CLOEXEC), "fuzz", FCT_ERROR);
    quiet = true;
    run(arena, (struct fct_str){(const char *)data, size}, size % 2);
    arena_free(&arena);
    return 0;
}
