#include "trainer/release_artifacts.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "trainer/safetensors.h"
#include "trainer/weights_format.h"

namespace dashi::trainer {
namespace {

constexpr std::string_view kBagEncoderFormat = "bag-encoder-1";
constexpr std::string_view kClassifierFormat = "label-classifier-1";
constexpr std::string_view kVectorsFormat = "label-vectors-1";
constexpr std::string_view kRankerFormat = "sparse-ranker-1";
constexpr std::uint32_t kWordCandidatesMax = 100'000;

bool AllFiniteHalf(const std::vector<std::uint16_t>& values) {
  constexpr std::uint16_t kExponent = 0x7C00;
  return std::all_of(values.begin(), values.end(),
                     [](std::uint16_t value) { return (value & kExponent) != kExponent; });
}

Result<std::unique_ptr<RankerFeatures>> ParseRankerFeatures(const Safetensors& file) {
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t vocabulary_bytes, VectorLength(file, "vocabulary"));
  DASHI_ASSIGN_OR_RETURN(const auto vocabulary, file.Get("vocabulary", "U8", {vocabulary_bytes}));
  DASHI_ASSIGN_OR_RETURN(auto tokenizer, BagTokenizer::Parse(vocabulary));
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t num_pairs, VectorLength(file, "pair_buckets"));
  DASHI_ASSIGN_OR_RETURN(const auto bucket_bytes, file.Get("pair_buckets", "U32", {num_pairs}));
  DASHI_ASSIGN_OR_RETURN(const auto idf_bytes, file.Get("pair_idf", "F32", {num_pairs}));
  const auto buckets = ValuesOf<std::uint32_t>(bucket_bytes);
  const auto idf = ValuesOf<float>(idf_bytes);
  std::vector<float> bucket_idf(RankerFeatures::kNumBuckets, 0.0F);
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    if (buckets[i] >= bucket_idf.size() || !(idf[i] > 0) || !std::isfinite(idf[i])) {
      return Status::Corruption(fmt::format("the ranker's word pair {} is out of range", i));
    }
    bucket_idf[buckets[i]] = idf[i];
  }
  return std::make_unique<RankerFeatures>(std::move(tokenizer), std::move(bucket_idf));
}

}  // namespace

std::string EncoderWeightsName(std::uint64_t job) { return fmt::format("job-{}/encoder", job); }

std::string ClassifierWeightsName(std::uint64_t job) {
  return fmt::format("job-{}/classifier", job);
}

std::string RankerWeightsName(std::uint64_t job) { return fmt::format("job-{}/ranker", job); }

std::string SerializeBagEncoder(const BagTokenizer& tokenizer, const BagWeights& weights) {
  SafetensorsWriter writer;
  const std::string vocabulary = tokenizer.Serialize();
  writer.AddMetadata(std::string(kFormatKey), std::string(kBagEncoderFormat));
  writer.Add("embeddings", "F16", {weights.vocabulary_size, weights.dim},
             BytesOf(weights.embeddings));
  writer.Add("w1", "F32", {weights.hidden, weights.dim}, BytesOf(weights.w1));
  writer.Add("b", "F32", {weights.hidden}, BytesOf(weights.b));
  writer.Add("w2", "F32", {weights.dim, weights.hidden}, BytesOf(weights.w2));
  writer.Add("vocabulary", "U8", {vocabulary.size()}, vocabulary);
  return writer.Finish();
}

