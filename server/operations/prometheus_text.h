#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dashi {

/// Writes metrics in the text format of Prometheus (version 0.0.4). The samples of a metric stand
/// together, in whichever order they come.
///
/// Threads: one thread at a time.
class PrometheusText {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

  /// Begins a metric, or goes on with it; its samples follow. `type` is counter, gauge or
  /// histogram.
  void Metric(std::string_view name, std::string_view type, std::string_view help);
  void Sample(std::string_view name, const Labels& labels, double value);
  void Sample(std::string_view name, const Labels& labels, std::uint64_t value);
  /// A metric of one sample.
  void Gauge(std::string_view name, std::string_view help, double value);
  void Counter(std::string_view name, std::string_view help, std::uint64_t value);

  /// From here on each sample has the label `database`; empty: none.
  void SetDatabase(std::string_view name) { database_ = name; }

  std::string text() const;

 private:
  struct Family {
    std::string name;
    std::string text;
  };
  void Add(std::string_view name, const Labels& labels, std::string_view value);

  std::string database_;
  std::vector<Family> families_;  // in the order in which they began
  std::size_t current_ = 0;
};

}  // namespace dashi
