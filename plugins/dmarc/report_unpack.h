/* report_unpack.h - a report as it is attached to mail: XML, XML in GZIP (RFC 1952), or the one XML
 * file of a zip archive, told apart by their first bytes. The report's own limits hold for what is
 * unpacked, so that a bomb ends where they do. */
#ifndef PLUGINS_DMARC_REPORT_UNPACK_H
#define PLUGINS_DMARC_REPORT_UNPACK_H

#include "report_read.h"

enum report_packing { REPORT_NONE, REPORT_XML, REPORT_GZIP, REPORT_ZIP };

/* By the first bytes, which may be all there are; NONE: something else. */
enum report_packing report_packing_of(struct fct_str bytes);

/* All of it into the reader, report_reader_end() included. Of an archive the first member that is
 * no folder counts. */
FCT_MUST_CHECK bool report_unpack(struct fct_str bytes, struct report_reader *reader,
                                  struct fct_err *err);

#endif
