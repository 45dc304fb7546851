#include "trainer/evaluation/metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "base/status.h"
#include "trainer/sparse_rows.h"

namespace dashi::trainer {

namespace {

constexpr std::array kMetrics = {Metric::kPrecision, Metric::kNdcg, Metric::kPsp, Metric::kRecall};
constexpr std::uint64_t kTailCountMax = 5;
constexpr double kTwoSidedTail = 0.025;  // of a 95 % interval

enum class Slice : std::uint8_t { kAll, kHead, kTorso, kTail, kNew };
constexpr std::array kSliceNames = {"all", "head", "torso", "tail", "new"};

/// Which slice of frequency each label belongs to.
std::vector<Slice> AssignSlices(std::span<const std::uint64_t> label_counts) {
  std::vector<std::uint32_t> order(label_counts.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return label_counts[a] > label_counts[b];
  });
  const std::uint64_t num_pairs =
      std::accumulate(label_counts.begin(), label_counts.end(), std::uint64_t{0});
  std::vector<Slice> slices(label_counts.size(), Slice::kTail);
  std::uint64_t pairs_before = 0;
  for (const std::uint32_t label : order) {
    if (label_counts[label] <= kTailCountMax) {
      break;
    }
    slices[label] = 2 * pairs_before < num_pairs ? Slice::kHead : Slice::kTorso;
    pairs_before += label_counts[label];
  }
  return slices;
}

/// What each document adds to every metric: a table whose column sums give the metrics.
/// Columns: metric-major, `ks` minor; then the best attainable PSP sums for each k.
class DocumentValues {
 public:
  DocumentValues(const EvaluationOptions& options, std::span<const double> inverse_propensities)
      : ks_(options.ks),
        inverse_propensities_(inverse_propensities),
        k_max_(ks_.empty() ? 0 : *std::max_element(ks_.begin(), ks_.end())) {}

  std::size_t num_columns() const { return (kMetrics.size() + 1) * ks_.size(); }
  std::size_t num_documents() const { return num_documents_; }
  const double* row(std::size_t document) const {
    return values_.data() + document * num_columns();
  }

  /// `positives` ascend and are distinct.
  void AddDocument(std::span<const std::uint32_t> ranked,
                   std::span<const std::uint32_t> positives) {
    MarkHits(ranked, positives);
    for (std::size_t rank = discounts_.size(); rank <= std::max(hits_.size(), positives.size());
         ++rank) {
      discounts_.push_back(1.0 / std::log2(static_cast<double>(rank) + 1.0));
    }
    best_gains_.clear();
    for (const std::uint32_t label : positives) {
      best_gains_.push_back(inverse_propensities_[label]);
    }
    std::sort(best_gains_.begin(), best_gains_.end(), std::greater<>());
    const std::size_t first = values_.size();
    values_.resize(first + num_columns());
    for (std::size_t i = 0; i < ks_.size(); ++i) {
      FillColumns(ks_[i], positives.size(), values_.data() + first + i);
    }
    ++num_documents_;
  }

  /// The value of a metric for sums over `num_documents` documents.
  double Value(const std::vector<double>& sums, std::size_t metric, std::size_t k_index,
               double num_documents) const {
    const double sum = sums[metric * ks_.size() + k_index];
    const double divisor = kMetrics[metric] == Metric::kPsp
                               ? sums[kMetrics.size() * ks_.size() + k_index]
                               : num_documents;
    return divisor > 0 ? sum / divisor : 0.0;
  }

 private:
  struct Hit {
    bool hit = false;
    double gain = 0;
  };

  void MarkHits(std::span<const std::uint32_t> ranked, std::span<const std::uint32_t> positives) {
    hits_.assign(std::min<std::size_t>(ranked.size(), k_max_), Hit());
    found_.assign(positives.size(), false);
    for (std::size_t rank = 0; rank < hits_.size(); ++rank) {
      const auto at = std::lower_bound(positives.begin(), positives.end(), ranked[rank]);
      if (at == positives.end() || *at != ranked[rank]) {
        continue;
      }
      const auto index = static_cast<std::size_t>(at - positives.begin());
      if (!found_[index]) {
        found_[index] = true;
        hits_[rank] = {true, inverse_propensities_[ranked[rank]]};
      }
    }
  }

