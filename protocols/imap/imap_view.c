/* imap_view.c - sequence numbers and UIDs of one session (RFC 9051 2.3.1). */
#include "protocols/imap/imap_view.h"

#include <stdlib.h>

void imap_view_open(struct imap_view *v, struct store_view *snapshot, bool read_only)
{
    const struct mailbox_info *info = &snapshot->info;

    *v = (struct imap_view){
        .mailbox = info->id,
        .mod_seq = info->highest_mod_seq,
        .uid_validity = info->uid_validity,
        .uid_next = info->uid_next,
        .read_only = read_only,
        .name = str_dup_c(info->name),
        .snapshot = *snapshot,
        .nbase = info->exists,
    };
    imap_view_set_keywords(v, snapshot->keyword, snapshot->nkeywords);
    v->snapshot.keyword = NULL; /* these were in the caller's arena */
    v->snapshot.info.name = (struct fct_str){0};
}

void imap_view_close(struct imap_view *v)
{
    store_view_free(&v->snapshot);
    free(v->name);
    free(v->tail);
    free(v->vanished);
    free(v->keyword);
    *v = (struct imap_view){0};
}

void imap_view_set_keywords(struct imap_view *v, const struct fct_str *keyword, size_t n)
{
    size_t bytes = 0;
    char *text;

    free(v->keyword);
    v->keyword = NULL;
    v->nkeywords = (uint32_t)n;
    for (size_t i = 0; i < n; i++)
        bytes += keyword[i].n;
    v->keyword_bytes = (uint32_t)(bytes + n);
    if (n == 0)
        return;
    v->keyword = malloc(n * sizeof *v->keyword + bytes);
    FCT_ASSERT(v->keyword);
    text = (char *)(v->keyword + n);
    for (size_t i = 0; i < n; i++) {
        memcpy(text, keyword[i].p, keyword[i].n);
        v->keyword[i] = (struct fct_str){text, keyword[i].n};
        text += keyword[i].n;
    }
}

/* ---- finding ---- */

