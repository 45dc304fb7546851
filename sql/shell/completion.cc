#include "sql/shell/completion.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <initializer_list>
#include <optional>
#include <set>

#include "sql/shell/ascii_case.h"
#include "sql/shell/option_words.h"
#include "sql/shell/result_writer.h"
#include "sql/shell/sql_quoting.h"

namespace dashi {

namespace {

using Words = std::vector<std::string_view>;

// The text cut into words and signs; quotes are part of a word.
struct Tokens {
  Words words;
  bool in_text = false;  // the text ends inside single quotes, which are then no word
};

bool IsWordByte(char byte) {
  return std::isalnum(static_cast<unsigned char>(byte)) != 0 ||
         std::string_view("_.@\\+").find(byte) != std::string_view::npos ||
         static_cast<unsigned char>(byte) >= 0x80;
}

Tokens Tokenize(std::string_view text) {
  Tokens tokens;
  for (std::size_t i = 0; i < text.size();) {
    if (std::isspace(static_cast<unsigned char>(text[i])) != 0) {
      ++i;
    } else if (text[i] == '\'' || text[i] == '"') {
      const std::size_t end = text.find(text[i], i + 1);
      if (end == std::string_view::npos) {
        tokens.in_text = text[i] == '\'';
        return tokens;
      }
      tokens.words.push_back(text.substr(i, end + 1 - i));
      i = end + 1;
    } else if (text.substr(i).starts_with("--")) {
      i = std::min(text.find('\n', i), text.size());
    } else {
      std::size_t end = i + 1;
      while (IsWordByte(text[i]) && end < text.size() && IsWordByte(text[end])) {
        ++end;
      }
      tokens.words.push_back(text.substr(i, end - i));
      i = end;
    }
  }
  return tokens;
}

// What may follow the words at the end of what was typed: first that fits counts.
enum class What {
  kKeywords,  // the rule's own
  kTables,
  kTablesToRead,  // tables and table functions
  kModels,
  kReleases,  // and models: without a number the newest
  kNumberedReleases,
  kSettings,
  kJobs,
  kGraphs,
  kIndexes,
  kColumnsOfBefore  // of the table that stands before
};

struct Rule {
  std::string_view tail;      // words in upper case; "?" is any word
  std::string_view keywords;  // offered besides
  What what = What::kKeywords;
  bool from_start = false;  // the tail is the whole statement so far
};

constexpr std::array kRules = {
    Rule{"SHOW MODEL", "", What::kModels},
    Rule{"TRAIN MODEL", "", What::kModels},
    Rule{"ALTER MODEL", "", What::kModels},
    Rule{"DROP MODEL", "IF EXISTS", What::kModels},
    Rule{"REVERT MODEL", "", What::kModels},
    Rule{"IMPORT MODEL", "", What::kModels},
    Rule{"CREATE MODEL", "IF NOT EXISTS"},
    Rule{"CREATE MODEL ?", "USING"},
    Rule{"EVALUATE MODEL", "", What::kReleases},
    Rule{"EXPORT MODEL", "", What::kReleases},
    Rule{"REFRESH MODEL", "", What::kReleases},
    Rule{"TRAIN MODEL ?", "WITH ("},
    Rule{"EVALUATE MODEL ?", "ON WITH ("},
    Rule{"EXPORT MODEL ?", "TO"},
    Rule{"IMPORT MODEL ?", "FROM"},
    Rule{"ALTER MODEL ?", "SET ("},
    Rule{"USING ?", "WITH ("},
    Rule{"USING", "ngame ramen"},
    Rule{"PUBLISH", "LATEST", What::kReleases, true},
    Rule{"PUBLISH LATEST", "", What::kModels, true},
    Rule{"PUBLISH ?", "ON WHEN", What::kKeywords, true},
    Rule{"COMPARE", "", What::kReleases, true},
    Rule{"COMPARE ?", "WITH", What::kKeywords, true},
    Rule{"COMPARE ? WITH", "", What::kReleases, true},
    Rule{"COMPARE ? WITH ?", "ON WITH (", What::kKeywords, true},
    Rule{"PIN RELEASE", "", What::kNumberedReleases},
    Rule{"UNPIN RELEASE", "", What::kNumberedReleases},
    Rule{"DROP RELEASE", "IF EXISTS", What::kNumberedReleases},
    Rule{"JOB", "", What::kJobs},
    Rule{"DROP GRAPH", "IF EXISTS", What::kGraphs},
    Rule{"DROP INDEX", "IF EXISTS", What::kIndexes},
    Rule{"CREATE INDEX ? ON", "", What::kTables},
    Rule{"CREATE INDEX ?", "ON"},
    Rule{"CREATE GRAPH ?", "FROM"},
    Rule{"SET LOCAL", "", What::kSettings},
    Rule{"SET ?", "= TO", What::kKeywords, true},
    Rule{"SET", "LOCAL TRANSACTION", What::kSettings, true},
    Rule{"RESET", "ALL", What::kSettings, true},
    Rule{"SHOW BACKUPS", "FROM", What::kKeywords, true},
    Rule{"SHOW",
         "MODELS MODEL RELEASES JOBS GRAPHS TABLES INDEXES COLUMNS SETTINGS MEMORY BACKUPS "
         "SCHEDULES",
         What::kSettings, true},
    Rule{"COPY", "", What::kTables, true},
    Rule{"COPY ?", "FROM TO (", What::kKeywords, true},
    Rule{"FROM STDIN", "WITH ("},
    Rule{"TO STDOUT", "WITH ("},
    Rule{"DESCRIBE MODEL", "", What::kModels},
    Rule{"DESCRIBE", "MODEL TABLE SELECT", What::kTables, true},
    Rule{"COMMENT", "ON", What::kKeywords, true},
    Rule{"COMMENT ON", "TABLE COLUMN INDEX GRAPH MODEL"},
    Rule{"COMMENT ON TABLE", "", What::kTables},
    Rule{"COMMENT ON COLUMN", "", What::kTables},
    Rule{"COMMENT ON INDEX", "", What::kIndexes},
    Rule{"COMMENT ON GRAPH", "", What::kGraphs},
    Rule{"COMMENT ON MODEL", "", What::kModels},
    Rule{"COMMENT ON ? ?", "IS"},
    Rule{"ALTER TABLE", "", What::kTables},
    Rule{"ALTER TABLE ?", "ADD COLUMN DROP COLUMN RENAME COLUMN"},
    Rule{"ALTER", "TABLE MODEL SCHEDULE", What::kKeywords, true},
    Rule{"CREATE", "MODEL GRAPH INDEX SCHEDULE", What::kKeywords, true},
    Rule{"DROP", "MODEL RELEASE GRAPH INDEX SCHEDULE", What::kKeywords, true},
    Rule{"CREATE SCHEDULE ?", "CRON"},
    Rule{"RUN", "SCHEDULE", What::kKeywords, true},
    Rule{"TRAIN", "MODEL"},
    Rule{"EVALUATE", "MODEL", What::kKeywords, true},
    Rule{"REVERT", "MODEL", What::kKeywords, true},
    Rule{"REFRESH", "MODEL", What::kKeywords, true},
    Rule{"EXPORT", "MODEL", What::kKeywords, true},
    Rule{"IMPORT", "MODEL", What::kKeywords, true},
    Rule{"PAUSE", "JOB SCHEDULE", What::kKeywords, true},
    Rule{"RESUME", "JOB SCHEDULE", What::kKeywords, true},
    Rule{"CANCEL", "JOB SESSION", What::kKeywords, true},
    Rule{"TERMINATE", "SESSION", What::kKeywords, true},
    Rule{"WAIT", "JOB", What::kKeywords, true},
    Rule{"PIN", "RELEASE", What::kKeywords, true},
    Rule{"UNPIN", "RELEASE", What::kKeywords, true},
    Rule{"CHECK", "DATABASE", What::kKeywords, true},
    Rule{"BACKUP", "TO", What::kKeywords, true},
    Rule{"START", "TRANSACTION", What::kKeywords, true},
    Rule{"BEGIN", "READ ONLY", What::kKeywords, true},
    Rule{"ROLLBACK", "TO SAVEPOINT", What::kKeywords, true},
    Rule{"EXPLAIN", "SELECT INSERT UPDATE DELETE ANALYZE TRAIN MODEL", What::kKeywords, true},
    Rule{"EXPLAIN ANALYZE", "SELECT INSERT UPDATE DELETE", What::kKeywords, true},
    Rule{"INSERT", "INTO OR REPLACE OR IGNORE", What::kKeywords, true},
    Rule{"DELETE", "FROM", What::kKeywords, true},
    Rule{"ORDER", "BY"},
    Rule{"GROUP", "BY"},
    Rule{"INTO ?", "VALUES SELECT ("},
    Rule{"UPDATE", "", What::kTables, true},
    Rule{"UPDATE ?", "SET", What::kKeywords, true},
    Rule{"INTO", "", What::kTables},
    Rule{"FROM", "", What::kTablesToRead},
    Rule{"JOIN", "", What::kTablesToRead},
    Rule{"INTO ? (", "", What::kColumnsOfBefore},
    Rule{"COPY ? (", "", What::kColumnsOfBefore},
    Rule{"ON ? (", "", What::kColumnsOfBefore},
    Rule{"TABLE ? DROP COLUMN", "", What::kColumnsOfBefore},
    Rule{"TABLE ? RENAME COLUMN", "", What::kColumnsOfBefore},
};

constexpr std::string_view kFirstWords =
    "SELECT INSERT UPDATE DELETE COPY CREATE DROP ALTER DESCRIBE COMMENT TRAIN EVALUATE COMPARE "
    "PUBLISH REVERT SHOW "
    "SET RESET EXPLAIN WITH VALUES REPLACE BEGIN COMMIT ROLLBACK SAVEPOINT RELEASE START END ABORT "
    "WAIT PAUSE RESUME CANCEL PIN UNPIN REFRESH EXPORT IMPORT CHECK BACKUP";

constexpr std::string_view kQueryWords =
    "SELECT DISTINCT FROM WHERE GROUP ORDER BY HAVING LIMIT OFFSET JOIN LEFT INNER CROSS ON USING "
    "AND OR NOT IN IS NULL LIKE GLOB BETWEEN EXISTS AS ASC DESC CASE WHEN THEN ELSE END UNION ALL "
    "EXCEPT INTERSECT WITH RECURSIVE VALUES SET count( sum( min( max( avg( round( length( lower( "
    "upper( substr( coalesce( json_extract( sparkline(";

constexpr std::string_view kOtherWords = "WITH ON IF EXISTS NOT TO FROM AND";

struct TableFunction {
  std::string_view name;
  std::string_view columns;
};

constexpr std::array kTableFunctions = {
    TableFunction{"topk", "rank label text score release"},
    TableFunction{"topk_batch", "id rank label text score"},
    TableFunction{"nearest", "rank id text score"},
    TableFunction{"neighbors", "rank id table text weight clicks"},
    TableFunction{"walk", "rank id table text visits share"},
    TableFunction{"job_metrics", "stage epoch seconds loss p_at_1 ndcg_at_5 psp_at_5"},
};

Words SplitBlanks(std::string_view text) {
  Words words;
  while (!text.empty()) {
    const std::size_t blank = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, blank));
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return words;
}

bool Fits(const Rule& rule, const Words& typed) {
  const Words tail = SplitBlanks(rule.tail);
  if (typed.size() < tail.size() || (rule.from_start && typed.size() != tail.size())) {
    return false;
  }
  return std::equal(tail.begin(), tail.end(),
                    typed.end() - static_cast<std::ptrdiff_t>(tail.size()),
                    [](std::string_view wanted, std::string_view word) {
                      return wanted == "?" || EqualsIgnoringCase(wanted, word);
                    });
}

// The name without the double quotes that it may stand in.
std::string PlainName(std::string_view word) {
  return std::string(word.size() > 1 && word.front() == '"' ? word.substr(1, word.size() - 2)
                                                            : word);
}

class Completer {
 public:
  Completer(const CompletionPlace& place, NameSource& names) : place_(place), names_(names) {}

