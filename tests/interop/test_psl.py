"""The public suffix list, asked as the tests of the list ask: a name, its registrable domain or null."""
import os, subprocess, sys, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur

CASES = """
null null
COM null
example.COM example.com
WwW.example.COM example.com
.com null
.example null
.example.com null
.example.example null
example null
b.example.example example.example
uk.com null
a.b.example.uk.com example.uk.com
c.mm null
b.c.mm b.c.mm
a.b.c.mm b.c.mm
jp null
ac.jp null
www.test.ac.jp test.ac.jp
b.ide.kyoto.jp b.ide.kyoto.jp
city.kobe.jp city.kobe.jp
www.city.kobe.jp city.kobe.jp
b.c.kobe.jp b.c.kobe.jp
test.ck null
www.ck www.ck
www.www.ck www.ck
us null
ak.us null
www.test.k12.ak.us test.k12.ak.us
食狮.com.cn 食狮.com.cn
食狮.公司.cn 食狮.公司.cn
www.食狮.公司.cn 食狮.公司.cn
公司.cn null
食狮.中国 食狮.中国
中国 null
www.XN--85X722F.XN--55QX5D.CN xn--85x722f.xn--55qx5d.cn
xn--55qx5d.cn null
www.shishi.xn--fiqs8s shishi.xn--fiqs8s
xn--fiqs8s null
192.0.2.1 null
"""


def ask(names):
    r = subprocess.run([os.path.join(facteur.build_dir(), 'facteurctl'), 'check', '--driver', 'psl'], input=''.join(name + '\n' for name in names),
                       capture_output=True, text=True, timeout=120)
    return r.stdout.splitlines()


class SuffixList(unittest.TestCase):
    def check(self, text):
        cases = [line.split() for line in text.splitlines() if line.strip() and not line.startswith('//')]
        self.assertGreater(len(cases), 20)
        self.assertEqual(list(zip([c[0] for c in cases], ask([c[0] for c in cases]))), [tuple(c) for c in cases])

    def test_names(self):
        self.check(CASES)
        self.assertEqual(ask(['', '.', 'www.example.com.']), ['null', 'null', 'example.com'])

    def test_public_cases(self):
        folder = facteur.data_dir()
        path = folder and os.path.join(folder, 'auth', 'psl', 'psl-dev.txt')
        if not path or not os.path.exists(path):
            self.skipTest('the public cases are not there')
        with open(path, encoding='utf-8') as f:
            self.check(f.read())


if __name__ == '__main__':
    unittest.main()
