"""facteurctl against a running server and, when none runs, against its folder: same words, same answers."""
import contextlib, json, os, pty, re, smtplib, subprocess, sys, tempfile, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur

ALICE = 'alice@example.test'
SHOUT = ('From: x@remote.example\nTo: %s\nSubject: BUY THIS VERY NOW\nX-Facteur-Note: forged\n'
         'Date: Mon, 5 Jan 2026 10:11:12 +0100\nMessage-ID: <shout@remote.example>\n\nhello\n' % ALICE)
server = None


def setUpModule():
    global server
    server = facteur.Server().start()


def tearDownModule():
    server.__exit__(None, None, None)


def ctl(*args, **more):
    return server.ctl(*args, check=False, **more)


def answer(*args, **more):
    return json.loads(server.ctl(*args, '--json', **more).stdout)


def smtp_login(user, password):
    with smtplib.SMTP('127.0.0.1', server.port('submission'), local_hostname=facteur.CLIENT) as s:
        try:
            s.login(user, password)
            return True
        except smtplib.SMTPAuthenticationError:
            return False


class Running(unittest.TestCase):
    def test_accounts(self):
        server.ctl('account', 'add', 'carol@example.test', stdin='first\n')
        self.assertTrue(smtp_login('carol@example.test', 'first'))
        server.ctl('account', 'passwd', 'carol@example.test', stdin='second')
        self.assertFalse(smtp_login('carol@example.test', 'first'))
        self.assertTrue(smtp_login('carol@example.test', 'second'))
        self.assertIn('carol@example.test', [a['account'] for a in answer('account', 'list')])
        self.assertRegex(server.ctl('account', 'list').stdout, r'(?m)^ACCOUNT +MESSAGES +SIZE +QUOTA$')
        server.ctl('account', 'remove', 'carol@example.test')
        self.assertFalse(smtp_login('carol@example.test', 'second'))
        self.assertNotIn('carol@example.test', server.ctl('account', 'list').stdout)

    def test_passwords_are_refused_in_arguments_and_when_empty(self):
        r = ctl('account', 'add', 'dave@example.test', 'secret')
        self.assertEqual((r.returncode, r.stdout), (2, ''))
        self.assertIn('never given on the command line', r.stderr)
        self.assertEqual(ctl('account', 'add', 'dave@example.test', stdin='').returncode, 1)
        self.assertEqual(ctl('account', 'add', 'dave@example.test', stdin='\n').returncode, 1)
        self.assertNotIn('dave', server.ctl('account', 'list').stdout)

    def typed(self, first, second):
        """`account passwd` with a person at a terminal: exit status and what the terminal showed."""
        try:
            master, slave = pty.openpty()
        except OSError as e:
            self.skipTest('no terminals on this machine: %s' % e)
        command = [os.path.join(server.build, 'facteurctl'), '--dir', server.state, 'account', 'passwd', 'bob@example.test']
        p = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        shown = b''
        for prompt, text in ((b'New password for bob@example.test: ', first), (b'Once more for bob@example.test: ', second)):
            while prompt not in shown:
                shown += os.read(master, 4096)
            os.write(master, text + b'\n')
        with contextlib.suppress(OSError):  # the terminal is gone
            while more := os.read(master, 4096):
                shown += more
        os.close(master)
        return p.wait(30), shown

    def test_a_password_that_is_typed_is_not_shown(self):
        status, shown = self.typed(b'hush1', b'hush1')
        self.assertEqual(status, 0, shown)
        self.assertNotIn(b'hush', shown)
        self.assertTrue(smtp_login('bob@example.test', 'hush1'))
        status, shown = self.typed(b'hush2', b'other')
        self.assertEqual(status, 1)
        self.assertIn(b'differ', shown)
        self.assertTrue(smtp_login('bob@example.test', 'hush1'))

    def test_aliases(self):
        server.ctl('alias', 'set', 'sales@example.test', ALICE, 'bob@example.test')
        self.assertEqual([a['targets'] for a in answer('alias', 'list') if a['alias'] == 'sales@example.test'], [[ALICE, 'bob@example.test']])
        server.ctl('alias', 'remove', 'sales@example.test')
        r = ctl('alias', 'remove', 'sales@example.test')
        self.assertEqual(r.returncode, 1)
        self.assertIn('there is no alias', r.stderr)

    def test_status(self):
        text = server.ctl('status').stdout
        for role in ('supervisor', 'edge', 'filter', 'store'):
            self.assertRegex(text, r'(?m)^%s' % role)
        self.assertTrue(answer('status'))
        self.assertIn('seccomp', server.ctl('status', '--sandbox').stdout)

    def test_metrics(self):
        samples = [line for line in server.ctl('metrics').stdout.splitlines() if not line.startswith('#')]
        names = [line.rsplit(' ', 1)[0] for line in samples]
        self.assertEqual(len(names), len(set(names)))
        for line in samples:
            self.assertRegex(line, r'^facteur_[a-z_]+\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\} [-+.e\d]+$')
        self.assertIn('facteur_plugin_off{filter="0",plugin="headers"} 0', samples)

    def test_status_of_filters(self):
        for number, f in enumerate(json.loads(server.ctl('--json', 'status').stdout)['filters']):
            self.assertEqual(f['index'], number)
            headers = next(p for p in f['plugins'] if p['name'] == 'headers')
            self.assertEqual(headers['mode'], 'live')
            self.assertIn('log2_us', headers['hooks']['headers'])
            self.assertIn('headers', f['plan']['headers'])

    def test_reload(self):
        self.assertIn('in force', server.ctl('reload').stdout)

    def test_trace_shows_every_copy(self):
        with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT) as s:
            s.sendmail('x@remote.example', [ALICE, 'bob@example.test'], SHOUT.replace('\n', '\r\n'))
        ident = re.findall(r'\[([0-9a-z]+\.\d+)\] message .*from="?x@remote.example', server.log())[-1]
        copies = answer('trace', ident)
        self.assertEqual(sorted(c['account'] for c in copies), [ALICE, 'bob@example.test'])
        for c in copies:
            self.assertEqual(c['ledger']['score'], sum(e.get('score', 0) for e in c['ledger']['entries']))
            self.assertNotEqual(c['view_size'], c['original_size'])
        self.assertIn('header_remove', server.ctl('trace', ident).stdout)
        self.assertEqual(ctl('trace', 'nobody').returncode, 1)

    def test_store(self):
        self.assertIn('no damage', server.ctl('store', 'check').stdout)
        self.assertEqual(answer('store', 'check')['damaged'], 0)
        self.assertIn('log_segment', answer('store', 'status'))


