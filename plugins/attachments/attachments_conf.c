/* attachments_conf.c - see attachments_conf.h. */
#include "attachments_conf.h"

#define RANK_MAX 1000000u

/* What starts when it is opened, and the disk images, links and books it is smuggled in. */
#define RUNS                                                                                       \
    "\"ade\", \"adp\", \"apk\", \"appinstaller\", \"application\", \"appx\", \"bat\", \"chm\", "   \
    "\"cmd\", \"com\", \"cpl\", \"dll\", \"exe\", \"gadget\", \"hta\", \"img\", \"inf\", "         \
    "\"iso\", \"jar\", \"jnlp\", \"js\", \"jse\", \"library-ms\", \"lnk\", \"msc\", \"msi\", "     \
    "\"msix\", \"msp\", \"mst\", \"one\", \"pif\", \"ps1\", \"psm1\", \"rdp\", \"reg\", \"scf\", " \
    "\"scr\", \"sct\", \"search-ms\", \"settingcontent-ms\", \"sys\", \"url\", \"vb\", \"vbe\", "  \
    "\"vbs\", \"vhd\", \"vhdx\", \"website\", \"wsc\", \"wsf\", \"wsh\", \"xll\""

/* clang-format off */
const struct fct_conf_key attachments_keys[] = {
    FCT_CONF_KEY(struct attachments_conf, forbidden,            "[" RUNS "]", "Extensions of attachments that nobody should get, in lower case"),
    FCT_CONF_KEY(struct attachments_conf, forbidden_in_archive, "[" RUNS "]", "Extensions of files in archives that nobody should get, in lower case"),
    FCT_CONF_KEY(struct attachments_conf, forbidden_types,      "[\"application/x-dosexec\", \"application/vnd.microsoft.portable-executable\", \"application/x-ms-shortcut\", \"application/x-mach-binary\", \"text/x-msdos-batch\"]", "Types that nobody should get, by the content (libmagic), whatever the name says"),
    FCT_CONF_KEY(struct attachments_conf, reject,               "[]",    "Symbols of this plugin for which a message is refused instead of scored only, as \"ATTACHMENT_FORBIDDEN\""),
    FCT_CONF_KEY(struct attachments_conf, quarantine,           "[]",    "Symbols of this plugin for which a message goes into Quarantine"),
    FCT_CONF_KEY(struct attachments_conf, rank,                 "60",    "Of these wishes against those of other plugins: the highest rank wins; 0 to 1000000"),
    FCT_CONF_KEY(struct attachments_conf, magic,                "",      "libmagic's database, for example /usr/share/misc/magic.mgc; empty: the system's"),
    FCT_CONF_KEY(struct attachments_conf, max_look,             "256K",  "Bytes of a file that libmagic looks at (1K to 16M)"),
    FCT_CONF_KEY(struct attachments_conf, max_files,            "200",   "Files of a message, those in archives among them, whose type is found out by content (1 to 10000); attachments beyond are not looked at"),
    FCT_CONF_KEY(struct attachments_conf, max_entries,          "1000",  "Files in all archives of a message that are listed (1 to 100000)"),
    FCT_CONF_KEY(struct attachments_conf, max_depth,            "5",     "How deep archives in archives are opened (1 to 10); what is deeper is ATTACHMENT_DEEP"),
    FCT_CONF_KEY(struct attachments_conf, max_unpack,           "100M",  "Bytes that are unpacked for a message, in memory and never all at once (1M to 4G)"),
    FCT_CONF_KEY(struct attachments_conf, max_member,           "8M",    "Bytes of an archive or document in an archive that are unpacked to be looked into (64K to 64M); as much memory for each depth"),
    FCT_CONF_KEY(struct attachments_conf, max_ratio,            "200",   "An archive whose files are together so many times as big as itself, and over 16 MiB, is a bomb (10 to 100000)"),
    FCT_CONF_KEY(struct attachments_conf, max_total,            "1G",    "An archive whose files are together bigger is a bomb (1M to 1T)"),
    FCT_CONF_KEY(struct attachments_conf, max_time,             "3s",    "For all attachments of a message; `deadline` should be longer (100ms to 1m)"),
    FCT_CONF_END,
};
/* clang-format on */

static const struct {
    const char *key;
    size_t offset;
    uint64_t least, most;
} sizes[] = {
    {"max_look", offsetof(struct attachments_conf, max_look), 1 << 10, 16 << 20},
    {"max_unpack", offsetof(struct attachments_conf, max_unpack), 1 << 20, UINT64_C(4) << 30},
    {"max_member", offsetof(struct attachments_conf, max_member), 64 << 10, 64 << 20},
    {"max_total", offsetof(struct attachments_conf, max_total), 1 << 20, UINT64_C(1) << 40},
    {"max_time", offsetof(struct attachments_conf, max_time), 100, 60000},
};
static const struct {
    const char *key;
    size_t offset;
    uint32_t least, most;
} numbers[] = {
    {"max_files", offsetof(struct attachments_conf, max_files), 1, 10000},
    {"max_entries", offsetof(struct attachments_conf, max_entries), 1, 100000},
    {"max_depth", offsetof(struct attachments_conf, max_depth), 1, 10},
    {"max_ratio", offsetof(struct attachments_conf, max_ratio), 10, 100000},
    {"rank", offsetof(struct attachments_conf, rank), 0, RANK_MAX},
};

static bool fail(struct fct_err *err, const char *key, uint64_t least, uint64_t most)
{
    err->class = FCT_SYNTAX;
    (void)snprintf(err->text, sizeof err->text, "%s must be %llu to %llu", key,
                   (unsigned long long)least, (unsigned long long)most);
    return false;
}

bool attachments_conf_check(const struct attachments_conf *conf, struct fct_err *err)
{
    const char *base = (const char *)conf;

    for (size_t i = 0; i < FCT_COUNT(sizes); i++) {
        uint64_t value; /* fct_size and fct_duration are one uint64_t each */

        memcpy(&value, base + sizes[i].offset, sizeof value);
        if (value < sizes[i].least || value > sizes[i].most)
            return fail(err, sizes[i].key, sizes[i].least, sizes[i].most);
    }
    for (size_t i = 0; i < FCT_COUNT(numbers); i++) {
        uint32_t value;

        memcpy(&value, base + numbers[i].offset, sizeof value);
        if (value < numbers[i].least || value > numbers[i].most)
            return fail(err, numbers[i].key, numbers[i].least, numbers[i].most);
    }
    return true;
}
