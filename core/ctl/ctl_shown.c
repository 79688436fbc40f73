/* ctl_shown.c - the copies of a message, found by the id of its log lines: the original to the
 * byte, the view that mail programs are given, and another view instead of that one. */
#include "core/ctl/ctl_shown.h"

#include "core/base/base64.h"
#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"
#include "core/message/privacy_note.h"
#include "store/shown_view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define VIEW_MAX ((uint64_t)1 << 32)

/* ---- which copies ---- */

/* Those that are in a mailbox; what was expunged keeps its original for some time (store.grace).
 * At least one, or err. */
static FCT_MAY_WAIT bool find_copies(struct ctl *c, bool expunged_too,
                                     const struct store_trace **out, size_t *n, struct fct_err *err)
{
    const char *account = ctl_option(c, "--account");
    const struct store_trace *all;
    struct store_trace *kept;
    size_t found;

    *n = 0;
    if (!store_trace(c->store, str_from(c->word[0]), c->arena, &all, &found, err))
        return false;
    kept = ARENA_ARRAY(c->arena, struct store_trace, found + 1);
    for (int pass = 0; pass < 2 && *n == 0; pass++)
        for (size_t i = 0; i < found && (pass == 0 || expunged_too); i++)
            if ((pass == 1 || all[i].uid > 0) &&
                (!account || str_equal_nocase(all[i].account, str_from(account))))
                kept[(*n)++] = all[i];
    *out = kept;
    return *n > 0 || fct_fail(err, FCT_DENIED, "no stored message has the id %.*s%s%s",
                              FCT_FMT(str_head(str_from(c->word[0]), 80)),
                              account ? " in the account " : "", account ? account : "");
}

/* ---- bytes ---- */

/* Into a new file that takes the old one's place when it is whole. */
static bool write_file(const char *path, struct fct_str bytes, struct fct_err *err)
{
    char draft[4096];
    bool ok = snprintf(draft, sizeof draft, "%s.%d", path, (int)getpid()) < (int)sizeof draft;
    int fd = ok ? open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;

    if (!out)
        return fct_fail(err, FCT_DENIED, "%s: %s", path, ok ? strerror(errno) : "too long");
    ok = fwrite(bytes.p, 1, bytes.n, out) == bytes.n;
    ok = fclose(out) == 0 && ok && rename(draft, path) == 0;
    if (ok)
        return true;
    fct_fail(err, FCT_DENIED, "%s: %s", path, strerror(errno));
    (void)unlink(draft);
    return false;
}

/* A mail must not move the cursor. */
static void print_safely(struct fct_str bytes)
{
    struct buf text = BUF_INIT(bytes.n + 1);
    struct fct_str line;

    while (bytes.p && bytes.n > 0) {
        line = str_split(&bytes, '\n');
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        ctl_put_safe(line, &text);
        buf_put_char(&text, '\n');
    }
    ctl_print(&text);
    buf_free(&text);
}

static json_t *bytes_json(const struct store_trace *t, struct fct_str bytes, bool with_bytes)
{
    struct buf text = BUF_INIT(2 * bytes.n + 8);
    json_t *v =
        json_pack("{s:o, s:o, s:I, s:I}", "account", ctl_json_str(t->account), "mailbox",
                  ctl_json_str(t->mailbox), "uid", (json_int_t)t->uid, "size", (json_int_t)bytes.n);

    if (with_bytes && base64_encode(bytes, &text))
        (void)json_object_set_new(v, "message_base64", ctl_json_str(buf_str(&text)));
    buf_free(&text);
    return v;
}

/* To --out, to standard output, or as a member of the JSON answer. */
static bool give(struct ctl *c, const struct store_trace *t, struct fct_str bytes,
                 struct fct_err *err)
{
    const char *path = ctl_option(c, "--out");

    if (path && !write_file(path, bytes, err))
        return false;
    if (c->json)
        ctl_print_json(bytes_json(t, bytes, !path));
    else if (!path && isatty(STDOUT_FILENO))
        print_safely(bytes);
    else if (!path)
        (void)fwrite(bytes.p, 1, bytes.n, stdout);
    return true;
}

