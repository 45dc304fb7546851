#include "sql/shell/copy_command.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/shell/ascii_case.h"
#include "sql/shell/sql_quoting.h"

namespace dashi {

namespace {

constexpr std::string_view kUsage =
    "\\copy TABLE [(columns)] FROM FILE|STDIN [(options)], \\copy TABLE|(query) TO FILE|STDOUT "
    "[format]";

struct Piece {
  std::string text;
  bool quoted = false;  ///< it stood in single quotes; text is what they enclose
};

bool IsBlank(char byte) { return std::isspace(static_cast<unsigned char>(byte)) != 0; }

// Returns the end of the quoted text that begins at `begin`, behind its quote; 0 when it does not
// end. Doubled quotes come to the same as two texts.
std::size_t EndOfQuotes(std::string_view text, std::size_t begin) {
  const std::size_t end = text.find(text[begin], begin + 1);
  return end == std::string_view::npos ? 0 : end + 1;
}

// Returns the end of the parenthesis that begins at `begin`, 0 when it does not end.
std::size_t EndOfParenthesis(std::string_view text, std::size_t begin) {
  std::size_t depth = 0;
  for (std::size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '\'' || text[i] == '"') {
      const std::size_t end = EndOfQuotes(text, i);
      if (end == 0) {
        return 0;
      }
      i = end - 1;
    } else if (text[i] == '(') {
      ++depth;
    } else if (text[i] == ')' && --depth == 0) {
      return i + 1;
    }
  }
  return 0;
}

// Returns the end of a word with its quoted parts.
std::size_t EndOfWord(std::string_view text, std::size_t begin) {
  std::size_t end = begin;
  while (end < text.size() && !IsBlank(text[end]) && (end == begin || text[end] != '(')) {
    end = text[end] == '\'' || text[end] == '"' ? EndOfQuotes(text, end) : end + 1;
    if (end == 0) {
      return 0;
    }
  }
  return end;
}

// Cuts the text into words, quoted texts and whole parentheses.
Result<std::vector<Piece>> Cut(std::string_view text) {
  std::vector<Piece> pieces;
  std::size_t begin = 0;
  while (true) {
    while (begin < text.size() && IsBlank(text[begin])) {
      ++begin;
    }
    if (begin == text.size()) {
      return pieces;
    }
    const std::size_t end =
        text[begin] == '(' ? EndOfParenthesis(text, begin) : EndOfWord(text, begin);
    if (end == 0) {
      return Status::InvalidArgument("a quote or a parenthesis is not closed");
    }
    Piece piece;
    piece.text = text.substr(begin, end - begin);
    piece.quoted = piece.text.starts_with('\'') && piece.text.ends_with('\'');
    if (piece.quoted) {
      std::string plain;
      for (std::size_t i = 1; i + 1 < piece.text.size(); ++i) {
        plain += piece.text[i];
        i += piece.text[i] == '\'' ? 1U : 0U;  // The second one of two.
      }
      piece.text = std::move(plain);
    }
    pieces.push_back(std::move(piece));
    begin = end;
  }
}

bool IsWord(const Piece& piece, std::string_view word) {
  return !piece.quoted && EqualsIgnoringCase(piece.text, word);
}

Status Misunderstood(const std::string& what) {
  return Status::InvalidArgument("\\copy: " + what).WithHint("Write " + std::string(kUsage) + ".");
}

// Returns the format that a file's name tells.
Result<OutputFormat> FormatOfFile(const std::string& path) {
  const std::size_t dot = path.rfind('.');
  const std::string extension = dot == std::string::npos ? "" : path.substr(dot + 1);
  if (extension == "gz" || extension == "zst") {
    return Status::InvalidArgument("\\copy writes no compressed files: " + path)
        .WithHint("Write " + path.substr(0, dot) + ", and compress it.");
  }
  if (extension == "ndjson") {
    return OutputFormat::kJsonLines;
  }
  if (extension == "md") {
    return OutputFormat::kMarkdown;
  }
  if (extension == "txt") {
    return OutputFormat::kTable;
  }
  const std::optional<OutputFormat> format = OutputFormatNamed(extension);
  if (format) {
    return *format;
  }
  return Misunderstood("the name of the file does not tell a format: " + path);
}

// Reads [WITH] [(] [FORMAT] name [)], which may also name HEADER, that is always written.
Result<std::optional<OutputFormat>> ParseFormat(std::vector<Piece> pieces) {
  if (!pieces.empty() && IsWord(pieces.front(), "with")) {
    pieces.erase(pieces.begin());
  }
  if (pieces.size() == 1 && pieces.front().text.starts_with('(')) {
    std::string inside = pieces.front().text.substr(1, pieces.front().text.size() - 2);
    std::replace(inside.begin(), inside.end(), ',', ' ');
    DASHI_ASSIGN_OR_RETURN(pieces, Cut(inside));
  }
  std::optional<OutputFormat> format;
  for (const Piece& piece : pieces) {
    if (IsWord(piece, "format") || IsWord(piece, "header")) {
      continue;
    }
    // COPY's name for it, too.
    format = IsWord(piece, "text") ? OutputFormat::kTsv : OutputFormatNamed(LowerAscii(piece.text));
    if (!format) {
      return Misunderstood(fmt::format("'{}' is not a format: {}", piece.text,
                                       fmt::join(OutputFormatNames(), ", ")));
    }
  }
  return format;
}

// "labels", "(id, text)" -> SELECT id, text FROM labels; "(SELECT ...)" -> what it encloses.
Result<std::string> QueryOf(const std::vector<Piece>& source) {
  if (source.size() == 1 && source.front().text.starts_with('(')) {
    return source.front().text.substr(1, source.front().text.size() - 2);
  }
  if (source.size() == 1) {
    return "SELECT * FROM " + source.front().text;
  }
  if (source.size() == 2 && source.back().text.starts_with('(')) {
    const std::string& columns = source.back().text;
    return fmt::format("SELECT {} FROM {}", columns.substr(1, columns.size() - 2),
                       source.front().text);
  }
  return Misunderstood("a table or a query in parentheses must stand before TO");
}

}  // namespace

