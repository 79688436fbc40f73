"""Mail for other servers: from submission into the queue, seen and changed by facteurctl, out of it again."""
import imaplib, json, os, smtplib, sys, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur, mail_sink

ALICE = 'alice@example.test'
TEXT = 'Subject: hello\r\nMessage-ID: <1@example.test>\r\n\r\n.a line with a dot\r\nand one without\r\n'


class Queue(unittest.TestCase):
    def setUp(self):
        self.closed, self.blocker = mail_sink.closed_port()
        self.sink = mail_sink.Sink().__enter__()
        self.routes = os.path.join(facteur.tempfile.mkdtemp(prefix='facteur-routes.'), 'routes')
        with open(self.routes, 'w') as f:
            f.write('near.example 127.0.0.1:%d\nshut.example 127.0.0.1:%d\nfull.example 127.0.0.1:%d\noutside.test 127.0.0.1:%d\n' % (self.sink.port, self.closed, self.closed, self.sink.port))

    def tearDown(self):
        self.sink.__exit__(None, None, None)
        self.blocker.close()
        facteur.shutil.rmtree(os.path.dirname(self.routes))

    def server(self, more=''):
        return facteur.Server(conf='relay { routes = "%s" }\nsmtp { %s }\n' % (self.routes, more))

    def submit(self, server, to, text=TEXT, mail=(), rcpt=(), sender=ALICE):
        with smtplib.SMTP('127.0.0.1', server.port('submission'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.ehlo()
            s.login(ALICE, facteur.PASSWORD)
            return s.sendmail(sender, to, text.encode(), mail, rcpt)

    def list(self, server, *options):
        return json.loads(server.ctl('queue', 'list', '--json', *options).stdout)

    def until(self, look, what):
        end = time.monotonic() + 60
        while not look():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.02)

    def tried(self, server):
        self.until(lambda: all(r['attempts'] or r['status'] != 'pending' for m in self.list(server) for r in m['to']), 'an attempt')

    def test_many_recipients(self):
        """Each gets it once, however many entries the message becomes; who is too many is told so at RCPT (RFC 5321 4.5.3.1.10)."""
        with facteur.Server(conf='relay { routes = "%s" }\nsmtp { max_recipients = 102 }\nstore { queue_recipients = 40 }\n' % self.routes) as server:
            server.ctl('queue', 'rules', 'near.example', '--hold')
            to = ['r%d@near.example' % i for i in range(100)] + ['bob@example.test', 'tester@example.test', 'r100@near.example']
            refused = self.submit(server, to)
            self.assertEqual({r: code for r, (code, text) in refused.items()}, {'r100@near.example': 452})
            self.assertTrue(refused['r100@near.example'][1].startswith(b'4.5.3'))
            rows = self.list(server)
            self.assertEqual([len(m['to']) for m in rows], [40, 40, 20])
            self.assertEqual(len({m['trace'] for m in rows}), 1)
            server.ctl('queue', 'rules', 'near.example', '--remove')
            self.until(lambda: not self.list(server), 'an empty queue')
            got = sorted(r for letter in self.sink.letters for r in letter.recipients)
            self.assertEqual(got, sorted(to[:100]))
            server.ctl('store', 'check')
            server.ctl('account', 'set', ALICE, 'undo_window=30s')
            self.submit(server, to[:100])
            self.submit(server, to[:1])
            rows = self.list(server)
            self.assertEqual([len(m['to']) for m in rows], [40, 40, 20, 1])
            self.assertIn('3 messages taken back', server.ctl('queue', 'undo', str(rows[1]['id']), str(rows[0]['id'])).stdout)
            self.assertEqual([m['id'] for m in self.list(server)], [rows[3]['id']])
            bad = os.path.join(os.path.dirname(self.routes), 'bad.conf')
            for number in ('0', '5001'):
                with open(bad, 'w') as f:
                    f.write('store { queue_recipients = %s }\n' % number)
                r = server.ctl('config', 'check', '--conf', bad, check=False)
                self.assertNotEqual(r.returncode, 0)
                self.assertIn('queue_recipients: must be 1 to 5000', r.stdout + r.stderr)

    def test_list_and_change(self):
        with self.server() as server:
            self.submit(server, ['a@shut.example', 'b@full.example', 'bob@example.test'], mail=['RET=HDRS', 'ENVID=Q1'], rcpt=['NOTIFY=FAILURE', 'ORCPT=rfc822;x@y'])
            self.submit(server, ['c@Shut.example'])
            self.tried(server)
            rows = self.list(server)
            self.assertEqual([[r['address'] for r in m['to']] for m in rows], [['a@shut.example', 'b@full.example'], ['c@Shut.example']])
            first = rows[0]
            self.assertEqual((first['from'], first['login'], first['envid'], first['state']), (ALICE, ALICE, 'Q1', 'waiting'))
            self.assertGreater(first['due'], first['arrived'])
            self.assertEqual((first['to'][0]['notify'], first['to'][0]['orcpt'], first['to'][0]['status']), (4, 'rfc822;x@y', 'pending'))
            self.assertTrue(first['to'][0]['reply'])
            for options, want in ((('--domain', 'full.example'), 1), (('--to', 'C@SHUT'), 1), (('--from', 'alice'), 2), (('--from', '<>'), 0),
                                  (('--login', 'bob@example.test'), 0), (('--older', '1h'), 0), (('--newer', '1h'), 2), (('--state', 'held'), 0)):
                self.assertEqual(len(self.list(server, *options)), want, options)
            number = str(first['id'])
            self.assertIn('1 message held', server.ctl('queue', 'hold', number).stdout)
            self.assertEqual([m['state'] for m in self.list(server)], ['held', 'waiting'])
            self.assertIn('Q1', server.ctl('queue', 'show', number).stdout)
            top = json.loads(server.ctl('queue', 'top', '--json').stdout)
            self.assertEqual((top['messages'], top['recipients'], top['held'], {d['domain'] for d in top['top']}), (2, 3, 2, {'shut.example', 'full.example'}))
            # It survives a restart, held as it is.
            self.assertEqual(server.stop(), 0)
            server.start()
            self.assertEqual([m['state'] for m in self.list(server, '--domain', 'full.example')], ['held'])
            self.assertIn('2 queue', server.ctl('store', 'check').stdout)
            self.assertEqual(server.ctl('queue', 'drop', number, check=False).returncode, 2)
            self.assertEqual(server.ctl('queue', 'hold', check=False).returncode, 2)
            self.assertEqual(server.ctl('queue', 'hold', '99', check=False).returncode, 1)
            self.assertEqual(server.ctl('queue', 'hold', 'x', check=False).returncode, 2)
            self.assertIn('2 messages dropped', server.ctl('queue', 'drop', '--all', '--yes').stdout)
            self.assertEqual(self.list(server), [])
            server.ctl('store', 'check')

    def test_what_leaves_is_what_came(self):
        with self.server() as server:
            server.ctl('alias', 'set', 'team@example.test', 'bob@example.test', 'far@near.example')
            self.submit(server, ['a@near.example', 'bob@example.test', 'b@near.example'])
            self.until(lambda: self.sink.letters, 'a letter')
            letter = self.sink.letters[0]
            self.assertEqual((letter.sender, letter.recipients), (ALICE, ['a@near.example', 'b@near.example']))
            self.assertTrue(letter.data.startswith(b'Received: by '), letter.data[:80])
            self.assertNotIn(b'Return-Path', letter.data)
            self.assertTrue(letter.data.endswith(TEXT.encode()), letter.data)
            # An alias leads out, for anybody; its sender stays outside.
            with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT, timeout=60) as s:
                s.sendmail('stranger@outside.example', ['team@example.test'], TEXT)
            self.until(lambda: len(self.sink.letters) > 1, 'the forwarded letter')
            self.assertEqual(self.sink.letters[1].recipients, ['far@near.example'])
            self.until(lambda: self.list(server) == [], 'an empty queue')
            server.ctl('store', 'check')

    def mail_of(self, server, user, mailbox='INBOX'):
        m = imaplib.IMAP4('127.0.0.1', server.port('imap'))
        m.login(user, facteur.PASSWORD)
        m.select(mailbox, readonly=True)
        numbers = m.search(None, 'ALL')[1][0].split()
        texts = [m.fetch(n, '(BODY.PEEK[])')[1][0][1] for n in numbers]
        m.logout()
        return texts

    def test_local_mail_is_reported_on(self):
        """A success that was asked for; a mailbox that turned out full after the data, which is no error for the others."""
        with self.server() as server:
            self.submit(server, ['bob@example.test'], rcpt=['NOTIFY=SUCCESS'], mail=['ENVID=E77'])
            self.until(lambda: self.mail_of(server, ALICE), 'a report of success')
            report = self.mail_of(server, ALICE)[0]
            for part in (b'multipart/report', b'Action: delivered', b'bob@example.test', b'Original-Envelope-Id: E77', b'Return-Path: <>'):
                self.assertIn(part, report)
            self.assertEqual(len(self.mail_of(server, 'bob@example.test')), 1)
            self.until(lambda: self.list(server) == [], 'an empty queue')
            self.assertNotIn(' sent ', server.log())  # it never left; only the report is new
            self.assertIn('about=success', server.log())

    def test_full_beside_others(self):
        conf = 'relay { routes = "%s" }\nstore { quota = 20K }\n' % self.routes
        with facteur.Server(conf=conf) as server:
            big = 'Subject: big\r\n\r\n' + 'x' * 70 + '\r\n'
            self.submit(server, ['bob@example.test'], 'Subject: fill\r\n\r\n' + ('y' * 70 + '\r\n') * 270)
            with self.assertRaises(smtplib.SMTPDataError) as e:  # alone: refused in the dialogue
                self.submit(server, ['bob@example.test'], big + ('z' * 70 + '\r\n') * 100)
            self.assertEqual(e.exception.smtp_code, 552)
            self.submit(server, ['bob@example.test', 'tester@example.test'], big + ('z' * 70 + '\r\n') * 100)
            self.until(lambda: self.mail_of(server, ALICE), 'a report of failure')
            report = self.mail_of(server, ALICE)[0]
            for part in (b'Action: failed', b'bob@example.test'):
                self.assertIn(part, report)
            self.assertNotIn(b'tester@example.test', report)
            self.assertEqual(len(self.mail_of(server, 'tester@example.test')), 1)
            self.assertEqual(len(self.mail_of(server, 'bob@example.test')), 1)

    def test_aliases_count(self):
        """What an alias leads to counts as recipients, but for those of the first one."""
        with self.server('max_recipients = 2') as server:
            server.ctl('alias', 'set', 'team@example.test', ALICE, 'bob@example.test', 'tester@example.test')
            self.assertEqual(self.submit(server, ['team@example.test', 'bob@example.test']), {})
            refused = self.submit(server, ['bob@example.test', 'team@example.test', ALICE])
            self.assertEqual({r: code for r, (code, text) in refused.items()}, {'team@example.test': 452})
            self.assertTrue(refused['team@example.test'][1].startswith(b'4.5.3'))

    def test_a_route_for_the_test_domain(self):
        """Without one, outside.test of facteur dev fails on purpose."""
        with self.server() as server:
            self.submit(server, ['fail5xx@outside.test'])
            self.until(lambda: self.sink.letters, 'delivery')

    def test_retry(self):
        with self.server() as server:
            self.submit(server, ['a@shut.example'])
            self.tried(server)
            number = str(self.list(server)[0]['id'])
            before = self.list(server)[0]['to'][0]['attempts']
            server.ctl('queue', 'retry', number)
            self.until(lambda: self.list(server)[0]['to'][0]['attempts'] > before, 'another attempt')

    def test_limits(self):
        conf = 'relay { routes = "%s" }\nstore { queue_per_login = 2 queue_messages = 3 }\n' % self.routes
        with facteur.Server(conf=conf) as server:
            for _ in range(2):
                self.submit(server, ['a@shut.example'])
            with self.assertRaises(smtplib.SMTPDataError) as e:
                self.submit(server, ['a@shut.example', 'bob@example.test'])
            self.assertEqual(e.exception.smtp_code, 452)
            self.assertEqual(len(self.list(server)), 2)
            self.submit(server, ['bob@example.test'])  # local mail goes on


if __name__ == '__main__':
    unittest.main()
