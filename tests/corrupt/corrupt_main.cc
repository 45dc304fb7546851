// Damages one file of a database, and asks whether it is noticed.
//
// A database is made once (database_picture.h), and all that it says is written down. Each trial
// copies it, damages one file (a bit flipped, the file cut, deleted, two of its blocks swapped),
// and lets a child process open the copy and ask for everything again. Every question must be
// answered with the same rows or with a clear error: never with other rows, never with fewer of
// them, never with a crash or not at all. One loss cannot be seen: the commit watermark is a second
// old at most, so a log cut within its last second looks like one that never held more. The
// database ends in one commit of that second, and losing it alone is counted by itself.
// Trial n of a seed is always the same. Exit status 1 when something went unnoticed; the damaged
// database is kept then.

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "tests/corrupt/database_picture.h"
#include "tests/corrupt/file_damage.h"
#include "tests/corrupt/verdict.h"
#include "tests/testing/own_process.h"
#include "tests/testing/run_folder.h"

namespace dashi::corrupt {
namespace {

namespace fs = std::filesystem;

constexpr int kHungMs = 180'000;
constexpr std::size_t kNumViolationsMax = 20;

// Starts this program again with `words`, and reads its standard output to the end.
ChildEnd RunSelf(std::vector<std::string> words, const std::string& log_path) {
  std::array<int, 2> ends{};
  DASHI_CHECK(::pipe(ends.data()) == 0);
  const ::pid_t child = ::fork();
  DASHI_CHECK(child >= 0);
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    static_cast<void>(std::freopen(log_path.c_str(), "w", stderr));
    testing::ExecSelf(std::move(words));
  }
  ::close(ends[1]);
  ChildEnd end;
  const Stopwatch stopwatch;
  std::array<char, 1U << 16U> buffer{};
  while (true) {
    ::pollfd ready = {ends[0], POLLIN, 0};
    const int left_ms = kHungMs - static_cast<int>(stopwatch.Seconds() * 1000);
    if (left_ms <= 0 || ::poll(&ready, 1, left_ms) == 0) {
      end.hung = true;
      ::kill(child, SIGKILL);
      break;
    }
    const ssize_t got = ::read(ends[0], buffer.data(), buffer.size());
    if (got <= 0) {
      break;
    }
    end.output.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  ::waitpid(child, &end.status, 0);
  return end;
}

int PrintPicture(const std::string& directory, bool read_only) {
  OpenOptions options;
  options.create_if_missing = false;
  options.read_only = read_only;
  options.num_threads = 1;
  std::cout << EncodePicture(TakePicture(directory, options)) << std::flush;
  return 0;
}

struct Options {
  std::uint64_t num_flips = 150;
  std::uint64_t seed = 1;
  std::optional<std::uint64_t> only;
  std::string directory;
};

class CorruptRun {
 public:
  explicit CorruptRun(const Options& options) : options_(options) {}

  int Run() {
    directory_ = testing::MakeRunFolder(options_.directory, "corrupt");
    template_ = directory_ + "/template.db";
    const ChildEnd made = RunSelf({"corrupt", "--make", template_, directory_}, Log());
    if (made.status != 0) {
      std::cout << "the database could not be made: " << made.output << "\n";
      return 1;
    }
    files_ = ListFiles(template_);
    for (const bool read_only : {false, true}) {
      const ChildEnd read = ReadCopy("", read_only);
      truth_ = DecodePicture(read.output);
      const Verdict verdict = Compare(truth_, read);
      if (verdict.outcome != Outcome::kHarmless || truth_.size() < 2 || !LooksRight()) {
        std::cout << "the database is not as it should be: " << verdict.reason << "\n";
        return 1;
      }
    }
    const std::uint64_t first = options_.only.value_or(0);
    const std::uint64_t last = options_.only ? first + 1 : options_.num_flips;
    for (std::uint64_t trial = first; trial < last && num_violations_ < kNumViolationsMax;
         ++trial) {
      RunTrial(trial);
    }
    if (Compare(truth_, ReadCopy("", false)).outcome != Outcome::kHarmless) {
      std::cout << "VIOLATION: a trial changed the template\n";
      ++num_violations_;
    }
    return Report();
  }

 private:
  std::string Log() const { return directory_ + "/child.log"; }
  std::string Copy() const { return directory_ + "/copy.db"; }

  bool LooksRight() const {
    bool has_index = false;
    int num_logs = 0;
    int num_tables = 0;
    for (const DatabaseFile& file : files_) {
      num_logs += file.kind == "WAL" && file.num_bytes > 5'000 ? 1 : 0;
      has_index = has_index || file.kind == "index";
      num_tables += file.kind == "SST" ? 1 : 0;
    }
    return num_logs >= 4 && has_index && num_tables > 5;
  }

  ChildEnd ReadCopy(const std::string& own, bool read_only) {
    fs::remove_all(Copy());
    CopyDatabase(template_, Copy(), own);
    return RunSelf({"corrupt", "--read", Copy(), read_only ? "1" : "0"}, Log());
  }

