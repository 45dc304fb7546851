// pg_class and the tables around it.

#include "sql/pg_catalog/object_rows.h"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/pg_catalog/builtin_types.h"
#include "sql/pg_catalog/catalog_state.h"
#include "sql/pg_catalog/row_writer.h"

namespace dashi::sql::pg_catalog {

namespace {

using Rows = std::vector<Row>;

constexpr std::int64_t kUnknownRows = -1;

void WriteRelation(RowWriter& writer, const CatalogRelation& relation, bool has_index,
                   bool has_reference) {
  writer.Next()
      .Set("oid", relation.oid)
      .Set("relname", relation.name)
      .Set("relnamespace", relation.schema)
      .Set("relowner", kOwnerRole)
      .Set("relam", relation.kind == 'r' ? kHeapMethod : 0)
      .Set("relfilenode", relation.kind == 'r' ? relation.oid : 0)
      .Set("reltuples", Value::Real(kUnknownRows))
      .Set("relhasindex", has_index ? 1 : 0)
      .Set("relpersistence", 'p')
      .Set("relkind", relation.kind)
      .Set("relnatts", static_cast<std::int64_t>(relation.columns.size()))
      .Set("relhastriggers", has_reference ? 1 : 0)
      .Set("relhasrules", relation.kind == 'v' ? 1 : 0)
      .Set("relispopulated", 1)
      .Set("relreplident", relation.kind == 'r' ? 'd' : 'n');
}

void FixedClasses(const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const CatalogRelation& relation : SystemCatalogRelations()) {
    WriteRelation(writer, relation, /*has_index=*/false, /*has_reference=*/false);
  }
}

Status OwnClasses(const CatalogObjects& objects, StatementContext& /*statement*/,
                  const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const CatalogRelation& relation : objects.relations()) {
    bool has_index = false;
    for (const CatalogIndex& index : objects.indexes()) {
      has_index = has_index || index.relation == relation.oid;
    }
    // What keeps up foreign keys are triggers in PostgreSQL: clients look for the one by the other.
    bool has_reference = false;
    for (const CatalogConstraint& one : objects.constraints()) {
      has_reference = has_reference || (one.kind == 'f' && (one.relation == relation.oid ||
                                                            one.foreign_relation == relation.oid));
    }
    WriteRelation(writer, relation, has_index, has_reference);
  }
  for (const CatalogIndex& index : objects.indexes()) {
    writer.Next()
        .Set("oid", index.oid)
        .Set("relname", index.name)
        .Set("relnamespace", kPublicSchema)
        .Set("relowner", kOwnerRole)
        .Set("relam", kTreeMethod)
        .Set("relfilenode", index.oid)
        .Set("reltuples", Value::Real(kUnknownRows))
        .Set("relpersistence", 'p')
        .Set("relkind", 'i')
        .Set("relnatts", static_cast<std::int64_t>(index.columns.size()))
        .Set("relispopulated", 1)
        .Set("relreplident", 'n');
  }
  return Status();
}

void WriteColumn(RowWriter& writer, Oid relation, const CatalogColumn& column,
                 std::int64_t number) {
  const BuiltinType& type = *FindType(column.type);
  writer.Next()
      .Set("attrelid", relation)
      .Set("attname", column.name)
      .Set("atttypid", column.type)
      .Set("attstattarget", -1)
      .Set("attlen", type.length)
      .Set("attnum", number)
      .Set("attndims", type.category == 'A' && type.length == -1 ? 1 : 0)
      .Set("attcacheoff", -1)
      .Set("atttypmod", -1)
      .Set("attbyval", type.by_value ? 1 : 0)
      .Set("attalign", type.alignment)
      .Set("attstorage", type.storage)
      .Set("attnotnull", column.not_null ? 1 : 0)
      .Set("atthasdef", column.default_text.empty() ? 0 : 1)
      .Set("attislocal", 1)
      .Set("attcollation", type.collation);
}

void FixedColumns(const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const CatalogRelation& relation : SystemCatalogRelations()) {
    for (const CatalogColumn& column : relation.columns) {
      WriteColumn(writer, relation.oid, column, column.number);
    }
  }
}

Status OwnColumns(const CatalogObjects& objects, StatementContext& /*statement*/,
                  const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const CatalogRelation& relation : objects.relations()) {
    for (const CatalogColumn& column : relation.columns) {
      WriteColumn(writer, relation.oid, column, column.number);
    }
  }
  for (const CatalogIndex& index : objects.indexes()) {
    const CatalogRelation& relation = *objects.FindRelation(index.relation);
    std::int64_t number = 0;
    for (const std::int32_t indexed : index.columns) {
      for (const CatalogColumn& column : relation.columns) {
        if (column.number == indexed) {
          CatalogColumn part = column;
          part.not_null = false;
          part.default_text.clear();
          WriteColumn(writer, index.oid, part, ++number);
        }
      }
    }
  }
  return Status();
}

