#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dashi::sql {

/// A part of an SQL text.  Units: byte offsets.
struct TextRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// A statement as SQLite gets it: parts of the SQL text that a person wrote, and words of our own
/// between them. It knows where each byte comes from, so that errors point at what was written.
///
/// Threads: a value type.
class SqliteText {
 public:
  /// `source` is the whole SQL text; borrowed.
  explicit SqliteText(std::string_view source) : source_(source) {}

  SqliteText& Add(std::string_view own);
  SqliteText& AddSource(TextRange range);

  const std::string& text() const { return text_; }
  /// Where a byte of the text stands in the source; nullopt for words of our own.
  std::optional<std::size_t> SourceOffset(std::size_t offset) const;

 private:
  struct Part {
    TextRange in_source;
    std::size_t at = 0;  // in text_
  };

  std::string_view source_;
  std::string text_;
  std::vector<Part> parts_;
};

/// A name in double quotes.
std::string QuotedName(std::string_view name);

}  // namespace dashi::sql
