/* fake_filter.h - the filter client's interface for tests of IMAP and POP3 sessions: answers by
 * rules, and a transcript of what was asked and told.
 *
 * Every question lets the other fibers run first, as a real one does. */
#ifndef TESTS_FAKE_FILTER_H
#define TESTS_FAKE_FILTER_H

#include "core/hook/filter_client.h"

void fake_filter_reset(void); /* nobody registered anything */
void fake_filter_want(enum fct_hook hook);
/* Registers the point and answers so. name NULL: no change. At most a few changes per point. */
void fake_filter_answer(enum fct_hook hook, enum fct_verdict verdict, const char *text);
void fake_filter_change(enum fct_hook hook, const char *name, const char *value);
/* Lines "ask store.copy account=… source=…" and "tell …", fields in the order of hooks.def; a
 * message is shown as " <bytes>". Without fields that change from run to run (bytes_in, seconds).
 */
const char *fake_filter_said(void);
unsigned fake_filter_asked(void); /* questions of any kind */
/* Could a filter that got a message have changed it? */
bool fake_filter_could_write(void);

#endif
