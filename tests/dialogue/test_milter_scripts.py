"""tests/dialogue/milter/*.lua: the milter protocol, corner by corner, spoken by miltertest. A script may begin with `-- conf: …`: it then
gets a server of its own. Below them: MTAs that do not keep to the protocol at all."""
import contextlib, os, shutil, socket, struct, subprocess, sys, tempfile, time, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'lib'))
import facteur

SCRIPTS = os.path.join(HERE, 'milter')
CONF = 'plugin obedient { path = "%s"  on_error = pass }\n' % os.path.join(facteur.build_dir(), 'zoo', 'obedient.so')
NEGOTIATE = b'O' + struct.pack('>III', 6, 0x1ff, 0x1fffff)


def read(path):
    with open(path) as f:
        return f.read()


class Scripts(unittest.TestCase):
    def run_script(self, server, text, name):
        path = os.path.join(server.dir, name)
        with open(path, 'w') as f:
            f.write(read(os.path.join(SCRIPTS, 'prelude.lua')) + text)
        r = subprocess.run(['miltertest', '-s', path, '-D', 'socket=inet:%d@127.0.0.1' % server.port('milter')],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        self.assertEqual(r.returncode, 0, r.stdout)

    def test_scripts(self):
        names = sorted(n for n in os.listdir(SCRIPTS) if n.endswith('.lua') and n not in ('prelude.lua', 'nothing.lua'))
        self.assertGreater(len(names), 5)
        with facteur.Server(conf=CONF) as shared:
            for name in names:
                text = read(os.path.join(SCRIPTS, name))
                with self.subTest(script=name):
                    if text.startswith('-- conf: '):
                        with facteur.Server(conf=CONF + text.split('\n', 1)[0][9:] + '\n') as own:
                            self.run_script(own, text, name)
                    else:
                        self.run_script(shared, text, name)
            for want in ('login=person@example.test', r'/QUEUEID11\] message '):
                shared.wait_log(want)


    def test_nothing_hooked(self):
        """A server of the role alone, without a single plugin."""
        place = tempfile.mkdtemp(prefix='facteur-test.')
        self.addCleanup(shutil.rmtree, place)
        port = facteur.free_base() + facteur.OFFSETS['milter']
        with open(os.path.join(place, 'conf'), 'w') as f:
            f.write('server { data_dir = "%s/data"  run_dir = "%s/run"  log_file = "%s/log"  user_store = ""  user_filter = ""  user_milter = ""  user_edge = "" }\n'
                    'listener only { address = ["127.0.0.1:%d"]  protocol = milter }\n' % (place, place, place, port))
        server = subprocess.Popen([os.path.join(facteur.build_dir(), 'facteur'), '--conf', os.path.join(place, 'conf')])
        try:
            server.dir, server.port = place, lambda name: port
            self.run_script(server, read(os.path.join(SCRIPTS, 'nothing.lua')), 'nothing.lua')
        finally:
            server.terminate()
            self.assertEqual(server.wait(60), 0)


class Strangers(unittest.TestCase):
    def connect(self, server):
        s = socket.create_connection(('127.0.0.1', server.port('milter')), 30)
        self.addCleanup(s.close)
        return s

    def send(self, s, *packets):
        s.sendall(b''.join(struct.pack('>I', len(p)) + p for p in packets))

    def receive(self, s):
        with s.makefile('rb', buffering=0) as f:
            head = f.read(4)
            data = b''
            while head and len(data) < struct.unpack('>I', head)[0]:
                data += f.read(struct.unpack('>I', head)[0] - len(data))
            return data

    def test_rubbish_does_no_harm(self):
        whole = [b'C' + b'client\0' + b'4' + struct.pack('>H', 25) + b'127.0.0.1\0', b'Hclient.test\0', b'M<me@a.test>\0']
        rubbish = [
            [],                                      # nothing at all
            [b'O'],                                  # a negotiation that is too short
            [b'Z'],                                  # no such command
            [b'E'],                                  # the end before the beginning
            [NEGOTIATE, b'C'],                       # no client
            [NEGOTIATE, b'Cname\0' + b'4' + b'\0\0' + b'not an address\0'],
            [NEGOTIATE, NEGOTIATE, b'Cname\0U'],     # an unknown family
            [NEGOTIATE, b'M\0'], [NEGOTIATE, b'R<a>\0'], [NEGOTIATE, b'L' + b'A\0b\0'], [NEGOTIATE, b'Bbody'],
            [NEGOTIATE] + whole + [b'E'],
            [NEGOTIATE] + whole + [b'R<a@b>\0', b'Lno value\0', b'E'],
            [NEGOTIATE] + whole + [b'R<a@b>\0', b'LName\0 x\n\n\n y\0', b'L\0\0', b'LX:Y\0 z\0', b'Bbody', b'E'],
            [NEGOTIATE] + whole + [b'T', b'E', b'E', b'A', b'Q'],
        ]
        with facteur.Server(conf=CONF) as server:
            before = server.role_pids('milter')
            for packets in rubbish:
                for end in (b'', b'\0\0\0', struct.pack('>I', 0xffffffff), struct.pack('>I', 0) + b'x'):
                    s = self.connect(server)
                    with contextlib.suppress(OSError):  # it may have hung up
                        self.send(s, *packets)
                        s.sendall(end)
                        s.shutdown(socket.SHUT_WR)
                        while s.recv(65536):
                            pass
            self.assertEqual(server.role_pids('milter'), before)
            s = self.connect(server)
            self.send(s, NEGOTIATE)
            self.assertEqual(self.receive(s)[:1], b'O')

    def test_one_connection_for_several_clients(self):
        """QUIT_NC: the next client comes on the same connection and is judged by itself."""
        with facteur.Server(conf=CONF) as server:
            s = self.connect(server)
            self.send(s, NEGOTIATE)
            self.assertEqual(self.receive(s)[:1], b'O')
            for _ in range(3):
                for packet in (b'Cclient\0' + b'4' + struct.pack('>H', 25) + b'127.0.0.1\0', b'Hclient.test\0', b'M<me@a.test>\0', b'R<bob@b.test>\0', b'T'):
                    self.send(s, packet)
                    self.assertEqual(self.receive(s), b'c')
                self.send(s, b'LSubject\0 x\0', b'LX-Do\0 top X-Top t\0', b'Bbody\r\n', b'E')
                self.assertEqual(self.receive(s), b'i\0\0\0\0X-Top\0 t\0')
                self.assertEqual(self.receive(s), b'c')
                self.send(s, b'K')
            self.send(s, b'Cclient\0' + b'4' + struct.pack('>H', 25) + b'127.0.0.2\0')
            self.assertEqual(self.receive(s)[:1], b'y')
            s.close()
            self.assertEqual(server.wait_log('frontend=milter action=keep', count=3).count('frontend=milter action=keep'), 3)

    def test_an_mta_that_leaves_while_its_message_is_judged(self):
        """It is asked for patience, is found to be gone, and what was under way for it is given up."""
        with facteur.Server(conf=CONF + 'milter { progress = 1s }\n') as server:
            s = self.connect(server)
            self.send(s, NEGOTIATE)
            self.receive(s)
            for packet in (b'Cclient\0' + b'4' + struct.pack('>H', 25) + b'127.0.0.1\0', b'Hclient.test\0', b'M<me@a.test>\0', b'R<bob@b.test>\0'):
                self.send(s, packet)
                self.assertEqual(self.receive(s), b'c')
            self.send(s, b'LX-Wait\0 60000\0', b'Bbody\r\n', b'E')
            self.assertEqual(self.receive(s), b'p')
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            s.close()
            end = time.monotonic() + 60
            while 'sessions 0' not in server.ctl('status').stdout.split('\nmilter', 1)[1]:
                self.assertLess(time.monotonic(), end, 'the session goes on')
                time.sleep(0.1)


if __name__ == '__main__':
    unittest.main()
