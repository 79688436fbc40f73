"""plugins/dnsbl and urlbl with a server and a name server, and facteurctl check dnsbl."""
import base64, hashlib, json, os, re, smtplib, socket, subprocess, sys, tempfile, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from fake_dns import FakeDNS
from ports import free_port

ALICE = 'alice@example.test'
CLIENT, CLEAN, V6 = '192.0.2.66', '192.0.2.1', '2001:db8::66'
NIBBLES = '.'.join(reversed('20010db8000000000000000000000066'))


def digest(address):
    return base64.b32encode(hashlib.sha256(address.encode()).digest()).decode().rstrip('=').lower()


ZONE = {
    '66.2.0.192.zen.example': {'A': ['127.0.0.2', '127.0.0.4'], 'TXT': ['see https://zen.example/66']},
    NIBBLES + '.zen.example': {'A': ['127.0.0.3']},
    '66.2.0.192.white.example': {'A': ['127.0.10.3']},
    '66.2.0.192.busy.example': {'A': ['127.255.255.254']},
    '66.2.0.192.own.example': {'A': ['127.0.0.1']},
    '66.2.0.192.hijacked.example': {'A': ['198.51.100.1']},
    '66.2.0.192.broken.example': 'SERVFAIL',
    'bad.example.dbl.example': {'A': ['127.0.1.2']},
    'helo.bad.example.dbl.example': {'A': ['127.0.1.4']},
    digest('spammer@bad.example') + '._email.hash.example': {'A': ['127.0.3.10']},
    'pills.example.multi.example': {'A': ['127.0.0.72']},  # 8 + 64
    '66.2.0.192.multi.example': {'A': ['127.0.0.8']},
    'a.shop.co.uk.host.example': {'A': ['127.0.0.2']},
    'zen.example': {}, 'white.example': {}, 'dbl.example': {}, 'hash.example': {}, 'multi.example': {}, 'host.example': {},
}
ZEN = ['zen.example  ip  127.0.0.2    ZEN_SBL  3.5  a spammer', 'zen.example  ip  127.0.0.3    ZEN_CSS  3.0', 'zen.example  ip  127.0.0.4-7  ZEN_XBL  4.0']
NAMES = ['dbl.example  helo   127.0.1.*  DBL_HELO   1', 'dbl.example  sender 127.0.1.*  DBL_SENDER 2', 'dbl.example  from 127.0.1.*  DBL_FROM 2',
         '_email.hash.example  reply-to-address/sha256-base32  127.0.3.10-20  HBL_REPLY 3']
URLS = ['multi.example url:org 127.0.0.&8 URL_PHISH 5', 'multi.example url:org 127.0.0.&64 URL_ABUSED 4', 'multi.example url:org 127.0.0.&128 URL_CRACKED 4',
        'multi.example url-ip 127.0.0.&8 URL_IP 2', 'host.example url any URL_HOST 1']


def table(rows):
    return 'list = [%s]' % ', '.join('"%s"' % row for row in rows)


def block(name, rows, *keys):
    return 'plugin %s {\n    %s\n%s}\n' % (name, table(rows), ''.join('    %s\n' % key for key in keys))


def message(body='Hello.', html=False, **fields):
    fields = dict({'From': '<x@good.example>', 'To': '<%s>' % ALICE, 'Subject': 'x', 'Content-Type': 'text/html' if html else 'text/plain'}, **fields)
    return ''.join('%s: %s\r\n' % (name.replace('_', '-'), value) for name, value in fields.items()) + '\r\n' + body + '\r\n'


