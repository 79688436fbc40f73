"""Postfix, Exim and OpenSMTPD as our neighbours: we send through each of them, each sends to us, in clear and with TLS, 8BITMIME and SMTPUTF8; reports about delivery
in both directions, read by the other side; DANE and MTA-STS with their certificates. What stands behind them are sinks."""
import hashlib, http.server, imaplib, json, os, re, shutil, smtplib, subprocess, sys, tempfile, threading, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur, mtas
from ports import free_port
from signed_zone import Zones
from smtp_sink import USUAL, Sink, certificate
from test_delivery_report import SISIMAI, perl
from test_relay import letter, own_part, send, wait_for

READ = os.path.join(facteur.build_dir(), 'tests', 'delivery_read')
CONF = 'relay { suppress = 0s  retry = ["1s"]  retry_jitter = 0  dead_first = 1s  dead_max = 1s  idle_keep = 1s }\nsmtp { relay_networks = ["127.0.0.0/8"]  max_errors = 1000 }\n'
BODIES = {
    'dots': b'.\r\n..\r\n.a\r\na.\r\n\r\n.\r\nend\r\n',
    'starts with a dot': b'.first\r\n',
    'large': (b'x' * 70 + b'\r\n.' + b'y' * 70 + b'\r\n') * 10000,
    'eight bits': 'Grüße, жук\r\n'.encode(),
}
ASK = ['NOTIFY=SUCCESS,FAILURE,DELAY']
SECONDS = 120


def of(kind, name):
    return '%s.%s.test' % (kind, name.lower())


def mail_of(server, user, mailbox='INBOX'):
    with imaplib.IMAP4('127.0.0.1', server.port('imap')) as m:
        m.login(user, facteur.PASSWORD)
        m.select(mailbox, readonly=True)
        return [m.fetch(n, '(BODY.PEEK[])')[1][0][1] for n in m.search(None, 'ALL')[1][0].split()]


def with_mark(messages, mark):
    return [m for m in messages if mark.encode() in m]