  void FillColumns(std::uint32_t k, std::size_t num_positives, double* column) const {
    double num_hits = 0;
    double dcg = 0;
    double gain = 0;
    double ideal_dcg = 0;
    double best_gain = 0;
    const std::size_t last = std::min<std::size_t>(k, std::max(hits_.size(), num_positives));
    for (std::size_t rank = 1; rank <= last; ++rank) {
      if (rank <= hits_.size() && hits_[rank - 1].hit) {
        num_hits += 1;
        dcg += discounts_[rank];
        gain += hits_[rank - 1].gain;
      }
      if (rank <= num_positives) {
        ideal_dcg += discounts_[rank];
        best_gain += best_gains_[rank - 1];
      }
    }
    const std::size_t stride = ks_.size();
    column[0] = k > 0 ? num_hits / k : 0.0;
    column[stride] = ideal_dcg > 0 ? dcg / ideal_dcg : 0.0;
    column[2 * stride] = gain;
    column[3 * stride] = num_positives > 0 ? num_hits / static_cast<double>(num_positives) : 0.0;
    column[4 * stride] = best_gain;
  }

  const std::vector<std::uint32_t>& ks_;
  const std::span<const double> inverse_propensities_;
  const std::uint32_t k_max_;
  std::vector<double> discounts_{0.0};  // by rank, from 1
  std::vector<Hit> hits_;               // [min(ranked, k_max)]
  std::vector<bool> found_;             // [positives]
  std::vector<double> best_gains_;      // [positives], descending
  std::vector<double> values_;          // [num_documents, num_columns]
  std::size_t num_documents_ = 0;
};

/// Linear interpolation between order statistics.
double Quantile(const std::vector<double>& sorted, double fraction) {
  const double at = fraction * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

/// Draws documents with replacement and recomputes every metric, `num_bootstrap` times.
/// Returns: [num_metrics * num_ks] samples each.
std::vector<std::vector<double>> Resample(const DocumentValues& values, std::size_t num_ks,
                                          std::uint32_t num_bootstrap, std::uint64_t seed) {
  std::vector<std::vector<double>> samples(kMetrics.size() * num_ks);
  Random random(seed);
  std::vector<double> sums(values.num_columns());
  const std::size_t num_documents = values.num_documents();
  for (std::uint32_t round = 0; round < num_bootstrap; ++round) {
    std::fill(sums.begin(), sums.end(), 0.0);
    for (std::size_t draw = 0; draw < num_documents; ++draw) {
      const double* row = values.row(random.Uniform(num_documents));
      for (std::size_t column = 0; column < sums.size(); ++column) {
        sums[column] += row[column];
      }
    }
    for (std::size_t i = 0; i < samples.size(); ++i) {
      samples[i].push_back(
          values.Value(sums, i / num_ks, i % num_ks, static_cast<double>(num_documents)));
    }
  }
  return samples;
}

/// The sums of all documents.
std::vector<double> Sums(const DocumentValues& values) {
  std::vector<double> sums(values.num_columns());
  for (std::size_t document = 0; document < values.num_documents(); ++document) {
    for (std::size_t column = 0; column < sums.size(); ++column) {
      sums[column] += values.row(document)[column];
    }
  }
  return sums;
}

void AppendSlice(const char* name, const DocumentValues& values, const EvaluationOptions& options,
                 std::uint64_t seed, std::vector<MetricValue>* out) {
  const std::size_t num_ks = options.ks.size();
  const std::size_t num_documents = values.num_documents();
  const std::vector<double> sums = Sums(values);
  std::vector<std::vector<double>> samples;
  if (options.num_bootstrap > 0 && num_documents > 0) {
    samples = Resample(values, num_ks, options.num_bootstrap, seed);
  }
  for (std::size_t i = 0; i < kMetrics.size() * num_ks; ++i) {
    MetricValue result;
    result.slice = name;
    result.metric = kMetrics[i / num_ks];
    result.k = options.ks[i % num_ks];
    result.value = values.Value(sums, i / num_ks, i % num_ks, static_cast<double>(num_documents));
    result.low = result.high = result.value;
    result.num_documents = num_documents;
    if (!samples.empty()) {
      std::sort(samples[i].begin(), samples[i].end());
      result.low = Quantile(samples[i], kTwoSidedTail);
      result.high = Quantile(samples[i], 1.0 - kTwoSidedTail);
    }
    out->push_back(std::move(result));
  }
}

/// Calls visit(slice, positives, documents) for each slice: the truth that belongs to it, and the
/// documents that have some. Shape: positives [documents.size(), num_labels].
template <typename Visit>
void ForEachSlice(const SparseRows& truth, std::span<const std::uint64_t> label_counts,
                  const EvaluationOptions& options, const Visit& visit) {
  std::vector<Slice> slices;
  if (options.slices) {
    slices = AssignSlices(label_counts);
  }
  const auto belongs = [&](std::uint32_t label, Slice slice) {
    return slice == Slice::kAll ||
           (slice == Slice::kNew ? bool{options.new_labels[label]} : slices[label] == slice);
  };
  for (std::size_t s = 0; s < kSliceNames.size(); ++s) {
    const auto slice = static_cast<Slice>(s);
    if (slice == Slice::kNew ? options.new_labels.empty()
                             : slice != Slice::kAll && !options.slices) {
      continue;
    }
    SparseRows positives;
    std::vector<std::uint32_t> documents;
    for (std::size_t document = 0; document < truth.num_rows(); ++document) {
      const std::size_t first = positives.columns.size();
      for (const std::uint32_t label : RowColumns(truth, document)) {
        if (belongs(label, slice)) {
          positives.columns.push_back(label);
        }
      }
      if (slice == Slice::kAll || positives.columns.size() > first) {
        positives.offsets.push_back(positives.columns.size());
        documents.push_back(static_cast<std::uint32_t>(document));
      }
    }
    visit(s, positives, std::span<const std::uint32_t>(documents));
  }
}

DocumentValues Measure(std::span<const std::vector<std::uint32_t>> ranked,
                       const SparseRows& positives, std::span<const std::uint32_t> documents,
                       std::span<const double> inverse_propensities,
                       const EvaluationOptions& options) {
  DocumentValues values(options, inverse_propensities);
  for (std::size_t i = 0; i < documents.size(); ++i) {
    values.AddDocument(ranked[documents[i]], RowColumns(positives, i));
  }
  return values;
}

void AppendDifferences(const char* name, const DocumentValues& first, const DocumentValues& second,
                       const EvaluationOptions& options, std::uint64_t seed,
                       std::vector<MetricDifference>* out) {
  const std::size_t num_ks = options.ks.size();
  const std::size_t num_documents = first.num_documents();
  const std::vector<double> first_sums = Sums(first);
  const std::vector<double> second_sums = Sums(second);
  std::vector<std::vector<double>> samples;
  if (options.num_bootstrap > 0 && num_documents > 0) {
    // The same seed draws the same documents.
    samples = Resample(second, num_ks, options.num_bootstrap, seed);
    const auto before = Resample(first, num_ks, options.num_bootstrap, seed);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      for (std::size_t j = 0; j < samples[i].size(); ++j) {
        samples[i][j] -= before[i][j];
      }
    }
  }
  for (std::size_t i = 0; i < kMetrics.size() * num_ks; ++i) {
    MetricDifference result;
    result.slice = name;
    result.metric = kMetrics[i / num_ks];
    result.k = options.ks[i % num_ks];
    const auto count = static_cast<double>(num_documents);
    result.first = first.Value(first_sums, i / num_ks, i % num_ks, count);
    result.second = second.Value(second_sums, i / num_ks, i % num_ks, count);
    result.low = result.high = result.second - result.first;
    result.better = result.low > 0 ? 1.0 : result.low < 0 ? 0.0 : 0.5;
    result.num_documents = num_documents;
    if (!samples.empty()) {
      std::vector<double>& sorted = samples[i];
      std::sort(sorted.begin(), sorted.end());
      result.low = Quantile(sorted, kTwoSidedTail);
      result.high = Quantile(sorted, 1.0 - kTwoSidedTail);
      const auto [below, above] = std::equal_range(sorted.begin(), sorted.end(), 0.0);
      result.better =
          (static_cast<double>(sorted.end() - above) + static_cast<double>(above - below) / 2) /
          static_cast<double>(sorted.size());
    }
    out->push_back(std::move(result));
  }
}

}  // namespace

