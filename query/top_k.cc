#include "query/top_k.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <simdjson.h>

#include "base/nearest_name.h"
#include "base/status.h"
#include "query/index_cursor.h"
#include "query/shortlist_ranking.h"

namespace dashi::query {
namespace {

using index::SearchOptions;
using index::SearchStatistics;
using index::Shortlist;
using storage::EntityKind;
using storage::View;

Status CheckUtf8(std::string_view text) {
  if (simdjson::validate_utf8(text.data(), text.size())) {
    return Status::Ok();
  }
  return Status::InvalidArgument("the query text is not valid UTF-8").WithSqlState("22021");
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

/// The texts of a batch and what is computed of them at once.
struct BatchQueries {
  std::vector<std::string> texts;                      // [n]
  std::vector<float> embeddings;                       // [n, dim]
  std::vector<std::vector<trainer::LabelVote>> votes;  // [n]
  SearchTimer timer;                                   // of that
};

class LabelBatch final : public TopKBatch {
 public:
  LabelBatch(SearchedRelease searched, SearchedRows rows, BatchQueries queries, std::size_t k,
             TopKOptions options, ReleaseCache& releases)
      : searched_(std::move(searched)),
        rows_(std::move(rows)),
        queries_(std::move(queries)),
        k_(k),
        options_(std::move(options)),
        releases_(releases),
        search_timer_(&releases.search_times()) {}

  bool at_end() const override { return next_ == queries_.texts.size(); }

  void Restrict(std::shared_ptr<const index::RowSet> only) override {
    if (only != nullptr && only != only_) {
      rows_.Restrict(only);
      only_ = std::move(only);
      is_current_ = false;
    }
  }

  Result<std::unique_ptr<TopKCursor>> OpenNext() override {
    const bool can_find = !rows_.is_restricted() || rows_.num_passing() > 0;
    if (can_find && !is_current_) {
      DASHI_RETURN_IF_ERROR(Search());
    }
    const ServingRelease& release = *searched_.release;
    const std::span<const float> query = Embeddings(next_);
    SearchTimer timer(&releases_.search_times());
    timer.AddShare(SearchPart::kEncode, queries_.timer, queries_.texts.size());
    timer.AddShare(SearchPart::kRank, queries_.timer, queries_.texts.size());
    if (can_find) {
      timer.AddShare(SearchPart::kSearch, search_timer_, queries_.texts.size() - searched_from_);
    }
    auto cursor = std::make_unique<IndexCursor>(
        searched_, rows_, std::vector<float>(query.begin(), query.end()),
        MakeRanking(release, queries_.texts[next_], options_, std::move(queries_.votes[next_])), k_,
        options_, timer);
    if (can_find) {
      const std::size_t place = next_ - searched_from_;
      DASHI_RETURN_IF_ERROR(cursor->StartFrom(shortlists_[place], statistics_[place]));
      shortlists_[place] = Shortlist();
    }
    ++next_;
    return std::unique_ptr<TopKCursor>(std::move(cursor));
  }

 private:
  std::size_t dim() const { return searched_.release->encoder->dim(); }
  std::span<const float> Embeddings(std::size_t text) const {
    return std::span(queries_.embeddings).subspan(text * dim(), dim());
  }

  /// Searches for all texts whose cursors are still to be opened.
  Status Search() {
    const std::size_t num_texts = queries_.texts.size() - next_;
    const SearchOptions search =
        SearchOptionsOf(options_, FirstShortlistSize(k_, IsRanked(*searched_.release, options_)));
    std::vector<SearchStatistics> statistics;
    search_timer_ = SearchTimer(&releases_.search_times());
    search_timer_.Begin();
    Result<std::vector<Shortlist>> found = rows_.SearchBatch(
        {Embeddings(next_).data(), num_texts, dim()}, search, releases_.pool(), &statistics);
    search_timer_.End(SearchPart::kSearch);
    if (!found.ok()) {
      return WithIndexHint(std::move(found).status());
    }
    if (!statistics_.empty()) {  // They were searched for before.
      for (std::size_t i = 0; i < num_texts; ++i) {
        const SearchStatistics& before = statistics_[next_ - searched_from_ + i];
        statistics[i].num_visited += before.num_visited;
        statistics[i].num_refills += before.num_refills + 1;
      }
    }
    shortlists_ = std::move(*found);
    statistics_ = std::move(statistics);
    searched_from_ = next_;
    is_current_ = true;
    return Status::Ok();
  }

  const SearchedRelease searched_;
  SearchedRows rows_;  // Of searched_.
  BatchQueries queries_;
  const std::size_t k_;
  const TopKOptions options_;
  ReleaseCache& releases_;
  std::shared_ptr<const index::RowSet> only_;  // Sharers: rows_ and the statement.
  std::size_t next_ = 0;                       // The text whose cursor is opened next.
  bool is_current_ = false;                    // Whether what was found is of rows_ as they are.
  // What was found for the texts from searched_from_ on. Shape: both [texts - searched_from_].
  std::size_t searched_from_ = 0;
  std::vector<Shortlist> shortlists_;
  std::vector<SearchStatistics> statistics_;
  SearchTimer search_timer_;  // Of the search that found them.
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
/// What options may name; the first of them, which release answers.
constexpr std::array<std::string_view, 7> kSearchOptions{
    "model", "release", "ef", "exact", "require_index", "ranker", "retrieval"};
constexpr std::size_t kNumReleaseOptions = 2;

/// One of kSearchOptions.
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
  } else {
    if (!value.is_boolean()) {
      return BadOption(name, "true or false");
    }
    (name == "exact"           ? options->exact
     : name == "require_index" ? options->require_index
     : name == "ranker"        ? options->ranker
                               : options->retrieval) = value.get<bool>();
  }
  return Status::Ok();
}

Status UnknownOption(std::string_view name, std::span<const std::string_view> known) {
  const std::string_view nearest = NearestName(name, known);
  return Status::InvalidArgument(fmt::format("unknown topk option: {}", name))
      .WithHint(nearest.empty() ? fmt::format("Known options: {}.", fmt::join(known, ", "))
                                : fmt::format("Perhaps you meant \"{}\".", nearest));
}

Result<TopKOptions> ParseOptions(std::string_view json, std::span<const std::string_view> known,
                                 TopKOptions options) {
  if (json.empty()) {
    return options;
  }
  const auto parsed = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) {
    return Status::InvalidArgument(
               fmt::format("topk options must be a JSON object: got '{}'", json))
        .WithHint("For example '{\"model\":\"ads\",\"release\":2}'.");
  }
  for (const auto& [name, value] : parsed.items()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return UnknownOption(name, known);
    }
    DASHI_RETURN_IF_ERROR(ReadOption(name, value, &options));
  }
  return options;
}

}  // namespace

