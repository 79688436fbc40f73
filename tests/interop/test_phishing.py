#!/usr/bin/env python3
"""The plugin phishing with a real server: each symbol with messages that hit and that must not, who may send in a brand's name, and settings."""
import json
import os
import re
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'lib'))
import facteur  # noqa: E402
from fake_dns import FakeDNS  # noqa: E402

CONF = '''
plugin spf { }
plugin dkim { }
plugin dmarc { }
plugin phishing { brand = ["Example Bank: example.bank bank.example", "Orange (common): orange.test"] skip_domain = ["partner.example"] not_brand = ["Zimbra"] }
'''
ZONE = {'paypal.com': {'TXT': ['v=spf1 ip4:192.0.2.1 -all']}, '_dmarc.paypal.com': {'TXT': ['v=DMARC1; p=none']},
        'news.example': {'TXT': ['v=spf1 ip4:192.0.2.1 -all']}, '_dmarc.news.example': {'TXT': ['v=DMARC1; p=none']}}
PLAIN = 'Anna Smith <anna@friends.example>'


def a(href, text):
    return '<a href="%s">%s</a>' % (href, text)


# symbol, From, HTML that hits. One symbol may bring others along.
HITS = [
    ('PHISH_LINK_TEXT', PLAIN, a('http://other.example/', 'www.shop.example')),
    ('PHISH_LINK_TEXT', PLAIN, a('http://other.example/', '<b>https://www.</b>shop.example/offers')),
    ('PHISH_LINK_TEXT', PLAIN, '<!--[if mso]>' + a('http://other.example/', 'www.shop.example') + '<![endif]-->'),
    ('PHISH_LINK_TEXT', PLAIN, '<svg><a xlink:href="http://other.example/"><text>www.shop.example</text></a></svg>'),
    ('PHISH_LOOKALIKE', PLAIN, '<!--[if mso]><v:roundrect href="http://paypa1.com/">Click here</v:roundrect><![endif]-->'),
    ('PHISH_LOOKALIKE', PLAIN, '<svg><a href="#"><set attributeName="href" to="http://paypa1.com/"/><text>Click here</text></a></svg>'),
    ('PHISH_LINK_BRAND', PLAIN, a('http://other.example/', 'https://www.paypal.com/signin')),
    ('PHISH_LINK_BRAND', PLAIN, a('http://other.example/', 'www.bank.example')),
    ('PHISH_LINK_TRACKED', PLAIN, a('https://u1.ct.sendgrid.net/x', 'www.shop.example')),
    ('PHISH_LINK_TRACKED', 'News <a@news.example>', a('https://click.news.example/x', 'www.shop.example')),
    ('PHISH_LOOKALIKE', PLAIN, a('http://paypa1.com/', 'Click here')),
    ('PHISH_LOOKALIKE', PLAIN, a('http://www.p&#1072;ypal.com/', 'Click here')),
    ('PHISH_LOOKALIKE', 'Help <help@rnicrosoft.com>', 'Hello'),
    ('PHISH_LOOKALIKE', '=?utf-8?q?P=D0=B0yPal?= <x@evil.example>', 'Hello'),
    ('PHISH_TYPO', PLAIN, a('http://www.paypall.com/', 'Click here')),
    ('PHISH_BRAND_HOST', PLAIN, a('http://paypal.com.login.evil.example/', 'Click here')),
    ('PHISH_BRAND_WORD', PLAIN, a('http://paypal-login.example/', 'Click here')),
    ('PHISH_BRAND_NAME', 'PayPal <x@evil.example>', 'Hello'),
    ('PHISH_BRAND_NAME', '=?utf-8?q?Pay=50al_Support?= <x@evil.example>', 'Hello'),
    ('PHISH_BRAND_NAME', 'Orange Support <x@evil.example>', 'Hello'),
    ('PHISH_NAME_ADDRESS', '"service@example.com" <x@evil.example>', 'Hello'),
    ('PHISH_MIXED_SCRIPT', PLAIN, a('http://www.b&#1072;nk.example/', 'Click here')),
    ('PHISH_PUNYCODE', PLAIN, a('http://b&uuml;cher.example/', 'Click here')),
    ('PHISH_REDIRECT', PLAIN, a('https://www.site.example/r?u=https%3A%2F%2Fpaypa1.com%2F', 'Click here')),
    ('PHISH_SHORTENER', PLAIN, a('https://bit.ly/paypal-login', 'Click here')),
    ('PHISH_SHORTENER', 'PayPal <x@evil.example>', a('https://bit.ly/3xY', 'Click here')),
    ('PHISH_IP_URL', PLAIN, a('http://198.51.100.7/login', 'Click here')),
    ('PHISH_IP_URL', PLAIN, a('http://0xc6336407/', 'Click here')),
    ('PHISH_URL_USER', PLAIN, a('http://www.paypal.com@evil.example/', 'Click here')),
    ('PHISH_DATA_URL', PLAIN, a('data:text/html;base64,PGgxPg==', 'Click here')),
    ('PHISH_DATA_URL', PLAIN, '<meta http-equiv="Refresh" content="0; URL=data:text/html,x">'),
    ('PHISH_SCRIPT_URL', PLAIN, a(' java&#10;script:x()', 'Click here')),
    ('PHISH_PASSWORD', PLAIN, '<form><input type=PassWord name=p></form>'),
    ('PHISH_FORM', PLAIN, '<form action="https://collect.example/post"><input name=p></form>'),
    ('PHISH_BIDI', PLAIN, a('http://other.example/', 'abc&#8238;moc.lapyap')),
]
# From, HTML that must not hit anything.
MISSES = [
    (PLAIN, a('https://tracking.shop.example/x?y=1', 'Click here') + a('https://other.example/', 'Unsubscribe')),
    (PLAIN, a('https://www.shop.example/x', 'shop.example')),
    (PLAIN, a('https://www.amazon.de/x', 'www.amazon.com')),
    (PLAIN, a('https://www.paypal.me/x', 'www.paypal.com')),
    (PLAIN, a('https://other.example/', 'report.pdf') + a('https://other.example/', 'version 2.0') + a('https://other.example/', 'anna@shop.example')),
    (PLAIN, a('https://www.paypal.com/x', 'PayPal') + a('https://github.com/a/b', 'github.com/a/b')),
    (PLAIN, a('https://login.partner.example/paypal', 'www.shop.example')),
    (PLAIN, '<img src="http://198.51.100.7/x.png"><img src="data:image/png;base64,AA==">'),
    (PLAIN, a('https://site.example/?next=https%3A%2F%2Fother.example%2F', 'Click here')),
    (PLAIN, a('https://bit.ly/3xY', 'Click here')),
    (PLAIN, a('https://finance.com/', 'Finance') + a('https://other.example/', 'Read more on shop.com about it')),
    ('Fiona Apple <fiona@music.example>', 'Hello'),
    ('Chase Smith <chase@friends.example>', 'Hello'),
    ('Zimbra Admins <a@list.example>', 'Hello'),
    ('PayPal <service@paypal.com>', a('https://www.paypal.com/', 'www.paypal.com')),
    ('Amazon <x@amazon.nl>', 'Hello'),
    ('Orange <info@orange.test>', 'Hello'),
    ('"anna@friends.example" <anna@friends.example>', 'Hello'),
    ('Example Bank <a@mail.example.bank>', '<form action="https://www.example.bank/x"></form>'),
]


