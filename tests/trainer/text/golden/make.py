#!/usr/bin/env python3
"""Makes the expected token ids in this folder with Hugging Face's `tokenizers`.

Usage: make.py WORDNET_FOLDER, the folder that examples/wordnet/convert.py wrote.
Needs `pip install tokenizers==0.23.3`. See README.md.
"""

import json
import os
import random
import sys
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import hostile_texts  # noqa: E402
import tokenizers  # noqa: E402
from tokenizers import (AddedToken, Regex, Tokenizer, models, normalizers,  # noqa: E402
                        pre_tokenizers, processors, trainers)

MAX_TOKENS = 64
BERT_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA_TOKENS = ["<s>", "<pad>", "</s>", "<unk>"]


def write(name, text):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as stream:
        stream.write(text)


def save(tokenizer, name):
    root = json.loads(tokenizer.to_str())
    write(name, json.dumps(root, ensure_ascii=True, separators=(",", ":")) + "\n")


def bert(texts, alphabet, **normalizer):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(**normalizer)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=1500, special_tokens=BERT_TOKENS,
                                        initial_alphabet=alphabet)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def roberta(texts):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=1500, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=ROBERTA_TOKENS + [AddedToken("<mask>", lstrip=True)])
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0),
                                                            add_prefix_space=False)
    return tokenizer


def ids_of(tokenizer, texts):
    tokenizer.enable_truncation(MAX_TOKENS)
    return "".join(" ".join(map(str, tokenizer.encode(text).ids)) + "\n" for text in texts)


def unicode_classes():
    """CRC-32 of what the reference says of each code point but surrogates, in order."""
    characters = [chr(code_point) for code_point in range(0x110000)
                  if not 0xD800 <= code_point < 0xE000]
    off = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False,
           "lowercase": False}

    def normalizer(**on):
        return normalizers.BertNormalizer(**{**off, **on}).normalize_str

    clean, pad = normalizer(clean_text=True), normalizer(handle_chinese_chars=True)
    strip, lower = normalizer(strip_accents=True), normalizer(lowercase=True)
    nfd = normalizers.NFD().normalize_str
    words = pre_tokenizers.BertPreTokenizer().pre_tokenize_str

    def matches(pattern):
        split = pre_tokenizers.Split(Regex(pattern), "removed").pre_tokenize_str
        return lambda character: not split(character)

    def flags(name, function):
        return name, zlib.crc32(bytes(bool(function(character)) for character in characters))

    def texts(name, function):
        return name, zlib.crc32("\n".join(map(function, characters)).encode())

    return dict([flags("removed", lambda c: clean(c) == ""),
                 flags("white_space", matches(r"\s")),
                 flags("punctuation", lambda c: len(words(f"a{c}b")) == 3),
                 flags("ideograph", lambda c: pad(c) != c),
                 flags("nonspacing_mark", lambda c: strip(c) == ""),
                 flags("letter", matches(r"\p{L}")),
                 flags("number", matches(r"\p{N}")),
                 texts("decomposition", nfd),
                 texts("lower_case", lower)])


def main():
    assert tokenizers.__version__ == "0.23.3", tokenizers.__version__
    with open(os.path.join(sys.argv[1], "documents.jsonl"), encoding="utf-8") as stream:
        glosses = [json.loads(line)["text"] for line in stream]
    real = glosses[::317][:300]
    generator = random.Random(7)
    texts = hostile_texts.FIXED + hostile_texts.random_texts(generator, 200) + real
    write("texts.jsonl", "".join(json.dumps(text) + "\n" for text in texts))
    alphabet = sorted({character for text in texts[:-len(real)] for character in text})
    alphabet = generator.sample(alphabet, 400)
    made = {"uncased": bert(glosses[::97], alphabet), "byte_level": roberta(glosses[::97]),
            "cased": bert(glosses[::97], alphabet, lowercase=False)}
    for name, tokenizer in made.items():
        save(tokenizer, f"{name}.tokenizer.json")
        write(f"{name}.ids", ids_of(tokenizer, texts))
    write("unicode_classes.json", json.dumps(unicode_classes(), indent=1) + "\n")


if __name__ == "__main__":
    main()