bool IsCopyFromInput(std::string_view statement) {
  const std::size_t end = EndOfWord(statement, 0);
  if (!EqualsIgnoringCase(statement.substr(0, end), "copy")) {
    return false;
  }
  const Result<std::vector<Piece>> pieces = Cut(statement);
  if (!pieces.ok()) {
    return false;
  }
  for (std::size_t i = 0; i + 1 < pieces->size(); ++i) {
    if (IsWord((*pieces)[i], "from")) {
      return IsWord((*pieces)[i + 1], "stdin");
    }
  }
  return false;
}

Result<CopyCommand> ParseCopyCommand(std::string_view text) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<Piece> pieces, Cut(text));
  const auto direction = std::find_if(pieces.begin(), pieces.end(), [](const Piece& piece) {
    return IsWord(piece, "from") || IsWord(piece, "to");
  });
  if (direction == pieces.begin() || pieces.end() - direction < 2) {
    return Misunderstood("FROM or TO and the name of a file are missing");
  }
  CopyCommand command;
  command.to_file = IsWord(*direction, "to");
  const std::vector<Piece> source(pieces.begin(), direction);
  const Piece& file = *(direction + 1);
  const std::vector<Piece> options(direction + 2, pieces.end());
  if (!command.to_file) {
    if (IsWord(file, "program")) {
      return Misunderstood("it runs no programs");
    }
    command.standard_input = IsWord(file, "pstdin");
    const bool from_input = command.standard_input || IsWord(file, "stdin");
    command.statement = "COPY";
    for (const Piece& piece : source) {
      command.statement += " " + piece.text;
    }
    command.statement += " FROM " + (from_input ? "STDIN" : QuotedText(file.text));
    const bool has_with = options.empty() || IsWord(options.front(), "with");
    command.statement += has_with ? "" : " WITH";
    for (const Piece& piece : options) {
      command.statement += " " + (piece.quoted ? QuotedText(piece.text) : piece.text);
    }
    return command;
  }
  DASHI_ASSIGN_OR_RETURN(command.statement, QueryOf(source));
  DASHI_ASSIGN_OR_RETURN(const std::optional<OutputFormat> format, ParseFormat(options));
  const bool to_standard_output = IsWord(file, "stdout") || IsWord(file, "pstdout");
  command.path = to_standard_output ? "" : file.text;
  if (format) {
    command.format = *format;
  } else if (!to_standard_output) {
    DASHI_ASSIGN_OR_RETURN(command.format, FormatOfFile(command.path));
  }
  return command;
}

}  // namespace dashi