def mail(sender, html):
    return ('From: %s\nTo: joe@example.org\nSubject: x\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n<html><body>%s</body></html>\n' % (sender, html))


class Phishing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = tempfile.TemporaryDirectory(prefix='facteur-phishing.')
        cls.dns = FakeDNS(ZONE)
        cls.dns.__enter__()
        cls.server = facteur.Server(conf=CONF, dns=cls.dns.address).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.dns.__exit__(None, None, None)
        cls.files.cleanup()

    def scan(self, messages, *options):
        """For each the symbols of this plugin."""
        paths = []
        for i, message in enumerate(messages):
            paths.append(os.path.join(self.files.name, '%d.eml' % i))
            with open(paths[-1], 'w') as f:
                f.write(message)
        paths.append(paths[0])  # of several files a line of JSON each
        out = self.server.ctl('--json', 'scan', *paths, *options, check=False).stdout
        found = {}
        for line in out.splitlines():
            found[json.loads(line)['file']] = {s for s in json.loads(line)['symbols'] if s in SYMBOLS}
        return [found[path] for path in paths[:-1]]

    def test_hits(self):
        for (symbol, sender, html), found in zip(HITS, self.scan([mail(s, h) for _, s, h in HITS], '--ip', '192.0.2.1', '--from', 'a@news.example')):
            with self.subTest(symbol=symbol, sender=sender, html=html):
                self.assertIn(symbol, found)

    def test_every_symbol(self):
        documented = set(re.findall(r'PHISH_[A-Z_]+', self.server.ctl('plugin', 'doc', 'phishing').stdout))
        self.assertEqual(documented, SYMBOLS)

    def test_misses(self):
        for (sender, html), found in zip(MISSES, self.scan([mail(s, h) for s, h in MISSES])):
            with self.subTest(sender=sender, html=html):
                self.assertEqual(found, set())

    def test_proven(self):
        """The brand itself, as DMARC proves, may have click counters and names as it likes; who only says so may not."""
        message = mail('PayPal <service@paypal.com>', a('https://paypal-tracking.example/x', 'www.paypal.com') + a('http://paypal.com.mailer.example/', 'Click here'))
        honest, = self.scan([message], '--ip', '192.0.2.1', '--from', 'service@paypal.com')
        forged, = self.scan([message], '--ip', '192.0.2.66', '--from', 'x@evil.example')
        self.assertEqual(honest, {'PHISH_LINK_TRACKED'})
        self.assertEqual(forged, {'PHISH_BRAND_NAME', 'PHISH_LINK_BRAND', 'PHISH_BRAND_HOST', 'PHISH_BRAND_WORD'})

    def test_many(self):
        """More links and hosts than are looked at, and deep nonsense: an answer all the same."""
        html = ''.join(a('http://h%d.paypa%d.example/' % (i, i), 'www.x%d.example' % i) for i in range(3000))
        found, = self.scan([mail(PLAIN, html)])
        self.assertIn('PHISH_LINK_TEXT', found)

    def test_plain_text(self):
        found, = self.scan(['From: %s\nSubject: x\n\nGo to http://paypal.com.evil.example/ now\n' % PLAIN])
        self.assertEqual(found, {'PHISH_BRAND_HOST'})

    def test_configuration(self):
        for row, text in (('brand = ["Nothing"]', 'NAME: DOMAIN'), ('not_brand = ["Nobody"]', 'there is no "Nobody"'), ('max_hosts = 0', 'max_hosts')):
            with self.assertRaises(RuntimeError) as e:
                facteur.Server(conf='plugin phishing { %s }\n' % row).start()
            self.assertIn(text, str(e.exception))


SYMBOLS = {symbol for symbol, _, _ in HITS}

if __name__ == '__main__':
    unittest.main()
