"""plugins/arc with a server and a name server: chains that others sealed are judged, what we seal passes here and with dkimpy; check arc; the public suite."""
import base64, imaplib, json, os, re, smtplib, subprocess, sys, tempfile, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from fake_dns import FakeDNS

BOB = 'bob@example.test'
MESSAGE = b'From: Ann <ann@author.example>\r\nTo: <bob@example.test>\r\nSubject: x\r\nDate: Fri, 1 Nov 2024 10:00:00 +0000\r\nMessage-ID: <1@author.example>\r\n\r\n' \
          b'body \r\n\r\nend\r\n\r\n'
SIGNED = [b'from', b'to', b'subject', b'date', b'message-id']


def ctl(*args, stdin=None):
    return subprocess.run([os.path.join(facteur.build_dir(), 'facteurctl'), *args], capture_output=True, input=stdin, timeout=120)


def fields(message, name):
    """The values of all fields of that name, from the top, unfolded."""
    head = message.split(b'\r\n\r\n')[0]
    return [re.sub(rb'\r\n(?=[ \t])', b'', value) for value in re.findall(rb'(?im)^%s:[ \t]*((?:[^\r\n]|\r\n[ \t])*)' % name, head)]


class Hop:
    """Somebody who seals with dkimpy."""

    def __init__(self, domain, bits=2048):
        self.domain = domain
        self.key = subprocess.run(['openssl', 'genrsa', '-traditional', str(bits)], check=True, capture_output=True).stdout
        public = subprocess.run(['openssl', 'rsa', '-pubout', '-outform', 'DER'], input=self.key, check=True, capture_output=True).stdout
        self.zone = {'s1._domainkey.' + domain: {'TXT': ['v=DKIM1; k=rsa; p=' + base64.b64encode(public).decode()]}}

    def seal(self, message, found, cv='none'):
        import dkim
        name = b'mx.' + self.domain.encode()
        message = b'Authentication-Results: ' + name + b'; arc=' + cv.encode() + b'; ' + found + b'\r\n' + message
        out = dkim.arc_sign(message, b's1', self.domain.encode(), self.key, name, include_headers=SIGNED)
        if not out:
            raise AssertionError('dkimpy does not seal')
        return b''.join(out) + b'Received: from there by here; Fri, 1 Nov 2024 10:00:00 +0000\r\n' + message


