#pragma once

#include <memory>
#include <string>

#include <boost/asio/ssl/context.hpp>

#include "dashi/status.h"

namespace dashi {

/// A server's certificate and key, and how its connections are encrypted: TLS 1.2 or 1.3, without
/// compression, renegotiation or resumption.
///
/// Threads: used by many connections at once, and not changed.
class TlsContext {
 public:
  /// Reads the certificate, with those that vouch for it behind it, and its key, both PEM.
  ///
  /// Errors: kNotFound, kIoError; kInvalidArgument for a key that others than its owner may read, a
  ///         key with a passphrase, a key of another certificate.
  static Result<std::shared_ptr<TlsContext>> Load(const std::string& certificate_file,
                                                  const std::string& key_file);

  boost::asio::ssl::context& context() { return context_; }
  /// The hash of the certificate that binds a login to this server (RFC 5929,
  /// tls-server-end-point); empty when its signature names none.
  const std::string& end_point_hash() const { return end_point_hash_; }
  /// Whether the certificate's time is over: clients that verify it refuse it.
  bool expired() const { return expired_; }

 private:
  TlsContext() = default;
  Status ReadCertificate(const std::string& file);
  Status ReadKey(const std::string& file);
  Status Inspect();

  boost::asio::ssl::context context_{boost::asio::ssl::context::tls_server};
  std::string end_point_hash_;
  bool expired_ = false;
};

}  // namespace dashi
