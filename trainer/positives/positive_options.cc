#include "trainer/positives/positive_options.h"

#include <optional>
#include <utility>

#include "base/status.h"
#include "base/timestamp.h"

namespace dashi::trainer {
namespace {

OptionSpec SourceSpec() {
  return {"relevance_from",
          "where positives come from: the table relevance, or a graph of clicks by its name",
          [](std::string_view text, ModelOptions* options) -> Status {
            if (text.empty()) {
              return BadValue("relevance_from", text, "relevance or the name of a graph");
            }
            options->positives.graph = text == kRelevanceTable ? std::string_view() : text;
            return Status::Ok();
          },
          [](const ModelOptions& options) {
            return options.positives.graph.empty() ? std::string(kRelevanceTable)
                                                   : options.positives.graph;
          }};
}

OptionSpec WindowSpec() {
  return {"window", "time before the newest click in which a pair was clicked last; all = any",
          [](std::string_view text, ModelOptions* options) -> Status {
            const std::optional<std::int64_t> micros = ParseLongDuration(text);
            if (!micros && text != "all") {
              return BadValue("window", text, "all, or a duration such as '90 days' or '12h'");
            }
            options->positives.window_micros = micros.value_or(0);
            return Status::Ok();
          },
          [](const ModelOptions& options) -> std::string {
            const std::int64_t micros = options.positives.window_micros;
            return micros == 0 ? "all" : fmt::format("{} s", static_cast<double>(micros) * 1e-6);
          }};
}

}  // namespace

std::vector<OptionSpec> PositiveOptionSpecs() {
  return {
      SourceSpec(),
      Scoped(OptionScope::kClicks,
             NumberOption<std::uint64_t>("min_clicks", DASHI_FIELD(positives.min_clicks), 0,
                                         UINT64_MAX, "clicks that make a pair a positive")),
      Scoped(OptionScope::kClicks, WindowSpec()),
      WordOption("positive_weights", DASHI_FIELD(positive_weights),
                 {"auto", "uniform", "propensity"},
                 "what positives count: the same, or by their labels' inverse propensities; auto = "
                 "propensity for clicks"),
  };
}

Result<PositiveReading> PositivesOf(const storage::OptionMap& release_options) {
  ModelOptions options;
  for (const OptionSpec& spec : PositiveOptionSpecs()) {
    const auto found = release_options.find(std::string(spec.name));
    if (found != release_options.end()) {
      DASHI_RETURN_IF_ERROR(spec.parse(found->second, &options));
    }
  }
  return options.positives;
}

}  // namespace dashi::trainer