Status OwnDefaults(const CatalogObjects& objects, StatementContext& /*statement*/,
                   const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const CatalogRelation& relation : objects.relations()) {
    for (const CatalogColumn& column : relation.columns) {
      if (!column.default_text.empty()) {
        writer.Next()
            .Set("oid", OidOf("default", relation.name + "." + column.name))
            .Set("adrelid", relation.oid)
            .Set("adnum", column.number)
            .Set("adbin", column.default_text);
      }
    }
  }
  return Status();
}

void FixedTypes(const CatalogRelation& table, Rows* rows) {
  constexpr Oid kFirstOwn = 16'384;
  RowWriter writer(table, rows);
  for (const BuiltinType& type : BuiltinTypes()) {
    writer.Next()
        .Set("oid", type.oid)
        .Set("typname", type.name)
        .Set("typnamespace", type.oid >= kFirstOwn ? kPublicSchema : kCatalogSchema)
        .Set("typowner", kOwnerRole)
        .Set("typlen", type.length)
        .Set("typbyval", type.by_value ? 1 : 0)
        .Set("typtype", type.kind)
        .Set("typcategory", type.category)
        .Set("typispreferred", type.preferred ? 1 : 0)
        .Set("typisdefined", 1)
        .Set("typdelim", ',')
        .Set("typsubscript", type.subscript)
        .Set("typelem", type.element)
        .Set("typarray", type.array)
        .Set("typinput", type.input)
        .Set("typoutput", type.output)
        .Set("typreceive", type.receive)
        .Set("typsend", type.send)
        .Set("typalign", type.alignment)
        .Set("typstorage", type.storage)
        .Set("typtypmod", -1)
        .Set("typcollation", type.collation);
  }
}

Status OwnIndexes(const CatalogObjects& objects, StatementContext& /*statement*/,
                  const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const CatalogIndex& index : objects.indexes()) {
    const auto size = static_cast<std::int64_t>(index.columns.size());
    const std::vector<Oid> zeros(index.columns.size(), 0);
    writer.Next()
        .Set("indexrelid", index.oid)
        .Set("indrelid", index.relation)
        .Set("indnatts", size)
        .Set("indnkeyatts", size)
        .Set("indisunique", index.primary ? 1 : 0)
        .Set("indisprimary", index.primary ? 1 : 0)
        .Set("indimmediate", 1)
        .Set("indisvalid", index.valid ? 1 : 0)
        .Set("indisready", 1)
        .Set("indislive", 1)
        .Set("indkey", VectorText(index.columns))
        .Set("indcollation", VectorText(zeros))
        .Set("indclass", VectorText(zeros))
        .Set("indoption", VectorText(zeros));
  }
  return Status();
}

Status OwnConstraints(const CatalogObjects& objects, StatementContext& /*statement*/,
                      const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const CatalogConstraint& one : objects.constraints()) {
    const bool foreign = one.kind == 'f';
    writer.Next()
        .Set("oid", one.oid)
        .Set("conname", one.name)
        .Set("connamespace", kPublicSchema)
        .Set("contype", one.kind)
        .Set("convalidated", 1)
        .Set("conrelid", one.relation)
        .Set("conindid", one.index)
        .Set("confrelid", one.foreign_relation)
        .Set("confupdtype", foreign ? 'a' : ' ')
        .Set("confdeltype", foreign ? 'c' : ' ')
        .Set("confmatchtype", foreign ? 's' : ' ')
        .Set("conislocal", 1)
        .Set("connoinherit", 1)
        .Set("conkey", ArrayText(one.columns));
    if (foreign) {
      writer.Set("confkey", ArrayText(one.foreign_columns));
    }
  }
  return Status();
}

Status OwnDescriptions(const CatalogObjects& /*objects*/, StatementContext& statement,
                       const CatalogRelation& table, Rows* rows) {
  DASHI_ASSIGN_OR_RETURN(CatalogState* const state, CatalogState::Of(statement));
  DASHI_ASSIGN_OR_RETURN(const std::vector<CatalogComment>* const comments,
                         state->Comments(statement));
  RowWriter writer(table, rows);
  for (const CatalogComment& comment : *comments) {
    writer.Next()
        .Set("objoid", comment.object)
        .Set("classoid", kClassCatalog)
        .Set("objsubid", comment.column)
        .Set("description", comment.text);
  }
  return Status();
}

void FixedSchemas(const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const Oid schema : {kCatalogSchema, kPublicSchema, kInformationSchema}) {
    writer.Next().Set("oid", schema).Set("nspname", SchemaName(schema)).Set("nspowner", kOwnerRole);
  }
}

