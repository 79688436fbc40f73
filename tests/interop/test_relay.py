"""Mail for other servers, from submission to a sink that takes it or misbehaves at a step of the dialogue: bytes, retries, reports, round trips."""
import email, imaplib, os, re, smtplib, socket, sys, tempfile, threading, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from smtp_sink import DROP, HANG, Sink, USUAL, certificate

FAST = '''relay { suppress = 0s  retry = ["1s"]  retry_jitter = 0  dead_first = 1s  dead_max = 1s  idle_keep = 1s  %s }
smtp { relay_networks = ["127.0.0.0/8"]  max_errors = 1000 }
'''
ALICE = 'alice@example.test'
HEAD = b'From: <alice@example.test>\r\nTo: <far@elsewhere.test>\r\nSubject: a letter\r\nMessage-ID: <%d@client.test>\r\nDate: Sun, 22 Nov 2026 08:00:00 +0000\r\n\r\n'
number = iter(range(1, 1 << 30))


def letter(body=b'hello\r\n'):
    return HEAD % next(number) + body


def own_part(data):
    """Without our Received field."""
    return data[data.index(b'From: <alice'):]


def send(server, to, data=None, sender=ALICE, options=(), rcpt_options=(), port='submission'):
    with smtplib.SMTP('127.0.0.1', server.port(port), local_hostname=facteur.CLIENT) as c:
        c.ehlo()
        if port == 'submission':
            c.login(ALICE, facteur.PASSWORD)
        data = data or letter()
        refused = c.sendmail(sender, [to] if isinstance(to, str) else to, data, options, rcpt_options)
        assert not refused, refused
        return data


def inbox(server, n=1, seconds=60):
    """The messages of alice, as soon as there are n; each is then deleted."""
    end = time.monotonic() + seconds
    while True:
        with imaplib.IMAP4('127.0.0.1', server.port('imap')) as m:
            m.login(ALICE, facteur.PASSWORD)
            m.select()
            _, found = m.search(None, 'ALL')
            numbers = found[0].split()
            if len(numbers) >= n or time.monotonic() > end:
                got = [email.message_from_bytes(m.fetch(i, '(BODY.PEEK[])')[1][0][1]) for i in numbers]
                for i in numbers:
                    m.store(i, '+FLAGS', '\\Deleted')
                m.expunge()
                return got
        time.sleep(0.1)


def fields(report):
    """The fields of a report about one recipient, in one dict."""
    for part in report.walk():
        if part.get_content_type() in ('message/delivery-status', 'message/global-delivery-status'):
            text = part.as_bytes().decode('utf-8', 'replace').replace('\r\n', '\n').split('\n\n', 1)[1]
            blocks = [email.message_from_string(block) for block in text.split('\n\n')]
            return {k.lower(): v for block in blocks for k, v in block.items()}
    raise AssertionError('no report: %s' % report)


def wait_for(test, seconds=60):
    end = time.monotonic() + seconds
    while not test():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


class Relaying(unittest.TestCase):
    """One server; each test has a sink of its own, behind a port that the routes name."""
    FAST, EXTRA = FAST, ''

    @classmethod
    def setUpClass(cls):
        cls.holders = {'%s.test' % name: Sink() for name in ('one', 'two', 'three', 'four', 'five', 'six')}
        cls.routes = {}
        for domain, sink in cls.holders.items():
            cls.routes[domain] = sink.port
            sink.listener.close()
        cls.server = facteur.Server(conf=cls.FAST % cls.EXTRA, routes=cls.routes)
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)

    def sink(self, domain='one.test', **more):
        sink = Sink(port=self.routes[domain], **more)
        sink.__enter__()
        self.addCleanup(sink.__exit__)
        self.addCleanup(self.settle)
        return sink

    def settle(self):
        """Nothing of a test is left for the next one."""
        inbox(self.server, 0)
        time.sleep(1.2)  # a dead destination lives again

    def report(self):
        got = inbox(self.server, 1)
        self.assertEqual(len(got), 1)
        return fields(got[0])


