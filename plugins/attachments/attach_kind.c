/* attach_kind.c - see attach_kind.h. */
#include "attach_kind.h"

struct kind_row {
    const char *word;
    enum attach_kind kind;
};

/* clang-format off */
static const struct kind_row extensions[] = {
    {"exe", KIND_PROGRAM}, {"scr", KIND_PROGRAM}, {"com", KIND_PROGRAM}, {"pif", KIND_PROGRAM}, {"dll", KIND_PROGRAM}, {"cpl", KIND_PROGRAM},
    {"msi", KIND_PROGRAM}, {"msp", KIND_PROGRAM}, {"msix", KIND_PROGRAM}, {"appx", KIND_PROGRAM}, {"jar", KIND_PROGRAM}, {"apk", KIND_PROGRAM},
    {"xll", KIND_PROGRAM}, {"ocx", KIND_PROGRAM}, {"sys", KIND_PROGRAM}, {"elf", KIND_PROGRAM}, {"gadget", KIND_PROGRAM}, {"application", KIND_PROGRAM},
    {"js", KIND_SCRIPT}, {"jse", KIND_SCRIPT}, {"vbs", KIND_SCRIPT}, {"vbe", KIND_SCRIPT}, {"wsf", KIND_SCRIPT}, {"wsh", KIND_SCRIPT}, {"wsc", KIND_SCRIPT},
    {"hta", KIND_SCRIPT}, {"bat", KIND_SCRIPT}, {"cmd", KIND_SCRIPT}, {"ps1", KIND_SCRIPT}, {"psm1", KIND_SCRIPT}, {"sh", KIND_SCRIPT}, {"reg", KIND_SCRIPT},
    {"py", KIND_SCRIPT}, {"pl", KIND_SCRIPT}, {"sct", KIND_SCRIPT}, {"chm", KIND_SCRIPT}, {"msc", KIND_SCRIPT}, {"inf", KIND_SCRIPT},
    {"lnk", KIND_SHORTCUT}, {"url", KIND_SHORTCUT}, {"website", KIND_SHORTCUT}, {"scf", KIND_SHORTCUT}, {"desktop", KIND_SHORTCUT},
    {"library-ms", KIND_SHORTCUT}, {"search-ms", KIND_SHORTCUT}, {"settingcontent-ms", KIND_SHORTCUT}, {"rdp", KIND_SHORTCUT},
    {"doc", KIND_OFFICE}, {"docx", KIND_OFFICE}, {"docm", KIND_OFFICE}, {"dot", KIND_OFFICE}, {"dotx", KIND_OFFICE}, {"dotm", KIND_OFFICE}, {"rtf", KIND_OFFICE},
    {"xls", KIND_OFFICE}, {"xlsx", KIND_OFFICE}, {"xlsm", KIND_OFFICE}, {"xlsb", KIND_OFFICE}, {"xlt", KIND_OFFICE}, {"xlam", KIND_OFFICE}, {"ppt", KIND_OFFICE},
    {"pptx", KIND_OFFICE}, {"pptm", KIND_OFFICE}, {"pps", KIND_OFFICE}, {"ppsx", KIND_OFFICE}, {"odt", KIND_OFFICE}, {"ods", KIND_OFFICE}, {"odp", KIND_OFFICE},
    {"one", KIND_OFFICE}, {"pub", KIND_OFFICE}, {"vsd", KIND_OFFICE}, {"vsdx", KIND_OFFICE},
    {"pdf", KIND_PDF},
    {"jpg", KIND_IMAGE}, {"jpeg", KIND_IMAGE}, {"png", KIND_IMAGE}, {"gif", KIND_IMAGE}, {"bmp", KIND_IMAGE}, {"tif", KIND_IMAGE}, {"tiff", KIND_IMAGE},
    {"webp", KIND_IMAGE}, {"heic", KIND_IMAGE}, {"ico", KIND_IMAGE}, {"avif", KIND_IMAGE},
    {"mp3", KIND_SOUND}, {"wav", KIND_SOUND}, {"ogg", KIND_SOUND}, {"flac", KIND_SOUND}, {"m4a", KIND_SOUND}, {"wma", KIND_SOUND},
    {"mp4", KIND_VIDEO}, {"avi", KIND_VIDEO}, {"mov", KIND_VIDEO}, {"mkv", KIND_VIDEO}, {"webm", KIND_VIDEO}, {"wmv", KIND_VIDEO}, {"mpg", KIND_VIDEO},
    {"txt", KIND_TEXT}, {"csv", KIND_TEXT}, {"log", KIND_TEXT}, {"md", KIND_TEXT}, {"ics", KIND_TEXT}, {"vcf", KIND_TEXT}, {"asc", KIND_TEXT}, {"json", KIND_TEXT},
    {"diff", KIND_TEXT}, {"patch", KIND_TEXT}, {"eml", KIND_TEXT},
    {"htm", KIND_HTML}, {"html", KIND_HTML}, {"shtml", KIND_HTML}, {"xhtml", KIND_HTML}, {"mht", KIND_HTML}, {"mhtml", KIND_HTML}, {"xht", KIND_HTML},
    {"zip", KIND_ARCHIVE}, {"7z", KIND_ARCHIVE}, {"rar", KIND_ARCHIVE}, {"gz", KIND_ARCHIVE}, {"tgz", KIND_ARCHIVE}, {"tar", KIND_ARCHIVE}, {"bz2", KIND_ARCHIVE},
    {"xz", KIND_ARCHIVE}, {"zst", KIND_ARCHIVE}, {"lzma", KIND_ARCHIVE}, {"cab", KIND_ARCHIVE}, {"ace", KIND_ARCHIVE}, {"arj", KIND_ARCHIVE}, {"lzh", KIND_ARCHIVE},
    {"lha", KIND_ARCHIVE}, {"z", KIND_ARCHIVE}, {"xar", KIND_ARCHIVE},
    {"iso", KIND_DISK}, {"img", KIND_DISK}, {"vhd", KIND_DISK}, {"vhdx", KIND_DISK}, {"udf", KIND_DISK}, {"dmg", KIND_DISK}, {"vmdk", KIND_DISK},
};