  void AddKeywords(std::string_view keywords) {
    const bool lower =
        !place_.word.empty() && std::islower(static_cast<unsigned char>(place_.word.front())) != 0;
    for (const std::string_view keyword : SplitBlanks(keywords)) {
      Add(lower ? LowerAscii(keyword) : std::string(keyword));
    }
  }

  void AddWords(std::span<const std::string_view> words) {
    for (const std::string_view word : words) {
      Add(std::string(word));
    }
  }

  void AddNames(NameKind kind) {
    for (const std::string& name : names_.Names(kind)) {
      Add(kind == NameKind::kTable || kind == NameKind::kModel ? QuotedIdentifier(name) : name);
    }
  }

  void AddTableFunctions() {
    for (const TableFunction& function : kTableFunctions) {
      Add(std::string(function.name) + "(");
    }
  }

  void AddColumnsOf(std::string_view table, const std::string& prefix) {
    const std::string name = PlainName(table);
    for (const TableFunction& function : kTableFunctions) {
      if (EqualsIgnoringCase(function.name, name)) {
        for (const std::string_view column : SplitBlanks(function.columns)) {
          Add(prefix + std::string(column));
        }
        return;
      }
    }
    for (const std::string& column : names_.ColumnsOf(name)) {
      Add(prefix + QuotedIdentifier(column));
    }
  }

