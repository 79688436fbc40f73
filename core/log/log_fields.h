/* log_fields.h - how a value looks in a log line: bare when harmless, quoted and escaped otherwise.
 */
#ifndef CORE_LOG_LOG_FIELDS_H
#define CORE_LOG_LOG_FIELDS_H

#include "core/log/log.h"

/* Appends ` name=value`. At most LOG_VALUE_MAX bytes of a string are shown, then "…". */
#define LOG_VALUE_MAX 1024
void log_field_print(const struct log_field *f, struct buf *out);

#endif
