#include "query/publish_condition.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/nearest_name.h"
#include "base/status.h"

namespace dashi::query {
namespace {

constexpr std::uint32_t kKMax = 1000;
constexpr const char* kKnownMetrics =
    "Metrics: p@k, ndcg@k, psp@k, recall@k, each also of a slice (tail.p@1), ann_recall@10, "
    "latency_p50, latency_p99, size.";

constexpr std::array<std::pair<std::string_view, trainer::Metric>, 5> kRankings = {
    {{"p", trainer::Metric::kPrecision},
     {"ndcg", trainer::Metric::kNdcg},
     {"psp", trainer::Metric::kPsp},
     {"recall", trainer::Metric::kRecall},
     {"r", trainer::Metric::kRecall}}};
constexpr std::array<std::string_view, 5> kSlices = {"all", "head", "torso", "tail", "new"};

struct Unit {
  std::string_view name;
  double factor;
};
constexpr Unit kTimes[] = {{"us", 0.001}, {"ms", 1}, {"s", 1000}, {"min", 60'000}};
constexpr Unit kSizes[] = {{"B", 1},        {"kB", 1e3},    {"KB", 1e3},   {"MB", 1e6},
                           {"GB", 1e9},     {"TB", 1e12},   {"KiB", 1024}, {"MiB", 1024.0 * 1024},
                           {"GiB", 0x1p30}, {"TiB", 0x1p40}};

std::optional<double> ReadNumber(std::string_view* text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || !std::isfinite(number) || number < 0) {
    return std::nullopt;
  }
  text->remove_prefix(static_cast<std::size_t>(end - text->data()));
  return number;
}

std::optional<double> ReadQuantity(std::string_view text, std::span<const Unit> units) {
  const std::optional<double> number = ReadNumber(&text);
  if (!number) {
    return std::nullopt;
  }
  while (!text.empty() && text.front() == ' ') {
    text.remove_prefix(1);
  }
  for (const Unit& unit : units) {
    if (unit.name == text) {
      return *number * unit.factor;
    }
  }
  return std::nullopt;
}

std::optional<GateMetric> FindMetric(std::string_view name) {
  GateMetric metric;
  metric.name = name;
  if (name == "ann_recall@10") {
    metric.kind = GateMetric::Kind::kRecall;
    return metric;
  }
  if (name == "latency_p50" || name == "latency_p99") {
    metric.kind = GateMetric::Kind::kLatency;
    metric.share = name == "latency_p50" ? 0.50 : 0.99;
    return metric;
  }
  if (name == "size") {
    metric.kind = GateMetric::Kind::kSize;
    return metric;
  }
  if (const std::size_t dot = name.find('.'); dot != std::string_view::npos) {
    metric.slice = name.substr(0, dot);
    name.remove_prefix(dot + 1);
  }
  const std::size_t at = name.find('@');
  if (at == std::string_view::npos ||
      std::find(kSlices.begin(), kSlices.end(), metric.slice) == kSlices.end()) {
    return std::nullopt;
  }
  const std::string_view digits = name.substr(at + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), metric.k);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  for (const auto& [ranking_name, ranking] : kRankings) {
    if (ranking_name == name.substr(0, at)) {
      metric.ranking = ranking;
      return metric;
    }
  }
  return std::nullopt;
}

// The name that is nearest to one that there is not, or "".
std::string NearestMetric(std::string_view name) {
  std::vector<std::string> known = {"ann_recall@10", "latency_p50", "latency_p99", "size"};
  const std::size_t dot = name.find('.');
  const std::size_t at = name.find('@');
  const std::string k(at == std::string_view::npos ? "@1" : name.substr(at));
  for (const auto& [ranking, metric] : kRankings) {
    if (dot == std::string_view::npos) {
      known.push_back(std::string(ranking) + k);
      continue;
    }
    for (const std::string_view slice : kSlices) {
      known.push_back(fmt::format("{}.{}{}", slice, ranking, k));
    }
  }
  const std::vector<std::string_view> candidates(known.begin(), known.end());
  return std::string(NearestName(name, candidates));
}

}  // namespace

Result<GateMetric> ParseGateMetric(std::string_view name) {
  const std::optional<GateMetric> metric = FindMetric(name);
  if (!metric) {
    const std::string nearest = NearestMetric(name);
    return Status::InvalidArgument(fmt::format("unknown metric: {}", name))
        .WithHint(nearest.empty()
                      ? std::string(kKnownMetrics)
                      : fmt::format("Perhaps you meant \"{}\". {}", nearest, kKnownMetrics));
  }
  if (metric->kind == GateMetric::Kind::kRanking && (metric->k < 1 || metric->k > kKMax)) {
    return Status::InvalidArgument(
        fmt::format("the k of a metric is from 1 to {}: got {}", kKMax, name));
  }
  return *metric;
}

Result<double> ParseGateNumber(const GateMetric& metric, std::string_view text, bool quoted) {
  const bool is_time = metric.kind == GateMetric::Kind::kLatency;
  const bool is_size = metric.kind == GateMetric::Kind::kSize;
  std::optional<double> value;
  if (!quoted && !is_time) {
    std::string_view rest = text;
    value = ReadNumber(&rest);
    value = rest.empty() ? value : std::nullopt;
  } else if (quoted && is_time) {
    value = ReadQuantity(text, kTimes);
  } else if (quoted && is_size) {
    value = ReadQuantity(text, kSizes);
  }
  if (!value) {
    const char* const wanted = is_time   ? "a time in quotes, such as '5 ms' (us, ms, s, min)"
                               : is_size ? "bytes, or a size in quotes, such as '1.3 GB' (B, kB, "
                                           "MB, GB, TB; KiB, MiB, GiB, TiB)"
                                         : "a number without quotes";
    return Status::InvalidArgument(
        fmt::format("{} is compared with {}: got {}", metric.name, wanted, text));
  }
  return *value;
}

std::string FormatFigure(const GateMetric& metric, double value) {
  constexpr double kMegabyte = 1e6;
  constexpr double kGigabyte = 1e9;
  if (metric.kind == GateMetric::Kind::kLatency) {
    return fmt::format("{:.3f} ms", value);
  }
  if (metric.kind != GateMetric::Kind::kSize) {
    return fmt::format("{:.4f}", value);
  }
  const double size = std::abs(value);
  return size < kMegabyte   ? fmt::format("{:.0f} B", value)
         : size < kGigabyte ? fmt::format("{:.3f} MB", value / kMegabyte)
                            : fmt::format("{:.3f} GB", value / kGigabyte);
}

std::string_view ComparisonName(GateComparison comparison) {
  constexpr std::array<std::string_view, 5> kNames = {">=", "<=", ">", "<", "="};
  return kNames.at(static_cast<std::size_t>(comparison));
}

bool Holds(double value, GateComparison comparison, double limit) {
  switch (comparison) {
    case GateComparison::kAtLeast:
      return value >= limit;
    case GateComparison::kAtMost:
      return value <= limit;
    case GateComparison::kMore:
      return value > limit;
    case GateComparison::kLess:
      return value < limit;
    case GateComparison::kEqual:
      break;
  }
  return value == limit;
}

std::string PublishCondition::Text() const {
  return fmt::format("{} {} {}", metric.name, ComparisonName(comparison), limit_text);
}

Status CheckLimit(const PublishCondition& condition) {
  const GateMetric::Kind kind = condition.metric.kind;
  const bool is_share = kind == GateMetric::Kind::kRanking || kind == GateMetric::Kind::kRecall;
  if (is_share && !condition.limit.uses_current && condition.limit.offset > 1) {
    return Status::InvalidArgument(
        fmt::format("{} is from 0 to 1: got {}", condition.metric.name, condition.limit_text));
  }
  return Status::Ok();
}

}  // namespace dashi::query
