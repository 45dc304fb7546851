#include "sql/sqlite_text.h"

namespace dashi::sql {

SqliteText& SqliteText::Add(std::string_view own) {
  text_.append(own);
  return *this;
}

SqliteText& SqliteText::AddSource(TextRange range) {
  parts_.push_back({range, text_.size()});
  text_.append(source_.substr(range.begin, range.end - range.begin));
  return *this;
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
