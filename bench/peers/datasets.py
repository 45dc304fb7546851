#!/usr/bin/env python3
"""Makes a data set for accuracy.py from Debian packages or from Debian's own package lists.

Usage: bench/peers/datasets.py NAME FOLDER

Writes FOLDER/documents.jsonl, labels.jsonl and relevance.tsv. See README.md beside this file for
the sources and their licences. Packages are downloaded with apt, as any user, into a temporary
folder; nothing is installed.
"""

import base64
import glob
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict

SUITE = "bookworm"
TEST_PERCENT = 20
MANUALS = """allegro5-doc blt-dev erlang-manpages freebsd-manpages git-man gmt groff inn2
    ksh93u+m libarchive-dev libbsd-dev libcap-dev libcoap3-doc libcurl4-doc libdrm-dev libfabric-dev
    libguestfs-dev libibverbs-dev libldap-dev libmojolicious-perl libmoose-perl libnbd-dev
    libncurses-dev libpam-doc libpcp3-dev libpoe-perl libselinux1-dev libssl-doc libvirt-clients
    libwww-perl libx11-doc libxcb-doc libxt-doc libzip-dev manpages manpages-dev mpich-doc nbdkit
    ncurses-doc netpbm openmpi-doc pcp-doc perl-doc postfix postgresql-client-15 skalibs-dev
    slurm-client systemd tcl8.6-doc tcllib tk8.6-doc tklib""".split()


class Apt:
    """apt with its state in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        for path in ("state/lists/partial", "cache/archives/partial"):
            os.makedirs(os.path.join(folder, path))
        self.options = [
            option for setting in (
                f"Dir::State={folder}/state", f"Dir::State::lists={folder}/state/lists",
                f"Dir::Cache={folder}/cache", "Acquire::Languages=en", "Acquire::Languages::=en",
                "APT::Sandbox::User=root")
            for option in ("-o", setting)]
        self.run("update")

    def run(self, *arguments):
        subprocess.run(["apt-get", "-qq", *self.options, *arguments], check=True,
                       cwd=self.folder, stdout=subprocess.DEVNULL)

    def records(self, kind):
        """Yields the fields of every stanza of the suite's lists of a kind."""
        pattern = f"{self.folder}/state/lists/*_dists_{SUITE}_main_{kind}*"
        for path in sorted(glob.glob(pattern)):
            text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", path], check=True,
                                  stdout=subprocess.PIPE).stdout.decode("utf-8")
            for stanza in text.split("\n\n"):
                fields = {}
                key = None
                for line in stanza.split("\n"):
                    if line[:1] == " " and key:
                        fields[key] += "\n" + line
                    elif ":" in line:
                        key, value = line.split(":", 1)
                        fields[key] = value.strip()
                if fields:
                    yield fields

    def unpack(self, *packages):
        """Returns a folder with the files of the packages."""
        self.run("download", *packages)
        files = os.path.join(self.folder, "files")
        for path in sorted(glob.glob(os.path.join(self.folder, "*.deb"))):
            subprocess.run(["dpkg-deb", "-x", path, files], check=True)
        return files


def is_test(key):
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") % 100 < TEST_PERCENT


def escaped(name):
    """A field of a tsv file, in which a backslash begins an escape."""
    return name.replace("\\", "\\\\")


def write(folder, documents, labels, relevant, split_key=None):
    """Writes documents and labels (id -> text) and document -> labels. Documents without labels and
    labels without documents are left out; a test document is chosen by a hash of its split key."""
    relevant = {d: sorted(found) for d, found in relevant.items() if d in documents and found}
    used = {label for found in relevant.values() for label in found}
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "documents.jsonl"), "w", encoding="utf-8") as stream:
        for document in sorted(relevant):
            key = split_key(document) if split_key else document
            row = {"id": document, "text": documents[document],
                   "split": "test" if is_test(key) else "train"}
            stream.write(json.dumps(row) + "\n")
    with open(os.path.join(folder, "labels.jsonl"), "w", encoding="utf-8") as stream:
        for label in sorted(used):
            stream.write(json.dumps({"id": label, "text": labels[label]}) + "\n")
    with open(os.path.join(folder, "relevance.tsv"), "w", encoding="utf-8") as stream:
        for document in sorted(relevant):
            stream.writelines(f"{escaped(document)}\t{escaped(label)}\n"
                              for label in relevant[document])
    num_test = sum(is_test(split_key(d) if split_key else d) for d in relevant)
    words = sum(len(documents[d].split()) for d in relevant) / len(relevant)
    pairs = sum(map(len, relevant.values()))
    print(f"{len(relevant) - num_test} training and {num_test} test documents of {words:.0f} words,"
          f" {len(used)} labels, {pairs / len(relevant):.1f} a document")


