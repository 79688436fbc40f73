"""The points queue.* of docs/hooks.md: Lua rules and a C plugin judge, change, route, postpone and hear of mail on its way out."""
import email, json, os, re, smtplib, sys, tempfile, threading, time, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'lib'))
import facteur
from smtp_sink import Sink
from test_dkim import make_key
from test_relay import ALICE, inbox, fields, wait_for

RULES = os.path.join(HERE, 'queue_hooks.lua')
RELAY = 'relay { retry = [%s]  retry_jitter = 0  dead_first = 1s  dead_max = 1s  idle_keep = 1s }\nsmtp { max_errors = 1000 }\n'
DOMAINS = ('one.test', 'two.test', 'three.test', 'four.test', 'five.test', 'six.test')
number = iter(range(1, 1 << 30))


def letter(subject, bare=False):
    more = '' if bare else 'Message-ID: <%d@client.test>\r\nDate: Sun, 22 Nov 2026 08:00:00 +0000\r\n' % next(number)
    return ('From: <alice@example.test>\r\nTo: <far@elsewhere.test>\r\nSubject: %s\r\n%s\r\nhello\r\n' % (subject, more)).encode()


class Base(unittest.TestCase):
    CONF, RETRY = '', '"1s"'

    @classmethod
    def setUpClass(cls):
        cls.sinks, cls.routes = {}, {}
        for domain in DOMAINS:
            cls.sinks[domain] = Sink()
            cls.sinks[domain].__enter__()
            cls.routes[domain] = cls.sinks[domain].port
        cls.server = facteur.Server(conf=RELAY % cls.RETRY + cls.conf(), routes=cls.routes)
        try:
            cls.server.start()
        except RuntimeError:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)
        for sink in cls.sinks.values():
            sink.__exit__()

    @classmethod
    def conf(cls):
        return cls.CONF

    def setUp(self):
        self.before = len(self.server.log())
        for sink in self.sinks.values():
            sink.messages.clear()
            sink.at.clear()

    def send(self, to, subject='x', bare=False):
        """What was said at the end of the data."""
        with smtplib.SMTP('127.0.0.1', self.server.port('submission'), local_hostname=facteur.CLIENT) as c:
            c.ehlo()
            c.login(ALICE, facteur.PASSWORD)
            c.mail(ALICE)
            for one in [to] if isinstance(to, str) else to:
                self.assertEqual(c.rcpt(one)[0], 250)
            code, text = c.data(letter(subject, bare))
            return code, text.decode()

    def sent(self, to, subject='x', bare=False):
        code, text = self.send(to, subject, bare)
        self.assertEqual(code, 250, text + self.server.log()[self.before:])
        return re.search(r'as (\S+)', text).group(1)

    def heard(self, pattern, seconds=60):
        """The line that a rule wrote to the log since the test began."""
        def look():
            return re.search(pattern, self.server.log()[self.before:])
        self.assertTrue(wait_for(look, seconds), '%s\n%s' % (pattern, self.server.log()[self.before:]))
        return look()

    def queue(self):
        return json.loads(self.server.ctl('queue', 'list', '--json').stdout)


