"""The kit for plugin authors: `facteurctl plugin new` makes a project outside the tree that builds, tests and loads."""
import os, shutil, subprocess, sys, tempfile, unittest

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


if __name__ == '__main__':
    unittest.main()
