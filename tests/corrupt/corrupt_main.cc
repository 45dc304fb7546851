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

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <poll.h>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/byte_codec.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "tests/corrupt/database_picture.h"
#include "tests/corrupt/file_damage.h"

namespace dashi::corrupt {
namespace {

namespace fs = std::filesystem;

constexpr int kHungMs = 60'000;
constexpr std::size_t kNumViolationsMax = 20;

enum class Outcome : std::uint8_t {
  kDetected,
  kHarmless,
  kLastSecond,
  kFewerRows,
  kWrongRows,
  kUnclearError,
  kCrash,
  kHung
};
constexpr std::array<std::string_view, 8> kOutcomeNames = {
    "detected", "harmless", "last second", "fewer rows", "wrong rows", "unclear", "crash", "hung"};

bool IsRight(Outcome outcome) { return outcome <= Outcome::kLastSecond; }

// What a child printed, and how it ended.
struct ChildEnd {
  std::string output;
  int status = 0;
  bool hung = false;
};

// Starts this program again with `words`, and reads its standard output to the end.
ChildEnd RunSelf(std::vector<std::string> words, const std::string& log_path) {
  std::array<int, 2> ends{};
  DASHI_CHECK(::pipe(ends.data()) == 0);
  const ::pid_t child = ::fork();
  DASHI_CHECK(child >= 0);
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    static_cast<void>(std::freopen(log_path.c_str(), "w", stderr));
    ::setenv("OMP_NUM_THREADS", "1", 1);
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words) {
      arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    ::execv("/proc/self/exe", arguments.data());
    ::_exit(127);
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
  std::string bytes;
  for (const Answer& answer : TakePicture(directory, options)) {
    AppendLengthPrefixed(&bytes, answer.question);
    AppendLengthPrefixed(&bytes, answer.sqlstate);
    AppendLengthPrefixed(&bytes, answer.text);
  }
  std::cout << bytes << std::flush;
  return 0;
}

std::vector<Answer> ParsePicture(std::string_view bytes) {
  std::vector<Answer> answers;
  ByteReader reader(bytes);
  std::string_view question;
  std::string_view sqlstate;
  std::string_view text;
  while (reader.ReadLengthPrefixed(&question) && reader.ReadLengthPrefixed(&sqlstate) &&
         reader.ReadLengthPrefixed(&text)) {
    answers.push_back({std::string(question), std::string(sqlstate), std::string(text)});
  }
  return answers;
}

std::string WithoutLine(std::string_view text, std::string_view begin) {
  std::stringstream lines{std::string(text)};
  std::string rest;
  std::string line;
  while (std::getline(lines, line)) {
    if (!line.starts_with(begin)) {
      rest += line + "\n";
    }
  }
  return rest;
}

std::size_t NumLines(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

struct Verdict {
  Outcome outcome{};
  std::string reason;
};

Verdict Compare(const std::vector<Answer>& truth, const ChildEnd& end) {
  if (end.hung) {
    return {Outcome::kHung, "no answer within a minute"};
  }
  if (!WIFEXITED(end.status) || WEXITSTATUS(end.status) != 0) {
    return {Outcome::kCrash, fmt::format("wait status {}", end.status)};
  }
  const std::vector<Answer> answers = ParsePicture(end.output);
  Verdict verdict{Outcome::kHarmless, ""};
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Answer& answer = answers[i];
    if (answer.sqlstate != "00000") {
      const bool clear = !answer.sqlstate.starts_with("XX000") && answer.text.size() > 20;
      if (!clear) {
        return {Outcome::kUnclearError, answer.sqlstate + " " + answer.text};
      }
      verdict = {Outcome::kDetected, answer.sqlstate + " " + answer.text};
    } else if (answer.text != truth[i].text) {
      if (answer.question == kLastCommitQuestion &&
          answer.text == WithoutLine(truth[i].text, kLastCommitId)) {
        verdict = {Outcome::kLastSecond, ""};
        continue;
      }
      const bool fewer = NumLines(answer.text) < NumLines(truth[i].text);
      return {fewer ? Outcome::kFewerRows : Outcome::kWrongRows,
              fmt::format("{}: {} rows for {}", answer.question, NumLines(answer.text),
                          NumLines(truth[i].text))};
    }
  }
  return verdict;
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
    MakeDirectory();
    const ChildEnd made = RunSelf({"corrupt", "--make", template_, directory_}, Log());
    if (made.status != 0) {
      std::cout << "the database could not be made: " << made.output << "\n";
      return 1;
    }
    files_ = ListFiles(template_);
    for (const bool read_only : {false, true}) {
      const ChildEnd read = ReadCopy("", read_only);
      truth_ = ParsePicture(read.output);
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
  void MakeDirectory() {
    directory_ = options_.directory;
    if (directory_.empty()) {
      const char* parent = std::getenv("TEST_TMPDIR");
      std::string pattern =
          (parent == nullptr ? fs::temp_directory_path().string() : std::string(parent)) +
          "/dashi-corrupt-XXXXXX";
      DASHI_CHECK(::mkdtemp(pattern.data()) != nullptr);
      directory_ = pattern;
    }
    fs::create_directories(directory_);
    template_ = directory_ + "/template.db";
  }

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
    fs::remove_all(directory_);
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
