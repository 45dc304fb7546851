#include "query/compare.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "query/evaluation_data.h"
#include "query/evaluation_settings.h"
#include "query/split_ranking.h"

namespace dashi::query {
namespace {

constexpr std::uint32_t kDocumentsMax = 1'000'000;

struct Settings {
  EvaluationSettings evaluation;
  bool shows_documents = false;
  std::uint32_t num_documents = 20;
};

Result<Settings> ParseSettings(const storage::OptionMap& options) {
  Settings settings;
  for (const auto& [name, text] : options) {
    if (name == "rows") {
      settings.shows_documents = text == "documents";
      if (text != "documents" && text != "metrics") {
        return Status::InvalidArgument(
            fmt::format("the option rows must be metrics or documents: got '{}'", text));
      }
    } else if (name == "documents") {
      const auto [end, error] =
          std::from_chars(text.data(), text.data() + text.size(), settings.num_documents);
      if (error != std::errc() || end != text.data() + text.size() || settings.num_documents == 0 ||
          settings.num_documents > kDocumentsMax) {
        return Status::InvalidArgument(fmt::format(
            "the option documents must be a number from 1 to {}: got '{}'", kDocumentsMax, text));
      }
    } else {
      DASHI_RETURN_IF_ERROR(SetEvaluationOption(name, text, &settings.evaluation));
    }
  }
  return settings;
}

std::vector<ChangedDocument> MostChanged(const Split& split,
                                         const std::vector<std::vector<std::uint32_t>>& first,
                                         const std::vector<std::vector<std::uint32_t>>& second,
                                         std::uint32_t k, std::size_t num_documents) {
  const std::vector<double> before = trainer::DocumentNdcg(first, split.truth, k);
  const std::vector<double> after = trainer::DocumentNdcg(second, split.truth, k);
  std::vector<ChangedDocument> changed;
  for (std::size_t i = 0; i < split.ids.size(); ++i) {
    if (before[i] != after[i]) {
      changed.push_back({split.ids[i], before[i], after[i]});
    }
  }
  const auto change = [](const ChangedDocument& document) {
    return std::abs(document.second - document.first);
  };
  std::sort(changed.begin(), changed.end(),
            [&](const ChangedDocument& a, const ChangedDocument& b) {
              return change(a) != change(b) ? change(a) > change(b) : a.id < b.id;
            });
  changed.resize(std::min(changed.size(), num_documents));
  return changed;
}

}  // namespace

Result<Comparison> Compare(const storage::View& view, ReleaseCache& releases,
                           const CompareRequest& request, const ProgressCallback& on_progress,
                           const std::function<bool()>& cancelled) {
  DASHI_ASSIGN_OR_RETURN(const Settings settings, ParseSettings(request.options));
  DASHI_ASSIGN_OR_RETURN(const RankedRelease first,
                         OpenForRanking(view, releases, request.model, request.release, cancelled));
  DASHI_ASSIGN_OR_RETURN(
      const RankedRelease second,
      OpenForRanking(view, releases, request.other_model, request.other_release, cancelled));
  LabelNumbers numbers(first.labels.ordinals);
  for (const storage::Ordinal ordinal : second.labels.ordinals) {
    numbers.Number(ordinal);
  }
  const EvaluationSettings& evaluation = settings.evaluation;
  DASHI_ASSIGN_OR_RETURN(
      const EvaluationData data,
      ReadEvaluationData(view, request.split, evaluation.filter_reciprocal, cancelled, &numbers));
  const auto rank = [&](const RankedRelease& release, const std::string& model) {
    return RankSplit(release, data.split, evaluation, &numbers, releases.pool(), "COMPARE " + model,
                     on_progress, cancelled);
  };
  DASHI_ASSIGN_OR_RETURN(const auto before, rank(first, request.model));
  DASHI_ASSIGN_OR_RETURN(const auto after, rank(second, request.other_model));
  const std::vector<double> inverse_propensities = trainer::InversePropensities(
      data.label_counts, data.num_training_documents, evaluation.propensity);
  trainer::EvaluationOptions measuring = evaluation.metrics;
  if (evaluation.slice_new) {
    measuring.new_labels = LabelsNewTo(first, data.label_counts, &numbers);
  }
  Comparison comparison;
  comparison.metrics = trainer::CompareRankings(before, after, data.split.truth,
                                                inverse_propensities, data.label_counts, measuring);
  comparison.k = evaluation.metrics.ks.back();
  comparison.documents =
      MostChanged(data.split, before, after, comparison.k, settings.num_documents);
  comparison.shows_documents = settings.shows_documents;
  return comparison;
}

}  // namespace dashi::query
