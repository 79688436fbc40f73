/* fuzz_milter_edits.c - any message, any edits: the changes for the MTA can be carried out, and
 * when none is lost, what it ends up with is our own view. */
#include "core/base/str.h"
#include "protocols/milter/milter_edits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIELDS   256
#define RECEIVED "Received: x\r\n"

/* ---- input ---- */

struct input {
    const uint8_t *p;
    size_t n;
};

static unsigned take(struct input *in)
{
    if (in->n == 0)
        return 0;
    in->n--;
    return *in->p++;
}

static struct fct_str text(struct input *in, struct arena *arena, const char *const *token,
                           unsigned tokens)
{
    struct buf b = BUF_INIT(4096);
    unsigned n = take(in) % 8;
    struct fct_str s;

    for (unsigned i = 0; i < n; i++)
        buf_put_c(&b, token[take(in) % tokens]);
    s = arena_str(arena, buf_str(&b));
    buf_free(&b);
    return s;
}

/* ---- an MTA ---- */

struct mta {
    struct arena *arena;
    struct fct_str name[FIELDS], value[FIELDS]; /* LF folds */
    size_t n;
};

static void mta_insert(struct mta *m, size_t at, struct fct_str name, struct fct_str value)
{
    at = at < m->n ? at : m->n;
    FCT_ASSERT(m->n < FIELDS);
    memmove(&m->name[at + 1], &m->name[at], (m->n - at) * sizeof *m->name);
    memmove(&m->value[at + 1], &m->value[at], (m->n - at) * sizeof *m->value);
    m->name[at] = name;
    m->value[at] = value;
    m->n++;
}

static size_t mta_find(const struct mta *m, struct fct_str name, uint32_t nth)
{
    for (size_t i = 1; i < m->n; i++)
        if (str_equal_nocase(m->name[i], name) && --nth == 0)
            return i;
    fct_assert_failed("a field that the MTA does not have", __FILE__, __LINE__);
    return 0;
}

static void mta_obey(struct mta *m, const struct milter_change *c)
{
    struct fct_str name = str_from(c->name), value = str_from(c->value);
    size_t at;

    if (c->kind == MILTER_INSERT || c->kind == MILTER_APPEND) {
        mta_insert(m, c->kind == MILTER_INSERT ? c->index : m->n, name, value);
        return;
    }
    at = mta_find(m, name, c->index);
    if (c->kind == MILTER_CHANGE) {
        FCT_ASSERT(value.n > 0);
        m->name[at] = name;
        m->value[at] = value;
        return;
    }
    m->n--;
    memmove(&m->name[at], &m->name[at + 1], (m->n - at) * sizeof *m->name);
    memmove(&m->value[at], &m->value[at + 1], (m->n - at) * sizeof *m->value);
}

static void mta_print(const struct mta *m, struct buf *out)
{
    for (size_t i = 0; i < m->n; i++) {
        buf_put_str(out, m->name[i]);
        buf_put_char(out, ':');
        for (size_t k = 0; k < m->value[i].n; k++) {
            if (m->value[i].p[k] == '\n')
                buf_put_char(out, '\r');
            buf_put_char(out, m->value[i].p[k]);
        }
        buf_put_c(out, "\r\n");
    }
    buf_put_c(out, "\r\n");
}

/* ---- one run ---- */