def package_texts(apt):
    """Returns name -> fields, and name -> name and whole English description."""
    packages = {fields["Package"]: fields for fields in apt.records("binary-")}
    texts = {}
    for fields in apt.records("i18n_Translation-en"):
        description = re.sub(r"\n \.(?=\n|$)", "\n", fields.get("Description-en", ""))
        if fields["Package"] in packages and description:
            texts[fields["Package"]] = fields["Package"] + "\n" + description
    return packages, texts


def make_debtags(apt, folder):
    packages, texts = package_texts(apt)
    relevant = {}
    for name, fields in packages.items():
        tags = set()
        for facet, value in re.findall(r"([^,{}\s]+)::(\{[^}]*\}|[^,\s]+)", fields.get("Tag", "")):
            tags |= {f"{facet}::{tag.strip()}" for tag in value.strip("{}").split(",")}
        relevant[name] = tags
    # Labels without text: a text is not always at hand.
    labels = {tag: "" for tags in relevant.values() for tag in tags}
    write(folder, texts, labels, relevant)


def make_suggests(apt, folder, by_source=False):
    packages, texts = package_texts(apt)
    relevant = {}
    for name, fields in packages.items():
        relations = ",".join(fields.get(kind, "")
                             for kind in ("Recommends", "Suggests", "Enhances"))
        found = {re.split(r"[\s:(]", relation.strip())[0]
                 for relation in re.split("[,|]", relations)}
        relevant[name] = {other for other in found if other in texts and other != name}
    labels = {name: "\n".join(text.split("\n")[:2]) for name, text in texts.items()}
    # Packages of one source share much of their text. On one side of the split they are harder.
    def source(name):
        return packages[name].get("Source", name).split()[0]

    write(folder, texts, labels, relevant, split_key=source if by_source else None)


