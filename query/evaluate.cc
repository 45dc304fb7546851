#include "query/evaluate.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/nearest_name.h"
#include "base/status.h"
#include "index/label_fusion.h"
#include "query/publish.h"
#include "query/shortlist_ranking.h"
#include "trainer/evaluation/metrics.h"
#include "trainer/labelled_documents.h"

namespace dashi::query {
namespace {

using storage::EntityKind;
using storage::EntityRow;
using storage::EvaluationRecord;
using storage::Ordinal;
using storage::RelevanceNeighbour;
using storage::View;

constexpr std::size_t kBatchDocuments = 512;
constexpr std::uint32_t kKMax = 1000;

struct Settings {
  trainer::EvaluationOptions metrics;
  trainer::PropensityModel propensity;
  bool filter_reciprocal = false;
  std::string scores = "fused";
};

Status BadOption(std::string_view name, std::string_view text, std::string_view allowed) {
  return Status::InvalidArgument(
      fmt::format("EVALUATE option {} must be {}: got '{}'", name, allowed, text));
}

template <typename T>
Status ParseNumber(std::string_view name, std::string_view text, T low, T high, T* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  if (error != std::errc() || end != text.data() + text.size() || !(*value >= low) ||
      !(*value <= high)) {
    return BadOption(name, text, fmt::format("a number from {} to {}", low, high));
  }
  return Status::Ok();
}

Status ParseKs(std::string_view text, std::vector<std::uint32_t>* ks) {
  ks->clear();
  while (true) {
    const std::size_t comma = text.find(',');
    std::string_view item = text.substr(0, comma);
    while (!item.empty() && item.front() == ' ') {
      item.remove_prefix(1);
    }
    std::uint32_t k = 0;
    DASHI_RETURN_IF_ERROR(ParseNumber<std::uint32_t>("k", item, 1, kKMax, &k));
    ks->push_back(k);
    if (comma == std::string_view::npos) {
      break;
    }
    text.remove_prefix(comma + 1);
  }
  std::sort(ks->begin(), ks->end());
  ks->erase(std::unique(ks->begin(), ks->end()), ks->end());
  return Status::Ok();
}

Status ParseOption(const std::string& name, const std::string& text, Settings* settings) {
  constexpr std::string_view kNames[] = {"k",         "filter", "slices", "scores",
                                         "bootstrap", "a",      "b",      "seed"};
  if (name == "k") {
    return ParseKs(text, &settings->metrics.ks);
  }
  if (name == "filter") {
    settings->filter_reciprocal = text == "reciprocal";
    return text == "reciprocal" || text == "none" ? Status::Ok()
                                                  : BadOption(name, text, "none or reciprocal");
  }
  if (name == "slices") {
    settings->metrics.slices = text != "all";
    return text == "all" || text == "head,torso,tail"
               ? Status::Ok()
               : BadOption(name, text, "'all' or 'head,torso,tail'");
  }
  if (name == "scores") {
    settings->scores = text;
    return text == "fused" || text == "dense" || text == "encoder" || text == "classifier"
               ? Status::Ok()
               : BadOption(name, text, "fused, dense, encoder or classifier");
  }
  if (name == "bootstrap") {
    return ParseNumber<std::uint32_t>(name, text, 0, 100'000, &settings->metrics.num_bootstrap);
  }
  if (name == "a") {
    return ParseNumber<double>(name, text, 0.0, 10.0, &settings->propensity.a);
  }
  if (name == "b") {
    return ParseNumber<double>(name, text, 0.0, 1000.0, &settings->propensity.b);
  }
  if (name == "seed") {
    return ParseNumber<std::uint64_t>(name, text, 0, UINT64_MAX, &settings->metrics.seed);
  }
  Status status = Status::InvalidArgument("unknown EVALUATE option: " + name);
  const std::string_view nearest = NearestName(name, kNames);
  return std::move(status).WithHint(
      nearest.empty() ? "Known options: k, filter, slices, scores, bootstrap, a, b, seed."
                      : fmt::format("Perhaps you meant \"{}\".", nearest));
}

Result<Settings> ParseSettings(const storage::OptionMap& options) {
  Settings settings;
  for (const auto& [name, text] : options) {
    DASHI_RETURN_IF_ERROR(ParseOption(name, text, &settings));
  }
  return settings;
}

/// Numbers labels: first those of the release by index position, then any other that is relevant to
/// a document of the split and so belongs to the truth.
class LabelNumbers {
 public:
  explicit LabelNumbers(const std::vector<Ordinal>& ordinals) {
    for (const Ordinal ordinal : ordinals) {
      Number(ordinal);
    }
  }
  std::uint32_t Number(Ordinal ordinal) {
    const auto next = static_cast<std::uint32_t>(numbers_.size());
    return numbers_.emplace(storage::ToInteger(ordinal), next).first->second;
  }
  std::size_t size() const { return numbers_.size(); }

 private:
  std::unordered_map<std::uint32_t, std::uint32_t> numbers_;
};

/// The documents of a split with their truth and with what may not be an answer.
struct Split {
  std::vector<std::string> texts;
  trainer::SparseRows truth;                            // [documents, labels]
  std::vector<std::vector<std::uint32_t>> not_answers;  // [documents]
  std::size_t not_answers_max = 0;
};

/// Label numbers l for which (l as a training document -> the document as a label) is relevant.
Result<std::vector<std::uint32_t>> ReciprocalLabels(const View& view, Ordinal own_label,
                                                    LabelNumbers* numbers) {
  std::vector<std::uint32_t> reciprocal;
  DASHI_ASSIGN_OR_RETURN(const auto documents, view.DocumentsOf(own_label));
  for (const RelevanceNeighbour& neighbour : documents) {
    DASHI_ASSIGN_OR_RETURN(const auto row, view.GetRow(EntityKind::kDocument, neighbour.ordinal));
    if (!row || !trainer::IsTrainingDocument(*row)) {
      continue;
    }
    DASHI_ASSIGN_OR_RETURN(const auto label, view.FindOrdinal(EntityKind::kLabel, row->id));
    if (label) {
      reciprocal.push_back(numbers->Number(*label));
    }
  }
  return reciprocal;
}

/// Adds one document: its labels are the truth, except reciprocal ones when those are filtered; its
/// own label and reciprocal ones are no answers, except where they belong to the truth.
Status AddDocument(const View& view, const EntityRow& row,
                   const std::vector<RelevanceNeighbour>& labels, bool filter_reciprocal,
                   LabelNumbers* numbers, Split* split) {
  std::vector<std::uint32_t> truth;
  truth.reserve(labels.size());
  for (const RelevanceNeighbour& label : labels) {
    truth.push_back(numbers->Number(label.ordinal));
  }
  std::vector<std::uint32_t> not_answers;
  DASHI_ASSIGN_OR_RETURN(const auto own, view.FindOrdinal(EntityKind::kLabel, row.id));
  if (own) {
    const std::uint32_t number = numbers->Number(*own);
    if (std::find(truth.begin(), truth.end(), number) == truth.end()) {
      not_answers.push_back(number);
    }
    if (filter_reciprocal) {
      DASHI_ASSIGN_OR_RETURN(const auto reciprocal, ReciprocalLabels(view, *own, numbers));
      for (const std::uint32_t label : reciprocal) {
        std::erase(truth, label);
        not_answers.push_back(label);
      }
    }
  }
  if (truth.empty()) {
    return Status::Ok();
  }
  std::sort(truth.begin(), truth.end());
  split->truth.columns.insert(split->truth.columns.end(), truth.begin(), truth.end());
  split->truth.offsets.push_back(split->truth.columns.size());
  split->not_answers_max = std::max(split->not_answers_max, not_answers.size());
  split->not_answers.push_back(std::move(not_answers));
  split->texts.push_back(row.text);
  return Status::Ok();
}

/// What is measured: the split, and the training pairs for propensities.
struct EvaluationData {
  Split split;
  std::vector<std::uint64_t> label_counts;  // [labels] training documents
  std::uint64_t num_training_documents = 0;
};

Result<EvaluationData> ReadData(const View& view, const EvaluateRequest& request,
                                bool filter_reciprocal, const std::function<bool()>& cancelled,
                                LabelNumbers* numbers) {
  EvaluationData data;
  const auto count = [&](Ordinal, const EntityRow& row,
                         const std::vector<RelevanceNeighbour>& labels) -> Status {
    if (row.split.value_or("train") == request.split) {
      DASHI_RETURN_IF_ERROR(
          AddDocument(view, row, labels, filter_reciprocal, numbers, &data.split));
    }
    if (!trainer::IsTrainingDocument(row)) {
      return Status::Ok();
    }
    ++data.num_training_documents;
    for (const RelevanceNeighbour& label : labels) {
      const std::uint32_t number = numbers->Number(label.ordinal);
      if (data.label_counts.size() <= number) {
        data.label_counts.resize(number + std::size_t{1});
      }
      ++data.label_counts[number];
    }
    return Status::Ok();
  };
  DASHI_RETURN_IF_ERROR(trainer::ForEachLabelledDocument(view, cancelled, count));
  data.label_counts.resize(numbers->size());
  return data;
}

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

/// Ranks labels for every document of the split, without what may not be an answer.
class SplitRanking {
 public:
  /// With `ranked` the release's ranker orders the shortlists, as topk does.
  SplitRanking(const ServingRelease& release, const index::VectorIndex& labels, bool ranked,
               ThreadPool& pool, std::size_t k)
      : release_(release), labels_(labels), ranked_(ranked), pool_(pool), k_(k) {}

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
    DASHI_ASSIGN_OR_RETURN(
        std::vector<index::Shortlist> shortlists,
        labels_.SearchBatch({queries_.data(), texts.size(), dim}, search, pool_));
    if (ranked_) {
      pool_.ParallelFor(texts.size(), 16, [&](std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i) {
          ShortlistRanking(release_, texts[i]).Order(&shortlists[i]);
        }
      });
    }
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::vector<std::uint32_t>& not_answers = split.not_answers[begin + i];
      std::vector<std::uint32_t>& row = (*ranked)[begin + i];
      for (const index::Candidate& candidate : shortlists[i]) {
        if (std::find(not_answers.begin(), not_answers.end(), candidate.position) ==
                not_answers.end() &&
            row.size() < k_) {
          row.push_back(candidate.position);
        }
      }
    }
    return Status::Ok();
  }

