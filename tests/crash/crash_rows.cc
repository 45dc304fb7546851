#include "tests/crash/crash_rows.h"

#include <charconv>

#include <fmt/format.h>

namespace dashi::crash {

namespace {

constexpr char kPairSeparator = '\x1f';
// Few different words keep the vocabulary of trained models small. All are as long.
constexpr std::uint64_t kNumWords = 60;
constexpr std::size_t kWordBytes = 4;

std::string AllWords() {
  std::string words;
  for (std::uint64_t word = 0; word < kNumWords; ++word) {
    words += fmt::format(" w{:02}", word);
  }
  return words;
}

std::uint64_t NumberIn(std::string_view text, int base) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number, base);
  return number;
}

}  // namespace

std::string DocumentKey(std::string_view id) { return fmt::format("D:{}", id); }
std::string DocumentValue(std::string_view split, std::string_view text) {
  return fmt::format("{}|{}", split, text);
}
std::string LabelKey(std::string_view id) { return fmt::format("L:{}", id); }
std::string AnchorKey(std::string_view id) { return fmt::format("A:{}", id); }
std::string RelevanceKey(std::string_view document, std::string_view label) {
  return fmt::format("R:{}{}{}", document, kPairSeparator, label);
}
std::string EdgeKey(std::string_view document, std::string_view label) {
  return fmt::format("G:{}{}{}", document, kPairSeparator, label);
}
std::string ModelKey(std::string_view name) { return fmt::format("M:{}", name); }
std::string ReleaseKey(std::string_view name) { return fmt::format("E:{}", name); }
std::string ColumnKey(std::string_view column) { return fmt::format("C:{}", column); }
std::string ColumnValueKey(std::string_view column, std::string_view document) {
  return fmt::format("V:{}.{}", column, document);
}
std::string IndexKey(std::string_view name) { return fmt::format("I:{}", name); }

bool IsSchemaName(std::string_view name) {
  return name.starts_with("column_") || name.starts_with("index_");
}

RelevanceIds ParseRelevanceKey(std::string_view key) {
  const std::size_t separator = key.find(kPairSeparator);
  return {std::string(key.substr(2, separator - 2)), std::string(key.substr(separator + 1))};
}

RowChanges Difference(const Rows& before, const Rows& after) {
  RowChanges changes;
  for (const auto& [key, value] : after) {
    const auto old = before.find(key);
    if (old == before.end() || old->second != value) {
      changes[key] = value;
    }
  }
  for (const auto& [key, value] : before) {
    if (!after.contains(key)) {
      changes[key] = std::nullopt;
    }
  }
  return changes;
}

void ApplyChanges(const RowChanges& changes, Rows* rows) {
  for (const auto& [key, value] : changes) {
    if (value) {
      (*rows)[key] = *value;
    } else {
      rows->erase(key);
    }
  }
}

int OwnerOf(std::string_view key) {
  const std::string_view id = key.substr(2);
  if (key.starts_with("M:") || key.starts_with("E:") || id.starts_with("base-")) {
    return kTrainerOwner;
  }
  if (key.starts_with("C:") || key.starts_with("V:") || key.starts_with("I:") ||
      id.starts_with("schema-")) {
    return kSchemaOwner;
  }
  return id.starts_with("t") ? static_cast<int>(NumberIn(id.substr(1), 10)) : kSharedOwner;
}

std::string IdPrefix(int writer) { return fmt::format("t{}-", writer); }

std::string NewToken(std::size_t num_bytes, Random* random) {
  return fmt::format("v{:016x}x{}", random->Next(), num_bytes);
}

std::string TextOf(std::string_view token) {
  std::string text(token);
  const std::size_t size_at = token.find('x');
  if (!token.starts_with('v') || size_at == std::string_view::npos) {
    return text;
  }
  Random random(NumberIn(token.substr(1, size_at - 1), 16));
  const std::uint64_t num_bytes = NumberIn(token.substr(size_at + 1), 10);
  static const std::string* const words = new std::string(AllWords());
  text.reserve(num_bytes + kWordBytes);
  while (text.size() < num_bytes) {
    text.append(*words, random.Uniform(kNumWords) * kWordBytes, kWordBytes);
  }
  return text;
}

std::optional<std::string> TokenOf(std::string_view text) {
  const std::string_view token = text.substr(0, text.find(' '));
  return TextOf(token) == text ? std::optional<std::string>(token) : std::nullopt;
}

}  // namespace dashi::crash
