#include "sql/shell/statement_syntax.h"

#include <array>

#include "sql/shell/ascii_case.h"

namespace dashi {

namespace {

struct Syntax {
  std::string_view name;
  std::string_view text;
};

// docs/SQL.md tells more about each; a test finds every name there.
constexpr std::array kSyntaxes = {
    Syntax{"ALTER MODEL", "ALTER MODEL name SET (retain_releases = n | seal_rows = n)"},
    Syntax{"ALTER TABLE",
           "ALTER TABLE documents | labels ADD [COLUMN] [IF NOT EXISTS] name TYPE [DEFAULT value]\n"
           "ALTER TABLE documents | labels DROP [COLUMN] [IF EXISTS] name\n"
           "ALTER TABLE documents | labels RENAME [COLUMN] name TO name"},
    Syntax{"BACKUP TO", "BACKUP TO 'dir' [WITH (keep = n, verify = 'new' | 'all')]"},
    Syntax{"BEGIN", "BEGIN [READ ONLY]"},
    Syntax{"CANCEL JOB", "CANCEL JOB n"},
    Syntax{"CHECK DATABASE", "CHECK DATABASE"},
    Syntax{"COMMIT", "COMMIT"},
    Syntax{"COMPARE",
           "COMPARE model[@n] WITH model[@n] [ON 'split'] [WITH (k = '1,5', rows = 'documents', "
           "...)]"},
    Syntax{"COPY",
           "COPY table [(column, ...)] FROM {'path' | STDIN} [WITH (option = value, ...)]\n"
           "COPY table [(column, ...)] TO {'path' | STDOUT} [WITH (option = value, ...)]\n"
           "COPY (query) TO {'path' | STDOUT} [WITH (option = value, ...)]\n"
           "options: format jsonl | csv | tsv | text | xc, header, delimiter, null,\n"
           "  unknown 'error' | 'ignore', on_conflict 'error' | 'replace' | 'ignore', rejects "
           "'path', split, graph"},
    Syntax{"CREATE GRAPH",
           "CREATE GRAPH [IF NOT EXISTS] name FROM table [, ...] TO table [, ...]\n"
           "  [WITH (half_life = '30 days', directed = on | off, event_days = n)]"},
    Syntax{"CREATE INDEX", "CREATE INDEX [IF NOT EXISTS] [name] ON documents | labels (column)"},
    Syntax{"CREATE MODEL",
           "CREATE MODEL [IF NOT EXISTS] name USING ngame | ramen [WITH (option = value, ...)]"},
    Syntax{"DELETE",
           "DELETE FROM table [[AS] name] [USING table, ...] [WHERE condition]\n"
           "  [RETURNING * | expression, ...]"},
    Syntax{"DROP GRAPH", "DROP GRAPH [IF EXISTS] name"},
    Syntax{"DROP INDEX", "DROP INDEX [IF EXISTS] name"},
    Syntax{"DROP MODEL", "DROP MODEL [IF EXISTS] name"},
    Syntax{"DROP RELEASE", "DROP RELEASE [IF EXISTS] model@n"},
    Syntax{"EVALUATE MODEL",
           "EVALUATE MODEL model[@n] [ON 'split'] [WITH (k = '1,3,5', slices = 'head,torso,tail', "
           "...)]"},
    Syntax{"DESCRIBE", "DESCRIBE {table | SELECT ... | MODEL name}"},
    Syntax{"EXPLAIN",
           "EXPLAIN [ANALYZE] {SELECT | INSERT | UPDATE | DELETE} ...\n"
           "EXPLAIN TRAIN MODEL name [WITH (option = value, ...)]"},
    Syntax{"EXPORT MODEL", "EXPORT MODEL model[@n] TO 'dir'"},
    Syntax{"IMPORT MODEL", "IMPORT MODEL name FROM 'dir'"},
    Syntax{
        "INSERT",
        "INSERT [OR REPLACE | OR IGNORE] INTO table [(column, ...)] VALUES (value, ...) [, ...]\n"
        "INSERT [OR REPLACE | OR IGNORE] INTO table [(column, ...)] SELECT ...\n"
        "  [ON CONFLICT [(key)] DO NOTHING | DO UPDATE SET column = value [, ...] [WHERE "
        "condition]]\n"
        "  [RETURNING * | expression, ...]"},
    Syntax{"PAUSE JOB", "PAUSE JOB n"},
    Syntax{"PIN RELEASE", "PIN RELEASE model@n"},
    Syntax{"PUBLISH",
           "PUBLISH model[@n]\n"
           "PUBLISH LATEST model\n"
           "PUBLISH [LATEST] model[@n] [ON 'split'] WHEN p@1 >= current - 0.002 [AND ...]"},
    Syntax{"REFRESH MODEL", "REFRESH MODEL model[@n]"},
    Syntax{"RESET", "RESET setting | ALL"},
    Syntax{"RESUME JOB", "RESUME JOB n [WITH (wait = off)]"},
    Syntax{"REVERT MODEL", "REVERT MODEL name"},
    Syntax{"ROLLBACK", "ROLLBACK [TO SAVEPOINT name]"},
    Syntax{"SAVEPOINT", "SAVEPOINT name\nRELEASE SAVEPOINT name"},
    Syntax{"SELECT",
           "SELECT ... FROM table | topk('text', k [, options]) | nearest('labels', 'text', k) | "
           "...\n"
           "  [WHERE condition] [GROUP BY ...] [ORDER BY ...] [LIMIT n]\n"
           "  as in SQLite: joins, WITH, aggregates, windows, JSON functions"},
    Syntax{"SET", "SET [LOCAL] setting = value"},
    Syntax{"SHOW",
           "SHOW MODELS | RELEASES | JOBS | GRAPHS | TABLES | COLUMNS | INDEXES | SETTINGS | "
           "MEMORY\n"
           "SHOW setting\n"
           "SHOW MODEL name\n"
           "SHOW BACKUPS FROM 'dir'"},
    Syntax{"TRAIN MODEL", "TRAIN MODEL name [WITH (option = value, ...)]"},
    Syntax{"UNPIN RELEASE", "UNPIN RELEASE model@n"},
    Syntax{"UPDATE",
           "UPDATE table [AS name] SET column = value [, ...] [FROM table, ...] [WHERE condition]\n"
           "  [RETURNING * | expression, ...]"},
    Syntax{"WAIT JOB", "WAIT JOB n"},
};

}  // namespace

std::string StatementSyntax(std::string_view topic) {
  std::string out;
  if (topic.empty()) {
    std::size_t width = 0;
    out = "\\h NAME shows how a statement is written:\n";
    for (const Syntax& syntax : kSyntaxes) {
      constexpr std::size_t kColumnWidth = 18;
      constexpr std::size_t kLineWidth = 4 * kColumnWidth;
      out += width == 0 ? "  " : "";
      out += std::string(syntax.name) + std::string(kColumnWidth - syntax.name.size(), ' ');
      width = (width + kColumnWidth) % kLineWidth;
      if (width == 0) {
        out.erase(out.find_last_not_of(' ') + 1);
        out += "\n";
      }
    }
    out.erase(out.find_last_not_of(" \n") + 1);
    return out + "\n";
  }
  for (const Syntax& syntax : kSyntaxes) {
    if (StartsIgnoringCase(syntax.name, topic) || StartsIgnoringCase(topic, syntax.name)) {
      out += std::string(syntax.text) + "\n";
    }
  }
  return out;
}

}  // namespace dashi
