"""What sender authentication costs of its own, in instructions: bench/auth --counts over the release build."""
import importlib.machinery, importlib.util, os, subprocess, unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(ROOT, 'bench', 'auth')


def load():
    loader = importlib.machinery.SourceFileLoader('bench_auth', SCRIPT)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader('bench_auth', loader))
    loader.exec_module(module)
    return module


class AuthCounts(unittest.TestCase):
    def test_no_more_than_before(self):
        r = subprocess.run([SCRIPT, '--counts'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(r.returncode, 0, r.stdout)

    def test_every_row_is_known(self):
        auth = load()
        self.assertEqual(list(auth.hooks.read_counts(auth.COUNTS)), [what for what, _ in auth.SHARES])

    def test_a_missing_row_is_noticed(self):
        auth = load()
        lines, bad = auth.hooks.compare({'spf': 1}, {}, 'bench/auth.counts')
        self.assertEqual(bad, ['spf'])
        self.assertIn('not in bench/auth.counts', lines[1])


if __name__ == '__main__':
    unittest.main()
