#include "trainer/text/vocabulary.h"

#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "trainer/text/reference_unicode.h"

namespace dashi::trainer {

Result<std::vector<std::string>> ParseVocabularyLines(std::string_view bytes) {
  std::vector<std::string> vocabulary;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    vocabulary.emplace_back(line);
  }
  if (vocabulary.empty()) {
    return Status::Corruption("vocabulary file is empty");
  }
  DASHI_RETURN_IF_ERROR(IndexVocabulary(vocabulary).status());
  return vocabulary;
}

std::string FormatVocabularyLines(const std::vector<std::string>& vocabulary) {
  std::string bytes;
  for (const std::string& token : vocabulary) {
    bytes += token;
    bytes += '\n';
  }
  return bytes;
}

Result<ByteTrie> IndexVocabulary(const std::vector<std::string>& vocabulary) {
  ByteTrie trie;
  for (std::uint32_t id = 0; id < vocabulary.size(); ++id) {
    const std::string& token = vocabulary[id];
    if (token.empty()) {
      return Status::InvalidArgument(fmt::format("vocabulary token is empty: id {}", id));
    }
    if (!IsUtf8(token)) {
      return Status::InvalidArgument(fmt::format("vocabulary token is not UTF-8: id {}", id));
    }
    if (!trie.Add(token, id)) {
      return Status::InvalidArgument(fmt::format(
          "vocabulary has a token twice: '{}', ids {} and {}", token, trie.Find(token), id));
    }
  }
  return trie;
}

}  // namespace dashi::trainer
