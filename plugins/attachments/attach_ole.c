/* attach_ole.c - see attach_ole.h.
 *
 * Chains of sectors come from the file, so every walk is counted: no chain is longer than the file
 * has sectors. */
#include "attach_ole.h"

#include <strings.h>

#define HEADER       512u
#define ENTRY        128u
#define END_OF_CHAIN 0xfffffffau /* and all above it: no sector */
#define DIFAT_HEADER 109u
#define ENTRIES_MAX  4096u
#define MODULES_MAX  256u
#define UNPACKED_MAX 16384u
#define CHUNK_MAX    4096u

struct ole_file {
    struct fct_str bytes;
    unsigned shift; /* of the size of a sector */
};

static uint32_t u32_at(struct fct_str bytes, size_t at)
{
    uint32_t v;

    if (at > bytes.n || bytes.n - at < sizeof v)
        return UINT32_MAX;
    memcpy(&v, bytes.p + at, sizeof v); /* little endian, as every machine we run on */
    return v;
}

static size_t sector_at(const struct ole_file *f, uint32_t sector)
{
    return ((size_t)sector + 1) << f->shift;
}

/* Sector number `n` of the allocation table: the header knows the first 109, a chain the rest. */
static uint32_t table_sector(const struct ole_file *f, uint32_t n)
{
    uint32_t per = (1u << f->shift) / 4 - 1, next = u32_at(f->bytes, 68);

    if (n < DIFAT_HEADER)
        return u32_at(f->bytes, 76 + 4 * (size_t)n);
    n -= DIFAT_HEADER;
    for (; n >= per && next < END_OF_CHAIN; n -= per)
        next = u32_at(f->bytes, sector_at(f, next) + 4 * (size_t)per);
    return next < END_OF_CHAIN ? u32_at(f->bytes, sector_at(f, next) + 4 * (size_t)n) : UINT32_MAX;
}

static uint32_t next_sector(const struct ole_file *f, uint32_t sector)
{
    uint32_t per = (1u << f->shift) / 4;
    uint32_t table = sector_at(f, sector) < f->bytes.n ? table_sector(f, sector / per) : UINT32_MAX;

    return table < END_OF_CHAIN ? u32_at(f->bytes, sector_at(f, table) + 4 * (size_t)(sector % per))
                                : UINT32_MAX;
}

/* ---- the directory ---- */

/* The names are ASCII in UTF-16; "" for others. */
static void entry_name(const char *entry, char out[33])
{
    size_t n = 0;

    for (; n < 32 && (entry[2 * n] || entry[2 * n + 1]); n++) {
        if (entry[2 * n + 1]) {
            n = 0;
            break;
        }
        out[n] = entry[2 * n];
    }
    out[n] = '\0';
}

static void read_entry(const char *entry, struct attach_ole *out)
{
    char name[33];

    entry_name(entry, name);
    if (strcasecmp(name, "VBA") == 0 || strcasecmp(name, "_VBA_PROJECT") == 0 ||
        strcasecmp(name, "_VBA_PROJECT_CUR") == 0)
        out->macros = true;
    if (strcasecmp(name, "EncryptedPackage") == 0)
        out->encrypted = true;
}

static bool read_directory(const struct ole_file *f, struct attach_ole *out)
{
    uint32_t sector = u32_at(f->bytes, 48);
    size_t size = (size_t)1 << f->shift, entries = 0;

    while (sector < END_OF_CHAIN && entries < ENTRIES_MAX) {
        size_t at = sector_at(f, sector);

        for (size_t i = 0; i < size / ENTRY; i++, entries++) {
            if (at + (i + 1) * ENTRY > f->bytes.n)
                return entries > 0;
            read_entry(f->bytes.p + at + i * ENTRY, out);
        }
        sector = next_sector(f, sector);
    }
    return entries > 0;
}

/* ---- macros ---- */

/* One chunk ([MS-OVBA] 2.4.1.1.4): flag bytes, each before eight tokens; a token is a byte, or how
 * far back and how many to copy. */
