"""The milter role behind a real Postfix: what Postfix delivers is our own view byte for byte, refusals arrive with their texts at every
stage, held mail is held, a filter's death loses nothing and a reload refuses nobody. The plugin tests/zoo/obedient does as it is told."""
import os, poplib, re, signal, smtplib, socket, sys, threading, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur, postfix
from redis_server import wait_for

ALICE, BOB, SENDER = 'alice@example.test', 'bob@example.test', 'me@outside.example'
CONF = 'plugin obedient { path = "%s"  on_error = pass }\n' % os.path.join(facteur.build_dir(), 'zoo', 'obedient.so')
HEADER = ('Received: from elsewhere.example (elsewhere.example [192.0.2.9])\r\n\tby hop.example; Thu, 1 Jan 2026 00:00:00 +0000\r\n'
          'Message-ID: <%s@outside.example>\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nFrom: "A. Sender" <me@outside.example>\r\n'
          'To: alice@example.test,\r\n bob@example.test\r\nX-Odd:tight\r\nX-Odd:   three blanks  \r\nX-Odd: last\r\nSubject: old subject\r\n')
BODY = 'First line\r\n..dots\r\n\r\nPATCHME in the text\r\nlast line\r\n'
counter = iter(range(1000000))

# Orders of one message each; `edit` in tests/zoo/obedient.c.
EDITS = [
    [],
    ['top X-Top value'],
    ['top X-One 1', 'top X-Two 2', 'end X-Three 3', 'end X-Four 4'],
    ['trace X-Trace below the trace fields'],
    ['set Subject 0 new subject'],
    ['set X-Odd 0 first', 'set X-Odd 2 third'],
    ['remove X-Odd 1'],
    ['remove X-Odd 0', 'remove X-Odd 1', 'set X-Odd 2 the only one'],
    ['remove Received 1', 'top X-Top 1'],
    ['set Received 1 from nowhere; Thu, 1 Jan 2026 00:00:00 +0000'],
    ['before X-Odd 1 X-New between', 'after X-Odd 1 X-New2 also between'],
    ['before Subject 0 Subject another above', 'set Subject 0 changed too'],
    ['body a new body'],
    ['patch PATCHME PATCHED'],
    ['patch PATCHME PATCHED', 'set Subject 0 both', 'top X-Top and this', 'remove X-Odd 2', 'end X-End and that'],
    ['patch three four'],
]


def message(orders=(), extra='', body=BODY):
    mark = 'mark%d' % next(counter)
    return mark, HEADER % mark + extra + ''.join('X-Do: %s\r\n' % o for o in orders) + '\r\n' + body


def without_trace(data):
    """What differs by nature: the receiving server's own Received, and Return-Path."""
    data = re.sub(rb'(?m)\AReturn-Path:.*\r\n', b'', data)
    return re.sub(rb'(?m)^Received: from client\.test .*\r\n(?:[ \t].*\r\n)*', b'Received: ours\r\n', data, count=1)


class WithPostfix(unittest.TestCase):
    conf, protocol = CONF, 6

    @classmethod
    def setUpClass(cls):
        why = postfix.why_not()
        if why:
            raise unittest.SkipTest(why)
        cls.server = facteur.Server(conf=cls.conf).start()
        cls.addClassCleanup(lambda: cls.server.__exit__(None, None, None))
        cls.sink = cls.enter(postfix.Sink())
        milter = 'inet:127.0.0.1:%d' % cls.server.port('milter')
        cls.mta = cls.enter(postfix.Postfix(cls.sink, milters=milter, non_smtpd=milter, protocol=cls.protocol))

    @classmethod
    def enter(cls, thing):
        thing.__enter__()
        cls.addClassCleanup(thing.__exit__, None, None, None)
        return thing

    def session(self, name=facteur.CLIENT, source='127.0.0.1'):
        s = smtplib.SMTP(source_address=(source, 0), local_hostname=name, timeout=120)
        code, text = s.connect('127.0.0.1', self.mta.port)
        self.addCleanup(s.close)
        s.greeting = (code, text)
        return s

    def send(self, data, to=(BOB,), sender=SENDER):
        with self.session() as s:
            return s.sendmail(sender, list(to), data)