class Plain(Relaying):
    BODIES = {
        'dots': b'.\r\n..\r\n.a\r\na.\r\n\r\n.\r\nend\r\n',
        'starts with a dot': b'.first\r\n',
        'no line end': b'the last line has none',
        'empty': b'',
        'large': (b'x' * 70 + b'\r\n.' + b'y' * 70 + b'\r\n') * 20000,
        'eight bits': 'Grüße, жук\r\n'.encode(),
    }

    def test_bytes(self):
        for extensions in (USUAL, USUAL + ['CHUNKING'], ['8BITMIME'], ['8BITMIME', 'CHUNKING']):
            sink = Sink(port=self.routes['one.test'], extensions=extensions)
            with sink:
                for i, (name, body) in enumerate(self.BODIES.items()):
                    with self.subTest(body=name, extensions=extensions):
                        data = send(self.server, 'far@one.test', letter(body), options=['BODY=8BITMIME'])
                        self.assertTrue(sink.wait(i + 1), self.server.log()[-3000:])
                        want = data if data.endswith(b'\r\n') else data + b'\r\n'
                        self.assertEqual(own_part(sink.messages[i].data), want)
                        self.assertEqual(sink.messages[i].recipients, ['far@one.test>'])
                        self.assertEqual(sink.messages[i].sender, ALICE)
            time.sleep(1.2)

    def test_one_group_for_each_message(self):
        """RFC 2920: the commands of the next message travel behind the end of this one."""
        all_there = threading.Event()
        sink = self.sink(at={'connect': lambda session, argument: all_there.wait(60) and None})
        for _ in range(10):
            send(self.server, 'far@one.test')
        all_there.set()
        self.assertTrue(sink.wait(10))
        together = [g for s in sink.sessions for g in s.groups if b'\r\n.\r\nMAIL FROM:' in g and g.endswith(b'DATA\r\n')]
        self.assertGreaterEqual(len(together), 10 - 2 * len(sink.sessions))

    def test_recipients_of_one_domain_travel_together(self):
        sink = self.sink()
        send(self.server, ['u%d@one.test' % i for i in range(30)])
        self.assertTrue(sink.wait(1))
        self.assertEqual(len(sink.messages[0].recipients), 30)

    def test_too_many_recipients_go_in_two(self):
        def at_most_ten(session, argument):
            return '452 4.5.3 too many' if len(session.recipients) >= 10 else None
        sink = self.sink(at={'rcpt': at_most_ten})
        send(self.server, ['u%d@one.test' % i for i in range(25)])
        self.assertTrue(sink.wait(3))
        self.assertEqual([len(m.recipients) for m in sink.messages], [10, 10, 5])

    def test_limits_are_kept(self):
        sink = self.sink(extensions=USUAL + ['LIMITS RCPTMAX=4 MAILMAX=2'])
        send(self.server, ['u%d@one.test' % i for i in range(10)])
        self.assertTrue(sink.wait(3))
        self.assertEqual(sorted(len(m.recipients) for m in sink.messages), [2, 4, 4])
        self.assertLessEqual(max(s.messages for s in sink.sessions), 2)

    def test_helo(self):
        sink = self.sink(at={'ehlo': '502 5.5.1 what?'})
        send(self.server, 'far@one.test')
        self.assertTrue(sink.wait(1))
        self.assertEqual([line.split()[0] for line in sink.sessions[0].lines[:5]], ['EHLO', 'HELO', 'MAIL', 'RCPT', 'DATA'])
        self.assertNotIn('SIZE', sink.sessions[0].lines[2])

    def test_delivery_status_wishes(self):
        """RFC 3461: passed on to a server that knows them."""
        sink = self.sink(extensions=USUAL + ['DSN'])
        send(self.server, 'far@one.test', options=['RET=HDRS', 'ENVID=abc+2Bd'], rcpt_options=['NOTIFY=SUCCESS,DELAY', 'ORCPT=rfc822;old@one.test'])
        self.assertTrue(sink.wait(1))
        self.assertIn('RET=HDRS', sink.messages[0].session.lines[1])
        self.assertIn('ENVID=abc+2Bd', sink.messages[0].session.lines[1])
        self.assertIn('NOTIFY=SUCCESS,DELAY ORCPT=rfc822;old@one.test', sink.messages[0].session.lines[2])
        self.assertEqual(inbox(self.server, 1, 1), [])

    def test_relayed_is_told_when_the_server_does_not(self):
        sink = self.sink()
        send(self.server, 'far@one.test', options=['ENVID=x1'], rcpt_options=['NOTIFY=SUCCESS'])
        self.assertTrue(sink.wait(1))
        told = self.report()
        self.assertEqual((told['action'], told['status'], told['original-envelope-id']), ('relayed', '2.0.0', 'x1'))
        self.assertEqual(told['remote-mta'], 'dns; [127.0.0.1]')

    def test_language_of_the_sender(self):
        """What the account has set, then what the message says, then relay.report_language."""
        self.sink(at={'rcpt': '550 5.1.1 nobody'})
        for languages, header, want in (('de fr', b'Accept-Language: en', 'fr'), ('de', b'Accept-Language: fr-CA, en', 'fr'), ('', b'Content-Language: fr', 'fr'), ('en', b'Content-Language: fr', 'en'), ('', b'X: y', 'en')):
            with self.subTest((languages, header)):
                self.server.ctl('account', 'set', ALICE, 'languages=' + languages)
                send(self.server, 'far@one.test', header + b'\r\n' + letter())
                (report,) = inbox(self.server, 1)
                self.assertEqual(report.get_payload(0)['Content-Language'], want)
        self.server.ctl('account', 'set', ALICE, 'languages=')

    def test_smtputf8(self):
        data = letter('Grüße\r\n'.encode())
        with self.subTest('taken'):
            sink = self.sink(extensions=USUAL + ['SMTPUTF8'])
            send(self.server, 'жук@one.test'.encode().decode(), data, options=['SMTPUTF8', 'BODY=8BITMIME'])
            self.assertTrue(sink.wait(1))
            self.assertIn(' SMTPUTF8', sink.sessions[0].lines[1])
            self.assertEqual(own_part(sink.messages[0].data), data)
        with self.subTest('not known there'):
            self.sink('two.test')
            send(self.server, 'жук@two.test', data, options=['SMTPUTF8', 'BODY=8BITMIME'])
            self.assertEqual(self.report()['status'], '5.6.7')

    def test_eight_bits_that_are_seven(self):
        """For a server that does not take the others; test_relay_convert.py has those."""
        sink = self.sink(extensions=['PIPELINING'])
        send(self.server, 'far@one.test', letter(b'plain\r\n'), options=['BODY=8BITMIME'])
        self.assertTrue(sink.wait(1))
        self.assertNotIn('BODY', sink.sessions[0].lines[1])

    def test_size_is_believed(self):
        sink = self.sink(extensions=['PIPELINING', 'SIZE 2000'])
        send(self.server, 'far@one.test', letter(b'x' * 60 + b'\r\n'))
        self.assertTrue(sink.wait(1))
        send(self.server, 'far@one.test', letter((b'x' * 60 + b'\r\n') * 60))
        self.assertEqual(self.report()['status'], '5.3.4')

    def test_size_may_lie(self):
        """Announces a lot, takes little: hangs up in the middle of the message, or says so."""
        self.sink(at={'dot': '552 5.3.4 too large after all'})
        send(self.server, 'far@one.test', letter((b'x' * 60 + b'\r\n') * 6000))
        self.assertEqual(self.report()['diagnostic-code'], 'smtp; 552 5.3.4 too large after all')


