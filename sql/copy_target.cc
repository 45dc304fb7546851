#include "sql/copy_target.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "sql/graph/graph_lookup.h"
#include "storage/graph/graph_ends.h"
#include "storage/row_check.h"

namespace dashi::sql {

namespace {

using storage::DuplicatePolicy;
using storage::EntityKind;
using storage::GraphNode;
using storage::Ordinal;
using storage::RelevanceNeighbour;

class TransactionLoad : public storage::BulkLoad {
 public:
  TransactionLoad(storage::Transaction& transaction, const CopyPlan& plan,
                  storage::GraphRecord graph)
      : transaction_(transaction),
        kind_(plan.kind),
        policy_(plan.on_conflict),
        graph_(std::move(graph)) {}

  Status AddRow(const storage::EntityRow& row) override {
    if (policy_ != DuplicatePolicy::kFail) {
      DASHI_ASSIGN_OR_RETURN(const std::optional<Ordinal> existing,
                             transaction_.FindOrdinal(*kind_, row.id));
      if (existing && policy_ == DuplicatePolicy::kIgnore) {
        ++counts_.ignored;
        return Status();
      }
      if (existing) {
        DASHI_RETURN_IF_ERROR(transaction_.UpdateRow(*kind_, *existing, row));
        ++counts_.replaced;
        return Status();
      }
    }
    DASHI_RETURN_IF_ERROR(transaction_.InsertRow(*kind_, row).status());
    ++counts_.inserted;
    return Status();
  }

  Status AddRelevance(std::string_view document, std::string_view label, float weight) override {
    DASHI_RETURN_IF_ERROR(storage::CheckWeight(weight));
    DASHI_ASSIGN_OR_RETURN(const Ordinal from, Find(EntityKind::kDocument, document));
    DASHI_ASSIGN_OR_RETURN(const Ordinal to, Find(EntityKind::kLabel, label));
    if (policy_ != DuplicatePolicy::kReplace) {
      DASHI_ASSIGN_OR_RETURN(const std::vector<RelevanceNeighbour> labels,
                             transaction_.LabelsOf(from));
      const bool exists = std::any_of(labels.begin(), labels.end(),
                                      [&](const auto& pair) { return pair.ordinal == to; });
      if (exists && policy_ == DuplicatePolicy::kIgnore) {
        ++counts_.ignored;
        return Status();
      }
      if (exists) {
        return Status::AlreadyExists("relevance holds this pair already: document " +
                                     std::string(document) + ", label " + std::string(label))
            .WithSqlState("23505");
      }
    }
    DASHI_ASSIGN_OR_RETURN(const bool is_new, transaction_.PutRelevance(from, to, weight));
    ++(is_new ? counts_.inserted : counts_.replaced);
    return Status();
  }

  Status AddEdge(std::string_view source, std::string_view target,
                 const storage::EdgeValues& values) override {
    DASHI_RETURN_IF_ERROR(FindEnds(source, target));
    DASHI_ASSIGN_OR_RETURN(const bool exists, HasEdge());
    if (exists && policy_ == DuplicatePolicy::kIgnore) {
      ++counts_.ignored;
      return Status();
    }
    if (exists && policy_ == DuplicatePolicy::kFail) {
      return Status::AlreadyExists("graph \"" + graph_.name + "\" already has the edge from '" +
                                   std::string(source) + "' to '" + std::string(target) + "'")
          .WithSqlState("23505");
    }
    for (const GraphNode node : sources_) {
      DASHI_RETURN_IF_ERROR(transaction_.PutEdge(graph_, node, target_, values).status());
    }
    ++(exists ? counts_.replaced : counts_.inserted);
    return Status();
  }

  Status AddClick(std::string_view source, std::string_view target, const Click& click) override {
    DASHI_RETURN_IF_ERROR(FindEnds(source, target));
    if (!click.event_id.empty()) {
      DASHI_ASSIGN_OR_RETURN(
          const bool is_new,
          transaction_.PutGraphEvent(graph_, storage::DayOf(click.at_micros), click.event_id));
      if (!is_new) {
        ++counts_.ignored;
        return Status();
      }
    }
    for (const GraphNode node : sources_) {
      DASHI_RETURN_IF_ERROR(transaction_.AddToEdge(graph_, node, target_, {1, 1, click.at_micros}));
    }
    ++counts_.inserted;
    return Status();
  }

  Result<Counts> Commit(
      const std::function<void(std::uint64_t, std::uint64_t)>& /*on_progress*/) override {
    return counts_;
  }

 private:
  Result<Ordinal> Find(EntityKind kind, std::string_view id) const {
    DASHI_ASSIGN_OR_RETURN(const std::optional<Ordinal> ordinal,
                           transaction_.FindOrdinal(kind, id));
    if (!ordinal) {
      return Status::NotFound("relevance names a row that is not in " +
                              std::string(EntityTableName(kind)) + ": " + std::string(id))
          .WithSqlState("23503");
    }
    return *ordinal;
  }

  // Sets sources_ and target_.
  Status FindEnds(std::string_view source, std::string_view target) {
    DASHI_ASSIGN_OR_RETURN(sources_,
                           FindNodes(transaction_, graph_, storage::EdgeSide::kOut, source));
    if (sources_.empty()) {
      return NoSuchEnd(graph_, storage::EdgeSide::kOut, source);
    }
    DASHI_ASSIGN_OR_RETURN(const std::optional<GraphNode> found,
                           FindTarget(transaction_, graph_, target));
    if (!found) {
      return NoSuchEnd(graph_, storage::EdgeSide::kIn, target);
    }
    target_ = *found;
    return Status();
  }

  Result<bool> HasEdge() const {
    DASHI_ASSIGN_OR_RETURN(const std::vector<storage::Edge> edges,
                           transaction_.EdgesOf(graph_, storage::EdgeSide::kOut, sources_.front()));
    return std::any_of(edges.begin(), edges.end(),
                       [this](const storage::Edge& edge) { return edge.neighbour == target_; });
  }

  storage::Transaction& transaction_;
  std::optional<EntityKind> kind_;
  DuplicatePolicy policy_;
  const storage::GraphRecord graph_;  // of edges and clicks
  Counts counts_;
  // The ends of the edge that is being added.
  std::vector<GraphNode> sources_;
  GraphNode target_;
};

}  // namespace

Result<std::unique_ptr<storage::BulkLoad>> NewTransactionLoad(storage::Transaction& transaction,
                                                              const CopyPlan& plan) {
  storage::GraphRecord graph;
  if (!plan.graph.empty()) {
    DASHI_ASSIGN_OR_RETURN(graph, FindGraph(transaction, plan.graph));
  }
  return std::unique_ptr<storage::BulkLoad>(
      std::make_unique<TransactionLoad>(transaction, plan, std::move(graph)));
}

}  // namespace dashi::sql
