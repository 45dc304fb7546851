#include "query/split_ranking.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/status.h"
#include "index/label_fusion.h"
#include "query/publish.h"
#include "query/shortlist_ranking.h"

namespace dashi::query {
namespace {

constexpr std::size_t kBatchDocuments = 512;

/// An exact index over the label vectors that are asked for.
Result<std::unique_ptr<index::VectorIndex>> MakeIndex(const LabelVectors& labels,
                                                      const storage::ReleaseRecord& release,
                                                      const std::string& scores) {
  if (scores == "encoder") {
    return index::MakeExactIndex(labels.embeddings, release.dim);
  }
  if (scores == "classifier") {
    return index::MakeExactIndex(labels.classifiers, release.dim);
  }
  return index::MakeExactIndex(
      index::FoldVectors(labels.embeddings, labels.classifiers, release.dim,
                         static_cast<float>(release.fusion_encoder),
                         static_cast<float>(release.fusion_classifier)),
      release.dim);
}

/// Adds the labels that the release lacks of the view, with their embedding as classifier.
Status AddNewLabels(const DeltaPicture& picture, std::size_t dim, RankedRelease* ranked) {
  DASHI_ASSIGN_OR_RETURN(const DeltaRows rows, ReadDeltaRows(picture, dim));
  LabelVectors& labels = ranked->labels;
  labels.ordinals.insert(labels.ordinals.end(), rows.ordinals.begin(), rows.ordinals.end());
  labels.text_hashes.insert(labels.text_hashes.end(), rows.text_hashes.begin(),
                            rows.text_hashes.end());
  labels.embeddings.insert(labels.embeddings.end(), rows.vectors.begin(), rows.vectors.end());
  labels.classifiers.insert(labels.classifiers.end(), rows.vectors.begin(), rows.vectors.end());
  ranked->live = picture.live_base;
  return Status::Ok();
}

/// Ranks labels for every document of the split, without what may not be an answer.
class SplitRanking {
 public:
  /// With `ranked` the release's ranker and votes order the shortlists, as topk does.
  /// `numbers`: of the labels by index position.
  SplitRanking(const ServingRelease& release, const index::VectorIndex& labels,
               const index::PositionSet* live, std::vector<std::uint32_t> numbers, bool ranked,
               ThreadPool& pool, std::size_t k)
      : release_(release),
        labels_(labels),
        live_(live),
        numbers_(std::move(numbers)),
        ranked_(ranked),
        pool_(pool),
        k_(k) {}

  Status Rank(const Split& split, std::size_t begin, std::size_t end,
              std::vector<std::vector<std::uint32_t>>* ranked) {
    const trainer::Encoder& encoder = *release_.encoder;
    const std::size_t dim = encoder.dim();
    const std::vector<std::string_view> texts(split.texts.begin() + static_cast<long>(begin),
                                              split.texts.begin() + static_cast<long>(end));
    queries_.resize(texts.size() * dim);  // [batch, dim]
    DASHI_RETURN_IF_ERROR(encoder.EncodeBatch(texts, queries_, pool_));
    index::SearchOptions search;
    search.m = k_ + split.not_answers_max;
    if (ranked_) {
      search.m = RankedShortlistSize(search.m);
    }
    search.exact = true;
    if (live_ != nullptr) {
      search.filter = [this](index::Position position) {
        return position >= live_->num_positions() || live_->Contains(position);
      };
    }
    DASHI_ASSIGN_OR_RETURN(
        std::vector<index::Shortlist> shortlists,
        labels_.SearchBatch({queries_.data(), texts.size(), dim}, search, pool_));
    if (ranked_) {
      std::vector<std::vector<trainer::LabelVote>> votes(texts.size());
      if (release_.votes != nullptr) {
        DASHI_ASSIGN_OR_RETURN(
            votes, release_.votes->VotesBatch({queries_.data(), texts.size(), dim}, search, pool_));
      }
      pool_.ParallelFor(texts.size(), 16, [&](std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i) {
          ShortlistRanking ranking(release_, texts[i], release_.ranker != nullptr,
                                   std::move(votes[i]));
          // These labels are in memory.
          DASHI_CHECK(ranking
                          .AddLabels(
                              labels_, std::span(queries_).subspan(i * dim, dim),
                              [this](index::Position position) {
                                return live_ == nullptr || live_->Contains(position);
                              },
                              &shortlists[i])
                          .ok());
          ranking.Order(&shortlists[i]);
        }
      });
    }
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::vector<std::uint32_t>& not_answers = split.not_answers[begin + i];
      std::vector<std::uint32_t>& row = (*ranked)[begin + i];
      for (const index::Candidate& candidate : shortlists[i]) {
        const std::uint32_t number = numbers_[candidate.position];
        if (std::find(not_answers.begin(), not_answers.end(), number) == not_answers.end() &&
            row.size() < k_) {
          row.push_back(number);
        }
      }
    }
    return Status::Ok();
  }

