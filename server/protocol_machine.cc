#include "server/protocol_machine.h"

#include <utility>

#include "base/status.h"

namespace dashi {

namespace {

constexpr std::uint16_t kNewestMinorVersion = 0;
constexpr std::size_t kKeptBytesMax = std::size_t{64} << 10;  // of buffer, once it is empty

using Action = ProtocolMachine::Step::Action;

ProtocolMachine::Step StepOf(Action action) {
  ProtocolMachine::Step step;
  step.action = action;
  return step;
}

}  // namespace

void ProtocolMachine::Receive(std::string_view bytes) {
  if (state_ == State::kClosed) {
    return;
  }
  inbound_.erase(0, begin_);
  begin_ = 0;
  inbound_ += bytes;
}

ProtocolMachine::Step ProtocolMachine::Advance() {
  switch (state_) {
    case State::kStartup:
      return AdvanceStartup();
    case State::kReady:
    case State::kSkipToSync:
      return AdvanceMessage();
    case State::kOpening:
    case State::kRunning:
      return StepOf(Action::kWait);
    case State::kClosed:
      break;
  }
  return StepOf(Action::kClose);
}

ProtocolMachine::Step ProtocolMachine::AdvanceStartup() {
  StartupDecoding decoding = DecodeStartup(Pending());
  if (decoding.outcome == DecodeOutcome::kNeedMore) {
    return StepOf(Action::kWait);
  }
  if (decoding.outcome == DecodeOutcome::kMalformed) {
    return Close();
  }
  Consume(decoding.num_bytes);
  if (!decoding.status.ok()) {
    return Fatal(decoding.status);
  }
  return Start(decoding.message);
}

ProtocolMachine::Step ProtocolMachine::Start(const StartupMessage& message) {
  if (message.kind == StartupMessage::Kind::kCancelRequest) {
    Step step = Close();
    step.action = Action::kCancelOther;
    step.process_id = message.process_id;
    step.secret = message.secret;
    return step;
  }
  if (message.kind != StartupMessage::Kind::kStartup) {
    bool& asked =
        message.kind == StartupMessage::Kind::kSslRequest ? asked_for_ssl_ : asked_for_gss_;
    if (std::exchange(asked, true)) {
      return Close();
    }
    Step step = StepOf(Action::kContinue);
    step.reply = "N";
    return step;
  }
  Result<StartupParameters> parameters = ReadStartupParameters(message);
  if (!parameters.ok()) {
    return Fatal(parameters.status());
  }
  parameters_ = std::move(parameters).value();
  if (message.minor_version > kNewestMinorVersion ||
      !parameters_.unknown_protocol_options.empty()) {
    AppendNegotiateProtocolVersion(&negotiation_, kNewestMinorVersion,
                                   parameters_.unknown_protocol_options);
  }
  state_ = State::kOpening;
  return StepOf(Action::kOpenSession);
}

std::string ProtocolMachine::SessionOpened(std::uint32_t process_id, std::uint32_t secret) {
  std::string reply = std::exchange(negotiation_, std::string());
  AppendAuthenticationOk(&reply);
  for (const auto& [name, value] : ReportedParameters(parameters_)) {
    AppendParameterStatus(&reply, name, value);
  }
  AppendBackendKeyData(&reply, process_id, secret);
  AppendReadyForQuery(&reply, transaction_status_);
  state_ = State::kReady;
  return reply;
}

std::string ProtocolMachine::SessionRefused(const Status& status) { return Fatal(status).reply; }

void ProtocolMachine::QueryDone(TransactionStatus status) {
  if (state_ == State::kRunning) {
    state_ = State::kReady;
  }
  transaction_status_ = status;
}

std::string ProtocolMachine::Shutdown() {
  const bool knows_us = state_ == State::kReady || state_ == State::kSkipToSync;
  std::string reply = Fatal(Status::Unavailable("terminating connection because the server stops")
                                .WithSqlState("57P01"))
                          .reply;
  return knows_us ? reply : std::string();
}

ProtocolMachine::Step ProtocolMachine::AdvanceMessage() {
  MessageDecoding decoding = DecodeMessage(Pending());
  if (decoding.outcome == DecodeOutcome::kNeedMore) {
    return StepOf(Action::kWait);
  }
  if (decoding.outcome == DecodeOutcome::kMalformed) {
    return decoding.status.ok() ? Close() : Fatal(decoding.status);
  }
  Consume(decoding.num_bytes);
  const FrontendType type = decoding.message.type;
  const bool ends_skipping = type == FrontendType::kSync || type == FrontendType::kTerminate;
  if (state_ == State::kSkipToSync && !ends_skipping) {
    return StepOf(Action::kContinue);
  }
  return Handle(decoding.message);
}

ProtocolMachine::Step ProtocolMachine::Handle(const FrontendMessage& message) {
  switch (message.type) {
    case FrontendType::kQuery:
      return RunQuery(message);
    case FrontendType::kTerminate:
      return Close();
    case FrontendType::kSync: {
      state_ = State::kReady;
      const Status status = CheckEmptyBody(message.body);
      if (!status.ok()) {
        return Answer(status);
      }
      Step step = StepOf(Action::kContinue);
      AppendReadyForQuery(&step.reply, transaction_status_);
      return step;
    }
    case FrontendType::kFlush:     // Nothing is ever held back.
    case FrontendType::kCopyData:  // What is left of a COPY that failed is passed over.
    case FrontendType::kCopyDone:
    case FrontendType::kCopyFail:
      return StepOf(Action::kContinue);
    case FrontendType::kFunctionCall:
      return Answer(Status::Unimplemented("function calls are not supported"));
    case FrontendType::kParse:
    case FrontendType::kBind:
    case FrontendType::kDescribe:
    case FrontendType::kExecute:
    case FrontendType::kClose:
      break;
  }
  Step step = StepOf(Action::kContinue);
  AppendError(&step.reply, Severity::kError,
              Status::Unimplemented("the extended query protocol is not supported")
                  .WithHint("Send simple queries, without parameters."),
              /*position=*/0);
  state_ = State::kSkipToSync;
  return step;
}

ProtocolMachine::Step ProtocolMachine::RunQuery(const FrontendMessage& message) {
  Result<std::string> query = DecodeQuery(message.body);
  if (!query.ok()) {
    return Answer(query.status());
  }
  state_ = State::kRunning;
  Step step = StepOf(Action::kRunQuery);
  step.query = std::move(query).value();
  return step;
}

ProtocolMachine::Step ProtocolMachine::Close() {
  state_ = State::kClosed;
  inbound_ = std::string();
  begin_ = 0;
  return StepOf(Action::kClose);
}

ProtocolMachine::Step ProtocolMachine::Fatal(const Status& status) {
  Step step = Close();
  AppendError(&step.reply, Severity::kFatal, status, /*position=*/0);
  return step;
}

// An error after which the conversation goes on.
ProtocolMachine::Step ProtocolMachine::Answer(const Status& status) {
  Step step = StepOf(Action::kContinue);
  AppendError(&step.reply, Severity::kError, status, /*position=*/0);
  AppendReadyForQuery(&step.reply, transaction_status_);
  return step;
}

void ProtocolMachine::Consume(std::size_t num_bytes) {
  begin_ += num_bytes;
  if (begin_ == inbound_.size()) {
    begin_ = 0;
    inbound_.clear();
    if (inbound_.capacity() > kKeptBytesMax) {
      inbound_.shrink_to_fit();
    }
  }
}

}  // namespace dashi