/* An edit that splits a CRLF leaves half of it behind, which the protocol cannot carry. */
static bool has_half_line_end(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((s.p[i] == '\r' && (i + 1 == s.n || s.p[i + 1] != '\n')) ||
            (s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r')))
            return true;
    return false;
}

static void build(struct input *in, struct mta *mta, struct milter_message *m)
{
    static const char *const names[] = {"A", "B", "a", "Received", "X-C"};
    static const char *const values[] = {"x", " ", "\n ", ":", "long value", "\t", "="};
    unsigned n = take(in) % 6;

    mta_insert(mta, 0, FCT_STR("Received"), FCT_STR(" x"));
    for (unsigned i = 0; i < n; i++) {
        struct fct_str name = str_from(names[take(in) % FCT_COUNT(names)]);
        struct fct_str value = text(in, mta->arena, values, FCT_COUNT(values));

        mta_insert(mta, mta->n, name, value);
        milter_message_field(m, name, value, true);
    }
    milter_message_body(m, text(in, mta->arena, (const char *const[]){"body\r\n", "\r\n", "x"}, 3));
}

static size_t make_edits(struct input *in, struct arena *arena, uint64_t size, struct edit *edit)
{
    static const char *const words[] = {"A: 1\r\n", "\r\n ", "x",          ":",
                                        " y",       "\r\n",  "X-New:\r\n", "B:b"};
    size_t n = take(in) % 6;

    for (size_t i = 0; i < n; i++) {
        uint64_t offset = (take(in) << 2 | take(in) % 4) % (size + 1);
        uint64_t remove = take(in) % (size - offset + 1);

        edit[i] = (struct edit){offset, remove, text(in, arena, words, FCT_COUNT(words)), {0}};
    }
    return n;
}

static void compare(struct mta *mta, const struct milter_message *m, struct fct_str bytes,
                    const struct edit_list *list)
{
    struct buf view = BUF_INIT(1u << 20), got = BUF_INIT(1u << 20);
    struct milter_changes changes;

    milter_changes_plan(mta->arena, m, bytes, list, &changes);
    for (size_t i = 0; i < changes.n; i++)
        mta_obey(mta, &changes.change[i]);
    mta_print(mta, &got);
    if (changes.body)
        FCT_ASSERT(
            edit_list_apply(&changes.body_edits, str_skip(bytes, m->body_at), 0, UINT64_MAX, &got));
    else
        buf_put_str(&got, str_skip(bytes, m->body_at));
    FCT_ASSERT(edit_list_apply(list, bytes, 0, UINT64_MAX, &view));
    if (changes.lost == 0 && !has_half_line_end(buf_str(&view)))
        FCT_ASSERT(str_equal(buf_str(&view), buf_str(&got)));
    buf_free(&view);
    buf_free(&got);
}

/* Those that touch the synthetic field or the empty line are clipped, so there the view differs. */
static bool is_comparable(const struct milter_message *m, const struct edit *e)
{
    uint64_t end = e->offset + e->remove;

    return (e->offset == 0 && e->remove == 0 &&
            (e->insert.n == 0 || e->insert.p[e->insert.n - 1] == '\n')) ||
           (e->offset >= m->fields_at && end <= m->fields_end) || e->offset >= m->body_at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct mta mta = {.arena = arena_new(NULL)};
    struct milter_spool *spool = milter_spool_new(1u << 20, 1u << 20);
    struct milter_message m;
    struct milter_changes changes;
    struct edit edit[8];
    struct edit_list list;
    struct fct_str bytes;
    struct fct_err err;
    size_t n, kept = 0, lost;

    milter_message_start(&m, spool, mta.arena, FCT_STR(RECEIVED));
    build(&in, &mta, &m);
    FCT_ASSERT(milter_message_seal(&m, &bytes, &err));
    n = make_edits(&in, mta.arena, bytes.n, edit);
    if (edit_list_build(mta.arena, edit, n, bytes.n, &list, NULL, &lost, &err))
        milter_changes_plan(mta.arena, &m, bytes, &list, &changes);
    for (size_t i = 0; i < n; i++)
        if (is_comparable(&m, &edit[i]))
            edit[kept++] = edit[i];
    if (edit_list_build(mta.arena, edit, kept, bytes.n, &list, NULL, &lost, &err))
        compare(&mta, &m, bytes, &list);
    milter_message_end(&m);
    FCT_ASSERT(milter_spool_used(spool) == 0);
    milter_spool_free(&spool);
    arena_free(&mta.arena);
    return 0;
}
