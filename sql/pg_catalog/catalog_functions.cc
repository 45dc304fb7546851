#include "sql/pg_catalog/catalog_functions.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/pg_catalog/builtin_types.h"
#include "sql/pg_catalog/catalog_state.h"
#include "sql/pg_catalog/object_names.h"
#include "sql/pg_catalog/object_rows.h"
#include "sql/pg_catalog/presets.h"
#include "sql/pg_catalog/roles.h"
#include "sql/settings.h"
#include "sql/virtual_table.h"

namespace dashi::sql::pg_catalog {

namespace {

using postgres::CastKind;
using postgres::ScalarFunction;
using Arguments = std::span<sqlite3_value*>;

Result<const CatalogObjects*> ObjectsOf(StatementContext& statement) {
  DASHI_ASSIGN_OR_RETURN(const CatalogState* const state, CatalogState::Of(statement));
  return &state->objects();
}

bool IsNull(sqlite3_value* value) { return sqlite3_value_type(value) == SQLITE_NULL; }

/// The number of a relation that an argument is, or names.
Result<Oid> RelationOf(const CatalogObjects& objects, sqlite3_value* value) {
  if (sqlite3_value_type(value) == SQLITE_INTEGER) {
    return static_cast<Oid>(sqlite3_value_int64(value));
  }
  return FindObject(objects, CastKind::kRegclass, TextOf(value));
}

Oid OidOfArgument(sqlite3_value* value) { return static_cast<Oid>(sqlite3_value_int64(value)); }

// --- Casts

Result<Value> ObjectFunction(StatementContext& statement, Arguments arguments) {
  const auto kind = static_cast<CastKind>(sqlite3_value_int(arguments[1]));
  if (sqlite3_value_type(arguments[0]) == SQLITE_INTEGER) {
    return Value::Integer(static_cast<std::uint32_t>(sqlite3_value_int64(arguments[0])));
  }
  DASHI_ASSIGN_OR_RETURN(const CatalogObjects* const objects, ObjectsOf(statement));
  DASHI_ASSIGN_OR_RETURN(const Oid oid, FindObject(*objects, kind, TextOf(arguments[0])));
  return Value::Integer(oid);
}

Result<Value> ObjectNameFunction(StatementContext& statement, Arguments arguments) {
  if (sqlite3_value_type(arguments[0]) == SQLITE_TEXT) {
    return ValueFromSqlite(arguments[0]);  // It is one already.
  }
  DASHI_ASSIGN_OR_RETURN(const CatalogObjects* const objects, ObjectsOf(statement));
  const auto kind = static_cast<CastKind>(sqlite3_value_int(arguments[1]));
  return Value::Text(ObjectName(*objects, kind, sqlite3_value_int64(arguments[0])));
}

template <CastKind kKind>
Result<Value> ToObject(StatementContext& statement, Arguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const CatalogObjects* const objects, ObjectsOf(statement));
  const std::string_view text = TextOf(arguments[0]);
  const bool number = !text.empty() && text.front() >= '0' && text.front() <= '9';
  const Result<Oid> oid = FindObject(*objects, kKind, text);
  return oid.ok() && !number ? Value::Integer(*oid) : Value::Null();
}

// --- What there is

Result<Value> TableIsVisible(StatementContext& statement, Arguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const CatalogObjects* const objects, ObjectsOf(statement));
  const Oid oid = OidOfArgument(arguments[0]);
  if (objects->FindIndex(oid) != nullptr) {
    return Value::Integer(1);
  }
  const CatalogRelation* relation = objects->FindRelation(oid);
  if (relation == nullptr) {
    return Value::Null();
  }
  return Value::Integer(relation->schema == kInformationSchema ? 0 : 1);
}

Result<Value> TypeIsVisible(StatementContext& /*statement*/, Arguments arguments) {
  return FindType(OidOfArgument(arguments[0])) == nullptr ? Value::Null() : Value::Integer(1);
}

