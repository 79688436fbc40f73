/* milter_protocol.h - the words of the milter protocol, versions 2 to 6: one letter per command and
 * reply, one bit per option. The protocol has no RFC; the names are those of libmilter's manual. */
#ifndef MILTER_PROTOCOL_H
#define MILTER_PROTOCOL_H

#define MILTER_VERSION_MIN 2u
#define MILTER_VERSION_MAX 6u

/* What we send. */
enum milter_command {
    MILTER_ABORT = 'A',
    MILTER_BODY = 'B',
    MILTER_CONNECT = 'C',
    MILTER_MACRO = 'D',
    MILTER_END_OF_BODY = 'E',
    MILTER_HELO = 'H',
    MILTER_QUIT_NEW = 'K', /* another connection follows (version 6) */
    MILTER_HEADER = 'L',
    MILTER_MAIL = 'M',
    MILTER_END_OF_HEADER = 'N',
    MILTER_NEGOTIATE = 'O',
    MILTER_QUIT = 'Q',
    MILTER_RCPT = 'R',
    MILTER_DATA = 'T',
    MILTER_UNKNOWN = 'U',
};

/* What comes back. */
enum milter_reply_kind {
    MILTER_ADD_RECIPIENT = '+',
    MILTER_DELETE_RECIPIENT = '-',
    MILTER_ADD_RECIPIENT_WITH = '2', /* and ESMTP parameters */
    MILTER_SHUTDOWN = '4',           /* 421 */
    MILTER_ACCEPT = 'a',
    MILTER_REPLACE_BODY = 'b',
    MILTER_CONTINUE = 'c',
    MILTER_DISCARD = 'd',
    MILTER_CHANGE_SENDER = 'e',
    MILTER_CONNECTION_FAIL = 'f',
    MILTER_ADD_HEADER = 'h',
    MILTER_INSERT_HEADER = 'i',
    MILTER_CHANGE_HEADER = 'm',
    MILTER_PROGRESS = 'p',
    MILTER_QUARANTINE = 'q',
    MILTER_REJECT = 'r',
    MILTER_SKIP = 's',
    MILTER_TEMPFAIL = 't',
    MILTER_REPLY_CODE = 'y',
};

/* What a filter wants to be allowed. */
#define MILTER_MAY_ADD_HEADERS        0x001u
#define MILTER_MAY_CHANGE_BODY        0x002u
#define MILTER_MAY_ADD_RECIPIENTS     0x004u
#define MILTER_MAY_DELETE_RECIPIENTS  0x008u
#define MILTER_MAY_CHANGE_HEADERS     0x010u
#define MILTER_MAY_QUARANTINE         0x020u
#define MILTER_MAY_CHANGE_SENDER      0x040u
#define MILTER_MAY_ADD_RECIPIENT_WITH 0x080u
#define MILTER_MAY_SET_MACROS         0x100u

/* What it does not want to hear (NO_), does not answer (SILENT_), and can take. */
#define MILTER_NO_CONNECT       0x00000001u
#define MILTER_NO_HELO          0x00000002u
#define MILTER_NO_MAIL          0x00000004u
#define MILTER_NO_RCPT          0x00000008u
#define MILTER_NO_BODY          0x00000010u
#define MILTER_NO_HEADERS       0x00000020u
#define MILTER_NO_END_OF_HEADER 0x00000040u
#define MILTER_SILENT_HEADER    0x00000080u
#define MILTER_NO_UNKNOWN       0x00000100u
#define MILTER_NO_DATA          0x00000200u
#define MILTER_CAN_SKIP         0x00000400u
#define MILTER_REFUSED_RCPT     0x00000800u /* wants refused recipients too */
#define MILTER_SILENT_CONNECT   0x00001000u
#define MILTER_SILENT_HELO      0x00002000u
#define MILTER_SILENT_MAIL      0x00004000u
#define MILTER_SILENT_RCPT      0x00008000u
#define MILTER_SILENT_DATA      0x00010000u
#define MILTER_SILENT_UNKNOWN   0x00020000u
#define MILTER_SILENT_EOH       0x00040000u
#define MILTER_SILENT_BODY      0x00080000u
#define MILTER_LEADING_SPACE    0x00100000u /* header values with what follows the colon */
#define MILTER_CHUNK_256K       0x10000000u
#define MILTER_CHUNK_1M         0x20000000u

#define MILTER_CHUNK 65535u

/* Stages a filter can name its macros for. */
enum milter_stage {
    STAGE_CONNECT,
    STAGE_HELO,
    STAGE_MAIL,
    STAGE_RCPT,
    STAGE_DATA,
    STAGE_END_OF_MESSAGE,
    STAGE_END_OF_HEADER,
    STAGE_COUNT
};

#endif
