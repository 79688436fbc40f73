"""Listeners behind a load balancer: `proxy = yes` takes a PROXY header (version 1 or 2) before anything else, in every protocol."""
import imaplib, os, socket, ssl, struct, sys, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from ports import free_port

CLIENT, OURS = '192.0.2.7', '198.51.100.9'
SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'
V1 = ('PROXY TCP4 %s %s 4711 25\r\n' % (CLIENT, OURS)).encode()
V2 = SIGNATURE + b'\x21\x11' + struct.pack('>H4s4sHH', 12, socket.inet_aton(CLIENT), socket.inet_aton(OURS), 4711, 25)
HEADERS = {'v1': V1, 'v2': V2, 'v1 unknown': b'PROXY UNKNOWN\r\n', 'v2 local': SIGNATURE + b'\x20\0\0\0'}
BAD = {
    'none': b'EHLO client.example\r\n',
    'v1 without addresses': b'PROXY TCP4\r\n',
    'v1 with a name for an address': b'PROXY TCP4 mail.example 198.51.100.9 4711 25\r\n',
    'v1 with a port too high': ('PROXY TCP4 %s %s 70000 25\r\n' % (CLIENT, OURS)).encode(),
    'v1 without an end': b'PROXY TCP4 ' + b'1' * 200,
    'v2 of version 3': SIGNATURE + b'\x31\x11\0\x0c' + b'\0' * 12,
    'v2 too short for its addresses': SIGNATURE + b'\x21\x11\0\x04' + b'\0' * 4,
}
# name: protocol, tls, the greeting's first bytes, one command, its answer
DOORS = {
    'smtp': ('smtp', 'starttls', b'220 ', b'NOOP\r\n', b'250 '),
    'lmtp': ('lmtp', 'starttls', b'220 ', b'NOOP\r\n', b'250 '),
    'imap': ('imap', 'starttls', b'* OK ', b'a NOOP\r\n', b'a OK'),
    'pop3': ('pop3', 'starttls', b'+OK ', b'CAPA\r\n', b'+OK'),
    'smtps': ('smtp', 'implicit', b'220 ', b'NOOP\r\n', b'250 '),
    'imaps': ('imap', 'implicit', b'* OK ', b'a NOOP\r\n', b'a OK'),
    'pop3s': ('pop3', 'implicit', b'+OK ', b'CAPA\r\n', b'+OK'),
}
server, ports = None, {}


def setUpModule():
    global server
    ports.update((name, free_port()) for name in DOORS)
    server = facteur.Server(conf=''.join(
        'listener px%s { address = ["127.0.0.1:%d"] protocol = %s tls = %s proxy = yes plain_login = yes }\n' % (name, ports[name], *DOORS[name][:2])
        for name in DOORS)).start()


def tearDownModule():
    server.__exit__(None, None, None)


def dial(name):
    return socket.create_connection(('127.0.0.1', ports[name]), 60)


def under_tls(sock):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(sock)


def line(sock):
    got = b''
    while not got.endswith(b'\n'):
        one = sock.recv(1)
        if not one:
            break
        got += one
    return got


def converse(test, name, sock):
    _, tls, greeting, command, answer = DOORS[name]
    if tls == 'implicit':
        sock = under_tls(sock)
    test.assertEqual(line(sock)[:len(greeting)], greeting)
    sock.sendall(command)
    test.assertEqual(line(sock)[:len(answer)], answer)
    sock.close()


class Proxy(unittest.TestCase):
    def test_every_protocol_greets_after_the_header(self):
        for name in DOORS:
            for what, header in HEADERS.items():
                with self.subTest(door=name, header=what), dial(name) as s:
                    s.sendall(header)
                    converse(self, name, s)

    def test_a_header_may_come_in_pieces(self):
        for name in ('smtp', 'imap', 'pop3'):
            for what in ('v1', 'v2'):
                with self.subTest(door=name, header=what), dial(name) as s:
                    for i in range(len(HEADERS[what])):
                        s.sendall(HEADERS[what][i:i + 1])
                        time.sleep(0.001)
                    converse(self, name, s)

    def test_nobody_is_greeted_before_the_header(self):
        for name in DOORS:
            with self.subTest(door=name), dial(name) as s:
                s.settimeout(0.2)
                self.assertRaises(TimeoutError, s.recv, 1)
                s.settimeout(60)
                s.sendall(V1)
                converse(self, name, s)

    def test_anything_else_is_cut_off_without_a_word(self):
        for name in ('smtp', 'imap', 'pop3', 'imaps'):
            for what, bytes_ in BAD.items():
                with self.subTest(door=name, header=what), dial(name) as s:
                    s.sendall(bytes_)
                    try:
                        self.assertEqual(s.recv(100), b'')
                    except ConnectionResetError:
                        pass
        server.wait_log('proxy_refused')

    def test_the_client_of_the_header_is_the_one_that_counts(self):
        """Its address stands in the trace field; `plain_login` is for this machine only, and that client is not on it."""
        with dial('smtp') as s:
            s.sendall(V1)
            line(s)
            s.sendall(b'EHLO client.example\r\nMAIL FROM:<x@remote.example>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n')
            while not line(s).startswith(b'354'):
                pass
            s.sendall(b'Subject: through the balancer\r\n\r\nhello\r\n.\r\n')
            self.assertEqual(line(s)[:3], b'250')
        m = imaplib.IMAP4('127.0.0.1', server.port('imap'))
        m.login('alice@example.test', facteur.PASSWORD)
        m.select()
        received = m.fetch('*', '(BODY[HEADER.FIELDS (RECEIVED)])')[1][0][1]
        m.logout()
        self.assertIn(b'[%s]' % CLIENT.encode(), received)
        with dial('imap') as s:
            s.sendall(V1)
            self.assertIn(b'LOGINDISABLED', line(s))
        with dial('imap') as s:
            s.sendall(HEADERS['v2 local'])
            self.assertNotIn(b'LOGINDISABLED', line(s))


if __name__ == '__main__':
    unittest.main()