@unittest.skipIf(mtas.why_not(), mtas.why_not())
class Neighbours(unittest.TestCase):
    """One server of ours, one of each kind; behind each: far and plain take mail, no refuses it, later puts it off."""

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix='facteur-mtas.')
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        os.chmod(cls.dir, 0o755)
        cls.tls = certificate(cls.dir, 'mta.test')[:2]
        cls.server = facteur.Server()
        others, cls.mtas, cls.sinks, route = {'example.test': cls.server.port('smtp')}, {}, {}, ''
        for i, (name, make) in enumerate(mtas.ALL.items()):
            to = dict(others)
            for j, (kind, at) in enumerate((('far', {}), ('no', {'rcpt': '550 5.1.1 no such user here'}), ('later', {'rcpt': '451 4.2.0 not now'}))):
                # OpenSMTPD leaves an address alone for seconds after a connection: each has its own.
                sink = Sink(at=at, host='127.0.1.%d' % (10 * i + j + 1), extensions=USUAL + ['SMTPUTF8']).__enter__()
                cls.addClassCleanup(sink.__exit__)
                cls.sinks[of(kind, name)] = sink
                to[of(kind, name)] = sink.listener.getsockname()[:2]
            to[of('plain', name)] = to[of('far', name)]
            cls.mtas[name] = mta = make(to, cls.tls)
            mta.__enter__()
            cls.addClassCleanup(mta.__exit__, None, None, None)
            for kind in 'far', 'no', 'later', 'plain':
                route += 'route %s_%s { domain = ["%s"]  host = ["127.0.0.1:%d"]  tls = %s }\n' % (kind, name.lower(), of(kind, name), mta.port, 'none' if kind == 'plain' else 'required' if mta.tls_works else 'may')
        cls.server.conf = CONF + route
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__, None, None, None)

    def mta_mail(self, name, sender, to, data, options=(), rcpt_options=()):
        """To their port, as one of their users would."""
        with smtplib.SMTP('127.0.0.1', self.mtas[name].port, local_hostname=facteur.CLIENT, timeout=60) as c:
            c.ehlo()
            self.assertEqual(c.sendmail(sender, [to], data, options, rcpt_options), {})

    def arrived(self, name, mark, n=1, kind='far'):
        sink = self.sinks[of(kind, name)]
        self.assertTrue(wait_for(lambda: len(with_mark([m.data for m in sink.messages], mark)) >= n, SECONDS),
                        '%s at %s\n%s\n%s' % (mark, name, self.server.log()[-3000:], self.mtas[name].log()[-3000:]))
        return [m for m in sink.messages if mark.encode() in m.data]

    def here(self, user, mark, n=1):
        def found():
            return with_mark(mail_of(self.server, user), mark)
        self.assertTrue(wait_for(lambda: len(found()) >= n, SECONDS), '%s\n%s' % (mark, ''.join(m.log()[-2000:] for m in self.mtas.values())))
        return found()

    def test_we_send(self):
        """Bytes and envelope, with TLS where the route wants it and without where it does not."""
        for name in self.mtas:
            for kind in 'far', 'plain':
                for i, body in enumerate(BODIES.values()):
                    mark = 'sent-%s-%s-%d-' % (name, kind, i)
                    to = 'b%d@%s' % (i, of(kind, name))
                    data = send(self.server, to, letter(mark.encode() + b'\r\n' + body), options=['BODY=8BITMIME'])
                    with self.subTest(mark):
                        got = self.arrived(name, mark)
                        self.assertEqual(len(got), 1)
                        self.assertEqual(own_part(got[0].data), data)
                        self.assertEqual((got[0].sender, got[0].recipients[0].split('>')[0]), ('alice@example.test', to))
                        # Their Received fields, above ours, say how it came (RFC 3848).
                        theirs = got[0].data.rpartition(b'Received:')[0].decode()
                        self.assertEqual(bool(re.search(r'\bwith e?smtps', theirs, re.I)), kind == 'far' and self.mtas[name].tls_works, theirs)

    def test_they_send(self):
        for name in self.mtas:
            for i, body in enumerate(BODIES.values()):
                mark = 'came-%s-%d-' % (name, i)
                data = letter(mark.encode() + b'\r\n' + body)
                self.mta_mail(name, 'ann@' + of('far', name), 'bob@example.test', data, ['BODY=8BITMIME'])
        for name in self.mtas:
            for i, body in enumerate(BODIES.values()):
                mark = 'came-%s-%d-' % (name, i)
                with self.subTest(mark):
                    got = self.here('bob@example.test', mark)
                    self.assertEqual(len(got), 1)
                    self.assertTrue(own_part(got[0]).endswith(b'\r\n\r\n' + mark.encode() + b'\r\n' + body))
                    head = got[0][:got[0].index(b'From: <alice')].decode()
                    self.assertIn('<ann@%s>' % of('far', name), head)
                    # All of them take the TLS that we offer, though nobody vouches for our certificate.
                    self.assertRegex(head.split('Received:')[1], r'\bwith (UTF8SMTPS|ESMTPS)\b')

    def test_smtputf8(self):
        for name, mta in self.mtas.items():
            mark, to = 'utf8-%s-' % name, 'жук@' + of('far', name)
            data = letter(mark.encode() + b'\r\n').replace(b'a letter', 'письмо'.encode())
            send(self.server, to, data, options=['SMTPUTF8', 'BODY=8BITMIME'])
            with self.subTest(mark):
                if not mta.utf8:
                    self.assertIn(of('far', name).encode(), self.here('alice@example.test', 'Status: 5.6.7')[0])
                    continue
                got = self.arrived(name, mark)[0]
                self.assertEqual((own_part(got.data), got.recipients[0].split('>')[0]), (data, to))
                self.mta_mail(name, 'жук@' + of('far', name), 'bob@example.test', data, ['SMTPUTF8', 'BODY=8BITMIME'])
                self.assertIn('письмо'.encode(), self.here('bob@example.test', mark)[0])

    def read(self, report):
        """What our parser reads of their report: [action, status, address], the Message-ID."""
        r = subprocess.run([READ], input=report, capture_output=True, timeout=30)
        self.assertEqual(r.returncode, 0, r.stderr + report)
        *recipients, message_id = r.stdout.decode().splitlines()
        return [line.split(' ') for line in recipients], message_id

    def test_their_reports(self):
        """Failed, delayed and relayed: all three end in the mailbox of the sender, and we read them."""
        kinds = {'no': 'failed', 'later': 'delayed', 'far': 'relayed'}
        sent = {}
        for name in self.mtas:
            for kind in kinds:
                data = send(self.server, 'told@' + of(kind, name), letter(b'report\r\n'), rcpt_options=ASK)
                sent[name, kind] = re.search(rb'<[^<>]+@client.test>', data)[0].decode()
        for (name, kind), message_id in sent.items():
            with self.subTest(name=name, kind=kind):
                report = [m for m in self.here('alice@example.test', message_id) if b'told@' + of(kind, name).encode() in m][0]
                recipients, about = self.read(report)
                # To a server without DSN this is "relayed"; Exim says "delivered".
                want = 'delivered' if (name, kind) == ('Exim', 'far') else kinds[kind]
                self.assertEqual([(r[0], r[2]) for r in recipients], [(want, 'told@' + of(kind, name))])
                self.assertRegex(recipients[0][1], {'no': r'^5\.', 'later': r'^4\.', 'far': r'^2\.'}[kind])
                self.assertEqual(about, message_id)

    def test_our_reports(self):
        """NOTIFY travels through each of them to us; our report goes back through the same one and is read by another program."""
        for name in self.mtas:
            self.mta_mail(name, 'ann@' + of('far', name), 'bob@example.test', letter(b'well-%s-\r\n' % name.encode()), rcpt_options=ASK)
        for name in self.mtas:
            with self.subTest(name):
                report = self.arrived(name, 'Action: delivered')[0]
                self.assertEqual((report.sender, report.recipients[0].split('>')[0]), ('', 'ann@' + of('far', name)))
                with tempfile.TemporaryDirectory() as folder:
                    read = json.loads(perl(SISIMAI, report.data, os.path.join(folder, 'mail')))
                self.assertEqual([(r['recipient'], r['action'], r['deliverystatus'][0]) for r in read], [('bob@example.test', 'delivered', '2')])

    def test_unknown_here(self):
        """A refusal of ours makes them tell their sender."""
        for name in self.mtas:
            self.mta_mail(name, 'ann@' + of('far', name), 'nobody@example.test', letter(b'lost-%s-\r\n' % name.encode()))
        for name in self.mtas:
            with self.subTest(name):
                report = self.arrived(name, 'nobody@example.test')[0]
                (action, status, address), = self.read(report.data)[0]
                self.assertEqual((action, address), ('failed', 'nobody@example.test'))
                self.assertIn(status, ['5.1.1', '5.0.0'])  # Exim does not look at ours


