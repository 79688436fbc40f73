"""plugins/milter: we are the MTA, somebody else's filter decides. Scripted filters first, hostile ones, then OpenDKIM, OpenDMARC,
clamav-milter and rspamd."""
import imaplib, os, smtplib, struct, sys, types, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from fake_filter import *

ALICE, BOB = 'alice@example.test', 'bob@example.test'
MESSAGE = ('From: <x@remote.example>\r\nTo: <alice@example.test>\r\nSubject:  two spaces\r\nX-Twice: one\r\nX-Fold: a\r\n\tb\r\nX-Twice: two\r\n'
           '\r\nfirst line\r\n.second line\r\n')


def conf(*filters, **keys):
    """A block per filter; keys are the first one's."""
    text = ''
    for i, f in enumerate(filters):
        own = ''.join('    %s = %s\n' % pair for pair in keys.items()) if i == 0 else ''
        text += 'plugin filter%d {\n    use = milter\n    address = "%s"\n    deadline = 20s\n%s}\n' % (i, f.address, own)
    return text


def send(server, message=MESSAGE, sender='x@remote.example', recipients=(ALICE,), port='smtp'):
    """The final reply (code, text) to the message, and the codes of the recipients."""
    with smtplib.SMTP('127.0.0.1', server.port(port), local_hostname=facteur.CLIENT, timeout=60) as s:
        s.ehlo()
        code, text = s.mail(sender)
        if code != 250:
            return (code, text.decode()), []
        codes = [s.rcpt(r)[0] for r in recipients]
        if 250 not in codes:
            return (codes[0], ''), codes
        code, text = s.data(message)
        return (code, text.decode()), codes


def read(server, user=ALICE, mailbox='INBOX'):
    """The newest message as the recipient sees it."""
    with imaplib.IMAP4('127.0.0.1', server.port('imap')) as m:
        m.login(user, facteur.PASSWORD)
        _, (count,) = m.select(mailbox, readonly=True)
        if count in (b'0', None) or not count.isdigit():
            return None
        _, data = m.fetch(count.decode(), '(BODY.PEEK[])')
        return data[0][1].decode(errors='replace')


def header_of(text):
    """Behind our own trace fields."""
    head = text.split('\r\n\r\n')[0].replace('\r\n\t', ' ').replace('\r\n ', ' ').split('\r\n')
    return [line for line in head if not line.startswith(('Return-Path:', 'Received:', 'Delivered-To:'))]


