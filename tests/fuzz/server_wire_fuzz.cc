// Bytes of a hostile client, in pieces, through the decoder, the protocol's states, and the answers
// of a session over an engine that takes any statement.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "server/client_session.h"
#include "server/copy_conversation.h"
#include "server/copy_inbox.h"
#include "server/extended_query.h"
#include "server/finished_result.h"
#include "server/protocol_machine.h"
#include "server/simple_query.h"

namespace {

using dashi::Column;
using dashi::PreparedQuery;
using dashi::ProtocolMachine;
using dashi::Result;
using dashi::Row;
using dashi::SqlType;
using dashi::StatementResult;
using dashi::Status;
using dashi::Value;
using dashi::ValueType;

using Outcome = Result<std::unique_ptr<StatementResult>>;

// What the text of a statement comes to: 'e' in it is an error, each 'r' a row, each '$' a
// parameter and each 'c' a column.
class Engine final : public dashi::StatementRunner {
 public:
  Outcome Run(std::string_view statement) override {
    const bool leaves = statement == "COMMIT" || statement == "ROLLBACK";
    if (failed_ && !leaves) {
      return Status::FailedPrecondition("failed").WithSqlState("25P02");
    }
    if (statement == "BEGIN" || leaves) {
      const char* tag = failed_ ? "ROLLBACK" : statement.data();
      in_transaction_ = !leaves;
      failed_ = false;
      return Outcome(std::make_unique<dashi::FinishedResult>(tag));
    }
    if (Count(statement, 'e') > 0) {
      failed_ = in_transaction_;
      return Status::InvalidArgument("e").WithPosition({.offset = statement.find('e')});
    }
    const Row row(Count(statement, 'c'), Value::Integer(1));
    std::vector<Row> rows;
    if (!row.empty()) {
      rows.assign(Count(statement, 'r'), row);
    }
    return Outcome(std::make_unique<dashi::FinishedResult>("SELECT " + std::to_string(rows.size()),
                                                           Columns(statement), std::move(rows)));
  }
  // COPY ...I reads its input to the end, COPY ...O writes.
  Outcome RunWithStreams(std::string_view statement, const dashi::CopyStreams& streams) override {
    const bool reads = statement.ends_with('I');
    if (!statement.starts_with("COPY") || (!reads && !statement.ends_with('O'))) {
      return Run(statement);
    }
    // With a 'b' it is one of rows.
    const bool binary = Count(statement, 'b') > 0;
    DASHI_RETURN_IF_ERROR(
        streams.begin({reads, binary ? "binary" : "tsv", Columns(statement), std::nullopt}));
    Row row;
    for (bool more = reads && binary; more;) {
      DASHI_ASSIGN_OR_RETURN(more, streams.read_row(&row));
      DASHI_CHECK(!more || row.size() == Count(statement, 'c'));
    }
    std::array<char, 7> bytes = {};
    for (bool more = reads && !binary; more;) {
      DASHI_ASSIGN_OR_RETURN(const std::size_t size, streams.read(bytes));
      DASHI_CHECK(size <= bytes.size());
      more = size > 0;
    }
    for (std::size_t i = reads ? 0 : Count(statement, 'c'); i > 0; --i) {
      DASHI_RETURN_IF_ERROR(binary ? streams.write_row(Row(Count(statement, 'c')))
                                   : streams.write("row\n"));
    }
    return Outcome(std::make_unique<dashi::FinishedResult>("COPY 1"));
  }
  Result<std::unique_ptr<PreparedQuery>> Prepare(std::string_view statement) override;
  void FailTransaction() override { failed_ = in_transaction_; }
  void Cancel() override {}
  void ForgetCancel() override {}
  void SetProgressCallback(dashi::ProgressCallback /*callback*/) override {}
  bool in_transaction() const override { return in_transaction_; }
  bool transaction_failed() const override { return failed_; }

  static std::size_t Count(std::string_view text, char wanted) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), wanted));
  }
  static std::vector<Column> Columns(std::string_view statement) {
    return std::vector<Column>(Count(statement, 'c'), {"c", ValueType::kNull});
  }

 private:
  bool in_transaction_ = false;
  bool failed_ = false;
};

