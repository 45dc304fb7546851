# Completion of the command dashi for bash. A test compares it with `dashi COMMAND --help`.

_dashi_options() {
  local database="--threads --memory-limit --help"
  case $1 in
    exec) echo "$database --format --command --file --read-only --follow -c -f" ;;
    shell) echo "$database --format --read-only --follow" ;;
    serve) echo "$database --read-only --follow --config --check-config" \
                "--access-file --audit-log-file --authentication-timeout --copy-timeout" \
                "--file-directories --host --http-host --http-port --log-format --max-connections" \
                "--max-unauthenticated-connections --queue-timeout --reserved-connections --slow-log-file --slow-statement --statement-memory" \
                "--port --schedules --send-queue-limit --send-timeout --shutdown-timeout" \
                "--tls-certificate-file --tls-key-file --unix-socket-directory --workers" ;;
    import) echo "$database --file-format --columns --header --delimiter --split --graph" \
                 "--on-conflict --rejects --ignore-unknown" ;;
    train) echo "$database --format --with" ;;
    eval) echo "$database --format --split --k --slices --with" ;;
    backup) echo "$database --format --to --keep --verify-all" ;;
    restore) echo "--help --format --list --backup --to" ;;
    check) echo "--help --format" ;;
    recover) echo "--help --to --accept-loss" ;;
    run-schedules) echo "$database --once" ;;
  esac
}

_dashi() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local command=${COMP_WORDS[1]}
  local words="" files=""
  if ((COMP_CWORD == 1)); then
    words="exec shell serve import train eval backup restore check recover run-schedules --help --version"
  else
    case $previous in
      --format) words="table csv tsv json jsonl markdown html" ;;
      --log-format) words="text json" ;;
      --file-format) words="jsonl csv tsv xc" ;;
      --on-conflict) words="error replace ignore" ;;
      --split) words="train test valid" ;;
      --slices) words="all head,torso,tail head,torso,tail,new" ;;
      --host | --http-host) words="127.0.0.1 ::1 localhost" ;;
      -f | --file | --rejects | --config | --access-file | --audit-log-file | --slow-log-file | \
        --tls-certificate-file | --tls-key-file) files="file" ;;
      --to | --file-directories | --unix-socket-directory) files="directory" ;;
      -c | --command | --threads | --memory-limit | --port | --max-connections | --columns | \
        --delimiter | --graph | --k | --with | --keep | --backup | --authentication-timeout | \
        --max-unauthenticated-connections | --copy-timeout | --http-port | --queue-timeout | --reserved-connections | \
        --send-queue-limit | --slow-statement | --statement-memory | \
        --send-timeout | --shutdown-timeout | --workers) ;;
      *)
        if [[ $current == -* ]]; then
          words=$(_dashi_options "$command")
        elif ((COMP_CWORD == 2)) || [[ $command == serve ]]; then
          files="directory"
        elif [[ $command == import ]]; then
          words="documents labels anchors relevance edges clicks"
          files="file"
        fi
        ;;
    esac
  fi
  COMPREPLY=()
  local IFS=$' \t\n'
  if [[ -n $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
  IFS=$'\n'
  if [[ $files == file ]]; then
    COMPREPLY+=($(compgen -f -- "$current"))
  elif [[ $files == directory ]]; then
    COMPREPLY+=($(compgen -d -- "$current"))
  fi
  if [[ -n $files ]]; then
    compopt -o filenames 2>/dev/null
  fi
}

complete -F _dashi dashi
