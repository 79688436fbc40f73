/* image_type.c - see image_type.h. */
#include "protocols/images/image_type.h"

#include "core/base/str.h"

/* clang-format off */
static const struct magic {
    const char *type;
    size_t at;
    struct fct_str bytes;
    size_t also_at;
    struct fct_str also; /* may be empty */
} magics[] = {
    {"image/gif",  0, FCT_STR_INIT("GIF87a"),               0, FCT_STR_INIT("")},
    {"image/gif",  0, FCT_STR_INIT("GIF89a"),               0, FCT_STR_INIT("")},
    {"image/jpeg", 0, FCT_STR_INIT("\xff\xd8\xff"),         0, FCT_STR_INIT("")},
    {"image/png",  0, FCT_STR_INIT("\x89PNG\r\n\x1a\n"),    0, FCT_STR_INIT("")},
    {"image/webp", 0, FCT_STR_INIT("RIFF"),                 8, FCT_STR_INIT("WEBP")},
    {"image/avif", 4, FCT_STR_INIT("ftyp"),                 8, FCT_STR_INIT("avif")},
    {"image/avif", 4, FCT_STR_INIT("ftyp"),                 8, FCT_STR_INIT("avis")},
    {"image/bmp",  0, FCT_STR_INIT("BM"),                   6, FCT_STR_INIT("\0\0\0\0")},
};
/* clang-format on */

static bool has(struct fct_str bytes, size_t at, struct fct_str want)
{
    return str_starts(str_skip(bytes, at), want);
}

const char *image_type(struct fct_str bytes)
{
    for (size_t i = 0; i < FCT_COUNT(magics); i++)
        if (has(bytes, magics[i].at, magics[i].bytes) &&
            has(bytes, magics[i].also_at, magics[i].also))
            return magics[i].type;
    return NULL;
}

bool image_is_declared(struct fct_str content_type)
{
    struct fct_str type = str_trim(str_split(&content_type, ';'));

    return str_starts_nocase(type, FCT_STR("image/")) &&
           !str_starts_nocase(type, FCT_STR("image/svg"));
}