 private:
  const ServingRelease& release_;
  const index::VectorIndex& labels_;
  const index::PositionSet* const live_;  // Of the release's labels; null: all.
  const std::vector<std::uint32_t> numbers_;
  const bool ranked_;
  ThreadPool& pool_;
  const std::size_t k_;
  std::vector<float> queries_;
};

}  // namespace

Result<RankedRelease> OpenForRanking(const storage::View& view, ReleaseCache& releases,
                                     const std::string& model, std::optional<std::uint32_t> number,
                                     const std::function<bool()>& cancelled) {
  if (!number) {
    DASHI_ASSIGN_OR_RETURN(number, NewestRelease(view, model));
  }
  RankedRelease ranked;
  DASHI_ASSIGN_OR_RETURN(ranked.release, releases.Resolve(view, model, number));
  DASHI_ASSIGN_OR_RETURN(ranked.labels, ReadLabelVectors(view, ranked.release->record));
  const auto check_stop = [&]() -> Status {
    return cancelled && cancelled() ? Status::Cancelled("embedding labels was cancelled")
                                    : Status::Ok();
  };
  DASHI_ASSIGN_OR_RETURN(const auto new_labels,
                         releases.NewLabels(view, *ranked.release, check_stop));
  DASHI_RETURN_IF_ERROR(AddNewLabels(*new_labels, ranked.release->record.dim, &ranked));
  return ranked;
}

std::vector<bool> LabelsNewTo(const RankedRelease& ranked,
                              std::span<const std::uint64_t> label_counts, LabelNumbers* numbers) {
  std::vector<bool> is_new(label_counts.size(), true);
  const std::span<const storage::Ordinal> ordinals = ranked.release->labels->ordinals();
  for (std::size_t i = 0; i < ordinals.size(); ++i) {
    const std::uint32_t number = numbers->Number(ordinals[i]);
    is_new[number] = ranked.labels.num_documents.empty() ? label_counts[number] == 0
                                                         : ranked.labels.num_documents[i] == 0;
  }
  return is_new;
}

Result<std::vector<std::vector<std::uint32_t>>> RankSplit(
    const RankedRelease& release, const Split& split, const EvaluationSettings& settings,
    LabelNumbers* numbers, ThreadPool& pool, const std::string& operation,
    const ProgressCallback& on_progress, const std::function<bool()>& cancelled) {
  DASHI_ASSIGN_OR_RETURN(const auto index,
                         MakeIndex(release.labels, release.release->record, settings.scores));
  std::vector<std::uint32_t> by_position;
  for (const storage::Ordinal ordinal : release.labels.ordinals) {
    by_position.push_back(numbers->Number(ordinal));
  }
  const bool is_ranked = settings.scores == "fused" &&
                         (release.release->ranker != nullptr || release.release->votes != nullptr);
  SplitRanking ranking(*release.release, *index, release.live.get(), std::move(by_position),
                       is_ranked, pool, settings.metrics.ks.back());
  const Stopwatch stopwatch;
  std::vector<std::vector<std::uint32_t>> ranked(split.texts.size());
  for (std::size_t begin = 0; begin < ranked.size(); begin += kBatchDocuments) {
    if (cancelled && cancelled()) {
      return Status::Cancelled(operation + " was cancelled");
    }
    const std::size_t end = std::min(begin + kBatchDocuments, ranked.size());
    DASHI_RETURN_IF_ERROR(ranking.Rank(split, begin, end, &ranked));
    if (on_progress) {
      Progress progress;
      progress.operation = operation;
      progress.phase = "ranking";
      progress.done = end;
      progress.total = ranked.size();
      progress.unit = "documents";
      progress.seconds = stopwatch.Seconds();
      progress.units_per_second =
          progress.seconds > 0 ? static_cast<double>(end) / progress.seconds : 0;
      on_progress(progress);
    }
  }
  return ranked;
}

}  // namespace dashi::query