uint32_t imap_view_lower_bound(const struct imap_view *v, uint32_t uid)
{
    uint32_t low = 0, high = imap_view_count(v);

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (imap_view_at(v, middle)->uid < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool imap_view_find(const struct imap_view *v, uint32_t uid, uint32_t *index)
{
    *index = imap_view_lower_bound(v, uid);
    return *index < imap_view_count(v) && imap_view_at(v, *index)->uid == uid;
}

static int compare_uids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

bool imap_view_has_vanished(const struct imap_view *v, uint32_t uid)
{
    return v->nvanished > 0 &&
           bsearch(&uid, v->vanished, v->nvanished, sizeof uid, compare_uids) != NULL;
}

/* ---- sets ---- */

static int compare_ranges(const void *a, const void *b)
{
    const struct imap_range *x = a, *y = b;

    return (x->first > y->first) - (x->first < y->first);
}

/* Sort, then join what overlaps or touches. */
static void normalise(struct imap_indexes *set)
{
    size_t n = 0;

    if (set->n == 0)
        return;
    qsort(set->range, set->n, sizeof *set->range, compare_ranges);
    for (size_t i = 1; i < set->n; i++) {
        struct imap_range *last = &set->range[n];

        if (set->range[i].first > last->last && set->range[i].first - last->last > 1)
            set->range[++n] = set->range[i];
        else if (set->range[i].last > last->last)
            last->last = set->range[i].last;
    }
    set->n = n + 1;
}

/* '*' is the largest number in use (RFC 9051 9 seq-number); a:b means the same as b:a. */
static struct imap_range order_range(const struct imap_sequence *s, uint32_t largest)
{
    uint32_t a = s->first ? s->first : largest, b = s->last ? s->last : largest;

    return a <= b ? (struct imap_range){a, b} : (struct imap_range){b, a};
}

static bool resolve_numbers(const struct imap_view *v, struct imap_range numbers,
                            struct imap_indexes *out, struct fct_err *err)
{
    if (numbers.last > imap_view_count(v))
        return fct_fail(err, FCT_SYNTAX, "there is no message %u", numbers.last);
    out->range[out->n++] = (struct imap_range){numbers.first - 1, numbers.last - 1};
    return true;
}

static void resolve_uids(const struct imap_view *v, struct imap_range uids,
                         struct imap_indexes *out)
{
    uint32_t first = imap_view_lower_bound(v, uids.first);
    uint32_t end =
        uids.last == UINT32_MAX ? imap_view_count(v) : imap_view_lower_bound(v, uids.last + 1);

    if (first < end)
        out->range[out->n++] = (struct imap_range){first, end - 1};
}

bool imap_view_resolve(const struct imap_view *v, const struct imap_sequence_set *set, bool uid,
                       struct arena *arena, struct imap_indexes *out, struct fct_err *err)
{
    uint32_t count = imap_view_count(v);
    uint32_t largest = count == 0 ? 0 : uid ? imap_view_at(v, count - 1)->uid : count;

    *out = (struct imap_indexes){ARENA_ARRAY(arena, struct imap_range, set->n), 0};
    for (size_t i = 0; i < set->n; i++) {
        bool star = set->range[i].first == 0 || set->range[i].last == 0;

        if (count == 0 && (uid || star))
            continue;
        if (uid)
            resolve_uids(v, order_range(&set->range[i], largest), out);
        else if (!resolve_numbers(v, order_range(&set->range[i], largest), out, err))
            return false;
    }
    normalise(out);
    return true;
}

size_t imap_indexes_count(const struct imap_indexes *set)
{
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++)
        n += (size_t)(set->range[i].last - set->range[i].first) + 1;
    return n;
}

bool imap_indexes_has(const struct imap_indexes *set, uint32_t index)
{
    size_t low = 0, high = set->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (set->range[middle].last < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low < set->n && set->range[low].first <= index;
}

/* A run of the view contains no UID that the client has not been told of: gaps can only be UIDs
 * that are gone for ever. */
struct uid_set imap_view_uids(const struct imap_view *v, const struct imap_indexes *set,
                              struct arena *arena)
{
    struct uid_range *range = ARENA_ARRAY(arena, struct uid_range, set->n);

    for (size_t i = 0; i < set->n; i++)
        range[i] = (struct uid_range){imap_view_at(v, set->range[i].first)->uid,
                                      imap_view_at(v, set->range[i].last)->uid};
    return (struct uid_set){range, set->n};
}

struct imap_indexes imap_view_indexes(const struct imap_view *v, struct uid_set uids,
                                      struct arena *arena)
{
    struct imap_indexes out = {ARENA_ARRAY(arena, struct imap_range, uids.n), 0};

    for (size_t i = 0; i < uids.n; i++)
        resolve_uids(v, (struct imap_range){uids.range[i].first, uids.range[i].last}, &out);
    normalise(&out);
    return out;
}

/* ---- changes ---- */

static void add_message(struct imap_view *v, const struct hot_record *record)
{
    if (v->ntail == v->tail_capacity) {
        v->tail_capacity = v->tail_capacity ? v->tail_capacity * 2 : 8;
        v->tail = realloc(v->tail, v->tail_capacity * sizeof *v->tail);
        FCT_ASSERT(v->tail);
    }
    v->tail[v->ntail++] = *record;
}

static void take_record(struct imap_view *v, const struct hot_record *record,
                        struct imap_news *news)
{
    uint32_t count = imap_view_count(v), index;

    if (imap_view_find(v, record->uid, &index)) {
        struct hot_record *known = imap_view_at(v, index);

        if (known->flags != record->flags || known->keywords != record->keywords)
            news->changed[news->nchanged++] = record->uid;
        *known = *record;
    } else if (count == 0 || record->uid > imap_view_at(v, count - 1)->uid) {
        if (record->uid < v->uid_next)
            return; /* told of before and expunged since: never comes back */
        add_message(v, record);
        v->uid_next = record->uid + 1;
        news->exists = true;
    }
}

/* Merge into v->vanished those UIDs that the client still counts. */
static void take_vanished(struct imap_view *v, const uint32_t *uid, size_t n)
{
    uint32_t *all = malloc((v->nvanished + n + 1) * sizeof *all), nall = 0, old = 0, index;

    FCT_ASSERT(all);
    for (size_t i = 0; i < n; i++) {
        while (old < v->nvanished && v->vanished[old] < uid[i])
            all[nall++] = v->vanished[old++];
        if (old < v->nvanished && v->vanished[old] == uid[i])
            continue;
        if (imap_view_find(v, uid[i], &index))
            all[nall++] = uid[i];
    }
    while (old < v->nvanished)
        all[nall++] = v->vanished[old++];
    free(v->vanished);
    v->vanished = nall ? all : NULL;
    v->nvanished = nall;
    if (!nall)
        free(all);
}

void imap_view_apply(struct imap_view *v, const struct store_changes *changes, struct arena *arena,
                     struct imap_news *news)
{
    *news = (struct imap_news){.changed = ARENA_ARRAY(arena, uint32_t, changes->n)};
    if (changes->keyword && changes->nkeywords > v->nkeywords) {
        imap_view_set_keywords(v, changes->keyword, changes->nkeywords);
        news->keywords = true;
    }
    for (size_t i = 0; i < changes->n; i++)
        take_record(v, &changes->record[i], news);
    if (changes->nvanished > 0)
        take_vanished(v, changes->vanished, changes->nvanished);
    if (changes->uid_next > v->uid_next)
        v->uid_next = changes->uid_next;
    if (changes->mod_seq > v->mod_seq)
        v->mod_seq = changes->mod_seq;
}

/* Close the gaps in one array; *gone moves along v->vanished. */
static uint32_t close_gaps(const struct imap_view *v, struct hot_record *record, uint32_t n,
                           uint32_t *gone)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (*gone < v->nvanished && record[i].uid == v->vanished[*gone]) {
            ++*gone;
            continue;
        }
        if (kept != i)
            record[kept] = record[i];
        kept++;
    }
    return kept;
}

