/* driver.c - what all drivers share. */
#include "store/driver.h"

void driver_close(struct driver **d)
{
    if (*d)
        (*d)->ops->close(*d);
    *d = NULL;
}

int64_t driver_sum(struct fct_str value)
{
    uint64_t v = 0;

    for (size_t i = value.n == 8 ? 8 : 0; i-- > 0;)
        v = v << 8 | (uint8_t)value.p[i];
    return (int64_t)v;
}
