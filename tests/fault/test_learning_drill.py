"""The Redis drill of learning: people move mail while Redis is stopped, the server is restarted before it is back; nothing is lost and nothing taught twice."""
import imaplib, os, random, re, shutil, smtplib, sys, tempfile, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from redis_server import Redis, wait_for

ANNA, JOE = 'anna@example.org', 'joe@example.org'
MOVED, MOVED_LATER = 12, 5
WORDS = ['parsnip', 'telescope', 'origami', 'walrus', 'violet', 'marmalade', 'compass', 'lantern', 'thimble', 'quarterly', 'anchor', 'bramble', 'cobalt', 'dulcimer']
CONF = '''
redis { url = "unix:%s"  retry = 200ms }
plugin bayes { secret = "of this test" }
access { learn_delay = 0s  learn_retry = 1s }
'''


def mail(seed):
    pick = random.Random(seed)
    text = '\n'.join(' '.join(pick.choice(WORDS) + str(pick.randrange(30)) for _ in range(10)) for _ in range(6))
    return ('From: Sender <s@outside.example>\nTo: %s\nSubject: %s\nMessage-ID: <%d@outside.example>\n\n%s\n' % (ANNA, ' '.join(pick.sample(WORDS, 3)), seed, text))


class LearningDrill(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='facteur-learning.')
        cls.redis = Redis(os.path.join(cls.folder, 'redis'), '--appendonly', 'yes')
        cls.server = facteur.Server(conf=CONF % cls.redis.socket, accounts=[ANNA, JOE], directory=os.path.join(cls.folder, 'facteur'))
        os.mkdir(cls.server.dir)
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.redis.resume()
        cls.server.__exit__(None, None, None)
        cls.redis.kill()
        shutil.rmtree(cls.folder, ignore_errors=True)

    # ---- what the test looks at ----

    def waiting(self):
        """Words that no learner has heard, as the store counts them."""
        return int(re.search(r'learn_words\D+(\d+)', self.server.ctl('status').stdout + self.server.ctl('metrics').stdout).group(1))

    def learned(self, account=ANNA):
        """(spam, ham) of this user's database."""
        r = self.server.ctl('--conf', os.path.join(self.server.dir, 'test.conf'), 'learn', 'status', '--account', account, check=False)
        found = re.search(r'this quarter +(\d+) spam, (\d+) ham', r.stdout)
        return found and (int(found.group(1)), int(found.group(2)))

    def most_tokens(self):
        """The most that any token of any user was counted: as often as messages that have it were taught, never more."""
        script = '''local most = 0
for _, key in ipairs(redis.call('KEYS', 'fct:b:{u*')) do
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    local n = all[i] ~= 'v' and tonumber(all[i + 1]) or 0  -- v: the state, no count
    most = math.max(most, n >= 16777216 and math.floor(n / 16777216) or n % 16777216)
  end
end
return most'''
        return int(self.redis.cli('eval', script, '0'))

    def shown(self, text, account):
        path = os.path.join(self.folder, 'scan.eml')
        with open(path, 'w') as f:
            f.write(text)
        return self.server.ctl('scan', path, '--explain', '--rcpt', account, check=False).stdout

    def imap(self):
        c = imaplib.IMAP4('127.0.0.1', self.server.port('imap'), timeout=60)
        c.login(ANNA, facteur.PASSWORD)
        return c

    def deliver(self, *seeds):
        with smtplib.SMTP('127.0.0.1', self.server.port('smtp'), facteur.CLIENT, timeout=60) as s:
            for seed in seeds:
                s.sendmail('s@outside.example', [ANNA], mail(seed))

    def move(self, what, source, target):
        with self.imap() as c:
            c.select(source)
            self.assertEqual(c.uid('MOVE', what, target)[0], 'OK')

    # ---- the drill ----

    def test_drill(self):
        wait_for(lambda: self.redis.cli('ping') == 'PONG', 'Redis')
        self.deliver(*range(MOVED + MOVED_LATER))
        self.assertEqual(self.waiting(), 0)
        self.assertNotIn('LIKE_TAUGHT', self.shown(mail(3), ANNA))

        self.redis.kill()
        self.move('1:%d' % MOVED, 'INBOX', 'Junk')
        self.assertEqual(self.waiting(), MOVED)
        wait_for(lambda: 'not learned now' in self.server.log(), 'a learner that says it cannot')
        self.assertEqual(self.waiting(), MOVED)  # and gives nothing up

        self.server.stop()
        self.server.start()
        self.assertEqual(self.waiting(), MOVED)
        self.move('1:*', 'INBOX', 'Junk')
        self.move('1:2', 'Junk', 'INBOX')  # a change of mind about words that still wait
        # A word that a learner is just trying to hear is not taken out: its opposite waits behind it.
        self.assertIn(self.waiting(), range(MOVED + MOVED_LATER - 2, MOVED + MOVED_LATER + 1))

        self.redis.start()
        wait_for(lambda: self.waiting() == 0, 'every word told', 120)
        self.assertEqual(self.learned(), (MOVED + MOVED_LATER - 2, 0))
        self.assertLessEqual(self.most_tokens(), MOVED + MOVED_LATER - 2)
        self.assertEqual(self.learned(JOE), (0, 0))
        self.assertIn('LIKE_TAUGHT_SPAM', self.shown(mail(3), ANNA))
        self.assertNotIn('LIKE_TAUGHT', self.shown(mail(3), JOE))

        # Redis dies and comes back with what it had; moved back, all is as if nothing had been.
        self.redis.kill()
        self.redis.start()
        self.move('1:*', 'Junk', 'INBOX')
        wait_for(lambda: self.learned() == (0, 0) and self.waiting() == 0, 'all taken back', 120)
        self.assertEqual(self.redis.cli('keys', 'fct:[^tc]:{u*'), '')
        self.assertTrue(0 < int(self.redis.cli('ttl', self.redis.cli('keys', 'fct:t:{u*').split()[0])) <= 3600)  # marks, which go
        self.assertNotIn('LIKE_TAUGHT', self.shown(mail(3), ANNA))

    def test_facteurctl_says_that_redis_is_away(self):
        path = os.path.join(self.folder, 'one.eml')
        with open(path, 'w') as f:
            f.write(mail(1))
        self.redis.kill()
        try:
            for args in (('spam', path), ('status',)):
                r = self.server.ctl('--conf', os.path.join(self.server.dir, 'test.conf'), 'learn', *args, check=False)
                self.assertNotEqual(r.returncode, 0)
                self.assertEqual(r.stdout, '')
                self.assertRegex(r.stderr, r'%s: .*Redis' % re.escape(self.redis.socket))
        finally:
            self.redis.start()


if __name__ == '__main__':
    unittest.main()
