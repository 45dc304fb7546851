#include "sql/sqlite_text.h"

namespace dashi::sql {

void TextReplacements::Add(TextRange range, std::vector<Piece> pieces) {
  if (range.end <= range.begin) {
    return;  // An operand is missing: SQLite says so.
  }
  by_begin_[range.begin].push_back(all_.size());
  all_.push_back({range, std::move(pieces)});
}

std::optional<std::size_t> TextReplacements::FirstWithin(TextRange range, std::size_t limit) const {
  for (auto at = by_begin_.lower_bound(range.begin); at != by_begin_.end() && at->first < range.end;
       ++at) {
    for (auto number = at->second.rbegin(); number != at->second.rend(); ++number) {
      if (*number < limit && all_[*number].range.end <= range.end) {
        return *number;
      }
    }
  }
  return std::nullopt;
}

SqliteText& SqliteText::Add(std::string_view own) {
  text_.append(own);
  return *this;
}

SqliteText& SqliteText::AddSource(TextRange range) {
  parts_.push_back({range, text_.size()});
  text_.append(source_.substr(range.begin, range.end - range.begin));
  return *this;
}

SqliteText& SqliteText::AddReplaced(TextRange range, const TextReplacements& replacements) {
  AddReplaced(range, replacements, replacements.size());
  return *this;
}

void SqliteText::AddReplaced(TextRange range, const TextReplacements& replacements,
                             std::size_t limit) {
  std::size_t at = range.begin;
  while (const auto number = replacements.FirstWithin({at, range.end}, limit)) {
    const TextReplacements::Replacement& replacement = replacements.at(*number);
    if (replacement.range.begin > at) {
      AddSource({at, replacement.range.begin});
    }
    for (const TextReplacements::Piece& piece : replacement.pieces) {
      if (piece.from_source) {
        AddReplaced(piece.range, replacements, *number);
      } else {
        Add(piece.own);
      }
    }
    at = replacement.range.end;
  }
  if (range.end > at) {
    AddSource({at, range.end});
  }
}

std::optional<std::size_t> SqliteText::SourceOffset(std::size_t offset) const {
  for (const Part& part : parts_) {
    if (offset >= part.at && offset <= part.at + (part.in_source.end - part.in_source.begin)) {
      return part.in_source.begin + (offset - part.at);
    }
  }
  return std::nullopt;
}

std::string QuotedName(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    quoted.append(c == '"' ? 2 : 1, c);
  }
  quoted += '"';
  return quoted;
}

}  // namespace dashi::sql
