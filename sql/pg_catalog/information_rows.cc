// The views of information_schema.

#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"
#include "sql/pg_catalog/builtin_types.h"
#include "sql/pg_catalog/object_rows.h"
#include "sql/pg_catalog/row_writer.h"

namespace dashi::sql::pg_catalog {

namespace {

using Rows = std::vector<Row>;

const char* YesOrNo(bool yes) { return yes ? "YES" : "NO"; }

std::string_view DataType(const BuiltinType& type, std::string* buffer) {
  if (type.category == 'A' && type.length == -1 && type.name[0] == '_') {
    return "ARRAY";
  }
  *buffer = FormatType(type.oid, std::nullopt);
  return *buffer;
}

Status InformationCatalogName(const CatalogObjects& objects, StatementContext& /*statement*/,
                              const CatalogRelation& table, Rows* rows) {
  RowWriter(table, rows).Next().Set("catalog_name", objects.database());
  return Status();
}

Status InformationSchemata(const CatalogObjects& objects, StatementContext& /*statement*/,
                           const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const Oid schema : {kPublicSchema, kInformationSchema, kCatalogSchema}) {
    writer.Next()
        .Set("catalog_name", objects.database())
        .Set("schema_name", SchemaName(schema))
        .Set("schema_owner", objects.RoleName(kOwnerRole));
  }
  return Status();
}

template <typename Write>
void ForEachRelation(const CatalogObjects& objects, Write&& write) {
  for (const auto* list : {&objects.relations(), &SystemCatalogRelations()}) {
    for (const CatalogRelation& relation : *list) {
      write(relation);
    }
  }
}

bool IsWritable(const CatalogRelation& relation) {
  return relation.kind == 'r' && relation.schema == kPublicSchema;
}

Status InformationTables(const CatalogObjects& objects, StatementContext& /*statement*/,
                         const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  ForEachRelation(objects, [&](const CatalogRelation& relation) {
    writer.Next()
        .Set("table_catalog", objects.database())
        .Set("table_schema", SchemaName(relation.schema))
        .Set("table_name", relation.name)
        .Set("table_type", relation.kind == 'r' ? "BASE TABLE" : "VIEW")
        .Set("is_insertable_into", YesOrNo(IsWritable(relation)))
        .Set("is_typed", "NO");
  });
  return Status();
}

Status InformationViews(const CatalogObjects& objects, StatementContext& /*statement*/,
                        const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  ForEachRelation(objects, [&](const CatalogRelation& relation) {
    if (relation.kind == 'v') {
      writer.Next()
          .Set("table_catalog", objects.database())
          .Set("table_schema", SchemaName(relation.schema))
          .Set("table_name", relation.name)
          .Set("view_definition", ViewDefinition(relation))
          .Set("check_option", "NONE")
          .Set("is_updatable", "NO")
          .Set("is_insertable_into", "NO")
          .Set("is_trigger_updatable", "NO")
          .Set("is_trigger_deletable", "NO")
          .Set("is_trigger_insertable_into", "NO");
    }
  });
  return Status();
}

// Bits and digits of numbers, digits of times, bytes of texts.
void SetTypeColumns(RowWriter& writer, const BuiltinType& type) {
  struct Number {
    std::string_view name;
    int precision;
    int radix;
    int scale;  ///< -1: none
  };
  constexpr Number kNumbers[] = {{"int2", 16, 2, 0},
                                 {"int4", 32, 2, 0},
                                 {"int8", 64, 2, 0},
                                 {"float4", 24, 2, -1},
                                 {"float8", 53, 2, -1}};
  constexpr int kOctets = 1 << 30;
  constexpr int kTimeDigits = 6;
  const std::string_view name = type.name;
  for (const Number& number : kNumbers) {
    if (number.name == name) {
      writer.Set("numeric_precision", number.precision)
          .Set("numeric_precision_radix", number.radix);
      if (number.scale >= 0) {
        writer.Set("numeric_scale", number.scale);
      }
    }
  }
  if (name == "text" || name == "varchar" || name == "bpchar") {
    writer.Set("character_octet_length", kOctets);
  } else if (name == "timestamptz" || name == "timestamp" || name == "time") {
    writer.Set("datetime_precision", kTimeDigits);
  } else if (name == "date") {
    writer.Set("datetime_precision", std::int64_t{0});
  }
}

Status InformationColumns(const CatalogObjects& objects, StatementContext& /*statement*/,
                          const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  ForEachRelation(objects, [&](const CatalogRelation& relation) {
    std::int64_t position = 0;
    for (const CatalogColumn& column : relation.columns) {
      const BuiltinType& type = *FindType(column.type);
      std::string buffer;
      ++position;
      writer.Next()
          .Set("table_catalog", objects.database())
          .Set("table_schema", SchemaName(relation.schema))
          .Set("table_name", relation.name)
          .Set("column_name", column.name)
          .Set("ordinal_position", column.number)
          .Set("is_nullable", YesOrNo(!column.not_null))
          .Set("data_type", DataType(type, &buffer))
          .Set("udt_catalog", objects.database())
          .Set("udt_schema", "pg_catalog")
          .Set("udt_name", type.name)
          .Set("dtd_identifier", std::to_string(position))
          .Set("is_self_referencing", "NO")
          .Set("is_identity", "NO")
          .Set("identity_cycle", "NO")
          .Set("is_generated", "NEVER")
          .Set("is_updatable", YesOrNo(IsWritable(relation)));
      if (!column.default_text.empty()) {
        writer.Set("column_default", column.default_text);
      }
      SetTypeColumns(writer, type);
    }
  });
  return Status();
}

void SetConstraint(RowWriter& writer, const CatalogObjects& objects,
                   const CatalogConstraint& constraint) {
  writer.Set("constraint_catalog", objects.database())
      .Set("constraint_schema", "public")
      .Set("constraint_name", constraint.name);
}

void SetTable(RowWriter& writer, const CatalogObjects& objects, const CatalogRelation& relation) {
  writer.Set("table_catalog", objects.database())
      .Set("table_schema", SchemaName(relation.schema))
      .Set("table_name", relation.name);
}

std::string NameOf(const CatalogRelation& relation, std::int32_t number) {
  for (const CatalogColumn& column : relation.columns) {
    if (column.number == number) {
      return column.name;
    }
  }
  return {};
}

Status InformationConstraints(const CatalogObjects& objects, StatementContext& /*statement*/,
                              const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const CatalogConstraint& one : objects.constraints()) {
    SetConstraint(writer.Next(), objects, one);
    SetTable(writer, objects, *objects.FindRelation(one.relation));
    writer.Set("constraint_type", one.kind == 'p' ? "PRIMARY KEY" : "FOREIGN KEY")
        .Set("is_deferrable", "NO")
        .Set("initially_deferred", "NO")
        .Set("enforced", "YES");
  }
  return Status();
}

