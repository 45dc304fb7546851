#include "trainer/model_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>

#include <fmt/format.h>

#include "base/nearest_name.h"
#include "base/status.h"
#include "trainer/validation_rule.h"

namespace dashi::trainer {
namespace {

using storage::OptionMap;

/// One option: how it is documented, read and shown.
struct OptionSpec {
  std::string_view name;
  std::string_view description;
  std::function<Status(std::string_view text, ModelOptions* options)> parse;
  std::function<std::string(const ModelOptions& options)> show;
};

Status BadValue(std::string_view name, std::string_view text, std::string_view allowed) {
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

template <typename Field>
OptionSpec LossOption(std::string_view name, Field field, std::string_view description) {
  return {name, description,
          [=](std::string_view text, ModelOptions* options) -> Status {
            if (text != "softmax" && text != "triplet") {
              return BadValue(name, text, "one of softmax, triplet");
            }
            field(*options) = text == "softmax" ? LossKind::kSoftmax : LossKind::kTriplet;
            return Status::Ok();
          },
          [=](const ModelOptions& options) -> std::string {
            return field(const_cast<ModelOptions&>(options)) == LossKind::kSoftmax ? "softmax"
                                                                                   : "triplet";
          }};
}

// By RankingObjective.
constexpr std::array<std::string_view, 3> kObjectiveNames{"balanced", "head", "tail"};

#define DASHI_FIELD(path) \
  [](ModelOptions & options) -> auto& { return options.path; }

std::vector<OptionSpec> EncoderSpecs() {
  return {
      WordOption("encoder", DASHI_FIELD(encoder), {"bag"}, "kind of text encoder"),
      NumberOption<std::uint32_t>("dim", DASHI_FIELD(ngame.dim), 8, 4096, "embedding dimensions"),
      NumberOption<std::uint32_t>("hidden", DASHI_FIELD(ngame.hidden), 0, 8192,
                                  "width of the residual block; 0 leaves it out"),
      NumberOption<std::uint64_t>("seed", DASHI_FIELD(ngame.seed), 0, UINT64_MAX,
                                  "seed of every random choice"),
      NumberOption<int>("threads", DASHI_FIELD(ngame.num_threads), 0, 1024,
                        "training threads; 0 = one per core; 1 is reproducible bit for bit"),
      WordOption("device", DASHI_FIELD(ngame.device), {"auto", "cpu", "cuda"},
                 "where tensors live; auto = the GPU when there is one"),
      WordOption("precision", DASHI_FIELD(ngame.precision), {"auto", "float32", "bfloat16"},
                 "of matrix products; auto = bfloat16 where the processor has it"),
      NumberOption<std::uint32_t>("epochs", DASHI_FIELD(ngame.epochs), 0, 10'000, "encoder epochs"),
      NumberOption<std::uint32_t>("batch_size", DASHI_FIELD(ngame.batch_size), 2, 65'536,
                                  "documents in a batch"),
      LossOption("loss", DASHI_FIELD(ngame.encoder_loss.kind), "encoder loss"),
      NumberOption<float>("temperature", DASHI_FIELD(ngame.encoder_loss.temperature), 1e-3F, 10.0F,
                          "softmax temperature of the encoder loss"),
      NumberOption<float>("margin", DASHI_FIELD(ngame.encoder_loss.margin), 0.0F, 2.0F,
                          "margin of the triplet loss"),
      NumberOption<std::uint32_t>("num_negatives", DASHI_FIELD(ngame.encoder_loss.num_negatives), 1,
                                  10'000, "hardest negatives per document in the triplet loss"),
      SwitchOption("label_documents", DASHI_FIELD(ngame.label_documents),
                   "label texts are training documents of the encoder too"),
      NumberOption<float>("learning_rate", DASHI_FIELD(ngame.learning_rate_embeddings), 0.0F, 1.0F,
                          "peak learning rate of the token embeddings"),
      NumberOption<float>("dense_learning_rate", DASHI_FIELD(ngame.learning_rate_dense), 0.0F, 1.0F,
                          "peak learning rate of the residual block"),
      NumberOption<std::uint32_t>("warmup_steps", DASHI_FIELD(ngame.warmup_steps), 0, 1'000'000,
                                  "steps of rising learning rate"),
      NumberOption<std::uint32_t>("cluster_size", DASHI_FIELD(ngame.cluster_size_max), 1, 65'536,
                                  "largest cluster that batches are made of; 1 = random batches"),
      NumberOption<std::uint32_t>("recluster_epochs", DASHI_FIELD(ngame.recluster_epochs), 1,
                                  10'000, "epochs between two clusterings"),
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
      LossOption("classifier_loss", DASHI_FIELD(ngame.classifier_loss.kind), "classifier loss"),
      NumberOption<float>("classifier_learning_rate", DASHI_FIELD(ngame.classifier_learning_rate),
                          0.0F, 1.0F, "peak learning rate of the classifiers"),
      NumberOption<float>("classifier_embedding_learning_rate",
                          DASHI_FIELD(ngame.classifier_learning_rate_embeddings), 0.0F, 1.0F,
                          "peak learning rate of the token embeddings in that stage"),
      NumberOption<float>("dropout", DASHI_FIELD(ngame.classifier_dropout), 0.0F, 0.95F,
                          "dropout on document embeddings in the classifier stage"),
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
          "validation_share", DASHI_FIELD(ngame.validation_share), 0.0, 0.5,
          "share of the training documents held out for early stopping and fusion"),
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
  };
}

#undef DASHI_FIELD

const std::vector<OptionSpec>& Specs() {
  static const std::vector<OptionSpec>* specs = [] {
    auto* all = new std::vector<OptionSpec>(EncoderSpecs());
    for (auto& spec : ClassifierSpecs()) {
      all->push_back(std::move(spec));
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

Status CheckAlgorithm(std::string_view algorithm) {
  if (algorithm == "ngame") {
    return Status::Ok();
  }
  if (algorithm == "ramen") {
    return Status::Unimplemented("USING ramen is not supported in this version");
  }
  return Status::InvalidArgument(fmt::format("unknown algorithm: {}", algorithm))
      .WithHint("Known algorithms: ngame.");
}

}  // namespace

Result<std::vector<ModelOptionInfo>> ListModelOptions(std::string_view algorithm) {
  DASHI_RETURN_IF_ERROR(CheckAlgorithm(algorithm));
  const ModelOptions defaults;
  std::vector<ModelOptionInfo> infos;
  for (const OptionSpec& spec : Specs()) {
    infos.push_back({spec.name, spec.show(defaults), spec.description});
  }
  return infos;
}

Result<ModelOptions> ParseModelOptions(std::string_view algorithm, const OptionMap& options) {
  DASHI_RETURN_IF_ERROR(CheckAlgorithm(algorithm));
  ModelOptions parsed;
  for (const auto& [name, text] : options) {
    const auto spec =
        std::find_if(Specs().begin(), Specs().end(),
                     [&wanted = name](const OptionSpec& s) { return s.name == wanted; });
    if (spec == Specs().end()) {
      return UnknownOption(name);
    }
    DASHI_RETURN_IF_ERROR(spec->parse(text, &parsed));
  }
  return parsed;
}

OptionMap DescribeModelOptions(const ModelOptions& options) {
  OptionMap described;
  for (const OptionSpec& spec : Specs()) {
    described.emplace(spec.name, spec.show(options));
  }
  return described;
}

}  // namespace dashi::trainer
