"""mta_sts_server.py FOLDER   a web server on 127.0.0.1 that has policies of several domains, good and bad, for test_mta_sts_fetch.c.
Prints its port, then serves until its input ends. FOLDER/cert.pem is made: it vouches for all of them but mta-sts.name.example."""
import http.server, os, ssl, subprocess, sys, threading, time

POLICY = b'version: STSv1\nmode: enforce\nmx: mx.good.example\nmax_age: 86400\n'
PATH = '/.well-known/mta-sts.txt'
KINDS = ['good', 'redirect', 'html', 'missing', 'large', 'slow', 'broken', 'nothing', 'private']


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def answer(self, status, body, kind='text/plain; charset=utf-8', headers=()):
        self.send_response(status)
        for name, value in (('Content-Type', kind), *headers):
            if value:
                self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        kind = self.headers['Host'].split('.')[1]
        if self.path != PATH or kind == 'missing':
            self.answer(404, b'no')
        elif kind == 'redirect':
            self.answer(302, b'', headers=[('Location', 'https://mta-sts.good.example:%d%s' % (self.server.server_address[1], PATH))])
        elif kind == 'html':
            self.answer(200, POLICY, 'text/html')
        elif kind == 'nothing':
            self.answer(200, POLICY, None)
        elif kind == 'large':
            self.answer(200, POLICY + b'x: y\n' * 20000)
        elif kind == 'broken':
            self.answer(200, b'version: STSv1\nmode: perhaps\n')
        elif kind == 'slow':
            self.send_response(200)
            self.send_header('Content-Type', 'text/plain')
            self.end_headers()
            while True:  # until the client has gone
                self.wfile.write(b'\n')
                self.wfile.flush()
                time.sleep(0.02)
        else:
            self.answer(200, POLICY)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


def main():
    cert, key = (os.path.join(sys.argv[1], name) for name in ('cert.pem', 'key.pem'))
    names = ','.join('DNS:mta-sts.%s.example' % kind for kind in KINDS)
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
                    '-subj', '/CN=test', '-addext', 'subjectAltName=' + names, '-keyout', key, '-out', cert], check=True, stderr=subprocess.DEVNULL)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    server = Server(('127.0.0.1', 0), Handler)
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


main()
