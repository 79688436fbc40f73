"""No open relay: classic tricks to have a stranger's mail sent on, each refused in the dialogue or kept here, none queued for elsewhere.

Every case is a sender and a recipient as a stranger says them to the mx port. What is accepted at RCPT must be for an account here."""
import json, os, socket, sys, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur

OUT, HERE, NAME = 'victim@outside.example', 'example.test', 'alice'
# what it is called, MAIL FROM, RCPT TO
TRICKS = [
    ('plain', '<spam@outside.example>', '<%s>' % OUT),
    ('sender of ours', '<alice@%s>' % HERE, '<%s>' % OUT),
    ('sender that is no user of ours', '<nobody@%s>' % HERE, '<%s>' % OUT),
    ('null sender', '<>', '<%s>' % OUT),
    ('sender without domain', '<alice@localhost>', '<%s>' % OUT),
    ('sender with our address literal', '<alice@[127.0.0.1]>', '<%s>' % OUT),
    ('sender with an IPv6 literal', '<alice@[IPv6:::1]>', '<%s>' % OUT),
    ('sender postmaster', '<postmaster@%s>' % HERE, '<%s>' % OUT),
    ('sender and recipient the same', '<%s>' % OUT, '<%s>' % OUT),
    ('no brackets', 'spam@outside.example', OUT),
    ('quoted whole', '<spam@outside.example>', '<"%s">' % OUT),
    ('quoted whole with our domain', '<spam@outside.example>', '<"%s"@%s>' % (OUT, HERE)),
    ('quoted local part', '<spam@outside.example>', '<"victim"@outside.example>'),
    ('quotes and backslashes', '<spam@outside.example>', r'<"vic\tim"@outside.example>'),
    ('percent hack', '<spam@outside.example>', '<victim%%outside.example@%s>' % HERE),
    ('percent hack, twice', '<spam@outside.example>', '<victim%%outside.example%%%s@%s>' % (HERE, HERE)),
    ('percent hack at localhost', '<spam@outside.example>', '<victim%outside.example@localhost>'),
    ('percent hack at a literal', '<spam@outside.example>', '<victim%outside.example@[127.0.0.1]>'),
    ('percent hack, quoted', '<spam@outside.example>', '<"victim%%outside.example"@%s>' % HERE),
    ('percent hack without domain', '<spam@outside.example>', '<victim%outside.example>'),
    ('at in the local part', '<spam@outside.example>', '<%s@%s>' % (OUT, HERE)),
    ('at in the local part, twice', '<spam@outside.example>', '<%s@%s@%s>' % (OUT, HERE, HERE)),
    ('at, escaped', '<spam@outside.example>', r'<victim\@outside.example@%s>' % HERE),
    ('source route over us', '<spam@outside.example>', '<@%s:%s>' % (HERE, OUT)),
    ('source route over two', '<spam@outside.example>', '<@%s,@other.example:%s>' % (HERE, OUT)),
    ('source route over our literal', '<spam@outside.example>', '<@[127.0.0.1]:%s>' % OUT),
    ('source route over localhost', '<spam@outside.example>', '<@localhost:%s>' % OUT),
    ('source route without brackets', '<spam@outside.example>', '@%s:%s' % (HERE, OUT)),
    ('source route in the sender', '<@%s:spam@outside.example>' % HERE, '<%s>' % OUT),
    ('bang path', '<spam@outside.example>', '<outside.example!victim>'),
    ('bang path with our domain', '<spam@outside.example>', '<outside.example!victim@%s>' % HERE),
    ('bang path over us', '<spam@outside.example>', '<%s!outside.example!victim>' % HERE),
    ('bang path and at', '<spam@outside.example>', '<%s!victim@outside.example>' % HERE),
    ('bang path, quoted', '<spam@outside.example>', '<"outside.example!victim"@%s>' % HERE),
    ('colon', '<spam@outside.example>', '<outside.example:victim@%s>' % HERE),
    ('semicolon', '<spam@outside.example>', '<%s;alice@%s>' % (OUT, HERE)),
    ('comma', '<spam@outside.example>', '<alice@%s,%s>' % (HERE, OUT)),
    ('space', '<spam@outside.example>', '<alice@%s %s>' % (HERE, OUT)),
    ('two paths', '<spam@outside.example>', '<alice@%s> <%s>' % (HERE, OUT)),
    ('nested brackets', '<spam@outside.example>', '<<%s>>' % OUT),
    ('trailing dot', '<spam@outside.example>', '<victim@outside.example.>'),
    ('our domain with a trailing dot', '<spam@outside.example>', '<victim%%outside.example@%s.>' % HERE),
    ('our domain below theirs', '<spam@outside.example>', '<victim@%s.outside.example>' % HERE),
    ('our domain at the end of theirs', '<spam@outside.example>', '<victim@not%s>' % HERE),
    ('literal of another host', '<spam@outside.example>', '<victim@[192.0.2.1]>'),
    ('literal of this host', '<spam@outside.example>', '<victim@[127.0.0.1]>'),
    ('number of this host', '<spam@outside.example>', '<victim@#2130706433>'),
    ('IPv4 without brackets', '<spam@outside.example>', '<victim@192.0.2.1>'),
    ('NUL', '<spam@outside.example>', '<victim@outside.example\0@%s>' % HERE),
    ('detail', '<spam@outside.example>', '<victim+outside.example@%s>' % HERE),
    ('full-width at', '<spam@outside.example> SMTPUTF8', '<victim\uff20outside.example@%s>' % HERE),
    ('tab', '<spam@outside.example>', '<victim@outside.example\t@%s>' % HERE),
    ('parameter', '<spam@outside.example>', '<alice@%s> ORCPT=rfc822;%s' % (HERE, OUT)),
    ('AUTH= of somebody', '<spam@outside.example> AUTH=alice@%s' % HERE, '<%s>' % OUT),
]
server = None


