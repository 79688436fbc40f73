"""What submission does besides sending: a copy in Sent, a moment for second thoughts, scheduled mail, priorities, and what it does not tell of the client."""
import email, imaplib, json, os, re, smtplib, sys, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur, mail_sink

ALICE, BOB = 'alice@example.test', 'bob@example.test'
TEXT = 'From: %s\r\nTo: x@far.example\r\nSubject: %%s\r\nMessage-ID: <%%s@example.test>\r\n\r\ntext\r\n' % ALICE


class Submission(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sink = mail_sink.Sink(words=('PIPELINING', '8BITMIME', 'SIZE 50000000', 'ENHANCEDSTATUSCODES', 'MT-PRIORITY')).__enter__()
        cls.shut, cls.blocker = mail_sink.closed_port()
        cls.server = facteur.Server(routes={'far.example': cls.sink.port, 'shut.example': cls.shut}, conf='smtp { max_hold = 1h  max_undo = 1m }\n').start()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)
        cls.sink.__exit__(None, None, None)
        cls.blocker.close()

    def setUp(self):
        self.sink.letters.clear()

    def tearDown(self):
        self.server.ctl('account', 'set', ALICE, 'save_sent=', 'undo_window=')
        self.server.ctl('queue', 'drop', '--all', '--yes')

    def smtp(self, login=True):
        s = smtplib.SMTP('127.0.0.1', self.server.port('submission'), local_hostname=facteur.CLIENT, timeout=60)
        s.ehlo()
        if login:
            s.login(ALICE, facteur.PASSWORD)
        return s

    def submit(self, subject, *to, mail=()):
        with self.smtp() as s:
            s.sendmail(ALICE, to, (TEXT % (subject, subject)).encode(), mail)

    def box(self, name, account=ALICE):
        """[(flags, e-mail)]"""
        with imaplib.IMAP4('127.0.0.1', self.server.port('imap')) as m:
            m.login(account, facteur.PASSWORD)
            if m.select(name, readonly=True)[1] == [b'0']:
                return []
            got = m.fetch('1:*', '(FLAGS BODY.PEEK[])')[1]
        return [(part[0].decode(), email.message_from_bytes(part[1])) for part in got if isinstance(part, tuple)]

    def rows(self, *options):
        return json.loads(self.server.ctl('queue', 'list', '--json', *options).stdout)

    def until(self, look, what):
        end = time.monotonic() + 60
        while not look():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.05)

    def test_copy_in_sent(self):
        before = len(self.box('Sent'))
        self.submit('no copy', 'x@far.example')
        self.assertEqual(len(self.box('Sent')), before)
        self.server.ctl('account', 'set', ALICE, 'save_sent=yes')
        self.submit('a copy', 'x@far.example', BOB)
        sent = self.box('Sent')
        self.assertEqual(len(sent), before + 1)
        flags, message = sent[-1]
        self.assertIn('\\Seen', flags)
        self.assertEqual((message['Subject'], message['Received'], message['Return-Path']), ('a copy', None, None))
        self.until(lambda: self.sink.letters, 'delivery')
        self.until(lambda: [m for _, m in self.box('INBOX', BOB) if m['Subject'] == 'a copy'], 'local delivery')
        with self.assertRaises(smtplib.SMTPException):
            self.submit('refused', 'nobody@example.test')
        self.assertEqual(len(self.box('Sent')), before + 1)

    def test_sent_under_another_name(self):
        self.server.ctl('account', 'set', ALICE, 'save_sent=yes')
        with imaplib.IMAP4('127.0.0.1', self.server.port('imap')) as m:
            m.login(ALICE, facteur.PASSWORD)
            m.rename('Sent', 'Gesendet')
        try:
            self.submit('renamed', BOB)
            self.assertEqual(self.box('Gesendet')[-1][1]['Subject'], 'renamed')
        finally:
            with imaplib.IMAP4('127.0.0.1', self.server.port('imap')) as m:
                m.login(ALICE, facteur.PASSWORD)
                m.rename('Gesendet', 'Sent')

    def test_second_thoughts(self):
        self.assertNotEqual(self.server.ctl('account', 'set', ALICE, 'undo_window=soon', check=False).returncode, 0)
        self.server.ctl('account', 'set', ALICE, 'undo_window=1h')  # smtp.max_undo allows a minute
        self.submit('undone', 'x@far.example', BOB)
        row, = self.rows()
        self.assertEqual((row['state'], len(row['to'])), ('waiting', 2))
        self.assertLessEqual(row['hold_until'] - row['arrived'], 60)
        self.assertIn('not before', self.server.ctl('queue', 'show', str(row['id'])).stdout)
        self.assertIn('1 message taken back', self.server.ctl('queue', 'undo', str(row['id'])).stdout)
        self.assertEqual(self.rows(), [])
        self.server.ctl('account', 'set', ALICE, 'undo_window=1s')
        self.submit('kept', 'x@far.example', BOB)
        self.until(lambda: self.sink.letters, 'delivery after the window')
        self.until(lambda: [m for _, m in self.box('INBOX', BOB) if m['Subject'] == 'kept'], 'local delivery after the window')
        self.assertFalse([m for _, m in self.box('INBOX', BOB) if m['Subject'] == 'undone'])
        self.assertEqual(len(self.sink.letters), 1)

    def test_too_late_to_undo(self):
        self.submit('tried', 'x@shut.example')
        self.until(lambda: self.rows()[0]['to'][0]['attempts'], 'an attempt')
        self.assertEqual(self.server.ctl('queue', 'undo', str(self.rows()[0]['id']), check=False).returncode, 1)
        self.assertEqual(len(self.rows()), 1)

    def test_scheduled(self):
        with self.smtp() as s:
            s.ehlo()
            self.assertRegex(s.esmtp_features['futurerelease'], r'^3600 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
            for word in ('HOLDFOR=0', 'HOLDFOR=x', 'HOLDFOR=3700', 'HOLDUNTIL=tomorrow', 'HOLDFOR=5 HOLDUNTIL=2030-01-01T00:00:00Z'):
                self.assertEqual(s.docmd('MAIL FROM:<%s> %s' % (ALICE, word))[0], 501, word)
        self.submit('later', 'x@far.example', BOB, mail=['HOLDFOR=600'])
        row, = self.rows()
        self.assertAlmostEqual(row['hold_until'] - row['arrived'], 600, delta=2)
        self.assertFalse([m for _, m in self.box('INBOX', BOB) if m['Subject'] == 'later'])
        for flush in ('--all',), ('--domain', 'far.example'):  # as `sendmail -q` does: what was scheduled is not meant
            self.assertIn('0 messages due now\n1 left', self.server.ctl('queue', 'retry', *flush).stdout)
        self.server.ctl('queue', 'hold', '--all')
        self.assertEqual(json.loads(self.server.ctl('queue', 'retry', '--all', '--json').stdout), {'done': 'due now', 'messages': 0, 'left': 1})
        self.server.ctl('queue', 'release', '--all')
        self.assertFalse(self.sink.letters)
        self.assertIn('1 message due now', self.server.ctl('queue', 'retry', str(row['id'])).stdout)
        self.until(lambda: self.sink.letters, 'delivery')
        self.until(lambda: [m for _, m in self.box('INBOX', BOB) if m['Subject'] == 'later'], 'local delivery')
        self.until(lambda: not self.rows(), 'an empty queue')

    def test_priority_and_limits(self):
        with self.smtp() as s:
            s.ehlo()
            self.assertEqual(s.esmtp_features['limits'], 'RCPTMAX=1000')
        self.submit('important', 'x@far.example', mail=['MT-PRIORITY=5'])
        self.until(lambda: self.sink.letters, 'delivery')
        self.assertIn('PRIORITY 5', email.message_from_bytes(self.sink.letters[0].data)['Received'])
        self.assertIn('MT-PRIORITY=5', self.sink.letters[0].mail_line)
        self.submit('slow', 'x@shut.example', mail=['MT-PRIORITY=-4'])
        self.assertEqual([r['priority'] for r in self.rows('--domain', 'shut.example')], [-4])

    def test_where_it_came_from(self):
        self.submit('hidden', 'x@far.example')
        self.until(lambda: self.sink.letters, 'delivery')
        received = email.message_from_bytes(self.sink.letters[0].data)['Received']
        self.assertTrue(received.startswith('by '), received)
        self.assertNotIn('127.0.0.1', received)
        self.assertNotIn(facteur.CLIENT, received)
        self.submit('known', 'x@shut.example')
        self.assertEqual(self.rows('--domain', 'shut.example')[0]['client'], '127.0.0.1')


if __name__ == '__main__':
    unittest.main()
