"""A headless Chromium that is asked over a pipe (the DevTools protocol): shows pages, answers all their requests itself, notes them, takes pictures.
Nothing it does leaves the machine: every request is stopped before a name is looked up and answered here."""
import base64, json, os, select, shutil, subprocess, tempfile, zlib

# What any request gets by the kind of thing that asked for it; the picture is 40 by 30 and one colour by its address.
PIXEL = base64.b64decode('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7')  # a transparent GIF, 1 by 1


def png(width, height, colour):
    def chunk(kind, data):
        body = kind + data
        return len(data).to_bytes(4, 'big') + body + zlib.crc32(body).to_bytes(4, 'big')
    rows = (b'\0' + bytes(colour) * width) * height
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', width.to_bytes(4, 'big') + height.to_bytes(4, 'big') + b'\x08\x02\0\0\0') + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b'')


class Browser:
    """with Browser() as b: requests, picture = b.show(html, answer) … b.ask(script)"""

    def __enter__(self):
        self.profile = tempfile.mkdtemp(prefix='facteur-browser.')
        there, mine = os.pipe()
        back, theirs = os.pipe()

        def descriptors():  # 3 to read, 4 to write: what --remote-debugging-pipe expects
            copy_in, copy_out = os.dup(there), os.dup(theirs)
            os.dup2(copy_in, 3)
            os.dup2(copy_out, 4)
        self.process = subprocess.Popen(
            ['chromium', '--headless=new', '--remote-debugging-pipe', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars', '--no-first-run', '--disable-extensions',
             '--disable-background-networking', '--disable-component-update', '--disable-sync', '--proxy-server=127.0.0.1:9', '--user-data-dir=' + self.profile, 'about:blank'],
            preexec_fn=descriptors, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, env=dict(os.environ, HOME=self.profile))
        os.close(there)
        os.close(theirs)
        self.output, self.input = mine, os.fdopen(back, 'rb')
        self.number, self.session, self.rest, self.on_event = 0, None, b'', lambda event: None
        target = [t for t in self.call('Target.getTargets')['targetInfos'] if t['type'] == 'page'][0]
        self.session = self.call('Target.attachToTarget', targetId=target['targetId'], flatten=True)['sessionId']
        self.call('Page.enable')
        self.call('Animation.enable')
        self.call('Animation.setPlaybackRate', playbackRate=0)
        self.call('Emulation.setDeviceMetricsOverride', width=800, height=600, deviceScaleFactor=1, mobile=False)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.output)
        self.input.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    def message(self):
        while b'\0' not in self.rest:
            got = os.read(self.input.fileno(), 1 << 20)
            if not got:
                raise RuntimeError('the browser ended')
            self.rest += got
        line, self.rest = self.rest.split(b'\0', 1)
        return json.loads(line)

    def send(self, method, **values):
        self.number += 1
        order = {'id': self.number, 'method': method, 'params': values}
        if self.session:
            order['sessionId'] = self.session
        data = json.dumps(order).encode() + b'\0'
        while data:
            data = data[os.write(self.output, data):]
        return self.number

    def call(self, method, **values):
        number = self.send(method, **values)
        while True:
            got = self.message()
            if got.get('id') == number:
                if 'error' in got:
                    raise RuntimeError('%s: %s' % (method, got['error']))
                return got['result']
            if 'method' in got:
                self.on_event(got)

    def show(self, html, answer):
        """Displays bytes as a mail client would, without scripts: the addresses that were asked for, and how it looks. answer(url) gives (content type, bytes)."""
        asked = []

        def paused(event):
            if event.get('method') != 'Fetch.requestPaused':
                return
            url = event['params']['request']['url']
            if url.startswith(('data:', 'about:')):
                return self.send('Fetch.continueRequest', requestId=event['params']['requestId'])
            asked.append(url)
            kind, data = answer(url)
            self.send('Fetch.fulfillRequest', requestId=event['params']['requestId'], responseCode=200,
                      responseHeaders=[{'name': 'Content-Type', 'value': kind}], body=base64.b64encode(data).decode())
        self.call('Emulation.setScriptExecutionDisabled', value=True)
        self.call('Network.enable')
        self.call('Network.setCacheDisabled', cacheDisabled=True)
        self.call('Fetch.enable', patterns=[{'urlPattern': '*'}])
        state = {'loaded': False}

        def event(got):
            paused(got)
            state['loaded'] = state['loaded'] or got.get('method') == 'Page.loadEventFired'
        self.on_event = event
        self.call('Page.navigate', url='data:text/html;base64,' + base64.b64encode(html).decode())
        while not state['loaded']:
            event(self.message())
        pictures = [self.picture()]
        while pictures[-1] not in pictures[:-1] and len(pictures) < 10:  # drawing asks for what styles name, and letters are drawn before they are smoothed
            while self.pending():
                event(self.message())
            pictures.append(self.picture())
        picture = pictures[-1]
        self.on_event = lambda got: None
        self.call('Fetch.disable')
        return asked, picture

    def pending(self):
        return b'\0' in self.rest or select.select([self.input], [], [], 0.1)[0]

    def ask(self, script):
        return self.call('Runtime.evaluate', expression=script, awaitPromise=True, returnByValue=True)['result'].get('value')

    def picture(self, width=800):
        height = min(int(self.ask('Math.max(document.documentElement.scrollHeight, document.body ? document.body.scrollHeight : 0)') or 600), 6000)
        return self.call('Page.captureScreenshot', format='png', captureBeyondViewport=True, clip={'x': 0, 'y': 0, 'width': width, 'height': max(height, 1), 'scale': 1})['data']
