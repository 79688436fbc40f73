/* segment_files.h - open files of the segment log: shared by readers, few at a time, safe against
 * removal meanwhile. */
#ifndef STORE_DRIVER_LOCAL_SEGMENT_FILES_H
#define STORE_DRIVER_LOCAL_SEGMENT_FILES_H

#include "core/base/err.h"

struct segment_files;

struct segment_files *segment_files_new(const char *dir);
void segment_files_free(struct segment_files **files);
void segment_files_path(const struct segment_files *files, uint32_t segment, char *path,
                        size_t size);
/* A descriptor to read from, until given back. -1: cannot be opened, see errno. */
int segment_files_take(struct segment_files *files, uint32_t segment);
void segment_files_give(struct segment_files *files, uint32_t segment);
void segment_files_forget(struct segment_files *files, uint32_t segment); /* it was removed */

#endif
