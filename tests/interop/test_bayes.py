#!/usr/bin/env python3
"""The plugin bayes with a real redis-server: facteurctl learn, what it changes, what a user teaches and for whom, and taking it back exactly."""
import email.utils
import glob
import imaplib
import json
import os
import random
import re
import signal
import smtplib
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'lib'))
import facteur  # noqa: E402

ANNA, JOE = 'anna@example.org', 'joe@example.org'
CONF = '''
plugin bayes { secret = "of this test" min_learned = 30 full_learned = 60 }
access { learn_delay = 0s learn_retry = 1s }
'''
# Every key of bayes with a digest of what is in it.
CONTENT = '''
local seen, keys = {}, redis.call('KEYS', 'fct:[bln]:*')
table.sort(keys)
for i, key in ipairs(keys) do
  local hash = redis.call('TYPE', key).ok == 'hash'
  local all = hash and redis.call('HGETALL', key) or redis.call('LRANGE', key, 0, -1)
  table.sort(all)
  seen[i] = key .. ' ' .. redis.sha1hex(table.concat(all, ' '))
end
return seen
'''
HAM_WORDS = 'meeting minutes agenda project review budget schedule lunch garden holiday train ticket report draft chapter kernel patch branch compile'.split()
SPAM_WORDS = 'viagra pills casino winner lottery inheritance transfer urgent bitcoin wallet investment profit discount cheap replica watches dating singles'.split()


def mail(words, seed, subject=None):
    pick = random.Random(seed)
    text = '\n'.join(' '.join(pick.choice(words) for _ in range(10)) for _ in range(6))
    host = 'spammer.example' if words is SPAM_WORDS else 'friends.example'
    return ('From: %s <s%d@%s>\nTo: %s\nSubject: %s\nDate: %s\nMessage-ID: <%d.%s@%s>\n\n%s\n' % (
        pick.choice(words), seed % 7, host, ANNA, subject or ' '.join(pick.sample(words, 3)), email.utils.formatdate(1767225600 + seed), seed, words[0], host, text))


def folder(path, words, first, n):
    os.makedirs(path)
    for i in range(first, first + n):
        with open(os.path.join(path, '%d.eml' % i), 'w') as f:
            f.write(mail(words, i))
    return path