class Scan(unittest.TestCase):
    def check(self, run):
        r = run('scan', '-', '--json', stdin=SHOUT)
        found = json.loads(r.stdout)
        self.assertEqual((r.returncode, found['verdict']), (0, 'keep'))
        self.assertEqual([s['name'] for s in found['symbols']], ['SUBJECT_ALL_CAPS'])
        self.assertEqual(found['score'], sum(s['score'] for s in found['symbols']))
        self.assertEqual({e['by'] for e in found['recipients'][0]['edits']}, {'headers', 'lua:subject_rules'})
        text = run('scan', '-', '--diff', stdin=SHOUT).stdout
        self.assertIn('\n-X-Facteur-Note: forged\n', text)
        self.assertIn('\n+X-Facteur-Rules: SUBJECT_ALL_CAPS\n', text)
        self.assertIn('\n Subject: BUY THIS VERY NOW\n', text)
        self.assertNotIn('\x1b', text)

    def test_by_the_running_filter(self):
        self.check(ctl)

    def test_wrong_usage(self):
        for args in (['scan'], ['scan', '/nowhere.eml'], ['scan', '-', '--role', 'king'], ['scan', '-', '--frobnicate']):
            self.assertEqual(ctl(*args, stdin=SHOUT).returncode, 64, args)


