#include <cstdio>
#include <utility>

#include "base/status.h"
#include "base/vector_codec.h"
#include "tests/slt/slt_client.h"

namespace dashi::slt {
namespace {

// Vectors as a server sends them.
std::string Shown(const Value& value, SqlType type) {
  if (type == SqlType::kVector && value.type() == ValueType::kBlob) {
    std::string text;
    AppendVectorArrayText(&text, value.bytes());
    return text;
  }
  if (value.type() == ValueType::kReal) {
    char text[64];
    std::snprintf(text, sizeof(text), "%.6g", value.real());
    return text;
  }
  const std::string text = value.ToString();
  return text.empty() ? "(empty)" : text;
}

class EmbeddedClient : public SltClient {
 public:
  explicit EmbeddedClient(std::unique_ptr<Session> session) : session_(std::move(session)) {}

  Answer Run(const std::string& sql) override {
    Answer answer;
    const Status status = Collect(sql, &answer);
    if (!status.ok()) {
      answer.ok = false;
      answer.sqlstate = status.sqlstate();
      answer.said = std::string(status.message()) + " " + std::string(status.hint());
      if (status.position()) {
        answer.position = std::to_string(status.position()->line) + ":" +
                          std::to_string(status.position()->column);
      }
    }
    return answer;
  }

 private:
  Status Collect(const std::string& sql, Answer* answer) {
    DASHI_ASSIGN_OR_RETURN(ResultSet result, session_->Execute(sql));
    Row row;
    for (;;) {
      DASHI_ASSIGN_OR_RETURN(const bool more, result.Next(&row));
      if (!more) {
        answer->tag = result.command_tag();
        return Status();
      }
      std::vector<std::string>& shown = answer->rows.emplace_back();
      for (std::size_t i = 0; i < row.size(); ++i) {
        shown.push_back(Shown(row[i], result.columns()[i].sql_type));
      }
    }
  }

  const std::unique_ptr<Session> session_;
};

}  // namespace

std::unique_ptr<SltClient> ConnectEmbedded(Database& database) {
  auto session = database.NewSession();
  DASHI_CHECK(session.ok());
  return std::make_unique<EmbeddedClient>(std::move(session).value());
}

}  // namespace dashi::slt
