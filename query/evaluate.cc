#include "query/evaluate.h"

#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/status.h"
#include "query/evaluation_data.h"
#include "query/evaluation_settings.h"
#include "query/split_ranking.h"
#include "trainer/evaluation/metrics.h"

namespace dashi::query {
namespace {

using storage::EvaluationRecord;
using storage::View;

std::vector<EvaluationRecord> MakeRecords(const std::vector<trainer::MetricValue>& values,
                                          const storage::ReleaseRecord& release,
                                          const EvaluateRequest& request,
                                          const EvaluationSettings& settings) {
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
  DASHI_ASSIGN_OR_RETURN(const EvaluationSettings settings,
                         ParseEvaluationSettings(request.options));
  DASHI_ASSIGN_OR_RETURN(const RankedRelease release,
                         OpenForRanking(view, releases, request.model, request.release, cancelled));
  LabelNumbers numbers(release.labels.ordinals);
  DASHI_ASSIGN_OR_RETURN(
      const EvaluationData data,
      ReadEvaluationData(view, request.split, settings.filter_reciprocal, cancelled, &numbers));
  DASHI_ASSIGN_OR_RETURN(const auto ranked,
                         RankSplit(release, data.split, settings, &numbers, releases.pool(),
                                   "EVALUATE MODEL " + request.model, on_progress, cancelled));
  const std::vector<double> inverse_propensities = trainer::InversePropensities(
      data.label_counts, data.num_training_documents, settings.propensity);
  trainer::EvaluationOptions measuring = settings.metrics;
  if (settings.slice_new) {
    measuring.new_labels = LabelsNewTo(release, data.label_counts, &numbers);
  }
  const std::vector<trainer::MetricValue> values = trainer::EvaluateRankings(
      ranked, data.split.truth, inverse_propensities, data.label_counts, measuring);
  return MakeRecords(values, release.release->record, request, settings);
}

}  // namespace dashi::query
