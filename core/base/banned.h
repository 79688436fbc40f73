/* banned.h - functions that cannot be used safely become compile errors; the message names what to
 * use. Forced into every file of ours by cmake/Flags.cmake. The system headers come first so that
 * they still compile. */
#ifndef CORE_BASE_BANNED_H
#define CORE_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#undef strcpy
#undef strcat
#undef strtok
#define strcpy(d, s)  use_memcpy_or_arena_str_instead_of_strcpy
#define strcat(d, s)  use_buf_put_instead_of_strcat
#define sprintf(...)  use_snprintf_or_buf_printf_instead_of_sprintf
#define vsprintf(...) use_vsnprintf_instead_of_vsprintf
#define strtok(s, d)  use_str_split_instead_of_strtok
#define gets(s)       use_stream_line_instead_of_gets
#define atoi(s)       use_str_to_u64_instead_of_atoi
#define atol(s)       use_str_to_u64_instead_of_atol
#define localtime(t)  use_localtime_r_instead_of_localtime
#define gmtime(t)     use_gmtime_r_instead_of_gmtime

#endif
