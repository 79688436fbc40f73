/* clock.h - the two clocks. Timers use the monotonic one; only what people read uses the wall
 * clock. */
#ifndef CORE_BASE_CLOCK_H
#define CORE_BASE_CLOCK_H

#include <facteur/base.h>

uint64_t clock_ms(void);     /* monotonic, milliseconds */
uint64_t clock_us(void);     /* monotonic, microseconds */
int64_t clock_wall(void);    /* seconds since 1970 */
int64_t clock_wall_us(void); /* microseconds since 1970 */

#define CLOCK_NEVER UINT64_MAX /* a deadline that does not come */

#endif
