#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/crash/crash_rows.h"
#include "tests/crash/crash_session.h"

namespace dashi::crash {

/// A writer of documents, labels, anchors and relevance: single statements, transactions with
/// savepoints and rollbacks, and loads, all chosen at random. It changes rows of its own, which
/// it knows in full, and takes part in the counters and claims of all writers.
///
/// Threads: one thread at a time, each writer in a thread of its own.
class RowWriter {
 public:
  struct Options {
    int writer = 0;
    std::uint64_t seed = 0;
    std::string load_directory;      ///< where it writes the files that it loads
    bool loads_large_first = false;  ///< begin with a load through the spool
    bool stages_first = false;       ///< begin with a load of sorted files
  };
  RowWriter(Database* database, CrashEventWriter* events, const Options& options, Rows rows);

  /// Works until `stop` says so.
  void Run(const std::function<bool()>& stop);

 private:
  struct Plan {
    std::string sql;
    Rows after;
  };

  void Step();
  void RunTransaction();
  void RunSavepoint(Rows* working);
  void FailOnDuplicate();
  void Count();
  void Claim();
  void DropBatch();
  void LoadNewLabels();

  // Each makes one statement and what it does to `rows`; nothing when there is nothing to do.
  std::optional<Plan> PlanAny(const Rows& rows);
  std::optional<Plan> PlanInsertDocuments(const Rows& rows);
  std::optional<Plan> PlanUpdateDocument(const Rows& rows);
  std::optional<Plan> PlanRenameDocument(const Rows& rows);
  std::optional<Plan> PlanDeleteDocuments(const Rows& rows);
  std::optional<Plan> PlanWriteLabel(const Rows& rows);
  std::optional<Plan> PlanDeleteLabel(const Rows& rows);
  std::optional<Plan> PlanWriteAnchor(const Rows& rows);
  std::optional<Plan> PlanPutPairs(const Rows& rows);
  std::optional<Plan> PlanDeletePair(const Rows& rows);
  // Of the graph kClickGraph, whose edges weigh as much as they have clicks.
  std::optional<Plan> PlanAddClicks(const Rows& rows);
  std::optional<Plan> PlanPutOrDeleteEdge(const Rows& rows);
  std::optional<Plan> PlanLoadClicks(const Rows& rows, std::uint64_t num_clicks);
  std::optional<Plan> PlanLoadRows(const Rows& rows);
  std::optional<Plan> PlanLoadPairs(const Rows& rows);
  Plan PlanLoadBatch(const Rows& rows);
  Plan PlanDropNewLabels(const Rows& rows);
  Plan PlanLoadNewLabels(const Rows& rows);
  std::optional<Plan> PlanLoadBatchPairs(const Rows& rows);

  void Execute(const std::optional<Plan>& plan);
  // A document and a label that both exist.
  std::optional<RelevanceIds> RandomEnds(const Rows& rows);
  std::string Id(std::string_view kind, std::uint64_t number) const;
  std::string RandomId(std::string_view kind, std::uint64_t bound);
  std::string RandomToken();
  std::string RandomSplit();
  std::string RandomWeight();
  std::string LoadPath(std::string_view name) const;

  CrashSession session_;
  const Options options_;
  const std::string prefix_;
  Random random_;
  Rows rows_;
};

}  // namespace dashi::crash
