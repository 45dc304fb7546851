#include <fmt/format.h>

#include "base/status.h"
#include "trainer/text/reference_unicode.h"
#include "trainer/text/tokenizer_spec.h"

namespace dashi::trainer {

Result<std::vector<TokenPair>> ParseMergeLines(std::string_view bytes) {
  std::vector<TokenPair> merges;
  for (std::size_t number = 1; !bytes.empty(); ++number) {
    const std::size_t end = bytes.find('\n');
    std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    if (line.empty() || line.starts_with("#version")) {
      continue;
    }
    const std::size_t space = line.find(' ');
    if (space == 0 || space == std::string_view::npos || space + 1 == line.size() ||
        line.find(' ', space + 1) != std::string_view::npos || !IsUtf8(line)) {
      return Status::Corruption(
          fmt::format("merges.txt is damaged: line {} is no pair of tokens", number));
    }
    merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  return merges;
}

std::string FormatMergeLines(const std::vector<TokenPair>& merges) {
  std::string bytes = "#version: 0.2\n";
  for (const auto& [left, right] : merges) {
    bytes += fmt::format("{} {}\n", left, right);
  }
  return bytes;
}

}  // namespace dashi::trainer
