#include "sql/copy_grammar.h"

#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "sql/inner_query_grammar.h"

namespace dashi::sql {

namespace {

/// PostgreSQL's older spelling: CSV, BINARY, HEADER, DELIMITER [AS] 'c' and NULL [AS] 's' without
/// parentheses.
Status ReadOlderOptions(TokenStream& tokens, std::vector<OptionNode>* options) {
  while (!tokens.AtEnd()) {
    OptionNode option;
    option.offset = tokens.Peek().offset;
    static constexpr std::string_view kWords[] = {"CSV", "BINARY", "HEADER", "DELIMITER", "NULL"};
    DASHI_ASSIGN_OR_RETURN(const std::size_t word, tokens.ExpectOneOf(kWords));
    if (word < 3) {
      option.name = word < 2 ? "format" : "header";
      option.value = word == 0 ? "csv" : word == 1 ? "binary" : "on";
    } else {
      option.name = word == 3 ? "delimiter" : "null";
      tokens.TakeKeyword("AS");
      DASHI_ASSIGN_OR_RETURN(option.value, tokens.ExpectString("a text in quotes"));
    }
    options->push_back(std::move(option));
  }
  return Status();
}

Status ReadCopyOptions(TokenStream& tokens, std::vector<OptionNode>* options) {
  const bool with = tokens.TakeKeyword("WITH");
  if (tokens.Peek().IsOperator("(") || (with && tokens.AtEnd())) {
    DASHI_ASSIGN_OR_RETURN(*options, tokens.ExpectOptions());
    return Status();
  }
  return ReadOlderOptions(tokens, options);
}

Result<StatementNode> ReadTarget(TokenStream& tokens, CopyToStatement copy) {
  if (tokens.Peek().IsKeyword("PROGRAM")) {
    return tokens.Unsupported(tokens.Peek(), "COPY runs no programs",
                              "Write COPY ... TO 'path' or COPY ... TO STDOUT.");
  }
  copy.path_offset = tokens.Peek().offset;
  copy.to_output = tokens.TakeKeyword("STDOUT");
  if (!copy.to_output) {
    DASHI_ASSIGN_OR_RETURN(copy.path,
                           tokens.ExpectString("the path of a file, in quotes, or STDOUT"));
  }
  DASHI_RETURN_IF_ERROR(ReadCopyOptions(tokens, &copy.options));
  return StatementNode(std::move(copy));
}

/// Takes the query and its parentheses.
Result<StatementNode> ParseCopyQuery(TokenStream& tokens) {
  CopyToStatement copy;
  DASHI_ASSIGN_OR_RETURN(copy.query,
                         ExpectQueryInParentheses(tokens, "COPY writes the rows of a SELECT only"));
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("TO"));
  return ReadTarget(tokens, std::move(copy));
}

}  // namespace

Result<StatementNode> ParseCopy(TokenStream& tokens) {
  if (tokens.Peek().IsOperator("(")) {
    return ParseCopyQuery(tokens);
  }
  CopyFromStatement copy;
  copy.table_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(copy.table, tokens.ExpectName("the name of a table, or a query"));
  if (tokens.TakeOperator("(")) {
    do {
      copy.column_offsets.push_back(tokens.Peek().offset);
      DASHI_ASSIGN_OR_RETURN(std::string column, tokens.ExpectName("the name of a column"));
      copy.columns.push_back(std::move(column));
    } while (tokens.TakeOperator(","));
    if (!tokens.TakeOperator(")")) {
      return tokens.SyntaxError("\",\" or \")\"");
    }
  }
  if (tokens.TakeKeyword("TO")) {
    CopyToStatement to;
    to.table = std::move(copy.table);
    to.table_offset = copy.table_offset;
    to.columns = std::move(copy.columns);
    to.column_offsets = std::move(copy.column_offsets);
    return ReadTarget(tokens, std::move(to));
  }
  static constexpr std::string_view kDirections[] = {"FROM", "TO"};
  DASHI_RETURN_IF_ERROR(tokens.ExpectOneOf(kDirections).status());
  if (tokens.Peek().IsKeyword("PROGRAM")) {
    return tokens.Unsupported(tokens.Peek(), "COPY runs no programs",
                              "Write COPY ... FROM 'path' or COPY ... FROM STDIN.");
  }
  copy.path_offset = tokens.Peek().offset;
  copy.from_input = tokens.TakeKeyword("STDIN");
  if (!copy.from_input) {
    DASHI_ASSIGN_OR_RETURN(copy.path,
                           tokens.ExpectString("the path of a file, in quotes, or STDIN"));
  }
  DASHI_RETURN_IF_ERROR(ReadCopyOptions(tokens, &copy.options));
  return StatementNode(std::move(copy));
}

}  // namespace dashi::sql
