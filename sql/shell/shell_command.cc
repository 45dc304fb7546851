#include "sql/shell/shell_command.h"

#include <algorithm>
#include <cctype>

namespace dashi {

namespace {

constexpr std::string_view kBlanks = " \t\r\n\f\v";

std::string_view WithoutBlanks(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

// "dt+" of "\dt+ x"; a name that is no letter is that one character: "!" of "\!ls".
std::string_view NameOf(std::string_view text) {
  if (text.empty() || std::isalpha(static_cast<unsigned char>(text.front())) == 0) {
    return text.substr(0, 1);
  }
  const auto end = std::find_if(text.begin(), text.end(), [](char byte) {
    return std::isalnum(static_cast<unsigned char>(byte)) == 0 && byte != '+' && byte != '_';
  });
  return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

// Reads the word that `*text` begins with, and takes it away.
Result<std::string> TakeWord(std::string_view* text) {
  std::string word;
  char quote = '\0';
  while (!text->empty()) {
    const char byte = text->front();
    if (quote == '\0' && kBlanks.find(byte) != std::string_view::npos) {
      return word;
    }
    text->remove_prefix(1);
    if (byte == quote && !text->empty() && text->front() == quote) {
      word += quote;
      text->remove_prefix(1);
    } else if (byte == quote) {
      quote = '\0';
    } else if (quote == '\0' && (byte == '\'' || byte == '"')) {
      quote = byte;
    } else {
      word += byte;
    }
  }
  if (quote != '\0') {
    return Status::InvalidArgument(std::string("a quote is not closed: ") + quote);
  }
  return word;
}

}  // namespace

Result<ShellCommand> ParseShellCommand(std::string_view line) {
  ShellCommand command;
  line = WithoutBlanks(line).substr(1);
  while (line.ends_with(';')) {
    line = WithoutBlanks(line.substr(0, line.size() - 1));
  }
  command.name = NameOf(line);
  line = WithoutBlanks(line.substr(command.name.size()));
  command.rest = line;
  if (command.name == "!") {
    return command;  // Its quotes are those of /bin/sh.
  }
  while (!line.empty()) {
    Result<std::string> word = TakeWord(&line);
    if (!word.ok()) {
      return word.status();
    }
    command.arguments.push_back(std::move(word).value());
    line = WithoutBlanks(line);
  }
  return command;
}

}  // namespace dashi