 private:
  const ServingRelease& release_;
  const index::VectorIndex& labels_;
  const bool ranked_;
  ThreadPool& pool_;
  const std::size_t k_;
  std::vector<float> queries_;
};

Result<std::vector<std::vector<std::uint32_t>>> RankSplit(const Split& split, SplitRanking& ranking,
                                                          const EvaluateRequest& request,
                                                          const ProgressCallback& on_progress,
                                                          const std::function<bool()>& cancelled) {
  const Stopwatch stopwatch;
  std::vector<std::vector<std::uint32_t>> ranked(split.texts.size());
  for (std::size_t begin = 0; begin < ranked.size(); begin += kBatchDocuments) {
    if (cancelled && cancelled()) {
      return Status::Cancelled("EVALUATE was cancelled");
    }
    const std::size_t end = std::min(begin + kBatchDocuments, ranked.size());
    DASHI_RETURN_IF_ERROR(ranking.Rank(split, begin, end, &ranked));
    if (on_progress) {
      Progress progress;
      progress.operation = "EVALUATE MODEL " + request.model;
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

std::vector<EvaluationRecord> MakeRecords(const std::vector<trainer::MetricValue>& values,
                                          const storage::ReleaseRecord& release,
                                          const EvaluateRequest& request,
                                          const Settings& settings) {
  std::vector<EvaluationRecord> records;
  for (const trainer::MetricValue& value : values) {
    EvaluationRecord record;
    record.model = release.model;
    record.release = release.number;
    record.split = request.split;
    record.slice = value.slice;
    record.metric = trainer::MetricName(value.metric);
    record.k = value.k;
    record.value = value.value;
    record.low = value.low;
    record.high = value.high;
    record.num_documents = value.num_documents;
    record.options = {{"filter", settings.filter_reciprocal ? "reciprocal" : "none"},
                      {"scores", settings.scores},
                      {"a", fmt::format("{}", settings.propensity.a)},
                      {"b", fmt::format("{}", settings.propensity.b)},
                      {"search", "exact"}};
    record.at_micros = Clock::System().NowMicros();
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace

Result<std::vector<EvaluationRecord>> Evaluate(const View& view, ReleaseCache& releases,
                                               const EvaluateRequest& request,
                                               const ProgressCallback& on_progress,
                                               const std::function<bool()>& cancelled) {
  DASHI_ASSIGN_OR_RETURN(const Settings settings, ParseSettings(request.options));
  std::optional<std::uint32_t> number = request.release;
  if (!number) {
    DASHI_ASSIGN_OR_RETURN(number, NewestRelease(view, request.model));
  }
  DASHI_ASSIGN_OR_RETURN(const auto release, releases.Resolve(view, request.model, number));
  DASHI_ASSIGN_OR_RETURN(const LabelVectors labels, ReadLabelVectors(view, release->record));
  LabelNumbers numbers(labels.ordinals);
  DASHI_ASSIGN_OR_RETURN(const EvaluationData data,
                         ReadData(view, request, settings.filter_reciprocal, cancelled, &numbers));
  if (data.split.texts.empty()) {
    return Status::FailedPrecondition(
        fmt::format("no document of split '{}' has a relevant label", request.split));
  }
  DASHI_ASSIGN_OR_RETURN(const auto index, MakeIndex(labels, release->record, settings.scores));
  const bool uses_ranker = settings.scores == "fused" && release->ranker != nullptr;
  SplitRanking ranking(*release, *index, uses_ranker, releases.pool(), settings.metrics.ks.back());
  DASHI_ASSIGN_OR_RETURN(const auto ranked,
                         RankSplit(data.split, ranking, request, on_progress, cancelled));
  const std::vector<double> inverse_propensities = trainer::InversePropensities(
      data.label_counts, data.num_training_documents, settings.propensity);
  const std::vector<trainer::MetricValue> values = trainer::EvaluateRankings(
      ranked, data.split.truth, inverse_propensities, data.label_counts, settings.metrics);
  return MakeRecords(values, release->record, request, settings);
}

}  // namespace dashi::query
