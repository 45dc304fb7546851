#include "tests/trainer/text/golden_files.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "trainer/text/reference_unicode.h"
#include "trainer/text/tokenizer_spec.h"

namespace dashi::trainer {

std::string ReadGolden(const std::string& name) {
  const char* source = std::getenv("DASHI_SOURCE_DIR");
  const std::string path =
      std::string(source == nullptr ? "." : source) + "/tests/trainer/text/golden/" + name;
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

std::vector<std::string> SplitLines(const std::string& bytes) {
  std::vector<std::string> lines;
  std::istringstream stream(bytes);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

std::vector<std::string> GoldenTexts() {
  std::vector<std::string> texts;
  for (const std::string& line : SplitLines(ReadGolden("texts.jsonl"))) {
    texts.push_back(nlohmann::json::parse(line).get<std::string>());
  }
  EXPECT_GT(texts.size(), 500U);
  return texts;
}

std::unique_ptr<SubwordTokenizer> GoldenTokenizer(const std::string& name) {
  auto spec = ParseTokenizerJson(ReadGolden(name + ".tokenizer.json"));
  EXPECT_TRUE(spec.ok()) << spec.status().ToString();
  auto tokenizer = SubwordTokenizer::Make(std::move(spec).value());
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  return std::move(tokenizer).value();
}

std::vector<std::uint32_t> IdsOf(const SubwordTokenizer& tokenizer, std::string_view text,
                                 std::size_t size_max) {
  std::vector<std::uint32_t> ids;
  tokenizer.Tokenize(text, size_max, &ids);
  return ids;
}

std::string RandomText(Random& random) {
  static constexpr char32_t kRanges[][2] = {{0x20, 0x7E},     {0x61, 0x7A},      {0x0, 0x1F},
                                            {0x80, 0x24F},    {0x300, 0x36F},    {0x370, 0x52F},
                                            {0x900, 0xDFF},   {0x1E00, 0x206F},  {0x4E00, 0x4FFF},
                                            {0xAC00, 0xAD00}, {0x1D160, 0x1D1AD}};
  std::string text;
  const std::uint64_t num_runs = 1 + random.Uniform(12);
  for (std::uint64_t run = 0; run < num_runs; ++run) {
    const auto& range = kRanges[random.Uniform(std::size(kRanges))];
    const std::uint64_t size = 1 + random.Uniform(8);
    for (std::uint64_t i = 0; i < size; ++i) {
      AppendUtf8(range[0] + static_cast<char32_t>(random.Uniform(range[1] - range[0] + 1)), &text);
    }
    if (random.Uniform(10) == 0) {
      text.push_back(static_cast<char>(random.Uniform(256)));
    }
    if (random.Uniform(2) == 0) {
      text.push_back(' ');
    }
  }
  return text;
}

}  // namespace dashi::trainer