class Dialogue(unittest.TestCase):
    def test_every_stage_is_told_as_postfix_tells_it(self):
        with FakeFilter() as f, facteur.Server(conf(f)) as server:
            self.assertEqual(send(server)[0][0], 250)
            self.assertTrue(f.wait_for('K'))
            self.assertEqual(f.letters(), 'OCHMRTLLLLLLNBEK')
            self.assertEqual(f.data('H'), [facteur.CLIENT.encode() + b'\0'])
            self.assertTrue(f.data('C')[0].startswith(b'[127.0.0.1]\x004'))
            self.assertTrue(f.data('C')[0].endswith(b'127.0.0.1\0'))
            self.assertTrue(f.data('M')[0].startswith(b'<x@remote.example>\0'))
            self.assertEqual(f.data('R'), [b'<alice@example.test>\0'])
            self.assertEqual(f.data('L')[2], b'Subject\0 two spaces\0')
            self.assertEqual(f.data('L')[4], b'X-Fold\0a\n\tb\0')
            self.assertEqual(f.data('B'), [b'first line\r\n.second line\r\n'])
            told = dict(f.told)
            self.assertEqual(told['C']['{daemon_name}'], 'smtp')
            self.assertEqual(told['C']['{client_addr}'], '127.0.0.1')
            self.assertEqual(told['M']['{mail_addr}'], 'x@remote.example')
            self.assertEqual(told['R']['{rcpt_addr}'], ALICE)
            self.assertRegex(told['E']['i'], r'^\w+\.1$')

    def test_versions(self):
        for version, letters in ((2, 'OCHMRLLLLLLNBEQ'), (3, 'OCHMRLLLLLLNBEQ'), (4, 'OCHMRTLLLLLLNBEQ'), (6, 'OCHMRTLLLLLLNBEK')):
            with self.subTest(version=version), FakeFilter(version=version) as f, facteur.Server(conf(f)) as server:
                self.assertEqual(send(server)[0][0], 250)
                self.assertTrue(f.wait_for(letters[-1]))
                self.assertEqual(f.letters(), letters)

    def test_an_offer_can_be_limited(self):
        with FakeFilter(version=4) as f, facteur.Server(conf(f, version=4)) as server:
            self.assertEqual(send(server)[0][0], 250)
            self.assertEqual(f.data('O')[0][:4], b'\0\0\0\4')

    def test_what_is_not_wanted_is_not_told(self):
        no = NO_CONNECT | NO_HELO | NO_MAIL | NO_RCPT | NO_BODY | NO_HEADERS | NO_EOH | NO_DATA
        with FakeFilter({'E': [add_header('X-A', '1'), CONTINUE]}, protocol=no, actions=1) as f, facteur.Server(conf(f)) as server:
            self.assertEqual(send(server)[0][0], 250)
            self.assertTrue(f.wait_for('K'))
            self.assertEqual(f.letters(), 'OEK')
            self.assertIn('X-A: 1', header_of(read(server)))

    def test_silent_filters_are_not_waited_for(self):
        with FakeFilter(protocol=SILENT | LEADING_SPACE) as f, facteur.Server(conf(f)) as server:
            self.assertEqual(send(server)[0][0], 250)
            self.assertTrue(f.wait_for('K'))
            self.assertEqual(f.letters(), 'OCHMRTLLLLLLNBEK')
            self.assertEqual(f.data('L')[2], b'Subject\0  two spaces\0')

    def test_macros_as_asked_for(self):
        asked = b'\0\0\0\2{auth_type} {mail_host} i\0\0\0\0\0j\0'
        with FakeFilter(macros=asked, actions=0x100) as f, facteur.Server(conf(f, macros='["{daemon_name}=ORIGINATING"]')) as server:
            self.assertEqual(send(server)[0][0], 250)
            told = dict(f.told)
            self.assertEqual(set(told['M']), {'{mail_host}', 'i'})
            self.assertEqual(set(told['C']), {'j', '{daemon_name}'})
            self.assertEqual(told['C']['{daemon_name}'], 'ORIGINATING')

    def test_connections_are_used_again(self):
        with FakeFilter() as f, facteur.Server(conf(f) + 'server { filter_processes = 1 }\n') as server:
            for i in range(3):
                self.assertEqual(send(server)[0][0], 250)
                self.assertTrue(f.wait_for('K', count=i + 1))
            self.assertEqual(f.connections, 1)
            self.assertEqual(f.letters().count('O'), 1)

    def test_several_messages_of_one_connection(self):
        with FakeFilter() as f, facteur.Server(conf(f)) as server:
            with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT) as s:
                s.sendmail('a@remote.example', [ALICE], MESSAGE)
                s.mail('b@remote.example')
                s.rset()
                s.sendmail('c@remote.example', [ALICE, BOB], MESSAGE)
            self.assertTrue(f.wait_for('K'))
            self.assertEqual(f.letters().replace('L', ''), 'OCHMRTNBEMAMRRTNBEK')

    def test_large_bodies_come_in_pieces(self):
        big = MESSAGE + ('x' * 78 + '\r\n') * 5000
        with FakeFilter() as f, facteur.Server(conf(f)) as server:
            self.assertEqual(send(server, big)[0][0], 250)
            self.assertEqual([len(b) for b in f.data('B')][:-1], [65535] * (len(f.data('B')) - 1))
            self.assertEqual(b''.join(f.data('B')).decode(), big.split('\r\n\r\n', 1)[1])

    def test_skip_ends_the_body(self):
        big = MESSAGE + ('x' * 78 + '\r\n') * 5000
        with FakeFilter({'B': [SKIP]}, protocol=CAN_SKIP) as f, facteur.Server(conf(f)) as server:
            self.assertEqual(send(server, big)[0][0], 250)
            self.assertEqual(len(f.data('B')), 1)

    def test_progress_is_patience(self):
        slow = [part for _ in range(4) for part in (Silence(1), PROGRESS)] + [CONTINUE]
        with FakeFilter({'E': slow}) as f, facteur.Server(conf(f, content_timeout='3s')) as server:
            self.assertEqual(send(server)[0][0], 250)

    def test_accept_ends_the_conversation(self):
        for letter, want in (('C', 'OCK'), ('M', 'OCHMK'), ('N', 'OCHMRTLLLLLLNK')):
            with self.subTest(letter), FakeFilter({letter: [ACCEPT]}) as f, facteur.Server(conf(f)) as server:
                self.assertEqual(send(server)[0][0], 250)
                self.assertTrue(f.wait_for('K'))
                self.assertEqual(f.letters().replace('A', ''), want)

    def test_refused_recipients_are_told_to_those_who_ask(self):
        for protocol, want in ((0, 1), (RCPT_REJ, 2)):
            with self.subTest(protocol), FakeFilter(protocol=protocol) as f, facteur.Server(conf(f)) as server:
                (code, _), codes = send(server, recipients=['nobody@example.test', ALICE])
                self.assertEqual((code, codes), (250, [550, 250]))
                self.assertEqual(len(f.data('R')), want)
                if protocol:
                    self.assertEqual([m.get('{rcpt_mailer}') for l, m in f.told if l == 'R'], ['error', 'local'])

    def test_only_who_is_meant(self):
        for keys, asked in (({'when_net': '["!127.0.0.0/8"]'}, False), ({'when_net': '["127.0.0.0/8"]'}, True),
                            ({'when_role': '["submission"]'}, False), ({'when_domain': '["example.test"]'}, True)):
            with self.subTest(keys), FakeFilter() as f, facteur.Server(conf(f, **keys)) as server:
                self.assertEqual(send(server)[0][0], 250)
                self.assertEqual('E' in f.letters(), asked)
        with FakeFilter() as f, facteur.Server(conf(f, when_domain='["other.test"]')) as server:
            self.assertEqual(send(server)[0][0], 250)
            self.assertNotIn('E', f.letters())


