"""Mail that goes on from here: rewritten senders (SRS) there and back, loops, accounts that forward with consent, DKIM that survives."""
import email, email.header, imaplib, json, os, re, smtplib, sys, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur, mail_sink

ALICE, BOB = 'alice@example.test', 'bob@example.test'
TEXT = 'From: <ann@outside.example>\r\nTo: <team@example.test>\r\nSubject: hello\r\nMessage-ID: <1@outside.example>\r\n\r\nfirst line\r\n.with a dot\r\n'


class Forwarding(unittest.TestCase):
    CONF = ''

    def setUp(self):
        self.sink = mail_sink.Sink().__enter__()
        self.server = facteur.Server(conf='relay { retry = ["1s"] retry_jitter = 0 idle_keep = 1s }\n' + self.CONF,
                                     routes={d: self.sink.port for d in ('near.example', 'far.example', 'outside.example')})
        self.server.start()

    def tearDown(self):
        self.sink.__exit__(None, None, None)
        self.server.__exit__(None, None, None)

    def until(self, look, what, seconds=60):
        end = time.monotonic() + seconds
        while not look():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.02)

    def send(self, to, sender='ann@outside.example', text=TEXT):
        with smtplib.SMTP('127.0.0.1', self.server.port('smtp'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.sendmail(sender, [to] if isinstance(to, str) else to, text)

    def refusal(self, to, sender='', text=TEXT):
        with self.assertRaises((smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError)) as e:
            self.send(to, sender, text)
        if isinstance(e.exception, smtplib.SMTPDataError):
            return e.exception.smtp_code, e.exception.smtp_error.decode()
        code, words = list(e.exception.recipients.values())[0]
        return code, words.decode()

    def letters(self):
        """Without those whose recipients were all refused: they are empty (RFC 2920 3.1)."""
        return [letter for letter in self.sink.letters if letter.recipients]

    def letter(self, n=1):
        self.until(lambda: len(self.letters()) >= n, 'letter %d' % n)
        return self.letters()[n - 1]

    def idle(self):
        self.until(lambda: json.loads(self.server.ctl('queue', 'list', '--json').stdout) == [], 'an empty queue')

    def mail_of(self, user, mailbox='INBOX'):
        m = imaplib.IMAP4('127.0.0.1', self.server.port('imap'))
        m.login(user, facteur.PASSWORD)
        m.select(mailbox, readonly=True)
        texts = [m.fetch(n, '(BODY.PEEK[])')[1][0][1] for n in m.search(None, 'ALL')[1][0].split()]
        m.logout()
        return texts


class Alias(Forwarding):
    def test_there_and_back(self):
        self.server.ctl('alias', 'set', 'team@example.test', 'bob@example.test', 'far@near.example')
        self.send('team@example.test')
        letter = self.letter()
        self.assertEqual(letter.recipients, ['far@near.example'])
        self.assertRegex(letter.sender, r'^SRS0=[A-Za-z0-9+/]{8}=[A-Z2-7]{2}=outside\.example=ann@example\.test$')
        # All that was signed is there as it was; what is new stands above.
        self.assertTrue(letter.data.endswith(TEXT.encode()), letter.data)
        head = letter.data[:-len(TEXT)].decode()
        self.assertTrue(head.startswith('Received: from client.test'), head)
        self.assertIn('Delivered-To: team@example.test\r\n', head)
        self.assertEqual(len(self.mail_of(BOB)), 1)
        # The bounce comes to the address and goes on to who sent it, with its null sender.
        self.send(letter.sender, '', 'Subject: bounce\r\n\r\nit did not work\r\n')
        back = self.letter(2)
        self.assertEqual((back.sender, back.recipients), ('', ['ann@outside.example']))
        self.assertIn(b'it did not work', back.data)
        # In other letters' case, which some servers make of it, too.
        self.send(letter.sender.lower(), '', 'Subject: bounce\r\n\r\nlower\r\n')
        self.assertEqual(self.letter(3).recipients, ['ann@outside.example'])
        # Not one that we did not make, nor one for another sender.
        for forged in (letter.sender.replace('=ann@', '=eve@'), 'SRS0=AAAAAAAA=AA=outside.example=ann@example.test', 'SRS0=x@example.test',
                       re.sub('^SRS0=.{8}', 'SRS1=AAAAAAAA', letter.sender)):
            code, words = self.refusal(forged)
            self.assertEqual((code, words[:5]), (550, '5.7.1'), (forged, words))
        self.idle()
        self.assertNotIn(' SRS0', self.server.ctl('alias', 'list').stdout)
        self.server.ctl('store', 'check')

    def test_two_hops(self):
        """What another server forwarded before gets SRS1, and comes back to that one."""
        self.server.ctl('alias', 'set', 'team@example.test', 'far@near.example')
        first = 'SRS0=Abcd=XY=start.example=ann@outside.example'
        self.send('team@example.test', first)
        letter = self.letter()
        self.assertRegex(letter.sender, r'^SRS1=[^=]+=outside\.example==Abcd=XY=start\.example=ann@example\.test$')
        self.send(letter.sender, '', 'Subject: bounce\r\n\r\n')
        self.assertEqual(self.letter(2).recipients, [first])

    def test_who_is_not_rewritten(self):
        self.server.ctl('alias', 'set', 'team@example.test', 'far@near.example')
        self.send('team@example.test', '')
        self.assertEqual(self.letter(1).sender, '')
        with smtplib.SMTP('127.0.0.1', self.server.port('submission'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.login(ALICE, facteur.PASSWORD)
            s.sendmail(ALICE, ['team@example.test'], TEXT)
            self.assertEqual(self.letter(2).sender, ALICE)
            s.sendmail(ALICE, ['direct@far.example'], TEXT)
        self.assertEqual(self.letter(3).sender, ALICE)
        self.assertNotIn(b'Delivered-To', self.sink.letters[2].data)
        # Too long for a local part: it goes as it is.
        long = 'a' * 60 + '@outside.example'
        self.send('team@example.test', long)
        self.assertEqual(self.letter(4).sender, long)

    def test_circles(self):
        """A server there sends it back here: refused, and the sender is told nothing that was not asked for."""
        self.server.ctl('alias', 'set', 'team@example.test', 'far@near.example')
        self.server.ctl('alias', 'set', 'other@example.test', 'far@near.example')
        self.send('team@example.test')
        data = self.letter().data.decode()
        code, words = self.refusal('team@example.test', 'back@near.example', data)
        self.assertEqual((code, words[:5]), (554, '5.4.6'), words)
        # By another address it may come once more, but not for ever.
        for n in range(4):
            self.send('other@example.test', 'back@near.example', re.sub('(?m)^Delivered-To: .*\r\n', '', data))
            data = self.letter(n + 2).data.decode()
        code, words = self.refusal('other@example.test', 'back@near.example', re.sub('(?m)^Delivered-To: .*\r\n', '', data))
        self.assertEqual((code, words[:5]), (554, '5.4.6'), words)

    def test_secrets_stay(self):
        self.server.ctl('alias', 'set', 'team@example.test', 'far@near.example')
        self.send('team@example.test')
        sender = self.letter().sender
        path = [os.path.join(d, 'srs.key') for d, _, files in os.walk(self.server.state) if 'srs.key' in files]
        self.assertEqual(len(path), 1)
        self.assertEqual(os.stat(path[0]).st_mode & 0o077, 0)
        self.idle()
        self.assertEqual(self.server.stop(), 0)
        with open(path[0]) as f:
            old = f.read()
        with open(path[0], 'w') as f:
            f.write('a new secret for tests\n' + old)
        self.server.start()
        self.send(sender, '', 'Subject: bounce\r\n\r\n')
        self.assertEqual(self.letter(2).recipients, ['ann@outside.example'])
        self.idle()
        self.assertEqual(self.server.stop(), 0)
        with open(path[0], 'w') as f:
            f.write('a new secret for tests\n')
        self.server.start()
        self.assertEqual(self.refusal(sender)[0], 550)


class TwoServers(unittest.TestCase):
    """Each forwards to the other."""

    def test_it_ends(self):
        a = facteur.Server(conf='relay { retry = ["1s"] retry_jitter = 0 }\n')
        b = facteur.Server(conf='relay { retry = ["1s"] retry_jitter = 0 }\n', accounts=['carol@other.test'])
        a.routes, b.routes = {'other.test': b.port('smtp')}, {'example.test': a.port('smtp')}
        with a, b:
            a.ctl('alias', 'set', 'round@example.test', 'round@other.test', 'bob@example.test')
            b.ctl('alias', 'set', 'round@other.test', 'round@example.test', 'carol@other.test')
            with smtplib.SMTP('127.0.0.1', a.port('smtp'), local_hostname=facteur.CLIENT, timeout=60) as s:
                s.sendmail('ann@outside.example', ['round@example.test'], TEXT)
            end = time.monotonic() + 120
            while 'send_failed' not in b.log() + a.log() or any(json.loads(s.ctl('queue', 'list', '--json').stdout) for s in (a, b)):
                self.assertLess(time.monotonic(), end, a.log()[-2000:] + b.log()[-2000:])
                time.sleep(0.1)
            time.sleep(0.5)
            self.assertEqual([json.loads(s.ctl('queue', 'list', '--json').stdout) for s in (a, b)], [[], []])
            for server, user in (a, BOB), (b, 'carol@other.test'):
                with imaplib.IMAP4('127.0.0.1', server.port('imap')) as m:
                    m.login(user, facteur.PASSWORD)
                    n = int(m.select()[1][0])
                self.assertIn(n, (1, 2), user)  # a server that comes round again is told 554 by the first, or keeps one more here


class Domain(Forwarding):
    CONF = 'forward { srs_domain = srs.example.test  srs_secrets = ["0123456789abcdef"] }\n'

    def test_domain_of_its_own(self):
        self.server.ctl('alias', 'set', 'team@example.test', 'far@near.example')
        self.send('team@example.test')
        letter = self.letter()
        self.assertTrue(letter.sender.endswith('@srs.example.test'), letter.sender)
        self.send(letter.sender, '', 'Subject: bounce\r\n\r\n')
        self.assertEqual(self.letter(2).recipients, ['ann@outside.example'])
        self.assertEqual(self.refusal('nobody@srs.example.test')[0], 550)


class Off(Forwarding):
    CONF = 'forward { srs = no  accounts = no }\n'

    def test_off(self):
        self.server.ctl('alias', 'set', 'team@example.test', 'far@near.example')
        self.send('team@example.test')
        self.assertEqual(self.letter().sender, 'ann@outside.example')
        r = self.server.ctl('account', 'set', BOB, 'forward=b@near.example', check=False)
        self.assertNotEqual(r.returncode, 0)
        self.assertIn('do not forward', r.stderr)


class Refused(Forwarding):
    """Where mail goes on to it is refused."""
    CONF = 'forward { bounce = yes }\n'

    def setUp(self):
        super().setUp()
        self.sink.answer = lambda line: '550 5.7.1 not here' if line.startswith('RCPT') and '<gone@' in line else None

    def test_the_sender_is_told(self):
        self.server.ctl('alias', 'set', 'team@example.test', 'gone@near.example')
        self.send('team@example.test')
        report = self.letter()
        self.assertEqual((report.sender, report.recipients), ('', ['ann@outside.example']))
        self.assertIn(b'Action: failed', report.data)
        self.idle()


class Silent(Refused):
    CONF = ''

    def test_the_sender_is_told(self):
        """Unless an administrator wants it he is not: he may have sent nothing."""
        self.server.ctl('alias', 'set', 'team@example.test', 'gone@near.example', 'bob@example.test')
        self.send('team@example.test')
        self.until(lambda: 'send_failed' in self.server.log(), 'the refusal')
        self.idle()
        self.assertEqual((self.letters(), len(self.mail_of(BOB))), ([], 1))


class Asking(Forwarding):
    def ask(self, *settings):
        n = len(self.sink.letters)
        self.server.ctl('account', 'set', BOB, 'forward=b@near.example', *settings)
        letter = self.letter(n + 1)
        self.assertEqual((letter.sender, letter.recipients), ('', ['b@near.example']))
        return email.message_from_bytes(letter.data)

    def code(self, question):
        return re.search(r'(?m)^ +(\S+)$', question.get_payload(decode=True).decode().replace('\r', '')).group(1)


class Account(Asking):
    def test_by_code(self):
        question = self.ask()
        self.assertIn('forwarded', question['Subject'])
        self.assertEqual(question['Auto-Submitted'], 'auto-generated')
        code = self.code(question)
        # Nothing goes before, nor by another code, nor by writing the setting.
        self.send(BOB)
        self.assertEqual(self.server.ctl('forward', 'confirm', code[:-1] + ('a' if code[-1] != 'a' else 'b'), check=False).returncode, 1)
        self.assertNotEqual(self.server.ctl('account', 'set', BOB, 'forward_confirmed=b@near.example', check=False).returncode, 0)
        self.idle()
        self.assertEqual((len(self.sink.letters), len(self.mail_of(BOB))), (1, 1))
        self.assertIn('forwards to b@near.example', self.server.ctl('forward', 'confirm', code).stdout)
        self.send(BOB)
        letter = self.letter(2)
        self.assertEqual(letter.recipients, ['b@near.example'])
        self.assertTrue(letter.sender.startswith('SRS0='), letter.sender)
        self.assertTrue(letter.data.endswith(TEXT.encode()))
        self.assertEqual(len(self.mail_of(BOB)), 2)  # forward_keep
        self.server.ctl('account', 'set', BOB, 'forward_keep=no')
        self.send(BOB)
        self.letter(3)
        self.assertEqual(len(self.mail_of(BOB)), 2)
        # It comes back: kept here, whatever forward_keep says.
        self.send(BOB, 'back@near.example', letter.data.decode())
        self.assertEqual(len(self.mail_of(BOB)), 3)
        # Another target has to agree anew; the old code is worth nothing for it.
        self.assertIn('c@far.example gets the mail once it has agreed', self.server.ctl('account', 'set', BOB, 'forward=c@far.example').stdout)
        self.assertEqual(self.letter(4).recipients, ['c@far.example'])
        self.assertEqual(self.server.ctl('forward', 'confirm', code, check=False).returncode, 1)
        self.send(BOB)
        self.idle()
        self.assertEqual((len(self.sink.letters), len(self.mail_of(BOB))), (4, 4))
        self.server.ctl('store', 'check')

    def test_by_answer(self):
        question = self.ask('languages=fr')
        self.assertIn('Acceptez-vous', email.header.decode_header(question['Subject'])[0][0] if isinstance(question['Subject'], str) else str(question['Subject']))
        to = question['Reply-To'].strip('<>')
        self.assertTrue(to.startswith('forward-confirm+'), to)
        self.assertEqual(self.refusal(to[:16] + '1-aaaaaaaaaaaaaaaa@example.test', 'b@near.example')[0], 550)
        # Answers that programs make agree to nothing.
        self.send(to, '', 'Subject: away\r\n\r\n')
        self.send(to, 'b@near.example', 'Auto-Submitted: auto-replied\r\nSubject: away\r\n\r\n')
        self.send(BOB)
        self.idle()
        self.assertEqual(len(self.sink.letters), 1)
        self.send(to, 'b@near.example', 'Subject: Re: yes\r\n\r\n')
        self.send(BOB)
        self.assertEqual(self.letter(2).recipients, ['b@near.example'])


class Cleaned(Asking):
    """What goes on is the message as it came, with its pixels: signatures hold (RFC 6376), and the next reader decides for himself."""
    CONF = 'plugin trackers { }\n'
    PAGE = TEXT.replace('\r\n\r\n', '\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n', 1) + \
        '<img src="https://u1.ct.sendgrid.net/wf/open?upn=k3J9x2Lq7Zw1" width=1 height=1><a href="https://shop.example/?utm_source=m">x</a>\r\n'

    def check(self, letter):
        self.assertTrue(letter.data.endswith(self.PAGE.encode()), letter.data)
        self.assertNotIn(b'X-Facteur-Privacy', letter.data)
        view = self.mail_of(BOB)[-1]
        self.assertIn(b'X-Facteur-Privacy: 1 tracker removed', view)
        self.assertNotIn(b'wf/open', view)
        self.assertNotIn(b'utm_source', view)

    def test_by_an_account(self):
        self.server.ctl('forward', 'confirm', self.code(self.ask()))
        self.send(BOB, text=self.PAGE)
        self.check(self.letter(2))

    def test_by_an_alias(self):
        self.server.ctl('alias', 'set', 'team@example.test', 'far@near.example', BOB)
        self.send('team@example.test', text=self.PAGE)
        self.check(self.letter())


class Spam(Forwarding):
    CONF = 'composite ALWAYS { expression = "!NOBODY_DECLARES_THIS?" score = 7 group = test }\nprofile default { junk = 6 reject = 15 }\n'

    def test_spam_stays(self):
        self.server.ctl('alias', 'set', 'team@example.test', 'far@near.example')
        self.server.ctl('alias', 'set', 'both@example.test', 'far@near.example', 'bob@example.test')
        code, words = self.refusal('team@example.test', 'ann@outside.example', TEXT)
        self.assertEqual((code, words[:5]), (550, '5.7.1'), words)
        self.send('both@example.test')
        self.idle()
        self.assertEqual((len(self.mail_of(BOB, 'Junk')), self.sink.letters), (1, []))
        self.server.ctl('account', 'set', BOB, 'forward=b@near.example', 'forward_keep=no')
        question = email.message_from_bytes(self.letter().data)
        self.server.ctl('forward', 'confirm', re.search('confirm[+]([^@]+)', question['Reply-To']).group(1))
        self.send(BOB)
        self.idle()
        self.assertEqual((len(self.mail_of(BOB, 'Junk')), len(self.sink.letters)), (2, 1))


if __name__ == '__main__':
    unittest.main()
