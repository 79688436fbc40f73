/* conf_check.h - values in a plugin's block that cannot be: one form of error for all. */
#ifndef PLUGINS_LIB_CONF_CHECK_H
#define PLUGINS_LIB_CONF_CHECK_H

#include <facteur/conf.h>

/* Fails SYNTAX with: KEY: "VALUE" must be MUST. Returns false, so that failing is one statement. */
bool conf_fail(struct fct_err *err, const char *key, const char *value, const char *must);
/* Both ends are allowed. */
FCT_MUST_CHECK bool conf_check_number(const char *key, uint32_t value, uint32_t least,
                                      uint32_t most, struct fct_err *err);
/* `least` in milliseconds, and as an admin writes it. */
FCT_MUST_CHECK bool conf_check_least(const char *key, const fct_duration *value, uint64_t least,
                                     const char *text, struct fct_err *err);

#endif
