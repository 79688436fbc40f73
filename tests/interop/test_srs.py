"""Sender rewriting, there and back between us and two other implementations: Mail::SRS (Perl) and pysrs."""
import os, subprocess, sys, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
import SRS

DUMP = os.path.join(facteur.build_dir(), 'tests', 'srs_dump')
SECRET, US, THEM = 'a secret', 'us.example', 'them.example'
PERL = '''
use Mail::SRS; my ($how, $secret, $domain, $address) = @ARGV;
my $srs = Mail::SRS->new(Secret => $secret, MaxAge => 21, HashLength => 4);
print $how eq "forward" ? $srs->forward($address, $domain) : $srs->reverse($address);
'''
SENDERS = ['alice@example.org', 'a.b+c@example.org', 'x=y@sub.example.org', 'UPPER@Example.ORG']


def run(*command):
    r = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert r.returncode == 0, r.stderr
    return r.stdout.strip()


def ours(how, address, domain=US, secret=SECRET):
    return run(DUMP, how, secret, domain, address)


def perl(how, address, domain=THEM, secret=SECRET):
    return run('perl', '-e', PERL, how, secret, domain, address)


def python(how, address, domain=THEM, secret=SECRET):
    import SRS.Guarded
    srs = SRS.Guarded.Guarded(secret=secret, maxage=21, hashlength=4)
    return srs.forward(address, domain) if how == 'forward' else srs.reverse(address)


class Srs(unittest.TestCase):
    def test_the_same_addresses(self):
        for sender in SENDERS:
            self.assertEqual(ours('forward', sender, THEM), perl('forward', sender))
            self.assertEqual(ours('forward', sender, THEM), python('forward', sender))

    def test_each_reads_the_other(self):
        for other in perl, python:
            for sender in SENDERS:
                self.assertEqual(other('reverse', ours('forward', sender)), sender)
                self.assertEqual(ours('reverse', other('forward', sender)), sender)

    def test_two_hops(self):
        for other in perl, python:
            first = other('forward', 'alice@example.org')
            second = ours('forward', first)
            self.assertTrue(second.startswith('SRS1='), second)
            self.assertEqual(other('reverse', second), first)  # the same secret: the same hash
            self.assertEqual(ours('reverse', second), first)
            third = other('forward', second, 'third.example', 'third secret')
            self.assertTrue(third.startswith('SRS1='), third)
            self.assertEqual(ours('reverse', third, secret='third secret'), first)

    def test_another_secret(self):
        there = perl('forward', 'alice@example.org', secret='another')
        r = subprocess.run([DUMP, 'reverse', SECRET, US, there], capture_output=True, text=True, timeout=60)
        self.assertEqual((r.returncode, r.stderr.strip()), (1, 'this SRS address is not one of ours'))


if __name__ == '__main__':
    unittest.main()
