"""Mail to servers whose domains say what TLS they must show: DANE from a zone signed by ldns and served by nsd, MTA-STS from a web server."""
import email, email.policy, gzip, hashlib, http.server, imaplib, json, os, shutil, smtplib, socketserver, ssl, subprocess, sys, tempfile, threading, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from signed_zone import Zones

ALICE = 'alice@example.test'
# domain: (address, zone is signed, certificate is for, offers TLS)
HOSTS = {
    'good': ('127.0.0.11', True, 'other.name', True), 'ta': ('127.0.0.12', True, 'mx.ta.example', True), 'taname': ('127.0.0.13', True, 'other.name', True),
    'bad': ('127.0.0.14', True, 'mx.bad.example', True), 'strip': ('127.0.0.15', True, 'mx.strip.example', False), 'forged': ('127.0.0.16', True, 'mx.forged.example', True),
    'none': ('127.0.0.17', True, 'other.name', True), 'unsigned': ('127.0.0.18', False, 'other.name', True),
    'sts': ('127.0.0.21', False, 'mx.sts.plain', True), 'stsname': ('127.0.0.22', False, 'other.name', True), 'ststest': ('127.0.0.23', False, 'other.name', True),
    'stsunnamed': ('127.0.0.24', False, 'mx.stsunnamed.plain', True), 'stsstrip': ('127.0.0.25', False, 'mx.stsstrip.plain', False), 'stsgone': ('127.0.0.26', False, 'other.name', True),
    'reports': ('127.0.0.31', False, 'other.name', True),
}
ARRIVES = {'good': True, 'ta': True, 'taname': False, 'bad': False, 'strip': False, 'forged': False, 'none': True, 'unsigned': True,
           'sts': True, 'stsname': False, 'ststest': True, 'stsunnamed': False, 'stsstrip': False, 'stsgone': True, 'reports': True}
PROMISES = ['good', 'none', 'unsigned', 'sts']  # they announce REQUIRETLS
REPORTED = ['good', 'bad', 'sts', 'unsigned']  # they ask for reports


def domain(name):
    return name + ('.example' if HOSTS[name][1] else '.plain')


class Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text + b'\r\n')
        self.wfile.flush()

    def start_tls(self):
        self.say(b'220 go on')
        self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile('rb'), self.connection.makefile('wb')

    def finish(self):
        super().finish()
        self.connection.close()

    def until_dot(self):
        data = b''
        while not data.endswith(b'\r\n.\r\n'):
            line = self.rfile.readline()
            if not line:
                raise OSError('gone in the middle of a message')
            data += line
        return data[:-3]

    def handle(self):
        tls, to = False, []
        try:
            self.say(b'220 sink ESMTP')
            while True:
                line = self.rfile.readline(4096).rstrip()
                verb = line.split(b' ')[0].upper()
                if verb == b'EHLO':
                    more = b'250-REQUIRETLS\r\n' if tls and self.server.name in PROMISES else b''
                    self.say(b'250-sink\r\n250-STARTTLS\r\n250 8BITMIME' if self.server.offers and not tls else b'250-sink\r\n' + more + b'250 8BITMIME')
                elif verb == b'MAIL':
                    self.server.mail.append((self.server.name, line.decode()))
                    self.say(b'250 2.1.0 ok')
                elif verb == b'STARTTLS':
                    self.start_tls()
                    tls = True
                elif verb == b'RCPT':
                    to.append(line)
                    self.say(b'250 2.1.5 ok')
                elif verb == b'DATA':
                    self.say(b'354 go on')
                    self.server.got.append((self.server.name, tls, self.until_dot()))
                    self.say(b'250 2.0.0 taken')
                elif verb == b'QUIT' or not line:
                    return self.say(b'221 2.0.0 bye') if line else None
                else:
                    self.say(b'250 2.0.0 ok')
        except (OSError, ssl.SSLError):
            pass


class Policies(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.headers['Host'].split('.')[1]
        mx = 'elsewhere.plain' if name == 'stsunnamed' else '*.%s.plain' % name
        body = ('version: STSv1\nmode: %s\nmx: %s\nmax_age: 86400\n' % ('testing' if name == 'ststest' else 'enforce', mx)).encode()
        self.send_response(404 if name == 'stsgone' else 200)
        self.send_header('Content-Type', 'text/plain')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        self.server.posted.append((self.path, self.headers['Content-Type'], body))
        self.send_response(201)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *args):
        pass