class Edits(WithPostfix):
    def own_view(self, mark, data):
        """The same message through our own SMTP server, as POP3 shows it."""
        with smtplib.SMTP('127.0.0.1', self.server.port('smtp'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.sendmail(SENDER, [ALICE], data)
        pop = poplib.POP3('127.0.0.1', self.server.port('pop3'))
        pop.user(ALICE)
        pop.pass_(facteur.PASSWORD)
        for n in range(pop.stat()[0], 0, -1):
            got = b''.join(line + b'\r\n' for line in pop.retr(n)[1])
            if mark.encode() in got:
                pop.quit()
                return got
        self.fail('not delivered')

    def test_what_postfix_delivers_is_our_view(self):
        self.maxDiff = None
        for orders in EDITS:
            with self.subTest(orders=orders):
                mark, data = message(orders)
                self.send(data)
                got = self.sink.find(mark)[0][2]
                self.assertEqual(without_trace(got).decode(), without_trace(self.own_view(mark, data)).decode())

    def test_sender(self):
        mark, data = message(['sender bounce@outside.example'])
        self.send(data)
        self.assertEqual(self.sink.find(mark)[0][0], 'bounce@outside.example')

    def test_sender_changed_at_mail(self):
        mark, data = message()
        self.send(data, sender='change-me@outside.example')
        self.assertEqual(self.sink.find(mark)[0][0], 'changed@outside.example')

    def test_recipients(self):
        mark, data = message(['addrcpt extra@example.test', 'delrcpt ' + BOB])
        self.send(data, to=[ALICE, BOB])
        self.assertEqual(sorted(r for m in self.sink.find(mark) for r in m[1]), [ALICE, 'extra@example.test'])

    def test_recipient_changed_at_rcpt(self):
        mark, data = message()
        self.send(data, to=['change-me@example.test', BOB])
        self.assertEqual(sorted(r for m in self.sink.find(mark) for r in m[1]), [ALICE, BOB])

    def test_one_recipient_discarded(self):
        mark, data = message()
        self.send(data, to=['discard-me@example.test', BOB])
        self.assertEqual([r for m in self.sink.find(mark) for r in m[1]], [BOB])

    def test_mail_of_this_machine(self):
        """non_smtpd_milters: the sendmail command."""
        mark, data = message(['top X-Top local'])
        self.mta.run('/usr/sbin/sendmail', '-C', self.mta.conf, '-i', '-f', SENDER, BOB, input=data.replace('\r\n', '\n'))
        got = self.sink.find(mark)[0][2]
        self.assertTrue(got.startswith(b'X-Top: local\r\n'), got[:200])

    def test_25_mib(self):
        line = 'x' * 70 + '\r\n'
        body = line * (25 * 1024 * 1024 // len(line)) + 'PATCHME\r\n'
        mark, data = message(['patch PATCHME PATCHED', 'top X-Top large'], body=body)
        self.send(data)
        got = self.sink.find(mark, wait=120)[0][2]
        self.assertTrue(got.startswith(b'X-Top: large\r\n'))
        self.assertEqual(got.split(b'\r\n\r\n', 1)[1], body.replace('PATCHME', 'PATCHED').encode())


class OldProtocol(Edits):
    """Postfix as it spoke before it knew leading spaces and no-reply bits. Only what does not depend on blanks is compared."""
    protocol = 2

    def test_what_postfix_delivers_is_our_view(self):
        mark, data = message(['top X-Top 1', 'set Subject 0 new subject', 'end X-End 2', 'patch PATCHME PATCHED'])
        self.send(data)
        got = self.sink.find(mark)[0][2]
        for want in (b'X-Top: 1\r\nReceived: from client.test', b'\r\nSubject: new subject\r\n', b'\r\nX-End: 2\r\n\r\n', b'PATCHED in the text'):
            self.assertIn(want, got)
        self.assertNotIn(b'old subject', got)


class Refusals(WithPostfix):
    REJECT, TEMPFAIL = (550, b'5.7.9 obeyed: reject 100%'), (450, b'4.7.9 obeyed: tempfail')

    def test_connect(self):
        for source, code in (('127.0.0.2', 554), ('127.0.0.3', 450), ('127.0.0.5', 421)):
            with self.subTest(source=source):
                s = self.session(source=source)
                codes = [s.greeting[0]]
                while codes[-1] < 400:  # a permanent refusal is told by the greeting, as 554
                    codes.append(s.docmd('EHLO client.test')[0] if len(codes) == 1 else s.docmd('MAIL FROM:<%s>' % SENDER)[0])
                self.assertEqual(codes[-1], code)

    def test_trusted(self):
        """ACCEPT at connect: nothing that comes on this connection is looked at."""
        mark, data = message(['top X-Top value'])
        with self.session(name='reject.test', source='127.0.0.4') as s:
            s.sendmail('reject@outside.example', [BOB], data)
        self.assertNotIn(b'X-Top: value', self.sink.find(mark)[0][2])

    def test_helo(self):
        for name, want in (('reject.test', self.REJECT), ('tempfail.test', self.TEMPFAIL)):
            with self.subTest(name=name):
                s = self.session()
                code, text = s.docmd('EHLO ' + name)
                if code < 400:
                    code, text = s.docmd('MAIL FROM:<%s>' % SENDER)
                self.assertEqual((code, text), want)

    def test_mail(self):
        for word, want in (('reject', self.REJECT), ('tempfail', self.TEMPFAIL)):
            with self.subTest(word=word), self.session() as s:
                s.ehlo()
                self.assertEqual(s.mail(word + '@outside.example'), want)
                self.assertEqual(s.mail(SENDER)[0], 250)

    def test_rcpt(self):
        with self.session() as s:
            s.ehlo()
            s.mail(SENDER)
            self.assertEqual(s.rcpt('reject@example.test'), self.REJECT)
            self.assertEqual(s.rcpt('tempfail@example.test'), self.TEMPFAIL)
            self.assertEqual(s.rcpt(BOB)[0], 250)

    def test_refused_recipients_are_shown(self):
        with self.session() as s:
            s.ehlo()
            s.mail(SENDER)
            self.assertEqual(s.rcpt('unknown@example.test')[0], 550)
            self.assertEqual(s.rcpt(BOB)[0], 250)
        self.server.wait_log(r'refused-recipient unknown@example\.test: .*no such user here')

    def test_data(self):
        for word, want in (('reject', self.REJECT), ('tempfail', self.TEMPFAIL)):
            with self.subTest(word=word), self.session() as s:
                s.ehlo()
                s.mail('data-%s@outside.example' % word)
                s.rcpt(BOB)
                self.assertEqual(s.docmd('DATA'), want)

    def test_unknown(self):
        with self.session() as s:
            s.ehlo()
            self.assertEqual(s.docmd('XREJECT me'), self.REJECT)
            self.assertNotEqual(s.docmd('XOTHER'), self.REJECT)

    def test_message(self):
        for word, want in (('reject', self.REJECT), ('tempfail', self.TEMPFAIL)):
            with self.subTest(word=word), self.session() as s:
                s.ehlo()
                s.mail(SENDER)
                s.rcpt(BOB)
                self.assertEqual(s.data(message(extra='X-Verdict: %s\r\n' % word)[1]), want)
                mark, data = message()  # the same connection goes on
                s.sendmail(SENDER, [BOB], data)
                self.sink.find(mark)

    def test_discard(self):
        lost, data = message(extra='X-Verdict: discard\r\n')
        self.send(data)
        kept, data = message()
        self.send(data)
        self.sink.find(kept)
        self.assertEqual([m for m in self.sink.messages if lost.encode() in m[2]], [])

    def test_quarantine(self):
        mark, data = message(['top X-Top held'], extra='X-Verdict: quarantine\r\n')
        before = self.mta.queue('hold')
        self.send(data)
        held = [q for q in self.mta.queue('hold') if q not in before]
        self.assertEqual(len(held), 1)
        wait_for(lambda: 'milter-hold' in self.mta.log(), 'the word of Postfix about it')
        self.mta.run('/usr/sbin/postsuper', '-c', self.mta.conf, '-H', held[0])
        self.mta.run('/usr/sbin/postqueue', '-c', self.mta.conf, '-f')
        self.assertTrue(self.sink.find(mark)[0][2].startswith(b'X-Top: held'))


class Trouble(WithPostfix):
    conf = CONF + 'milter { wait = 60s }\nplugin crash { path = "%s" }\n' % os.path.join(facteur.build_dir(), 'zoo', 'crash.so')

    def test_two_filters_die_over_a_message(self):
        """It is held, unjudged; the client has its 250, and other mail flows."""
        before = self.mta.queue('hold')
        self.send(message()[1].replace('old subject', 'please crash'))
        self.assertEqual(len(self.mta.queue('hold')), len(before) + 1)
        mark, data = message(['top X-Top fine'])
        self.send(data)
        self.assertTrue(self.sink.find(mark)[0][2].startswith(b'X-Top: fine'))

    def kill_filter_at(self, mark):
        """Kills the filter that has this message."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            for block in self.server.ctl('status').stdout.split('\nfilter ')[1:]:
                if re.search(r'\n\s+running [1-9]', block.split('\nstore')[0]):
                    os.kill(int(re.search(r'pid (\d+)', block).group(1)), signal.SIGKILL)
                    return
            time.sleep(0.05)
        self.fail('no filter has it')

    def test_a_filter_dies_over_a_message(self):
        """It is repeated in another one: the client sees nothing."""
        mark, data = message(['top X-Top survived'], extra='X-Wait: 10000\r\n')
        result = []
        t = threading.Thread(target=lambda: result.append(self.send(data)))
        t.start()
        self.kill_filter_at(mark)
        t.join()
        self.assertEqual(result, [{}])
        self.assertTrue(self.sink.find(mark)[0][2].startswith(b'X-Top: survived'))
        self.server.wait_log('filter_retry')

    def test_all_filters_die(self):
        """New connections wait for the restart; nobody gets a 451."""
        for pid in self.server.role_pids('filter'):
            os.kill(pid, signal.SIGKILL)
        for _ in range(5):
            mark, data = message(['top X-Top back'])
            self.assertEqual(self.send(data), {})
            self.assertTrue(self.sink.find(mark)[0][2].startswith(b'X-Top: back'))

    def test_reload_under_load(self):
        """Every message passes the filter while the milter process is replaced several times."""
        marks, errors, stop = [], [], threading.Event()

        def client():
            while not stop.is_set():
                mark, data = message(['top X-Top loaded'])
                try:
                    self.send(data)
                    marks.append(mark)
                except (OSError, smtplib.SMTPException) as e:
                    errors.append(e)
        threads = [threading.Thread(target=client) for _ in range(4)]
        for t in threads:
            t.start()
        try:
            for _ in range(3):
                before, seen = self.server.role_pids('milter'), len(marks)
                while self.server.ctl('reload', check=False).returncode != 0:  # the one before still drains
                    time.sleep(0.1)
                while self.server.role_pids('milter') == before or len(marks) < seen + 4:
                    self.assertEqual(errors, [])
                    time.sleep(0.1)
        finally:
            stop.set()
            for t in threads:
                t.join()
        self.assertEqual(errors, [])
        for mark in marks:
            self.assertTrue(self.sink.find(mark)[0][2].startswith(b'X-Top: loaded'), mark)


class UnixSocket(unittest.TestCase):
    def test_mode_and_a_stale_socket(self):
        with facteur.Server() as place:
            path = os.path.join(place.dir, 'milter.sock')
            with socket.socket(socket.AF_UNIX) as stale:
                stale.bind(path)
            conf = 'listener local { address = ["unix:%s"]  protocol = milter  mode = 0666 }\n' % path
            with facteur.Server(conf=conf) as server, socket.socket(socket.AF_UNIX) as s:
                self.assertEqual(os.stat(path).st_mode & 0o777, 0o666)
                s.settimeout(60)
                s.connect(path)
                s.sendall(b'\0\0\0\x0dO' + b'\0\0\0\x06' + b'\0\0\x01\xff' + b'\0\x1f\xff\xff')
                self.assertEqual(s.recv(5)[4:], b'O')
                server.ctl('reload')
                with socket.socket(socket.AF_UNIX) as again:
                    again.connect(path)
            self.assertFalse(os.path.exists(path))

    def test_it_comes_and_goes_by_reload(self):
        """A server that had no milter listener gets the process with the first one, and loses it with the last."""
        with facteur.Server() as server:
            milter, path = 'address = ["127.0.0.1:%d"]  protocol = milter' % server.port('milter'), os.path.join(server.dir, 'm.sock')
            generated = os.path.join(server.state, 'facteur.conf')
            with open(generated) as f:
                text = f.read()
            self.assertIn(milter, text)
            for listener, processes in (('', 0), ('listener other { address = ["unix:%s"]  protocol = milter }\n' % path, 1), ('', 0)):
                with open(generated, 'w') as f:
                    f.write(re.sub(r'(?m)^listener milter .*\n', '', text) + listener)
                server.ctl('reload')
                end = time.monotonic() + 60
                while len(server.role_pids('milter')) != processes:
                    self.assertLess(time.monotonic(), end)
                    time.sleep(0.05)
                self.assertEqual(os.path.exists(path), bool(processes))

    def test_bad_settings(self):
        for conf, why in (('milter { on_unavailable = reject }', 'must be tempfail or accept'), ('milter { max_connections = 0 }', 'at least 1'),
                          ('listener x { address = ["unix:relative"]  protocol = milter }', 'a path from /'),
                          ('listener x { address = ["unix:/tmp/facteur-x.sock"]  protocol = milter  mode = rw }', 'must be octal'),
                          ('listener x { address = ["unix:/tmp/facteur-x.sock"]  protocol = milter  owner = "nobody-of-that-name" }', 'there is no user'),
                          ('listener x { address = ["unix:/etc/passwd"]  protocol = milter }', 'is no socket')):
            with self.subTest(conf=conf), self.assertRaisesRegex(RuntimeError, why):
                facteur.Server(conf=conf + '\n').start()

    def test_only_for_milters(self):
        with self.assertRaisesRegex(RuntimeError, 'only milter and smtp with role local listen on unix'):
            facteur.Server(conf='listener x { address = ["unix:/tmp/x"]  protocol = lmtp }\n').start()


if __name__ == '__main__':
    unittest.main()
