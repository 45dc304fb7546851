#!/usr/bin/env bash
# Loads WordNet into a new database, trains a model on it and asks it questions. `./run demo` calls
# this after the build. Everything it makes is in build/demo; a second run starts anew.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
dashi=${DASHI:-$root/build/release/bin/dashi}
folder=$root/build/demo
database=$folder/wordnet.db
server_id=
started=$SECONDS

fail() {
  echo "demo: $*" >&2
  exit 1
}

# From the caller's folder, so that it can be pasted.
relative() {
  realpath --relative-to="$PWD" "$1"
}

stop_server() {
  if [[ -n $server_id ]]; then
    kill "$server_id" 2> /dev/null || true
    wait "$server_id" 2> /dev/null || true
    server_id=
  fi
}

on_exit() {
  local status=$?
  stop_server
  ((status == 0)) || echo "demo: failed after $((SECONDS - started)) seconds" >&2
}
trap on_exit EXIT

bold='' plain=''
if [[ -t 1 ]]; then
  bold=$'\e[1m' plain=$'\e[0m'
fi

step() {
  printf '\n%s== %s%s\n' "$bold" "$*" "$plain"
}

# Shows one statement as a user would type it, runs it, and shows what it gives.
sql() {
  local before=$EPOCHREALTIME after
  printf '\n%swordnet=> %s;%s\n' "$bold" "$1" "$plain"
  "$dashi" exec "$database" -c "$1" || fail "the statement above failed"
  after=$EPOCHREALTIME
  printf '(%s.%s s)\n' $(((${after/[.,]/} - ${before/[.,]/}) / 1000000)) \
    $(((${after/[.,]/} - ${before/[.,]/}) / 100000 % 10))
}

start_anew() {
  [[ -x $dashi ]] || fail "$(relative "$dashi") is missing: call ./run demo, which builds it"
  mkdir -p "$folder"
  exec 9> "$folder/lock"
  flock -n 9 || fail "another demo is running in $(relative "$folder")"
  ! is_locked "$database/data/LOCK" ||
    fail "$(relative "$database") is open in another program: close it first"
  rm -rf "$database"
}

# Returns whether a process holds a lock on the file. /proc/locks names files by their inode.
is_locked() {
  [[ -e $1 ]] && grep -q ":$(stat -c %i "$1") " /proc/locks
}

import_wordnet() {
  step 'The data: WordNet 3.0, a dictionary. Given a definition, find what it is a kind of.'
  [[ -e /usr/share/wordnet/data.noun ]] || fail "WordNet is missing: apt install wordnet-base"
  "$here/convert.py" "$folder"
  cd "$folder"
  sql "COPY documents FROM 'documents.jsonl' WITH (FORMAT jsonl)"
  sql "COPY labels FROM 'labels.jsonl' WITH (FORMAT jsonl)"
  sql "COPY relevance (document, label) FROM 'relevance.tsv' WITH (FORMAT tsv)"
  sql "SELECT d.text AS document, l.text AS label
  FROM documents d JOIN relevance r ON r.document = d.id JOIN labels l ON l.id = r.label
  WHERE d.id = 'n02123045'"
}

train() {
  step 'Train a model inside the database, measure it on the test documents, publish it.'
  sql "CREATE MODEL wordnet USING ngame"
  sql "TRAIN MODEL wordnet"
  sql "EVALUATE MODEL wordnet@1 ON 'test' WITH (k = '1,5')"
  sql "PUBLISH wordnet@1"
}

ask() {
  step 'Ask in plain English.'
  sql "SELECT rank, label, substr(text, 1, 60) AS text, round(score, 3) AS score
  FROM topk('a small cat that lives with people', 5)"
  sql "SELECT rank, label, substr(text, 1, 60) AS text, round(score, 3) AS score
  FROM topk('a person who writes computer programs', 5)"
  sql "SELECT rank, label, substr(text, 1, 60) AS text, round(score, 3) AS score
  FROM topk('wooden stringed instrument played with a bow', 5)"
  sql "SELECT rank, label, substr(text, 1, 60) AS text, round(score, 3) AS score
  FROM topk('fatal infection carried by mosquitoes', 5)"
  step 'The same with a filter and a join: only verbs, and how many documents each has.'
  sql "SELECT t.rank, t.label, substr(t.text, 1, 60) AS text, count(*) AS documents
  FROM topk('walk slowly and without a purpose', 5) AS t JOIN relevance r ON r.label = t.label
  WHERE t.label LIKE 'v%' GROUP BY t.rank, t.label, t.text ORDER BY t.rank"
}

# Waits until the server says which port it took.
server_port() {
  local tries=100 port
  while ((tries-- > 0)); do
    port=$(sed -nE 's/.*serving .*[: ]([0-9]+)\. Connect.*/\1/p' "$folder/server.log")
    if [[ -n $port ]]; then
      echo "$port"
      return
    fi
    kill -0 "$server_id" 2> /dev/null || return 1
    sleep 0.1
  done
  return 1
}

ask_with_psql() {
  if ! command -v psql > /dev/null; then
    printf '\n(psql is not installed: apt install postgresql-client would show the server.)\n'
    return
  fi
  step 'PostgreSQL clients work too.'
  "$dashi" serve "$database" --port 0 > "$folder/server.log" 2>&1 9>&- &
  server_id=$!
  local port question
  port=$(server_port) || {
    cat "$folder/server.log" >&2
    fail "the server did not start"
  }
  question="SELECT label, substr(text, 1, 60) AS text FROM topk('a large body of salt water', 3)"
  printf '\n%s$ dashi serve wordnet.db --port %s &\n' "$bold" "$port"
  printf '$ psql -h 127.0.0.1 -p %s -c "%s"%s\n' "$port" "$question" "$plain"
  PSQLRC=/dev/null PAGER='' psql -X -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$port" -U demo -d wordnet \
    -c "$question" || fail "psql failed"
  stop_server
}

main() {
  local caller=$PWD
  start_anew
  import_wordnet
  train
  ask
  ask_with_psql
  cd "$caller"
  step "Done in $((SECONDS - started)) seconds. The database is yours:"
  local run
  run=$(relative "$root/run")
  [[ $run == */* ]] || run=./$run
  printf '\n  %s dashi shell %s\n' "$run" "$(relative "$database")"
}

main
