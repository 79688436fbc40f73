/* ctl_dmarc_input.c - see ctl_dmarc_input.h. */
#include "core/ctl/ctl_dmarc_input.h"

#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/ctl/ctl_mail.h"
#include "core/message/mime.h"
#include "plugins/dmarc/report_unpack.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#define DEPTH_MAX      16                 /* of folders in folders */
#define ATTACHMENT_MAX ((size_t)64 << 20) /* decoded */

/* ---- a message ---- */

/* A text/html part begins like XML, too. */
static bool is_report_part(const struct mime_part *part, struct fct_str bytes)
{
    enum report_packing packing = report_packing_of(bytes);

    if (packing != REPORT_XML)
        return packing != REPORT_NONE;
    return str_find_nocase(part->is.type, FCT_STR("xml")) >= 0 ||
           str_ends_nocase(part->is.filename, FCT_STR(".xml"));
}

size_t ctl_dmarc_input_message(struct dmarc_input *input, const char *name, struct fct_str raw)
{
    struct arena *arena = arena_new(NULL);
    struct fct_str message = ctl_mail_wire(arena, raw);
    struct mime_tree tree;
    size_t found = 0;

    mime_scan(arena, message, &mime_default_limits, &tree);
    for (size_t i = 0; i < tree.n; i++) {
        FCT_CLEANUP(buf_free) struct buf bytes = BUF_INIT(ATTACHMENT_MAX);
        const struct mime_part *part = &tree.part[i];

        if (part->is_multipart || part->is_message || !mime_part_bytes(message, part, &bytes) ||
            !is_report_part(part, buf_str(&bytes)))
            continue;
        found++;
        input->report(input->ctx, name, buf_str(&bytes));
    }
    arena_free(&arena);
    return found;
}

/* The next message of an mbox: up to the next "From " behind an empty line. */
static struct fct_str next_message(struct fct_str *rest)
{
    struct fct_str all = *rest;
    ptrdiff_t end = str_find(all, FCT_STR("\n\nFrom ")),
              crlf = str_find(all, FCT_STR("\n\r\nFrom "));

    if (end < 0 || (crlf >= 0 && crlf < end))
        end = crlf < 0 ? -1 : crlf + 1;
    if (end < 0)
        *rest = (struct fct_str){NULL, 0};
    else
        *rest = str_skip(all, (size_t)end + 2);
    return end < 0 ? all : str_head(all, (size_t)end + 1);
}

static size_t take_messages(struct dmarc_input *input, const char *name, struct fct_str raw)
{
    size_t found = 0;

    if (!str_starts(raw, FCT_STR("From ")))
        return ctl_dmarc_input_message(input, name, raw);
    while (raw.p)
        found += ctl_dmarc_input_message(input, name, next_message(&raw));
    return found;
}

/* ---- a file ---- */

static void say_without(struct dmarc_input *input, const char *path, bool in_folder)
{
    if (in_folder)
        input->without++;
    else
        input->problem(input->ctx, path, "no report in it");
}

static void take_file(struct dmarc_input *input, const char *path, bool in_folder)
{
    struct arena *arena = arena_new(NULL);
    struct fct_err err = {0};
    struct fct_str raw;

    input->files++;
    if (!ctl_mail_read(arena, path, &raw, &err))
        input->problem(input->ctx, path, err.text);
    else if (report_packing_of(raw) != REPORT_NONE)
        input->report(input->ctx, path, raw);
    else if (take_messages(input, path, raw) == 0)
        say_without(input, path, in_folder);
    arena_free(&arena);
}

/* ---- a folder ---- */

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void take_path(struct dmarc_input *input, const char *path, unsigned depth);

static void take_folder(struct dmarc_input *input, const char *path, unsigned depth)
{
    struct arena *arena = arena_new(NULL);
    struct dirent **entry;
    int n = scandir(path, &entry, not_hidden, alphasort);

    if (n < 0)
        input->problem(input->ctx, path, strerror(errno));
    for (int i = 0; i < n; i++) {
        take_path(input, arena_printf(arena, "%s/%s", path, entry[i]->d_name).p, depth + 1);
        free(entry[i]);
    }
    if (n >= 0)
        free(entry);
    arena_free(&arena);
}

static void take_path(struct dmarc_input *input, const char *path, unsigned depth)
{
    struct stat st;

    if (stat(path, &st) != 0)
        input->problem(input->ctx, path, strerror(errno));
    else if (S_ISREG(st.st_mode))
        take_file(input, path, depth > 0);
    else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
        take_folder(input, path, depth);
}

void ctl_dmarc_input(struct dmarc_input *input, const char *path)
{
    if (str_equal(str_from(path), FCT_STR("-")))
        take_file(input, path, false);
    else
        take_path(input, path, 0);
}