class Arc(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hops = [Hop('one.example'), Hop('two.example'), Hop('three.example', 1024), Hop('four.example')]
        cls.us = Hop('example.test')
        cls.zone = {name: rows for hop in cls.hops + [cls.us] for name, rows in hop.zone.items()}
        one, two, three, _ = cls.hops
        first = one.seal(MESSAGE, b'dmarc=pass header.from=author.example')
        cls.chain = [first, two.seal(first, b'spf=pass smtp.mailfrom=one.example', 'pass')]
        cls.chain.append(three.seal(cls.chain[1], b'spf=fail smtp.mailfrom=two.example', 'pass'))

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def conf(self, *keys):
        path = os.path.join(self.folder, 'example.test', 's1.pem')
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as f:
            f.write(self.us.key)
        os.chmod(path, 0o600)
        return 'server {\n    user_filter = ""\n    name = "mx.example.test"\n}\nplugin headers {\n}\nplugin authres {\n}\nplugin dkim {\n    deadline = 25s\n}\n' \
               'plugin arc {\n    deadline = 25s\n    keys = "%s"\n%s}\n' % (self.folder, ''.join('    %s\n' % key for key in keys))

    def newest(self, server):
        with imaplib.IMAP4('127.0.0.1', server.port('imap')) as m:
            m.login(BOB, facteur.PASSWORD)
            _, (count,) = m.select('INBOX', readonly=True)
            _, data = m.fetch(count.decode(), '(BODY.PEEK[])')
            return data[0][1]

    def receive(self, server, message):
        """The symbols, and the message as it is served."""
        with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.ehlo()
            s.mail('x@other.example')
            s.rcpt(BOB)
            code, text = s.data(message)
            self.assertEqual(code, 250, text)
        ledger = server.ctl('trace', text.decode().split()[-1].strip('.')).stdout
        return {word for word in re.findall(r'\bARC_[A-Z]+', ledger)}, self.newest(server)

    def result(self, message):
        """What we wrote into our own Authentication-Results of the chain."""
        (value,) = [value for value in fields(message, b'Authentication-Results') if value.startswith(b'mx.example.test')]
        return re.search(rb'arc=[^;]*', value).group().decode().strip()

    def check(self, dns, message, *more):
        path = os.path.join(self.folder, 'checked.eml')
        with open(path, 'wb') as f:
            f.write(message)
        return ctl('check', 'arc', path, '--dns', dns.address, *more)

    def oracle(self, message):
        import dkim
        keys = {name: rows['TXT'][0].encode() for name, rows in self.zone.items()}
        return dkim.arc_verify(message, dnsfunc=lambda name, timeout=5: keys[name.decode().rstrip('.')])

    def test_others_chains(self):
        with FakeDNS(self.zone) as dns, facteur.Server(self.conf(), dns=dns.address) as server:
            symbols, got = self.receive(server, self.chain[2])
            self.assertEqual((symbols, self.result(got)), ({'ARC_PASS'}, 'arc=pass (3 instances) header.oldest-pass=0'))
            symbols, got = self.receive(server, MESSAGE)
            self.assertEqual((symbols, self.result(got)), ({'ARC_NONE'}, 'arc=none'))
            cases = [
                ('the body was changed', self.chain[2].replace(b'end', b'END'), 'message signature 3 .*body was changed'),
                ('the header was changed', self.chain[2].replace(b'Subject: x', b'Subject: y'), 'message signature 3 .*header was changed'),
                ('an older seal was changed', self.chain[2].replace(b'author.example\r\n', b'other.example\r\n', 1), 'ARC field was changed'),
                ('one is missing', re.sub(rb'ARC-Seal: i=2;([^\r\n]|\r\n[ \t])*\r\n', b'', self.chain[2]), 'set 2 has no seal'),
                ('another From is on top', b'From: <eve@evil.example>\r\n' + self.chain[2], 'From field is not covered'),
            ]
            for name, message, why in cases:
                with self.subTest(case=name):
                    self.assertNotEqual(message, self.chain[2])
                    symbols, got = self.receive(server, message)
                    self.assertEqual(symbols, {'ARC_FAIL'})
                    self.assertRegex(self.result(got), 'arc=fail .*' + why)
                    self.assertEqual(fields(got, b'ARC-Seal'), fields(message, b'ARC-Seal'))  # nothing is sealed by default

    def test_one_pass_with_dkim(self):
        import dkim
        sealed = self.chain[0]
        signed = dkim.sign(sealed, b's1', b'one.example', self.hops[0].key, canonicalize=(b'relaxed', b'relaxed'), include_headers=SIGNED) + sealed

        def counted(server):
            text = server.ctl('metrics').stdout
            return [int(sum(float(n) for n in re.findall(r'(?m)^\S*%s\S* ([\d.]+)$' % name, text))) for name in ('body_shared', 'body_hashed')]
        with FakeDNS(self.zone) as dns, facteur.Server(self.conf(), dns=dns.address) as server:
            self.assertEqual(self.receive(server, signed)[0], {'ARC_PASS'})
            self.assertEqual(counted(server), [1, 0])
            self.assertEqual(self.receive(server, sealed)[0], {'ARC_PASS'})  # no DKIM: nobody else hashes
            self.assertEqual(counted(server), [1, 1])
            self.assertEqual(self.receive(server, signed.replace(b'end', b'END'))[0], {'ARC_FAIL'})
            self.assertEqual(self.receive(server, MESSAGE)[0], {'ARC_NONE'})
            self.assertEqual(counted(server), [2, 1])

    def test_large_bodies(self):
        """On threads; who is first is nobody's business."""
        large = self.hops[3].seal(MESSAGE + b'0123456789abcdef \r\n' * 100000, b'spf=pass smtp.mailfrom=author.example')
        with FakeDNS(self.zone) as dns, facteur.Server(self.conf('seal = all'), dns=dns.address) as server:
            symbols, sealed = self.receive(server, large)
            self.assertEqual(symbols, {'ARC_PASS'})
            self.assertEqual(len(fields(sealed, b'ARC-Seal')), 2)
            self.assertEqual(self.check(dns, sealed).returncode, 0)
            self.assertEqual(self.receive(server, large.replace(b'end', b'END'))[0], {'ARC_FAIL'})

    def test_check_arc(self):
        with FakeDNS(self.zone) as dns:
            checked = self.check(dns, self.chain[2], '--json')
            found = json.loads(checked.stdout)
            self.assertEqual((checked.returncode, found['result'], found['oldest_pass']), (0, 'pass', 0), checked.stdout)
            self.assertEqual([(s['instance'], s['cv'], s['seal']['domain'], s['seal']['result'], s['message']['result']) for s in found['sets']],
                             [(3, 'pass', 'three.example', 'pass', 'pass'), (2, 'pass', 'two.example', 'pass', 'pass'), (1, 'none', 'one.example', 'pass', 'pass')])
            self.assertEqual(found['sets'][2]['recorded'], {'by': 'mx.one.example', 'results': ['arc=none', 'dmarc=pass header.from=author.example']})
            text = self.check(dns, self.chain[2]).stdout.decode()
            for wanted in ('set 3 of 3', 'd=one.example s=s1 a=rsa-sha256 cv=none', 's1._domainkey.two.example TXT: ', '1024 bits', 'arc: pass (oldest-pass=0)'):
                self.assertIn(wanted, text)
            broken = self.check(dns, self.chain[2].replace(b'end', b'END'))
            self.assertEqual(broken.returncode, 1)
            self.assertIn(b'arc: fail: message signature 3 (d=three.example): the body was changed', broken.stdout)
            # The first hop changed nothing, the second did: its message signature is the oldest that fits.
            late = self.hops[1].seal(self.chain[0].replace(b'end', b'END'), b'spf=pass smtp.mailfrom=one.example', 'pass')
            self.assertEqual(json.loads(self.check(dns, late, '--json').stdout)['oldest_pass'], 2)
            self.assertEqual(json.loads(self.check(dns, MESSAGE, '--json').stdout)['result'], 'none')
        with FakeDNS({'s1._domainkey.one.example': 'SERVFAIL'}) as dns:
            self.assertEqual(self.check(dns, self.chain[0]).returncode, 75)

    def changed(self, dice):
        """The chain of three with something done to one of its fields, or to its body."""
        head, _, body = self.chain[2].partition(b'\r\n\r\n')
        rows = re.findall(rb'[^\s][^\r\n]*(?:\r\n[ \t][^\r\n]*)*', head)
        at = dice.choice([i for i, row in enumerate(rows) if row.startswith(b'ARC-')])
        name, _, value = rows[at].partition(b':')
        tags, how = value.split(b';'), dice.randrange(10)
        tag = dice.randrange(len(tags))
        key, _, _ = tags[tag].partition(b'=')
        if how == 0:
            del rows[at]
        elif how == 1:
            rows.insert(at, rows[at])
        elif how == 2:
            body += dice.choice([b'\r\n', b'x', b' \r\n'])
        else:
            if how == 3:
                del tags[tag]
            elif how == 4:
                tags[tag] = key + b'=' + dice.choice([b'', b'0', b'1', b'2', b'3', b'4', b'51', b'none', b'pass', b'fail', b'rsa-sha1', b'RSA-SHA256', b'two.example', b'a b', b'@'])
            elif how == 5:
                tags.insert(tag, dice.choice([tags[tag], b'', b' w=x', b' w']))
            elif how == 6:
                tags[tag] = tags[tag].replace(key + b'=', dice.choice([key + b' = ', key.upper() + b'=', key + b'=\r\n ']))
            value = b';'.join(tags)
            spot = dice.randrange(1, len(value))
            if how == 7 and value[spot - 1:spot] != b'\r':
                value = value[:spot] + dice.choice([b' ', b'x', b';', b'=', b'\r\n ']) + value[spot:]
            elif how == 8 and value[spot:spot + 1] not in b'\r\n' and value[spot - 1:spot] != b'\n':
                value = value[:spot] + value[spot + 1:]
            elif how == 9:
                name = dice.choice([name.upper(), name.lower()])
            rows[at] = name + b':' + value
        return b'\r\n'.join(rows) + b'\r\n\r\n' + body

    def test_random_changes(self):
        """dkimpy comes to the same result, whatever was done."""
        import logging, random
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)
        dice = random.Random(8617)
        messages = [self.changed(dice) for _ in range(300)]
        lines = []
        for number, message in enumerate(messages):
            lines.append('arc\t' + os.path.join(self.folder, str(number)))
            with open(lines[-1][4:], 'wb') as f:
                f.write(message)
        with FakeDNS(self.zone) as dns:
            answers = ctl('check', '--driver', 'arc', '--dns', dns.address, stdin=''.join(line + '\n' for line in lines).encode()).stdout.decode().splitlines()
        self.assertEqual(len(answers), len(messages))
        found = []
        for message, answer in zip(messages, answers):
            try:
                wanted = (self.oracle(message)[0] or b'none').decode()
            except Exception:  # it does not expect every mistake
                wanted = 'fail'
            ours = answer.split('\t')[0]
            found.append(ours)
            # Of several things wrong, cv=fail need not be the first that is seen.
            self.assertTrue(ours == wanted or {ours, wanted} == {'none', 'fail'}, (answer, wanted, message))
        self.assertGreater(found.count('pass'), 20)
        self.assertGreater(found.count('fail'), 100)

    def test_what_we_seal_passes(self):
        with FakeDNS(self.zone) as dns, facteur.Server(self.conf('seal = all'), dns=dns.address) as server:
            for older in range(4):
                with self.subTest(older=older):
                    _, sealed = self.receive(server, ([MESSAGE] + self.chain)[older])
                    names = re.findall(rb'(?m)^ARC-[A-Za-z-]+', sealed)
                    self.assertEqual(names[:3], [b'ARC-Seal', b'ARC-Message-Signature', b'ARC-Authentication-Results'])
                    self.assertEqual(len(names), 3 * (older + 1))
                    self.assertRegex(fields(sealed, b'ARC-Seal')[0], rb'cv=%s; d=example.test; i=%d; s=s1' % (b'pass' if older else b'none', older + 1))
                    self.assertRegex(fields(sealed, b'ARC-Authentication-Results')[0],
                                     rb'^i=%d; mx.example.test;.*\barc=[^;]* smtp.remote-ip="127.0.0.1"' % (older + 1))
                    checked = self.check(dns, sealed)
                    self.assertEqual(checked.returncode, 0, checked.stdout)
                    self.assertEqual(self.oracle(sealed)[0], b'pass', self.oracle(sealed))
                    self.assertEqual(self.check(dns, sealed.replace(b'end', b'END')).returncode, 1)
                    self.assertEqual(self.oracle(sealed.replace(b'end', b'END'))[0], b'fail')
            # Others go on from what we made.
            again = self.hops[3].seal(sealed, b'spf=pass smtp.mailfrom=example.test', 'pass')
            self.assertEqual(self.receive(server, again)[0], {'ARC_PASS'})

    def test_sealing_over_broken_chains(self):
        with FakeDNS(self.zone) as dns, facteur.Server(self.conf('seal = all'), dns=dns.address) as server:
            symbols, sealed = self.receive(server, self.chain[2].replace(b'end', b'END'))
            self.assertEqual(symbols, {'ARC_FAIL'})
            self.assertIn(b'cv=fail; d=example.test; i=4', fields(sealed, b'ARC-Seal')[0])
            # Alone, as if it were the only set, the seal fits (RFC 8617 5.1.2): as i=1, cv=none it would be a chain.
            found = json.loads(self.check(dns, sealed, '--json').stdout)
            self.assertEqual((found['result'], found['why']), ('fail', 'seal 4 says that the chain was broken before'))
            self.assertIsNone(self.oracle(sealed)[0])
            _, again = self.receive(server, sealed)
            self.assertEqual(fields(again, b'ARC-Seal'), fields(sealed, b'ARC-Seal'))  # ended: nobody goes on
            later = Hop('late.example')
            dns.zone['s1._domainkey.late.example'] = 'SERVFAIL'
            message = later.seal(MESSAGE, b'spf=pass smtp.mailfrom=author.example')
            symbols, got = self.receive(server, message)
            self.assertEqual(symbols, {'ARC_TEMPERROR'})
            self.assertRegex(self.result(got), 'arc=fail .*does not say the key now')
            self.assertEqual(len(fields(got, b'ARC-Seal')), 1)  # it may be right tomorrow

    def test_only_what_goes_on_is_sealed(self):
        for domain, sealed in (('example.test', 0), ('elsewhere.example', 1)):
            conf = self.conf('seal = forwarded', 'local_domains = ["%s"]' % domain)
            with self.subTest(local=domain), FakeDNS(self.zone) as dns, facteur.Server(conf, dns=dns.address) as server:
                self.assertEqual(len(fields(self.receive(server, MESSAGE)[1], b'ARC-Seal')), sealed)

    def test_settings(self):
        path = os.path.join(self.folder, 'test.conf')
        cases = [('seal = yes', 'must be no, forwarded or all'), ('seal = forwarded', 'local_domains'), ('max_sets = 51', '1 to 50'),
                 ('seal = all\n    headers = ["ARC-Seal"]', 'ARC-Seal must not'), ('seal = all\n    oversign = ["To"]', 'From must be there'),
                 ('max_verifications = 61', 'at most 60'), ('max_results = 121', 'at most 120'), ('min_bits = 512', 'within 1024 and 4096')]
        for key, why in cases:
            with self.subTest(key=key):
                with open(path, 'w') as f:
                    f.write(self.conf(key) + 'server {\n    plugin_dir = "%s"\n}\n' % os.path.join(facteur.build_dir(), 'plugins'))
                checked = ctl('--conf', path, 'config', 'check')
                self.assertNotEqual(checked.returncode, 0)
                self.assertIn(why, (checked.stdout + checked.stderr).decode())

    def test_floods_and_silence(self):
        def fake(instance, domain):
            tags = b'a=rsa-sha256; b=AAAA; d=%s; i=%d; s=s1' % (domain.encode(), instance)
            return b'ARC-Seal: %s; cv=%s\r\nARC-Message-Signature: %s; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\r\n' \
                   b'ARC-Authentication-Results: i=%d; x\r\n' % (tags, b'pass' if instance > 1 else b'none', tags.replace(domain.encode(), b'm.' + domain.encode()), instance)
        silent = {'s1._domainkey.silent%d.example' % i: 'SILENT' for i in range(51)}
        silent.update({'s1._domainkey.m.silent%d.example' % i: 'SILENT' for i in range(51)})
        with FakeDNS({**self.zone, **silent}) as dns, facteur.Server(self.conf() + 'dns {\n    timeout = 3s\n}\n', dns=dns.address) as server:
            before = len(dns.queries)
            symbols, _ = self.receive(server, b''.join(fake(i, 'silent%d.example' % i) for i in range(50, 0, -1)) + MESSAGE)
            self.assertEqual(symbols, {'ARC_TEMPERROR'})
            self.assertEqual(len({name for name, _, _ in dns.queries[before:] if 'silent' in name}), 60)  # max_verifications
            before = len(dns.queries)
            symbols, _ = self.receive(server, b''.join(fake(1 + i % 50, 'flood%d.example' % i) for i in range(1000)) + MESSAGE)
            self.assertEqual(symbols, {'ARC_FAIL'})
            symbols, _ = self.receive(server, fake(51, 'flood.example') + MESSAGE)
            self.assertEqual(symbols, {'ARC_FAIL'})
            self.assertEqual([name for name, _, _ in dns.queries[before:] if 'flood' in name], [])  # structure comes first