class Prepared final : public PreparedQuery {
 public:
  Prepared(Engine& engine, std::string_view statement) : engine_(engine), statement_(statement) {}
  std::vector<SqlType> parameter_types() const override {
    return std::vector<SqlType>(Engine::Count(statement_, '$'), SqlType::kInteger);
  }
  std::vector<Column> columns() const override { return Engine::Columns(statement_); }
  Outcome Run(std::span<const Value> values) override {
    DASHI_CHECK(values.size() == Engine::Count(statement_, '$'));
    return engine_.Run(statement_);
  }

 private:
  Engine& engine_;
  const std::string statement_;
};

Result<std::unique_ptr<PreparedQuery>> Engine::Prepare(std::string_view statement) {
  return std::unique_ptr<PreparedQuery>(std::make_unique<Prepared>(*this, statement));
}

// Every message is whole.
class Sink final : public dashi::MessageSink {
 public:
  Status Send(std::string bytes) override {
    std::string_view rest = bytes;
    while (!rest.empty()) {
      DASHI_CHECK(rest.size() >= 5);
      std::size_t length = 0;
      for (int i = 1; i <= 4; ++i) {
        length = length * 256 + static_cast<unsigned char>(rest[i]);
      }
      DASHI_CHECK(length >= 4 && rest.size() > length);
      rest.remove_prefix(1 + length);
    }
    return Status();
  }
};

// The input of a COPY is what has come by then.
void FillInbox(ProtocolMachine& machine, dashi::CopyInbox& inbox) {
  using Action = ProtocolMachine::Step::Action;
  machine.BeginCopyIn();
  while (machine.state() == ProtocolMachine::State::kCopyIn) {
    ProtocolMachine::Step step = machine.Advance();
    if (!dashi::TakeCopyStep(step, inbox) && step.action != Action::kContinue) {
      inbox.Fail(dashi::Status::Aborted("the input has no end"));
      return;
    }
  }
}

// Does what the server does with a step.
void Act(ProtocolMachine& machine, dashi::ClientSession& session, ProtocolMachine::Step& step) {
  using Action = ProtocolMachine::Step::Action;
  dashi::CopyInbox inbox(
      std::size_t{1} << 30, std::chrono::seconds(1),
      {[&] { FillInbox(machine, inbox); }, [] {}, [&machine] { machine.EndCopyIn(); }});
  Sink sink;
  if (step.action == Action::kOpenSession) {
    static_cast<void>(SettingStatements(machine.parameters()));
    DASHI_CHECK(!machine.SessionOpened(/*process_id=*/1, /*secret=*/2).empty());
  } else if (step.action == Action::kRunQuery) {
    DASHI_CHECK(step.query.find('\0') == std::string::npos);
    const Result<dashi::SeriesEnd> end = dashi::SimpleQuery(session, sink, inbox).Run(step.query);
    DASHI_CHECK(end.ok());
    machine.AnswerDone(session.transaction_status(), *end);
  } else if (step.action == Action::kRunSeries) {
    const Result<dashi::SeriesEnd> end =
        dashi::ExtendedQuery(session, sink, inbox).Run(step.series);
    DASHI_CHECK(end.ok());
    DASHI_CHECK(*end != dashi::SeriesEnd::kSynced || !session.in_series());
    machine.AnswerDone(session.transaction_status(), *end);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::size_t piece = data[0] + std::size_t{1};
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  ProtocolMachine machine;
  dashi::ClientSession session(std::make_unique<Engine>(), {});
  while (!rest.empty()) {
    machine.Receive(rest.substr(0, piece));
    rest.remove_prefix(std::min(piece, rest.size()));
    for (bool more = true; more;) {
      ProtocolMachine::Step step = machine.Advance();
      using Action = ProtocolMachine::Step::Action;
      if (step.action == Action::kClose || step.action == Action::kCancelOther) {
        DASHI_CHECK(machine.num_pending_bytes() == 0);
        return 0;
      }
      more = step.action != Action::kWait;
      Act(machine, session, step);
    }
  }
  return 0;
}
