#include "tests/crash/crash_dump.h"

#include <filesystem>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::crash {

namespace {

namespace fs = std::filesystem;

std::string TokenOrProblem(CrashSession& session, std::string_view key, std::string_view text) {
  const std::optional<std::string> token = TokenOf(text);
  if (!token) {
    session.SendProblem(
        fmt::format("the text of {} is not what its token says: {}", key, text.substr(0, 100)));
  }
  return token.value_or("?");
}

// Reads a table by scan, and each of its rows again by its id.
Status DumpEntities(CrashSession& session, const std::string& table, Rows* rows) {
  const bool has_split = table == "documents";
  DASHI_ASSIGN_OR_RETURN(const std::vector<Row> scanned,
                         session.Query(fmt::format("SELECT id, text, {} FROM {}",
                                                   has_split ? "split" : "NULL", table)));
  for (const Row& row : scanned) {
    const std::string_view id = row[0].text();
    const std::string key = has_split           ? DocumentKey(id)
                            : table == "labels" ? LabelKey(id)
                                                : AnchorKey(id);
    const std::string token = TokenOrProblem(session, key, row[1].text());
    if (!rows->emplace(key, has_split ? DocumentValue(row[2].text(), token) : token).second) {
      session.SendProblem("two rows have one id: " + key);
    }
    const std::vector<Value> values = {row[0]};
    DASHI_ASSIGN_OR_RETURN(
        const std::vector<Row> found,
        session.Query(fmt::format("SELECT text FROM {} WHERE id = $1", table), values));
    if (found.size() != 1 || found[0][0] != row[1]) {
      session.SendProblem("a row is found by scan but not by its id: " + key);
    }
  }
  DASHI_ASSIGN_OR_RETURN(const std::vector<Row> count,
                         session.Query(fmt::format("SELECT count(*) FROM {}", table)));
  if (count[0][0].integer() != static_cast<std::int64_t>(scanned.size())) {
    session.SendProblem(fmt::format("count(*) of {} says {}, a scan {}", table,
                                    count[0][0].integer(), scanned.size()));
  }
  return Status::Ok();
}

Result<Rows> ReadPairs(CrashSession& session, std::string_view sql) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<Row> rows, session.Query(sql));
  Rows pairs;
  for (const Row& row : rows) {
    pairs[RelevanceKey(row[0].text(), row[1].text())] = fmt::format("{}", row[2].real());
  }
  return pairs;
}

Status DumpRelevance(CrashSession& session, Rows* rows) {
  DASHI_ASSIGN_OR_RETURN(const Rows pairs,
                         ReadPairs(session, "SELECT document, label, weight FROM relevance"));
  DASHI_ASSIGN_OR_RETURN(
      const Rows by_label,
      ReadPairs(session,
                "SELECT r.document, l.id, r.weight FROM labels l CROSS JOIN relevance r "
                "ON r.label = l.id"));
  DASHI_ASSIGN_OR_RETURN(
      const Rows by_document,
      ReadPairs(session,
                "SELECT d.id, r.label, r.weight FROM documents d CROSS JOIN relevance r "
                "ON r.document = d.id"));
  if (pairs != by_label || pairs != by_document) {
    session.SendProblem(
        fmt::format("relevance differs: {} pairs by scan, {} by label, {} by "
                    "document",
                    pairs.size(), by_label.size(), by_document.size()));
  }
  for (const auto& [key, weight] : pairs) {
    const RelevanceIds ids = ParseRelevanceKey(key);
    if (!rows->contains(DocumentKey(ids.document)) || !rows->contains(LabelKey(ids.label))) {
      session.SendProblem(
          fmt::format("a pair without its document or label: {}, {}", ids.document, ids.label));
    }
  }
  rows->insert(pairs.begin(), pairs.end());
  return Status::Ok();
}

Result<Rows> ReadEdges(CrashSession& session, std::string_view sql) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<Row> rows, session.Query(sql));
  Rows edges;
  for (const Row& row : rows) {
    edges[EdgeKey(row[0].text(), row[1].text())] = row[2].ToString();
    if (fmt::format("{}", row[3].real()) != row[2].ToString()) {
      session.SendProblem(
          fmt::format("an edge of {} clicks weighs {}", row[2].ToString(), row[3].real()));
    }
  }
  return edges;
}

