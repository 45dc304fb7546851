#include "query/publish_gate.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "query/evaluation_data.h"
#include "query/evaluation_settings.h"
#include "query/split_ranking.h"

namespace dashi::query {
namespace {

using storage::View;
using Kind = GateMetric::Kind;
using Rankings = std::vector<std::vector<std::uint32_t>>;

// One of the two releases, and what was found of it for each condition.
struct Side {
  std::shared_ptr<const ServingRelease> release;
  std::vector<double> values;  // [conditions]
};

class GateRun {
 public:
  GateRun(std::shared_ptr<const View> view, const storage::Store& store, ReleaseCache& releases,
          const GateRequest& request, const MeasuringControl& control)
      : view_(std::move(view)),
        store_(store),
        releases_(releases),
        request_(request),
        control_(control) {}

  Result<GateReport> Run() {
    DASHI_RETURN_IF_ERROR(FindReleases());
    report_.release = request_.release;
    if (Wants(Kind::kRecall) || Wants(Kind::kLatency)) {
      DASHI_ASSIGN_OR_RETURN(queries_, ReadStoredQueries(*view_));
      report_.num_queries = queries_.size();
      if (queries_.empty()) {
        return Status::FailedPrecondition("there are no documents to ask as queries")
            .WithHint("ann_recall@10 and latencies are measured with documents as queries.");
      }
    }
    DASHI_RETURN_IF_ERROR(MeasureAlone(/*of_current=*/false, &candidate_));
    if (has_other()) {
      DASHI_RETURN_IF_ERROR(MeasureAlone(/*of_current=*/true, &current_));
    }
    if (Wants(Kind::kRanking)) {
      DASHI_RETURN_IF_ERROR(MeasureRankings());
    }
    Judge();
    return std::move(report_);
  }

 private:
  // Whether the release that serves is another than the one that is measured.
  bool has_other() const {
    return current_.release != nullptr && current_.release != candidate_.release;
  }

  Status FindReleases() {
    DASHI_ASSIGN_OR_RETURN(candidate_.release,
                           releases_.Resolve(*view_, request_.model, request_.release));
    candidate_.values.resize(request_.conditions.size());
    current_.values.resize(request_.conditions.size());
    DASHI_ASSIGN_OR_RETURN(const auto model, view_->GetModel(request_.model));
    if (model && !model->published.empty()) {
      report_.compared_with = model->published.back();
    }
    const bool compared =
        std::any_of(request_.conditions.begin(), request_.conditions.end(),
                    [](const PublishCondition& each) { return each.limit.uses_current; });
    if (compared && report_.compared_with != 0) {
      auto current = releases_.Resolve(*view_, request_.model, report_.compared_with);
      if (!current.ok()) {
        return std::move(current).status().WithContext("the release that serves");
      }
      current_.release = std::move(current).value();
    }
    return Status::Ok();
  }

  bool Wants(Kind kind, bool of_current = false) const {
    return std::any_of(
        request_.conditions.begin(), request_.conditions.end(), [&](const PublishCondition& each) {
          return each.metric.kind == kind && (!of_current || each.limit.uses_current);
        });
  }

  // Sets the values of the conditions of one kind.
  void Set(Kind kind, const std::function<double(const GateMetric&)>& value, Side* side) const {
    for (std::size_t i = 0; i < request_.conditions.size(); ++i) {
      const GateMetric& metric = request_.conditions[i].metric;
      if (metric.kind == kind) {
        side->values[i] = value(metric);
      }
    }
  }

  // Measures what one release has without the other.
  Status MeasureAlone(bool of_current, Side* side) {
    const ServingRelease& release = *side->release;
    if (Wants(Kind::kRecall, of_current)) {
      DASHI_ASSIGN_OR_RETURN(const double recall,
                             MeasureRecall(release, queries_, releases_.pool(), control_));
      Set(
          Kind::kRecall, [&](const GateMetric&) { return recall; }, side);
    }
    if (Wants(Kind::kLatency, of_current)) {
      DASHI_ASSIGN_OR_RETURN(const std::vector<double> latencies,
                             MeasureLatencies(view_, releases_, release, queries_, control_));
      Set(
          Kind::kLatency,
          [&](const GateMetric& metric) { return Percentile(latencies, metric.share); }, side);
    }
    if (Wants(Kind::kSize, of_current)) {
      DASHI_ASSIGN_OR_RETURN(const std::uint64_t bytes,
                             MeasureBytes(*view_, store_.index_directory(), release.record));
      Set(
          Kind::kSize, [&](const GateMetric&) { return static_cast<double>(bytes); }, side);
    }
    return Status::Ok();
  }

