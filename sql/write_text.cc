#include "sql/write_text.h"

#include <string>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "sql/listed_rows.h"
#include "sql/table_columns.h"

namespace dashi::sql {

namespace {

const SqliteStatement& NodeOf(const ParsedStatement& statement) {
  return std::get<SqliteStatement>(statement.node);
}

/// Adds the list of RETURNING; an item that is * alone becomes `name`.*.
void AddReturning(const ParsedStatement& statement, const TextReplacements& replaced,
                  const std::string& name, SqliteText* text) {
  const TextRange list = *NodeOf(statement).write->returning;
  std::size_t begin = list.begin;
  std::size_t depth = 0;
  bool item_begins = true;
  for (const Token& token : statement.tokens) {
    if (token.offset < list.begin || token.offset >= list.end) {
      continue;
    }
    if (item_begins && token.IsOperator("*")) {
      text->AddReplaced({begin, token.offset}, replaced);
      text->Add(QuotedName(name) + ".");
      begin = token.offset;
    }
    depth += token.IsOperator("(") ? 1 : 0;
    depth -= token.IsOperator(")") && depth > 0 ? 1 : 0;
    item_begins = depth == 0 && token.IsOperator(",");
  }
  text->AddReplaced({begin, list.end}, replaced);
}

/// FROM table AS name, and the tables of USING.
void AddDeleted(const WriteClauses& write, const TextReplacements& replaced, SqliteText* text) {
  text->Add(" FROM " + QuotedName(write.table) + " AS " + QuotedName(write.name()));
  if (write.used) {
    text->Add(", ").AddReplaced(*write.used, replaced);
  }
  if (write.where) {
    text->Add(" WHERE ").AddReplaced(*write.where, replaced);
  }
  if (write.used) {  // A row is deleted once.
    text->Add(" GROUP BY 1");
  }
}

}  // namespace

SqliteText MainText(const ParsedStatement& statement, const TextReplacements& replaced,
                    std::string_view prefix) {
  const SqliteStatement& node = NodeOf(statement);
  SqliteText text(*statement.source);
  text.Add(prefix);
  if (node.upsert) {
    return text.AddReplaced({node.body_offset, node.upsert->offset}, replaced);
  }
  if (!node.write) {
    return text.AddReplaced({node.body_offset, statement.end_offset()}, replaced);
  }
  const WriteClauses& write = *node.write;
  if (write.verb != SqliteVerb::kDelete) {
    return text.AddReplaced({node.body_offset, write.main_end}, replaced);
  }
  text.AddReplaced({node.body_offset, write.verb_offset}, replaced);
  text.Add("SELECT " + QuotedName(write.name()) + ".rowid");
  if (write.returning) {
    text.Add(", ");
    if (write.used) {  // All columns of all tables.
      text.AddReplaced(*write.returning, replaced);
    } else {
      AddReturning(statement, replaced, write.name(), &text);
    }
  }
  AddDeleted(write, replaced, &text);
  return text;
}

SqliteText UpsertText(const ParsedStatement& statement, const TextReplacements& replaced,
                      const UserSchemas& schemas) {
  const WriteClauses& write = *NodeOf(statement).write;
  const std::string name = QuotedName(write.name());
  SqliteText text(*statement.source);
  text.Add("UPDATE " + QuotedName(write.table) + " AS " + name + " SET ");
  text.AddReplaced(write.upsert->set, replaced).Add(" FROM (SELECT \"dashi row\"");
  std::size_t number = 0;
  for (const std::string& column : ColumnNames(write.table, schemas)) {
    text.Add(fmt::format(", {}(\"dashi position\", {}) AS {}", kExcludedFunction, number++,
                         QuotedName(column)));
  }
  text.Add(fmt::format(" FROM {}) AS excluded WHERE {}.rowid = excluded.\"dashi row\"",
                       kListedRowsTable, name));
  if (write.upsert->where) {
    text.Add(" AND (").AddReplaced(*write.upsert->where, replaced).Add(")");
  }
  return text;
}

SqliteText ReturningText(const ParsedStatement& statement, const TextReplacements& replaced) {
  const WriteClauses& write = *NodeOf(statement).write;
  const std::string name = QuotedName(write.name());
  SqliteText text(*statement.source);
  text.Add("SELECT ");
  AddReturning(statement, replaced, write.name(), &text);
  text.Add(fmt::format(" FROM {0} CROSS JOIN {1} AS {2} ON {2}.rowid = {0}.\"dashi row\"",
                       kListedRowsTable, QuotedName(write.table), name));
  return text;
}

}  // namespace dashi::sql
