/* attach_archive.c - see attach_archive.h.
 *
 * libarchive asks for the archive's bytes piece by piece: pieces are small, and each is given only
 * while there is time, so that a bomb ends within some milliseconds. Formats and filters are named
 * one by one: `all` would take in those that start programs. */
#include "attach_archive.h"

#include "attach_kind.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <time.h>

#define PIECE 4096u
#define FIRST 40960u /* of every member: enough to see what it is (ISO 9660 says so at 32 KiB) */

struct source {
    struct fct_str bytes;
    size_t at;
    struct attach_budget *budget;
    uint64_t unpack; /* behind a filter, so many bytes may come out */
    bool burst;      /* more came */
};

uint64_t attach_now_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static bool is_late(const struct attach_budget *budget)
{
    return attach_now_ms() >= budget->until_ms;
}

/* ---- what libarchive asks for ---- */

static la_ssize_t on_read(struct archive *a, void *ctx, const void **out)
{
    struct source *s = ctx;
    size_t left = s->bytes.n - s->at, n = left < PIECE ? left : PIECE;

    s->burst = archive_filter_count(a) > 1 && archive_filter_bytes(a, 0) > 0 &&
               (uint64_t)archive_filter_bytes(a, 0) > s->unpack;
    if (s->burst || is_late(s->budget)) {
        archive_set_error(a, -1, s->burst ? "too much comes out" : "the time is up");
        return ARCHIVE_FATAL;
    }
    *out = s->bytes.p + s->at;
    s->at += n;
    return (la_ssize_t)n;
}

static la_int64_t on_skip(struct archive *a, void *ctx, la_int64_t n)
{
    struct source *s = ctx;
    size_t left = s->bytes.n - s->at;

    (void)a;
    if (n <= 0)
        return 0;
    n = (uint64_t)n < left ? n : (la_int64_t)left;
    s->at += (size_t)n;
    return n;
}

static la_int64_t on_seek(struct archive *a, void *ctx, la_int64_t offset, int whence)
{
    struct source *s = ctx;
    la_int64_t size = (la_int64_t)s->bytes.n;
    la_int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (la_int64_t)s->at : size;

    (void)a;
    if (offset < -base || offset > size - base)
        return ARCHIVE_FATAL;
    s->at = (size_t)(base + offset);
    return base + offset;
}

/* ---- one archive ---- */

/* What the bytes are read as. */
enum reading {
    AS_ARCHIVE,
    AS_STREAM,     /* behind a filter: an archive, or one file */
    AS_STREAM_RAW, /* behind a filter: one file */
};

static struct archive *open_archive(struct source *s, enum reading as)
{
    static int (*const formats[])(struct archive *) = {
        archive_read_support_format_zip,     archive_read_support_format_7zip,
        archive_read_support_format_rar,     archive_read_support_format_rar5,
        archive_read_support_format_cab,     archive_read_support_format_tar,
        archive_read_support_format_lha,     archive_read_support_format_xar,
        archive_read_support_format_iso9660,
    };
    static int (*const filters[])(struct archive *) = {
        archive_read_support_filter_gzip,     archive_read_support_filter_bzip2,
        archive_read_support_filter_xz,       archive_read_support_filter_zstd,
        archive_read_support_filter_compress,
    };
    struct archive *a = archive_read_new();

    if (!a)
        return NULL;
    for (size_t i = 0; as != AS_STREAM_RAW && i < FCT_COUNT(formats); i++)
        (void)formats[i](a);
    for (size_t i = 0; as != AS_ARCHIVE && i < FCT_COUNT(filters); i++)
        (void)filters[i](a);
    if (as != AS_ARCHIVE)
        (void)archive_read_support_format_raw(a);
    (void)archive_read_set_read_callback(a, on_read);
    (void)archive_read_set_skip_callback(a, on_skip);
    (void)archive_read_set_seek_callback(a, on_seek);
    (void)archive_read_set_callback_data(a, s);
    return a;
}

struct listing {
    struct archive *archive;
    struct source *source;
    struct attach_budget *budget;
    attach_on_member *on_member;
    void *ctx;
    struct attach_listing *out;
};

/* Unpacks into `to` up to `max` bytes; how many came. */
static size_t unpack(struct listing *l, char *to, size_t have, size_t max)
{
    while (have < max) {
        size_t want = max - have < l->budget->unpack ? max - have : (size_t)l->budget->unpack;
        la_ssize_t n = want > 0 ? archive_read_data(l->archive, to + have, want) : 0;

        if (want == 0 || is_late(l->budget)) {
            l->out->unfinished = true;
            break;
        }
        if (n <= 0)
            break;
        l->budget->unpack -= (size_t)n;
        have += (size_t)n;
    }
    return have;
}

/* The beginning of a member; all of it, as far as the budget goes, when it is a container. The
 * caller frees it. */
