"""Reports about delivery (RFC 3464), read by four other implementations: Python's email package, flufl.bounce (Mailman), Mail::DeliveryStatus::BounceParser and
Sisimai."""
import email, email.policy, json, os, subprocess, sys, tempfile, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from flufl.bounce import all_failures

DUMP = os.path.join(facteur.build_dir(), 'tests', 'delivery_dump')
ORIGINAL = b'From: Alice <alice@example.org>\r\nTo: bob@example.net\r\nSubject: hello\r\nMessage-ID: <1@example.org>\r\n\r\nline one\r\n'
PERL_PARSER = '''
use Mail::DeliveryStatus::BounceParser; local $/; my $m = <STDIN>;
my $b = Mail::DeliveryStatus::BounceParser->new($m);
print join "|", $b->is_bounce ? 1 : 0, map { $_->get("email"), $_->get("std_reason") // "" } $b->reports;
'''
SISIMAI = '''
use Sisimai; local $/; my $m = <STDIN>; open my $f, ">", $ARGV[0]; print $f $m; close $f;
print Sisimai->dump($ARGV[0], "delivered" => 1) // "[]";
'''


def report(*args, original=ORIGINAL, env=None):
    r = subprocess.run([DUMP, *args], input=original, capture_output=True, timeout=60, env={**os.environ, **(env or {})})
    assert r.returncode == 0, r.stderr
    return r.stdout


def perl(program, message, *args):
    r = subprocess.run(['perl', '-e', program, *args], input=message, capture_output=True, timeout=120)
    assert r.returncode == 0, r.stderr
    return r.stdout.decode()


class Reports(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def parts(self, message):
        m = email.message_from_bytes(message, policy=email.policy.SMTP)
        self.assertEqual(m.get_content_type(), 'multipart/report')
        self.assertEqual(m['Content-Type'].params['report-type'], 'delivery-status')
        for part in m.walk():
            self.assertEqual(part.defects, [], part.get_content_type())
        return m, m.get_payload()

    def test_failure(self):
        m, (text, status, original) = self.parts(report('en', 'full', 'failed', '5.1.1', 'bob@example.net'))
        self.assertEqual((m['To'], m['Auto-Submitted'], m['In-Reply-To']), ('alice@example.org', 'auto-replied', '<1@example.org>'))
        self.assertIn('This address does not exist.', text.get_content())
        self.assertIn('550 5.1.1 sorry', text.get_content())
        message, recipient = status.get_payload()
        self.assertEqual(message['Reporting-MTA'], 'dns; mx.example.org')
        self.assertEqual(message['Original-Envelope-Id'], 'QQ314159')
        self.assertEqual(email.utils.parsedate_to_datetime(message['Arrival-Date']).timestamp(), 1767604272)
        self.assertEqual(recipient['Final-Recipient'], 'rfc822; bob@example.net')
        self.assertEqual(recipient['Original-Recipient'], 'rfc822; bob@example.net')
        self.assertEqual((recipient['Action'], recipient['Status'], recipient['Remote-MTA']), ('failed', '5.1.1', 'dns; mx.example.net'))
        self.assertIn('550-5.1.1', recipient['Diagnostic-Code'])
        self.assertNotIn('Will-Retry-Until', recipient)
        self.assertEqual(original.get_content_type(), 'message/rfc822')
        self.assertEqual(original.get_payload()[0]['Subject'], 'hello')
        self.assertIn('line one', original.get_payload()[0].get_content())

    def test_french_and_delay(self):
        m, (text, status, original) = self.parts(report('fr', 'hdrs', 'delayed', '4.4.1', 'bob@example.net'))
        self.assertEqual(m['Subject'], 'Votre message est retardé')
        self.assertIn('L\'autre serveur n\'a pas répondu.', text.get_content())
        self.assertIn('a répondu :', text.get_content())
        self.assertEqual(email.utils.parsedate_to_datetime(status.get_payload()[1]['Will-Retry-Until']).timestamp(), 1767690672)
        self.assertEqual(original.get_content_type(), 'text/rfc822-headers')
        self.assertIn('Subject: hello', original.get_content())
        self.assertNotIn('line one', original.get_content())

    def test_kinds(self):
        for action, status in (('delivered', '2.0.0'), ('relayed', '2.0.0'), ('expanded', '2.0.0'), ('delayed', '4.2.2'), ('failed', '5.2.2')):
            for language in 'en', 'fr':
                _, (_, fields, original) = self.parts(report(language, 'full', action, status, 'bob@example.net'))
                self.assertEqual((fields.get_payload()[1]['Action'], fields.get_payload()[1]['Status']), (action, status))
                self.assertEqual(original.get_content_type(), 'message/rfc822' if action == 'failed' else 'text/rfc822-headers')

    def test_mailman(self):
        for language in 'en', 'fr':
            for ret in 'full', 'hdrs':
                temporary, permanent = all_failures(email.message_from_bytes(report(language, ret, 'failed', '5.1.1', 'bob@example.net')))
                self.assertEqual((temporary, permanent), (set(), {b'bob@example.net'}))
        temporary, permanent = all_failures(email.message_from_bytes(report('en', 'hdrs', 'delayed', '4.4.1', 'bob@example.net')))
        self.assertEqual((temporary, permanent), ({b'bob@example.net'}, set()))
        temporary, permanent = all_failures(email.message_from_bytes(report('en', 'hdrs', 'relayed', '2.0.0', 'bob@example.net')))
        self.assertEqual((temporary, permanent), (set(), set()))

    def test_bounce_parser(self):
        self.assertEqual(perl(PERL_PARSER, report('en', 'full', 'failed', '5.1.1', 'bob@example.net')), '1|bob@example.net|user_unknown')
        self.assertEqual(perl(PERL_PARSER, report('fr', 'hdrs', 'failed', '5.2.2', 'bob@example.net')).split('|')[:2], ['1', 'bob@example.net'])

    def test_sisimai(self):
        for language in 'en', 'fr':
            path = os.path.join(self.folder.name, 'dsn.eml')
            rows = json.loads(perl(SISIMAI, report(language, 'full', 'failed', '5.1.1', 'bob@example.net'), path))
            self.assertEqual([(r['recipient'], r['deliverystatus'], r['reason'], r['action']) for r in rows], [('bob@example.net', '5.1.1', 'userunknown', 'failed')])
            self.assertEqual(rows[0]['messageid'], '1@example.org')

    def test_utf8(self):
        original = 'From: pere@example.org\r\nSubject: été\r\n\r\nà\r\n'.encode()
        raw = report('fr', 'full', 'failed', '5.6.7', 'père@exämple.net', original=original, env={'ACCEPTS_UTF8': '1'})
        m = email.message_from_bytes(raw, policy=email.policy.SMTPUTF8)
        text, status, original = m.get_payload()
        self.assertEqual((status.get_content_type(), original.get_content_type()), ('message/global-delivery-status', 'message/global'))
        self.assertIn('père@exämple.net', text.get_content())
        self.assertIn('Final-Recipient: utf-8; père@exämple.net\r\n', raw.decode())
        self.assertEqual(m['Content-Transfer-Encoding'], '8bit')
        # A server without SMTPUTF8 gets the same in ASCII (RFC 6533 3).
        raw = report('en', 'hdrs', 'failed', '5.6.7', 'père@exämple.net')
        raw.decode('ascii')
        self.assertIn(b'Final-Recipient: utf-8; p\\x{E8}re@ex\\x{E4}mple.net\r\n', raw)


if __name__ == '__main__':
    unittest.main()