class Words(unittest.TestCase):
    def test_suggestions_and_help(self):
        r = ctl('acount', 'list')
        self.assertEqual(r.returncode, 2)
        self.assertIn('did you mean `account`?', r.stderr)
        self.assertIn('facteurctl', ctl('--help').stdout)
        self.assertEqual(subprocess.run(['bash', '-n'], input=ctl('completion').stdout, text=True).returncode, 0)

    def test_configuration(self):
        self.assertIn('is right', server.ctl('config', 'check').stdout)
        self.assertIn('server.data_dir', server.ctl('config', 'show').stdout)
        self.assertIn('5321', server.ctl('config', 'explain', 'smtp.max_recipients').stdout)
        self.assertEqual(answer('config', 'explain', 'max_mime_depth')['block'], 'filter')
        self.assertRegex(ctl('config', 'explain', 'max_recipients').stderr, r'several blocks have max_recipients')
        r = ctl('config', 'explain', 'smtp.max_recipient')
        self.assertIn('did you mean smtp.max_recipients?', r.stderr)

    def test_a_wrong_configuration_is_named_with_its_place(self):
        with tempfile.NamedTemporaryFile('w', suffix='.conf') as f:
            f.write('smtp {\n    max_recipient = 5\n}\n')
            f.flush()
            r = ctl('config', 'check', '--conf', f.name)
            self.assertEqual(r.returncode, 1)
            self.assertRegex(r.stderr, r':2:5: .*max_recipients')
            r = ctl('config', 'check', '--conf', f.name, '--json')
            self.assertFalse(json.loads(r.stdout)['ok'])

    def test_ranges_and_words_of_every_role_are_checked(self):
        for text, why in (('milter { on_unavailable = maybe }', 'milter.on_unavailable = maybe: must be tempfail or accept'),
                          ('smtp { max_message = 1 }', 'smtp.max_message: must be 1K to 2G'),
                          ('listener x { protocol = gopher }', 'protocol "gopher" with role "mx" is not known')):
            with self.subTest(text), tempfile.NamedTemporaryFile('w', suffix='.conf') as f:
                f.write(text + '\n')
                f.flush()
                r = ctl('config', 'check', '--conf', f.name)
                self.assertEqual(r.returncode, 1)
                self.assertIn(why, r.stderr)


class WithoutServer(unittest.TestCase):
    """A folder of its own whose server has been stopped by facteurctl."""

    @classmethod
    def setUpClass(cls):
        cls.other = facteur.Server().start()
        cls.other.ctl('account', 'add', 'before@example.test', stdin='x\n')
        assert 'stopped' in cls.other.ctl('stop').stdout
        cls.other.process.wait(20)

    @classmethod
    def tearDownClass(cls):
        cls.other.__exit__(None, None, None)

    def ctl(self, *args, **more):
        return self.other.ctl(*args, check=False, **more)

    def test_no_server_is_an_answer(self):
        r = self.ctl('status')
        self.assertEqual(r.returncode, 1)
        self.assertIn('no server runs in', r.stderr)

    def test_the_store_answers_all_the_same(self):
        self.assertIn('before@example.test', self.ctl('account', 'list').stdout)
        self.assertEqual(self.ctl('account', 'add', 'offline@example.test', stdin='x\n').returncode, 0)
        self.assertIn('offline@example.test', self.ctl('account', 'list').stdout)
        self.assertEqual(self.ctl('store', 'check').returncode, 0)

    def test_a_misspelt_folder_makes_no_store(self):
        with tempfile.TemporaryDirectory() as d:
            conf = os.path.join(d, 'facteur.conf')
            with open(conf, 'w') as f:
                f.write('server { data_dir = "%s/nowhere" }\n' % d)
            r = subprocess.run([os.path.join(self.other.build, 'facteurctl'), '--conf', conf, '--run-dir', d, 'account', 'list'], capture_output=True, text=True)
            self.assertEqual(r.returncode, 1)
            self.assertIn('there is no store in', r.stderr)
            self.assertEqual(os.listdir(d), ['facteur.conf'])

    def test_a_filter_is_started_for_one_scan(self):
        Scan.check(self, self.ctl)

    def test_two_stores_never_meet(self):
        command = [os.path.join(self.other.build, 'facteurctl'), '--dir', self.other.state, 'account', 'add', 'slow@example.test']
        for _ in range(20):  # the first one waits for its password and holds the store meanwhile, unless the second was quicker
            first = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            time.sleep(0.3)
            second = self.ctl('account', 'list')
            if second.returncode == 75:
                break
            first.communicate()
        first.communicate(b'x\n')
        self.assertEqual((first.returncode, second.returncode), (0, 75))
        self.assertIn('another store is using', second.stderr)
        self.assertIn('slow@example.test', self.ctl('account', 'list').stdout)


if __name__ == '__main__':
    unittest.main()
