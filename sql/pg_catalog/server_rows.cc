// Databases, roles, settings, and the views over other tables of the catalog.

#include <string>
#include <utility>

#include "base/clock.h"
#include "base/status.h"
#include "sql/activity/session_directory.h"
#include "sql/database_impl.h"
#include "sql/pg_catalog/object_rows.h"
#include "sql/pg_catalog/presets.h"
#include "sql/pg_catalog/row_writer.h"
#include "sql/session_state.h"
#include "sql/settings.h"

namespace dashi::sql::pg_catalog {

namespace {

using Rows = std::vector<Row>;

constexpr std::int64_t kUtf8 = 6;

Status OwnDatabases(const CatalogObjects& objects, StatementContext& statement,
                    const CatalogRelation& table, Rows* rows) {
  constexpr Oid kTablespace = 1663;
  // The others are numbered in the order in which they are served: nothing else refers to them.
  constexpr Oid kFirstOther = 16'384;
  RowWriter writer(table, rows);
  const auto add = [&writer](Oid oid, const std::string& name) {
    writer.Next()
        .Set("oid", oid)
        .Set("datname", name)
        .Set("datdba", kOwnerRole)
        .Set("encoding", kUtf8)
        .Set("datlocprovider", 'c')
        .Set("datallowconn", 1)
        .Set("datconnlimit", -1)
        .Set("dattablespace", kTablespace)
        .Set("datcollate", "C.UTF-8")
        .Set("datctype", "C.UTF-8");
  };
  add(kDatabase, objects.database());
  Oid oid = kFirstOther;
  for (const std::string& name : statement.session->other_databases) {
    add(oid++, name);
  }
  return Status();
}

void FixedTablespaces(const CatalogRelation& table, Rows* rows) {
  constexpr Oid kDefaultTablespace = 1663;
  RowWriter(table, rows)
      .Next()
      .Set("oid", kDefaultTablespace)
      .Set("spcname", "pg_default")
      .Set("spcowner", kOwnerRole);
}

Status OwnRoles(const CatalogObjects& objects, StatementContext& /*statement*/,
                const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const Role& role : objects.roles()) {
    // What PostgreSQL calls a superuser is given every right, not a member of one that has it.
    const std::int64_t all = role.rights.admin && role.can_login ? 1 : 0;
    writer.Next()
        .Set("rolname", role.name)
        .Set("rolsuper", all)
        .Set("rolinherit", 1)
        .Set("rolcreaterole", all)
        .Set("rolcreatedb", 0)
        .Set("rolcanlogin", role.can_login ? 1 : 0)
        .Set("rolreplication", 0)
        .Set("rolconnlimit", role.num_connections_max)
        .Set("rolpassword", "********")
        .Set("rolbypassrls", all)
        .Set("oid", role.oid);
    if (!role.valid_until.empty()) {
      writer.Set("rolvaliduntil", role.valid_until);
    }
  }
  return Status();
}

Status OwnUsers(const CatalogObjects& objects, StatementContext& /*statement*/,
                const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const Role& role : objects.roles()) {
    if (role.can_login) {
      const std::int64_t all = role.rights.admin ? 1 : 0;
      writer.Next()
          .Set("usename", role.name)
          .Set("usesysid", role.oid)
          .Set("usecreatedb", 0)
          .Set("usesuper", all)
          .Set("userepl", 0)
          .Set("usebypassrls", all)
          .Set("passwd", "********");
    }
  }
  return Status();
}

Status OwnMembers(const CatalogObjects& objects, StatementContext& /*statement*/,
                  const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const Role& role : objects.roles()) {
    for (const Oid group : role.member_of) {
      writer.Next().Set("roleid", group).Set("member", role.oid).Set("grantor", kOwnerRole);
    }
  }
  return Status();
}

Status OwnSettings(const CatalogObjects& /*objects*/, StatementContext& statement,
                   const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const SettingInfo& info : Settings::All()) {
    DASHI_ASSIGN_OR_RETURN(const std::string value, statement.settings->Get(info.name));
    writer.Next()
        .Set("name", info.name)
        .Set("setting", value)
        .Set("category", "Client Connection Defaults")
        .Set("short_desc", info.description)
        .Set("context", info.read_only ? "internal" : "user")
        .Set("vartype", "string")
        .Set("source", value == statement.settings->DefaultOf(info) ? "default" : "session")
        .Set("boot_val", info.default_value)
        .Set("reset_val", statement.settings->DefaultOf(info))
        .Set("pending_restart", 0);
  }
  for (const Preset& preset : Presets()) {
    writer.Next()
        .Set("name", preset.name)
        .Set("setting", preset.value)
        .Set("category", "Preset Options")
        .Set("context", "internal")
        .Set("vartype", "string")
        .Set("source", "default")
        .Set("boot_val", preset.value)
        .Set("reset_val", preset.value)
        .Set("pending_restart", 0);
  }
  return Status();
}

void FixedMethods(const CatalogRelation& table, Rows* rows) {
  constexpr Oid kHeapHandler = 3;
  constexpr Oid kTreeHandler = 330;
  RowWriter writer(table, rows);
  writer.Next()
      .Set("oid", kHeapMethod)
      .Set("amname", "heap")
      .Set("amhandler", kHeapHandler)
      .Set("amtype", 't');
  writer.Next()
      .Set("oid", kTreeMethod)
      .Set("amname", "btree")
      .Set("amhandler", kTreeHandler)
      .Set("amtype", 'i');
}

