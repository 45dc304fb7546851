#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sql/shell/console.h"
#include "sql/shell/copy_data.h"
#include "sql/shell/line_reader.h"
#include "sql/shell/name_source.h"
#include "sql/shell/result_file.h"
#include "sql/shell/script_runner.h"
#include "sql/shell/shell_command.h"
#include "sql/shell/statement_splitter.h"

namespace dashi {

/// The interactive shell: reads lines, runs statements at their semicolon and backslash commands
/// at once. What the commands do stands in shell_actions.cc.
///
/// Threads: one thread at a time, except Interrupt, which any thread may call.
class Shell {
 public:
  /// `name` of the database stands in the prompt. The references must outlive the shell.
  Shell(ScriptRunner& script_runner, LineReader& line_reader, const Console& console,
        std::string name);

  /// Has Tab complete names of `names`, which must outlive the shell, keywords and commands.
  void CompleteFrom(NameSource& names);

  /// Runs until \q or the end of the input. Returns the exit status: 1 when something failed and no
  /// person was there to see it.
  int Run();

  /// Runs statements and commands that were not typed, up to the first error. RunFileAt takes the
  /// path of a file; "-" is standard input.
  ///
  /// Errors: that something went wrong, which is printed already.
  Status RunText(const std::string& text);
  Status RunFileAt(const std::string& path);

  /// Ctrl-C: cancels what runs, or drops the statement being typed.
  void Interrupt();

  /// What \? prints.
  static std::string Help();
  /// The names of the backslash commands.
  static std::vector<std::string> CommandNames();

 private:
  // Where lines come from: the keyboard, or a file of \i.
  struct Input {
    Input(LineReader& reader, const Console& console, std::atomic<bool>& reads_data,
          std::string name, bool to_the_first_error)
        : lines(reader),
          source(std::move(name)),
          stops(to_the_first_error),
          line_data(reader, splitter, console.err, reads_data) {}

    LineReader& lines;
    std::string source;  // the file's name; "" where the shell's own lines come from
    bool stops;          // at the first error
    StatementSplitter splitter{StatementSplitter::Commands::kTaken};
    LineData line_data;
    CopyData* data = &line_data;  // of COPY ... FROM STDIN
    std::string typed;            // what was typed since the last statement ended, for the history
    bool quit = false;
  };
  struct Action;

  static std::span<const Action> Actions();

  void RunLines(Input& input);
  Status ReadFile(const std::string& path);
  void RunLinesOf(int file_descriptor, const std::string& source);
  void HandleLine(Input& input, const std::string& line);
  bool HandleWord(Input& input, const std::string& line);
  void Remember(Input& input);
  void RunCommand(Input& input, const std::string& line);
  void RunStatement(Input& input, const ScriptStatement& statement) {
    RunStatement(input, statement, *input.data);
  }
  void RunStatement(Input& input, const ScriptStatement& statement, CopyData& data);
  void Fail(const Status& status, std::string_view source = "");
  std::string Prompt(const Input& input) const;

  // The statement begun, or else the last that was run.
  Result<ScriptStatement> TakeStatement(Input& input);
  Status RunInto(Input& input, const ScriptStatement& statement, ResultFile* file);
  Status WriteOut(std::string_view text);
  Status Toggle(const ShellCommand& command, std::string_view what, bool* value);
  Status WatchStatement(Input& input, const ScriptStatement& statement, double seconds,
                        std::uint64_t times);

  // The actions of the commands.
  Status Quit(Input& input, const ShellCommand& command);
  Status ShowHelp(Input& input, const ShellCommand& command);
  Status ShowSyntax(Input& input, const ShellCommand& command);
  Status ShowTables(Input& input, const ShellCommand& command);
  Status ShowModels(Input& input, const ShellCommand& command);
  Status ShowReleases(Input& input, const ShellCommand& command);
  Status ShowJobs(Input& input, const ShellCommand& command);
  Status ShowList(Input& input, const ShellCommand& command);
  Status RunBuffer(Input& input, const ShellCommand& command);
  Status DescribeBuffer(Input& input, const ShellCommand& command);
  Status Watch(Input& input, const ShellCommand& command);
  Status PrintBuffer(Input& input, const ShellCommand& command);
  Status ResetBuffer(Input& input, const ShellCommand& command);
  Status Edit(Input& input, const ShellCommand& command);
  Status IncludeFile(Input& input, const ShellCommand& command);
  Status SendOutput(Input& input, const ShellCommand& command);
  Status Copy(Input& input, const ShellCommand& command);
  Status SetExpanded(Input& input, const ShellCommand& command);
  Status SetFormat(Input& input, const ShellCommand& command);
  Status SetTiming(Input& input, const ShellCommand& command);
  Status SetPager(Input& input, const ShellCommand& command);
  Status Echo(Input& input, const ShellCommand& command);
  Status RunShellCommand(Input& input, const ShellCommand& command);

  ScriptRunner& script_runner_;
  LineReader& line_reader_;
  const Console console_;
  const std::string name_;
  std::unique_ptr<ResultFile> result_file_;  // of \o
  std::string last_statement_;
  const std::string* typed_ = nullptr;    // of the input that is read
  std::size_t depth_ = 0;                 // of \i
  std::atomic<bool> reads_data_ = false;  // A line of data is waited for.
  CopyData* own_data_ = nullptr;          // while Run reads lines: what is behind them
  bool failed_ = false;                   // since the last line of the shell's own
  bool any_failed_ = false;
};

}  // namespace dashi
