// Decode speed of the import readers: bytes of the uncompressed file per second, one thread.
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <zlib.h>

#include "base/random.h"
#include "sql/import_reader.h"

namespace dashi::sql {
namespace {

constexpr std::size_t kFileBytes = std::size_t{32} << 20;

/// Returns about 100 words, like a page's title and its first paragraph.
std::string MakeText(Random* random) {
  std::string text;
  for (std::uint64_t words = 60 + random->Uniform(80); words > 0; --words) {
    for (std::uint64_t letters = 2 + random->Uniform(8); letters > 0; --letters) {
      text.push_back(static_cast<char>('a' + random->Uniform(26)));
    }
    text.push_back(' ');
  }
  return text;
}

std::string MakeFile(const std::string& format) {
  Random random(/*seed=*/1);
  std::string bytes;
  for (int i = 0; bytes.size() < kFileBytes; ++i) {
    if (format == "jsonl") {
      bytes += fmt::format("{{\"id\":\"w{}\",\"text\":\"{}\",\"split\":\"train\"}}\n", i,
                           MakeText(&random));
    } else if (format == "csv") {
      bytes += fmt::format("w{},\"{}\",train\n", i, MakeText(&random));
    } else if (format == "tsv") {
      bytes += fmt::format("w{}\tw{}\t1\n", i, random.Uniform(100000));
    }
  }
  return bytes;
}

void Read(benchmark::State& state, const std::string& format_name, bool compressed) {
  const std::string path =
      (std::filesystem::temp_directory_path() /
       fmt::format("dashi_import_bench_{}.{}{}", ::getpid(), format_name, compressed ? ".gz" : ""))
          .string();
  const std::string bytes = MakeFile(format_name);
  const gzFile file = gzopen(path.c_str(), compressed ? "wb6" : "wbT");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  ImportFormat format;
  format.format = format_name;
  std::uint64_t num_rows = 0;
  for (auto _ : state) {
    Result<std::unique_ptr<ImportReader>> reader =
        ImportReader::Open(path, format, {"a", "b", "c"});
    ImportRecord record;
    Result<bool> found = (*reader)->Next(&record);
    for (; found.ok() && *found; found = (*reader)->Next(&record)) {
      benchmark::DoNotOptimize(record.fields.data());
      ++num_rows;
    }
    if (!found.ok()) {
      state.SkipWithError(found.status().ToString().c_str());
      break;
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
  state.SetItemsProcessed(static_cast<std::int64_t>(num_rows));
  std::filesystem::remove(path);
}

BENCHMARK_CAPTURE(Read, jsonl_32MB, "jsonl", false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Read, jsonl_gzip_32MB, "jsonl", true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Read, csv_32MB, "csv", false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Read, tsv_32MB, "tsv", false)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace dashi::sql
