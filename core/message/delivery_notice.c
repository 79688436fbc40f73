/* delivery_notice.c - a report of somebody else in a whole message (RFC 6522, RFC 3464 2). */
#include "core/base/str.h"
#include "core/message/delivery_status.h"
#include "core/message/mime.h"

#define BODY_MAX (1u << 20) /* of a message/delivery-status */

static bool has_type(const struct mime_part *part, const char *type)
{
    return str_equal(part->is.type, str_from(type));
}

static bool is_status(const struct mime_part *part)
{
    return has_type(part, "message/delivery-status") ||
           has_type(part, "message/global-delivery-status");
}

static bool is_original(const struct mime_part *part)
{
    return part->is_message || has_type(part, "text/rfc822-headers") ||
           has_type(part, "message/global-headers");
}

/* What may be a report. Some servers (OpenSMTPD) call theirs multipart/mixed: that is believed only
 * of what has the null sender, as reports have and people's forwarded ones do not. */
static bool may_be_report(const struct mime_tree *tree, bool from_null)
{
    const struct mime_part *root = &tree->part[0];
    struct fct_str about = mime_parameter_value(root->parameter, root->nparameters, "report-type");

    if (!has_type(root, "multipart/report"))
        return from_null && root->is_multipart;
    return about.n == 0 || str_equal_nocase(about, FCT_STR("delivery-status")) ||
           str_equal_nocase(about, FCT_STR("global-delivery-status"));
}

/* A message is never encoded (RFC 2046 5.2.1), a header of a global one may be (RFC 6533 5). */
static struct fct_str original_of(struct arena *arena, struct fct_str message,
                                  const struct mime_part *part)
{
    FCT_CLEANUP(buf_free) struct buf body = BUF_INIT(BODY_MAX);

    if (part->transfer != TRANSFER_IDENTITY && mime_part_bytes(message, part, &body))
        return arena_str(arena, buf_str(&body));
    return str_head(str_skip(message, part->is.body_offset), part->is.body_length);
}

static void take_original(struct arena *arena, struct fct_str message, const struct mime_part *part,
                          struct delivery_notice *out)
{
    struct fct_str original = original_of(arena, message, part);
    struct header_list header;
    const struct fct_header *h;

    header_list_parse(arena, original, &mime_default_limits.header, &header);
    out->original = original;
    if ((h = header_find(&header, "Message-ID", 0)))
        out->original_message_id = str_head(header_unfold(arena, h), DELIVERY_VALUE_MAX);
    if ((h = header_find(&header, "From", 0)))
        out->original_from = str_head(header_unfold(arena, h), DELIVERY_VALUE_MAX);
}

static bool take_status(struct arena *arena, struct fct_str message, const struct mime_part *part,
                        struct delivery_notice *out, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf body = BUF_INIT(BODY_MAX);

    if (!mime_part_bytes(message, part, &body))
        return fct_fail(err, FCT_LIMIT, "the report is larger than %u bytes", BODY_MAX);
    return delivery_status_parse(arena, buf_str(&body), &out->status, err);
}

/* Part by part in the order of the message, not into those that it encloses: a report in there is
 * about something else. A parent stands before its children. */
static bool take_parts(struct arena *arena, struct fct_str message, const struct mime_tree *tree,
                       struct delivery_notice *out, struct fct_err *err)
{
    bool *enclosed = ARENA_ARRAY(arena, bool, tree->n), found = false;

    memset(enclosed, 0, tree->n * sizeof *enclosed);
    for (size_t i = 0; i < tree->n; i++) {
        const struct mime_part *part = &tree->part[i];

        for (int child = part->first_child; child >= 0; child = tree->part[child].next_sibling)
            enclosed[child] = enclosed[i] || part->is_message;
        if (enclosed[i])
            continue;
        if (!found && is_status(part)) {
            if (!take_status(arena, message, part, out, err))
                return false;
            found = true;
        } else if (i > 0 && out->original.n == 0 && is_original(part)) {
            take_original(arena, message, part, out);
        }
    }
    return found || fct_fail(err, FCT_SYNTAX, "the report has no message/delivery-status");
}

bool delivery_notice_parse(struct arena *arena, struct fct_str message, struct fct_str reverse_path,
                           struct delivery_notice *out, struct fct_err *err)
{
    struct mime_tree tree;

    *out = (struct delivery_notice){0};
    mime_scan(arena, message, &mime_default_limits, &tree);
    if (!may_be_report(&tree, reverse_path.n == 0))
        return fct_fail(err, FCT_SYNTAX, "no report about delivery");
    return take_parts(arena, message, &tree, out, err);
}
