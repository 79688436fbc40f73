"""Addresses elsewhere of which a server said that they do not exist: the next who submits mail to one is told at once."""
import json, os, smtplib, sys, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur, mail_sink

ALICE = 'alice@example.test'
TEXT = 'From: <alice@example.test>\r\nSubject: hello\r\n\r\nhello\r\n'
ANSWERS = {'gone': '550 5.1.1 no such user', 'moved': '551 5.1.6 moved', 'full': '554 5.2.2 mailbox full', 'plain': '550 go away', 'policy': '550 5.7.1 not you'}


def answer(line):
    if line.upper().startswith('RCPT'):
        return ANSWERS.get(line.split('<')[1].split('@')[0].lower())


class Suppression(unittest.TestCase):
    CONF = ''

    def setUp(self):
        self.sink = mail_sink.Sink(answer=answer).__enter__()
        self.server = facteur.Server(conf=self.CONF, routes={'near.example': self.sink.port})
        self.server.start()

    def tearDown(self):
        self.sink.__exit__(None, None, None)
        self.server.__exit__(None, None, None)

    def submit(self, *to, port='submission'):
        with smtplib.SMTP('127.0.0.1', self.server.port(port), local_hostname=facteur.CLIENT, timeout=60) as s:
            if port == 'submission':
                s.login(ALICE, facteur.PASSWORD)
            return s.sendmail(ALICE, list(to), TEXT)

    def until(self, look, what):
        end = time.monotonic() + 60
        while not look():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.02)

    def over(self):
        self.until(lambda: json.loads(self.server.ctl('queue', 'list', '--json').stdout) == [], 'an empty queue')

    def list(self):
        return json.loads(self.server.ctl('suppress', 'list', '--json').stdout)

    def refusal(self, to):
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as e:
            self.submit(to)
        code, words = e.exception.recipients[to]
        return code, words.decode()

    def test_what_is_remembered(self):
        self.submit(*(name + '@near.example' for name in ANSWERS), 'good@near.example')
        self.over()
        self.until(lambda: len(self.list()) == 2, 'two on the list')
        rows = {r['address']: r for r in self.list()}
        self.assertEqual(sorted(rows), ['gone@near.example', 'moved@near.example'])
        row = rows['gone@near.example']
        self.assertEqual((row['reason'], row['until'] - row['since']), ('550 5.1.1 no such user', 7 * 86400))
        self.assertEqual(self.refusal('gone@near.example'), (550, '5.1.1 there is no such address: 550 5.1.1 no such user'))
        self.assertEqual(self.refusal('Gone@NEAR.example')[0], 550)
        self.submit('full@near.example', 'good@near.example')
        self.over()
        # It outlives a restart, and an administrator can do what he wants.
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        self.assertEqual(self.refusal('moved@near.example')[0], 550)
        self.server.ctl('suppress', 'remove', 'moved@near.example')
        self.assertEqual(self.server.ctl('suppress', 'remove', 'moved@near.example', check=False).returncode, 1)
        self.submit('moved@near.example')
        self.assertIn('suppressed', self.server.ctl('suppress', 'add', 'enough@near.example', '--for', '30d', '--reason', 'asked us to stop').stdout)
        self.assertEqual(self.refusal('enough@near.example'), (550, '5.1.1 there is no such address: asked us to stop'))
        for wrong in (['nobody'], ['a@b.example', '--for', 'soon']):
            self.assertEqual(self.server.ctl('suppress', 'add', *wrong, check=False).returncode, 2, wrong)
        self.assertIn('enough@near.example', self.server.ctl('suppress', 'list').stdout)
        self.over()
        # A stranger is refused as ever, and an alias that leads there takes mail.
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as e:
            self.submit('gone@near.example', port='smtp')
        self.assertEqual(e.exception.recipients['gone@near.example'][0], 550)
        self.assertIn(b'5.7.1', e.exception.recipients['gone@near.example'][1])
        self.server.ctl('store', 'check')

    def test_time_passes(self):
        self.server.ctl('suppress', 'add', 'soon@near.example', '--for', '8s')
        self.assertEqual(self.refusal('soon@near.example')[0], 550)
        self.until(lambda: self.list() == [], 'an empty list')
        self.submit('soon@near.example')
        self.until(lambda: self.sink.letters, 'a letter')


class Never(Suppression):
    CONF = 'relay { suppress = 0s }\n'

    def test_what_is_remembered(self):
        self.submit('gone@near.example')
        self.over()
        self.submit('gone@near.example')
        self.over()
        self.assertEqual(self.list(), [])


if __name__ == '__main__':
    unittest.main()
