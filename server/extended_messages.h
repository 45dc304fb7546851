#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dashi/status.h"
#include "server/type_oid.h"
#include "server/wire_decoder.h"

namespace dashi {

// The messages of the extended query protocol, decoded from their bodies. Everything is copied out
// of the input; counts are checked against the bytes that are there before anything is allocated.

struct ParseMessage {
  std::string name;  ///< of the statement; "" is the unnamed one
  std::string query;
  std::vector<TypeOid> parameter_types;  ///< kUnspecified: the server's choice
};

struct BindMessage {
  std::string portal;
  std::string statement;
  std::vector<WireFormat> parameter_formats;           ///< none: text; one: for all
  std::vector<std::optional<std::string>> parameters;  ///< nullopt is NULL
  std::vector<WireFormat> result_formats;              ///< as parameter_formats
};

/// What Describe and Close speak of.
enum class NamedKind : char { kStatement = 'S', kPortal = 'P' };

struct DescribeMessage {
  NamedKind kind = NamedKind::kStatement;
  std::string name;
};

struct ExecuteMessage {
  std::string portal;
  std::uint32_t num_rows_max = 0;  ///< 0: all
};

struct CloseMessage {
  NamedKind kind = NamedKind::kStatement;
  std::string name;
};

struct FlushMessage {};
struct SyncMessage {};

/// A message that cannot be read, to be answered in its turn.
struct MalformedMessage {
  Status status;
  /// Whether ReadyForQuery follows the error at once, as for a Sync; else what follows is skipped.
  bool is_sync = false;
};

using ExtendedMessage = std::variant<ParseMessage, BindMessage, DescribeMessage, ExecuteMessage,
                                     CloseMessage, FlushMessage, SyncMessage, MalformedMessage>;

/// Where the answers to a run of extended messages end.
enum class SeriesEnd : std::uint8_t {
  kSynced,  ///< with ReadyForQuery
  kOpen,    ///< the series goes on
  kFailed,  ///< with an error: what comes up to the next Sync is passed over
  kLost     ///< with a fatal error: the connection ends
};

/// Whether messages of this type belong to the extended query protocol.
bool IsExtended(FrontendType type);

/// Decodes a message of which IsExtended. What cannot be read becomes a MalformedMessage: 08P01 for
/// a wrong form, 22021 for a name or statement that is not valid UTF-8.
ExtendedMessage DecodeExtended(const FrontendMessage& message);

/// The error of a client that sends a message of another type in the place of a COPY's input.
Status UnexpectedInCopy(char type);

/// Returns the reason in the body of a CopyFail message.
///
/// Errors: as DecodeQuery.
Result<std::string> DecodeCopyFail(std::string_view body);

}  // namespace dashi