const uint32_t *imap_view_expunge(struct imap_view *v, struct arena *arena, size_t *n)
{
    uint32_t *number = ARENA_ARRAY(arena, uint32_t, v->nvanished), gone = 0, index;

    for (uint32_t i = 0; i < v->nvanished; i++) {
        FCT_ASSERT(imap_view_find(v, v->vanished[i], &index));
        number[i] = index + 1 - i;
    }
    *n = v->nvanished;
    if (v->nvanished == 0)
        return number;
    v->nbase = close_gaps(v, v->snapshot.record, v->nbase, &gone);
    v->ntail = close_gaps(v, v->tail, v->ntail, &gone);
    free(v->vanished);
    v->vanished = NULL;
    v->nvanished = 0;
    return number;
}

void imap_view_compare(const struct imap_view *v, const struct store_view *now, struct arena *arena,
                       struct store_changes *out)
{
    uint32_t count = imap_view_count(v), at = 0;
    uint32_t *vanished = ARENA_ARRAY(arena, uint32_t, count);
    size_t n = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t uid = imap_view_at(v, i)->uid;

        while (at < now->info.exists && now->record[at].uid < uid)
            at++;
        if (at == now->info.exists || now->record[at].uid != uid)
            vanished[n++] = uid;
    }
    *out = (struct store_changes){
        .mod_seq = now->info.highest_mod_seq,
        .record = now->record,
        .n = now->info.exists,
        .vanished = vanished,
        .nvanished = n,
        .keyword = now->keyword,
        .nkeywords = now->nkeywords,
        .uid_next = now->info.uid_next,
    };
}
