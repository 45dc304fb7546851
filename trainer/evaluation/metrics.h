#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// The propensity model of Jain et al. 2016: 1/p_l = 1 + C (n_l + B)^-A, C = (ln N - 1)(B + 1)^A,
/// with n_l the label's unfiltered training documents and N their number.
struct PropensityModel {
  double a = 0.55;
  double b = 1.5;
};

/// Shape: label_counts [num_labels], result [num_labels], each >= 1 (a C below zero, N < e, counts
///        as zero).
std::vector<double> InversePropensities(std::span<const std::uint64_t> label_counts,
                                        std::uint64_t num_documents, const PropensityModel& model);

enum class Metric { kPrecision, kNdcg, kPsp, kRecall };

/// "P", "nDCG", "PSP" or "R".
std::string_view MetricName(Metric metric);

struct MetricValue {
  std::string slice;  ///< "all", "head", "torso", "tail", "new"
  Metric metric = Metric::kPrecision;
  std::uint32_t k = 0;
  double value = 0;
  double low = 0;  ///< 95 % percentile bootstrap over documents
  double high = 0;
  std::uint64_t num_documents = 0;
};

/// One metric of two rankings of the same documents.
struct MetricDifference {
  std::string slice;
  Metric metric = Metric::kPrecision;
  std::uint32_t k = 0;
  double first = 0;
  double second = 0;
  double low = 0;  ///< 95 % percentile bootstrap of second - first, both on the same documents
  double high = 0;
  double better = 0;  ///< the share of samples in which the second is better, a tie counts half
  std::uint64_t num_documents = 0;
};

struct EvaluationOptions {
  std::vector<std::uint32_t> ks{1, 3, 5};  ///< each >= 1
  std::uint32_t num_bootstrap = 1000;      ///< 0: low = high = value
  std::uint64_t seed = 1;
  /// Slices by label frequency: tail = labels with at most 5 training documents; head = of the
  /// others the most frequent (ties by row) that together with what stands before them hold less
  /// than half of the training pairs; torso = the rest. A slice's truth is the document's labels of
  /// that slice, documents without any are left out of it.
  bool slices = false;
  /// Shape: [num_labels], or empty. The labels of one more slice, "new", beside those of frequency,
  /// which it overlaps.
  std::vector<bool> new_labels;
};

/// Computes P@k, nDCG@k, PSP@k, R@k. P, nDCG and R are means over documents; PSP is a ratio of
/// means; a missing slot is a miss, and so is a label ranked again; nDCG's ideal uses
/// min(#positives, k). Documents without positives count for P, nDCG and R (as zero).
///
/// Returns: by slice, then metric, then k.
/// Shape:   ranked [num_documents]: label rows best first (reciprocal pairs already dropped);
///          truth [num_documents, num_labels]; inverse_propensities, label_counts [num_labels].
/// Cost:    O(documents * max k * log labels + bootstrap * documents * ks).
std::vector<MetricValue> EvaluateRankings(std::span<const std::vector<std::uint32_t>> ranked,
                                          const SparseRows& truth,
                                          std::span<const double> inverse_propensities,
                                          std::span<const std::uint64_t> label_counts,
                                          const EvaluationOptions& options);

/// Two rankings of the same documents, by a paired bootstrap (Koehn 2004). Without samples low =
/// high = second - first.
///
/// Shape: as EvaluateRankings.
std::vector<MetricDifference> CompareRankings(std::span<const std::vector<std::uint32_t>> first,
                                              std::span<const std::vector<std::uint32_t>> second,
                                              const SparseRows& truth,
                                              std::span<const double> inverse_propensities,
                                              std::span<const std::uint64_t> label_counts,
                                              const EvaluationOptions& options);

/// nDCG@k of each document.  Shape: as EvaluateRankings; result [num_documents].
std::vector<double> DocumentNdcg(std::span<const std::vector<std::uint32_t>> ranked,
                                 const SparseRows& truth, std::uint32_t k);

}  // namespace dashi::trainer
