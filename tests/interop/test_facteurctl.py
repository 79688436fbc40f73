"""facteurctl against a running server and, when none runs, against its folder: same words, same answers."""
import concurrent.futures, contextlib, json, os, pty, re, smtplib, subprocess, sys, tempfile, time, unittest

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
        return p.wait(60), shown

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
            self.assertRegex(line, r'^facteur_[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [-+.e\d]+$')
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

    def test_reloads_wait_for_each_other(self):
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            for answer in list(pool.map(lambda _: ctl('reload'), range(3))):
                self.assertEqual((answer.returncode, answer.stderr), (0, ''))
                self.assertIn('in force', answer.stdout)

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

    def test_by_the_server_itself(self):
        r = subprocess.run([os.path.join(server.build, 'facteur'), 'scan', '-', '--dir', server.state, '--json'], input=SHOUT, capture_output=True, text=True)
        self.assertEqual((r.returncode, json.loads(r.stdout)['verdict']), (0, 'keep'), r.stderr)
        self.assertEqual(subprocess.run([os.path.join(server.build, 'facteur'), 'scan'], capture_output=True).returncode, 64)

    def explained(self, *args):
        return json.loads(ctl('scan', '-', '--json', '--explain', *args, stdin=SHOUT).stdout)

    def test_why(self):
        why, = self.explained()['explain']
        symbol, = why['symbols']
        self.assertEqual({k: symbol[k] for k in ('name', 'score', 'weight', 'factor', 'group', 'by', 'about')},
                         {'name': 'SUBJECT_ALL_CAPS', 'score': 1.5, 'weight': 1.5, 'factor': 1, 'group': 'subject', 'by': 'lua:subject_rules',
                          'about': 'the subject is written in capital letters'})
        self.assertEqual((why['profile'], why['action'], why['score']), ('default', 'keep', 1.5))
        self.assertEqual([(t['action'], t['reached']) for t in why['thresholds']], [('junk', False), ('reject', False)])
        text = server.ctl('scan', '-', '--explain', stdin=SHOUT).stdout
        self.assertIn('the subject is written in capital letters', text)
        self.assertRegex(text, r'(?m)^    \+1\.500  SUBJECT_ALL_CAPS +1\.5 × 1, group subject, by lua:subject_rules$')
        self.assertRegex(text, r'(?m)^score 1\.500: profile default says keep$')
        self.assertNotIn('explain', answer('scan', '-', stdin=SHOUT))

    def test_wrong_usage(self):
        for args in (['scan'], ['scan', '/nowhere.eml'], ['scan', '-', '--role', 'king'], ['scan', '-', '--frobnicate']):
            self.assertEqual(ctl(*args, stdin=SHOUT).returncode, 64, args)


PROFILES = """
lua { file = "%(rules)s" }
lua own { file = "%(own)s" }
profile default { junk = 6 }
profile strict {
    junk = 3
    score = ["SUBJECT_ALL_CAPS=9"]
    group_cap = ["subject=4"]
}
profile lenient { disable = ["SUBJECT_ALL_CAPS"] }
profile trial {
    mode = shadow
    junk = 1
}
composite LOUD_AND_SOLD {
    expression = "SUBJECT_ALL_CAPS & SOLD"
    score = 5
    consume = yes
    doc = "shouts and sells"
}
"""
OWN = """
rule { "SOLD", score = 1, group = "sale", about = "somebody sells", function(m) return m.subject and m.subject:lower():find("buy", 1, true) and "buy" end }
hook { "connect", function(c, ev) ev.banner = "hello from " .. c.frontend end }
hook { "tls", function(c, ev) if ev.version == "TLSv1.0" then return reject("5.7.1", "too old") end end }
hook { "auth", function(c, ev) if ev.user == "alias@example.test" then ev.user = "real@example.test" end end }
hook { "mail", function(c, ev) if c.auth then ev.reverse_path = c.auth.user end end }
hook { "resolve", function(c, ev) if ev.recipient == "team@example.test" then ev.target = "alice@example.test" ev.target = "bob@example.test" end end }
hook { "rcpt", function(c, ev)
  if ev.recipient == "lenient@example.test" then ev.profile = "lenient" end
  if ev.recipient == "moved@example.test" then ev.recipient = "new@example.test" end
  if ev.recipient == "closed@example.test" then return reject("5.2.1", "closed") end
end }
hook { "chunk", function(c, ev) if ev.bytes:find("POISON", 1, true) then return reject("5.7.1", "poison") end end }
hook { "deliver", function(m, ev) if ev.settings.loud then m.mailbox = ev.settings.loud end end }
"""


