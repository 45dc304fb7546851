"""Texts that tokenizers stumble over: fixed ones, and random ones from a seed."""

FIXED = [
    "", " ", "\t\r\n", "a", ".", "...", "Hello, World!", "don't we'll I'M they've it's 'S 'll",
    "[SEP] [CLS][MASK] [PAD]x[UNK]y", "[sep] [ SEP ] [SEP", "a[SEP]b", "[[SEP]]", "[MASK].",
    "<s>a</s> <mask> <mask><pad> <unk>x< s>", "  <mask>  ", "x <mask>", "\u00a0<mask>\u2003b",
    "caf\u00e9 cafe\u0301 \u00c5ngstr\u00f6m A\u030angstro\u0308m",
    "\u0130stanbul \u0131\u0307 I\u0307", "\u1e9e STRASSE stra\u00dfe",
    "\u03a3\u03a3 \u03c3\u03c2 \u0391\u0301", "\u212b \u2126 \u212a \ufb01 \uff21",
    "\u4e2d\u6587\u5b57abc\u65e5\u672c\u8a9e\u3067\u3059\u3002",
    "\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab",
    "\u0e44\u0e17\u0e22 \u0939\u093f\u0928\u094d\u0926\u0940"
    " \u0627\u0644\u0639\u064e\u0631\u0628\u0650\u064a\u0629 \u05e2\u05b4\u05d1\u05e8",
    "a\u0000b\u0001c\u007fd\u0085e\u00adf\u200bg\u200dh\ufeffi\ufffdj",
    "a\u000bb\u000cc\u001cd\u001fe", "a\u2028b\u2029c\u3000d\u1680e\u180ef\u205fg",
    "\ue000\uf8ff \U000f0000 \U0010ffff",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f \U0001f1e9\U0001f1ea",
    "<\u0338 =\u0338 a\u0316\u0301 a\u0301\u0316 \u0344 \u0f73\u0f71",
    "\u0301abc \u0301 .\u0301,\u0301", "\u302e\u302f\u3099\U0001d165\U0001d16d\u0301",
    "\u2fa1d \U0002f800 \uf900\ufad9 \u9fff\U0002ceae\U0002b81e",
    "\u1734\u1715\u166d\U000111c9\u061d\u09fd\u2e43\u2e5d", "\u0890\u08e2\U000110cd\U00013430",
    "\u0898\u07fd\u1abf\u1dfa\u1df5 a\u0898b",
    "\u1c89\ua7cb\ua7cc\ua7da\ua7dc\U00010d50\U00010d65\U00016ea0",
    "x" * 100 + " " + "x" * 101 + " " + "\u00e9" * 100 + " " + "e\u0301" * 101, "ab" * 5000,
    "'" * 7 + "s" * 3, "'s't're've'm'll'd'S'RE", "a  b   c\n\n\nd \n e\t\tf  ", "   leading",
    "trailing   ", "1234567890 12a34 \u0661\u0662\u0663 \u00bd\u2460\u216b x\u00b2",
    "snake_case camelCase kebab-case a.b/c\\d",
    "\u00b4 \u0060 ^ ~ | $ + < = > \u20ac \u00a3 \u00a9 \u00b0",
    "http://example.org/?q=a%20b&c=d#e", "\u202eabc\u202c \u2066x\u2069",
    "\ud7ff\ue001 \ufdd0\ufffe", "\u0378\u0530\U0001fbff\U000e0041", "##ing ## # a##b",
    "\u0149 \u01c4 \u01f0 \u0390 \ufb4f \ufb13", "\u1100\u1161\u11a8\uac00\u11a8",
]

# Ranges that random code points are drawn from, beside all of Unicode.
RANGES = [(0x20, 0x7E), (0x20, 0x7E), (0x61, 0x7A), (0x09, 0x0D), (0x80, 0x24F), (0x300, 0x36F),
          (0x370, 0x52F), (0x590, 0x6FF), (0x898, 0x8FF), (0x900, 0xDFF), (0x1A00, 0x1DFF),
          (0x1E00, 0x206F), (0x2E40, 0x2E60), (0x3040, 0x30FF), (0x4E00, 0x4FFF), (0xA640, 0xA7FF),
          (0xAC00, 0xAD00), (0xFB00, 0xFDFF), (0x10D00, 0x10F90), (0x11000, 0x119FF),
          (0x1D160, 0x1D1AD), (0x1E000, 0x1E4FF), (0x1F300, 0x1F6FF), (0x0, 0x10FFFF)]
WORDS = ["[SEP]", "[MASK]", "[CLS", "<mask>", "</s>", "'s", "'ll", "the", "Running", "  ", "\n",
         "don't"]


def random_text(random):
    parts = []
    for _ in range(random.randint(1, 30)):
        if random.random() < 0.2:
            parts.append(random.choice(WORDS))
            continue
        first, last = random.choice(RANGES)
        for _ in range(random.randint(1, 6)):
            code_point = random.randint(first, last)
            if not 0xD800 <= code_point < 0xE000:
                parts.append(chr(code_point))
        if random.random() < 0.4:
            parts.append(" ")
    return "".join(parts)


def random_texts(random, count):
    return [random_text(random) for _ in range(count)]
