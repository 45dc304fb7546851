#include "trainer/transformer/transformer_directory.h"

#include <memory>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/status.h"
#include "trainer/model_files.h"
#include "trainer/strict_json.h"
#include "trainer/text/vocabulary.h"
#include "trainer/transformer/pooling_files.h"

namespace dashi::trainer {
namespace {

using Json = nlohmann::json;

std::string Join(const std::string& folder, const std::string& name) { return folder + "/" + name; }

/// A string or a flag of tokenizer_config.json, where strings may be objects with a content.
std::string StringOr(const Json& root, const char* key, std::string otherwise) {
  const auto found = root.find(key);
  if (found == root.end()) {
    return otherwise;
  }
  if (found->is_object() && found->contains("content") && (*found)["content"].is_string()) {
    return (*found)["content"];
  }
  return found->is_string() ? found->get<std::string>() : otherwise;
}

bool FlagOr(const Json& root, const char* key, bool otherwise) {
  const auto found = root.find(key);
  return found != root.end() && found->is_boolean() ? found->get<bool>() : otherwise;
}

Result<Json> ReadOptionalJson(const std::string& path) {
  if (!IsRegularFile(path)) {
    return Json::object();
  }
  return ReadAndParse(
      path, [&](const std::string& bytes) { return ParseStrictJsonObject("the file", bytes); });
}

Result<TokenizerSpec> ReadWordPieceFiles(const std::string& folder) {
  DASHI_ASSIGN_OR_RETURN(const Json root, ReadOptionalJson(Join(folder, "tokenizer_config.json")));
  BertTextOptions text;
  text.lower_case = FlagOr(root, "do_lower_case", true);
  text.strip_accents = FlagOr(root, "strip_accents", text.lower_case);
  text.split_ideographs = FlagOr(root, "tokenize_chinese_chars", true);
  DASHI_ASSIGN_OR_RETURN(std::vector<std::string> vocabulary,
                         ReadAndParse(Join(folder, "vocab.txt"), [](const std::string& bytes) {
                           return ParseVocabularyLines(bytes);
                         }));
  SpecialTokens special;
  special.unknown = StringOr(root, "unk_token", special.unknown);
  special.begin = StringOr(root, "cls_token", special.begin);
  special.end = StringOr(root, "sep_token", special.end);
  special.padding = StringOr(root, "pad_token", special.padding);
  special.mask = StringOr(root, "mask_token", special.mask);
  return BertTokenizerSpec(std::move(vocabulary), text, special);
}

Result<TokenizerSpec> ReadBytePairFiles(const std::string& folder) {
  DASHI_ASSIGN_OR_RETURN(const Json root, ReadOptionalJson(Join(folder, "tokenizer_config.json")));
  DASHI_ASSIGN_OR_RETURN(std::vector<std::string> vocabulary,
                         ReadAndParse(Join(folder, "vocab.json"), [](const std::string& bytes) {
                           return ParseVocabularyJson(bytes);
                         }));
  DASHI_ASSIGN_OR_RETURN(std::vector<TokenPair> merges,
                         ReadAndParse(Join(folder, "merges.txt"), [](const std::string& bytes) {
                           return ParseMergeLines(bytes);
                         }));
  TokenizerSpec spec = RobertaTokenizerSpec(std::move(vocabulary), std::move(merges));
  spec.byte_pairs.add_prefix_space = FlagOr(root, "add_prefix_space", false);
  return spec;
}

Result<TokenizerSpec> ReadTokenizer(const std::string& folder) {
  const std::string path = Join(folder, "tokenizer.json");
  if (IsRegularFile(path)) {
    return ReadAndParse(path, [](const std::string& bytes) { return ParseTokenizerJson(bytes); });
  }
  if (IsRegularFile(Join(folder, "vocab.json"))) {
    return ReadBytePairFiles(folder);
  }
  if (IsRegularFile(Join(folder, "vocab.txt"))) {
    return ReadWordPieceFiles(folder);
  }
  return Status::NotFound(
             fmt::format("no tokenizer.json, vocab.txt or vocab.json in the folder: {}", folder))
      .WithSqlState("58P01");
}

}  // namespace

Result<PretrainedTransformer> ReadTransformerDirectory(const std::string& path) {
  PretrainedTransformer model;
  std::string folder = path;
  const std::string modules = Join(path, "modules.json");
  if (IsRegularFile(modules)) {
    DASHI_ASSIGN_OR_RETURN(const SentenceModules parts,
                           ReadAndParse(modules, [](const std::string& bytes) {
                             return ParseSentenceModules(bytes);
                           }));
    if (!parts.transformer_folder.empty()) {
      folder = Join(path, parts.transformer_folder);
    }
    DASHI_ASSIGN_OR_RETURN(
        model.pooling,
        ReadAndParse(Join(Join(path, parts.pooling_folder), "config.json"),
                     [](const std::string& bytes) { return ParsePoolingConfig(bytes); }));
    model.pooling.normalize = parts.normalize;
    const std::string limits = Join(folder, "sentence_bert_config.json");
    if (IsRegularFile(limits)) {
      DASHI_ASSIGN_OR_RETURN(model.pooling.num_tokens_max,
                             ReadAndParse(limits, [](const std::string& bytes) {
                               return ParseSentenceLimits(bytes);
                             }));
    }
  }
  DASHI_ASSIGN_OR_RETURN(model.config,
                         ReadAndParse(Join(folder, "config.json"), [](const std::string& bytes) {
                           return ParseTransformerConfig(bytes);
                         }));
  DASHI_ASSIGN_OR_RETURN(model.tokenizer, ReadTokenizer(folder));
  if (model.tokenizer.num_tokens() > model.config.vocabulary_size) {
    return Status::InvalidArgument(
        fmt::format("tokenizer has more tokens than the transformer has vectors: {} and {} in {}",
                    model.tokenizer.num_tokens(), model.config.vocabulary_size, folder));
  }
  DASHI_ASSIGN_OR_RETURN(model.weights,
                         ReadAndParse(Join(folder, "model.safetensors"), [&](std::string bytes) {
                           return ParseTransformerWeights(
                               model.config, std::make_shared<const std::string>(std::move(bytes)));
                         }));
  return model;
}

Status WriteTransformerDirectory(const PretrainedTransformer& model, const std::string& path) {
  const PoolingConfig& pooling = model.pooling;
  const std::uint32_t num_tokens_max =
      pooling.num_tokens_max > 0 ? pooling.num_tokens_max : model.config.num_tokens_max();
  std::vector<std::string> folders = {path, Join(path, "1_Pooling")};
  if (pooling.normalize) {
    folders.push_back(Join(path, "2_Normalize"));
  }
  for (const std::string& folder : folders) {
    DASHI_RETURN_IF_ERROR(CreateFolder(folder).status());
  }
  const auto write = [&](const std::string& name, std::string_view bytes) {
    return ReplaceFile(Join(path, name), bytes);
  };
  DASHI_RETURN_IF_ERROR(write("config.json", FormatTransformerConfig(model.config)));
  DASHI_RETURN_IF_ERROR(write("tokenizer.json", FormatTokenizerJson(model.tokenizer)));
  DASHI_RETURN_IF_ERROR(
      write("tokenizer_config.json", FormatTokenizerConfig(model.tokenizer, num_tokens_max)));
  if (model.tokenizer.kind == TokenizerSpec::Kind::kWordPiece) {
    DASHI_RETURN_IF_ERROR(write("vocab.txt", FormatVocabularyLines(model.tokenizer.vocabulary)));
  } else {
    DASHI_RETURN_IF_ERROR(write("vocab.json", FormatVocabularyJson(model.tokenizer.vocabulary)));
    DASHI_RETURN_IF_ERROR(write("merges.txt", FormatMergeLines(model.tokenizer.merges)));
  }
  DASHI_RETURN_IF_ERROR(write("modules.json", FormatSentenceModules(pooling)));
  DASHI_RETURN_IF_ERROR(write("sentence_bert_config.json", FormatSentenceLimits(num_tokens_max)));
  DASHI_RETURN_IF_ERROR(
      write("1_Pooling/config.json", FormatPoolingConfig(pooling, model.config.dim)));
  return write("model.safetensors", FormatTransformerWeights(model.config, model.weights));
}

}  // namespace dashi::trainer