Result<Value> FunctionIsVisible(StatementContext& statement, Arguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const CatalogObjects* const objects, ObjectsOf(statement));
  const Oid oid = OidOfArgument(arguments[0]);
  const bool known = FindFunctionName(oid) != nullptr || objects->FindFunction(oid) != nullptr;
  return known ? Value::Integer(1) : Value::Null();
}

Result<Value> Always(StatementContext& /*statement*/, Arguments /*arguments*/) {
  return Value::Integer(1);
}

Result<Value> Never(StatementContext& /*statement*/, Arguments /*arguments*/) {
  return Value::Integer(0);
}

Result<Value> NullOf(StatementContext& /*statement*/, Arguments /*arguments*/) {
  return Value::Null();
}

// has_table_privilege([user,] table, privilege), and of columns with the column behind the table.
template <std::size_t kNumColumns>
Result<Value> MayUseTable(StatementContext& statement, Arguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const CatalogObjects* const objects, ObjectsOf(statement));
  const bool of_other = arguments.size() == 3 + kNumColumns;
  DASHI_ASSIGN_OR_RETURN(const Oid oid, RelationOf(*objects, arguments[of_other ? 1 : 0]));
  if (objects->FindRelation(oid) == nullptr && objects->FindIndex(oid) == nullptr) {
    return Value::Null();
  }
  Oid user = kOwnerRole;
  if (of_other && sqlite3_value_type(arguments[0]) == SQLITE_INTEGER) {
    user = OidOfArgument(arguments[0]);
  } else if (of_other) {
    DASHI_ASSIGN_OR_RETURN(user, FindObject(*objects, CastKind::kRegrole, TextOf(arguments[0])));
  } else {
    DASHI_ASSIGN_OR_RETURN(const std::string name,
                           statement.settings->Get("session_authorization"));
    for (const Role& role : objects->roles()) {
      user = role.name == name ? role.oid : user;  // Nobody in particular may do everything.
    }
  }
  for (const Role& role : objects->roles()) {
    if (role.oid == user) {
      return Value::Integer(MayUseTables(role.rights, TextOf(arguments.back())) ? 1 : 0);
    }
  }
  return Value::Integer(0);
}

Result<Value> UserById(StatementContext& statement, Arguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const CatalogObjects* const objects, ObjectsOf(statement));
  return Value::Text(objects->RoleName(OidOfArgument(arguments[0])));
}

// --- Definitions

Result<Value> FormatTypeFunction(StatementContext& /*statement*/, Arguments arguments) {
  if (IsNull(arguments[0])) {
    return Value::Null();
  }
  const std::optional<std::int32_t> modifier =
      IsNull(arguments[1]) ? std::nullopt : std::optional(sqlite3_value_int(arguments[1]));
  return Value::Text(FormatType(OidOfArgument(arguments[0]), modifier));
}

// Expressions are stored as texts.
Result<Value> ExpressionText(StatementContext& /*statement*/, Arguments arguments) {
  return ValueFromSqlite(arguments[0]);
}

Result<Value> IndexDefinitionFunction(StatementContext& statement, Arguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const CatalogObjects* const objects, ObjectsOf(statement));
  const CatalogIndex* index = objects->FindIndex(OidOfArgument(arguments[0]));
  if (index == nullptr) {
    return Value::Null();
  }
  const std::int64_t column = arguments.size() > 1 ? sqlite3_value_int64(arguments[1]) : 0;
  if (column == 0) {
    return Value::Text(IndexDefinition(*objects, *index));
  }
  if (column < 0 || column > static_cast<std::int64_t>(index->columns.size())) {
    return Value::Text({});
  }
  const std::int32_t number = index->columns[static_cast<std::size_t>(column) - 1];
  for (const CatalogColumn& one : objects->FindRelation(index->relation)->columns) {
    if (one.number == number) {
      return Value::Text(QuotedIdentifier(one.name));
    }
  }
  return Value::Text({});
}

Result<Value> ConstraintDefinitionFunction(StatementContext& statement, Arguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const CatalogObjects* const objects, ObjectsOf(statement));
  const CatalogConstraint* constraint = objects->FindConstraint(OidOfArgument(arguments[0]));
  return constraint == nullptr ? Value::Null()
                               : Value::Text(ConstraintDefinition(*objects, *constraint));
}