class Rules(Base):
    @classmethod
    def conf(cls):
        return 'lua { file = "%s"  detour = "127.0.0.1:%d" }\n' % (RULES, cls.routes['six.test'])

    def test_queue_in_says_no(self):
        self.assertEqual(self.send('far@one.test', 'refused'), (550, '5.7.1 not to there'))
        self.assertEqual(self.send('far@one.test', 'later'), (451, '4.7.1 not to there now'))
        self.assertEqual(self.send('far@one.test', 'thrown away')[0], 250)
        self.heard(r'heard in submission 1 0\.00 keep far@one\.test')
        self.sent('far@one.test', 'goes')
        self.assertTrue(self.sinks['one.test'].wait(1))
        self.assertEqual([m.data.count(b'Subject: goes') for m in self.sinks['one.test'].messages], [1])

    def test_nobody_is_asked_about_mail_that_stays(self):
        self.sent('bob@example.test', 'refused')
        self.assertNotIn('heard in', self.server.log()[self.before:])

    def test_refused_for_those_elsewhere_alone(self):
        """One answer for all: who is here gets it, of the other the sender hears by a report."""
        self.sent([ALICE, 'far@one.test'], 'refused')
        got = inbox(self.server, 2)
        self.assertEqual(sorted(m.get_content_type() for m in got), ['multipart/report', 'text/plain'])
        report = next(m for m in got if m.get_content_type() == 'multipart/report')
        self.assertIn('5.7.1 not to there', fields(report)['diagnostic-code'])
        self.assertEqual(self.sinks['one.test'].messages, [])

    def test_queue_in_edits_what_all_get(self):
        self.sent([ALICE, 'far@one.test'], 'marked')
        self.assertTrue(self.sinks['one.test'].wait(1))
        message = self.sinks['one.test'].messages[0]
        self.assertEqual(message.sender, 'bounces@example.test')
        self.assertEqual(email.message_from_bytes(message.data)['X-Outside'], 'yes')
        (own,) = inbox(self.server, 1)
        self.assertEqual((own['X-Outside'], own['Return-Path']), ('yes', '<bounces@example.test>'))
        self.assertEqual(own.get_payload(), email.message_from_bytes(message.data).get_payload())

    def test_queue_in_changes_who_gets_it(self):
        self.sent(['far@one.test', 'not@one.test'], 'others')
        self.assertTrue(self.sinks['one.test'].wait(1) and self.sinks['two.test'].wait(1), self.server.log()[self.before:])
        self.assertEqual(self.sinks['one.test'].messages[0].recipients, ['far@one.test>'])
        self.assertEqual(self.sinks['two.test'].messages[0].recipients, ['archive@two.test>'])

    def test_held_until_somebody_releases_it(self):
        for subject in ('held', 'bad word'):
            with self.subTest(subject=subject):
                self.sinks['one.test'].messages.clear()
                trace = self.sent('far@one.test', subject)
                (entry,) = [e for e in self.queue() if e['trace'] == trace]
                self.assertEqual((entry['state'], entry['held']), ('held', True))
                time.sleep(0.5)
                self.assertEqual(self.sinks['one.test'].messages, [])
                self.server.ctl('queue', 'release', str(entry['id']))
                self.assertTrue(self.sinks['one.test'].wait(1))

    def test_class_of_routes(self):
        self.sent('far@two.test', 'bulk')
        self.assertTrue(self.sinks['two.test'].wait(1))
        self.heard(r'heard route two\.test may two\.test class=bulk 127\.0\.0\.1:\d+')
        self.heard(r'heard send two\.test 1 attempt=1 class=bulk size=true')

    def test_queue_route_takes_another_way(self):
        self.sent('far@three.test')
        self.assertTrue(self.sinks['six.test'].wait(1), self.server.log()[self.before:])
        self.assertEqual(self.sinks['six.test'].messages[0].recipients, ['far@three.test>'])
        self.assertEqual(self.sinks['three.test'].messages, [])

    def test_queue_route_refuses(self):
        self.sent('far@four.test')
        told = fields(inbox(self.server, 1)[0])
        self.assertEqual((told['action'], told['status']), ('failed', '5.7.1'))
        self.assertIn('no mail to four', told['diagnostic-code'])
        self.assertEqual(self.sinks['four.test'].sessions, [])

    def test_queue_route_asks_for_tls(self):
        """The sink has none: its mail waits."""
        self.sent('hopeless@five.test')
        self.assertIn('heard deferred', self.heard(r'heard deferred .*hopeless@five\.test').group(0))
        self.assertEqual(self.sinks['five.test'].messages, [])
        inbox(self.server, 1)

    def sessions_of(self, domain, n):
        self.assertTrue(self.sinks[domain].wait(n), self.server.log()[self.before:])
        return [m.session for m in self.sinks[domain].messages]

    def test_queue_route_says_where_connections_come_from(self):
        """And other mail to the same host does not take that connection."""
        for n, subject in enumerate(('x', 'elsewhere', 'x', 'elsewhere'), 1):
            self.sent('far@one.test', subject)
            self.sessions_of('one.test', n)
        self.assertEqual([s.peer for s in self.sessions_of('one.test', 4)], ['127.0.0.1', '127.0.0.7'] * 2)

    def test_a_source_that_is_none(self):
        """The mail goes, from where the system likes; the log says so."""
        self.sent('far@one.test', 'nowhere')
        self.sent('far@two.test', 'nowhere')
        for domain in ('one.test', 'two.test'):
            self.assertEqual([s.peer for s in self.sessions_of(domain, 1)], ['127.0.0.1'])
        self.heard(r'what a plugin asked for at queue\.route is not taken.* what=source value="not an address"')
        self.heard(r'mail leaves from another address.* source=192\.0\.2\.77')

    def test_queue_route_says_how_fast(self):
        """A gap between two messages of that class; others to the same host overtake them."""
        begun = time.monotonic()
        for _ in range(4):
            self.sent('slow@one.test', 'slow')
        for _ in range(2):
            self.sent('fast@one.test', 'x')
        self.sessions_of('one.test', 6)
        seen = [(m.recipients[0][:4], m.time) for m in self.sinks['one.test'].messages]
        for i, at in enumerate(at for who, at in seen if who == 'slow'):  # none may come early, however late the others are
            self.assertGreater(at - begun, i * 2 - 0.1, seen)
        self.assertEqual(seen[-1][0], 'slow')

    def test_queue_route_says_how_many_connections(self):
        for subject, one in (('x', False), ('bulk', True)):
            with self.subTest(subject=subject):
                self.sinks['two.test'].messages.clear()
                all_there = threading.Event()
                self.sinks['two.test'].at['mail'] = [lambda session, argument: all_there.wait(60) and None]
                for _ in range(20):
                    self.sent('far@two.test', subject)
                if not one:
                    self.assertTrue(wait_for(lambda: self.sinks['two.test'].open > 1), 'a second connection')
                all_there.set()
                self.assertEqual(len(set(self.sessions_of('two.test', 20))) == 1, one)

    def test_queue_send_postpones(self):
        begun = time.monotonic()
        self.sent('wait@one.test')
        self.assertTrue(self.sinks['one.test'].wait(1))
        self.assertGreater(time.monotonic() - begun, 0.9)
        self.heard(r'send_postponed.*not before five seconds')
        sends = re.findall(r'heard send one\.test 1 attempt=(\d)', self.server.log()[self.before:])
        self.assertEqual(set(sends), {'1'})
        self.assertGreater(len(sends), 1)

    def test_one_that_is_postponed_holds_nobody_up(self):
        self.sent('wait@two.test')
        self.sent('far@two.test')
        self.assertTrue(self.sinks['two.test'].wait(1))
        self.assertEqual(self.sinks['two.test'].messages[0].recipients, ['far@two.test>'])
        self.assertTrue(self.sinks['two.test'].wait(2))

    def test_filters_that_die(self):
        """The relay asks those that come after them, or nobody: mail leaves all the same."""
        self.sent('wait@one.test')
        for pid in self.server.role_pids('filter'):
            os.kill(pid, 9)
        self.assertTrue(self.sinks['one.test'].wait(1, 60), self.server.log()[self.before:])
        self.assertEqual(self.sinks['one.test'].messages[0].recipients, ['wait@one.test>'])
        self.assertTrue(wait_for(lambda: self.send('bob@example.test')[0] == 250, 60))

    def test_queue_delivered(self):
        self.sent(['a@one.test', 'b@one.test'])
        self.heard(r'heard delivered 127\.0\.0\.1:\d+ reply=250 2\.0\.0 taken tls= to=a@one\.test,b@one\.test')

    def test_queue_deferred_and_given_up(self):
        self.sinks['one.test'].at['rcpt'] = ['451 4.3.0 later']
        self.sent('hopeless@one.test')
        self.heard(r'heard deferred \d+ reply=451 4\.3\.0 later attempt=1 to=hopeless@one\.test')
        self.heard(r'heard bounced 4\.3\.0 true .*to=hopeless@one\.test')
        told = fields(inbox(self.server, 1)[0])
        self.assertEqual((told['action'], told['status'], told['diagnostic-code']), ('failed', '5.4.7', 'smtp; 451 4.3.0 later'))

    def test_queue_bounced(self):
        self.sinks['one.test'].at['rcpt'] = ['550 5.1.1 nobody']
        self.sent('silent@one.test')
        self.heard(r'heard bounced 5\.1\.1 false reply=550 5\.1\.1 nobody to=silent@one\.test')
        self.heard(r'report_dropped queue=\d+ to=alice@example\.test why="discarded at queue\.bounced"')
        self.sent('told@one.test')
        (report,) = inbox(self.server, 1)
        text = report.get_payload()[0].get_payload(decode=True).decode()
        self.assertTrue(text.startswith('Ring them instead: +1 555 0100.'), text)
        self.assertEqual(fields(report)['final-recipient'], 'rfc822; told@one.test')

    def test_a_report_to_somebody_elsewhere_enters_the_queue(self):
        self.sinks['one.test'].at['rcpt'] = ['550 5.1.1 nobody']
        self.sent('gone@one.test', 'answers elsewhere')
        self.assertTrue(self.sinks['two.test'].wait(1), self.server.log()[self.before:])
        report = email.message_from_bytes(self.sinks['two.test'].messages[0].data)
        self.assertEqual((report.get_content_type(), report['X-Report']), ('multipart/report', 'seen'))
        self.heard(r'heard in report 1 0\.00 keep owner@two\.test')

    def test_a_report_that_a_plugin_discards_is_none(self):
        self.sinks['one.test'].at['rcpt'] = ['550 5.1.1 nobody']
        self.sent('departed@one.test', 'answers nowhere')
        self.heard(r'report_dropped queue=\d+ to=nothing@two\.test why="discarded at queue\.in"')
        self.assertNotRegex(self.server.log()[self.before:], r' report queue=\d+ to=nothing')
        self.assertFalse(self.sinks['two.test'].messages)


