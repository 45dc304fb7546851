#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "sql/shell/byte_sink.h"
#include "sql/shell/command_pipe.h"
#include "sql/shell/console.h"

namespace dashi {

/// Returns the command that shows what is longer than a screen: DASHI_PAGER, PAGER, or less or more
/// where there is one. "" when there is none, or when the variable is empty.
std::string PagerCommand();

/// Shows text on a terminal: at once when it fits the screen, otherwise through a pager, which
/// begins as soon as it is known that it does not fit.
///
/// Errors:  kUnavailable (08006) when the person has left the pager.
/// Threads: one thread at a time.
class PagedSink final : public ByteSink {
 public:
  /// `terminal` must outlive the sink.
  PagedSink(ByteSink& terminal, std::string pager, TerminalSize size);

  Status Write(std::string_view bytes) override;
  Status Flush() override { return Status(); }
  /// Shows what was held back, or waits until the person has left the pager.
  ///
  /// Errors: kIoError when the pager could not be run.
  Status Finish();

 private:
  bool Fits() const;

  ByteSink& terminal_;
  const std::string pager_;
  const TerminalSize size_;
  std::string held_;  // at most a screen, until the pager begins
  std::unique_ptr<CommandPipe> pipe_;
};

}  // namespace dashi