Status DumpEdges(CrashSession& session, Rows* rows) {
  DASHI_ASSIGN_OR_RETURN(const Rows edges,
                         ReadEdges(session, "SELECT source, target, clicks, weight FROM edges"));
  DASHI_ASSIGN_OR_RETURN(
      const Rows by_target,
      ReadEdges(session,
                "SELECT e.source, l.id, e.clicks, e.weight FROM labels l CROSS JOIN edges e "
                "ON e.target = l.id"));
  DASHI_ASSIGN_OR_RETURN(
      const Rows by_source,
      ReadEdges(session,
                "SELECT d.id, e.target, e.clicks, e.weight FROM documents d CROSS JOIN edges e "
                "ON e.source = d.id"));
  if (edges != by_target || edges != by_source) {
    session.SendProblem(fmt::format("edges differ: {} by scan, {} by target, {} by source",
                                    edges.size(), by_target.size(), by_source.size()));
  }
  rows->insert(edges.begin(), edges.end());
  return Status::Ok();
}

void CheckFiles(CrashSession& session, const std::string& folder,
                const std::set<std::string>& expected) {
  std::set<std::string> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    found.insert(entry.path().filename().string());
  }
  if (found != expected) {
    session.SendProblem(fmt::format("{} holds [{}], and should hold [{}]", folder,
                                    fmt::join(found, ", "), fmt::join(expected, ", ")));
  }
}

// No rows may come back.
Status ExpectNone(CrashSession& session, std::string_view what, std::string_view sql) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<Row> rows, session.Query(sql));
  if (!rows.empty()) {
    session.SendProblem(fmt::format("{}: {}", what, rows[0][0].ToString()));
  }
  return Status::Ok();
}

// What is in the folders of index files and of unfinished ones. Comes before any release is loaded:
// labels that came after one are sealed while it is, and files come and go.
Status DumpReleases(CrashSession& session, const std::string& directory, Rows* rows) {
  std::set<std::string> index_files;
  DASHI_ASSIGN_OR_RETURN(
      const std::vector<Row> releases,
      session.Query("SELECT name, index_kind, job, sealed_labels FROM releases"));
  std::size_t num_sealed = 0;
  for (const Row& release : releases) {
    (*rows)[ReleaseKey(release[0].text())] = "";
    if (release[1].text() == "hnsw") {
      index_files.insert(fmt::format("job-{}.segment", release[2].integer()));
    }
    num_sealed += release[3].integer() > 0 ? 1 : 0;
  }
  // No table has their names.
  for (const auto& entry : fs::directory_iterator(directory + "/index")) {
    if (entry.path().filename().string().starts_with("sealed-") && num_sealed > 0) {
      index_files.insert(entry.path().filename().string());
      --num_sealed;
    }
  }
  if (num_sealed > 0) {
    session.SendProblem("files of sealed labels are missing: " + std::to_string(num_sealed));
  }
  CheckFiles(session, directory + "/index", index_files);
  CheckFiles(session, directory + "/tmp", {});
  return Status::Ok();
}

Status DumpModels(CrashSession& session, Rows* rows) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<Row> models,
                         session.Query("SELECT name, published FROM models"));
  for (const Row& model : models) {
    std::string& published = (*rows)[ModelKey(model[0].text())];
    if (model[1].is_null()) {
      continue;
    }
    published = fmt::format("{}@{}", model[0].text(), model[1].integer());
    const std::string sql = fmt::format(
        R"(SELECT label FROM topk('w01 w02', 3, '{{"model": "{}"}}'))", model[0].text());
    DASHI_ASSIGN_OR_RETURN(const std::vector<Row> labels, session.Query(sql));
    if (labels.empty()) {
      session.SendProblem(published + " finds no label");
    }
  }
  DASHI_RETURN_IF_ERROR(ExpectNone(session, "a job goes on after a restart",
                                   "SELECT id FROM jobs WHERE state IN ('queued', 'running')"));
  DASHI_RETURN_IF_ERROR(ExpectNone(session, "a release without its finished job",
                                   "SELECT r.name FROM releases r LEFT JOIN jobs j ON j.id = r.job "
                                   "WHERE j.state IS NOT 'succeeded' OR j.result IS NOT r.name"));
  return ExpectNone(session, "an evaluation is half there",
                    "SELECT id FROM evaluations GROUP BY id HAVING count(*) <> "
                    "(SELECT max(n) FROM (SELECT count(*) AS n FROM evaluations GROUP BY id))");
}

