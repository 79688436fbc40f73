"""The DNS as plugins see it: a plugin asks at MAIL and at scan, a name server on loopback answers, or misbehaves. Answers are recorded and replayed."""
import contextlib, json, os, smtplib, subprocess, sys, tempfile, threading, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from fake_dns import FakeDNS, sign

BUILD, RELEASE = facteur.build_dir(), os.path.join(facteur.ROOT, 'build', 'release')
ZONE = {
    'found.example': {'A': ['192.0.2.1', '192.0.2.2'], 'TXT': ['v=spf1 -all', ['in ', 'two']], 'MX': ['10 mx.found.example'], 'SOA': ['ns.found.example post.found.example 1 2 3 4 5']},
    'mx.found.example': {'A': ['192.0.2.3'], 'AAAA': ['2001:db8::3']},
    '_25._tcp.mx.found.example': {'TLSA': ['3 1 1 ' + 'ab' * 32]},
    '1.2.0.192.in-addr.arpa': {'PTR': ['mx.found.example']},
    'plain.example': {'A': ['192.0.2.9']},
    'alias.example': {'CNAME': ['alias2.example']},
    'alias2.example': {'CNAME': ['found.example']},
    'loop.example': {'CNAME': ['loop2.example']},
    'loop2.example': {'CNAME': ['loop.example']},
    'large.example': {'TXT': ['x' * 200] * 20},
    'tcp.example': ('TRUNCATED', {'TXT': ['by tcp']}),
    'slow.example': ('SLOW', 0.2, {'TXT': ['late']}),
    'broken.example': 'SERVFAIL',
    'refused.example': 'REFUSED',
    'silent.example': 'SILENT',
    'garbage.example': 'GARBAGE',
    'forged.example': ('FORGED', {'TXT': ['right']}),
    'huge.example': {'TXT': ['y' * 60000]},
    'many.example': {'TXT': ['%d' % i for i in range(1000)]},
    'xn--bcher-kva.example': {'TXT': ['b\u00fccher']},
}
WAIT = 'dns { timeout = 10s }\n'


def plugin(build=BUILD):
    return 'plugin curious { path = "%s"  on_error = pass  deadline = 30s }\n' % os.path.join(build, 'zoo', 'curious.so')


def ctl(*args, build=BUILD):
    return subprocess.run([os.path.join(build, 'facteurctl'), *args], capture_output=True, text=True, timeout=120)


class Asking(unittest.TestCase):
    def mail(self, server, domain, options=()):
        """(code, text) of MAIL, less the enhanced code."""
        with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.ehlo()
            code, text = s.mail('x@' + domain, options)
            return code, text.decode()

    def answers(self, build):
        with FakeDNS(ZONE) as dns, facteur.Server(conf=plugin(build) + WAIT, dns=dns.address, build=build) as server:
            for domain, code, text in [
                ('found.example', 550, '5.7.1 in two v=spf1 -all'),
                ('FOUND.example', 550, '5.7.1 in two v=spf1 -all'),
                ('alias.example', 550, '5.7.1 in two v=spf1 -all'),
                ('tcp.example', 550, '5.7.1 by tcp'),
                ('forged.example', 550, '5.7.1 right'),
                ('slow.example', 550, '5.7.1 late'),
                ('plain.example', 250, ''),
                ('nobody.example', 250, ''),
                ('broken.example', 451, '4.4.3 status 3: '),
                ('refused.example', 451, '4.4.3 status 3: '),
                ('garbage.example', 451, '4.4.3 status 3: '),
                ('loop.example', 451, '4.4.3 status 3: '),
            ]:
                got = self.mail(server, domain)
                self.assertEqual(got[0], code, (domain, got))
                self.assertIn(text, got[1], domain)
            for domain, code, text in [('large.example', 550, 'xxx'), ('huge.example', 550, 'yyy'), ('many.example', 451, 'more records than dns.max_records')]:
                got = self.mail(server, domain)
                self.assertEqual(got[0], code, (domain, got))
                self.assertIn(text, got[1], domain)
                self.assertIn((domain, 'TXT', 'tcp'), dns.queries)
            sandbox = server.ctl('status', '--sandbox').stdout
            self.assertRegex(sandbox, 'filter .*network=%s' % ('connects' if build == RELEASE else '(connects|relaxed)'))
            status = server.ctl('status').stdout
            self.assertRegex(status, r'dns_questions\W+\d')

    def test_answers(self):
        self.answers(BUILD)

    @unittest.skipUnless(os.path.exists(os.path.join(RELEASE, 'zoo', 'curious.so')), 'the sandbox closes in release builds: build/release is not there')
    def test_answers_out_of_the_sandbox(self):
        self.answers(RELEASE)

    def test_who_is_silent_keeps_nobody_waiting(self):
        """20 sessions wait for a name that nobody answers; meanwhile others are served, and afterwards all have their answer."""
        with FakeDNS(ZONE) as dns, facteur.Server(conf=plugin() + 'dns { timeout = 10s }\n', dns=dns.address) as server:
            self.mail(server, 'found.example')
            got, threads = [], []
            for _ in range(20):
                threads.append(threading.Thread(target=lambda: got.append(self.mail(server, 'silent.example'))))
                threads[-1].start()
            while not dns.asked('silent.example'):
                time.sleep(0.01)
            for _ in range(10):
                self.assertEqual(self.mail(server, 'found.example')[0], 550)
            self.assertEqual(got, [])  # they still wait: nobody was held up by them
            for t in threads:
                t.join()
            self.assertEqual([code for code, _ in got], [451] * 20)
            self.assertRegex(got[0][1], 'in time|no server gave an answer')  # whoever gives up first

    def test_metrics(self):
        with FakeDNS(ZONE) as dns, facteur.Server(conf=plugin() + 'server { filter_processes = 1 }\n', dns=dns.address) as server:
            for domain in ('found.example', 'found.example', 'nobody.example', 'broken.example'):
                self.mail(server, domain)
            samples = dict(line.rsplit(' ', 1) for line in server.ctl('metrics').stdout.splitlines() if line.startswith('facteur_dns_'))
            for status, number in (('ok', '2'), ('no_name', '1'), ('failed', '1'), ('refused', '0')):
                self.assertEqual(samples['facteur_dns_questions_total{filter="0",status="%s"}' % status], number)
            self.assertEqual(samples['facteur_dns_cached_total{filter="0"}'], '1')
            self.assertGreater(float(samples['facteur_dns_waited_seconds_total{filter="0"}']), 0)

    def test_nobody_is_there(self):
        """Nothing listens on the port: a clear answer in time, and mail flows when the plugin does not insist."""
        with FakeDNS(ZONE) as dns:
            pass
        with facteur.Server(conf=plugin() + WAIT, dns=dns.address) as server:
            began = time.monotonic()
            code, text = self.mail(server, 'found.example')
            self.assertEqual(code, 451)
            self.assertIn('status 3', text)
            self.assertLess(time.monotonic() - began, 60)

    def test_limit_of_questions(self):
        with FakeDNS(ZONE) as dns, facteur.Server(conf=plugin() + 'dns { max_queries = 0 }\n', dns=dns.address) as server:
            code, text = self.mail(server, 'found.example')
            self.assertEqual(code, 451)
            self.assertIn('status 5: too many questions (dns.max_queries)', text)
            self.assertEqual(dns.asked('found.example'), 0)