  void Add(std::string candidate) {
    if (StartsIgnoringCase(candidate, place_.word)) {
      found_.insert(std::move(candidate));
    }
  }

  std::vector<std::string> Take() { return {found_.begin(), found_.end()}; }

 private:
  const CompletionPlace& place_;
  NameSource& names_;
  std::set<std::string> found_;
};

void AddWhat(What what, const Words& typed, Completer* completer) {
  switch (what) {
    case What::kKeywords:
      return;
    case What::kTablesToRead:
      completer->AddTableFunctions();
      completer->AddNames(NameKind::kTable);
      return;
    case What::kTables:
      return completer->AddNames(NameKind::kTable);
    case What::kModels:
      return completer->AddNames(NameKind::kModel);
    case What::kReleases:
      completer->AddNames(NameKind::kRelease);
      return completer->AddNames(NameKind::kModel);
    case What::kNumberedReleases:
      return completer->AddNames(NameKind::kRelease);
    case What::kSettings:
      return completer->AddNames(NameKind::kSetting);
    case What::kJobs:
      return completer->AddNames(NameKind::kJob);
    case What::kGraphs:
      return completer->AddNames(NameKind::kGraph);
    case What::kIndexes:
      return completer->AddNames(NameKind::kIndex);
    case What::kColumnsOfBefore: {
      const std::size_t back = EqualsIgnoringCase(typed.back(), "COLUMN") ? 3 : 2;
      return completer->AddColumnsOf(typed[typed.size() - back], "");
    }
  }
}

// A table of the statement, and the name that stands for it.
struct NamedTable {
  std::string_view table;
  std::string_view alias;
};

bool IsName(std::string_view word) {
  return !word.empty() && (IsWordByte(word.front()) || word.front() == '"');
}

bool IsKeyword(std::string_view word) {
  const Words keywords = SplitBlanks(kQueryWords);
  return std::any_of(keywords.begin(), keywords.end(),
                     [&](std::string_view keyword) { return EqualsIgnoringCase(keyword, word); });
}

// Skips the parenthesis that begins at `i`.
std::size_t BehindParenthesis(const Words& words, std::size_t i) {
  std::size_t depth = 0;
  for (; i < words.size(); ++i) {
    if (words[i] == "(") {
      ++depth;
    } else if (words[i] == ")" && --depth == 0) {
      return i + 1;
    }
  }
  return i;
}

std::vector<NamedTable> TablesOf(const Words& words) {
  std::vector<NamedTable> tables;
  bool in_list = false;  // behind FROM, where commas separate tables
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const bool begins =
        EqualsIgnoringCase(words[i], "FROM") || EqualsIgnoringCase(words[i], "JOIN") ||
        EqualsIgnoringCase(words[i], "INTO") || EqualsIgnoringCase(words[i], "UPDATE");
    in_list = begins || (in_list && !EqualsIgnoringCase(words[i], "WHERE"));
    if ((!begins && !(in_list && words[i] == ",")) || !IsName(words[i + 1])) {
      continue;
    }
    NamedTable table{words[i + 1], words[i + 1]};
    std::size_t next = i + 2;  // what stands behind the table
    if (next < words.size() && words[next] == "(") {
      next = BehindParenthesis(words, next);
      i = next - 1;
    }
    if (next + 1 < words.size() && EqualsIgnoringCase(words[next], "AS")) {
      ++next;
    }
    if (next < words.size() && IsName(words[next]) && !IsKeyword(words[next])) {
      table.alias = words[next];
    }
    tables.push_back(table);
  }
  return tables;
}

