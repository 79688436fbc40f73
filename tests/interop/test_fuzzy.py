#!/usr/bin/env python3
"""The plugin fuzzy with a real redis-server: what users teach by moving mail, for whom it counts, taking it back to the last byte, and Redis away."""
import contextlib
import glob
import imaplib
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

ANNA, JOE, EVE, LEO = USERS = ['%s@example.org' % name for name in ('anna', 'joe', 'eve', 'leo')]
CONF = '''
plugin bayes { }
plugin fuzzy { secret = "of this test" users_needed = 3 min_attachment = 200 max_learned = 60 }
access { learn_delay = 0s learn_retry = 1s }
'''
# Every key of fuzzy with what is in it; but which messages were spoken about (l), which is remembered for as long, and what says
# that nothing need be looked up (b, v), which only grows.
CONTENT = '''
local seen, keys = {}, redis.call('KEYS', 'fct:f:*')
table.sort(keys)
for i, key in ipairs(keys) do if not key:find(':[lbv]$') then
  local all = redis.call('HGETALL', key)
  local pairs_of = {}
  for k = 1, #all, 2 do pairs_of[#pairs_of + 1] = all[k] .. '=' .. all[k + 1] end
  table.sort(pairs_of)
  seen[#seen + 1] = key .. ' ' .. redis.sha1hex(table.concat(pairs_of, ' '))
end end
return seen
'''
WORDS = ('account bank limited unusual login please confirm details within hours closed reference thank patience trust letter window garden river mountain'
         ' yellow bicycle station morning coffee paper engine bridge winter orange silver pocket mirror doctor lawyer police market harbour engineer').split()


def text(seed, n=90):
    pick = random.Random(seed)
    return [pick.choice(WORDS) for _ in range(n)]


def edited(words, seed, changes=5):
    pick, words = random.Random(seed), list(words)
    for i in pick.sample(range(len(words)), changes):
        words[i] = 'changed%d' % i
    return words


def mail(words, number, attachment=None):
    body = '\n'.join(' '.join(words[i:i + 10]) for i in range(0, len(words), 10))
    head = 'From: s%d@sender%d.example\nTo: %s\nSubject: number %d\nMessage-ID: <%d@sender.example>\n' % (number, number, ANNA, number, number)
    if attachment is None:
        return head + '\n' + body + '\n'
    return (head + 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n' + body +
            '\n--b\nContent-Type: application/octet-stream; name=f.bin\n\n' + attachment + '\n--b--\n')


