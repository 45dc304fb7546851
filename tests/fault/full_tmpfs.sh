#!/usr/bin/env bash
# Fills a real file system under a database, by hand and as root: a tmpfs of 160 MiB in a mount
# namespace of its own. COPY into the full disk fails with 53100, reads go on, and writes resume
# without another open once space is back.
#
#   tests/fault/full_tmpfs.sh build/release/bin/dashi
set -euo pipefail

if (($# != 1)) || [[ $(id -u) != 0 ]]; then
  echo "full_tmpfs.sh: SKIPPED: needs root and the path of the dashi command" >&2
  exit 77
fi
if [[ ${IN_NAMESPACE:-} != yes ]]; then
  IN_NAMESPACE=yes exec unshare --mount -- "$0" "$(realpath "$1")"
fi

dashi=$1
disk=$(mktemp -d)
rows=$(mktemp)
mount -t tmpfs -o size=160m tmpfs "$disk"
trap 'exec 3>&- || true; umount -l "$disk"; rmdir "$disk"; rm -f "$rows"' EXIT

# 20,000 labels of 1.2 KB, in base64, which hardly compresses.
head -c 18000000 /dev/urandom | base64 -w 1200 |
  awk '{ printf "{\"id\": \"l%d\", \"text\": \"%s\"}\n", NR, $0 }' > "$rows"

free() { df --output=avail -m "$disk" | tail -1; }

# One shell all the time: everything after the first line happens in one open database.
mkfifo "$disk/../full_tmpfs.$$"
"$dashi" shell "$disk/db" < "$disk/../full_tmpfs.$$" 2>&1 &
shell=$!
exec 3> "$disk/../full_tmpfs.$$"
rm "$disk/../full_tmpfs.$$"
say() {
  echo "dashi> $*"
  echo "$*" >&3
  sleep 4
}

say "INSERT INTO labels (id, text) VALUES ('first', 'kept');"
echo "# $(free) MiB free; a file takes all but 80 MiB"
head -c $((($(free) - 80) << 20)) /dev/zero > "$disk/ballast"
say "COPY labels FROM '$rows' (FORMAT jsonl);"
ls "$disk/db/tmp"
echo "# $(free) MiB free; a file takes all of it"
cat /dev/zero > "$disk/ballast2" 2> /dev/null || true
echo "# $(free) MiB free"
echo "dashi> 100 times INSERT INTO labels ... (900 KB)"
for i in {1..100}; do
  text=$(head -c 675000 /dev/urandom | base64 -w 0)
  echo "INSERT INTO labels (id, text) VALUES ('large $i', '$text');"
done >&3
sleep 8
say "SELECT count(*) FROM labels;"
rm "$disk/ballast" "$disk/ballast2"
echo "# $(free) MiB free again"
say "INSERT INTO labels (id, text) VALUES ('fourth', 'written');"
say "COPY labels FROM '$rows' (FORMAT jsonl);"
sleep 4
say "SELECT count(*) FROM labels;"
exec 3>&-
wait "$shell"
