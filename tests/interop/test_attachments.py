"""plugins/attachments with a server: real types, names, archives, macros, refusals; bombs within bounds."""
import bz2, email.message, email.policy, gzip, io, os, re, smtplib, struct, sys, tarfile, time, unittest, zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur

ALICE = 'alice@example.test'
EXE = b'MZ' + bytes(58) + struct.pack('<I', 64) + b'PE\0\0L\1' + bytes(300)
PNG = b'\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0\x90wS\xde' + bytes(40)
PDF = b'%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n'


def zipped(*members, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', method) as z:
        for name, data in members:
            z.writestr(name, data)
    return out.getvalue()


def encrypted(archive):
    """The flag in the local and in the central header (APPNOTE 4.4.4)."""
    text = bytearray(archive)
    for mark, at in ((b'PK\3\4', 6), (b'PK\1\2', 8)):
        for m in re.finditer(mark, archive):
            text[m.start() + at] |= 1
    return bytes(text)


def tarred(*members, mode='w:gz'):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as t:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def vba(source):
    """A container of literals only ([MS-OVBA] 2.4.1)."""
    tokens = b''.join(b'\0' + source[i:i + 8] for i in range(0, len(source), 8))
    return b'\1' + struct.pack('<H', 0xb000 | (len(tokens) - 1)) + tokens


def ole(names, data=b''):
    """A compound file with these names in its directory, and data in a sector behind it."""
    def entry(name):
        text = name.encode('utf-16-le')
        return text.ljust(64, b'\0') + struct.pack('<H', len(text) + 2) + bytes(62)
    directory = b''.join(map(entry, ['Root Entry'] + names))
    directory = directory.ljust(-(-len(directory) // 512) * 512, b'\0')
    sectors = len(directory) // 512
    fat = [0xfffffffd] + [i + 2 for i in range(sectors - 1)] + [0xfffffffe]
    fat = struct.pack('<128I', *(fat + [0xffffffff] * (128 - len(fat))))
    head = b'\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1' + bytes(16) + struct.pack('<5H6x5I', 0x3e, 3, 0xfffe, 9, 6, 0, 1, 1, 0, 4096)
    head += struct.pack('<4I', 0xfffffffe, 0, 0xfffffffe, 0) + struct.pack('<109I', 0, *[0xffffffff] * 108)
    return head + fat + directory + data.ljust(4096, b'\0')


MACRO_OLE = ole(['VBA', '_VBA_PROJECT'], b'junk' + vba(b'Attribute VB_Name = "M"\r\nSub AutoOpen()\r\nEnd Sub\r\n'))
QUIET_OLE = ole(['VBA'], vba(b'Attribute VB_Name = "M"\r\nSub Sum()\r\nEnd Sub\r\n'))


def message(*files, body='Hello, see what is attached.'):
    m = email.message.EmailMessage(policy=email.policy.SMTP)
    m['From'], m['To'], m['Subject'] = '<x@good.example>', '<%s>' % ALICE, 'files'
    m.set_content(body)
    for name, data, *kind in files:
        main, sub = (kind[0] if kind else 'application/octet-stream').split('/')
        m.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return m.as_bytes()


def block(*keys):
    return 'server { filter_processes = 1 }\nprofile default { reject = 1000 }\nplugin attachments {\n    deadline = 30s\n    max_time = 20s\n%s}\n' % ''.join('    %s\n' % key for key in keys)


class Attachments(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = facteur.Server(block()).start()

    @classmethod
    def tearDownClass(cls):
        report = cls.server.sanitizer_report()
        cls.server.__exit__(None, None, None)
        assert not report, report

    def send(self, server, text):
        with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.ehlo()
            s.mail('x@good.example')
            s.rcpt(ALICE)
            code, reply = s.data(text)
        return code, reply.decode()

    def found(self, *files, server=None, **more):
        code, reply = self.send(server or self.server, message(*files, **more))
        self.assertEqual(code, 250, reply)
        self.ledger = (server or self.server).ctl('trace', reply.split()[-1].strip('.')).stdout
        return {w.removeprefix('ATTACHMENT_') for w in re.findall(r'symbol\s+attachments\s+(\S+)', self.ledger)}

    def check(self, symbols, *files, **more):
        self.assertEqual(self.found(*files, **more), set(symbols.split()), self.ledger)

    def test_harmless(self):
        self.check('')
        self.check('', ('a.png', PNG, 'image/png'), ('bill.pdf', PDF, 'application/pdf'), ('notes.txt', b'some words\n', 'text/plain'))
        self.check('', ('photos.zip', zipped(('a.png', PNG), ('notes.txt', b'words'))), ('a.tar.gz', tarred(('doc/readme.txt', b'words'))))
        self.check('', ('report.docx', zipped(('[Content_Types].xml', b'<Types/>'), ('word/document.xml', b'<w/>'))))

    def test_names(self):
        self.check('FORBIDDEN', ('run.js', b'var a = 1;\n', 'text/plain'))
        self.check('FORBIDDEN', ('RUN.JS . ', b'var a = 1;\n', 'text/plain'))
        self.check('FORBIDDEN FORBIDDEN_TYPE', ('a.exe', EXE))
        self.check('FORBIDDEN DOUBLE_EXTENSION', ('bill.pdf.vbs', b'x = 1\n', 'text/plain'))
        self.check('FORBIDDEN BIDI_NAME', ('bill\u202efdp.js', b'x = 1\n', 'text/plain'))
        self.check('FORBIDDEN DOUBLE_EXTENSION HIDDEN_NAME', ('bill.pdf' + ' ' * 40 + '.vbs', b'x = 1\n', 'text/plain'))
        self.check('FORBIDDEN HIDDEN_NAME', ('run.j\u200bs', b'x = 1\n', 'text/plain'))
        self.assertIn('run.j', self.ledger)

    def test_types(self):
        self.check('FORBIDDEN_TYPE DISGUISED', ('photo.png', EXE, 'image/png'))
        self.check('MISMATCH', ('photo.png', PDF, 'image/png'))
        self.check('DISGUISED HTML', ('bill.pdf', b'<!DOCTYPE html><html><body>hello</body></html>', 'application/pdf'))

    def test_archives(self):
        self.check('FORBIDDEN_IN_ARCHIVE', ('a.zip', zipped(('deep/run.js', b'x'))))
        self.check('FORBIDDEN_IN_ARCHIVE', ('a.zip', zipped(('readme', EXE))))
        self.check('FORBIDDEN_IN_ARCHIVE', ('a.tar.gz', tarred(('run.vbs', b'x'))), ('a.tar.bz2', tarred(('run.vbs', b'x'), mode='w:bz2')),
                   ('a.tar.xz', tarred(('run.vbs', b'x'), mode='w:xz')))
        self.check('FORBIDDEN_IN_ARCHIVE', ('outer.zip', zipped(('inner.zip', zipped(('run.hta', b'x'))))))
        self.check('FORBIDDEN_IN_ARCHIVE DOUBLE_EXTENSION', ('a.zip', zipped(('bill.pdf.exe', b'x'))))
        self.check('ENCRYPTED_ARCHIVE FORBIDDEN_IN_ARCHIVE', ('a.zip', encrypted(zipped(('run.exe', EXE)))))
        self.check('UNREADABLE', ('a.zip', zipped(('a.txt', b'words' * 50))[:40]))

    def test_depth(self):
        data = zipped(('run.js', b'x'))
        for i in range(3):
            data = zipped(('%d.zip' % i, data))
        self.check('FORBIDDEN_IN_ARCHIVE', ('a.zip', data))
        for i in range(3):
            data = zipped(('%d.zip' % i, data))
        self.check('DEEP', ('a.zip', data))

    def test_password_in_the_text(self):
        archive = ('a.zip', encrypted(zipped(('bill.txt', b'secret'))))
        self.check('ENCRYPTED_ARCHIVE', archive)
        self.check('ENCRYPTED_ARCHIVE MESSAGE_GIVES_PASSWORD ENCRYPTED_WITH_PASSWORD', archive, body='Open it.\n\nPassword: 1234\n')
        self.check('ENCRYPTED_ARCHIVE MESSAGE_GIVES_PASSWORD ENCRYPTED_WITH_PASSWORD', archive, body='Das Passwort ist 1234\n')
        self.check('ENCRYPTED_DOCUMENT', ('a.docx', ole(['EncryptionInfo', 'EncryptedPackage'])))
        self.check('', ('a.png', PNG, 'image/png'), body='Password: 1234\n')

    def test_macros(self):
        self.check('MACROS MACROS_AUTORUN', ('a.doc', MACRO_OLE, 'application/msword'))
        self.check('MACROS', ('a.doc', QUIET_OLE, 'application/msword'))
        self.check('', ('a.doc', ole(['WordDocument', '1Table']), 'application/msword'))
        self.check('MACROS MACROS_AUTORUN', ('a.docm', zipped(('[Content_Types].xml', b'<Types/>'), ('word/vbaProject.bin', MACRO_OLE))))
        self.check('MACROS', ('a.xlsx', zipped(('[Content_Types].xml', b'<Types/>'), ('xl/macrosheets/sheet1.xml', b'<x/>'))))
        self.check('RTF_OBJECT', ('a.doc', b'{\\rtf1 {\\object\\objemb{\\*\\objdata 0105}}}', 'application/msword'))

    def test_active_documents(self):
        script = PDF.replace(b'/Catalog', b'/Catalog /OpenAction << /S /JavaScript /JS (app.alert) >>')
        self.check('PDF_SCRIPT', ('a.pdf', script, 'application/pdf'))
        self.check('PDF_SCRIPT', ('a.pdf', script.replace(b'/JavaScript', b'/J#61vaScript').replace(b'/JS', b'/XX'), 'application/pdf'))
        self.check('PDF_LAUNCH', ('a.pdf', PDF.replace(b'/Catalog', b'/Catalog /OpenAction << /S /Launch /F (cmd.exe) >>'), 'application/pdf'))
        page = b'<!DOCTYPE html><html><body>%s</body></html>'
        self.check('HTML', ('a.html', page % b'hello', 'text/html'))
        self.check('HTML HTML_SMUGGLING', ('a.html', page % b'<script>new Blob([atob("TVo=")]); a.download="x.exe"</script>', 'text/html'))
        self.check('HTML HTML_LOGIN', ('a.htm', page % b'<form><input type="password"></form>', 'text/html'))
        self.check('HTML HTML_REDIRECT', ('a.html', page % b'<script>window.location="https://x.example"</script>', 'text/html'))
        self.check('SVG_SCRIPT', ('a.svg', b'<svg xmlns="http://www.w3.org/2000/svg"><script>x()</script></svg>', 'image/svg+xml'))

    def test_bombs(self):
        zeros = bytes(40 << 20)
        begin = time.monotonic()
        self.check('BOMB', ('a.zip', zipped(('zeros', zeros))))
        got = self.found(('a.gz', gzip.compress(bytes(150 << 20))))
        self.assertIn('BOMB', got)
        self.assertIn('UNFINISHED', got)
        self.assertIn('BOMB', self.found(('a.tar.gz', tarred(('zeros', zeros), mode='w:gz'))))
        self.assertIn('BOMB', self.found(('a.bz2', bz2.compress(zeros))))
        many = zipped(*[('%d.txt' % i, b'x') for i in range(1100)])
        self.check('UNFINISHED', ('a.zip', many))
        nest = zipped(*[('%d.zip' % i, many) for i in range(10)])
        self.check('UNFINISHED', ('a.zip', nest))
        self.assertLess(time.monotonic() - begin, 180)

    def test_refusals(self):
        with facteur.Server(block('reject = ["ATTACHMENT_FORBIDDEN"]', 'quarantine = ["ATTACHMENT_MACROS"]', 'forbidden = [".zip"]')) as server:
            code, text = self.send(server, message(('Größe.zip', zipped(('a', b'x')))))
            self.assertEqual(code, 550)
            self.assertEqual(text.split(': ')[0], "5.7.1 An attachment's name ends as those of programs, scripts and disk images do")
            self.check('', ('a.js', b'x = 1\n', 'text/plain'), server=server)
            self.check('MACROS', ('a.doc', QUIET_OLE, 'application/msword'), server=server)
            self.assertIn('quarantine', self.ledger)

    def test_bad_configuration(self):
        for key, why in (('reject = ["NO_SUCH"]', 'no symbol of this plugin'), ('max_depth = 11', 'max_depth must be 1 to 10'), ('magic = "/nowhere.mgc"', 'libmagic')):
            server = facteur.Server(block(key))
            with self.assertRaises(RuntimeError) as caught:
                server.start()
            self.assertIn(why, str(caught.exception))


if __name__ == '__main__':
    unittest.main()