static size_t unpack_chunk(struct fct_str in, char *out, size_t have, size_t max)
{
    size_t start = have, at = 0;

    while (at < in.n && have < max) {
        unsigned flags = (unsigned char)in.p[at++];

        for (unsigned bit = 0; bit < 8 && at < in.n && have < max; bit++) {
            unsigned token, bits = 4;
            size_t back, length;

            if (!(flags >> bit & 1)) {
                out[have++] = in.p[at++];
                continue;
            }
            if (in.n - at < 2)
                return have;
            token = (unsigned)(unsigned char)in.p[at] | (unsigned)(unsigned char)in.p[at + 1] << 8;
            at += 2;
            while (bits < 12 && (1u << bits) < have - start)
                bits++;
            back = (token >> (16 - bits)) + 1;
            length = (token & ((1u << (16 - bits)) - 1)) + 3;
            if (back > have - start)
                return have;
            for (; length > 0 && have < max; length--, have++)
                out[have] = out[have - back];
        }
    }
    return have;
}

size_t attach_ole_unpack(struct fct_str bytes, char *out, size_t max)
{
    size_t have = 0, at = 1;

    if (bytes.n < 3 || bytes.p[0] != 1)
        return 0;
    while (bytes.n - at > 2 && have < max) {
        unsigned head =
            (unsigned)(unsigned char)bytes.p[at] | (unsigned)(unsigned char)bytes.p[at + 1] << 8;
        size_t n = (head & 0xfff) + 1u, end = have + CHUNK_MAX < max ? have + CHUNK_MAX : max;

        at += 2;
        if ((head >> 12 & 7) != 3)
            break;
        if (n > bytes.n - at)
            n = bytes.n - at;
        if (!(head >> 15))
            break; /* stored: no compiler writes so */
        have = unpack_chunk((struct fct_str){bytes.p + at, n}, out, have, end);
        at += n;
    }
    return have;
}

/* Procedures that Office calls by itself. */
static const char *const autoruns[] = {
    "autoopen",          "auto_open",           "autoexec",          "autonew",
    "autoclose",         "auto_close",          "document_open",     "document_new",
    "document_close",    "workbook_open",       "workbook_activate", "workbook_beforeclose",
    "presentation_open", "inkpicture1_painted",
};

static bool runs_by_itself(char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text[i] >= 'A' && text[i] <= 'Z')
            text[i] = (char)(text[i] + ('a' - 'A'));
    for (size_t i = 0; i < FCT_COUNT(autoruns); i++)
        if (memmem(text, n, autoruns[i], strlen(autoruns[i])))
            return true;
    return false;
}

/* The source of each module begins with "Attribute", whose first eight letters stand behind a
 * flag byte of zero: three bytes before it the container begins. Found so without the tables that
 * say where, which malware falsifies. */
static bool modules_run(struct fct_str bytes)
{
    static const char sign[] = "\0Attribut";
    char text[UNPACKED_MAX];
    const char *end = bytes.p + bytes.n, *at = bytes.p;

    for (unsigned i = 0; i < MODULES_MAX; i++) {
        size_t n;

        at = memmem(at, (size_t)(end - at), sign, sizeof sign - 1);
        if (!at)
            return false;
        if (at - bytes.p >= 3) {
            n = attach_ole_unpack((struct fct_str){at - 3, (size_t)(end - at) + 3}, text,
                                  sizeof text);
            if (runs_by_itself(text, n))
                return true;
        }
        at += sizeof sign - 1;
    }
    return false;
}

void attach_ole_read(struct fct_str bytes, struct attach_ole *out)
{
    struct ole_file f = {.bytes = bytes};

    *out = (struct attach_ole){.broken = true};
    if (bytes.n < HEADER)
        return;
    f.shift = (unsigned char)bytes.p[30];
    if (f.shift != 9 && f.shift != 12)
        return;
    out->broken = !read_directory(&f, out);
    if (out->macros)
        out->autorun = modules_run(bytes);
}