Result<Value> ViewDefinitionFunction(StatementContext& statement, Arguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const CatalogObjects* const objects, ObjectsOf(statement));
  DASHI_ASSIGN_OR_RETURN(const Oid oid, RelationOf(*objects, arguments[0]));
  const CatalogRelation* relation = objects->FindRelation(oid);
  return relation == nullptr || relation->kind != 'v' ? Value::Null()
                                                      : Value::Text(ViewDefinition(*relation));
}

Result<Value> FunctionArgumentsFunction(StatementContext& statement, Arguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const CatalogObjects* const objects, ObjectsOf(statement));
  const CatalogFunction* function = objects->FindFunction(OidOfArgument(arguments[0]));
  return function == nullptr ? Value::Text({}) : Value::Text(FunctionArguments(*function));
}

Result<Value> FunctionResultFunction(StatementContext& statement, Arguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const CatalogObjects* const objects, ObjectsOf(statement));
  const CatalogFunction* function = objects->FindFunction(OidOfArgument(arguments[0]));
  return function == nullptr ? Value::Null() : Value::Text(FunctionResult(*function));
}

// --- Comments

Result<Value> CommentOf(StatementContext& statement, Oid object, std::int32_t column) {
  DASHI_ASSIGN_OR_RETURN(CatalogState* const state, CatalogState::Of(statement));
  DASHI_ASSIGN_OR_RETURN(const std::vector<CatalogComment>* const comments,
                         state->Comments(statement));
  for (const CatalogComment& comment : *comments) {
    if (comment.object == object && comment.column == column) {
      return Value::Text(comment.text);
    }
  }
  return Value::Null();
}

Result<Value> ObjectDescription(StatementContext& statement, Arguments arguments) {
  if (arguments.size() == 2 && TextOf(arguments[1]) != "pg_class") {
    return Value::Null();
  }
  return CommentOf(statement, OidOfArgument(arguments[0]), 0);
}

Result<Value> ColumnDescription(StatementContext& statement, Arguments arguments) {
  return CommentOf(statement, OidOfArgument(arguments[0]), sqlite3_value_int(arguments[1]));
}

// --- The server

Result<Value> EncodingName(StatementContext& /*statement*/, Arguments arguments) {
  constexpr std::int64_t kUtf8Encoding = 6;
  return Value::Text(sqlite3_value_int64(arguments[0]) == kUtf8Encoding ? "UTF8" : "");
}

Result<Value> EncodingNumber(StatementContext& /*statement*/, Arguments arguments) {
  const std::string_view name = TextOf(arguments[0]);
  return Value::Integer(name == "UTF8" || name == "utf8" || name == "utf-8" ? 6 : -1);
}

Result<Value> DatabaseEncoding(StatementContext& /*statement*/, Arguments /*arguments*/) {
  return Value::Text("UTF8");
}

Result<Value> CurrentSchemas(StatementContext& /*statement*/, Arguments arguments) {
  return Value::Text(sqlite3_value_int(arguments[0]) != 0 ? "{pg_catalog,public}" : "{public}");
}

Result<Value> CurrentUser(StatementContext& statement, Arguments /*arguments*/) {
  DASHI_ASSIGN_OR_RETURN(const std::string user, statement.settings->Get("session_authorization"));
  return Value::Text(user);
}

Result<std::string> SettingOf(const StatementContext& statement, std::string_view name) {
  const std::optional<std::string_view> preset = FindPreset(name);
  return preset ? Result<std::string>(std::string(*preset)) : statement.settings->Get(name);
}

// current_setting(name)
Result<Value> Setting(StatementContext& statement, Arguments arguments) {
  DASHI_ASSIGN_OR_RETURN(std::string value, SettingOf(statement, TextOf(arguments[0])));
  return Value::Text(std::move(value));
}

// current_setting(name, missing_ok)
Result<Value> SettingOrNull(StatementContext& statement, Arguments arguments) {
  Result<std::string> value = SettingOf(statement, TextOf(arguments[0]));
  if (!value.ok() && sqlite3_value_int(arguments[1]) != 0) {
    return Value::Null();
  }
  if (!value.ok()) {
    return std::move(value).status();
  }
  return Value::Text(std::move(value).value());
}

