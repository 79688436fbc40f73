/* title.c - the command line is overwritten in place; nothing is moved, so a title is as long as
 * the arguments were. */
#include "core/supervisor/title.h"

#include "core/base/str.h"

#include <sys/prctl.h>

static struct {
    char *start;
    size_t size;
} line;

void title_init(int argc, char **argv)
{
    char *end;

    line.start = NULL;
    if (argc < 1)
        return;
    end = argv[0] + strlen(argv[0]) + 1;
    for (int i = 1; i < argc && argv[i] == end; i++)
        end += strlen(argv[i]) + 1;
    line.start = argv[0];
    line.size = (size_t)(end - argv[0]);
}

void title_set(const char *name)
{
    (void)prctl(PR_SET_NAME, name);
    if (!line.start)
        return;
    memset(line.start, 0, line.size);
    str_copy_c(line.start, line.size, str_from(name));
}
