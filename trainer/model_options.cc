#include "trainer/model_options.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/nearest_name.h"
#include "base/status.h"
#include "trainer/graph_options.h"
#include "trainer/model_option_spec.h"
#include "trainer/positives/positive_options.h"
#include "trainer/validation_rule.h"

namespace dashi::trainer {
namespace {

using storage::OptionMap;

constexpr std::string_view kTransformer = "transformer";
constexpr std::string_view kRamen = "ramen";

constexpr std::uint32_t kWarmEpochs = 3;
constexpr std::uint32_t kWarmClassifierEpochs = 2;

// By RankingObjective.
constexpr std::array<std::string_view, 3> kObjectiveNames{"balanced", "head", "tail"};

std::vector<OptionSpec> EncoderSpecs() {
  return {
      WordOption("encoder", DASHI_FIELD(encoder), {"bag", "transformer"}, "kind of text encoder"),
      Scoped(OptionScope::kBag, NumberOption<std::uint32_t>("dim", DASHI_FIELD(ngame.dim), 8, 4096,
                                                            "embedding dimensions")),
      Scoped(OptionScope::kBag,
             NumberOption<std::uint32_t>("hidden", DASHI_FIELD(ngame.hidden), 0, 8192,
                                         "width of the residual block; 0 leaves it out")),
      NumberOption<std::uint64_t>("seed", DASHI_FIELD(ngame.seed), 0, UINT64_MAX,
                                  "seed of every random choice"),
      NumberOption<int>("threads", DASHI_FIELD(ngame.num_threads), 0, 1024,
                        "training threads; 0 = one per core; 1 is reproducible bit for bit"),
      WordOption("device", DASHI_FIELD(ngame.device), {"auto", "cpu", "cuda"},
                 "where tensors live; auto = the GPU when there is one"),
      WordOption("precision", DASHI_FIELD(ngame.precision), {"auto", "float32", "bfloat16"},
                 "of matrix products; auto = bfloat16 where the processor has it"),
      {"warm_start",
       "continue from the published release (on), or from one by name, with fewer epochs",
       [](std::string_view text, ModelOptions* options) -> Status {
         const bool named = text.find('@') != std::string_view::npos;
         if (!named && text != "on" && text != "off" && text != "true" && text != "false") {
           return BadValue("warm_start", text, "on, off or the name of a release");
         }
         options->warm_start = text == "true" ? "on" : text == "false" ? "off" : text;
         return Status::Ok();
       },
       [](const ModelOptions& options) { return options.warm_start; }},
      NumberOption<std::uint32_t>("epochs", DASHI_FIELD(ngame.epochs), 0, 10'000, "encoder epochs"),
      NumberOption<std::uint32_t>("batch_size", DASHI_FIELD(ngame.batch_size), 2, 65'536,
                                  "documents in a batch"),
      LossOption("loss", DASHI_FIELD(ngame.encoder_loss.kind), kEncoderLosses, "encoder loss"),
      NumberOption<float>("temperature", DASHI_FIELD(ngame.encoder_loss.temperature), 1e-3F, 10.0F,
                          "softmax temperature of the encoder loss"),
      NumberOption<float>("margin", DASHI_FIELD(ngame.encoder_loss.margin), 0.0F, 2.0F,
                          "margin of the triplet loss"),
      NumberOption<std::uint32_t>("num_negatives", DASHI_FIELD(ngame.encoder_loss.num_negatives), 1,
                                  10'000, "hardest negatives per document in the triplet loss"),
      SwitchOption("label_documents", DASHI_FIELD(ngame.label_documents),
                   "label texts are training documents of the encoder too"),
      NumberOption<float>(
          "learning_rate",
          [](ModelOptions& options) -> float& {
            return options.encoder == kTransformer ? options.ngame.learning_rate_dense
                                                   : options.ngame.learning_rate_embeddings;
          },
          0.0F, 1.0F, "peak learning rate of the token embeddings, or of a transformer"),
      Scoped(OptionScope::kBag,
             NumberOption<float>("dense_learning_rate", DASHI_FIELD(ngame.learning_rate_dense),
                                 0.0F, 1.0F, "peak learning rate of the residual block")),
      NumberOption<std::uint32_t>("warmup_steps", DASHI_FIELD(ngame.warmup_steps), 0, 1'000'000,
                                  "steps of rising learning rate"),
      NumberOption<std::uint32_t>("cluster_size", DASHI_FIELD(ngame.cluster_size_max), 1, 65'536,
                                  "largest cluster that batches are made of; 1 = random batches"),
      NumberOption<std::uint32_t>("recluster_epochs", DASHI_FIELD(ngame.recluster_epochs), 1,
                                  10'000, "epochs between two clusterings"),
  };
}

std::vector<OptionSpec> TransformerSpecs() {
  const auto size = [](std::string_view name, auto field, std::uint32_t low, std::uint32_t high,
                       std::string_view description) {
    return Scoped(OptionScope::kScratch,
                  NumberOption<std::uint32_t>(name, field, low, high, description));
  };
  return {
      Scoped(OptionScope::kTransformer,
             {"path", "folder of a pretrained transformer; without it training starts from scratch",
              [](std::string_view text, ModelOptions* options) -> Status {
                options->transformer.path = text;
                return Status::Ok();
              },
              [](const ModelOptions& options) { return options.transformer.path; }}),
      size("layers", DASHI_FIELD(transformer.layers), 1, 48, "layers of a transformer"),
      size("hidden_size", DASHI_FIELD(transformer.hidden_size), 8, 4096,
           "its embedding dimensions"),
      size("heads", DASHI_FIELD(transformer.heads), 1, 128,
           "its attention heads, which divide hidden_size"),
      size("vocabulary_size", DASHI_FIELD(transformer.vocabulary_size), 200, 200'000,
           "most pieces of the vocabulary that is learned from the texts"),
      Scoped(OptionScope::kTransformer,
             NumberOption<std::uint32_t>("max_tokens", DASHI_FIELD(transformer.max_tokens), 8, 512,
                                         "tokens of a text; the rest is cut off")),
      Scoped(OptionScope::kTransformer,
             NumberOption<float>("weight_decay", DASHI_FIELD(transformer.weight_decay), 0.0F, 1.0F,
                                 "of a transformer's matrices")),
  };
}

std::vector<OptionSpec> OtherScoreSpecs() {
  return {
      {"ranker", "third stage: orders the best labels by words and word pairs",
       [](std::string_view text, ModelOptions* options) -> Status {
         if (text != "sparse" && text != "off") {
           return BadValue("ranker", text, "one of sparse, off");
         }
         options->ngame.ranker = text == "sparse";
         return Status::Ok();
       },
       [](const ModelOptions& options) -> std::string {
         return options.ngame.ranker ? "sparse" : "off";
       }},
      NumberOption<double>(
          "ranker_c", DASHI_FIELD(ngame.ranker_c), 0.0, 1000.0,
          "what a label's losses weigh against the norm in the ranker; 0 = 1, or 4 "
          "where labels have many documents and the hold-out says so"),
      SwitchOption("retrieval", DASHI_FIELD(ngame.retrieval),
                   "labels of near training documents are a score, if the hold-out says so"),
  };
}

std::vector<OptionSpec> ClassifierSpecs() {
  return {
      NumberOption<std::uint32_t>("classifier_epochs", DASHI_FIELD(ngame.classifier_epochs), 0,
                                  10'000, "most epochs of the classifier stage; 0 = encoder alone"),
      SwitchOption("classifier_trains_encoder", DASHI_FIELD(ngame.classifier_trains_encoder),
                   "the encoder goes on learning in the classifier stage"),
      NumberOption<std::uint32_t>("random_labels", DASHI_FIELD(ngame.random_labels), 0, 10'000'000,
                                  "labels drawn at random as further negatives"),
      LossOption("classifier_loss", DASHI_FIELD(ngame.classifier_loss.kind), kClassifierLosses,
                 "classifier loss; bce: one against all, over all labels in each step"),
      NumberOption<float>("classifier_learning_rate", DASHI_FIELD(ngame.classifier_learning_rate),
                          0.0F, 1.0F, "peak learning rate of the classifiers"),
      Scoped(OptionScope::kBag,
             NumberOption<float>("classifier_embedding_learning_rate",
                                 DASHI_FIELD(ngame.classifier_learning_rate_embeddings), 0.0F, 1.0F,
                                 "peak learning rate of the token embeddings in that stage")),
      NumberOption<float>("dropout", DASHI_FIELD(ngame.classifier_dropout), 0.0F, 0.95F,
                          "dropout on document embeddings in the classifier stage"),
      NumberOption<double>(
          "validation_share", DASHI_FIELD(ngame.validation_share), 0.0, 0.5,
          "share of the training documents held out for early stopping and fusion"),
      NumberOption<double>("checkpoint_seconds", DASHI_FIELD(checkpoint_seconds), 0.0, 86'400.0,
                           "time between two checkpoints that an interrupted job goes on from"),
      SwitchOption("token_cache", DASHI_FIELD(token_cache),
                   "token lists of the texts are kept for the model's next training"),
      NumberOption<std::uint64_t>("memory_limit_mb", DASHI_FIELD(memory_limit_mb), 0, 1U << 30U,
                                  "most MiB of memory that a training may need by its estimate; 0 "
                                  "= what the machine has available"),
      NumberOption<std::uint32_t>("rows_memory_mb", DASHI_FIELD(ngame.rows_memory_mb), 0, 1U << 30U,
                                  "MiB of memory for the rows that training reads and its memory "
                                  "bank; more of them stand in files of the database directory"),
      {"validation",
       "which training documents are held out: random, a BOOLEAN column, or 'column >= value'",
       [](std::string_view text, ModelOptions* options) -> Status {
         options->validation = text;
         return ParseValidationRule(text).status();
       },
       [](const ModelOptions& options) { return options.validation; }},
      {"objective", "what early stopping and fusion look at: balanced, head or tail labels",
       [](std::string_view text, ModelOptions* options) -> Status {
         const auto found = std::find(kObjectiveNames.begin(), kObjectiveNames.end(), text);
         if (found == kObjectiveNames.end()) {
           return BadValue("objective", text, "one of balanced, head, tail");
         }
         options->ngame.objective = static_cast<RankingObjective>(found - kObjectiveNames.begin());
         return Status::Ok();
       },
       [](const ModelOptions& options) {
         return std::string(kObjectiveNames[static_cast<std::size_t>(options.ngame.objective)]);
       }},
      WordOption("index", DASHI_FIELD(index), {"auto", "exact", "hnsw"},
                 "how labels are searched; auto chooses by their number"),
      SwitchOption("relink", DASHI_FIELD(relink),
                   "a graph begins with that of the published release, instead of with nothing"),
  };
}

const std::vector<OptionSpec>& Specs() {
  static const std::vector<OptionSpec>* specs = [] {
    auto* all = new std::vector<OptionSpec>(EncoderSpecs());
    for (const auto& further : {TransformerSpecs(), ClassifierSpecs(), OtherScoreSpecs(),
                                PositiveOptionSpecs(), GraphOptionSpecs()}) {
      all->insert(all->end(), further.begin(), further.end());
    }
    return all;
  }();
  return *specs;
}

Status UnknownOption(std::string_view name) {
  std::vector<std::string_view> names;
  for (const OptionSpec& spec : Specs()) {
    names.push_back(spec.name);
  }
  Status status = Status::InvalidArgument(fmt::format("unknown model option: {}", name));
  const std::string_view nearest = NearestName(name, names);
  if (nearest.empty()) {
    return status;
  }
  return std::move(status).WithHint(fmt::format("Perhaps you meant \"{}\".", nearest));
}

bool Applies(const OptionSpec& spec, const ModelOptions& options) {
  switch (spec.scope) {
    case OptionScope::kAll:
      return true;
    case OptionScope::kBag:
      return options.encoder != kTransformer;
    case OptionScope::kTransformer:
      return options.encoder == kTransformer;
    case OptionScope::kScratch:
      return options.encoder == kTransformer && options.transformer.path.empty();
    case OptionScope::kGraphs:
      return options.algorithm == kRamen;
    case OptionScope::kClicks:
      return !options.positives.graph.empty();
  }
  return false;
}

Status CheckScope(const OptionSpec& spec, const ModelOptions& options) {
  if (Applies(spec, options)) {
    return Status::Ok();
  }
  if (spec.scope == OptionScope::kScratch && options.encoder == kTransformer) {
    return Status::InvalidArgument(
        fmt::format("option {} is for transformers from scratch: the folder of the option path "
                    "says what it is",
                    spec.name));
  }
  if (spec.scope == OptionScope::kGraphs) {
    return Status::InvalidArgument(
        fmt::format("option {} is for models USING ramen only", spec.name));
  }
  if (spec.scope == OptionScope::kClicks) {
    return Status::InvalidArgument(
               fmt::format(
                   "option {} is for models whose positives come from a graph of clicks only",
                   spec.name))
        .WithHint("WITH (relevance_from = 'clicks') names a graph that CREATE GRAPH declared.");
  }
  // Names no other option: the statement's layer points at the one that a message names.
  return Status::InvalidArgument(
      fmt::format("option {} is not for {}, only for {}", spec.name, options.encoder,
                  spec.scope == OptionScope::kBag ? "bag" : kTransformer));
}

/// The defaults of a transformer: the published learning rate and warm-up (Dahiya et al. 2022), and
/// the second stage on the frozen encoder, as published, since a step that trains the encoder too
/// costs many times as much. From scratch a larger rate is needed: docs/BENCHMARKS.md.
ModelOptions TransformerDefaults(bool pretrained) {
  ModelOptions options;
  options.encoder = kTransformer;
  options.ngame.learning_rate_dense = pretrained ? 2e-4F : 1e-3F;
  options.ngame.warmup_steps = 100;
  options.ngame.classifier_trains_encoder = false;
  return options;
}

/// What a warm start does otherwise, by measurement (docs/BENCHMARKS.md): few epochs, clusters from
/// the first one on, and no hold-out, since the start has learned from what would be held out.
void SetWarmDefaults(ModelOptions* options) {
  options->ngame.epochs = kWarmEpochs;
  options->ngame.classifier_epochs = kWarmClassifierEpochs;
  options->ngame.random_share = 0;
  options->ngame.growth_share = 0;
  options->ngame.validation_share = 0;
}

/// Reads `encoder` and `path`, which say what the other options mean.
Result<ModelOptions> ChooseEncoderDefaults(const OptionMap& options) {
  ModelOptions chosen;
  const auto encoder = options.find("encoder");
  if (encoder != options.end()) {
    DASHI_RETURN_IF_ERROR(Specs().front().parse(encoder->second, &chosen));
  }
  if (chosen.encoder != kTransformer) {
    return chosen;
  }
  const auto path = options.find("path");
  const std::string folder = path == options.end() ? "" : path->second;
  chosen = TransformerDefaults(/*pretrained=*/!folder.empty());
  chosen.transformer.path = folder;
  return chosen;
}

Result<ModelOptions> ChooseDefaults(const OptionMap& options) {
  DASHI_ASSIGN_OR_RETURN(ModelOptions chosen, ChooseEncoderDefaults(options));
  if (AsksForWarmStart(options)) {
    SetWarmDefaults(&chosen);
  }
  return chosen;
}

Status CheckAlgorithm(std::string_view algorithm) {
  if (algorithm == "ngame" || algorithm == kRamen) {
    return Status::Ok();
  }
  return Status::InvalidArgument(fmt::format("unknown algorithm: {}", algorithm))
      .WithHint("Known algorithms: ngame, ramen.");
}

}  // namespace

Result<std::vector<ModelOptionInfo>> ListModelOptions(std::string_view algorithm) {
  DASHI_RETURN_IF_ERROR(CheckAlgorithm(algorithm));
  const ModelOptions defaults;
  std::vector<ModelOptionInfo> infos;
  for (const OptionSpec& spec : Specs()) {
    if (spec.scope == OptionScope::kGraphs && algorithm != kRamen) {
      continue;
    }
    infos.push_back({spec.name, spec.show(defaults), spec.description});
  }
  return infos;
}

Result<ModelOptions> ParseModelOptions(std::string_view algorithm, const OptionMap& options) {
  DASHI_RETURN_IF_ERROR(CheckAlgorithm(algorithm));
  DASHI_ASSIGN_OR_RETURN(ModelOptions parsed, ChooseDefaults(options));
  parsed.algorithm = algorithm;
  const auto source = options.find("relevance_from");
  if (source != options.end()) {
    DASHI_RETURN_IF_ERROR(PositiveOptionSpecs().front().parse(source->second, &parsed));
  }
  for (const auto& [name, text] : options) {
    const auto spec =
        std::find_if(Specs().begin(), Specs().end(),
                     [&wanted = name](const OptionSpec& s) { return s.name == wanted; });
    if (spec == Specs().end()) {
      return UnknownOption(name);
    }
    DASHI_RETURN_IF_ERROR(CheckScope(*spec, parsed));
    DASHI_RETURN_IF_ERROR(spec->parse(text, &parsed));
  }
  if (algorithm == kRamen && parsed.graphs.names.empty()) {
    return Status::InvalidArgument("a model USING ramen needs the option graphs")
        .WithHint("WITH (graphs = 'clicks,links') names graphs that CREATE GRAPH declared.");
  }
  const TransformerOptions& sizes = parsed.transformer;
  if (sizes.hidden_size % sizes.heads != 0) {
    return Status::InvalidArgument(
        fmt::format("option hidden_size must be a multiple of heads: got {} and {}",
                    sizes.hidden_size, sizes.heads));
  }
  return parsed;
}

bool WeighsByPropensity(const ModelOptions& options) {
  return options.positive_weights == "propensity" ||
         (options.positive_weights == "auto" && !options.positives.graph.empty());
}

bool AsksForWarmStart(const OptionMap& options) {
  const auto found = options.find("warm_start");
  return found != options.end() && found->second != "off" && found->second != "false";
}

OptionMap MergeModelOptions(const OptionMap& model, const OptionMap& statement) {
  OptionMap merged = statement;
  const bool warm = AsksForWarmStart(statement);
  const auto source = statement.find("relevance_from");
  const bool from_table = source != statement.end() && source->second == kRelevanceTable;
  for (const auto& [name, value] : model) {
    const bool is_cold = name == "epochs" || name == "classifier_epochs";
    const bool is_of_clicks = name == "min_clicks" || name == "window";
    if (!(warm && is_cold) && !(from_table && is_of_clicks)) {
      merged.emplace(name, value);
    }
  }
  return merged;
}

OptionMap DescribeModelOptions(const ModelOptions& options) {
  OptionMap described;
  for (const OptionSpec& spec : Specs()) {
    if (Applies(spec, options)) {
      described.emplace(spec.name, spec.show(options));
    }
  }
  return described;
}

}  // namespace dashi::trainer
