"""docs/plugin-tutorial.md: every piece of code stands in a file, every example loads and passes its scenarios."""
import glob, os, re, subprocess, sys, tempfile, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur

FACTEURCTL = os.path.join(facteur.build_dir(), 'facteurctl')
EXAMPLES = os.path.join(facteur.ROOT, 'plugins', 'examples')
BLOCK = re.compile(r'<!-- (part of|new): (\S+) -->\n```\w*\n(.*?)\n```', re.S)


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


class Tutorial(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(os.path.join(facteur.ROOT, 'docs', 'plugin-tutorial.md')) as f:
            cls.text = f.read()

    def test_what_it_shows_is_what_there_is(self):
        blocks = BLOCK.findall(self.text)
        self.assertGreater(len(blocks), 10)
        with tempfile.TemporaryDirectory() as folder:
            project = os.path.join(folder, 'ticket')
            self.assertEqual(run(FACTEURCTL, 'plugin', 'new', 'ticket', project).returncode, 0)
            for kind, name, shown in blocks:
                with open(os.path.join(project if kind == 'new' else facteur.ROOT, name)) as f:
                    there = f.read()
                if kind == 'new':
                    self.assertEqual(shown, there.strip('\n'), name)
                else:
                    self.assertIn(shown + '\n', there, name)

    def test_all_c_is_marked(self):
        """A block of C without a mark would be code that nobody builds."""
        self.assertEqual(self.text.count('```c\n'), sum(1 for _, name, _ in BLOCK.findall(self.text) if name.endswith('.c')))

    def test_every_example_passes_its_scenarios(self):
        sources = sorted(glob.glob(os.path.join(EXAMPLES, '*.c')))
        self.assertGreaterEqual(len(sources), 3)
        for source in sources:
            name = os.path.basename(source)[:-2]
            with self.subTest(name):
                self.assertIn('plugins/examples/%s.c' % name, self.text)
                plugin = os.path.join(facteur.build_dir(), 'examples', name + '.so')
                r = run(FACTEURCTL, 'plugin', 'test', os.path.join(EXAMPLES, name), '--plugin', plugin)
                self.assertEqual((r.returncode, r.stderr), (0, ''), r.stdout)
                self.assertRegex(r.stdout, r'(?m)^[1-9]\d* passed, 0 failed$')
                self.assertEqual(run(FACTEURCTL, 'plugin', 'check', plugin).returncode, 0)

    def test_the_commands_it_names_exist(self):
        helped = run(FACTEURCTL, '--help').stdout
        for noun, verb in set(re.findall(r'`(?:[^`]*\n)?facteurctl (plugin|config|lua) ([a-z]+)', self.text)):
            self.assertIn('  %s %s ' % (noun, verb), helped.replace('\n', ' \n'))

    def test_all_of_them_in_one_server(self):
        conf = ''.join('plugin %s {\n    path = "%s"\n}\n' % (n, os.path.join(facteur.build_dir(), 'examples', n + '.so')) for n in ('doorman', 'outside', 'notice'))
        with facteur.Server(conf) as server:
            plan = server.ctl('plugin', 'order').stdout
            for word in ('outside:lists', 'outside:known', 'outside:service'):
                self.assertRegex(plan, r'(?m)^  scan .*\b%s\b' % word)


if __name__ == '__main__':
    unittest.main()
