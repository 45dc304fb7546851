#include "server/command_line.h"

#include <algorithm>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/nearest_name.h"
#include "dashi/database.h"
#include "server/server_settings.h"
#include "sql/shell/ascii_case.h"
#include "sql/shell/sql_quoting.h"

namespace dashi {

namespace {

// m@1 -> m@1, my model@1 -> "my model"@1
std::string ReleaseName(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos) {
    return QuotedIdentifier(text);
  }
  return QuotedIdentifier(text.substr(0, at)) + std::string(text.substr(at));
}

// Returns the format that a file's name tells, "" when it tells none.
std::string FormatOfFile(std::string name) {
  for (const std::string_view suffix : {".gz", ".zst"}) {
    if (name.ends_with(suffix)) {
      name.resize(name.size() - suffix.size());
    }
  }
  const std::size_t dot = name.rfind('.');
  const std::string extension = dot == std::string::npos ? "" : name.substr(dot + 1);
  if (extension == "ndjson") {
    return "jsonl";
  }
  return extension == "jsonl" || extension == "csv" || extension == "tsv" ? extension : "";
}

// id,text -> " (id, text)"
std::string ColumnList(const std::string& columns) {
  std::string list;
  for (const std::string& column : CLI::detail::split(columns, ',')) {
    if (!columns.empty()) {
      list += (list.empty() ? " (" : ", ") + QuotedIdentifier(column);
    }
  }
  return list.empty() ? list : list + ")";
}

// What the subcommands read into, and what to do with it after parsing.
struct Words {
  CommandLine command_line;
  std::string format = "table";
  std::vector<std::string> texts;
  std::vector<std::string> files;
  std::string table;
  std::string file;
  std::string file_format;
  std::string columns;
  std::string delimiter;
  std::string import_split;
  std::string graph;
  std::string on_conflict;
  std::string rejects;
  bool header = false;
  bool ignore_unknown = false;
  std::string model;
  std::string split = "test";
  std::string k = "1,3,5";
  std::string slices;
  std::string with;
  std::uint32_t keep = 0;
  bool verify_all = false;
  bool list = false;
  std::string mistake;  // found after parsing
};

ScriptInput Sql(std::string text) { return {ScriptInput::Kind::kText, std::move(text)}; }

// Makes the COPY that `import` stands for.
void TakeImport(Words& words) {
  words.command_line.action = CommandLine::Action::kExec;
  words.command_line.create_if_missing = true;
  const std::string format =
      words.file_format.empty() ? FormatOfFile(words.file) : words.file_format;
  if (format.empty()) {
    words.mistake = "the name of the file does not tell its format: add --file-format";
    return;
  }
  std::string options = "FORMAT " + format;
  options += words.header ? ", header = on" : "";
  options += words.ignore_unknown ? ", unknown = 'ignore'" : "";
  const std::pair<std::string_view, const std::string&> texts[] = {
      {"delimiter", words.delimiter},
      {"split", words.import_split},
      {"graph", words.graph},
      {"on_conflict", words.on_conflict},
      {"rejects", words.rejects}};
  for (const auto& [name, text] : texts) {
    options += text.empty() ? "" : fmt::format(", {} = {}", name, QuotedText(text));
  }
  words.command_line.inputs.push_back(
      Sql(fmt::format("COPY {}{} FROM {} WITH ({})", QuotedIdentifier(words.table),
                      ColumnList(words.columns), QuotedText(words.file), options)));
}

void AddDirectory(CLI::App& app, Words& words, const std::string& what) {
  app.add_option("DIR", words.command_line.directory, what)->required();
  app.add_option("--threads", words.command_line.num_threads,
                 "Threads for encoding and training; 0 is one per core")
      ->check(CLI::Range(0, 1024));
  app.add_option("--memory-limit", words.command_line.memory_bytes_max,
                 "Bytes for cache, loaded releases and uncommitted changes, such as 2GB; training "
                 "has its own memory beside it")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false))
      ->check(CLI::Range(std::uint64_t{16} << 20U, std::uint64_t{1} << 50U))
      ->type_name("SIZE")
      ->default_str("512MB");
}

