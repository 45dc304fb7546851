#include "trainer/graph_options.h"

#include <optional>

#include "base/status.h"

namespace dashi::trainer {
namespace {

/// Reads names that stand between commas.
Status ParseGraphNames(std::string_view text, ModelOptions* options) {
  std::vector<std::string>& names = options->graphs.names;
  names.clear();
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view name = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
    name = name.substr(0, name.find_last_not_of(' ') + 1);
    if (name.empty() || std::find(names.begin(), names.end(), name) != names.end()) {
      return BadValue("graphs", name, "names of graphs, each once, between commas");
    }
    names.emplace_back(name);
  }
  return Status::Ok();
}

std::vector<OptionSpec> GraphSpecs() {
  const auto graph = [](OptionSpec spec) { return Scoped(OptionScope::kGraphs, std::move(spec)); };
  return {
      graph({"graphs", "names of the graphs that regularise the encoder, between commas",
             ParseGraphNames,
             [](const ModelOptions& options) {
               return fmt::format("{}", fmt::join(options.graphs.names, ","));
             }}),
      graph(SwitchOption("document_graph", DASHI_FIELD(ngame.ramen.document_graph),
                         "documents are drawn to their neighbours")),
      graph(SwitchOption("label_graph", DASHI_FIELD(ngame.ramen.label_graph),
                         "labels are drawn to their neighbours")),
      graph(NumberOption<std::uint32_t>("walk_hops", DASHI_FIELD(graphs.walk.hops), 0, 100'000,
                                        "hops of the walk that completes a row's neighbours; 0 = "
                                        "those that it has")),
      graph(NumberOption<double>("walk_restart", DASHI_FIELD(graphs.walk.restart), 0.0, 1.0,
                                 "probability of going back to the row before a hop")),
      graph(NumberOption<std::uint32_t>("walk_neighbours", DASHI_FIELD(graphs.walk_anchors), 1,
                                        10'000, "neighbours that a walk leaves of a row")),
      graph(NumberOption<std::uint32_t>("head_degree", DASHI_FIELD(graphs.walk.head_degree), 0,
                                        UINT32_MAX,
                                        "a neighbour of more rows ends a walk; 0 = none does")),
      graph(NumberOption<std::uint32_t>("neighbour_words", DASHI_FIELD(graphs.anchor_words), 1,
                                        1'000'000, "words of a neighbour's text that are read")),
      graph(NumberOption<std::uint32_t>("neighbours_per_row",
                                        DASHI_FIELD(ngame.ramen.anchors_per_row), 1, 100,
                                        "neighbours that a row of a batch draws of each graph")),
      graph(NumberOption<double>("graph_row_share", DASHI_FIELD(ngame.ramen.row_share), 0.0, 1.0,
                                 "share of a batch's rows that draw neighbours of a graph")),
      graph(LossOption("graph_loss", DASHI_FIELD(ngame.ramen.loss.kind), kEncoderLosses,
                       "loss of a graph's terms")),
      graph(NumberOption<float>("graph_temperature", DASHI_FIELD(ngame.ramen.loss.temperature),
                                1e-3F, 10.0F, "its temperature")),
      graph(NumberOption<float>("graph_margin", DASHI_FIELD(ngame.ramen.loss.margin), 0.0F, 2.0F,
                                "margin of its triplet loss")),
      graph(NumberOption<std::uint32_t>("graph_num_negatives",
                                        DASHI_FIELD(ngame.ramen.loss.num_negatives), 1, 10'000,
                                        "hardest negatives of its triplet loss")),
      graph(NumberOption<double>("graph_weight", DASHI_FIELD(ngame.ramen.weight), 0.0, 100.0,
                                 "weight of each term, where it is learned at the beginning")),
  };
}

struct WeightingName {
  std::string_view name;
  GraphWeighting weighting;
};
constexpr std::array<WeightingName, 3> kWeightings{{{"evidence", GraphWeighting::kEvidence},
                                                    {"on", GraphWeighting::kBandit},
                                                    {"off", GraphWeighting::kFixed}}};

OptionSpec WeightingSpec() {
  return {"bandit",
          "how the weights of the terms are learned: by evidence, by the published bandit (on), or "
          "not (off)",
          [](std::string_view text, ModelOptions* options) -> Status {
            for (const WeightingName& one : kWeightings) {
              if (one.name == text) {
                options->ngame.ramen.weighting = one.weighting;
                return Status::Ok();
              }
            }
            return BadValue("bandit", text, "one of evidence, on, off");
          },
          [](const ModelOptions& options) {
            return std::string(
                std::find_if(kWeightings.begin(), kWeightings.end(), [&](const WeightingName& one) {
                  return one.weighting == options.ngame.ramen.weighting;
                })->name);
          }};
}

// A number, or `auto` for what random pairs say.
OptionSpec CosineSpec() {
  return {"prune_cosine", "edges with a higher cosine are kept; auto = than random pairs have",
          [](std::string_view text, ModelOptions* options) -> Status {
            std::optional<float>& cosine = options->ngame.ramen.cosine_min;
            if (text == "auto") {
              cosine.reset();
              return Status::Ok();
            }
            float value = 0;
            const auto [end, error] =
                std::from_chars(text.data(), text.data() + text.size(), value);
            if (error != std::errc() || end != text.data() + text.size() ||
                !(value >= -1 && value <= 1)) {
              return BadValue("prune_cosine", text, "auto or a number from -1 to 1");
            }
            cosine = value;
            return Status::Ok();
          },
          [](const ModelOptions& options) {
            const std::optional<float>& cosine = options.ngame.ramen.cosine_min;
            return cosine ? fmt::format("{}", *cosine) : std::string("auto");
          }};
}

std::vector<OptionSpec> GraphLearningSpecs() {
  const auto graph = [](OptionSpec spec) { return Scoped(OptionScope::kGraphs, std::move(spec)); };
  return {
      graph(NumberOption<double>("graph_warmup_share", DASHI_FIELD(ngame.ramen.warmup_share), 0.0,
                                 1.0, "of the epochs before the first pruning and the evidence")),
      graph(SwitchOption("graph_warmup_terms", DASHI_FIELD(ngame.ramen.warmup_terms),
                         "graphs count in the warm-up already, with all edges")),
      graph(SwitchOption("pruning", DASHI_FIELD(ngame.ramen.pruning),
                         "edges whose ends are not similar are left out")),
      graph(NumberOption<std::uint32_t>("prune_epochs", DASHI_FIELD(ngame.ramen.prune_epochs), 1,
                                        10'000, "epochs between two prunings")),
      graph(CosineSpec()),
      graph(NumberOption<double>("prune_deviations", DASHI_FIELD(ngame.ramen.cosine_deviations),
                                 -100.0, 100.0,
                                 "with prune_cosine = auto: standard deviations above the mean of "
                                 "random pairs")),
      graph(WeightingSpec()),
      graph(NumberOption<double>("bandit_floor", DASHI_FIELD(ngame.ramen.weight_min), 0.0, 100.0,
                                 "least weight that is learned")),
      graph(NumberOption<double>("bandit_rate", DASHI_FIELD(ngame.ramen.bandit_rate), 0.0, 100.0,
                                 "learning rate of the bandit's weights")),
      graph(NumberOption<double>("bandit_deviation", DASHI_FIELD(ngame.ramen.bandit_deviation),
                                 1e-6, 100.0, "standard deviation of the weights that are tried")),
      graph(NumberOption<std::uint32_t>("bandit_steps", DASHI_FIELD(ngame.ramen.bandit_steps), 1,
                                        1'000'000, "steps that each trial lasts")),
      graph(NumberOption<double>("bandit_momentum", DASHI_FIELD(ngame.ramen.bandit_momentum), 0.0,
                                 1.0, "of the reward that trials are compared with")),
      graph(NumberOption<double>("bandit_frozen_share",
                                 DASHI_FIELD(ngame.ramen.bandit_frozen_share), 0.0, 1.0,
                                 "of the steps, at the end, without trials")),
  };
}

}  // namespace

std::vector<OptionSpec> GraphOptionSpecs() {
  std::vector<OptionSpec> specs = GraphSpecs();
  const std::vector<OptionSpec> learning = GraphLearningSpecs();
  specs.insert(specs.end(), learning.begin(), learning.end());
  return specs;
}

}  // namespace dashi::trainer
