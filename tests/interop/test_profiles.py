"""Profiles and composites in a running server: one message, several recipients, each judged by its profile."""
import imaplib, json, os, smtplib, sys, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur

ALICE, BOB, HARD = 'alice@example.test', 'bob@example.test', 'hard@example.test'
CONF = '''
composite ALWAYS { expression = "!NOBODY_DECLARES_THIS?" score = 7 group = test }
profile default { junk = 6 reject = 15 }
profile bob { match = ["bob@example.test"] score = ["ALWAYS=2.5"] }
profile hard { match = ["hard@*"] reject = 5 }
profile trial { mode = shadow  match = ["bob@*"]  junk = 2  score = ["ALWAYS=3"] }
'''
MESSAGE = 'From: x@remote.example\r\nTo: somebody\r\nSubject: profiles\r\n\r\nhello\r\n'
server = None


def setUpModule():
    global server
    server = facteur.Server(conf=CONF, accounts=[ALICE, BOB, HARD]).start()


def tearDownModule():
    server.__exit__(None, None, None)


def count(user, mailbox):
    with imaplib.IMAP4('127.0.0.1', server.port('imap')) as m:
        m.login(user, facteur.PASSWORD)
        ok, found = m.select(mailbox, readonly=True)
        return int(found[0]) if ok == 'OK' else 0


def text_of(user, mailbox):
    with imaplib.IMAP4('127.0.0.1', server.port('imap')) as m:
        m.login(user, facteur.PASSWORD)
        m.select(mailbox, readonly=True)
        return m.fetch('*', '(BODY.PEEK[])')[1][0][1].decode()


class Profiles(unittest.TestCase):
    def test_one_reply_for_all(self):
        junk, inbox, hard = count(ALICE, 'Junk'), count(BOB, 'INBOX'), count(HARD, 'Junk')
        with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT) as s:
            s.sendmail('x@remote.example', [ALICE, BOB, HARD], MESSAGE)
        self.assertEqual(count(ALICE, 'Junk'), junk + 1)
        self.assertEqual(count(BOB, 'INBOX'), inbox + 1)
        self.assertEqual(count(HARD, 'Junk'), hard + 1)  # not refused: the others took it
        seen = text_of(ALICE, 'Junk')
        self.assertRegex(seen, r'(?m)^X-Facteur-Verdict: junk 7\.0/6\.0; profile=default; ALWAYS=7\.0')
        self.assertNotIn('X-Facteur-Verdict', text_of(BOB, 'INBOX'))

    def test_refused_alone(self):
        with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT) as s:
            with self.assertRaises(smtplib.SMTPDataError) as refused:
                s.sendmail('x@remote.example', [HARD], MESSAGE)
        self.assertEqual(refused.exception.smtp_code, 550)
        self.assertIn(b'5.7.1', refused.exception.smtp_error)

    def test_lmtp_answers_each(self):
        with smtplib.LMTP('127.0.0.1', server.port('lmtp')) as s:
            s.ehlo(facteur.CLIENT)
            s.mail('x@remote.example')
            for rcpt in (BOB, HARD):
                self.assertEqual(s.rcpt(rcpt)[0], 250)
            first, _ = s.data(MESSAGE)
            second, why = s.getreply()
        self.assertEqual((first, second), (250, 550))
        self.assertIn(b'junk mail', why)

    def test_the_ledger_says_who_judged(self):
        with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT) as s:
            s.ehlo()
            s.mail('x@remote.example')
            s.rcpt(BOB)
            code, reply = s.data(MESSAGE)
        self.assertEqual(code, 250)
        told = server.ctl('trace', reply.decode().split()[-1]).stdout
        self.assertRegex(told, r'(?m)^verdict +profile +bob +keep +2\.500 "junk 6, reject 15"')
        self.assertRegex(told, r'(?m)^score +2\.500$')
        self.assertRegex(told, r'(?m)^verdict +would profile +trial +junk')

    def test_diff_sums_up_what_a_shadow_would_have_done(self):
        def shadow():
            return json.loads(server.ctl('plugin', 'diff', '--json').stdout)['profile trial']
        before = shadow()
        for to in (BOB, ALICE, BOB):
            with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT) as s:
                s.sendmail('x@remote.example', [to], MESSAGE)
        now = shadow()
        self.assertEqual([now[k] - before[k] for k in ('calls', 'otherwise', 'score')], [2, 2, 6])
        self.assertEqual(now['verdicts']['junk'] - before['verdicts'].get('junk', 0), 2)
        self.assertRegex(server.ctl('plugin', 'diff').stdout, r'(?m)^profile trial +\d+ +\d+ junk \(\d+ otherwise than live\)')


if __name__ == '__main__':
    unittest.main()
