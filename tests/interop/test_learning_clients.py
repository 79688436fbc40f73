"""What people do in their mail programs teaches the filter: mutt, mbsync, Thunderbird, curl and imaplib move a message to Junk, and the next one like it scores otherwise,
for that user alone; moved back, it scores what it scored before, to the last thousandth."""
import imaplib, os, random, re, shutil, smtplib, ssl, subprocess, sys, tempfile, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from redis_server import wait_for

ALICE, BOB = 'alice@example.test', 'bob@example.test'
CONF = '''
redis { spawn = yes }
plugin bayes { secret = "of this test" }
access { learn_delay = 0s  learn_retry = 1s }
'''
WORDS = 'parsnip telescope origami walrus violet marmalade compass lantern thimble quarterly anchor bramble cobalt dulcimer ember fathom gazelle hickory'.split()
server = None


def setUpModule():
    global server
    server = facteur.Server(conf=CONF).start()
    server.wait_redis()


def tearDownModule():
    server.__exit__(None, None, None)


def has_terminals():
    try:
        for fd in os.openpty():
            os.close(fd)
        return True
    except OSError:
        return False


def run(*command, env=None, timeout=120):
    r = subprocess.run(command, capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL, env=dict(os.environ, **(env or {})))
    if r.returncode != 0:
        raise AssertionError('%s ended with %d\n%s\n%s' % (' '.join(command), r.returncode, r.stdout.decode(errors='replace'), r.stderr.decode(errors='replace')))


