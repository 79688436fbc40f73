"""What tracker removal costs, in instructions: bench/trackers --counts over the release build."""
import os, subprocess, unittest

SCRIPT = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'bench', 'trackers')


class TrackerCounts(unittest.TestCase):
    def test_no_more_than_before(self):
        r = subprocess.run([SCRIPT, '--counts'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(r.returncode, 0, r.stdout)


if __name__ == '__main__':
    unittest.main()