class Verdicts(unittest.TestCase):
    CASES = [  # letter, answer, code of the final reply, in its text
        ('H', reply('550 5.7.1 no such name'), 550, 'no such name'),
        ('M', REJECT, 550, ''),
        ('M', reply('451 4.7.1 100%% later'), 451, '100% later'),
        ('T', TEMPFAIL, 451, ''),
        ('L', reply('554 5.7.1 bad header'), 554, 'bad header'),
        ('N', REJECT, 550, ''),
        ('B', reply('552 5.3.4 too large for me'), 552, 'too large for me'),
        ('E', b'y554 5.7.1 no \xff UTF-8\0', 554, '5.7.1'),
        ('E', reply('452 4.3.1 ' + 'far too long ' * 35), 452, '4.3.1'),
        ('E', reply('550 5.7.1 virus'), 550, 'virus'),
        ('E', TEMPFAIL, 451, ''),
        ('E', ACCEPT, 250, ''),
        ('E', DISCARD, 250, ''),
    ]

    def test_each_stage(self):
        for letter, answer, code, text in self.CASES:
            with self.subTest(letter + answer.decode(errors='replace')), FakeFilter({letter: [answer]}) as f, facteur.Server(conf(f)) as server:
                with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT) as s:
                    got = s.ehlo()
                    for step in (lambda: s.mail('x@remote.example'), lambda: s.rcpt(ALICE), lambda: s.data(MESSAGE)):
                        if got[0] != 250:
                            break
                        try:
                            got = step()
                        except smtplib.SMTPDataError as e:
                            got = (e.smtp_code, e.smtp_error)
                self.assertEqual(got[0], code)
                self.assertIn(text, got[1].decode())
                self.assertEqual(read(server) is not None, code == 250 and answer != DISCARD)

    def test_connect(self):
        with FakeFilter({'C': [reply('554 5.7.1 not you')]}) as f, facteur.Server(conf(f)) as server:
            with self.assertRaises(smtplib.SMTPConnectError) as e:
                smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT)
            self.assertIn(b'not you', e.exception.smtp_error)

    def test_one_recipient(self):
        with FakeFilter({'R': lambda f, data: [REJECT if data.startswith(b'<bob') else CONTINUE]}) as f, facteur.Server(conf(f)) as server:
            (code, _), codes = send(server, recipients=[BOB, ALICE])
            self.assertEqual((code, codes), (250, [550, 250]))
            self.assertIsNone(read(server, BOB))
            self.assertIsNotNone(read(server, ALICE))

    def test_quarantine(self):
        with FakeFilter({'E': [b'qlooks odd\0', CONTINUE]}) as f, facteur.Server(conf(f)) as server:
            self.assertEqual(send(server)[0][0], 250)
            self.assertIsNone(read(server))
            self.assertIsNotNone(read(server, mailbox='Quarantine'))


