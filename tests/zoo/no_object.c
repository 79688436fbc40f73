/* no_object.c - a library that is no plugin. */
#include <facteur/base.h>

FCT_EXPORT int something_else(void);

int something_else(void)
{
    return 1;
}
