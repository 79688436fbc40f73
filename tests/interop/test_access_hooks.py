"""What IMAP and POP3 sessions tell rules over real processes: learning from moves and keywords, commits, and settings of accounts."""
import imaplib, json, os, poplib, sys, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur

USER = 'alice@example.test'
RULES = os.path.join(facteur.ROOT, 'tests', 'dialogue', 'imap', 'judge.lua')
imaplib._MAXLINE = 10 ** 8


def message(subject, size=100):
    return ('Subject: %s\r\nFrom: <x@outside.example>\r\n\r\n%s\r\n' % (subject, 'x' * size)).encode()


class Hooks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = facteur.Server(conf='lua { file = "%s" }\naccess { max_learn = 10 learn_delay = 0s learn_retry = 100ms }\n' % RULES).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)

    def imap(self):
        m = imaplib.IMAP4('127.0.0.1', self.server.port('imap'))
        m.login(USER, facteur.PASSWORD)
        return m

    def wait_for(self, text, count=1):
        end = time.monotonic() + 60
        while self.server.log().count(text) < count:
            if time.monotonic() > end:
                self.fail('%r is not in the log %d times' % (text, count))
            time.sleep(0.05)
        self.assertEqual(self.server.log().count(text), count)

    def test_moves_teach_after_the_session_has_gone(self):
        m = self.imap()
        m.append('INBOX', None, None, message('win money'))
        m.append('INBOX', None, None, message('large win', 3 << 20))
        m.select('INBOX')
        self.assertEqual(m.uid('MOVE', '1:*', 'Junk')[0], 'OK')
        m.logout()
        self.wait_for('learn spam move Junk: win money')
        self.wait_for('learn spam move Junk: large win')
        m = self.imap()
        m.select('Junk')
        uid = m.uid('SEARCH', 'SUBJECT', '"win money"')[1][0].decode()
        m.uid('COPY', uid, 'Trash')
        m.uid('COPY', uid, 'Archive')
        m.logout()
        self.wait_for('learn ham move Archive: win money')
        self.assertNotIn('Trash: win money', self.server.log())

    def test_keywords_teach(self):
        m = self.imap()
        m.create('words')
        m.append('words', None, None, message('by word'))
        m.select('words')
        m.store('1', '+FLAGS', '($Junk)')
        m.store('1', 'FLAGS', '($NotJunk)')
        m.logout()
        self.wait_for('learn spam keyword words: by word')
        self.wait_for('learn ham keyword words: by word')

    def test_a_bulk_move_is_sampled(self):
        m = self.imap()
        m.create('bulk')
        for _ in range(40):
            m.append('bulk', None, None, message('bulk mail'))
        m.select('bulk')
        m.uid('MOVE', '1:*', 'Junk')
        m.append('bulk', None, None, message('behind it'))
        m.select('bulk')
        m.uid('MOVE', '1:*', 'Junk')
        m.logout()
        self.wait_for('learn spam move Junk: behind it')
        self.wait_for('learn spam move Junk: bulk mail', 10)  # another filter may hear of these

    def test_changes_are_told(self):
        m = self.imap()
        m.create('told')
        m.append('told', None, None, message('one'))
        m.select('told')
        m.store('1', '+FLAGS', '(\\Deleted)')
        m.expunge()
        m.logout()
        for change in ('create told', 'append told 1', 'flags told 1', 'expunge told 1'):
            self.wait_for('commit ' + change)

    def test_pop3_tells_what_it_deletes(self):
        m = imaplib.IMAP4('127.0.0.1', self.server.port('imap'))
        m.login('tester@example.test', facteur.PASSWORD)
        m.append('INBOX', None, None, message('one'))
        m.logout()
        p = poplib.POP3('127.0.0.1', self.server.port('pop3'))
        self.assertEqual(p.getwelcome(), b'+OK judged')
        p.user('tester@example.test')
        p.pass_(facteur.PASSWORD)
        p.dele(1)
        p.quit()
        self.wait_for('commit expunge INBOX 1')

    def test_settings_of_an_account(self):
        ctl = self.server.ctl
        ctl('account', 'set', 'bob@example.test', 'spam.level=high', 'lang=de')
        ctl('account', 'set', 'bob@example.test', 'lang=')
        shown = json.loads(ctl('account', 'show', 'bob@example.test', '--json').stdout)
        self.assertEqual(shown['settings'], {'spam.level': 'high'})
        self.assertEqual(shown['account'], 'bob@example.test')
        self.assertIn('setting spam.level', ctl('account', 'show', 'bob@example.test').stdout)
        for bad in ('Lang=de', 'lang', '=x', 'a=' + 'x' * 4097, 'a' * 65 + '=x'):
            self.assertNotEqual(ctl('account', 'set', 'bob@example.test', bad, check=False).returncode, 0, bad)
        self.assertNotEqual(ctl('account', 'set', 'nobody@example.test', 'a=b', check=False).returncode, 0)
        self.assertIn('no damage', ctl('store', 'check').stdout)


if __name__ == '__main__':
    unittest.main()