class WithServer(unittest.TestCase):
    def server(self, dns, conf):
        self.proxied = free_port()
        listener = 'listener px { address = ["127.0.0.1:%d"] protocol = smtp proxy = yes }\nserver { filter_processes = 1 }\n' % self.proxied
        return facteur.Server(listener + conf, dns=dns.address)

    def send(self, client, text, sender='x@good.example', helo=facteur.CLIENT):
        """(code, text) of MAIL, or of the message when that was taken."""
        with smtplib.SMTP(local_hostname=helo, timeout=60) as s:
            s.sock = socket.create_connection(('127.0.0.1', self.proxied), 60)
            s.sock.sendall(('PROXY TCP%d %s %s 4711 25\r\n' % (6 if ':' in client else 4, client, '::1' if ':' in client else '198.51.100.9')).encode())
            self.assertEqual(s.getreply()[0], 220)
            s.ehlo()
            code, reply = s.mail(sender)
            if code == 250:
                s.rcpt(ALICE)
                code, reply = s.data(text)
            return code, reply.decode()

    def check(self, server, symbols, client=CLEAN, text=None, **more):
        code, reply = self.send(client, text or message(), **more)
        self.assertEqual(code, 250, reply)
        ledger = server.ctl('trace', reply.split()[-1].strip('.')).stdout
        self.assertEqual({w for w in ledger.split() if re.fullmatch('(ZEN|DBL|HBL|URL|WHITE|ANY|OWN)_[A-Z_]+', w)}, set(symbols), ledger)
        return ledger