class Bayes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = tempfile.TemporaryDirectory(prefix='facteur-bayes.')
        cls.server = facteur.Server(conf=CONF, accounts=[ANNA, JOE]).start()
        cls.server.wait_redis()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)
        cls.files.cleanup()

    def path(self, name):
        return os.path.join(self.files.name, name)

    def scan(self, text, *rcpt):
        """symbol -> detail; through the running server's filter."""
        return dict(re.findall(r'(BAYES_\d\d)[^"\n]*"([^"]*)"', self.shown(text, *rcpt or (ANNA,))))

    def ctl(self, *args, **kwargs):
        """With what the test adds to the configuration, which the server alone knows."""
        return self.server.ctl('--conf', os.path.join(self.server.dir, 'test.conf'), *args, **kwargs)

    def learn(self, kind, *args):
        return self.ctl('learn', kind, *args).stdout

    def test_1_site(self):
        self.assertEqual(self.scan(mail(SPAM_WORDS, 5000)), {})  # nothing learned: nothing said
        self.assertIn('40 learned as spam', self.learn('spam', folder(self.path('spam'), SPAM_WORDS, 0, 40)))
        self.assertEqual(self.scan(mail(SPAM_WORDS, 5000)), {})  # of one kind only
        self.assertIn('40 learned as ham', self.learn('ham', folder(self.path('ham'), HAM_WORDS, 100, 40)))
        self.assertIn('in use', self.ctl('learn', 'status').stdout)
        self.assertIn('BAYES_99', self.scan(mail(SPAM_WORDS, 5000)))
        self.assertIn('BAYES_00', self.scan(mail(HAM_WORDS, 5001)))

    def test_2_said_twice_and_otherwise(self):
        self.assertIn('40 were known already', self.learn('spam', self.path('spam')))
        before = self.redis_state()
        one = self.path('one.eml')
        with open(one, 'w') as f:
            f.write(mail(SPAM_WORDS, 777))
        self.learn('spam', one)
        self.assertNotEqual(self.redis_state(), before)
        self.assertIn('learned as spam before', self.learn('ham', one))
        self.assertIn('40 spam, 41 ham', self.ctl('learn', 'status').stdout)

    def redis_state(self):
        return self.ctl('learn', 'status').stdout

    def redis(self, *words):
        socket, = glob.glob(os.path.join(self.server.state, '**', '*redis*.sock'), recursive=True)
        return subprocess.run(['redis-cli', '-s', socket, *words], capture_output=True, check=True).stdout

    def redis_keys(self):
        return self.redis('EVAL', CONTENT, '0').splitlines()

    def test_3_mbox(self):
        box = self.path('box')
        with open(box, 'w') as f:
            for i in range(3):
                f.write('From x@y.example Thu Jan  1 00:00:00 2026\n' + mail(HAM_WORDS, 900 + i) + '\n')
        self.assertIn('3 learned as ham', self.learn('ham', box))

    def test_3_forget(self):
        kept = self.redis_keys()
        self.learn('spam', '--account', 'gone@example.org', self.path('spam'))
        self.assertIn('40 spam, 0 ham', self.ctl('learn', 'status', '--account', 'gone@example.org').stdout)
        self.assertEqual(self.ctl('learn', 'forget', '--account', 'Gone@example.org').stdout, '40 messages forgotten\n')
        self.assertIn('0 spam, 0 ham', self.ctl('learn', 'status', '--account', 'gone@example.org').stdout)
        self.assertEqual(self.redis_keys(), kept)
        self.assertEqual(self.ctl('learn', 'forget', '--account', 'gone@example.org').stdout, '0 messages forgotten\n')

    def test_4_errors(self):
        for args, text in ((('learn', 'spam', self.path('missing')), 'No such file'), (('learn', 'ham', '--account', 'anna', self.path('ham')), 'full address'),
                           (('learn', 'forget'), '--account has to say whose'), (('learn', 'forget', '--account', 'anna'), 'full address')):
            r = self.ctl(*args, check=False)
            self.assertNotEqual(r.returncode, 0)
            self.assertIn(text, r.stderr)

    def test_4_many(self):
        lines = self.server.ctl('--json', 'scan', self.path('spam'), self.path('ham')).stdout.splitlines()
        found = [json.loads(line) for line in lines]
        self.assertEqual([os.path.dirname(f['file']) for f in found], [self.path('spam')] * 40 + [self.path('ham')] * 40)
        self.assertTrue(all('BAYES_99' in f['symbols'] for f in found[:40]))
        self.assertTrue(all(f['score'] < 0 and f['verdict'] == 'keep' for f in found[40:]))
        text = self.server.ctl('scan', self.path('ham')).stdout.splitlines()
        self.assertEqual(len(text), 40 + 1)
        self.assertEqual(text[-1], 'keep 40, junk 0, reject 0, tempfail 0')

    # ---- what a user teaches by moving mail ----

    def deliver(self, text, to=ANNA):
        with smtplib.SMTP('127.0.0.1', self.server.port('smtp'), local_hostname=facteur.CLIENT, timeout=60) as c:
            c.sendmail('s@friends.example', [to], text)

    def until(self, what, wait=60):
        end = time.monotonic() + wait
        while time.monotonic() < end:
            if what():
                return True
            time.sleep(0.1)
        return False

    def imap(self, user):
        c = imaplib.IMAP4('127.0.0.1', self.server.port('imap'))
        c.login(user, facteur.PASSWORD)
        return c

    def count(self, user, mailbox):
        with self.imap(user) as c:
            return int(c.select(mailbox)[1][0])

    def move(self, c, source, target):
        c.select(source)
        self.assertEqual(c.uid('MOVE', '1:*', target)[0], 'OK')

    def test_5_a_user_and_nobody_else(self):
        strange = mail('quarterly parsnip telescope origami walrus violet marmalade compass lantern thimble'.split(), 42, 'Parsnip telescope club')
        again = strange.replace('Date: ', 'Date: x ').replace('<42.', '<43.')
        before = self.scan(again, ANNA), self.scan(again, JOE)
        kept = self.redis_keys()
        self.deliver(strange)
        with self.imap(ANNA) as c:
            self.move(c, 'INBOX', 'Junk')
            self.assertTrue(self.until(lambda: 'LIKE_TAUGHT_SPAM' in self.shown(again, ANNA)), self.server.log()[-2000:])
            self.assertNotIn('LIKE_TAUGHT', self.shown(again, JOE))
            self.assertEqual(self.scan(again, JOE), before[1])
            for name in (ANNA, JOE):
                self.deliver(again, name)
            self.assertEqual((self.count(ANNA, 'Junk'), self.count(ANNA, 'INBOX')), (2, 0))
            self.assertEqual((self.count(JOE, 'Junk'), self.count(JOE, 'INBOX')), (0, 1))
            c.select('Junk')
            self.assertEqual(c.uid('MOVE', '1', 'INBOX')[0], 'OK')
            self.assertTrue(self.until(lambda: self.redis_keys() == kept), self.server.log()[-2000:])  # to the last token
            self.assertNotIn('LIKE_TAUGHT', self.shown(again, ANNA))
            self.assertEqual(self.scan(again, ANNA), before[0])
            self.assertIn('0 spam, 0 ham', self.ctl('learn', 'status', '--account', ANNA).stdout)

    def shown(self, text, *rcpt):
        path = self.path('scan.eml')
        with open(path, 'w') as f:
            f.write(text)
        return self.server.ctl('scan', path, '--explain', *[a for r in rcpt for a in ('--rcpt', r)], check=False).stdout

    def test_6_own_database(self):
        """What the site holds for spam this user wants: her own database wins, for her."""
        self.learn('ham', '--account', ANNA, self.path('spam'))
        self.learn('spam', '--account', ANNA, self.path('ham'))
        probe = mail(SPAM_WORDS, 5000)
        self.assertIn('BAYES_99', self.scan(probe, JOE))
        anna = self.scan(probe, ANNA)
        self.assertNotIn('BAYES_99', {k: v for k, v in anna.items() if 'own' in v}, anna)
        both = self.shown(probe, ANNA, JOE)
        self.assertIn('own', both)

    def test_6_moved_by_a_program_that_copies(self):
        """mbsync appends what it fetched, with a field of its own, and expunges the other: still one message, learned once and taken back exactly."""
        kept = self.redis_keys()
        self.deliver(mail(HAM_WORDS, 31), JOE)
        with self.imap(JOE) as c:
            c.select('INBOX')
            last = c.uid('SEARCH', 'ALL')[1][0].split()[-1].decode()
            view = c.uid('FETCH', last, '(BODY.PEEK[])')[1][0][1]
            c.append('Junk', None, None, b'X-TUID: 0123456789ab\r\n' + view)
            self.assertTrue(self.until(lambda: '1 spam, 0 ham' in self.ctl('learn', 'status', '--account', JOE).stdout), self.server.log()[-3000:])
            c.append('INBOX', None, None, b'X-TUID: ba9876543210\r\n' + view)
            self.assertTrue(self.until(lambda: '0 spam, 0 ham' in self.ctl('learn', 'status', '--account', JOE).stdout), self.server.log()[-3000:])
        self.assertTrue(self.until(lambda: self.redis_keys() == kept), self.server.log()[-3000:])

    def test_6_file_and_mailbox(self):
        """Learned from a file, taken back by moving the message: the same tokens, with the fields that this server wrote."""
        kept = self.redis_keys()
        self.deliver(mail(HAM_WORDS, 32), JOE)
        with self.imap(JOE) as c:
            c.select('INBOX')
            last = c.uid('SEARCH', 'ALL')[1][0].split()[-1]
            with open(self.path('fetched.eml'), 'wb') as f:
                f.write(c.uid('FETCH', last.decode(), '(BODY.PEEK[])')[1][0][1])
            self.assertIn('1 learned as ham', self.learn('ham', '--account', JOE, self.path('fetched.eml')))
            self.assertNotEqual(self.redis_keys(), kept)
            self.assertEqual(c.uid('MOVE', last.decode(), 'Junk')[0], 'OK')
            self.assertTrue(self.until(lambda: self.redis_keys() == kept), self.server.log()[-3000:])

    def test_7_redis_away(self):
        """A symbol less and a word in the ledger, within the time a message may lose; learning waits until it is back."""
        pid = int(re.search(r'process_id:(\d+)', self.redis('INFO', 'server').decode()).group(1))
        probe = mail(SPAM_WORDS, 5000)
        self.assertIn('BAYES_99', self.shown(probe, JOE))
        os.kill(pid, signal.SIGSTOP)
        try:
            for _ in range(5):
                shown = self.shown(probe, JOE)
            self.assertNotIn('BAYES_', shown)
            self.assertIn('redis', shown)
            with self.imap(JOE) as c:
                self.move(c, 'INBOX', 'Junk')
        finally:
            os.kill(pid, signal.SIGCONT)
        self.assertTrue(self.until(lambda: 'BAYES_99' in self.shown(probe, JOE)))
        self.assertTrue(self.until(lambda: ' 2 spam, 0 ham' in self.ctl('learn', 'status', '--account', JOE).stdout), self.server.log()[-3000:])

    def test_8_bench(self):
        """bench/spam on a corpus that is easily told apart."""
        corpus = self.path('corpus')
        for kind, words, first in (('spam', SPAM_WORDS, 0), ('ham', HAM_WORDS, 500)):
            folder(os.path.join(corpus, kind), words, first, 100)
        with open(os.path.join(corpus, 'index.tsv'), 'w') as f:
            f.write('file\tlabel\tsource\n')
            f.writelines('%s/%d.eml\t%s\tmade\n' % (kind, i + first, kind) for kind, first in (('spam', 0), ('ham', 500)) for i in range(100))
        scores = self.path('scores')
        r = subprocess.run([os.path.join(HERE, '..', '..', 'bench', 'spam'), corpus, facteur.build_dir(), '--folds', '1', '--scores', scores], capture_output=True, text=True)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertRegex(r.stdout, r'(?m)^mean +AUC 1\.00000 +recall 1\.0000')
        with open(scores) as f:
            self.assertGreater(len([json.loads(line) for line in f]), 60)


if __name__ == '__main__':
    unittest.main()
