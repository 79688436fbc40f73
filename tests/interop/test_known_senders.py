#!/usr/bin/env python3
"""plugins/known_senders with a server, a Redis and a name server: whom a user has written to is known to this user alone, if somebody vouches for the author;
replies to what a user sent are found; copies in Sent count, what programs write does not."""
import imaplib, os, re, shutil, smtplib, ssl, sys, tempfile, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from fake_dns import FakeDNS
from redis_server import Redis, wait_for

ALICE, BOB, TESTER = 'alice@example.test', 'bob@example.test', 'tester@example.test'
ZONE = {'example.test': {'TXT': ['v=spf1 ip4:127.0.1.0/24 -all']}, 'friend.example': {'TXT': ['v=spf1 ip4:127.0.1.0/24 -all']},
        '_dmarc.strict.example': {'TXT': ['v=DMARC1; p=none; aspf=s']}, 'mail.strict.example': {'TXT': ['v=spf1 ip4:127.0.1.0/24 -all']}}
WITHOUT_CHECKING = ssl._create_unverified_context()
VOUCHED, STRANGE = '127.0.1.1', '127.0.2.1'


class KnownSenders(unittest.TestCase):
    def serve(self, *keys, redis=True):
        folder = tempfile.mkdtemp(prefix='facteur-known.')
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.redis = Redis(os.path.join(folder, 'redis')) if redis else None
        if redis:
            self.addCleanup(self.redis.kill)
        dns = FakeDNS(ZONE)
        dns.__enter__()
        self.addCleanup(dns.__exit__, None, None, None)
        conf = 'redis { %s }\nserver { filter_processes = 1 }\nplugin known_senders {\n%s}\nplugin spf { skip_net = [] }\nplugin dkim { }\nplugin dmarc { skip_net = [] policy = symbol }\n' % (
            'url = "unix:%s"' % self.redis.socket if redis else 'spawn = no', ''.join('    %s\n' % k for k in keys))
        self.server = facteur.Server(conf, dns=dns.address)
        self.server.start()
        self.addCleanup(self.server.__exit__, None, None, None)

    def submit(self, user=ALICE, to=(BOB,), fields='Message-ID: <question@example.test>\r\n'):
        with smtplib.SMTP_SSL('127.0.0.1', self.server.port('submissions'), facteur.CLIENT, timeout=60, context=WITHOUT_CHECKING) as s:
            s.login(user, facteur.PASSWORD)
            s.sendmail(user, list(to), 'From: <%s>\r\nTo: <%s>\r\nSubject: x\r\n%s\r\nbody\r\n' % (user, to[0], fields))

    def append(self, mailbox, message, flags=None, user=ALICE):
        with imaplib.IMAP4('127.0.0.1', self.server.port('imap')) as m:
            m.login(user, facteur.PASSWORD)
            m.create(mailbox)
            self.assertEqual(m.append('"%s"' % mailbox, flags, None, message.replace('\n', '\r\n').encode())[0], 'OK')

    def found(self, author=BOB, to=(ALICE,), source=VOUCHED, fields='', mail_from=None):
        """{symbol} of a message from outside."""
        with smtplib.SMTP('127.0.0.1', self.server.port('smtp'), facteur.CLIENT, 60, (source, 0)) as s:
            s.ehlo()
            code, text = s.mail(author if mail_from is None else mail_from)
            self.assertEqual(code, 250, text)
            for r in to:
                s.rcpt(r)
            code, text = s.data('From: <%s>\r\nTo: <%s>\r\nSubject: y\r\nMessage-ID: <answer@friend.example>\r\n%s\r\nbody\r\n' % (author, to[0], fields))
        self.assertEqual(code, 250, text)
        self.ledger = self.server.ctl('trace', text.decode().split()[-1].strip('.')).stdout
        return set(re.findall(r'KNOWN_SENDER|REPLY_TO_OWN', self.ledger))

    def remembered(self, n):
        wait_for(lambda: len(self.redis.cli('KEYS', '*known_senders*').split()) == n, '%d keys' % n)

    def test_who_was_written_to(self):
        self.serve()
        self.assertEqual(self.found(), set())
        self.submit(to=[BOB, TESTER])
        self.remembered(3)
        self.assertEqual(self.found(), {'KNOWN_SENDER'})
        self.assertEqual(self.found('Bob+tag@Example.test'), {'KNOWN_SENDER'})
        self.assertIn('"bob@example.test"', self.ledger)
        self.assertEqual(self.found(TESTER), {'KNOWN_SENDER'})
        self.assertEqual(self.found('eve@example.test'), set())  # of the same domain
        self.assertEqual(self.found(to=[TESTER]), set())  # knows nobody
        self.assertEqual(self.found(to=[ALICE, TESTER]), {'KNOWN_SENDER'})
        self.assertEqual(len(re.findall('KNOWN_SENDER', self.ledger)), 1, self.ledger)  # hers alone

    def test_only_when_somebody_vouches_for_the_author(self):
        self.serve()
        self.append('Sent', 'To: bob@example.test, bob@strict.example, a@friend.example\n\nbody\n')
        self.remembered(3)
        self.assertEqual(self.found(source=STRANGE), set())  # SPF fails
        self.assertEqual(self.found(mail_from='x@friend.example'), set())  # passes for somebody else
        self.assertEqual(self.found('a@friend.example'), {'KNOWN_SENDER'})
        self.assertEqual(self.found('bob@strict.example', mail_from='x@mail.strict.example'), set())  # DMARC fails: strict
        self.assertEqual(self.found('a@friend.example>, <bob@friend.example', mail_from='a@friend.example'), set())  # two authors
        self.assertEqual(self.found('a@friend.example', fields='From: <eve@friend.example>\r\n'), set())

    def test_replies(self):
        self.serve('max_references = 2')
        self.submit()
        self.remembered(2)
        for fields in ('In-Reply-To: <question@example.test>\r\n', 'References: <first@x.example> <question@example.test>\r\n <last@x.example>\r\n'):
            self.assertEqual(self.found('a@friend.example', source=STRANGE, fields=fields), {'REPLY_TO_OWN'})
            self.assertIn('"question@example.test"', self.ledger)
        self.assertEqual(self.found(fields='In-Reply-To: <question@example.test>\r\n'), {'KNOWN_SENDER', 'REPLY_TO_OWN'})
        self.assertEqual(self.found(to=[TESTER], fields='In-Reply-To: <question@example.test>\r\n'), set())  # somebody else's
        self.assertEqual(self.found('a@friend.example', fields='References: <question@example.test> <a@x.example> <b@x.example>\r\n'), set())  # the last two only
        self.assertEqual(self.found('a@friend.example', fields='In-Reply-To: <other@example.test>\r\n'), set())

    def test_copies_in_sent(self):
        self.serve()
        self.append('Drafts', 'To: draft@friend.example\nMessage-ID: <1@x.example>\n\nbody\n')
        self.append('Sent', 'To: draft@friend.example\nMessage-ID: <2@x.example>\n\nbody\n', '(\\Draft)')
        self.append('Sent', 'To: many: a@friend.example, "B, C" <b@friend.example>;\nCc: c@friend.example\nBcc: D@Friend.example\nMessage-ID: <3@x.example>\n\nbody\n')
        self.remembered(5)
        for name in 'abcd':
            self.assertEqual(self.found(name + '@friend.example'), {'KNOWN_SENDER'})
        self.assertEqual(self.found('draft@friend.example'), set())
        self.assertEqual(self.found('x@friend.example', fields='In-Reply-To: <3@x.example>\r\n'), {'REPLY_TO_OWN'})

    def test_what_is_not_remembered(self):
        self.serve('max_recipients = 2')
        self.submit(fields='Auto-Submitted: auto-replied\r\nMessage-ID: <auto@example.test>\r\n')
        self.append('Sent', 'Auto-Submitted:  Auto-generated\nTo: a@friend.example\n\nbody\n')
        self.append('Sent', 'To: a@friend.example, b@friend.example, c@friend.example\n\nbody\n')
        self.submit(to=[ALICE, BOB, TESTER], fields='')
        self.submit(to=[TESTER], fields='Auto-Submitted: no\r\n')
        self.remembered(1)
        self.assertEqual(self.found(TESTER), {'KNOWN_SENDER'})
        self.assertEqual(self.found(), set())

    def test_nobody_can_read_who_writes_to_whom(self):
        self.serve('secret = "of this test"', 'forget = 30d')
        self.submit()
        self.remembered(2)
        for key in self.redis.cli('KEYS', '*known_senders*').split():
            self.assertNotRegex(key, 'alice|bob|example|question')
            self.assertGreater(int(self.redis.cli('TTL', key)), 29 * 86400)
            self.assertEqual(self.redis.cli('GET', key), '1')

    def test_without_redis(self):
        self.serve(redis=False)
        self.submit()
        wait_for(lambda: self.found() == {'KNOWN_SENDER'}, 'what this process remembers')

    def test_redis_away(self):
        self.serve()
        self.submit()
        self.remembered(2)
        self.redis.pause()
        try:
            self.assertEqual(self.found(), set())
            self.assertIn('redis', self.ledger)
            self.append('Sent', 'To: a@friend.example\n\nbody\n')
        finally:
            self.redis.resume()
        wait_for(lambda: self.found() == {'KNOWN_SENDER'}, 'Redis is back')

    def test_mistakes_in_the_configuration(self):
        for key, text in (('max_recipients = 61', 'max_recipients: must be 1 to 60'), ('max_users = 0', 'max_users: must be 1 to 20'), ('max_references = 11', 'max_references: must be at most 10'),
                          ('forget = 0s', 'forget, forget_replies: must be')):
            server = facteur.Server('plugin known_senders { %s }\n' % key)
            try:
                with self.assertRaises(RuntimeError) as caught:
                    server.start()
                self.assertIn(text, str(caught.exception))
            finally:
                server.stop()
                shutil.rmtree(server.dir, ignore_errors=True)


if __name__ == '__main__':
    unittest.main()