class Dnsbl(WithServer):
    def test_the_client(self):
        rows = ZEN + ['white.example ip 127.0.*.3 WHITE_HIGH -3']
        with FakeDNS(ZONE) as dns, self.server(dns, block('dnsbl', rows)) as server:
            ledger = self.check(server, ['ZEN_SBL', 'ZEN_XBL', 'WHITE_HIGH'], CLIENT)
            self.assertIn('192.0.2.66 in zen.example (127.0.0.2)', ledger)
            self.assertRegex(ledger, r'WHITE_HIGH.*-3')
            self.assertEqual(dns.asked('66.2.0.192.zen.example'), 1)  # one question for three rows
            self.assertEqual(dns.asked('66.2.0.192.zen.example', 'TXT'), 0)
            self.check(server, ['ZEN_CSS'], V6)
            self.check(server, [], CLEAN)
            before = len(dns.queries)
            self.check(server, [], '10.1.2.3')
            self.assertEqual(len(dns.queries), before)

    def test_names_and_digests(self):
        with FakeDNS(ZONE) as dns, self.server(dns, block('dnsbl', NAMES)) as server:
            self.check(server, ['DBL_HELO'], helo='helo.bad.example')
            self.check(server, ['DBL_SENDER', 'DBL_FROM'], sender='x@bad.example', text=message(From='<y@Bad.Example>'))
            self.assertEqual(dns.asked('bad.example.dbl.example'), 1)
            self.check(server, ['HBL_REPLY'], text=message(Reply_To='Sales <Spammer+7@bad.example>'))
            self.check(server, [], text=message(Reply_To='Sales <other@bad.example>'))

    def test_domains_left_out(self):
        with FakeDNS(ZONE) as dns, self.server(dns, block('dnsbl', NAMES, 'skip_domain = ["bad.example"]')) as server:
            self.check(server, [], helo='helo.bad.example', sender='x@bad.example', text=message(From='<y@bad.example>', Reply_To='<spammer@bad.example>'))
            self.assertEqual(dns.asked('bad.example.dbl.example'), 0)

    def test_reasons(self):
        with FakeDNS(ZONE) as dns, self.server(dns, block('dnsbl', ZEN, 'reason = yes')) as server:
            self.assertIn('(127.0.0.2): see https://zen.example/66', self.check(server, ['ZEN_SBL', 'ZEN_XBL'], CLIENT))
            self.check(server, [], CLEAN)
            self.assertEqual(dns.asked('1.2.0.192.zen.example', 'TXT'), 0)

    def test_refusals(self):
        with FakeDNS(ZONE) as dns, self.server(dns, block('dnsbl', ZEN + NAMES, 'reject = ["ZEN_XBL"]', 'reason = yes')) as server:
            code, text = self.send(CLIENT, message())
            self.assertEqual((code, text), (550, '5.7.1 refused: 192.0.2.66 in zen.example (127.0.0.4): see https://zen.example/66'))
            self.check(server, ['ZEN_CSS'], V6)
            self.check(server, ['DBL_FROM', 'DBL_SENDER'], sender='x@bad.example', text=message(From='<y@bad.example>'))

    def test_lists_that_do_not_serve(self):
        """Their codes, and what somebody in between makes of no answer, are alerts and never hits; the list is left alone for a while."""
        rows = ['busy.example ip any ANY_BUSY 5', 'own.example ip 127.0.0.1 blocked', 'own.example ip any OWN_ANY 5', 'hijacked.example ip any ANY_HIJACKED 5']
        with FakeDNS(ZONE) as dns, self.server(dns, block('dnsbl', rows)) as server:
            self.check(server, [], CLIENT)
            self.check(server, [], '192.0.2.67')
            self.assertEqual([dns.asked('67.2.0.192.' + zone) for zone in ('busy.example', 'own.example', 'hijacked.example')], [0, 0, 0])
            log = server.wait_log('hijacked.example gives an answer')
            self.assertEqual(log.count('busy.example does not serve us (127.255.255.254): not asked for 600 s'), 1)
            self.assertEqual(log.count('own.example does not serve us (127.0.0.1)'), 1)
            self.assertEqual(log.count('hijacked.example gives an answer that is none of a list (198.51.100.1)'), 1)
            metrics = server.ctl('metrics').stdout
            self.assertRegex(metrics, r'plugin="dnsbl",name="blocked"\} 3\n')
            self.assertRegex(metrics, r'plugin="dnsbl",name="paused"\} 3\n')

    def test_lists_that_are_silent(self):
        with FakeDNS(ZONE) as dns, self.server(dns, block('dnsbl', ['broken.example ip any ANY_BROKEN 5'], 'pause = 1h', 'self_test = 0')) as server:
            dns.zone.update({'%d.2.0.192.broken.example' % i: 'SERVFAIL' for i in range(100, 120)})
            for i in range(100, 107):
                self.check(server, [], '192.0.2.%d' % i)
            self.assertEqual([dns.asked('%d.2.0.192.broken.example' % i) > 0 for i in range(100, 107)], [True] * 5 + [False] * 2)
            server.wait_log('broken.example does not answer')

    def test_lists_slower_than_the_deadline(self):
        with FakeDNS(ZONE) as dns, self.server(dns, block('dnsbl', ['silent.example ip any ANY_SILENT 5'], 'deadline = 300ms')) as server:
            dns.zone.update({'%d.2.0.192.silent.example' % i: 'SILENT' for i in range(100, 120)})
            dns.zone['1.0.0.127.silent.example'] = 'SILENT'
            for i in range(100, 107):
                self.check(server, [], '192.0.2.%d' % i)
            self.assertEqual(dns.asked('106.2.0.192.silent.example'), 0)

    def test_lists_of_the_whole_world(self):
        """What no list may have is asked for with the first message, and once an hour."""
        world = {'%s.2.0.192.zen.example' % i: {'A': ['127.0.0.2']} for i in (66, 67)}
        world.update({'1.0.0.127.zen.example': {'A': ['127.0.0.2']}, 'bad.example.dbl.example': {'A': ['127.0.1.2']}})
        with FakeDNS(world) as dns, self.server(dns, block('dnsbl', ZEN + NAMES)) as server:
            self.check(server, ['DBL_FROM'], CLIENT, message(From='<y@bad.example>'))
            self.check(server, [], '192.0.2.67')
            self.assertEqual((dns.asked('1.0.0.127.zen.example'), dns.asked('67.2.0.192.zen.example'), dns.asked('invalid.dbl.example')), (1, 0, 1))
            server.wait_log(r'zen.example lists what no list may \(1.0.0.127.zen.example\): not asked for 600 s')
        with FakeDNS(world) as dns, self.server(dns, block('dnsbl', ZEN, 'self_test = 0')) as server:
            self.check(server, ['ZEN_SBL'], CLIENT)

    def test_limit_of_questions(self):
        rows = ['l%d.example ip any ANY_%s 1' % (i, chr(65 + i)) for i in range(10)]
        with FakeDNS(ZONE) as dns, self.server(dns, block('dnsbl', rows, 'max_questions = 3')) as server:
            self.check(server, [], CLIENT)
            self.assertEqual(sum(dns.asked('66.2.0.192.l%d.example' % i) for i in range(10)), 3)
            self.assertRegex(server.ctl('metrics').stdout, r'name="above_limit"\} 7\n')

    def test_nobody_is_asked_unless_told(self):
        with FakeDNS(ZONE) as dns, self.server(dns, 'plugin dnsbl { }\nplugin urlbl { }\n') as server:
            self.check(server, [], CLIENT, message('https://pills.example/'))
            self.assertEqual([name for name, _, _ in dns.queries if name.endswith('.example')], [])

    def test_mistakes(self):
        for conf, why in ((block('dnsbl', ['nonsense']), "must begin with the list's domain"), (block('dnsbl', ZEN, 'reject = ["ZEN"]'), 'a symbol that no row has'),
                          (block('dnsbl', ['a.b url any A 1']), 'not known here: url'), (block('urlbl', ['a.b ip any A 1']), 'not known here: ip'),
                          (block('dnsbl', ZEN, 'max_questions = 0'), '1 to 200'), (block('urlbl', URLS, 'max_hosts = 0'), '1 to 200')):
            with tempfile.NamedTemporaryFile('w', suffix='.conf') as f:
                f.write(conf)
                f.flush()
                r = subprocess.run([os.path.join(facteur.build_dir(), 'facteurctl'), '--conf', f.name, 'plugin', 'check', conf.split()[1]],
                                   capture_output=True, text=True, timeout=60)
                self.assertNotEqual(r.returncode, 0, conf)
                self.assertIn(why, r.stdout + r.stderr)


