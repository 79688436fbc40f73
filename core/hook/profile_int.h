/* profile_int.h - what the files of profiles share. */
#ifndef CORE_HOOK_PROFILE_INT_H
#define CORE_HOOK_PROFILE_INT_H

#include "core/hook/profile.h"

/* `profile default` before any file says something. */
extern struct profile profile_builtin;

/* FCT_ROLE_* of "role:mx"; 0: no such word. */
uint32_t profile_role_of(const char *pattern);

#endif
