"""Real clients do a full cycle against the real server: send, list, fetch, flag, move, delete, IDLE."""
import email, imaplib, os, poplib, re, select, shutil, smtplib, socket, ssl, subprocess, sys, tempfile, threading, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur

USER, OTHER, PASSWORD = 'alice@example.test', 'bob@example.test', facteur.PASSWORD
server = None


def setUpModule():
    global server
    server = facteur.Server().start()


def tearDownModule():
    server.__exit__(None, None, None)


def insecure():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def message(subject, to=USER, sender=OTHER, body='Hello.\n'):
    return ('From: Bob <%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: Mon, 5 Jan 2026 10:11:12 +0100\r\nMessage-ID: <%s@test>\r\n\r\n%s'
            % (sender, to, subject, re.sub(r'\W', '', subject), body.replace('\n', '\r\n'))).encode()


def imap(user=USER):
    c = imaplib.IMAP4_SSL('127.0.0.1', server.port('imaps'), ssl_context=insecure())
    c.login(user, PASSWORD)
    return c


def clean(user=USER):
    with imap(user) as c:
        for name in ('INBOX', 'Trash', 'Archive'):
            c.select(name)
            c.store('1:*', '+FLAGS.SILENT', r'(\Deleted)')
            c.expunge()


def subjects(mailbox='INBOX', user=USER):
    with imap(user) as c:
        c.select(mailbox, readonly=True)
        numbers = c.search(None, 'ALL')[1][0].split()
        found = []
        for n in numbers:
            data = c.fetch(n, '(BODY.PEEK[HEADER.FIELDS (SUBJECT)])')[1]
            found.append(email.message_from_bytes(data[0][1])['Subject'])
        return found


def send(subject, to=USER, **more):
    with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT) as s:
        s.sendmail(OTHER, [to], message(subject, to, **more))


def run(*command, stdin=None, env=None, expect=0, timeout=60):
    r = subprocess.run(command, input=stdin, capture_output=True, timeout=timeout, env=dict(os.environ, **(env or {})))
    if expect is not None and r.returncode != expect:
        raise AssertionError('%s ended with %d\n%s\n%s' % (' '.join(command), r.returncode, r.stdout.decode(errors='replace'), r.stderr.decode(errors='replace')))
    return r.stdout.decode(errors='replace') + r.stderr.decode(errors='replace')


def mbsync_door():
    """mbsync checks a certificate for names only; a machine that does not know 'localhost' gets the plain port."""
    try:
        socket.getaddrinfo('localhost', 1)
        return 'localhost', server.port('imaps'), 'IMAPS'
    except OSError:
        return '127.0.0.1', server.port('imap'), 'None'


def has_terminals():
    try:
        for fd in os.openpty():
            os.close(fd)
        return True
    except OSError:
        return False