std::vector<double> InversePropensities(std::span<const std::uint64_t> label_counts,
                                        std::uint64_t num_documents, const PropensityModel& model) {
  const double c =
      std::max(0.0, num_documents == 0 ? 0.0
                                       : (std::log(static_cast<double>(num_documents)) - 1.0) *
                                             std::pow(model.b + 1.0, model.a));
  std::vector<double> inverse;
  inverse.reserve(label_counts.size());
  for (const std::uint64_t count : label_counts) {
    inverse.push_back(1.0 + c * std::pow(static_cast<double>(count) + model.b, -model.a));
  }
  return inverse;
}

std::string_view MetricName(Metric metric) {
  switch (metric) {
    case Metric::kPrecision:
      return "P";
    case Metric::kNdcg:
      return "nDCG";
    case Metric::kPsp:
      return "PSP";
    case Metric::kRecall:
      return "R";
  }
  return "";
}

std::vector<MetricValue> EvaluateRankings(std::span<const std::vector<std::uint32_t>> ranked,
                                          const SparseRows& truth,
                                          std::span<const double> inverse_propensities,
                                          std::span<const std::uint64_t> label_counts,
                                          const EvaluationOptions& options) {
  DASHI_CHECK(ranked.size() == truth.num_rows());
  DASHI_CHECK(inverse_propensities.size() == label_counts.size());
  DASHI_CHECK(options.new_labels.empty() || options.new_labels.size() == label_counts.size());
  std::vector<MetricValue> results;
  ForEachSlice(truth, label_counts, options,
               [&](std::size_t slice, const SparseRows& positives,
                   std::span<const std::uint32_t> documents) {
                 const DocumentValues values =
                     Measure(ranked, positives, documents, inverse_propensities, options);
                 AppendSlice(kSliceNames[slice], values, options, options.seed + slice, &results);
               });
  return results;
}

