#include "index/search_plan.h"

#include <algorithm>
#include <cmath>

namespace dashi::index {

namespace {

/// Nodes that a walk scores for each place of its beam.
constexpr std::size_t kVisitsPerPlace = 16;
/// A node costs a walk as much as this many rows of a scan.
constexpr std::size_t kScanRowsPerVisit = 3;
/// A walk with a filter begins when it is expected to cost this share of the scan at most.
constexpr double kCostShareMax = 0.75;
/// The share of the scan's cost that a walk may spend before it is asked what it has met. Nodes
/// cost twice as much when a scan has emptied the caches since the last walk.
constexpr double kUnaskedShare = 0.02;
/// A walk is given up where so many of the best nodes should pass, and not even this share of that
/// do.
constexpr double kExpectedMin = 8;
constexpr double kShareKeptMin = 0.125;
/// Nodes at the share of all that pass which a walk is thought to have expanded besides, when it is
/// told how long it will take: the first few tell little.
constexpr double kPriorExpanded = 50;

/// A node costs a walk as much as this many rows of a scan of a subset: it has a part that does not
/// depend on how long rows are.
double SubsetRowsPerVisit(std::size_t dim) {
  constexpr double kDimOfFixedPart = 300;
  constexpr std::size_t kDimMin = 64;
  return 1 + kDimOfFixedPart / static_cast<double>(std::max(dim, kDimMin));
}

std::size_t BeamOf(const FilteredTask& task) {
  // The fewer pass, the more nodes that do not are walked through on the way.
  return std::max(
      {BeamForShare(task.ef, task.num_passing, task.num_vectors), task.m, std::size_t{1}});
}

bool IsWorthWalking(const FilteredTask& task, std::size_t beam, double rows_per_visit) {
  const auto passing = static_cast<double>(task.num_passing);
  const double visits = static_cast<double>(kVisitsPerPlace * beam) *
                        static_cast<double>(task.num_vectors) / std::max(passing, 1.0);
  return visits * rows_per_visit < kCostShareMax * passing;
}

}  // namespace

bool ScanIsCheaper(std::size_t num_vectors, std::size_t ef) {
  return kVisitsPerPlace * ef >= num_vectors / kScanRowsPerVisit;
}

std::size_t BeamForShare(std::size_t ef, std::size_t num_rows, std::size_t num_all) {
  const double share =
      static_cast<double>(num_rows) / static_cast<double>(std::max<std::size_t>(num_all, 1));
  return static_cast<std::size_t>(std::ceil(static_cast<double>(ef) * std::pow(share, 0.25)));
}

FilteredPlan::FilteredPlan(const FilteredTask& task)
    : task_(task),
      rows_per_visit_(SubsetRowsPerVisit(task.dim)),
      beam_(BeamOf(task)),
      walks_(IsWorthWalking(task, beam_, rows_per_visit_)) {}

bool FilteredPlan::GoesOn(const WalkProgress& progress) const {
  const auto scan = static_cast<double>(task_.num_passing);
  const double spent = static_cast<double>(progress.num_visited) * rows_per_visit_;
  if (spent < kUnaskedShare * scan || progress.num_expanded == 0) {
    return true;
  }
  const double share = scan / static_cast<double>(task_.num_vectors);
  const auto expanded = static_cast<double>(progress.num_expanded);
  const auto passing = static_cast<double>(progress.num_passing_expanded);
  const double expected = share * expanded;
  if (expected >= kExpectedMin && passing < kShareKeptMin * expected) {
    return false;
  }
  const double share_met = (passing + share * kPriorExpanded) / (expanded + kPriorExpanded);
  const double whole =
      spent / expanded * static_cast<double>(beam_ + progress.num_widened) / share_met;
  return whole <= scan;
}

}  // namespace dashi::index
