#include "base/byte_size.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>
#include <system_error>
#include <utility>

namespace dashi {

std::optional<std::uint64_t> ParseByteSize(std::string_view text) {
  static constexpr std::pair<std::string_view, unsigned> kUnits[] = {
      {"", 0}, {"b", 0}, {"kb", 10}, {"mb", 20}, {"gb", 30}, {"tb", 40}};
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) {
    return std::nullopt;
  }
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  unit.remove_prefix(std::min(unit.find_first_not_of(' '), unit.size()));
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == static_cast<unsigned char>(b);
  };
  for (const auto& [name, shift] : kUnits) {
    if (std::equal(unit.begin(), unit.end(), name.begin(), name.end(), same) &&
        number <= std::numeric_limits<std::uint64_t>::max() >> shift) {
      return number << shift;
    }
  }
  return std::nullopt;
}

std::string ByteSizeText(std::uint64_t bytes) {
  static constexpr std::pair<std::string_view, unsigned> kUnits[] = {
      {"TB", 40}, {"GB", 30}, {"MB", 20}, {"kB", 10}};
  for (const auto& [name, shift] : kUnits) {
    if (bytes != 0 && bytes % (std::uint64_t{1} << shift) == 0) {
      return std::to_string(bytes >> shift) + std::string(name);
    }
  }
  return std::to_string(bytes);
}

}  // namespace dashi
