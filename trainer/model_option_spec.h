#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "dashi/status.h"
#include "trainer/model_options.h"

namespace dashi::trainer {

/// Who knows an option. kScratch: transformers that start without a folder. kGraphs: the algorithm
/// ramen. kClicks: models that take their positives from a graph.
enum class OptionScope : std::uint8_t { kAll, kBag, kTransformer, kScratch, kGraphs, kClicks };

/// One option: how it is documented, read and shown.
struct OptionSpec {
  std::string_view name;
  std::string_view description;
  std::function<Status(std::string_view text, ModelOptions* options)> parse;
  std::function<std::string(const ModelOptions& options)> show;
  OptionScope scope = OptionScope::kAll;
};

inline OptionSpec Scoped(OptionScope scope, OptionSpec spec) {
  spec.scope = scope;
  return spec;
}

inline Status BadValue(std::string_view name, std::string_view text, std::string_view allowed) {
  return Status::InvalidArgument(
      fmt::format("option {} must be {}: got '{}'", name, allowed, text));
}

template <typename T, typename Field>
OptionSpec NumberOption(std::string_view name, Field field, T low, T high,
                        std::string_view description) {
  return {name, description,
          [=](std::string_view text, ModelOptions* options) -> Status {
            T value{};
            const auto [end, error] =
                std::from_chars(text.data(), text.data() + text.size(), value);
            if (error != std::errc() || end != text.data() + text.size() ||
                !(value >= low && value <= high)) {
              return BadValue(name, text, fmt::format("a number from {} to {}", low, high));
            }
            field(*options) = value;
            return Status::Ok();
          },
          [=](const ModelOptions& options) {
            return fmt::format("{}", field(const_cast<ModelOptions&>(options)));
          }};
}

template <typename Field>
OptionSpec SwitchOption(std::string_view name, Field field, std::string_view description) {
  return {name, description,
          [=](std::string_view text, ModelOptions* options) -> Status {
            if (text != "on" && text != "off" && text != "true" && text != "false") {
              return BadValue(name, text, "on or off");
            }
            field(*options) = text == "on" || text == "true";
            return Status::Ok();
          },
          [=](const ModelOptions& options) -> std::string {
            return field(const_cast<ModelOptions&>(options)) ? "on" : "off";
          }};
}

template <typename Field>
OptionSpec WordOption(std::string_view name, Field field, const std::vector<std::string>& words,
                      std::string_view description) {
  return {name, description,
          [=](std::string_view text, ModelOptions* options) -> Status {
            if (std::find(words.begin(), words.end(), text) == words.end()) {
              return BadValue(name, text, fmt::format("one of {}", fmt::join(words, ", ")));
            }
            field(*options) = text;
            return Status::Ok();
          },
          [=](const ModelOptions& options) -> std::string {
            return field(const_cast<ModelOptions&>(options));
          }};
}

struct LossName {
  std::string_view name;
  LossKind kind;
};
inline constexpr std::array<LossName, 2> kEncoderLosses{
    {{"softmax", LossKind::kSoftmax}, {"triplet", LossKind::kTriplet}}};
inline constexpr std::array<LossName, 3> kClassifierLosses{
    {{"softmax", LossKind::kSoftmax}, {"triplet", LossKind::kTriplet}, {"bce", LossKind::kBinary}}};

template <typename Field>
OptionSpec LossOption(std::string_view name, Field field, std::span<const LossName> losses,
                      std::string_view description) {
  return {
      name, description,
      [=](std::string_view text, ModelOptions* options) -> Status {
        std::vector<std::string_view> names;
        for (const LossName& loss : losses) {
          if (loss.name == text) {
            field(*options) = loss.kind;
            return Status::Ok();
          }
          names.push_back(loss.name);
        }
        return BadValue(name, text, fmt::format("one of {}", fmt::join(names, ", ")));
      },
      [=](const ModelOptions& options) -> std::string {
        const LossKind kind = field(const_cast<ModelOptions&>(options));
        return std::string(std::find_if(losses.begin(), losses.end(), [&](const LossName& loss) {
                             return loss.kind == kind;
                           })->name);
      }};
}

/// A function that gives the field of ModelOptions at `path`, for reading and showing it.
#define DASHI_FIELD(path) \
  [](ModelOptions & options) -> auto& { return options.path; }

}  // namespace dashi::trainer