class Urlbl(WithServer):
    def test_hosts(self):
        with FakeDNS(ZONE) as dns, self.server(dns, block('urlbl', URLS)) as server:
            ledger = self.check(server, ['URL_PHISH', 'URL_ABUSED'], text=message('see https://www.Pills.example/a and http://x.pills.example/b'))
            self.assertIn('pills.example in multi.example (127.0.0.72)', ledger)
            self.assertEqual((dns.asked('pills.example.multi.example'), dns.asked('www.pills.example.host.example')), (1, 1))
            self.check(server, ['URL_HOST'], text=message('<a href="http://a.shop.co.uk/">x</a>', html=True))
            self.assertEqual(dns.asked('shop.co.uk.multi.example'), 1)
            for hidden in ('<!--[if mso]><a href="http://a.shop.co.uk/">x</a><![endif]-->', '<svg><a xlink:href="http://a.shop.co.uk/">x</a></svg>',
                           '<svg><a><animate attributeName="href" values="http://a.shop.co.uk/"/>x</a></svg>'):
                self.check(server, ['URL_HOST'], text=message(hidden, html=True))
            self.check(server, ['URL_IP'], text=message('http://192.0.2.66/x http://127.0.0.1/y http://www.w3.org/'))
            self.assertEqual(dns.asked('w3.org.multi.example'), 0)
            self.check(server, [], text=message('no URL'))

    def test_what_people_click_comes_first(self):
        decoys = ''.join('<img src="https://decoy%d.example/">' % i for i in range(30))
        with FakeDNS(ZONE) as dns, self.server(dns, block('urlbl', URLS, 'max_hosts = 5')) as server:
            self.check(server, ['URL_PHISH', 'URL_ABUSED'], text=message(decoys + '<a href="https://pills.example/">x</a>', html=True))
            self.assertEqual(sum(dns.asked('decoy%d.example.multi.example' % i) for i in range(30)), 4)


