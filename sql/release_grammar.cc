#include "sql/release_grammar.h"

#include <utility>

#include "base/status.h"
#include "sql/publish_grammar.h"

namespace dashi::sql {

Result<StatementNode> ParsePublish(TokenStream& tokens) {
  PublishStatement publish;
  // A model may be called "latest" or "model": the words are keywords only before a name.
  const bool name_follows = tokens.Peek(1).kind == TokenKind::kIdentifier ||
                            tokens.Peek(1).kind == TokenKind::kQuotedIdentifier;
  const bool word =
      name_follows && !tokens.Peek(1).IsKeyword("WHEN") && !tokens.Peek(1).IsKeyword("ON");
  const bool latest = word && tokens.TakeKeyword("LATEST");
  if (!latest && word) {
    tokens.TakeKeyword("MODEL");
  }
  DASHI_ASSIGN_OR_RETURN(publish.release, tokens.ExpectReleaseName());
  if (latest && publish.release.release) {
    return tokens.SyntaxError("a model without a release number after LATEST");
  }
  if (tokens.TakeKeyword("ON")) {
    DASHI_ASSIGN_OR_RETURN(publish.split, tokens.ExpectString("the name of a split"));
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("WHEN"));
    DASHI_ASSIGN_OR_RETURN(publish.conditions, ExpectPublishConditions(tokens));
  } else if (tokens.TakeKeyword("WHEN")) {
    DASHI_ASSIGN_OR_RETURN(publish.conditions, ExpectPublishConditions(tokens));
  }
  return StatementNode(std::move(publish));
}

Result<StatementNode> ParseRevert(TokenStream& tokens) {
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("MODEL"));
  RevertModelStatement revert;
  DASHI_ASSIGN_OR_RETURN(revert.model, tokens.ExpectName("the name of a model"));
  return StatementNode(std::move(revert));
}

Result<StatementNode> ParsePin(TokenStream& tokens, bool pin) {
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("RELEASE"));
  PinReleaseStatement statement;
  statement.pin = pin;
  DASHI_ASSIGN_OR_RETURN(statement.release, ExpectNumberedRelease(tokens));
  return StatementNode(std::move(statement));
}

Result<StatementNode> ParseRefresh(TokenStream& tokens) {
  if (tokens.Peek().IsKeyword("MATERIALIZED")) {
    return tokens.Unsupported(tokens.Peek(), "views are not supported",
                              "REFRESH MODEL embeds what came after a release.");
  }
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("MODEL"));
  RefreshModelStatement refresh;
  DASHI_ASSIGN_OR_RETURN(refresh.release, tokens.ExpectReleaseName());
  return StatementNode(std::move(refresh));
}

Result<StatementNode> ParseAlterModel(TokenStream& tokens) {
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("MODEL"));
  AlterModelStatement alter;
  alter.model_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(alter.model, tokens.ExpectName("the name of a model"));
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("SET"));
  DASHI_ASSIGN_OR_RETURN(alter.options, tokens.ExpectOptions());
  return StatementNode(std::move(alter));
}

Result<ReleaseName> ExpectNumberedRelease(TokenStream& tokens) {
  DASHI_ASSIGN_OR_RETURN(ReleaseName release, tokens.ExpectReleaseName());
  if (!release.release) {
    return tokens.SyntaxError("\"@\" and the number of a release");
  }
  return release;
}

}  // namespace dashi::sql
