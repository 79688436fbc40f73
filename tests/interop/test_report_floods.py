"""Reports that must not become a flood: to forged senders, to people whose mailbox refuses them, about reports, many for one message; and mail that runs in circles."""
import email, imaplib, json, os, re, smtplib, sys, time, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from smtp_sink import Sink, USUAL
from test_relay import ALICE, fields, inbox, letter, send, wait_for

FAST = 'relay { suppress = 0s  retry = ["1s"]  retry_jitter = 0  dead_first = 1s  dead_max = 1s  %s }\nsmtp { max_errors = 1000  %s }\n'
TRUSTED = 'relay_networks = ["127.0.0.0/8"]'
FORGED = 'victim@home.test'


class Base(unittest.TestCase):
    """fails.test and others.test refuse every recipient; home.test is where senders elsewhere have their mailboxes."""
    RELAY, SMTP = 'max_reports = 3', TRUSTED

    @classmethod
    def setUpClass(cls):
        cls.sinks = {'fails.test': Sink(at={'rcpt': '550 5.1.1 nobody'}), 'others.test': Sink(at={'rcpt': '550 5.2.1 closed'}),
                     'later.test': Sink(at={'rcpt': '450 4.2.1 busy'}), 'home.test': Sink()}
        for sink in cls.sinks.values():
            sink.__enter__()
            cls.addClassCleanup(sink.__exit__)
        cls.server = facteur.Server(conf=FAST % (cls.RELAY, cls.SMTP), routes={name: sink.port for name, sink in cls.sinks.items()})
        cls.server.start()
        cls.addClassCleanup(cls.server.__exit__, None, None, None)

    def setUp(self):
        self.home = self.sinks['home.test']
        for sink in self.sinks.values():
            sink.messages.clear()
            for session in sink.sessions:  # one may still be open, and be used again
                session.lines.clear()
        self.home.at.clear()
        self.server.ctl('queue', 'drop', '--all', '--yes')
        inbox(self.server, 0)
        self.before = len(self.server.log())

    def over(self):
        """Nothing is in the queue any more: whatever was to be told was told."""
        self.assertTrue(wait_for(lambda: json.loads(self.server.ctl('queue', 'list', '--json').stdout) == [], 60), self.server.log()[-3000:])

    def events(self, name):
        return re.findall(r'(?m)^\S+ \w+ relay\S* %s .*$' % name, self.server.log()[self.before:])

    def recipients_in(self, report):
        part = next(p for p in report.walk() if p.get_content_type() == 'message/delivery-status')
        return sorted(re.findall(r'Final-Recipient: rfc822; (\S+)', part.as_string()))


