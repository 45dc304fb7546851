#!/usr/bin/env python3
"""Turns WordNet 3.0 into three files that dashi imports: see README.md in this folder.

Usage: convert.py OUT_FOLDER [--wordnet FOLDER]
Writes documents.jsonl, labels.jsonl and relevance.tsv, and prints what they hold.
"""

import argparse
import hashlib
import json
import os
import sys

PARTS_OF_SPEECH = {"n": "data.noun", "v": "data.verb"}
HYPERNYM_POINTERS = {"@", "@i"}  # "is a kind of" and "is an instance of"
LEVELS = 2
TEST_SHARE = 5  # one document in five


class Synset:
    """One meaning: its words, its gloss (definition and examples) and its hypernyms' ids."""

    def __init__(self, words, gloss, hypernyms):
        self.words = words
        self.gloss = gloss
        self.hypernyms = hypernyms

    def label_text(self):
        definition = self.gloss.split('; "')[0]
        return f"{', '.join(self.words)}: {definition}"


def parse_synset(line):
    """Reads one line of data.noun or data.verb; wndb(5WN) describes the format."""
    fields, gloss = line.split("|", 1)
    fields = fields.split()
    num_words = int(fields[3], 16)
    words = [fields[4 + 2 * i].replace("_", " ") for i in range(num_words)]
    first = 4 + 2 * num_words
    pointers = [fields[first + 1 + 4 * i:first + 5 + 4 * i] for i in range(int(fields[first]))]
    hypernyms = [part + offset for symbol, offset, part, _ in pointers
                 if symbol in HYPERNYM_POINTERS]
    return fields[0], Synset(words, gloss.strip(), hypernyms)


def read_synsets(folder):
    synsets = {}
    for part, name in PARTS_OF_SPEECH.items():
        with open(os.path.join(folder, name), encoding="latin-1") as stream:
            for line in stream:
                if not line.startswith("  "):  # the licence
                    offset, synset = parse_synset(line)
                    synsets[part + offset] = synset
    return synsets


def labels_of(synsets, synset_id):
    """Returns the hypernyms one or two levels up, nearest first, without the synset itself."""
    found = {}
    level = [synset_id]
    for _ in range(LEVELS):
        level = [above for below in level for above in synsets[below].hypernyms]
        found.update(dict.fromkeys(level))
    found.pop(synset_id, None)
    return list(found)


def is_test(synset_id):
    return int.from_bytes(hashlib.sha1(synset_id.encode()).digest(), "big") % TEST_SHARE == 0


def split_documents(synsets):
    """Returns (train, test): id -> labels. A label that no training document has cannot be
    learned nor scored fairly, so test documents keep the other labels, and need at least one."""
    train, test = {}, {}
    for synset_id in synsets:
        labels = labels_of(synsets, synset_id)
        if labels:
            (test if is_test(synset_id) else train)[synset_id] = labels
    seen = {label for labels in train.values() for label in labels}
    test = {synset_id: [label for label in labels if label in seen]
            for synset_id, labels in test.items()}
    return train, {synset_id: labels for synset_id, labels in test.items() if labels}


def write_lines(path, lines):
    with open(path, "w", encoding="utf-8") as stream:
        stream.writelines(line + "\n" for line in lines)


def write_files(folder, synsets, train, test):
    os.makedirs(folder, exist_ok=True)
    documents = [(synset_id, "train") for synset_id in train]
    documents += [(synset_id, "test") for synset_id in test]
    write_lines(os.path.join(folder, "documents.jsonl"), (
        json.dumps({"id": synset_id, "text": synsets[synset_id].gloss, "split": split},
                   ensure_ascii=False)
        for synset_id, split in documents))
    labels = sorted({label for labels in train.values() for label in labels})
    write_lines(os.path.join(folder, "labels.jsonl"), (
        json.dumps({"id": label, "text": synsets[label].label_text()}, ensure_ascii=False)
        for label in labels))
    pairs = [(document, label) for part in (train, test)
             for document, labels_above in part.items() for label in labels_above]
    write_lines(os.path.join(folder, "relevance.tsv"), ("\t".join(pair) for pair in pairs))
    print(f"{len(train)} training documents, {len(test)} test documents, "
          f"{len(labels)} labels, {len(pairs)} relevant pairs")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out_folder")
    parser.add_argument("--wordnet", default="/usr/share/wordnet",
                        help="folder of data.noun and data.verb (default: %(default)s)")
    arguments = parser.parse_args()
    try:
        synsets = read_synsets(arguments.wordnet)
        train, test = split_documents(synsets)
        write_files(arguments.out_folder, synsets, train, test)
    except OSError as error:
        sys.exit(f"convert.py: {error} (WordNet is in Debian's package wordnet-base)")
    except (ValueError, IndexError, KeyError) as error:
        sys.exit(f"convert.py: {arguments.wordnet} does not hold WordNet 3.0: {error!r}")


if __name__ == "__main__":
    main()