Status InformationKeyColumns(const CatalogObjects& objects, StatementContext& /*statement*/,
                             const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const CatalogConstraint& one : objects.constraints()) {
    const CatalogRelation& relation = *objects.FindRelation(one.relation);
    for (std::size_t i = 0; i < one.columns.size(); ++i) {
      const auto position = static_cast<std::int64_t>(i) + 1;
      SetConstraint(writer.Next(), objects, one);
      SetTable(writer, objects, relation);
      writer.Set("column_name", NameOf(relation, one.columns[i])).Set("ordinal_position", position);
      if (one.kind == 'f') {
        writer.Set("position_in_unique_constraint", position);
      }
    }
  }
  return Status();
}

// What a key refers to: its own columns, or those of the other table.
Status InformationUsedColumns(const CatalogObjects& objects, StatementContext& /*statement*/,
                              const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const CatalogConstraint& one : objects.constraints()) {
    const bool foreign = one.kind == 'f';
    const CatalogRelation& relation =
        *objects.FindRelation(foreign ? one.foreign_relation : one.relation);
    for (const std::int32_t number : foreign ? one.foreign_columns : one.columns) {
      SetTable(writer.Next(), objects, relation);
      writer.Set("column_name", NameOf(relation, number));
      SetConstraint(writer, objects, one);
    }
  }
  return Status();
}

