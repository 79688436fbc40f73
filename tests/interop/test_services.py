"""What rules ask outside, from inside the sandbox: kv and limits in a real Redis, HTTP, and what happens when Redis goes away."""
import os, re, smtplib, subprocess, sys, tempfile, time, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'lib'))
import facteur
from redis_server import Redis

RULE = '''
rule { "ASKED", score = 0.1, about = "what the services said", function(m)
  local n, seen = kv.add("n", 1, "1d"), kv.seen("x", "1d")
  local taken = limit.take("l", "2/1d")
  local echoed = redis.call("ECHO", "hello")
  local answer, err = http.get("http://127.0.0.1:%(port)s/status?204")
  local refused, why = http.get("https://other.example/")
  local hosts = {}
  for link in m.html:links() do hosts[#hosts + 1] = link.url.org end
  return string.format("n=%%d seen=%%s taken=%%s redis=%%s http=%%s refused=%%s hosts=%%s", n, tostring(seen), tostring(taken),
    tostring(echoed), answer and answer.status or tostring(err), tostring(why and true), table.concat(hosts, ","))
end }
'''
MAIL = 'Subject: x\r\nContent-Type: text/html\r\n\r\n<a href="https://www.shop.example.co.uk/a">b</a>\r\n'


class Services(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='facteur-services.')
        cls.redis = Redis(cls.folder.name)
        server = os.path.join(os.path.dirname(HERE), 'unit', 'core', 'http', 'http_server.py')
        cls.web = subprocess.Popen([sys.executable, server, cls.folder.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        port = cls.web.stdout.readline().split()[0].decode()
        rule = os.path.join(cls.folder.name, 'rule.lua')
        with open(rule, 'w') as f:
            f.write(RULE % {'port': port})
        cls.server = facteur.Server(conf='redis { url = "unix:%s" }\nhttp { plain = ["127.0.0.1:%s"] }\nlua { file = "%s" }\n' % (
            cls.redis.socket, port, rule)).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)
        cls.redis.kill()
        cls.web.stdin.close()
        cls.web.wait()
        cls.web.stdout.close()
        cls.folder.cleanup()

    def judged(self):
        """Send a message; the ledger of its copy."""
        before = self.server.log().count(' message ')
        with smtplib.SMTP('127.0.0.1', self.server.port('smtp'), facteur.CLIENT, timeout=60) as s:
            s.sendmail('a@example.org', ['alice@example.test'], MAIL)
        for _ in range(6000):
            ids = re.findall(r'edge\[(\S+)\] message ', self.server.log())
            if len(ids) > before:
                return self.server.ctl('trace', ids[-1]).stdout
            time.sleep(0.01)
        self.fail('no message in the log')

    def status(self, name):
        return re.findall(r'%s (\S+)' % name, self.server.ctl('status').stdout)

    def test_with_and_without_redis(self):
        first, second, third = self.judged(), self.judged(), self.judged()
        self.assertIn('n=1 seen=false taken=true redis=hello http=204 refused=true hosts=example.co.uk', first)
        self.assertIn('n=2 seen=true taken=true', second)
        self.assertIn('n=3 seen=true taken=false', third)
        self.assertNotIn('degraded', third)
        self.assertIn('fct:kv:lua:n', self.redis.cli('keys', '*'))
        self.assertIn('yes', self.status('redis_there'))

        self.redis.kill()
        away = self.judged()
        self.assertRegex(away, r'fault +lua:\S+ +degraded +"redis"')
        self.assertIn('redis=nil http=204', away)
        self.server.wait_log(' redis_away ')

        self.redis.start()
        for _ in range(3000):
            if self.server.log().count(' redis_back ') >= 1 and set(self.status('redis_there')) == {'yes'}:
                break
            time.sleep(0.02)
        self.assertIn('n=1 seen=false', self.judged())  # a new Redis knows nothing
        self.assertIsNone(self.server.sanitizer_report())


if __name__ == '__main__':
    unittest.main()
