/* memory_file.h - bytes that another process is to read, as a file that nobody can change. */
#ifndef CORE_BASE_MEMORY_FILE_H
#define CORE_BASE_MEMORY_FILE_H

#include <facteur/plugin.h>

/* A sealed file in memory with these bytes; the caller closes it. `name` is for /proc only.
 * -1: no memory, or no descriptors left. */
int memory_file(const char *name, struct fct_str bytes);

#endif
