#!/usr/bin/env python3
"""Compares dashi's tokenizer with Hugging Face's `tokenizers` on many texts.

Usage: compare_tokenizers.py TOKENIZE_LINES TOKENIZER_JSON TEXTS ... [--count N] [--max-tokens N]
                             [--hostile N]

TEXTS are files of texts: .jsonl with a member "text", other files one text a line; plain or .gz.
--hostile adds texts made of random code points. Prints how many texts have the same ids, and the
first that differ. Needs `pip install tokenizers==0.23.3`.
"""

import argparse
import gzip
import json
import random
import subprocess
import sys

import hostile_texts
from tokenizers import Tokenizer


def read_texts(paths):
    for path in paths:
        opener = gzip.open if path.endswith(".gz") else open
        with opener(path, "rt", encoding="utf-8") as stream:
            for line in stream:
                if ".jsonl" in path:
                    yield json.loads(line)["text"]
                else:
                    yield line.rstrip("\n")


def reference_ids(path, texts, max_tokens):
    tokenizer = Tokenizer.from_file(path)
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    ids = []
    for begin in range(0, len(texts), 1000):
        ids += [encoding.ids for encoding in tokenizer.encode_batch(texts[begin:begin + 1000])]
    return ids


def own_ids(program, path, texts, max_tokens):
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run([program, path, str(max_tokens)], input=lines.encode(), check=True,
                          stdout=subprocess.PIPE)
    return [[int(number) for number in line.split()] for line in done.stdout.decode().splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("program")
    parser.add_argument("tokenizer")
    parser.add_argument("texts", nargs="*")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--hostile", type=int, default=0)
    parser.add_argument("--max-tokens", type=int, default=100_000)
    options = parser.parse_args()
    texts = []
    for text in read_texts(options.texts):
        if len(texts) == options.count:
            break
        texts.append(text)
    texts += hostile_texts.random_texts(random.Random(1), options.hostile)
    want = reference_ids(options.tokenizer, texts, options.max_tokens)
    got = own_ids(options.program, options.tokenizer, texts, options.max_tokens)
    different = [i for i in range(len(texts)) if i >= len(got) or got[i] != want[i]]
    for i in different[:5]:
        print(f"differs: {texts[i][:200]!r}\n  want {want[i][:40]}\n  got  {got[i][:40]}")
    print(f"{len(texts) - len(different)} of {len(texts)} texts have the same ids, "
          f"{sum(map(len, want))} tokens")
    return 1 if different or len(got) != len(texts) else 0


if __name__ == "__main__":
    sys.exit(main())
