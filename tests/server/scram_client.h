#pragma once

#include <optional>
#include <string>
#include <utility>

namespace dashi {

/// The client's side of SCRAM-SHA-256, written with OpenSSL and apart from the server's, for tests.
class ScramClient {
 public:
  struct Options {
    std::string password;
    std::string user = {};  ///< PostgreSQL's clients leave it empty
    std::string nonce = "fyko+d2lbbFgONRv9qkxdawL";
    std::string header = "n,,";
    std::string channel = {};  ///< the hash of the certificate, for the header p=...
  };
  explicit ScramClient(Options options) : options_(std::move(options)) {}

  std::string First() const;
  /// Returns the last message, or nullopt where the server's is none.
  std::optional<std::string> Last(const std::string& server_first);
  /// What the server has to answer.
  const std::string& expected_answer() const { return expected_answer_; }

 private:
  const Options options_;
  std::string expected_answer_;
};

}  // namespace dashi
