"""A relay that drains (after a reload, when the server stops) while the store dies: what it has in hand stays its own, and what the other server
answered is told to the next store, so that nothing is sent twice."""
import json, os, signal, smtplib, sys, threading, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur, mail_sink

USER = 'alice@example.test'


class SlowSink(mail_sink.Sink):
    """Answers a dot when it may."""

    def __init__(self):
        self.dots, self.came, self.may_answer = [], threading.Event(), threading.Event()
        super().__init__(words=('PIPELINING', '8BITMIME'))
        sink = self

        class Session(self.server.RequestHandlerClass):
            def take(self, _, helo, data):
                sink.dots.append(self.to[0])
                sink.came.set()
                sink.may_answer.wait(60)
                self.say('250 2.0.0 taken')
        self.server.RequestHandlerClass = Session


class RelayDrain(unittest.TestCase):
    def setUp(self):
        self.sink = SlowSink().__enter__()
        self.addCleanup(self.sink.__exit__)
        self.addCleanup(self.sink.may_answer.set)
        self.server = facteur.Server(accounts=[USER], routes={'far.example': self.sink.port})
        self.server.start()
        self.addCleanup(lambda: self.server.__exit__(None, None, None))

    def submit(self, rcpt=()):
        with smtplib.SMTP('127.0.0.1', self.server.port('submission'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.ehlo()
            s.login(USER, facteur.PASSWORD)
            s.sendmail(USER, ['x@far.example'], 'Subject: x\r\n\r\nx\r\n', rcpt_options=rcpt)
        self.assertTrue(self.sink.came.wait(60), 'nothing reached the other server')

    def until(self, look, what):
        end = time.monotonic() + 60
        while not look():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.05)

    def kill_store(self):
        pid, = self.server.role_pids('store')
        os.kill(pid, signal.SIGKILL)
        return pid

    def top(self):
        r = self.server.ctl('queue', 'top', '--json', check=False)
        return json.loads(r.stdout) if r.returncode == 0 else None

    def reload(self):
        """The old relay has the message in hand, a new one is there."""
        old = self.server.role_pids('relay')
        self.server.ctl('reload')
        self.until(lambda: [p for p in self.server.role_pids('relay') if p not in old], 'a new relay')
        self.assertTrue(set(old) & set(self.server.role_pids('relay')), 'the old relay is gone')

    def empty(self):
        top = self.top()
        return top is not None and top['messages'] == 0

    def test_reload(self):
        self.submit()
        self.reload()
        self.kill_store()
        self.until(lambda: (self.top() or {}).get('active') == 1, 'the claim of the old relay')
        self.server.ctl('queue', 'retry', '--all')
        self.sink.may_answer.set()
        self.until(self.empty, 'the result')
        self.assertEqual(self.sink.dots, ['x@far.example'])

    def test_report_of_success(self):
        """The result waits for its report, the report for the store."""
        self.submit(rcpt=['NOTIFY=SUCCESS'])
        self.reload()
        supervisor = self.server.process.pid
        os.kill(supervisor, signal.SIGSTOP)  # so that no other store comes
        try:
            self.kill_store()
            self.sink.may_answer.set()
            end = time.monotonic() + 1  # for a relay that would give up by then; nothing depends on it otherwise
            while 'report was not made' not in self.server.log() and time.monotonic() < end:
                time.sleep(0.05)
        finally:
            os.kill(supervisor, signal.SIGCONT)
        self.until(self.empty, 'the report')
        self.assertEqual(self.sink.dots, ['x@far.example'])

    def test_stop(self):
        """The store is started again as long as somebody has to tell it something."""
        self.submit()
        self.server.process.send_signal(signal.SIGTERM)
        self.until(lambda: 'stop pid=%d' % self.server.process.pid in self.server.log(), 'the beginning of the end')
        self.kill_store()
        self.sink.may_answer.set()
        self.server.process.wait(60)  # a second signal would end all at once
        self.server.stop()
        if 'patience ended' in self.server.log():
            self.skipTest('too slow a machine: the relay was killed before the store was back')
        self.assertEqual(self.server.log().count(' store_open '), 2, 'starts of the store')
        self.server.start()
        self.until(self.empty, 'an empty queue')
        self.assertEqual(self.sink.dots, ['x@far.example'])


if __name__ == '__main__':
    unittest.main()
