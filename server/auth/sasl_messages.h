#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "server/wire_decoder.h"

namespace dashi {

// The messages of a login, as wire_decoder.h and wire_encoder.h have the others.

/// The longest message of a client that is not let in.
inline constexpr std::size_t kLoginBytesMax = 8192;

struct LoginDecoding {
  DecodeOutcome outcome = DecodeOutcome::kNeedMore;
  std::size_t num_bytes = 0;  ///< of the message; kMessage
  std::string body;
  /// kMalformed with something to say before closing: another type of message, 08P01.
  Status status;
};

/// Decodes the frame of a message of type 'p', the only one that a client may send while it logs
/// in.
LoginDecoding DecodeLoginMessage(std::string_view bytes);

struct SaslInitialResponse {
  std::string mechanism;
  std::string response;
};
/// Errors: kInvalidArgument (08P01).
Result<SaslInitialResponse> DecodeSaslInitialResponse(std::string_view body);

void AppendAuthenticationSasl(std::string* out, const std::vector<std::string>& mechanisms);
void AppendAuthenticationSaslContinue(std::string* out, std::string_view data);
void AppendAuthenticationSaslFinal(std::string* out, std::string_view data);

}  // namespace dashi
