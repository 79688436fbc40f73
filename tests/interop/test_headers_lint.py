"""plugins/headers_lint with a server: what a client sends, told in the ledger."""
import email.utils, os, re, smtplib, socket, sys, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from ports import free_port

ALICE = 'alice@example.test'
GOOD = {'Date': email.utils.formatdate(), 'From': 'Ann <x@good.example>', 'To': '<%s>' % ALICE, 'Subject': 'tomorrow', 'Message-ID': '<1.2@good.example>'}
BODY = 'The meeting is at noon, as it always is.\r\n'


def conf(*keys):
    port = free_port()
    return port, 'listener px { address = ["127.0.0.1:%d"] protocol = smtp proxy = yes }\nserver { filter_processes = 1 name = "mx.ours.example" }\nplugin headers_lint {\n%s}\n' % (
        port, ''.join('    %s\n' % key for key in keys))


def message(body=BODY, **fields):
    fields = dict(GOOD, **{name.replace('_', '-'): value for name, value in fields.items()})
    return ''.join('%s: %s\r\n' % pair for pair in fields.items() if pair[1] is not None) + '\r\n' + body


class HeadersLint(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.port, text = conf('skip_net = ["198.51.100.0/24"]')
        cls.server = facteur.Server(text).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)

    def check(self, symbols, text, client='192.0.2.1', helo='client.example'):
        with smtplib.SMTP(local_hostname=helo, timeout=60) as s:
            s.sock = socket.create_connection(('127.0.0.1', self.port), 60)
            s.sock.sendall(('PROXY TCP4 %s 203.0.113.9 4711 25\r\n' % client).encode())
            self.banner = s.getreply()[1].decode()
            s.ehlo()
            s.mail('x@good.example')
            s.rcpt(ALICE)
            code, reply = s.data(text)
        self.assertEqual(code, 250, reply)
        ledger = self.server.ctl('trace', reply.decode().split()[-1].strip('.')).stdout
        found = {w.removeprefix('LINT_') for w in re.findall(r'symbol\s+headers_lint\s+(\S+)', ledger)}
        self.assertEqual(found, set(symbols.split()), ledger)

    def test_a_good_message(self):
        self.check('', message())

    def test_fields(self):
        self.check('NO_SUBJECT', message(Subject=None))
        self.check('DATE_PAST', message(Date='Thu, 1 Jan 2015 00:00:00 +0000'))
        self.check('DATE_FUTURE', message(Date='Thu, 1 Jan 2093 00:00:00 +0000'))
        self.check('TWO_FROM', 'From: <ceo@bank.example>\r\n' + message())

    def test_trace_in_our_name(self):
        self.check('', message())
        us = self.banner.split()[0]
        self.check('HELO_IS_US', message(), helo=us)
        self.check('FORGED_TRACE', 'Received: from x by %s; %s\r\n' % (us, GOOD['Date']) + message())
        self.check('', 'Received: from %s by other.example; %s\r\nReceived: from x by %s; %s\r\n' % (us, GOOD['Date'], us, GOOD['Date']) + message())

    def test_content(self):
        self.check('EMPTY', message(body='\r\n'))
        self.check('HTML_ONLY ONLY_IMAGE', message(body='<a href="http://x.example/"><img src="http://x.example/1.png"></a>\r\n', MIME_Version='1.0', Content_Type='text/html'))
        self.check('MIME_NO_END', message(body='--b\r\nContent-Type: text/plain\r\n\r\n' + BODY, MIME_Version='1.0', Content_Type='multipart/mixed; boundary=b'))

    def test_languages_of_an_account(self):
        chinese = message('尊敬的用户，您好！我公司代开发票，税率优惠，联系电话一三八。\r\n', Content_Type='text/plain; charset=utf-8', MIME_Version='1.0', Content_Transfer_Encoding='8bit').encode()
        self.check('', chinese)
        for languages, symbols in (('en de', 'UNREAD_SCRIPT'), ('en zh-Hant', ''), ('ja', ''), ('ru', 'UNREAD_SCRIPT'), ('', '')):
            self.server.ctl('account', 'set', ALICE, 'languages=' + languages)
            self.check(symbols, chinese)
            self.check('', message())

    def test_who_is_not_looked_at(self):
        self.check('', message(Subject=None), client='198.51.100.7')

    def test_bad_configuration(self):
        for key, why in (('max_recipients = 0', 'max_recipients must be 1 to 250'), ('skip_net = ["x"]', 'skip_net')):
            with self.assertRaises(RuntimeError) as caught:
                facteur.Server(conf(key)[1]).start()
            self.assertIn(why, str(caught.exception))


if __name__ == '__main__':
    unittest.main()