// set_config(name, value, is_local): of a value that the setting has already.
Result<Value> SetConfig(StatementContext& statement, Arguments arguments) {
  const std::string name(TextOf(arguments[0]));
  DASHI_ASSIGN_OR_RETURN(const std::string value, SettingOf(statement, name));
  if (value != TextOf(arguments[1])) {
    return Status::Unimplemented("set_config does not change settings").WithHint("Write SET.");
  }
  return Value::Text(value);
}

Result<Value> QuoteIdentifier(StatementContext& /*statement*/, Arguments arguments) {
  return Value::Text(QuotedIdentifier(TextOf(arguments[0])));
}

// "10 kB", as PostgreSQL rounds it.
Result<Value> SizePretty(StatementContext& /*statement*/, Arguments arguments) {
  constexpr std::int64_t kStep = 1024;
  constexpr std::int64_t kShownMax = 10 * kStep;
  std::int64_t size = sqlite3_value_int64(arguments[0]);
  const auto magnitude = [&] { return size < 0 ? -size : size; };
  if (magnitude() < kShownMax) {
    return Value::Text(fmt::format("{} bytes", size));
  }
  size /= kStep / 2;  // One bit is kept for rounding.
  for (const char* unit : {"kB", "MB", "GB", "TB", "PB"}) {
    if (magnitude() < 2 * kShownMax - 1 || std::string_view(unit) == "PB") {
      return Value::Text(fmt::format("{} {}", (size + (size < 0 ? -1 : 1)) / 2, unit));
    }
    size /= kStep;
  }
  return Value::Null();
}

constexpr auto kStrict = ScalarFunction::Kind::kStrict;
constexpr auto kTakesNull = ScalarFunction::Kind::kTakesNull;
constexpr auto kChanges = ScalarFunction::Kind::kChanges;

