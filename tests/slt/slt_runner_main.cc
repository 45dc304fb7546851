// Runs one golden SQL file: slt_runner FILE [DATABASE]. Prints every difference; the exit status is
// 1 then. Without DATABASE, a directory, the file begins with an empty one.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "dashi/database.h"
#include "tests/slt/slt_script.h"
#include "tests/testing/tiny_database.h"

namespace dashi::slt {
namespace {

std::string Shown(const Value& value) {
  if (value.type() == ValueType::kReal) {
    char text[64];
    std::snprintf(text, sizeof(text), "%.6g", value.real());
    return text;
  }
  const std::string text = value.ToString();
  return text.empty() ? "(empty)" : text;
}

std::string Shown(const Row& row) {
  std::string line;
  for (const Value& value : row) {
    line += (line.empty() && &value == row.data() ? "" : " | ") + Shown(value);
  }
  return line;
}

class Runner {
 public:
  /// An empty path stands for a new database.
  explicit Runner(std::string path)
      : path_(path.empty() ? directory_.path() + "/test.db" : std::move(path)) {
    Open();
  }

  /// Returns the number of steps that went wrong.
  int Run(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      RunStep(step);
    }
    return failures_;
  }

 private:
  void Open() {
    auto database = Database::Open(path_);
    if (!database.ok()) {
      std::cerr << "the database cannot be opened: " << database.status().ToString() << "\n";
      std::exit(2);
    }
    database_ = std::move(*database);
    Connect();
  }

  void Connect() {
    session_.reset();
    auto session = database_->NewSession();
    DASHI_CHECK(session.ok());
    session_ = std::move(*session);
  }

  void Close() {
    session_.reset();
    database_.reset();
  }

  void Fail(const Step& step, const std::string& what) {
    ++failures_;
    std::cerr << "line " << step.line << ": " << what << "\n" << step.body << "\n";
  }

  std::string Expand(std::string text) const {
    const char* source = std::getenv("DASHI_SOURCE_DIR");
    const std::pair<std::string, std::string> places[] = {
        {"${DIR}", directory_.path()}, {"${SOURCE}", source == nullptr ? "." : source}};
    for (const auto& [placeholder, place] : places) {
      for (std::size_t at = text.find(placeholder); at != std::string::npos;
           at = text.find(placeholder, at)) {
        text.replace(at, placeholder.size(), place);
      }
    }
    return text;
  }

  // Runs the SQL to its end and collects rows and tag.
  Status Execute(const std::string& sql, std::vector<std::string>* rows, std::string* tag) {
    DASHI_ASSIGN_OR_RETURN(ResultSet result, session_->Execute(Expand(sql)));
    Row row;
    for (;;) {
      DASHI_ASSIGN_OR_RETURN(const bool more, result.Next(&row));
      if (!more) {
        *tag = result.command_tag();
        return Status();
      }
      rows->push_back(Shown(row));
    }
  }

  void CheckError(const Step& step, const Status& status) {
    if (status.ok()) {
      Fail(step, "expected error " + step.argument + ", but it succeeded");
      return;
    }
    std::string position;
    if (status.position()) {
      position =
          std::to_string(status.position()->line) + ":" + std::to_string(status.position()->column);
    }
    const std::string said = std::string(status.message()) + " " + std::string(status.hint());
    const bool same = status.sqlstate() == step.argument &&
                      (step.position.empty() || step.position == position) &&
                      said.find(step.part) != std::string::npos;
    if (!same) {
      Fail(step, "expected error " + step.argument + " at " + step.position + " " + step.part +
                     ", got " + std::string(status.sqlstate()) + " at " + position + ": " + said);
    }
  }

  void CheckRows(const Step& step, std::vector<std::string> rows) {
    std::vector<std::string> expected = step.rows;
    if (step.sort_rows) {
      std::sort(rows.begin(), rows.end());
      std::sort(expected.begin(), expected.end());
    }
    if (rows == expected) {
      return;
    }
    std::string shown = "the rows differ; got";
    for (const std::string& row : rows) {
      shown += "\n" + row;
    }
    Fail(step, shown + "\nfor");
  }

  void RunStep(const Step& step) {
    std::vector<std::string> rows;
    std::string tag;
    switch (step.kind) {
      case Step::Kind::kOk: {
        const Status status = Execute(step.body, &rows, &tag);
        if (!status.ok()) {
          Fail(step, "expected success, got " + std::string(status.sqlstate()) + ": " +
                         status.ToString());
        } else if (!step.argument.empty() && step.argument != tag) {
          Fail(step, "expected the tag " + step.argument + ", got " + tag);
        }
        return;
      }
      case Step::Kind::kError:
        CheckError(step, Execute(step.body, &rows, &tag));
        return;
      case Step::Kind::kQuery: {
        const Status status = Execute(step.body, &rows, &tag);
        if (!status.ok()) {
          Fail(step,
               "expected rows, got " + std::string(status.sqlstate()) + ": " + status.ToString());
          return;
        }
        CheckRows(step, std::move(rows));
        return;
      }
      case Step::Kind::kRestart:
        Close();
        Open();
        return;
      case Step::Kind::kReconnect:
        Connect();
        return;
      case Step::Kind::kFile:
        std::ofstream(directory_.path() + "/" + step.argument, std::ios::binary) << step.body;
        return;
      case Step::Kind::kRelease:
        Close();
        testing::AddRelease(*testing::OpenStore(path_), step.argument);
        Open();
        return;
    }
  }

  testing::TemporaryDirectory directory_;
  const std::string path_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Session> session_;
  int failures_ = 0;
};

int Main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::cerr << "usage: slt_runner FILE [DATABASE]\n";
    return 2;
  }
  std::ifstream file(argv[1], std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  const auto steps = ParseScript(text.str());
  if (!file.good() || !steps.ok() || steps->empty()) {
    std::cerr << argv[1] << ": " << (steps.ok() ? "no steps" : steps.status().ToString()) << "\n";
    return 2;
  }
  const int failures = Runner(argc == 3 ? argv[2] : "").Run(*steps);
  std::cout << argv[1] << ": " << steps->size() << " steps, " << failures << " failed\n";
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace dashi::slt

int main(int argc, char** argv) { return dashi::slt::Main(argc, argv); }
