#!/usr/bin/python3
"""Runs the parts of the test suite and adds them up. Called by ./test; see docs/testing.md.

Every part prints what it does; the last line is `facteur: N passed, N failed, N skipped`."""
import os, re, subprocess, sys, time, xml.etree.ElementTree as ET

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PARTS = ['build', 'style', 'unit', 'dialogue', 'interop', 'fault']
total = {'passed': 0, 'failed': 0, 'skipped': 0}


def say(text):
    print('== %s' % text, flush=True)


def run(*command, **more):
    return subprocess.run(command, cwd=ROOT, **more)


def count(name, passed=0, failed=0, skipped=0):
    total['passed'] += passed
    total['failed'] += failed
    total['skipped'] += skipped
    print('-- %s: %d passed, %d failed, %d skipped' % (name, passed, failed, skipped), flush=True)


def step(name, *command, **more):
    """A step that is one test by itself: passes or fails."""
    started = time.monotonic()
    r = run(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    print('%s %s (%.0f s)' % ('ok  ' if r.returncode == 0 else 'FAIL', name, time.monotonic() - started), flush=True)
    if r.returncode != 0:
        print(r.stdout[-8000:])
    return r.returncode == 0


def tracked(*patterns):
    return run('git', 'ls-files', *patterns, capture_output=True, text=True).stdout.split()


def style():
    ok = [step('clang-format', 'clang-format', '--dry-run', '-Werror', *tracked('*.c', '*.h')),
          step("documents are as generated", "tools/gen-docs", "--check"),
          step("the list of standards is as generated", "tools/rfc-coverage", "--check")]
    count('style', ok.count(True), ok.count(False))


def build():
    """gcc with sanitizers, gcc release, clang: no warning is let through (-Werror in dev and clang)."""
    ok = []
    for preset in ('dev', 'release', 'clang'):
        good = step('configure ' + preset, 'cmake', '--preset', preset, '-DFCT_WERROR=ON', '-DFCT_ZOO=ON') and step('build ' + preset, 'cmake', '--build', '--preset', preset, '--', '-k0')
        ok.append(good)
    count('build', ok.count(True), ok.count(False))
    return all(ok)


def unit():
    """ctest over the sanitized build; counts the single checks that `check` reports, not only the programs."""
    report = os.path.join(ROOT, 'build', 'dev', 'unit.xml')
    r = run('ctest', '--test-dir', 'build/dev', '-j', str(os.cpu_count() or 1), '--output-on-failure', '--output-junit', report,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    passed = failed = skipped = 0
    for case in ET.parse(report).getroot().iter('testcase'):
        text = case.findtext('system-out') or ''
        checks = re.findall(r'(?m)^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)', text)
        skipped += len(re.findall(r'(?m)^skipped: ', text))
        if case.get('status') == 'run':
            passed += sum(int(c[0]) for c in checks) or 1
        else:
            bad = sum(int(c[1]) + int(c[2]) for c in checks)
            passed += sum(int(c[0]) for c in checks) - bad
            failed += bad or 1
    if r.returncode != 0:
        print(r.stdout[-20000:])
        failed = failed or 1
    count('unit', passed, failed, skipped)


def python_tests(folder):
    """unittest over tests/FOLDER/test_*.py; the figures are read from the runner's own result. What measures how long mail waits (fault) runs alone."""
    jobs = 1 if folder == 'fault' else int(os.environ.get('FCT_TEST_JOBS') or os.cpu_count() or 1)
    runner = subprocess.Popen([sys.executable, '-u', 'tests/lib/unit.py', '-j', str(jobs), 'tests/' + folder], cwd=ROOT, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors='replace')
    result = None
    for line in runner.stdout:
        print(line, end='', flush=True)
        result = re.fullmatch(r'%s: (\d+) passed, (\d+) failed, (\d+) skipped\n' % re.escape('tests/' + folder), line) or result
    runner.wait()
    count(folder, *map(int, result.groups())) if result else count(folder, failed=1)


def main():
    parts = sys.argv[1:] or PARTS
    unknown = [p for p in parts if p not in PARTS]
    if unknown:
        sys.exit('unknown part %s; parts are: %s' % (', '.join(unknown), ' '.join(PARTS)))
    for part in parts:
        say(part)
        if part == 'build':
            if not build():
                break
        elif part in ('dialogue', 'interop', 'fault'):
            python_tests(part)
        else:
            globals()[part]()
    print('facteur: %(passed)d passed, %(failed)d failed, %(skipped)d skipped' % total)
    sys.exit(1 if total['failed'] or not total['passed'] else 0)


main()
