"""sendmail, mailq and newaliases as programs call them: cron, mail, mutt; with and without a server, and what their exit status says."""
import email, json, os, re, shutil, subprocess, sys, tempfile, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur, mail_sink

BOB, ALICE = 'bob@example.test', 'alice@example.test'
EX_OK, EX_USAGE, EX_DATAERR, EX_NOUSER, EX_UNAVAILABLE, EX_TEMPFAIL = 0, 64, 65, 67, 69, 75


class Sendmail(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sink = mail_sink.Sink().__enter__()
        cls.shut, cls.blocker = mail_sink.closed_port()
        cls.server = facteur.Server(routes={'far.example': cls.sink.port, 'shut.example': cls.shut}).start()
        cls.folder = tempfile.mkdtemp(prefix='facteur-sendmail.')
        cls.program = os.path.join(cls.server.build, 'facteur-sendmail')
        for name in ('sendmail', 'mailq', 'newaliases'):
            os.symlink(cls.program, os.path.join(cls.folder, name))

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)
        cls.sink.__exit__(None, None, None)
        cls.blocker.close()
        shutil.rmtree(cls.folder)

    def run_as(self, name, *args, text='', socket=None):
        env = dict(os.environ, FACTEUR_SUBMIT=socket or os.path.join(self.server.state, 'run', 'submit.sock'), FACTEUR_DIR=self.server.state)
        return subprocess.run([os.path.join(self.folder, name), *args], input=text.encode(), capture_output=True, timeout=60, env=env)

    def send(self, *args, text='Subject: x\n\nbody\n', status=EX_OK):
        r = self.run_as('sendmail', *args, text=text)
        self.assertEqual(r.returncode, status, r.stderr)
        return r.stderr.decode()

    def newest(self, account=BOB):
        """What the account's INBOX got last, as an e-mail."""
        import imaplib
        with imaplib.IMAP4('127.0.0.1', self.server.port('imap')) as m:
            m.login(account, facteur.PASSWORD)
            n = m.select('INBOX', readonly=True)[1][0].decode()
            return email.message_from_bytes(m.fetch(n, '(BODY[])')[1][0][1]) if n != '0' else None

    def test_recipients_on_the_command_line(self):
        self.send('-f', ALICE, BOB, text='Subject: one\n\nhello\n..\n.\nnot any more\n')
        got = self.newest()
        self.assertEqual((got['Subject'], got['Return-Path'], got.get_payload()), ('one', '<%s>' % ALICE, 'hello\r\n..\r\n'))
        for field in ('From', 'Date', 'Message-ID'):
            self.assertEqual(len(got.get_all(field)), 1, field)
        self.assertIn('(uid:%d)' % os.getuid(), got['Received'])
        self.assertNotIn('from', got['Received'].split('by')[0])

    def test_the_old_ways(self):
        self.send('-i', '-oem', '-oi', '-B8BITMIME', '-f', ALICE, '--', BOB, text='Subject: dots\n\n.\nstill h\u00e9re\n')
        self.assertEqual(self.newest().get_payload(decode=True), '.\r\nstill h\u00e9re\r\n'.encode())
        # cron: its name, no header of its own but these, to a user without a domain's word
        self.send('-FCronDaemon', '-odi', '-oem', '-oi', '-t', '-f' + ALICE, text='From: root (Cron Daemon)\nTo: %s\nSubject: Cron <root@host> true\nAuto-Submitted: auto-generated\n\noutput\n' % BOB)
        self.assertEqual(self.newest()['Subject'], 'Cron <root@host> true')
        self.send('-r', '<>', '-F', 'A "great" name', BOB, text='no header at all\n')
        got = self.newest()
        self.assertEqual((got['Return-Path'], got.get_payload()), ('<>', 'no header at all\r\n'))
        self.assertIn('"A \\"great\\" name"', got['From'])

    def test_from_the_header(self):
        self.send('-t', '-f', ALICE, text='To: "B, ob" <%s>,\n group: alice@example.test;\nBcc: tester@example.test\nSubject: blind\n\nx\n' % BOB)
        for account in (BOB, ALICE, 'tester@example.test'):
            got = self.newest(account)
            self.assertEqual((got['Subject'], got['Bcc']), ('blind', None), account)
        self.send('-t', '-f', ALICE, text='To: nobody@example.test\nResent-To: %s\nSubject: again\n\nx\n' % BOB)
        self.assertEqual(self.newest()['Subject'], 'again')
        self.assertIn('nobody to send', self.send('-t', text='Subject: x\n\nx\n', status=EX_USAGE))

    def test_reports_and_elsewhere(self):
        self.sink.letters.clear()
        self.send('-f', ALICE, '-N', 'success,failure', '-R', 'hdrs', '-V', 'a+b=c', 'x@far.example', 'y@far.example')
        end = time.monotonic() + 60
        while not self.sink.letters:
            self.assertLess(time.monotonic(), end, 'nothing arrived')
            time.sleep(0.02)
        self.assertEqual(sorted(self.sink.letters[0].recipients), ['x@far.example', 'y@far.example'])
        self.send('-f', ALICE, '-N', 'never', '-V', 'a+b=c', 'x@shut.example')
        rows = json.loads(self.server.ctl('queue', 'list', '--json', '--domain', 'shut.example').stdout)
        self.assertEqual((rows[0]['login'], rows[0]['envid'], rows[0]['to'][0]['notify']), ('uid:%d' % os.getuid(), 'a+2Bb+3Dc', 1))
        listed = self.run_as('mailq').stdout.decode()
        self.assertRegex(listed, r'(?m)^-Queue ID-')
        self.assertRegex(listed, r'(?m)^\d+[ *!] +\d+ \w\w\w \w\w\w [ \d]\d \d\d:\d\d:\d\d  alice@example.test$')
        self.assertIn('x@shut.example', listed)
        self.assertRegex(listed, r'-- \d+ Kbytes in 1 Request\.')
        self.assertEqual(self.run_as('sendmail', '-bp').stdout.decode().split('\n')[0], listed.split('\n')[0])
        self.assertEqual(self.run_as('sendmail', '-q').returncode, EX_OK)
        self.server.ctl('queue', 'drop', '--all', '--yes')
        self.assertEqual(self.run_as('mailq').stdout, b'Mail queue is empty\n')

    def test_smtp_on_standard_input(self):
        r = self.run_as('sendmail', '-bs', text='EHLO me\r\nMAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\nSubject: by smtp\r\n\r\nx\r\n.\r\nQUIT\r\n' % (ALICE, BOB))
        self.assertEqual(r.returncode, EX_OK)
        self.assertEqual([l[:3] for l in re.findall(r'(?m)^\d\d\d .*$', r.stdout.decode())], ['220', '250', '250', '250', '354', '250', '221'])
        self.assertNotIn('AUTH', r.stdout.decode())
        self.assertEqual(self.newest()['Subject'], 'by smtp')

    def test_exit_status(self):
        self.assertIn('5.1.1', self.send('-f', ALICE, 'nobody@example.test', status=EX_NOUSER))
        self.assertIn('nobody@example.test', self.send('-f', ALICE, BOB, 'nobody@example.test', status=EX_NOUSER))
        self.send('a b@example.test', status=EX_DATAERR)
        for args in ((), ('-bd',), ('-bx', BOB), ('-N', 'sometimes', BOB), ('-R', 'half', BOB), ('-f',), ('-Z', BOB)):
            self.send(*args, status=EX_USAGE)
        self.assertEqual(self.run_as('newaliases').returncode, EX_OK)
        self.assertEqual(self.run_as('sendmail', '--help').returncode, EX_OK)
        r = self.run_as('sendmail', BOB, text='Subject: lost?\n\nx\n', socket=os.path.join(self.folder, 'nobody.sock'))
        self.assertEqual(r.returncode, EX_TEMPFAIL, r.stderr)

    def test_mutt(self):
        home = os.path.join(self.folder, 'home')
        os.makedirs(home, exist_ok=True)
        with open(os.path.join(home, 'rc'), 'w') as f:
            f.write('set sendmail="%s/sendmail -oem -oi"\nset from=%s\nset use_from=yes use_envelope_from=yes copy=no\n' % (self.folder, ALICE))
        env = dict(os.environ, HOME=home, FACTEUR_SUBMIT=os.path.join(self.server.state, 'run', 'submit.sock'), LANG='C.UTF-8')
        with open(os.path.join(home, 'file.txt'), 'w') as f:
            f.write('attached\n')
        r = subprocess.run(['mutt', '-n', '-F', os.path.join(home, 'rc'), '-s', 'from mutt', '-a', os.path.join(home, 'file.txt'), '--', BOB],
                           input=b'hello from mutt\n', capture_output=True, timeout=60, env=env)
        self.assertEqual(r.returncode, 0, r.stderr)
        got = self.newest()
        self.assertEqual((got['Subject'], got['Return-Path'], got.is_multipart()), ('from mutt', '<%s>' % ALICE, True))


if __name__ == '__main__':
    unittest.main()
