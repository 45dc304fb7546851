#!/usr/bin/env python3
"""Draws a click log from a data set whose relevance is known, to see what training on clicks costs.

    click_log.py FOLDER OUT [DOCUMENTS]

FOLDER has documents.jsonl.gz (id, text, split), labels.jsonl.gz (id, text) and
relevance.tsv.gz. OUT gets the first DOCUMENTS (12000) training documents, the labels that they
carry and the test documents of those, as documents.jsonl, labels.jsonl and relevance.tsv, and
clicks.tsv: document, label, time, event id. A relevant label is shown with the propensity of its
number of documents (Jain et al. 2016, A = 0.55, B = 1.5) and, once shown, clicked three times in
the mean, over 60 days; every tenth document has one click on a label drawn by popularity.
"""

import gzip
import json
import math
import os
import random
import sys


def read_json(path):
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def poisson(generator, mean):
    limit, count, product = math.exp(-mean), 0, generator.random()
    while product > limit:
        count += 1
        product *= generator.random()
    return count


def main():
    folder, out = sys.argv[1], sys.argv[2]
    num_documents = int(sys.argv[3]) if len(sys.argv) > 3 else 12_000
    generator = random.Random(1)
    documents = read_json(os.path.join(folder, "documents.jsonl.gz"))
    texts = {row["id"]: row["text"] for row in read_json(os.path.join(folder, "labels.jsonl.gz"))}
    relevant = {}
    with gzip.open(os.path.join(folder, "relevance.tsv.gz"), "rt", encoding="utf-8") as stream:
        for line in stream:
            document, label = line.rstrip("\n").split("\t")[:2]
            relevant.setdefault(document, []).append(label)
    train = [row for row in documents if row.get("split") == "train" and row["id"] in relevant]
    train = train[:num_documents]
    drawn = [label for row in train for label in relevant[row["id"]]]
    counts = {}
    for label in drawn:
        counts[label] = counts.get(label, 0) + 1
    test = [row for row in documents if row.get("split") == "test"
            and any(label in counts for label in relevant.get(row["id"], ()))]
    scale = (math.log(len(train)) - 1) * 2.5 ** 0.55

    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "documents.jsonl"), "w", encoding="utf-8") as stream:
        for row in train + test:
            json.dump({key: row[key] for key in ("id", "text", "split")}, stream)
            stream.write("\n")
    with open(os.path.join(out, "labels.jsonl"), "w", encoding="utf-8") as stream:
        for label in sorted(counts):
            json.dump({"id": label, "text": texts[label]}, stream)
            stream.write("\n")
    with open(os.path.join(out, "relevance.tsv"), "w", encoding="utf-8") as stream:
        for row in train + test:
            for label in relevant[row["id"]]:
                if label in counts:
                    stream.write(f"{row['id']}\t{label}\n")
    event = 0
    with open(os.path.join(out, "clicks.tsv"), "w", encoding="utf-8") as stream:
        def click(document, label, times):
            nonlocal event
            for _ in range(times):
                day = generator.randrange(60)
                at = f"2026-{9 + day // 30:02d}-{1 + day % 30:02d}T12:00:00Z"
                stream.write(f"{document}\t{label}\t{at}\te{event}\n")
                event += 1
        for row in train:
            for label in relevant[row["id"]]:
                if generator.random() < 1 / (1 + scale * (counts[label] + 1.5) ** -0.55):
                    click(row["id"], label, max(1, poisson(generator, 3)))
            if generator.random() < 0.1:
                click(row["id"], generator.choice(drawn), 1)
    print(f"{len(train)} training documents, {len(test)} test documents, {len(counts)} labels, "
          f"{len(drawn)} relevant pairs, {event} clicks")


if __name__ == "__main__":
    main()
