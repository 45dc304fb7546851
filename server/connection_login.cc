// How a connection lets its client in.

#include <utility>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "base/base64.h"
#include "base/log_line.h"
#include "base/logging.h"
#include "base/secret_bytes.h"
#include "base/status.h"
#include "server/connection.h"

namespace dashi {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kNonceBytes = 18;  // 24 letters
constexpr std::size_t kSecretBytes = 32;

Status NotAllowed(std::string message) {
  return Status::FailedPrecondition(std::move(message)).WithSqlState("28000");
}

// Of a database without roles, which has no secret of its own.
const std::string& SecretOfProcess() {
  static const std::string secret = SecretBytes(kSecretBytes);
  return secret;
}

}  // namespace

void Connection::CheckAccess() {
  const StartupParameters& parameters = machine_.parameters();
  identity_.user = parameters.user;
  identity_.database = parameters.database;
  identity_.address = peer_.ToString();
  identity_.file_directories = setup_->file_directories;
  access_ =
      setup_->access.Decide({parameters.database, parameters.user, peer_, stream_.encrypted()});
  if (access_.method == AccessMethod::kReject) {
    Refuse(NotAllowed(
        fmt::format("no access rule lets in host \"{}\", user \"{}\", database \"{}\", {}",
                    identity_.address, parameters.user, parameters.database,
                    stream_.encrypted() ? "SSL encryption" : "no encryption")));
    return;
  }
  if (!context_.hooks.find_role) {
    HandleRole(internal::RoleLogin());
    return;
  }
  busy_ = context_.workers.Submit([self = shared_from_this()] {
    const LogScope scope(self->SubjectOfLog());
    auto role = CatchAsStatus("look-up of a role", [&self] {
      return self->context_.hooks.find_role(self->identity_.database, self->identity_.user);
    });
    asio::post(self->strand_, [self, role = std::move(role)] {
      self->busy_ = false;
      if (!self->closed_) {
        self->HandleRole(role);
        self->Advance();
        self->Read();
      }
    });
  });
  if (!busy_) {
    Refuse(Status::ResourceExhausted("sorry, too many clients already").WithSqlState("53300"));
  }
}

void Connection::HandleRole(const Result<internal::RoleLogin>& role) {
  if (stopping_) {
    SayGoodbye();
    return;
  }
  if (!role.ok()) {
    Refuse(role.status());
    return;
  }
  num_of_user_max_ = role->num_connections_max;
  identity_.unrestricted = !role->any_roles;
  identity_.is_admin = role->is_admin || !role->any_roles;
  const bool trusts = access_.method == AccessMethod::kTrust ||
                      (access_.method == AccessMethod::kTrustBeforeRoles && !role->any_roles);
  if (!trusts) {
    BeginLogin(*role);
  } else if (role->any_roles && !role->exists) {
    Refuse(NotAllowed(fmt::format("role \"{}\" does not exist", identity_.user)));
  } else if (role->any_roles && !role->may_log_in) {
    Refuse(NotAllowed(fmt::format("role \"{}\" is not permitted to log in", identity_.user)));
  } else {
    OpenSession();
  }
}

void Connection::BeginLogin(const internal::RoleLogin& role) {
  ScramSecrets secrets;
  // A role that may not log in, or is not there, is asked for a password like any other.
  const std::string& mock_secret = role.mock_secret.empty() ? SecretOfProcess() : role.mock_secret;
  secrets.verifier = role.verifier.value_or(MockScramVerifier(identity_.user, mock_secret));
  secrets.may_log_in = role.exists && role.may_log_in && role.verifier.has_value();
  secrets.end_point_hash = stream_.encrypted() ? setup_->tls->end_point_hash() : std::string();
  secrets.nonce = Base64Of(SecretBytes(kNonceBytes));
  login_.emplace(identity_.user, std::move(secrets));
  send_queue_.Push(machine_.BeginLogin(login_->Begin()));
}

void Connection::HandleLoginMessage(std::string_view body) {
  Login::Step step = login_->Receive(body);
  switch (step.next) {
    case Login::Step::Next::kReceive:
      send_queue_.Push(std::move(step.reply));
      break;
    case Login::Step::Next::kLetIn:
      send_queue_.Push(std::move(step.reply));
      login_.reset();
      machine_.EndLogin();
      OpenSession();
      break;
    case Login::Step::Next::kRefuse:
      Refuse(step.refusal);
      break;
  }
}

void Connection::Refuse(const Status& status) {
  NoteLogin(status);
  send_queue_.Push(machine_.SessionRefused(status));
  CloseAfterWrites();
}

void Connection::NoteLogin(const Status& outcome) const {
  if (context_.hooks.on_login) {
    const LogScope scope(SubjectOfLog());
    context_.hooks.on_login({identity_.user, identity_.database, identity_.address,
                             stream_.encrypted(), access_.rule, outcome});
  }
}

}  // namespace dashi
