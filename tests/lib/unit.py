"""unit.py FOLDER [NAME…]   runs test_*.py of a folder with unittest and prints `FOLDER: N passed, N failed, N skipped`."""
import os, sys, time, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


class Result(unittest.TextTestResult):
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
        self.at = getattr(self, 'at', time.monotonic())
        self.say('FAIL', test)

    def addSkip(self, test, reason):
        super(unittest.TextTestResult, self).addSkip(test, reason)
        self.say('skip', test, ': ' + reason)

    def addSubTest(self, test, subtest, err):
        super(unittest.TextTestResult, self).addSubTest(test, subtest, err)
        self.subtests = getattr(self, 'subtests', 0) + 1


def main():
    folder, names = sys.argv[1], sys.argv[2:]
    loader = unittest.TestLoader()
    if names:
        loader.testNamePatterns = ['*%s*' % n for n in names]
    suite = loader.discover(folder, top_level_dir=folder)
    result = unittest.TextTestRunner(stream=sys.stdout, resultclass=Result, verbosity=0).run(suite)
    failed = len(result.failures) + len(result.errors)
    passed = result.testsRun + getattr(result, 'subtests', 0) - failed - len(result.skipped)
    print('%s: %d passed, %d failed, %d skipped' % (folder, max(passed, 0), failed, len(result.skipped)))
    sys.exit(1 if failed else 0)


main()
