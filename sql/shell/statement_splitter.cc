#include "sql/shell/statement_splitter.h"

#include <algorithm>

#include "base/dollar_quote.h"

namespace dashi {

namespace {

constexpr std::string_view kBlanks = " \t\r\n\f\v";
// Longer names are none of a tag.
constexpr std::size_t kDollarTagBytesMax = 128;

// Whether a text ends within a name.
bool EndsInName(std::string_view text) {
  const unsigned char last = text.empty() ? ' ' : static_cast<unsigned char>(text.back());
  return (last >= 'a' && last <= 'z') || (last >= 'A' && last <= 'Z') ||
         (last >= '0' && last <= '9') || last == '_' || last == '$' || last >= 0x80;
}

// Whether a quote behind this text begins E'...', in which a backslash may stand before a quote.
bool FollowsE(std::string_view text) {
  return !text.empty() && (text.back() == 'e' || text.back() == 'E') &&
         !EndsInName(text.substr(0, text.size() - 1));
}

}  // namespace

void StatementSplitter::Feed(std::string_view text) {
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  if (start_) {
    *start_ -= begin_;
  }
  begin_ = 0;
  buffer_ += text;
}

std::optional<ScriptStatement> StatementSplitter::Next() { return Scan(/*at_end=*/false); }

std::optional<ScriptStatement> StatementSplitter::Finish() {
  std::optional<ScriptStatement> statement = Scan(/*at_end=*/true);
  if (!statement) {
    statement = Take(buffer_.size());
  }
  Clear();
  return statement;
}

bool StatementSplitter::AtCommand() const {
  return commands_ == Commands::kTaken && state_ == State::kPlain && scanned_ < buffer_.size() &&
         buffer_[scanned_] == '\\';
}

std::optional<std::string> StatementSplitter::TakeCommand() {
  if (!AtCommand()) {
    return std::nullopt;
  }
  const std::size_t end = std::min(buffer_.find('\n', scanned_), buffer_.size());
  std::string command = buffer_.substr(scanned_, end - scanned_);
  buffer_.erase(scanned_, end - scanned_);
  return command;
}

std::string StatementSplitter::TakeLinesBehind() {
  const std::size_t newline = std::min(buffer_.find('\n', scanned_), buffer_.size());
  const std::size_t begin = std::min(newline + 1, buffer_.size());
  std::string lines = buffer_.substr(begin);
  buffer_.erase(begin);
  return lines;
}

std::string StatementSplitter::Pending() const {
  if (!start_) {
    return std::string();
  }
  std::string pending = buffer_.substr(*start_, scanned_ - *start_);
  pending.erase(pending.find_last_not_of(kBlanks) + 1);
  return pending;
}

std::optional<ScriptStatement> StatementSplitter::TakePending() { return Take(scanned_); }

void StatementSplitter::Clear() {
  start_.reset();
  scanned_ = buffer_.size();
  Take(buffer_.size());
  state_ = State::kPlain;
}

StatementSplitter::Inside StatementSplitter::inside() const {
  switch (state_) {
    case State::kQuote:
    case State::kEscapes:
    case State::kDollarQuote:
      return Inside::kQuote;
    case State::kIdentifier:
      return Inside::kIdentifier;
    case State::kLineComment:
      return start_ ? Inside::kLineComment : Inside::kNothing;
    case State::kBlockComment:
      return Inside::kBlockComment;
    case State::kPlain:
      break;
  }
  return start_ ? Inside::kStatement : Inside::kNothing;
}

// Whether the byte at scanned_ is the last one known and the next one decides what it means.
bool StatementSplitter::NeedsNextByte() const {
  const char byte = buffer_[scanned_];
  const std::string_view rest = std::string_view(buffer_).substr(scanned_);
  if (byte == '$' && state_ == State::kPlain) {  // The whole of a tag tells.
    return rest.size() < kDollarTagBytesMax &&
           std::all_of(rest.begin() + 1, rest.end(),
                       [](char c) { return c != '$' && EndsInName(std::string_view(&c, 1)); });
  }
  if (byte == '$' && state_ == State::kDollarQuote) {
    return rest.size() < dollar_tag_.size() && dollar_tag_.starts_with(rest);
  }
  if (scanned_ + 1 < buffer_.size()) {
    return false;
  }
  return (state_ == State::kPlain && (byte == '-' || byte == '/')) ||
         (state_ == State::kBlockComment && byte == '*') ||
         (state_ == State::kEscapes && byte == '\\');
}

std::size_t StatementSplitter::DollarTagBytes() const {
  const std::string_view known = buffer_;
  return EndsInName(known.substr(begin_, scanned_ - begin_))
             ? 0
             : dashi::DollarTagBytes(known.substr(scanned_, kDollarTagBytesMax));
}

bool StatementSplitter::StepPlain() {
  const std::string_view rest = std::string_view(buffer_).substr(scanned_);
  if (rest.starts_with("--") || rest.starts_with("/*")) {
    state_ = rest.front() == '-' ? State::kLineComment : State::kBlockComment;
    scanned_ += 2;
    return false;
  }
  const char byte = rest.front();
  if (byte == ';') {
    ++scanned_;
    return true;
  }
  if (!start_ && kBlanks.find(byte) == std::string_view::npos) {
    start_ = scanned_;
  }
  if (const std::size_t tag_bytes = DollarTagBytes(); tag_bytes > 0) {
    state_ = State::kDollarQuote;
    dollar_tag_ = rest.substr(0, tag_bytes);
    scanned_ += tag_bytes;
    return false;
  }
  if (byte == '\'') {
    state_ = FollowsE(std::string_view(buffer_).substr(begin_, scanned_ - begin_)) ? State::kEscapes
                                                                                   : State::kQuote;
  } else if (byte == '"') {
    state_ = State::kIdentifier;
  }
  ++scanned_;
  return false;
}

std::optional<ScriptStatement> StatementSplitter::Scan(bool at_end) {
  while (scanned_ < buffer_.size()) {
    if (AtCommand() || (!at_end && NeedsNextByte())) {
      return std::nullopt;
    }
    const char byte = buffer_[scanned_];
    switch (state_) {
      case State::kPlain:
        if (StepPlain()) {
          if (auto statement = Take(scanned_ - 1)) {
            return statement;
          }
        }
        break;
      case State::kQuote:
      case State::kIdentifier:
        // A doubled quote leaves and enters again, which comes to the same.
        if (byte == (state_ == State::kQuote ? '\'' : '"')) {
          state_ = State::kPlain;
        }
        ++scanned_;
        break;
      case State::kEscapes:
        if (byte == '\\' && scanned_ + 1 < buffer_.size()) {
          ++scanned_;
        } else if (byte == '\'') {
          state_ = State::kPlain;
        }
        ++scanned_;
        break;
      case State::kDollarQuote:
        if (std::string_view(buffer_).substr(scanned_).starts_with(dollar_tag_)) {
          state_ = State::kPlain;
          scanned_ += dollar_tag_.size();
        } else {
          ++scanned_;
        }
        break;
      case State::kLineComment:
        if (byte == '\n') {
          state_ = State::kPlain;
        }
        ++scanned_;
        break;
      case State::kBlockComment:
        if (byte == '*' && std::string_view(buffer_).substr(scanned_).starts_with("*/")) {
          state_ = State::kPlain;
          ++scanned_;
        }
        ++scanned_;
        break;
    }
  }
  return std::nullopt;
}

std::optional<ScriptStatement> StatementSplitter::Take(std::size_t end) {
  std::optional<ScriptStatement> statement;
  const auto lines_until = [&](std::size_t until) {
    return static_cast<std::size_t>(
        std::count(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
                   buffer_.begin() + static_cast<std::ptrdiff_t>(until), '\n'));
  };
  if (start_) {
    statement.emplace();
    statement->text = buffer_.substr(*start_, end - *start_);
    statement->text.erase(statement->text.find_last_not_of(kBlanks) + 1);
    statement->offset = offset_ + (*start_ - begin_);
    statement->line = line_ + lines_until(*start_);
  }
  line_ += lines_until(scanned_);
  offset_ += scanned_ - begin_;
  begin_ = scanned_;
  start_.reset();
  return statement;
}

}  // namespace dashi