void FixedCollations(const CatalogRelation& table, Rows* rows) {
  struct Collation {
    Oid oid;
    const char* name;
    char provider;
  };
  constexpr Collation kCollations[] = {
      {kDefaultCollation, "default", 'd'}, {950, "C", 'c'}, {951, "POSIX", 'c'}};
  RowWriter writer(table, rows);
  for (const Collation& one : kCollations) {
    writer.Next()
        .Set("oid", one.oid)
        .Set("collname", one.name)
        .Set("collnamespace", kCatalogSchema)
        .Set("collowner", kOwnerRole)
        .Set("collprovider", one.provider)
        .Set("collisdeterministic", 1)
        .Set("collencoding", -1);
    if (one.provider == 'c') {
      writer.Set("collcollate", one.name).Set("collctype", one.name);
    }
  }
}

void FixedLanguages(const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  std::int64_t oid = 12;
  for (const char* name : {"internal", "c", "sql"}) {
    writer.Next().Set("oid", oid++).Set("lanname", name).Set("lanowner", kOwnerRole);
  }
  writer.Set("lanpltrusted", 1);
}

void WriteTable(RowWriter& writer, const CatalogRelation& relation, std::string_view owner,
                bool has_index) {
  writer.Next()
      .Set("schemaname", SchemaName(relation.schema))
      .Set("tablename", relation.name)
      .Set("tableowner", owner)
      .Set("hasindexes", has_index ? 1 : 0)
      .Set("hasrules", 0)
      .Set("hastriggers", 0)
      .Set("rowsecurity", 0);
}

Status OwnTableView(const CatalogObjects& objects, StatementContext& /*statement*/,
                    const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  const std::string owner = objects.RoleName(kOwnerRole);
  for (const auto* list : {&objects.relations(), &SystemCatalogRelations()}) {
    for (const CatalogRelation& relation : *list) {
      bool has_index = false;
      for (const CatalogIndex& index : objects.indexes()) {
        has_index = has_index || index.relation == relation.oid;
      }
      if (relation.kind == 'r') {
        WriteTable(writer, relation, owner, has_index);
      }
    }
  }
  return Status();
}

Status OwnViewView(const CatalogObjects& objects, StatementContext& /*statement*/,
                   const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  const std::string owner = objects.RoleName(kOwnerRole);
  for (const auto* list : {&objects.relations(), &SystemCatalogRelations()}) {
    for (const CatalogRelation& relation : *list) {
      if (relation.kind == 'v') {
        writer.Next()
            .Set("schemaname", SchemaName(relation.schema))
            .Set("viewname", relation.name)
            .Set("viewowner", owner)
            .Set("definition", ViewDefinition(relation));
      }
    }
  }
  return Status();
}

Status OwnIndexView(const CatalogObjects& objects, StatementContext& /*statement*/,
                    const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  for (const CatalogIndex& index : objects.indexes()) {
    writer.Next()
        .Set("schemaname", "public")
        .Set("tablename", objects.FindRelation(index.relation)->name)
        .Set("indexname", index.name)
        .Set("indexdef", IndexDefinition(objects, index));
  }
  return Status();
}

Status OwnActivity(const CatalogObjects& objects, StatementContext& statement,
                   const CatalogRelation& table, Rows* rows) {
  RowWriter writer(table, rows);
  const auto set_time = [&writer](std::string_view column, std::int64_t micros) {
    if (micros != 0) {
      writer.Set(column, FormatTimestamp(micros));
    }
  };
  for (const SessionActivity& one : statement.database->sessions().All()) {
    writer.Next()
        .Set("datid", kDatabase)
        .Set("datname", objects.database())
        .Set("pid", one.id)
        .Set("usename", one.user)
        .Set("application_name", one.application)
        .Set("state", SessionStateName(one.state))
        .Set("query", one.statement)
        .Set("backend_type", "client backend");
    if (!one.client.empty()) {
      writer.Set("client_addr", one.client);
    }
    for (const Role& role : objects.roles()) {
      if (role.name == one.user) {
        writer.Set("usesysid", role.oid);
      }
    }
    set_time("backend_start", one.opened_at_micros);
    set_time("xact_start", one.block_started_at_micros);
    set_time("query_start", one.statement_started_at_micros);
    set_time("state_change", one.state_since_micros);
  }
  return Status();
}

constexpr RowSource kServerSources[] = {
    {"pg_database", nullptr, OwnDatabases},
    {"pg_roles", nullptr, OwnRoles},
    {"pg_user", nullptr, OwnUsers},
    {"pg_auth_members", nullptr, OwnMembers},
    {"pg_settings", nullptr, OwnSettings},
    {"pg_stat_activity", nullptr, OwnActivity},
    {"pg_am", FixedMethods, nullptr},
    {"pg_collation", FixedCollations, nullptr},
    {"pg_language", FixedLanguages, nullptr},
    {"pg_tables", nullptr, OwnTableView},
    {"pg_views", nullptr, OwnViewView},
    {"pg_indexes", nullptr, OwnIndexView},
    {"pg_tablespace", FixedTablespaces, nullptr},
};

}  // namespace

std::span<const RowSource> ServerRowSources() { return kServerSources; }

}  // namespace dashi::sql::pg_catalog
