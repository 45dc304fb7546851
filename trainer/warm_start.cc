#include "trainer/warm_start.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "index/vector_kernels.h"
#include "trainer/release_artifacts.h"
#include "trainer/transformer/transformer_artifact.h"

namespace dashi::trainer {
namespace {

using storage::ReleaseRecord;
using storage::View;

/// What must be as it was, since it is the shape of the encoder.
constexpr std::array<std::string_view, 6> kShapeOptions = {"encoder",     "dim",   "hidden",
                                                           "hidden_size", "heads", "layers"};

std::optional<std::pair<std::string, std::uint32_t>> SplitName(const std::string& name) {
  const std::size_t at = name.rfind('@');
  std::uint32_t number = 0;
  if (at == std::string::npos || at == 0) {
    return std::nullopt;
  }
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + at + 1, end, number);
  if (error != std::errc() || stop != end) {
    return std::nullopt;
  }
  return std::pair(name.substr(0, at), number);
}

Status CheckShape(const ReleaseRecord& release, const ModelOptions& options) {
  const storage::OptionMap wanted = DescribeModelOptions(options);
  for (const std::string_view name : kShapeOptions) {
    const auto was = release.options.find(std::string(name));
    const auto is = wanted.find(std::string(name));
    if (was != release.options.end() && is != wanted.end() && was->second != is->second) {
      return Status::InvalidArgument(
          fmt::format("warm_start needs the encoder of {}@{}: {} is {} there, and {} here",
                      release.model, release.number, name, was->second, is->second));
    }
  }
  return Status();
}

/// What the ranker of a release was trained with.
double RankerC(const ReleaseRecord& release) {
  const auto found = release.options.find("ranker_c");
  double c = 0;
  if (found != release.options.end()) {
    const char* end = found->second.data() + found->second.size();
    const auto [stop, error] = std::from_chars(found->second.data(), end, c);
    c = error == std::errc() && stop == end ? c : 0;
  }
  return c > 0 && std::isfinite(c) ? c : kUsualRankerC;
}

std::vector<float> ToFloats(const std::vector<std::uint16_t>& halves) {
  std::vector<float> floats(halves.size());
  index::FromHalf(halves.data(), floats.data(), halves.size());
  return floats;
}

Status OtherShape(std::string_view what, std::uint64_t was, std::uint64_t is) {
  return Status::InvalidArgument(fmt::format(
      "warm_start needs an encoder of the same shape: {} is {} in the release, and {} here", what,
      was, is));
}

/// Word vectors by the word, for the vocabulary of the training.
Status ReadBag(std::string_view bytes, const BagTokenizer& words, const NgameOptions& options,
               WarmStart* warm) {
  DASHI_ASSIGN_OR_RETURN(const BagEncoderParts bag, ParseBagEncoderParts(bytes));
  if (bag.weights.dim != options.dim) {
    return OtherShape("dim", bag.weights.dim, options.dim);
  }
  if (bag.weights.hidden != options.hidden) {
    return OtherShape("hidden", bag.weights.hidden, options.hidden);
  }
  const std::size_t dim = options.dim;
  std::vector<float> vectors(words.vocabulary_size() * dim, 0.0F);  // [vocabulary, dim]
  warm->known_tokens.assign(words.vocabulary_size(), 0);
  for (std::uint32_t id = 0; id < words.vocabulary_size(); ++id) {
    const std::uint32_t before = bag.tokenizer->Find(words.word(id));
    if (before != BagTokenizer::kUnknown) {
      warm->known_tokens[id] = 1;
      index::FromHalf(bag.weights.embeddings.data() + before * dim, vectors.data() + id * dim, dim);
    }
  }
  warm->encoder = {{"embeddings", std::move(vectors)},
                   {"w1", bag.weights.w1},
                   {"b", bag.weights.b},
                   {"w2", bag.weights.w2}};
  return Status();
}

/// Label vectors by the ordinal, which a label keeps for its life.
Status ReadClassifiers(std::string_view bytes, const TrainingData& data, std::size_t dim,
                       WarmStart* warm) {
  DASHI_ASSIGN_OR_RETURN(const ClassifierWeights classifier, ParseClassifier(bytes));
  if (classifier.dim != dim) {
    return OtherShape("dim", classifier.dim, dim);
  }
  const std::vector<float> vectors = ToFloats(classifier.vectors);
  warm->known_labels.assign(data.label_ordinals.size(), 0);
  warm->classifiers.assign(data.label_ordinals.size() * dim, 0.0F);
  for (std::size_t label = 0; label < data.label_ordinals.size(); ++label) {
    const auto found = std::lower_bound(classifier.ordinals.begin(), classifier.ordinals.end(),
                                        data.label_ordinals[label]);
    if (found == classifier.ordinals.end() || *found != data.label_ordinals[label]) {
      continue;
    }
    const auto row = static_cast<std::size_t>(found - classifier.ordinals.begin());
    warm->known_labels[label] = 1;
    std::copy_n(vectors.data() + row * dim, dim, warm->classifiers.data() + label * dim);
  }
  return Status();
}

}  // namespace

