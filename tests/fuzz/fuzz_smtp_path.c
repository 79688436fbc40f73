/* fuzz_smtp_path.c - any bytes as a path and as parameters: read or refused, and what was read is
 * read again the same. */
#include "core/base/str.h"
#include "protocols/smtp/smtp_params.h"
#include "protocols/smtp/smtp_path.h"

#include <stdlib.h>

static void round_trip(struct arena *arena, const struct smtp_path *path)
{
    struct fct_str address = smtp_path_address(arena, path), in, again;
    struct smtp_path reread;

    if (smtp_path_is_null(path))
        return;
    in = arena_printf(arena, "<%.*s>", FCT_FMT(address));
    if (!smtp_path_parse(&in, true, &reread, NULL))
        abort();
    again = smtp_path_address(arena, &reread);
    if (!str_equal(address, again) || address.n > SMTP_MAX_PATH)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str in = {(const char *)data, size};
    struct arena *arena = arena_new(NULL);
    struct smtp_mail_params params;
    struct smtp_rcpt_params rcpt;
    struct smtp_path path;
    struct fct_err err = {0};

    if (smtp_path_parse(&in, size % 2, &path, &err)) {
        round_trip(arena, &path);
        if (smtp_mail_params_parse(in, SMTP_EXT_ALL, &params, &err))
            (void)smtp_mail_params_auth(arena, &params);
        else if (err.class == FCT_OK)
            abort();
        err = (struct fct_err){0};
        if (!smtp_rcpt_params_parse(in, SMTP_EXT_DSN, &rcpt, &err) && err.class == FCT_OK)
            abort();
    } else if (err.class == FCT_OK) {
        abort();
    }
    (void)smtp_domain_is_valid((struct fct_str){(const char *)data, size}, true);
    arena_free(&arena);
    return 0;
}