def insecure():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class LearningClients(unittest.TestCase):
    """Each test has words of its own, so that none sees what another taught."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix='facteur-learning.')
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.name = self._testMethodName.replace('_', '')
        for user in (ALICE, BOB):
            with self.imap(user) as c:
                for mailbox in ('INBOX', 'Junk'):
                    c.select(mailbox)
                    c.store('1:*', '+FLAGS.SILENT', r'(\Deleted)')
                    c.expunge()
        self.known = {user: self.taught(user) for user in (ALICE, BOB)}

    def path(self, name, text=None):
        p = os.path.join(self.dir, name)
        if text is not None:
            with open(p, 'w') as f:
                f.write(text)
            os.chmod(p, 0o600)
        return p

    def imap(self, user=ALICE):
        c = imaplib.IMAP4_SSL('127.0.0.1', server.port('imaps'), ssl_context=insecure(), timeout=60)
        c.login(user, facteur.PASSWORD)
        return c

    def mail(self, seed):
        """The same text each time but for a word; another sender, subject and id."""
        pick = random.Random(self.name)
        words = [self.name + pick.choice(WORDS) + str(i % 17) for i in range(80)] + ['once%d' % seed]
        text = '\r\n'.join(' '.join(words[i:i + 9]) for i in range(0, len(words), 9))
        return ('From: S <s%d@outside.example>\r\nTo: <%s>\r\nSubject: %s %d\r\nDate: Mon, 5 Jan 2026 10:11:12 +0100\r\nMessage-ID: <%s.%d@outside.example>\r\n\r\n%s\r\n'
                % (seed, ALICE, self.name, seed, self.name, seed, text))

    def deliver(self, seed, to=ALICE):
        with smtplib.SMTP('127.0.0.1', server.port('smtp'), facteur.CLIENT, timeout=60) as s:
            s.ehlo()
            s.mail('s@outside.example')
            s.rcpt(to)
            code, text = s.data(self.mail(seed))
            self.assertEqual(code, 250)
            return text.decode().split()[-1]

    def judged(self, user, seed):
        """What the ledger of a new message says: its score, and what was learned about its like. The message is removed."""
        trace = server.ctl('trace', self.deliver(seed, user)).stdout
        self.remove(user, seed)
        return re.search(r'(?m)^score +(-?[\d.]+)', trace).group(1), sorted(set(re.findall(r'\b(?:BAYES|LIKE)_\w+', trace)))

    def remove(self, user, seed):
        with self.imap(user) as c:
            for mailbox in ('INBOX', 'Junk'):
                c.select(mailbox)
                found = c.uid('SEARCH', 'HEADER', 'Message-ID', '<%s.%d@' % (self.name, seed))[1][0].split()
                if found:
                    c.uid('STORE', found[-1], '+FLAGS.SILENT', r'(\Deleted)')
                    c.expunge()
                    return
        self.fail('message %d is nowhere' % seed)

    def taught(self, user=ALICE):
        r = server.ctl('--conf', os.path.join(server.dir, 'test.conf'), 'learn', 'status', '--account', user)
        return tuple(map(int, re.search(r'this quarter +(\d+) spam, (\d+) ham', r.stdout).groups()))

    def learned(self, spam, ham, user=ALICE):
        """Since this test began: so many of each."""
        return self.taught(user) == (self.known[user][0] + spam, self.known[user][1] + ham)

    def wait_learned(self, spam, ham):
        wait_for(lambda: self.learned(spam, ham), '%d spam and %d ham learned' % (spam, ham))

    def in_mailbox(self, mailbox, user=ALICE):
        with self.imap(user) as c:
            return int(c.select(mailbox, readonly=True)[1][0])

    def check(self, to_junk, back):
        """to_junk() and back() move the only message, each by a mail program."""
        before = self.judged(ALICE, 1), self.judged(BOB, 2)
        self.assertEqual(before[0], before[1])
        self.deliver(3)
        to_junk()
        self.assertEqual((self.in_mailbox('INBOX'), self.in_mailbox('Junk')), (0, 1))
        self.wait_learned(1, 0)
        score, symbols = self.judged(ALICE, 4)
        self.assertIn('LIKE_TAUGHT_SPAM', symbols)
        self.assertGreater(float(score), float(before[0][0]) + 4)
        self.assertEqual(self.judged(BOB, 5), before[1])
        back()
        self.assertEqual((self.in_mailbox('INBOX'), self.in_mailbox('Junk')), (1, 0))
        self.wait_learned(0, 0)
        self.assertEqual(self.judged(ALICE, 6), before[0])
        self.assertTrue(self.learned(0, 0, BOB))

    def need(self, program):
        if not shutil.which(program):
            self.skipTest('%s is not installed' % program)

    # ---- by program ----

    def imap_move(self, source, target):
        with self.imap() as c:
            c.select(source)
            self.assertEqual(c.uid('MOVE', '1:*', target)[0], 'OK')

    def test_uid_move(self):
        self.check(lambda: self.imap_move('INBOX', 'Junk'), lambda: self.imap_move('Junk', 'INBOX'))

    def copy_and_expunge(self, source, target):
        with self.imap() as c:
            c.select(source)
            self.assertEqual(c.uid('COPY', '1:*', target)[0], 'OK')
            c.uid('STORE', '1:*', '+FLAGS.SILENT', r'(\Deleted)')
            c.expunge()

    def test_copy_and_expunge(self):
        """Programs without MOVE (RFC 6851 1)."""
        self.check(lambda: self.copy_and_expunge('INBOX', 'Junk'), lambda: self.copy_and_expunge('Junk', 'INBOX'))

    def thunderbird(self, source, target, add, remove):
        with self.imap() as c:
            c.select(source)
            c.uid('STORE', '1:*', '-FLAGS', '(%s)' % remove)
            c.uid('STORE', '1:*', '+FLAGS', '(%s)' % add)
            self.assertEqual(c.uid('MOVE', '1:*', target)[0], 'OK')

    def test_thunderbird(self):
        """It marks, and moves: said twice, it counts once. "Not junk" is a word of its own (RFC 9051 2.3.2): it is kept."""
        before = self.judged(BOB, 1)
        self.deliver(3)
        self.thunderbird('INBOX', 'Junk', '$Junk', '$NotJunk')
        self.wait_learned(1, 0)
        self.assertIn('LIKE_TAUGHT_SPAM', self.judged(ALICE, 4)[1])
        self.thunderbird('Junk', 'INBOX', '$NotJunk', '$Junk')
        self.wait_learned(0, 1)
        self.assertIn('LIKE_TAUGHT_HAM', self.judged(ALICE, 5)[1])
        self.assertEqual(self.judged(BOB, 6), before)

    def test_keywords_alone(self):
        """A program that leaves it where it is."""
        self.deliver(3)
        with self.imap() as c:
            c.select('INBOX')
            c.uid('STORE', '1:*', '+FLAGS', '($Junk)')
        self.wait_learned(1, 0)
        with self.imap() as c:
            c.select('INBOX')
            c.uid('STORE', '1:*', '+FLAGS', '($NotJunk)')
        self.wait_learned(0, 1)

    def curl(self, source, target):
        run('curl', '-sSk', '--user', '%s:%s' % (ALICE, facteur.PASSWORD), 'imaps://127.0.0.1:%d/%s' % (server.port('imaps'), source), '-X', 'UID MOVE 1:* ' + target)

    def test_curl(self):
        self.need('curl')
        self.check(lambda: self.curl('INBOX', 'Junk'), lambda: self.curl('Junk', 'INBOX'))

    def mutt(self, source, target):
        rc = self.path('muttrc', 'set folder="imaps://127.0.0.1:%d/"\nset spoolfile="+%s"\nset imap_user="%s"\nset imap_pass="%s"\nset ssl_verify_host=no\nset ssl_verify_dates=no\n'
                       'set certificate_file="%s"\nset header_cache=""\nset quit=yes\nset delete=yes\nset move=no\nset confirmappend=no\nset wait_key=no\nset trash=""\nset mail_check=1\nset ssl_usesystemcerts=no\n'
                       % (server.port('imaps'), source, ALICE, facteur.PASSWORD, os.path.join(server.state, 'tls', 'cert.pem')))
        push = 'push "<first-entry><save-message>=%s<enter><sync-mailbox><quit>"' % target
        run('script', '-qec', "mutt -n -F %s -e '%s'" % (rc, push), '/dev/null', env={'HOME': self.dir, 'TERM': 'xterm'})

    def test_mutt(self):
        self.need('mutt')
        if not has_terminals():
            self.skipTest('mutt needs a terminal; this machine has none (no /dev/pts)')
        self.check(lambda: self.mutt('INBOX', 'Junk'), lambda: self.mutt('Junk', 'INBOX'))

    def mbsync(self):
        if not os.path.exists(self.path('mail')):
            os.mkdir(self.path('mail'))
        rc = self.path('mbsyncrc', ('IMAPAccount f\nHost 127.0.0.1\nPort %d\nUser %s\nPass %s\nSSLType None\nAuthMechs LOGIN\n\n'
                       'IMAPStore far\nAccount f\n\nMaildirStore near\nPath %s/\nInbox %s/INBOX\nSubFolders Verbatim\n\n'
                       'Channel c\nFar :far:\nNear :near:\nPatterns INBOX Junk\nCreate Near\nExpunge Both\nSyncState *\n')
                       % (server.port('imap'), ALICE, facteur.PASSWORD, self.path('mail'), self.path('mail')))
        run('mbsync', '-c', rc, 'c')

    def maildir_move(self, source, target):
        """As a person does with a program on the Maildir: without mbsync's UID in the name, which is the folder's."""
        self.mbsync()
        found = [os.path.join(self.path('mail'), source, sub, f) for sub in ('new', 'cur') for f in os.listdir(os.path.join(self.path('mail'), source, sub))]
        self.assertEqual(len(found), 1)
        name = re.sub(r',U=\d+', '', os.path.basename(found[0]).split(':')[0])
        os.rename(found[0], os.path.join(self.path('mail'), target, 'cur', name + ':2,S'))
        self.mbsync()

    def test_mbsync(self):
        self.need('mbsync')
        self.check(lambda: self.maildir_move('INBOX', 'Junk'), lambda: self.maildir_move('Junk', 'INBOX'))


if __name__ == '__main__':
    unittest.main()
