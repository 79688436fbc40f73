"""Our HTML tokenizer against html5lib's: pieces of markup in random order, the same on every machine, and every named character reference."""
import html.entities, json, os, random, struct, subprocess, sys, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
sys.path.append('/usr/lib/python3/dist-packages')  # where Debian's python3-html5lib is, should another Python run this
import facteur

from html5lib._tokenizer import HTMLTokenizer
from html5lib.constants import tokenTypes

KINDS = {number: name for name, number in tokenTypes.items()}
START, END, TEXT, COMMENT, DOCTYPE = range(5)
STATES = {'style': 'rawtextState', 'xmp': 'rawtextState', 'iframe': 'rawtextState', 'noembed': 'rawtextState', 'noframes': 'rawtextState',
          'title': 'rcdataState', 'textarea': 'rcdataState', 'script': 'scriptDataState', 'plaintext': 'plaintextState'}
PIECES = ['<', '>', '/', '!', '-', '--', '-->', '--!>', '<!--', '<!', '</', '<?', '=', '"', "'", ' ', '\n', '\t', '\f', '\r', '\r\n', 'a', 'b',
          'A', 'div', 'DIV', 'script', '<script>', '</script>', '<script ', '</script ', '<style>', '</style>', '<title>', '</title>',
          '<textarea>', '</textarea>', '<xmp>', '</xmp>', '<iframe>', '</iframe>', '<!DOCTYPE', '<!doctype html>', '<a ', '<a href=', 'href',
          'HREF', 'x', '&', '&amp', '&amp;', '&lt', '&#', '&#x', '&#65;', '&#x41', '&#0;', '&#x80;', '&#xd800;', '&#x110000;', '&notit;', '&not',
          '&copy=', '&ngE;', '&NotEqualTilde;', 'é', '日', '\0', '<img src="', "<img src='", '/>', '<br/>', '<p a=1 a=2>', '<![CDATA[', ']]>',
          '?', '`', '<plaintext>']


def joined(tokens):
    """Neighbouring texts as one; doctypes by their names alone."""
    out = []
    for kind, name, text, closing, attributes in tokens:
        if kind == TEXT and out and out[-1][0] == TEXT:
            out[-1][2] += text
        else:
            out.append([kind, name, '' if kind == DOCTYPE else text, closing, attributes])
    return out


def theirs(text):
    tokenizer, out = HTMLTokenizer(text), []
    for token in tokenizer:
        kind = KINDS[token['type']]
        if kind in ('StartTag', 'EmptyTag'):
            out.append([START, token['name'], '', bool(token.get('selfClosing')), dict(token['data'])])
            if token['name'] in STATES:  # what tree construction asks for
                tokenizer.state = getattr(tokenizer, STATES[token['name']])
        elif kind == 'EndTag':
            out.append([END, token['name'], '', False, {}])
        elif kind in ('Characters', 'SpaceCharacters'):
            out.append([TEXT, '', token['data'], False, {}])
        elif kind == 'Comment':
            out.append([COMMENT, '', token['data'], False, {}])
        elif kind == 'Doctype':
            out.append([DOCTYPE, token['name'] or '', '', False, {}])
    return joined(out)


def ours(texts):
    records = b''.join(struct.pack('<I', len(t.encode())) + t.encode() for t in texts)
    done = subprocess.run([os.path.join(facteur.build_dir(), 'tests', 'html_dump')], input=records, stdout=subprocess.PIPE, check=True)
    return [joined(json.loads(line)) for line in done.stdout.decode().split('\n')[:-1]]


class HtmlTokens(unittest.TestCase):
    def check(self, texts):
        answers = ours(texts)
        self.assertEqual(len(answers), len(texts))
        for text, answer in zip(texts, answers):
            self.assertEqual(answer, theirs(text), repr(text))

    def test_random_markup(self):
        seeded = random.Random(20)
        self.check([''.join(seeded.choice(PIECES) for _ in range(seeded.randint(1, 14))) for _ in range(8000)])

    def test_every_reference(self):
        names = sorted(html.entities.html5)
        self.check(['&%s<a b="&%s" c=\'&%s=d\'>' % (name, name, name) for name in names])


if __name__ == '__main__':
    unittest.main()
