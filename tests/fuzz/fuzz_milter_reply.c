/* fuzz_milter_reply.c - any bytes as a filter's answer, and as its negotiation: what is understood
 * lies inside the packet. */
#include "core/base/err.h"
#include "plugins/milter/milter_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct fct_str packet, struct fct_str part)
{
    FCT_ASSERT(part.n == 0 || (part.p >= packet.p && part.p + part.n <= packet.p + packet.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str packet = {(const char *)data, size};
    struct milter_options offer = {6, milter_actions_of(6), milter_protocol_of(6), {{0}}}, options;
    struct milter_reply reply;
    const char *why = NULL;

    if (milter_reply_parse(packet, &reply, &why)) {
        inside(packet, reply.name);
        inside(packet, reply.value);
        inside(packet, reply.text);
        inside(packet, reply.enhanced);
        FCT_ASSERT(reply.code == 0 || (reply.code >= 400 && reply.code < 600));
    } else {
        FCT_ASSERT(why);
    }
    if (milter_options_parse(packet, &offer, &options, &why))
        for (int i = 0; i < STAGE_COUNT; i++)
            inside(packet, options.macros[i]);
    return 0;
}
