#include "trainer/transformer/transformer_config.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/status.h"
#include "trainer/strict_json.h"

namespace dashi::trainer {
namespace {

using Json = nlohmann::json;
using Family = TransformerConfig::Family;
using Activation = TransformerConfig::Activation;

/// What a family calls the members of its config.json.
struct MemberNames {
  const char* model_type;
  const char* architecture;
  const char* dim;
  const char* hidden;
  const char* num_layers;
  const char* num_heads;
  const char* activation;
  const char* dropout;
  const char* attention_dropout;
};

constexpr MemberNames kBertMembers = {"bert",
                                      "BertModel",
                                      "hidden_size",
                                      "intermediate_size",
                                      "num_hidden_layers",
                                      "num_attention_heads",
                                      "hidden_act",
                                      "hidden_dropout_prob",
                                      "attention_probs_dropout_prob"};
constexpr MemberNames kDistilBertMembers = {"distilbert", "DistilBertModel", "dim",
                                            "hidden_dim", "n_layers",        "n_heads",
                                            "activation", "dropout",         "attention_dropout"};
constexpr MemberNames kRobertaMembers = {
    "roberta",           "RobertaModel",        "hidden_size",
    "intermediate_size", "num_hidden_layers",   "num_attention_heads",
    "hidden_act",        "hidden_dropout_prob", "attention_probs_dropout_prob"};

const MemberNames& MembersOf(Family family) {
  switch (family) {
    case Family::kDistilBert:
      return kDistilBertMembers;
    case Family::kRoberta:
      return kRobertaMembers;
    case Family::kBert:
      break;
  }
  return kBertMembers;
}

Status ReadCount(const Json& root, const char* key, std::uint32_t* value) {
  const auto found = root.find(key);
  if (found == root.end() || !found->is_number_unsigned() ||
      found->get<std::uint64_t>() > 0xFFFFFFFFU) {
    return Status::Corruption(fmt::format("config.json is damaged: {} is no count", key));
  }
  *value = found->get<std::uint32_t>();
  return Status();
}

/// Leaves `*value` when the member is missing.
template <typename Number>
Status ReadNumber(const Json& root, const char* key, Number* value) {
  const auto found = root.find(key);
  if (found == root.end() || found->is_null()) {
    return Status();
  }
  if (!found->is_number()) {
    return Status::Corruption(fmt::format("config.json is damaged: {} is no number", key));
  }
  *value = found->get<Number>();
  return Status();
}

Result<Family> ReadFamily(const Json& root) {
  const std::string type =
      root.contains("model_type") && root["model_type"].is_string() ? root["model_type"] : Json("");
  for (const Family family : {Family::kBert, Family::kDistilBert, Family::kRoberta}) {
    if (type == MembersOf(family).model_type) {
      return family;
    }
  }
  return Status::Unimplemented(fmt::format("config.json names an architecture that is not "
                                           "supported: model_type '{}'",
                                           type))
      .WithHint("bert (MiniLM too), distilbert and roberta are supported");
}

Result<Activation> ReadActivation(const Json& root, const char* key) {
  const std::string name = root.contains(key) && root[key].is_string() ? root[key] : Json("gelu");
  if (name == "gelu") {
    return Activation::kGelu;
  }
  if (name == "gelu_new" || name == "gelu_pytorch_tanh") {
    return Activation::kGeluTanh;
  }
  if (name == "relu") {
    return Activation::kRelu;
  }
  return Status::Unimplemented(
      fmt::format("config.json names an activation that is not supported: {} '{}'", key, name));
}

Status CheckUnsupported(const Json& root) {
  const auto position = root.find("position_embedding_type");
  if (position != root.end() && position->is_string() && *position != Json("absolute")) {
    return Status::Unimplemented(fmt::format(
        "config.json names positions that are not supported: '{}'", position->get<std::string>()));
  }
  if (root.value("is_decoder", Json(false)) == Json(true)) {
    return Status::Unimplemented("config.json describes a decoder, which is not supported");
  }
  return Status();
}

}  // namespace

Result<TransformerConfig> ParseTransformerConfig(std::string_view bytes) {
  DASHI_ASSIGN_OR_RETURN(const Json root, ParseStrictJsonObject("config.json", bytes));
  TransformerConfig config;
  DASHI_ASSIGN_OR_RETURN(config.family, ReadFamily(root));
  DASHI_RETURN_IF_ERROR(CheckUnsupported(root));
  const MemberNames& names = MembersOf(config.family);
  DASHI_ASSIGN_OR_RETURN(config.activation, ReadActivation(root, names.activation));
  DASHI_RETURN_IF_ERROR(ReadCount(root, "vocab_size", &config.vocabulary_size));
  DASHI_RETURN_IF_ERROR(ReadCount(root, names.dim, &config.dim));
  DASHI_RETURN_IF_ERROR(ReadCount(root, names.hidden, &config.hidden));
  DASHI_RETURN_IF_ERROR(ReadCount(root, names.num_layers, &config.num_layers));
  DASHI_RETURN_IF_ERROR(ReadCount(root, names.num_heads, &config.num_heads));
  DASHI_RETURN_IF_ERROR(ReadCount(root, "max_position_embeddings", &config.num_positions));
  config.padding_id = config.family == Family::kRoberta ? 1 : 0;
  if (root.contains("pad_token_id") && !root["pad_token_id"].is_null()) {
    DASHI_RETURN_IF_ERROR(ReadCount(root, "pad_token_id", &config.padding_id));
  }
  if (config.family != Family::kDistilBert) {
    DASHI_RETURN_IF_ERROR(ReadCount(root, "type_vocab_size", &config.num_token_types));
    DASHI_RETURN_IF_ERROR(ReadNumber(root, "layer_norm_eps", &config.layer_norm_epsilon));
  }
  DASHI_RETURN_IF_ERROR(ReadNumber(root, names.dropout, &config.dropout));
  DASHI_RETURN_IF_ERROR(ReadNumber(root, names.attention_dropout, &config.attention_dropout));
  DASHI_RETURN_IF_ERROR(CheckTransformerConfig(config));
  return config;
}

std::string FormatTransformerConfig(const TransformerConfig& config) {
  const MemberNames& names = MembersOf(config.family);
  const char* activation = config.activation == Activation::kGelu       ? "gelu"
                           : config.activation == Activation::kGeluTanh ? "gelu_new"
                                                                        : "relu";
  Json root = {{"model_type", names.model_type},
               {"architectures", {names.architecture}},
               {"vocab_size", config.vocabulary_size},
               {names.dim, config.dim},
               {names.hidden, config.hidden},
               {names.num_layers, config.num_layers},
               {names.num_heads, config.num_heads},
               {"max_position_embeddings", config.num_positions},
               {"pad_token_id", config.padding_id},
               {names.activation, activation},
               {names.dropout, config.dropout},
               {names.attention_dropout, config.attention_dropout},
               {"initializer_range", 0.02},
               {"torch_dtype", "float32"}};
  if (config.family != Family::kDistilBert) {
    root["type_vocab_size"] = config.num_token_types;
    root["layer_norm_eps"] = config.layer_norm_epsilon;
    root["position_embedding_type"] = "absolute";
  }
  return root.dump(2) + "\n";
}

}  // namespace dashi::trainer