class Kept(Relaying):
    FAST = FAST.replace('idle_keep = 1s', 'idle_keep = 10s')

    def test_connection_is_kept_and_then_left(self):
        sink = self.sink()
        for i in range(3):
            send(self.server, 'far@one.test')
            self.assertTrue(sink.wait(i + 1))
            self.server.wait_log(' sent queue=', count=i + 1)  # the connection is free
        self.assertEqual(len(sink.sessions), 1)
        self.assertTrue(wait_for(lambda: sink.open == 0))
        self.assertEqual(sink.sessions[0].lines[-1], 'QUIT')


class Refusals(Relaying):
    def test_later_at_each_step(self):
        for step in ('connect', 'ehlo', 'mail', 'rcpt', 'data', 'dot'):
            with self.subTest(step=step):
                with Sink(port=self.routes['one.test'], at={step: ['451 4.3.0 later', None]}) as sink:
                    data = send(self.server, 'far@one.test')
                    self.assertTrue(sink.wait(1), self.server.log()[-3000:])
                    self.assertEqual(own_part(sink.messages[0].data), data)
                    self.assertEqual(len(sink.messages), 1)
                self.settle()

    def test_never_at_each_step(self):
        for step, status in (('mail', '5.1.8'), ('rcpt', '5.1.0'), ('data', '5.5.0'), ('dot', '5.6.0')):
            with self.subTest(step=step):
                with Sink(port=self.routes['one.test'], at={step: '550 go away'}) as sink:
                    send(self.server, 'far@one.test')
                    told = self.report()
                    self.assertEqual((told['action'], told['status'], told['diagnostic-code']), ('failed', status, 'smtp; 550 go away'))
                    self.assertEqual(told['final-recipient'], 'rfc822; far@one.test')
                    self.assertEqual(sink.messages, [])
                self.settle()

    def test_never_at_the_greeting_is_later(self):
        """A 5xx before MAIL says nothing about the mail."""
        sink = self.sink(at={'connect': ['554 no service', '554 no service', None]})
        send(self.server, 'far@one.test')
        self.assertTrue(sink.wait(1))

    def test_closing_down(self):
        """421 at a step: another connection, at once."""
        for step in ('mail', 'rcpt', 'data'):
            with self.subTest(step=step):
                def bye(session, argument, seen=[]):
                    seen.append(1)
                    return '421 4.3.2 closing' if len(seen) == 1 else None
                with Sink(port=self.routes['one.test'], at={step: bye}) as sink:
                    send(self.server, 'far@one.test')
                    self.assertTrue(sink.wait(1))
                self.settle()

    def test_hangs_up_at_each_step(self):
        for step in ('connect', 'ehlo', 'mail', 'rcpt', 'data', 'dot', 'quit'):
            with self.subTest(step=step):
                with Sink(port=self.routes['one.test'], at={step: [DROP, DROP, None]}) as sink:
                    data = send(self.server, 'far@one.test')
                    self.assertTrue(sink.wait(1), self.server.log()[-3000:])
                    self.assertEqual(own_part(sink.messages[0].data), data)
                    time.sleep(0.2)
                    self.assertEqual(len(sink.messages), 1)
                self.settle()

    def test_no_smtp_at_all(self):
        for text in ('SSH-2.0-OpenSSH_9.2', '999 what', '220-a\n250 b', 'x' * 5000):
            with self.subTest(text=text[:20]):
                with Sink(port=self.routes['one.test'], at={'connect': [text, None]}) as sink:
                    send(self.server, 'far@one.test')
                    self.assertTrue(sink.wait(1))
                self.settle()

    def test_some_recipients_are_refused(self):
        def choose(session, argument):
            return {'bad': '550 5.1.1 nobody', 'busy': '450 4.2.1 busy'}.get(argument[len('TO:<'):].split('@')[0])
        sink = self.sink(at={'rcpt': choose})
        send(self.server, ['good@one.test', 'bad@one.test', 'busy@one.test'])
        self.assertTrue(sink.wait(1))
        self.assertEqual(sink.messages[0].recipients, ['good@one.test>'])
        told = self.report()
        self.assertEqual((told['final-recipient'], told['status']), ('rfc822; bad@one.test', '5.1.1'))
        sink.at['rcpt'] = [None]
        self.assertTrue(sink.wait(2))
        self.assertEqual(sink.messages[1].recipients, ['busy@one.test>'])

    def test_354_for_nobody(self):
        """All recipients refused, and DATA taken all the same: an empty message, which the server throws away."""
        def empty(session, argument):
            return '554 5.5.1 no recipients'
        sink = self.sink(at={'rcpt': ['550 5.1.1 nobody', None], 'data': ['354 go', None], 'dot': [empty, None]})
        send(self.server, 'far@one.test')
        self.assertEqual(self.report()['status'], '5.1.1')
        send(self.server, 'far@one.test')
        self.assertTrue(sink.wait(1))

    def test_refused_chunk(self):
        """RFC 3030: RSET, then the connection goes on."""
        sink = self.sink(extensions=USUAL + ['CHUNKING'], at={'dot': ['554 5.6.0 not this one', None]})
        for _ in range(5):
            send(self.server, 'far@one.test')
        self.assertTrue(sink.wait(4))
        self.assertEqual(self.report()['status'], '5.6.0')

    def test_notify_never(self):
        sink = self.sink(at={'rcpt': '550 5.1.1 nobody'})
        send(self.server, 'far@one.test', rcpt_options=['NOTIFY=NEVER'])
        self.assertTrue(wait_for(lambda: sink.sessions and any(line.startswith('RCPT') for line in sink.sessions[0].lines)))
        self.assertEqual(inbox(self.server, 1, 1.5), [])

    def test_reports_are_not_answered(self):
        self.sink(at={'rcpt': '550 5.1.1 nobody'})
        send(self.server, 'far@one.test', sender='', port='smtp')
        self.assertTrue(wait_for(lambda: 'send_failed' in self.server.log()))
        self.assertEqual(inbox(self.server, 1, 1.5), [])

    def test_report_to_a_sender_elsewhere(self):
        self.sink(at={'rcpt': '550 5.1.1 nobody'})
        home = self.sink('two.test')
        send(self.server, 'far@one.test', letter(), sender='they@two.test', port='smtp')
        self.assertTrue(home.wait(1))
        self.assertEqual(home.messages[0].sender, '')
        self.assertEqual(fields(email.message_from_bytes(home.messages[0].data))['status'], '5.1.1')

    def test_on_purpose(self):
        """outside.test of facteur dev."""
        send(self.server, ['fail5xx@outside.test', 'greylist@outside.test', 'fail4xx@outside.test', 'anybody@outside.test'])
        self.assertEqual(self.report()['final-recipient'], 'rfc822; fail5xx@outside.test')
        log = lambda: [line for line in self.server.log().splitlines() if 'outside.test' in line]
        self.assertTrue(wait_for(lambda: any(' sent ' in line and 'greylist@' in line for line in log())))
        self.assertTrue(wait_for(lambda: any(' send_deferred ' in line and 'fail4xx@' in line for line in log())))

    def test_nothing_goes_outside(self):
        send(self.server, 'far@not-routed.example')
        told = self.report()
        self.assertEqual((told['action'], told['status']), ('failed', '5.4.4'))
        self.assertIn('sends nothing outside', told['diagnostic-code'])