RowWriter& WriteFunction(RowWriter& writer, Oid oid, std::string_view name, Oid schema) {
  constexpr Oid kInternalLanguage = 12;
  return writer.Next()
      .Set("oid", oid)
      .Set("proname", name)
      .Set("pronamespace", schema)
      .Set("proowner", kOwnerRole)
      .Set("prolang", kInternalLanguage)
      .Set("procost", Value::Real(1))
      .Set("prokind", 'f')
      .Set("provolatile", 's')
      .Set("proparallel", 's')
      .Set("proargtypes", "")
      .Set("prosrc", name);
}

// What reads and writes types takes what no SQL writes: its arguments are left out.
void FixedFunctions(const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const BuiltinFunction& function : BuiltinFunctions()) {
    WriteFunction(writer, function.oid, function.name, kCatalogSchema);
  }
}

Status OwnFunctions(const CatalogObjects& objects, StatementContext& /*statement*/,
                    const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const CatalogFunction& function : objects.functions()) {
    std::string names = "{";
    for (const std::string& name : function.argument_names) {
      names += (names.size() == 1 ? "" : ",") + name;
    }
    WriteFunction(writer, function.oid, function.name, kPublicSchema)
        .Set("prorows", Value::Real(function.returns_rows ? 10 : 0))
        .Set("prokind", function.kind)
        .Set("proretset", function.returns_rows ? 1 : 0)
        .Set("pronargs", static_cast<std::int64_t>(function.argument_types.size()))
        .Set("prorettype", function.result)
        .Set("proargtypes", VectorText(function.argument_types))
        .Set("proargnames", names + "}");
  }
  return Status();
}

constexpr RowSource kObjectSources[] = {
    {"pg_class", FixedClasses, OwnClasses},
    {"pg_attribute", FixedColumns, OwnColumns},
    {"pg_attrdef", nullptr, OwnDefaults},
    {"pg_type", FixedTypes, nullptr},
    {"pg_index", nullptr, OwnIndexes},
    {"pg_constraint", nullptr, OwnConstraints},
    {"pg_description", nullptr, OwnDescriptions},
    {"pg_namespace", FixedSchemas, nullptr},
    {"pg_proc", FixedFunctions, OwnFunctions},
};

std::string ColumnList(const CatalogRelation& relation, const std::vector<std::int32_t>& numbers) {
  std::string list;
  for (const std::int32_t number : numbers) {
    for (const CatalogColumn& column : relation.columns) {
      if (column.number == number) {
        list += (list.empty() ? "" : ", ") + QuotedIdentifier(column.name);
      }
    }
  }
  return list;
}

}  // namespace

std::span<const RowSource> ObjectRowSources() { return kObjectSources; }

std::string IndexDefinition(const CatalogObjects& objects, const CatalogIndex& index) {
  const CatalogRelation& relation = *objects.FindRelation(index.relation);
  return fmt::format("CREATE {}INDEX {} ON public.{} USING btree ({})",
                     index.primary ? "UNIQUE " : "", QuotedIdentifier(index.name),
                     QuotedIdentifier(relation.name), ColumnList(relation, index.columns));
}

std::string ConstraintDefinition(const CatalogObjects& objects,
                                 const CatalogConstraint& constraint) {
  const CatalogRelation& relation = *objects.FindRelation(constraint.relation);
  if (constraint.kind == 'p') {
    return fmt::format("PRIMARY KEY ({})", ColumnList(relation, constraint.columns));
  }
  const CatalogRelation& target = *objects.FindRelation(constraint.foreign_relation);
  return fmt::format("FOREIGN KEY ({}) REFERENCES {}({}) ON DELETE CASCADE",
                     ColumnList(relation, constraint.columns), QuotedIdentifier(target.name),
                     ColumnList(target, constraint.foreign_columns));
}

std::string ViewDefinition(const CatalogRelation& relation) {
  std::string list;
  for (const CatalogColumn& column : relation.columns) {
    list += (list.empty() ? " SELECT " : ",\n    ") + QuotedIdentifier(column.name);
  }
  return list + "\n   FROM " + QuotedIdentifier(relation.name) + ";";
}

std::string FunctionArguments(const CatalogFunction& function) {
  std::string text;
  for (std::size_t i = 0; i < function.argument_types.size(); ++i) {
    text += (text.empty() ? "" : ", ") + QuotedIdentifier(function.argument_names[i]) + " " +
            FormatType(function.argument_types[i], std::nullopt);
  }
  return text;
}

std::string FunctionResult(const CatalogFunction& function) {
  if (!function.returns_rows) {
    return FormatType(function.result, std::nullopt);
  }
  std::string text;
  for (const CatalogColumn& column : function.result_columns) {
    text += (text.empty() ? "TABLE(" : ", ") + QuotedIdentifier(column.name) + " " +
            FormatType(column.type, std::nullopt);
  }
  return text + ")";
}

}  // namespace dashi::sql::pg_catalog
