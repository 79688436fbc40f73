/* recovery.c - at start: bring the index up to the log.
 *
 * The index says up to which position it holds. Groups behind that are replayed in order. A bad
 * group with nothing behind it is the tail of a write that was never acknowledged and is cut off;
 * one with good groups behind it is damage: it is reported, left where it is, and the replay goes
 * on behind it. */
#include "store/driver_local/local.h"

#include "store/io.h"

#include <fcntl.h>
#include <unistd.h>

struct recovery {
    struct local *l;
    struct segment_scan scan;
    const uint32_t *segment; /* all that exist */
    size_t n;
    uint64_t replayed, damaged;
};

/* ---- one segment ---- */

static bool read_segment_head(struct recovery *r, uint32_t number, struct segment_head *head)
{
    uint8_t bytes[SEGMENT_HEAD];
    bool gone;

    return segment_log_read(r->l->log, number, 0, bytes, sizeof bytes, false, &gone, NULL) &&
           segment_head_decode(bytes, head) && head->number == number;
}

static bool apply_group(struct recovery *r, const struct group_place *place, struct fct_err *err)
{
    if (!local_apply(r->l, buf_str(&r->scan.ops), place, err))
        return false;
    r->scan.at = place->next;
    r->replayed++;
    return true;
}

/* A group that is not whole. *more: it was not the tail of this segment, the scan stands at the
 * next good one. */
static bool pass_damage(struct recovery *r, enum group_state state, const struct group_place *place,
                        bool *more, struct fct_err *err)
{
    struct log_position bad = r->scan.at;
    struct log_position good;

    *more = segment_scan_resync(&r->scan);
    if (!*more)
        return true;
    good = r->scan.at;
    r->damaged++;
    r->scan.at = bad;
    if (state == GROUP_BODY_BAD && !apply_group(r, place, err))
        return false;
    r->scan.at = good;
    return true;
}

static bool replay_segment(struct recovery *r, struct fct_err *err)
{
    struct group_place place;
    bool more = true;

    while (more) {
        enum group_state state = segment_scan_group(&r->scan, &place);

        if (state == GROUP_WHOLE) {
            if (!apply_group(r, &place, err))
                return false;
        } else if (!pass_damage(r, state, &place, &more, err)) {
            return false;
        }
    }
    return true;
}

/* ---- the chain of segments ---- */

static bool open_segment(struct recovery *r, uint32_t number, struct fct_err *err)
{
    struct segment_head head;
    bool ok = read_segment_head(r, number, &head) &&
              segment_log_size(r->l->log, number, &r->scan.size, err);
    int fd = ok ? segment_log_descriptor(r->l->log, number) : -1;

    if (fd < 0)
        return fct_fail(err, FCT_TEMP, "segment %08x cannot be read", number);
    r->scan.fd = fd;
    r->scan.salt = head.salt;
    r->scan.at.segment = number;
    return true;
}

/* The segment after the present one whose head is good. Its groups follow ours, or something
 * between is damaged. */
static bool next_segment(struct recovery *r, struct segment_head *head)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->segment[i] > r->scan.at.segment && read_segment_head(r, r->segment[i], head) &&
            head->first_sequence >= r->scan.at.sequence)
            return true;
    return false;
}

static bool replay_chain(struct recovery *r, struct fct_err *err)
{
    struct segment_head next;

    for (;;) {
        uint32_t number = r->scan.at.segment;
        bool ok = open_segment(r, number, err) && replay_segment(r, err);

        segment_log_descriptor_done(r->l->log, number, &r->scan.fd);
        if (!ok)
            return false;
        if (!next_segment(r, &next))
            return true;
        if (next.first_sequence != r->scan.at.sequence)
            r->damaged++;
        r->scan.at = (struct log_position){next.number, SEGMENT_HEAD, next.first_sequence};
    }
}

/* Where to begin: behind what the index holds, or at the very first group. */
static bool find_start(struct recovery *r, struct fct_err *err)
{
    struct segment_head head;
    bool found;

    if (!local_applied(r->l, &r->scan.at, &found, err))
        return false;
    if (found)
        return true;
    for (size_t i = 0; i < r->n; i++)
        if (read_segment_head(r, r->segment[i], &head)) {
            r->scan.at = (struct log_position){head.number, SEGMENT_HEAD, head.first_sequence};
            return true;
        }
    r->scan.at = (struct log_position){0, 0, 1};
    return true;
}

bool local_recover(struct local *l, struct buf *report, struct fct_err *err)
{
    struct recovery r = {.l = l, .scan = {.fd = -1, .ops = BUF_INIT(BATCH_MAX)}};
    uint32_t *segment;
    bool ok;

    if (!segment_log_list(l->log, &segment, &r.n, err))
        return false;
    r.segment = segment;
    ok = find_start(&r, err) && (r.scan.at.segment == 0 || replay_chain(&r, err)) &&
         segment_log_continue(l->log, &r.scan.at, err);
    buf_free(&r.scan.ops);
    free(segment);
    if (!ok)
        return fct_fail_in(err, "recovery");
    buf_printf(report, "segments=%zu replayed=%llu damaged=%llu", r.n,
               (unsigned long long)r.replayed, (unsigned long long)r.damaged);
    return true;
}
