#include "trainer/text/subword_tokenizer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "trainer/text/reference_unicode.h"
#include "trainer/text/vocabulary.h"

namespace dashi::trainer {
namespace {

/// The code point that ends a text that is not empty.
DecodedCodePoint LastCodePoint(std::string_view text) {
  std::size_t begin = text.size() - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0U) == 0x80U) {
    --begin;
  }
  return DecodeCodePoint(text.substr(begin));
}

bool IsWordCharacter(char32_t code_point) {
  return IsLetter(code_point) || IsNumber(code_point) || code_point == '_' ||
         IsNonspacingMark(code_point);
}

}  // namespace

Result<std::unique_ptr<SubwordTokenizer>> SubwordTokenizer::Make(TokenizerSpec spec) {
  std::unique_ptr<SubwordTokenizer> tokenizer(new SubwordTokenizer(std::move(spec)));
  const TokenizerSpec& own = tokenizer->spec_;
  if (own.kind == TokenizerSpec::Kind::kWordPiece) {
    DASHI_ASSIGN_OR_RETURN(tokenizer->model_, WordPieceModel::Make(own.word_piece, own.vocabulary));
  } else {
    DASHI_ASSIGN_OR_RETURN(tokenizer->model_,
                           BytePairModel::Make(own.byte_pairs, own.vocabulary, own.merges));
  }
  DASHI_RETURN_IF_ERROR(tokenizer->ResolveTokens());
  return tokenizer;
}

Status SubwordTokenizer::AddToken(std::size_t index, const ByteTrie& vocabulary,
                                  std::uint32_t* num_tokens) {
  const AddedToken& token = spec_.added_tokens[index];
  if (token.content.empty() || !IsUtf8(token.content)) {
    return Status::InvalidArgument(
        fmt::format("added token is empty or not UTF-8: number {}", index));
  }
  std::uint32_t want = vocabulary.Find(token.content);
  if (want == ByteTrie::kNone) {
    want = (*num_tokens)++;
  }
  if (token.id != want) {
    return Status::InvalidArgument(fmt::format("added token '{}' has another id: got {}, want {}",
                                               token.content, token.id, want));
  }
  Finder& finder = token.normalized ? normalized_ : raw_;
  const std::string content = token.normalized ? model_->Normalize(token.content) : token.content;
  if (content.empty()) {
    return Status();  // cannot occur in a normalised text
  }
  if (!finder.trie.Add(content, static_cast<std::uint32_t>(index))) {
    return Status::InvalidArgument(fmt::format("added token is there twice: '{}'", token.content));
  }
  finder.begins[static_cast<unsigned char>(content[0])] = true;
  finder.empty = false;
  return Status();
}

Status SubwordTokenizer::ResolveTokens() {
  DASHI_ASSIGN_OR_RETURN(ByteTrie tokens, IndexVocabulary(spec_.vocabulary));
  auto num_tokens = static_cast<std::uint32_t>(spec_.vocabulary.size());
  for (std::size_t index = 0; index < spec_.added_tokens.size(); ++index) {
    DASHI_RETURN_IF_ERROR(AddToken(index, tokens, &num_tokens));
  }
  for (const AddedToken& token : spec_.added_tokens) {
    tokens.Add(token.content, token.id);
  }
  const auto resolve = [&](const std::string& content, std::uint32_t* id) {
    *id = tokens.Find(content);
    return *id != ByteTrie::kNone
               ? Status()
               : Status::InvalidArgument("vocabulary lacks the special token: " + content);
  };
  for (const std::string& content : spec_.before_text) {
    DASHI_RETURN_IF_ERROR(resolve(content, &before_.emplace_back()));
  }
  for (const std::string& content : spec_.after_text) {
    DASHI_RETURN_IF_ERROR(resolve(content, &after_.emplace_back()));
  }
  return resolve(spec_.padding_token, &padding_id_);
}

void SubwordTokenizer::Split(const Finder& finder, std::string_view text,
                             std::vector<std::uint32_t>* ids,
                             const std::function<void(std::string_view)>& on_text) const {
  std::size_t begin = 0;  // of the text that is not given out yet
  std::size_t at = 0;
  while (!finder.empty && at < text.size()) {
    if (!finder.begins[static_cast<unsigned char>(text[at])]) {
      ++at;
      continue;
    }
    const ByteTrie::Match match = finder.trie.LongestMatch(ByteTrie::kRoot, text.substr(at));
    if (match.number == ByteTrie::kNone) {
      ++at;
      continue;
    }
    const AddedToken& token = spec_.added_tokens[match.number];
    std::size_t first = at;
    std::size_t last = at + match.size;
    at = last;
    if (token.single_word &&
        ((first > 0 && IsWordCharacter(LastCodePoint(text.substr(0, first)).code_point)) ||
         (last < text.size() && IsWordCharacter(DecodeCodePoint(text.substr(last)).code_point)))) {
      continue;
    }
    while (token.strip_left && first > begin) {
      const DecodedCodePoint before = LastCodePoint(text.substr(0, first));
      if (!IsWhitespace(before.code_point)) {
        break;
      }
      first -= before.size;
    }
    while (token.strip_right && last < text.size()) {
      const DecodedCodePoint behind = DecodeCodePoint(text.substr(last));
      if (!IsWhitespace(behind.code_point)) {
        break;
      }
      last += behind.size;
    }
    if (begin < first) {
      on_text(text.substr(begin, first - begin));
    }
    ids->push_back(token.id);
    begin = last;
    at = std::max(at, last);
  }
  if (begin < text.size()) {
    on_text(text.substr(begin));
  }
}

void SubwordTokenizer::Tokenize(std::string_view text, std::size_t size_max,
                                std::vector<std::uint32_t>* ids) const {
  const std::size_t first = ids->size();
  const std::size_t room = size_max - std::min(size_max, num_template_tokens());
  std::string repaired;
  if (!IsUtf8(text)) {
    std::u32string code_points;
    AppendCodePoints(text, &code_points);
    for (const char32_t code_point : code_points) {
      AppendUtf8(code_point, &repaired);
    }
    text = repaired;
  }
  ids->insert(ids->end(), before_.begin(), before_.end());
  const std::size_t end = ids->size() + room;
  Split(raw_, text, ids, [&](std::string_view part) {
    if (ids->size() >= end) {
      return;
    }
    if (normalized_.empty) {
      model_->AppendPieces(part, end, ids);
      return;
    }
    const std::string normalized = model_->Normalize(part);
    Split(normalized_, normalized, ids,
          [&](std::string_view rest) { model_->AppendPieces(rest, end, ids); });
  });
  if (ids->size() > end) {
    ids->resize(end);
  }
  ids->insert(ids->end(), after_.begin(), after_.end());
  // A limit below the template's own length.
  ids->resize(std::min(ids->size(), first + size_max));
}

}  // namespace dashi::trainer