class Policies(http.server.BaseHTTPRequestHandler):
    """MTA-STS (RFC 8461 3.3): each domain names its own host, but for those that begin with unnamed."""

    def do_GET(self):
        domain = self.headers['Host'].split(':')[0].split('.', 1)[1]
        mx = 'elsewhere.plain' if domain.startswith('unnamed') else 'mx.' + domain
        body = ('version: STSv1\nmode: enforce\nmx: %s\nmax_age: 86400\n' % mx).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'text/plain')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@unittest.skipIf(mtas.why_not(), mtas.why_not())
class Checked(unittest.TestCase):
    """TLSA records in a signed zone and MTA-STS policies that their certificate matches, and others."""
    ADDRESS = {'Postfix': '127.0.2.1', 'Exim': '127.0.2.2', 'OpenSmtpd': '127.0.2.3'}
    # kind: (signed zone, what the queue says when it does not arrive)
    KINDS = {'good': (True, None), 'bad': (True, 'TLSA'), 'without': (True, None), 'sts': (False, None), 'othername': (False, 'certificate is not good'),
             'unnamed': (False, 'does not name it')}

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix='facteur-checked.')
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        os.chmod(cls.dir, 0o755)
        cls.domains = {(kind, name): '%s-%s.%s' % (kind, name.lower(), 'example' if cls.KINDS[kind][0] else 'plain') for kind in cls.KINDS for name in mtas.ALL}
        plain = [d for d in cls.domains.values() if d.endswith('.plain')]
        cls.web_names = ['mta-sts.' + d for d in plain]
        cls.cert, cls.key, context = certificate(cls.dir, 'mta.test', ['mx.' + d for d in plain if not d.startswith('othername')] + cls.web_names)
        cls.port, cls.sink = free_port(), Sink().__enter__()
        cls.addClassCleanup(cls.sink.__exit__)
        for name, make in mtas.ALL.items():
            mta = make({d: cls.sink.port for d in cls.domains.values()}, (cls.cert, cls.key), cls.ADDRESS[name], cls.port)
            mta.__enter__()
            cls.addClassCleanup(mta.__exit__, None, None, None)
        cls.web = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Policies)
        cls.web.socket.listen(128)
        cls.web.socket = context.wrap_socket(cls.web.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=cls.web.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()
        cls.addClassCleanup(cls.web.server_close)
        cls.addClassCleanup(cls.web.shutdown)
        cls.zones = Zones({'example': cls.lines('example'), 'plain': cls.lines('plain')}, ['example'])
        cls.zones.__enter__()
        cls.addClassCleanup(cls.zones.__exit__, None, None, None)

    @classmethod
    def lines(cls, zone):
        def openssl(*args, data=None):
            return subprocess.run(['openssl', *args], input=data, check=True, capture_output=True, timeout=60).stdout
        key = hashlib.sha256(openssl('pkey', '-pubin', '-outform', 'DER', data=openssl('x509', '-in', cls.cert, '-noout', '-pubkey'))).hexdigest()
        out = []
        for (kind, name), domain in cls.domains.items():
            if domain.endswith('.' + zone):
                out += ['%s. IN MX 10 mx.%s.' % (domain, domain), 'mx.%s. IN A %s' % (domain, cls.ADDRESS[name])]
                if kind in ('good', 'bad'):
                    out.append('_%d._tcp.mx.%s. IN TLSA 3 1 1 %s' % (cls.port, domain, key if kind == 'good' else '00' * 32))
                if zone == 'plain':
                    out += ['_mta-sts.%s. IN TXT "v=STSv1; id=1;"' % domain, 'mta-sts.%s. IN A 127.0.0.1' % domain]
        return out

    def conf(self):
        return ('relay { port = %d allow_private = yes trust = "%s" connect_timeout = 10s }\ndns { dnssec = yes trust_anchor = "%s" }\n'
                'outbound_tls { trust = "%s" port = %d private_hosts = [%s] fetch_timeout = 10s }\n'
                % (self.port, self.cert, self.zones.anchor, self.cert, self.web.server_address[1], ', '.join('"%s"' % n for n in self.web_names)))

    def waiting(self, server):
        return {r['address'].split('@')[1]: r['reply'] for m in json.loads(server.ctl('queue', 'list', '--json').stdout) for r in m['to'] if r['reply']}

    def test_who_gets_the_mail(self):
        def arrived():
            return {m.recipients[0].split('>')[0].split('@')[1]: m.data for m in self.sink.messages}
        with facteur.Server(conf=self.conf(), dns=self.zones.address) as server:
            for domain in self.domains.values():
                send(server, 'bob@' + domain)
            wait_for(lambda: len(arrived()) + len(self.waiting(server)) >= len(self.domains), 120)
            got, waiting = arrived(), self.waiting(server)
            for (kind, name), domain in self.domains.items():
                why = self.KINDS[kind][1]
                if name == 'OpenSmtpd' and kind != 'without':
                    why = ''  # no TLS is to be had there: nothing goes in clear to who promised it
                with self.subTest(domain):
                    self.assertEqual(domain in got, why is None, waiting.get(domain))
                    if why is not None:
                        self.assertIn(why, waiting[domain])
                    elif name != 'OpenSmtpd':
                        self.assertRegex(got[domain].decode().split('Received:')[1], r'(?i)\bwith esmtps\b')


if __name__ == '__main__':
    unittest.main(verbosity=1)
