#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace dashi {

/// One statement cut out of a script: without leading comments, trailing blanks and semicolon.
struct ScriptStatement {
  std::string text;
  std::size_t offset = 0;  ///< of its first byte in the script
  std::size_t line = 1;    ///< of its first byte in the script, from 1
};

/// Cuts a script into statements at semicolons that stand outside of quotes and comments. The
/// script may arrive in pieces of any size. With Commands::kTaken a backslash outside of quotes and
/// comments begins a command, which goes on to the end of its line; the statement around it stays
/// begun.
///
/// Threads: one thread at a time.
/// Cost:    looks at each byte once; holds one statement and one piece.
class StatementSplitter {
 public:
  /// What the text fed so far ends in.
  enum class Inside { kNothing, kStatement, kQuote, kIdentifier, kLineComment, kBlockComment };

  enum class Commands { kNone, kTaken };

  explicit StatementSplitter(Commands commands = Commands::kNone) : commands_(commands) {}

  void Feed(std::string_view text);
  /// Returns the next statement that a semicolon ends. Empty statements are skipped.
  std::optional<ScriptStatement> Next();
  /// Returns the statement at the end of the script that no semicolon ends. Call it when Next has
  /// returned nothing; it leaves the splitter empty.
  std::optional<ScriptStatement> Finish();
  /// Returns the command, with its backslash, before which Next stopped. Its whole line must have
  /// been fed.
  std::optional<std::string> TakeCommand();
  /// Takes the lines out that were fed behind the one that the last statement, or command, ended
  /// in: the data of a COPY.
  std::string TakeLinesBehind();
  /// Counts lines that were not fed, or were taken out.
  void PassLines(std::size_t num_lines) { line_ += num_lines; }
  /// The statement begun, without blanks behind it. "" when there is none.
  std::string Pending() const;
  /// Returns the statement begun, which need not be whole, and drops it.
  std::optional<ScriptStatement> TakePending();
  /// Drops the statement begun.
  void Clear();

  Inside inside() const;
  /// The bytes held for the statement begun.
  std::size_t num_pending_bytes() const { return buffer_.size() - begin_; }

 private:
  enum class State {
    kPlain,
    kQuote,
    kEscapes,
    kDollarQuote,
    kIdentifier,
    kLineComment,
    kBlockComment
  };

  std::optional<ScriptStatement> Scan(bool at_end);
  /// Looks at one token in plain text. Returns true when it was a semicolon.
  bool StepPlain();
  bool NeedsNextByte() const;
  /// The bytes of the tag of a dollar-quoted text that begins at scanned_; 0: none does.
  std::size_t DollarTagBytes() const;
  bool AtCommand() const;
  std::optional<ScriptStatement> Take(std::size_t end);

  const Commands commands_;
  std::string buffer_;
  std::size_t begin_ = 0;             // first byte of the buffer not yet returned
  std::size_t scanned_ = 0;           // first byte not yet looked at
  std::optional<std::size_t> start_;  // where the statement starts, once something but blanks came
  State state_ = State::kPlain;
  std::string dollar_tag_;  // what ends a dollar-quoted text: `$$`, `$name$`
  std::size_t offset_ = 0;  // of buffer_[begin_] in the script
  std::size_t line_ = 1;    // of buffer_[begin_] in the script
};

}  // namespace dashi
