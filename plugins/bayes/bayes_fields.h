/* bayes_fields.h - the header of a message as tokens. For this folder only. */
#ifndef PLUGINS_BAYES_BAYES_FIELDS_H
#define PLUGINS_BAYES_BAYES_FIELDS_H

#include "bayes_message.h"

void bayes_fields_read(const struct bayes_reading *reading, struct bayes_tokens *tokens);

#endif
