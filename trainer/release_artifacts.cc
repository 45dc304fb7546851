#include "trainer/release_artifacts.h"

#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "trainer/safetensors.h"

namespace dashi::trainer {
namespace {

constexpr std::string_view kFormatKey = "dashi_format";
constexpr std::string_view kBagEncoderFormat = "bag-encoder-1";
constexpr std::string_view kClassifierFormat = "label-classifier-1";

template <typename T>
std::string_view BytesOf(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

template <typename T>
std::vector<T> ValuesOf(std::string_view bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) {
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  }
  return values;
}

Result<Safetensors> ParseFormat(std::string_view bytes, std::string_view format) {
  DASHI_ASSIGN_OR_RETURN(Safetensors file, Safetensors::Parse(bytes));
  const auto found = file.metadata.find(std::string(kFormatKey));
  if (found == file.metadata.end() || found->second != format) {
    return Status::Corruption(fmt::format("weights format mismatch: got '{}', want '{}'",
                                          found == file.metadata.end() ? "" : found->second,
                                          format));
  }
  return file;
}

/// The shape of a matrix tensor, which must be there.
Result<std::pair<std::uint64_t, std::uint64_t>> MatrixShape(const Safetensors& file,
                                                            const std::string& name) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end() || found->second.shape.size() != 2) {
    return Status::Corruption(fmt::format("weights have no matrix named {}", name));
  }
  return std::pair(found->second.shape[0], found->second.shape[1]);
}

}  // namespace

std::string EncoderWeightsName(std::uint64_t job) { return fmt::format("job-{}/encoder", job); }

std::string ClassifierWeightsName(std::uint64_t job) {
  return fmt::format("job-{}/classifier", job);
}

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

Result<std::unique_ptr<Encoder>> ParseBagEncoder(std::string_view bytes) {
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
  return MakeBagEncoder(std::move(tokenizer), std::move(weights));
}

std::string SerializeClassifier(const ClassifierWeights& classifier) {
  SafetensorsWriter writer;
  writer.AddMetadata(std::string(kFormatKey), std::string(kClassifierFormat));
  writer.Add("ordinals", "U32", {classifier.ordinals.size()}, BytesOf(classifier.ordinals));
  writer.Add("vectors", "F16", {classifier.ordinals.size(), classifier.dim},
             BytesOf(classifier.vectors));
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
  classifier.vectors = ValuesOf<std::uint16_t>(vectors);
  return classifier;
}

}  // namespace dashi::trainer
