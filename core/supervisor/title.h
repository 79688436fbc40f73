/* title.h - what ps and top show of a process. */
#ifndef CORE_SUPERVISOR_TITLE_H
#define CORE_SUPERVISOR_TITLE_H

#include <facteur/base.h>

/* Once, first thing in main: remembers the memory of the command line. Without it only the short
 * name is set. */
void title_init(int argc, char **argv);
/* name: "facteur:edge". The short name (comm) is cut at 15 characters. */
void title_set(const char *name);

#endif
