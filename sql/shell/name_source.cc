#include "sql/shell/name_source.h"

#include <cstddef>
#include <memory>
#include <string_view>

#include <fmt/format.h>

#include "sql/shell/sql_quoting.h"

namespace dashi {

namespace {

constexpr std::size_t kNamesMax = 1000;

std::string_view QueryFor(NameKind kind) {
  switch (kind) {
    case NameKind::kTable:
      return "SELECT name FROM tables";
    case NameKind::kModel:
      return "SELECT name FROM models ORDER BY name";
    case NameKind::kRelease:
      return "SELECT name FROM releases ORDER BY model, number";
    case NameKind::kSetting:
      return "SELECT name FROM settings ORDER BY name";
    case NameKind::kJob:
      return "SELECT id FROM jobs ORDER BY id DESC";
    case NameKind::kGraph:
      return "SELECT name FROM graphs ORDER BY name";
    case NameKind::kIndex:
      return "SELECT name FROM indexes ORDER BY name";
  }
  return "";
}

}  // namespace

std::vector<std::string> DatabaseNames::Names(NameKind kind) {
  std::vector<std::string> names;
  const auto result = runner_.Run(QueryFor(kind));
  if (!result.ok()) {
    return names;
  }
  Row row;
  while (names.size() < kNamesMax) {
    const Result<bool> more = (*result)->Next(&row);
    if (!more.ok() || !*more) {
      break;
    }
    names.push_back(row.at(0).ToString());
  }
  return names;
}

std::vector<std::string> DatabaseNames::ColumnsOf(const std::string& table) {
  std::vector<std::string> names;
  const auto result = runner_.Run(fmt::format("SELECT * FROM {} LIMIT 0", QuotedIdentifier(table)));
  if (!result.ok()) {
    return names;
  }
  names.reserve((*result)->columns().size());
  for (const Column& column : (*result)->columns()) {
    names.push_back(column.name);
  }
  return names;
}

}  // namespace dashi
