#include "sql/show_statements.h"

namespace dashi::sql {

std::string_view ShowListQuery(ShowList list) {
  switch (list) {
    case ShowList::kModels:
      return "SELECT name, algorithm, published, releases, options, created_at FROM models "
             "ORDER BY name";
    case ShowList::kReleases:
      return "SELECT name, published, pinned, labels, documents, dim, index_kind, train_seconds, "
             "metrics, "
             "created_at FROM releases ORDER BY model, number";
    case ShowList::kJobs:
      return "SELECT id, kind, model, state, phase, done, total, loss, result, error, started_at, "
             "finished_at FROM jobs ORDER BY id";
    case ShowList::kGraphs:
      return "SELECT name, sources, targets, nodes, edges, degree_p50, degree_p99, degree_max, "
             "covered_documents, relevance_agreement FROM graphs ORDER BY name";
    case ShowList::kMemory:
      return "SELECT name, bytes, description FROM memory";
    case ShowList::kTables:
      return "SELECT name, writable, description FROM tables";
    case ShowList::kIndexes:
      return "SELECT name, \"table\", \"column\", state FROM indexes ORDER BY name";
    case ShowList::kColumns:
      return "SELECT \"table\", name, type, default_value FROM columns ORDER BY \"table\", name";
    case ShowList::kSessions:
      return "SELECT id, user, client, application_name, state, state_since, memory_bytes, kind, "
             "statement FROM sessions ORDER BY id";
    case ShowList::kRoles:
      return "SELECT name, login, rights, connection_limit, memory_limit, valid_until FROM roles "
             "ORDER BY name";
    case ShowList::kSchedules:
      return "SELECT name, cron, time_zone, condition, statements, paused, next_run, last_run, "
             "last_outcome, last_reason FROM schedules ORDER BY name";
    case ShowList::kSettings:
      break;
  }
  return "SELECT name, value, description FROM settings ORDER BY name";
}

}  // namespace dashi::sql
