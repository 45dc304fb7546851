#pragma once

#include <string>

#include "sql/shell/console.h"
#include "sql/shell/line_reader.h"
#include "sql/shell/script_runner.h"
#include "sql/shell/shell_command.h"
#include "sql/shell/statement_splitter.h"

namespace dashi {

/// The interactive shell: reads lines, runs statements at their semicolon and backslash commands
/// at once.
///
/// Threads: one thread at a time, except Interrupt, which any thread may call.
class Shell {
 public:
  /// `name` of the database stands in the prompt. The references must outlive the shell.
  Shell(ScriptRunner& script_runner, LineReader& line_reader, const Console& console,
        std::string name);

  /// Runs until \q or the end of the input. Returns the exit status: 1 when a statement failed and
  /// no person was there to see it.
  int Run();

  /// Ctrl-C: cancels the running statement, or drops the line being typed.
  void Interrupt();

 private:
  void HandleLine(const std::string& line);
  void RunCommand(const ShellCommand& command);
  void RunStatement(const ScriptStatement& statement);
  void Toggle(const ShellCommand& command, std::string_view what, bool* value);
  void Fail(const Status& status);
  std::string Prompt() const;

  ScriptRunner& script_runner_;
  LineReader& line_reader_;
  const Console console_;
  const std::string name_;
  StatementSplitter splitter_;
  std::string typed_;  // the statement as typed, for the history
  bool quit_ = false;
  bool any_failed_ = false;
};

}  // namespace dashi
