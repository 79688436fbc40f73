"""A redis-server for one test, on a Unix socket and, when asked for, on a port of 127.0.0.1."""
import contextlib, os, signal, socket, subprocess, time

from ports import free_port


def wait_for(what, say, seconds=60):
    """Until what() is true; its value."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise RuntimeError('not within %d s: %s' % (seconds, say))
        time.sleep(0.01)


class Redis:
    def __init__(self, folder, *more, port=0):
        os.makedirs(folder, exist_ok=True)
        self.folder, self.more, self.port, self.socket = folder, more, port, os.path.join(folder, 'redis.sock')
        self.start()

    def start(self):
        words = ['redis-server', '--port', str(self.port), '--unixsocket', self.socket, '--save', '', '--appendonly', 'no', '--dir', self.folder,
                 '--logfile', os.path.join(self.folder, 'redis.log')]
        if self.port:
            words += ['--bind', '127.0.0.1']
        self.process = subprocess.Popen(words + list(self.more))
        wait_for(lambda: self.answers() or self.process.poll() is not None, 'a redis-server that answers')
        if self.process.poll() is not None:
            raise RuntimeError('no redis-server')

    def answers(self):
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(self.socket) == 0

    def cli(self, *words, check=True):
        r = subprocess.run(['redis-cli', '-s', self.socket, *words], capture_output=True, text=True, timeout=60)
        if check and r.returncode != 0:
            raise RuntimeError('redis-cli %s: %s%s' % (' '.join(words), r.stdout, r.stderr))
        return r.stdout.strip()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket)
