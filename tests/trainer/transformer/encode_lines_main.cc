// Writes the embeddings of texts as float32, for comparing with other programs:
//   encode_lines FOLDER [--precision float32|bfloat16] [--threads N] [--export FOLDER]
// with a JSON string on each line of the standard input. --export also writes the model anew.
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/thread_pool.h"
#include "trainer/transformer/transformer_directory.h"
#include "trainer/transformer/transformer_encoder.h"

namespace dashi::trainer {
namespace {

int Fail(const Status& status) {
  std::cerr << status.ToString() << "\n";
  return 1;
}

struct Arguments {
  std::string folder;
  std::string precision = "float32";
  std::string written;
  int num_threads = 1;
};

Status Run(const Arguments& arguments) {
  auto model = ReadTransformerDirectory(arguments.folder);
  if (!model.ok()) {
    return model.status();
  }
  auto backend = LoadTensorBackend("");
  if (!backend.ok()) {
    return backend.status();
  }
  TransformerModuleOptions options;
  options.config = model->config;
  options.pooling = model->pooling;
  options.num_threads = arguments.num_threads;
  options.device = "cpu";
  options.encode_precision = arguments.precision;
  auto module = (*backend)->NewTransformerModule(options, model->weights);
  if (!module.ok()) {
    return module.status();
  }
  if (!arguments.written.empty()) {
    PretrainedTransformer copy = *model;
    copy.weights = (*module)->ExportEncoder();
    const Status status = WriteTransformerDirectory(copy, arguments.written);
    if (!status.ok()) {
      return status;
    }
  }
  auto tokenizer = SubwordTokenizer::Make(model->tokenizer);
  if (!tokenizer.ok()) {
    return tokenizer.status();
  }
  auto encoder = MakeTransformerEncoder(std::move(tokenizer).value(), std::move(module).value(),
                                        model->config, model->pooling);
  if (!encoder.ok()) {
    return encoder.status();
  }
  std::vector<std::string> texts;
  for (std::string line; std::getline(std::cin, line);) {
    texts.push_back(nlohmann::json::parse(line).get<std::string>());
  }
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  std::vector<float> out(texts.size() * (*encoder)->dim());
  ThreadPool pool(arguments.num_threads);
  const Stopwatch watch;
  const Status status = (*encoder)->EncodeBatch(views, out, pool);
  std::cerr << texts.size() << " texts in " << watch.Seconds() << " s\n";
  std::cout.write(reinterpret_cast<const char*>(out.data()),
                  static_cast<std::streamsize>(out.size() * sizeof(float)));
  return status;
}

}  // namespace
}  // namespace dashi::trainer

int main(int argc, char** argv) {
  dashi::trainer::Arguments arguments;
  arguments.folder = argc > 1 ? argv[1] : "";
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--precision") {
      arguments.precision = argv[i + 1];
    } else if (name == "--threads") {
      arguments.num_threads = std::atoi(argv[i + 1]);
    } else if (name == "--export") {
      arguments.written = argv[i + 1];
    } else {
      arguments.folder.clear();
    }
  }
  if (arguments.folder.empty() || argc % 2 != 0) {
    std::cerr << "usage: encode_lines FOLDER [--precision P] [--threads N] [--export FOLDER]\n";
    return 2;
  }
  const dashi::Status status = dashi::trainer::Run(arguments);
  return status.ok() ? 0 : dashi::trainer::Fail(status);
}
