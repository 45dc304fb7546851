#include "sql/pg_catalog/object_names.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/pg_catalog/builtin_types.h"
#include "sql/pg_catalog/catalog_state.h"

namespace dashi::sql::pg_catalog {

namespace {

using postgres::CastKind;

/// A name in parts, as SQL reads it: outside of double quotes in lower case.
struct QualifiedName {
  std::string schema;
  std::string name;
};

Result<QualifiedName> ReadName(std::string_view text) {
  QualifiedName read;
  bool quoted = false;
  std::string part;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"') {
      part += c;
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == '.' && !quoted) {
      if (!read.schema.empty() && read.schema != "pg_catalog") {
        return Status::InvalidArgument("improper qualified name: " + std::string(text))
            .WithSqlState("42601");
      }
      read.schema = std::exchange(part, {});
    } else if (quoted) {
      part += c;
    } else if (c != ' ') {
      part += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  if (quoted || part.empty()) {
    return Status::InvalidArgument("invalid name syntax").WithSqlState("42602");
  }
  read.name = std::move(part);
  return read;
}

std::optional<Oid> NumberOf(std::string_view text) {
  Oid number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number)
                                                                  : std::nullopt;
}

Status NoSuch(std::string_view what, std::string_view text, std::string_view state) {
  return Status::NotFound(fmt::format("{} \"{}\" does not exist", what, text)).WithSqlState(state);
}

Result<Oid> FindClass(const CatalogObjects& objects, std::string_view text) {
  DASHI_ASSIGN_OR_RETURN(const QualifiedName name, ReadName(text));
  for (const std::string_view schema : {"pg_catalog", "public", "information_schema"}) {
    const bool searched = name.schema.empty() ? schema != "information_schema"  // As search_path.
                                              : name.schema == schema;
    if (!searched) {
      continue;
    }
    if (const CatalogRelation* relation = objects.FindRelation(schema, name.name)) {
      return relation->oid;
    }
    const CatalogIndex* index = schema == "public" ? objects.FindIndex(name.name) : nullptr;
    if (index != nullptr) {
      return index->oid;
    }
  }
  return NoSuch("relation", text, "42P01");
}

Result<Oid> FindFunctionNamed(const CatalogObjects& objects, std::string_view text) {
  DASHI_ASSIGN_OR_RETURN(const QualifiedName name, ReadName(text));
  const std::optional<Oid> builtin = FindFunctionOid(name.name);
  if (builtin && name.schema != "public") {
    return *builtin;
  }
  for (const CatalogFunction& function : objects.functions()) {
    if (function.name == name.name && name.schema != "pg_catalog") {
      return function.oid;
    }
  }
  return NoSuch("function", text, "42883");
}

Result<Oid> FindTypeNamed(std::string_view text) {
  std::string_view name = text;
  for (const std::string_view schema : {"pg_catalog.", "public."}) {
    name.remove_prefix(name.starts_with(schema) ? schema.size() : 0);
  }
  const BuiltinType* type = FindType(name);
  if (type == nullptr && name.size() > 2 && name.front() == '"' && name.back() == '"') {
    type = FindType(name.substr(1, name.size() - 2));
  }
  return type == nullptr ? Result<Oid>(NoSuch("type", text, "42704")) : Result<Oid>(type->oid);
}

Result<Oid> FindRole(const CatalogObjects& objects, std::string_view text) {
  DASHI_ASSIGN_OR_RETURN(const QualifiedName name, ReadName(text));
  for (const Role& role : objects.roles()) {
    if (role.name == name.name) {
      return role.oid;
    }
  }
  return NoSuch("role", text, "42704");
}

std::string ClassName(const CatalogObjects& objects, Oid oid) {
  if (const CatalogIndex* index = objects.FindIndex(oid)) {
    return QuotedIdentifier(index->name);
  }
  const CatalogRelation* relation = objects.FindRelation(oid);
  if (relation == nullptr) {
    return std::to_string(oid);
  }
  // A name in pg_catalog would be found first.
  const bool hidden = relation->schema == kPublicSchema &&
                      objects.FindRelation("pg_catalog", relation->name) != nullptr;
  const bool seen = relation->schema != kInformationSchema && !hidden;
  return (seen ? "" : std::string(SchemaName(relation->schema)) + ".") +
         QuotedIdentifier(relation->name);
}

std::string FunctionName(const CatalogObjects& objects, Oid oid) {
  if (const char* name = FindFunctionName(oid)) {
    return name;
  }
  const CatalogFunction* function = objects.FindFunction(oid);
  return function == nullptr ? std::to_string(oid) : QuotedIdentifier(function->name);
}

}  // namespace

Result<Oid> FindObject(const CatalogObjects& objects, CastKind kind, std::string_view text) {
  if (text == "-") {
    return Oid{0};
  }
  if (const std::optional<Oid> number = NumberOf(text)) {
    return *number;
  }
  switch (kind) {
    case CastKind::kRegclass:
      return FindClass(objects, text);
    case CastKind::kRegtype:
      return FindTypeNamed(text);
    case CastKind::kRegproc:
      return FindFunctionNamed(objects, text);
    case CastKind::kRegnamespace: {
      DASHI_ASSIGN_OR_RETURN(const QualifiedName name, ReadName(text));
      const Oid schema = FindSchema(name.name);
      return schema == 0 ? Result<Oid>(NoSuch("schema", text, "3F000")) : Result<Oid>(schema);
    }
    case CastKind::kRegrole:
      return FindRole(objects, text);
    default:
      return Status::InvalidArgument("there is no such type").WithSqlState("22023");
  }
}

std::string ObjectName(const CatalogObjects& objects, CastKind kind, std::int64_t number) {
  const Oid oid = static_cast<Oid>(number);
  if (number == 0) {
    return "-";
  }
  switch (kind) {
    case CastKind::kRegclass:
      return ClassName(objects, oid);
    case CastKind::kRegtype:
      return FindType(oid) == nullptr ? std::to_string(oid) : FormatType(oid, std::nullopt);
    case CastKind::kRegproc:
      return FunctionName(objects, oid);
    case CastKind::kRegnamespace: {
      const std::string_view name = SchemaName(oid);
      return name.empty() ? std::to_string(oid) : std::string(name);
    }
    case CastKind::kRegrole: {
      const auto& roles = objects.roles();
      const auto found =
          std::find_if(roles.begin(), roles.end(), [&](const Role& one) { return one.oid == oid; });
      return found == roles.end() ? std::to_string(oid) : QuotedIdentifier(found->name);
    }
    default:
      return std::to_string(oid);
  }
}

bool IsObject(const Column& column) {
  return column.sql_type >= SqlType::kRegclass && column.sql_type <= SqlType::kRegrole;
}

Status ShowObjects(StatementContext& statement, std::span<const Column> columns, Row* row) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    Value& value = (*row)[i];
    if (!IsObject(columns[i]) || value.type() != ValueType::kInteger) {
      continue;
    }
    DASHI_ASSIGN_OR_RETURN(const CatalogState* const state, CatalogState::Of(statement));
    const int number = static_cast<int>(columns[i].sql_type) - static_cast<int>(SqlType::kRegclass);
    const auto kind = static_cast<CastKind>(static_cast<int>(CastKind::kRegclass) + number);
    value = Value::Text(ObjectName(state->objects(), kind, value.integer()));
  }
  return Status();
}
static_assert(static_cast<int>(SqlType::kRegrole) - static_cast<int>(SqlType::kRegclass) ==
                  static_cast<int>(CastKind::kRegrole) - static_cast<int>(CastKind::kRegclass),
              "both in the same order");

}  // namespace dashi::sql::pg_catalog
