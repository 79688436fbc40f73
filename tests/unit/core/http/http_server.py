"""http_server.py FOLDER   two servers on 127.0.0.1, plain and TLS, for test_http.c.
Prints their ports, then serves until its input ends. FOLDER/cert.pem is made: it vouches for 127.0.0.1 and named.example."""
import http.server, json, os, ssl, subprocess, sys, threading, time, urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def serve(self):
        where = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        if where.path == '/echo':
            said = {'method': self.command, 'headers': sorted('%s: %s' % (k.lower(), v) for k, v in self.headers.items()),
                    'body': body.decode('latin-1'), 'query': where.query}
            self.answer(200, json.dumps(said).encode(), [('X-One', 'a'), ('X-One', 'b'), ('Set-Cookie', 'c=1')])
        elif where.path == '/bytes':
            self.answer(200, b'x' * int(where.query))
        elif where.path == '/status':
            self.answer(int(where.query), b'' if where.query == '204' else b'body')  # RFC 9110 15.3.5: 204 has none
        elif where.path == '/to':
            status, target = where.query.split(',', 1)
            self.answer(int(status), b'', [('Location', urllib.parse.unquote(target))])
        elif where.path == '/headers':
            self.answer(200, b'', [('X-%d' % i, 'y' * 100) for i in range(int(where.query))])
        elif where.path == '/slow':
            self.send_response(200)
            self.end_headers()
            while True:  # until the client has gone
                self.wfile.write(b'.')
                self.wfile.flush()
                time.sleep(0.02)
        elif where.path == '/drop':
            self.close_connection = True
            self.connection.close()
        else:
            self.answer(404, b'no')

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = serve

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


def start(tls=None):
    server = Server(('127.0.0.1', 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def main():
    cert, key = (os.path.join(sys.argv[1], name) for name in ('cert.pem', 'key.pem'))
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
                    '-subj', '/CN=test', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:named.example', '-keyout', key, '-out', cert],
                   check=True, stderr=subprocess.DEVNULL)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    print(start(), start(tls), flush=True)
    sys.stdin.read()


main()
