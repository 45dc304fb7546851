#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "dashi/status.h"
#include "storage/graph/graph_record.h"
#include "storage/view.h"
#include "trainer/labelled_documents.h"

namespace dashi::trainer {

/// Which labels are positives of a document.
struct PositiveReading {
  std::string graph;               ///< of clicks; empty: the table relevance
  std::uint64_t min_clicks = 1;    ///< of an edge that counts
  std::int64_t window_micros = 0;  ///< between the last click of an edge that counts and the newest
                                   ///< of all; 0: any
};

/// The positives of documents in one picture of the database: pairs of the table relevance, or
/// edges of a graph between documents and labels that have clicks enough and are not too old. In a
/// graph that leads both ways those from documents to labels.
///
/// Threads: const methods may be called at once, with views of their own.
class PositiveSource {
 public:
  /// Of the table relevance.
  PositiveSource() = default;
  /// `should_stop` may be empty.
  ///
  /// Errors: kNotFound (42704) for a graph that does not exist; kInvalidArgument for one whose
  ///         edges lead neither from documents to labels nor back; kCancelled; the view's.
  /// Cost:   a scan of the graph, with a window two.
  static Result<PositiveSource> Find(const storage::View& view, const PositiveReading& reading,
                                     const std::function<bool()>& should_stop);

  /// Visits documents as ForEachLabelledDocument does, those with a positive.
  ///
  /// Cost: one merged scan of documents and relevance, or the graph.
  Status ForEachDocument(const storage::View& view, const std::function<bool()>& should_stop,
                         const LabelledDocumentVisitor& visitor) const;

  /// What was found, for messages: "of 120 edges of graph "clicks" between documents and labels 7
  /// count: 100 have fewer than 2 clicks, 13 others were last seen before 2026-08-29 00:00:00".
  std::string Describe() const;
  bool is_graph() const { return graph_.has_value(); }

 private:
  bool Counts(const storage::EdgeValues& values) const;
  Status CountEdges(const storage::View& view, const std::function<bool()>& should_stop);

  std::optional<storage::GraphRecord> graph_;
  storage::EdgeSide side_ = storage::EdgeSide::kOut;  // where documents have their labels
  std::uint64_t min_clicks_ = 1;
  std::int64_t seen_since_micros_ = INT64_MIN;
  std::uint64_t num_edges_ = 0;  // between documents and labels
  std::uint64_t num_rare_ = 0;   // of them: too few clicks
  std::uint64_t num_old_ = 0;    // of the others: too old
};

}  // namespace dashi::trainer