void AddFormat(CLI::App& app, Words& words) {
  std::vector<std::string> names(OutputFormatNames().begin(), OutputFormatNames().end());
  app.add_option("--format", words.format, fmt::format("{}", fmt::join(names, ", ")))
      ->check(CLI::IsMember(names))
      ->type_name("FORMAT")
      ->capture_default_str();
}

void AddReadOnly(CLI::App& app, Words& words) {
  app.add_flag("--read-only", words.command_line.read_only,
               "Open without writing, even while another process writes");
  app.add_flag_callback(
      "--follow",
      [&words] {
        words.command_line.read_only = true;
        words.command_line.follow = true;
      },
      "Read-only, and each statement sees what the other process has committed");
}

void AddExec(CLI::App& app, Words& words) {
  CLI::App* exec = app.add_subcommand("exec", "Run SQL statements and print their results");
  AddDirectory(*exec, words, "The database's folder; made when absent");
  AddFormat(*exec, words);
  exec->add_option("-c,--command", words.texts,
                   "Statements, separated by semicolons; may be given again")
      ->allow_extra_args(false)
      ->type_name("SQL");
  exec->add_option("-f,--file", words.files, "File of statements; - is standard input")
      ->allow_extra_args(false)
      ->type_name("FILE");
  AddReadOnly(*exec, words);
  exec->footer(
      "Reads standard input when neither -c nor -f is given. Stops at the first error.\n"
      "Rows go to standard output, everything else to standard error.\n\n"
      "Example:\n"
      "  dashi exec shop.db --format csv -c \"SELECT label, score FROM topk('usb hub', 5)\"");
  exec->final_callback([exec, &words] {
    words.command_line.action = CommandLine::Action::kExec;
    words.command_line.create_if_missing = !words.command_line.read_only;
    // In the order in which -c and -f stand on the command line.
    std::size_t num_texts = 0;
    std::size_t num_files = 0;
    for (const CLI::Option* option : exec->parse_order()) {
      if (option->check_lname("command")) {
        words.command_line.inputs.push_back(Sql(words.texts[num_texts++]));
      } else if (option->check_lname("file")) {
        words.command_line.inputs.push_back({ScriptInput::Kind::kFile, words.files[num_files++]});
      }
    }
  });
}

void AddShell(CLI::App& app, Words& words) {
  CLI::App* shell = app.add_subcommand("shell", "Type SQL and see its results");
  AddDirectory(*shell, words, "The database's folder; made when absent");
  AddFormat(*shell, words);
  AddReadOnly(*shell, words);
  shell->footer("Example:\n  dashi shell shop.db");
  shell->final_callback([&words] {
    words.command_line.action = CommandLine::Action::kShell;
    words.command_line.create_if_missing = !words.command_line.read_only;
  });
}

// A flag of `dashi serve` for a setting of the server.
void AddServerSetting(CLI::App& serve, const ServerSetting& setting, Words& words) {
  const auto take = [&words, &setting](const std::string& value) {
    words.command_line.settings.emplace_back(setting.name, value);
  };
  const std::string description(setting.description);
  if (setting.type() == "boolean") {
    serve.add_flag_function(
        setting.flag(), [take](std::int64_t count) { take(count > 0 ? "on" : "off"); },
        description);
    return;
  }
  const ServerOptions defaults;
  serve.add_option_function<std::string>(setting.flag(), take, description)
      ->check([&setting](const std::string& value) {
        ServerOptions options;
        const Status status = SetServerSetting(setting, value, &options);
        return status.ok() ? std::string() : fmt::format("{}. {}", status.message(), status.hint());
      })
      ->type_name(UpperAscii(setting.type()))
      ->default_str(ServerSettingText(setting, defaults));
}

