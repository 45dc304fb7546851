// Tokenizers. DASHI_TOKENIZER_JSON names a tokenizer.json and DASHI_TEXTS a file of texts, one a
// line; without them the small ones of tests/trainer/text/golden, in the folder DASHI_SOURCE_DIR.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "trainer/text/subword_tokenizer.h"
#include "trainer/text/tokenizer_spec.h"
#include "trainer/text/word_piece_learner.h"

namespace dashi::trainer {
namespace {

std::string Setting(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file.good()) {
    std::cerr << "cannot read " << path << "\n";
    std::exit(1);
  }
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

std::string GoldenFolder() {
  return Setting("DASHI_SOURCE_DIR", ".") + "/tests/trainer/text/golden/";
}

std::string TokenizerBytes() {
  return ReadFile(Setting("DASHI_TOKENIZER_JSON", GoldenFolder() + "uncased.tokenizer.json"));
}

const std::vector<std::string>& Texts() {
  static const std::vector<std::string> texts = [] {
    std::vector<std::string> lines;
    std::istringstream stream(ReadFile(Setting("DASHI_TEXTS", GoldenFolder() + "texts.jsonl")));
    for (std::string line; lines.size() < 20'000 && std::getline(stream, line);) {
      lines.push_back(line);
    }
    return lines;
  }();
  return texts;
}

std::int64_t TextBytes() {
  std::int64_t bytes = 0;
  for (const std::string& text : Texts()) {
    bytes += static_cast<std::int64_t>(text.size());
  }
  return bytes;
}

void TokenizeSubwords(benchmark::State& state) {
  auto spec = ParseTokenizerJson(TokenizerBytes());
  if (!spec.ok()) {
    state.SkipWithError(spec.status().ToString().c_str());
    return;
  }
  const auto tokenizer = SubwordTokenizer::Make(std::move(spec).value());
  if (!tokenizer.ok()) {
    state.SkipWithError(tokenizer.status().ToString().c_str());
    return;
  }
  std::vector<std::uint32_t> ids;
  for (auto _ : state) {
    for (const std::string& text : Texts()) {
      ids.clear();
      (*tokenizer)->Tokenize(text, static_cast<std::size_t>(state.range(0)), &ids);
      benchmark::DoNotOptimize(ids.data());
    }
  }
  state.SetBytesProcessed(state.iterations() * TextBytes());
}
BENCHMARK(TokenizeSubwords)
    ->ArgName("max_tokens")
    ->Arg(1'000'000)
    ->Arg(32)
    ->Unit(benchmark::kMillisecond);

void LoadTokenizer(benchmark::State& state) {
  const std::string bytes = TokenizerBytes();
  for (auto _ : state) {
    benchmark::DoNotOptimize(SubwordTokenizer::Make(ParseTokenizerJson(bytes).value()));
  }
}
BENCHMARK(LoadTokenizer)->Unit(benchmark::kMillisecond);

void LearnWordPieces(benchmark::State& state) {
  for (auto _ : state) {
    WordPieceLearnOptions options;
    options.vocabulary_size = static_cast<std::uint32_t>(state.range(0));
    WordPieceLearner learner(options);
    for (const std::string& text : Texts()) {
      learner.AddText(text);
    }
    benchmark::DoNotOptimize(learner.Learn());
  }
  state.SetBytesProcessed(state.iterations() * TextBytes());
}
BENCHMARK(LearnWordPieces)->ArgName("vocabulary")->Arg(30'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace dashi::trainer
