#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dashi/status.h"

namespace dashi {

// What PostgreSQL clients send, decoded from bytes. Pure functions: no sockets, no state; whatever
// the bytes are, nothing is allocated before a length has been checked, and all that is returned is
// copied out of the input.

/// What the front of a connection's unread bytes is.
enum class DecodeOutcome {
  kNeedMore,  ///< a message has begun but is not whole
  kMessage,   ///< a whole message
  kMalformed  ///< nothing that can be answered: close
};

/// The first message of a connection, which has no type byte.
struct StartupMessage {
  enum class Kind { kStartup, kSslRequest, kGssEncRequest, kCancelRequest };

  Kind kind = Kind::kStartup;
  std::uint16_t minor_version = 0;                              ///< of protocol 3; kStartup
  std::vector<std::pair<std::string, std::string>> parameters;  ///< kStartup
  std::uint32_t process_id = 0;                                 ///< kCancelRequest
  std::uint32_t secret = 0;                                     ///< kCancelRequest
};

struct StartupDecoding {
  DecodeOutcome outcome = DecodeOutcome::kNeedMore;
  std::size_t num_bytes = 0;  ///< of the message; kMessage
  StartupMessage message;
  /// kMessage with a list of parameters that is not one: 08P01.
  Status status;
};

/// The longest first message: PostgreSQL's own limit. HTTP requests look longer than this.
inline constexpr std::size_t kStartupBytesMax = 10'000;

StartupDecoding DecodeStartup(std::string_view bytes);

/// The types of the messages that follow. Values are those of the protocol.
enum class FrontendType : char {
  kQuery = 'Q',
  kParse = 'P',
  kBind = 'B',
  kDescribe = 'D',
  kExecute = 'E',
  kClose = 'C',
  kFlush = 'H',
  kSync = 'S',
  kFunctionCall = 'F',
  kCopyData = 'd',
  kCopyDone = 'c',
  kCopyFail = 'f',
  kTerminate = 'X',
};

struct FrontendMessage {
  FrontendType type = FrontendType::kTerminate;
  std::string body;
};

struct MessageDecoding {
  DecodeOutcome outcome = DecodeOutcome::kNeedMore;
  std::size_t num_bytes = 0;  ///< of the message; kMessage
  FrontendMessage message;
  /// kMalformed with something to say before closing: an unknown type of message, 08P01.
  Status status;
};

/// The longest body by type: text and data up to this, everything else up to 10,000 bytes.
inline constexpr std::size_t kLongMessageBytesMax = std::size_t{64} << 20;
inline constexpr std::size_t kShortMessageBytesMax = 10'000;

MessageDecoding DecodeMessage(std::string_view bytes);

/// Returns the statement text of a Query message's body.
///
/// Errors: 08P01 when it is not one zero-terminated string, 22021 when it is not valid UTF-8.
Result<std::string> DecodeQuery(std::string_view body);

/// Returns ok when `text` is valid UTF-8 without a zero byte, else 22021.
Status CheckUtf8(std::string_view text);

/// Returns ok when the body of a Sync, Flush or Terminate message is empty, else 08P01.
Status CheckEmptyBody(std::string_view body);

}  // namespace dashi
