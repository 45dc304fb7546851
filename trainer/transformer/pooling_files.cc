#include "trainer/transformer/pooling_files.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/status.h"
#include "trainer/strict_json.h"

namespace dashi::trainer {
namespace {

using Json = nlohmann::json;

/// The last part of a Python class's name.
std::string ClassName(const Json& part) {
  const std::string type = part.is_object() && part.contains("type") && part["type"].is_string()
                               ? part["type"]
                               : Json("");
  const std::size_t dot = type.rfind('.');
  return dot == std::string::npos ? type : type.substr(dot + 1);
}

Result<std::string> FolderOf(const Json& part) {
  const auto found = part.find("path");
  if (found == part.end() || !found->is_string()) {
    return Status::Corruption("modules.json is damaged: a module has no path");
  }
  const auto folder = found->get<std::string>();
  if (folder.starts_with('/') || folder.find("..") != std::string::npos) {
    return Status::Corruption("modules.json is damaged: a module leaves the folder: " + folder);
  }
  return folder;
}

}  // namespace

Result<SentenceModules> ParseSentenceModules(std::string_view bytes) {
  // The reader wants an object.
  std::string wrapped = "{\"modules\":";
  wrapped += bytes;
  wrapped += "}";
  DASHI_ASSIGN_OR_RETURN(const Json root, ParseStrictJsonObject("modules.json", wrapped));
  const Json& parts = root["modules"];
  if (!parts.is_array()) {
    return Status::Corruption("modules.json is damaged: no list");
  }
  SentenceModules modules;
  std::string order;
  for (const Json& part : parts) {
    const std::string name = ClassName(part);
    order += (order.empty() ? "" : ", ") + name;
    if (name == "Transformer") {
      DASHI_ASSIGN_OR_RETURN(modules.transformer_folder, FolderOf(part));
    } else if (name == "Pooling") {
      DASHI_ASSIGN_OR_RETURN(modules.pooling_folder, FolderOf(part));
    }
  }
  modules.normalize = order == "Transformer, Pooling, Normalize";
  if (!modules.normalize && order != "Transformer, Pooling") {
    return Status::Unimplemented("modules.json has modules that are not supported: " + order)
        .WithHint("Transformer, Pooling and then perhaps Normalize are supported");
  }
  return modules;
}

std::string FormatSentenceModules(const PoolingConfig& pooling) {
  Json parts = Json::array();
  const auto add = [&](const char* type, const char* folder) {
    parts.push_back({{"idx", parts.size()},
                     {"name", std::to_string(parts.size())},
                     {"path", folder},
                     {"type", std::string("sentence_transformers.models.") + type}});
  };
  add("Transformer", "");
  add("Pooling", "1_Pooling");
  if (pooling.normalize) {
    add("Normalize", "2_Normalize");
  }
  return parts.dump(2) + "\n";
}

Result<PoolingConfig> ParsePoolingConfig(std::string_view bytes) {
  DASHI_ASSIGN_OR_RETURN(const Json root, ParseStrictJsonObject("config.json", bytes));
  std::string modes;
  for (const auto& [key, value] : root.items()) {
    if (key.starts_with("pooling_mode_") && value == Json(true)) {
      modes += (modes.empty() ? "" : ", ") + key.substr(13);
    }
  }
  if (modes.empty() && root.contains("pooling_mode") && root["pooling_mode"].is_string()) {
    modes = root["pooling_mode"].get<std::string>() + "_tokens";
  }
  PoolingConfig pooling;
  if (modes == "cls_token" || modes == "cls_tokens") {
    pooling.kind = PoolingConfig::Kind::kFirst;
  } else if (modes != "mean_tokens") {
    return Status::Unimplemented("pooling is not supported: " + modes)
        .WithHint("mean_tokens and cls_token are supported, one of them");
  }
  return pooling;
}

std::string FormatPoolingConfig(const PoolingConfig& pooling, std::uint32_t dim) {
  const bool mean = pooling.kind == PoolingConfig::Kind::kMean;
  const Json root = {{"word_embedding_dimension", dim},
                     {"pooling_mode_cls_token", !mean},
                     {"pooling_mode_mean_tokens", mean},
                     {"pooling_mode_max_tokens", false},
                     {"pooling_mode_mean_sqrt_len_tokens", false}};
  return root.dump(2) + "\n";
}

Result<std::uint32_t> ParseSentenceLimits(std::string_view bytes) {
  DASHI_ASSIGN_OR_RETURN(const Json root,
                         ParseStrictJsonObject("sentence_bert_config.json", bytes));
  const auto found = root.find("max_seq_length");
  if (found == root.end() || found->is_null()) {
    return 0U;
  }
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() > 0xFFFFFFFFU) {
    return Status::Corruption("sentence_bert_config.json is damaged: max_seq_length is no count");
  }
  return found->get<std::uint32_t>();
}

std::string FormatSentenceLimits(std::uint32_t num_tokens_max) {
  const Json root = {{"max_seq_length", num_tokens_max}, {"do_lower_case", false}};
  return root.dump(2) + "\n";
}

std::string FormatTokenizerConfig(const TokenizerSpec& spec, std::uint32_t num_tokens_max) {
  Json root = {{"model_max_length", num_tokens_max},
               {"pad_token", spec.padding_token},
               {"mask_token", spec.mask_token}};
  if (spec.before_text.size() == 1 && spec.after_text.size() == 1) {
    root["cls_token"] = spec.before_text[0];
    root["sep_token"] = spec.after_text[0];
  }
  if (spec.kind == TokenizerSpec::Kind::kWordPiece) {
    const BertTextOptions& text = spec.word_piece.text;
    root["tokenizer_class"] = "BertTokenizer";
    root["unk_token"] = spec.word_piece.unknown_token;
    root["do_lower_case"] = text.lower_case;
    root["strip_accents"] = text.strip_accents;
    root["tokenize_chinese_chars"] = text.split_ideographs;
  } else {
    root["tokenizer_class"] = "RobertaTokenizer";
    root["add_prefix_space"] = spec.byte_pairs.add_prefix_space;
    root["unk_token"] = spec.byte_pairs.unknown_token.value_or("<unk>");
  }
  return root.dump(2) + "\n";
}

}  // namespace dashi::trainer
