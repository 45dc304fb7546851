#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/status.h"
#include "trainer/strict_json.h"
#include "trainer/text/tokenizer_spec.h"
#include "trainer/text/vocabulary.h"

namespace dashi::trainer {
namespace {

using Json = nlohmann::json;

Status Broken(std::string_view place, std::string_view what) {
  return Status::Corruption(fmt::format("tokenizer.json is damaged: {}: {}", place, what));
}

Status NotSupported(std::string_view place, const Json& value) {
  return Status::Unimplemented(fmt::format("tokenizer.json has a {} that is not supported: {}",
                                           place, value.dump(-1, ' ', true).substr(0, 200)));
}

const Json& Member(const Json& object, const char* key) {
  static const Json null_value;
  if (!object.is_object()) {
    return null_value;
  }
  const auto found = object.find(key);
  return found == object.end() ? null_value : *found;
}

bool HasType(const Json& object, std::string_view type) {
  const Json& name = Member(object, "type");
  return name.is_string() && name.get_ref<const std::string&>() == type;
}

/// Reads a member that may be missing or null, which leaves `*value`.
template <typename T>
Status ReadOptional(std::string_view place, const Json& object, const char* key, T* value) {
  const Json& member = Member(object, key);
  if (member.is_null()) {
    return Status();
  }
  bool fits = false;
  if constexpr (std::is_same_v<T, bool>) {
    fits = member.is_boolean();
  } else if constexpr (std::is_same_v<T, std::string>) {
    fits = member.is_string();
  } else {
    fits = member.is_number_unsigned() && member.get<std::uint64_t>() <= 0xFFFFFFFFU;
  }
  if (!fits) {
    return Broken(fmt::format("{}.{}", place, key), "wrong type");
  }
  *value = member.get<T>();
  return Status();
}

/// A sequence of one part is that part.
const Json& Unwrap(const Json& value, const char* parts_key) {
  const Json& parts = Member(value, parts_key);
  return HasType(value, "Sequence") && parts.is_array() && parts.size() == 1 ? parts[0] : value;
}

Result<std::vector<std::string>> ReadVocabulary(std::string_view place, const Json& vocabulary) {
  if (!vocabulary.is_object() || vocabulary.empty()) {
    return Broken(place, "no object of tokens");
  }
  std::vector<std::string> tokens(vocabulary.size());
  std::vector<bool> given(vocabulary.size());
  for (const auto& [token, id] : vocabulary.items()) {
    if (!id.is_number_unsigned()) {
      return Broken(place, fmt::format("the id of '{}' is no number", token));
    }
    const auto number = id.get<std::uint64_t>();
    if (number >= tokens.size()) {
      return Broken(place, fmt::format("the id of '{}' is {} among {} tokens: ids must have no "
                                       "holes",
                                       token, number, tokens.size()));
    }
    if (given[number]) {
      return Broken(place, fmt::format("two tokens have the id {}: '{}' and '{}'", number,
                                       tokens[number], token));
    }
    given[number] = true;
    tokens[number] = token;
  }
  DASHI_RETURN_IF_ERROR(IndexVocabulary(tokens).status());
  return tokens;
}

Status ReadWordPiece(const Json& root, TokenizerSpec* spec) {
  WordPieceOptions& options = spec->word_piece;
  const Json& model = root["model"];
  DASHI_RETURN_IF_ERROR(ReadOptional("model", model, "unk_token", &options.unknown_token));
  DASHI_RETURN_IF_ERROR(
      ReadOptional("model", model, "continuing_subword_prefix", &options.continuation));
  DASHI_RETURN_IF_ERROR(
      ReadOptional("model", model, "max_input_chars_per_word", &options.word_characters_max));
  const Json& pre_tokenizer = Unwrap(Member(root, "pre_tokenizer"), "pretokenizers");
  if (!HasType(pre_tokenizer, "BertPreTokenizer")) {
    return NotSupported("pre_tokenizer", pre_tokenizer);
  }
  const Json& normalizer = Unwrap(Member(root, "normalizer"), "normalizers");
  BertTextOptions& text = options.text;
  if (normalizer.is_null()) {
    text = {false, false, false, false};
    return Status();
  }
  if (!HasType(normalizer, "BertNormalizer")) {
    return NotSupported("normalizer", normalizer);
  }
  DASHI_RETURN_IF_ERROR(ReadOptional("normalizer", normalizer, "clean_text", &text.clean_text));
  DASHI_RETURN_IF_ERROR(
      ReadOptional("normalizer", normalizer, "handle_chinese_chars", &text.split_ideographs));
  DASHI_RETURN_IF_ERROR(ReadOptional("normalizer", normalizer, "lowercase", &text.lower_case));
  text.strip_accents = text.lower_case;
  return ReadOptional("normalizer", normalizer, "strip_accents", &text.strip_accents);
}

Status ReadMerges(const Json& merges, std::vector<TokenPair>* out) {
  if (!merges.is_array()) {
    return Broken("model.merges", "no list");
  }
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const Json& merge = merges[rank];
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      out->emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
      continue;
    }
    const std::string text = merge.is_string() ? merge.get<std::string>() : "";
    const std::size_t space = text.find(' ');
    if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) {
      return Broken("model.merges", fmt::format("merge {} is no pair of tokens", rank));
    }
    out->emplace_back(text.substr(0, space), text.substr(space + 1));
  }
  return Status();
}

