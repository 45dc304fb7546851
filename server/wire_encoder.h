#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/result_set.h"
#include "dashi/status.h"
#include "dashi/value.h"
#include "server/type_oid.h"

namespace dashi {

// What the server sends, appended to a buffer as whole messages. Each length is written after the
// body it counts.

enum class TransactionStatus : char { kIdle = 'I', kInTransaction = 'T', kFailed = 'E' };

/// kError leaves the connection open, kFatal announces its end.
enum class Severity { kError, kFatal };

struct WireColumn {
  std::string name;
  TypeOid type = TypeOid::kText;
  WireFormat format = WireFormat::kText;
};

void AppendAuthenticationOk(std::string* out);
void AppendParameterStatus(std::string* out, std::string_view name, std::string_view value);
void AppendBackendKeyData(std::string* out, std::uint32_t process_id, std::uint32_t secret);
void AppendNegotiateProtocolVersion(std::string* out, std::uint32_t newest_minor,
                                    const std::vector<std::string>& unknown_options);
void AppendReadyForQuery(std::string* out, TransactionStatus status);
void AppendRowDescription(std::string* out, std::span<const WireColumn> columns);
/// Appends a row of as many values as there are columns, each in its column's format.
///
/// Errors: kResourceExhausted (54000) for a value of 1 GiB or more; those of AppendText and
/// AppendBinary. Nothing
///         is appended then.
Status AppendDataRow(std::string* out, const Row& row, std::span<const WireColumn> columns);
/// Appends the values of a row, each behind its length, in the format of its column.
///
/// Errors: as AppendDataRow, but something may have been appended.
Status AppendValues(std::string* out, const Row& row, std::span<const WireColumn> columns);
void AppendParseComplete(std::string* out);
void AppendBindComplete(std::string* out);
void AppendCloseComplete(std::string* out);
void AppendNoData(std::string* out);
void AppendPortalSuspended(std::string* out);
void AppendParameterDescription(std::string* out, std::span<const TypeOid> types);
void AppendCommandComplete(std::string* out, std::string_view tag);
void AppendEmptyQueryResponse(std::string* out);
/// A COPY begins, of rows of `num_columns` that are all in one format.
void AppendCopyInResponse(std::string* out, WireFormat format, std::size_t num_columns);
void AppendCopyOutResponse(std::string* out, WireFormat format, std::size_t num_columns);
void AppendCopyData(std::string* out, std::string_view bytes);
void AppendCopyDone(std::string* out);
void AppendNotice(std::string* out, std::string_view message);
/// The message of the error that a prepared statement's columns have changed. Drivers that see its
/// `R` field prepare the statement again.
inline constexpr std::string_view kChangedColumns = "cached plan must not change result type";
/// Appends an error. `position` counts characters of the query text from 1; 0 leaves it out.
void AppendError(std::string* out, Severity severity, const Status& status, std::size_t position);

}  // namespace dashi
