"""The image proxy (protocols/images) before a web server that misbehaves: what comes through, what is refused at which hop, what the web server learns, and
the cache. Links are made here, from the documented form, not by our own code."""
import base64, email, hashlib, hmac, http.client, http.server, imaplib, os, re, shutil, signal, smtplib, socket, ssl, struct, sys, threading, time, unittest
import urllib.parse, urllib.request, zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from fake_dns import FakeDNS
from ports import free_port
from redis_server import wait_for

EMPTY = base64.b64decode('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7')
MAX = 100000


def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


PNG = b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>2I5B', 1, 1, 8, 0, 0, 0, 0)) + chunk(b'IDAT', zlib.compress(b'\0\0')) + chunk(b'IEND', b'')


class Upstream(http.server.ThreadingHTTPServer):
    """asked: (path, headers) of every request; gate: what /gate waits for."""
    daemon_threads, request_queue_size = True, 128

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Handler)
        self.asked, self.gate, self.closing = [], threading.Event(), threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def count(self, path):
        return sum(1 for p, _ in self.asked if p == path)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def say(self, status, kind, body, more=()):
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        for name, value in more:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def drip(self, piece, wait):
        """Without an end."""
        self.close_connection = True
        self.send_response(200)
        self.send_header('Content-Type', 'image/png')
        self.end_headers()
        try:
            self.wfile.write(PNG)
            while not self.server.closing.wait(wait):
                self.wfile.write(piece)
        except OSError:
            pass

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers.items())))
        path, _, query = self.path.partition('?')
        if path == '/to':
            self.say(302, 'text/html', b'', [('Location', urllib.parse.unquote(query)), ('Set-Cookie', 'who=reader; Path=/')])
        elif path == '/loop':
            self.say(302, 'text/html', b'', [('Location', '/loop?%d' % (int(query) + 1))])
        elif path == '/big':
            self.drip(b'x' * 10000, 0)
        elif path == '/slow':
            self.drip(b'x', 0.05)
        elif path == '/gate':
            self.server.gate.wait(60)
            self.say(200, 'image/png', PNG)
        else:
            kind, body = {'/page': ('text/html', b'<p>GIF89a'), '/svg': ('image/svg+xml', b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
                          '/liar': ('image/png', b'<script>alert(1)</script>'), '/text.png': ('text/html', PNG), '/mistaken': ('image/jpeg; q=1', PNG),
                          '/large': ('image/png', PNG + b'x' * MAX)}.get(path, ('image/png', PNG))
            self.say(404 if path == '/missing' else 200, kind, body, [('Set-Cookie', 'who=reader; Path=/'), ('X-Own', 'y')])


class Images(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.web = Upstream()
        cls.at = cls.web.server_address[1]
        cls.dns = FakeDNS({'good.test': {'A': ['127.0.0.1']}, 'inside.test': {'A': ['127.0.0.1']}, 'ten.test': {'A': ['10.0.0.1']},
                           'six.test': {'AAAA': ['::1']}, 'mapped.test': {'AAAA': ['::ffff:127.0.0.1']}, '2130706433': {'A': ['127.0.0.1']}})
        cls.dns.__enter__()
        cls.server = facteur.Server(dns=cls.dns.address)
        cls.plain, cls.tls, cls.proxied = (free_port() for _ in range(3))
        cls.cache = os.path.join(cls.server.dir, 'cache')
        cls.server.conf = cls.configuration()
        cls.server.start()
        with open(os.path.join(cls.server.state, 'data', 'images', 'key')) as f:
            cls.key = f.read().strip().encode()

    @classmethod
    def configuration(cls, more=''):
        return '''
listener images { address = ["127.0.0.1:%d"]  protocol = images  tls = none }
listener images_tls { address = ["127.0.0.1:%d"]  protocol = images  tls = implicit }
listener images_proxy { address = ["127.0.0.1:%d"]  protocol = images  tls = none  proxy = yes }
images {
    cache = "%s"
    private_hosts = ["good.test:%d"]
    ports = [%d, 443]
    timeout = 15s
    max_image = %d
    max_request = 4K
    ca_file = "%s/tls/cert.pem"
    %s
}
''' % (cls.plain, cls.tls, cls.proxied, cls.cache, cls.at, cls.at, MAX, cls.server.state, more)

    @classmethod
    def tearDownClass(cls):
        cls.web.closing.set()
        cls.web.gate.set()
        cls.server.__exit__(None, None, None)
        cls.web.shutdown()
        cls.web.server_close()
        cls.dns.__exit__(None, None, None)

    # -- asking

    def link(self, url, key=None):
        url = url.encode()
        mac = hmac.new(key or self.key, url, hashlib.sha256).digest()[:16]
        return '/i/%s/%s' % tuple(base64.urlsafe_b64encode(x).decode().rstrip('=') for x in (mac, url))

    def url(self, path, host='good.test'):
        return 'http://%s:%d%s' % (host, self.at, path)

    def get(self, target, method='GET', headers={}):
        c = http.client.HTTPConnection('127.0.0.1', self.plain, timeout=60)
        try:
            c.request(method, target, headers=headers)
            r = c.getresponse()
            return r.status, r.headers, r.read()
        finally:
            c.close()

    def status(self, name):
        for line in self.server.ctl('status').stdout.splitlines():
            words = line.split()
            if 'images' in line and name in words:
                return int(words[words.index(name) + 1])
        return int(self.server.ctl('status').stdout.split(' %s ' % name)[1].split()[0])

    def refused(self, url, status):
        before = len(self.web.asked)
        got, headers, body = self.get(self.link(url))
        self.assertEqual((got, headers['Content-Type'], body), (status, 'image/gif', EMPTY), url)
        return self.web.asked[before:]

    # -- tests

    def test_a_picture_comes_through(self):
        status, headers, body = self.get(self.link(self.url('/a.png?x=1&y=2')), headers={
            'Cookie': 'session=secret', 'Referer': 'https://webmail.test/inbox', 'User-Agent': 'Reader/1.0', 'X-Forwarded-For': '192.0.2.1', 'Accept-Language': 'fr'})
        self.assertEqual((status, body), (200, PNG))
        self.assertEqual(headers['Content-Type'], 'image/png')
        self.assertEqual(headers['Content-Security-Policy'], "default-src 'none'; sandbox")
        self.assertEqual(headers['X-Content-Type-Options'], 'nosniff')
        self.assertEqual(headers['Cache-Control'], 'private, max-age=86400')
        self.assertNotIn('Set-Cookie', headers)
        self.assertNotIn('X-Own', headers)
        (_, sent), = [a for a in self.web.asked if a[0] == '/a.png?x=1&y=2']
        self.assertEqual(set(sent), {'Host', 'User-Agent', 'Accept'})  # nothing of the reader
        self.assertEqual((sent['Host'], sent['User-Agent']), ('good.test:%d' % self.at, 'Facteur'))

    def test_a_picture_is_fetched_once(self):
        for method, body in (('GET', PNG), ('GET', PNG), ('HEAD', b'')):
            status, headers, got = self.get(self.link(self.url('/once')), method)
            self.assertEqual((status, headers['Content-Length'], got), (200, str(len(PNG)), body))
        self.assertEqual(self.web.count('/once'), 1)
        self.assertIn(hashlib.sha256(self.url('/once').encode()).hexdigest(), os.listdir(self.cache))

    def test_simultaneous_readers_share_one_fetch(self):
        got, shared = [], self.status('shared')
        threads = [threading.Thread(target=lambda: got.append(self.get(self.link(self.url('/gate')))[::2])) for _ in range(5)]
        for t in threads:
            t.start()
        wait_for(lambda: self.status('shared') >= shared + 4, 'four that wait for the fifth')
        self.web.gate.set()
        for t in threads:
            t.join()
        self.assertEqual(got, [(200, PNG)] * 5)
        self.assertEqual(self.web.count('/gate'), 1)

    def test_links_of_others(self):
        url = self.url('/never')
        good = self.link(url)
        for target in (self.link(url, b'x' * 64), good[:-1], good + 'A', good.replace('/i/', '/j/'), '/i/' + good.split('/')[3], '/', '/i//', '/i/' + 'A' * 22 + '/',
                       '/i/%s/%s' % ('A' * 22, url), good + '?x', '/../' + good):
            status, _, body = self.get(target)
            self.assertEqual((status, body), (404, EMPTY), target)
        self.assertEqual(self.web.count('/never'), 0)

    INSIDE = ['127.0.0.1', '127.0.0.2', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '0', '10.0.0.1', '172.16.0.1', '192.168.1.1', '100.64.0.1', '169.254.169.254', '[::1]',
              '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]', '[fe80::1]', '[fd00::1]', 'inside.test', 'ten.test', 'six.test', 'mapped.test',
              'user@127.0.0.1']

    def test_addresses_inside_are_refused(self):
        for host in self.INSIDE:
            self.assertEqual(self.refused(self.url('/inside', host), 403), [], host)

    def test_addresses_inside_are_refused_at_each_hop(self):
        for host in self.INSIDE:
            asked = self.refused(self.url('/to?' + urllib.parse.quote(self.url('/inside', host), safe='')), 403)
            self.assertEqual(len(asked), 1, host)  # the redirect, not its target
        second = self.url('/to?' + urllib.parse.quote(self.url('/inside', 'inside.test'), safe=''))
        self.assertEqual(len(self.refused(self.url('/to?' + urllib.parse.quote(second, safe='')), 403)), 2)
        self.assertFalse([p for p, _ in self.web.asked if p == '/inside'])

    def test_ports_and_schemes(self):
        other = socket.create_server(('127.0.0.1', 0))
        other.settimeout(0)
        for url in ('http://good.test:%d/' % other.getsockname()[1], 'http://good.test/', 'ftp://good.test:%d/' % self.at, 'file:///etc/passwd',
                    'gopher://good.test:%d/' % self.at):
            self.refused(url, 403)
            self.refused(self.url('/to?' + urllib.parse.quote(url, safe='')), 403)
        self.assertRaises(BlockingIOError, other.accept)
        other.close()

    def test_redirects(self):
        status, _, body = self.get(self.link(self.url('/to?' + urllib.parse.quote(self.url('/after'), safe=''))))
        self.assertEqual((status, body), (200, PNG))
        (_, sent), = [a for a in self.web.asked if a[0] == '/after']
        self.assertFalse({'Cookie', 'Referer'} & set(sent))
        self.assertEqual(len(self.refused(self.url('/loop?0'), 502)), 5)  # four redirects and no more

    def test_what_is_no_picture(self):
        for path in ('/page', '/svg', '/liar', '/text.png', '/missing'):
            self.refused(self.url(path), 502)
        status, headers, body = self.get(self.link(self.url('/mistaken')))
        self.assertEqual((status, headers['Content-Type'], body), (200, 'image/png', PNG))  # what it is, not what is said

    def test_too_large_and_too_slow(self):
        self.refused(self.url('/large'), 502)
        self.refused(self.url('/big'), 502)
        self.refused(self.url('/slow'), 502)
        self.refused(self.url('/slow'), 502)
        self.assertEqual(self.web.count('/slow'), 1)  # a failure is remembered for a while

    def raw(self, text, port=None, context=None):
        with socket.create_connection(('127.0.0.1', port or self.plain), timeout=60) as plain:
            s = context.wrap_socket(plain, suppress_ragged_eofs=True) if context else plain
            s.sendall(text)
            got = b''
            while True:
                piece = s.recv(65536)
                if not piece:
                    s.close()
                    return got
                got += piece

    def test_requests(self):
        link = self.link(self.url('/raw')).encode()
        for text, status in ((b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc', 405), (b'GET / HTTP/1.1\r\n\r\n', 400), (b'GET / HTTP/1.1\nHost: x\n\n', 400),
                             (b'GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 413), (b'GET / HTTP/3.0\r\n\r\n', 505),
                             (b'GET /' + b'a' * 5000 + b' HTTP/1.1\r\n', 414), (b'GET / HTTP/1.1\r\nX: ' + b'a' * 5000 + b'\r\n', 431),
                             (b'GET / HTTP/1.1\r\n' + b'X: y\r\n' * 800, 431), (b'\x16\x03\x01\x02\x00\x01\x00\r\n', 400)):
            got = self.raw(text)
            self.assertTrue(got.startswith(b'HTTP/1.1 %d ' % status), (text[:60], got[:60]))
            self.assertIn(b'\r\nConnection: close\r\n', got)
            self.assertEqual(got.count(b'HTTP/1.1 '), 1, got)
        one = b'GET ' + link + b' HTTP/1.1\r\nHost: x\r\n\r\n'
        got = self.raw(one + one + one.replace(b'Host', b'Connection: close\r\nHost'))
        self.assertEqual((got.count(b'HTTP/1.1 200 OK\r\n'), got.count(PNG)), (3, 3))
        self.assertTrue(self.raw(b'GET ' + link + b' HTTP/1.0\r\n\r\n').endswith(PNG))

    def test_tls_and_a_balancer(self):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        text = b'GET ' + self.link(self.url('/tls')).encode() + b' HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
        self.assertTrue(self.raw(text, self.tls, context).endswith(PNG))
        self.assertTrue(self.raw(b'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n' + text, self.proxied).endswith(PNG))
        try:
            self.assertEqual(self.raw(text, self.proxied), b'')
        except ConnectionResetError:
            pass  # closed with bytes unread

    def test_the_process_starts_again(self):
        link = self.link(self.url('/kept'))
        self.assertEqual(self.get(link)[0], 200)
        old, = self.server.role_pids('images')
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: self.server.role_pids('images') not in ([], [old]), 'a new process')
        self.assertEqual(self.get(link)[::2], (200, PNG))
        self.assertEqual(self.web.count('/kept'), 1)  # its successor reads the same cache

    def test_what_it_may(self):
        sandbox = [line for line in self.server.ctl('status', '--sandbox').stdout.splitlines() if 'images' in line]
        self.assertEqual(len(sandbox), 1)
        self.assertRegex(sandbox[0], r'network=(accepts, connects seccomp=o|relaxed seccomp=relaxed)')
        with open(os.path.join(self.server.state, 'data', 'images', 'key')) as f:
            self.assertEqual(os.fstat(f.fileno()).st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(self.cache).st_mode & 0o777, 0o700)

    def test_the_log_names_hosts_only(self):
        self.refused(self.url('/private-path-7', 'inside.test'), 403)
        self.assertNotIn('private-path-7', self.server.wait_log(r'image_failed host=inside\.test status=403'))


class Mail(unittest.TestCase):
    """Plugin trackers writes the links, the proxy opens them."""

    def test_from_the_sender_to_the_reader(self):
        web = Upstream()
        self.addCleanup(web.server_close)
        self.addCleanup(web.shutdown)
        at, port = web.server_address[1], free_port()
        server = facteur.Server(accounts=['alice@example.test', 'bob@example.test'])
        server.conf = '''
listener images { address = ["127.0.0.1:%d"]  protocol = images  tls = none }
images {
    cache = "%s/cache"
    private_hosts = ["127.0.0.1:%d"]
    ports = [%d]
    ca_file = "%s/tls/cert.pem"
}
plugin trackers {
    level = strict
    proxy = "http://127.0.0.1:%d"
    proxy_key = "%s/data/images/key"
}
''' % (port, server.dir, at, at, server.state, port, server.state)
        with server as s:
            s.ctl('account', 'set', 'bob@example.test', 'privacy=standard')
            url = 'http://127.0.0.1:%d' % at
            html = ('<p>x</p>\r\n<img src="%s/seen.png?a=1&amp;b=2" width="300">\r\n<img src="%s/o/k3J9x2Lq7Zw1.gif" width="1" height="1">\r\n'
                    '<p style="background:url(%s/css.png)">%s<img src="%s/long.png"></p>\r\n' % (url, url, url, 'a' * 850, url))
            with smtplib.SMTP('127.0.0.1', s.port('smtp'), facteur.CLIENT, timeout=60) as c:
                c.sendmail('news@shop.example', ['alice@example.test', 'bob@example.test'],
                           'From: news@shop.example\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n' + html)
            alice, bob = (self.newest(s, a) for a in ('alice', 'bob'))
            sources = re.findall(r'src="([^"]*)"', alice.get_payload())
            self.assertEqual(len(sources), 3)
            self.assertRegex(sources[0], r'^http://127\.0\.0\.1:%d/i/[\w-]{22}/[\w-]+$' % port)
            self.assertEqual(sources[1:], ['data:image/gif;base64,' + base64.b64encode(EMPTY).decode(), 'data:,x'])  # a pixel; a line without room
            self.assertNotIn(url, alice.get_payload())
            self.assertIn('%s/seen.png' % url, bob.get_payload())
            self.assertIn('level=strict', alice['X-Facteur-Privacy'].replace('\r\n', ''))
            self.assertEqual(web.asked, [])
            with urllib.request.urlopen(sources[0], timeout=60) as answer:
                self.assertEqual((answer.status, answer.read()), (200, PNG))
            self.assertEqual([p for p, _ in web.asked], ['/seen.png?a=1&b=2'])

    def newest(self, server, name):
        with imaplib.IMAP4('127.0.0.1', server.port('imap')) as m:
            m.login(name + '@example.test', facteur.PASSWORD)
            m.select('INBOX', readonly=True)
            return email.message_from_bytes(m.fetch('1', '(BODY.PEEK[])')[1][0][1])

    def test_a_key_is_wanted(self):
        server = facteur.Server('plugin trackers {\n    proxy = "https://mail.example"\n    proxy_key = "/nowhere/key"\n}\n')
        with self.assertRaisesRegex(RuntimeError, '/nowhere/key'):
            server.start()
        shutil.rmtree(server.dir, ignore_errors=True)


class Off(unittest.TestCase):
    def test_no_listener_no_process(self):
        with facteur.Server() as s:
            self.assertEqual(s.role_pids('images'), [])
            self.assertFalse(os.path.exists(os.path.join(s.state, 'data', 'images')))


if __name__ == '__main__':
    unittest.main()
