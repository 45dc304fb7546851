// Any bytes as an SQL text: the parser gives statements or an error with a position inside the
// text, and what SQLite would get of a statement comes from inside the text too.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "base/status.h"
#include "sql/inner_query.h"
#include "sql/inserted_columns.h"
#include "sql/parser.h"
#include "sql/write_text.h"

namespace {

void CheckText(const dashi::sql::SqliteText& text, std::size_t size) {
  for (std::size_t at = 0; at < text.text().size(); at += 7) {
    const auto offset = text.SourceOffset(at);
    DASHI_CHECK(!offset || *offset <= size);
  }
}

// What SQLite would get of the statement.
void CheckTexts(const dashi::sql::ParsedStatement& statement, std::size_t size) {
  const auto* node = std::get_if<dashi::sql::SqliteStatement>(&statement.node);
  if (node == nullptr) {
    return;
  }
  dashi::sql::TextReplacements replaced = node->replaced;
  dashi::sql::NameInsertedColumns(statement, dashi::sql::UserSchemas(), &replaced);
  CheckText(dashi::sql::MainText(statement, replaced, ""), size);
  if (node->write && node->write->returning &&
      node->write->verb != dashi::sql::SqliteVerb::kDelete) {
    CheckText(dashi::sql::ReturningText(statement, node->replaced), size);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view sql(reinterpret_cast<const char*>(data), size);
  dashi::sql::Parser parser(sql);
  for (;;) {
    const auto statement = parser.Next();
    if (!statement.ok()) {
      const auto position = statement.status().position();
      DASHI_CHECK(!position || position->offset <= size);
      return 0;
    }
    if (!*statement) {
      return 0;
    }
    DASHI_CHECK((*statement)->begin_offset() + (*statement)->text().size() <= size);
    CheckTexts(**statement, size);
    if (const auto* copy = std::get_if<dashi::sql::CopyToStatement>(&(*statement)->node);
        copy != nullptr && copy->query) {
      CheckTexts(dashi::sql::StatementOf(**statement, *copy->query), size);
    }
    if (const auto* describe = std::get_if<dashi::sql::DescribeStatement>(&(*statement)->node);
        describe != nullptr && describe->query) {
      CheckTexts(dashi::sql::StatementOf(**statement, *describe->query), size);
    }
  }
}