Result<TopKOptions> ParseTopKOptions(std::string_view json, TopKOptions defaults) {
  return ParseOptions(json, kSearchOptions, std::move(defaults));
}

Result<TopKOptions> ParseReleaseOptions(std::string_view json) {
  return ParseOptions(json, std::span(kSearchOptions).first(kNumReleaseOptions), {});
}

Result<std::vector<float>> EncodeQuery(const ServingRelease& release, std::string_view text) {
  DASHI_RETURN_IF_ERROR(CheckUtf8(text));
  std::vector<float> query(release.encoder->dim());
  DASHI_RETURN_IF_ERROR(release.encoder->Encode(text, query));
  return query;
}

Result<std::unique_ptr<TopKCursor>> OpenTopK(std::shared_ptr<const View> view,
                                             ReleaseCache& releases, std::string_view text,
                                             std::size_t k, const TopKOptions& options) {
  DASHI_RETURN_IF_ERROR(CheckK(k));
  DASHI_ASSIGN_OR_RETURN(auto release, releases.Resolve(*view, options.model, options.release));
  SearchTimer timer(&releases.search_times());
  timer.Begin();
  DASHI_ASSIGN_OR_RETURN(std::vector<float> query, EncodeQuery(*release, text));
  timer.End(SearchPart::kEncode);
  DASHI_ASSIGN_OR_RETURN(
      SearchedRows rows,
      releases.LabelsIn(*view, *release, {options.check_stop, options.needed_sequence}));
  std::vector<trainer::LabelVote> votes;
  if (UsesVotes(*release, options)) {
    timer.Begin();
    DASHI_ASSIGN_OR_RETURN(votes, release->votes->Votes(query, SearchOptionsOf(options, 0)));
    timer.End(SearchPart::kRank);
  }
  if (options.only != nullptr) {
    rows.Restrict(options.only);
  }
  auto ranking = MakeRanking(*release, text, options, std::move(votes));
  return std::unique_ptr<TopKCursor>(std::make_unique<IndexCursor>(
      SearchedRelease{std::move(view), std::move(release), nullptr, EntityKind::kLabel},
      std::move(rows), std::move(query), std::move(ranking), k, options, timer));
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
  return std::unique_ptr<TopKCursor>(std::make_unique<IndexCursor>(
      SearchedRelease{std::move(view), std::move(release), std::move(embedded), kind},
      std::move(rows), std::move(query), nullptr, k, options, SearchTimer(nullptr)));
}

Result<std::unique_ptr<TopKBatch>> OpenTopKBatch(std::shared_ptr<const View> view,
                                                 ReleaseCache& releases,
                                                 std::vector<std::string> texts, std::size_t k,
                                                 const TopKOptions& options) {
  DASHI_RETURN_IF_ERROR(CheckK(k));
  DASHI_ASSIGN_OR_RETURN(auto release, releases.Resolve(*view, options.model, options.release));
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  for (const std::string_view text : views) {
    DASHI_RETURN_IF_ERROR(CheckUtf8(text));
  }
  const std::size_t dim = release->encoder->dim();
  std::vector<float> queries(texts.size() * dim);  // [n, dim]
  SearchTimer timer(&releases.search_times());
  timer.Begin();
  DASHI_RETURN_IF_ERROR(release->encoder->EncodeBatch(views, queries, releases.pool()));
  timer.End(SearchPart::kEncode);
  DASHI_ASSIGN_OR_RETURN(
      SearchedRows rows,
      releases.LabelsIn(*view, *release, {options.check_stop, options.needed_sequence}));
  std::vector<std::vector<trainer::LabelVote>> votes(texts.size());
  if (UsesVotes(*release, options)) {
    timer.Begin();
    DASHI_ASSIGN_OR_RETURN(
        votes, release->votes->VotesBatch({queries.data(), texts.size(), dim},
                                          SearchOptionsOf(options, 0), releases.pool()));
    timer.End(SearchPart::kRank);
  }
  auto batch = std::make_unique<LabelBatch>(
      SearchedRelease{std::move(view), std::move(release), nullptr, EntityKind::kLabel},
      std::move(rows), BatchQueries{std::move(texts), std::move(queries), std::move(votes), timer},
      k, options, releases);
  batch->Restrict(options.only);
  return std::unique_ptr<TopKBatch>(std::move(batch));
}

}  // namespace dashi::query
