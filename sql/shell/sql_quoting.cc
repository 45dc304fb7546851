#include "sql/shell/sql_quoting.h"

#include <algorithm>
#include <cctype>

namespace dashi {

namespace {

std::string Quoted(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char byte : text) {
    out.append(byte == quote ? 2 : 1, byte);
  }
  return out + quote;
}

bool IsWordByte(char byte) {
  return std::isalnum(static_cast<unsigned char>(byte)) != 0 || byte == '_';
}

}  // namespace

std::string QuotedText(std::string_view text) { return Quoted(text, '\''); }

std::string QuotedIdentifier(std::string_view name) {
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), IsWordByte) &&
                     std::isdigit(static_cast<unsigned char>(name.front())) == 0;
  return plain ? std::string(name) : Quoted(name, '"');
}

}  // namespace dashi