Result<BagEncoderParts> ParseBagEncoderParts(std::string_view bytes) {
  DASHI_ASSIGN_OR_RETURN(const Safetensors file, ParseFormat(bytes, kBagEncoderFormat));
  DASHI_ASSIGN_OR_RETURN(const auto embeddings_shape, MatrixShape(file, "embeddings"));
  DASHI_ASSIGN_OR_RETURN(const auto w1_shape, MatrixShape(file, "w1"));
  const auto [vocabulary_size, dim] = embeddings_shape;
  const std::uint64_t hidden = w1_shape.first;
  constexpr std::uint64_t kSizeMax = 0xFFFFFFFF;
  if (vocabulary_size > kSizeMax || dim > kSizeMax || hidden > kSizeMax) {
    return Status::Corruption("encoder weights are too large");
  }
  BagWeights weights;
  weights.vocabulary_size = static_cast<std::uint32_t>(vocabulary_size);
  weights.dim = static_cast<std::uint32_t>(dim);
  weights.hidden = static_cast<std::uint32_t>(hidden);
  DASHI_ASSIGN_OR_RETURN(const auto embeddings,
                         file.Get("embeddings", "F16", {vocabulary_size, dim}));
  DASHI_ASSIGN_OR_RETURN(const auto w1, file.Get("w1", "F32", {hidden, dim}));
  DASHI_ASSIGN_OR_RETURN(const auto b, file.Get("b", "F32", {hidden}));
  DASHI_ASSIGN_OR_RETURN(const auto w2, file.Get("w2", "F32", {dim, hidden}));
  weights.embeddings = ValuesOf<std::uint16_t>(embeddings);
  weights.w1 = ValuesOf<float>(w1);
  weights.b = ValuesOf<float>(b);
  weights.w2 = ValuesOf<float>(w2);
  const auto vocabulary = file.tensors.find("vocabulary");
  if (vocabulary == file.tensors.end() || vocabulary->second.dtype != "U8") {
    return Status::Corruption("encoder weights have no vocabulary");
  }
  DASHI_ASSIGN_OR_RETURN(auto tokenizer, BagTokenizer::Parse(vocabulary->second.bytes));
  if (tokenizer->vocabulary_size() != weights.vocabulary_size) {
    return Status::Corruption(fmt::format("vocabulary size mismatch: got {}, want {}",
                                          tokenizer->vocabulary_size(), weights.vocabulary_size));
  }
  return BagEncoderParts{std::move(tokenizer), std::move(weights)};
}

Result<std::unique_ptr<Encoder>> ParseBagEncoder(std::string_view bytes) {
  DASHI_ASSIGN_OR_RETURN(BagEncoderParts parts, ParseBagEncoderParts(bytes));
  return MakeBagEncoder(std::move(parts.tokenizer), std::move(parts.weights));
}

std::string SerializeClassifier(const ClassifierWeights& classifier) {
  SafetensorsWriter writer;
  writer.AddMetadata(std::string(kFormatKey), std::string(kClassifierFormat));
  writer.Add("ordinals", "U32", {classifier.ordinals.size()}, BytesOf(classifier.ordinals));
  writer.Add("vectors", "F16", {classifier.ordinals.size(), classifier.dim},
             BytesOf(classifier.vectors));
  if (!classifier.num_documents.empty()) {
    writer.Add("num_documents", "U32", {classifier.num_documents.size()},
               BytesOf(classifier.num_documents));
  }
  return writer.Finish();
}

Result<ClassifierWeights> ParseClassifier(std::string_view bytes) {
  DASHI_ASSIGN_OR_RETURN(const Safetensors file, ParseFormat(bytes, kClassifierFormat));
  DASHI_ASSIGN_OR_RETURN(const auto shape, MatrixShape(file, "vectors"));
  DASHI_ASSIGN_OR_RETURN(const auto ordinals, file.Get("ordinals", "U32", {shape.first}));
  DASHI_ASSIGN_OR_RETURN(const auto vectors,
                         file.Get("vectors", "F16", {shape.first, shape.second}));
  ClassifierWeights classifier;
  classifier.dim = static_cast<std::uint32_t>(shape.second);
  classifier.ordinals = ValuesOf<storage::Ordinal>(ordinals);
  if (file.tensors.contains("num_documents")) {
    DASHI_ASSIGN_OR_RETURN(const auto counts, file.Get("num_documents", "U32", {shape.first}));
    classifier.num_documents = ValuesOf<std::uint32_t>(counts);
  }
  classifier.vectors = ValuesOf<std::uint16_t>(vectors);
  return classifier;
}

std::string SerializeClassifierVectors(std::uint32_t dim,
                                       const std::vector<std::uint16_t>& vectors) {
  SafetensorsWriter writer;
  writer.AddMetadata(std::string(kFormatKey), std::string(kVectorsFormat));
  writer.Add("vectors", "F16", {vectors.size() / dim, dim}, BytesOf(vectors));
  return writer.Finish();
}

Result<ClassifierWeights> ParseClassifierVectors(std::string_view bytes) {
  DASHI_ASSIGN_OR_RETURN(const Safetensors file, ParseFormat(bytes, kVectorsFormat));
  DASHI_ASSIGN_OR_RETURN(const auto shape, MatrixShape(file, "vectors"));
  DASHI_ASSIGN_OR_RETURN(const auto vectors,
                         file.Get("vectors", "F16", {shape.first, shape.second}));
  ClassifierWeights classifier;
  classifier.dim = static_cast<std::uint32_t>(shape.second);
  classifier.vectors = ValuesOf<std::uint16_t>(vectors);
  if (!AllFiniteHalf(classifier.vectors)) {
    return Status::Corruption("tensor vectors has numbers that are not finite");
  }
  return classifier;
}