Status InformationUsedTables(const CatalogObjects& objects, StatementContext& /*statement*/,
                             const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const CatalogConstraint& one : objects.constraints()) {
    SetTable(writer.Next(), objects,
             *objects.FindRelation(one.kind == 'f' ? one.foreign_relation : one.relation));
    SetConstraint(writer, objects, one);
  }
  return Status();
}

Status InformationReferences(const CatalogObjects& objects, StatementContext& /*statement*/,
                             const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const CatalogConstraint& one : objects.constraints()) {
    if (one.kind == 'f') {
      SetConstraint(writer.Next(), objects, one);
      writer.Set("unique_constraint_catalog", objects.database())
          .Set("unique_constraint_schema", "public")
          .Set("unique_constraint_name", objects.FindIndex(one.index)->name)
          .Set("match_option", "NONE")
          .Set("update_rule", "NO ACTION")
          .Set("delete_rule", "CASCADE");
    }
  }
  return Status();
}

std::string SpecificName(const CatalogFunction& function) {
  return function.name + "_" + std::to_string(function.oid);
}

Status InformationRoutines(const CatalogObjects& objects, StatementContext& /*statement*/,
                           const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const CatalogFunction& function : objects.functions()) {
    if (function.kind != 'f') {
      continue;
    }
    writer.Next()
        .Set("specific_catalog", objects.database())
        .Set("specific_schema", "public")
        .Set("specific_name", SpecificName(function))
        .Set("routine_catalog", objects.database())
        .Set("routine_schema", "public")
        .Set("routine_name", function.name)
        .Set("routine_type", "FUNCTION")
        .Set("data_type", FormatType(function.result, std::nullopt))
        .Set("type_udt_catalog", objects.database())
        .Set("type_udt_schema", "pg_catalog")
        .Set("type_udt_name", FindType(function.result)->name)
        .Set("routine_body", "EXTERNAL")
        .Set("external_language", "INTERNAL");
  }
  return Status();
}

Status InformationParameters(const CatalogObjects& objects, StatementContext& /*statement*/,
                             const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const CatalogFunction& function : objects.functions()) {
    for (std::size_t i = 0; function.kind == 'f' && i < function.argument_types.size(); ++i) {
      const BuiltinType& type = *FindType(function.argument_types[i]);
      std::string buffer;
      writer.Next()
          .Set("specific_catalog", objects.database())
          .Set("specific_schema", "public")
          .Set("specific_name", SpecificName(function))
          .Set("ordinal_position", static_cast<std::int64_t>(i) + 1)
          .Set("parameter_mode", "IN")
          .Set("is_result", "NO")
          .Set("as_locator", "NO")
          .Set("parameter_name", function.argument_names[i])
          .Set("data_type", DataType(type, &buffer))
          .Set("udt_catalog", objects.database())
          .Set("udt_schema", "pg_catalog")
          .Set("udt_name", type.name)
          .Set("dtd_identifier", std::to_string(i + 1));
    }
  }
  return Status();
}

constexpr RowSource kInformationSources[] = {
    {"information_schema.information_schema_catalog_name", nullptr, InformationCatalogName},
    {"information_schema.schemata", nullptr, InformationSchemata},
    {"information_schema.tables", nullptr, InformationTables},
    {"information_schema.views", nullptr, InformationViews},
    {"information_schema.columns", nullptr, InformationColumns},
    {"information_schema.table_constraints", nullptr, InformationConstraints},
    {"information_schema.key_column_usage", nullptr, InformationKeyColumns},
    {"information_schema.constraint_column_usage", nullptr, InformationUsedColumns},
    {"information_schema.constraint_table_usage", nullptr, InformationUsedTables},
    {"information_schema.referential_constraints", nullptr, InformationReferences},
    {"information_schema.routines", nullptr, InformationRoutines},
    {"information_schema.parameters", nullptr, InformationParameters},
};

}  // namespace

std::span<const RowSource> InformationRowSources() { return kInformationSources; }

}  // namespace dashi::sql::pg_catalog