/* `bytes`: the original, mapped. */
static bool give_view(struct ctl *c, const struct store_trace *t, const struct store_source *source,
                      bool original, struct fct_str bytes, struct fct_err *err)
{
    struct buf view = BUF_INIT(VIEW_MAX);
    struct edit_list edits;
    bool ok;

    if (original || source->edits.n == 0)
        return give(c, t, bytes, err);
    ok = edit_list_decode(c->arena, source->edits, source->size, &edits, err) &&
         (edit_list_apply(&edits, bytes, 0, UINT64_MAX, &view) ||
          fct_fail(err, FCT_LIMIT, "the message is too large")) &&
         give(c, t, buf_str(&view), err);
    buf_free(&view);
    return ok;
}

static FCT_MAY_WAIT bool print_message(struct ctl *c, bool original, struct fct_err *err)
{
    const struct store_trace *copy;
    struct store_source source;
    void *bytes = NULL;
    size_t n;
    bool ok;

    if (!find_copies(c, true, &copy, &n, err) ||
        !store_source_of(c->store, copy->account_id, copy->email_id, c->arena, &source, err))
        return false;
    if (source.size > 0)
        bytes = mmap(NULL, source.size, PROT_READ, MAP_PRIVATE, source.fd, 0);
    close(source.fd);
    if (bytes == MAP_FAILED)
        return fct_fail(err, FCT_TEMP, "mmap: %s", strerror(errno));
    ok = give_view(c, copy, &source, original, (struct fct_str){bytes, source.size}, err);
    if (bytes)
        munmap(bytes, source.size);
    return ok;
}

int ctl_mail_original(struct ctl *c)
{
    struct fct_err err = {0};

    return print_message(c, true, &err) ? CTL_OK : ctl_error(&err);
}

int ctl_mail_show(struct ctl *c)
{
    struct fct_err err = {0};

    return print_message(c, false, &err) ? CTL_OK : ctl_error(&err);
}

/* ---- another view ---- */

/* *uid: its new number; 0: it is shown so already. */
static FCT_MAY_WAIT bool show_copy(struct ctl *c, const struct store_trace *t, enum shown_as as,
                                   uint32_t *uid, struct fct_err *err)
{
    struct store_show show = {.uid = t->uid};
    struct store_source source;
    struct store_copied copied;
    bool ok;

    if (!store_source_of(c->store, t->account_id, t->email_id, c->arena, &source, err))
        return false;
    ok = shown_view_make(c->arena, &source, as, &show, err);
    close(source.fd);
    if (!ok ||
        !store_show_of(c->store, t->account_id, t->mailbox, &show, 1, c->arena, &copied, err))
        return false;
    *uid = copied.n > 0 ? copied.target[0] : 0;
    return true;
}

static void say_copy(struct ctl *c, const struct store_trace *t, uint32_t uid, const char *what,
                     const char *already, json_t *all)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(8192);

    json_array_append_new(
        all, json_pack("{s:o, s:o, s:I, s:I, s:b}", "account", ctl_json_str(t->account), "mailbox",
                       ctl_json_str(t->mailbox), "old_uid", (json_int_t)t->uid, "uid",
                       (json_int_t)(uid ? uid : t->uid), "changed", uid != 0));
    if (c->json)
        return;
    ctl_put_safe(t->account, &text);
    buf_put_c(&text, "  ");
    ctl_put_safe(t->mailbox, &text);
    if (uid)
        buf_printf(&text, "  UID %u is now UID %u, %s\n", t->uid, uid, what);
    else
        buf_printf(&text, "  UID %u %s\n", t->uid, already);
    ctl_print(&text);
}

static FCT_MAY_WAIT int show_copies(struct ctl *c, enum shown_as as, const char *what,
                                    const char *already)
{
    const struct store_trace *copy;
    struct fct_err err = {0};
    json_t *all = json_array();
    uint32_t uid;
    size_t n;
    bool ok = find_copies(c, false, &copy, &n, &err);

    for (size_t i = 0; ok && i < n; i++) {
        ok = show_copy(c, &copy[i], as, &uid, &err);
        if (ok)
            say_copy(c, &copy[i], uid, what, already, all);
    }
    if (ok && c->json)
        ctl_print_json(json_incref(all));
    json_decref(all);
    return ok ? CTL_OK : ctl_error(&err);
}

int ctl_mail_restore(struct ctl *c)
{
    return ctl_option(c, "--original")
               ? show_copies(c, SHOWN_ORIGINAL, "shown as it came", "is shown as it came already")
               : show_copies(c, SHOWN_RESTORED, "with what was taken out",
                             "shows everything already");
}

int ctl_mail_clean(struct ctl *c)
{
    return show_copies(c, SHOWN_DELIVERED, "shown as it was delivered",
                       "is shown as it was delivered already");
}