  EvaluationSettings Settings() const {
    EvaluationSettings settings;
    settings.metrics.ks.clear();
    settings.metrics.num_bootstrap = 0;
    for (const PublishCondition& condition : request_.conditions) {
      const GateMetric& metric = condition.metric;
      if (metric.kind == Kind::kRanking) {
        settings.metrics.ks.push_back(metric.k);
        settings.metrics.slices = settings.metrics.slices || metric.slice != "all";
        settings.slice_new = settings.slice_new || metric.slice == "new";
      }
    }
    std::vector<std::uint32_t>& ks = settings.metrics.ks;
    std::sort(ks.begin(), ks.end());
    ks.erase(std::unique(ks.begin(), ks.end()), ks.end());
    return settings;
  }

  // Reads the documents that rankings are measured on.
  Result<EvaluationData> ReadDocuments(LabelNumbers* numbers) {
    const std::vector<std::string> splits = request_.split
                                                ? std::vector<std::string>{*request_.split}
                                                : std::vector<std::string>{"valid", "test"};
    for (const std::string& split : splits) {
      auto data = ReadEvaluationData(*view_, split, /*filter_reciprocal=*/false, control_.cancelled,
                                     numbers);
      if (data.ok() || data.status().code() != StatusCode::kFailedPrecondition) {
        report_.split = split;
        return data;
      }
    }
    return Status::FailedPrecondition(fmt::format("no document of split '{}' has a relevant label",
                                                  fmt::join(splits, "' or '")))
        .WithHint(
            "Rankings are measured on documents that were not trained on: ON 'split' names "
            "others.");
  }

  // Measures both releases on the same documents.
  Status MeasureRankings() {
    const bool both = has_other() && Wants(Kind::kRanking, /*of_current=*/true);
    DASHI_ASSIGN_OR_RETURN(const RankedRelease candidate, Open(request_.release));
    RankedRelease current;
    LabelNumbers numbers(candidate.labels.ordinals);
    if (both) {
      DASHI_ASSIGN_OR_RETURN(current, Open(report_.compared_with));
      for (const storage::Ordinal ordinal : current.labels.ordinals) {
        numbers.Number(ordinal);
      }
    }
    DASHI_ASSIGN_OR_RETURN(const EvaluationData data, ReadDocuments(&numbers));
    report_.num_documents = data.split.texts.size();
    EvaluationSettings settings = Settings();
    if (settings.slice_new) {
      settings.metrics.new_labels = LabelsNewTo(candidate, data.label_counts, &numbers);
    }
    DASHI_RETURN_IF_ERROR(RankAndMeasure(candidate, data, settings, &numbers, &candidate_));
    return both ? RankAndMeasure(current, data, settings, &numbers, &current_) : Status::Ok();
  }

  Result<RankedRelease> Open(std::uint32_t number) const {
    return OpenForRanking(*view_, releases_, request_.model, number, control_.cancelled);
  }

  Status RankAndMeasure(const RankedRelease& release, const EvaluationData& data,
                        const EvaluationSettings& settings, LabelNumbers* numbers,
                        Side* side) const {
    DASHI_ASSIGN_OR_RETURN(const Rankings ranked,
                           RankSplit(release, data.split, settings, numbers, releases_.pool(),
                                     control_.operation, control_.on_progress, control_.cancelled));
    const std::vector<trainer::MetricValue> values = trainer::EvaluateRankings(
        ranked, data.split.truth,
        trainer::InversePropensities(data.label_counts, data.num_training_documents,
                                     settings.propensity),
        data.label_counts, settings.metrics);
    for (std::size_t i = 0; i < request_.conditions.size(); ++i) {
      const GateMetric& metric = request_.conditions[i].metric;
      const auto found =
          std::find_if(values.begin(), values.end(), [&](const trainer::MetricValue& value) {
            return value.slice == metric.slice && value.metric == metric.ranking &&
                   value.k == metric.k;
          });
      if (metric.kind != Kind::kRanking) {
        continue;
      }
      if (found == values.end() || found->num_documents == 0) {
        return Status::FailedPrecondition(
            fmt::format("{} cannot be measured: no document of split '{}' has a label of slice {}",
                        metric.name, report_.split, metric.slice));
      }
      side->values[i] = found->value;
    }
    return Status::Ok();
  }

  void Judge() {
    for (std::size_t i = 0; i < request_.conditions.size(); ++i) {
      const PublishCondition& condition = request_.conditions[i];
      ConditionOutcome outcome;
      outcome.value = candidate_.values[i];
      if (condition.limit.uses_current && current_.release != nullptr) {
        outcome.current = has_other() ? current_.values[i] : outcome.value;
      }
      outcome.unopposed = condition.limit.uses_current && !outcome.current;
      outcome.limit = condition.limit.At(outcome.current.value_or(0));
      outcome.passed =
          outcome.unopposed || Holds(outcome.value, condition.comparison, outcome.limit);
      report_.outcomes.push_back(outcome);
    }
  }

