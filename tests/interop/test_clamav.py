"""plugins/clamav with a clamd that answers what the test says, and with the real one."""
import contextlib, os, re, smtplib, socket, struct, sys, threading, time, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), 'lib'), HERE]
import facteur
from test_milter_filters import SIGNATURE, clamd

ALICE = 'alice@example.test'
MESSAGE = 'From: <x@good.example>\r\nTo: <%s>\r\nSubject: x\r\n\r\nHello.\r\n' % ALICE
BREAK_OFF = object()  # the connection is reset without a word, as when the sentence about a limit gets lost


class FakeClamd:
    """Answers INSTREAM by answer(bytes), a line, None for silence or BREAK_OFF; PING and VERSION as clamd does."""

    def __init__(self, answer=lambda data: 'stream: OK', limit=1 << 30):
        self.answer, self.limit, self.scanned, self.words = answer, limit, [], []
        self.socket = socket.create_server(('127.0.0.1', 0))
        self.open, self.ended = [], False
        threading.Thread(target=self.serve, daemon=True).start()

    @property
    def address(self):
        return 'inet:127.0.0.1:%d' % self.socket.getsockname()[1]

    def serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.open.append(peer)
            threading.Thread(target=self.talk, args=(peer,), daemon=True).start()

    def talk(self, peer):
        with contextlib.suppress(OSError, EOFError), peer, peer.makefile('rb') as f:
            word = b''
            while not word.endswith(b'\0'):
                word += f.read(1) or self.end()
            self.words.append(word[1:-1].decode())
            if word == b'zINSTREAM\0':
                line = self.instream(f)
            else:
                line = {b'zPING\0': 'PONG', b'zVERSION\0': 'ClamAV 9.9.9/1/Fake'}[word]
            if line is None:
                f.read()
            elif line is BREAK_OFF:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            else:
                peer.sendall(line.encode() + b'\0')

    def end(self):
        raise EOFError

    def instream(self, f):
        data = b''
        while True:
            n, = struct.unpack('>I', f.read(4))
            if n == 0:
                self.scanned.append(data)
                return self.answer(data)
            data += f.read(n)
            if len(data) > self.limit:
                return 'INSTREAM size limit exceeded. ERROR'

    def close(self):
        for s in [self.socket] + self.open:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def conf(*addresses, **keys):
    return 'server { filter_processes = 1 }\nprofile default { reject = 1000 }\nplugin clamav {\n    deadline = 30s\n    server = [%s]\n%s}\n' % (
        ', '.join('"%s"' % a for a in addresses), ''.join('    %s = %s\n' % pair for pair in keys.items()))


class WithServer(unittest.TestCase):
    def send(self, server, text=MESSAGE):
        with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.ehlo()
            s.mail('x@good.example')
            s.rcpt(ALICE)
            code, reply = s.data(text)
        return code, reply.decode()

    def found(self, server, text=MESSAGE):
        code, reply = self.send(server, text)
        self.assertEqual(code, 250, reply)
        self.ledger = server.ctl('trace', reply.split()[-1].strip('.')).stdout
        return re.findall(r'symbol\s+clamav\s+(\S+)', self.ledger)


