#include "trainer/training_encoder.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "trainer/release_artifacts.h"
#include "trainer/release_encoder.h"
#include "trainer/release_steps.h"
#include "trainer/transformer/transformer_artifact.h"
#include "trainer/warm_start.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kWidthFactor = 4;  // of the network between the attentions

TransformerConfig ScratchConfig(const TransformerOptions& options, std::uint32_t max_tokens,
                                const SubwordTokenizer& tokenizer) {
  TransformerConfig config;
  config.vocabulary_size = tokenizer.num_tokens();
  config.dim = options.hidden_size;
  config.hidden = kWidthFactor * options.hidden_size;
  config.num_layers = options.layers;
  config.num_heads = options.heads;
  config.num_positions = max_tokens;
  config.num_token_types = 2;
  config.padding_id = tokenizer.padding_id();
  return config;
}

}  // namespace

Result<TrainingEncoder> TrainingEncoder::Read(const storage::View& view, const std::string& model,
                                              const ModelOptions& options) {
  TrainingEncoder encoder(options);
  if (options.encoder != "transformer") {
    return encoder;
  }
  if (options.warm_start != "off") {
    DASHI_ASSIGN_OR_RETURN(const storage::ReleaseRecord start,
                           ReleaseByName(view, options.warm_start));
    DASHI_ASSIGN_OR_RETURN(std::string bytes, view.GetWeights(EncoderWeightsName(start.job)));
    DASHI_RETURN_IF_ERROR(encoder.StartFrom(std::move(bytes), options.warm_start));
    return encoder;
  }
  if (options.transformer.path.empty()) {
    return encoder;
  }
  DASHI_ASSIGN_OR_RETURN(const auto record, view.GetModel(model));
  if (!record) {
    return Status::NotFound("unknown model: " + model);
  }
  if (record->start_weights.empty()) {
    return Status::FailedPrecondition(
        fmt::format("model {} has no pretrained weights: a path is read by CREATE MODEL", model));
  }
  DASHI_ASSIGN_OR_RETURN(std::string bytes, view.GetWeights(record->start_weights));
  DASHI_ASSIGN_OR_RETURN(encoder.start_,
                         ParseTransformer(std::make_shared<const std::string>(std::move(bytes))));
  return encoder;
}

Status TrainingEncoder::StartFrom(std::string bytes, const std::string& release) {
  if (!IsTransformerArtifact(bytes)) {
    return Status::InvalidArgument(fmt::format(
        "warm_start needs the encoder of {}: it is a bag there, and a transformer here", release));
  }
  DASHI_ASSIGN_OR_RETURN(start_,
                         ParseTransformer(std::make_shared<const std::string>(std::move(bytes))));
  return Status();
}

std::uint32_t TrainingEncoder::max_tokens() const {
  std::uint32_t limit = options_.transformer.max_tokens;
  if (start_) {
    limit = std::min(limit, start_->config.num_tokens_max());
    limit = start_->pooling.num_tokens_max > 0 ? std::min(limit, start_->pooling.num_tokens_max)
                                               : limit;
  }
  return limit;
}

std::optional<SubwordReading> TrainingEncoder::subwords() const {
  if (options_.encoder != "transformer") {
    return std::nullopt;
  }
  SubwordReading reading;
  reading.spec = start_ ? &start_->tokenizer : nullptr;
  reading.vocabulary_size = options_.transformer.vocabulary_size;
  reading.max_tokens = max_tokens();
  return reading;
}

Result<NgameOptions> TrainingEncoder::Resolve(const TrainingData& data) const {
  NgameOptions resolved = options_.ngame;
  if (options_.encoder != "transformer") {
    return resolved;
  }
  auto start = std::make_shared<TransformerStart>();
  if (start_) {
    start->config = start_->config;
    start->pooling = start_->pooling;
    start->weights = start_->weights;
  } else {
    start->config = ScratchConfig(options_.transformer, max_tokens(), *data.subwords);
  }
  DASHI_RETURN_IF_ERROR(CheckTransformerConfig(start->config));
  start->pooling.num_tokens_max = max_tokens();
  start->weight_decay = options_.transformer.weight_decay;
  resolved.dim = start->config.dim;
  resolved.transformer = std::move(start);
  return resolved;
}

Result<std::string> TrainingEncoder::Serialize(const TrainingData& data,
                                               const NgameOptions& resolved,
                                               const NgameModel& model) {
  if (resolved.transformer == nullptr) {
    DASHI_ASSIGN_OR_RETURN(const BagWeights weights, ToBagWeights(model.encoder, resolved.dim));
    return SerializeBagEncoder(*data.tokenizer, weights);
  }
  PretrainedTransformer trained;
  trained.config = resolved.transformer->config;
  trained.pooling = resolved.transformer->pooling;
  trained.tokenizer = data.subwords->spec();
  DASHI_ASSIGN_OR_RETURN(trained.weights, PackTransformerWeights(trained.config, model.encoder));
  return SerializeTransformer(trained);
}

Result<std::string> StoreStartWeights(storage::Store& store, const std::string& folder) {
  DASHI_ASSIGN_OR_RETURN(const PretrainedTransformer model, ReadTransformerDirectory(folder));
  DASHI_RETURN_IF_ERROR(SubwordTokenizer::Make(model.tokenizer).status().WithContext(folder));
  const std::string bytes = SerializeTransformer(model);
  DASHI_RETURN_IF_ERROR(store.CheckRoom(bytes.size(), "the model"));
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t number, NextNumber(store, "start_weights"));
  std::string name = fmt::format("start-{}/encoder", number);
  DASHI_RETURN_IF_ERROR(store.PutWeights(name, bytes));
  return name;
}

}  // namespace dashi::trainer