def is_open(session):
    """Whether the other side has not hung up; reads nothing."""
    try:
        return session.sock.recv(65536, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b'' if not session.buffer else True
    except BlockingIOError:
        return True
    except OSError:
        return False


def open_now(sink):
    """Looked at twice: one may end, and make room for another, while the rest is counted."""
    return sum(is_open(s) for s in [s for s in sink.sessions if is_open(s)])


class Patience(Relaying):
    EXTRA = ('greeting_timeout = 2s  ehlo_timeout = 2s  mail_timeout = 2s  rcpt_timeout = 2s  data_timeout = 2s  dot_timeout = 2s  '
             'silence = 1s  delay_warning = ["1s"]')

    def test_silence_at_each_step(self):
        """It is given up after its time, the mail goes when it can, and nobody else waits meanwhile."""
        good, sinks = self.sink('six.test'), []
        for domain, step in zip(self.routes, ('connect', 'ehlo', 'mail', 'rcpt', 'dot')):
            sinks.append((step, self.sink(domain, at={step: [HANG, None]})))
            send(self.server, 'far@' + domain)
        time.sleep(0.5)
        send(self.server, 'far@six.test')
        self.assertTrue(good.wait(1))
        for step, sink in sinks:
            with self.subTest(step=step):
                self.assertTrue(sink.wait(1))
                self.assertEqual(len(sink.messages), 1)
        self.assertTrue(any(sink.messages[0].time > good.messages[0].time for _, sink in sinks))  # one after the other it would be the last

    def test_silent_connections(self):
        """Two at most, however much waits."""
        sink = self.sink(at={'connect': HANG})
        for _ in range(40):
            send(self.server, 'far@one.test')
        self.assertTrue(sink.wait_sessions(1))
        end = time.monotonic() + 4  # twice greeting_timeout: those that are given up are not counted
        while time.monotonic() < end:
            self.assertLessEqual(open_now(sink), 2)
            time.sleep(0.05)
        self.assertGreater(len(sink.sessions), 1)

    def test_a_warning_once(self):
        sink = self.sink(at={'rcpt': ['450 4.2.1 busy'] * 5 + [None]})
        send(self.server, 'far@one.test')
        told = self.report()
        self.assertEqual((told['action'], told['status']), ('delayed', '4.2.1'))
        self.assertTrue(sink.wait(1))
        self.assertEqual(inbox(self.server, 1, 1), [])


class FallsSilent(Relaying):
    EXTRA = 'silence = 1s  patience = 1ms'

    def test_surplus_connections_end(self):
        """Many connections to a destination that answers; then it does not: two are left, the mail stays queued and goes later."""
        sink = self.sink(extensions=['8BITMIME'], at={'mail': 0.5})
        for _ in range(60):
            send(self.server, 'far@one.test')
        self.assertTrue(sink.wait_sessions(4))
        sink.at['mail'] = [HANG]
        self.assertGreater(open_now(sink), 2)
        self.assertTrue(wait_for(lambda: open_now(sink) <= 2))
        time.sleep(2)
        self.assertLessEqual(open_now(sink), 2)
        sink.at['mail'] = [None]
        before, sink.ending = sink.ending, threading.Event()
        before.set()
        self.assertTrue(sink.wait(60, 120))
        self.assertEqual(len({m.data for m in sink.messages}), 60)
        self.assertEqual(len(sink.messages), 60)


class Expiry(Relaying):
    EXTRA = 'expire = 3s  delay_warning = []'

    def test_always_busy(self):
        self.sink(at={'rcpt': '450 4.2.1 busy'})
        send(self.server, 'far@one.test')
        told = self.report()
        self.assertEqual((told['action'], told['status'], told['diagnostic-code']), ('failed', '5.4.7', 'smtp; 450 4.2.1 busy'))

    def test_nobody_there(self):
        send(self.server, 'far@three.test')
        told = self.report()
        self.assertEqual(told['action'], 'failed')
        self.assertIn('Connection refused', told['diagnostic-code'])


if __name__ == '__main__':
    unittest.main(verbosity=1)