static char *read_member(struct listing *l, struct fct_str *bytes)
{
    char *text = malloc(FIRST);

    *bytes = (struct fct_str){text, 0};
    if (!text)
        return NULL;
    bytes->n = unpack(l, text, 0, FIRST);
    if (bytes->n == FIRST && l->budget->member > FIRST &&
        attach_container_of(*bytes) != CONTAINER_NONE) {
        char *whole = realloc(text, (size_t)l->budget->member);

        if (!whole)
            return text;
        text = whole;
        bytes->p = text;
        bytes->n = unpack(l, text, FIRST, (size_t)l->budget->member);
    }
    return text;
}

/* Of one compressed file nobody wrote down how big it is. */
static void drain(struct listing *l)
{
    const void *block;
    size_t n;
    la_int64_t offset;

    while (!is_late(l->budget) && !l->source->burst &&
           archive_read_data_block(l->archive, &block, &n, &offset) == ARCHIVE_OK)
        ;
}

static void list_member(struct listing *l, struct archive_entry *entry)
{
    const char *name = archive_entry_pathname_utf8(entry);
    struct attach_member m = {.encrypted = archive_entry_is_encrypted(entry) > 0,
                              .folder = archive_entry_filetype(entry) == AE_IFDIR};
    char *bytes = NULL;

    if (!name)
        name = archive_entry_pathname(entry);
    m.name = (struct fct_str){name, name ? strlen(name) : 0};
    if (archive_entry_size_is_set(entry) && archive_entry_size(entry) > 0)
        m.size = (uint64_t)archive_entry_size(entry);
    if (!m.encrypted && !m.folder)
        bytes = read_member(l, &m.bytes);
    if (archive_format(l->archive) == ARCHIVE_FORMAT_RAW)
        drain(l);
    if (m.size < m.bytes.n)
        m.size = m.bytes.n;
    l->out->size = l->out->size > UINT64_MAX - m.size ? UINT64_MAX : l->out->size + m.size;
    l->out->encrypted |= m.encrypted;
    l->on_member(l->ctx, &m);
    free(bytes);
}

/* Members behind a filter are unpacked to be skipped: that counts, too. */
static bool pay_for_filters(struct listing *l, uint64_t *before)
{
    la_int64_t n = archive_filter_count(l->archive) > 1 ? archive_filter_bytes(l->archive, 0) : 0;
    uint64_t now = n > 0 ? (uint64_t)n : 0, used = now > *before ? now - *before : 0;

    *before = now;
    if (used > l->budget->unpack) {
        l->budget->unpack = 0;
        return false;
    }
    l->budget->unpack -= used;
    return true;
}

/* RAR with an encrypted table of members is an error with such words. */
static bool says_encrypted(struct archive *a)
{
    const char *why = archive_error_string(a);

    return why && strstr(why, "ncrypt");
}

static void list_members(struct listing *l)
{
    struct archive_entry *entry;
    uint64_t unpacked = 0;
    int status;

    while ((status = archive_read_next_header(l->archive, &entry)) == ARCHIVE_OK ||
           status == ARCHIVE_WARN) {
        if (l->budget->entries == 0 || is_late(l->budget) || !pay_for_filters(l, &unpacked)) {
            l->out->unfinished = true;
            return;
        }
        l->budget->entries--;
        l->out->entries++;
        list_member(l, entry);
    }
    (void)pay_for_filters(l, &unpacked);
    if (unpacked > l->out->size)
        l->out->size = unpacked;
    l->out->encrypted |= archive_read_has_encrypted_entries(l->archive) > 0 ||
                         (status != ARCHIVE_EOF && says_encrypted(l->archive));
    if (is_late(l->budget) || l->source->burst)
        l->out->unfinished = true;
    else if (status != ARCHIVE_EOF && !l->out->encrypted)
        l->out->unreadable = true;
}

static void list(struct fct_str bytes, enum reading as, struct attach_budget *budget,
                 attach_on_member *on_member, void *ctx, struct attach_listing *out)
{
    struct source s = {.bytes = bytes, .budget = budget, .unpack = budget->unpack};
    struct listing l = {open_archive(&s, as), &s, budget, on_member, ctx, out};

    *out = (struct attach_listing){.entries = 0};
    /* archive_read_has_encrypted_entries() crashes on what could not be opened */
    if (!l.archive || archive_read_open1(l.archive) != ARCHIVE_OK) {
        out->encrypted = l.archive && says_encrypted(l.archive);
        out->unreadable = !out->encrypted && !is_late(budget);
        out->unfinished = is_late(budget);
    } else {
        list_members(&l);
    }
    if (l.archive)
        (void)archive_read_free(l.archive);
}

/* A file that begins with zeros is an empty tar for libarchive, and a bomb for others. */
void attach_archive_list(struct fct_str bytes, bool stream, struct attach_budget *budget,
                         attach_on_member *on_member, void *ctx, struct attach_listing *out)
{
    list(bytes, stream ? AS_STREAM : AS_ARCHIVE, budget, on_member, ctx, out);
    if (stream && out->entries == 0 && !out->unfinished && !out->unreadable)
        list(bytes, AS_STREAM_RAW, budget, on_member, ctx, out);
}