def setUpModule():
    global server
    server = facteur.Server().start()


def tearDownModule():
    server.__exit__(None, None, None)


class Dialogue:
    def __init__(self, port='smtp', greeting='EHLO client.test'):
        self.s = socket.create_connection(('127.0.0.1', server.port(port)), timeout=60)
        self.f = self.s.makefile('rb')
        self.reply()
        self.say(greeting)

    def reply(self):
        while True:
            line = self.f.readline().decode('utf-8', 'replace')
            if not line or line[3:4] != '-':
                return line.strip() or '421 closed'

    def say(self, line):
        self.s.sendall(line.encode() + b'\r\n')
        return self.reply()

    def close(self):
        self.f.close()
        self.s.close()


class OpenRelay(unittest.TestCase):
    def queued(self):
        return [r['address'] for m in json.loads(server.ctl('queue', 'list', '--json').stdout) for r in m['to']]

    def send(self, sender, recipient, greeting='EHLO client.test'):
        """The answer to RCPT, or to MAIL when that was refused already; a message goes along when it is accepted."""
        d = Dialogue(greeting=greeting)
        try:
            answer = d.say('MAIL FROM:' + sender)
            if answer.startswith('250'):
                answer = d.say('RCPT TO:' + recipient)
                if answer.startswith('250'):
                    d.say('DATA')
                    d.say('Subject: relay test\r\n\r\nbody\r\n.')
            return answer
        finally:
            d.close()

    def test_tricks(self):
        self.assertGreaterEqual(len(TRICKS), 40)
        for name, sender, recipient in TRICKS:
            with self.subTest(name):
                answer = self.send(sender, recipient)
                self.assertRegex(answer, r'^5\d\d ', '%s: %s' % (recipient, answer))
        self.assertEqual(self.queued(), [])

    def test_greetings(self):
        """Who says he is us, or one of ours, is a stranger all the same."""
        for greeting in ('EHLO ' + HERE, 'HELO localhost', 'EHLO [127.0.0.1]', 'HELO mx.' + HERE):
            with self.subTest(greeting):
                self.assertRegex(self.send('<alice@%s>' % HERE, '<%s>' % OUT, greeting), r'^550 5\.7\.1 ')
        self.assertEqual(self.queued(), [])

    def test_refused_in_the_dialogue(self):
        """No bounce can come of it: nothing is accepted, so nobody is told by mail (backscatter)."""
        d = Dialogue()
        d.say('MAIL FROM:<forged@outside.example>')
        self.assertRegex(d.say('RCPT TO:<%s>' % OUT), r'^550 5\.7\.1 ')
        self.assertRegex(d.say('RCPT TO:<nobody@%s>' % HERE), r'^550 5\.1\.1 ')
        self.assertRegex(d.say('DATA'), r'^503 ')
        d.close()
        self.assertEqual(self.queued(), [])

    def test_a_catch_all_keeps_what_looks_like_a_route(self):
        server.ctl('alias', 'set', '@' + HERE, '%s@%s' % (NAME, HERE))
        try:
            for recipient in ('<victim%%outside.example@%s>' % HERE, '<outside.example!victim@%s>' % HERE, '<"%s"@%s>' % (OUT, HERE)):
                with self.subTest(recipient):
                    self.assertRegex(self.send('<spam@outside.example>', recipient), '^250 ')
            self.assertEqual(self.queued(), [])
        finally:
            server.ctl('alias', 'remove', '@' + HERE)

    def test_a_refused_login_opens_nothing(self):
        d = Dialogue('submission')
        self.assertRegex(d.say('AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdAB3cm9uZw=='), r'^535 ')
        self.assertRegex(d.say('MAIL FROM:<alice@%s>' % HERE), r'^530 ')
        d.close()
        # and a login sends under its own name only
        d = Dialogue('submission')
        self.assertRegex(d.say('AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABwYXNz'), r'^235 ')
        self.assertRegex(d.say('MAIL FROM:<bob@%s>' % HERE), r'^553 ')
        self.assertRegex(d.say('MAIL FROM:<spam@outside.example>'), r'^553 ')
        d.close()

    def test_lmtp_delivers_here_only(self):
        d = Dialogue('lmtp', 'LHLO client.test')
        d.say('MAIL FROM:<a@outside.example>')
        self.assertRegex(d.say('RCPT TO:<%s>' % OUT), r'^550 5\.7\.1 ')
        d.close()


if __name__ == '__main__':
    unittest.main()