class Cassette(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.message = self.write('m.eml', 'From: <x@found.example>\nTo: <y@example.test>\nSubject: hello\n\nHello.\n')

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, text):
        with open(self.path(name), 'w') as f:
            f.write(text)
        return self.path(name)

    def scan(self, conf, *args):
        return ctl('--conf', conf, '--json', 'scan', self.message, *args)

    def test_record_and_replay(self):
        tape = self.path('tape')
        with FakeDNS(ZONE) as dns:
            conf = self.write('conf', plugin() + 'dns { server = ["%s"] }\n' % dns.address)
            live = self.scan(conf, '--from', 'x@plain.example', '--record', tape)
            self.assertIn('192.0.2.9', live.stdout, live.stderr)
            asked = len(dns.queries)
            again = self.scan(conf, '--from', 'x@plain.example', '--replay', tape)
            self.assertEqual(len(dns.queries), asked)
        self.assertEqual(again.returncode, live.returncode)
        self.assertIn('192.0.2.9', again.stdout)
        with open(tape) as f:
            rows = [json.loads(line) for line in f]
        self.assertEqual(rows[0], {'cassette': 1})
        self.assertEqual({(r['question']['type'], r['question']['name']) for r in rows[1:]}, {('TXT', 'plain.example'), ('A', 'plain.example')})
        other = self.scan(conf, '--from', 'x@other.example', '--replay', tape)
        self.assertIn('other.example', other.stdout)
        self.assertIn('the cassette has no answer', other.stdout)

    def test_bad_cassettes(self):
        conf = self.write('conf', plugin())
        for name, text in [('empty', ''), ('json', '{}\n')]:
            r = self.scan(conf, '--replay', self.write(name, text))
            self.assertEqual(r.returncode, 75, r.stderr)
            self.assertIn('is no cassette', r.stderr)
        self.assertIn('No such file', self.scan(conf, '--replay', self.path('none')).stderr)
        self.assertIn('No such file', self.scan(conf, '--record', self.path('no/folder')).stderr)