std::vector<MetricDifference> CompareRankings(std::span<const std::vector<std::uint32_t>> first,
                                              std::span<const std::vector<std::uint32_t>> second,
                                              const SparseRows& truth,
                                              std::span<const double> inverse_propensities,
                                              std::span<const std::uint64_t> label_counts,
                                              const EvaluationOptions& options) {
  DASHI_CHECK(first.size() == truth.num_rows() && second.size() == truth.num_rows());
  DASHI_CHECK(inverse_propensities.size() == label_counts.size());
  DASHI_CHECK(options.new_labels.empty() || options.new_labels.size() == label_counts.size());
  std::vector<MetricDifference> results;
  ForEachSlice(truth, label_counts, options,
               [&](std::size_t slice, const SparseRows& positives,
                   std::span<const std::uint32_t> documents) {
                 AppendDifferences(
                     kSliceNames[slice],
                     Measure(first, positives, documents, inverse_propensities, options),
                     Measure(second, positives, documents, inverse_propensities, options), options,
                     options.seed + slice, &results);
               });
  return results;
}

std::vector<double> DocumentNdcg(std::span<const std::vector<std::uint32_t>> ranked,
                                 const SparseRows& truth, std::uint32_t k) {
  DASHI_CHECK(ranked.size() == truth.num_rows());
  EvaluationOptions options;
  options.ks = {k};
  const std::uint32_t num_labels =
      truth.columns.empty() ? 0 : *std::max_element(truth.columns.begin(), truth.columns.end()) + 1;
  const std::vector<double> weights(num_labels, 1.0);
  DocumentValues values(options, weights);
  std::vector<double> result;
  for (std::size_t document = 0; document < ranked.size(); ++document) {
    values.AddDocument(ranked[document], RowColumns(truth, document));
    result.push_back(values.row(document)[1]);
  }
  return result;
}

}  // namespace dashi::trainer