Status ReadBytePairs(const Json& root, TokenizerSpec* spec) {
  spec->kind = TokenizerSpec::Kind::kBytePairs;
  const Json& model = root["model"];
  for (const char* key : {"dropout", "continuing_subword_prefix", "end_of_word_suffix"}) {
    const Json& value = Member(model, key);
    const bool none =
        value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty());
    if (!none) {
      return NotSupported(fmt::format("model.{}", key), value);
    }
  }
  for (const char* key : {"byte_fallback", "ignore_merges", "fuse_unk"}) {
    if (Member(model, key) == true) {
      return NotSupported(fmt::format("model.{}", key), Member(model, key));
    }
  }
  std::string unknown;
  DASHI_RETURN_IF_ERROR(ReadOptional("model", model, "unk_token", &unknown));
  if (!unknown.empty()) {
    spec->byte_pairs.unknown_token = unknown;
  }
  if (!Member(root, "normalizer").is_null()) {
    return NotSupported("normalizer", root["normalizer"]);
  }
  const Json& pre_tokenizer = Unwrap(Member(root, "pre_tokenizer"), "pretokenizers");
  if (!HasType(pre_tokenizer, "ByteLevel") || Member(pre_tokenizer, "use_regex") == false) {
    return NotSupported("pre_tokenizer", pre_tokenizer);
  }
  spec->byte_pairs.add_prefix_space = true;  // what a missing member means
  DASHI_RETURN_IF_ERROR(ReadOptional("pre_tokenizer", pre_tokenizer, "add_prefix_space",
                                     &spec->byte_pairs.add_prefix_space));
  spec->padding_token = "<pad>";
  spec->mask_token = "<mask>";
  return ReadMerges(Member(model, "merges"), &spec->merges);
}

Status ReadAddedTokens(const Json& tokens, TokenizerSpec* spec) {
  if (tokens.is_null()) {
    return Status();
  }
  if (!tokens.is_array()) {
    return Broken("added_tokens", "no list");
  }
  for (std::size_t index = 0; index < tokens.size(); ++index) {
    const std::string place = fmt::format("added_tokens[{}]", index);
    const Json& token = tokens[index];
    AddedToken added;
    if (!Member(token, "id").is_number_unsigned() || !Member(token, "content").is_string()) {
      return Broken(place, "no id or no content");
    }
    added.normalized = true;
    DASHI_RETURN_IF_ERROR(ReadOptional(place, token, "id", &added.id));
    DASHI_RETURN_IF_ERROR(ReadOptional(place, token, "content", &added.content));
    DASHI_RETURN_IF_ERROR(ReadOptional(place, token, "special", &added.special));
    DASHI_RETURN_IF_ERROR(ReadOptional(place, token, "single_word", &added.single_word));
    DASHI_RETURN_IF_ERROR(ReadOptional(place, token, "lstrip", &added.strip_left));
    DASHI_RETURN_IF_ERROR(ReadOptional(place, token, "rstrip", &added.strip_right));
    DASHI_RETURN_IF_ERROR(ReadOptional(place, token, "normalized", &added.normalized));
    spec->added_tokens.push_back(std::move(added));
  }
  return Status();
}

