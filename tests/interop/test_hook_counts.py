"""What the hook engine costs, in instructions: bench/hooks --counts over the release build, and that it would notice."""
import importlib.machinery, importlib.util, os, subprocess, unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(ROOT, 'bench', 'hooks')


def load():
    loader = importlib.machinery.SourceFileLoader('bench_hooks', SCRIPT)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader('bench_hooks', loader))
    loader.exec_module(module)
    return module


class HookCounts(unittest.TestCase):
    def test_no_more_than_before(self):
        r = subprocess.run([SCRIPT, '--counts'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(r.returncode, 0, r.stdout)

    def test_a_tenth_more_is_noticed(self):
        hooks = load()
        known = {row[0]: 1000 for row in hooks.ROWS}
        for n, bad in (1000, []), (1100, []), (1101, ['c']), (500, []):
            with self.subTest(n=n):
                self.assertEqual(hooks.compare(dict(known, c=n), known)[1], bad)
        self.assertEqual(hooks.compare(dict(known, new=1), known)[1], ['new'])

    def test_every_row_is_known(self):
        hooks = load()
        self.assertEqual(list(hooks.read_counts()), [row[0] for row in hooks.ROWS if row[3]])


if __name__ == '__main__':
    unittest.main()
