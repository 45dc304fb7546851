#!/usr/bin/env bash
# Makes the golden databases of a format version, once, with the first program that writes it:
#
#   tests/golden/make.sh build/release/bin/dashi tests/golden/v1
#
# What stands there is never made again: it shows what older programs left on disks.
set -euo pipefail

dashi=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

say() { "$dashi" exec db -c "$1"; }

# pack NAME FOLDER: without RocksDB's own messages, which name the machine's paths.
pack() {
  tar --exclude 'LOG*' --exclude 'data/LOCK' --owner 0 --group 0 --sort name \
    -czf "$out/$1.tar.gz" "$2"
}

# Closed by a program that ended well: tables, a log, every kind of row and record.
for i in {1..1500}; do
  printf '{"id": "bulk-%04d", "text": "item %d of a bulk load ' "$i" "$i"
  echo 'that is larger than a block", "split": "valid"}'
done > rows.jsonl
say "ALTER TABLE documents ADD COLUMN price INTEGER DEFAULT 10;
ALTER TABLE documents ADD COLUMN rating REAL;
ALTER TABLE documents ADD COLUMN lang TEXT DEFAULT 'en';
ALTER TABLE documents ADD COLUMN fresh BOOLEAN;
ALTER TABLE documents ADD COLUMN seen TIMESTAMP;
ALTER TABLE labels ADD COLUMN area TEXT;"
say "COPY documents (id, text, split) FROM 'rows.jsonl';"
say "INSERT INTO labels (id, text, area) VALUES
  ('L1', 'running shoes', 'sport'), ('L2', 'warm hats', 'winter'),
  ('L3', 'winter coats', 'winter'), ('L4', 'Größe – 日本 👟', NULL), ('L5', '', 'none'),
  ('gone', 'deleted', NULL);
INSERT INTO documents (id, text, split, price, rating, lang, fresh, seen) VALUES
  ('d1', 'shoes for a marathon', 'train', 120, 4.5, 'en', TRUE, '2026-01-02 03:04:05'),
  ('d2', 'a hat against the cold', 'train', 15, -0.25, 'de', FALSE, NULL),
  ('d3', 'a coat for the snow', NULL, NULL, NULL, NULL, NULL, NULL),
  ('d4', 'a hat and a coat for the snow', 'test', 99, 1e300, 'en', TRUE, '1969-12-31 23:59:59');
INSERT INTO anchors (id, text) VALUES ('a1', 'clothes');
INSERT INTO relevance (document, label, weight) VALUES ('d1', 'L1', 1),
  ('d2', 'L2', 1), ('d2', 'L3', 0.25),
  ('d3', 'L3', 1), ('d4', 'L2', 0.5), ('d4', 'L3', 0.5), ('bulk-0007', 'L5', 0.125),
  ('d1', 'gone', 1);
CREATE INDEX by_price ON documents (price);
CREATE INDEX by_area ON labels (area);"
say "CREATE MODEL m USING ngame WITH (dim = 16, epochs = 3, classifier_epochs = 2, seed = 7,
  threads = 1, index = 'hnsw');
TRAIN MODEL m;
TRAIN MODEL m WITH (seed = 8, index = 'exact');
EVALUATE MODEL m@1 ON 'test' WITH (k = '1,3');
PUBLISH m@1;
CREATE MODEL untrained USING ngame WITH (dim = 64);"
say "DELETE FROM labels WHERE id = 'gone';
UPDATE documents SET price = 11 WHERE id = 'd2';
ALTER TABLE documents RENAME COLUMN lang TO language;
ALTER TABLE documents DROP COLUMN rating;"
pack closed db

# Backed up twice.
say "BACKUP TO 'backups';"
say "DELETE FROM documents WHERE id LIKE 'bulk-%';
BACKUP TO 'backups';"
pack backup backups

# Killed past the commit point of a load, with commits in the log and an index half built.
rm -rf db
say "INSERT INTO labels (id, text) VALUES ('L1', 'running shoes');
ALTER TABLE documents ADD COLUMN price INTEGER DEFAULT 10;
CREATE INDEX by_price ON documents (price);
INSERT INTO documents (id, text, price) VALUES ('d1', 'shoes for a marathon', 120);"
DASHI_FAILPOINTS=load.committed "$dashi" exec db \
  -c "COPY documents (id, text, split) FROM 'rows.jsonl';" && exit 1
pack killed db