class Check(unittest.TestCase):
    def test_check_dns(self):
        with FakeDNS(ZONE) as dns:
            def check(*args):
                return ctl('--conf', '/dev/null', 'check', 'dns', *args, '--dns', dns.address)
            everything = check('found.example')
            self.assertEqual(everything.returncode, 0, everything.stderr)
            for want in ('192.0.2.1', '10 mx.found.example.', '"v=spf1 -all"', 'ns.found.example. post.found.example. 1 2 3 4 5', 'no record of this type', 'not validated'):
                self.assertIn(want, everything.stdout)
            self.assertIn('mx.found.example.', check('192.0.2.1').stdout)
            self.assertIn('3 1 1 abab', check('_25._tcp.mx.found.example', '--type', 'tlsa').stdout)
            self.assertIn('b\u00fccher', check('B\u00dcCHER.example', '--type', 'TXT').stdout)
            for name, code, want in [('nobody.example', 1, 'no such name'), ('broken.example', 75, 'SERVFAIL'), ('a..b', 1, 'not asked')]:
                r = check(name, '--type', 'A')
                self.assertEqual((r.returncode, want in r.stdout), (code, True), r.stdout)
            r = check('found.example', '--type', 'ANY')
            self.assertEqual(r.returncode, 1)
            self.assertIn('--type ANY: must be', r.stderr)
            answers = json.loads(ctl('--conf', '/dev/null', '--json', 'check', 'dns', 'alias.example', '--type', 'A', '--dns', dns.address).stdout)
            self.assertEqual(answers['name'], 'alias.example')
            self.assertEqual(answers['answers'][0]['canonical'], 'found.example')
            self.assertEqual(sorted(answers['answers'][0]['records']), ['192.0.2.1', '192.0.2.2'])

    def test_recursion(self):
        """From the root on, over a delegation. The root's addresses have no port: this needs port 53 of a loopback address."""
        root = {
            '': {'NS': ['a.rootserver'], 'SOA': ['a.rootserver post.rootserver 1 2 3 4 5']},
            'a.rootserver': {'A': ['127.53.0.1']},
            'example': ('DELEGATED', {'NS': ['ns.example'], 'A': ['127.53.0.2']}),
        }
        zone = {
            'example': {'NS': ['ns.example'], 'SOA': ['ns.example post.example 1 2 3 4 5']},
            'ns.example': {'A': ['127.53.0.2']},
            'deep.below.example': {'A': ['192.0.2.11'], 'MX': ['10 mx.below.example']},
        }
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            try:
                top = stack.enter_context(FakeDNS(root, '127.53.0.1', 53))
                below = stack.enter_context(FakeDNS(zone, '127.53.0.2', 53))
            except OSError as e:
                self.skipTest('port 53 of loopback: %s' % e)
            hints, conf = os.path.join(folder, 'hints'), os.path.join(folder, 'conf')
            with open(hints, 'w') as f:
                f.write('. 3600 IN NS a.rootserver.\na.rootserver. 3600 IN A 127.53.0.1\n')
            with open(conf, 'w') as f:
                f.write('dns { mode = recurse  dnssec = no  root_hints = "%s" }\n' % hints)
            r = ctl('--conf', conf, 'check', 'dns', 'deep.below.example', '--type', 'A')
            self.assertIn('192.0.2.11', r.stdout, r.stderr)
            self.assertTrue(top.queries and below.asked('deep.below.example', 'A'))
            self.assertEqual(top.asked('deep.below.example'), 0)  # the root learns the least (RFC 9156)

    def test_dnssec(self):
        zone = {
            'signed.example': {'MX': ['10 mx.signed.example'], 'TXT': ['v=spf1 -all']},
            'mx.signed.example': {'A': ['192.0.2.5']},
            '_25._tcp.mx.signed.example': {'TLSA': ['3 1 1 ' + 'cd' * 32]},
            'forged.signed.example': {'A': ['192.0.2.6']},
            'stripped.signed.example': {'A': ['192.0.2.7']},
            'other.example': {'A': ['192.0.2.8']},
        }
        anchor = sign(zone, 'signed.example')
        zone['forged.signed.example']['A'] = ['198.51.100.1']
        del zone['stripped.signed.example']['RRSIG']
        with FakeDNS(zone) as dns, tempfile.TemporaryDirectory() as folder:
            paths = {name: os.path.join(folder, name) for name in ('anchor', 'conf')}
            for name, text in [('anchor', anchor), ('conf', 'dns { dnssec = yes  trust_anchor = "%s" }\n' % paths['anchor'])]:
                with open(paths[name], 'w') as f:
                    f.write(text)

            def ask(name, kind, conf=paths['conf']):
                r = ctl('--conf', conf, '--json', 'check', 'dns', name, '--type', kind, '--dns', dns.address)
                self.assertEqual(r.stderr, '')
                a = json.loads(r.stdout)['answers'][0]
                return a['status'], a['authentic'], len(a['records'])

            self.assertEqual(ask('signed.example', 'MX'), ('ok', True, 1))
            self.assertEqual(ask('mx.signed.example', 'A'), ('ok', True, 1))
            self.assertEqual(ask('_25._tcp.mx.signed.example', 'TLSA'), ('ok', True, 1))
            self.assertEqual(ask('forged.signed.example', 'A'), ('bogus', False, 0))
            self.assertEqual(ask('stripped.signed.example', 'A'), ('bogus', False, 0))
            self.assertEqual(ask('other.example', 'A'), ('ok', False, 1))
            self.assertEqual(ask('forged.signed.example', 'A', '/dev/null'), ('ok', False, 1))  # who does not validate believes


if __name__ == '__main__':
    unittest.main()
