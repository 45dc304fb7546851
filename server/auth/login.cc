#include "server/auth/login.h"

#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "server/auth/sasl_messages.h"

namespace dashi {

Status WrongPassword(const std::string& user) {
  return Status::FailedPrecondition(
             fmt::format("password authentication failed for user \"{}\"", user))
      .WithSqlState("28P01");
}

Login::Login(std::string user, ScramSecrets secrets)
    : user_(std::move(user)), scram_(std::move(secrets)) {}

std::string Login::Begin() const {
  std::string bytes;
  AppendAuthenticationSasl(&bytes, scram_.mechanisms());
  return bytes;
}

Login::Step Login::Receive(std::string_view body) {
  Step step;
  if (finished_) {
    step.refusal = Status::InvalidArgument("the login is over").WithSqlState("08P01");
    return step;
  }
  step = started_ ? Finish(body) : Start(body);
  started_ = true;
  finished_ = step.next != Step::Next::kReceive;
  return step;
}

Login::Step Login::Start(std::string_view body) {
  Step step;
  const Result<SaslInitialResponse> initial = DecodeSaslInitialResponse(body);
  const Result<std::string> answer =
      initial.ok() ? scram_.Start(initial->mechanism, initial->response) : initial.status();
  if (!answer.ok()) {
    step.refusal = answer.status();
    return step;
  }
  step.next = Step::Next::kReceive;
  AppendAuthenticationSaslContinue(&step.reply, *answer);
  return step;
}

Login::Step Login::Finish(std::string_view body) {
  Step step;
  const Result<std::string> answer = scram_.Finish(body);
  if (!answer.ok()) {
    step.refusal = answer.status().sqlstate() == "28P01" ? WrongPassword(user_) : answer.status();
    return step;
  }
  step.next = Step::Next::kLetIn;
  AppendAuthenticationSaslFinal(&step.reply, *answer);
  return step;
}

}  // namespace dashi
