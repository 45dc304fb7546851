#pragma once

#include <functional>
#include <memory>
#include <string>

#include "dashi/status.h"
#include "sql/shell/completion.h"

namespace dashi {

/// Where the shell's lines come from.
///
/// Threads: one thread at a time, except Interrupt, which any thread may call.
class LineReader {
 public:
  enum class Outcome { kLine, kInterrupted, kEnd, kTooLong };
  using Completer = std::function<Completion(const CompletionPlace&)>;

  virtual ~LineReader() = default;
  /// Shows the prompt and reads a line, without its newline. A line of more than 64 MiB is none.
  virtual Outcome ReadLine(const std::string& prompt, std::string* line) = 0;
  /// ReadLine for a line that is no statement: a Tab in it is one.
  virtual Outcome ReadData(const std::string& prompt, std::string* line) {
    return ReadLine(prompt, line);
  }
  /// Remembers a statement for later.
  virtual void AddHistory(const std::string& statement) = 0;
  /// Makes a ReadLine that waits return kInterrupted.
  virtual void Interrupt() = 0;
  /// Has Tab ask what the word before it may become; called by ReadLine.
  virtual void SetCompleter(const Completer& /*completer*/) {}
  /// Whether a person types the lines.
  virtual bool interactive() const = 0;
};

/// Reads lines from a file descriptor that is not a terminal; shows no prompt.
std::unique_ptr<LineReader> MakeStreamLineReader(int file_descriptor);

/// Reads lines from the terminal with GNU readline. History is kept in `history_file` (none when
/// empty), which only the user may read. At most one may exist at a time.
Result<std::unique_ptr<LineReader>> OpenReadlineLineReader(const std::string& history_file);

/// Returns the file of the shell's history, below XDG_STATE_HOME or ~/.local/state, and makes the
/// folders above it. "" when there is no place for it.
std::string DefaultHistoryFile();

}  // namespace dashi
