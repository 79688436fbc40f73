"""What a person sees of a cleaned newsletter: a browser shows the original and the view. At level standard the pictures of both differ nowhere but where the pixels
were; at level strict showing the view asks no host for anything. Every request is answered by the test itself: see tests/lib/browser.py."""
import base64, email, html, imaplib, json, os, re, smtplib, sys, unittest, zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from browser import PIXEL, Browser, png

STANDARD, STRICT = 'alice@example.test', 'bob@example.test'
WANTED = 20
# The rows in which two pictures differ: [left, top, right, bottom] of each; asked of the browser, as it reads PNG already.
DIFFER = """(async (one, two) => {
    const read = async data => {
        const picture = await createImageBitmap(new Blob([Uint8Array.from(atob(data), c => c.charCodeAt(0))]));
        const canvas = new OffscreenCanvas(800, picture.height), paper = canvas.getContext('2d');
        paper.drawImage(picture, 0, 0);
        return paper.getImageData(0, 0, 800, picture.height);
    };
    const a = await read(one), b = await read(two), rows = [];
    for (let y = 0; y < Math.max(a.height, b.height); y++) {
        let left = -1, right = -1;
        for (let x = 0; x < 800; x++) {
            const at = (y * 800 + x) * 4;
            if ([0, 1, 2].some(i => a.data[at + i] !== b.data[at + i])) { if (left < 0) left = x; right = x; }
        }
        if (left >= 0) rows.push([left, y, right, y]);
    }
    return rows;
})(%s, %s)"""


def newsletters():
    """(name, message, addresses of its pixels): real ones, with a pixel and a picture of their own."""
    folder = os.path.join(facteur.data_dir() or '', 'trackers')
    if not os.path.exists(os.path.join(folder, 'labels.jsonl')):
        return []
    found = []
    with open(os.path.join(folder, 'labels.jsonl')) as labels:
        for line in labels:
            row = json.loads(line)
            kinds = [i['label'] for i in row['images']]
            if 'tracker' in kinds and 'legit' in kinds:
                with open(os.path.join(folder, row['file']), 'rb') as f:
                    found.append((row['file'], re.sub(rb'\r?\n', b'\r\n', f.read()), {i['src'] for i in row['images'] if i['label'] == 'tracker'}))
    return found[:WANTED]


def page(message):
    for part in email.message_from_bytes(message).walk():
        if part.get_content_type() == 'text/html':
            charset = part.get_content_charset() or 'utf-8'
            return b'<meta charset="%s">' % charset.encode() + part.get_payload(decode=True)
    return None


class Render(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mails = [m for m in newsletters() if page(m[1])]
        if not cls.mails:
            raise unittest.SkipTest('the public newsletters are not there')
        cls.server = facteur.Server('plugin trackers { }\n', accounts=[STANDARD, STRICT])
        cls.server.start()
        cls.addClassCleanup(cls.server.__exit__, None, None, None)
        cls.server.ctl('account', 'set', STRICT, 'privacy=strict')
        with smtplib.SMTP('127.0.0.1', cls.server.port('smtp'), local_hostname=facteur.CLIENT, timeout=60) as s:
            for n, (_, message, _) in enumerate(cls.mails):
                s.sendmail('news@shop.example', [STANDARD, STRICT], b'X-Number: %d\r\n' % n + message)
        cls.views = {account: cls.fetch(account) for account in (STANDARD, STRICT)}
        cls.browser = Browser().__enter__()
        cls.addClassCleanup(cls.browser.__exit__)

    @classmethod
    def fetch(cls, account):
        """All, in the order they were sent, whichever of the mailboxes the other rules chose."""
        views = {}
        with imaplib.IMAP4('127.0.0.1', cls.server.port('imap')) as m:
            m.login(account, facteur.PASSWORD)
            for mailbox in ('INBOX', 'Junk'):
                for n in range(1, int(m.select(mailbox, readonly=True)[1][0]) + 1):
                    raw = m.fetch(str(n), '(BODY.PEEK[])')[1][0][1]
                    views[int(email.message_from_bytes(raw)['X-Number'])] = raw
        return [views[n] for n in range(len(cls.mails))]

    def answer(self, pixels):
        def one(url):
            if url in pixels or html.unescape(url) in pixels:
                return 'image/gif', PIXEL
            number = zlib.crc32(url.encode())
            return ('text/css', b'') if url.endswith('.css') else ('image/png', png(40 + number % 40, 30 + number % 20, (number & 255, number >> 8 & 255, number >> 16 & 255)))
        return one

    def test_standard_looks_the_same(self):
        for (name, message, pixels), view in zip(self.mails, self.views[STANDARD]):
            with self.subTest(name):
                asked, before = self.browser.show(page(message), self.answer(pixels))
                places = self.browser.ask('[...document.querySelectorAll("img")].map(i => [i.src, i.getBoundingClientRect()]).map(([s, r]) => [s, r.left, r.top, r.right, r.bottom])')
                asked_after, after = self.browser.show(page(view), self.answer(pixels))
                gone = set(asked) - set(asked_after)
                self.assertEqual(set(asked_after) - set(asked), set())
                self.assertTrue(gone, name)
                if before == after:
                    continue
                rows = self.browser.ask(DIFFER % (json.dumps(before), json.dumps(after)))
                where = [p[1:] for p in places if p[0] in gone]
                outside = [r for r in rows if not any(w[0] - 1 <= r[0] and r[2] <= w[2] + 1 and w[1] - 1 <= r[1] <= w[3] + 1 for w in where)]
                self.assertEqual(outside, [])

    def test_strict_asks_nobody(self):
        for (name, message, pixels), view in zip(self.mails, self.views[STRICT]):
            with self.subTest(name):
                self.assertTrue(self.browser.show(page(message), self.answer(pixels))[0])  # the original does
                self.assertEqual(self.browser.show(page(view), self.answer(pixels))[0], [])


if __name__ == '__main__':
    unittest.main()
