#include "tests/corrupt/verdict.h"

#include <algorithm>
#include <sstream>
#include <sys/wait.h>

#include <fmt/format.h>

#include "base/byte_codec.h"

namespace dashi::corrupt {

namespace {

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

}  // namespace

std::string EncodePicture(const std::vector<Answer>& answers) {
  std::string bytes;
  for (const Answer& answer : answers) {
    AppendLengthPrefixed(&bytes, answer.question);
    AppendLengthPrefixed(&bytes, answer.sqlstate);
    AppendLengthPrefixed(&bytes, answer.text);
  }
  return bytes;
}

std::vector<Answer> DecodePicture(std::string_view bytes) {
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

Verdict Compare(const std::vector<Answer>& truth, const ChildEnd& end) {
  if (end.hung) {
    return {Outcome::kHung, "no answer within three minutes"};
  }
  if (!WIFEXITED(end.status) || WEXITSTATUS(end.status) != 0) {
    return {Outcome::kCrash, fmt::format("wait status {}", end.status)};
  }
  const std::vector<Answer> answers = DecodePicture(end.output);
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

}  // namespace dashi::corrupt
