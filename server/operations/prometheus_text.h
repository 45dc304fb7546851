#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dashi {

/// Writes metrics in the text format of Prometheus (version 0.0.4).
///
/// Threads: one thread at a time.
class PrometheusText {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

  /// Begins a metric; its samples follow. `type` is counter, gauge or histogram.
  void Metric(std::string_view name, std::string_view type, std::string_view help);
  void Sample(std::string_view name, const Labels& labels, double value);
  void Sample(std::string_view name, const Labels& labels, std::uint64_t value);
  /// A metric of one sample.
  void Gauge(std::string_view name, std::string_view help, double value);
  void Counter(std::string_view name, std::string_view help, std::uint64_t value);

  const std::string& text() const { return text_; }

 private:
  void Name(std::string_view name, const Labels& labels);

  std::string text_;
};

}  // namespace dashi
