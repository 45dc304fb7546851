#include <algorithm>
#include <cstdint>
#include <iostream>
#include <utility>

#include <postgresql/libpq-fe.h>

#include "base/status.h"
#include "server/server.h"
#include "sql/shell/session_runner.h"
#include "tests/slt/slt_client.h"

namespace dashi::slt {
namespace {

constexpr Oid kBool = 16;

struct ResultDeleter {
  void operator()(PGresult* result) const { PQclear(result); }
};
struct ConnectionDeleter {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using PgResult = std::unique_ptr<PGresult, ResultDeleter>;

std::string Field(const PGresult* result, int which) {
  const char* field = PQresultErrorField(result, which);
  return field == nullptr ? std::string() : std::string(field);
}

/// "L:C" of the n-th character, from 1, of a text.
std::string PositionOf(const std::string& sql, const std::string& character) {
  if (character.empty()) {
    return "";
  }
  std::size_t left = std::stoul(character) - 1;
  std::size_t line = 1;
  std::size_t column = 1;
  for (std::size_t i = 0; i < sql.size() && left > 0; ++i) {
    const bool ends =
        i + 1 == sql.size() || (static_cast<unsigned char>(sql[i + 1]) & 0xC0) != 0x80;
    if (!ends) {
      continue;
    }
    --left;
    column = sql[i] == '\n' ? 1 : column + 1;
    line += sql[i] == '\n' ? 1 : 0;
  }
  return std::to_string(line) + ":" + std::to_string(column);
}

class ServerClient : public SltClient {
 public:
  explicit ServerClient(std::uint16_t port)
      : connection_(PQconnectdb(
            ("host=127.0.0.1 dbname=test user=test sslmode=disable gssencmode=disable port=" +
             std::to_string(port))
                .c_str())) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) {
      std::cerr << "no connection: " << PQerrorMessage(connection_.get());
      std::exit(2);
    }
    PQsetNoticeProcessor(
        connection_.get(), [](void*, const char*) {}, nullptr);
  }

  Answer Run(const std::string& sql) override {
    Answer answer;
    const PgResult result(PQexec(connection_.get(), sql.c_str()));
    switch (PQresultStatus(result.get())) {
      case PGRES_TUPLES_OK:
        ReadRows(result.get(), &answer);
        [[fallthrough]];
      case PGRES_COMMAND_OK:
        answer.tag = PQcmdStatus(result.get());
        return answer;
      default:
        answer.ok = false;
        answer.sqlstate = Field(result.get(), PG_DIAG_SQLSTATE);
        answer.position = PositionOf(sql, Field(result.get(), PG_DIAG_STATEMENT_POSITION));
        answer.said = Field(result.get(), PG_DIAG_MESSAGE_PRIMARY) + " " +
                      Field(result.get(), PG_DIAG_MESSAGE_HINT);
        if (answer.sqlstate.empty()) {
          answer.said = PQerrorMessage(connection_.get());
        }
        return answer;
    }
  }

 private:
  static void ReadRows(const PGresult* result, Answer* answer) {
    const int num_columns = PQnfields(result);
    for (int row = 0; row < PQntuples(result); ++row) {
      std::vector<std::string>& shown = answer->rows.emplace_back();
      for (int column = 0; column < num_columns; ++column) {
        std::string text = PQgetvalue(result, row, column);
        if (PQftype(result, column) == kBool && !text.empty()) {
          text = text == "t" ? "1" : "0";  // As the embedded API has them.
        }
        shown.push_back(PQgetisnull(result, row, column) != 0 ? "NULL"
                        : text.empty()                        ? "(empty)"
                                                              : text);
      }
    }
  }

  const std::unique_ptr<PGconn, ConnectionDeleter> connection_;
};

class LoopbackServer : public SltServer {
 public:
  explicit LoopbackServer(Database& database) {
    const auto make_runner = [&database]() -> Result<std::unique_ptr<StatementRunner>> {
      DASHI_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, database.NewSession());
      return std::unique_ptr<StatementRunner>(std::make_unique<SessionRunner>(std::move(session)));
    };
    ServerOptions options;
    options.port = 0;
    auto started = Server::Start(options, make_runner, [] { return 7U; });
    if (!started.ok()) {
      std::cerr << "the server does not start: " << started.status().ToString() << "\n";
      std::exit(2);
    }
    server_ = std::move(started).value();
  }

  std::unique_ptr<SltClient> Connect() override {
    return std::make_unique<ServerClient>(server_->port());
  }

 private:
  std::unique_ptr<Server> server_;
};

}  // namespace

std::unique_ptr<SltServer> Serve(Database& database) {
  return std::make_unique<LoopbackServer>(database);
}

}  // namespace dashi::slt