class Shipped(unittest.TestCase):
    def test_the_tables_to_uncomment(self):
        """They are off as they come, and right when somebody uncomments all of them."""
        for name, least in (('dnsbl', 20), ('urlbl', 15)):
            with open(os.path.join(facteur.ROOT, 'plugins', name, name + '.conf')) as f:
                sample = f.read()
            for text, rows in ((sample, 0), (re.sub(r'(?m)^( *)# (".*")$', r'\1\2', sample), least)):
                with tempfile.NamedTemporaryFile('w', suffix='.conf') as f:
                    f.write(text)
                    f.flush()
                    r = subprocess.run([os.path.join(facteur.build_dir(), 'facteurctl'), '--conf', f.name, 'plugin', 'doc', name], capture_output=True, text=True, timeout=60)
                    self.assertEqual(r.returncode, 0, r.stderr)
                    r = subprocess.run([os.path.join(facteur.build_dir(), 'facteurctl'), '--conf', f.name, 'plugin', 'check', name], capture_output=True, text=True, timeout=60)
                    self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
                    self.assertGreaterEqual(text.count('\n        "'), rows)


class Check(unittest.TestCase):
    def check(self, zone, *args):
        rows = ZEN + ['white.example ip 127.0.*.3 WHITE_HIGH -3', 'dbl.example from:org 127.0.1.* DBL_FROM 2', 'hash.example from-address/sha1 any HASH 1']
        with tempfile.NamedTemporaryFile('w', suffix='.conf') as f, FakeDNS(zone) as dns:
            f.write(block('dnsbl', rows) + 'plugin more { use = urlbl %s }\n' % table(URLS))
            f.flush()
            r = subprocess.run([os.path.join(facteur.build_dir(), 'facteurctl'), '--conf', f.name, '--json', 'check', 'dnsbl', *args, '--dns', dns.address],
                               capture_output=True, text=True, timeout=60)
            return r.returncode, {q['question']: q for q in json.loads(r.stdout or '[]')}, r.stderr

    def test_an_address(self):
        status, found, _ = self.check(ZONE, CLIENT)
        self.assertEqual(status, 1)
        self.assertEqual({name: q['result'] for name, q in found.items()}, dict.fromkeys(
            ['66.2.0.192.zen.example', '66.2.0.192.white.example', '66.2.0.192.multi.example'], 'listed'))
        self.assertEqual((found['66.2.0.192.zen.example']['symbols'], found['66.2.0.192.zen.example']['reason']),
                         ('ZEN_SBL (3.5), ZEN_XBL (4)', 'see https://zen.example/66'))
        white = {'66.2.0.192.white.example': ZONE['66.2.0.192.white.example'], 'zen.example': {}, 'multi.example': {}}
        self.assertEqual(self.check(white, CLIENT)[0], 0)  # praised
        self.assertEqual(self.check(dict(white, **{'66.2.0.192.zen.example': {'A': ['127.255.255.252']}}), CLIENT)[0], 75)

    def test_names(self):
        _, found, _ = self.check(ZONE, 'x@www.bad.example')
        self.assertEqual(found['bad.example.dbl.example']['result'], 'listed')
        self.assertEqual(found[hashlib.sha1(b'x@www.bad.example').hexdigest() + '.hash.example']['result'], 'not listed')
        self.assertIn('www.bad.example.host.example', found)

    def test_do_the_lists_work(self):
        good = {'2.0.0.127.%s.example' % zone: {'A': ['127.0.0.2']} for zone in ('zen', 'white', 'multi')}
        good.update({'hash.example': {}, 'dbl.example': {}, 'host.example': {}})
        self.assertEqual(self.check(good)[0], 0)
        dead = dict(good)
        del dead['2.0.0.127.zen.example']
        status, found, _ = self.check(dead)
        self.assertEqual((status, found['2.0.0.127.zen.example']['result']), (1, 'broken'))
        status, found, _ = self.check(dict(good, **{'invalid.dbl.example': {'A': ['127.0.0.9']}}))  # lists the whole world
        self.assertEqual((status, found['invalid.dbl.example']['result']), (1, 'broken'))

    def test_nothing_to_ask(self):
        self.assertIn('no configured list can be asked about 10.0.0.1', self.check(ZONE, '10.0.0.1')[2])
        r = subprocess.run([os.path.join(facteur.build_dir(), 'facteurctl'), '--conf', '/dev/null', 'check', 'dnsbl'], capture_output=True, text=True, timeout=60)
        self.assertIn('no list is configured', r.stderr)


if __name__ == '__main__':
    unittest.main()