bool IsQuery(std::string_view first) {
  const Words queries = SplitBlanks("SELECT WITH VALUES INSERT REPLACE UPDATE DELETE EXPLAIN");
  return std::any_of(queries.begin(), queries.end(),
                     [&](std::string_view query) { return EqualsIgnoringCase(query, first); });
}

void AddOfQuery(const CompletionPlace& place, const Words& typed, Completer* completer) {
  Words all = typed;
  const Tokens behind = Tokenize(place.after);
  all.insert(all.end(), behind.words.begin(), behind.words.end());
  const std::vector<NamedTable> tables = TablesOf(all);
  const std::size_t dot = place.word.rfind('.');
  if (dot != std::string_view::npos) {
    const std::string_view alias = place.word.substr(0, dot);
    for (const NamedTable& table : tables) {
      if (EqualsIgnoringCase(table.alias, alias)) {
        completer->AddColumnsOf(table.table, std::string(alias) + ".");
      }
    }
    return;
  }
  completer->AddKeywords(kQueryWords);
  if (tables.empty()) {
    // The statement does not say yet what it reads: most likely one of these.
    for (const char* likely : {"documents", "labels", "topk"}) {
      completer->AddColumnsOf(likely, "");
    }
  }
  for (const NamedTable& table : tables) {
    completer->AddColumnsOf(table.table, "");
    if (table.alias != table.table) {
      completer->Add(std::string(table.alias) + ".");
    }
  }
}

