/* fuzz_smtp_command.c - any bytes as a whole connection, to SMTP, submission or LMTP: no crash, no
 * session and no fiber left. The first byte chooses the listener. */
#include "tests/unit/protocols/smtp/session_fixture.h"

static const struct {
    const struct edge_protocol *protocol;
    uint32_t role;
} doors[] = {
    {&smtp_protocol, FCT_ROLE_MX},
    {&smtp_protocol, FCT_ROLE_SUBMISSION},
    {&lmtp_protocol, FCT_ROLE_LMTP},
};

static void no_delays(void)
{
    struct smtp_conf *c = (struct smtp_conf *)(uintptr_t)config_get(conf, &smtp_block);

    c->error_delay.ms = c->auth_failure_delay.ms = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!base) {
        setup_edge();
        no_delays();
    }
    if (size == 0)
        return 0;
    listener.protocol = doors[data[0] % FCT_COUNT(doors)].protocol;
    listener.role = doors[data[0] % FCT_COUNT(doors)].role;
    dial();
    (void)!talk_bytes((struct fct_str){(const char *)data + 1, size - 1})[0];
    hang_up();
    if (edge.session_count != 0 || fiber_stats().running != 0)
        abort();
    return 0;
}
