"""swaks meets every verdict at every point of the dialogue, and the mailboxes tell what became of the messages. The rules are those of the
dialogues, tests/dialogue/smtp/judge.lua."""
import email, imaplib, os, re, smtplib, ssl, subprocess, sys, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur

RULES = os.path.join(facteur.ROOT, 'tests', 'dialogue', 'smtp', 'judge.lua')
ALICE, BOB = 'alice@example.test', 'bob@example.test'
server = None


def setUpModule():
    global server
    server = facteur.Server(conf='lua { file = "%s" }\n' % RULES).start()


def tearDownModule():
    server.__exit__(None, None, None)


def swaks(*args, port='smtp', sender='x@outside.example', to=ALICE, ehlo='client.example', subject='x', body='x'):
    r = subprocess.run(['swaks', '--server', '127.0.0.1:%d' % server.port(port), '--ehlo', ehlo, '--from', sender, '--to', to,
                        '--header', 'Subject: ' + subject, '--body', '-', *args], input=body.encode(), capture_output=True, timeout=60)
    return (r.stdout + r.stderr).decode(errors='replace')


def refusals(text):
    """What the server refused, in order: swaks marks it with <**, over TLS with <~*."""
    return re.findall(r'(?m)^<[~*]\* (.*?)\r?$', text)


def mailbox(user, name):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    found = []
    with imaplib.IMAP4_SSL('127.0.0.1', server.port('imaps'), ssl_context=context) as c:
        c.login(user, facteur.PASSWORD)
        if c.select(name, readonly=True)[0] != 'OK':
            return found
        for n in c.search(None, 'ALL')[1][0].split():
            found.append(email.message_from_bytes(c.fetch(n, '(BODY.PEEK[])')[1][0][1]))
    return found


def subjects(user, name='INBOX'):
    return [m['Subject'] for m in mailbox(user, name)]


