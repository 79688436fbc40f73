/* ip_public.c - see ip_public.h. */
#include "plugins/lib/ip_public.h"

bool ip_address_is_public(const struct ip_address *a)
{
    static const struct {
        uint8_t byte[2];
        unsigned bits;
    } inner[] = {
        {{0, 0}, 8},      {{10, 0}, 8},    {{100, 64}, 10},  {{127, 0}, 8},
        {{169, 254}, 16}, {{172, 16}, 12}, {{192, 168}, 16}, {{224, 0}, 3},
    };

    if (a->v6)
        return (a->byte[0] & 0xe0) == 0x20;
    for (size_t i = 0; i < FCT_COUNT(inner); i++) {
        struct ip_address net = {.byte = {inner[i].byte[0], inner[i].byte[1]}};

        if (ip_address_matches(a, &net, inner[i].bits))
            return false;
    }
    return true;
}
