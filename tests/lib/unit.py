"""unit.py [-j N] FOLDER [NAME…]   runs test_*.py of a folder with unittest and prints `FOLDER: N passed, N failed, N skipped`. -j: so many files side by
side, each in a process of its own; what a file printed comes in one piece."""
import argparse, os, queue, re, subprocess, sys, threading, time, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


class Result(unittest.TextTestResult):
    at = time.monotonic()  # of what ends before any test has begun: a class that cannot be set up

    def startTest(self, test):
        super(unittest.TextTestResult, self).startTest(test)
        self.at = time.monotonic()

    def say(self, word, test, more=''):
        self.stream.write('%s %s (%.1f s)%s\n' % (word, test.id(), time.monotonic() - self.at, more))
        self.stream.flush()

    def addSuccess(self, test):
        self.say('ok  ', test)

    def addFailure(self, test, err):
        super(unittest.TextTestResult, self).addFailure(test, err)
        self.say('FAIL', test)

    def addError(self, test, err):
        super(unittest.TextTestResult, self).addError(test, err)
        self.say('FAIL', test)

    def addSkip(self, test, reason):
        super(unittest.TextTestResult, self).addSkip(test, reason)
        self.say('skip', test, ': ' + reason)

    def addSubTest(self, test, subtest, err):
        super(unittest.TextTestResult, self).addSubTest(test, subtest, err)
        self.subtests = getattr(self, 'subtests', 0) + 1


def run(folder, names, pattern='test_*.py'):
    """(passed, failed, skipped)"""
    loader = unittest.TestLoader()
    if names:
        loader.testNamePatterns = ['*%s*' % n for n in names]
    suite = loader.discover(folder, pattern=pattern, top_level_dir=folder)
    result = unittest.TextTestRunner(stream=sys.stdout, resultclass=Result, verbosity=0).run(suite)
    failed = len(result.failures) + len(result.errors)
    passed = result.testsRun + getattr(result, 'subtests', 0) - failed - len(result.skipped)
    return max(passed, 0), failed, len(result.skipped)


def run_apart(folder, names, file, part):
    """One file in a process of its own, which takes its ports from that part of the range: (what it printed, its figures)."""
    r = subprocess.run([sys.executable, os.path.abspath(__file__), '--file', file, folder, *names], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       errors='replace', env=dict(os.environ, FCT_TEST_PART=part))
    m = re.search(r'(?m)^%s: (\d+) passed, (\d+) failed, (\d+) skipped\n\Z' % re.escape(folder), r.stdout)
    if m and (r.returncode != 0) == (int(m[2]) > 0):
        return r.stdout[:m.start()], tuple(map(int, m.groups()))
    return '%sFAIL %s ended with status %d\n' % (r.stdout, file, r.returncode), (0, 1, 0)


def run_side_by_side(folder, names, jobs):
    waiting, total, lock = queue.SimpleQueue(), [0, 0, 0], threading.Lock()
    # The large ones first: one of those alone at the end would keep a single processor busy.
    files = [f for f in os.listdir(folder) if re.fullmatch(r'test_.*\.py', f)]
    for file in sorted(files, key=lambda f: (-os.path.getsize(os.path.join(folder, f)), f)):
        waiting.put(file)

    def work(part):
        while True:
            try:
                file = waiting.get_nowait()
            except queue.Empty:
                return
            text, figures = run_apart(folder, names, file, part)
            with lock:
                print(text, end='', flush=True)
                total[:] = [a + b for a, b in zip(total, figures)]

    workers = [threading.Thread(target=work, args=('%d/%d' % (i, jobs),)) for i in range(jobs)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    return total


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('-j', type=int, default=1)
    parser.add_argument('--file')
    parser.add_argument('folder')
    parser.add_argument('names', nargs='*')
    a = parser.parse_args()
    if a.j > 1:
        figures = run_side_by_side(a.folder, a.names, a.j)
    else:
        figures = run(a.folder, a.names, a.file or 'test_*.py')
    print('%s: %d passed, %d failed, %d skipped' % (a.folder, *figures), flush=True)
    sys.exit(1 if figures[1] else 0)


main()
