"""plugins/iprev with a server and a name server: names of client addresses, confirmed or not, in symbols, Authentication-Results, Received and rules."""
import imaplib, os, smtplib, socket, struct, subprocess, sys, tempfile, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from fake_dns import FakeDNS
from ports import free_port

ALICE = 'alice@example.test'
MESSAGE = 'From: <x@example.org>\r\nTo: <alice@example.test>\r\nSubject: x\r\n\r\nbody\r\n'
V6 = '2001:db8::7'
ZONE = {
    '1.2.0.192.in-addr.arpa': {'PTR': ['mx.example.org']},
    'mx.example.org': {'A': ['192.0.2.1'], 'AAAA': [V6]},
    '2.2.0.192.in-addr.arpa': {'PTR': ['liar.example']},
    'liar.example': {'A': ['192.0.2.99']},
    '4.2.0.192.in-addr.arpa': 'SERVFAIL',
    '5.2.0.192.in-addr.arpa': {'PTR': ['n%d.example' % i for i in range(30)]},
    '.'.join(reversed('20010db8000000000000000000000007')) + '.ip6.arpa': {'PTR': ['mx.example.org']},
    '6.2.0.192.in-addr.arpa': 'SILENT',
    '1.0.0.127.in-addr.arpa': {'PTR': ['near.example']},
}
RULE = """rule { "NAMED", score = 1.0, group = "x", about = "the client has a name",
  function(m) return m.conn.rdns end }
"""


def listener(port):
    return 'listener px { address = ["127.0.0.1:%d"] protocol = smtp proxy = yes }\n' % port