constexpr ScalarFunction kCatalogFunctions[] = {
    {"dashi_object", 2, 2, kStrict, ObjectFunction},
    {"dashi_object_name", 2, 2, kStrict, ObjectNameFunction},
    {"to_regclass", 1, 1, kStrict, ToObject<CastKind::kRegclass>},
    {"to_regtype", 1, 1, kStrict, ToObject<CastKind::kRegtype>},
    {"to_regproc", 1, 1, kStrict, ToObject<CastKind::kRegproc>},
    {"to_regnamespace", 1, 1, kStrict, ToObject<CastKind::kRegnamespace>},
    {"to_regrole", 1, 1, kStrict, ToObject<CastKind::kRegrole>},
    {"pg_table_is_visible", 1, 1, kStrict, TableIsVisible},
    {"pg_type_is_visible", 1, 1, kStrict, TypeIsVisible},
    {"pg_function_is_visible", 1, 1, kStrict, FunctionIsVisible},
    {"pg_collation_is_visible", 1, 1, kStrict, Always},
    {"pg_opclass_is_visible", 1, 1, kStrict, Always},
    {"pg_opfamily_is_visible", 1, 1, kStrict, Always},
    {"pg_conversion_is_visible", 1, 1, kStrict, Always},
    {"pg_statistics_obj_is_visible", 1, 1, kStrict, Always},
    {"pg_ts_config_is_visible", 1, 1, kStrict, Always},
    {"pg_ts_dict_is_visible", 1, 1, kStrict, Always},
    {"pg_ts_parser_is_visible", 1, 1, kStrict, Always},
    {"pg_ts_template_is_visible", 1, 1, kStrict, Always},
    {"pg_operator_is_visible", 1, 1, kStrict, Always},
    {"pg_get_userbyid", 1, 1, kStrict, UserById},
    {"format_type", 2, 2, kTakesNull, FormatTypeFunction},
    {"pg_get_expr", 2, 3, kStrict, ExpressionText},
    {"pg_get_indexdef", 1, 3, kStrict, IndexDefinitionFunction},
    {"pg_get_constraintdef", 1, 2, kStrict, ConstraintDefinitionFunction},
    {"pg_get_viewdef", 1, 2, kStrict, ViewDefinitionFunction},
    {"pg_get_function_arguments", 1, 1, kStrict, FunctionArgumentsFunction},
    {"pg_get_function_identity_arguments", 1, 1, kStrict, FunctionArgumentsFunction},
    {"pg_get_function_result", 1, 1, kStrict, FunctionResultFunction},
    {"pg_get_function_sqlbody", 1, 1, kStrict, NullOf},
    {"pg_get_functiondef", 1, 1, kStrict, NullOf},
    {"pg_get_ruledef", 1, 2, kStrict, NullOf},
    {"pg_get_triggerdef", 1, 2, kStrict, NullOf},
    {"pg_partition_ancestors", 1, 1, kStrict, NullOf},
    {"pg_partition_root", 1, 1, kStrict, NullOf},
    {"pg_get_partkeydef", 1, 1, kStrict, NullOf},
    {"pg_get_statisticsobjdef_columns", 1, 1, kStrict, NullOf},
    {"pg_get_serial_sequence", 2, 2, kStrict, NullOf},
    {"pg_relation_is_publishable", 1, 1, kStrict, Never},
    {"pg_relation_is_updatable", 2, 2, kStrict, Never},
    {"pg_is_other_temp_schema", 1, 1, kStrict, Never},
    {"obj_description", 1, 2, kStrict, ObjectDescription},
    {"col_description", 2, 2, kStrict, ColumnDescription},
    {"shobj_description", 2, 2, kStrict, NullOf},
    {"pg_encoding_to_char", 1, 1, kStrict, EncodingName},
    {"pg_char_to_encoding", 1, 1, kStrict, EncodingNumber},
    {"getdatabaseencoding", 0, 0, kStrict, DatabaseEncoding},
    {"pg_client_encoding", 0, 0, kStrict, DatabaseEncoding},
    {"pg_is_in_recovery", 0, 0, kStrict, Never},
    {"pg_tablespace_location", 1, 1, kStrict, NullOf},
    {"pg_relation_size", 1, 2, kStrict, NullOf},
    {"pg_table_size", 1, 1, kStrict, NullOf},
    {"pg_indexes_size", 1, 1, kStrict, NullOf},
    {"pg_total_relation_size", 1, 1, kStrict, NullOf},
    {"pg_database_size", 1, 1, kStrict, NullOf},
    {"pg_tablespace_size", 1, 1, kStrict, NullOf},
    {"pg_size_pretty", 1, 1, kStrict, SizePretty},
    {"inet_server_addr", 0, 0, kStrict, NullOf},
    {"inet_client_addr", 0, 0, kStrict, NullOf},
    {"current_schemas", 1, 1, kStrict, CurrentSchemas},
    {"current_user", 0, 0, kChanges, CurrentUser},
    {"session_user", 0, 0, kChanges, CurrentUser},
    {"current_setting", 1, 1, kChanges, Setting},
    {"current_setting", 2, 2, kChanges, SettingOrNull},
    {"set_config", 3, 3, kChanges, SetConfig},
    {"quote_ident", 1, 1, kStrict, QuoteIdentifier},
    {"has_table_privilege", 2, 3, kStrict, MayUseTable<0>},
    {"has_any_column_privilege", 2, 3, kStrict, MayUseTable<0>},
    {"has_column_privilege", 3, 4, kStrict, MayUseTable<1>},
    {"has_schema_privilege", 2, 3, kStrict, Always},
    {"has_database_privilege", 2, 3, kStrict, Always},
    {"has_function_privilege", 2, 3, kStrict, Always},
    {"has_sequence_privilege", 2, 3, kStrict, Always},
    {"has_language_privilege", 2, 3, kStrict, Always},
    {"has_tablespace_privilege", 2, 3, kStrict, Always},
    {"has_type_privilege", 2, 3, kStrict, Always},
    {"pg_has_role", 2, 3, kStrict, Always},
};

}  // namespace

std::span<const ScalarFunction> CatalogFunctions() { return kCatalogFunctions; }

}  // namespace dashi::sql::pg_catalog