void AddServe(CLI::App& app, Words& words) {
  CLI::App* serve = app.add_subcommand("serve", "Answer PostgreSQL clients such as psql");
  serve
      ->add_option("DIR", words.command_line.served_directories,
                   "The database's folder; of several, clients name the one they mean")
      ->required();
  serve
      ->add_option("--config", words.command_line.config_file,
                   "file of settings, a line 'name = value' each; SIGHUP reads it again")
      ->type_name("FILE");
  serve->add_flag("--check-config", words.command_line.check_config,
                  "print all settings and where they come from, and serve nothing");
  for (const ServerSetting& setting : ServerSettings()) {
    AddServerSetting(*serve, setting, words);
  }
  serve->footer(
      "A setting max_connections is also a line of the --config file and the environment variable\n"
      "DASHI_MAX_CONNECTIONS. A flag wins over the environment, that over the file.\n\n"
      "Example:\n"
      "  dashi serve shop.db --port 5433 &\n"
      "  psql -h 127.0.0.1 -p 5433 -c \"SELECT label, score FROM topk('usb hub', 5)\"");
  serve->final_callback([&words] { words.command_line.action = CommandLine::Action::kServe; });
}

// The thin names: each is one statement.
void AddImport(CLI::App& app, Words& words) {
  CLI::App* import = app.add_subcommand("import", "Load a file into a table (COPY ... FROM)");
  AddDirectory(*import, words, "The database's folder; made when absent");
  import->add_option("TABLE", words.table, "documents, labels, anchors, relevance, edges or clicks")
      ->required();
  import->add_option("FILE", words.file, "The file; may end in .gz or .zst")->required();
  import->add_option("--file-format", words.file_format, "Told by the file's name when absent")
      ->check(CLI::IsMember({"jsonl", "csv", "tsv", "xc"}));
  import->add_option("--columns", words.columns, "Columns of a csv or tsv file: a,b,c");
  import->add_flag("--header", words.header, "The first line of a csv or tsv file names columns");
  import->add_option("--delimiter", words.delimiter,
                     "What stands between the fields of a csv file");
  import->add_option("--split", words.import_split, "The split of documents that name none");
  import->add_option("--graph", words.graph, "The graph that edges or clicks belong to");
  import->add_option("--on-conflict", words.on_conflict, "What becomes of ids that exist")
      ->check(CLI::IsMember({"error", "replace", "ignore"}));
  import->add_option("--rejects", words.rejects, "Load the good rows, and name the bad ones here")
      ->type_name("FILE");
  import->add_flag("--ignore-unknown", words.ignore_unknown,
                   "Pass over keys of the file that are no columns");
  import->footer(
      "Examples:\n"
      "  dashi import shop.db documents documents.jsonl.gz\n"
      "  dashi import shop.db labels labels.csv --header --on-conflict replace");
  import->final_callback([&words] { TakeImport(words);
});
}  // namespace

void AddTrain(CLI::App& app, Words& words) {
  CLI::App* train = app.add_subcommand("train", "Train a model (TRAIN MODEL)");
  AddDirectory(*train, words, "The database's folder");
  AddFormat(*train, words);
  train->add_option("MODEL", words.model, "The model, declared by CREATE MODEL")->required();
  train->add_option("--with", words.with, "Options of the statement: 'epochs = 3, seed = 7'")
      ->type_name("OPTIONS");
  train->footer(
      "Example:\n"
      "  dashi exec shop.db -c 'CREATE MODEL m USING ngame'\n"
      "  dashi train shop.db m");
  train->final_callback([&words] {
    words.command_line.action = CommandLine::Action::kExec;
    words.command_line.inputs.push_back(
        Sql("TRAIN MODEL " + QuotedIdentifier(words.model) +
            (words.with.empty() ? "" : fmt::format(" WITH ({})", words.with))));
  });
}

void AddEval(CLI::App& app, Words& words) {
  CLI::App* eval = app.add_subcommand("eval", "Measure a release (EVALUATE MODEL)");
  AddDirectory(*eval, words, "The database's folder");
  AddFormat(*eval, words);
  eval->add_option("RELEASE", words.model, "MODEL@N, as TRAIN MODEL reported it")->required();
  eval->add_option("--split", words.split, "The documents to ask")->capture_default_str();
  eval->add_option("--k", words.k, "Numbers of labels to look at")->capture_default_str();
  eval->add_option("--slices", words.slices, "Slices of the labels to measure apart")
      ->check(CLI::IsMember({"all", "head,torso,tail", "head,torso,tail,new"}));
  eval->add_option("--with", words.with, "More options of the statement: \"filter = 'none'\"")
      ->type_name("OPTIONS");
  eval->footer("Example:\n  dashi eval shop.db m@1 --format csv");
  eval->final_callback([&words] {
    words.command_line.action = CommandLine::Action::kExec;
    words.command_line.inputs.push_back(
        Sql(fmt::format("EVALUATE MODEL {} ON {} WITH (k = {}{}{})", ReleaseName(words.model),
                        QuotedText(words.split), QuotedText(words.k),
                        words.slices.empty() ? "" : ", slices = " + QuotedText(words.slices),
                        words.with.empty() ? "" : ", " + words.with)));
  });
}

