/* fuzz_smtp_command.c - any bytes as a whole connection, to SMTP, submission or LMTP: no crash, no
 * session and no fiber left. The first byte chooses the listener, and whether plugins are asked at
 * every point: they resolve, hide, rename, add and remove. */
#include "tests/unit/protocols/smtp/session_fixture.h"

static const struct {
    const struct edge_protocol *protocol;
    uint32_t role;
} doors[] = {
    {&smtp_protocol, FCT_ROLE_MX},
    {&smtp_protocol, FCT_ROLE_SUBMISSION},
    {&lmtp_protocol, FCT_ROLE_LMTP},
};

static const struct filter_change changes[] = {
    {FCT_STR_INIT("target"), FCT_STR_INIT("user@example.org")},
    {FCT_STR_INIT("target"), FCT_STR_INIT("pair@example.org")},
    {FCT_STR_INIT("hide"), FCT_STR_INIT("SIZE")},
    {FCT_STR_INIT("reverse_path"), FCT_STR_INIT("b@y.example")},
    {FCT_STR_INIT("recipient"), FCT_STR_INIT("other@example.org")},
    {FCT_STR_INIT("profile"), FCT_STR_INIT("strict")},
    {FCT_STR_INIT("add_recipient"), FCT_STR_INIT("full@example.org")},
    {FCT_STR_INIT("remove_recipient"), FCT_STR_INIT("user@example.org")},
};

static void ask_plugins(bool yes)
{
    for (size_t i = 0; i < FCT_HOOK_COUNT; i++) {
        filter.wants[i] = yes;
        filter.answer[i] = (struct filter_answer){
            .change = changes, .changes = yes ? FCT_COUNT(changes) : 0, .carried = FCT_STR("x")};
    }
    filter.change = changes;
    filter.changes = yes ? FCT_COUNT(changes) : 0;
    filter.has_own[1] = yes;
    filter.of[1].answer.verdict = FCT_REJECT;
}

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
    ask_plugins(data[0] & 16);
    dial();
    (void)!talk_bytes((struct fct_str){(const char *)data + 1, size - 1})[0];
    hang_up();
    if (edge.session_count != 0 || fiber_stats().running != 0)
        abort();
    return 0;
}
