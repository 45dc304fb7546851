#include "sql/shell/paged_sink.h"

#include <cstdlib>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/shell/display_width.h"

namespace dashi {

namespace {

constexpr int kCommandNotFound = 127;

bool IsInPath(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string_view folders = path == nullptr ? "" : path;
  while (!folders.empty()) {
    const std::size_t colon = folders.find(':');
    const std::string file = std::string(folders.substr(0, colon)) + "/" + program;
    if (::access(file.c_str(), X_OK) == 0) {
      return true;
    }
    folders.remove_prefix(colon == std::string_view::npos ? folders.size() : colon + 1);
  }
  return false;
}

}  // namespace

std::string PagerCommand() {
  for (const char* variable : {"DASHI_PAGER", "PAGER"}) {
    if (const char* value = std::getenv(variable); value != nullptr) {
      return value;
    }
  }
  for (const char* program : {"less", "more"}) {
    if (IsInPath(program)) {
      return program;
    }
  }
  return "";
}

PagedSink::PagedSink(ByteSink& terminal, std::string pager, TerminalSize size)
    : terminal_(terminal), pager_(std::move(pager)), size_(size) {}

// Whether what is held back leaves room for the next prompt.
bool PagedSink::Fits() const {
  const std::size_t num_columns = size_.num_columns > 0 ? size_.num_columns : 1;
  std::size_t num_lines = 0;
  std::string_view rest = held_;
  while (!rest.empty()) {
    const std::size_t newline = rest.find('\n');
    const std::size_t width = DisplayWidth(rest.substr(0, newline));
    num_lines += width == 0 ? 1 : (width + num_columns - 1) / num_columns;
    rest.remove_prefix(newline == std::string_view::npos ? rest.size() : newline + 1);
  }
  return num_lines < size_.num_lines;
}

Status PagedSink::Write(std::string_view bytes) {
  if (pipe_ != nullptr) {
    return pipe_->Write(bytes);
  }
  held_ += bytes;
  if (pager_.empty() || Fits()) {
    if (pager_.empty()) {
      return terminal_.Write(std::exchange(held_, std::string()));
    }
    return Status();
  }
  DASHI_RETURN_IF_ERROR(terminal_.Flush());
  // As git does it: leave at once when one screen is enough, pass colours through, do not wrap
  // lines, leave the text on the screen.
  DASHI_ASSIGN_OR_RETURN(pipe_, CommandPipe::Start("export LESS=\"${LESS-FRSX}\"; " + pager_));
  DASHI_RETURN_IF_ERROR(pipe_->Write(std::exchange(held_, std::string())));
  return pipe_->Flush();  // The first screen is there at once.
}

Status PagedSink::Finish() {
  if (pipe_ == nullptr) {
    DASHI_RETURN_IF_ERROR(terminal_.Write(std::exchange(held_, std::string())));
    return terminal_.Flush();
  }
  if (pipe_->Finish() == kCommandNotFound) {
    return Status::IoError("cannot run the pager: " + pager_)
        .WithHint("\\pager off shows results without one; DASHI_PAGER names another.");
  }
  return Status();
}

}  // namespace dashi