void AddRecover(CLI::App& app, Words& words) {
  CLI::App* recover = app.add_subcommand("recover", "Make a copy that opens of a damaged database");
  recover
      ->add_option("DIR", words.command_line.directory,
                   "The database's folder; nothing in it is changed")
      ->required();
  recover->add_option("--to", words.command_line.recover_to, "The folder to make")
      ->type_name("COPY")
      ->required();
  recover->add_flag("--accept-loss", words.command_line.accept_loss,
                    "Keep the copy even when acknowledged commits are missing from it");
  recover->footer(
      "Says what the copy holds and what was dropped. The exit status is 1, and no copy is kept,\n"
      "when acknowledged commits would be missing and --accept-loss is not given.\n\n"
      "Example:\n  dashi recover shop.db --to saved.db");
  recover->final_callback([&words] { words.command_line.action = CommandLine::Action::kRecover; });
}

void AddRunSchedules(CLI::App& app, Words& words) {
  CLI::App* run = app.add_subcommand("run-schedules", "Run schedules without a server");
  AddDirectory(*run, words, "The database's folder");
  run->add_flag("--once", words.command_line.once, "Run what is due now, and end");
  run->footer(
      "A server runs the schedules of its databases itself. With --once the exit status is 1 when\n"
      "a run failed; a timer of the system may start it.\n\n"
      "Example:\n  dashi run-schedules shop.db");
  run->final_callback([&words] { words.command_line.action = CommandLine::Action::kRunSchedules; });
}

void AddBackup(CLI::App& app, Words& words) {
  CLI::App* backup = app.add_subcommand("backup", "Add a backup to a backup directory (BACKUP TO)");
  AddDirectory(*backup, words, "The database's folder");
  AddFormat(*backup, words);
  backup->add_option("--to", words.file, "The backup directory; made when absent")->required();
  backup->add_option("--keep", words.keep, "Delete all but the newest N backups afterwards")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("N");
  backup->add_flag("--verify-all", words.verify_all,
                   "Read the files of earlier backups as well, and replace damaged ones");
  backup->footer("Example:\n  dashi backup shop.db --to /mnt/backups/shop --keep 30");
  backup->final_callback([&words] {
    words.command_line.action = CommandLine::Action::kExec;
    std::string options = words.keep > 0 ? fmt::format("keep = {}", words.keep) : "";
    if (words.verify_all) {
      options += fmt::format("{}verify = 'all'", options.empty() ? "" : ", ");
    }
    words.command_line.inputs.push_back(
        Sql(fmt::format("BACKUP TO {}{}", QuotedText(words.file),
                        options.empty() ? "" : fmt::format(" WITH ({})", options))));
  });
}

void AddRestore(CLI::App& app, Words& words) {
  CLI::App* restore = app.add_subcommand("restore", "Make a database of a backup, or list backups");
  CommandLine& line = words.command_line;
  restore->add_option("BACKUPS", line.backup_directory, "The backup directory")->required();
  CLI::Option* list = restore->add_flag("--list", words.list, "List the backups");
  CLI::Option* number =
      restore->add_option("--backup", line.backup_number, "The number of the backup")
          ->type_name("N");
  CLI::Option* target =
      restore->add_option("--to", line.directory, "The new database's folder; empty or absent");
  number->needs(target)->excludes(list);
  target->needs(number)->excludes(list);
  AddFormat(*restore, words);
  restore->footer(
      "Example:\n"
      "  dashi restore /mnt/backups/shop --list\n"
      "  dashi restore /mnt/backups/shop --backup 3 --to shop.db");
  restore->final_callback([&words] {
    CommandLine& command_line = words.command_line;
    command_line.action =
        words.list ? CommandLine::Action::kListBackups : CommandLine::Action::kRestore;
    if (!words.list && command_line.directory.empty()) {
      words.mistake = "say which backup: --backup N --to DIR; --list lists them";
    }
  });
}