class Fake(WithServer):
    def test_clean_and_the_bytes(self):
        body = ''.join('%d lines of text\r\n' % i for i in range(20000)) + '.dots\r\n'
        with FakeClamd() as d, facteur.Server(conf(d.address)) as server:
            self.assertEqual(self.found(server, MESSAGE + body), [])
            self.assertEqual(len(d.scanned), 1)
            self.assertTrue(d.scanned[0].endswith((MESSAGE + body).encode()))
            self.assertTrue(d.scanned[0].startswith(b'Received: '))

    def test_a_virus(self):
        def virus(data):
            return 'stream: Win.Test.EICAR_HDB-1 FOUND'
        with FakeClamd(virus) as d:
            with facteur.Server(conf(d.address)) as server:
                self.assertEqual(self.send(server), (550, '5.7.1 virus found: Win.Test.EICAR_HDB-1'))
            for action in ('quarantine', 'score'):
                with facteur.Server(conf(d.address, action=action)) as server:
                    self.assertEqual(self.found(server), ['VIRUS'])
                    self.assertIn('Win.Test.EICAR_HDB-1', self.ledger)
                    self.assertEqual('quarantine' in self.ledger, action == 'quarantine')
            with facteur.Server(conf(d.address, action='discard')) as server:
                self.assertEqual(self.send(server)[0], 250)
                self.assertIn('discard', server.ctl('history').stdout)

    def test_a_suspicion(self):
        with FakeClamd(lambda data: 'stream: Heuristics.Phishing.Email FOUND') as d, facteur.Server(conf(d.address)) as server:
            self.assertEqual(self.found(server), ['VIRUS_SUSPECTED'])

    def test_the_second_serves(self):
        with FakeClamd() as first, FakeClamd() as second, facteur.Server(conf(first.address, second.address, pause='1h', probe='1h')) as server:
            self.assertEqual(self.found(server), [])
            first.close()
            self.assertEqual(self.found(server), [])
            self.assertEqual(self.found(server), [])
            self.assertEqual((len(first.scanned), len(second.scanned)), (1, 2))

    def test_nobody_serves(self):
        with FakeClamd() as d:
            address = d.address
        with facteur.Server(conf(address)) as server:
            self.assertEqual(self.found(server), ['CLAMAV_UNAVAILABLE'])
        with facteur.Server(conf(address, on_unavailable='tempfail')) as server:
            self.assertEqual(self.send(server), (451, '4.7.1 the virus scanner is away, please try again later'))

    def test_nonsense_and_silence(self):
        for answer in ('stream: what? ERROR', 'HTTP/1.0 400 Bad request', '', 'x' * 5000, None):
            with FakeClamd(lambda data: answer) as d, facteur.Server(conf(d.address, timeout='500ms', probe='1h')) as server:
                self.assertEqual(self.found(server), ['CLAMAV_UNAVAILABLE'], answer)

    def test_too_big(self):
        with FakeClamd(limit=65536) as d, facteur.Server(conf(d.address, max_size='1M')) as server:
            self.assertEqual(self.found(server, MESSAGE + 'x' * 70 + '\r\n'), [])
            self.assertEqual(self.found(server, MESSAGE + ('x' * 70 + '\r\n') * 4000), ['CLAMAV_TOO_BIG'])
            before = len(d.words)
            self.assertEqual(self.found(server, MESSAGE + ('x' * 70 + '\r\n') * 20000), ['CLAMAV_TOO_BIG'])
            self.assertEqual([w for w in d.words[before:] if w == 'INSTREAM'], [])

    def test_the_sentence_about_the_limit_is_lost(self):
        with FakeClamd(lambda data: BREAK_OFF) as d, facteur.Server(conf(d.address, probe='1h')) as server:
            self.assertEqual(self.found(server), ['CLAMAV_TOO_BIG'])
            self.assertEqual([w for w in d.words if w != 'VERSION'], ['INSTREAM', 'INSTREAM', 'PING'])

    def test_a_restart_in_between(self):
        answers = [BREAK_OFF, 'stream: OK']
        with FakeClamd(lambda data: answers.pop(0)) as d, facteur.Server(conf(d.address)) as server:
            self.assertEqual(self.found(server), [])
            self.assertEqual(len(d.scanned), 2)

    def test_probes(self):
        with FakeClamd() as d, facteur.Server(conf(d.address, probe='1s')) as server:
            end = time.monotonic() + 60
            while not {'VERSION', 'PING'} <= set(d.words) and time.monotonic() < end:
                time.sleep(0.1)
            self.assertEqual(d.words[:2], ['VERSION', 'PING'])
            server.wait_log('ClamAV 9.9.9/1/Fake')

    def test_bad_configuration(self):
        for address, keys, why in (('/run/clamd', {}, 'must be unix:/path'), ('inet:127.0.0.1:1', {'action': 'burn'}, 'must be reject, quarantine'),
                                   ('inet:127.0.0.1:1', {'on_unavailable': 'cry'}, 'must be accept or tempfail')):
            with self.assertRaises(RuntimeError) as caught:
                facteur.Server(conf(address, **keys)).start()
            self.assertIn(why, str(caught.exception))


class Real(WithServer):
    def test_clamd(self):
        if os.geteuid() != 0:
            self.skipTest('clamd is started as root')
        with clamd() as daemon:
            os.chmod(daemon.folder, 0o755)
            with facteur.Server(conf('unix:' + daemon.ready, probe='1h')) as server:
                self.assertEqual(self.found(server), [])
                code, text = self.send(server, MESSAGE + 'before %s behind\r\n' % SIGNATURE)
                self.assertEqual((code, text), (550, '5.7.1 virus found: Facteur.Test.UNOFFICIAL'))
                daemon.process.kill()
                daemon.process.wait()
                self.assertEqual(self.found(server), ['CLAMAV_UNAVAILABLE'])


if __name__ == '__main__':
    unittest.main()
