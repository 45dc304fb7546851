#include "tests/slt/slt_script.h"

#include <sstream>
#include <utility>

#include "base/status.h"

namespace dashi::slt {

namespace {

Status BadStep(std::size_t line, const std::string& text) {
  return Status::InvalidArgument("line " + std::to_string(line) + ": unknown step: " + text);
}

std::string Rest(std::istringstream& words) {
  std::string rest;
  std::getline(words >> std::ws, rest);
  return rest;
}

Result<Step> ParseHeader(const std::string& text, std::size_t line) {
  std::istringstream words(text);
  std::string verb;
  words >> verb;
  Step step;
  step.line = line;
  if (verb == "statement") {
    std::string outcome;
    words >> outcome;
    if (outcome == "ok") {
      step.argument = Rest(words);
      return step;
    }
    if (outcome != "error" || !(words >> step.argument) || step.argument.size() != 5) {
      return BadStep(line, text);
    }
    step.kind = Step::Kind::kError;
    step.part = Rest(words);
    if (step.part.substr(0, 3) == "at ") {
      std::istringstream tail(step.part.substr(3));
      tail >> step.position;
      step.part = Rest(tail);
    }
    return step;
  }
  if (verb == "query") {
    step.kind = Step::Kind::kQuery;
    const std::string rest = Rest(words);
    step.sort_rows = rest == "rowsort";
    return rest.empty() || step.sort_rows ? Result<Step>(step) : BadStep(line, text);
  }
  step.argument = Rest(words);
  if (verb == "restart") {
    step.kind = Step::Kind::kRestart;
  } else if (verb == "reconnect") {
    step.kind = Step::Kind::kReconnect;
  } else if (verb == "file" && !step.argument.empty()) {
    step.kind = Step::Kind::kFile;
  } else if (verb == "release" && !step.argument.empty()) {
    step.kind = Step::Kind::kRelease;
  } else {
    return BadStep(line, text);
  }
  return step;
}

}  // namespace

Result<std::vector<Step>> ParseScript(const std::string& text) {
  std::vector<Step> steps;
  std::istringstream lines(text);
  std::string line;
  std::size_t number = 0;
  bool in_step = false;
  bool in_rows = false;
  bool embedded_only = false;
  while (std::getline(lines, line)) {
    ++number;
    if (line.empty()) {
      in_step = false;
      continue;
    }
    if (!in_step) {
      if (line[0] == '#') {
        continue;
      }
      if (line == "onlyif embedded") {
        embedded_only = true;
        continue;
      }
      DASHI_ASSIGN_OR_RETURN(Step step, ParseHeader(line, number));
      step.embedded_only = std::exchange(embedded_only, false);
      steps.push_back(std::move(step));
      in_step = true;
      in_rows = false;
    } else if (line == "----" && steps.back().kind == Step::Kind::kQuery) {
      in_rows = true;
    } else if (in_rows) {
      steps.back().rows.push_back(line);
    } else {
      steps.back().body += line + "\n";
    }
  }
  return steps;
}

}  // namespace dashi::slt
