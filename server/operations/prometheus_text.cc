#include "server/operations/prometheus_text.h"

#include <algorithm>
#include <cmath>
#include <utility>

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
  const auto known = std::find_if(families_.begin(), families_.end(),
                                  [&](const Family& family) { return family.name == name; });
  current_ = static_cast<std::size_t>(known - families_.begin());
  if (known != families_.end()) {
    return;
  }
  std::string text = fmt::format("# HELP {} ", name);
  AppendEscaped(&text, help, /*is_label=*/false);
  text += fmt::format("\n# TYPE {} {}\n", name, type);
  families_.push_back({std::string(name), std::move(text)});
}

void PrometheusText::Add(std::string_view name, const Labels& labels, std::string_view value) {
  std::string& text = families_[current_].text;
  text += name;
  char separator = '{';
  const auto add = [&](std::string_view label, std::string_view label_value) {
    text += std::exchange(separator, ',');
    text += label;
    text += "=\"";
    AppendEscaped(&text, label_value, /*is_label=*/true);
    text += '"';
  };
  if (!database_.empty()) {
    add("database", database_);
  }
  for (const auto& [label, label_value] : labels) {
    add(label, label_value);
  }
  text += separator == ',' ? "} " : " ";
  text += value;
  text += '\n';
}

void PrometheusText::Sample(std::string_view name, const Labels& labels, double value) {
  if (std::isfinite(value)) {
    Add(name, labels, fmt::format("{}", value));
  } else {
    Add(name, labels, std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
  }
}

void PrometheusText::Sample(std::string_view name, const Labels& labels, std::uint64_t value) {
  Add(name, labels, fmt::format("{}", value));
}

std::string PrometheusText::text() const {
  std::string text;
  for (const Family& family : families_) {
    text += family.text;
  }
  return text;
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
