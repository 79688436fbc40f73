"""The kit for plugin authors: `facteurctl plugin new` makes a project outside the tree that builds, tests and loads."""
import json, os, re, shutil, subprocess, sys, tempfile, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur

FACTEURCTL = os.path.join(facteur.build_dir(), 'facteurctl')


def run(*command, cwd=None, env=None):
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, env=dict(os.environ, **(env or {})))


class Kit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='facteur-kit.')
        cls.project = os.path.join(cls.folder, 'ticket')
        cls.make(cls.project, '-DFacteur_DIR=%s/cmake' % facteur.build_dir())

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder, ignore_errors=True)

    @classmethod
    def make(cls, project, *options, env=None):
        """A new project, built; the sanitized engine can only load what has its run-time linked late, so plain flags do."""
        for command in ([FACTEURCTL, 'plugin', 'new', 'ticket', project], ['cmake', '-B', 'build', *options], ['cmake', '--build', 'build']):
            r = run(*command, cwd=None if command[0] == FACTEURCTL else project, env=env)
            if r.returncode != 0:
                raise RuntimeError('%s: %s%s' % (command, r.stdout, r.stderr))

    @property
    def plugin(self):
        return os.path.join(self.project, 'build', 'ticket.so')

    def test_its_scenarios_pass(self):
        r = run('ctest', '--test-dir', 'build', '--output-on-failure', cwd=self.project)
        self.assertEqual(r.returncode, 0, r.stdout)
        self.assertIn('100% tests passed', r.stdout)

    def scenario(self, text):
        tests = os.path.join(self.folder, 'scenario')
        shutil.rmtree(tests, ignore_errors=True)
        shutil.copytree(os.path.join(self.project, 'tests'), tests, ignore=shutil.ignore_patterns('*.test'))
        with open(os.path.join(tests, 'one.test'), 'w') as f:
            f.write('# about\nmessage lottery.eml\n' + text)
        return run(FACTEURCTL, 'plugin', 'test', tests, '--plugin', self.plugin)

    def test_what_does_not_hold_fails(self):
        for line in ('expect no symbol TICKET_WORD', 'expect symbol TICKET_WORD 9', 'expect symbol OTHER', 'expect verdict reject', 'expect reply 550',
                     'expect header X-Not: there', 'expect mailbox Junk', 'expect keyword $Any'):
            r = self.scenario(line + '\n')
            self.assertEqual(r.returncode, 1, line)
            self.assertIn('one.test:3: %s: no' % line, r.stdout)
            self.assertIn('0 passed, 1 failed', r.stdout)

    def test_what_holds_passes(self):
        r = self.scenario('conf word = ticket\nip 192.0.2.7\nhelo a.example\nfrom b@a.example\nrcpt alice@example.test\nexpect symbol TICKET_WORD 1.5\n'
                          'expect verdict keep\nexpect header Subject: Your LOTTERY ticket\nexpect no header X-Any\nexpect mailbox INBOX\n')
        self.assertEqual((r.returncode, r.stdout.splitlines()[0]), (0, 'ok   one.test: about'), r.stdout + r.stderr)

    def test_scenarios_say_what_is_wrong_with_them(self):
        for text, why in (('', 'expects nothing, so it proves nothing'), ('frobnicate x\n', 'one.test:3: message, ip,'), ('expect the moon\n', 'one.test:3: expect verdict'),
                          ('conf wort = x\nexpect verdict keep\n', 'word')):
            r = self.scenario(text)
            self.assertEqual(r.returncode, 1)
            self.assertIn(why, r.stdout + r.stderr)

    def test_doc_and_check(self):
        r = run(FACTEURCTL, 'plugin', 'doc', self.plugin)
        self.assertIn('| `word` | `lottery` | The word to look for, in any case |', r.stdout)
        self.assertIn('| `TICKET_WORD` | 1.5 | content |', r.stdout)
        r = run(FACTEURCTL, 'plugin', 'check', self.plugin)
        self.assertEqual((r.returncode, r.stdout.splitlines()), (0, ['ticket 0.1.0 loads: ABI 1.1', '  scan           ticket']))
        r = run(FACTEURCTL, 'plugin', 'check', '/nowhere/ticket.so')
        self.assertEqual(r.returncode, 1)
        self.assertIn('No such file', r.stderr)

    def test_check_names_what_a_milter_does_not_call(self):
        r = run(FACTEURCTL, 'plugin', 'check', 'headers', '--milter')
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertNotIn('NOT CALLED', r.stdout)
        r = run(FACTEURCTL, 'plugin', 'check', os.path.join(facteur.build_dir(), 'zoo', 'dialogue.so'), '--milter')
        self.assertEqual(r.returncode, 1)
        self.assertEqual(set(re.findall(r'(?m)^  (\S+) .*NOT CALLED', r.stdout)), {'store.append', 'learn'})

    def test_it_loads_into_a_server(self):
        with facteur.Server('plugin ticket {\n    path = "%s"\n    mode = shadow\n}\n' % self.plugin) as server:
            self.assertRegex(server.ctl('plugin', 'order').stdout, r'(?m)^  scan .*\bticket\b')
            mail = os.path.join(self.project, 'tests', 'lottery.eml')
            self.assertEqual(server.ctl('scan', mail, '--rcpt', 'alice@example.test').returncode, 0)
            self.assertRegex(server.ctl('plugin', 'diff').stdout, r'(?m)^ticket +1 +none +1 +\+1\.50')

    def test_it_builds_against_an_installed_facteur(self):
        prefix = os.path.join(self.folder, 'prefix')
        r = run('cmake', '--install', facteur.build_dir(), '--prefix', prefix)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.make(os.path.join(self.folder, 'installed'), '-DCMAKE_PREFIX_PATH=' + prefix)
        pc = [os.path.join(d, 'facteur-plugin.pc') for d, _, files in os.walk(prefix) if 'facteur-plugin.pc' in files]
        flags = run('pkg-config', '--define-variable=prefix=' + prefix, '--define-variable=includedir=%s/include' % prefix, '--cflags', pc[0]).stdout.split()
        r = run('cc', '-shared', '-fPIC', '-o', os.path.join(self.folder, 'ticket.so'), *flags, os.path.join(self.project, 'ticket.c'))
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(run(FACTEURCTL, 'plugin', 'check', os.path.join(self.folder, 'ticket.so')).returncode, 0)

    def test_names_and_folders_are_checked(self):
        for name in ('Upper', '9lives', 'with-dash', '', 'x' * 41):
            self.assertEqual(run(FACTEURCTL, 'plugin', 'new', name, os.path.join(self.folder, 'never')).returncode, 1, name)
            self.assertFalse(os.path.exists(os.path.join(self.folder, 'never')))
        r = run(FACTEURCTL, 'plugin', 'new', 'ticket', self.project)
        self.assertNotEqual(r.returncode, 0)
        self.assertIn('File exists', r.stderr)


