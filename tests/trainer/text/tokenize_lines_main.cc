// Prints the token ids of texts, for comparing with other programs: tokenize_lines FILE MAX_TOKENS,
// with a tokenizer.json and a JSON string on each line of the standard input.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "trainer/text/subword_tokenizer.h"
#include "trainer/text/tokenizer_spec.h"

namespace {

int Fail(const dashi::Status& status) {
  std::cerr << status.ToString() << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: tokenize_lines TOKENIZER_JSON MAX_TOKENS < LINES\n";
    return 2;
  }
  std::ostringstream bytes;
  bytes << std::ifstream(argv[1], std::ios::binary).rdbuf();
  auto spec = dashi::trainer::ParseTokenizerJson(bytes.str());
  if (!spec.ok()) {
    return Fail(spec.status());
  }
  auto tokenizer = dashi::trainer::SubwordTokenizer::Make(std::move(spec).value());
  if (!tokenizer.ok()) {
    return Fail(tokenizer.status());
  }
  const std::size_t size_max = std::strtoull(argv[2], nullptr, 10);
  std::ios::sync_with_stdio(false);
  std::string line;
  std::vector<std::uint32_t> ids;
  while (std::getline(std::cin, line)) {
    const auto text = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!text.is_string()) {
      std::cerr << "a line is no JSON string\n";
      return 1;
    }
    ids.clear();
    (*tokenizer)->Tokenize(text.get_ref<const std::string&>(), size_max, &ids);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      std::cout << (i == 0 ? "" : " ") << ids[i];
    }
    std::cout << "\n";
  }
  return 0;
}