class Judging(unittest.TestCase):
    """scan with profiles, composites and every point of the dialogue, by a filter of its own."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='facteur-scan.')
        names = {'rules': os.path.join(facteur.ROOT, 'lua', 'filters', 'subject_rules.lua'), 'own': os.path.join(cls.folder.name, 'own.lua')}
        cls.conf = os.path.join(cls.folder.name, 'scan.conf')
        for path, text in ((names['own'], OWN), (cls.conf, 'server {\n    user_filter = ""\n}\n' + PROFILES % names)):
            with open(path, 'w') as f:
                f.write(text)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def scan(self, *args, text=SHOUT):
        r = subprocess.run([os.path.join(server.build, 'facteurctl'), 'scan', '-', '--conf', self.conf, '--run-dir', self.folder.name, *args], input=text, capture_output=True, text=True, timeout=120)
        return r.returncode, json.loads(r.stdout) if '--json' in args else r.stdout

    def why(self, *args):
        status, found = self.scan('--json', '--explain', *args)
        return status, found['explain'][0]

    def test_a_composite_stands_for_what_made_it(self):
        status, why = self.why()
        self.assertEqual((status, why['score'], why['action']), (0, 5, 'keep'))
        loud = next(s for s in why['symbols'] if s['name'] == 'LOUD_AND_SOLD')
        self.assertEqual((loud['expression'], loud['about']), ('SUBJECT_ALL_CAPS & SOLD', 'shouts and sells'))
        self.assertEqual({(a['name'], a['score'], a['detail']) for a in why['adjustments']}, {('SUBJECT_ALL_CAPS', -1.5, 'consumed'), ('SOLD', -1, 'consumed')})
        self.assertEqual(next(s for s in why['symbols'] if s['name'] == 'SOLD')['detail'], 'buy')

    def test_a_profile_by_name(self):
        status, why = self.why('--profile', 'strict')
        self.assertEqual((status, why['profile'], why['action']), (1, 'strict', 'junk'))
        self.assertEqual([t['reached'] for t in why['thresholds'] if t['action'] == 'junk'], [True])
        text = self.scan('--explain', '--profile', 'strict')[1]
        self.assertRegex(text, r'(?m)^  junk +at 3  <- decides$')
        self.assertIn('weight 9 instead of 1.5, by strict', text)

    def test_a_profile_that_a_rule_chose(self):
        status, why = self.why('--rcpt', 'lenient@example.test')
        self.assertEqual((status, why['profile'], why['score']), (0, 'lenient', 1))
        self.assertIn('disabled', [a['detail'] for a in why['adjustments']])

    def test_one_section_for_each_profile(self):
        found = self.scan('--json', '--explain', '--rcpt', 'alice@example.test', '--rcpt', 'lenient@example.test', '--rcpt', 'bob@example.test')[1]
        self.assertEqual([(w['recipient'], w['profile']) for w in found['explain']], [('alice@example.test', 'default'), ('lenient@example.test', 'lenient')])

    def test_shadows_count_nowhere(self):
        status, why = self.why()
        self.assertEqual([(s['by'], s['name']) for s in why['shadow'] if s['would'] == 'choose'], [('trial', 'junk')])
        self.assertIn('trial would choose junk', self.scan('--explain')[1])

    def test_changes_of_the_dialogue(self):
        found = self.scan('--json', '--login', 'alias@example.test', '--role', 'submission', '--rcpt', 'moved@example.test')[1]
        self.assertEqual([(s['hook'], [(c['name'], c['value']) for c in s['changes']]) for s in found['dialogue']],
                         [('connect', [('banner', 'hello from scan')]), ('auth', [('user', 'real@example.test')]), ('mail', [('reverse_path', 'real@example.test')]),
                          ('rcpt', [('recipient', 'new@example.test')])])
        self.assertEqual([r['recipient'] for r in found['recipients']], ['new@example.test'])
        text = self.scan('--login', 'alias@example.test', '--role', 'submission')[1]
        self.assertIn('as if    <real@example.test> wrote', text)
        self.assertIn('         banner = hello from scan\n', text)

    def test_targets_of_resolve(self):
        found = self.scan('--json', '--rcpt', 'team@example.test')[1]
        self.assertEqual([(r['recipient'], r['account']) for r in found['recipients']], [('team@example.test', 'alice@example.test'), ('team@example.test', 'bob@example.test')])

    def test_what_ends_it(self):
        self.assertEqual(self.scan('--tls', 'TLSv1.3')[0], 0)
        status, found = self.scan('--json', '--tls', 'TLSv1.0')
        self.assertEqual((status, found['dialogue'][-1]['hook'], found['dialogue'][-1]['text']), (2, 'tls', 'too old'))
        status, found = self.scan('--json', text=SHOUT.replace('hello', 'x' * 100000 + 'POISON'))
        self.assertEqual((status, found['dialogue'][-1]['hook']), (2, 'chunk'))
        self.assertEqual(self.scan('--rcpt', 'closed@example.test')[0], 2)

    def test_a_refused_recipient_leaves_the_others(self):
        status, found = self.scan('--json', '--rcpt', 'alice@example.test', '--rcpt', 'closed@example.test')
        self.assertEqual((status, [r['recipient'] for r in found['recipients']]), (0, ['alice@example.test']))
        status, found = self.scan('--json', '--rcpt', 'closed@example.test', '--rcpt', 'alice@example.test')
        self.assertEqual((status, [r['recipient'] for r in found['recipients']]), (2, ['alice@example.test']))

    def test_settings_and_details_of_accounts(self):
        found = self.scan('--json', '--rcpt', 'alice+lists@example.test', '--setting', 'loud=Loud')[1]
        self.assertEqual([(r['recipient'], r['account'], r['mailbox']) for r in found['recipients']], [('alice+lists@example.test', 'alice@example.test', 'Loud')])


class Words(unittest.TestCase):
    def test_suggestions_and_help(self):
        r = ctl('acount', 'list')
        self.assertEqual(r.returncode, 2)
        self.assertIn('did you mean `account`?', r.stderr)
        self.assertIn('facteurctl', ctl('--help').stdout)
        completion = ctl('completion').stdout
        self.assertEqual(subprocess.run(['bash', '-n'], input=completion, text=True).returncode, 0)
        script = completion + '\nCOMP_WORDS=(facteurctl --dir here lua t) COMP_CWORD=4\n_facteurctl\necho ${COMPREPLY[@]}\n'
        self.assertEqual(subprocess.run(['bash'], input=script, capture_output=True, text=True).stdout, 'test try\n')
        for word in ('replay', 'lua', 'lint', '--explain', '--since'):
            self.assertIn(word, completion)
            self.assertIn(word, ctl('--help').stdout)
        r = ctl('lua', 'tets', 'x')
        self.assertIn('did you mean `lua test`?', r.stderr)
        self.assertIn('--answers', ctl('lua', 'try', '--help').stdout)

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
        cls.other.process.wait(60)

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