class Reports(Base):
    def test_one_report_for_all_recipients(self):
        to = ['u%02d@fails.test' % i for i in range(40)]
        send(self.server, to)
        self.over()
        (report,) = inbox(self.server, 1)
        self.assertEqual(self.recipients_in(report), to)

    def test_reports_that_are_refused_are_the_end(self):
        """The sender's mailbox bounces everything: each report is tried once, and nobody hears of it."""
        self.home.at['rcpt'] = ['550 5.2.1 no mail to here']
        senders = ['closed%d@home.test' % i for i in range(10)]
        for sender in senders:
            send(self.server, 'far@fails.test', sender=sender, port='smtp')
        self.over()
        self.assertTrue(wait_for(lambda: len(self.events('report')) == 10))
        tried = [line for s in self.home.sessions for line in s.lines if line.startswith(('MAIL', 'RCPT'))]
        self.assertEqual(sorted(line.split(' ')[1] for line in tried), ['FROM:<>'] * 10 + ['TO:<%s>' % sender for sender in senders])
        self.assertEqual(len([e for e in self.events('send_failed') if 'rcpt=closed' in e]), 10)
        self.assertEqual(inbox(self.server, 0), [])

    def test_no_report_about_a_report(self):
        """Not even where one is asked for."""
        for options in ([], ['NOTIFY=FAILURE,DELAY,SUCCESS']):
            send(self.server, ['far@fails.test', 'far@others.test', 'far@later.test', 'near@home.test'], sender='', port='smtp', rcpt_options=options)
        self.assertTrue(self.home.wait(2))
        self.assertTrue(wait_for(lambda: len(self.events('send_failed')) == 4), self.server.log()[self.before:])
        self.server.ctl('queue', 'drop', '--all', '--yes')
        self.over()
        self.assertEqual((self.events('report'), inbox(self.server, 0), len(self.home.messages)), ([], [], 2))

    def test_a_report_names_no_sender_and_is_marked(self):
        """RFC 3834 2: programs that answer mail do not answer it."""
        send(self.server, 'far@fails.test', sender='marked@home.test', port='smtp')
        self.assertTrue(self.home.wait(1))
        self.assertEqual((self.home.messages[0].sender, email.message_from_bytes(self.home.messages[0].data)['Auto-Submitted']), ('', 'auto-replied'))

    def test_a_forged_sender(self):
        """relay.max_reports: its address gets so many in an hour, however it is spelled."""
        spelled = [FORGED, 'Victim@home.test', 'victim+1@home.test', 'VICTIM@HOME.test', FORGED, 'victim+x@home.test', FORGED]
        for sender in spelled:
            send(self.server, ['far@fails.test', 'far@others.test'], sender=sender, port='smtp')
        self.over()
        self.assertEqual(len(self.home.messages), 3)
        # Each failure stands in the log, and what was not said does as well.
        self.assertEqual(len(self.events('send_failed')), 2 * len(spelled))
        self.assertTrue(wait_for(lambda: len(re.findall('a report was not made.*max_reports', self.server.log()[self.before:])) == 2 * len(spelled) - 3))
        # Others get theirs; those who live here get all.
        send(self.server, 'far@fails.test', sender='another@home.test', port='smtp')
        self.assertTrue(self.home.wait(4))
        for _ in range(6):
            send(self.server, 'far@fails.test')
        self.over()
        self.assertEqual((len(inbox(self.server, 6)), len(self.home.messages)), (6, 4))

    # ---- circles ----

    def count(self, user):
        with imaplib.IMAP4('127.0.0.1', self.server.port('imap')) as m:
            m.login(user, facteur.PASSWORD)
            return int(m.select()[1][0])

    def alias(self, name, *to):
        self.server.ctl('alias', 'set', name, *to)
        self.addCleanup(self.server.ctl, 'alias', 'remove', name)

    def submit(self, to, head=b''):
        with smtplib.SMTP('127.0.0.1', self.server.port('smtp'), local_hostname=facteur.CLIENT) as c:
            c.ehlo()
            c.mail('ann@home.test')
            code, text = c.rcpt(to)
            return (code, text.decode()) if code != 250 else (lambda r: (r[0], r[1].decode()))(c.data(head + letter()))

    def test_aliases_here(self):
        """To itself, in a ring, in a ring with somebody on the way: who is there gets it once, nobody else is asked."""
        self.alias('self@example.test', 'self@example.test')
        self.alias('one@example.test', 'two@example.test')
        self.alias('two@example.test', 'three@example.test')
        self.alias('three@example.test', 'one@example.test')
        self.alias('ring@example.test', 'ring@example.test', 'bob@example.test', 'round@example.test')
        self.alias('round@example.test', 'ring@example.test', 'bob@example.test')
        for name in ('self', 'one'):
            code, text = self.submit(name + '@example.test')
            self.assertEqual(code // 100, 5, text)
        before = self.count('bob@example.test')
        self.assertEqual(self.submit('ring@example.test')[0], 250)
        self.assertEqual(self.count('bob@example.test'), before + 1)
        self.over()
        self.assertEqual((self.events('report'), self.home.messages), ([], []))

    def test_a_ring_that_leads_out_once(self):
        self.alias('ring@example.test', 'round@example.test', 'far@home.test')
        self.alias('round@example.test', 'ring@example.test', 'far@home.test')
        self.assertEqual(self.submit('ring@example.test')[0], 250)
        self.over()
        self.assertEqual([m.recipients for m in self.home.messages], [['far@home.test>']])

    def test_received_fields(self):
        """smtp.max_received, 100: what came through more servers runs in circles (RFC 5321 6.3). Ours counts, too."""
        field = b'Received: from a.test by b.test; Sun, 22 Nov 2026 08:00:00 +0000\r\n'
        for n, code in ((99, 250), (100, 554), (500, 554)):
            for to in ('bob@example.test', 'far@home.test'):
                with self.subTest(n=n, to=to):
                    got, text = self.submit(to, field * n)
                    self.assertEqual(got, code, text)
                    if code == 554:
                        self.assertTrue(text.startswith('5.4.6 mail loop'), text)
        self.over()
        self.assertEqual((len(self.home.messages), self.events('report')), (1, []))

    def test_case_and_folds_hide_no_received_field(self):
        self.assertEqual(self.submit('bob@example.test', b'RECEIVED:\r\n from a.test by b.test\r\n' * 50 + b'received : from c.test by d.test\r\n' * 50)[0], 554)



class Impatient(Base):
    RELAY = 'delay_warning = ["1s", "6s"]  expire = 13s  expire_null = 2s'

    def test_warnings_for_all_recipients(self):
        """Each of relay.delay_warning once, not with every try; all recipients in one."""
        to = ['u%02d@later.test' % i for i in range(10)]
        send(self.server, to)
        self.over()
        got = inbox(self.server, 3)
        self.assertEqual([fields(r)['action'] for r in got], ['delayed', 'delayed', 'failed'])
        for report in got:
            self.assertEqual(self.recipients_in(report), to)

    def test_reports_that_are_put_off_wait_no_longer_than_their_time(self):
        self.home.at['rcpt'] = ['450 4.2.2 full']
        send(self.server, 'far@fails.test', sender=FORGED, port='smtp')
        self.assertTrue(wait_for(lambda: self.events('send_expired'), 60), self.server.log()[-3000:])
        self.over()
        self.assertTrue(wait_for(lambda: len(self.events('report')) == 1))


class Strangers(Base):
    """Without relay_networks: what cannot be delivered is refused to who sends it, and nobody else is told."""
    SMTP = '}\nstore { quota = 5K'

    def stranger(self, *commands):
        with smtplib.SMTP('127.0.0.1', self.server.port('smtp'), local_hostname=facteur.CLIENT) as c:
            c.ehlo()
            return c.has_extn('dsn'), [c.docmd(command)[0] for command in commands]

    def test_refused_in_the_dialogue(self):
        mail = 'MAIL FROM:<%s>' % FORGED
        self.assertEqual(self.stranger(mail, 'RCPT TO:<far@fails.test>', 'RCPT TO:<nobody@example.test>', 'DATA'), (False, [250, 550, 550, 503]))
        # Success would be told to whom it pleases him to name.
        self.assertEqual(self.stranger(mail, 'RCPT TO:<%s> NOTIFY=SUCCESS' % ALICE)[1], [250, 555])
        self.assertEqual(self.stranger(mail + ' RET=FULL')[1], [555])
        self.over()
        self.assertEqual((self.events('report'), self.home.sessions), ([], []))

    def test_no_room(self):
        """A mailbox that turns out full after the data."""
        with smtplib.SMTP('127.0.0.1', self.server.port('smtp'), local_hostname=facteur.CLIENT) as c:
            with self.assertRaises((smtplib.SMTPDataError, smtplib.SMTPRecipientsRefused)):
                c.sendmail(FORGED, ['bob@example.test'], letter((b'x' * 70 + b'\r\n') * 100))
        self.over()
        self.assertEqual((self.events('report'), self.home.sessions), ([], []))


if __name__ == '__main__':
    unittest.main(verbosity=1)