def dictionary(apt, package, name):
    """Yields (headword, entry) in the order of the text."""
    files = os.path.join(apt.unpack(package), "usr/share/dictd")
    with gzip.open(os.path.join(files, name + ".dict.dz")) as stream:
        text = stream.read()
    digits = {c: i for i, c in enumerate(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")}

    def number(word):
        value = 0
        for c in word:
            value = value * 64 + digits[c]
        return value

    heads = defaultdict(list)
    with open(os.path.join(files, name + ".index"), encoding="utf-8") as stream:
        for line in stream:
            head, begin, length = line.rstrip("\n").split("\t")[:3]
            if not head.startswith("00"):
                heads[number(begin), number(length)].append(head)
    for begin, length in sorted(heads):
        yield heads[begin, length], text[begin:begin + length].decode("utf-8", "replace")


def make_foldoc(apt, folder):
    documents = {}
    entry_of = {}
    for heads, entry in dictionary(apt, "dict-foldoc", "foldoc"):
        title = entry.split("\n", 1)[0].strip()
        documents.setdefault(title, entry)
        for head in [*heads, title]:
            entry_of.setdefault(head.lower(), title)
    relevant = {}
    for title, entry in documents.items():
        references = (" ".join(r.split()).lower() for r in re.findall(r"\{([^{}]*)\}", entry))
        relevant[title] = {entry_of[r] for r in references if entry_of.get(r, title) != title}
        documents[title] = re.sub(r"[{}]", "", entry)
    write(folder, documents, {title: title for title in documents}, relevant)


def make_gcide_fields(apt, folder):
    documents = {}
    relevant = {}
    counts = Counter()
    mark = re.compile(r"\(([A-Z][\w.&\-`\[\]\" ]{1,30}\.)\)")
    for number, (heads, entry) in enumerate(dictionary(apt, "dict-gcide", "gcide")):
        entry = re.sub(r"\\[^\\\n]*\\", " ", entry)  # the pronunciation
        fields = {re.sub(r"[^A-Za-z.& ]", "", m).strip() for m in mark.findall(entry)}
        if fields:
            text = re.sub(r"\[[^\]]*\]|[{}]", " ", mark.sub(" ", entry))
            documents[f"{number} {heads[0]}"] = " ".join(text.split())
            relevant[f"{number} {heads[0]}"] = fields
            counts.update(fields)
    for fields in relevant.values():
        fields &= {field for field in fields if counts[field] >= 5}
    write(folder, documents, {field: field for field in counts}, relevant)


def plain(roff):
    """The words of a manual page's source: macros and escapes dropped, roughly."""
    roff = re.sub(r'^[.\'][ \t]*\\"[^\n]*|^\.de1? .*?^\.\.$', "", roff, flags=re.M | re.S)
    roff = re.sub(r"^[.'][ \t]*(SH|SS|Sh|Ss|TH|Dd|Dt|Os)\b", r"\n", roff, flags=re.M)
    roff = re.sub(r"^[.'][ \t]*[A-Za-z0-9]+", "", roff, flags=re.M)
    roff = re.sub(r"\\f(\(..|\[[^\]]*\]|.)|\\s[-+]?\d+|\\\*(\(..|\[[^\]]*\]|.)", "", roff)
    roff = re.sub(r"\\\(..|\\\[[^\]]*\]|\\[&|^/,%:~ ]", "", roff)
    return " ".join(roff.replace("\\-", "-").replace("\\e", "\\").split())


def section(roff, names):
    """The source of a section of a manual page and what is left without it."""
    found = re.search(rf'^\.(?:SH|Sh)\s+"?(?:{names})"?\s*$(.*?)(?=^\.(?:SH|Sh)\b|\Z)', roff,
                      re.M | re.S | re.I)
    return (found.group(1), roff[:found.start()] + roff[found.end():]) if found else ("", roff)


def make_manuals(apt, folder):
    documents, labels, sources = {}, {}, {}
    pages_of = defaultdict(list)
    files = apt.unpack(*MANUALS)
    for path in sorted(glob.glob(os.path.join(files, "usr/share/man/man*/*.gz"))):
        if os.path.islink(path):
            continue
        with gzip.open(path, "rt", encoding="utf-8", errors="replace") as stream:
            roff = stream.read()
        name, kind = os.path.basename(path)[:-3].rsplit(".", 1)
        page = f"{name}({kind})"
        names, _ = section(roff, "NAME")
        see_also, rest = section(roff, "SEE ALSO")
        if not names.strip() or len(roff) < 400:
            continue
        labels[page] = plain(names)
        documents[page] = plain(rest)
        sources[page] = see_also
        for other in {name, *re.split(r"[,\s]+", labels[page].split(" - ")[0])}:
            pages_of[other, kind[0]].append((other != name, kind[1:], page))

    def resolve(name, kind, suffix):
        """Its own page before pages that also tell of it, the referrer's manual before others."""
        found = pages_of.get((name, kind), [])
        return min(found, key=lambda p: (p[1] != suffix, p[0], p[1]))[2] if found else None

    relevant = {}
    for page, see_also in sources.items():
        text = re.sub(r"^\.Xr\s+(\S+)\s+(\d\w*)", r" \1(\2) ", see_also, flags=re.M)
        text = re.sub(r"\\f(\(..|\[[^\]]*\]|.)|\\[&|^/ ]|\"|<|>", "", text).replace("\\-", "-")
        text = re.sub(r"^\.(BR|IR|RB|B|I|R) +", " ", text, flags=re.M)
        found = re.findall(r"([\w:.+\-]+)[ \t]*\(\s*(\d)\w*\s*\)", text)
        suffix = page.rsplit("(", 1)[1][1:-1]
        relevant[page] = {resolve(name, kind, suffix) for name, kind in found} - {None, page}
    write(folder, documents, labels, relevant)


MAKERS = {"debtags": make_debtags, "suggests": make_suggests,
          "suggests-by-source": lambda apt, folder: make_suggests(apt, folder, by_source=True),
          "foldoc": make_foldoc, "gcide-fields": make_gcide_fields, "manuals": make_manuals}


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in MAKERS:
        sys.exit(f"usage: datasets.py {{{','.join(MAKERS)}}} FOLDER")
    with tempfile.TemporaryDirectory(prefix="dashi_datasets_") as temporary:
        os.chmod(temporary, 0o755)
        MAKERS[sys.argv[1]](Apt(temporary), sys.argv[2])


if __name__ == "__main__":
    main()
