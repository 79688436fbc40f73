"""plugins/ratelimit with a server: limits of strangers and users, and the brake for accounts that somebody broke into; with Redis and without."""
import os, shutil, smtplib, ssl, sys, tempfile, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur

ALICE, BOB = 'alice@example.test', 'bob@example.test'
MESSAGE = 'From: <x@example.org>\r\nSubject: x\r\n\r\nbody\r\n'
WITHOUT_CHECKING = ssl._create_unverified_context()
# Slow rates: within a test nothing flows back.
CONF = """plugin ratelimit {
    skip_net = ["127.0.9.0/24"]
    skip_user = ["tester@example.test"]
    %s
}
server { filter_processes = 1 }
redis { spawn = no }
"""


class Ratelimit(unittest.TestCase):
    def serve(self, *keys, more=''):
        self.server = facteur.Server(conf=(CONF % '\n    '.join(keys)) + more)
        self.server.start()
        self.addCleanup(self.server.__exit__, None, None, None)

    def mail(self, sender, recipients, source='127.0.0.1'):
        """The codes of MAIL, each RCPT and the message, as far as it went; the last text."""
        with smtplib.SMTP('127.0.0.1', self.server.port('smtp'), facteur.CLIENT, 60, (source, 0)) as s:
            return self.go(s, sender, recipients)

    def submit(self, user, recipients, source='127.0.0.1'):
        with smtplib.SMTP_SSL('127.0.0.1', self.server.port('submissions'), facteur.CLIENT, timeout=60, source_address=(source, 0), context=WITHOUT_CHECKING) as s:
            s.login(user, facteur.PASSWORD)
            return self.go(s, user, recipients)

    def go(self, s, sender, recipients):
        s.ehlo()
        code, self.text = s.mail(sender)
        codes = [code]
        if code == 250:
            for r in recipients:
                code, self.text = s.rcpt(r)
                codes.append(code)
            if 250 in codes[1:]:
                try:
                    code, self.text = s.data(MESSAGE)
                except smtplib.SMTPDataError as e:  # no 354
                    code, self.text = e.args
                codes.append(code)
        return codes

    def test_a_domain_that_bombs_one_recipient(self):
        self.serve('pair = 2/1d')
        for _ in range(2):
            self.assertEqual(self.mail('a@Bombs.example', [ALICE]), [250, 250, 250])
        self.assertEqual(self.mail('b@bombs.example', [ALICE, BOB]), [250, 450, 250, 250])
        self.assertEqual(self.mail('b@bombs.example', [ALICE]), [250, 450])
        self.assertRegex(self.text.decode(), r"^4\.7\.1 Too much mail from this sender's domain for this recipient, try again in \d+ s$")
        self.assertEqual(self.mail('b@other.example', [ALICE]), [250, 250, 250])
        self.assertEqual(self.mail('b@bombs.example', [ALICE], '127.0.9.1'), [250, 250, 250])

    def test_networks_and_senders(self):
        self.serve('net = 3/1d', 'sender = 2/1d', 'sender_domain = 5/1d')
        self.assertEqual([self.mail('a@x.example', [ALICE], '127.0.1.%d' % i)[-1] for i in (1, 2, 3)], [250, 250, 451])
        self.assertEqual(self.text.decode().partition(',')[0], '4.7.1 Too much mail from this sender')
        self.assertEqual(self.mail('b@x.example', [ALICE], '127.0.1.4')[-1], 451)  # the network: the third took from it
        self.assertEqual(self.text.decode().partition(',')[0], '4.7.1 Too much mail from your network')
        self.assertEqual(self.mail('b@x.example', [ALICE], '127.0.2.4')[-1], 250)
        for i in range(3):
            self.assertEqual(self.mail('', [ALICE], '127.0.3.1')[-1], 250)  # bounces have no sender

    def test_recipients_that_others_refuse_are_not_counted(self):
        self.serve('recipient = 1/1d')
        for _ in range(3):
            self.assertEqual(self.mail('a@x.example', ['nobody@example.test'])[1], 550)
        self.assertEqual(self.mail('a@x.example', [ALICE]), [250, 250, 250])
        self.assertEqual(self.mail('a@x.example', [ALICE]), [250, 450])

    def test_what_users_submit(self):
        self.serve('user = 2/1d', 'user_recipients = 4/1d')
        self.assertEqual(self.submit(ALICE, [BOB, ALICE]), [250, 250, 250, 250])
        self.assertEqual(self.submit(ALICE, [BOB]), [250, 250, 250])
        self.assertEqual(self.submit(ALICE, [BOB]), [250, 250, 451])
        self.assertEqual(self.submit(ALICE, [BOB]), [250, 450])
        self.assertEqual(self.submit(BOB, [ALICE]), [250, 250, 250])
        self.assertEqual([self.submit('tester@example.test', [ALICE])[-1] for _ in range(4)], [250] * 4)

    def braked(self):
        self.assertEqual(self.submit(ALICE, [BOB]), [451])
        self.assertIn(b'Sending is suspended', self.text)
        self.server.wait_log(r'alert: alice@example\.test cannot send for 3600 s')
        self.assertEqual(self.submit(BOB, [ALICE])[-1], 250)

    def test_the_brake_for_who_guesses_addresses(self):
        self.serve('brake_unknown = 3/1d')
        self.assertEqual(self.submit(ALICE, ['a%d@example.test' % i for i in range(4)] + [BOB]), [250] + 4 * [550] + [250, 451])
        self.braked()

    def test_the_brake_for_who_comes_from_everywhere(self):
        self.serve('brake_networks = 3/1d')
        self.assertEqual([self.submit(ALICE, [BOB], '127.0.%d.1' % i)[-1] for i in (1, 2, 3, 2, 1)], [250] * 5)
        self.assertEqual(self.submit(ALICE, [BOB], '127.0.4.1'), [451])
        self.braked()

    def test_the_brake_for_who_sends_spam(self):
        folder = tempfile.mkdtemp(prefix='facteur-ratelimit.')
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        rule = os.path.join(folder, 'rule.lua')
        with open(rule, 'w') as f:
            f.write('rule { "BAD", score = 9, about = "bad", function(m) return true end }\n')
        self.serve('brake_spam = 2/1d', more='lua { file = "%s" }\n' % rule)
        self.assertEqual([self.submit(ALICE, [BOB])[-1] for _ in range(2)], [250, 250])
        self.assertEqual(self.submit(ALICE, [BOB])[-1], 451)
        self.braked()

    def test_with_redis_the_buckets_are_shared(self):
        self.server = facteur.Server(conf='plugin ratelimit { skip_net = [] pair = 2/1d }\nserver { filter_processes = 2 }\nredis { spawn = yes }\n')
        self.server.start()
        self.addCleanup(self.server.__exit__, None, None, None)
        self.server.wait_redis()
        self.assertEqual([self.mail('a@x.example', [ALICE])[-1] for _ in range(6)], [250, 250] + [450] * 4)


if __name__ == '__main__':
    unittest.main()