std::string SerializeRanker(const RankerFeatures& features, const SparseRankerWeights& weights) {
  SafetensorsWriter writer;
  const std::string vocabulary = features.words().Serialize();
  writer.AddMetadata(std::string(kFormatKey), std::string(kRankerFormat));
  writer.Add("vocabulary", "U8", {vocabulary.size()}, vocabulary);
  std::vector<std::uint32_t> buckets;
  std::vector<float> idf;
  for (std::uint32_t bucket = 0; bucket < RankerFeatures::kNumBuckets; ++bucket) {
    if (features.bucket_idf()[bucket] > 0) {
      buckets.push_back(bucket);
      idf.push_back(features.bucket_idf()[bucket]);
    }
  }
  writer.Add("pair_buckets", "U32", {buckets.size()}, BytesOf(buckets));
  writer.Add("pair_idf", "F32", {idf.size()}, BytesOf(idf));
  writer.Add("offsets", "U64", {weights.offsets.size()}, BytesOf(weights.offsets));
  writer.Add("features", "U32", {weights.features.size()}, BytesOf(weights.features));
  writer.Add("weights", "F16", {weights.weights.size()}, BytesOf(weights.weights));
  writer.Add("biases", "F32", {weights.biases.size()}, BytesOf(weights.biases));
  const std::vector<std::uint32_t> word_candidates{weights.word_candidates};
  writer.Add("word_candidates", "U32", {1}, BytesOf(word_candidates));
  return writer.Finish();
}

Result<std::unique_ptr<SparseRanker>> ParseRanker(std::string_view bytes) {
  DASHI_ASSIGN_OR_RETURN(const Safetensors file, ParseFormat(bytes, kRankerFormat));
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t num_labels, VectorLength(file, "biases"));
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t num_weights, VectorLength(file, "weights"));
  DASHI_ASSIGN_OR_RETURN(const auto offsets, file.Get("offsets", "U64", {num_labels + 1}));
  DASHI_ASSIGN_OR_RETURN(const auto features, file.Get("features", "U32", {num_weights}));
  DASHI_ASSIGN_OR_RETURN(const auto weights, file.Get("weights", "F16", {num_weights}));
  DASHI_ASSIGN_OR_RETURN(const auto biases, file.Get("biases", "F32", {num_labels}));
  DASHI_ASSIGN_OR_RETURN(auto extractor, ParseRankerFeatures(file));
  SparseRankerWeights parsed;
  parsed.offsets = ValuesOf<std::uint64_t>(offsets);
  parsed.features = ValuesOf<std::uint32_t>(features);
  parsed.weights = ValuesOf<std::uint16_t>(weights);
  parsed.biases = ValuesOf<float>(biases);
  if (file.tensors.contains("word_candidates")) {  // Releases from before it have none.
    DASHI_ASSIGN_OR_RETURN(const auto candidates, file.Get("word_candidates", "U32", {1}));
    parsed.word_candidates = ValuesOf<std::uint32_t>(candidates).front();
    if (parsed.word_candidates > kWordCandidatesMax) {
      return Status::Corruption("the ranker wants more labels by words than there can be");
    }
  }
  if (parsed.offsets.front() != 0 || parsed.offsets.back() != num_weights ||
      !std::is_sorted(parsed.offsets.begin(), parsed.offsets.end())) {
    return Status::Corruption("the ranker's offsets do not fit its weights");
  }
  if (std::any_of(parsed.features.begin(), parsed.features.end(),
                  [&](std::uint32_t feature) { return feature >= extractor->num_features(); })) {
    return Status::Corruption("a ranker's feature is out of range");
  }
  if (std::any_of(parsed.biases.begin(), parsed.biases.end(),
                  [](float bias) { return !std::isfinite(bias); })) {
    return Status::Corruption("a ranker's bias is not finite");
  }
  if (!AllFiniteHalf(parsed.weights)) {
    return Status::Corruption("tensor weights has numbers that are not finite");
  }
  return std::make_unique<SparseRanker>(std::move(extractor), std::move(parsed));
}

}  // namespace dashi::trainer
