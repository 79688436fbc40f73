"""Nothing is announced that does not work: each word of CAPABILITY, EHLO and CAPA has a line here that uses it, and a word without one
fails the test."""
import os, re, socket, ssl, sys, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur

USER, PLAIN = 'alice@example.test', 'AGFsaWNlQGV4YW1wbGUudGVzdABwYXNz'
server = None


def setUpModule():
    global server
    server = facteur.Server().start()


def tearDownModule():
    server.__exit__(None, None, None)


class Line:
    def __init__(self, port):
        self.s = socket.create_connection(('127.0.0.1', server.port(port)), timeout=60)
        self.f = self.s.makefile('rb')

    def send(self, text):
        self.s.sendall(text.encode('latin-1'))

    def until(self, pattern):
        """Lines up to one that matches."""
        got = ''
        while True:
            line = self.f.readline().decode('latin-1')
            if not line:
                raise AssertionError('closed, wanted %r after %r' % (pattern, got))
            got += line
            if re.match(pattern, line):
                return got

    def starttls(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.s = context.wrap_socket(self.s)
        self.f = self.s.makefile('rb')

    def close(self):
        self.f.close()
        self.s.close()


LOGIN = 'l LOGIN %s pass\r\n' % USER
FILL = LOGIN + 'm APPEND INBOX {14+}\r\nSubject: x\r\n\r\n\r\nn SELECT INBOX\r\n'
# word: (what is sent, what must come); the last tag is z
IMAP = {
    'IMAP4rev1': (LOGIN + 'z LSUB "" *\r\n', 'z OK'),
    'IMAP4rev2': (LOGIN + 'z ENABLE IMAP4rev2\r\n', r'\* ENABLED IMAP4rev2'),
    'LITERAL+': ('l LOGIN {18+}\r\n%s {4+}\r\npass\r\nz NOOP\r\n' % USER, 'l OK'),
    'SASL-IR': ('z AUTHENTICATE PLAIN %s\r\n' % PLAIN, 'z OK'),
    'ID': ('z ID ("name" "test")\r\n', r'\* ID \('),
    'ENABLE': (LOGIN + 'z ENABLE NOTHING\r\n', 'z OK'),
    'AUTH=PLAIN': ('z AUTHENTICATE PLAIN\r\n%s\r\n' % PLAIN, 'z OK'),
    'AUTH=LOGIN': ('z AUTHENTICATE LOGIN\r\nYWxpY2VAZXhhbXBsZS50ZXN0\r\ncGFzcw==\r\n', 'z OK'),
    'AUTH=SCRAM-SHA-256': ('z AUTHENTICATE SCRAM-SHA-256 biwsbj1hbGljZUBleGFtcGxlLnRlc3Qscj1hYmM=\r\n*\r\n', r'\+ cj1hYm'),
    'STARTTLS': ('z STARTTLS\r\n', 'z OK'),
    'IDLE': (FILL + 'z IDLE\r\nDONE\r\n', 'z OK'),
    'NAMESPACE': (LOGIN + 'z NAMESPACE\r\n', r'\* NAMESPACE \(\("" "/"\)\) NIL NIL'),
    'UIDPLUS': (LOGIN + 'z APPEND INBOX {14+}\r\nSubject: x\r\n\r\n\r\n', r'z OK \[APPENDUID \d+ \d+\]'),
    'UNSELECT': (FILL + 'z UNSELECT\r\n', 'z OK'),
    'CHILDREN': (LOGIN + 'c CREATE up/down\r\nz LIST "" up RETURN (CHILDREN)\r\n', r'\* LIST \([^)]*\\HasChildren'),
    'SPECIAL-USE': (LOGIN + 'z LIST (SPECIAL-USE) "" *\r\n', r'\* LIST \([^)]*\\Drafts'),
    'CREATE-SPECIAL-USE': (LOGIN + 'd DELETE Archive\r\nc CREATE Old (USE (\\Archive))\r\nz LIST (SPECIAL-USE) "" *\r\n', r'\* LIST \([^)]*\\Archive[^)]*\) "/" Old'),
    'LIST-EXTENDED': (LOGIN + 'z LIST (SUBSCRIBED) "" (INBOX Sent) RETURN (SUBSCRIBED)\r\n', 'z OK'),
    'LIST-STATUS': (LOGIN + 'z LIST "" INBOX RETURN (STATUS (MESSAGES))\r\n', r'\* STATUS INBOX \(MESSAGES \d+\)'),
    'STATUS=SIZE': (LOGIN + 'z STATUS INBOX (SIZE)\r\n', r'\* STATUS INBOX \(SIZE \d+\)'),
    'MOVE': (FILL + 'z MOVE 1 Trash\r\n', r'\* 1 EXPUNGE'),
    'ESEARCH': (FILL + 'z SEARCH RETURN (COUNT) ALL\r\n', r'\* ESEARCH \(TAG "z"\) COUNT \d'),
    'SEARCHRES': (FILL + 'y SEARCH RETURN (SAVE) ALL\r\nz FETCH $ (UID)\r\n', r'\* 1 FETCH \(UID'),
    'BINARY': (LOGIN + 'm APPEND Sent ~{19+}\r\nSubject: x\r\n\r\na\0b\r\n\r\nn SELECT Sent\r\nz FETCH * BINARY.PEEK[1]\r\n', r'\* \d+ FETCH \(BINARY\[1\] ~\{5\}'),
    'MULTIAPPEND': (LOGIN + 'z APPEND Sent {14+}\r\nSubject: x\r\n\r\n {14+}\r\nSubject: y\r\n\r\n\r\n', r'z OK \[APPENDUID \d+ \d+:\d+\]'),
}
SMTP = {
    'PIPELINING': ('MAIL FROM:<a@b.example>\r\nRCPT TO:<%s>\r\nRSET\r\n' % USER, 3, '250'),
    'SIZE': ('MAIL FROM:<a@b.example> SIZE=99999999999\r\n', 1, '552'),
    '8BITMIME': ('MAIL FROM:<a@b.example> BODY=8BITMIME\r\n', 1, '250'),
    'SMTPUTF8': ('MAIL FROM:<\xc3\xa9@b.example> SMTPUTF8\r\n', 1, '250'),
    'CHUNKING': ('MAIL FROM:<a@b.example>\r\nRCPT TO:<%s>\r\nBDAT 14 LAST\r\nSubject: x\r\n\r\n' % USER, 3, '250'),
    'ENHANCEDSTATUSCODES': ('MAIL FROM:<a@b.example>\r\n', 1, '250 2.1.0'),
    'STARTTLS': ('STARTTLS\r\n', 1, '220'),
    'PRDR': ('MAIL FROM:<a@b.example> PRDR\r\nRCPT TO:<%s>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nSubject: x\r\n\r\n.\r\n' % USER, 5, '353'),
    'AUTH': ('AUTH PLAIN %s\r\n' % PLAIN, 1, '235'),
    'DSN': ('AUTH PLAIN %s\r\nMAIL FROM:<%s> RET=HDRS ENVID=x+2B\r\nRCPT TO:<bob@example.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b@c\r\n' % (PLAIN, USER), 3, '250'),
    'MT-PRIORITY': ('AUTH PLAIN %s\r\nMAIL FROM:<%s> MT-PRIORITY=-3\r\n' % (PLAIN, USER), 2, '250'),
    'REQUIRETLS': ('MAIL FROM:<a@b.example> REQUIRETLS\r\n', 1, '250'),
    'LIMITS': ('MAIL FROM:<a@b.example>\r\n' + 'RCPT TO:<%s>\r\n' % USER * 1001, 1002, '452'),  # RCPTMAX=1000
    'FUTURERELEASE': ('AUTH PLAIN %s\r\nMAIL FROM:<%s> HOLDFOR=60\r\n' % (PLAIN, USER), 2, '250'),
}
SUBMISSION = ('AUTH', 'DSN', 'MT-PRIORITY', 'FUTURERELEASE')
POP3_LOGIN = 'USER %s\r\nPASS pass\r\n' % USER
POP3 = {
    'USER': (POP3_LOGIN, r'\+OK.*\n\+OK'),
    'SASL': ('AUTH PLAIN %s\r\n' % PLAIN, r'\+OK'),
    'STLS': ('STLS\r\n', r'\+OK'),
    'TOP': (POP3_LOGIN + 'TOP 1 0\r\n', r'\+OK.*\n\+OK.*\n\+OK'),
    'UIDL': (POP3_LOGIN + 'UIDL\r\n', r'(\+OK.*\n){3}1 \S+'),
    'PIPELINING': (POP3_LOGIN + 'NOOP\r\nNOOP\r\n', r'(\+OK.*\n){4}'),
    'RESP-CODES': ('USER %s\r\nPASS wrong\r\n' % USER, r'\+OK.*\n-ERR \['),
    'AUTH-RESP-CODE': ('USER %s\r\nPASS wrong\r\n' % USER, r'\+OK.*\n-ERR \[AUTH\]'),
    'EXPIRE': (POP3_LOGIN + 'RETR 1\r\nQUIT\r\n', r'(\+OK.*\n){3}'),  # NEVER: TOP and UIDL find the message afterwards
    'UTF8': ('UTF8\r\n', r'\+OK'),
    'IMPLEMENTATION': ('NOOP\r\n', r'-ERR|\+OK'),
}


class Announced(unittest.TestCase):
    def test_imap(self):
        words = set()
        for login in ('', LOGIN):
            c = Line('imap')
            c.until(r'\* OK')
            c.send(login + 'z CAPABILITY\r\n')
            words |= set(re.findall(r'(?m)^\* CAPABILITY (.*)\r$', c.until('z '))[-1].split())
            c.close()
        self.assertEqual(words - set(IMAP), set())
        for word in sorted(words):
            with self.subTest(word):
                c = Line('imap')
                c.until(r'\* OK')
                c.send(IMAP[word][0])
                self.assertRegex(c.until('z |' + IMAP[word][1]), '(?m)^' + IMAP[word][1])
                c.close()

    def test_smtp(self):
        for word in sorted(self.smtp_words()):
            with self.subTest(word):
                c = self.ehlo('submission' if word in SUBMISSION else 'smtp', word == 'REQUIRETLS')[0]
                c.send(SMTP[word][0])
                for _ in range(SMTP[word][1]):
                    reply = c.until(r'\d\d\d ')
                self.assertTrue(reply.startswith(SMTP[word][2]), reply)
                c.close()

    def smtp_words(self):
        words = set()
        for port in ('smtp', 'submission'):
            for tls in (False, True):
                c, said = self.ehlo(port, tls)
                words |= {w.split()[0] for w in re.findall(r'(?m)^250[- ](.*)\r$', said)[1:]}
                c.close()
        self.assertEqual(words - set(SMTP), set())
        return words

    def ehlo(self, port, tls):
        c = Line(port)
        c.until('220 ')
        if tls:
            c.send('EHLO client.test\r\n')
            c.until('250 ')
            c.send('STARTTLS\r\n')
            c.until('220 ')
            c.starttls()
        c.send('EHLO client.test\r\n')
        return c, c.until('250 ')

    def test_pop3(self):
        c = Line('lmtp')
        c.until('220 ')
        c.send('LHLO client.test\r\nMAIL FROM:<>\r\nRCPT TO:<%s>\r\nDATA\r\n' % USER)
        c.until('354 ')
        c.send('Subject: x\r\n\r\n.\r\n')
        c.until('250 2.0.0')
        c = Line('pop3')
        c.until(r'\+OK')
        c.send('CAPA\r\n')
        words = {l.split()[0] for l in c.until(r'\.\r\n').splitlines()[1:-1]}
        self.assertEqual(words - set(POP3), set())
        for word in sorted(words):
            with self.subTest(word):
                c = Line('pop3')
                c.until(r'\+OK')
                c.send(POP3[word][0])
                got = ''
                while not re.match(POP3[word][1], got):
                    line = c.f.readline().decode('latin-1')
                    self.assertTrue(line, 'closed after %r' % got)
                    got += line
                c.close()


if __name__ == '__main__':
    unittest.main()
