#include "sql/serving_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::sql {
namespace {

struct Spec {
  std::string_view name;
  std::uint32_t min;
  std::uint32_t max;
  std::optional<std::uint32_t> ServingOptions::*field;
};

constexpr std::array<Spec, 2> kSpecs{{
    {"retain_releases", 0, storage::kRetainReleasesMax, &ServingOptions::retain_releases},
    {"seal_rows", 1, storage::kSealRowsMax, &ServingOptions::seal_rows},
}};

const Spec* FindSpec(std::string_view name) {
  const auto* const found = std::find_if(kSpecs.begin(), kSpecs.end(),
                                         [&](const Spec& spec) { return spec.name == name; });
  return found == kSpecs.end() ? nullptr : found;
}

}  // namespace

void ServingOptions::ApplyTo(storage::ModelRecord* model) const {
  model->retain_releases = retain_releases.value_or(model->retain_releases);
  model->seal_rows = seal_rows.value_or(model->seal_rows);
}

bool IsServingOption(std::string_view name) { return FindSpec(name) != nullptr; }

Result<ServingOptions> TakeServingOptions(const ParsedStatement& statement,
                                          std::vector<OptionNode>* options) {
  ServingOptions taken;
  for (const OptionNode& option : *options) {
    const Spec* spec = FindSpec(option.name);
    if (spec == nullptr) {
      continue;
    }
    const std::string& text = option.value;
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < spec->min ||
        number > spec->max) {
      return statement.At(Status::InvalidArgument(fmt::format(
                              "option {} must be a whole number from {} to {}: got '{}'",
                              spec->name, spec->min, spec->max, text)),
                          option.offset);
    }
    taken.*(spec->field) = number;
  }
  std::erase_if(*options, [](const OptionNode& option) { return IsServingOption(option.name); });
  return taken;
}

}  // namespace dashi::sql