class Iprev(unittest.TestCase):
    def server(self, dns, *keys, more=''):
        self.proxied = free_port()
        block = 'plugin headers { }\nplugin authres { }\nplugin iprev {\n%s}\n' % ''.join('    %s\n' % key for key in keys)
        return facteur.Server(listener(self.proxied) + block + more, dns=dns.address)

    def send(self, client):
        """(code, text) of MAIL, or of the message when that was taken."""
        with smtplib.SMTP(local_hostname=facteur.CLIENT, timeout=60) as s:
            raw = socket.create_connection(('127.0.0.1', self.proxied), 60)
            raw.sendall(('PROXY TCP%d %s %s 4711 25\r\n' % (6 if ':' in client else 4, client, '::1' if ':' in client else '198.51.100.9')).encode())
            s.sock = raw
            self.assertEqual(s.getreply()[0], 220)
            s.ehlo()
            code, text = s.mail('x@example.org')
            if code == 250:
                s.rcpt(ALICE)
                code, text = s.data(MESSAGE)
            return code, text.decode()

    def header(self, server):
        with imaplib.IMAP4('127.0.0.1', server.port('imap')) as m:
            m.login(ALICE, facteur.PASSWORD)
            _, (count,) = m.select('INBOX', readonly=True)
            _, data = m.fetch(count.decode(), '(BODY.PEEK[HEADER])')
            return ' '.join(data[0][1].decode().split())

    def check(self, server, client, symbol, result):
        code, text = self.send(client)
        self.assertEqual(code, 250, text)
        ledger = server.ctl('trace', text.split()[-1].strip('.')).stdout
        found = [word for word in ledger.split() if word.startswith('IPREV_')]
        self.assertEqual(found, [symbol] if symbol else [], ledger)
        header = self.header(server)
        if result:
            self.assertEqual(header.count(' iprev='), 1, header)
            self.assertIn(result, header)
        else:
            self.assertNotIn('iprev=', header)
        return ledger, header

    def test_before_the_greeting(self):
        with FakeDNS(ZONE) as dns, self.server(dns) as server:
            _, header = self.check(server, '192.0.2.1', 'IPREV_PASS', 'iprev=pass (mx.example.org) policy.iprev=192.0.2.1')
            self.assertIn('Received: from client.test (mx.example.org [192.0.2.1])', header)
            _, header = self.check(server, V6, 'IPREV_PASS', 'iprev=pass (mx.example.org) policy.iprev="2001:db8::7"')
            self.assertIn('(mx.example.org [IPv6:2001:db8::7])', header)
            _, header = self.check(server, '192.0.2.2', 'IPREV_FAIL', 'iprev=fail policy.iprev=192.0.2.2')
            self.assertIn('Received: from client.test ([192.0.2.2])', header)
            self.check(server, '192.0.2.3', 'IPREV_NONE', 'iprev=permerror policy.iprev=192.0.2.3')
            self.check(server, '192.0.2.4', 'IPREV_TEMPERROR', 'iprev=temperror policy.iprev=192.0.2.4')
            self.check(server, '10.1.2.3', None, None)
            self.assertEqual(dns.asked('3.2.1.10.in-addr.arpa'), 0)

    def test_a_silent_dns(self):
        """It is a temperror when there is time to learn that, and holds up nobody's mail when there is not."""
        with FakeDNS(ZONE) as dns, self.server(dns, more='dns { timeout = 200ms }\n') as server:
            self.check(server, '192.0.2.6', 'IPREV_TEMPERROR', 'iprev=temperror policy.iprev=192.0.2.6')
        with FakeDNS(ZONE) as dns, self.server(dns, 'deadline = 200ms') as server:
            self.assertEqual(self.send('192.0.2.6')[0], 250)

    def test_names_without_number(self):
        with FakeDNS(ZONE) as dns, self.server(dns, 'max_names = 3') as server:
            self.check(server, '192.0.2.5', 'IPREV_FAIL', 'iprev=fail policy.iprev=192.0.2.5')
            self.assertEqual(sum(dns.asked('n%d.example' % i) for i in range(30)), 3)

    def test_with_the_message(self):
        with FakeDNS(ZONE) as dns, self.server(dns, 'when = scan') as server:
            _, header = self.check(server, '192.0.2.1', 'IPREV_PASS', 'iprev=pass (mx.example.org) policy.iprev=192.0.2.1')
            self.assertIn('Received: from client.test ([192.0.2.1])', header)
            self.check(server, '192.0.2.3', 'IPREV_NONE', 'iprev=permerror policy.iprev=192.0.2.3')

    def milter(self, server, name, client):
        """What an MTA hears at the end of a message: every change, as bytes."""
        with socket.create_connection(('127.0.0.1', server.port('milter')), 60) as s, s.makefile('rb') as f:
            def ask(command, data):
                s.sendall(struct.pack('>I', 1 + len(data)) + command + data)
                while True:
                    size, = struct.unpack('>I', f.read(4))
                    reply = f.read(size)
                    yield reply
                    if reply[:1] in b'Ocart':
                        return

            def tell(command, data):
                return list(ask(command, data))[-1:]
            tell(b'O', struct.pack('>3I', 6, 0x1ff, 0))
            self.assertEqual(tell(b'C', name.encode() + b'\0' + b'4' + struct.pack('>H', 4711) + client.encode() + b'\0'), [b'c'])
            for command, data in ((b'H', b'client.test\0'), (b'M', b'<x@example.org>\0'), (b'R', b'<%s>\0' % ALICE.encode()), (b'T', b''),
                                  (b'L', b'From\0<x@example.org>\0'), (b'N', b''), (b'B', b'body\r\n')):
                self.assertEqual(tell(command, data), [b'c'], command)
            return b' '.join(ask(b'E', b''))

    def test_behind_an_mta(self):
        """The MTA's confirmed name is believed; where it has none, ours is looked up."""
        with FakeDNS(ZONE) as dns, self.server(dns) as server:
            self.assertIn(b'iprev=pass (known.example) policy.iprev=192.0.2.3', self.milter(server, 'known.example', '192.0.2.3'))
            self.assertEqual(dns.asked('3.2.0.192.in-addr.arpa'), 0)
            self.assertIn(b'iprev=pass (mx.example.org) policy.iprev=192.0.2.1', self.milter(server, '[192.0.2.1]', '192.0.2.1'))
            self.assertIn(b'iprev=fail policy.iprev=192.0.2.2', self.milter(server, '[192.0.2.2]', '192.0.2.2'))

    def test_refusals(self):
        with FakeDNS(ZONE) as dns, self.server(dns, 'reject_none = yes', 'reject_fail = yes', 'defer_temperror = yes') as server:
            self.assertEqual(self.send('192.0.2.1')[0], 250)
            for client, code, text in (('192.0.2.2', 550, '5.7.25 your address 192.0.2.2 must have a name that leads back to it: liar.example has no such'),
                                       ('192.0.2.3', 550, '5.7.25 your address 192.0.2.3 must have'), ('192.0.2.4', 451, '4.7.25 ')):
                got = self.send(client)
                self.assertEqual(got[0], code, got)
                self.assertTrue(got[1].startswith(text), got)

    def test_rules_see_the_name(self):
        with tempfile.TemporaryDirectory() as folder, FakeDNS(ZONE) as dns:
            with open(os.path.join(folder, 'named.lua'), 'w') as f:
                f.write(RULE)
            with self.server(dns, more='lua { file = "%s/named.lua" }\n' % folder) as server:
                for client, wanted in (('192.0.2.1', True), ('192.0.2.2', False)):
                    code, text = self.send(client)
                    self.assertEqual(code, 250, text)
                    self.assertEqual('NAMED' in server.ctl('trace', text.split()[-1].strip('.')).stdout, wanted)

    def test_mistakes_in_the_configuration(self):
        for key, why in (('when = later', 'connect or scan'), ('max_names = 0', '1 to 20'), ('skip_net = ["x"]', 'a network'),
                         ('when = scan\n    reject_none = yes', 'refused at MAIL FROM')):
            with tempfile.NamedTemporaryFile('w', suffix='.conf') as f:
                f.write('plugin iprev {\n    %s\n}\n' % key)
                f.flush()
                r = subprocess.run([os.path.join(facteur.build_dir(), 'facteurctl'), '--conf', f.name, 'plugin', 'check', 'iprev'], capture_output=True, text=True, timeout=60)
                self.assertNotEqual(r.returncode, 0, key)
                self.assertIn(why, r.stdout + r.stderr)


if __name__ == '__main__':
    unittest.main()