/* Beginnings of types, the longer before the shorter; what a browser or libmagic calls them. */
static const struct kind_row types[] = {
    {"application/x-dosexec", KIND_PROGRAM}, {"application/vnd.microsoft.portable-executable", KIND_PROGRAM}, {"application/x-executable", KIND_PROGRAM},
    {"application/x-pie-executable", KIND_PROGRAM}, {"application/x-sharedlib", KIND_PROGRAM}, {"application/x-mach-binary", KIND_PROGRAM},
    {"application/x-msdownload", KIND_PROGRAM}, {"application/x-msi", KIND_PROGRAM}, {"application/java-archive", KIND_PROGRAM}, {"application/x-java-applet", KIND_PROGRAM},
    {"application/x-ms-shortcut", KIND_SHORTCUT}, {"application/x-mswinurl", KIND_SHORTCUT},
    {"text/x-msdos-batch", KIND_SCRIPT}, {"text/x-shellscript", KIND_SCRIPT}, {"text/javascript", KIND_SCRIPT}, {"application/javascript", KIND_SCRIPT},
    {"application/x-javascript", KIND_SCRIPT}, {"application/hta", KIND_SCRIPT}, {"text/vbscript", KIND_SCRIPT}, {"application/x-powershell", KIND_SCRIPT},
    {"application/pdf", KIND_PDF},
    {"application/msword", KIND_OFFICE}, {"application/vnd.ms-cab-compressed", KIND_ARCHIVE}, {"application/vnd.ms-", KIND_OFFICE},
    {"application/vnd.openxmlformats-", KIND_OFFICE}, {"application/vnd.oasis.opendocument", KIND_OFFICE}, {"application/x-ole-storage", KIND_OFFICE},
    {"application/cdfv2", KIND_OFFICE}, {"text/rtf", KIND_OFFICE}, {"application/rtf", KIND_OFFICE}, {"application/encrypted", KIND_OFFICE},
    {"application/zip", KIND_ARCHIVE}, {"application/x-7z-compressed", KIND_ARCHIVE}, {"application/x-rar", KIND_ARCHIVE}, {"application/gzip", KIND_ARCHIVE},
    {"application/x-tar", KIND_ARCHIVE}, {"application/x-bzip2", KIND_ARCHIVE}, {"application/x-xz", KIND_ARCHIVE}, {"application/zstd", KIND_ARCHIVE},
    {"application/x-gzip", KIND_ARCHIVE}, {"application/x-zip", KIND_ARCHIVE}, {"application/x-lzh", KIND_ARCHIVE}, {"application/x-xar", KIND_ARCHIVE},
    {"application/x-iso9660-image", KIND_DISK}, {"application/x-apple-diskimage", KIND_DISK}, {"application/x-virtualbox-vhd", KIND_DISK},
    {"image/svg", KIND_UNKNOWN}, {"image/", KIND_IMAGE}, {"audio/", KIND_SOUND}, {"video/", KIND_VIDEO},
    {"text/html", KIND_HTML}, {"application/xhtml", KIND_HTML}, {"text/xml", KIND_UNKNOWN}, {"text/", KIND_TEXT},
};
/* clang-format on */

enum attach_kind attach_kind_of_extension(struct fct_str extension)
{
    for (size_t i = 0; i < FCT_COUNT(extensions); i++)
        if (strlen(extensions[i].word) == extension.n &&
            memcmp(extensions[i].word, extension.p, extension.n) == 0)
            return extensions[i].kind;
    return KIND_UNKNOWN;
}

