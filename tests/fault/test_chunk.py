"""Filters are killed while they look at the pieces of messages that arrive: every message that got its 250 is there, whole, and once."""
import hashlib, os, poplib, signal, smtplib, sys, threading, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur

RULES = os.path.join(facteur.ROOT, 'tests', 'fault', 'slow_pieces.lua')
LINES = 4000
BODY = ''.join('%06d %s\r\n' % (i, hashlib.sha256(b'%d' % i).hexdigest()) for i in range(LINES)).encode()  # 292 KB: five pieces


class Chunk(unittest.TestCase):
    def setUp(self):
        self.server = facteur.Server(conf='lua { file = "%s" }\n' % RULES).start()

    def tearDown(self):
        report = self.server.sanitizer_report()
        self.server.__exit__(None, None, None)
        self.assertIsNone(report)

    def send(self, name, replies):
        with smtplib.SMTP('127.0.0.1', self.server.port('smtp'), local_hostname=facteur.CLIENT, timeout=120) as s:
            replies[name] = s.sendmail('x@outside.example', ['alice@example.test'], b'Subject: ' + name.encode() + b'\r\n\r\n' + BODY)

    def stored(self):
        c = poplib.POP3('127.0.0.1', self.server.port('pop3'), timeout=60)
        c.stls()
        c.user('alice@example.test')
        c.pass_(facteur.PASSWORD)
        found = []
        for i in range(1, c.stat()[0] + 1):
            head, _, body = b'\r\n'.join(c.retr(i)[1]).partition(b'\r\n\r\n')
            found.append((head.split(b'Subject: ')[1].split(b'\r\n')[0].decode(), body.rstrip() == BODY.rstrip()))
        c.quit()
        return sorted(found)

    def test_a_filter_dies_over_a_piece(self):
        names, replies = ['one', 'two', 'three'], {}
        threads = [threading.Thread(target=self.send, args=(name, replies)) for name in names]
        for t in threads:
            t.start()
        time.sleep(0.3)
        for pid in self.server.role_pids('filter'):
            os.kill(pid, signal.SIGKILL)
        for t in threads:
            t.join()
        self.assertEqual(sorted(replies), sorted(names))
        self.assertEqual(self.stored(), sorted((name, True) for name in names))


if __name__ == '__main__':
    unittest.main()