// What may stand in the place of a file of COPY, behind FROM or TO; "" elsewhere.
std::string_view StreamOfCopy(const Words& typed) {
  const bool from = EqualsIgnoringCase(typed.back(), "FROM");
  if (!EqualsIgnoringCase(typed.front(), "COPY") ||
      (!from && !EqualsIgnoringCase(typed.back(), "TO"))) {
    return "";
  }
  const auto open = std::count(typed.begin(), typed.end(), "(");
  const auto closed = std::count(typed.begin(), typed.end(), ")");
  return open > closed ? "" : from ? "STDIN" : "STDOUT";
}

// The arguments of a backslash command.
Completion CompleteArgument(const CompletionPlace& place, const Words& typed, NameSource& names) {
  Completer completer(place, names);
  Completion completion;
  const std::string_view command = typed.front().substr(1);
  const bool is_first = typed.size() == 1;
  if (command == "i" || command == "o" || command == "g" || command == "gx" ||
      (command == "copy" && !is_first && (Fits({"FROM", ""}, typed) || Fits({"TO", ""}, typed)))) {
    completion.file_names = true;
  } else if (command == "copy") {
    completer.AddNames(NameKind::kTable);
    completer.AddKeywords(is_first ? "" : "FROM TO");
  } else if (!is_first) {
    return completion;
  } else if (command == "d" || command == "d+") {
    completer.AddNames(NameKind::kTable);
  } else if (command == "dm" || command == "dm+") {
    completer.AddNames(NameKind::kModel);
  } else if (command == "dr" || command == "dr+") {
    completer.AddNames(NameKind::kRelease);
    completer.AddNames(NameKind::kModel);
  } else if (command == "dj" || command == "dj+") {
    completer.AddNames(NameKind::kJob);
  } else if (command == "x") {
    completer.AddKeywords("on off auto");
  } else if (command == "timing" || command == "pager") {
    completer.AddKeywords("on off");
  } else if (command == "format") {
    for (const std::string_view format : OutputFormatNames()) {
      completer.Add(std::string(format));
    }
  } else if (command == "h") {
    completer.AddKeywords(kFirstWords);
  }
  completion.candidates = completer.Take();
  return completion;
}

