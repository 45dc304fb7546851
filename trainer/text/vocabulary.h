#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "trainer/text/byte_trie.h"

namespace dashi::trainer {

/// Tokens by id, read from the lines of a vocab.txt: the id is the line's number from 0. A carriage
/// return at a line's end is dropped.
///
/// Errors: kInvalidArgument as IndexVocabulary, kCorruption for an empty file.
Result<std::vector<std::string>> ParseVocabularyLines(std::string_view bytes);
std::string FormatVocabularyLines(const std::vector<std::string>& vocabulary);

/// Errors: kInvalidArgument for a token that is there twice, is empty or no UTF-8, naming its id.
Result<ByteTrie> IndexVocabulary(const std::vector<std::string>& vocabulary);

}  // namespace dashi::trainer
