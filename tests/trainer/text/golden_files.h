#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "trainer/text/subword_tokenizer.h"

namespace dashi::trainer {

/// A file of tests/trainer/text/golden; fails the test when it cannot be read.
std::string ReadGolden(const std::string& name);
std::vector<std::string> SplitLines(const std::string& bytes);
/// The texts of texts.jsonl.
std::vector<std::string> GoldenTexts();
std::unique_ptr<SubwordTokenizer> GoldenTokenizer(const std::string& name);
std::vector<std::uint32_t> IdsOf(const SubwordTokenizer& tokenizer, std::string_view text,
                                 std::size_t size_max = 1'000'000);

/// Random bytes, among them much UTF-8 that normalisation changes.
std::string RandomText(Random& random);

}  // namespace dashi::trainer
