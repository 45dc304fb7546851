#include "trainer/text/tokenizer_spec.h"

#include <algorithm>
#include <utility>

namespace dashi::trainer {
namespace {

void AddSpecialToken(TokenizerSpec* spec, const std::string& content, bool strip_left = false) {
  const auto found = std::find(spec->vocabulary.begin(), spec->vocabulary.end(), content);
  AddedToken token;
  token.content = content;
  token.id = static_cast<std::uint32_t>(found - spec->vocabulary.begin());
  token.strip_left = strip_left;
  if (found != spec->vocabulary.end()) {
    spec->added_tokens.push_back(std::move(token));
  }
}

}  // namespace

std::uint32_t TokenizerSpec::num_tokens() const {
  auto size = static_cast<std::uint32_t>(vocabulary.size());
  for (const AddedToken& token : added_tokens) {
    size = std::max(size, token.id + 1);
  }
  return size;
}

TokenizerSpec BertTokenizerSpec(std::vector<std::string> vocabulary, const BertTextOptions& text,
                                const SpecialTokens& special) {
  TokenizerSpec spec;
  spec.kind = TokenizerSpec::Kind::kWordPiece;
  spec.vocabulary = std::move(vocabulary);
  spec.word_piece.text = text;
  spec.word_piece.unknown_token = special.unknown;
  for (const std::string* content :
       {&special.padding, &special.unknown, &special.begin, &special.end, &special.mask}) {
    AddSpecialToken(&spec, *content);
  }
  spec.before_text = {special.begin};
  spec.after_text = {special.end};
  spec.padding_token = special.padding;
  spec.mask_token = special.mask;
  return spec;
}

TokenizerSpec RobertaTokenizerSpec(std::vector<std::string> vocabulary,
                                   std::vector<TokenPair> merges) {
  TokenizerSpec spec;
  spec.kind = TokenizerSpec::Kind::kBytePairs;
  spec.vocabulary = std::move(vocabulary);
  spec.merges = std::move(merges);
  for (const char* content : {"<s>", "<pad>", "</s>", "<unk>"}) {
    AddSpecialToken(&spec, content);
  }
  AddSpecialToken(&spec, "<mask>", /*strip_left=*/true);
  spec.before_text = {"<s>"};
  spec.after_text = {"</s>"};
  spec.padding_token = "<pad>";
  spec.mask_token = "<mask>";
  return spec;
}

}  // namespace dashi::trainer
