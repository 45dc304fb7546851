// Runs a fuzz target for some time on inputs that are changed at random, where there is no
// libFuzzer: `target SECONDS SEED FOLDER_OR_FILE...`. The same seed makes the same inputs. Of .slt
// files each paragraph is an input.

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <sanitizer/common_interface_defs.h>

#include "base/clock.h"
#include "base/random.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using dashi::Random;

constexpr std::size_t kInputBytesMax = 4096;

// What runs, for whoever is told that it failed.
std::string g_input;
std::uint64_t g_number = 0;

void TellInput() {
  std::string shown = "input " + std::to_string(g_number) + ": ";
  for (const char c : g_input) {
    constexpr const char* kDigits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' && byte < 0x7f && c != '\\') {
      shown += c;
    } else {
      shown += {'\\', 'x', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  shown += '\n';
  static_cast<void>(::write(STDERR_FILENO, shown.data(), shown.size()) == 0);
}

void OnAbort(int /*signal*/) {
  TellInput();
  std::_Exit(1);
}

void AddInputs(const std::filesystem::path& path, std::vector<std::string>* inputs) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (path.extension() != ".slt") {
    inputs->push_back(std::move(text));
    return;
  }
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\n\n"), text.size());
    const std::string paragraph = text.substr(0, end);
    text.erase(0, std::min(end + 2, text.size()));
    const std::size_t body = paragraph.find('\n');  // Behind "query" or "statement ok".
    if (body != std::string::npos && !paragraph.starts_with('#')) {
      inputs->push_back(paragraph.substr(body + 1, paragraph.find("\n----") - body - 1));
    }
  }
}

std::vector<std::string> ReadInputs(int count, char** paths) {
  std::vector<std::filesystem::path> files;
  for (int i = 0; i < count; ++i) {
    if (!std::filesystem::is_directory(paths[i])) {
      files.emplace_back(paths[i]);
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(paths[i])) {
      if (entry.is_regular_file()) {
        files.push_back(entry.path());
      }
    }
  }
  std::sort(files.begin(), files.end());  // Folders have no order.
  std::vector<std::string> inputs;
  for (const std::filesystem::path& file : files) {
    AddInputs(file, &inputs);
  }
  return inputs;
}

// A part of a text, often a word of it.
std::string_view PartOf(std::string_view text, Random& random) {
  if (text.empty()) {
    return text;
  }
  std::size_t begin = random.Uniform(text.size());
  std::size_t end = begin + 1 + random.Uniform(text.size() - begin);
  if (random.Uniform(3) != 0) {
    const std::size_t space = text.rfind(' ', begin);
    begin = space == std::string_view::npos ? 0 : space;
    end = std::min(text.find(' ', begin + 1), text.size());
  }
  return text.substr(begin, end - begin);
}

void Change(std::string* input, const std::vector<std::string>& inputs, Random& random) {
  const std::size_t at = random.Uniform(input->size() + 1);
  const std::size_t size = std::min<std::size_t>(1 + random.Uniform(8), input->size() - at);
  switch (random.Uniform(6)) {
    case 0:
      input->erase(at, size);
      break;
    case 1:
      input->insert(at, 1, static_cast<char>(random.Uniform(256)));
      break;
    case 2:
      if (at < input->size()) {
        (*input)[at] = static_cast<char>((*input)[at] ^ (1U << random.Uniform(8)));
      }
      break;
    case 3:
      input->insert(at, std::string(PartOf(*input, random)));
      break;
    case 4:
      input->insert(at, std::string(PartOf(inputs[random.Uniform(inputs.size())], random)));
      break;
    default:
      input->erase(at);
      *input += PartOf(inputs[random.Uniform(inputs.size())], random);
  }
  input->resize(std::min(input->size(), kInputBytesMax));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: %s SECONDS SEED FOLDER_OR_FILE...\n", argv[0]);
    return 2;
  }
  const double seconds = std::strtod(argv[1], nullptr);
  const std::uint64_t seed = std::strtoull(argv[2], nullptr, 10);
  const std::vector<std::string> inputs = ReadInputs(argc - 3, argv + 3);
  if (inputs.empty()) {
    std::fprintf(stderr, "there are no inputs to begin with\n");
    return 2;
  }
  __sanitizer_set_death_callback(TellInput);
  static_cast<void>(std::signal(SIGABRT, OnAbort));
  Random random(seed);
  const dashi::Stopwatch stopwatch;
  for (; g_number < inputs.size() || stopwatch.Seconds() < seconds; ++g_number) {
    // Each as it is first; then changed ones.
    g_input = inputs[g_number < inputs.size() ? g_number : random.Uniform(inputs.size())];
    if (g_number >= inputs.size()) {
      for (std::uint64_t left = 1 + random.Uniform(6); left > 0; --left) {
        Change(&g_input, inputs, random);
      }
    }
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(g_input.data()), g_input.size());
  }
  std::printf("%llu inputs of %zu, seed %llu, in %.0f s\n",
              static_cast<unsigned long long>(g_number), inputs.size(),
              static_cast<unsigned long long>(seed), stopwatch.Seconds());
  return 0;
}