Status ReadTemplate(const Json& pieces, TokenizerSpec* spec) {
  if (!pieces.is_array()) {
    return Broken("post_processor.single", "no list");
  }
  bool behind = false;
  for (const Json& piece : pieces) {
    if (piece.is_object() && piece.contains("Sequence") && !behind) {
      behind = true;
      continue;
    }
    const Json& id = Member(Member(piece, "SpecialToken"), "id");
    if (!id.is_string()) {
      return NotSupported("post_processor.single", pieces);
    }
    (behind ? spec->after_text : spec->before_text).push_back(id.get<std::string>());
  }
  return behind ? Status() : Broken("post_processor.single", "no place for the text");
}

Status ReadPostProcessor(const Json& processor, TokenizerSpec* spec) {
  if (processor.is_null() || HasType(processor, "ByteLevel")) {
    return Status();
  }
  if (HasType(processor, "Sequence") && Member(processor, "processors").is_array()) {
    for (const Json& part : processor["processors"]) {
      if (HasType(part, "Sequence")) {
        return NotSupported("post_processor", processor);
      }
      DASHI_RETURN_IF_ERROR(ReadPostProcessor(part, spec));
    }
    return Status();
  }
  if (HasType(processor, "TemplateProcessing")) {
    return ReadTemplate(Member(processor, "single"), spec);
  }
  if (!HasType(processor, "BertProcessing") && !HasType(processor, "RobertaProcessing")) {
    return NotSupported("post_processor", processor);
  }
  for (const auto& [key, tokens] :
       {std::pair("cls", &spec->before_text), std::pair("sep", &spec->after_text)}) {
    const Json& token = Member(processor, key);
    if (!token.is_array() || token.size() != 2 || !token[0].is_string()) {
      return Broken(fmt::format("post_processor.{}", key), "no pair of token and id");
    }
    tokens->push_back(token[0].get<std::string>());
  }
  return Status();
}

Json PostProcessorJson(const TokenizerSpec& spec, const std::vector<std::string>& all_tokens) {
  Json single = Json::array();
  Json special_tokens = Json::object();
  const auto add = [&](const std::string& token) {
    single.push_back({{"SpecialToken", {{"id", token}, {"type_id", 0}}}});
    for (std::size_t id = 0; id < all_tokens.size(); ++id) {
      if (all_tokens[id] == token) {
        special_tokens[token] = {{"id", token}, {"ids", {id}}, {"tokens", {token}}};
      }
    }
  };
  for (const std::string& token : spec.before_text) {
    add(token);
  }
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  for (const std::string& token : spec.after_text) {
    add(token);
  }
  Json pair = single;
  pair.push_back({{"Sequence", {{"id", "B"}, {"type_id", 0}}}});
  for (const std::string& token : spec.after_text) {
    pair.push_back({{"SpecialToken", {{"id", token}, {"type_id", 0}}}});
  }
  return {{"type", "TemplateProcessing"},
          {"single", single},
          {"pair", pair},
          {"special_tokens", special_tokens}};
}

Json ModelJson(const TokenizerSpec& spec) {
  if (spec.kind == TokenizerSpec::Kind::kWordPiece) {
    return {{"type", "WordPiece"},
            {"unk_token", spec.word_piece.unknown_token},
            {"continuing_subword_prefix", spec.word_piece.continuation},
            {"max_input_chars_per_word", spec.word_piece.word_characters_max}};
  }
  const auto& unknown = spec.byte_pairs.unknown_token;
  Json merges = Json::array();
  for (const auto& [left, right] : spec.merges) {
    merges.push_back(Json::array({left, right}));
  }
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", unknown.has_value() ? Json(*unknown) : Json()},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"ignore_merges", false},
          {"merges", merges}};
}

}  // namespace

