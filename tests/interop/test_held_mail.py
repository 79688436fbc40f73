"""Mail for people here that waits in the queue (an undo window, FUTURERELEASE, `queue hold`) is delivered as it would have been at once: cleaned,
with the filters' mailbox and keywords, with its ledger; and once, whatever is killed meanwhile."""
import collections, email, imaplib, json, os, re, signal, smtplib, sys, tempfile, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur

ALICE, BOB = 'alice@example.test', 'bob@example.test'
PIXEL = '<img src="https://u1.ct.sendgrid.net/wf/open?upn=k3J9x2Lq7Zw1">'
TEXT = ('From: %s\r\nTo: %s\r\nSubject: %%s\r\nMessage-ID: <%%s@example.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n'
        '<p>Hello</p>\r\n%s\r\n<a href="https://shop.example/?a=1&amp;utm_source=m">now</a>\r\n') % (ALICE, BOB, PIXEL)
RULES = """
hook { "deliver", function(m)
    if m:header("Subject"):find("sorted") then
        m.mailbox = "Sorted"
        m:keyword("$Chosen")
    end
end }
"""


class HeldMail(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.TemporaryDirectory(prefix='facteur-test.')
        rules = os.path.join(cls.place.name, 'sort.lua')
        with open(rules, 'w') as f:
            f.write(RULES)
        cls.server = facteur.Server(conf='smtp { max_hold = 1h  max_undo = 1h }\nplugin trackers { }\nlua { file = "%s" }\n' % rules, accounts=[ALICE, BOB]).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)
        cls.place.cleanup()

    def submit(self, subject, window='', mail=()):
        self.server.ctl('account', 'set', ALICE, 'undo_window=' + window)
        with smtplib.SMTP('127.0.0.1', self.server.port('submission'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.ehlo()
            s.login(ALICE, facteur.PASSWORD)
            s.sendmail(ALICE, BOB, (TEXT % (subject, subject)).encode(), mail)

    def box(self, name='INBOX'):
        """[(flags, e-mail)]"""
        with imaplib.IMAP4('127.0.0.1', self.server.port('imap')) as m:
            m.login(BOB, facteur.PASSWORD)
            ok, count = m.select(name, readonly=True)
            if ok != 'OK' or count == [b'0']:
                return []
            got = m.fetch('1:*', '(FLAGS BODY.PEEK[])')[1]
        return [(re.search(rb'FLAGS \(([^)]*)\)', part[0] if b'FLAGS' in part[0] else after).group(1), email.message_from_bytes(part[1]))
                for part, after in zip(got, got[1:]) if isinstance(part, tuple)]

    def queue(self):
        return json.loads(self.server.ctl('queue', 'list', '--json').stdout)

    def until(self, look, what):
        end = time.monotonic() + 90
        while not look():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.05)

    def found(self, subject, name='INBOX'):
        return [(flags, m) for flags, m in self.box(name) if m['Subject'] == subject]

    def release(self):
        self.server.ctl('queue', 'retry', *[str(row['id']) for row in self.queue()])

    def test_cleaned_as_at_once(self):
        self.submit('at once')
        self.submit('window', '1h')
        self.submit('scheduled', mail=['HOLDFOR=600'])
        self.assertEqual(sorted(row['state'] for row in self.queue()), ['waiting', 'waiting'])
        self.server.ctl('queue', 'hold', '--all')
        self.assertEqual(self.found('window'), [])
        self.server.ctl('queue', 'release', '--all')
        self.release()
        self.until(lambda: not self.queue(), 'an empty queue')
        (flags, now), = self.found('at once')
        self.assertNotIn('sendgrid', now.get_payload())
        self.assertNotIn('utm_source', now.get_payload())
        for subject in ('window', 'scheduled'):
            (later_flags, later), = self.found(subject)
            self.assertEqual((later.get_payload(), later_flags), (now.get_payload(), flags))
            self.assertEqual(later.keys(), now.keys())
            self.assertEqual(later['Return-Path'], '<%s>' % ALICE)

    def test_sorted_by_rules(self):
        self.submit('sorted at once')
        self.submit('sorted later', '1h')
        self.release()
        self.until(lambda: not self.queue(), 'an empty queue')
        both = {m['Subject']: flags for flags, m in self.box('Sorted')}
        self.assertEqual(sorted(both), ['sorted at once', 'sorted later'])
        self.assertIn(b'$Chosen', both['sorted later'])
        self.assertEqual(both['sorted at once'], both['sorted later'])
        self.assertEqual(self.found('sorted later'), [])

    def test_ledger(self):
        self.submit('ledger', '1h')
        trace = self.queue()[0]['trace']
        self.release()
        self.until(lambda: self.found('ledger'), 'delivery')
        told = json.loads(self.server.ctl('trace', trace, '--json').stdout)
        self.assertIn('trackers', json.dumps(told['copies']))

    def test_killed_in_the_window(self):
        """Whatever dies at whatever moment: one copy."""
        subjects = ['killed %d' % i for i in range(6)]
        for i, subject in enumerate(subjects):
            self.submit(subject, '1h')
            self.release()
            for role in (('store',), ('relay',), ('relay', 'store'))[i % 3]:
                for pid in self.server.role_pids(role)[:1]:
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.01 * i)
            self.until(self.is_up, 'the store')
        self.until(lambda: not self.queue(), 'an empty queue')
        copies = collections.Counter(m['Subject'] for _, m in self.box())
        self.assertEqual({s: copies[s] for s in subjects}, {s: 1 for s in subjects})
        self.server.ctl('store', 'check')

    def is_up(self):
        r = self.server.ctl('queue', 'top', '--json', check=False)
        return r.returncode == 0 and self.logs_in()

    def logs_in(self):
        try:
            self.box()
        except (OSError, imaplib.IMAP4.error):
            return False
        return True


if __name__ == '__main__':
    unittest.main()