class Patient(Base):
    """The retry time of the configuration is an hour; the rule says a second."""
    RETRY = '"1h"'
    CONF = 'lua { file = "%s" }\n' % RULES

    def test_queue_deferred_comes_back_sooner(self):
        self.sinks['one.test'].at['rcpt'] = ['451 4.3.0 later', None]
        self.sent('hurried@one.test')
        self.assertTrue(self.sinks['one.test'].wait(1), self.server.log()[self.before:])


class Signed(Base):
    """plugins/dkim signs what leaves once: where it enters the queue; and what stays where it is edited."""
    CONF = """server { user_filter = "" }
plugin headers { }
plugin dkim { deadline = 25s  keys = "%s"  sign = yes }
lua { file = "%s" }
"""

    @classmethod
    def conf(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.record = make_key(cls.folder.name, 'example.test', 'r1', 'rsa')
        make_key(cls.folder.name, 'localhost.test', 'r1', 'rsa')
        return cls.CONF % (cls.folder.name, RULES)

    def check(self, message):
        import dkim
        self.assertEqual(message.count(b'DKIM-Signature:'), 1, message)
        self.assertTrue(dkim.verify(message, dnsfunc=lambda name, timeout=5: self.record.encode()), message)

    def test_what_leaves(self):
        self.sent('far@one.test')
        self.assertTrue(self.sinks['one.test'].wait(1))
        self.check(self.sinks['one.test'].messages[0].data)

    def test_what_leaves_and_stays(self):
        self.sent(['far@one.test', 'far@two.test', ALICE])
        for domain in ('one.test', 'two.test'):
            self.assertTrue(self.sinks[domain].wait(1))
            self.check(self.sinks[domain].messages[0].data)
        (own,) = inbox(self.server, 1)
        self.assertEqual(own.get_all('DKIM-Signature'), email.message_from_bytes(self.sinks['one.test'].messages[0].data).get_all('DKIM-Signature'))

    def test_what_stays(self):
        self.sent(ALICE)
        (own,) = inbox(self.server, 1)
        self.assertEqual(len(own.get_all('DKIM-Signature')), 1)

    def test_what_is_missing_is_added_and_covered(self):
        """RFC 6409 8.2, 8.3: Date and Message-ID, in what leaves and in what stays."""
        self.sent([ALICE, 'far@one.test'], 'bare', bare=True)
        self.assertTrue(self.sinks['one.test'].wait(1))
        data = self.sinks['one.test'].messages[0].data
        (own,) = inbox(self.server, 1)
        for field in ('Date', 'Message-ID'):
            self.assertEqual(own.get_all(field), email.message_from_bytes(data).get_all(field))
            self.assertEqual(len(own.get_all(field)), 1)
        self.check(data)

    def test_after_what_rules_edit(self):
        """A rule gives it another subject, which is covered."""
        self.sent('far@one.test', 'renamed')
        self.assertTrue(self.sinks['one.test'].wait(1))
        data = self.sinks['one.test'].messages[0].data
        self.assertEqual(email.message_from_bytes(data)['Subject'], 'another')
        self.check(data)


class Brake(Base):
    """plugins/ratelimit counts mail for elsewhere as it does other mail: by message and by recipient."""
    CONF = 'plugin ratelimit { skip_net = []  user = 3/1d  user_recipients = 4/1d }\n'

    def replies(self, to):
        with smtplib.SMTP('127.0.0.1', self.server.port('submission'), local_hostname=facteur.CLIENT) as c:
            c.ehlo()
            c.login(ALICE, facteur.PASSWORD)
            c.mail(ALICE)
            codes = [c.rcpt(one)[0] for one in to]
            if 250 in codes:
                try:
                    codes.append(c.data(letter('x'))[0])
                except smtplib.SMTPDataError as e:  # no 354
                    codes.append(e.smtp_code)
            return codes

    def test_by_message_and_by_recipient(self):
        self.assertEqual(self.replies(['a@one.test']), [250, 250])
        self.assertEqual(self.replies(['b@one.test', 'a@two.test']), [250, 250, 250])
        self.assertEqual(self.replies(['c@one.test', 'd@one.test', 'e@two.test']), [250, 450, 450, 250])
        self.assertEqual(self.replies(['f@one.test']), [450])
        self.assertTrue(self.sinks['one.test'].wait(3) and self.sinks['two.test'].wait(1))

    def test_by_message(self):
        with facteur.Server(conf=RELAY % '"1s"' + 'plugin ratelimit { skip_net = []  user = 2/1d }\n', routes=self.routes) as server:
            self.server, whole = server, self.server
            self.addCleanup(lambda: setattr(self, 'server', whole))
            self.assertEqual([self.replies(['a@one.test'])[-1] for _ in range(3)], [250, 250, 451])


class Plugin(Base):
    """plugins/examples/courier.c: the same in C."""

    @classmethod
    def conf(cls):
        return ('plugin courier { path = "%s"  most = 2  domains = ["three.test"]  by = "127.0.0.1:%d" }\n'
                % (os.path.join(facteur.build_dir(), 'examples', 'courier.so'), cls.routes['six.test']))

    def test_another_way_and_an_edit(self):
        self.sent('far@three.test')
        self.assertTrue(self.sinks['six.test'].wait(1), self.server.log()[self.before:])
        self.assertEqual(email.message_from_bytes(self.sinks['six.test'].messages[0].data)['X-Courier'], 'submission')
        self.heard(r'took it for 1 after \d+ s')

    def test_too_many_are_held(self):
        trace = self.sent(['a@one.test', 'b@one.test', 'c@two.test'])
        (entry,) = [e for e in self.queue() if e['trace'] == trace]
        self.assertEqual(entry['state'], 'held')
        self.heard('too many recipients at once')


if __name__ == '__main__':
    unittest.main()
