#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "index/row_set.h"
#include "query/release_cache.h"
#include "storage/view.h"

namespace dashi::query {

/// The third argument of topk(): a JSON object.
struct TopKOptions {
  std::string model;                     ///< empty: the only published model
  std::optional<std::uint32_t> release;  ///< nullopt: the published release
  std::size_t ef = 0;                    ///< HNSW beam; 0 = the index's default
  bool exact = false;                    ///< scan all labels
  bool require_index = false;            ///< refuse (55000) large scans, as SearchOptions has it
  bool ranker = true;                    ///< let the release's sparse ranker order the best labels
  bool retrieval = true;                 ///< let the nearest documents vote, where they have votes
  /// Set by the caller, not by JSON: the rows that may come back; null: all. Sharers: the cursor.
  std::shared_ptr<const index::RowSet> only = nullptr;
  /// Set by the caller: asked now and then while labels that are new are embedded; its error ends
  /// the search. May be empty.
  std::function<Status()> check_stop = nullptr;
  /// Set by the caller: as Freshness::needed_sequence.
  std::optional<std::uint64_t> needed_sequence = std::nullopt;
};

/// Parses '{"model":"ads","release":1,"ef":200,"exact":true,"require_index":true,"ranker":false,
/// "retrieval":false}'; what it does not name is as in `defaults`.
///
/// Errors: kInvalidArgument (22023) for no JSON object, an unknown key (hint: the nearest known
/// one)
///         or a value of the wrong type or range.
Result<TopKOptions> ParseTopKOptions(std::string_view json, TopKOptions defaults = {});

/// Parses '{"model":"ads","release":1}' where there is no search. Errors: as above.
Result<TopKOptions> ParseReleaseOptions(std::string_view json);

/// Encodes a text by a release's encoder: unit length, or all zero for a text without a word that
/// the model knows.
///
/// Shape:  result [dim].
/// Errors: kInvalidArgument (22021) for invalid UTF-8.
Result<std::vector<float>> EncodeQuery(const ServingRelease& release, std::string_view text);

struct TopKHit {
  storage::Ordinal ordinal{};
  storage::EntityRow row;
  float score = 0;
};

/// How a query was answered so far, for EXPLAIN ANALYZE.
struct SearchSummary {
  std::string release;       ///< "ads@3"
  std::string index;         ///< "graph", or "scan" where there is none
  std::string index_state;   ///< as ServingIndex::State; empty: vectors that no file stands for
  std::string index_graph;   ///< as ServingIndex::Graph
  std::size_t num_rows = 0;  ///< that a search without a filter can find
  /// Rows that others have changed and that are being embedded: their older text counts, or none.
  std::size_t num_left_out = 0;
  /// How many of them a filter leaves that was looked up before the search; nullopt: none was.
  std::optional<std::size_t> num_passing;
  bool searched = false;               ///< false: nothing had to be
  index::SearchStatistics statistics;  ///< of all searches together; the path of the last one
};

/// Hands out the labels of one query best first, as many as are asked for: a caller that filters
/// them gets k rows if k rows pass. Labels deleted since the release was made are skipped; those
/// that were added, or got another text, are found by their text as the view has it.
///
/// Threads: one thread at a time. Must not outlive its view.
/// Cost:    Next reads rows in batches; the search is repeated with 4x the candidates when they run
///          out.
class TopKCursor {
 public:
  virtual ~TopKCursor() = default;
  /// Returns false when no label is left.
  virtual Result<bool> Next(TopKHit* hit) = 0;
  virtual const ServingRelease& release() const = 0;
  /// Lets only rows of a set be found by searches from now on; rows that were found already may
  /// still come. For a caller that has dropped many.
  virtual void Restrict(std::shared_ptr<const index::RowSet> only) = 0;
  virtual SearchSummary Summary() const = 0;
};

/// Opens a cursor over labels. `k` is how many rows the caller expects to take. A text without a
/// word that the model knows is near nothing: it gives no rows.
///
/// Errors: as ReleaseCache::Resolve; kInvalidArgument (22021) for invalid UTF-8;
///         kFailedPrecondition (55000) from the cursor too, where options.require_index forbids a
///         scan.
Result<std::unique_ptr<TopKCursor>> OpenTopK(std::shared_ptr<const storage::View> view,
                                             ReleaseCache& releases, std::string_view text,
                                             std::size_t k, const TopKOptions& options);

/// The same over documents ('documents') or labels ('labels') by embedding alone: cosine of encoder
/// embeddings, classifiers not involved.
///
/// Errors: kInvalidArgument for a table without embeddings.
Result<std::unique_ptr<TopKCursor>> OpenNearest(std::shared_ptr<const storage::View> view,
                                                ReleaseCache& releases, std::string_view table,
                                                std::string_view text, std::size_t k,
                                                const TopKOptions& options);

/// Hands out the cursors of many queries, which are encoded and searched for together: one pass of
/// the encoder, one set of what can pass, and one search of all on the pool. The rows are read as
/// each cursor is asked for them.
///
/// Threads: one thread at a time. Must not outlive its view.
class TopKBatch {
 public:
  virtual ~TopKBatch() = default;
  /// Whether all texts have had their cursors.
  virtual bool at_end() const = 0;
  /// Opens the cursor of the next text, which does not depend on the batch. Not at the end.
  virtual Result<std::unique_ptr<TopKCursor>> OpenNext() = 0;
  /// Lets only rows of a set be found through cursors that are opened from now on, whose texts are
  /// searched for once more, together. Nothing changes where it is null, or the set that it was.
  virtual void Restrict(std::shared_ptr<const index::RowSet> only) = 0;
};

/// Opens the batch of many texts. Each cursor finds what one of OpenTopK would.
///
/// Errors: as OpenTopK, for any of the texts.
Result<std::unique_ptr<TopKBatch>> OpenTopKBatch(std::shared_ptr<const storage::View> view,
                                                 ReleaseCache& releases,
                                                 std::vector<std::string> texts, std::size_t k,
                                                 const TopKOptions& options);

/// The most candidates a single topk may ask for; more is kInvalidArgument (22023).
inline constexpr std::size_t kTopKMax = 100'000;

}  // namespace dashi::query