enum attach_kind attach_kind_of_type(struct fct_str type)
{
    for (size_t i = 0; i < FCT_COUNT(types); i++) {
        size_t n = strlen(types[i].word);

        if (n <= type.n && memcmp(types[i].word, type.p, n) == 0)
            return types[i].kind;
    }
    return KIND_UNKNOWN;
}

bool attach_kind_is_harmless(enum attach_kind kind)
{
    return kind >= KIND_OFFICE && kind <= KIND_HTML;
}

/* ---- do they agree? ---- */

/* Which real kinds are no surprise under which claimed kind, besides its own. Programs export
 * tables as HTML and text under the names of Office, Office documents are zip archives, players
 * keep sound in boxes of video, and every source text is a text. */
#define K(kind) (1u << (kind))
static const unsigned usual[KINDS] = {
    [KIND_PROGRAM] = K(KIND_ARCHIVE) | K(KIND_OFFICE),
    [KIND_SCRIPT] = K(KIND_TEXT) | K(KIND_HTML) | K(KIND_OFFICE) | K(KIND_ARCHIVE),
    [KIND_SHORTCUT] = K(KIND_TEXT),
    [KIND_OFFICE] = K(KIND_ARCHIVE) | K(KIND_TEXT) | K(KIND_HTML),
    [KIND_SOUND] = K(KIND_VIDEO),
    [KIND_VIDEO] = K(KIND_SOUND),
    [KIND_TEXT] = K(KIND_HTML) | K(KIND_SCRIPT),
    [KIND_HTML] = K(KIND_TEXT) | K(KIND_SCRIPT),
    [KIND_ARCHIVE] = K(KIND_OFFICE) | K(KIND_DISK),
    [KIND_DISK] = K(KIND_ARCHIVE) | K(KIND_IMAGE),
};

static bool runs(enum attach_kind kind)
{
    return kind == KIND_PROGRAM || kind == KIND_SCRIPT || kind == KIND_SHORTCUT;
}

enum attach_agreement attach_kind_compare(enum attach_kind claimed, enum attach_kind real)
{
    if (claimed == KIND_UNKNOWN || real == KIND_UNKNOWN || claimed == real ||
        (usual[claimed] & K(real)))
        return KINDS_AGREE;
    if (runs(real) && !runs(claimed))
        return KINDS_LIE;
    if (real == KIND_HTML && (claimed == KIND_PDF || claimed == KIND_IMAGE))
        return KINDS_LIE;
    return KINDS_DIFFER;
}

/* ---- containers ---- */

struct signature {
    size_t offset, length;
    const char *bytes;
    enum attach_container container;
};
#define SIGNATURE(at, text, what)        \
    {                                    \
        at, sizeof(text) - 1, text, what \
    }

/* clang-format off */
static const struct signature signatures[] = {
    SIGNATURE(0, "PK\003\004", CONTAINER_ARCHIVE),
    SIGNATURE(0, "PK\005\006", CONTAINER_ARCHIVE),
    SIGNATURE(0, "PK00PK\003\004", CONTAINER_ARCHIVE),
    SIGNATURE(0, "7z\xbc\xaf\x27\x1c", CONTAINER_ARCHIVE),
    SIGNATURE(0, "Rar!\x1a\x07", CONTAINER_ARCHIVE),
    SIGNATURE(0, "MSCF\0\0\0\0", CONTAINER_ARCHIVE),
    SIGNATURE(0, "xar!", CONTAINER_ARCHIVE),
    SIGNATURE(257, "ustar", CONTAINER_ARCHIVE),
    SIGNATURE(2, "-lh", CONTAINER_ARCHIVE),
    SIGNATURE(0x8001, "CD001", CONTAINER_ARCHIVE),
    SIGNATURE(0, "\x1f\x8b\x08", CONTAINER_STREAM),
    SIGNATURE(0, "BZh", CONTAINER_STREAM),
    SIGNATURE(0, "\xfd" "7zXZ\0", CONTAINER_STREAM),
    SIGNATURE(0, "\x28\xb5\x2f\xfd", CONTAINER_STREAM),
    SIGNATURE(0, "\x1f\x9d", CONTAINER_STREAM),
    SIGNATURE(0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", CONTAINER_OLE),
    SIGNATURE(0, "{\\rt", CONTAINER_RTF),
};
/* clang-format on */

/* Readers accept the header of PDF within the first kilobyte. */
#define PDF_WITHIN 1024u

enum attach_container attach_container_of(struct fct_str bytes)
{
    size_t within = bytes.n < PDF_WITHIN ? bytes.n : PDF_WITHIN;

    for (size_t i = 0; i < FCT_COUNT(signatures); i++) {
        const struct signature *s = &signatures[i];

        if (bytes.n >= s->offset + s->length &&
            memcmp(bytes.p + s->offset, s->bytes, s->length) == 0)
            return s->container;
    }
    return within >= 5 && memmem(bytes.p, within, "%PDF-", 5) ? CONTAINER_PDF : CONTAINER_NONE;
}
