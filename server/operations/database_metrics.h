#pragma once

#include "dashi/session.h"
#include "dashi/status.h"
#include "server/operations/prometheus_text.h"

namespace dashi {

/// Appends what the database's own tables tell of memory, of the storage engine, of sessions but
/// those of the user dashi_probe, of what topk takes, of jobs and published releases, and what the
/// system tells of the process. What cannot be read is left out.
void AppendDatabaseMetrics(Session& session, PrometheusText* out);
void AppendProcessMetrics(PrometheusText* out);

}  // namespace dashi