Result<ReleaseRecord> ReleaseByName(const View& view, const std::string& name) {
  if (const auto parts = SplitName(name)) {
    DASHI_ASSIGN_OR_RETURN(auto release, view.GetRelease(parts->first, parts->second));
    if (release) {
      return std::move(*release);
    }
  }
  return Status::NotFound("unknown release: " + name);
}

Result<ReleaseRecord> FindStartRelease(const View& view, const std::string& model,
                                       const ModelOptions& options) {
  std::string name = options.warm_start;
  if (name == "on") {
    DASHI_ASSIGN_OR_RETURN(const auto record, view.GetModel(model));
    if (!record || record->published.empty()) {
      return Status::InvalidArgument(
                 fmt::format("warm_start needs a release, and none of {} is published", model))
          .WithHint(fmt::format("Train without it first, or name a release: '{}@1'.", model));
    }
    name = fmt::format("{}@{}", model, record->published.back());
  }
  Result<ReleaseRecord> release = ReleaseByName(view, name);
  if (release.status().code() == StatusCode::kNotFound) {
    return Status::InvalidArgument("warm_start names an unknown release: " + name);
  }
  DASHI_RETURN_IF_ERROR(release.status());
  DASHI_RETURN_IF_ERROR(CheckShape(*release, options));
  return release;
}

Result<std::shared_ptr<const WarmStart>> ReadWarmStart(const View& view, const std::string& release,
                                                       const TrainingData& data,
                                                       const NgameOptions& options) {
  DASHI_ASSIGN_OR_RETURN(const ReleaseRecord record, ReleaseByName(view, release));
  auto warm = std::make_shared<WarmStart>();
  if (data.subwords == nullptr) {
    DASHI_ASSIGN_OR_RETURN(const std::string bytes,
                           view.GetWeights(EncoderWeightsName(record.job)));
    if (IsTransformerArtifact(bytes)) {
      return Status::InvalidArgument(fmt::format(
          "warm_start needs the encoder of {}: it is a transformer there, and a bag here",
          release));
    }
    DASHI_RETURN_IF_ERROR(ReadBag(bytes, *data.tokenizer, options, warm.get()));
  }
  DASHI_ASSIGN_OR_RETURN(const std::string bytes,
                         view.GetWeights(ClassifierWeightsName(record.job)));
  DASHI_RETURN_IF_ERROR(ReadClassifiers(bytes, data, options.dim, warm.get()));
  warm->fusion_encoder = record.fusion_encoder;
  warm->fusion_classifier = record.fusion_classifier;
  warm->fusion_ranker = record.fusion_ranker;
  warm->fusion_votes = record.fusion_votes;
  warm->ranker_c = RankerC(record);
  if (record.fusion_ranker > 0) {
    DASHI_ASSIGN_OR_RETURN(const std::string ranker_bytes,
                           view.GetWeights(RankerWeightsName(record.job)));
    DASHI_ASSIGN_OR_RETURN(const auto ranker, ParseRanker(ranker_bytes));
    warm->ranker_word_candidates = ranker->weights().word_candidates;
  }
  return std::shared_ptr<const WarmStart>(std::move(warm));
}

Result<std::vector<NamedTensor>> TakeOver(const WarmStart& warm, std::uint32_t dim,
                                          std::vector<NamedTensor> fresh) {
  for (const NamedTensor& known : warm.encoder) {
    const auto place = std::find_if(fresh.begin(), fresh.end(), [&](const NamedTensor& tensor) {
      return tensor.name == known.name;
    });
    if (place == fresh.end() || place->values.size() != known.values.size()) {
      return Status::InvalidArgument("the tensor " + known.name +
                                     " of a warm start does not fit the encoder");
    }
    if (known.name != "embeddings") {
      place->values = known.values;
      continue;
    }
    for (std::size_t token = 0; token < warm.known_tokens.size(); ++token) {
      if (warm.known_tokens[token] != 0) {
        std::copy_n(known.values.data() + token * dim, dim, place->values.data() + token * dim);
      }
    }
  }
  return fresh;
}

}  // namespace dashi::trainer
