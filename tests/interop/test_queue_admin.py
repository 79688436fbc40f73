"""facteurctl for outgoing mail: standing rules that the queue and the relay keep, where a message went from submission to the last reply, destinations, metrics."""
import json, os, re, smtplib, sys, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur, mail_sink

ALICE, BOB = 'alice@example.test', 'bob@example.test'
TEXT = 'From: %s\r\nSubject: hello\r\n\r\ntext\r\n' % ALICE


def answer(line):
    if line.startswith('RCPT TO:<later'):
        return '450 4.2.1 come back later'
    if line.startswith('RCPT TO:<never'):
        return '550 5.1.1 nobody of that name'


class QueueAdmin(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sink = mail_sink.Sink(answer=answer).__enter__()
        cls.other = mail_sink.Sink().__enter__()
        cls.shut, cls.blocker = mail_sink.closed_port()
        cls.server = facteur.Server(routes={'near.example': cls.sink.port, 'held.example': cls.sink.port, 'shut.example': cls.shut}).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)
        cls.sink.__exit__(None, None, None)
        cls.other.__exit__(None, None, None)
        cls.blocker.close()

    def setUp(self):
        self.sink.letters.clear()
        self.other.letters.clear()

    def tearDown(self):
        for rule in self.json('queue', 'rules'):
            self.server.ctl('queue', 'rules', rule['domain'], '--remove')
        self.server.ctl('queue', 'drop', '--all', '--yes')

    def submit(self, *to):
        """The message's id in the log."""
        with smtplib.SMTP('127.0.0.1', self.server.port('submission'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.ehlo()
            s.login(ALICE, facteur.PASSWORD)
            s.mail(ALICE)
            for one in to:
                self.assertEqual(s.rcpt(one)[0], 250)
            code, text = s.data(TEXT)
        self.assertEqual(code, 250)
        return re.search(r'as (\S+)', text.decode()).group(1)

    def json(self, *args):
        return json.loads(self.server.ctl(*args, '--json').stdout)

    def refused(self, *args):
        r = self.server.ctl('queue', *args, check=False)
        self.assertNotEqual(r.returncode, 0, args)
        return r.stderr

    def until(self, look, what):
        end = time.monotonic() + 60
        while not look():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.05)

    def test_hold_a_domain(self):
        self.assertIn('the rule stands', self.server.ctl('queue', 'rules', 'Held.Example', '--hold', '--why', 'they asked').stdout)
        self.submit('a@held.example')
        self.submit('a@near.example')
        self.until(lambda: self.sink.letters, 'the other domain')
        self.assertEqual([l.recipients for l in self.sink.letters], [['a@near.example']])
        self.assertEqual([m['to'][0]['attempts'] for m in self.json('queue', 'list')], [0])
        top = {d['domain']: d for d in self.json('queue', 'top')['top']}
        self.assertGreater(top['held.example']['blocked_ms'], 0)
        # It is still there after a restart, mail that comes then obeys it too.
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        rule, = self.json('queue', 'rules')
        self.assertEqual((rule['domain'], rule['held'], rule['why']), ('held.example', True, 'they asked'))
        self.assertIn('they asked', self.server.ctl('queue', 'rules').stdout)
        self.submit('b@held.example')
        self.submit('b@near.example')
        self.until(lambda: len(self.sink.letters) == 2, 'the other domain')
        self.assertIn('the rule is gone', self.server.ctl('queue', 'rules', 'held.example', '--remove').stdout)
        self.until(lambda: len(self.sink.letters) == 4, 'what was held')

    def test_pause_and_patterns(self):
        self.server.ctl('queue', 'rules', '*', '--for', '1h')
        self.server.ctl('queue', 'rules', 'near.example', '--rate', '6000')  # the exact name counts before *
        self.submit('a@held.example', 'a@near.example')
        self.until(lambda: self.sink.letters, 'the domain with a rule of its own')
        self.assertEqual([l.recipients for l in self.sink.letters], [['a@near.example']])
        held = [r for r in self.json('queue', 'rules') if r['domain'] == '*'][0]
        self.assertAlmostEqual(held['until'] - held['made'], 3600, delta=5)
        self.server.ctl('queue', 'rules', '*', '--for', '1s')
        self.until(lambda: len(self.sink.letters) == 2, 'the end of the pause')

    def test_another_host(self):
        self.server.ctl('queue', 'rules', 'near.example', '--host', '127.0.0.1:%d' % self.other.port)
        self.submit('a@near.example')
        self.until(lambda: self.other.letters, 'delivery')
        self.assertEqual(self.other.letters[0].recipients, ['a@near.example'])
        self.assertEqual(self.sink.letters, [])
        self.server.ctl('queue', 'rules', 'near.example', '--remove')
        self.submit('b@near.example')
        self.until(lambda: self.sink.letters, 'delivery')

    def test_mistakes(self):
        for args, text in ((('rules', 'near.example'), 'what?'), (('rules', 'near.example', '--remove'), 'no rule'), (('rules', 'a b', '--hold'), 'a domain'),
                           (('rules', 'a.example', '--rate', '0'), '--rate'), (('rules', 'a.example', '--host', 'x:y'), 'no host'),
                           (('rules', 'a.example', '--for', 'never'), '--for'), (('rules', 'a.example', '--hold', '--remove'), 'alone'),
                           (('undo',), 'which?'), (('undo', '12345'), ''), (('list', '--state', 'bored'), 'ready, active')):
            self.assertIn(text, self.refused(*args), args)

    def test_filters(self):
        trace = self.submit('a@shut.example')
        self.submit('later@near.example')
        self.until(lambda: all(m['to'][0]['attempts'] for m in self.json('queue', 'list')), 'attempts')
        self.assertEqual([m['trace'] for m in self.json('queue', 'list', '--trace', trace)], [trace])
        self.assertEqual([m['to'][0]['address'] for m in self.json('queue', 'list', '--reply', 'COME BACK')], ['later@near.example'])
        self.assertIn('1 message held', self.server.ctl('queue', 'hold', '--reply', 'come back').stdout)

    def test_the_way_of_a_message(self):
        trace = self.submit('ok@near.example', 'later@near.example', 'never@near.example', BOB)
        self.until(lambda: [e for e in self.json('trace', trace)['queue'] if e['event'] == 'report'], 'the report')
        seen = self.json('trace', trace)
        self.assertEqual({c['account'] for c in seen['copies']}, {BOB, ALICE})  # his copy, and the report to her
        events = {}
        for e in seen['queue']:
            events.setdefault(e['event'], []).append(e)
        queued, = events['queued']
        self.assertEqual((queued['from'], queued['login'], queued['client'], queued['recipients']), (ALICE, ALICE, '127.0.0.1', 3))
        self.assertEqual(queued['to'], ['ok@near.example', 'later@near.example', 'never@near.example'])
        for event, who, status, reply in (('delivered', 'ok', '2.0.0', 'taken'), ('deferred', 'later', '4.2.1', 'come back later'), ('failed', 'never', '5.1.1', 'nobody of that name')):
            one, = events[event]
            self.assertEqual((one['recipient'], one['status']), (who + '@near.example', status))
            self.assertIn(reply, one['reply'])
            self.assertIn('127.0.0.1', one['host'])
        self.assertGreater(events['deferred'][0]['next_try'], time.time())
        self.assertEqual(events['report'][0]['to'], ALICE)
        self.assertEqual([e['state'] for e in events['now']], ['waiting'])
        text = self.server.ctl('trace', trace).stdout
        for piece in ('queued as', 'delivered ok@near.example', '450 4.2.1 come back later', 'again at', 'waiting in the queue'):
            self.assertIn(piece, text)
        self.server.ctl('queue', 'drop', '--trace', trace, '--yes')
        # Gone from the queue, over a restart: known all the same.
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        self.assertEqual([e['event'] for e in self.json('trace', trace)['queue']][-1], 'dropped')
        self.assertIn('no stored message', self.server.ctl('trace', 'unheard.of', check=False).stderr)

    def test_destinations_and_metrics(self):
        self.submit('a@near.example')
        self.submit('a@shut.example')
        self.until(lambda: self.json('queue', 'list') and self.json('queue', 'list')[0]['to'][0]['attempts'], 'an attempt')
        found = {d['destination'].split(':')[-1]: d for d in self.json('queue', 'destinations')}
        self.assertEqual(found[str(self.shut)]['state'], 'unreachable')
        self.assertGreater(found[str(self.shut)]['again_ms'], 0)
        self.assertTrue(found[str(self.shut)]['trouble'])
        self.assertIn(found[str(self.sink.port)]['state'], ('connected', 'idle'))
        self.assertIn('unreachable', self.server.ctl('queue', 'destinations').stdout)
        metrics = self.server.ctl('metrics').stdout
        for row in (r'facteur_queue_messages 1', r'facteur_queue_jobs\{state="waiting"\} 1', r'facteur_queue_age_seconds_bucket\{le="60"\} 1', r'facteur_queue_age_seconds_bucket\{le="\+Inf"\} 1',
                    r'facteur_relay_delivered_total \d+', r'facteur_relay_deferred_total \d+', r'facteur_relay_failed_total \d+',
                    r'facteur_destination_connections\{destination="[^"]*:%d"\} 0' % self.shut, r'facteur_destination_backoff_milliseconds\{destination="[^"]*:%d"\} [1-9]' % self.shut):
            self.assertRegex(metrics, '(?m)^' + row)


if __name__ == '__main__':
    unittest.main()
