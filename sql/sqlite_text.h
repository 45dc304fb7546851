#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dashi::sql {

/// A part of an SQL text.  Units: byte offsets.
struct TextRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// What stands in the place of parts of an SQL text: words of our own, and parts of the text, in
/// which others may be replaced.
///
/// Threads: a value type.
class TextReplacements {
 public:
  /// Words of our own, or a part of the text.
  struct Piece {
    Piece(std::string words) : own(std::move(words)) {}  // NOLINT(*-explicit-*): lists of both
    Piece(const char* words) : own(words) {}             // NOLINT(*-explicit-*): lists of both
    Piece(TextRange part) : range(part), from_source(true) {}  // NOLINT(*-explicit-*): as above
    std::string own;
    TextRange range;
    bool from_source = false;
  };
  struct Replacement {
    TextRange range;
    std::vector<Piece> pieces;
  };

  /// Inner ones come before those around them. Empty ranges stay as they are.
  void Add(TextRange range, std::vector<Piece> pieces);
  bool empty() const { return all_.empty(); }
  std::size_t size() const { return all_.size(); }
  const Replacement& at(std::size_t number) const { return all_[number]; }
  /// The first replacement inside a part of the text, of those that begin together the outermost,
  /// among the first `limit`.
  std::optional<std::size_t> FirstWithin(TextRange range, std::size_t limit) const;

 private:
  std::vector<Replacement> all_;
  std::map<std::size_t, std::vector<std::size_t>> by_begin_;  // ascending numbers
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
  /// Adds a part of the source with what takes the place of parts of it.
  SqliteText& AddReplaced(TextRange range, const TextReplacements& replacements);

  const std::string& text() const { return text_; }
  /// Where a byte of the text stands in the source; nullopt for words of our own.
  std::optional<std::size_t> SourceOffset(std::size_t offset) const;

 private:
  void AddReplaced(TextRange range, const TextReplacements& replacements, std::size_t limit);

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
