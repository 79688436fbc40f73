"""What clients see of a restarted process: an IDLE session of a store that forgot it is told, and may come back."""
import imaplib, os, signal, sys, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur


class Restart(unittest.TestCase):
    def test_idle_hears_that_the_store_was_restarted(self):
        with facteur.Server() as server:
            c = imaplib.IMAP4('127.0.0.1', server.port('imap'), timeout=60)
            c.login('alice@example.test', facteur.PASSWORD)
            c.select('INBOX')
            c.send(b'i1 IDLE\r\n')
            self.assertTrue(c.readline().startswith(b'+'))
            os.kill(server.role_pids('store')[0], signal.SIGKILL)
            self.assertRegex(c.readline(), rb'^\* BYE ')
            c.shutdown()
            again = imaplib.IMAP4('127.0.0.1', server.port('imap'), timeout=60)
            self.assertEqual(again.login('alice@example.test', facteur.PASSWORD)[0], 'OK')
            again.logout()


if __name__ == '__main__':
    unittest.main()
