"""Zones served by nsd on loopback, signed by ldns: what validating resolvers see in the world.

with Zones({'example': [line, ...]}, signed=['example']) as z: … z.address is 127.0.0.1@PORT, z.anchor the file of trust anchors."""
import os, shutil, socket, subprocess, tempfile, time

import ports


class Zones:
    def __init__(self, zones, signed, forge=None):
        """forge(text of a signed zone) -> what is served instead: what somebody on the way would change."""
        self.zones, self.signed, self.forge = zones, signed, forge or (lambda text: text)
        self.dir = tempfile.mkdtemp(prefix='facteur-zones.')
        self.port, self.anchor = ports.free_port(), os.path.join(self.dir, 'anchor')
        self.address = '127.0.0.1@%d' % self.port

    def run(self, *command):
        return subprocess.run(command, cwd=self.dir, check=True, capture_output=True, text=True, timeout=60).stdout

    def write(self, name):
        path = os.path.join(self.dir, name)
        with open(path, 'w') as f:
            f.write('$TTL 60\n%s. IN SOA ns.%s. admin.%s. 1 3600 600 86400 60\n%s. IN NS ns.%s.\nns.%s. IN A 127.0.0.1\n' % ((name,) * 6))
            f.writelines(line + '\n' for line in self.zones[name])
        if name in self.signed:
            key = self.run('ldns-keygen', '-a', 'ECDSAP256SHA256', '-k', name).strip()
            self.run('ldns-signzone', name, key)
            with open(os.path.join(self.dir, key + '.key')) as f, open(self.anchor, 'a') as anchor:
                anchor.write(f.read())
            with open(path + '.signed') as f:
                text = self.forge(f.read())
            with open(path, 'w') as f:
                f.write(text)

    def __enter__(self):
        for name in self.zones:
            self.write(name)
        conf = os.path.join(self.dir, 'nsd.conf')
        with open(conf, 'w') as f:
            f.write('server:\n ip-address: 127.0.0.1@%d\n username: ""\n zonesdir: "%s"\n pidfile: "%s/pid"\n logfile: "%s/log"\n database: ""\n xfrdfile: "%s/xfrd"\n'
                    ' zonelistfile: "%s/list"\n server-count: 1\nremote-control:\n control-enable: no\n' % (self.port, *(self.dir,) * 5))
            for name in self.zones:
                f.write('zone:\n name: "%s"\n zonefile: "%s"\n' % (name, os.path.join(self.dir, name)))
        nsd = shutil.which('nsd') or '/usr/sbin/nsd'
        self.process = subprocess.Popen([nsd, '-d', '-c', conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait()
        return self

    def wait(self):
        """Until it answers: a question for the root, by hand."""
        end = time.monotonic() + 60
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.2)
            while True:
                try:
                    s.connect(('127.0.0.1', self.port))
                    s.send(b'\0\1\0\0\0\1\0\0\0\0\0\0\0\0\6\0\1')
                    s.recv(512)
                    return
                except OSError:
                    if time.monotonic() > end or self.process.poll() is not None:
                        with open(os.path.join(self.dir, 'log')) as f:
                            raise RuntimeError('nsd does not answer\n' + f.read())
                    time.sleep(0.05)

    def __exit__(self, *exc):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir)