class OutboundTls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix='facteur-tls.')
        cls.made, cls.got, cls.mail, cls.servers = {}, [], [], []
        cls.openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=An Authority', '-days', '2',
                    '-keyout', 'ca.key', '-out', 'ca.pem')
        cls.start_sinks()
        cls.start_web()
        cls.zones = Zones({'example': cls.lines(True), 'plain': cls.lines(False)}, ['example'], cls.forge).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.zones.__exit__(None, None, None)
        for server in cls.servers:
            server.shutdown()
            server.server_close()
        shutil.rmtree(cls.dir)

    @classmethod
    def openssl(cls, *args, data=None):
        return subprocess.run(['openssl', *args], cwd=cls.dir, input=data, check=True, capture_output=True, timeout=60).stdout

    @classmethod
    def context(cls, name):
        """A server's TLS with a certificate for `name` by the authority."""
        if name not in cls.made:
            file = 'cert%d' % len(cls.made)
            request = cls.openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=x', '-keyout', file + '.key')
            with open(os.path.join(cls.dir, 'ext'), 'w') as f:
                f.write('subjectAltName=%s' % ','.join('DNS:' + n for n in name.split()))
            cls.openssl('x509', '-req', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'ext', '-out', file, data=request)
            cls.made[name] = file
        path = os.path.join(cls.dir, cls.made[name])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with open(path) as cert, open(os.path.join(cls.dir, 'ca.pem')) as ca, open(path + '.chain', 'w') as chain:
            chain.write(cert.read() + ca.read())
        context.load_cert_chain(path + '.chain', path + '.key')
        return context

    @classmethod
    def tlsa(cls, file, usage):
        der = cls.openssl('x509', '-in', file, '-outform', 'DER')
        key = cls.openssl('pkey', '-pubin', '-outform', 'DER', data=cls.openssl('x509', '-in', file, '-noout', '-pubkey'))
        return '2 0 1 ' + hashlib.sha256(der).hexdigest() if usage == 2 else '3 1 1 ' + hashlib.sha256(key).hexdigest()

    @classmethod
    def serve(cls, server):
        threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()
        cls.servers.append(server)

    @classmethod
    def start_sinks(cls):
        class Server(socketserver.ThreadingTCPServer):
            daemon_threads, allow_reuse_address, request_queue_size = True, True, 128
        cls.port = 0
        for name, (address, _, certificate, offers) in HOSTS.items():
            server = Server((address, cls.port), Session)
            cls.port = server.server_address[1]
            server.name, server.offers, server.got, server.mail, server.context = name, offers, cls.got, cls.mail, cls.context(certificate)
            cls.serve(server)

    @classmethod
    def start_web(cls):
        web = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Policies)
        cls.sts = ['mta-sts.' + domain(name) for name in HOSTS if name.startswith('sts')]
        web.socket = cls.context(' '.join(cls.sts)).wrap_socket(web.socket, server_side=True, do_handshake_on_connect=False)
        web.posted = []
        web.socket.listen(128)
        cls.web, cls.web_port = web, web.server_address[1]
        cls.serve(web)

    @classmethod
    def lines(cls, signed):
        out = []
        for name, (address, is_signed, certificate, _) in HOSTS.items():
            if is_signed != signed:
                continue
            where, file = domain(name), cls.made[certificate]
            out += ['%s. IN MX 10 mx.%s.' % (where, where), 'mx.%s. IN A %s' % (where, address)]
            record = {'ta': cls.tlsa('ca.pem', 2), 'taname': cls.tlsa('ca.pem', 2), 'bad': '3 1 1 ' + '00' * 32, 'unsigned': '3 1 1 ' + '00' * 32}
            if name != 'none' and not name.startswith('sts'):
                out.append('_%d._tcp.mx.%s. IN TLSA %s' % (cls.port, where, record.get(name) or cls.tlsa(file, 3)))
            if name in REPORTED:
                out.append('_smtp._tls.%s. IN TXT "v=TLSRPTv1; rua=mailto:tls@reports.plain%s"' % (where, ',https://mta-sts.sts.plain:%d/report' % cls.web_port if name == 'sts' else ''))
            if name.startswith('sts'):
                out += ['_mta-sts.%s. IN TXT "v=STSv1; id=1;"' % where, 'mta-sts.%s. IN A 127.0.0.1' % where]
        return out

    @classmethod
    def forge(cls, text):
        """Another key than the one that was signed."""
        lines = text.splitlines(keepends=True)
        for i, line in enumerate(lines):
            if line.startswith('_%d._tcp.mx.forged.example.' % cls.port) and '\tTLSA\t' in line:
                lines[i] = line[:-6] + 'abcde\n'
        return ''.join(lines)

    def conf(self):
        return ('relay { port = %d allow_private = yes trust = "%s/ca.pem" connect_timeout = 10s }\ndns { dnssec = yes trust_anchor = "%s" }\n'
                'outbound_tls { trust = "%s/ca.pem" port = %d private_hosts = [%s] fetch_timeout = 10s report_every = 5s report_organization = "A Test" }\n'
                % (self.port, self.dir, self.zones.anchor, self.dir, self.web_port, ', '.join('"%s"' % name for name in self.sts)))

    def waiting(self, server):
        rows = json.loads(server.ctl('queue', 'list', '--json').stdout)
        return {r['address'].split('@')[1].split('.')[0]: r for m in rows for r in m['to']}

    def test_who_gets_the_mail(self):
        with facteur.Server(conf=self.conf(), dns=self.zones.address) as server:
            with smtplib.SMTP('127.0.0.1', server.port('submission'), local_hostname=facteur.CLIENT, timeout=60) as s:
                s.ehlo()
                s.login(ALICE, facteur.PASSWORD)
                for name in HOSTS:
                    s.sendmail(ALICE, ['bob@' + domain(name)], b'Subject: x\r\n\r\nhello\r\n')
            end = time.monotonic() + 120
            while time.monotonic() < end:
                waiting = self.waiting(server)
                decided = {name for name, _, _ in self.got} | {name for name, r in waiting.items() if r['reply']}  # reports may have come, too
                if decided == set(HOSTS):
                    break
                time.sleep(0.1)
            arrived = {name: tls for name, tls, _ in self.got}
            self.assertEqual({name: name in arrived for name in HOSTS}, ARRIVES, {k: r['reply'] for k, r in waiting.items()})
            self.assertTrue(all(arrived.values()), arrived)  # all who offer TLS had it
            for name, why in (('bad', 'TLSA'), ('taname', 'TLSA'), ('strip', 'offers no TLS'), ('forged', 'forged'), ('stsname', 'certificate is not good'),
                              ('stsunnamed', 'does not name it'), ('stsstrip', 'offers no TLS')):
                self.assertIn(why, json.dumps(waiting[name]), name)
            self.check_reports()
            self.check_tls_optional(server)
            self.check_require_tls(server)
            self.check_restart(server)

    def check_restart(self, server):
        """What was learned outlives the process: a policy whose web server is gone by now; counts of a day that ended meanwhile."""
        def of_good():
            return sum(m['TLS-Report-Domain'] == 'good.example' for m in self.reports())
        told = of_good()
        with smtplib.SMTP('127.0.0.1', server.port('submission'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.login(ALICE, facteur.PASSWORD)
            s.sendmail(ALICE, ['erin@' + domain('good')], b'Subject: restart\r\n\r\n')
        self.until(lambda: any(name == 'good' and b'Subject: restart' in data for name, _, data in self.got), 'the mail')
        self.assertEqual(server.stop(), 0)
        self.web.shutdown()
        self.web.server_close()
        self.servers.remove(self.web)
        server.start()
        with smtplib.SMTP('127.0.0.1', server.port('submission'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.login(ALICE, facteur.PASSWORD)
            for name in 'sts', 'stsname':
                s.sendmail(ALICE, ['frank@' + domain(name)], b'Subject: again\r\n\r\n')
        self.until(lambda: any(name == 'sts' and b'Subject: again' in data for name, _, data in self.got), 'mail after the restart')
        self.until(lambda: any('frank@' in r['address'] and 'certificate is not good' in r['reply'] for m in json.loads(server.ctl('queue', 'list', '--json').stdout)
                               for r in m['to']), 'the policy that was kept')
        self.until(lambda: of_good() > told, 'the report that was kept')

    def until(self, look, what):
        end = time.monotonic() + 120
        while not look():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.1)

    def inbox(self, server):
        with imaplib.IMAP4('127.0.0.1', server.port('imap')) as m:
            m.login(ALICE, facteur.PASSWORD)
            m.select(readonly=True)
            return [m.fetch(n, '(BODY.PEEK[])')[1][0][1].decode() for n in m.search(None, 'ALL')[1][0].split()]

    def check_require_tls(self, server):
        """RFC 8689: on its way only between servers that prove their name and promise the same; else back to the sender."""
        context = ssl._create_unverified_context()
        with smtplib.SMTP('127.0.0.1', server.port('submission'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.ehlo()
            self.assertFalse(s.has_extn('requiretls'))
            s.starttls(context=context)
            s.ehlo()
            self.assertTrue(s.has_extn('requiretls'))
            s.login(ALICE, facteur.PASSWORD)
            for name in 'good', 'sts', 'none', 'ta', 'unsigned':
                s.sendmail(ALICE, ['dave@' + domain(name)], b'Subject: secret\r\n\r\nhello\r\n', ['REQUIRETLS'])
        end = time.monotonic() + 120
        while sum('REQUIRETLS' in line for _, line in self.mail) < 2 or len(self.inbox(server)) < 3:
            self.assertLess(time.monotonic(), end, [self.mail, self.inbox(server)])
            time.sleep(0.2)
        self.assertEqual(sorted(name for name, line in self.mail if line.endswith(' REQUIRETLS')), ['good', 'sts'])
        reports = ''.join(self.inbox(server))
        for name in 'none', 'ta', 'unsigned':
            self.assertIn('dave@' + domain(name), reports)
        self.assertEqual(reports.count('Status: 5.7.30'), 3)
        self.assertEqual(sorted(name for name, _, data in self.got if b'Subject: secret' in data), ['good', 'sts'])

    def check_tls_optional(self, server):
        """RFC 8689 5: who writes TLS-Required: No wants it to arrive all the same."""
        with smtplib.SMTP('127.0.0.1', server.port('submission'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.ehlo()
            s.login(ALICE, facteur.PASSWORD)
            for name in 'bad', 'strip', 'stsname':
                s.sendmail(ALICE, ['carol@' + domain(name)], b'Subject: x\r\nTLS-Required: No\r\n\r\nhello\r\n')
        end = time.monotonic() + 120
        while not {'bad', 'strip', 'stsname'} <= {name for name, _, _ in self.got}:
            self.assertLess(time.monotonic(), end, [name for name, _, _ in self.got])
            time.sleep(0.1)

    def reports(self):
        for name, _, data in list(self.got):
            message = email.message_from_bytes(data, policy=email.policy.SMTP)
            if name == 'reports' and message.get_content_type() == 'multipart/report':
                yield message

    def check_reports(self):
        """RFC 8460: each domain that asked is told, within the report's time."""
        end = time.monotonic() + 120
        while {m['TLS-Report-Domain'] for m in self.reports()} != {domain(name) for name in REPORTED}:
            self.assertLess(time.monotonic(), end, [m['TLS-Report-Domain'] for m in self.reports()])
            time.sleep(0.2)
        sums = {}
        for message in self.reports():
            text, packed = message.get_payload()
            self.assertEqual((message['Content-Type'].params['report-type'], packed.get_content_type()), ('tlsrpt', 'application/tlsrpt+gzip'))
            self.assertRegex(packed.get_filename(), r'^[^!]+!%s![0-9]+![0-9]+\.json\.gz$' % message['TLS-Report-Domain'])
            report = json.loads(gzip.decompress(packed.get_content()))
            self.assertEqual((report['organization-name'], '<%s>' % report['contact-info']), ('A Test', '<%s>' % message['From'].addresses[0].addr_spec))
            for policy in report['policies']:
                self.assertEqual(policy['policy']['policy-domain'], message['TLS-Report-Domain'])
                key = message['TLS-Report-Domain'].split('.')[0], policy['policy']['policy-type']
                sums.setdefault(key, []).append(policy)
        self.assertEqual(set(sums), {('good', 'tlsa'), ('bad', 'tlsa'), ('sts', 'sts'), ('unsigned', 'no-policy-found')})
        self.assertTrue(all(p['summary']['total-failure-session-count'] == 0 for key in sums if key[0] != 'bad' for p in sums[key]), sums)
        self.assertEqual(sums[('bad', 'tlsa')][0]['failure-details'][0]['result-type'], 'validation-failure')
        self.assertEqual(sums[('bad', 'tlsa')][0]['failure-details'][0]['receiving-ip'], HOSTS['bad'][0])
        self.until(lambda: self.web.posted, 'the report by HTTPS')
        path, kind, body = self.web.posted[0]
        self.assertEqual((path, kind), ('/report', 'application/tlsrpt+gzip'))
        self.assertEqual(json.loads(gzip.decompress(body))['policies'][0]['policy']['policy-domain'], 'sts.plain')
        self.assertIn('mode: enforce', sums[('sts', 'sts')][0]['policy']['policy-string'])


if __name__ == '__main__':
    unittest.main()