class Fuzzy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = tempfile.TemporaryDirectory(prefix='facteur-fuzzy.')
        cls.server = facteur.Server(conf=CONF, accounts=USERS).start()
        cls.server.wait_redis()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.files.cleanup()

    def shown(self, message, *rcpt):
        path = os.path.join(self.files.name, 'scan.eml')
        with open(path, 'w') as f:
            f.write(message)
        return self.server.ctl('scan', path, '--explain', *[a for r in rcpt or (ANNA,) for a in ('--rcpt', r)], check=False).stdout

    def found(self, message, rcpt=ANNA):
        """Symbols that count for this recipient: what is taken from them again by one's own word is none."""
        total = {}
        for name, score in re.findall(r'(?m)^scan +(?:symbol|adjust) +fuzzy +(FUZZY_[A-Z]+) +(-?[0-9.]+)', self.shown(message, rcpt)):
            total[name] = total.get(name, 0) + float(score)
        return {name for name, score in total.items() if score}

    def redis(self, *words):
        socket, = glob.glob(os.path.join(self.server.state, '**', '*redis*.sock'), recursive=True)
        return subprocess.run(['redis-cli', '-s', socket, *words], capture_output=True, check=True).stdout

    def content(self):
        return self.redis('EVAL', CONTENT, '0').splitlines()

    def known(self):
        return sum(int(self.redis('HGET', key, 'n')) for key in self.redis('KEYS', 'fct:f:{fuzzy}:*').decode().split() if key.count(':') == 3)

    def until(self, what, wait=60):
        end = time.monotonic() + wait
        while time.monotonic() < end:
            if what():
                return True
            time.sleep(0.1)
        return False

    @contextlib.contextmanager
    def imap(self, user):
        with imaplib.IMAP4('127.0.0.1', self.server.port('imap')) as c:
            c.login(user, facteur.PASSWORD)
            yield c

    def put(self, user, message, mailbox, flags=None):
        with self.imap(user) as c:
            c.append(mailbox, flags, None, message.replace('\n', '\r\n').encode())

    def deliver(self, message, to):
        with smtplib.SMTP('127.0.0.1', self.server.port('smtp'), facteur.CLIENT) as c:
            c.sendmail('s@sender.example', [to], message)

    def move(self, user, source, target):
        with self.imap(user) as c:
            c.select(source)
            self.assertEqual(c.uid('MOVE', '1:*', target)[0], 'OK')

    def changed(self, before):
        self.assertTrue(self.until(lambda: self.content() != before), self.server.log()[-2000:])
        return self.content()

    def test_1_for_one_and_taken_back(self):
        words = text(1)
        copy = mail(edited(words, 2), 11)
        self.assertEqual(self.found(copy), set())
        self.deliver(mail(words, 10), ANNA)
        before = self.content()
        self.move(ANNA, 'INBOX', 'Junk')
        after = self.changed(before)
        self.assertIn('FUZZY_TEXT', self.found(copy))
        self.assertEqual(self.found(copy, JOE), set())
        self.assertEqual(self.found(mail(text(77), 12)), set())
        self.assertIn('FUZZY_TEXT', self.shown(copy, ANNA, JOE))  # of several recipients, what the first is told
        self.assertNotIn('FUZZY_TEXT', self.shown(copy, JOE, ANNA))
        self.put(ANNA, mail(words, 10), 'Junk')  # the same message once more
        time.sleep(1.5)
        self.assertEqual(self.content(), after)
        self.move(ANNA, 'Junk', 'INBOX')
        self.assertTrue(self.until(lambda: self.content() == before), self.server.log()[-2000:])
        self.assertEqual(self.found(copy), set())

    def test_2_enough_users(self):
        words = text(2)
        for i, user in enumerate((ANNA, JOE, EVE)):
            self.assertEqual(self.found(mail(words, 29), LEO), set())
            before = self.content()
            self.put(user, mail(edited(words, 20, 0), 20 + i), 'Junk')
            self.changed(before)
        self.assertEqual(self.found(mail(edited(words, 21, 3), 28), LEO), {'FUZZY_TEXT'})
        self.put(LEO, mail(words, 27), 'INBOX')
        with self.imap(LEO) as c:  # one's own word goes before that of others
            c.select('INBOX')
            c.uid('STORE', '1:*', '+FLAGS', '($NotJunk)')
        self.assertTrue(self.until(lambda: self.found(mail(words, 28), LEO) == {'FUZZY_WHITE'}), self.shown(mail(words, 28), LEO))
        self.assertEqual(self.found(mail(words, 28), ANNA), {'FUZZY_TEXT'})

    def test_3_attachment(self):
        before = self.content()
        file = 'x%d' % 5 * 200
        self.put(ANNA, mail(text(3), 30, file), 'Junk')
        self.changed(before)
        self.assertEqual(self.found(mail(text(33), 31, file)), {'FUZZY_ATTACHMENT'})
        self.assertEqual(self.found(mail(text(33), 31, file + 'y')), set())

    def test_4_full(self):
        """max_learned is a bound, and what found no room is not missed when it is taken back."""
        before = self.known()
        for i in range(70):
            self.put(JOE, mail(text(400 + i), 400 + i), 'Junk')
        self.assertTrue(self.until(lambda: self.server.log().count('max_learned') >= 70 - (60 - before), 180), self.server.log()[-2000:])
        self.assertEqual(self.known(), 60)
        self.move(JOE, 'Junk', 'INBOX')  # those with room are taken back, the others called wanted
        self.assertTrue(self.until(lambda: self.found(mail(text(400), 9), JOE) == set(), 60))

    def test_5_redis_away(self):
        self.redis('FLUSHALL')  # wiped: nothing is known, everything goes on
        words = text(5)
        self.assertEqual(self.found(mail(words, 49), EVE), set())
        self.put(EVE, mail(words, 50), 'Junk')
        self.assertTrue(self.until(lambda: 'FUZZY_TEXT' in self.found(mail(words, 51), EVE)), self.server.log()[-2000:])
        pid = int(re.search(r'process_id:(\d+)', self.redis('INFO', 'server').decode()).group(1))
        os.kill(pid, signal.SIGSTOP)
        try:
            for _ in range(5):
                shown = self.shown(mail(words, 51), EVE)
            self.assertNotIn('FUZZY_', shown)
            self.assertIn('redis', shown)
            self.put(EVE, mail(text(55), 52), 'Junk')
        finally:
            os.kill(pid, signal.SIGCONT)
        self.assertTrue(self.until(lambda: 'FUZZY_TEXT' in self.found(mail(text(55), 53), EVE), 60), self.server.log()[-3000:])

    def test_5_facteurctl(self):
        """The site's word is everybody's, at once; the opposite is learned anew."""
        words, path = text(7), os.path.join(self.files.name, 'taught.eml')
        with open(path, 'w') as f:
            f.write(mail(words, 70))
        conf = ('--conf', os.path.join(self.server.dir, 'test.conf'))
        self.assertEqual(self.found(mail(words, 71), JOE), set())
        self.server.ctl(*conf, 'learn', 'spam', path)
        self.assertEqual(self.found(mail(words, 71), JOE), {'FUZZY_TEXT'})
        self.server.ctl(*conf, 'learn', 'ham', path)
        self.assertEqual(self.found(mail(words, 71), JOE), {'FUZZY_WHITE'})

    def test_5_forget(self):
        """What one user has said goes, what others said of the same text stays."""
        words, other = text(8), text(9)
        conf = ('--conf', os.path.join(self.server.dir, 'test.conf'))
        forget = lambda user: self.server.ctl(*conf, 'learn', 'forget', '--account', user).stdout
        for user in (ANNA, JOE):  # of what other tests taught
            forget(user)
        before = self.content()
        path = os.path.join(self.files.name, 'said.eml')
        for words_of, user in ((words, ANNA), (words, JOE), (other, JOE)):
            with open(path, 'w') as f:
                f.write(mail(words_of, 80))
            self.server.ctl(*conf, 'learn', 'spam', '--account', user, path)
        self.assertEqual(self.found(mail(words, 81), JOE), {'FUZZY_TEXT'})
        self.assertEqual(forget(JOE), '2 messages forgotten\n')
        self.assertEqual((self.found(mail(words, 81), JOE), self.found(mail(other, 81), JOE)), (set(), set()))
        self.assertEqual(self.found(mail(words, 81), ANNA), {'FUZZY_TEXT'})
        self.assertEqual(forget(ANNA.upper()), '1 messages forgotten\n')
        self.assertEqual(self.found(mail(words, 81), ANNA), set())
        self.assertEqual(forget(ANNA), '0 messages forgotten\n')
        counted = lambda content: [line for line in content if b':t' not in line and b':h' not in line]
        self.assertEqual(counted(self.content()), counted(before))

    def test_6_wrong_types(self):
        """Somebody wrote something else where our hashes are: no symbol, no harm."""
        for key in self.redis('KEYS', 'fct:f:*').decode().split():
            self.redis('DEL', key)
            self.redis('SET', key, 'x')
        self.assertEqual(self.found(mail(text(5), 60), EVE), set())


if __name__ == '__main__':
    unittest.main()
