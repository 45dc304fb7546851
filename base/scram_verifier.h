#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dashi {

/// What is kept of a password: enough to tell who knows it (RFC 5802 and 7677, SCRAM-SHA-256), too
/// little to log in with or to compute it from but by guessing.
struct ScramVerifier {
  int num_iterations = 0;
  std::string salt;
  std::string stored_key;  ///< 32 bytes
  std::string server_key;  ///< 32 bytes

  /// `SCRAM-SHA-256$4096:<salt>$<stored key>:<server key>`, as PostgreSQL writes it.
  std::string ToString() const;
};

inline constexpr int kScramIterations = 4096;
inline constexpr int kScramIterationsMax = 1'000'000;
inline constexpr std::size_t kScramSaltBytes = 16;

/// Makes the verifier of a password in UTF-8.
///
/// Passwords of ASCII are taken as they are. Others are prepared as PostgreSQL does (SASLprep, RFC
/// 4013): blanks of other scripts become spaces, what is not seen goes, and NFKC joins what looks
/// the same; a password that may not be prepared is taken as it is. The one difference: the rules
/// of RFC 3454 on directions of writing are not checked.
ScramVerifier MakeScramVerifier(std::string_view password, std::string_view salt,
                                int num_iterations = kScramIterations);

/// Reads what ToString writes. nullopt for anything else, and for fewer than 4,096 iterations or
/// more than kScramIterationsMax.
std::optional<ScramVerifier> ParseScramVerifier(std::string_view text);

/// Returns a password as it is hashed: see MakeScramVerifier.
std::string PreparedPassword(std::string_view password);

}  // namespace dashi