class Verdicts(unittest.TestCase):
    def check(self, text, *patterns):
        got = refusals(text)
        self.assertEqual(len(got), len(patterns), text)
        for one, pattern in zip(got, patterns):
            self.assertRegex(one, pattern)

    def test_helo(self):
        # swaks tries HELO behind a refused EHLO, unless the server has gone
        self.check(swaks(ehlo='refused.example'), r'550 5\.7\.1 not you', r'550 5\.7\.1 not you')
        self.check(swaks(ehlo='later.example'), r'451 4\.7\.1 not now', r'451 4\.7\.1 not now')
        self.assertRegex(swaks(ehlo='gone.example'), r'<\*\* 421 4\.7\.0 go away')

    def test_tls(self):
        text = swaks('-tls', '--tls-sni', 'mx.example.test')
        self.assertRegex(text, r'<~\* 554 5\.7\.1 not with TLSv1\.[23] to mx\.example\.test')
        self.check(swaks('-tls', subject='tls'))

    def test_mail(self):
        self.check(swaks(sender='spam@example.org'), r'550 5\.7\.1 spam')
        self.check(swaks(sender='grey@example.org'), r'451 4\.7\.1 come back')
        self.check(swaks(sender='bye@example.org'), r'550 5\.7\.1 bye')
        self.check(swaks(sender='hole@example.org', subject='mail discarded'))
        self.check(swaks(sender='old@example.org', subject='mail changed'))
        self.assertNotIn('mail discarded', subjects(ALICE))
        self.assertEqual([m['Return-Path'] for m in mailbox(ALICE, 'INBOX') if m['Subject'] == 'mail changed'], ['<new@example.org>'])

    def test_rcpt(self):
        self.check(swaks(sender='picky@example.org', to=BOB), r'551 5\.7\.1 bob moved')
        self.check(swaks(sender='picky@example.org', to='tester@example.test'), r'451 4\.2\.0 later')
        self.check(swaks(to='nobody@example.test'), r'550 5\.1\.1 ')
        self.check(swaks(to='bob+hole@example.test', subject='rcpt discarded'))
        self.check(swaks(to='alcie@example.test', subject='rcpt rescued'))
        self.check(swaks(to='bob+alice@example.test', subject='rcpt changed'))
        self.assertNotIn('rcpt discarded', subjects(BOB))
        self.assertNotIn('rcpt changed', subjects(BOB))
        self.assertLessEqual({'rcpt rescued', 'rcpt changed'}, set(subjects(ALICE)))

    def test_resolve(self):
        self.check(swaks(to='closed@example.test'), r'550 5\.7\.1 members only')
        self.check(swaks(to='round@example.test'), r'550 5\.1\.1 ')
        self.check(swaks(to='team@example.test', subject='for the team'))
        self.assertIn('for the team', subjects(ALICE))
        self.assertIn('for the team', subjects(BOB))

    def test_data_and_chunk(self):
        self.check(swaks(sender='nodata@example.org'), r'451 4\.3\.0 no data now')
        self.check(swaks(subject='a virus', body=('y' * 70 + '\n') * 3000 + 'EICAR\n'), r'550 5\.7\.9 virus in byte \d+')
        self.assertNotIn('a virus', subjects(ALICE))

    def test_unknown(self):
        with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT) as s:
            self.assertEqual(s.docmd('XHELLO'), (502, b'5.5.1 hello yourself'))
            self.assertEqual(s.docmd('GET / HTTP/1.1')[0], 421)

    def test_message(self):
        self.check(swaks(subject='alice 550'), r'550 5\.2\.2 alice refuses')
        self.check(swaks(subject='alice 452'), r'452 4\.2\.0 alice waits')
        self.check(swaks(subject='alice 0'))
        self.check(swaks(to=ALICE + ',' + BOB, subject='alice 550 others not'))
        self.check(swaks(to=ALICE + ',' + BOB, subject='alice 450 others wait'), r'450 4\.2\.0 alice waits')
        self.assertFalse({'alice 550', 'alice 452', 'alice 0'} & set(subjects(ALICE)))
        self.assertIn('alice 550 others not', subjects(BOB))
        self.assertIn('alice 550 others not', subjects(ALICE, 'Junk'))
        self.assertNotIn('alice 450 others wait', subjects(BOB))

    def test_lmtp(self):
        text = swaks('--protocol', 'LMTP', port='lmtp', to=ALICE + ',' + BOB, subject='bob 550 by lmtp')
        self.check(text, r'550 5\.2\.2 bob refuses')
        self.assertIn('bob 550 by lmtp', subjects(ALICE))
        self.assertEqual([s for s in subjects(BOB) + subjects(BOB, 'Junk') if 'by lmtp' in s], [])

    def test_edit(self):
        for to, subject in ((ALICE, 'copy bob'), (BOB, 'not to bob'), (ALICE, 'copy nobody'), (ALICE, 'from me')):
            self.check(swaks(to=to, subject=subject))
        self.assertIn('copy bob', subjects(ALICE))
        self.assertIn('copy bob', subjects(BOB))
        self.assertNotIn('not to bob', subjects(BOB))
        self.assertIn('copy nobody', subjects(ALICE))
        self.assertEqual([m['Return-Path'] for m in mailbox(ALICE, 'INBOX') if m['Subject'] == 'from me'], ['<me@example.org>'])

    def test_prdr(self):
        with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT) as s:
            s.ehlo()
            self.assertTrue(s.has_extn('prdr'))
            s.mail('x@outside.example', ['PRDR'])
            for to in (ALICE, BOB):
                self.assertEqual(s.rcpt(to)[0], 250)
            s.putcmd('data')
            self.assertEqual(s.getreply()[0], 354)
            s.send(b'Subject: bob 550 by prdr\r\n\r\nx\r\n.\r\n')
            self.assertEqual([s.getreply()[0] for _ in range(4)], [353, 250, 550, 250])
        self.assertIn('bob 550 by prdr', subjects(ALICE))
        self.assertEqual([t for t in subjects(BOB) + subjects(BOB, 'Junk') if 'by prdr' in t], [])


if __name__ == '__main__':
    unittest.main()