Completion CompleteText(const Words& typed, const CompletionPlace& place, NameSource& names) {
  Completion completion;
  completion.in_quotes = true;
  const std::string_view before = typed.empty() ? std::string_view() : typed.back();
  completion.file_names = EqualsIgnoringCase(before, "FROM") || EqualsIgnoringCase(before, "TO");
  if (EqualsIgnoringCase(before, "ON")) {
    Completer completer(place, names);
    for (const char* split : {"train", "test", "valid"}) {
      completer.Add(split);
    }
    completion.candidates = completer.Take();
  }
  const OptionPlace option = CompleteOption(typed);
  if (option.found) {
    Completer completer(place, names);
    completer.AddWords(option.words);
    completion.candidates = completer.Take();
  }
  return completion;
}

}  // namespace

Completion Complete(const CompletionPlace& place, std::span<const std::string> commands,
                    NameSource& names) {
  const Tokens tokens = Tokenize(place.before);
  const Words& typed = tokens.words;
  if (tokens.in_text) {
    return CompleteText(typed, place, names);
  }
  // A command goes on to the end of its line, which is the one where Tab was pressed: those of the
  // lines before are no part of the statement any more.
  const auto command = std::find_if(typed.rbegin(), typed.rend(),
                                    [](std::string_view word) { return word.front() == '\\'; });
  if (command != typed.rend()) {
    return CompleteArgument(place, Words(command.base() - 1, typed.end()), names);
  }
  Completer completer(place, names);
  if (place.word.starts_with('\\')) {
    for (const std::string& name : commands) {
      completer.Add("\\" + name);
    }
  } else if (typed.empty()) {
    completer.AddKeywords(kFirstWords);
  } else if (const OptionPlace option = CompleteOption(typed); option.found) {
    completer.AddWords(option.words);
  } else if (const std::string_view stream = StreamOfCopy(typed); !stream.empty()) {
    completer.AddKeywords(stream);
  } else {
    const auto* rule = std::find_if(kRules.begin(), kRules.end(),
                                    [&](const Rule& candidate) { return Fits(candidate, typed); });
    if (rule != kRules.end()) {
      completer.AddKeywords(rule->keywords);
      AddWhat(rule->what, typed, &completer);
    } else if (IsQuery(typed.front())) {
      AddOfQuery(place, typed, &completer);
    } else {
      completer.AddKeywords(kOtherWords);
    }
  }
  Completion completion;
  completion.candidates = completer.Take();
  return completion;
}

}  // namespace dashi