class Clients(unittest.TestCase):
    def setUp(self):
        clean()
        self.dir = tempfile.mkdtemp(prefix='facteur-client.')
        self.addCleanup(shutil.rmtree, self.dir, True)

    def path(self, name, text=None, mode=0o600):
        p = os.path.join(self.dir, name)
        if text is not None:
            with open(p, 'w') as f:
                f.write(text)
            os.chmod(p, mode)
        return p

    def need(self, program):
        if not shutil.which(program):
            self.skipTest('%s is not installed' % program)

    # ---- senders

    def test_curl_sends_over_starttls_submission(self):
        self.need('curl')
        f = self.path('m.eml', message('by curl', to=USER, sender=OTHER).decode())
        run('curl', '-sSk', '--ssl-reqd', 'smtp://127.0.0.1:%d' % server.port('submission'), '--user', '%s:%s' % (OTHER, PASSWORD),
            '--mail-from', OTHER, '--mail-rcpt', USER, '-T', f)
        run('curl', '-sSk', 'smtps://127.0.0.1:%d' % server.port('submissions'), '--user', '%s:%s' % (OTHER, PASSWORD),
            '--mail-from', OTHER, '--mail-rcpt', USER, '-T', f)
        self.assertEqual(subjects(), ['by curl', 'by curl'])

    def test_swaks_sends_with_every_mechanism(self):
        self.need('swaks')
        for auth in ('PLAIN', 'LOGIN'):
            run('swaks', '--server', '127.0.0.1:%d' % server.port('submission'), '-tls', '--auth', auth, '--auth-user', OTHER, '--auth-password', PASSWORD,
                '--from', OTHER, '--to', USER, '--header', 'Subject: swaks ' + auth)
        run('swaks', '--server', '127.0.0.1:%d' % server.port('smtp'), '-tls', '--from', 'x@outside.example', '--to', USER, '--header', 'Subject: swaks mx')
        self.assertEqual(subjects(), ['swaks PLAIN', 'swaks LOGIN', 'swaks mx'])

    def test_swaks_speaks_lmtp(self):
        self.need('swaks')
        run('swaks', '--protocol', 'LMTP', '--server', '127.0.0.1:%d' % server.port('lmtp'), '--from', 'x@outside.example', '--to', USER, '--header', 'Subject: swaks lmtp')
        self.assertEqual(subjects(), ['swaks lmtp'])

    def test_swaks_is_told_clearly_that_strangers_do_not_relay(self):
        self.need('swaks')
        text = run('swaks', '--server', '127.0.0.1:%d' % server.port('smtp'), '--from', 'x@outside.example', '--to', 'y@elsewhere.example', expect=None)
        self.assertRegex(text, r'<\*\* 550 5\.7\.1')

    def test_msmtp_sends_over_starttls_and_tls(self):
        self.need('msmtp')
        for how, port, starttls in (('starttls', 'submission', 'on'), ('tls', 'submissions', 'off')):
            rc = self.path('msmtprc', 'account default\nhost 127.0.0.1\nport %d\nauth on\nuser %s\npassword %s\nfrom %s\ntls on\ntls_starttls %s\ntls_certcheck off\n'
                           % (server.port(port), OTHER, PASSWORD, OTHER, starttls))
            run('msmtp', '-C', rc, USER, stdin=message('msmtp ' + how))
        self.assertEqual(subjects(), ['msmtp starttls', 'msmtp tls'])

    def test_smtplib_uses_what_it_is_offered(self):
        with smtplib.SMTP('127.0.0.1', server.port('submission'), local_hostname=facteur.CLIENT) as s:
            s.starttls(context=insecure())
            s.login(OTHER, PASSWORD)
            s.send_message(email.message_from_bytes(message('smtplib')), OTHER, [USER])
            with self.assertRaises(smtplib.SMTPRecipientsRefused) as refused:
                s.sendmail(OTHER, ['nobody@example.test'], message('x'))
            self.assertEqual(refused.exception.recipients['nobody@example.test'][0], 550)
            with self.assertRaises(smtplib.SMTPException):
                s.sendmail(USER, [OTHER], message('not my address'))
        self.assertEqual(subjects(), ['smtplib'])

    # ---- readers

    def test_curl_lists_reads_flags_and_deletes_over_imaps(self):
        self.need('curl')
        send('one')
        url = 'imaps://127.0.0.1:%d' % server.port('imaps')
        base = ['curl', '-sSk', '--user', '%s:%s' % (USER, PASSWORD)]
        self.assertIn('INBOX', run(*base, url + '/'))
        self.assertIn('Subject: one', run(*base, url + '/INBOX;MAILINDEX=1'))
        self.assertIn('* SEARCH 1', run(*base, url + '/INBOX?ALL'))
        run(*base, url + '/INBOX', '-X', r'STORE 1 +FLAGS (\Flagged)')
        self.assertIn(r'\Flagged', run(*base, url + '/INBOX', '-X', 'FETCH 1 FLAGS'))
        run(*base, url + '/INBOX', '-X', 'MOVE 1 Archive')
        self.assertEqual(subjects('Archive'), ['one'])

    def test_curl_reads_and_deletes_over_pop3s(self):
        self.need('curl')
        send('pop')
        url = 'pop3s://127.0.0.1:%d' % server.port('pop3s')
        base = ['curl', '-sSk', '--user', '%s:%s' % (USER, PASSWORD)]
        self.assertRegex(run(*base, url + '/'), r'1 \d+')
        self.assertIn('Subject: pop', run(*base, url + '/1'))
        run(*base, url + '/1', '-X', 'DELE', '-I')
        self.assertEqual(subjects(), [])

    def test_imaplib_full_cycle(self):
        send('first')
        send('second', body='A needle in here.\n')
        with imap() as c:
            self.assertIn(b'2', c.select('INBOX')[1][0])
            self.assertEqual(c.search(None, 'BODY', 'needle')[1], [b'2'])
            self.assertEqual(c.search(None, 'SUBJECT', 'FIRST')[1], [b'1'])
            c.store('1', '+FLAGS', r'(\Seen $Label)')
            self.assertEqual(c.search(None, 'SEEN', 'KEYWORD', '$Label')[1], [b'1'])
            self.assertEqual(c.copy('1', 'Archive')[0], 'OK')
            self.assertEqual(c._simple_command('UID', 'MOVE', c.fetch('2', '(UID)')[1][0].decode().split('UID ')[1].rstrip(')'), 'Trash')[0], 'OK')
            self.assertEqual(c.search(None, 'ALL')[1], [b'1'])
            draft = c.append('Drafts', r'(\Draft)', imaplib.Time2Internaldate(1767600000), message('a draft'))
            self.assertRegex(draft[1][0].decode(), r'APPENDUID \d+ \d+')
            self.assertEqual(c.create('Work/2026')[0], 'OK')
            self.assertEqual(c.rename('Work/2026', 'Work/2027')[0], 'OK')
            self.assertIn(b'Work/2027', b''.join(c.list('""', 'Work/*')[1]))
            self.assertEqual(c.delete('Work/2027')[0], 'OK')
            self.assertEqual(c.delete('Work')[0], 'OK')
            self.assertEqual(c.response('EXPUNGE')[1], [b'2'])
            c.store('1', '+FLAGS', r'(\Deleted)')
            self.assertEqual(c.expunge()[1], [b'1'])
        self.assertEqual((subjects('Archive'), subjects('Trash'), subjects('Drafts')), (['first'], ['second'], ['a draft']))
        with imap() as c:
            c.select('Drafts')
            c.store('1:*', '+FLAGS', r'(\Deleted)')
            c.expunge()

    def test_idle_is_told_of_new_mail_and_flags(self):
        with imap() as c, imap() as other:
            c.select('INBOX')
            other.select('INBOX')
            c.send(b'i1 IDLE\r\n')
            self.assertTrue(c.readline().startswith(b'+'))
            send('wake up')
            self.assertRegex(c.readline(), rb'^\* 1 EXISTS')
            other.noop()
            other.store('1', '+FLAGS', r'(\Flagged)')
            line = c.readline()
            while b'FETCH' not in line:
                line = c.readline()
            self.assertIn(rb'\Flagged', line)
            other.store('1', '+FLAGS', r'(\Deleted)')
            other.expunge()
            while b'EXPUNGE' not in line:
                line = c.readline()
            self.assertRegex(line, rb'^\* 1 EXPUNGE')
            c.send(b'DONE\r\n')
            while not line.startswith(b'i1 '):
                line = c.readline()
            self.assertTrue(line.startswith(b'i1 OK'))

    def test_poplib_full_cycle(self):
        for n in range(3):
            send('pop %d' % n, body='line\n.leading dot\n..two\n')
        p = poplib.POP3_SSL('127.0.0.1', server.port('pop3s'), context=insecure())
        p.user(USER)
        p.pass_(PASSWORD)
        self.assertEqual(p.stat()[0], 3)
        uidl = [l.split()[1] for l in p.uidl()[1]]
        self.assertEqual(len(set(uidl)), 3)
        _, lines, octets = p.retr(1)
        self.assertIn(b'.leading dot', lines)
        self.assertIn(b'..two', lines)
        self.assertEqual(sum(len(l) + 2 for l in lines), int(p.list(1).split()[2]))
        self.assertLess(len(p.top(2, 0)[1]), len(lines))
        p.dele(1)
        p.rset()
        p.dele(2)
        p.quit()
        self.assertEqual(subjects(), ['pop 0', 'pop 2'])
        p = poplib.POP3('127.0.0.1', server.port('pop3'))
        p.stls(insecure())
        p.user(USER)
        p.pass_(PASSWORD)
        self.assertEqual([l.split()[1] for l in p.uidl()[1]], [uidl[0], uidl[2]])
        p.quit()

    def test_mbsync_mirrors_both_ways(self):
        self.need('mbsync')
        host, port, tls = mbsync_door()
        for n in range(5):
            send('sync %d' % n)
        os.mkdir(self.path('mail'))
        rc = self.path('mbsyncrc', ('IMAPAccount f\nHost %s\nPort %d\nUser %s\nPass %s\nSSLType %s\nCertificateFile %s\nAuthMechs %s\n\n'
                       'IMAPStore far\nAccount f\n\nMaildirStore near\nPath %s/\nInbox %s/INBOX\nSubFolders Verbatim\n\n'
                       'Channel c\nFar :far:\nNear :near:\nPatterns INBOX Archive\nCreate Near\nExpunge Both\nSyncState *\n')
                       % (host, port, USER, PASSWORD, tls, os.path.join(server.state, 'tls', 'cert.pem'), 'PLAIN' if tls == 'IMAPS' else 'LOGIN', self.path('mail'), self.path('mail')))
        run('mbsync', '-c', rc, 'c')
        folder = self.path('mail/INBOX')
        files = [os.path.join(folder, sub, f) for sub in ('new', 'cur') for f in os.listdir(os.path.join(folder, sub))]
        self.assertEqual(len(files), 5)
        first = sorted(files)[0]
        os.rename(first, os.path.join(folder, 'cur', os.path.basename(first).split(':')[0] + ':2,FS'))
        os.unlink(sorted(files)[1])
        run('mbsync', '-c', rc, 'c')
        with imap() as c:
            c.select('INBOX', readonly=True)
            self.assertEqual(len(c.search(None, 'ALL')[1][0].split()), 4)
            self.assertEqual(len(c.search(None, 'FLAGGED', 'SEEN')[1][0].split()), 1)

    def test_fetchmail_empties_the_mailbox(self):
        self.need('fetchmail')
        for proto, port in (('IMAP', 'imap'), ('POP3', 'pop3')):
            clean()
            for n in range(3):
                send('fetch %d' % n)
            out = self.path('fetched-' + proto)
            rc = self.path('fetchmailrc', 'poll 127.0.0.1 protocol %s port %d user "%s" password "%s" sslproto "TLS1.2+" no sslcertck sslcertfile "%s" fetchall no keep mda "cat >> %s"\n'
                           % (proto, server.port(port), USER, PASSWORD, os.path.join(server.state, 'tls', 'cert.pem'), out), 0o600)
            run('fetchmail', '-f', rc, '--nosyslog', '--pidfile', self.path('pid'), '--idfile', self.path('ids'), env={'HOME': self.dir, 'FETCHMAILHOME': self.dir})
            with open(out) as f:
                self.assertEqual(len(re.findall(r'(?m)^Subject: fetch', f.read())), 3)
            self.assertEqual(subjects(), [])

    def test_getmail_retrieves(self):
        self.need('getmail')
        send('get me')
        self.path('rc', '[retriever]\ntype = SimpleIMAPSSLRetriever\nserver = 127.0.0.1\nport = %d\nusername = %s\npassword = %s\nmailboxes = ("INBOX",)\n'
                  '[destination]\ntype = MDA_external\npath = /usr/bin/tee\narguments = ("-a", "%s")\nallow_root_commands = true\n[options]\ndelete = true\nread_all = true\n' % (server.port('imaps'), USER, PASSWORD, self.path('got')))
        run('getmail', '--getmaildir', self.dir, '--rcfile', 'rc', env={'HOME': self.dir})
        with open(self.path('got')) as f:
            self.assertEqual(len(re.findall(r'(?m)^Subject: get me', f.read())), 1)
        self.assertEqual(subjects(), [])

    def test_mutt_opens_reads_saves_and_deletes(self):
        self.need('mutt')
        if not has_terminals():
            self.skipTest('mutt needs a terminal; this machine has none (no /dev/pts)')
        send('mutt one')
        send('mutt two')
        rc = self.path('muttrc', 'set folder="imaps://127.0.0.1:%d/"\nset spoolfile="+INBOX"\nset imap_user="%s"\nset imap_pass="%s"\nset ssl_verify_host=no\nset ssl_verify_dates=no\n'
                       'set certificate_file="%s"\nset header_cache=""\nset quit=yes\nset delete=yes\nset move=no\nset confirmappend=no\nset wait_key=no\nset trash=""\nset mail_check=1\nset ssl_usesystemcerts=no\n'
                       % (server.port('imaps'), USER, PASSWORD, os.path.join(server.state, 'tls', 'cert.pem')))
        push = 'push "<first-entry><save-message>=Archive<enter><delete-pattern>~s two<enter><sync-mailbox><quit>"'
        run('script', '-qec', "mutt -n -F %s -e '%s'" % (rc, push), '/dev/null', env={'HOME': self.dir, 'TERM': 'xterm'})
        self.assertEqual((subjects(), subjects('Archive')), ([], ['mutt one']))


if __name__ == '__main__':
    unittest.main()
