#!/usr/bin/env python3
"""What TRAIN MODEL keeps in memory as the number of documents grows.

  training_memory.py --program build/release/server/dashi --documents 50000,200000 FOLDER

Makes a database of random documents for each number, with labels and words that stay as they are,
trains, and looks at /proc/PID/status ten times a second: RssAnon is memory that the process has to
itself, RssFile are pages of files, which the kernel may drop.
"""

import argparse
import os
import random
import subprocess
import time

LABELS = 5000
WORDS = 20000
WORDS_OF_A_DOCUMENT = 60


def make_files(folder, num_documents):
    """A label is told by eight words of its own; the rest of a text is noise."""
    rng = random.Random(num_documents)
    clues = [[f"w{rng.randrange(WORDS)}" for _ in range(8)] for _ in range(LABELS)]
    with open(f"{folder}/labels.tsv", "w", encoding="utf-8") as file:
        for label, words in enumerate(clues):
            file.write(f"L{label}\t{' '.join(words[:3])}\n")
    with open(f"{folder}/documents.tsv", "w", encoding="utf-8") as documents, \
            open(f"{folder}/relevance.tsv", "w", encoding="utf-8") as relevance:
        for number in range(num_documents):
            label = rng.randrange(LABELS)
            words = rng.sample(clues[label], 4)
            words += [f"w{int(WORDS * rng.random() ** 2)}"
                      for _ in range(WORDS_OF_A_DOCUMENT - len(words))]
            documents.write(f"D{number}\t{' '.join(words)}\ttrain\n")
            relevance.write(f"D{number}\tL{label}\n")


def watch(command):
    """Runs a command and returns its output, seconds, and its peaks in MB."""
    start = time.monotonic()
    peaks = {"RssAnon": 0, "RssFile": 0}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as process:
        while True:
            try:
                process.wait(timeout=0.1)
                break
            except subprocess.TimeoutExpired:
                pass
            with open(f"/proc/{process.pid}/status", encoding="utf-8") as status:
                for line in status:
                    name, _, rest = line.partition(":")
                    if name in peaks:
                        peaks[name] = max(peaks[name], int(rest.split()[0]) / 1024)
        printed = process.stdout.read()
    if process.returncode != 0:
        raise SystemExit(f"{command}: {printed}")
    return printed, time.monotonic() - start, peaks


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--program", required=True)
    parser.add_argument("--documents", default="50000,200000")
    parser.add_argument("--memory-limit", default="128MiB", help="of the database's own memory")
    parser.add_argument("--options", default="epochs = 2, classifier_epochs = 1, threads = 2",
                        help="of TRAIN MODEL")
    arguments = parser.parse_args()
    os.makedirs(arguments.folder, exist_ok=True)
    for num_documents in map(int, arguments.documents.split(",")):
        folder = f"{arguments.folder}/{num_documents}"
        database = f"{folder}/db"
        if not os.path.exists(folder):
            os.makedirs(folder)
            make_files(folder, num_documents)
            statements = [f"COPY {table} FROM '{folder}/{table.split()[0]}.tsv'"
                          for table in ("labels", "documents", "relevance (document, label)")]
            statements.append("CREATE MODEL m USING ngame")
            subprocess.run([arguments.program, "exec", database, "-c", "; ".join(statements)],
                           check=True, stdout=subprocess.DEVNULL)
        _, seconds, peaks = watch([arguments.program, "exec", database, "--memory-limit",
                                   arguments.memory_limit, "-c",
                                   f"TRAIN MODEL m WITH ({arguments.options})"])
        print(f"{num_documents} documents: RssAnon {peaks['RssAnon']:.0f} MB, RssFile "
              f"{peaks['RssFile']:.0f} MB, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
