// Runs one golden SQL file: slt_runner [--server] FILE [DATABASE]. Prints every difference; the
// exit status is 1 then. Without DATABASE, a directory, the file begins with an empty one. With
// --server the statements go through a server and libpq.

#include <algorithm>
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
#include "tests/slt/slt_client.h"
#include "tests/slt/slt_script.h"
#include "tests/testing/tiny_database.h"

namespace dashi::slt {
namespace {

/// Whether two values are the same, or numbers that are the same as %.6g.
bool IsSame(const std::string& got, const std::string& wanted) {
  if (got == wanted) {
    return true;
  }
  const auto shortened = [](const std::string& text) {
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    char written[64] = "";
    if (!text.empty() && *end == '\0') {
      std::snprintf(written, sizeof(written), "%.6g", number);
    }
    return std::string(written);
  };
  return !shortened(got).empty() && shortened(got) == shortened(wanted);
}

std::vector<std::string> Split(const std::string& row) {
  std::vector<std::string> values;
  std::size_t begin = 0;
  for (std::size_t end = row.find(" | "); end != std::string::npos; end = row.find(" | ", begin)) {
    values.push_back(row.substr(begin, end - begin));
    begin = end + 3;
  }
  values.push_back(row.substr(begin));
  return values;
}

std::string Joined(const std::vector<std::string>& values) {
  std::string line;
  for (const std::string& value : values) {
    line += (&value == values.data() ? "" : " | ") + value;
  }
  return line;
}

class Runner {
 public:
  /// An empty path stands for a new database.
  Runner(std::string path, bool by_server)
      : path_(path.empty() ? directory_.path() + "/test.db" : std::move(path)),
        by_server_(by_server) {
    Open();
  }

  /// Returns the number of steps that went wrong.
  int Run(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      if (!step.embedded_only || !by_server_) {
        RunStep(step);
      }
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
    server_ = by_server_ ? Serve(*database_) : nullptr;
    Connect();
  }

  void Connect() {
    client_.reset();
    client_ = by_server_ ? server_->Connect() : ConnectEmbedded(*database_);
  }

  void Close() {
    client_.reset();
    server_.reset();
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

  void CheckError(const Step& step, const Answer& answer) {
    if (answer.ok) {
      Fail(step, "expected error " + step.argument + ", but it succeeded");
      return;
    }
    const bool same = answer.sqlstate == step.argument &&
                      (step.position.empty() || step.position == answer.position) &&
                      answer.said.find(step.part) != std::string::npos;
    if (!same) {
      Fail(step, "expected error " + step.argument + " at " + step.position + " " + step.part +
                     ", got " + answer.sqlstate + " at " + answer.position + ": " + answer.said);
    }
  }

  bool IsSameRow(const std::string& got, const std::string& wanted) const {
    if (got == wanted || !by_server_) {
      return got == wanted;
    }
    const std::vector<std::string> got_values = Split(got);
    const std::vector<std::string> wanted_values = Split(wanted);
    return std::equal(got_values.begin(), got_values.end(), wanted_values.begin(),
                      wanted_values.end(), IsSame);
  }

  void CheckRows(const Step& step, const Answer& answer) {
    std::vector<std::string> rows;
    rows.reserve(answer.rows.size());
    for (const std::vector<std::string>& row : answer.rows) {
      rows.push_back(Joined(row));
    }
    std::vector<std::string> expected = step.rows;
    if (step.sort_rows) {
      std::sort(rows.begin(), rows.end());
      std::sort(expected.begin(), expected.end());
    }
    const auto same = [this](const std::string& got, const std::string& wanted) {
      return IsSameRow(got, wanted);
    };
    if (std::equal(rows.begin(), rows.end(), expected.begin(), expected.end(), same)) {
      return;
    }
    std::string shown = "the rows differ; got";
    for (const std::string& row : rows) {
      shown += "\n" + row;
    }
    Fail(step, shown + "\nfor");
  }

  void RunStep(const Step& step) {
    switch (step.kind) {
      case Step::Kind::kOk: {
        const Answer answer = client_->Run(Expand(step.body));
        if (!answer.ok) {
          Fail(step, "expected success, got " + answer.sqlstate + ": " + answer.said);
        } else if (!step.argument.empty() && step.argument != answer.tag) {
          Fail(step, "expected the tag " + step.argument + ", got " + answer.tag);
        }
        return;
      }
      case Step::Kind::kError:
        CheckError(step, client_->Run(Expand(step.body)));
        return;
      case Step::Kind::kQuery: {
        const Answer answer = client_->Run(Expand(step.body));
        if (!answer.ok) {
          Fail(step, "expected rows, got " + answer.sqlstate + ": " + answer.said);
          return;
        }
        CheckRows(step, answer);
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
  const bool by_server_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<SltServer> server_;
  std::unique_ptr<SltClient> client_;
  int failures_ = 0;
};

int RunFile(const std::string& name, bool by_server, const std::string& database) {
  std::ifstream file(name, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  const auto steps = ParseScript(text.str());
  if (!file.good() || !steps.ok() || steps->empty()) {
    std::cerr << name << ": " << (steps.ok() ? "no steps" : steps.status().ToString()) << "\n";
    return 2;
  }
  const int failures = Runner(database, by_server).Run(*steps);
  std::cout << name << ": " << steps->size() << " steps, " << failures << " failed\n";
  return failures == 0 ? 0 : 1;
}

int Main(const std::vector<std::string>& arguments) {
  const bool by_server = !arguments.empty() && arguments[0] == "--server";
  if (!by_server) {
    if (arguments.size() != 1 && arguments.size() != 2) {
      std::cerr << "usage: slt_runner FILE [DATABASE], or slt_runner --server FILE...\n";
      return 2;
    }
    return RunFile(arguments[0], by_server, arguments.size() == 2 ? arguments[1] : "");
  }
  int worst = arguments.size() > 1 ? 0 : 2;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    worst = std::max(worst, RunFile(arguments[i], by_server, ""));
  }
  return worst;
}

}  // namespace
}  // namespace dashi::slt

int main(int argc, char** argv) { return dashi::slt::Main({argv + 1, argv + argc}); }