Result<TokenizerSpec> ParseTokenizerJson(std::string_view bytes) {
  DASHI_ASSIGN_OR_RETURN(const Json root, ParseStrictJsonObject("tokenizer.json", bytes));
  TokenizerSpec spec;
  const Json& model = Member(root, "model");
  if (!model.is_object()) {
    return Broken("model", "missing");
  }
  DASHI_ASSIGN_OR_RETURN(spec.vocabulary, ReadVocabulary("model.vocab", Member(model, "vocab")));
  // Files of early versions name no type.
  const bool untyped = Member(model, "type").is_null();
  if (HasType(model, "WordPiece") || (untyped && model.contains("max_input_chars_per_word"))) {
    DASHI_RETURN_IF_ERROR(ReadWordPiece(root, &spec));
  } else if (HasType(model, "BPE") || (untyped && model.contains("merges"))) {
    DASHI_RETURN_IF_ERROR(ReadBytePairs(root, &spec));
  } else {
    return NotSupported("model.type", Member(model, "type"));
  }
  DASHI_RETURN_IF_ERROR(ReadAddedTokens(Member(root, "added_tokens"), &spec));
  DASHI_RETURN_IF_ERROR(ReadPostProcessor(Member(root, "post_processor"), &spec));
  DASHI_RETURN_IF_ERROR(
      ReadOptional("padding", Member(root, "padding"), "pad_token", &spec.padding_token));
  return spec;
}

std::string FormatTokenizerJson(const TokenizerSpec& spec) {
  const bool word_piece = spec.kind == TokenizerSpec::Kind::kWordPiece;
  const BertTextOptions& text = spec.word_piece.text;
  std::vector<std::string> all_tokens = spec.vocabulary;
  all_tokens.resize(spec.num_tokens());
  Json added = Json::array();
  for (const AddedToken& token : spec.added_tokens) {
    all_tokens[token.id] = token.content;
    added.push_back({{"id", token.id},
                     {"content", token.content},
                     {"special", token.special},
                     {"single_word", token.single_word},
                     {"lstrip", token.strip_left},
                     {"rstrip", token.strip_right},
                     {"normalized", token.normalized}});
  }
  Json root = {{"version", "1.0"},
               {"truncation", nullptr},
               {"padding", nullptr},
               {"added_tokens", added},
               {"post_processor", PostProcessorJson(spec, all_tokens)}};
  if (word_piece) {
    root["normalizer"] = {{"type", "BertNormalizer"},
                          {"clean_text", text.clean_text},
                          {"handle_chinese_chars", text.split_ideographs},
                          {"strip_accents", text.strip_accents},
                          {"lowercase", text.lower_case}};
    root["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
    root["decoder"] = {
        {"type", "WordPiece"}, {"prefix", spec.word_piece.continuation}, {"cleanup", true}};
  } else {
    const Json byte_level = {{"type", "ByteLevel"},
                             {"add_prefix_space", spec.byte_pairs.add_prefix_space},
                             {"trim_offsets", true},
                             {"use_regex", true}};
    root["normalizer"] = nullptr;
    root["pre_tokenizer"] = byte_level;
    root["decoder"] = byte_level;
  }
  // The vocabulary is written by hand, in the order of ids.
  std::string model = ModelJson(spec).dump();
  model.insert(model.size() - 1, ",\"vocab\":" + FormatVocabularyJson(spec.vocabulary));
  std::string bytes = root.dump();
  bytes.insert(bytes.size() - 1, ",\"model\":" + model);
  return bytes;
}

Result<std::vector<std::string>> ParseVocabularyJson(std::string_view bytes) {
  DASHI_ASSIGN_OR_RETURN(const Json root, ParseStrictJsonObject("vocab.json", bytes));
  return ReadVocabulary("vocab.json", root);
}

std::string FormatVocabularyJson(const std::vector<std::string>& vocabulary) {
  std::string bytes = "{";
  for (std::size_t id = 0; id < vocabulary.size(); ++id) {
    bytes += fmt::format("{}{}:{}", id == 0 ? "" : ",", Json(vocabulary[id]).dump(), id);
  }
  return bytes + "}";
}

}  // namespace dashi::trainer
