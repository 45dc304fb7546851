#include "sql/shell/copy_data.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <unistd.h>

#include "base/status.h"

namespace dashi {

namespace {

constexpr int kPollMs = 100;

Status CancelledByCtrlC() {
  return Status::Cancelled("the statement was cancelled by request").WithSqlState("57014");
}

}  // namespace

void LineData::TakeKnown() {
  line_.clear();
  given_ = 0;
  at_end_ = false;
  num_lines_ = 0;
  known_ = splitter_.TakeLinesBehind();
  known_read_ = 0;
}

Status LineData::Begin() {
  TakeKnown();
  if (lines_.interactive() && known_.empty()) {
    DASHI_RETURN_IF_ERROR(
        terminal_.Write("Enter the rows, a line each, and end with a line that is \\. alone, or "
                        "Ctrl-D.\n"));
    return terminal_.Flush();
  }
  return Status();
}

LineReader::Outcome LineData::ReadLine() {
  if (known_read_ < known_.size()) {
    const std::size_t end = std::min(known_.find('\n', known_read_), known_.size());
    line_ = known_.substr(known_read_, end - known_read_);
    known_read_ = std::min(end + 1, known_.size());
    return LineReader::Outcome::kLine;
  }
  reading_ = true;
  const LineReader::Outcome outcome = lines_.ReadData(">> ", &line_);
  reading_ = false;
  return outcome;
}

Result<bool> LineData::NextLine() {
  if (at_end_) {
    return false;
  }
  given_ = 0;
  const LineReader::Outcome outcome = ReadLine();
  num_lines_ += outcome == LineReader::Outcome::kLine ? 1 : 0;
  if (outcome == LineReader::Outcome::kLine && line_ != "\\." && line_ != "\\.\r") {
    line_ += '\n';
    return true;
  }
  line_.clear();
  at_end_ = true;
  if (outcome == LineReader::Outcome::kInterrupted) {
    return CancelledByCtrlC();
  }
  if (outcome == LineReader::Outcome::kTooLong) {
    return Status::ResourceExhausted("a line of the data is longer than 64 MiB")
        .WithSqlState("54000");
  }
  return false;
}

Result<std::size_t> LineData::Read(std::span<char> bytes) {
  if (given_ == line_.size()) {
    DASHI_ASSIGN_OR_RETURN(const bool more, NextLine());
    if (!more) {
      return std::size_t{0};
    }
  }
  const std::size_t size = std::min(bytes.size(), line_.size() - given_);
  std::copy_n(line_.data() + given_, size, bytes.data());
  given_ += size;
  return size;
}

void LineData::End() {
  for (bool more = true; more;) {
    const Result<bool> next = NextLine();
    more = next.ok() && *next;
  }
  splitter_.PassLines(num_lines_);
  splitter_.Feed(std::string_view(known_).substr(known_read_));
  known_.clear();
}

void LineData::Refuse() {
  TakeKnown();
  if (!known_.empty() || !lines_.interactive()) {
    End();
  }
}

Status StandardInputData::Begin() {
  if (taken_) {
    return Status::FailedPrecondition("standard input was read already").WithSqlState("55000");
  }
  taken_ = true;
  return Status();
}

bool StandardInputData::typed() const { return ::isatty(STDIN_FILENO) == 1; }

Result<std::size_t> StandardInputData::Read(std::span<char> bytes) {
  while (true) {
    pollfd descriptor = {STDIN_FILENO, POLLIN, 0};
    const int ready = ::poll(&descriptor, 1, kPollMs);
    if (cancelled_()) {
      return CancelledByCtrlC();
    }
    const ssize_t size = ready == 0 ? -1 : ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (size >= 0) {
      return static_cast<std::size_t>(size);
    }
    if (ready != 0 && errno != EINTR && errno != EAGAIN) {
      return Status::IoError(std::string("cannot read standard input: ") + std::strerror(errno));
    }
  }
}

}  // namespace dashi