class PublicSuite(unittest.TestCase):
    """The ARC test suite of ValiMail, as far as it is there."""

    def suites(self, kind):
        import yaml
        folder = facteur.data_dir()
        folder = folder and os.path.join(folder, 'auth', 'arc')
        found = [name for name in sorted(os.listdir(folder)) if kind in name] if folder and os.path.isdir(folder) else []
        if not found:
            self.skipTest('the public suite is not there')
        for name in found:
            with open(os.path.join(folder, name)) as f:
                yield from (suite for suite in yaml.safe_load_all(f) if suite)

    def ask(self, work, zone, lines):
        with FakeDNS(zone) as dns:
            r = ctl('check', '--driver', 'arc', '--dns', dns.address, stdin=''.join(line + '\n' for line in lines).encode())
        answers = r.stdout.decode().splitlines()
        self.assertEqual(len(answers), len(lines), r.stderr)
        return [answer.split('\t') for answer in answers]

    def write(self, work, name, text):
        path = os.path.join(work, name)
        with open(path, 'wb') as f:
            f.write(re.sub(rb'\r?\n', b'\r\n', text.encode()))
        return path

    def zone(self, suite):
        return {name: {'TXT': [text]} for name, text in (suite.get('txt-records') or {}).items()}

    def test_validate(self):
        for suite in self.suites('validate'):
            with tempfile.TemporaryDirectory() as work:
                lines = ['arc\t' + self.write(work, name, test['message'] or '') for name, test in suite['tests'].items()]
                for (name, test), answer in zip(suite['tests'].items(), self.ask(work, self.zone(suite), lines)):
                    with self.subTest(case=name):
                        self.assertEqual(answer[0], (test['cv'] or 'None').lower(), answer)  # '': the suite leaves it open

    def recorded(self, message, server):
        """All results that this server wrote, as one field, and what it says of the chain."""
        results = []
        for value in fields(re.sub(rb'\r?\n', b'\r\n', message.encode()), b'Authentication-Results'):
            by, _, rest = value.decode().partition(';')
            if by.strip() == server:
                results += [re.sub(r'\s+', ' ', result).strip() for result in rest.split(';')]
        chain = [result for result in results if re.match(r'arc\s*=', result)]
        cv = 'none' if not chain else re.match(r'arc\s*=\s*(\w+)', chain[0]).group(1) if len(chain) == 1 else 'fail'
        return results and '; '.join([server] + results), cv

    def tags(self, text):
        return {name.strip(): re.sub(r'\s+', '', value) for name, value in (tag.split('=', 1) for tag in text.split(';') if tag.strip())}

    def test_seal(self):
        for suite in self.suites('sign'):
            with tempfile.TemporaryDirectory() as work:
                key = self.write(work, 'key.pem', suite['privatekey'])
                os.chmod(key, 0o600)
                for name, test in suite['tests'].items():
                    results, cv = self.recorded(test['message'], test['srv-id'])
                    line = '\t'.join(['seal', self.write(work, name, test['message']), key, suite['domain'], suite['sel'], str(test['t']), test['sig-headers'].lower(), cv, results or ''])
                    answer = self.ask(work, {}, [line])[0] if results else ['nothing to record']
                    with self.subTest(case=name):
                        if not test['AS']:
                            self.assertNotEqual(answer[0], 'sealed', answer)
                            continue
                        self.assertEqual(answer[0], 'sealed', answer)
                        self.assertEqual(re.sub(r'\s+', '', answer[1]), re.sub(r'\s+', '', test['AAR']))
                        self.assertEqual(self.tags(answer[2]), self.tags(test['AMS']))
                        self.assertEqual(self.tags(answer[3]), self.tags(test['AS']))


if __name__ == '__main__':
    unittest.main()
