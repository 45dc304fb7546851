#include "query/top_k.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <simdjson.h>

#include "base/nearest_name.h"
#include "base/status.h"
#include "query/shortlist_ranking.h"

namespace dashi::query {
namespace {

using index::Candidate;
using index::SearchOptions;
using index::SearchStatistics;
using index::Shortlist;
using storage::EntityKind;
using storage::EntityRow;
using storage::Ordinal;
using storage::View;

constexpr std::size_t kRowsPerReadMax = 64;
constexpr std::size_t kCandidatesMin = 16;

Status CheckUtf8(std::string_view text) {
  if (simdjson::validate_utf8(text.data(), text.size())) {
    return Status::Ok();
  }
  return Status::InvalidArgument("the query text is not valid UTF-8").WithSqlState("22021");
}

Result<std::vector<float>> EncodeQuery(const ServingRelease& release, std::string_view text) {
  DASHI_RETURN_IF_ERROR(CheckUtf8(text));
  std::vector<float> query(release.encoder->dim());
  DASHI_RETURN_IF_ERROR(release.encoder->Encode(text, query));
  return query;
}

/// A text without a known word has the zero embedding: nothing is near it.
bool IsZero(std::span<const float> query) {
  return std::all_of(query.begin(), query.end(), [](float x) { return x == 0.0F; });
}

bool UsesRanker(const ServingRelease& release, const TopKOptions& options) {
  return release.ranker != nullptr && options.ranker;
}

bool UsesVotes(const ServingRelease& release, const TopKOptions& options) {
  return release.votes != nullptr && options.retrieval;
}

/// Whether shortlists are ordered anew.
bool IsRanked(const ServingRelease& release, const TopKOptions& options) {
  return UsesRanker(release, options) || UsesVotes(release, options);
}

/// The ranking of a query's shortlists, where the release has one and it is wanted.
std::unique_ptr<ShortlistRanking> MakeRanking(const ServingRelease& release, std::string_view text,
                                              const TopKOptions& options,
                                              std::vector<trainer::LabelVote> votes) {
  return IsRanked(release, options)
             ? std::make_unique<ShortlistRanking>(release, text, UsesRanker(release, options),
                                                  std::move(votes))
             : nullptr;
}

/// How many labels the first search of a query looks for.
std::size_t FirstShortlistSize(std::size_t k, bool ranked) {
  return ranked ? RankedShortlistSize(k) : std::max(k, kCandidatesMin);
}

SearchOptions SearchOptionsOf(const TopKOptions& options, std::size_t m) {
  SearchOptions search;
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

/// Walks an index best first and reads the rows of what it finds.
class IndexCursor final : public TopKCursor {
 public:
  IndexCursor(std::shared_ptr<const View> view, std::shared_ptr<const ServingRelease> release,
              std::shared_ptr<const EmbeddedRows> embedded, SearchedRows rows, EntityKind kind,
              std::vector<float> query, std::unique_ptr<ShortlistRanking> ranking, std::size_t k,
              const TopKOptions& options)
      : view_(std::move(view)),
        release_(std::move(release)),
        embedded_(std::move(embedded)),
        rows_(std::move(rows)),
        kind_(kind),
        query_(std::move(query)),
        ranking_(std::move(ranking)) {
    first_m_ = FirstShortlistSize(k, ranking_ != nullptr);
    search_ = SearchOptionsOf(options, first_m_);
    rows_per_read_ = std::clamp(k, kCandidatesMin, kRowsPerReadMax);
    if (options.only != nullptr) {
      rows_.Restrict(options.only);
    }
    if (rows_.is_restricted() && rows_.num_passing() == 0) {
      exhausted_ = true;
    } else if (IsZero(query_)) {
      begun_ = Take(Shortlist());  // Words may find labels that embeddings cannot.
    }
  }

  Result<bool> Next(TopKHit* hit) override {
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

  /// Takes the result of a search with this cursor's own options, made together with others.
  Status StartFrom(const Shortlist& found) { return exhausted_ ? Status::Ok() : Take(found); }

  const ServingRelease& release() const override { return *release_; }

  void Restrict(std::shared_ptr<const index::RowSet> only) override {
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

  SearchSummary Summary() const override {
    SearchSummary summary = summary_;
    summary.release = release_->Name();
    summary.index = rows_.base().kind() == "hnsw" ? "graph" : "scan";
    summary.index_state = embedded_ == nullptr ? release_->labels->State() : "";
    summary.num_rows = rows_.num_searched();
    summary.num_left_out = rows_.num_left_out();
    if (rows_.is_restricted()) {
      summary.num_passing = rows_.num_passing();
    }
    return summary;
  }

 private:
  /// Searches with four times the candidates of the last time and keeps those not yet seen.
  Status FindMore() {
    if (!seen_.empty() && !is_m_chosen_) {
      search_.m *= 4;
    }
    is_m_chosen_ = false;
    SearchStatistics statistics;
    Result<Shortlist> found = rows_.Search(query_, search_, &statistics);
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

  Status Take(const Shortlist& found) {
    exhausted_ = found.size() < search_.m || search_.m >= rows_.num_rows();
    const bool is_first = seen_.empty();
    candidates_.clear();
    next_candidate_ = 0;
    for (const Candidate& candidate : found) {
      if (seen_.insert(candidate.position).second) {
        candidates_.push_back(candidate);
      }
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
    }
    return Status::Ok();
  }

  Status ReadRows() {
    const std::size_t size = std::min(rows_per_read_, candidates_.size() - next_candidate_);
    std::vector<Ordinal> wanted(size);
    for (std::size_t i = 0; i < size; ++i) {
      wanted[i] = rows_.OrdinalAt(candidates_[next_candidate_ + i].position);
    }
    DASHI_ASSIGN_OR_RETURN(std::vector<std::optional<EntityRow>> rows,
                           view_->GetRows(kind_, wanted));
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

  std::shared_ptr<const View> view_;               // Shared with the statement.
  std::shared_ptr<const ServingRelease> release_;  // Shared with the cache.
  std::shared_ptr<const EmbeddedRows> embedded_;   // Shared with the cache; null for topk.
  Status begun_;
  SearchedRows rows_;  // Of the two above.
  EntityKind kind_;
  std::vector<float> query_;                   // [dim]
  std::unique_ptr<ShortlistRanking> ranking_;  // Null: dense scores are final.
  SearchOptions search_;
  std::size_t rows_per_read_ = kCandidatesMin;
  std::size_t first_m_ = 0;
  bool is_m_chosen_ = false;  // Whether the next search is for search_.m as it stands.
  SearchSummary summary_;
  bool exhausted_ = false;
  std::unordered_set<index::Position> seen_;
  std::vector<Candidate> candidates_;
  std::size_t next_candidate_ = 0;
  std::vector<TopKHit> hits_;
  std::size_t next_hit_ = 0;
};

Status CheckK(std::size_t k) {
  if (k > kTopKMax) {
    return Status::InvalidArgument(fmt::format("k is too large: got {}, at most {}", k, kTopKMax));
  }
  return Status::Ok();
}

Status BadOption(std::string_view name, std::string_view wanted) {
  return Status::InvalidArgument(fmt::format("topk option \"{}\" must be {}", name, wanted));
}

/// Reads one key of the options object.
Status ReadOption(const std::string& name, const nlohmann::json& value, TopKOptions* options) {
  if (name == "model") {
    if (!value.is_string()) {
      return BadOption(name, "a string");
    }
    options->model = value.get<std::string>();
  } else if (name == "release") {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > UINT32_MAX) {
      return BadOption(name, "a release number");
    }
    options->release = value.get<std::uint32_t>();
  } else if (name == "ef") {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kTopKMax) {
      return BadOption(name, fmt::format("an integer from 0 to {}", kTopKMax));
    }
    options->ef = value.get<std::size_t>();
  } else if (name == "exact" || name == "require_index" || name == "ranker" ||
             name == "retrieval") {
    if (!value.is_boolean()) {
      return BadOption(name, "true or false");
    }
    (name == "exact"           ? options->exact
     : name == "require_index" ? options->require_index
     : name == "ranker"        ? options->ranker
                               : options->retrieval) = value.get<bool>();
  } else {
    constexpr std::array<std::string_view, 7> kNames{
        "model", "release", "ef", "exact", "require_index", "ranker", "retrieval"};
    Status status = Status::InvalidArgument(fmt::format("unknown topk option: {}", name));
    const std::string_view nearest = NearestName(name, kNames);
    return std::move(status).WithHint(
        nearest.empty() ? "Known options: model, release, ef, exact, require_index, ranker, "
                          "retrieval."
                        : fmt::format("Perhaps you meant \"{}\".", nearest));
  }
  return Status::Ok();
}

}  // namespace

Result<TopKOptions> ParseTopKOptions(std::string_view json, TopKOptions defaults) {
  TopKOptions options = std::move(defaults);
  if (json.empty()) {
    return options;
  }
  const auto parsed = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) {
    return Status::InvalidArgument(
               fmt::format("topk options must be a JSON object: got '{}'", json))
        .WithHint("For example '{\"model\":\"ads\",\"ef\":200}'.");
  }
  for (const auto& [name, value] : parsed.items()) {
    DASHI_RETURN_IF_ERROR(ReadOption(name, value, &options));
  }
  return options;
}

Result<std::unique_ptr<TopKCursor>> OpenTopK(std::shared_ptr<const View> view,
                                             ReleaseCache& releases, std::string_view text,
                                             std::size_t k, const TopKOptions& options) {
  DASHI_RETURN_IF_ERROR(CheckK(k));
  DASHI_ASSIGN_OR_RETURN(auto release, releases.Resolve(*view, options.model, options.release));
  DASHI_ASSIGN_OR_RETURN(std::vector<float> query, EncodeQuery(*release, text));
  DASHI_ASSIGN_OR_RETURN(
      SearchedRows rows,
      releases.LabelsIn(*view, *release, {options.check_stop, options.needed_sequence}));
  std::vector<trainer::LabelVote> votes;
  if (UsesVotes(*release, options)) {
    DASHI_ASSIGN_OR_RETURN(votes, release->votes->Votes(query, SearchOptionsOf(options, 0)));
  }
  auto ranking = MakeRanking(*release, text, options, std::move(votes));
  return std::unique_ptr<TopKCursor>(std::make_unique<IndexCursor>(
      std::move(view), std::move(release), nullptr, std::move(rows), EntityKind::kLabel,
      std::move(query), std::move(ranking), k, options));
}

Result<std::unique_ptr<TopKCursor>> OpenNearest(std::shared_ptr<const View> view,
                                                ReleaseCache& releases, std::string_view table,
                                                std::string_view text, std::size_t k,
                                                const TopKOptions& options) {
  DASHI_RETURN_IF_ERROR(CheckK(k));
  if (table != "documents" && table != "labels") {
    return Status::InvalidArgument(fmt::format("table {} has no embeddings", table))
        .WithHint("nearest() searches 'documents' or 'labels'.");
  }
  const EntityKind kind = table == "documents" ? EntityKind::kDocument : EntityKind::kLabel;
  DASHI_ASSIGN_OR_RETURN(auto release, releases.Resolve(*view, options.model, options.release));
  DASHI_ASSIGN_OR_RETURN(auto embedded, releases.Embeddings(*view, *release, kind));
  DASHI_ASSIGN_OR_RETURN(std::vector<float> query, EncodeQuery(*release, text));
  DASHI_ASSIGN_OR_RETURN(SearchedRows rows,
                         releases.EmbeddingsIn(*view, *release, *embedded,
                                               {options.check_stop, options.needed_sequence}));
  return std::unique_ptr<TopKCursor>(
      std::make_unique<IndexCursor>(std::move(view), std::move(release), std::move(embedded),
                                    std::move(rows), kind, std::move(query), nullptr, k, options));
}

Result<std::vector<std::vector<TopKHit>>> TopKBatch(const std::shared_ptr<const View>& view,
                                                    ReleaseCache& releases,
                                                    std::span<const std::string_view> texts,
                                                    std::size_t k, const TopKOptions& options) {
  DASHI_RETURN_IF_ERROR(CheckK(k));
  DASHI_ASSIGN_OR_RETURN(const auto release,
                         releases.Resolve(*view, options.model, options.release));
  const std::size_t dim = release->encoder->dim();
  std::vector<float> queries(texts.size() * dim);  // [n, dim]
  for (const std::string_view text : texts) {
    DASHI_RETURN_IF_ERROR(CheckUtf8(text));
  }
  DASHI_RETURN_IF_ERROR(release->encoder->EncodeBatch(texts, queries, releases.pool()));
  DASHI_ASSIGN_OR_RETURN(
      const SearchedRows rows,
      releases.LabelsIn(*view, *release, {options.check_stop, options.needed_sequence}));
  const SearchOptions search =
      SearchOptionsOf(options, FirstShortlistSize(k, IsRanked(*release, options)));
  Result<std::vector<Shortlist>> searched =
      rows.SearchBatch({queries.data(), texts.size(), dim}, search, releases.pool());
  if (!searched.ok()) {
    return WithIndexHint(std::move(searched).status());
  }
  const std::vector<Shortlist> shortlists = std::move(searched).value();
  std::vector<std::vector<trainer::LabelVote>> votes(texts.size());
  if (UsesVotes(*release, options)) {
    DASHI_ASSIGN_OR_RETURN(votes, release->votes->VotesBatch({queries.data(), texts.size(), dim},
                                                             search, releases.pool()));
  }
  std::vector<std::vector<TopKHit>> results(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::span<const float> query = std::span(queries).subspan(i * dim, dim);
    IndexCursor cursor(view, release, nullptr, rows, EntityKind::kLabel,
                       {query.begin(), query.end()},
                       MakeRanking(*release, texts[i], options, std::move(votes[i])), k, options);
    DASHI_RETURN_IF_ERROR(cursor.StartFrom(shortlists[i]));
    results[i].reserve(k);
    for (TopKHit hit; results[i].size() < k;) {
      DASHI_ASSIGN_OR_RETURN(const bool more, cursor.Next(&hit));
      if (!more) {
        break;
      }
      results[i].push_back(std::move(hit));
    }
  }
  return results;
}

}  // namespace dashi::query
