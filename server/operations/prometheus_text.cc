#include "server/operations/prometheus_text.h"

#include <cmath>

#include <fmt/format.h>

namespace dashi {

namespace {

void AppendEscaped(std::string* out, std::string_view text, bool is_label) {
  for (const char byte : text) {
    if (byte == '\\') {
      *out += "\\\\";
    } else if (byte == '\n') {
      *out += "\\n";
    } else if (byte == '"' && is_label) {
      *out += "\\\"";
    } else {
      *out += byte;
    }
  }
}

}  // namespace

void PrometheusText::Metric(std::string_view name, std::string_view type, std::string_view help) {
  text_ += fmt::format("# HELP {} ", name);
  AppendEscaped(&text_, help, /*is_label=*/false);
  text_ += fmt::format("\n# TYPE {} {}\n", name, type);
}

void PrometheusText::Name(std::string_view name, const Labels& labels) {
  text_ += name;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    text_ += i == 0 ? '{' : ',';
    text_ += labels[i].first;
    text_ += "=\"";
    AppendEscaped(&text_, labels[i].second, /*is_label=*/true);
    text_ += '"';
  }
  text_ += labels.empty() ? " " : "} ";
}

void PrometheusText::Sample(std::string_view name, const Labels& labels, double value) {
  Name(name, labels);
  if (std::isfinite(value)) {
    text_ += fmt::format("{}\n", value);
  } else {
    text_ += std::isnan(value) ? "NaN\n" : value > 0 ? "+Inf\n" : "-Inf\n";
  }
}

void PrometheusText::Sample(std::string_view name, const Labels& labels, std::uint64_t value) {
  Name(name, labels);
  text_ += fmt::format("{}\n", value);
}

void PrometheusText::Gauge(std::string_view name, std::string_view help, double value) {
  Metric(name, "gauge", help);
  Sample(name, {}, value);
}

void PrometheusText::Counter(std::string_view name, std::string_view help, std::uint64_t value) {
  Metric(name, "counter", help);
  Sample(name, {}, value);
}

}  // namespace dashi