MAIL = 'From: Winner <winner@example.org>\nTo: alice@example.test\nSubject: %s\n\nHello\n'


class Rule(unittest.TestCase):
    """A rule in Lua: `lua new` makes it, `lua test`, `try` and `lint` work on it, a server loads it."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='facteur-rule.')
        cls.project = os.path.join(cls.folder.name, 'ticket')
        cls.rule = os.path.join(cls.project, 'ticket.lua')
        r = run(FACTEURCTL, 'lua', 'new', 'ticket', cls.project)
        if r.returncode != 0:
            raise RuntimeError(r.stderr)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def write(self, path, text):
        path = os.path.join(self.folder.name, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(text)
        return path

    def lua(self, *args):
        return run(FACTEURCTL, 'lua', *args)

    def test_both_ways_make_the_same(self):
        other = os.path.join(self.folder.name, 'other')
        self.assertEqual(run(FACTEURCTL, 'plugin', 'new', 'ticket', other, '--lua').returncode, 0)
        self.assertEqual(run('diff', '-r', self.project, other).stdout, '')
        r = self.lua('new', 'ticket', self.project)
        self.assertNotEqual(r.returncode, 0)
        self.assertIn('File exists', r.stderr)
        self.assertEqual(self.lua('new', 'Ticket', os.path.join(self.folder.name, 'never')).returncode, 1)

    def test_its_own_test_passes(self):
        r = self.lua('test', self.rule)
        self.assertEqual((r.returncode, r.stderr, r.stdout.splitlines()[-1]), (0, '', '2 passed, 0 failed'))
        found = json.loads(self.lua('test', self.rule, '--json').stdout)
        self.assertEqual((found['passed'], found['failed'], [c['passed'] for c in found['cases']]), (2, 0, [True, True]))

    def test_a_test_that_fails(self):
        rule = self.write('fails/one.lua', 'rule { "ONE", score = 1, about = "one", function(m) return m.subject == "one" end }\n')
        self.write('fails/one_test.lua', 'return { { "found", text = "Subject: two\\n\\n", finds = { "ONE" } } }\n')
        r = self.lua('test', rule)
        self.assertEqual(r.returncode, 1)
        self.assertRegex(r.stdout, r'(?m)^FAIL .*one_test\.lua.*found\n    .*ONE')
        self.assertEqual(json.loads(self.lua('test', rule, '--json').stdout)['failed'], 1)

    def test_what_cannot_be_tested(self):
        bare = self.write('bare/one.lua', 'rule { "ONE", score = 1, about = "one", function(m) return true end }\n')
        broken = self.write('broken/one.lua', 'rule { "ONE", \n')
        for words, why in (([bare], 'has no test'), ([broken], 'one.lua:'), (['/nowhere/one.lua'], 'no such file'), ([], 'usage'), ([bare, '/nowhere'], 'nowhere')):
            r = self.lua('test', *words)
            self.assertNotEqual(r.returncode, 0, words)
            self.assertIn(why, r.stderr)

    def mailbox(self):
        for i in range(3):
            self.write('mail/spam/%d.eml' % i, MAIL % 'your LOTTERY ticket')
        self.write('mail/spam/other.eml', MAIL % 'pills')
        self.write('mail/ham/wrong.eml', MAIL % 'lottery as a topic of research')
        self.write('mail/ham/deeper/1.eml', MAIL % 'lunch')
        self.write('mail/.hidden', 'no mail')
        self.write('mail/rest/1.eml', MAIL % 'lottery')
        return os.path.join(self.folder.name, 'mail')

    def test_over_a_folder_of_mail(self):
        r = self.lua('test', self.rule, self.mailbox())
        self.assertEqual((r.returncode, r.stderr), (0, ''))
        self.assertRegex(r.stdout, r'(?m)^TICKET_WORD +\+1\.500 +3 +1 +1 +75\.0 % +75\.0 %$')
        self.assertRegex(r.stdout, r'TICKET_WORD is wrong in\n  .*mail/ham/wrong\.eml\n')
        self.assertRegex(r.stdout, r'7 messages \(4 spam, 2 ham, 1 unsorted\), \d+\.\d+ ms each')
        mail = json.loads(self.lua('test', self.rule, self.mailbox(), '--json').stdout)['mail']
        self.assertEqual([(s['name'], s['spam'], s['ham'], s['precision'], s['recall'], len(s['wrong'])) for s in mail['symbols']], [('TICKET_WORD', 3, 1, 0.75, 0.75, 1)])

    def test_rules_that_fail_over_mail_are_named(self):
        rule = self.write('fault/one.lua', 'rule { "ONE", score = 1, about = "one", function(m) return m.nothing.at.all end }\n')
        r = self.lua('test', rule, self.mailbox())
        self.assertEqual(r.returncode, 1)
        self.assertRegex(r.stdout, r'(?m)^7 went wrong$')
        self.assertRegex(r.stdout, r'(?m)^.*\.eml: .*rule_failed')

    def test_an_expression(self):
        mail = os.path.join(self.project, 'lottery.eml')
        for expression, value in (('m.subject', '"Your LOTTERY ticket"'), ('m.from.domain', '"example.org"'), ('1 + 1', '2'), ('m.conn.helo', '"mx.a.example"'), ('tostring(m.conn.ip)', '"192.0.2.9"'),
                                  ('m.envelope.from.address, m.envelope.rcpts[1].address', '"a@a.example", "b@b.example"')):
            r = self.lua('try', expression, mail, '--helo', 'mx.a.example', '--ip', '192.0.2.9', '--from', 'a@a.example', '--rcpt', 'b@b.example')
            self.assertEqual((r.returncode, r.stdout), (0, value + '\n'), r.stderr)
        hiding = self.write('hiding.eml', 'From: a@b.example\nContent-Type: text/html\n\n<p>sho&zwnj;wn</p><p style="display:none">kept back</p>\n')
        self.assertEqual(self.lua('try', 'm.shown, m.hidden', hiding).stdout, '"shown", "kept back"\n')
        self.assertEqual(json.loads(self.lua('try', 'm.subject', mail, '--json').stdout), {'value': '"Your LOTTERY ticket"'})
        for expression, why in (('m.subject + 1', 'attempt to'), ('m.subject m', 'expected'), ('io.open("/etc/passwd")', 'io')):
            r = self.lua('try', expression, mail)
            self.assertEqual((r.returncode, r.stdout), (1, ''), expression)
            self.assertIn(why, r.stderr)
        r = self.lua('try', "(('a'):rep(30000)):find('.-.-.-b')", mail)  # steps or time, whichever ends first
        self.assertRegex(r.stderr, 'too costly|budget exceeded')
        self.assertEqual(self.lua('try', 'm', '/nowhere.eml').returncode, 1)

    def test_answers_of_others(self):
        answers = self.write('answers.lua', 'return { dns = { ["a there.example"] = { "192.0.2.1" } } }\n')
        mail = os.path.join(self.project, 'lottery.eml')
        self.assertEqual(self.lua('try', '#dns.a("there.example")', mail, '--answers', answers).stdout, '1\n')
        self.assertNotEqual(self.lua('try', '#dns.a("there.example")', mail).stdout, '1\n')

    def test_lint(self):
        r = self.lua('lint', self.rule)
        self.assertEqual((r.returncode, r.stdout), (0, 'nothing to say\n'), r.stderr)
        bad = self.write('lint/bad.lua', 'local unused = 1\nrule { "BAD", score = 1, function(m) return undeclared_thing(m) end }\n')
        r = self.lua('lint', bad)
        self.assertEqual(r.returncode, 1)
        self.assertIn('undeclared_thing', r.stdout)
        self.assertIn('unused', r.stdout)
        self.assertIn('bad.lua:', r.stdout)
        self.assertTrue(any(f['kind'] == 'warning' for f in json.loads(self.lua('lint', bad, '--json').stdout)))

    def test_scenarios_of_a_rule(self):
        """The same scenarios as for a plugin, with the server's profiles."""
        self.write('scenario/lottery.eml', MAIL % 'your LOTTERY ticket')
        self.write('scenario/strict.conf', 'profile default {\n    junk = 1\n}\n')
        self.write('scenario/one.test', '# junk by the profile\nmessage lottery.eml\ninclude strict.conf\nexpect symbol TICKET_WORD 1.5\nexpect verdict junk\nexpect mailbox Junk\n')
        self.write('scenario/two.test', '# kept without it\nmessage lottery.eml\nexpect verdict keep\n')
        r = run(FACTEURCTL, 'plugin', 'test', os.path.join(self.folder.name, 'scenario'), '--plugin', self.rule)
        self.assertEqual((r.returncode, r.stdout), (0, 'ok   one.test: junk by the profile\nok   two.test: kept without it\n2 passed, 0 failed\n'), r.stderr)
        self.write('scenario/two.test', 'message lottery.eml\ninclude nowhere.conf\nexpect verdict keep\n')
        r = run(FACTEURCTL, 'plugin', 'test', 'scenario', '--plugin', 'ticket/ticket.lua', cwd=self.folder.name)
        self.assertEqual((r.returncode, '1 passed, 1 failed' in r.stdout), (1, True), r.stdout)
        self.assertIn('no file', r.stderr)
        self.write('scenario/two.test', 'message lottery.eml\n' + '#\n' * 600 + 'expect verdict keep\n')
        self.assertIn('more than 512 lines', run(FACTEURCTL, 'plugin', 'test', 'scenario', '--plugin', 'ticket/ticket.lua', cwd=self.folder.name).stdout)

    def test_it_loads_into_a_server(self):
        with facteur.Server('lua {\n    file = "%s"\n}\n' % self.rule) as server:
            r = server.ctl('scan', os.path.join(self.project, 'lottery.eml'), '--explain')
            self.assertRegex(r.stdout, r'(?m)^ +\+1\.500  TICKET_WORD .*\n +the subject contains the word')


if __name__ == '__main__':
    unittest.main()
