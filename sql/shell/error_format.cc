#include "sql/shell/error_format.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "sql/shell/display_width.h"

namespace dashi {

namespace {

constexpr std::size_t kLineWidthMax = 72;   // columns shown of the statement's line
constexpr std::size_t kColumnsBefore = 40;  // of them before the caret, when the line is cut

// A line of the statement, safe to show, in two parts: before the error and from it on.
struct SplitLine {
  std::string before;
  std::string after;
};

std::string ShownText(std::string_view text) {
  std::string blanks_only(text);
  std::replace(blanks_only.begin(), blanks_only.end(), '\t', ' ');
  std::erase(blanks_only, '\r');
  return PrintableText(blanks_only);
}

SplitLine LineAround(std::string_view statement, std::size_t offset) {
  const std::size_t newline = statement.substr(0, offset).rfind('\n');
  const std::size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
  const std::size_t end = std::min(statement.find('\n', offset), statement.size());
  return {ShownText(statement.substr(begin, offset - begin)),
          ShownText(statement.substr(offset, end - offset))};
}

void CutToWindow(SplitLine* line) {
  const std::size_t width_before = DisplayWidth(line->before);
  if (width_before + DisplayWidth(line->after) <= kLineWidthMax) {
    return;
  }
  if (width_before > kColumnsBefore) {
    const std::string_view dropped = PrefixOfWidth(line->before, width_before - kColumnsBefore);
    line->before = "..." + line->before.substr(dropped.size());
  }
  const std::size_t room = kLineWidthMax - std::min(kLineWidthMax, DisplayWidth(line->before));
  const std::string_view kept = PrefixOfWidth(line->after, room);
  if (kept.size() < line->after.size()) {
    line->after = std::string(kept) + "...";
  }
}

}  // namespace

std::string FormatError(const Status& status, std::string_view statement) {
  std::string out = fmt::format("ERROR:  {}\n", PrintableText(status.message()));
  const std::optional<SourcePosition> position = status.position();
  if (position && position->offset <= statement.size() && !statement.empty()) {
    SplitLine line = LineAround(statement, position->offset);
    CutToWindow(&line);
    const std::string head = fmt::format("LINE {}: ", position->line);
    out += head + line.before + line.after + "\n";
    out += std::string(head.size() + DisplayWidth(line.before), ' ') + "^\n";
  }
  if (!status.hint().empty()) {
    out += fmt::format("HINT:  {}\n", PrintableText(status.hint()));
  }
  out += fmt::format("SQLSTATE:  {}\n", status.sqlstate());
  return out;
}

}  // namespace dashi