class Edits(unittest.TestCase):
    def edited(self, *edits, actions=ALL_ACTIONS, more=()):
        with FakeFilter({'E': [*edits, CONTINUE]}, actions=actions) as f, facteur.Server(conf(f, *more)) as server:
            self.assertEqual(send(server)[0][0], 250)
            return read(server)

    def test_header(self):
        names = ['From', 'To', 'Subject', 'X-Twice', 'X-Fold', 'X-Twice']
        for edits, want in (
                ([add_header('X-End', 'z')], names + ['X-End']),
                ([insert_header(0, 'X-Top', 'a')], ['X-Top'] + names),
                ([insert_header(0, 'X-B', '1'), insert_header(0, 'X-A', '2')], ['X-A', 'X-B'] + names),
                ([insert_header(2, 'X-Third', 'a'), insert_header(1, 'X-Second', 'b')], ['From', 'X-Second', 'To', 'X-Third'] + names[2:]),
                ([insert_header(99, 'X-End', 'a')], names + ['X-End']),
                ([change_header(2, 'x-twice', '')], names[:-1]),
                ([change_header(1, 'X-Twice', ''), change_header(1, 'X-Twice', '')], ['From', 'To', 'Subject', 'X-Fold']),
                ([change_header(3, 'X-Twice', 'new')], names + ['X-Twice']),
                ([add_header('X-Own', '1'), change_header(1, 'X-Own', '')], names)):
            with self.subTest(edits):
                self.assertEqual([line.split(':')[0] for line in header_of(self.edited(*edits))], want)

    def test_values(self):
        head = header_of(self.edited(change_header(2, 'X-Twice', 'changed'), change_header(1, 'Subject', 'a\n\tb'), add_header('X-Long', 'y' * 300)))
        self.assertIn('X-Twice: one', head)
        self.assertIn('X-Twice: changed', head)
        self.assertIn('Subject: a b', head)
        self.assertIn('y' * 300, ''.join(head).replace(' ', ''))

    def test_a_value_cannot_smuggle_a_field(self):
        text = self.edited(add_header('X-A', 'a\nBcc: evil@example.test'))
        self.assertNotIn('Bcc:', text)

    def test_body(self):
        text = self.edited(b'bnew ', b'bbody\r\n')
        self.assertEqual(text.split('\r\n\r\n', 1)[1], 'new body\r\n')
        self.assertEqual(self.edited(b'b').split('\r\n\r\n', 1)[1], '')

    def test_envelope(self):
        edits = [b'e<new@remote.example>\0', b'+<bob@example.test>\0', b'-<alice@example.test>\0']
        with FakeFilter({'E': [*edits, CONTINUE]}, actions=ALL_ACTIONS) as f, facteur.Server(conf(f)) as server:
            self.assertEqual(send(server)[0][0], 250)
            self.assertIsNone(read(server, ALICE))
            self.assertIn('Return-Path: <new@remote.example>', read(server, BOB))

    def test_the_second_filter_sees_what_the_first_made(self):
        with FakeFilter({'E': [insert_header(0, 'X-First', 'yes'), change_header(1, 'Subject', 'changed'), b'bshort\r\n', CONTINUE]}) as first, FakeFilter() as second, \
                facteur.Server(conf(first, second)) as server:
            self.assertEqual(send(server)[0][0], 250)
            heard = second.data('L')
            self.assertIn(b'X-First\0yes\0', heard)
            self.assertIn(b'Subject\0changed\0', heard)
            self.assertEqual(b''.join(second.data('B')), b'short\r\n')


