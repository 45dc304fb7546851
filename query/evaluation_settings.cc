#include "query/evaluation_settings.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/nearest_name.h"
#include "base/status.h"

namespace dashi::query {
namespace {

constexpr std::uint32_t kKMax = 1000;

Status BadOption(std::string_view name, std::string_view text, std::string_view allowed) {
  return Status::InvalidArgument(
      fmt::format("the option {} must be {}: got '{}'", name, allowed, text));
}

template <typename T>
Status ParseNumber(std::string_view name, std::string_view text, T low, T high, T* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  if (error != std::errc() || end != text.data() + text.size() || !(*value >= low) ||
      !(*value <= high)) {
    return BadOption(name, text, fmt::format("a number from {} to {}", low, high));
  }
  return Status::Ok();
}

Status ParseKs(std::string_view text, std::vector<std::uint32_t>* ks) {
  ks->clear();
  while (true) {
    const std::size_t comma = text.find(',');
    std::string_view item = text.substr(0, comma);
    while (!item.empty() && item.front() == ' ') {
      item.remove_prefix(1);
    }
    std::uint32_t k = 0;
    DASHI_RETURN_IF_ERROR(ParseNumber<std::uint32_t>("k", item, 1, kKMax, &k));
    ks->push_back(k);
    if (comma == std::string_view::npos) {
      break;
    }
    text.remove_prefix(comma + 1);
  }
  std::sort(ks->begin(), ks->end());
  ks->erase(std::unique(ks->begin(), ks->end()), ks->end());
  return Status::Ok();
}

}  // namespace

Status SetEvaluationOption(const std::string& name, const std::string& text,
                           EvaluationSettings* settings) {
  constexpr std::string_view kNames[] = {"k",         "filter", "slices", "scores",
                                         "bootstrap", "a",      "b",      "seed"};
  if (name == "k") {
    return ParseKs(text, &settings->metrics.ks);
  }
  if (name == "filter") {
    settings->filter_reciprocal = text == "reciprocal";
    return text == "reciprocal" || text == "none" ? Status::Ok()
                                                  : BadOption(name, text, "none or reciprocal");
  }
  if (name == "slices") {
    settings->metrics.slices = text != "all";
    settings->slice_new = text == "head,torso,tail,new";
    return text == "all" || text == "head,torso,tail" || settings->slice_new
               ? Status::Ok()
               : BadOption(name, text, "'all', 'head,torso,tail' or 'head,torso,tail,new'");
  }
  if (name == "scores") {
    settings->scores = text;
    return text == "fused" || text == "dense" || text == "encoder" || text == "classifier"
               ? Status::Ok()
               : BadOption(name, text, "fused, dense, encoder or classifier");
  }
  if (name == "bootstrap") {
    return ParseNumber<std::uint32_t>(name, text, 0, 100'000, &settings->metrics.num_bootstrap);
  }
  if (name == "a") {
    return ParseNumber<double>(name, text, 0.0, 10.0, &settings->propensity.a);
  }
  if (name == "b") {
    return ParseNumber<double>(name, text, 0.0, 1000.0, &settings->propensity.b);
  }
  if (name == "seed") {
    return ParseNumber<std::uint64_t>(name, text, 0, UINT64_MAX, &settings->metrics.seed);
  }
  Status status = Status::InvalidArgument("unknown option: " + name);
  const std::string_view nearest = NearestName(name, kNames);
  return std::move(status).WithHint(
      nearest.empty() ? "Known options: k, filter, slices, scores, bootstrap, a, b, seed."
                      : fmt::format("Perhaps you meant \"{}\".", nearest));
}

Result<EvaluationSettings> ParseEvaluationSettings(const storage::OptionMap& options) {
  EvaluationSettings settings;
  for (const auto& [name, text] : options) {
    DASHI_RETURN_IF_ERROR(SetEvaluationOption(name, text, &settings));
  }
  return settings;
}

}  // namespace dashi::query
