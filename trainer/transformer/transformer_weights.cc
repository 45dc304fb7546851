#include "trainer/transformer/transformer_weights.h"

#include <cstdint>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::trainer {
namespace {

constexpr std::string_view kNormWeight = "LayerNorm.weight";
constexpr std::string_view kNormBias = "LayerNorm.bias";

/// The names under which files have a parameter.
std::vector<std::string> NamesOf(const TransformerConfig& config, const std::string& name) {
  const char* family = config.family == TransformerConfig::Family::kBert         ? "bert."
                       : config.family == TransformerConfig::Family::kDistilBert ? "distilbert."
                                                                                 : "roberta.";
  std::vector<std::string> names = {name, family + name};
  std::string older = name;
  if (name.ends_with(kNormWeight)) {
    older.replace(name.size() - 6, 6, "gamma");
  } else if (name.ends_with(kNormBias)) {
    older.replace(name.size() - 4, 4, "beta");
  }
  if (older != name) {
    names.push_back(older);
    names.push_back(family + older);
  }
  return names;
}

/// Whether no number has all bits of its exponent set.
template <typename Word>
bool AreFinite(std::string_view bytes, Word exponent) {
  Word word = 0;
  for (std::size_t at = 0; at + sizeof(word) <= bytes.size(); at += sizeof(word)) {
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    if ((word & exponent) == exponent) {
      return false;
    }
  }
  return true;
}

std::string ShapeText(const std::vector<std::uint64_t>& shape) {
  std::string text;
  for (const std::uint64_t extent : shape) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", extent);
  }
  return "[" + text + "]";
}

Status CheckTensor(const std::string& name, const TensorView& tensor,
                   const std::vector<std::uint64_t>& shape) {
  if (tensor.shape != shape) {
    return Status::Corruption(fmt::format("tensor {} has another shape: got {}, want {}", name,
                                          ShapeText(tensor.shape), ShapeText(shape)));
  }
  bool finite = false;
  if (tensor.dtype == "F32") {
    finite = AreFinite<std::uint32_t>(tensor.bytes, 0x7F800000U);
  } else if (tensor.dtype == "F16") {
    finite = AreFinite<std::uint16_t>(tensor.bytes, 0x7C00U);
  } else if (tensor.dtype == "BF16") {
    finite = AreFinite<std::uint16_t>(tensor.bytes, 0x7F80U);
  } else {
    return Status::Corruption(
        fmt::format("tensor {} has another dtype: got {}, want F32, F16 or "
                    "BF16",
                    name, tensor.dtype));
  }
  return finite
             ? Status()
             : Status::Corruption(fmt::format("tensor {} has numbers that are not finite", name));
}

}  // namespace

Result<TransformerWeights> ParseTransformerWeights(const TransformerConfig& config,
                                                   std::shared_ptr<const std::string> bytes) {
  DASHI_ASSIGN_OR_RETURN(const Safetensors file, Safetensors::Parse(*bytes));
  TransformerWeights weights;
  weights.bytes = std::move(bytes);
  for (const TransformerParameter& parameter : TransformerParameters(config)) {
    auto found = file.tensors.end();
    for (const std::string& name : NamesOf(config, parameter.name)) {
      if (found == file.tensors.end()) {
        found = file.tensors.find(name);
      }
    }
    if (found == file.tensors.end()) {
      return Status::Corruption("tensor missing: " + parameter.name);
    }
    DASHI_RETURN_IF_ERROR(CheckTensor(found->first, found->second, parameter.shape));
    weights.tensors.push_back(found->second);
  }
  return weights;
}

std::string FormatTransformerWeights(const TransformerConfig& config,
                                     const TransformerWeights& weights) {
  SafetensorsWriter writer;
  writer.AddMetadata("format", "pt");
  const std::vector<TransformerParameter> parameters = TransformerParameters(config);
  DASHI_CHECK(parameters.size() == weights.tensors.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const TensorView& tensor = weights.tensors[i];
    writer.Add(parameters[i].name, tensor.dtype, tensor.shape, tensor.bytes);
  }
  return writer.Finish();
}

}  // namespace dashi::trainer