class Hostile(unittest.TestCase):
    """Nothing a filter does costs more than its own say: default_action decides, no message is half filtered."""
    SCRIPTS = {
        'hangs up at connect': {'O': [Close()]},
        'hangs up at the message': {'E': [Close()]},
        'half a packet': {'E': [Raw(b'\0\0\0\x20bhalf of a bo'), Close()]},
        'half a replaced body': {'E': [b'bthe first half', Close()]},
        'impossible length': {'E': [Raw(b'\xff\xff\xff\xffc')]},
        'no length': {'M': [Raw(b'\0\0\0\0')]},
        'unknown letter': {'R': [b'Zzz']},
        'edit in the dialogue': {'M': [add_header('X', 'y')]},
        'edit that was not negotiated': {'E': [b'+<bob@example.test>\0', CONTINUE]},
        'broken edit': {'E': [b'hX-A\0no end', CONTINUE]},
        'broken negotiation': {'O': [b'O\0\0']},
        'version nobody offered': {'O': [b'O' + struct.pack('!III', 99, 0, 0)]},
        'silence': {'M': [Silence(30)]},
        'silence at connect': {'O': [Silence(30)]},
        'two answers': {'H': [CONTINUE, REJECT]},
    }

    def tried(self, script, action):
        with FakeFilter(script, actions=1) as f, facteur.Server(conf(f, default_action=action, command_timeout='500ms', connect_timeout='500ms', content_timeout='500ms')) as server:
            try:
                code = send(server)[0][0]
            except (smtplib.SMTPConnectError, smtplib.SMTPHeloError) as e:
                code = e.smtp_code
            except smtplib.SMTPServerDisconnected:
                code = 421
            text = read(server)
            return code, text, read(server, mailbox='Quarantine')

    def test_default_action(self):
        for name, script in self.SCRIPTS.items():
            if name == 'two answers':
                continue
            with self.subTest(name):
                code, text, held = self.tried(script, 'tempfail')
                self.assertIn(code, (421, 451))
                self.assertIsNone(text)
                code, text, held = self.tried(script, 'accept')
                self.assertEqual(code, 250)
                self.assertIn('first line\r\n', text)
                self.assertNotIn('the first half', text)

    def test_reject_and_quarantine(self):
        code, text, held = self.tried(self.SCRIPTS['hangs up at the message'], 'reject')
        self.assertEqual((code, text, held), (550, None, None))
        code, text, held = self.tried(self.SCRIPTS['hangs up at the message'], 'quarantine')
        self.assertEqual((code, text), (250, None))
        self.assertIsNotNone(held)

    def test_an_answer_too_many_is_no_later_answer(self):
        with FakeFilter(self.SCRIPTS['two answers']) as f, facteur.Server(conf(f)) as server:
            code = send(server)[0][0]
            self.assertIn(code, (550, 451))  # taken for MAIL's, or the filter is given up; never a lost message with 250
            self.assertIsNone(read(server))

    def test_nobody_listens(self):
        with FakeFilter() as f:
            gone = types.SimpleNamespace(address=f.address)
        with facteur.Server(conf(gone, default_action='accept')) as server:
            self.assertEqual(send(server)[0][0], 250)

    def test_a_connection_that_died_while_waiting_is_replaced(self):
        with FakeFilter({'K': [Close()]}) as f, facteur.Server(conf(f) + 'server { filter_processes = 1 }\n') as server:
            for i in range(3):
                self.assertEqual(send(server)[0][0], 250)
                self.assertTrue(f.wait_for('KQ', count=i + 1))
            self.assertEqual(f.connections, 3)

    def test_a_filter_that_is_deaf_on_used_connections_gets_new_ones(self):
        def deaf(f, data):
            return [Silence(30)] if f.heard[-2:-1] == [('K', b'')] else [CONTINUE]
        with FakeFilter({'C': deaf}) as f, facteur.Server(conf(f) + 'server { filter_processes = 1 }\n') as server:
            for i in range(4):
                self.assertEqual(send(server)[0][0], 250)
                self.assertTrue(f.wait_for('KQ', count=i + 1))
            server.wait_log('it does not answer on one that was used')
            self.assertEqual(f.letters().count('K'), 1)


if __name__ == '__main__':
    unittest.main()
