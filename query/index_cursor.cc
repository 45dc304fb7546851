#include "query/index_cursor.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/status.h"

namespace dashi::query {
namespace {

using index::Candidate;
using index::SearchStatistics;
using index::Shortlist;
using storage::EntityRow;
using storage::Ordinal;

constexpr std::size_t kRowsPerReadMax = 64;
constexpr std::size_t kCandidatesMin = 16;

/// A text without a known word has the zero embedding: nothing is near it.
bool IsZero(std::span<const float> query) {
  return std::all_of(query.begin(), query.end(), [](float x) { return x == 0.0F; });
}

}  // namespace

std::size_t FirstShortlistSize(std::size_t k, bool ranked) {
  return ranked ? RankedShortlistSize(k) : std::max(k, kCandidatesMin);
}

index::SearchOptions SearchOptionsOf(const TopKOptions& options, std::size_t m) {
  index::SearchOptions search;
  search.m = m;
  search.ef = options.ef;
  search.exact = options.exact;
  search.require_index = options.require_index;
  return search;
}

Status WithIndexHint(Status status) {
  return status.sqlstate() != "55000"
             ? std::move(status)
             : std::move(status).WithHint(
                   "SET ann.require_index = off scans; so does {\"exact\": true}.");
}

IndexCursor::IndexCursor(SearchedRelease searched, SearchedRows rows, std::vector<float> query,
                         std::unique_ptr<ShortlistRanking> ranking, std::size_t k,
                         const TopKOptions& options, const SearchTimer& timer)
    : searched_(std::move(searched)),
      rows_(std::move(rows)),
      query_(std::move(query)),
      ranking_(std::move(ranking)),
      first_m_(FirstShortlistSize(k, ranking_ != nullptr)),
      search_(SearchOptionsOf(options, first_m_)),
      rows_per_read_(std::clamp(k, kCandidatesMin, kRowsPerReadMax)),
      timer_(timer) {
  if (rows_.is_restricted() && rows_.num_passing() == 0) {
    exhausted_ = true;
  } else if (IsZero(query_)) {
    begun_ = Take(Shortlist());  // Words may find labels that embeddings cannot.
  }
}

IndexCursor::~IndexCursor() { timer_.Note(); }

Result<bool> IndexCursor::Next(TopKHit* hit) {
  DASHI_RETURN_IF_ERROR(begun_);
  for (;;) {
    while (next_hit_ < hits_.size()) {
      TopKHit& next = hits_[next_hit_++];
      if (!next.row.id.empty()) {
        *hit = std::move(next);
        return true;
      }
    }
    if (next_candidate_ == candidates_.size()) {
      if (exhausted_) {
        return false;
      }
      DASHI_RETURN_IF_ERROR(FindMore());
    }
    DASHI_RETURN_IF_ERROR(ReadRows());
  }
}

Status IndexCursor::StartFrom(const Shortlist& found, const SearchStatistics& statistics) {
  if (exhausted_) {
    return Status::Ok();
  }
  summary_.statistics = statistics;
  summary_.searched = true;
  return Take(found);
}

void IndexCursor::Restrict(std::shared_ptr<const index::RowSet> only) {
  const auto fails = [&](const Candidate& candidate) {
    return !only->Contains(ToInteger(rows_.OrdinalAt(candidate.position)));
  };
  const auto next = candidates_.begin() + static_cast<std::ptrdiff_t>(next_candidate_);
  candidates_.erase(std::remove_if(next, candidates_.end(), fails), candidates_.end());
  rows_.Restrict(std::move(only));
  // Of the rows that pass, those that came already are found once more: fewer than were wanted.
  search_.m = 2 * first_m_;
  is_m_chosen_ = true;
  exhausted_ = exhausted_ || rows_.num_passing() == 0;
}

SearchSummary IndexCursor::Summary() const {
  SearchSummary summary = summary_;
  const ServingRelease& release = *searched_.release;
  summary.release = release.Name();
  summary.index = rows_.base().kind() == "hnsw" ? "graph" : "scan";
  if (searched_.embedded == nullptr) {
    summary.index_state = release.labels->State();
    summary.index_graph = release.labels->Graph();
  }
  summary.num_rows = rows_.num_searched();
  summary.num_left_out = rows_.num_left_out();
  if (rows_.is_restricted()) {
    summary.num_passing = rows_.num_passing();
  }
  return summary;
}

/// Searches with four times the candidates of the last time and keeps those not yet seen.
Status IndexCursor::FindMore() {
  if (!seen_.empty() && !is_m_chosen_) {
    search_.m *= 4;
  }
  is_m_chosen_ = false;
  SearchStatistics statistics;
  timer_.Begin();
  Result<Shortlist> found = rows_.Search(query_, search_, &statistics);
  timer_.End(SearchPart::kSearch);
  if (!found.ok()) {
    return WithIndexHint(std::move(found).status());
  }
  SearchStatistics& total = summary_.statistics;
  total.num_visited += statistics.num_visited;
  total.num_refills += statistics.num_refills + (summary_.searched ? 1 : 0);
  total.exact = statistics.exact;
  total.path = statistics.path;
  summary_.searched = true;
  return Take(*found);
}

Status IndexCursor::Take(const Shortlist& found) {
  exhausted_ = found.size() < search_.m || search_.m >= rows_.num_rows();
  const bool is_first = seen_.empty();
  candidates_.clear();
  next_candidate_ = 0;
  for (const Candidate& candidate : found) {
    if (seen_.insert(candidate.position).second) {
      candidates_.push_back(candidate);
    }
  }
  if (ranking_ != nullptr) {
    timer_.Begin();
  }
  if (ranking_ != nullptr && is_first) {
    DASHI_RETURN_IF_ERROR(ranking_->AddLabels(
        rows_.base(), query_,
        [this](index::Position position) { return rows_.IsSearched(position); }, &candidates_));
    for (const Candidate& candidate : candidates_) {
      seen_.insert(candidate.position);
    }
  }
  if (ranking_ != nullptr) {
    ranking_->Order(&candidates_);
    timer_.End(SearchPart::kRank);
  }
  return Status::Ok();
}

Status IndexCursor::ReadRows() {
  const std::size_t size = std::min(rows_per_read_, candidates_.size() - next_candidate_);
  std::vector<Ordinal> wanted(size);
  for (std::size_t i = 0; i < size; ++i) {
    wanted[i] = rows_.OrdinalAt(candidates_[next_candidate_ + i].position);
  }
  DASHI_ASSIGN_OR_RETURN(std::vector<std::optional<EntityRow>> rows,
                         searched_.view->GetRows(searched_.kind, wanted));
  hits_.assign(size, TopKHit());
  next_hit_ = 0;
  for (std::size_t i = 0; i < size; ++i) {
    if (rows[i]) {
      hits_[i] = {wanted[i], std::move(*rows[i]), candidates_[next_candidate_ + i].score};
    }
  }
  next_candidate_ += size;
  return Status::Ok();
}

}  // namespace dashi::query