// What an index finds must be what a scan finds: a unary plus keeps the index out.
Status CheckIndex(CrashSession& session, std::string_view name, std::string_view column) {
  const std::string values = fmt::format("SELECT DISTINCT +{} FROM documents", column);
  DASHI_ASSIGN_OR_RETURN(const std::vector<Row> found, session.Query(values));
  for (const Row& value : found) {
    const std::string sql = "SELECT id FROM documents WHERE {}{} = $1 ORDER BY id";
    DASHI_ASSIGN_OR_RETURN(const std::vector<Row> by_index,
                           session.Query(fmt::format(fmt::runtime(sql), "", column), value));
    DASHI_ASSIGN_OR_RETURN(const std::vector<Row> by_scan,
                           session.Query(fmt::format(fmt::runtime(sql), "+", column), value));
    if (by_index != by_scan) {
      session.SendProblem(fmt::format("index {} finds {} rows with {} = {}, a scan {}", name,
                                      by_index.size(), column, value[0].ToString(),
                                      by_scan.size()));
    }
  }
  return Status::Ok();
}

Status DumpSchema(CrashSession& session, Rows* rows) {
  DASHI_ASSIGN_OR_RETURN(
      const std::vector<Row> columns,
      session.Query(
          R"(SELECT name, type, default_value FROM columns WHERE "table" = 'documents')"));
  for (const Row& column : columns) {
    const std::string_view name = column[0].text();
    if (!IsSchemaName(name)) {
      continue;
    }
    (*rows)[ColumnKey(name)] = fmt::format("{}|{}", column[1].text(), column[2].ToString());
    const std::string sql =
        fmt::format("SELECT id, {} FROM documents WHERE id LIKE 'schema-%'", name);
    DASHI_ASSIGN_OR_RETURN(const std::vector<Row> values, session.Query(sql));
    for (const Row& value : values) {
      (*rows)[ColumnValueKey(name, value[0].text())] = value[1].ToString();
    }
  }
  const Result<std::vector<Row>> indexes =
      session.Query(R"(SELECT name, "column" FROM indexes WHERE "table" = 'documents')");
  if (!indexes.ok()) {
    return indexes.status().sqlstate() == "42P01" ? Status::Ok() : indexes.status();
  }
  for (const Row& index : indexes.value()) {
    if (IsSchemaName(index[0].text())) {
      (*rows)[IndexKey(index[0].text())] = index[1].text();
    }
    DASHI_RETURN_IF_ERROR(CheckIndex(session, index[0].text(), index[1].text()));
  }
  return Status::Ok();
}

// The database's own opinion, where it has one.
Status CheckDatabase(CrashSession& session) {
  const Result<std::vector<Row>> problems = session.Query("CHECK DATABASE");
  if (!problems.ok()) {
    return problems.status().sqlstate() == "0A000" ? Status::Ok() : problems.status();
  }
  for (const Row& problem : problems.value()) {
    std::string text = "CHECK DATABASE:";
    for (const Value& value : problem) {
      text += " " + value.ToString();
    }
    session.SendProblem(text);
  }
  return Status::Ok();
}

}  // namespace

Result<Rows> DumpDatabase(CrashSession& session, const std::string& directory) {
  Rows rows;
  for (const char* table : {"documents", "labels", "anchors"}) {
    DASHI_RETURN_IF_ERROR(DumpEntities(session, table, &rows));
  }
  DASHI_RETURN_IF_ERROR(DumpRelevance(session, &rows));
  DASHI_RETURN_IF_ERROR(DumpEdges(session, &rows));
  DASHI_RETURN_IF_ERROR(DumpReleases(session, directory, &rows));
  DASHI_RETURN_IF_ERROR(DumpModels(session, &rows));
  DASHI_RETURN_IF_ERROR(DumpSchema(session, &rows));
  DASHI_RETURN_IF_ERROR(CheckDatabase(session));
  return rows;
}

}  // namespace dashi::crash