  // Half of the trials choose a file, half a kind of file first: there are many tables.
  const DatabaseFile& ChooseFile(Random* random) const {
    if (random->Uniform(2) == 0) {
      return files_[random->Uniform(files_.size())];
    }
    std::map<std::string, std::vector<const DatabaseFile*>> kinds;
    for (const DatabaseFile& file : files_) {
      kinds[file.kind].push_back(&file);
    }
    auto kind = kinds.begin();
    std::advance(kind, random->Uniform(kinds.size()));
    return *kind->second[random->Uniform(kind->second.size())];
  }

  void RunTrial(std::uint64_t trial) {
    Random random(options_.seed * 1'000'003 + trial);
    const DatabaseFile& file = ChooseFile(&random);
    const bool read_only = random.Uniform(5) == 0;
    fs::remove_all(Copy());
    CopyDatabase(template_, Copy(), file.path);
    const Damage damage = DamageFile(Copy() + "/" + file.path, &random);
    const std::string kept = directory_ + "/damaged";
    std::error_code error;
    fs::remove(kept, error);
    fs::copy_file(Copy() + "/" + file.path, kept, error);  // Nothing when it was deleted.
    const ChildEnd end = RunSelf({"corrupt", "--read", Copy(), read_only ? "1" : "0"}, Log());
    const Verdict verdict = Compare(truth_, end);
    ++table_[file.kind][static_cast<std::size_t>(verdict.outcome)];
    if (options_.only) {
      std::cout << fmt::format("{}: {}: {}{}: {}\n", file.path, damage.description,
                               kOutcomeNames[static_cast<std::size_t>(verdict.outcome)],
                               read_only ? " (read only)" : "", verdict.reason);
    }
    if (!IsRight(verdict.outcome)) {
      ++num_violations_;
      const std::string directory = fmt::format("{}/trial-{}.db", directory_, trial);
      fs::remove_all(directory, error);
      CopyDatabase(template_, directory, file.path);
      fs::remove(directory + "/" + file.path, error);
      fs::copy_file(kept, directory + "/" + file.path, error);
      fs::copy_file(Log(), directory + ".log", error);
      std::cout << fmt::format("VIOLATION in trial {}: {}{}: {}: {}: {}; kept: {}\n", trial,
                               kOutcomeNames[static_cast<std::size_t>(verdict.outcome)],
                               read_only ? " (read only)" : "", file.path, damage.description,
                               verdict.reason, directory)
                << std::flush;
    }
    if ((trial + 1) % 500 == 0) {
      std::cerr << fmt::format("corrupt: {} trials\n", trial + 1);
    }
  }

  int Report() {
    std::cout << fmt::format("corrupt: seed {}, {} files\n{:<12}", options_.seed, files_.size(),
                             "file");
    for (const std::string_view name : kOutcomeNames) {
      std::cout << fmt::format("{:>12}", name);
    }
    std::cout << "\n";
    std::array<int, kOutcomeNames.size()> sums{};
    for (const auto& [kind, counts] : table_) {
      std::cout << fmt::format("{:<12}", kind);
      for (std::size_t i = 0; i < counts.size(); ++i) {
        std::cout << fmt::format("{:>12}", counts[i]);
        sums[i] += counts[i];
      }
      std::cout << "\n";
    }
    std::cout << fmt::format("{:<12}", "all");
    for (const int sum : sums) {
      std::cout << fmt::format("{:>12}", sum);
    }
    std::cout << "\n";
    if (num_violations_ > 0) {
      std::cout << fmt::format("seed {}: {} violations; kept: {}\n", options_.seed, num_violations_,
                               directory_);
      return 1;
    }
    testing::RemoveRunFolder(directory_);
    return 0;
  }

  const Options options_;
  std::string directory_;
  std::string template_;
  std::vector<DatabaseFile> files_;
  std::vector<Answer> truth_;
  std::map<std::string, std::array<int, kOutcomeNames.size()>> table_;
  std::size_t num_violations_ = 0;
};

int Main(int argc, char** argv) {
  const std::string_view mode = argc == 4 ? argv[1] : "";
  if (mode == "--read") {
    return PrintPicture(argv[2], std::string_view(argv[3]) == "1");
  }
  if (mode == "--make") {
    const Status status = MakeTemplate(argv[2], argv[3]);
    std::cout << status.ToString() << std::flush;
    ::_exit(status.ok() ? 0 : 1);  // As a killed process: nothing is closed.
  }
  Options options;
  CLI::App app("Damages files of a database, and checks that it is noticed.", "corrupt");
  app.add_option("--flips", options.num_flips, "How many trials")->capture_default_str();
  app.add_option("--seed", options.seed, "What all is chosen by")->capture_default_str();
  app.add_option("--only", options.only, "Only this trial, told in full");
  app.add_option("--directory", options.directory, "Where the databases go");
  CLI11_PARSE(app, argc, argv);
  return CorruptRun(options).Run();
}

}  // namespace
}  // namespace dashi::corrupt

int main(int argc, char** argv) { return dashi::corrupt::Main(argc, argv); }
