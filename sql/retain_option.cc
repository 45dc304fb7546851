#include "sql/retain_option.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "base/status.h"
#include "storage/catalog_records.h"

namespace dashi::sql {

Result<std::optional<std::uint32_t>> TakeRetainOption(const ParsedStatement& statement,
                                                      std::vector<OptionNode>* options) {
  const auto option = std::find_if(options->begin(), options->end(), [](const OptionNode& node) {
    return node.name == kRetainOption;
  });
  if (option == options->end()) {
    return std::optional<std::uint32_t>();
  }
  const std::string& text = option->value;
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() ||
      number > storage::kRetainReleasesMax) {
    return statement.At(Status::InvalidArgument(
                            fmt::format("option {} must be a whole number from 0 to {}: got '{}'",
                                        kRetainOption, storage::kRetainReleasesMax, text)),
                        option->offset);
  }
  options->erase(option);
  return std::optional(number);
}

}  // namespace dashi::sql