void AddCheck(CLI::App& app, Words& words) {
  CLI::App* check = app.add_subcommand("check", "Verify every checksum and cross-reference");
  check
      ->add_option("DIR", words.command_line.directory,
                   "The database's folder; nothing in it is changed")
      ->required();
  AddFormat(*check, words);
  check->footer(
      "No process may have the database open; in one that has, run CHECK DATABASE.\n"
      "The exit status is 0 when nothing is wrong, else 1, with one row a problem.\n\n"
      "Example:\n  dashi check shop.db");
  check->final_callback([&words] { words.command_line.action = CommandLine::Action::kCheck; });
}

CommandLine Mistake(const std::string& message) {
  CommandLine command_line;
  command_line.error = "dashi: " + message + "\n";
  command_line.exit_status = 1;
  return command_line;
}

std::vector<std::string> SubcommandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* subcommand : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(subcommand->get_name());
  }
  return names;
}

CommandLine UnknownCommand(const std::string& word, const std::vector<std::string>& known) {
  const std::vector<std::string_view> candidates(known.begin(), known.end());
  const std::string_view nearest = NearestName(word, candidates);
  std::string message =
      fmt::format("'{}' is not {}", word, word.starts_with('-') ? "an option" : "a command");
  message += nearest.empty() ? "; see dashi --help" : fmt::format(". Did you mean '{}'?", nearest);
  return Mistake(message);
}

}  // namespace dashi

CommandLine ParseCommandLine(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && arguments.front() == "help") {
    // help exec -> exec --help
    std::vector<std::string> question(arguments.begin() + 1, arguments.end());
    question.emplace_back("--help");
    return ParseCommandLine(question);
  }
  CLI::App app("dashi: an embedded retrieval database", "dashi");
  Words words;
  app.set_version_flag("--version", fmt::format("dashi {}", Version()));
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);
  app.footer(
      "Example:\n"
      "  dashi exec shop.db -c 'SELECT count(*) FROM documents'\n\n"
      "dashi COMMAND --help tells more about a command.");
  AddExec(app, words);
  AddShell(app, words);
  AddServe(app, words);
  AddImport(app, words);
  AddTrain(app, words);
  AddEval(app, words);
  AddRecover(app, words);
  AddRunSchedules(app, words);
  AddCheck(app, words);
  AddBackup(app, words);
  AddRestore(app, words);
  if (arguments.empty()) {
    return Mistake("a command is missing\n\n" + app.help());
  }
  const std::vector<std::string> known = SubcommandNames(app);
  const std::string& first = arguments.front();
  const std::vector<std::string> options = {"--version", "--help", "-h"};
  if (std::find(known.begin(), known.end(), first) == known.end() &&
      std::find(options.begin(), options.end(), first) == options.end()) {
    return UnknownCommand(first, first.starts_with('-') ? options : known);
  }
  try {
    // CLI11 takes the words last to first.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    words.command_line = {};
    words.command_line.output = chosen.empty() ? app.help() : chosen.front()->help("dashi");
    return words.command_line;
  } catch (const CLI::CallForVersion&) {
    words.command_line = {};
    words.command_line.output = fmt::format("dashi {}\n", Version());
    return words.command_line;
  } catch (const CLI::Error& error) {
    const auto chosen = app.get_subcommands();
    return Mistake(fmt::format("{}\nSee dashi {}--help.", error.what(),
                               chosen.empty() ? "" : chosen.front()->get_name() + " "));
  }
  if (!words.mistake.empty()) {
    return Mistake(words.mistake);
  }
  words.command_line.format = OutputFormatNamed(words.format).value_or(OutputFormat::kTable);
  return std::move(words.command_line);
}

}  // namespace dashi
