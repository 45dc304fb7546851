#pragma once

#include <cstddef>
#include <memory>
#include <unordered_set>
#include <vector>

#include "query/search_times.h"
#include "query/searched_rows.h"
#include "query/shortlist_ranking.h"
#include "query/top_k.h"

namespace dashi::query {

/// How many labels the first search of a query looks for.
std::size_t FirstShortlistSize(std::size_t k, bool ranked);
/// What a search for `m` candidates is told of the options.
index::SearchOptions SearchOptionsOf(const TopKOptions& options, std::size_t m);
/// Adds what helps where a search failed because an index is required.
Status WithIndexHint(Status status);

/// What a cursor hands out rows of. Sharers of all: other cursors and the cache.
struct SearchedRelease {
  std::shared_ptr<const storage::View> view;
  std::shared_ptr<const ServingRelease> release;
  std::shared_ptr<const EmbeddedRows> embedded;  ///< null: the release's labels
  storage::EntityKind kind = storage::EntityKind::kLabel;
};

/// Walks an index best first and reads the rows of what it finds.
class IndexCursor final : public TopKCursor {
 public:
  /// `rows` are restricted already to what may come back.  `ranking` null: dense scores are final.
  /// `timer` has what was done already, and goes on.
  IndexCursor(SearchedRelease searched, SearchedRows rows, std::vector<float> query,
              std::unique_ptr<ShortlistRanking> ranking, std::size_t k, const TopKOptions& options,
              const SearchTimer& timer);
  /// Has its times counted.
  ~IndexCursor() override;
  IndexCursor(const IndexCursor&) = delete;
  IndexCursor& operator=(const IndexCursor&) = delete;

  Result<bool> Next(TopKHit* hit) override;
  const ServingRelease& release() const override { return *searched_.release; }
  void Restrict(std::shared_ptr<const index::RowSet> only) override;
  SearchSummary Summary() const override;

  /// Takes what a search with this cursor's own options found, made together with others.
  Status StartFrom(const index::Shortlist& found, const index::SearchStatistics& statistics);

 private:
  Status FindMore();
  Status Take(const index::Shortlist& found);
  Status ReadRows();

  const SearchedRelease searched_;
  Status begun_;
  SearchedRows rows_;                          // Of searched_.
  std::vector<float> query_;                   // [dim]
  std::unique_ptr<ShortlistRanking> ranking_;  // Null: dense scores are final.
  const std::size_t first_m_;
  index::SearchOptions search_;
  const std::size_t rows_per_read_;
  SearchTimer timer_;
  bool is_m_chosen_ = false;  // Whether the next search is for search_.m as it stands.
  SearchSummary summary_;
  bool exhausted_ = false;
  std::unordered_set<index::Position> seen_;
  std::vector<index::Candidate> candidates_;
  std::size_t next_candidate_ = 0;
  std::vector<TopKHit> hits_;
  std::size_t next_hit_ = 0;
};

}  // namespace dashi::query