  const std::shared_ptr<const View> view_;  // Shared with the statement.
  const storage::Store& store_;
  ReleaseCache& releases_;
  const GateRequest& request_;
  const MeasuringControl& control_;
  Side candidate_;
  Side current_;  // Without a release when nothing serves, or no condition asks for it.
  std::vector<std::string> queries_;
  GateReport report_;
};

// "p@1 0.6120 >= 0.6100 (current - 0.002, current 0.6120)"
std::string Describe(const PublishCondition& condition, const ConditionOutcome& outcome) {
  const GateMetric& metric = condition.metric;
  const std::string value = FormatFigure(metric, outcome.value);
  if (outcome.unopposed) {
    return fmt::format("{} {}: {} passes, since no release serves", metric.name, value,
                       condition.Text());
  }
  std::string text =
      fmt::format("{} {} {} {}", metric.name, value, ComparisonName(condition.comparison),
                  FormatFigure(metric, outcome.limit));
  if (outcome.current) {
    text += fmt::format(" ({}, current {})", condition.limit_text,
                        FormatFigure(metric, *outcome.current));
  }
  return text;
}

std::string DescribeFailure(const PublishCondition& condition, const ConditionOutcome& outcome) {
  const GateMetric& metric = condition.metric;
  const std::string current = outcome.current
                                  ? fmt::format(" ({}, current {})", condition.limit_text,
                                                FormatFigure(metric, *outcome.current))
                                  : "";
  return fmt::format("{} is {} and must be {} {}{}: {} off", metric.name,
                     FormatFigure(metric, outcome.value), ComparisonName(condition.comparison),
                     FormatFigure(metric, outcome.limit), current,
                     FormatFigure(metric, std::abs(outcome.value - outcome.limit)));
}

std::string ServingName(const GateRequest& request, const GateReport& report) {
  return report.compared_with == 0 ? "no release"
                                   : fmt::format("{}@{}", request.model, report.compared_with);
}

// What everything was measured on.
std::string DescribeBasis(const GateReport& report) {
  std::vector<std::string> parts;
  parts.reserve(2);
  if (!report.split.empty()) {
    parts.push_back(fmt::format("{} documents of split '{}'", report.num_documents, report.split));
  }
  if (report.num_queries > 0) {
    parts.push_back(fmt::format("{} stored queries", report.num_queries));
  }
  return parts.empty() ? "the release itself" : fmt::format("{}", fmt::join(parts, " and "));
}

}  // namespace

bool GateReport::passed() const {
  return std::all_of(outcomes.begin(), outcomes.end(),
                     [](const ConditionOutcome& outcome) { return outcome.passed; });
}

Result<GateReport> MeasureGate(const std::shared_ptr<const View>& view, const storage::Store& store,
                               ReleaseCache& releases, const GateRequest& request,
                               const MeasuringControl& control) {
  return GateRun(view, store, releases, request, control).Run();
}

Status RefusedByGate(const GateRequest& request, const GateReport& report) {
  std::vector<std::string> failed;
  std::vector<std::string> others;
  failed.reserve(report.outcomes.size());
  others.reserve(report.outcomes.size());
  for (std::size_t i = 0; i < report.outcomes.size(); ++i) {
    const PublishCondition& condition = request.conditions[i];
    const ConditionOutcome& outcome = report.outcomes[i];
    if (outcome.passed) {
      others.push_back(Describe(condition, outcome));
    } else {
      failed.push_back(DescribeFailure(condition, outcome));
    }
  }
  const std::string hint = fmt::format(
      "{}Measured on {}. {} serves as before. PUBLISH {}@{} without WHEN asks nothing.",
      others.empty() ? "" : fmt::format("Met: {}. ", fmt::join(others, "; ")),
      DescribeBasis(report), ServingName(request, report), request.model, report.release);
  return Status::FailedPrecondition(fmt::format("{}@{} was not published: {}", request.model,
                                                report.release, fmt::join(failed, "; ")))
      .WithHint(hint);
}

std::vector<std::string> DescribeGate(const GateRequest& request, const GateReport& report) {
  std::vector<std::string> lines;
  lines.reserve(report.outcomes.size() + 1);
  lines.push_back(fmt::format("{}@{} meets all conditions, measured on {}, beside {}",
                              request.model, report.release, DescribeBasis(report),
                              ServingName(request, report)));
  for (std::size_t i = 0; i < report.outcomes.size(); ++i) {
    lines.push_back(Describe(request.conditions[i], report.outcomes[i]));
  }
  return lines;
}

PublishBasis BasisOf(const GateRequest& request, const GateReport& report) {
  PublishBasis basis;
  basis.compared_with = report.compared_with;
  basis.split = report.split;
  basis.figures.reserve(report.outcomes.size());
  for (std::size_t i = 0; i < report.outcomes.size(); ++i) {
    const PublishCondition& condition = request.conditions[i];
    basis.figures.push_back({condition.metric.name, report.outcomes[i].value,
                             report.outcomes[i].current, condition.Text()});
  }
  return basis;
}

}  // namespace dashi::query
