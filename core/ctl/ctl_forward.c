/* ctl_forward.c - forwarding that somebody agreed to (store/consent.c). */
#include "core/ctl/ctl_forward.h"

#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"
#include "store/store_client.h"

int ctl_forward_confirm(struct ctl *c)
{
    struct fct_err err = {0};
    struct fct_str account, target;
    struct buf text = BUF_INIT(4096);

    if (!store_forward_confirm(c->store, str_from(c->word[0]), c->arena, &account, &target, &err))
        return ctl_error(&err);
    if (c->json) {
        ctl_print_json(json_pack("{s:o, s:o}", "account", ctl_json_str(account), "forward",
                                 ctl_json_str(target)));
        return CTL_OK;
    }
    ctl_put_safe(account, &text);
    buf_put_c(&text, " forwards to ");
    ctl_put_safe(target, &text);
    buf_put_c(&text, " from now on\n");
    ctl_print(&text);
    buf_free(&text);
    return CTL_OK;
}
