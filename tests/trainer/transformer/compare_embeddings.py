#!/usr/bin/env python3
"""Compares dashi's embeddings with those of `sentence-transformers` and `transformers`.

Usage: compare_embeddings.py ENCODE_LINES MODEL_FOLDER TEXTS [--count N] [--threads N]
                             [--precision P]

TEXTS is a file as compare_tokenizers.py reads. Prints the greatest difference of a number between
both, the smallest cosine, and the processor's seconds; then has dashi write the model to a new
folder, opens that with both libraries and compares again. Needs `pip install torch
sentence-transformers==6.2.0`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "text"))

import compare_tokenizers  # noqa: E402
import numpy  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from sentence_transformers import SentenceTransformer  # noqa: E402


def own(program, folder, texts, *arguments):
    lines = "".join(json.dumps(text) + "\n" for text in texts).encode()
    done = subprocess.run([program, folder, *arguments], input=lines, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    print("dashi:", done.stderr.decode().strip())
    return numpy.frombuffer(done.stdout, dtype=numpy.float32).reshape(len(texts), -1)


def reference(folder, texts):
    # Not in the dtype of the file: half of the reference's digits would be missing.
    model = SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": "float32"})
    start = time.time()
    vectors = model.encode(texts, batch_size=32, show_progress_bar=False)
    print(f"sentence-transformers: {len(texts)} texts in {time.time() - start:.2f} s")
    return vectors


def token_mean(folder, texts, max_tokens):
    """The same by `transformers` alone, for models that take the mean and normalise."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    rows = []
    with torch.no_grad():
        for begin in range(0, len(texts), 32):
            batch = tokenizer(texts[begin:begin + 32], padding=True, truncation=True,
                              max_length=max_tokens, return_tensors="pt")
            state = model(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(2)
            rows.append(torch.nn.functional.normalize((state * mask).sum(1) / mask.sum(1)))
    return torch.cat(rows).numpy()


def compare(what, got, want):
    if numpy.allclose(numpy.linalg.norm(got, axis=1), 1, atol=1e-3):
        # Without modules.json dashi scales to unit length, and the library does not.
        want = want / numpy.linalg.norm(want, axis=1, keepdims=True)
    cosines = (got * want).sum(1) / (numpy.linalg.norm(got, axis=1) *
                                     numpy.linalg.norm(want, axis=1))
    difference = float(numpy.abs(got - want).max())
    print(f"{what}: greatest difference {difference:.2e}, smallest cosine {cosines.min():.7f}")
    return difference


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("program")
    parser.add_argument("folder")
    parser.add_argument("texts")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="float32")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    texts = []
    for text in compare_tokenizers.read_texts([options.texts]):
        if len(texts) < options.count:
            texts.append(text)
    arguments = ["--threads", str(options.threads), "--precision", options.precision]
    want = reference(options.folder, texts)
    worst = compare("as it is", own(options.program, options.folder, texts, *arguments), want)
    with tempfile.TemporaryDirectory() as folder:
        written = os.path.join(folder, "written")
        got = own(options.program, options.folder, texts[:100], *arguments, "--export", written)
        worst = max(worst, compare("written, sentence-transformers",
                                   reference(written, texts[:100]), want[:100]))
        with open(os.path.join(written, "modules.json"), encoding="utf-8") as stream:
            normalised = len(json.load(stream)) == 3
        with open(os.path.join(written, "sentence_bert_config.json"), encoding="utf-8") as stream:
            max_tokens = json.load(stream)["max_seq_length"]
        if normalised:
            compare("written, transformers", token_mean(written, texts[:100], max_tokens), got)
    return 0 if options.precision != "float32" or worst < 1e-4 else 1


if __name__ == "__main__":
    sys.exit(main())
