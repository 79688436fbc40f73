"""The site's database learns what leaves no doubt, and what a person says about such a message takes that back, and gives it back, exactly."""
import imaplib, os, re, shutil, smtplib, ssl, sys, tempfile, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from fake_dns import FakeDNS
from redis_server import wait_for

ALICE = 'alice@example.test'
ZONE = {'good.example': {'TXT': ['v=spf1 ip4:127.0.0.1 -all']}, 'bad.example': {'TXT': ['v=spf1 -all']}}
CONF = '''
redis { spawn = yes }
profile default { reject = 20 }
plugin spf { skip_net = [] }
plugin bayes { secret = "of this test" }
access { learn_delay = 0s  learn_retry = 1s }
lua { file = "%s" }
'''
RULES = ''.join('rule { "%s", score = %d, group = "%s", about = "a word", function(m) return m.subject:find("%s", 1, true) and "seen" end }\n' % row for row in (
    ('WORD_ONE', 4, 'one', 'quince'), ('WORD_TWO', 4, 'two', 'walnut'), ('WORD_THREE', 4, 'three', 'medlar'), ('WORD_AGAIN', 8, 'one', 'damson'),
    ('WORD_FRIEND', -2, 'four', 'barley'), ('WORD_KNOWN', -2, 'five', 'millet'), ('WORD_AGAINST', -2, 'six', 'rye')))
SPAM, HAM = 'quince walnut medlar', 'barley millet'


class Autolearn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='facteur-autolearn.')
        rules = os.path.join(cls.folder, 'rules.lua')
        with open(rules, 'w') as f:
            f.write(RULES)
        cls.dns = FakeDNS(ZONE)
        cls.dns.__enter__()
        cls.server = facteur.Server(conf=CONF % rules, dns=cls.dns.address).start()
        cls.server.wait_redis()
        cls.sent = 0

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)
        cls.dns.__exit__(None, None, None)
        shutil.rmtree(cls.folder, ignore_errors=True)

    def send(self, subject, sender, client=None, want=250):
        """Its id in the log when it is taken; the same words under another one each time."""
        type(self).sent += 1
        text = ('From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: Mon, 5 Jan 2026 10:11:12 +0100\r\nMessage-ID: <%d@outside.example>\r\n\r\nA few words, number %d.\r\n'
                % (sender, ALICE, subject, self.sent, self.sent))
        with client or smtplib.SMTP('127.0.0.1', self.server.port('smtp'), facteur.CLIENT, timeout=60) as s:
            s.ehlo_or_helo_if_needed()
            self.assertEqual(s.mail(sender)[0], 250)
            s.rcpt(ALICE)
            code, answer = s.data(text)
            self.assertEqual(code, want, answer)
            return answer.decode().split()[-1]

    def counts(self, *args):
        out = self.server.ctl('--conf', os.path.join(self.server.dir, 'test.conf'), 'learn', 'status', *args).stdout
        return tuple(map(int, re.search(r'this quarter +(\d+) spam, (\d+) ham', out).groups()))

    def own(self):
        return self.counts('--account', ALICE)

    def move(self, source, target):
        """The last message."""
        with imaplib.IMAP4('127.0.0.1', self.server.port('imap'), timeout=60) as c:
            c.login(ALICE, facteur.PASSWORD)
            c.select(source)
            self.assertEqual(c.uid('MOVE', c.uid('SEARCH', 'ALL')[1][0].split()[-1].decode(), target)[0], 'OK')

    def test_learned(self):
        spam, ham = self.counts()
        self.send(SPAM, 's@bad.example')
        self.assertEqual(self.counts(), (spam + 1, ham))  # before the answer: the next message is judged by it
        self.send(HAM, 's@good.example')
        self.assertEqual(self.counts(), (spam + 1, ham + 1))
        self.assertEqual(self.own(), (0, 0))
        self.server.wait_log('as spam by the score: learned')

    def test_refused(self):
        """What is refused is learned too: nobody will move it."""
        spam, ham = self.counts()
        self.send(SPAM + ' damson', 's@bad.example', want=550)
        self.assertEqual(self.counts(), (spam + 1, ham))

    def test_not_learned(self):
        before = self.counts()
        for subject, sender in ((SPAM, 's@unknown.example'), ('damson quince', 's@bad.example'), (SPAM + ' rye', 's@bad.example'), ('walnut', 's@bad.example'),
                                (HAM, 's@unknown.example'), (HAM, 's@bad.example'), ('barley', 's@good.example')):
            trace = self.server.ctl('trace', self.send(subject, sender)).stdout
            self.assertEqual(self.counts(), before, subject + sender + trace)

    def test_not_from_users(self):
        before = self.counts()
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        client = smtplib.SMTP('127.0.0.1', self.server.port('submission'), facteur.CLIENT, timeout=60)
        client.starttls(context=context)
        client.login('bob@example.test', facteur.PASSWORD)
        self.send(SPAM, 'bob@example.test', client)
        self.assertEqual(self.counts(), before)

    def test_a_person_knows_better(self):
        spam, ham = self.counts()
        self.send(SPAM, 's@bad.example')
        self.assertEqual(self.counts(), (spam + 1, ham))
        for _ in range(2):
            self.move('Junk', 'INBOX')
            wait_for(lambda: self.own() == (0, 1) and self.counts() == (spam, ham), 'the lesson taken back')
            self.move('INBOX', 'Junk')
            wait_for(lambda: self.own() == (0, 0) and self.counts() == (spam + 1, ham), 'the lesson given back')


if __name__ == '__main__':
    unittest.main()
